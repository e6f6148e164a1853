//! What becomes of a message that did not go the straight way: staff called,
//! staff send it again, the provider gave it back.

use super::tests::{NOW, POLICY, accepted, claim, end, one, rules, state, status};
use super::*;
use crate::core::access::Role;
use crate::core::delivery::{Link, SendOutcome, WindowRule};
use crate::core::id::StaffId;
use crate::core::inbound::{ProviderError, Receipt, Status};
use crate::core::tasks::Outcome;
use crate::core::time::{DAY_MS, HOUR_MS};
use crate::store::queue as by_staff;
use crate::store::staff::{self, NewStaff};
use crate::store::tests::{box_key, contact, count, db, queue};
use crate::store::{Try, erasure};

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
    turn(conn, &windowed(), Link::Works, now, 10, Try::Careful)
        .unwrap()
        .claims
        .len()
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
    let over = NOW.plus_ms(POLICY.in_doubt_ms);
    assert!(claim(&conn, over, 10).unwrap().is_empty());
    assert_eq!(state(&conn, id), DeliveryState::Failed);
    assert!(by_staff::retry(&conn, id, over).unwrap().is_some());
    assert_eq!(count(&conn, "SELECT maybe_double FROM outbox"), 1);
    // What surely never left is sent again without a mark.
    let never = queue(&conn, amina, Purpose::Notice, "a1");
    assert!(by_staff::cancel(&conn, never, over).unwrap());
    assert!(by_staff::retry(&conn, never, over).unwrap().is_some());
    assert_eq!(
        count(&conn, "SELECT maybe_double FROM outbox WHERE id = 2"),
        0
    );
}

#[test]
fn what_staff_send_again_outlives_a_newer_question() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Prompt, "a1");
    let first = one(&conn, NOW);
    supersede_prompts(&conn, amina, NOW).unwrap();
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    assert!(by_staff::retry(&conn, id, NOW).unwrap().is_some());
    let again = one(&conn, NOW);
    let unsent = SendOutcome::NotSent(crate::ports::LineFault::Down);
    assert_eq!(end(&conn, &again, &unsent, NOW), DeliveryState::Queued);
    let again = one(&conn, NOW);
    assert_eq!(
        end(&conn, &again, &accepted("w1"), NOW),
        DeliveryState::Accepted
    );
}

/// As at Meta, with a template.
fn with_template() -> Rules {
    let names = [(Lang::En, "reply_waiting_en".to_owned())].into();
    Rules {
        templates: Templates::new(names, vec![Lang::En]),
        ..windowed()
    }
}

/// What leaves under a window, with a template.
fn asks(conn: &Connection, at: UnixMs) -> Vec<Claim> {
    let now = Now { at, trusted: true };
    turn(conn, &with_template(), Link::Works, now, 10, Try::Careful)
        .unwrap()
        .claims
}

fn refused(code: i64) -> SendOutcome {
    SendOutcome::Refused {
        error: ProviderError {
            code,
            subcode: None,
        },
        http: 400,
        wait: None,
    }
}

#[test]
fn words_that_came_a_day_late_are_answered_when_the_person_taps() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    wrote(&conn, amina, NOW);
    let late = NOW.plus_ms(2 * DAY_MS);
    let key = OutboxKey("ob:a1".into());
    let question = Outgoing {
        purpose: Purpose::Prompt,
        body: crate::core::outgoing::Body::text("How old?"),
    };
    let now = Now {
        at: late,
        trusted: true,
    };
    let id = push(&conn, amina, &key, &question, now).unwrap();
    let template = asks(&conn, late);
    assert_eq!(template.len(), 1);
    assert_eq!(template[0].call.message.purpose, Purpose::Template);
    assert_eq!(state(&conn, id), DeliveryState::Held);
    end(&conn, &template[0], &accepted("t1"), late);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
    // More of theirs that is as old brings no second request.
    wrote(&conn, amina, NOW.plus_ms(HOUR_MS));
    assert!(asks(&conn, late).is_empty());
    let requests = "SELECT count(*) FROM outbox WHERE purpose = 'template'";
    assert_eq!(count(&conn, requests), 1);
    // What they write now is read first: it may bring a newer question.
    let back = late.plus_ms(HOUR_MS);
    wrote(&conn, amina, back);
    assert!(asks(&conn, back).is_empty());
    let leaves = asks(&conn, back.plus_ms(15_000));
    assert_eq!(leaves.len(), 1);
    assert_eq!(leaves[0].id, id);
}

#[test]
fn whoever_only_opened_the_chat_is_not_written_to() {
    let conn = db();
    let stranger = contact(&conn, "243970000001");
    wrote(&conn, stranger, UnixMs(0));
    let id = queue(&conn, stranger, Purpose::Prompt, "a1");
    assert!(asks(&conn, NOW.plus_ms(DAY_MS)).is_empty());
    assert_eq!(state(&conn, id), DeliveryState::Superseded);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
}

#[test]
fn templates_rest_when_a_day_s_first_contacts_are_used_up_and_answers_go_on() {
    let conn = db();
    let people: Vec<ContactId> = (1..=3)
        .map(|n| contact(&conn, &format!("24397000000{n}")))
        .collect();
    for who in &people {
        wrote(&conn, *who, NOW);
    }
    let late = NOW.plus_ms(DAY_MS);
    queue(&conn, people[0], Purpose::Notice, "a1");
    queue(&conn, people[1], Purpose::Notice, "b1");
    let asked = asks(&conn, late);
    assert_eq!(asked.len(), 2);
    let both_limited = |code| {
        for claim in &asked {
            assert_eq!(
                end(&conn, claim, &refused(code), late),
                DeliveryState::Queued
            );
        }
    };
    both_limited(131_048);
    let open = "SELECT count(*) FROM task WHERE kind = 'first_contacts_limited' AND state = 'open'";
    assert_eq!(count(&conn, open), 1);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 1);
    // Whoever comes later waits behind the one that tries for all.
    queue(&conn, people[2], Purpose::Notice, "c1");
    assert!(asks(&conn, late.plus_ms(HOUR_MS)).is_empty());
    let waits = "SELECT count(*) FROM outbox WHERE purpose = 'template' AND state = 'queued'";
    assert_eq!(count(&conn, waits), 3);
    let rested = late.plus_ms(4 * HOUR_MS);
    let again = asks(&conn, rested);
    assert_eq!(again.len(), 1, "one tries; the others a minute later");
    end(&conn, &again[0], &accepted("t1"), rested);
    assert_eq!(count(&conn, open), 0);
    assert_eq!(
        asks(&conn, rested).len(),
        2,
        "one was taken: the others too"
    );
}

#[test]
fn a_rest_for_which_nobody_waits_any_more_is_over_and_its_task_closed() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    wrote(&conn, amina, NOW);
    queue(&conn, amina, Purpose::Notice, "a1");
    let late = NOW.plus_ms(DAY_MS);
    let asked = asks(&conn, late);
    end(&conn, &asked[0], &refused(131_048), late);
    let open = "SELECT count(*) FROM task WHERE state = 'open'";
    let rested = late.plus_ms(4 * HOUR_MS);
    for at in [late, rested] {
        end_rest(&conn, at).unwrap();
        assert_eq!(count(&conn, open), 1, "she waits");
    }
    wrote(&conn, amina, rested);
    assert_eq!(asks(&conn, rested).len(), 1);
    end_rest(&conn, rested).unwrap();
    assert_eq!(count(&conn, open), 0);
    let plan = |sql| crate::store::tests::plan(&conn, sql);
    for sql in [first_contacts::REST, first_contacts::GO_ON] {
        assert!(plan(sql).contains("INDEX outbox_waiting"), "{}", plan(sql));
    }
}

#[test]
fn a_template_whose_contact_was_erased_asks_nothing_of_anybody() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    wrote(&conn, amina, NOW);
    queue(&conn, amina, Purpose::Notice, "a1");
    let late = NOW.plus_ms(DAY_MS);
    let asked = asks(&conn, late);
    end(&conn, &asked[0], &accepted("t1"), late);
    erasure::erase_contact(&conn, amina, late).unwrap();
    given_back(&conn, "t1", &asked[0].call.key.0, 131_048, late);
    assert_eq!(state(&conn, asked[0].id), DeliveryState::Cancelled);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
}

#[test]
fn a_template_given_back_because_of_the_limit_is_sent_again_and_nobody_is_called() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    wrote(&conn, amina, NOW);
    queue(&conn, amina, Purpose::Notice, "a1");
    let late = NOW.plus_ms(DAY_MS);
    let asked = asks(&conn, late);
    end(&conn, &asked[0], &accepted("t1"), late);
    assert_eq!(
        given_back(&conn, "t1", &asked[0].call.key.0, 131_048, late),
        OfAccount::Nothing
    );
    assert!(asks(&conn, late.plus_ms(HOUR_MS)).is_empty());
    let calls = "SELECT count(*) FROM task WHERE kind = 'call_patient'";
    assert_eq!(count(&conn, calls), 0);
    assert_eq!(asks(&conn, late.plus_ms(4 * HOUR_MS)).len(), 1);
}

/// The provider gives a message back with this code.
fn given_back(conn: &Connection, wamid: &str, key: &str, code: i64, at: UnixMs) -> OfAccount {
    let error = ProviderError {
        code,
        subcode: None,
    };
    let status = Status {
        errors: vec![error],
        ..status(wamid, Receipt::Failed, Some(key))
    };
    apply_status(conn, &box_key(), &status, at).unwrap()
}

fn arrived(conn: &Connection, wamid: &str, at: UnixMs) -> OfAccount {
    let status = status(wamid, Receipt::Delivered, None);
    apply_status(conn, &box_key(), &status, at).unwrap()
}

/// A fault of the provider that is worth another try.
const PASSING: i64 = 131_000;

#[test]
fn the_failure_of_the_try_in_the_air_is_not_taken_for_that_of_an_earlier_one() {
    const UNREACHABLE: i64 = 131_026;
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    // An earlier try has become known by its own news.
    let earlier = box_key().keyed_hash("w1");
    conn.execute("UPDATE outbox SET wamid_key = ?1", [earlier])
        .unwrap();
    let later = NOW.plus_ms(POLICY.in_doubt_ms);
    let again = one(&conn, later);
    given_back(&conn, "w2", "ob:a1", UNREACHABLE, later);
    assert_eq!(state(&conn, id), DeliveryState::Sending);
    end(&conn, &again, &accepted("w2"), later);
    assert_eq!(state(&conn, id), DeliveryState::Failed);
    let open = "SELECT count(*) FROM task WHERE state != 'done'";
    assert_eq!(count(&conn, open), 1);
}

#[test]
fn what_staff_send_again_is_not_ended_by_what_they_told_before() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    super::end(&conn, id, DeliveryState::Expired, Why::TooOld, NOW).unwrap();
    conn.execute("UPDATE task SET state = 'done', outcome = 'done'", [])
        .unwrap();
    assert_eq!(by_staff::retry(&conn, id, NOW).unwrap(), Some(id));
    assert!(tasks::of_message(&conn, id).unwrap().is_none());
    // What the box asks by itself is none of theirs.
    let asked = queue(&conn, amina, Purpose::Template, "t1");
    super::end(&conn, asked, DeliveryState::Failed, Why::Refused, NOW).unwrap();
    assert_eq!(by_staff::retry(&conn, asked, NOW).unwrap(), None);
}

#[test]
fn what_was_erased_before_it_came_back_is_nobodys_task() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &accepted("w1"), NOW);
    erasure::erase_contact(&conn, amina, NOW).unwrap();
    erasure::welcome_back(&conn, amina).unwrap();
    given_back(&conn, "w1", "ob:a1", PASSING, NOW);
    assert_eq!(state(&conn, id), DeliveryState::Cancelled);
    let open = "SELECT count(*) FROM task WHERE state != 'done'";
    assert_eq!(count(&conn, open), 0);
}

#[test]
fn the_failure_of_an_earlier_try_does_not_undo_the_one_that_was_taken() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    let later = NOW.plus_ms(POLICY.in_doubt_ms);
    let again = one(&conn, later);
    end(&conn, &again, &accepted("w2"), later);
    given_back(&conn, "w1", "ob:a1", PASSING, later);
    assert_eq!(state(&conn, id), DeliveryState::Accepted);
    assert_eq!(count(&conn, "SELECT count(*) FROM outbox"), 1);
    given_back(&conn, "w2", "ob:a1", PASSING, later);
    assert_eq!(state(&conn, id), DeliveryState::Superseded);
    assert_eq!(count(&conn, "SELECT count(*) FROM outbox"), 2);
}

#[test]
fn the_copy_of_a_possible_double_is_one() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    let later = NOW.plus_ms(POLICY.in_doubt_ms);
    let again = one(&conn, later);
    end(&conn, &again, &SendOutcome::Unknown, later);
    given_back(&conn, "w1", "ob:a1", PASSING, later);
    assert_eq!(
        count(&conn, "SELECT maybe_double FROM outbox WHERE id = 2"),
        1
    );
    // One that surely did not arrive has a copy without a mark.
    queue(&conn, amina, Purpose::Notice, "a3");
    conn.execute("DELETE FROM outbox WHERE id = 2", []).unwrap();
    let third = one(&conn, later);
    end(&conn, &third, &accepted("w3"), later);
    given_back(&conn, "w3", "ob:a3", PASSING, later);
    assert_eq!(
        count(&conn, "SELECT maybe_double FROM outbox WHERE id = 4"),
        0
    );
}

/// A message that came back, and its copy.
fn copied() -> (Connection, OutboxId) {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &accepted("w1"), NOW);
    given_back(&conn, "w1", "ob:a1", PASSING, NOW);
    assert_eq!(state(&conn, id), DeliveryState::Superseded);
    (conn, OutboxId(2))
}

#[test]
fn what_arrives_after_all_ends_its_copy() {
    let (conn, copy) = copied();
    arrived(&conn, "w1", NOW);
    assert_eq!(state(&conn, OutboxId(1)), DeliveryState::Delivered);
    assert_eq!(state(&conn, copy), DeliveryState::Superseded);
    let why = "SELECT count(*) FROM outbox WHERE why = 'first_arrived'";
    assert_eq!(count(&conn, why), 1);
    assert!(claim(&conn, NOW.plus_ms(HOUR_MS), 10).unwrap().is_empty());
}

#[test]
fn a_copy_that_has_left_before_the_first_one_arrived_is_marked() {
    let later = NOW.plus_ms(HOUR_MS);
    let marked = |conn: &Connection| count(conn, "SELECT maybe_double FROM outbox WHERE id = 2");
    let unsent = SendOutcome::NotSent(crate::ports::LineFault::Down);
    for (outcome, ended) in [
        (accepted("w2"), DeliveryState::Accepted),
        (unsent, DeliveryState::Superseded),
    ] {
        let (conn, _) = copied();
        let again = one(&conn, later);
        arrived(&conn, "w1", later);
        assert_eq!(marked(&conn), 1);
        assert_eq!(end(&conn, &again, &outcome, later), ended);
    }
    let (conn, copy) = copied();
    let again = one(&conn, later);
    end(&conn, &again, &accepted("w2"), later);
    assert_eq!(marked(&conn), 0);
    arrived(&conn, "w1", later);
    assert_eq!(marked(&conn), 1);
    // Nor is it copied once more.
    given_back(&conn, "w2", "ob:a1.1", PASSING, later);
    assert_eq!(state(&conn, copy), DeliveryState::Superseded);
    assert_eq!(count(&conn, "SELECT count(*) FROM outbox"), 2);
}

#[test]
fn the_arrival_of_the_first_reaches_the_last_copy() {
    let (conn, _) = copied();
    let mut at = NOW;
    for n in 2..=6 {
        at = at.plus_ms(HOUR_MS);
        let again = one(&conn, at);
        end(&conn, &again, &accepted(&format!("w{n}")), at);
        given_back(&conn, &format!("w{n}"), &again.call.key.0, PASSING, at);
    }
    arrived(&conn, "w1", at);
    let waiting = "SELECT count(*) FROM outbox WHERE state = 'queued'";
    assert_eq!(count(&conn, waiting), 0);
    let longest = "SELECT max(length(key)) FROM outbox";
    assert_eq!(
        count(&conn, longest),
        7,
        "ob:a1 and the number of one message"
    );
}

/// A fault that no further try mends.
const LASTING: i64 = 131_026;

#[test]
fn news_of_what_staff_send_again_are_news_of_the_new_try() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &accepted("w1"), NOW);
    given_back(&conn, "w1", "ob:a1", LASTING, NOW);
    assert_eq!(state(&conn, id), DeliveryState::Failed);
    let copy = by_staff::retry(&conn, id, NOW).unwrap().unwrap();
    assert_ne!(copy, id);
    assert_eq!(by_staff::retry(&conn, id, NOW).unwrap(), None, "once");
    let again = one(&conn, NOW);
    assert_eq!((again.id, again.doubtful), (copy, false));
    // The failure overtakes the answer to the send that it is about.
    given_back(&conn, "w2", &again.call.key.0, LASTING, NOW);
    end(&conn, &again, &accepted("w2"), NOW);
    assert_eq!(state(&conn, copy), DeliveryState::Failed);
    let open = tasks::list_open(&conn, 10).unwrap();
    let [task] = &open[..] else {
        panic!("{open:?}");
    };
    assert_eq!(task.outbox, Some(copy), "one task, and it went along");
}

#[test]
fn what_staff_send_again_is_not_undone_by_late_news_of_the_former_try() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &accepted("w1"), NOW);
    given_back(&conn, "w1", "ob:a1", LASTING, NOW);
    let copy = by_staff::retry(&conn, id, NOW).unwrap().unwrap();
    let again = one(&conn, NOW);
    given_back(&conn, "w1", "ob:a1", LASTING, NOW);
    end(&conn, &again, &accepted("w2"), NOW);
    assert_eq!(state(&conn, copy), DeliveryState::Accepted);
    // It arrives after all: nobody has to call, and the copy is marked.
    arrived(&conn, "w1", NOW);
    let marked = "SELECT maybe_double FROM outbox WHERE id = 2";
    assert_eq!(count(&conn, marked), 1);
    assert!(tasks::list_open(&conn, 10).unwrap().is_empty());
}

/// No payment method: Meta takes the message and gives it back.
const UNPAID: i64 = 131_042;

#[test]
fn what_comes_back_because_of_the_account_is_everybodys_matter_and_one_task() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let mut at = NOW;
    for n in 1..=100 {
        let claim = one(&conn, at);
        end(&conn, &claim, &accepted(&format!("w{n}")), at);
        let key = &claim.call.key.0;
        assert!(key.len() < 100, "{key}");
        let told = given_back(&conn, &format!("w{n}"), key, UNPAID, at);
        assert!(
            matches!(&told, OfAccount::Refused(error) if error.code == UNPAID),
            "{told:?}"
        );
        let waits = "SELECT count(*) FROM outbox WHERE state = 'queued' AND why = 'configuration'";
        assert_eq!(count(&conn, waits), 1);
        at = at.plus_ms(HOUR_MS);
    }
    let open = tasks::list_open(&conn, 10).unwrap();
    let [task] = &open[..] else {
        panic!("{open:?}");
    };
    assert_eq!(
        (task.kind.as_str(), task.detail.as_deref()),
        ("account_refused", Some("131042"))
    );
    let kind: crate::core::tasks::Kind = task.kind.parse().unwrap();
    assert!(!kind.concerns_patient(), "the technician's");
    let claim = one(&conn, at);
    end(&conn, &claim, &accepted("w101"), at);
    let served = arrived(&conn, "w101", at.plus_ms(1));
    assert_eq!(served, OfAccount::Serves { taken_at: at });
}

#[test]
fn the_call_for_a_held_reply_goes_along_with_its_copy() {
    for (delivered, open) in [(true, 0), (false, 1)] {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        wrote(&conn, amina, NOW);
        let id = queue(&conn, amina, Purpose::Notice, "a1");
        let late = NOW.plus_ms(DAY_MS);
        assert_eq!(leaves(&conn, late), 0);
        assert_eq!(tasks::list_open(&conn, 10).unwrap().len(), 1);
        wrote(&conn, amina, late);
        let first = one(&conn, late);
        assert_eq!(first.id, id);
        end(&conn, &first, &accepted("w1"), late);
        given_back(&conn, "w1", "ob:a1", PASSING, late);
        let later = late.plus_ms(HOUR_MS);
        let again = one(&conn, later);
        end(&conn, &again, &accepted("w2"), later);
        if delivered {
            arrived(&conn, "w2", later);
        } else {
            given_back(&conn, "w2", &again.call.key.0, LASTING, later);
        }
        let left = tasks::list_open(&conn, 10).unwrap();
        assert_eq!(left.len(), open, "{left:?}");
        assert!(left.iter().all(|task| task.outbox == Some(again.id)));
    }
}

#[test]
fn the_first_reply_with_room_for_it_says_that_it_is_late() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let wrote_at = NOW.plus_ms(DAY_MS);
    wrote(&conn, amina, wrote_at);
    let full = "a".repeat(crate::core::limits::TEXT_UNITS_MAX);
    for (name, words) in [("a1", full.as_str()), ("a2", "Merci."), ("a3", "Merci.")] {
        let message = Outgoing {
            purpose: Purpose::Notice,
            body: crate::core::outgoing::Body::text(words),
        };
        let now = Now {
            at: wrote_at,
            trusted: true,
        };
        push(
            &conn,
            amina,
            &OutboxKey(format!("ob:{name}")),
            &message,
            now,
        )
        .unwrap();
    }
    let late = wrote_at.plus_ms(2 * HOUR_MS);
    let mut said = Vec::new();
    for n in 1..=3 {
        let claim = one(&conn, late);
        said.push(claim.call.message.body.words().starts_with("You wrote"));
        end(&conn, &claim, &accepted(&format!("w{n}")), late);
    }
    assert_eq!(said, [false, true, false]);
}
