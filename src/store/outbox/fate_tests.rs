//! What becomes of a message that did not go the straight way: staff called,
//! staff send it again.

use super::tests::{NOW, accepted, claim, end, one, rules, state};
use super::*;
use crate::core::access::Role;
use crate::core::delivery::{SendOutcome, WindowRule};
use crate::core::id::StaffId;
use crate::core::tasks::Outcome;
use crate::core::time::{DAY_MS, HOUR_MS};
use crate::store::queue as by_staff;
use crate::store::staff::{self, NewStaff};
use crate::store::tests::{contact, count, db, queue};

/// As at Meta: a window of a day, and no template that could be sent.
fn windowed() -> Rules {
    Rules {
        limits: Limits {
            window: WindowRule::Day,
            ..rules().limits
        },
        ..rules()
    }
}

fn wrote(conn: &Connection, who: ContactId, at: UnixMs) {
    conn.execute(
        "UPDATE contact SET last_stamp = ?2 WHERE id = ?1",
        [who.0, at.0],
    )
    .unwrap();
}

/// What leaves under a window, everything planned before.
fn leaves(conn: &Connection, at: UnixMs) -> usize {
    let now = Now { at, trusted: true };
    turn(conn, &windowed(), now, 10).unwrap().claims.len()
}

fn nurse(conn: &Connection) -> StaffId {
    let new = NewStaff {
        name: "nurse",
        roles: &[Role::Clinician],
        password_hash: "",
        must_change: false,
    };
    staff::add(conn, &new, NOW).unwrap()
}

/// A reply whose window has closed, and the call for it ended in this way.
fn called(outcome: Outcome) -> (Connection, ContactId, OutboxId) {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    wrote(&conn, amina, NOW);
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let late = NOW.plus_ms(DAY_MS);
    assert_eq!(leaves(&conn, late), 0);
    assert_eq!(state(&conn, id), DeliveryState::Held);
    let [task] = &tasks::list_open(&conn, 10).unwrap()[..] else {
        panic!("one task");
    };
    tasks::end(&conn, task.id, nurse(&conn), outcome, late).unwrap();
    (conn, amina, id)
}

#[test]
fn a_call_that_reached_nobody_leaves_the_reply_to_leave_by_itself() {
    for (outcome, leaving, left) in [
        (Outcome::CouldNotReach, 1, DeliveryState::Sending),
        (Outcome::NotNeeded, 1, DeliveryState::Sending),
        (Outcome::Done, 0, DeliveryState::Cancelled),
    ] {
        let (conn, amina, id) = called(outcome);
        let back = NOW.plus_ms(DAY_MS + HOUR_MS);
        wrote(&conn, amina, back);
        assert_eq!(leaves(&conn, back), leaving, "{outcome}");
        assert_eq!(state(&conn, id), left, "{outcome}");
    }
}

#[test]
fn a_reply_that_grew_too_old_after_a_call_that_reached_nobody_needs_another() {
    for (outcome, calls, ended) in [
        (Outcome::CouldNotReach, 1, DeliveryState::Expired),
        (Outcome::Done, 0, DeliveryState::Cancelled),
    ] {
        let (conn, _, id) = called(outcome);
        assert_eq!(leaves(&conn, NOW.plus_ms(8 * DAY_MS)), 0);
        assert_eq!(state(&conn, id), ended, "{outcome}");
        let open = tasks::list_open(&conn, 10).unwrap();
        assert_eq!(open.len(), calls, "{outcome}");
    }
}

#[test]
fn what_may_have_arrived_is_marked_when_staff_send_it_again() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Staff, "s1");
    let first = one(&conn, NOW);
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    let over = NOW.plus_ms(super::tests::POLICY.in_doubt_ms);
    assert!(claim(&conn, over, 10).unwrap().is_empty());
    assert_eq!(state(&conn, id), DeliveryState::Failed);
    assert!(by_staff::retry(&conn, id, over).unwrap());
    assert_eq!(count(&conn, "SELECT maybe_double FROM outbox"), 1);
    // What surely never left is sent again without a mark.
    let never = queue(&conn, amina, Purpose::Notice, "a1");
    assert!(by_staff::cancel(&conn, never, over).unwrap());
    assert!(by_staff::retry(&conn, never, over).unwrap());
    assert_eq!(count(&conn, "SELECT maybe_double FROM outbox WHERE id = 2"), 0);
}

#[test]
fn what_staff_send_again_outlives_a_newer_question() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Prompt, "a1");
    let first = one(&conn, NOW);
    supersede_prompts(&conn, amina, NOW).unwrap();
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    assert!(by_staff::retry(&conn, id, NOW).unwrap());
    let again = one(&conn, NOW);
    let unsent = SendOutcome::NotSent(crate::ports::LineFault::Down);
    assert_eq!(end(&conn, &again, &unsent, NOW), DeliveryState::Queued);
    let again = one(&conn, NOW);
    assert_eq!(
        end(&conn, &again, &accepted("w1"), NOW),
        DeliveryState::Accepted
    );
}
