//! What a step of the clock does to waits that are told by the calendar: what is
//! left of each stays as long as it was.

use super::settle::line_up;
use super::{first_contacts, unheard};
use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::{Connection, params};

/// The clock stepped forward by so much: no time has passed in which anything
/// could have been heard.
///
/// # Errors
/// Whatever the database reports.
pub fn clock_ahead(conn: &Connection, in_doubt_ms: i64, by_ms: i64, now: UnixMs) -> Result<usize> {
    unheard::shift(conn, by_ms)?;
    line_up(conn, in_doubt_ms, by_ms, now)
}

/// The clock stepped back by so much. Whoever waits is looked at anew, because a
/// window or an age that was judged by the time before was judged wrongly.
///
/// # Errors
/// Whatever the database reports.
pub fn clock_back(conn: &Connection, in_doubt_ms: i64, by_ms: i64, now: UnixMs) -> Result<usize> {
    conn.execute(
        "UPDATE outbox SET not_before = max(not_before - ?1, 0)
         WHERE state = 'queued' AND not_before > 0",
        [by_ms],
    )?;
    conn.execute(
        "UPDATE outbox SET not_before = min(not_before - ?1, ?2) WHERE state = 'in_doubt'",
        [by_ms, now.plus_ms(in_doubt_ms).0],
    )?;
    unheard::shift(conn, -by_ms)?;
    first_contacts::shift(conn, -by_ms)?;
    // A question that never left, whose window seemed to be over in a time that
    // has not come yet. Where WhatsApp itself has closed it, it ends again.
    conn.execute(
        "UPDATE outbox SET state = 'queued', why = NULL, updated_at = ?1
         WHERE state = 'superseded' AND why = 'window_closed' AND purpose = 'prompt'
           AND updated_at > ?1 AND body IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.outbox_id = outbox.id)
           AND NOT EXISTS (SELECT 1 FROM outbox n INDEXED BY outbox_by_contact
                           WHERE n.contact_id = outbox.contact_id AND n.id > outbox.id
                             AND n.purpose = 'prompt')",
        [now.0],
    )?;
    conn.execute(
        "UPDATE lane SET lapsed_stamp = NULL WHERE lapsed_stamp IS NOT NULL",
        [],
    )?;
    Ok(conn.execute(
        "UPDATE lane SET look_at = ?1 WHERE contact_id IN (
             SELECT contact_id FROM outbox INDEXED BY outbox_by_state
             WHERE state IN ('queued', 'held', 'in_doubt'))",
        params![now.0],
    )?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, POLICY, claim, end, one, refused, rules, state};
    use super::super::*;
    use super::*;
    use crate::core::delivery::{Link, SendOutcome, WindowRule};
    use crate::core::inbound::ProviderError;
    use crate::core::time::{DAY_MS, HOUR_MS};
    use crate::store::Try;
    use crate::store::tests::{contact, db, queue};

    /// As at Meta: a window of a day, and no template that could be sent.
    fn leaves(conn: &Connection, at: UnixMs, trusted: bool) -> Vec<Claim> {
        let rules = Rules {
            limits: Limits {
                window: WindowRule::Day,
                ..rules().limits
            },
            ..rules()
        };
        turn(
            conn,
            &rules,
            Link::Works,
            Now { at, trusted },
            10,
            Try::Careful,
        )
        .unwrap()
        .claims
    }

    fn wrote(conn: &Connection, who: ContactId, at: UnixMs) {
        conn.execute(
            "UPDATE contact SET last_stamp = ?2 WHERE id = ?1",
            [who.0, at.0],
        )
        .unwrap();
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_moment_closes_no_window_for_good() {
        let conn = db();
        let [amina, juma] = [1, 2].map(|n| contact(&conn, &format!("24397000000{n}")));
        for who in [amina, juma] {
            wrote(&conn, who, NOW);
        }
        let question = queue(&conn, amina, Purpose::Prompt, "a1");
        let reply = queue(&conn, juma, Purpose::Notice, "j1");
        let ahead = NOW.plus_ms(30 * HOUR_MS);
        assert!(leaves(&conn, ahead, true).is_empty());
        assert_eq!(state(&conn, question), DeliveryState::Superseded);
        assert_eq!(state(&conn, reply), DeliveryState::Held);
        // Who asks another clock is told the same, as long as nobody knows better.
        let look = "UPDATE lane SET look_at = 0";
        conn.execute(look, []).unwrap();
        assert!(leaves(&conn, ahead, false).is_empty());
        let now = NOW.plus_ms(60_000);
        clock_back(&conn, POLICY.in_doubt_ms, 30 * HOUR_MS, now).unwrap();
        assert_eq!(leaves(&conn, now, true).len(), 2);
    }

    #[test]
    fn what_whatsapp_closed_stays_closed_when_the_clock_is_set_back() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        wrote(&conn, amina, NOW);
        let reply = queue(&conn, amina, Purpose::Notice, "a1");
        let claims = leaves(&conn, NOW, true);
        end(&conn, &claims[0], &refused(131_047), NOW);
        assert!(leaves(&conn, NOW.plus_ms(60_000), true).is_empty());
        clock_back(&conn, POLICY.in_doubt_ms, HOUR_MS, NOW).unwrap();
        assert!(leaves(&conn, NOW, true).is_empty());
        assert_eq!(state(&conn, reply), DeliveryState::Held);
    }

    #[test]
    fn a_clock_set_back_by_hours_keeps_nobody_waiting_for_them() {
        let conn = db();
        let [amina, juma] = [1, 2].map(|n| contact(&conn, &format!("24397000000{n}")));
        let (by, minute, wrong) = (5 * HOUR_MS, 60_000, NOW.plus_ms(10 * HOUR_MS));
        queue(&conn, amina, Purpose::Notice, "a1");
        let doubted = one(&conn, wrong);
        end(&conn, &doubted, &SendOutcome::Unknown, wrong);
        queue(&conn, juma, Purpose::Notice, "j1");
        let throttled = one(&conn, wrong);
        let too_fast = SendOutcome::Refused {
            error: ProviderError {
                code: 131_056,
                subcode: None,
            },
            http: 400,
            wait: Some(std::time::Duration::from_secs(300)),
        };
        let put_off = end(&conn, &throttled, &too_fast, wrong);
        assert_eq!(put_off, DeliveryState::Queued);
        assert!(claim(&conn, wrong.plus_ms(minute), 10).unwrap().is_empty());
        let back = wrong.plus_ms(minute - by);
        clock_back(&conn, POLICY.in_doubt_ms, by, back).unwrap();
        assert!(claim(&conn, back, 10).unwrap().is_empty(), "not at once");
        let over = back.plus_ms(POLICY.in_doubt_ms - minute);
        let soon = claim(&conn, over.plus_ms(-1), 10).unwrap();
        assert!(soon.iter().all(|claim| claim.id == throttled.id));
        let left = claim(&conn, over, 10).unwrap();
        assert!(left.iter().any(|claim| claim.id == doubted.id));
        assert_eq!(soon.len() + left.len(), 2);
    }

    #[test]
    fn a_clock_that_was_ahead_when_doubt_began_makes_it_no_longer() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        queue(&conn, amina, Purpose::Notice, "a1");
        let ahead = NOW.plus_ms(2 * DAY_MS);
        let claim = one(&conn, ahead);
        end(&conn, &claim, &SendOutcome::Unknown, ahead);
        clock_back(&conn, POLICY.in_doubt_ms, 2 * DAY_MS, NOW).unwrap();
        assert_eq!(one(&conn, NOW.plus_ms(POLICY.in_doubt_ms)).id, claim.id);
    }
}
