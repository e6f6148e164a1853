//! The neutral template that asks somebody to write again: which one, whether
//! the provider takes it, and what follows if it did not go.

use super::{Rules, first_contacts, lane, purpose_word};
use crate::core::delivery::{TEMPLATE_REST_MS, Templated, Why};
use crate::core::id::{ContactId, OutboxId};
use crate::core::lang::Lang;
use crate::core::outgoing::{Body, Purpose, template_code, wording};
use crate::core::time::{Now, UnixMs};
use crate::store::tasks::{self, NewTask};
use crate::store::{Result, sessions, templates};
use rusqlite::{Connection, OptionalExtension, params};

/// The template that goes.
pub(super) struct Chosen {
    name: String,
    pub(super) language: Lang,
    /// The provider's code of its language, where that was heard.
    pub(super) code: Option<String>,
}

/// Whether a template could be queued for a contact, and which.
pub(super) fn available(
    conn: &Connection,
    rules: &Rules,
    contact: ContactId,
    now: Now,
) -> Result<(Templated, Option<Chosen>)> {
    let wanted = language_of(conn, contact)?;
    let choice = rules.templates.for_somebody(wanted);
    if choice.is_empty() {
        return Ok((Templated::Absent, None));
    }
    for (lang, name) in choice {
        let heard = templates::best(conn, name, lang)?;
        // Of one that nothing was heard of, a try will tell.
        let may_go = heard
            .as_ref()
            .is_none_or(|heard| templates::is_usable(&heard.news.status));
        if !is_resting(conn, name, lang, now)? && may_go {
            let chosen = Chosen {
                name: name.to_owned(),
                language: lang,
                code: heard.map(|heard| heard.news.language),
            };
            return Ok((Templated::Ready, Some(chosen)));
        }
    }
    Ok((Templated::Refused, None))
}

/// The language a contact's conversation is held in.
pub(super) fn language_of(conn: &Connection, contact: ContactId) -> Result<Option<Lang>> {
    match sessions::load(conn, contact) {
        Ok(session) => Ok(session.language),
        Err(error) if error.is_transient() => Err(error),
        // One that does not read back is begun anew when they write.
        Err(_) => Ok(None),
    }
}

fn is_resting(conn: &Connection, name: &str, lang: Lang, now: Now) -> Result<bool> {
    let since: Option<i64> = conn
        .prepare_cached("SELECT since FROM template_fault WHERE name = ?1 AND language = ?2")?
        .query_row(params![name, lang.code()], |row| row.get(0))
        .optional()?;
    Ok(since.is_some_and(|since| {
        let rested = now.at.ms_since(UnixMs(since));
        (0..TEMPLATE_REST_MS).contains(&rested)
    }))
}

/// Queues the template for a contact. Its name at the provider is made of that
/// of the message it goes ahead of: it needs no chance.
pub(super) fn queue(conn: &Connection, rules: &Rules, contact: ContactId, now: Now) -> Result<()> {
    let (_, Some(chosen)) = available(conn, rules, contact, now)? else {
        return Ok(());
    };
    let body = Body::Template {
        name: chosen.name,
        language: chosen.language,
        code: chosen.code,
        text: wording(chosen.language).to_owned(),
    };
    conn.prepare_cached(concat!(
        "INSERT INTO outbox (key, contact_id, purpose, body, rank, state, created_at, updated_at,
                             about_stamp, aged_from, not_before, why)
         SELECT o.key || '.t' || (SELECT max(id) FROM outbox),
                o.contact_id, ?2, ?3, 0, 'queued', ?4, ?4, c.last_stamp, NULL,
                coalesce(?5, 0), CASE WHEN ?5 IS NOT NULL THEN ?6 END
         FROM outbox o INDEXED BY outbox_waiting JOIN contact c ON c.id = o.contact_id
         WHERE o.contact_id = ?1 AND o.state = 'held'
           AND ",
        waits!("o."),
        "
         ORDER BY o.rank, o.id LIMIT 1"
    ))?
    .execute(params![
        contact.0,
        purpose_word(Purpose::Template),
        serde_json::to_string(&body)?,
        now.at.0,
        first_contacts::not_before(conn, now.at)?.map(|at| at.0),
        Why::FirstContactsLimited.word(),
    ])?;
    Ok(())
}

/// Notes that the provider refuses a template as such: it rests, and the
/// technician hears of it once, under the code it was sent with.
///
/// # Errors
/// Whatever the database reports.
pub fn note_fault(
    conn: &Connection,
    (name, language, told): (&str, Lang, Option<&str>),
    code: i64,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO template_fault (name, language, code, since) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name, language) DO UPDATE SET code = ?3, since = ?4",
    )?
    .execute(params![name, language.code(), code, now.0])?;
    let sent_as = told.unwrap_or_else(|| template_code(language));
    let detail = templates::detail(name, sent_as);
    let task = NewTask::of(templates::TASK).about(&detail);
    tasks::open(conn, &task, now)
}

/// A template will not reach its contact: what waits behind it gets its tasks.
/// `code` is the provider's, where it refused.
pub(super) fn failed(
    conn: &Connection,
    id: OutboxId,
    code: Option<i64>,
    now: UnixMs,
) -> Result<()> {
    if let Some(code) = code.filter(|code| crate::core::delivery::blames_template(*code)) {
        let body: Option<String> = conn
            .prepare_cached("SELECT body FROM outbox WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))?;
        let body = body.and_then(|body| serde_json::from_str(&body).ok());
        if let Some(Body::Template {
            name,
            language,
            code: told,
            ..
        }) = body
        {
            note_fault(conn, (&name, language, told.as_deref()), code, now)?;
        }
    }
    lane::call_for_held(conn, lane::contact_of(conn, id)?, now)
}
