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
    conn.prepare_cached(
        "UPDATE outbox INDEXED BY outbox_template
         SET not_before = max(not_before, ?1), why = ?2, updated_at = ?3
         WHERE purpose = 'template' AND state = 'queued'",
    )?
    .execute(params![
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
    let rested = meta::find(conn, RESTS_UNTIL)?.is_some();
    if !rested || rests_until(conn, now)?.is_some() {
        return Ok(());
    }
    meta::remove(conn, RESTS_UNTIL)?;
    conn.prepare_cached(
        "UPDATE outbox INDEXED BY outbox_template SET not_before = 0, why = NULL, updated_at = ?2
         WHERE purpose = 'template' AND state = 'queued' AND why = ?1",
    )?
    .execute(params![Why::FirstContactsLimited.word(), now.0])?;
    tasks::close_about(conn, Kind::FirstContactsLimited, DETAIL, now)?;
    Ok(())
}
