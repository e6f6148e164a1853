//! The ceiling of a day: what would exceed it waits for the clinic's midnight.
//!
//! What is in the air, or in doubt, has a place in the day but may give it back:
//! whom only that keeps waiting is looked at again once it is decided. Order goes
//! before money: where words of staff wait behind the bot's, the bot's leave too.

use super::{Rules, purpose_of, purpose_word};
use crate::core::delivery::{Errand, Why};
use crate::core::id::{ContactId, OutboxId};
use crate::core::limits::LOOKS_PER_TURN_MAX;
use crate::core::outgoing::Purpose;
use crate::core::time::UnixMs;
use crate::core::usage::{day, over_ceiling};
use crate::store::{Result, usage};
use rusqlite::{Connection, params};

/// So long after midnight stands in the lane of a contact whom only what is in
/// the air keeps waiting: by this they are told from those who wait for midnight.
const UNDECIDED_MS: i64 = 1;

/// How the day stands.
pub(super) struct Ceiling {
    most: u32,
    /// What the provider took.
    taken: u64,
    /// What it may have taken or may take yet.
    in_air: u64,
    tomorrow: UnixMs,
}

/// What is in the air, and what is in doubt while news of it may still come: it
/// has its place in the day until then. That a message is only asked about makes
/// no difference to its place.
pub(super) const IN_AIR: &str = "SELECT count(*) FROM outbox INDEXED BY outbox_by_state
     WHERE state IN ('sending', 'in_doubt') AND (state = 'sending' OR not_before > ?1)";

/// Contacts whom only what is in the air keeps waiting.
pub(super) const UNDECIDED: &str = "SELECT contact_id FROM lane INDEXED BY lane_ready
     WHERE rank = 1 AND ready_at = ?1 AND ready_at IS NOT NULL LIMIT ?2";

impl Ceiling {
    /// Counts what was taken today and what may be.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub(super) fn read(conn: &Connection, rules: &Rules, now: UnixMs) -> Result<Self> {
        let today = day(now, 0, &rules.zone);
        let mut ceiling = Self {
            most: rules.daily_ceiling,
            taken: 0,
            in_air: 0,
            tomorrow: today.until,
        };
        if ceiling.most > 0 {
            let in_air: i64 = conn
                .prepare_cached(IN_AIR)?
                .query_row([now.0], |row| row.get(0))?;
            ceiling.in_air = u64::try_from(in_air).unwrap_or(0);
            ceiling.taken = usage::sum(conn, usage::ACCEPTED, today.from, today.until)?;
        }
        Ok(ceiling)
    }

    /// One more leaves on this errand. What is asked about has its place already.
    pub(super) const fn take(&mut self, errand: Errand) {
        if takes_place(errand) {
            self.in_air = self.in_air.saturating_add(1);
        }
    }

    /// Has those looked at again whom only what was in the air kept waiting: as
    /// many as there are places now, or all of them once the day is over.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub(super) fn look_again(&self, conn: &Connection, now: UnixMs) -> Result<()> {
        let most = u64::from(self.most);
        let places = if self.taken >= most {
            u64::MAX
        } else {
            most.saturating_sub(self.taken.saturating_add(self.in_air))
        };
        if self.most == 0 || places == 0 {
            return Ok(());
        }
        let few = usize::try_from(places).unwrap_or(usize::MAX);
        let few = i64::try_from(few.min(LOOKS_PER_TURN_MAX)).unwrap_or(i64::MAX);
        conn.prepare_cached(&format!(
            "UPDATE lane SET look_at = ?3, ready_at = NULL WHERE contact_id IN ({UNDECIDED})"
        ))?
        .execute(params![self.undecided().0, few, now.0])?;
        Ok(())
    }

    /// Has a contact's head wait if it has to, for tomorrow or for what is in the
    /// air; true if so. When the contact is to be looked at stays as it was: the
    /// wait may outlive their window.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub(super) fn holds(
        &self,
        conn: &Connection,
        (contact, head): (ContactId, OutboxId),
        errand: Errand,
        now: UnixMs,
    ) -> Result<bool> {
        let gone = if takes_place(errand) {
            self.taken.saturating_add(self.in_air)
        } else {
            self.taken
        };
        // Asking costs nothing of what the ceiling counts.
        if errand == Errand::Ask || !over_ceiling(gone, self.most, Purpose::Prompt) {
            return Ok(false);
        }
        let purpose: String = conn
            .prepare_cached("SELECT purpose FROM outbox WHERE id = ?1")?
            .query_row([head.0], |row| row.get(0))?;
        let purpose = purpose_of(&purpose)?;
        if !over_ceiling(gone, self.most, purpose) || staff_wait(conn, contact)? {
            return Ok(false);
        }
        let mut until = self.undecided();
        if over_ceiling(self.taken, self.most, purpose) {
            until = self.tomorrow;
            say_why(conn, head, now)?;
        }
        conn.prepare_cached("UPDATE lane SET ready_at = ?2 WHERE contact_id = ?1")?
            .execute(params![contact.0, until.0])?;
        Ok(true)
    }

    const fn undecided(&self) -> UnixMs {
        self.tomorrow.plus_ms(UNDECIDED_MS)
    }
}

/// Whether an errand takes a place in the day that its message does not have.
const fn takes_place(errand: Errand) -> bool {
    match errand {
        Errand::Send | Errand::Repeat => true,
        Errand::AskAndSend | Errand::Ask => false,
    }
}

/// One in doubt stays what it is.
fn say_why(conn: &Connection, id: OutboxId, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET why = ?2, updated_at = ?3
         WHERE id = ?1 AND state = 'queued' AND why IS NOT ?2",
    )?
    .execute(params![id.0, Why::DailyCeiling.word(), now.0])?;
    Ok(())
}

/// After a start, whatever waited for midnight, or for what was in the air, is
/// planned anew: the ceiling may be another one.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn look_again(conn: &Connection, now: UnixMs) -> Result<()> {
    let held = Why::DailyCeiling.word();
    conn.prepare_cached(
        "UPDATE lane SET look_at = ?1, ready_at = NULL
         WHERE rank IN (0, 1) AND ready_at IS NOT NULL AND ready_at > ?1 AND EXISTS (
             SELECT 1 FROM outbox o
             WHERE o.id = lane.head_id AND o.state = 'queued'
               AND (o.why = ?2 OR o.not_before <= ?1))",
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
        .prepare_cached(concat!(
            "SELECT EXISTS (SELECT 1 FROM outbox INDEXED BY outbox_waiting
             WHERE contact_id = ?1 AND state IN ('queued', 'held') AND purpose IN (?2, ?3)
               AND ",
            waits!(),
            ")"
        ))?
        .query_row(
            params![
                contact.0,
                purpose_word(Purpose::Staff),
                purpose_word(Purpose::Emergency)
            ],
            |row| row.get(0),
        )?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{POLICY, end, refused, rules, state, status};
    use super::super::{Claim, apply_status, turn};
    use super::*;
    use crate::core::delivery::{Asking, DeliveryState, Limits, Link, SendOutcome};
    use crate::core::inbound::Receipt;
    use crate::core::time::{DAY_MS, HOUR_MS, Now};
    use crate::store::Try;
    use crate::store::clock_moves;
    use crate::store::tests::{box_key, contact, db, queue};

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
            let turn = turn(conn, &rules, Link::Works, now, room, Try::Careful).unwrap();
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
    fn a_wait_for_midnight_is_no_sign_of_a_clock_that_was_set_back() {
        let conn = db();
        for n in 1..=3 {
            let who = contact(&conn, &format!("24397000000{n}"));
            queue(&conn, who, Purpose::Notice, &format!("n{n}"));
        }
        let morning = UnixMs(HOUR_MS);
        let both = leave(&conn, morning, 10);
        accepted(&conn, &both);
        assert!(leave(&conn, morning, 10).is_empty());
        let written = conn.total_changes();
        let later = morning.plus_ms(60_000);
        assert_eq!(clock_moves::mend(&conn, 600_000, later).unwrap(), 0);
        assert!(leave(&conn, later, 10).is_empty());
        assert_eq!(conn.total_changes(), written);
        // Looked at anew, its row says what it said.
        conn.execute("UPDATE lane SET look_at = ?1", [later.0])
            .unwrap();
        assert!(leave(&conn, later, 10).is_empty());
        let touched = "SELECT count(*) FROM outbox WHERE state = 'queued' AND updated_at >= ?1";
        let touched: i64 = conn
            .query_row(touched, [later.0], |row| row.get(0))
            .unwrap();
        assert_eq!(touched, 0);
        assert_eq!(leave(&conn, TOMORROW, 10).len(), 1);
    }

    /// How many messages the provider took, as it is counted.
    fn counted(conn: &Connection) -> u64 {
        usage::sum(conn, usage::ACCEPTED, UnixMs(0), TOMORROW).unwrap()
    }

    #[test]
    fn what_a_status_tells_to_be_taken_counts_once() {
        let conn = db();
        for n in 1..=4 {
            let who = contact(&conn, &format!("24397000000{n}"));
            queue(&conn, who, Purpose::Notice, &format!("n{n}"));
        }
        let both = leave(&conn, NOW, 10);
        for claim in &both {
            end(&conn, claim, &SendOutcome::Unknown, NOW);
        }
        assert!(leave(&conn, NOW, 10).is_empty(), "they may have been taken");
        for claim in &both {
            let (wamid, key) = (format!("wamid.{}", claim.id), &claim.call.key.0);
            for receipt in [Receipt::Sent, Receipt::Delivered] {
                let news = status(&wamid, receipt, Some(key));
                apply_status(&conn, &box_key(), &news, NOW).unwrap();
            }
        }
        assert_eq!(counted(&conn), 2);
        let wait_over = NOW.plus_ms(POLICY.in_doubt_ms);
        assert!(leave(&conn, wait_over, 10).is_empty());
        // The answer to the send comes last of all.
        accepted(&conn, &both);
        assert_eq!(counted(&conn), 2);
        assert_eq!(leave(&conn, TOMORROW, 10).len(), 2);
    }

    #[test]
    fn a_place_that_is_given_back_in_the_air_is_taken_by_the_next() {
        let conn = db();
        let queued: Vec<OutboxId> = (1..=6)
            .map(|n| {
                let who = contact(&conn, &format!("24397000000{n}"));
                queue(&conn, who, Purpose::Notice, &format!("n{n}"))
            })
            .collect();
        let waiting = |conn: &Connection| {
            let waits = queued.iter().filter(|id| {
                let sql = "SELECT state = 'queued' AND why IS NULL FROM outbox WHERE id = ?1";
                let waits = conn.query_row(sql, [id.0], |row| row.get::<_, bool>(0));
                waits.unwrap()
            });
            waits.count()
        };
        let first = leave(&conn, NOW, 10);
        accepted(&conn, &first[..1]);
        assert!(leave(&conn, NOW, 10).is_empty());
        assert_eq!(waiting(&conn), 4, "for one that is in the air");
        end(&conn, &first[1], &refused(100), NOW);
        let second = leave(&conn, NOW, 10);
        assert_eq!(second.len(), 1);
        // A lost answer keeps its place for as long as news may come.
        end(&conn, &second[0], &SendOutcome::Unknown, NOW);
        assert!(leave(&conn, NOW, 10).is_empty());
        let wait_over = NOW.plus_ms(POLICY.in_doubt_ms);
        let third = leave(&conn, wait_over, 10);
        assert_eq!(third.len(), 1);
        assert_eq!(waiting(&conn), 3 - usize::from(third[0].id != second[0].id));
        accepted(&conn, &third);
        assert!(leave(&conn, wait_over, 10).is_empty());
        assert_eq!(waiting(&conn), 0, "the day is over, and each says so");
    }

    #[test]
    fn asking_about_a_message_takes_no_further_place() {
        let conn = db();
        let asking = Rules {
            daily_ceiling: 2,
            limits: Limits {
                asking: Some(Asking {
                    after_ms: 15_000,
                    in_doubt_ms: POLICY.in_doubt_ms,
                }),
                ..rules().limits
            },
            ..rules()
        };
        let turn_at = |at| {
            let now = Now { at, trusted: true };
            turn(&conn, &asking, Link::Works, now, 10, Try::Careful).unwrap()
        };
        let amina = contact(&conn, "243970000001");
        queue(&conn, amina, Purpose::Notice, "a1");
        let doubted = turn_at(NOW).claims.remove(0);
        end(&conn, &doubted, &SendOutcome::Unknown, NOW);
        let soon = NOW.plus_ms(20_000);
        for (n, name) in [(2, "j1"), (3, "z1")] {
            let who = contact(&conn, &format!("24397000000{n}"));
            queue(&conn, who, Purpose::Notice, name);
        }
        let claims = turn_at(soon).claims;
        let errands: Vec<Errand> = claims.iter().map(|claim| claim.errand).collect();
        assert_eq!(errands.len(), 2, "{errands:?}");
        assert!(errands.contains(&Errand::AskAndSend) && errands.contains(&Errand::Send));
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
            turn(&conn, &rules, Link::Works, now, 10, Try::Careful)
                .unwrap()
                .claims
                .len()
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
