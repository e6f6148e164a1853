//! The outbound queue: written with the change that causes a message, sent in
//! order, one in flight for each contact, settled by results and statuses.

mod ceiling;
mod claim;
mod copy;
#[cfg(test)]
mod fate_tests;
mod first_contacts;
mod lane;
mod look;
mod prompt;
mod settle;
mod status;
mod steps;
mod template;
#[cfg(test)]
mod tests;
mod unheard;

pub use claim::{Claim, Turn, turn};
pub use copy::send_again;
pub use first_contacts::end_rest;
pub use prompt::{LastPrompt, last_prompt, prompts_since, quotes};
pub use settle::{line_up, not_doubled, recover, repeats, settle, untold};
pub use status::{
    OfAccount, account_fault, account_refused, account_serves, addressee, apply_status,
};
pub use steps::{clock_ahead, clock_back};
pub use template::note_fault;
pub use unheard::{any_untold, end_unheard};

use crate::core::delivery::{DeliveryState, Limits, Why};
use crate::core::id::{ContactId, OutboxId, OutboxKey};
use crate::core::lang::Lang;
use crate::core::outgoing::{Outgoing, Purpose, Templates};
use crate::core::tasks::Kind;
use crate::core::time::{Now, UnixMs};
use crate::store::tasks::{self, NewTask};
use crate::store::{Error, Result, usage};
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// What stands in an open attempt whose message is late and had no room to say
/// so: the next reply says it.
const UNSAID: &str = "unsaid";

/// What the queue is planned by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The provider's limits and ours.
    pub limits: Limits,
    /// The templates for a closed window.
    pub templates: Templates,
    /// The clinic's zone: the time a patient wrote is told in it.
    pub zone: TimeZone,
    /// The language of somebody who has chosen none.
    pub language: Lang,
    /// Messages that may be taken in a day of the clinic's, 0 for any number.
    pub daily_ceiling: u32,
}

/// Puts a message at the end of a contact's queue. An emergency goes before
/// everything else. On an untrusted clock its age does not count yet.
///
/// # Errors
/// Whatever the database reports.
pub fn push(
    conn: &Connection,
    contact: ContactId,
    key: &OutboxKey,
    message: &Outgoing,
    now: Now,
) -> Result<OutboxId> {
    let rank = i64::from(message.purpose != Purpose::Emergency);
    conn.prepare_cached(
        "INSERT INTO outbox (key, contact_id, purpose, body, rank, state, created_at, updated_at,
                             about_stamp, aged_from)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?6,
                 coalesce((SELECT last_stamp FROM contact WHERE id = ?2), 0), ?7)",
    )?
    .execute(params![
        key.0,
        contact.0,
        purpose_word(message.purpose),
        serde_json::to_string(&message.body)?,
        rank,
        now.at.0,
        now.trusted.then_some(now.at.0),
    ])?;
    Ok(OutboxId(conn.last_insert_rowid()))
}

/// Withdraws a contact's unsent questions: something newer takes their place. One
/// that had failed and was to be sent again needs nobody's help any more.
///
/// # Errors
/// Whatever the database reports.
pub fn supersede_prompts(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<usize> {
    // One in the air, or in doubt, is not tried again, should it not have
    // arrived.
    conn.prepare_cached(
        "UPDATE outbox SET doom = coalesce(doom, 'superseded')
         WHERE contact_id = ?1 AND purpose = 'prompt' AND state IN ('sending', 'in_doubt')",
    )?
    .execute([contact.0])?;
    let replaced: Vec<i64> = conn
        .prepare_cached(
            "UPDATE outbox SET state = 'superseded', why = 'newer_question', updated_at = ?2
             WHERE contact_id = ?1 AND purpose = 'prompt' AND state IN ('queued', 'held')
             RETURNING id",
        )?
        .query_map(params![contact.0, now.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &replaced {
        tasks::close_for(conn, OutboxId(*id), now)?;
    }
    Ok(replaced.len())
}

/// Ends a message here. A failure or an expiry brings its one task; a template
/// has none of its own: those that wait behind it get theirs.
fn end(conn: &Connection, id: OutboxId, state: DeliveryState, why: Why, now: UnixMs) -> Result<()> {
    let lost = matches!(state, DeliveryState::Failed | DeliveryState::Expired);
    // Only who was reached was told: a call that nobody answered leaves the
    // message as undelivered as it was.
    let told = lost && tasks::of_message(conn, id)?.is_some_and(|task| task.is_done());
    if told && why == Why::TooOld {
        let cancelled = DeliveryState::Cancelled;
        return lane::set(conn, id, cancelled, Why::ToldByStaff, now);
    }
    lane::set(conn, id, state, why, now)?;
    if !lost {
        return Ok(());
    }
    if is_template(conn, id)? {
        return template::failed(conn, id, None, now);
    }
    ask_staff(conn, id, why, now)
}

fn is_template(conn: &Connection, id: OutboxId) -> Result<bool> {
    let purpose: Option<String> = conn
        .prepare_cached("SELECT purpose FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(purpose.as_deref() == Some(purpose_word(Purpose::Template)))
}

/// Opens the one task for a message that did not arrive, or may not.
fn ask_staff(conn: &Connection, id: OutboxId, why: Why, now: UnixMs) -> Result<()> {
    let task = NewTask::of(task_of(why)).message(id).about(why.word());
    tasks::open(conn, &task.contact(lane::contact_of(conn, id)?), now)
}

/// The kind of work that a message brings.
const fn task_of(why: Why) -> Kind {
    match why {
        Why::SentInDoubt | Why::Unheard => Kind::SentInDoubt,
        Why::WindowClosed | Why::NoTemplate | Why::TemplateFailed => Kind::CallPatient,
        Why::LineDown
        | Why::Configuration
        | Why::Throttled
        | Why::NumberLimited
        | Why::FirstContactsLimited
        | Why::ThrottledContact
        | Why::DailyCeiling
        | Why::ProviderError
        | Why::Refused
        | Why::TemplateRefused
        | Why::NoAnswer
        | Why::ProviderUnsure
        | Why::MaybeSent
        | Why::Interrupted
        | Why::NewerQuestion
        | Why::NotNeeded
        | Why::SentAgain
        | Why::FirstArrived
        | Why::Unreadable
        | Why::Undelivered
        | Why::TooOld
        | Why::ByStaff
        | Why::ToldByStaff
        | Why::Erased => Kind::Undelivered,
    }
}

/// Notes that the provider took a message, and counts it: once, whether the
/// answer to its send or a status is the first to tell of it. How long it waits
/// for news is counted from the next look at it.
fn taken(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<()> {
    let first = conn
        .prepare_cached(
            "UPDATE outbox SET accepted_at = ?2, not_before = 0
             WHERE id = ?1 AND accepted_at IS NULL",
        )?
        .execute(params![id.0, now.0])?;
    if first > 0 {
        usage::add(conn, now, usage::ACCEPTED, 1)?;
    }
    Ok(())
}

/// Withdraws a message for staff, and whatever hangs on it: the task of one
/// that waits, or what waits behind a template.
///
/// # Errors
/// Whatever the database reports.
pub fn withdrawn(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<()> {
    tasks::close_for(conn, id, now)?;
    if is_template(conn, id)? {
        template::failed(conn, id, None, now)?;
    }
    Ok(())
}

/// The column's word for a purpose.
pub(super) const fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Prompt => "prompt",
        Purpose::Notice => "notice",
        Purpose::Emergency => "emergency",
        Purpose::Staff => "staff",
        Purpose::Template => "template",
    }
}

fn purpose_of(word: &str) -> Result<Purpose> {
    [
        Purpose::Prompt,
        Purpose::Notice,
        Purpose::Emergency,
        Purpose::Staff,
        Purpose::Template,
    ]
    .into_iter()
    .find(|p| purpose_word(*p) == word)
    .ok_or(Error::Unreadable("a purpose in the outbox"))
}

/// Reads a delivery state out of a row.
pub(super) fn state_at(row: &Row<'_>, column: usize) -> rusqlite::Result<DeliveryState> {
    let word: String = row.get(column)?;
    word.parse().map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    })
}
