//! The provider's limit on how many people may be written to first in a day
//! (Meta, "Messaging limits"): after a long outage a new number meets it with
//! its templates. They rest, and everything else goes on.
//!
//! When the rest is over, the one that met the limit tries for the others.

use super::copy;
use crate::core::delivery::{Class, DeliveryState, Verdict, Why, wait_ms};
use crate::core::id::OutboxId;
use crate::core::limits::PROVIDER_WAIT_MS_MAX;
use crate::core::tasks::Kind;
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::store::tasks::{self, NewTask};
use crate::store::{Result, meta};
use rusqlite::{Connection, params};

/// Under which name it is kept until when templates rest.
const RESTS_UNTIL: &str = "templates_rest_until";
/// How much longer the others rest than the one that tries, ms.
const TRIED_FIRST_MS: i64 = MINUTE_MS;
/// What the technician's task is about; there is only one.
const DETAIL: &str = "";

/// Templates stand in the index of what waits under the rank of emergencies.
pub(super) const REST: &str = concat!(
    "UPDATE outbox INDEXED BY outbox_waiting
     SET not_before = max(not_before, ?1), why = ?2, updated_at = ?3
     WHERE state = 'queued' AND rank = 0 AND purpose = 'template' AND ",
    waits!()
);
pub(super) const GO_ON: &str = concat!(
    "UPDATE outbox INDEXED BY outbox_waiting SET not_before = 0, why = NULL, updated_at = ?2
     WHERE state = 'queued' AND rank = 0 AND purpose = 'template' AND why = ?1 AND ",
    waits!()
);
const RESTS: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_waiting
                    WHERE rank = 0 AND purpose = 'template' AND ",
    waits!(),
    ")"
);

/// Takes in what became of a template, and how it goes on. Those that were in
/// the air together meet the limit together: the first of them tries for all.
pub(super) fn answered(conn: &Connection, verdict: Verdict, now: UnixMs) -> Result<Verdict> {
    if verdict.why == Some(Why::FirstContactsLimited) {
        if let Some(not_before) = not_before(conn, now)? {
            return Ok(Verdict {
                not_before,
                ..verdict
            });
        }
        limited(conn, verdict.not_before, now)?;
    } else if verdict.state == DeliveryState::Accepted {
        allowed(conn, now)?;
    }
    Ok(verdict)
}

/// The provider took a template and gave it back because of the limit: a copy
/// of it waits.
pub(super) fn given_back(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<()> {
    let until = match not_before(conn, now)? {
        Some(until) => until,
        None => {
            let until = now.plus_ms(wait_ms(Class::NumberLimited, 0, None, 0));
            limited(conn, until, now)?;
            until
        }
    };
    copy::queue(conn, id, (until, Why::FirstContactsLimited), now)
}

/// Not before when a template that is queued now may leave, while they rest.
pub(super) fn not_before(conn: &Connection, now: UnixMs) -> Result<Option<UnixMs>> {
    let until = rests_until(conn, now)?;
    Ok(until.map(|until| until.plus_ms(TRIED_FIRST_MS)))
}

/// Until when templates rest, if they do. A rest that is too long to be one was
/// begun by a clock that was ahead.
fn rests_until(conn: &Connection, now: UnixMs) -> Result<Option<UnixMs>> {
    let until = meta::find_number(conn, RESTS_UNTIL)?.map(UnixMs);
    Ok(until.filter(|until| (1..=PROVIDER_WAIT_MS_MAX).contains(&until.ms_since(now))))
}

fn limited(conn: &Connection, until: UnixMs, now: UnixMs) -> Result<()> {
    meta::set(conn, RESTS_UNTIL, until.0.to_string().as_bytes())?;
    conn.prepare_cached(REST)?.execute(params![
        until.plus_ms(TRIED_FIRST_MS).0,
        Why::FirstContactsLimited.word(),
        now.0
    ])?;
    let task = NewTask::of(Kind::FirstContactsLimited).about(DETAIL);
    tasks::open(conn, &task, now)
}

/// One was taken. While they rest that is one which was in the air when the rest
/// began, and proves nothing.
fn allowed(conn: &Connection, now: UnixMs) -> Result<()> {
    if meta::find(conn, RESTS_UNTIL)?.is_none() || rests_until(conn, now)?.is_some() {
        return Ok(());
    }
    conn.prepare_cached(GO_ON)?
        .execute(params![Why::FirstContactsLimited.word(), now.0])?;
    over(conn, now)
}

/// Ends a rest that is over and for which nobody waits any more: those who did
/// wrote themselves, or were told by staff.
///
/// # Errors
/// Whatever the database reports.
pub fn end_rest(conn: &Connection, now: UnixMs) -> Result<()> {
    if meta::find(conn, RESTS_UNTIL)?.is_none() || rests_until(conn, now)?.is_some() {
        return Ok(());
    }
    let waits: bool = conn
        .prepare_cached(RESTS)?
        .query_row([], |row| row.get(0))?;
    if waits { Ok(()) } else { over(conn, now) }
}

fn over(conn: &Connection, now: UnixMs) -> Result<()> {
    meta::remove(conn, RESTS_UNTIL)?;
    tasks::close_about(conn, Kind::FirstContactsLimited, DETAIL, now)?;
    Ok(())
}

/// The clock stepped by so much: what is left of a rest stays as long as it was.
pub(super) fn shift(conn: &Connection, by_ms: i64) -> Result<()> {
    if let Some(until) = meta::find_number(conn, RESTS_UNTIL)? {
        let until = until.saturating_add(by_ms).to_string();
        meta::set(conn, RESTS_UNTIL, until.as_bytes())?;
    }
    Ok(())
}
