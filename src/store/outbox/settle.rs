//! What became of a message in the air; and what a start, or a line that has
//! come back, does to those whose fate is unknown.

use super::{
    UNSAID, ask_staff, first_contacts, is_template, purpose_of, state_at, status, template,
};
use crate::core::delivery::{DeliveryState, Past, Policy, SendOutcome, Verdict, Why, judge};
use crate::core::id::{AttemptId, OutboxId};
use crate::core::outgoing::Purpose;
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use crate::store::tasks::{self, NewTask};
use crate::store::{BoxKey, Result};
use rusqlite::{Connection, params};

/// Records what became of a claimed message and returns the verdict, so that
/// the sender knows what the channel has to do. A status that overtook the
/// answer is never undone.
///
/// # Errors
/// Whatever the database reports.
pub fn settle(
    conn: &Connection,
    box_key: &BoxKey,
    claim: (OutboxId, AttemptId),
    outcome: &SendOutcome,
    policy: Policy,
    now: UnixMs,
    jitter: u32,
) -> Result<Verdict> {
    let (id, attempt) = claim;
    let (state, past, doom, purpose) = conn
        .prepare_cached("SELECT state, attempts, delays, doom, purpose FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| {
            let past = Past {
                refusals: row.get(1)?,
                delays: row.get(2)?,
            };
            let doom = row.get::<_, Option<String>>(3)?;
            Ok((state_at(row, 0)?, past, doom, row.get::<_, String>(4)?))
        })?;
    let purpose = purpose_of(&purpose)?;
    let mut verdict = judge(outcome, (purpose, past), policy, now, jitter);
    if purpose == Purpose::Template {
        verdict = first_contacts::answered(conn, verdict, now)?;
    }
    let unsaid: bool = conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM attempt WHERE id = ?1 AND outcome = ?2)")?
        .query_row(params![attempt.0, UNSAID], |row| row.get(0))?;
    conn.prepare_cached("UPDATE attempt SET ended_at = ?2, outcome = ?3 WHERE id = ?1")?
        .execute(params![
            attempt.0,
            now.0,
            verdict.why.map_or("accepted", Why::word)
        ])?;
    if let SendOutcome::Accepted { wamid } = outcome {
        let wamid_key = box_key.keyed_hash(wamid.expose());
        conn.prepare_cached("UPDATE outbox SET wamid_key = ?2 WHERE id = ?1")?
            .execute(params![id.0, wamid_key])?;
        super::taken(conn, id, now)?;
        if !unsaid {
            told(conn, id)?;
        }
    }
    if verdict.why == Some(Why::NumberLimited) {
        tell_technician(conn, now)?;
    }
    // Anything but `sending` means that a status, or staff, was quicker.
    if state == DeliveryState::Sending {
        set(conn, id, &verdict, now)?;
        let unsent = verdict.state == DeliveryState::Queued;
        let doubted = verdict.state == DeliveryState::InDoubt;
        let erased = doom.as_deref() == Some(DeliveryState::Cancelled.word());
        if doom.is_some() && (unsent || (doubted && erased)) {
            end_doomed(conn, id, now)?;
        } else {
            follow(conn, id, &verdict, outcome, now)?;
        }
    }
    if let SendOutcome::Accepted { wamid } = outcome {
        status::apply_parked(conn, &box_key.keyed_hash(wamid.expose()), now)?;
    }
    Ok(verdict)
}

/// The contact was told of our lateness, or there was none.
fn told(conn: &Connection, id: OutboxId) -> Result<()> {
    conn.prepare_cached(
        "UPDATE lane SET told_stamp = max(told_stamp, o.about_stamp) FROM outbox o
         WHERE o.id = ?1 AND lane.contact_id = o.contact_id AND o.purpose IN ('prompt', 'notice')
           AND lane.told_stamp < o.about_stamp",
    )?
    .execute([id.0])?;
    Ok(())
}

/// The provider was asked and has the message once: it was not sent twice.
///
/// # Errors
/// Whatever the database reports.
pub fn not_doubled(conn: &Connection, id: OutboxId) -> Result<()> {
    conn.prepare_cached("UPDATE outbox SET maybe_double = 0 WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// The provider was asked and does not have the message: before it leaves once
/// more it is marked.
///
/// # Errors
/// Whatever the database reports.
pub fn repeats(conn: &Connection, id: OutboxId) -> Result<()> {
    conn.prepare_cached("UPDATE outbox SET maybe_double = 1, repeats = repeats + 1 WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// The provider was asked about a message and told nothing that settles it: it
/// is in doubt as before, unless its contact was erased meanwhile.
///
/// # Errors
/// Whatever the database reports.
pub fn untold(conn: &Connection, claim: (OutboxId, AttemptId), now: UnixMs) -> Result<()> {
    let (id, attempt) = claim;
    conn.prepare_cached("UPDATE attempt SET ended_at = ?2, outcome = 'untold' WHERE id = ?1")?
        .execute(params![attempt.0, now.0])?;
    conn.prepare_cached(
        "UPDATE outbox SET state = CASE doom WHEN 'cancelled' THEN doom ELSE 'in_doubt' END,
                why = CASE doom WHEN 'cancelled' THEN 'erased' ELSE 'no_answer' END,
                asked = asked + 1, updated_at = ?2
         WHERE id = ?1 AND state = 'sending'",
    )?
    .execute(params![id.0, now.0])?;
    Ok(())
}

/// Nobody else sees why the whole clinic falls silent for hours.
pub(super) fn tell_technician(conn: &Connection, now: UnixMs) -> Result<()> {
    let task = NewTask::of(Kind::NumberLimited);
    tasks::open(conn, &task, now)
}

/// What a refusal brings beside the row itself.
fn follow(
    conn: &Connection,
    id: OutboxId,
    verdict: &Verdict,
    outcome: &SendOutcome,
    now: UnixMs,
) -> Result<()> {
    if verdict.why == Some(Why::WindowClosed) {
        if is_template(conn, id)? {
            return super::end(conn, id, DeliveryState::Failed, Why::TemplateRefused, now);
        }
        window_closed(conn, id)?;
    }
    if verdict.state != DeliveryState::Failed {
        return Ok(());
    }
    if is_template(conn, id)? {
        let code = match outcome {
            SendOutcome::Refused { error, .. } => Some(error.code),
            SendOutcome::Accepted { .. } | SendOutcome::NotSent(_) | SendOutcome::Unknown => None,
        };
        return template::failed(conn, id, code, now);
    }
    ask_staff(conn, id, verdict.why.unwrap_or(Why::Refused), now)
}

/// Notes that the provider called the window closed under which a message left.
/// A message of the contact that came in since has opened another one.
pub(super) fn window_closed(conn: &Connection, id: OutboxId) -> Result<()> {
    conn.prepare_cached(
        "UPDATE lane SET closed_stamp = max(coalesce(closed_stamp, 0), o.under_stamp)
         FROM outbox o WHERE o.id = ?1 AND lane.contact_id = o.contact_id",
    )?
    .execute([id.0])?;
    Ok(())
}

/// While the message was in the air it was superseded (a question by a newer
/// one, a copy by the arrival of the first), or its contact erased, and it did
/// not arrive: it is not tried again, nor asks it anything of staff.
pub(super) fn end_doomed(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET state = doom, updated_at = ?2,
                why = CASE WHEN doom = 'cancelled' THEN 'erased'
                           WHEN purpose = 'prompt' THEN 'newer_question'
                           ELSE 'first_arrived' END
         WHERE id = ?1",
    )?
    .execute(params![id.0, now.0])?;
    tasks::close_for(conn, id, now)?;
    Ok(())
}

fn set(conn: &Connection, id: OutboxId, verdict: &Verdict, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET state = ?2, why = ?3, not_before = ?4, updated_at = ?5,
                           attempts = attempts + ?6, delays = delays + ?7,
                           asked = CASE WHEN ?2 = 'in_doubt' THEN 0 ELSE asked END
         WHERE id = ?1",
    )?
    .execute(params![
        id.0,
        verdict.state.word(),
        verdict.why.map(Why::word),
        verdict.not_before.0,
        now.0,
        i64::from(verdict.counts),
        i64::from(verdict.delayed),
    ])?;
    Ok(())
}

/// After a start: whatever was in the air when the power went is in doubt.
///
/// # Errors
/// Whatever the database reports.
pub fn recover(conn: &Connection, in_doubt_ms: i64, now: UnixMs) -> Result<usize> {
    super::ceiling::look_again(conn, now)?;
    super::unheard::after_silence(conn, i64::MAX, now)?;
    conn.execute(
        "UPDATE attempt SET ended_at = ?1, outcome = 'interrupted' WHERE ended_at IS NULL",
        [now.0],
    )?;
    conn.execute(
        "UPDATE outbox SET state = doom, why = 'erased', updated_at = ?1
         WHERE state = 'sending' AND doom = 'cancelled'",
        [now.0],
    )?;
    let wait = now.plus_ms(in_doubt_ms).0;
    // While the box was off no status could come: the wait of those that were
    // in doubt already begins anew too.
    conn.execute(
        "UPDATE outbox SET not_before = ?1, asked = 0 WHERE state = 'in_doubt'",
        [wait],
    )?;
    Ok(conn.execute(
        "UPDATE outbox SET state = 'in_doubt', why = 'interrupted', not_before = ?1,
                           asked = 0, updated_at = ?2 WHERE state = 'sending'",
        params![wait, now.0],
    )?)
}

/// When the line has come back after `down_ms`, what is in doubt waits that
/// much longer: only time in which a status could have come counts.
///
/// # Errors
/// Whatever the database reports.
pub fn line_up(conn: &Connection, in_doubt_ms: i64, down_ms: i64, now: UnixMs) -> Result<usize> {
    super::unheard::after_silence(conn, down_ms, now)?;
    Ok(conn.execute(
        "UPDATE outbox SET not_before = min(not_before + ?1, ?2) WHERE state = 'in_doubt'",
        [down_ms.max(0), now.plus_ms(in_doubt_ms).0],
    )?)
}
