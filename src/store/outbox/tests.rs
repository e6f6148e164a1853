//! The queue as its users rely on it: order, doubt, statuses, tasks.

use super::*;
use crate::core::delivery::{Errand, Link, PairRule, Policy, SendOutcome, WindowRule};
use crate::core::inbound::{Identity, ProviderError, Receipt, Status};
use crate::core::time::{DAY_MS, HOUR_MS};
use crate::ports::LineFault;
use crate::store::Try;
use crate::store::nested::nested;
use crate::store::tests::{box_key, contact, count, db, queue};

pub(super) const POLICY: Policy = Policy {
    in_doubt_ms: 600_000,
};
pub(super) const NOW: UnixMs = UnixMs(10_000);

/// No window and no limit for one person: what these tests are about is order.
pub(super) fn rules() -> Rules {
    Rules {
        limits: Limits {
            window: WindowRule::None,
            pair: PairRule::NONE,
            max_age_ms: 7 * DAY_MS,
            asking: None,
        },
        templates: Templates::default(),
        zone: TimeZone::UTC,
        language: Lang::En,
        daily_ceiling: 0,
    }
}

pub(super) fn claim(conn: &Connection, at: UnixMs, room: usize) -> Result<Vec<Claim>> {
    let now = Now { at, trusted: true };
    // As the writer does it: boldly, and again with care if that went wrong.
    let turn = |how| turn(conn, &rules(), Link::Works, now, room, how);
    let done = nested(conn, || turn(Try::Bold)).or_else(|_| turn(Try::Careful))?;
    Ok(done.claims)
}

fn claimed(conn: &Connection, now: UnixMs) -> Vec<String> {
    let claims = claim(conn, now, 10).unwrap();
    claims
        .iter()
        .map(|c| c.call.key.0.trim_start_matches("ob:").to_owned())
        .collect()
}

pub(super) fn one(conn: &Connection, now: UnixMs) -> Claim {
    let mut claims = claim(conn, now, 10).unwrap();
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

pub(super) fn end(
    conn: &Connection,
    claim: &Claim,
    outcome: &SendOutcome,
    now: UnixMs,
) -> DeliveryState {
    settle(
        conn,
        &box_key(),
        (claim.id, claim.attempt),
        outcome,
        POLICY,
        now,
        0,
    )
    .unwrap();
    state(conn, claim.id)
}

pub(super) fn state(conn: &Connection, id: OutboxId) -> DeliveryState {
    conn.query_row("SELECT state FROM outbox WHERE id = ?1", [id.0], |row| {
        state_at(row, 0)
    })
    .unwrap()
}

pub(super) fn accepted(wamid: &str) -> SendOutcome {
    SendOutcome::Accepted {
        wamid: wamid.into(),
    }
}

pub(super) fn refused(code: i64) -> SendOutcome {
    SendOutcome::Refused {
        error: ProviderError {
            code,
            subcode: None,
        },
        http: 400,
        wait: None,
    }
}

pub(super) fn status(wamid: &str, receipt: Receipt, callback: Option<&str>) -> Status {
    Status {
        id: wamid.into(),
        receipt,
        stamped: UnixMs(9_000),
        recipient: Identity::default(),
        callback: callback.map(str::to_owned),
        errors: Vec::new(),
        category: None,
        billable: false,
    }
}

#[test]
fn one_contact_is_served_in_order_one_at_a_time_and_others_are_not_held_up() {
    let conn = db();
    let (amina, ben) = (
        contact(&conn, "243970000001"),
        contact(&conn, "243970000002"),
    );
    queue(&conn, amina, Purpose::Prompt, "a1");
    queue(&conn, amina, Purpose::Prompt, "a2");
    queue(&conn, ben, Purpose::Prompt, "b1");
    let claims = claim(&conn, NOW, 10).unwrap();
    assert_eq!(claims.len(), 2);
    assert!(claimed(&conn, NOW).is_empty(), "both are in the air");
    end(&conn, &claims[0], &accepted("w1"), NOW);
    assert_eq!(claimed(&conn, NOW), ["a2"]);
}

#[test]
fn a_message_that_waits_for_its_time_holds_its_contact_back() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    queue(&conn, amina, Purpose::Notice, "a2");
    let first = one(&conn, NOW);
    assert_eq!(
        end(&conn, &first, &refused(131_056), NOW),
        DeliveryState::Queued
    );
    assert!(claimed(&conn, NOW).is_empty());
    assert_eq!(claimed(&conn, NOW.plus_ms(3_600_000)), ["a1"]);
}

#[test]
fn a_provider_that_says_try_later_for_a_day_ends_no_message() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let mut now = NOW;
    for round in 0..96 {
        let claim = one(&conn, now);
        let stands = end(&conn, &claim, &refused(133_004), now);
        assert_eq!(stands, DeliveryState::Queued, "{round}");
        now = now.plus_ms(900_000);
    }
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
    assert_eq!(claimed(&conn, NOW.plus_ms(8 * DAY_MS)).len(), 0);
    assert_eq!(
        count(&conn, "SELECT count(*) FROM outbox WHERE why = 'too_old'"),
        1
    );
}

#[test]
fn a_limited_number_fails_nothing_and_is_one_task_for_the_technician() {
    let conn = db();
    let people = ["243970000001", "243970000002"].map(|number| contact(&conn, number));
    for who in people {
        queue(&conn, who, Purpose::Notice, &format!("n{who}"));
    }
    for claim in claim(&conn, NOW, 10).unwrap() {
        let stands = end(&conn, &claim, &refused(131_048), NOW);
        assert_eq!(stands, DeliveryState::Queued);
    }
    let told = "SELECT count(*) FROM task WHERE kind = 'number_limited' AND contact_id IS NULL";
    assert_eq!(count(&conn, told), 1);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 1);
    assert_eq!(count(&conn, "SELECT max(attempts) FROM outbox"), 0);
}

#[test]
fn waits_imposed_by_others_use_up_none_of_a_message_s_tries() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let mut now = NOW;
    for code in [131_056, 131_056, 131_056, 1, 1, 1] {
        let claim = one(&conn, now);
        let stands = end(&conn, &claim, &refused(code), now);
        assert_eq!(stands, DeliveryState::Queued, "{code}");
        now = now.plus_ms(3_600_000);
    }
    let told = "SELECT attempts * 10 + delays FROM outbox";
    assert_eq!(count(&conn, told), 36);
    let claim = one(&conn, now);
    assert_eq!(end(&conn, &claim, &refused(1), now), DeliveryState::Failed);
}

#[test]
fn an_emergency_goes_first_and_passes_what_is_in_doubt() {
    let conn = db();
    let (amina, ben) = (
        contact(&conn, "243970000001"),
        contact(&conn, "243970000002"),
    );
    queue(&conn, ben, Purpose::Notice, "b1");
    queue(&conn, amina, Purpose::Notice, "a1");
    let claims = claim(&conn, NOW, 10).unwrap();
    for claim in &claims {
        end(&conn, claim, &SendOutcome::Unknown, NOW);
    }
    queue(&conn, ben, Purpose::Notice, "b2");
    queue(&conn, ben, Purpose::Staff, "b3");
    queue(&conn, amina, Purpose::Emergency, "a2");
    assert_eq!(
        claimed(&conn, NOW),
        ["a2"],
        "b2 waits for b1, and b3 for b2"
    );
}

#[test]
fn words_of_staff_pass_a_message_in_doubt() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Prompt, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    queue(&conn, amina, Purpose::Staff, "s1");
    assert_eq!(claimed(&conn, NOW), ["s1"]);
}

#[test]
fn a_lost_result_is_sent_again_only_after_its_wait_and_then_marked() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Prompt, "a1");
    let first = one(&conn, NOW);
    assert_eq!(
        end(&conn, &first, &SendOutcome::Unknown, NOW),
        DeliveryState::InDoubt
    );
    assert!(claimed(&conn, NOW.plus_ms(599_999)).is_empty());
    assert_eq!(count(&conn, "SELECT max(maybe_double) FROM outbox"), 0);
    let again = one(&conn, NOW.plus_ms(600_000));
    assert_eq!(again.id, id);
    assert_eq!(count(&conn, "SELECT maybe_double FROM outbox"), 1);
}

#[test]
fn a_message_whose_answers_are_lost_again_and_again_leaves_three_times_at_most() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Prompt, "a1");
    // Not even on a clock by which nothing grows old.
    let (mut now, mut left) = (NOW, 0);
    for _ in 0..200 {
        let at = Now {
            at: now,
            trusted: false,
        };
        for claim in turn(&conn, &rules(), Link::Works, at, 10, Try::Careful)
            .unwrap()
            .claims
        {
            left += 1;
            end(&conn, &claim, &SendOutcome::Unknown, now);
        }
        now = now.plus_ms(POLICY.in_doubt_ms);
    }
    assert_eq!(left, 3);
    assert_eq!(state(&conn, id), DeliveryState::Failed);
    let told = "SELECT count(*) FROM task WHERE kind = 'sent_in_doubt'";
    assert_eq!(count(&conn, told), 1);
}

#[test]
fn who_gets_new_messages_keeps_the_place() {
    let conn = db();
    let people = [1, 2, 3].map(|n| contact(&conn, &format!("24397000000{n}")));
    for (n, who) in people.into_iter().enumerate() {
        queue(&conn, who, Purpose::Prompt, &format!("p{n}"));
        let at = NOW.plus_ms(i64::try_from(n).unwrap() * 1_000);
        assert!(claim(&conn, at, 0).unwrap().is_empty(), "no line yet");
    }
    // The one who waits longest is written to again, and asked something newer.
    let later = NOW.plus_ms(60_000);
    supersede_prompts(&conn, people[0], later).unwrap();
    queue(&conn, people[0], Purpose::Prompt, "p9");
    let order = |at: i64| -> Vec<String> {
        let claims = claim(&conn, later.plus_ms(at), 1).unwrap();
        claims.into_iter().map(|claim| claim.call.key.0).collect()
    };
    assert_eq!(order(0), ["ob:p9"]);
    // One who was served begins to wait anew.
    queue(&conn, people[0], Purpose::Notice, "n0");
    conn.execute(
        "UPDATE outbox SET state = 'accepted' WHERE state = 'sending'",
        [],
    )
    .unwrap();
    assert_eq!(order(1), ["ob:p1"]);
    assert_eq!(order(2), ["ob:p2"]);
    assert_eq!(order(3), ["ob:n0"]);
}

#[test]
fn a_wait_of_one_s_own_gives_the_place_away() {
    let conn = db();
    let [amina, ben] = [1, 2].map(|n| contact(&conn, &format!("24397000000{n}")));
    queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    queue(&conn, ben, Purpose::Notice, "b1");
    assert!(claim(&conn, NOW.plus_ms(1), 0).unwrap().is_empty());
    end(&conn, &first, &refused(131_056), NOW);
    let claims = claim(&conn, NOW.plus_ms(3_600_000), 10).unwrap();
    let keys: Vec<&str> = claims.iter().map(|one| one.call.key.0.as_str()).collect();
    assert_eq!(keys, ["ob:b1", "ob:a1"]);
}

/// The rules where the provider can be asked.
fn asking() -> Rules {
    let mut rules = rules();
    rules.limits.asking = Some(crate::core::delivery::Asking {
        after_ms: 15_000,
        in_doubt_ms: POLICY.in_doubt_ms,
    });
    rules
}

/// Who is asked about or leaves, by seconds, while nobody tells anything.
fn untold_errands(conn: &Connection, minutes: i64) -> Vec<(i64, Errand)> {
    let mut seen = Vec::new();
    for second in 0..minutes * 60 {
        let at = NOW.plus_ms(second * 1_000);
        let now = Now { at, trusted: true };
        for claim in turn(conn, &asking(), Link::Works, now, 10, Try::Careful)
            .unwrap()
            .claims
        {
            seen.push((second, claim.errand));
            let ids = (claim.id, claim.attempt);
            match claim.errand {
                Errand::Ask | Errand::AskAndSend => untold(conn, ids, at).unwrap(),
                Errand::Send | Errand::Repeat => {
                    end(conn, &claim, &SendOutcome::Unknown, at);
                }
            }
        }
    }
    seen
}

#[test]
fn words_of_staff_in_doubt_are_asked_about_until_the_doubt_is_over() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Staff, "s1");
    let seen = untold_errands(&conn, 9);
    let asked = [15, 45, 105, 225, 465].map(|second| (second, Errand::Ask));
    assert_eq!((seen[0], &seen[1..]), ((0, Errand::Send), &asked[..]));
    assert_eq!(state(&conn, id), DeliveryState::InDoubt);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
    assert_eq!(count(&conn, "SELECT maybe_double FROM outbox"), 0);
    assert!(untold_errands(&conn, 11).is_empty());
    assert_eq!(state(&conn, id), DeliveryState::Failed);
    let told = "SELECT count(*) FROM task WHERE kind = 'sent_in_doubt'";
    assert_eq!(count(&conn, told), 1);
}

#[test]
fn a_question_nobody_can_tell_anything_about_leaves_three_times_at_most() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Prompt, "a1");
    let seen = untold_errands(&conn, 60);
    let of = |errand| seen.iter().filter(|(_, one)| *one == errand).count();
    assert_eq!((of(Errand::Send), of(Errand::Repeat)), (1, 2));
    assert_eq!((of(Errand::AskAndSend), of(Errand::Ask)), (10, 5));
    assert_eq!(state(&conn, id), DeliveryState::Failed);
}

#[test]
fn what_was_being_asked_about_ends_with_its_contact() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let claim = one(&conn, NOW);
    end(&conn, &claim, &SendOutcome::Unknown, NOW);
    let at = NOW.plus_ms(15_000);
    let now = Now { at, trusted: true };
    let asked = turn(&conn, &asking(), Link::Works, now, 10, Try::Careful)
        .unwrap()
        .claims
        .remove(0);
    crate::store::erasure::erase_contact(&conn, amina, at).unwrap();
    untold(&conn, (asked.id, asked.attempt), at).unwrap();
    assert_eq!(state(&conn, id), DeliveryState::Cancelled);
}

#[test]
fn what_the_provider_calls_a_double_is_not_sent_again() {
    for (n, purpose) in [Purpose::Prompt, Purpose::Notice].into_iter().enumerate() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let id = queue(&conn, amina, purpose, &format!("a{n}"));
        let first = one(&conn, NOW);
        assert_eq!(
            end(&conn, &first, &refused(506), NOW),
            DeliveryState::InDoubt
        );
        let later = NOW.plus_ms(POLICY.in_doubt_ms);
        assert!(claimed(&conn, later).is_empty());
        assert_eq!(state(&conn, id), DeliveryState::Failed);
        let told = "SELECT count(*) FROM task WHERE kind = 'sent_in_doubt'";
        assert_eq!(count(&conn, told), 1);
    }
}

#[test]
fn a_status_settles_what_was_in_doubt_by_our_key() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Prompt, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    apply_status(
        &conn,
        &box_key(),
        &status("w1", Receipt::Sent, Some("ob:a1")),
        NOW,
    )
    .unwrap();
    assert_eq!(state(&conn, id), DeliveryState::Sent);
    // Later ones may come without our key: the id is known by now.
    apply_status(&conn, &box_key(), &status("w1", Receipt::Read, None), NOW).unwrap();
    assert_eq!(state(&conn, id), DeliveryState::Read);
    assert_eq!(count(&conn, "SELECT sent_stamp FROM outbox"), 9_000);
}

#[test]
fn a_status_that_overtakes_the_answer_is_never_undone() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Prompt, "a1");
    let first = one(&conn, NOW);
    apply_status(
        &conn,
        &box_key(),
        &status("w1", Receipt::Delivered, Some("ob:a1")),
        NOW,
    )
    .unwrap();
    assert_eq!(
        end(&conn, &first, &accepted("w1"), NOW),
        DeliveryState::Delivered
    );
    assert_eq!(
        end(&conn, &first, &SendOutcome::Unknown, NOW),
        DeliveryState::Delivered
    );
}

#[test]
fn a_status_without_our_key_is_parked_until_the_id_is_known() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Prompt, "a1");
    let first = one(&conn, NOW);
    apply_status(&conn, &box_key(), &status("w1", Receipt::Read, None), NOW).unwrap();
    assert_eq!(count(&conn, "SELECT count(*) FROM parked_status"), 1);
    assert_eq!(
        end(&conn, &first, &accepted("w1"), NOW),
        DeliveryState::Read
    );
    assert_eq!(count(&conn, "SELECT count(*) FROM parked_status"), 0);
}

#[test]
fn a_message_that_will_not_arrive_gets_exactly_one_task() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &accepted("w1"), NOW);
    let failed = status("w1", Receipt::Failed, None);
    apply_status(&conn, &box_key(), &failed, NOW).unwrap();
    apply_status(&conn, &box_key(), &failed, NOW).unwrap();
    assert_eq!(
        count(
            &conn,
            "SELECT count(*) FROM task WHERE kind = 'undelivered'"
        ),
        1
    );
    assert_eq!(state(&conn, first.id), DeliveryState::Failed);
}

#[test]
fn a_message_that_arrives_after_all_leaves_nobody_to_call() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &accepted("w1"), NOW);
    for receipt in [Receipt::Failed, Receipt::Delivered] {
        apply_status(&conn, &box_key(), &status("w1", receipt, None), NOW).unwrap();
    }
    assert_eq!(state(&conn, first.id), DeliveryState::Delivered);
    assert_eq!(
        count(&conn, "SELECT count(*) FROM task WHERE state != 'done'"),
        0
    );
}

#[test]
fn a_dead_line_or_a_bad_token_burns_no_attempt() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    for outcome in [
        SendOutcome::NotSent(LineFault::Down),
        refused(190),
        refused(131_042),
    ] {
        let claim = one(&conn, NOW);
        assert_eq!(end(&conn, &claim, &outcome, NOW), DeliveryState::Queued);
    }
    assert_eq!(count(&conn, "SELECT attempts FROM outbox"), 0);
    assert_eq!(
        count(&conn, "SELECT count(*) FROM attempt WHERE ended_at IS NULL"),
        0
    );
}

#[test]
fn after_a_start_what_was_in_the_air_is_in_doubt() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    one(&conn, NOW);
    assert_eq!(recover(&conn, POLICY.in_doubt_ms, NOW).unwrap(), 1);
    assert_eq!(state(&conn, id), DeliveryState::InDoubt);
    // The line comes back late: only time in which a status could come counts.
    let back = NOW.plus_ms(500_000);
    line_up(&conn, POLICY.in_doubt_ms, 400_000, back).unwrap();
    assert!(claimed(&conn, NOW.plus_ms(999_999)).is_empty());
    assert_eq!(claimed(&conn, NOW.plus_ms(1_000_000)), ["a1"]);
}

#[test]
fn a_newer_question_takes_the_place_of_an_unsent_one() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let old = queue(&conn, amina, Purpose::Prompt, "a1");
    let notice = queue(&conn, amina, Purpose::Notice, "a2");
    // It failed once, and staff had it sent again.
    for id in [old, notice] {
        ask_staff(&conn, id, Why::Refused, NOW).unwrap();
    }
    assert_eq!(supersede_prompts(&conn, amina, NOW).unwrap(), 1);
    let open = "SELECT sum(outbox_id) FROM task WHERE state != 'done'";
    assert_eq!(count(&conn, open), notice.0, "its own alone is left");
    assert_eq!(state(&conn, old), DeliveryState::Superseded);
    assert_eq!(state(&conn, notice), DeliveryState::Queued);
    assert_eq!(claimed(&conn, NOW), ["a2"]);
}

#[test]
fn the_last_question_is_known_once_it_has_left() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Prompt, "a1");
    assert_eq!(last_prompt(&conn, amina).unwrap(), None);
    let first = one(&conn, NOW);
    end(&conn, &first, &accepted("w1"), NOW);
    let prompt = last_prompt(&conn, amina).unwrap().unwrap();
    assert_eq!((prompt.accepted, prompt.stamp), (NOW, None));
    assert!(quotes(&prompt, &box_key(), Some(&"w1".into())));
    assert!(!quotes(&prompt, &box_key(), Some(&"w2".into())));
    assert!(!quotes(&prompt, &box_key(), None));
}

/// Whether a bold turn leaves its fault to whoever called it, and takes nobody
/// aside by itself.
fn boldly_refused(conn: &Connection) -> bool {
    let now = Now {
        at: NOW,
        trusted: true,
    };
    let tasks = count(conn, "SELECT count(*) FROM task");
    let refused = nested(conn, || {
        turn(conn, &rules(), Link::Works, now, 10, Try::Bold)
    })
    .is_err();
    refused && count(conn, "SELECT count(*) FROM task") == tasks
}

#[test]
fn a_row_that_does_not_read_back_fails_alone_and_holds_up_nobody() {
    let conn = db();
    let (amina, ben) = (
        contact(&conn, "243970000001"),
        contact(&conn, "243970000002"),
    );
    let bad = queue(&conn, amina, Purpose::Notice, "a1");
    queue(&conn, ben, Purpose::Notice, "b1");
    conn.execute("UPDATE outbox SET body = '{' WHERE id = ?1", [bad.0])
        .unwrap();
    assert!(boldly_refused(&conn));
    assert_eq!(claimed(&conn, NOW), ["b1"]);
    assert_eq!(state(&conn, bad), DeliveryState::Failed);
    assert_eq!(
        count(
            &conn,
            "SELECT count(*) FROM task WHERE kind = 'undelivered'"
        ),
        1
    );
    assert_eq!(
        count(&conn, "SELECT count(*) FROM attempt WHERE ended_at IS NULL"),
        1
    );
}

#[test]
fn a_queue_that_cannot_be_planned_is_set_aside_and_holds_up_nobody() {
    let conn = db();
    let (amina, ben) = (
        contact(&conn, "243970000001"),
        contact(&conn, "243970000002"),
    );
    let template = queue(&conn, amina, Purpose::Template, "t1");
    queue(&conn, amina, Purpose::Notice, "a1");
    queue(&conn, ben, Purpose::Notice, "b1");
    let say = |state: &str| {
        conn.execute(
            "UPDATE outbox SET state = ?2 WHERE id = ?1",
            params![template.0, state],
        )
        .unwrap();
    };
    // The word of a program newer than this one.
    say("hovering");
    assert!(boldly_refused(&conn));
    assert_eq!(claimed(&conn, NOW), ["b1"]);
    let flagged = "SELECT count(*) FROM contact WHERE flag = 'dead_letter'";
    assert_eq!(count(&conn, flagged), 1);
    let told = "SELECT count(*) FROM task WHERE kind = 'dead_letter'";
    assert_eq!(count(&conn, told), 1);
    let now = Now {
        at: NOW,
        trusted: true,
    };
    let next = turn(&conn, &rules(), Link::Works, now, 10, Try::Careful)
        .unwrap()
        .next;
    assert_eq!(next, Some(NOW.plus_ms(HOUR_MS)), "no busy wait");
    let later = NOW.plus_ms(HOUR_MS);
    assert!(claimed(&conn, later).is_empty());
    assert_eq!(count(&conn, told), 1, "and no second task");
    say("superseded");
    assert_eq!(claimed(&conn, later.plus_ms(HOUR_MS)), ["a1"]);
}

#[test]
fn a_message_that_cannot_even_be_ended_holds_up_nobody() {
    let conn = db();
    let (amina, ben) = (
        contact(&conn, "243970000001"),
        contact(&conn, "243970000002"),
    );
    let bad = queue(&conn, amina, Purpose::Notice, "a1");
    queue(&conn, ben, Purpose::Notice, "b1");
    conn.execute("UPDATE outbox SET body = '{' WHERE id = ?1", [bad.0])
        .unwrap();
    conn.execute_batch(
        "CREATE TRIGGER planted BEFORE INSERT ON task WHEN NEW.kind = 'undelivered'
         BEGIN SELECT RAISE(ABORT, 'planted'); END",
    )
    .unwrap();
    assert_eq!(claimed(&conn, NOW), ["b1"]);
    assert_eq!(state(&conn, bad), DeliveryState::Queued);
    let told = "SELECT count(*) FROM task WHERE kind = 'dead_letter'";
    assert_eq!(count(&conn, told), 1);
}

#[test]
fn a_question_superseded_in_the_air_is_not_tried_again() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Prompt, "unsent");
    let claim = one(&conn, NOW);
    supersede_prompts(&conn, amina, NOW).unwrap();
    let unsent = SendOutcome::NotSent(LineFault::Down);
    assert_eq!(end(&conn, &claim, &unsent, NOW), DeliveryState::Superseded);
    queue(&conn, amina, Purpose::Prompt, "accepted");
    let claim = one(&conn, NOW);
    supersede_prompts(&conn, amina, NOW).unwrap();
    assert_eq!(
        end(&conn, &claim, &accepted("w1"), NOW),
        DeliveryState::Accepted
    );
}

#[test]
fn what_was_in_the_air_at_an_erasure_ends_with_it() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let claim = one(&conn, NOW);
    crate::store::erasure::erase_contact(&conn, amina, NOW).unwrap();
    assert_eq!(
        count(&conn, "SELECT count(*) FROM outbox WHERE body IS NOT NULL"),
        0
    );
    let unsent = SendOutcome::NotSent(LineFault::Down);
    assert_eq!(end(&conn, &claim, &unsent, NOW), DeliveryState::Cancelled);
}

#[test]
fn a_start_renews_the_wait_of_what_was_in_doubt_before() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let claim = one(&conn, NOW);
    end(&conn, &claim, &SendOutcome::Unknown, NOW);
    let morning = NOW.plus_ms(40_000_000);
    recover(&conn, POLICY.in_doubt_ms, morning).unwrap();
    assert!(claimed(&conn, morning.plus_ms(599_999)).is_empty());
    assert_eq!(claimed(&conn, morning.plus_ms(600_000)), ["a1"]);
}

#[test]
fn a_doubtful_send_withdrawn_and_sent_again_is_marked() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let id = queue(&conn, amina, Purpose::Notice, "a1");
    let claim = one(&conn, NOW);
    end(&conn, &claim, &SendOutcome::Unknown, NOW);
    assert!(crate::store::queue::cancel(&conn, id, NOW).unwrap());
    assert_eq!(
        crate::store::queue::retry(&conn, id, NOW).unwrap(),
        Some(id)
    );
    assert_eq!(count(&conn, "SELECT maybe_double FROM outbox"), 1);
}

#[test]
fn a_doubtful_message_does_not_pass_an_earlier_one_that_is_queued_again() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    queue(&conn, amina, Purpose::Notice, "a1");
    let first = one(&conn, NOW);
    end(&conn, &first, &SendOutcome::Unknown, NOW);
    queue(&conn, amina, Purpose::Staff, "s1");
    let staff = one(&conn, NOW);
    end(&conn, &staff, &SendOutcome::Unknown, NOW);
    let later = NOW.plus_ms(POLICY.in_doubt_ms);
    let again = one(&conn, later);
    assert_eq!(again.id, first.id);
    end(&conn, &again, &SendOutcome::NotSent(LineFault::Down), later);
    assert_eq!(
        claimed(&conn, later),
        ["a1"],
        "not s1, whose wait is over too"
    );
}

#[test]
fn a_template_that_the_provider_stopped_is_not_chosen() {
    use crate::core::inbound::TemplateNews;
    use crate::store::templates;

    let conn = db();
    let amina = contact(&conn, "243970000001");
    let now = Now {
        at: NOW,
        trusted: true,
    };
    let names = [(Lang::Pt, "ours_pt"), (Lang::Fr, "ours_fr")];
    let names = names.map(|(lang, name)| (lang, name.to_owned()));
    let rules = Rules {
        templates: Templates::new(names.into(), vec![Lang::Pt, Lang::Fr]),
        ..rules()
    };
    let chosen = || {
        let (_, found) = template::available(&conn, &rules, amina, now).unwrap();
        found.map(|chosen| chosen.language)
    };
    let hear = |name: &str, language: &str, status: &str| {
        let news = TemplateNews {
            name: name.into(),
            language: language.into(),
            status: status.into(),
            reason: String::new(),
            said_at: None,
        };
        templates::note(&conn, &news, NOW).unwrap();
    };
    assert_eq!(chosen(), Some(Lang::Pt), "nothing was heard of it");
    hear("ours_pt", "pt_PT", "PAUSED");
    assert_eq!(chosen(), Some(Lang::Fr));
    hear("ours_fr", "fr", "REJECTED");
    assert_eq!(chosen(), None);
    let (state, _) = template::available(&conn, &rules, amina, now).unwrap();
    assert_eq!(state, crate::core::delivery::Templated::Refused);
    hear("ours_pt", "pt_BR", "APPROVED");
    assert_eq!(chosen(), Some(Lang::Pt));
    let (_, found) = template::available(&conn, &rules, amina, now).unwrap();
    assert_eq!(found.unwrap().code.as_deref(), Some("pt_BR"));
    hear("ours_pt", "pt_PT", "APPROVED");
    assert_eq!(chosen(), Some(Lang::Pt));
}
