//! Messages that the provider took and of which nothing more is heard: their
//! wait, which ends with a task, and whether anything is heard at all.
//!
//! The wait stands in `not_before`, which means nothing else once a message was
//! taken; 0 until it begins.

use super::{end, lane, settle};
use crate::core::delivery::{DeliveryState, Why};
use crate::core::id::OutboxId;
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::store::Result;
use rusqlite::{Connection, params};

/// How long at the most news of before may be under way after a time in which
/// none could come, ms.
const NEWS_MS_MAX: i64 = 30 * MINUTE_MS;
/// Messages ended in one transaction.
const ENDED_MAX: usize = 100;

const SILENT: &str = "SELECT o.id, o.doom IS NOT NULL, c.erased_at IS NOT NULL,
            o.purpose = 'prompt' AND EXISTS (
                SELECT 1 FROM outbox n INDEXED BY outbox_by_contact
                WHERE n.contact_id = o.contact_id AND n.id > o.id AND n.purpose = 'prompt')
     FROM outbox o INDEXED BY outbox_by_state JOIN contact c ON c.id = o.contact_id
     WHERE o.state IN ('accepted', 'sent') AND o.not_before <= ?1
       AND (o.accepted_at <= ?2 OR o.accepted_at > ?1)
     LIMIT ?3";

/// What becomes of one of which nothing was heard.
struct Silent {
    id: OutboxId,
    doomed: bool,
    erased: bool,
    asked_anew: bool,
}

/// Ends the messages that the provider took and whose arrival it has not told
/// for as long as a message may wait, each with its task, and begins the wait of
/// those it has taken lately; how many ended. Only on a clock that is right, and
/// while the line carries.
///
/// # Errors
/// Whatever the database reports.
pub fn end_unheard(conn: &Connection, max_age_ms: i64, now: UnixMs) -> Result<usize> {
    // What waits for longer than it may was dated by a clock that was ahead.
    conn.prepare_cached(
        "UPDATE outbox SET not_before = ?1
         WHERE state IN ('accepted', 'sent') AND (not_before = 0 OR not_before > ?1)",
    )?
    .execute([now.plus_ms(max_age_ms).0])?;
    let most = i64::try_from(ENDED_MAX).unwrap_or(i64::MAX);
    let silent: Vec<Silent> = conn
        .prepare_cached(SILENT)?
        .query_map(params![now.0, now.plus_ms(-max_age_ms).0, most], |row| {
            Ok(Silent {
                id: OutboxId(row.get(0)?),
                doomed: row.get(1)?,
                erased: row.get(2)?,
                asked_anew: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    for one in &silent {
        end_one(conn, one, now)?;
    }
    Ok(silent.len())
}

fn end_one(conn: &Connection, one: &Silent, now: UnixMs) -> Result<()> {
    if one.erased {
        return lane::set(conn, one.id, DeliveryState::Cancelled, Why::Erased, now);
    }
    if one.doomed {
        return settle::end_doomed(conn, one.id, now);
    }
    if one.asked_anew {
        let superseded = DeliveryState::Superseded;
        return lane::set(conn, one.id, superseded, Why::NewerQuestion, now);
    }
    end(conn, one.id, DeliveryState::Failed, Why::Unheard, now)
}

/// After so long in which nothing could be heard, what may still be under way is
/// waited for.
pub(super) fn after_silence(conn: &Connection, silent_ms: i64, now: UnixMs) -> Result<()> {
    let until = now.plus_ms(silent_ms.clamp(0, NEWS_MS_MAX)).0;
    conn.prepare_cached(
        "UPDATE outbox SET not_before = ?1
         WHERE state IN ('accepted', 'sent') AND not_before > 0 AND not_before < ?1",
    )?
    .execute([until])?;
    Ok(())
}

/// The clock stepped by so much.
pub(super) fn shift(conn: &Connection, by_ms: i64) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET not_before = max(not_before + ?1, 1)
         WHERE state IN ('accepted', 'sent') AND not_before > 0",
    )?
    .execute([by_ms])?;
    Ok(())
}

/// Whether the provider took a message after `since` and has not told since that
/// it left there.
///
/// # Errors
/// Whatever the database reports.
pub fn any_untold(conn: &Connection, since: UnixMs, now: UnixMs) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_by_state
             WHERE state = 'accepted' AND accepted_at > ?1 AND accepted_at <= ?2)",
        )?
        .query_row([since.0, now.0], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, POLICY, accepted, claim, end, one, state, status};
    use super::super::*;
    use super::*;
    use crate::core::inbound::Receipt;
    use crate::core::time::{DAY_MS, HOUR_MS};
    use crate::store::queue as by_staff;
    use crate::store::tests::{box_key, contact, count, db, queue};

    const AGE: i64 = 3 * DAY_MS;

    fn hear(conn: &Connection, wamid: &str, receipt: Receipt, at: UnixMs) {
        apply_status(conn, &box_key(), &status(wamid, receipt, None), at).unwrap();
    }

    fn open(conn: &Connection) -> Vec<(String, Option<OutboxId>)> {
        let tasks = tasks::list_open(conn, 10).unwrap();
        tasks.into_iter().map(|t| (t.kind, t.outbox)).collect()
    }

    /// A message that was taken, and seen to be.
    fn taken() -> (Connection, OutboxId) {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let id = queue(&conn, amina, Purpose::Notice, "a1");
        let first = one(&conn, NOW);
        end(&conn, &first, &accepted("w1"), NOW);
        assert_eq!(end_unheard(&conn, AGE, NOW).unwrap(), 0);
        (conn, id)
    }

    #[test]
    fn what_was_taken_and_never_heard_of_again_ends_with_one_task() {
        for heard in [None, Some(Receipt::Sent)] {
            let (conn, id) = taken();
            if let Some(receipt) = heard {
                hear(&conn, "w1", receipt, NOW);
            }
            let before = NOW.plus_ms(AGE - 1);
            assert_eq!(end_unheard(&conn, AGE, before).unwrap(), 0);
            let late = NOW.plus_ms(AGE);
            assert_eq!(end_unheard(&conn, AGE, late).unwrap(), 1);
            assert_eq!(end_unheard(&conn, AGE, late).unwrap(), 0);
            assert_eq!(state(&conn, id), DeliveryState::Failed);
            assert_eq!(open(&conn), [("sent_in_doubt".to_owned(), Some(id))]);
            hear(&conn, "w1", Receipt::Delivered, late);
            assert_eq!(state(&conn, id), DeliveryState::Delivered);
            assert_eq!(open(&conn), []);
        }
    }

    #[test]
    fn what_staff_send_again_of_it_is_marked_and_ends_if_the_first_arrives() {
        let (conn, id) = taken();
        let late = NOW.plus_ms(AGE);
        end_unheard(&conn, AGE, late).unwrap();
        let copy = by_staff::retry(&conn, id, late).unwrap().unwrap();
        let marked = "SELECT maybe_double FROM outbox WHERE state = 'queued'";
        assert_eq!(count(&conn, marked), 1);
        hear(&conn, "w1", Receipt::Delivered, late);
        assert_eq!(state(&conn, copy), DeliveryState::Superseded);
        assert_eq!(open(&conn), []);
        assert!(claim(&conn, late, 10).unwrap().is_empty());
    }

    #[test]
    fn what_arrived_and_old_questions_need_nobody() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        for (n, purpose) in [
            (1, Purpose::Notice),
            (2, Purpose::Prompt),
            (3, Purpose::Prompt),
        ] {
            queue(&conn, amina, purpose, &format!("a{n}"));
            let claim = one(&conn, NOW);
            end(&conn, &claim, &accepted(&format!("w{n}")), NOW);
        }
        hear(&conn, "w1", Receipt::Delivered, NOW);
        hear(&conn, "w3", Receipt::Read, NOW);
        end_unheard(&conn, AGE, NOW).unwrap();
        end_unheard(&conn, AGE, NOW.plus_ms(AGE)).unwrap();
        assert_eq!(state(&conn, OutboxId(2)), DeliveryState::Superseded);
        assert_eq!(open(&conn), []);
    }

    #[test]
    fn news_that_could_not_come_are_waited_for() {
        let late = NOW.plus_ms(AGE + HOUR_MS);
        let over = late.plus_ms(NEWS_MS_MAX);
        let ends_at = |conn: &Connection| {
            let early = end_unheard(conn, AGE, over.plus_ms(-1)).unwrap();
            (early, end_unheard(conn, AGE, over).unwrap())
        };
        let (conn, _) = taken();
        line_up(&conn, POLICY.in_doubt_ms, 2 * DAY_MS, late).unwrap();
        assert_eq!(ends_at(&conn), (0, 1), "after an outage");
        let (conn, _) = taken();
        recover(&conn, POLICY.in_doubt_ms, late).unwrap();
        assert_eq!(ends_at(&conn), (0, 1), "after a start");
        let (conn, _) = taken();
        clock_ahead(&conn, POLICY.in_doubt_ms, 9 * DAY_MS, late).unwrap();
        assert_eq!(ends_at(&conn), (0, 0), "after a step of the clock");
        clock_back(&conn, POLICY.in_doubt_ms, 9 * DAY_MS, NOW).unwrap();
        assert_eq!(end_unheard(&conn, AGE, NOW.plus_ms(AGE)).unwrap(), 1);
    }

    #[test]
    fn only_what_was_taken_since_and_told_nothing_of_counts_as_silence() {
        let (conn, _) = taken();
        let later = NOW.plus_ms(1);
        assert!(any_untold(&conn, NOW.plus_ms(-1), later).unwrap());
        assert!(!any_untold(&conn, NOW, later).unwrap(), "before it");
        hear(&conn, "w1", Receipt::Sent, later);
        assert!(!any_untold(&conn, NOW.plus_ms(-1), later).unwrap());
    }
}
