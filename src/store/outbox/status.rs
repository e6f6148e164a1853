//! Statuses: news of our messages, in any order, once or more often.

use super::settle::window_closed;
use super::{ask_staff, copy, first_contacts, is_template, lane, purpose_of, state_at, template};
use crate::core::delivery::{
    CODE_MISSING, Class, DeliveryState, Made, Returned, Why, WindowRule, advance, classify,
    limits_first_contacts, retries_max, returned,
};
use crate::core::id::{ContactId, OutboxId};
use crate::core::inbound::{Identity, ProviderError, Receipt, Status};
use crate::core::outgoing::Purpose;
use crate::core::private::Private;
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use crate::store::tasks::{self, NewTask};
use crate::store::{BoxKey, Result, usage};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// What news of a message say of our account at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfAccount {
    /// Nothing.
    Nothing,
    /// It takes messages and gives them back: they would only come back again.
    Refused(ProviderError),
    /// A message arrived that was taken then.
    Serves {
        /// When the provider took it, by our clock.
        taken_at: UnixMs,
    },
}

/// Applies news of one of our messages; parks it if the message is not known
/// yet. Receipts come in any order and only move a message forward. Says what
/// they mean for everybody else's messages; of news that were parked nobody is
/// told but by the task.
///
/// # Errors
/// Whatever the database reports.
pub fn apply_status(
    conn: &Connection,
    box_key: &BoxKey,
    status: &Status,
    now: UnixMs,
) -> Result<OfAccount> {
    let wamid_key = box_key.keyed_hash(status.id.expose());
    match find_by_status(conn, &wamid_key, status.callback.as_deref())? {
        Some(id) => apply(conn, id, &wamid_key, status, now),
        None => park(conn, &wamid_key, status, now),
    }
}

/// Keeps news until it is known of which message they are.
fn park(
    conn: &Connection,
    wamid_key: &[u8; 16],
    status: &Status,
    now: UnixMs,
) -> Result<OfAccount> {
    // No erasure would find it: it keeps nothing that says whose it is.
    let nobodys = Status {
        id: Private::default(),
        recipient: Identity::default(),
        ..status.clone()
    };
    conn.prepare_cached(
        "INSERT OR IGNORE INTO parked_status (wamid_key, receipt, status, parked_at)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        wamid_key,
        receipt_word(status.receipt),
        serde_json::to_string(&nobodys)?,
        now.0,
    ])?;
    Ok(OfAccount::Nothing)
}

/// To whom the message went that news are about; nobody if it is not known.
///
/// # Errors
/// Whatever the database reports.
pub fn addressee(
    conn: &Connection,
    box_key: &BoxKey,
    status: &Status,
) -> Result<Option<ContactId>> {
    let wamid_key = box_key.keyed_hash(status.id.expose());
    find_by_status(conn, &wamid_key, status.callback.as_deref())?
        .map(|id| lane::contact_of(conn, id))
        .transpose()
}

fn find_by_status(
    conn: &Connection,
    wamid_key: &[u8; 16],
    callback: Option<&str>,
) -> Result<Option<OutboxId>> {
    let by_wamid: Option<i64> = conn
        .prepare_cached("SELECT id FROM outbox WHERE wamid_key = ?1")?
        .query_row([wamid_key], |row| row.get(0))
        .optional()?;
    let found = match (by_wamid, callback) {
        (Some(id), _) => Some(id),
        (None, Some(key)) => conn
            .prepare_cached("SELECT id FROM outbox WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?,
        (None, None) => None,
    };
    Ok(found.map(OutboxId))
}

fn apply(
    conn: &Connection,
    id: OutboxId,
    wamid_key: &[u8; 16],
    status: &Status,
    now: UnixMs,
) -> Result<OfAccount> {
    let (state, known, taken_at): (_, Option<[u8; 16]>, Option<i64>) = conn
        .prepare_cached("SELECT state, wamid_key, accepted_at FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok((state_at(row, 0)?, row.get(1)?, row.get(2)?))
        })?;
    // That an earlier try came to nothing says nothing of the one taken since. But
    // one in the air may have been quicker than the answer that names it.
    if status.receipt == Receipt::Failed && known.is_some_and(|known| known != *wamid_key) {
        if state == DeliveryState::Sending {
            return park(conn, wamid_key, status, now);
        }
        return Ok(OfAccount::Nothing);
    }
    let next = advance(state, status.receipt);
    let failed_now = next == DeliveryState::Failed && state != next;
    // Where a failed one ends is decided below, in one move.
    let reached = if failed_now { state } else { next };
    let sent_stamp = (status.receipt == Receipt::Sent).then_some(status.stamped.0);
    conn.prepare_cached(
        "UPDATE outbox SET state = ?2, wamid_key = coalesce(wamid_key, ?3),
                sent_stamp = coalesce(?5, sent_stamp),
                why = CASE WHEN state = ?2 THEN why ELSE NULL END,
                updated_at = ?4
         WHERE id = ?1",
    )?
    .execute(params![id.0, reached.word(), wamid_key, now.0, sent_stamp])?;
    if taken_at.is_none() {
        super::taken(conn, id, now)?;
    }
    if failed_now {
        return failed(conn, id, status, now);
    }
    let arrived = matches!(next, DeliveryState::Delivered | DeliveryState::Read);
    if arrived && !matches!(state, DeliveryState::Delivered | DeliveryState::Read) {
        usage::add_delivered(conn, status.stamped, status.category.as_deref())?;
    }
    if arrived && state != next {
        // It arrived after all: nobody has to call.
        tasks::close_for(conn, id, now)?;
        if state == DeliveryState::Superseded {
            copy::original_arrived(conn, id, now)?;
        }
        let taken_at = taken_at.map_or(now, UnixMs);
        return Ok(OfAccount::Serves { taken_at });
    }
    Ok(OfAccount::Nothing)
}

/// The provider took a message and could not deliver it: what follows is
/// declared by its purpose and the error's class.
fn failed(conn: &Connection, id: OutboxId, status: &Status, now: UnixMs) -> Result<OfAccount> {
    let error = status.errors.first().cloned().unwrap_or(ProviderError {
        code: CODE_MISSING,
        subcode: None,
    });
    let class = classify(&error, 0);
    follow(conn, id, &error, class, now)?;
    if limits_first_contacts(error.code) && is_template(conn, id)? {
        return Ok(OfAccount::Nothing);
    }
    account_fault(conn, &error, now)
}

/// What an error says of our account, by its class: the technician is told of
/// what is theirs to mend.
///
/// # Errors
/// Whatever the database reports.
pub fn account_fault(conn: &Connection, error: &ProviderError, now: UnixMs) -> Result<OfAccount> {
    match classify(error, 0) {
        Class::NumberLimited => super::settle::tell_technician(conn, now)?,
        Class::Configuration => account_refused(conn, &error.code.to_string(), now)?,
        Class::ThrottleNumber
        | Class::ThrottleContact
        | Class::Retry
        | Class::Permanent
        | Class::NeedsTemplate
        | Class::Unknown
        | Class::PossiblySent => return Ok(OfAccount::Nothing),
    }
    Ok(OfAccount::Refused(error.clone()))
}

/// Tells the technician what the account is refused for: an error's code, or the
/// provider's word.
///
/// # Errors
/// Whatever the database reports.
pub fn account_refused(conn: &Connection, what: &str, now: UnixMs) -> Result<()> {
    let task = NewTask::of(Kind::AccountRefused).about(what);
    tasks::open(conn, &task, now)
}

/// What the account takes arrives again: takes back what the technician was told
/// when messages came back. What Meta itself said of the account (a warning, a
/// limit, a ban) stays until it says otherwise.
///
/// # Errors
/// Whatever the database reports.
pub fn account_serves(conn: &Connection, now: UnixMs) -> Result<usize> {
    tasks::close_coded(conn, Kind::AccountRefused, now)
}

/// What becomes of the message itself.
fn follow(
    conn: &Connection,
    id: OutboxId,
    error: &ProviderError,
    class: Class,
    now: UnixMs,
) -> Result<()> {
    let (purpose, attempts, doom, erased, made) = conn
        .prepare_cached(
            "SELECT purpose, attempts, doom, c.erased_at NOT NULL, about_stamp, aged_from
             FROM outbox o JOIN contact c ON c.id = o.contact_id WHERE o.id = ?1",
        )?
        .query_row([id.0], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, u32>(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get::<_, bool>(3)?,
                made_at(row)?,
            ))
        })?;
    if erased {
        return say_why(conn, id, DeliveryState::Cancelled, Why::Erased);
    }
    if doom.is_some() {
        return super::settle::end_doomed(conn, id, now);
    }
    let message = (purpose_of(&purpose)?, made);
    if message.0 == Purpose::Template && limits_first_contacts(error.code) {
        return first_contacts::given_back(conn, id, now);
    }
    match returned(message, class, attempts, retries_max(error)) {
        Returned::Fail(why) => {
            say_why(conn, id, DeliveryState::Failed, why)?;
            if is_template(conn, id)? {
                return template::failed(conn, id, Some(error.code), now);
            }
            ask_staff(conn, id, why, now)
        }
        Returned::Drop(why) => {
            window_closed(conn, id)?;
            say_why(conn, id, DeliveryState::Superseded, why)
        }
        Returned::Again { wait_ms, why } => {
            if why == Why::WindowClosed {
                window_closed(conn, id)?;
            }
            copy::queue(conn, id, (now.plus_ms(wait_ms), why), now)
        }
    }
}

/// Whether the message was made within the window of what it answers.
fn made_at(row: &Row<'_>) -> rusqlite::Result<Made> {
    let aged_from = row.get::<_, Option<i64>>(5)?.map(UnixMs);
    Ok(WindowRule::Day.made(UnixMs(row.get(4)?), aged_from))
}

/// Writes down where a message ends, and why.
pub(super) fn say_why(
    conn: &Connection,
    id: OutboxId,
    state: DeliveryState,
    why: Why,
) -> Result<()> {
    conn.prepare_cached("UPDATE outbox SET state = ?2, why = ?3 WHERE id = ?1")?
        .execute(params![id.0, state.word(), why.word()])?;
    Ok(())
}

/// Applies what was parked for a message that has become known.
pub(super) fn apply_parked(conn: &Connection, wamid_key: &[u8; 16], now: UnixMs) -> Result<()> {
    let parked: Vec<String> = conn
        .prepare_cached("SELECT status FROM parked_status WHERE wamid_key = ?1 ORDER BY parked_at")?
        .query_map([wamid_key], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if parked.is_empty() {
        return Ok(());
    }
    for text in parked {
        let status: Status = serde_json::from_str(&text)?;
        if let Some(id) = find_by_status(conn, wamid_key, None)? {
            apply(conn, id, wamid_key, &status, now)?;
        }
    }
    conn.prepare_cached("DELETE FROM parked_status WHERE wamid_key = ?1")?
        .execute([wamid_key])?;
    Ok(())
}

const fn receipt_word(receipt: Receipt) -> &'static str {
    match receipt {
        Receipt::Sent => "sent",
        Receipt::Delivered => "delivered",
        Receipt::Read => "read",
        Receipt::Played => "played",
        Receipt::Failed => "failed",
    }
}
