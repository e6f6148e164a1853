//! The planner as its users rely on it: tables for each rule, and properties
//! over any queue.

use super::*;
use crate::core::delivery::Link;
use crate::core::id::OutboxId;
use crate::core::limits::REPEATS_MAX;
use crate::core::outgoing::Purpose;
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, Now, UnixMs};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: UnixMs = UnixMs(1_795_132_800_000);
const TRUSTED: Now = Now {
    at: NOW,
    trusted: true,
};
const LIMITS: Limits = Limits {
    window: WindowRule::Day,
    pair: PairRule::CLOUD,
    max_age_ms: 7 * DAY_MS,
    asking: None,
};
const ASKING: Asking = Asking {
    after_ms: 15_000,
    in_doubt_ms: 600_000,
};
const OPEN: UnixMs = UnixMs(NOW.0 - HOUR_MS);
const CLOSED: UnixMs = UnixMs(NOW.0 - 30 * HOUR_MS);

fn message(id: i64, purpose: Purpose) -> Waiting {
    Waiting {
        id: OutboxId(id),
        purpose,
        not_before: UnixMs(0),
        aged_from: Some(NOW.plus_ms(-MINUTE_MS)),
        asked: 0,
        repeats: 0,
        repeated: false,
        maybe_sent: false,
        doomed: false,
    }
}

/// One that was made while the window was open.
fn old(id: i64, purpose: Purpose) -> Waiting {
    Waiting {
        aged_from: Some(CLOSED.plus_ms(MINUTE_MS)),
        ..message(id, purpose)
    }
}

fn lane(last_stamp: UnixMs, queued: &[Waiting]) -> Lane {
    Lane {
        in_air: false,
        queued: queued.to_vec(),
        doubted: Vec::new(),
        held: Vec::new(),
        template: None,
        last_template: None,
        templates: Templated::Ready,
        last_stamp,
        closed_stamp: None,
        spent: UnixMs(0),
    }
}

fn sent(plan: &Plan) -> Option<i64> {
    plan.send.map(|send| send.id.0)
}

fn asked(about: UnixMs, failed: bool) -> Option<LastTemplate> {
    Some(LastTemplate {
        about,
        since: NOW.plus_ms(-HOUR_MS),
        failed,
        withdrawn: false,
    })
}

#[test]
fn the_first_in_the_queue_leaves_and_an_emergency_before_it() {
    use Purpose as P;
    let mut queue = lane(OPEN, &[message(1, P::Notice), message(2, P::Prompt)]);
    assert_eq!(sent(&plan(&queue, LIMITS, Link::Works, TRUSTED)), Some(1));
    queue.queued.insert(0, message(9, P::Emergency));
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(sent(&next), Some(9));
    assert!(next.send.unwrap().urgent);
    queue.in_air = true;
    assert_eq!(plan(&queue, LIMITS, Link::Works, TRUSTED), Plan::default());
}

#[test]
fn an_emergency_that_was_put_off_keeps_no_other_from_going_first() {
    use Purpose as P;
    let put_off = Waiting {
        not_before: NOW.plus_ms(500),
        ..message(2, P::Emergency)
    };
    let mut queue = lane(
        OPEN,
        &[put_off, message(3, P::Emergency), message(1, P::Staff)],
    );
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(sent(&next), Some(3));
    queue.queued.remove(1);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(sent(&next), Some(1));
    assert_eq!(next.look, Some(NOW.plus_ms(500)));
}

#[test]
fn the_first_doubt_keeps_what_comes_after_waiting_and_the_second_does_not() {
    use Purpose as P;
    let mut queue = lane(OPEN, &[message(2, P::Notice)]);
    let wait = NOW.plus_ms(MINUTE_MS);
    let doubted = Waiting {
        not_before: wait,
        ..message(1, P::Notice)
    };
    queue.doubted = vec![doubted];
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!((sent(&next), next.look), (None, Some(wait)));
    let again = Waiting {
        repeated: true,
        ..doubted
    };
    queue.doubted = vec![again];
    assert_eq!(sent(&plan(&queue, LIMITS, Link::Works, TRUSTED)), Some(2));
    queue.doubted = vec![doubted];
    queue.queued = vec![message(2, P::Staff)];
    assert_eq!(sent(&plan(&queue, LIMITS, Link::Works, TRUSTED)), Some(2));
}

#[test]
fn after_its_wait_a_doubtful_message_follows_its_kind() {
    use DeliveryState as S;
    use Purpose as P;
    let doomed = Waiting {
        doomed: true,
        ..message(1, P::Prompt)
    };
    let there = Waiting {
        maybe_sent: true,
        ..message(1, P::Prompt)
    };
    let again = Waiting {
        repeats: 1,
        repeated: true,
        ..message(1, P::Notice)
    };
    let often = Waiting {
        repeats: REPEATS_MAX,
        ..again
    };
    let staff = [(OutboxId(1), S::Failed, Why::SentInDoubt)];
    let newer = [(OutboxId(1), S::Superseded, Why::NewerQuestion)];
    let closed = [(OutboxId(1), S::Superseded, Why::WindowClosed)];
    let none: [(OutboxId, S, Why); 0] = [];
    for (stamp, one, leaves, ends) in [
        (OPEN, message(1, P::Prompt), true, &none[..]),
        (OPEN, message(1, P::Notice), true, &none[..]),
        (OPEN, message(1, P::Emergency), true, &none[..]),
        (OPEN, message(1, P::Staff), false, &staff[..]),
        (OPEN, doomed, false, &newer[..]),
        (OPEN, there, false, &staff[..]),
        (OPEN, again, true, &none[..]),
        (OPEN, often, false, &staff[..]),
        (CLOSED, message(1, P::Prompt), false, &closed[..]),
        (CLOSED, message(1, P::Notice), false, &staff[..]),
    ] {
        let mut queue = lane(stamp, &[]);
        queue.doubted = vec![one];
        let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
        let repeated = next.send.is_some_and(|send| send.errand == Errand::Repeat);
        assert_eq!(repeated, leaves, "{one:?}");
        assert_eq!(next.ends, ends, "{one:?}");
    }
}

/// Nothing that could settle them has come, because nothing could come.
#[test]
fn over_a_cut_line_no_doubt_is_decided_and_nobody_is_asked() {
    let limits = Limits {
        asking: Some(ASKING),
        ..LIMITS
    };
    let over = |id, purpose| Waiting {
        not_before: NOW.plus_ms(-DAY_MS),
        ..message(id, purpose)
    };
    for stamp in [OPEN, CLOSED] {
        let mut queue = lane(stamp, &[]);
        queue.doubted = vec![over(1, Purpose::Staff), over(2, Purpose::Notice)];
        if stamp == CLOSED {
            queue.held = vec![message(3, Purpose::Notice)];
            queue.last_template = asked(CLOSED, false);
            queue.template = Some((over(4, Purpose::Template), true));
        }
        let dark = plan(&queue, limits, Link::Cut, TRUSTED);
        assert_eq!((&dark.ends[..], dark.send), (&[][..], None));
        assert!(dark.look >= Some(NOW.plus_ms(MINUTE_MS)), "no busy dark");
        assert!(plan(&queue, limits, Link::Works, TRUSTED).changes());
    }
}

/// The errands of one message in doubt, by seconds since its result was lost,
/// when nothing is ever told.
fn errands(one: Waiting, limits: Limits) -> Vec<(i64, Option<Errand>)> {
    let lost = NOW;
    let mut one = Waiting {
        not_before: lost.plus_ms(ASKING.in_doubt_ms),
        ..one
    };
    let (mut now, mut seen) = (TRUSTED, Vec::new());
    for _ in 0..20 {
        let mut queue = lane(OPEN, &[]);
        queue.doubted = vec![one];
        let next = plan(&queue, limits, Link::Works, now);
        let errand = next.send.map(|send| send.errand);
        if errand.is_some() || !next.ends.is_empty() {
            seen.push((now.at.ms_since(lost) / 1_000, errand));
        }
        match errand {
            Some(Errand::Ask | Errand::AskAndSend) => one.asked += 1,
            Some(Errand::Send | Errand::Repeat) => return seen,
            None if !next.ends.is_empty() => return seen,
            None => now.at = next.look.unwrap(),
        }
    }
    panic!("no end: {seen:?}");
}

#[test]
fn a_provider_that_can_be_asked_is_asked_until_the_doubt_is_over() {
    let limits = Limits {
        window: WindowRule::None,
        asking: Some(ASKING),
        ..LIMITS
    };
    let at = |errand: Errand| [15, 45, 105, 225, 465].map(|second| (second, Some(errand)));
    let with = |errand, last| {
        let mut all = at(errand).to_vec();
        all.push((600, last));
        all
    };
    let repeat = Some(Errand::Repeat);
    for (one, expected) in [
        (
            message(1, Purpose::Prompt),
            with(Errand::AskAndSend, repeat),
        ),
        // What must not arrive twice is asked about and no more.
        (message(1, Purpose::Staff), with(Errand::Ask, None)),
        (
            Waiting {
                repeats: REPEATS_MAX,
                ..message(1, Purpose::Notice)
            },
            with(Errand::Ask, None),
        ),
    ] {
        assert_eq!(errands(one, limits), expected);
        let unasked = Limits {
            asking: None,
            ..limits
        };
        assert_eq!(errands(one, unasked), expected[5..]);
    }
}

#[test]
fn nothing_leaves_by_a_plan_that_ends_something_first() {
    let mut queue = lane(OPEN, &[]);
    queue.doubted = vec![message(1, Purpose::Staff), message(2, Purpose::Notice)];
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!((sent(&next), next.ends.len()), (None, 1));
}

#[test]
fn what_is_asked_about_does_not_leave_before_an_earlier_one() {
    let limits = Limits {
        asking: Some(ASKING),
        ..LIMITS
    };
    let mut queue = lane(OPEN, &[message(1, Purpose::Notice)]);
    queue.doubted = vec![Waiting {
        not_before: NOW.plus_ms(300_000),
        ..message(2, Purpose::Notice)
    }];
    let send = plan(&queue, limits, Link::Works, TRUSTED).send.unwrap();
    assert_eq!((send.id.0, send.errand), (2, Errand::Ask));
}

#[test]
fn a_closed_window_holds_what_keeps_its_sense_behind_one_template() {
    use Purpose as P;
    let mut queue = lane(CLOSED, &[old(1, P::Prompt), message(2, P::Notice)]);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    let dropped = (OutboxId(1), DeliveryState::Superseded, Why::WindowClosed);
    assert_eq!(next.ends, [dropped]);
    assert_eq!(next.holds, [(OutboxId(2), Why::WindowClosed, false)]);
    assert!(next.ask && next.send.is_none());
    // Asked already for this window: no other template.
    queue.last_template = asked(CLOSED, false);
    assert!(!plan(&queue, LIMITS, Link::Works, TRUSTED).ask);
    queue.last_template = asked(CLOSED, true);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(next.holds, [(OutboxId(2), Why::TemplateFailed, true)]);
    assert!(!next.ask);
    queue.last_template = Some(LastTemplate {
        since: CLOSED,
        ..asked(CLOSED.plus_ms(-DAY_MS), false).unwrap()
    });
    queue.templates = Templated::Absent;
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(next.holds, [(OutboxId(2), Why::NoTemplate, true)]);
    assert!(!next.ask);
}

#[test]
fn an_emergency_behind_a_closed_window_has_staff_call_at_once() {
    let queue = lane(CLOSED, &[message(1, Purpose::Emergency)]);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(next.holds, [(OutboxId(1), Why::WindowClosed, true)]);
    assert!(next.ask, "and the template all the same");
}

#[test]
fn only_a_question_dropped_asks_nobody() {
    let queue = lane(CLOSED, &[old(1, Purpose::Prompt)]);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert!(!next.ask && next.holds.is_empty());
}

/// Their words arrived after a day in the dark, and this is what answers them.
#[test]
fn a_question_that_answers_words_which_came_late_is_not_an_old_one() {
    let mut queue = lane(CLOSED, &[message(1, Purpose::Prompt)]);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(next.holds, [(OutboxId(1), Why::WindowClosed, false)]);
    assert!(next.ask && next.ends.is_empty());
    queue.templates = Templated::Absent;
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    let call = (OutboxId(1), Why::NoTemplate, true);
    assert_eq!(next.holds, [call], "never silence");
}

#[test]
fn a_template_leaves_while_something_waits_behind_it_and_else_is_not_needed() {
    let mut queue = lane(CLOSED, &[]);
    queue.held = vec![message(1, Purpose::Notice)];
    queue.last_template = asked(CLOSED, false);
    queue.template = Some((message(2, Purpose::Template), false));
    assert_eq!(sent(&plan(&queue, LIMITS, Link::Works, TRUSTED)), Some(2));
    // Not repeated: they may have it.
    queue.template = Some((message(2, Purpose::Template), true));
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    let ended = (OutboxId(2), DeliveryState::Failed, Why::SentInDoubt);
    assert_eq!((sent(&next), &next.ends[..]), (None, &[ended][..]));
    let needless = [(OutboxId(2), DeliveryState::Superseded, Why::NotNeeded)];
    queue.held.clear();
    let doubtful = [(OutboxId(2), DeliveryState::Superseded, Why::SentInDoubt)];
    assert_eq!(plan(&queue, LIMITS, Link::Works, TRUSTED).ends, doubtful);
    queue.template = Some((message(2, Purpose::Template), false));
    assert_eq!(plan(&queue, LIMITS, Link::Works, TRUSTED).ends, needless);
    queue.held = vec![message(1, Purpose::Notice)];
    queue.last_stamp = OPEN;
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(next.ends, needless);
    assert!(next.release, "they wrote: what waits goes");
}

#[test]
fn what_is_too_old_ends_on_a_trusted_clock_only() {
    let old = Waiting {
        aged_from: Some(NOW.plus_ms(-8 * DAY_MS)),
        ..message(1, Purpose::Notice)
    };
    let unseen = Waiting {
        aged_from: None,
        ..message(2, Purpose::Notice)
    };
    let queue = lane(OPEN, &[old, unseen]);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    let expired = (OutboxId(1), DeliveryState::Expired, Why::TooOld);
    assert_eq!(next.ends, [expired]);
    assert!(next.start_ageing);
    let untrusted = Now {
        trusted: false,
        ..TRUSTED
    };
    let next = plan(&queue, LIMITS, Link::Works, untrusted);
    assert_eq!((sent(&next), next.ends.len()), (Some(1), 0));
    assert!(!next.start_ageing);
}

#[test]
fn what_is_in_doubt_grows_too_old_as_well() {
    let old = Waiting {
        aged_from: Some(NOW.plus_ms(-8 * DAY_MS)),
        not_before: NOW.plus_ms(MINUTE_MS),
        ..message(1, Purpose::Notice)
    };
    let doomed = Waiting {
        id: OutboxId(2),
        purpose: Purpose::Prompt,
        doomed: true,
        ..old
    };
    let mut queue = lane(OPEN, &[]);
    queue.doubted = vec![old, doomed];
    let ended = [
        (OutboxId(1), DeliveryState::Failed, Why::SentInDoubt),
        (OutboxId(2), DeliveryState::Superseded, Why::NewerQuestion),
    ];
    for stamp in [OPEN, CLOSED] {
        queue.last_stamp = stamp;
        assert_eq!(plan(&queue, LIMITS, Link::Works, TRUSTED).ends, ended);
    }
    let untrusted = Now {
        trusted: false,
        ..TRUSTED
    };
    assert!(plan(&queue, LIMITS, Link::Works, untrusted).ends.is_empty());
}

#[test]
fn a_contact_written_to_too_often_waits_alone() {
    let mut queue = lane(OPEN, &[message(1, Purpose::Notice)]);
    queue.spent = NOW.plus_ms(45 * 6_000);
    let next = plan(&queue, LIMITS, Link::Works, TRUSTED);
    assert_eq!(next.send.unwrap().at, NOW.plus_ms(36_000));
}

#[test]
fn without_a_window_nothing_is_ever_held() {
    let limits = Limits {
        window: WindowRule::None,
        pair: PairRule::NONE,
        ..LIMITS
    };
    let queue = lane(CLOSED, &[message(1, Purpose::Prompt)]);
    assert_eq!(sent(&plan(&queue, limits, Link::Works, TRUSTED)), Some(1));
}

fn any_message() -> impl Strategy<Value = Waiting> {
    let purpose = prop::sample::select(vec![
        Purpose::Prompt,
        Purpose::Notice,
        Purpose::Emergency,
        Purpose::Staff,
    ]);
    let aged = prop::option::of(-10 * DAY_MS..DAY_MS);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let fields = (purpose, -DAY_MS..DAY_MS, aged, flags, 0..9_u32);
    fields.prop_map(|(purpose, wait, aged, flags, asked)| {
        let (repeated, maybe_sent, doomed) = flags;
        Waiting {
            not_before: NOW.plus_ms(wait),
            aged_from: aged.map(|ms| NOW.plus_ms(ms)),
            asked,
            repeats: asked / 3,
            repeated,
            maybe_sent,
            doomed,
            ..message(0, purpose)
        }
    })
}

prop_compose! {
    fn any_lane()(
        in_air: bool,
        queued in prop::collection::vec(any_message(), 0..6),
        doubted in prop::collection::vec(any_message(), 0..4),
        held in prop::collection::vec(any_message(), 0..4),
        template in prop::option::of((-DAY_MS..DAY_MS, any::<bool>())),
        last in prop::option::of((any::<bool>(), any::<bool>())),
        templates in prop::sample::select(vec![Templated::Ready, Templated::Absent, Templated::Refused]),
        stamp in 0..3 * DAY_MS,
        said: bool,
        spent in 0..400_000_i64,
    ) -> Lane {
        let last_stamp = NOW.plus_ms(-stamp);
        let mut id = 0;
        let mut number = |mut list: Vec<Waiting>| {
            for one in &mut list {
                id += 1;
                one.id = OutboxId(id);
            }
            list
        };
        let (doubted, held, queued) = (number(doubted), number(held), number(queued));
        Lane {
            in_air, queued, doubted, held, templates, last_stamp,
            template: template.map(|(wait, doubt)| {
                (Waiting { not_before: NOW.plus_ms(wait), ..message(99, Purpose::Template) }, doubt)
            }),
            last_template: last.and_then(|(same, failed)| {
                asked(if same { last_stamp } else { UnixMs(1) }, failed)
            }),
            closed_stamp: said.then_some(last_stamp),
            spent: NOW.plus_ms(spent),
        }
    }
}

proptest! {
    #[test]
    fn whatever_waits_a_plan_is_sound(
        queue in any_lane(), trusted: bool, asks: bool, cut: bool,
    ) {
        let link = if cut { Link::Cut } else { Link::Works };
        let now = Now { at: NOW, trusted };
        let limits = Limits { asking: asks.then_some(ASKING), ..LIMITS };
        let next = plan(&queue, limits, link, now);
        prop_assert_eq!(&next, &plan(&queue, limits, link, now), "the same again");
        let mut named: Vec<i64> = next.ends.iter().map(|(id, ..)| id.0).collect();
        named.extend(next.holds.iter().map(|(id, ..)| id.0));
        let unique: BTreeSet<i64> = named.iter().copied().collect();
        prop_assert_eq!(unique.len(), named.len(), "each message meets one fate");

        let window = LIMITS.window.judge(queue.last_stamp, queue.closed_stamp, now);
        if let Some(send) = next.send {
            prop_assert!(!queue.in_air && !next.changes());
            let template = queue.template.is_some_and(|(one, _)| one.id == send.id);
            prop_assert_eq!(window == Window::Closed, template, "free words in an open window only");
            prop_assert!(send.at >= LIMITS.pair.ready_at(queue.spent, send.urgent, NOW));
        }
        for (id, state, _) in &next.ends {
            let prompt = queue.queued.iter().chain(&queue.doubted).chain(&queue.held)
                .any(|one| one.id == *id && one.purpose == Purpose::Prompt);
            let silent = *state == DeliveryState::Superseded;
            prop_assert!(!silent || prompt || id.0 == 99, "only questions and templates end unheard");
            prop_assert!(trusted || *state != DeliveryState::Expired);
        }
        // Nothing waits without a moment at which somebody looks again.
        let waits = !(queue.queued.is_empty() && queue.doubted.is_empty());
        if waits && !queue.in_air {
            prop_assert!(next.look.is_some() || next.send.is_some(), "{:?}", next);
        }
        if let Some(look) = next.look {
            prop_assert!(next.changes() || look > NOW, "no plan looks again at once for nothing");
        }
    }

    /// Carrying plans out comes to an end: no two plans undo one another.
    #[test]
    fn plans_come_to_rest(queue in any_lane(), trusted: bool) {
        let now = Now { at: NOW, trusted };
        let mut queue = queue;
        for _ in 0..8 {
            let next = plan(&queue, LIMITS, Link::Works, now);
            if !next.changes() {
                return Ok(());
            }
            carry_out(&mut queue, &next);
        }
        prop_assert!(false, "still changing");
    }
}

fn carry_out(queue: &mut Lane, next: &Plan) {
    let ended = |one: &Waiting| next.ends.iter().any(|(id, ..)| *id == one.id);
    let held = |one: &Waiting| next.holds.iter().any(|(id, ..)| *id == one.id);
    let newly: Vec<Waiting> = queue.queued.iter().copied().filter(held).collect();
    queue.held.extend(newly);
    queue.queued.retain(|one| !ended(one) && !held(one));
    queue.held.retain(|one| !ended(one));
    queue.doubted.retain(|one| !ended(one));
    if let Some((template, _)) = queue.template
        && ended(&template)
    {
        queue.template = None;
        queue.last_template = asked(queue.last_stamp, true);
    }
    if next.release {
        let released = std::mem::take(&mut queue.held);
        queue.queued.extend(released);
    }
    if next.ask {
        queue.template = Some((message(99, Purpose::Template), false));
        queue.last_template = asked(queue.last_stamp, false);
    }
}
