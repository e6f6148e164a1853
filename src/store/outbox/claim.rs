//! Which messages leave now, and the attempt that is committed before one
//! does.

use super::ceiling::Ceiling;
use super::{Rules, UNSAID, end, lane, look, purpose_of, template};
use crate::core::delivery::{DeliveryState, Errand, LATE_MS, Link, Why, lead};
use crate::core::id::{AttemptId, ContactId, OutboxId, OutboxKey};
use crate::core::outgoing::{Body, Outgoing, Purpose};
use crate::core::time::{Now, UnixMs};
use crate::ports::Call;
use crate::store::nested::nested;
use crate::store::{Error, Result, Try, contacts};
use rusqlite::{Connection, params};

/// A message handed to the sender: its attempt is committed before it leaves.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The queue row.
    pub id: OutboxId,
    /// The open attempt.
    pub attempt: AttemptId,
    /// What to hand over, and to whom.
    pub call: Call,
    /// What is to be done with it.
    pub errand: Errand,
    /// Whether the far side may have it already: a provider that can be asked is
    /// asked before it is tried again.
    pub doubtful: bool,
}

/// What a turn of the queue did.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// What leaves now.
    pub claims: Vec<Claim>,
    /// Whether more is to be done at once.
    pub more: bool,
    /// When something is to be done next, should nothing change before.
    pub next: Option<UnixMs>,
}

/// Looks at the contacts whose queue changed or whose time has come, and takes
/// up to `room` messages that may leave now, opening an attempt for each:
/// emergencies of anybody first, then whoever has been ready for longest. With
/// no room the queue is still tended: what grew too old ends, what lost its
/// window is held; no doubt is decided over a line that is cut. With [`Try::Bold`] the first fault of any of them is returned,
/// for the caller to take everything back and come again.
///
/// # Errors
/// Whatever the database reports.
pub fn turn(
    conn: &Connection,
    rules: &Rules,
    link: Link,
    now: Now,
    room: usize,
    how: Try,
) -> Result<Turn> {
    let ceiling = if room > 0 {
        let ceiling = Ceiling::read(conn, rules, now.at)?;
        ceiling.look_again(conn, now.at)?;
        Some(ceiling)
    } else {
        None
    };
    let mut turn = Turn {
        more: look::look(conn, rules, link, now, how)?,
        ..Turn::default()
    };
    if let Some(mut ceiling) = ceiling {
        for rank in [0, 1] {
            let left = room.saturating_sub(turn.claims.len());
            for ready in ready(conn, rank, now.at, left)? {
                let taken = || take_within(conn, rules, &ready, now, &ceiling);
                let taken = match how {
                    Try::Bold => taken()?,
                    Try::Careful => or_set_aside(conn, &ready, now, taken)?,
                };
                match taken {
                    Some(claim) => {
                        ceiling.take(ready.errand);
                        turn.claims.push(claim);
                    }
                    None => turn.more = true,
                }
            }
        }
    }
    turn.next = next(conn, room > 0)?;
    Ok(turn)
}

/// A contact whose head may leave.
struct Ready {
    contact: ContactId,
    head: OutboxId,
    errand: Errand,
    spent: UnixMs,
    told: UnixMs,
}

/// One rank at a time: the index then gives the rows in order.
pub(super) const READY: &str = "SELECT contact_id, head_id, again, spent_to, told_stamp
     FROM lane INDEXED BY lane_ready
     WHERE rank = ?1 AND ready_at IS NOT NULL AND ready_at <= ?2 AND head_id IS NOT NULL
       AND (look_at IS NULL OR look_at > ?2)
     ORDER BY ready_at LIMIT ?3";

fn ready(conn: &Connection, rank: i64, now: UnixMs, limit: usize) -> Result<Vec<Ready>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(READY)?;
    let rows = query.query_map(params![rank, now.0, limit], |row| {
        Ok(Ready {
            contact: ContactId(row.get(0)?),
            head: OutboxId(row.get(1)?),
            errand: lane::errand_of(row.get(2)?),
            spent: UnixMs(row.get(3)?),
            told: UnixMs(row.get(4)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When something is to be done next; sends count only where they may leave.
fn next(conn: &Connection, sends: bool) -> Result<Option<UnixMs>> {
    let mut next: Option<i64> = conn
        .prepare_cached(
            "SELECT min(look_at) FROM lane INDEXED BY lane_look WHERE look_at IS NOT NULL",
        )?
        .query_row([], |row| row.get(0))?;
    for rank in [0_i64, 1] {
        if !sends {
            break;
        }
        let ready: Option<i64> = conn
            .prepare_cached(
                "SELECT min(ready_at) FROM lane INDEXED BY lane_ready
                 WHERE rank = ?1 AND ready_at IS NOT NULL",
            )?
            .query_row([rank], |row| row.get(0))?;
        next = [next, ready].into_iter().flatten().min();
    }
    Ok(next.map(UnixMs))
}

/// Takes a head unless the day's ceiling holds it.
fn take_within(
    conn: &Connection,
    rules: &Rules,
    ready: &Ready,
    now: Now,
    ceiling: &Ceiling,
) -> Result<Option<Claim>> {
    if ceiling.holds(conn, (ready.contact, ready.head), ready.errand, now.at)? {
        return Ok(None);
    }
    take(conn, rules, ready, now)
}

/// One row that does not read back must not hold up the others.
fn or_set_aside(
    conn: &Connection,
    ready: &Ready,
    now: Now,
    take: impl FnOnce() -> Result<Option<Claim>>,
) -> Result<Option<Claim>> {
    match nested(conn, take) {
        Err(error) if !error.is_transient() => {
            let (failed, why) = (DeliveryState::Failed, Why::Unreadable);
            look::or_set_aside(conn, ready.contact, now.at, || {
                end(conn, ready.head, failed, why, now.at)
            })?;
            Ok(None)
        }
        taken => taken,
    }
}

/// Opens the attempt; nothing if the message no longer waits, and then the
/// contact is looked at again.
fn take(conn: &Connection, rules: &Rules, ready: &Ready, now: Now) -> Result<Option<Claim>> {
    let (id, contact) = (ready.head, ready.contact);
    let spent = rules.limits.pair.spend(ready.spent, now.at);
    conn.prepare_cached(
        "UPDATE lane SET head_id = NULL, ready_at = NULL, look_at = NULL, spent_to = ?2
         WHERE contact_id = ?1",
    )?
    .execute(params![contact.0, spent.0])?;
    let taken = conn
        .prepare_cached(
            "UPDATE outbox SET state = 'sending', why = NULL, updated_at = ?2,
                           maybe_double = max(maybe_double, ?3), repeats = repeats + ?3,
                           under_stamp = (SELECT last_stamp FROM contact
                                          WHERE contact.id = outbox.contact_id)
         WHERE id = ?1 AND state IN ('queued', 'in_doubt')",
        )?
        .execute(params![id.0, now.at.0, ready.errand == Errand::Repeat])?;
    if taken == 0 {
        conn.prepare_cached("UPDATE lane SET look_at = ?2 WHERE contact_id = ?1")?
            .execute(params![contact.0, now.at.0])?;
        return Ok(None);
    }
    conn.prepare_cached("INSERT INTO attempt (outbox_id, started_at) VALUES (?1, ?2)")?
        .execute(params![id.0, now.at.0])?;
    let attempt = AttemptId(conn.last_insert_rowid());
    let to = contacts::address_of(conn, contact)?;
    let Words {
        key,
        message,
        doubtful,
        unsaid,
    } = read(conn, rules, ready, now)?;
    if unsaid {
        conn.prepare_cached("UPDATE attempt SET outcome = ?2 WHERE id = ?1")?
            .execute(params![attempt.0, UNSAID])?;
    }
    Ok(Some(Claim {
        id,
        attempt,
        call: Call { key, to, message },
        errand: ready.errand,
        doubtful: doubtful || ready.errand != Errand::Send,
    }))
}

/// A message as it leaves.
struct Words {
    key: OutboxKey,
    message: Outgoing,
    /// Whether it may have arrived before.
    doubtful: bool,
    /// Whether it is late, and had no room to say so.
    unsaid: bool,
}

fn read(conn: &Connection, rules: &Rules, ready: &Ready, now: Now) -> Result<Words> {
    let (key, purpose, body, about, created, doubtful) = conn
        .prepare_cached(
            "SELECT key, purpose, body, about_stamp, created_at, maybe_double
             FROM outbox WHERE id = ?1",
        )?
        .query_row([ready.head.0], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Option<String>>(2)?,
                UnixMs(row.get(3)?),
                UnixMs(row.get(4)?),
                row.get::<_, bool>(5)?,
            ))
        })?;
    let body = body.ok_or(Error::Unreadable("a message"))?;
    let (purpose, body): (Purpose, Body) = (purpose_of(&purpose)?, serde_json::from_str(&body)?);
    // The bot's own first reply to a message says that it is late; words of
    // staff speak for themselves, and an emergency has no time to.
    let answers = matches!(purpose, Purpose::Prompt | Purpose::Notice);
    let late = now.at.ms_since(about.min(created)) > LATE_MS;
    let lead = if answers && about > ready.told && late {
        let lang = template::language_of(conn, ready.contact)?.unwrap_or(rules.language);
        lead(lang, &rules.zone, about, created, now)
    } else {
        None
    };
    let led = lead.as_deref().and_then(|lead| body.with_lead(lead));
    Ok(Words {
        key: OutboxKey(key),
        unsaid: lead.is_some() && led.is_none(),
        message: Outgoing {
            purpose,
            body: led.unwrap_or(body),
        },
        doubtful,
    })
}

#[cfg(test)]
mod tests {
    use super::super::ceiling;
    use super::*;
    use crate::store::tests::{db, plan};

    #[test]
    fn a_long_queue_is_read_in_order_and_not_sorted() {
        let conn = db();
        let found = [
            (READY, "USING INDEX lane_ready (rank=? AND ready_at"),
            (look::TO_LOOK_AT, "INDEX lane_look (look_at"),
            (
                lane::IN_STATE,
                "USING INDEX outbox_waiting (contact_id=? AND state=?)",
            ),
            (
                lane::IN_ANY_STATE,
                "USING INDEX outbox_waiting (contact_id=? AND state=?)",
            ),
            (
                lane::LAST_TEMPLATE,
                "USING INDEX outbox_template (contact_id=?)",
            ),
            (
                ceiling::UNDECIDED,
                "INDEX lane_ready (rank=? AND ready_at=?)",
            ),
            (ceiling::IN_AIR, "INDEX outbox_by_state (state=?)"),
        ];
        for (sql, index) in found {
            let told = plan(&conn, sql);
            assert!(!told.contains("TEMP B-TREE"), "{told}");
            assert!(told.contains(index), "{told}");
        }
    }
}
