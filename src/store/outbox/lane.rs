//! A contact's queue read for the planner, in bounded slices, and what it says
//! carried out.

use super::{Rules, purpose_of, template};
use crate::core::delivery::{
    DeliveryState, Errand, Lane, LastTemplate, Link, Plan, Templated, Waiting, Why, Window, plan,
};
use crate::core::id::{ContactId, OutboxId};
use crate::core::limits::PLAN_SLICE_MAX;
use crate::core::outgoing::Purpose;
use crate::core::time::{Now, SECOND_MS, UnixMs};
use crate::store::tasks;
use crate::store::{Error, Result};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

/// Times a contact is planned in one turn: each time what was planned changes
/// what is seen next.
const ROUNDS_MAX: usize = 8;

/// Plans a contact's queue and writes down what follows.
///
/// # Errors
/// Whatever the database reports, and [`Error::Unreadable`] of a row that does
/// not read back.
pub(super) fn plan_contact(
    conn: &Connection,
    rules: &Rules,
    contact: ContactId,
    link: Link,
    now: Now,
) -> Result<()> {
    for _ in 0..ROUNDS_MAX {
        let lane = load(conn, rules, contact, now)?;
        let plan = plan(&lane, rules.limits, link, now);
        carry_out(conn, rules, contact, &plan, now)?;
        if !plan.changes() {
            return save(conn, contact, &lane, &plan, now.at);
        }
    }
    conn.prepare_cached(
        "UPDATE lane SET head_id = NULL, ready_at = NULL, look_at = ?2 WHERE contact_id = ?1",
    )?
    .execute(params![contact.0, now.at.0])?;
    Ok(())
}

/// Of one state, emergencies first, then in the order of queueing.
pub(super) const IN_STATE: &str = concat!(
    "SELECT id, purpose, not_before, aged_from, maybe_double,
            asked, repeats, why IS 'maybe_sent', doom IS NOT NULL, state
     FROM outbox INDEXED BY outbox_waiting
     WHERE contact_id = ?1 AND state = ?2 AND ",
    waits!(),
    "
     ORDER BY rank, id LIMIT ?3"
);

/// The same of all states, one after the other.
pub(super) const IN_ANY_STATE: &str = concat!(
    "SELECT id, purpose, not_before, aged_from, maybe_double,
            asked, repeats, why IS 'maybe_sent', doom IS NOT NULL, state
     FROM outbox INDEXED BY outbox_waiting
     WHERE contact_id = ?1 AND ",
    waits!(),
    "
     ORDER BY state, rank, id LIMIT ?2"
);

/// The first of what waits of a contact in each state.
#[derive(Default)]
struct Slices {
    queued: Vec<Waiting>,
    held: Vec<Waiting>,
    in_air: Vec<Waiting>,
    doubted: Vec<Waiting>,
}

impl Slices {
    /// Most contacts have so little waiting that one look shows all of it.
    fn read(conn: &Connection, contact: ContactId) -> Result<Self> {
        let few = i64::try_from(PLAN_SLICE_MAX).unwrap_or(i64::MAX);
        let mut slices = Self::default();
        slices.add(conn, IN_ANY_STATE, params![contact.0, few + 1])?;
        if slices.len() <= PLAN_SLICE_MAX {
            return Ok(slices);
        }
        let mut slices = Self::default();
        for state in [
            DeliveryState::Queued,
            DeliveryState::Held,
            DeliveryState::Sending,
            DeliveryState::InDoubt,
        ] {
            slices.add(conn, IN_STATE, params![contact.0, state.word(), few])?;
        }
        Ok(slices)
    }

    fn len(&self) -> usize {
        self.queued.len() + self.held.len() + self.in_air.len() + self.doubted.len()
    }

    fn add(&mut self, conn: &Connection, sql: &str, of: &[&dyn ToSql]) -> Result<()> {
        let mut query = conn.prepare_cached(sql)?;
        let mut rows = query.query(of)?;
        while let Some(row) = rows.next()? {
            let purpose: String = row.get(1)?;
            let one = Waiting {
                purpose: purpose_of(&purpose)?,
                ..waiting(row)?
            };
            match super::state_at(row, 9)? {
                DeliveryState::Queued => self.queued.push(one),
                DeliveryState::Held => self.held.push(one),
                DeliveryState::Sending => self.in_air.push(one),
                DeliveryState::InDoubt => self.doubted.push(one),
                DeliveryState::Accepted
                | DeliveryState::Sent
                | DeliveryState::Delivered
                | DeliveryState::Read
                | DeliveryState::Failed
                | DeliveryState::Expired
                | DeliveryState::Cancelled
                | DeliveryState::Superseded => {
                    return Err(Error::Unreadable("the state of a message that waits"));
                }
            }
        }
        Ok(())
    }
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        id: OutboxId(row.get(0)?),
        purpose: Purpose::Notice,
        not_before: UnixMs(row.get(2)?),
        aged_from: row.get::<_, Option<i64>>(3)?.map(UnixMs),
        repeated: row.get(4)?,
        asked: row.get(5)?,
        repeats: row.get(6)?,
        maybe_sent: row.get(7)?,
        doomed: row.get(8)?,
    })
}

fn load(conn: &Connection, rules: &Rules, contact: ContactId, now: Now) -> Result<Lane> {
    // By a clock that can be trusted it is judged anew: what it said before may
    // have been wrong. By another one what was over stays so.
    let (last_stamp, closed, spent): (i64, Option<i64>, i64) = conn
        .prepare_cached(
            "SELECT c.last_stamp,
                    CASE WHEN ?2 OR lapsed_stamp IS NULL THEN closed_stamp
                         ELSE max(coalesce(closed_stamp, 0), lapsed_stamp) END,
                    l.spent_to FROM lane l
             JOIN contact c ON c.id = l.contact_id WHERE l.contact_id = ?1",
        )?
        .query_row(params![contact.0, now.trusted], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let is_template = |one: &Waiting| one.purpose == Purpose::Template;
    let Slices {
        mut queued,
        held,
        in_air,
        mut doubted,
    } = Slices::read(conn, contact)?;
    let last_template = last_template(conn, contact)?;
    let template = last_template.and_then(|(_, waits)| waits);
    queued.retain(|one| !is_template(one));
    doubted.retain(|one| !is_template(one));
    doubted.sort_by_key(|one| one.id);
    let (last_stamp, closed_stamp) = (UnixMs(last_stamp), closed.map(UnixMs));
    let window = rules.limits.window.judge(last_stamp, closed_stamp, now);
    Ok(Lane {
        in_air: !in_air.is_empty(),
        queued,
        doubted,
        held,
        template,
        last_template: last_template.map(|(last, _)| last),
        templates: match window {
            Window::Open { .. } => Templated::Absent,
            Window::Closed => template::available(conn, rules, contact, now)?.0,
        },
        last_stamp,
        closed_stamp,
        spent: UnixMs(spent),
    })
}

pub(super) const LAST_TEMPLATE: &str = "SELECT id, purpose, not_before, aged_from, maybe_double,
            asked, repeats, why IS 'maybe_sent', doom IS NOT NULL, state, about_stamp,
            coalesce(accepted_at, updated_at), why IS 'not_needed'
     FROM outbox INDEXED BY outbox_template
     WHERE contact_id = ?1 AND purpose = 'template' ORDER BY id DESC LIMIT 1";

type Latest = (LastTemplate, Option<(Waiting, bool)>);

/// The contact's latest template, and if it waits to leave, the row itself.
fn last_template(conn: &Connection, contact: ContactId) -> Result<Option<Latest>> {
    let found = conn
        .prepare_cached(LAST_TEMPLATE)?
        .query_row([contact.0], |row| {
            let state = super::state_at(row, 9)?;
            let last = LastTemplate {
                about: UnixMs(row.get(10)?),
                since: UnixMs(row.get(11)?),
                // One that may have arrived, or did by an earlier try, did ask.
                withdrawn: state == DeliveryState::Superseded && row.get(12)?,
                failed: matches!(
                    state,
                    DeliveryState::Failed | DeliveryState::Expired | DeliveryState::Cancelled
                ),
            };
            let row = Waiting {
                purpose: Purpose::Template,
                ..waiting(row)?
            };
            let doubted = state == DeliveryState::InDoubt;
            let waits = doubted || state == DeliveryState::Queued;
            Ok((last, waits.then_some((row, doubted))))
        })
        .optional()?;
    Ok(found)
}

fn carry_out(
    conn: &Connection,
    rules: &Rules,
    contact: ContactId,
    plan: &Plan,
    now: Now,
) -> Result<()> {
    if plan.start_ageing {
        conn.prepare_cached(concat!(
            "UPDATE outbox SET aged_from = ?2 WHERE contact_id = ?1 AND aged_from IS NULL
               AND ",
            waits!()
        ))?
        .execute(params![contact.0, now.at.0])?;
    }
    for (id, state, why) in &plan.ends {
        super::end(conn, *id, *state, *why, now.at)?;
    }
    for (id, why, call) in &plan.holds {
        set(conn, *id, DeliveryState::Held, *why, now.at)?;
        if *call {
            super::ask_staff(conn, *id, *why, now.at)?;
        }
    }
    if plan.release {
        release(conn, contact, now.at)?;
    }
    if plan.ask {
        template::queue(conn, rules, contact, now)?;
    }
    Ok(())
}

/// Writes down where a message stands.
pub(super) fn set(
    conn: &Connection,
    id: OutboxId,
    state: DeliveryState,
    why: Why,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached("UPDATE outbox SET state = ?2, why = ?3, updated_at = ?4 WHERE id = ?1")?
        .execute(params![id.0, state.word(), why.word(), now.0])?;
    Ok(())
}

/// How long a question that was held still waits when its person writes, ms: what
/// they wrote is read first, and may bring a newer one. Longer than the quiet time,
/// and than the brake on a flood.
const READ_FIRST_MS: i64 = 15 * SECOND_MS;

/// The window is open: what was held goes back into the queue, but for what
/// staff have told the person meanwhile. A call that reached nobody told them
/// nothing.
fn release(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<()> {
    let told: Vec<i64> = conn
        .prepare_cached(concat!(
            "SELECT id FROM outbox o INDEXED BY outbox_waiting
             WHERE contact_id = ?1 AND state = 'held'
               AND ",
            waits!(),
            "
               AND EXISTS (SELECT 1 FROM task t WHERE t.outbox_id = o.id
                             AND t.state = 'done' AND t.outcome = 'done')"
        ))?
        .query_map([contact.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in told {
        set(
            conn,
            OutboxId(id),
            DeliveryState::Cancelled,
            Why::ToldByStaff,
            now,
        )?;
    }
    conn.prepare_cached(concat!(
        "UPDATE outbox SET state = 'queued', why = NULL, updated_at = ?2,
                           not_before = CASE WHEN purpose = 'prompt' THEN ?3 ELSE 0 END
         WHERE contact_id = ?1 AND state = 'held'
           AND ",
        waits!()
    ))?
    .execute(params![contact.0, now.0, now.plus_ms(READ_FIRST_MS).0])?;
    Ok(())
}

/// Has staff call for everything of a contact that is held: nothing tells the
/// person to write.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn call_for_held(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<()> {
    let held: Vec<i64> = conn
        .prepare_cached(concat!(
            "SELECT id FROM outbox INDEXED BY outbox_waiting
             WHERE contact_id = ?1 AND state = 'held'
               AND ",
            waits!()
        ))?
        .query_map([contact.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in held {
        let id = OutboxId(id);
        set(conn, id, DeliveryState::Held, Why::TemplateFailed, now)?;
        if tasks::of_message(conn, id)?.is_none() {
            super::ask_staff(conn, id, Why::TemplateFailed, now)?;
        }
    }
    Ok(())
}

/// Who may leave at once and could before keeps the place: new messages of a
/// contact must not put them behind everybody else. A wait of their own begins a
/// new one.
fn save(
    conn: &Connection,
    contact: ContactId,
    lane: &Lane,
    plan: &Plan,
    now: UnixMs,
) -> Result<()> {
    let send = plan.send;
    conn.prepare_cached(
        "UPDATE lane SET ready_at = CASE WHEN ?5 <= ?9 AND ready_at < ?5 AND rank = ?2
                                    THEN ready_at ELSE ?5 END,
                         rank = ?2, head_id = ?3, again = ?4, look_at = ?6, holds = ?7,
                         lapsed_stamp = coalesce(?8, lapsed_stamp)
         WHERE contact_id = ?1",
    )?
    .execute(params![
        contact.0,
        i64::from(!send.is_some_and(|send| send.urgent)),
        send.map(|send| send.id.0),
        errand_number(send.map_or(Errand::Send, |send| send.errand)),
        send.map(|send| send.at.0),
        plan.look.map(|at| at.0),
        !lane.held.is_empty(),
        plan.closed.then_some(lane.last_stamp.0),
        now.0,
    ])?;
    Ok(())
}

/// The column's number for an errand.
const fn errand_number(errand: Errand) -> i64 {
    match errand {
        Errand::Send => 0,
        Errand::Repeat => 1,
        Errand::AskAndSend => 2,
        Errand::Ask => 3,
    }
}

/// The errand behind a number; one that is none is the most careful.
pub(super) const fn errand_of(number: i64) -> Errand {
    match number {
        0 => Errand::Send,
        1 => Errand::Repeat,
        2 => Errand::AskAndSend,
        _ => Errand::Ask,
    }
}

/// Reads a row's contact.
pub(super) fn contact_of(conn: &Connection, id: OutboxId) -> Result<ContactId> {
    conn.prepare_cached("SELECT contact_id FROM outbox WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0).map(ContactId))
        .map_err(Error::from)
}
