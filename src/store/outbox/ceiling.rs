//! The ceiling of a day: what would exceed it waits for the clinic's midnight.
//!
//! Order goes before money: where words of staff wait behind the bot's, the
//! bot's leave too.

use super::{Rules, purpose_of, purpose_word};
use crate::core::delivery::Why;
use crate::core::id::{ContactId, OutboxId};
use crate::core::outgoing::Purpose;
use crate::core::time::UnixMs;
use crate::core::usage::{day, over_ceiling};
use crate::store::{Result, usage};
use rusqlite::{Connection, params};

/// How the day stands.
pub(super) struct Ceiling {
    most: u32,
    taken: u64,
    tomorrow: UnixMs,
}

impl Ceiling {
    /// Counts what was taken today and what is in the air.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub(super) fn read(conn: &Connection, rules: &Rules, now: UnixMs) -> Result<Self> {
        let today = day(now, 0, &rules.zone);
        let mut ceiling = Self {
            most: rules.daily_ceiling,
            taken: 0,
            tomorrow: today.until,
        };
        if ceiling.most > 0 {
            let in_air: i64 = conn
                .prepare_cached("SELECT count(*) FROM outbox WHERE state = 'sending'")?
                .query_row([], |row| row.get(0))?;
            let accepted = usage::sum(conn, usage::ACCEPTED, today.from, today.until)?;
            ceiling.taken = accepted.saturating_add(u64::try_from(in_air).unwrap_or(0));
        }
        Ok(ceiling)
    }

    /// One more leaves.
    pub(super) const fn take(&mut self) {
        self.taken = self.taken.saturating_add(1);
    }

    /// Has a contact's head wait for tomorrow if it has to; true if so. When
    /// the contact is to be looked at stays as it was: the wait may outlive
    /// their window.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub(super) fn holds(
        &self,
        conn: &Connection,
        contact: ContactId,
        head: OutboxId,
        now: UnixMs,
    ) -> Result<bool> {
        if !over_ceiling(self.taken, self.most, Purpose::Prompt) {
            return Ok(false);
        }
        let purpose: String = conn
            .prepare_cached("SELECT purpose FROM outbox WHERE id = ?1")?
            .query_row([head.0], |row| row.get(0))?;
        let purpose = purpose_of(&purpose)?;
        if !over_ceiling(self.taken, self.most, purpose) || staff_wait(conn, contact)? {
            return Ok(false);
        }
        conn.prepare_cached("UPDATE lane SET ready_at = ?2 WHERE contact_id = ?1")?
            .execute(params![contact.0, self.tomorrow.0])?;
        // One in doubt stays what it is.
        conn.prepare_cached(
            "UPDATE outbox SET why = ?2, updated_at = ?3 WHERE id = ?1 AND state = 'queued'",
        )?
        .execute(params![head.0, Why::DailyCeiling.word(), now.0])?;
        Ok(true)
    }
}

/// After a start, whatever waited for midnight is planned anew: the ceiling may
/// be another one.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn look_again(conn: &Connection, now: UnixMs) -> Result<()> {
    let held = Why::DailyCeiling.word();
    conn.prepare_cached(
        "UPDATE lane SET look_at = ?1, ready_at = NULL
         WHERE rank IN (0, 1) AND ready_at IS NOT NULL AND ready_at > ?1 AND EXISTS (
             SELECT 1 FROM outbox o
             WHERE o.id = lane.head_id AND o.state = 'queued' AND o.why = ?2)",
    )?
    .execute(params![now.0, held])?;
    // Another reason may hold them now; the ceiling says so again if it does.
    conn.prepare_cached(
        "UPDATE outbox SET why = NULL
         WHERE state = 'queued' AND why = ?2 AND id IN (
             SELECT head_id FROM lane INDEXED BY lane_look
             WHERE look_at IS NOT NULL AND look_at <= ?1 AND ready_at IS NULL)",
    )?
    .execute(params![now.0, held])?;
    Ok(())
}

fn staff_wait(conn: &Connection, contact: ContactId) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_waiting
             WHERE contact_id = ?1 AND state = 'queued' AND purpose = ?2
               AND state IN ('queued', 'held', 'sending', 'in_doubt'))",
        )?
        .query_row(params![contact.0, purpose_word(Purpose::Staff)], |row| {
            row.get(0)
        })?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{end, rules, state};
    use super::super::{Claim, turn};
    use super::*;
    use crate::core::delivery::{DeliveryState, SendOutcome};
    use crate::core::time::{DAY_MS, HOUR_MS, Now};
    use crate::store::tests::{contact, db, queue};

    const NOW: UnixMs = UnixMs(20 * HOUR_MS);
    const TOMORROW: UnixMs = UnixMs(DAY_MS);

    fn leave(conn: &Connection, at: UnixMs, room: usize) -> Vec<Claim> {
        let rules = Rules {
            daily_ceiling: 2,
            ..rules()
        };
        let now = Now { at, trusted: true };
        let mut claims = Vec::new();
        loop {
            let turn = turn(conn, &rules, now, room).unwrap();
            let idle = turn.claims.is_empty() && !turn.more;
            claims.extend(turn.claims);
            if idle {
                assert!(turn.next.is_none_or(|next| next > at), "no busy wait");
                return claims;
            }
        }
    }

    fn keys<'a>(claims: &'a [Claim]) -> Vec<&'a str> {
        let key = |claim: &'a Claim| claim.call.key.0.trim_start_matches("ob:");
        claims.iter().map(key).collect()
    }

    fn accepted(conn: &Connection, claims: &[Claim]) {
        for claim in claims {
            let wamid = format!("wamid.{}", claim.id);
            let outcome = SendOutcome::Accepted {
                wamid: wamid.into(),
            };
            end(conn, claim, &outcome, NOW);
        }
    }

    #[test]
    fn what_exceeds_a_day_waits_for_midnight_and_says_so() {
        let conn = db();
        let people = [1, 2, 3, 4].map(|n| contact(&conn, &format!("24397000000{n}")));
        let queued = people.map(|who| queue(&conn, who, Purpose::Notice, &format!("n{who}")));
        // What is in the air counts, and nothing was accepted yet.
        let both = leave(&conn, NOW, 1);
        assert_eq!(both.len(), 2);
        accepted(&conn, &both);
        assert!(leave(&conn, NOW, 10).is_empty());
        let waiting: Vec<OutboxId> = queued
            .into_iter()
            .filter(|id| both.iter().all(|claim| claim.id != *id))
            .collect();
        for id in &waiting {
            assert_eq!(state(&conn, *id), DeliveryState::Queued);
            let why: String = conn
                .query_row("SELECT why FROM outbox WHERE id = ?1", [id.0], |row| {
                    row.get(0)
                })
                .unwrap();
            assert_eq!(why, "daily_ceiling");
        }
        assert!(leave(&conn, TOMORROW.plus_ms(-1), 10).is_empty());
        assert_eq!(leave(&conn, TOMORROW, 10).len(), 2);
    }

    #[test]
    fn emergencies_and_words_of_staff_never_wait_for_money() {
        let conn = db();
        let [amina, juma, zawadi] = [1, 2, 3].map(|n| contact(&conn, &format!("24397000000{n}")));
        queue(&conn, amina, Purpose::Notice, "a1");
        queue(&conn, juma, Purpose::Notice, "j1");
        let both = leave(&conn, NOW, 10);
        accepted(&conn, &both);
        queue(&conn, amina, Purpose::Notice, "a2");
        queue(&conn, juma, Purpose::Emergency, "j2");
        queue(&conn, zawadi, Purpose::Staff, "z1");
        let urgent = leave(&conn, NOW, 10);
        assert_eq!(keys(&urgent), ["j2", "z1"]);
        accepted(&conn, &urgent);
        // Staff write to the one who waits: both leave, in their order.
        queue(&conn, amina, Purpose::Staff, "a3");
        let bots = leave(&conn, NOW, 10);
        assert_eq!(keys(&bots), ["a2"]);
        accepted(&conn, &bots);
        assert_eq!(keys(&leave(&conn, NOW, 10)), ["a3"]);
    }

    #[test]
    fn a_start_under_a_higher_ceiling_lets_what_waited_leave() {
        let conn = db();
        for n in 1..=3 {
            let who = contact(&conn, &format!("24397000000{n}"));
            queue(&conn, who, Purpose::Notice, &format!("n{n}"));
        }
        let both = leave(&conn, NOW, 10);
        accepted(&conn, &both);
        let start = |ceiling| {
            super::super::recover(&conn, 600_000, NOW).unwrap();
            let rules = Rules {
                daily_ceiling: ceiling,
                ..rules()
            };
            let now = Now {
                at: NOW,
                trusted: true,
            };
            turn(&conn, &rules, now, 10).unwrap().claims.len()
        };
        assert_eq!(start(2), 0, "the same ceiling holds it still");
        assert_eq!(start(3), 1);
    }

    #[test]
    fn a_window_that_closes_while_the_ceiling_holds_is_seen() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let juma = contact(&conn, "243970000002");
        for (who, key) in [(amina, "a1"), (amina, "a2"), (juma, "j1")] {
            queue(&conn, who, Purpose::Notice, key);
        }
        let first = leave(&conn, NOW, 10);
        accepted(&conn, &first);
        let look = |conn: &Connection| -> Option<i64> {
            conn.query_row(
                "SELECT look_at FROM lane WHERE contact_id = ?1",
                [amina.0],
                |row| row.get(0),
            )
            .unwrap()
        };
        assert!(leave(&conn, NOW, 10).is_empty());
        assert!(look(&conn).is_some(), "its age ends by the same look");
    }
}
