//! What Meta last said of each neutral template. One that can no longer be sent
//! is a task for staff: replies whose 24 hours are over would otherwise wait in
//! vain.

use crate::core::inbound::TemplateNews;
use crate::core::lang::Lang;
use crate::core::outgoing::{language_of_code, template_code, template_preference};
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use crate::store::Result;
use crate::store::meta;
use crate::store::tasks::{self, NewTask};
use rusqlite::{Connection, OptionalExtension, params};

/// The task that a template which cannot be sent becomes.
pub const TASK: Kind = Kind::TemplateRefused;

/// How our own templates' names begin.
const OURS: &str = "reply_waiting";

/// How the key begins under which it stands when Meta said the latest of one.
const SAID: &str = "template.said.";

/// A template and what was last heard of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// What Meta said.
    pub news: TemplateNews,
    /// When we heard it.
    pub heard_at: UnixMs,
}

/// Whether a template of this status can be sent.
pub fn is_usable(status: &str) -> bool {
    matches!(status, "APPROVED" | "REINSTATED" | "FLAGGED")
}

/// Whether a status is one that somebody has to see to.
fn is_trouble(status: &str) -> bool {
    matches!(
        status,
        "REJECTED" | "PAUSED" | "DISABLED" | "LIMIT_EXCEEDED" | "LOCKED" | "DELETED" | "ARCHIVED"
    )
}

/// What the task about a template says it is about.
pub fn detail(name: &str, language: &str) -> String {
    format!("{name} {language}")
}

/// Notes a decision that came by webhook. Templates of other uses, which were
/// never looked up, are left alone, and so is what Meta said before the latest that
/// was heard: nothing says that news come in order. True if staff have to see to it.
///
/// # Errors
/// Whatever the database reports.
pub fn hear(conn: &Connection, news: &TemplateNews, now: UnixMs) -> Result<bool> {
    let known = find(conn, &news.name, &news.language)?.is_some();
    if !known && !news.name.starts_with(OURS) {
        return Ok(false);
    }
    if let Some(at) = news.said_at {
        let key = format!("{SAID}{} {}", news.name, news.language);
        if meta::find_number(conn, &key)?.is_some_and(|latest| at.0 < latest) {
            return Ok(false);
        }
        meta::set(conn, &key, at.0.to_string().as_bytes())?;
    }
    note(conn, news, now)
}

/// Notes what Meta says of a template; true if staff have to see to it.
///
/// # Errors
/// Whatever the database reports.
pub fn note(conn: &Connection, news: &TemplateNews, now: UnixMs) -> Result<bool> {
    conn.prepare_cached(
        "INSERT INTO template (name, language, status, reason, heard_at)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (name, language) DO UPDATE SET
             status = excluded.status, reason = excluded.reason, heard_at = excluded.heard_at",
    )?
    .execute(params![
        news.name,
        news.language,
        news.status,
        news.reason,
        now.0
    ])?;
    let detail = detail(&news.name, &news.language);
    if is_usable(&news.status) {
        tasks::close_about(conn, TASK, &detail, now)?;
        forgive(conn, news, now)?;
    }
    let trouble = is_trouble(&news.status);
    if trouble {
        let task = NewTask::of(TASK).about(&detail);
        tasks::open(conn, &task, now)?;
    }
    Ok(trouble)
}

/// A template that can be sent takes the place of one that was refused because
/// it stands under another code of the same language.
fn forgive(conn: &Connection, news: &TemplateNews, now: UnixMs) -> Result<()> {
    let Some(language) = language_of_code(&news.language) else {
        return Ok(());
    };
    let ours = template_code(language);
    let known = find(conn, &news.name, ours)?;
    if known.is_none_or(|known| is_usable(&known.news.status)) {
        tasks::close_about(conn, TASK, &detail(&news.name, ours), now)?;
    }
    conn.prepare_cached("DELETE FROM template_fault WHERE name = ?1 AND language = ?2")?
        .execute([news.name.as_str(), language.code()])?;
    Ok(())
}

/// What was last heard of a template.
///
/// # Errors
/// Whatever the database reports.
pub fn find(conn: &Connection, name: &str, language: &str) -> Result<Option<Template>> {
    let found = conn
        .prepare_cached(
            "SELECT name, language, status, reason, heard_at FROM template
             WHERE name = ?1 AND language = ?2",
        )?
        .query_row([name, language], read)
        .optional()?;
    Ok(found)
}

/// The one of this name that is sent for a language, of all that were heard of.
///
/// # Errors
/// Whatever the database reports.
pub fn best(conn: &Connection, name: &str, language: Lang) -> Result<Option<Template>> {
    let known = of_name(conn, name)?;
    let ranked = known.into_iter().filter_map(|template| {
        let news = &template.news;
        let usable = is_usable(&news.status);
        Some((
            template_preference(&news.language, usable, language)?,
            template,
        ))
    });
    let best = ranked.min_by_key(|(preference, _)| *preference);
    Ok(best.map(|(_, template)| template))
}

/// Forgets the templates of this name in languages that a whole list of Meta's
/// does not hold any more.
///
/// # Errors
/// Whatever the database reports.
pub fn keep_only(conn: &Connection, name: &str, languages: &[&str]) -> Result<()> {
    for known in of_name(conn, name)? {
        if !languages.contains(&known.news.language.as_str()) {
            conn.prepare_cached("DELETE FROM template WHERE name = ?1 AND language = ?2")?
                .execute([name, known.news.language.as_str()])?;
        }
    }
    Ok(())
}

fn of_name(conn: &Connection, name: &str) -> Result<Vec<Template>> {
    let mut query = conn.prepare_cached(
        "SELECT name, language, status, reason, heard_at FROM template
         WHERE name = ?1 ORDER BY language",
    )?;
    let rows = query.query_map([name], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Everything that was heard, by name and language.
///
/// # Errors
/// Whatever the database reports.
pub fn list(conn: &Connection) -> Result<Vec<Template>> {
    let mut query = conn.prepare_cached(
        "SELECT name, language, status, reason, heard_at FROM template ORDER BY name, language",
    )?;
    let rows = query.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Template> {
    Ok(Template {
        news: TemplateNews {
            name: row.get(0)?,
            language: row.get(1)?,
            status: row.get(2)?,
            reason: row.get(3)?,
            said_at: None,
        },
        heard_at: UnixMs(row.get(4)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{count, db};

    fn news(name: &str, status: &str) -> TemplateNews {
        TemplateNews {
            name: name.into(),
            language: "fr".into(),
            status: status.into(),
            reason: String::new(),
            said_at: None,
        }
    }

    #[test]
    fn a_paused_template_is_one_task_until_it_is_approved_again() {
        let conn = db();
        let open = || count(&conn, "SELECT count(*) FROM task WHERE state = 'open'");
        for status in ["PENDING", "APPROVED"] {
            assert!(!hear(&conn, &news("reply_waiting_fr", status), UnixMs(1)).unwrap());
        }
        assert_eq!(open(), 0);
        for at in [2, 3] {
            assert!(hear(&conn, &news("reply_waiting_fr", "PAUSED"), UnixMs(at)).unwrap());
        }
        assert_eq!(open(), 1);
        assert!(!hear(&conn, &news("reply_waiting_fr", "APPROVED"), UnixMs(4)).unwrap());
        assert_eq!(open(), 0);
        let last = find(&conn, "reply_waiting_fr", "fr").unwrap().unwrap();
        assert_eq!(
            (last.news.status.as_str(), last.heard_at),
            ("APPROVED", UnixMs(4))
        );
    }

    #[test]
    fn late_news_do_not_undo_newer_ones() {
        let conn = db();
        let said = |status: &str, at: Option<i64>| TemplateNews {
            said_at: at.map(UnixMs),
            ..news("reply_waiting_fr", status)
        };
        let status = || {
            let known = find(&conn, "reply_waiting_fr", "fr").unwrap();
            known.unwrap().news.status
        };
        hear(&conn, &said("APPROVED", Some(8)), UnixMs(100)).unwrap();
        assert!(!hear(&conn, &said("PAUSED", Some(7)), UnixMs(101)).unwrap());
        assert_eq!(status(), "APPROVED");
        assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
        assert!(hear(&conn, &said("PAUSED", Some(9)), UnixMs(102)).unwrap());
        hear(&conn, &said("APPROVED", None), UnixMs(103)).unwrap();
        assert_eq!(status(), "APPROVED", "what tells no time is the newest");
    }

    #[test]
    fn templates_of_other_uses_are_left_alone_until_somebody_looks_them_up() {
        let conn = db();
        assert!(!hear(&conn, &news("spring_sale", "REJECTED"), UnixMs(1)).unwrap());
        assert!(list(&conn).unwrap().is_empty());
        note(&conn, &news("our_own_name", "APPROVED"), UnixMs(1)).unwrap();
        assert!(hear(&conn, &news("our_own_name", "REJECTED"), UnixMs(2)).unwrap());
        assert_eq!(list(&conn).unwrap().len(), 1);
    }

    #[test]
    fn what_meta_has_under_another_code_of_the_language_is_what_is_sent() {
        let conn = db();
        let english = |language: &str, status: &str| TemplateNews {
            language: language.into(),
            ..news("reply_waiting_en", status)
        };
        let best = || {
            let best = best(&conn, "reply_waiting_en", Lang::En).unwrap();
            best.map(|best| best.news.language)
        };
        assert_eq!(best(), None);
        note(&conn, &english("fr", "APPROVED"), UnixMs(1)).unwrap();
        assert_eq!(best(), None);
        note(&conn, &english("en_US", "APPROVED"), UnixMs(1)).unwrap();
        note(&conn, &english("en", "REJECTED"), UnixMs(1)).unwrap();
        assert_eq!(best().as_deref(), Some("en_US"));
        note(&conn, &english("en", "APPROVED"), UnixMs(2)).unwrap();
        assert_eq!(best().as_deref(), Some("en"));
        keep_only(&conn, "reply_waiting_en", &["en_US"]).unwrap();
        assert_eq!(best().as_deref(), Some("en_US"), "the other is gone");
    }
}
