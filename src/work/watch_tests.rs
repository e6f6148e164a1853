//! The line watcher's mind, by cases and by chance.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use super::*;
use crate::core::inbound::ProviderError;
use crate::core::time::DAY_MS;
use crate::ports::{Echo, LineFault};
use crate::work::echoes::{ECHO_MS, RARE_TOUCH_MS, TOUCH_MS};
use crate::work::patience::{PATIENCE_MS_MAX, PATIENCE_MS_MIN};
use crate::work::purse::{ASKING_BYTES_A_DAY, BURST_BYTES, ECHO_BYTES, LOOK_UP_BYTES, TOUCH_BYTES};
use proptest::prelude::*;
use std::collections::VecDeque;

const REACHED: Touch = Touch::Reached {
    rtt_ms: 80,
    v6: false,
};

fn moment(steady_ms: i64) -> Moment {
    Moment {
        steady_ms,
        at: UnixMs(1_795_168_800_000 + steady_ms),
    }
}

fn fine() -> SendOutcome {
    SendOutcome::Accepted { wamid: "".into() }
}

/// Lives on from `now` until `end`, each question answered by `answer`; gives
/// the bytes of each question and its time.
fn live(
    watch: &mut Watch,
    now: &mut i64,
    end: i64,
    mut answer: impl FnMut(&mut Watch, Ask, i64) -> i64,
) -> Vec<(i64, i64)> {
    let mut spent = Vec::new();
    loop {
        let plan = watch.plan(moment(*now));
        *now += plan.wait_ms;
        if *now >= end {
            return spent;
        }
        let at = moment(*now);
        spent.push((*now, cost(plan.ask, watch.v6)));
        watch.spend(plan.ask, at);
        *now += answer(watch, plan.ask, *now).max(1);
    }
}

/// A line on which echoes come to this while it carries.
fn answer_on(echo: Echo, watch: &mut Watch, ask: Ask, now: i64, up: bool) -> i64 {
    match (ask, up) {
        (Ask::Echo { patience_ms }, _) => {
            let (echo, took) = match (echo, up) {
                (Echo::Answered, true) => (Echo::Answered, 80),
                (Echo::Unavailable, _) => (Echo::Unavailable, 0),
                (Echo::Answered | Echo::Silent, _) => (Echo::Silent, patience_ms),
            };
            watch.see(&Seen::Echoed(echo), moment(now + took));
            took
        }
        (Ask::Touch { .. }, true) => {
            watch.see(&Seen::Touched(REACHED), moment(now + 80));
            80
        }
        (Ask::Touch { patience_ms, .. }, false) => {
            watch.see(&Seen::Touched(Touch::Silent), moment(now + patience_ms));
            patience_ms
        }
        (Ask::Message, _) => 0,
        (Ask::Probe, true) => {
            watch.see(&Seen::Probed(&fine()), moment(now + 300));
            300
        }
        (Ask::Probe, false) => {
            let lost = SendOutcome::NotSent(LineFault::Down);
            watch.see(&Seen::Probed(&lost), moment(now + 20_000));
            20_000
        }
    }
}

/// A line that answers each question, while it carries.
fn answer(watch: &mut Watch, ask: Ask, now: i64, up: bool) -> i64 {
    answer_on(Echo::Answered, watch, ask, now, up)
}

fn worst_day(spent: &[(i64, i64)]) -> i64 {
    let (mut window, mut sum, mut worst) = (VecDeque::new(), 0, 0);
    for &(at, bytes) in spent {
        window.push_back((at, bytes));
        sum += bytes;
        while window.front().is_some_and(|(old, _)| at - old >= DAY_MS) {
            sum -= window.pop_front().unwrap().1;
        }
        worst = worst.max(sum);
    }
    worst
}

/// What becomes of echoes on a line that carries.
const ECHOES: [Echo; 3] = [Echo::Answered, Echo::Silent, Echo::Unavailable];

#[test]
fn a_day_of_an_idle_line_is_within_the_bound_by_its_arithmetic_and_by_living_it() {
    let touches = |gap_ms: i64| DAY_MS / gap_ms * TOUCH_BYTES;
    let echoes = DAY_MS / ECHO_MS * ECHO_BYTES;
    let probes = (DAY_MS / PROBE_MS + 1) * PROBE_BYTES;
    assert_eq!((touches(TOUCH_MS), probes), (928_800, 35_000));
    assert_eq!((touches(RARE_TOUCH_MS), echoes), (49_536, 691_152));
    assert!(touches(TOUCH_MS) + probes + LOOK_UP_BYTES <= ASKING_BYTES_A_DAY - BURST_BYTES);
    for echo in ECHOES {
        let (mut watch, mut now) = (Watch::new(), 0);
        let spent = live(&mut watch, &mut now, 3 * DAY_MS, |watch, ask, at| {
            answer_on(echo, watch, ask, at, true)
        });
        assert_eq!(watch.state(), LineState::Up);
        let worst = worst_day(&spent);
        assert!((700_000..=ASKING_BYTES_A_DAY).contains(&worst), "{worst}");
        let gaps = spent.windows(2).map(|pair| pair[1].0 - pair[0].0);
        let gap_ms = match echo {
            Echo::Answered => ECHO_MS,
            Echo::Silent | Echo::Unavailable => TOUCH_MS,
        };
        assert!(gaps.max().unwrap() < gap_ms + 500, "{echo:?}");
    }
}

/// How long each of many holes went unseen, and each of their ends, sorted, ms.
fn holes(echo: Echo, v6: bool) -> (Vec<i64>, Vec<i64>) {
    let (mut waits, mut ends) = (Vec::new(), Vec::new());
    for cut in (0..30_000).step_by(250) {
        let (mut watch, mut now) = (Watch::new(), 0);
        watch.v6 = v6;
        let (opens, closes) = (100_000 + cut, 400_000 + cut);
        let (mut down_at, mut up_at) = (None, None);
        live(&mut watch, &mut now, closes + 60_000, |watch, ask, at| {
            let carries = !(opens..closes).contains(&at);
            let took = match ask {
                Ask::Touch { .. } if carries => {
                    let reached = Touch::Reached { rtt_ms: 80, v6 };
                    watch.see(&Seen::Touched(reached), moment(at + 80));
                    80
                }
                Ask::Touch { .. } | Ask::Echo { .. } | Ask::Probe | Ask::Message => {
                    answer_on(echo, watch, ask, at, carries)
                }
            };
            if watch.state() == LineState::Down {
                down_at = down_at.or(Some(at + took));
            } else if at >= closes {
                up_at = up_at.or(Some(at + took));
            } else {
                assert!(at < opens || down_at.is_none(), "up in a hole");
            }
            took
        });
        waits.push(down_at.unwrap() - opens);
        ends.push(up_at.unwrap() - closes);
    }
    waits.sort_unstable();
    ends.sort_unstable();
    (waits, ends)
}

#[test]
fn a_hole_is_found_within_the_promised_time_and_so_is_its_end() {
    for (echo, v6, median_ms, worst_ms) in [
        (Echo::Answered, false, 6_000, 11_000),
        (Echo::Answered, true, 9_000, 16_000),
        (Echo::Silent, false, 10_000, 18_000),
        (Echo::Unavailable, false, 10_000, 18_000),
    ] {
        let (waits, ends) = holes(echo, v6);
        assert!(waits[waits.len() / 2] <= median_ms, "{echo:?} {waits:?}");
        assert!(*waits.last().unwrap() <= worst_ms, "{echo:?} {waits:?}");
        assert!(*ends.last().unwrap() <= 10_000, "{echo:?} {ends:?}");
    }
}

#[test]
fn echoes_that_nobody_answers_on_a_live_line_are_given_up_for_an_hour() {
    let (mut watch, mut now) = (Watch::new(), 0);
    let mut asked = Vec::new();
    live(&mut watch, &mut now, 7_200_000, |watch, ask, at| {
        if matches!(ask, Ask::Echo { .. }) {
            asked.push(at);
        }
        answer_on(Echo::Silent, watch, ask, at, true)
    });
    assert_eq!(watch.state(), LineState::Up);
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked[3] - asked[2] >= 3_600_000);
    // Another way may answer them.
    watch.see(&Seen::Moved(Moved::Other), moment(now));
    let end = now + 60_000;
    let spent = live(&mut watch, &mut now, end, |watch, ask, at| {
        answer(watch, ask, at, true)
    });
    let echoes = spent.iter().filter(|(_, bytes)| *bytes == ECHO_BYTES);
    assert!(echoes.count() >= 6, "{spent:?}");
}

#[test]
fn a_provider_that_is_gone_where_the_way_is_not_is_found_too() {
    let (mut watch, mut now) = (Watch::new(), 0);
    live(
        &mut watch,
        &mut now,
        RARE_TOUCH_MS + 60_000,
        |watch, ask, at| match ask {
            Ask::Touch { patience_ms, .. } => {
                watch.see(&Seen::Touched(Touch::Silent), moment(at + patience_ms));
                patience_ms
            }
            Ask::Echo { .. } | Ask::Probe | Ask::Message => answer(watch, ask, at, true),
        },
    );
    assert_eq!(watch.state(), LineState::Down);
}

#[test]
fn a_route_that_goes_cuts_at_once_and_one_that_comes_is_asked_at_once() {
    let mut watch = Watch::new();
    watch.spend(Ask::Probe, moment(0));
    watch.see(&Seen::Probed(&fine()), moment(100));
    assert!(watch.see(&Seen::Moved(Moved::Gone), moment(5_000)));
    assert_eq!(watch.state(), LineState::Down);
    assert_eq!(watch.plan(moment(5_000)).wait_ms, 25_000);
    assert!(watch.see(&Seen::Moved(Moved::Back), moment(9_000)));
    let plan = watch.plan(moment(9_000));
    assert!(matches!(plan.ask, Ask::Touch { .. }) && plan.wait_ms == 0);
    watch.spend(plan.ask, moment(9_000));
    watch.see(&Seen::Touched(REACHED), moment(9_080));
    let plan = watch.plan(moment(9_080));
    assert_eq!((plan.ask, plan.wait_ms), (Ask::Probe, 0));
    watch.spend(plan.ask, moment(9_080));
    watch.see(&Seen::Probed(&fine()), moment(9_300));
    assert_eq!(watch.state(), LineState::Up);
}

/// A router that takes its time with the first packets of a fresh line.
#[test]
fn a_fresh_line_that_loses_its_first_packets_is_found_within_a_second_or_two() {
    let (mut watch, mut now) = (Watch::new(), 5_000);
    watch.see(&Seen::Moved(Moved::Gone), moment(now));
    watch.see(&Seen::Moved(Moved::Back), moment(now));
    let carries_from = now + 700;
    live(&mut watch, &mut now, 8_000, |watch, ask, at| {
        answer(watch, ask, at, at >= carries_from)
    });
    assert_eq!(watch.state(), LineState::Up);
    assert!(watch.proof_ms <= 5_000 + 1_700, "{}", watch.proof_ms);
    // One that stays dead is asked no faster for that.
    watch.see(&Seen::Moved(Moved::Gone), moment(now));
    watch.see(&Seen::Moved(Moved::Back), moment(now));
    let end = now + 60_000;
    let spent = live(&mut watch, &mut now, end, |watch, ask, at| {
        answer(watch, ask, at, false)
    });
    assert!(spent.len() <= 24, "{}", spent.len());
}

#[test]
fn a_line_that_comes_and_goes_all_day_is_used_at_once_although_nothing_is_left_to_ask_with() {
    let (mut watch, mut now) = (Watch::new(), 0);
    for _ in 0..1_000 {
        now += 5_000;
        watch.see(&Seen::Moved(Moved::Gone), moment(now));
        assert_eq!(watch.state(), LineState::Down);
        now += 5_000;
        let (back, end) = (now, now + 1_000);
        watch.see(&Seen::Moved(Moved::Back), moment(now));
        live(&mut watch, &mut now, end, |watch, ask, at| {
            answer(watch, ask, at, true)
        });
        assert_eq!(watch.state(), LineState::Up, "{back}");
        now = end;
    }
}

#[test]
fn a_pause_outlives_an_outage() {
    let mut watch = Watch::new();
    let until = moment(600_000).at;
    let refused = SendOutcome::Refused {
        error: ProviderError {
            code: 130_429,
            subcode: None,
        },
        http: 429,
        wait: None,
    };
    let seen = Seen::Sent {
        outcome: &refused,
        channel: Channel::PauseUntil(until),
    };
    watch.see(&seen, moment(1_000));
    watch.see(&Seen::Moved(Moved::Gone), moment(2_000));
    assert_eq!(watch.state(), LineState::Down);
    watch.see(&Seen::Probed(&fine()), moment(3_000));
    assert_eq!(watch.state(), LineState::Paused(until));
    watch.see(&Seen::Probed(&fine()), moment(600_001));
    assert_eq!(watch.state(), LineState::Up);
}

#[test]
fn a_cut_is_seen_through_a_pause() {
    let mut watch = Watch::new();
    let until = moment(DAY_MS / 6).at;
    watch.resume(until, moment(0).at);
    let nothing = SendOutcome::NotSent(LineFault::Down);
    watch.see(&Seen::Probed(&nothing), moment(1_000));
    assert_eq!(watch.state(), LineState::Down);
    watch.see(&Seen::Touched(REACHED), moment(60_000));
    watch.see(&Seen::Probed(&fine()), moment(60_100));
    assert_eq!(watch.state(), LineState::Paused(until));
    let mut now = 60_100;
    let end = now + RARE_TOUCH_MS + 60_000;
    live(&mut watch, &mut now, end, |watch, ask, now| {
        answer(watch, ask, now, false)
    });
    assert_eq!(watch.state(), LineState::Down);
}

#[test]
fn refused_sends_make_probes_rarer_although_the_probes_go_well() {
    let mut watch = Watch::new();
    let refused = SendOutcome::Refused {
        error: ProviderError {
            code: 131_042,
            subcode: None,
        },
        http: 400,
        wait: None,
    };
    let mut waits = Vec::new();
    let mut now = 0;
    for _ in 0..12 {
        let seen = Seen::Sent {
            outcome: &refused,
            channel: Channel::Misconfigured,
        };
        watch.see(&seen, moment(now));
        watch.wish = None;
        watch.asked_ms = now;
        // The purse makes them rarer still; here it is the refusals that count.
        watch.purse = Purse::full();
        let plan = watch.plan(moment(now));
        assert_eq!(plan.ask, Ask::Probe);
        waits.push(plan.wait_ms);
        now += plan.wait_ms;
        watch.spend(plan.ask, moment(now));
        watch.see(&Seen::Probed(&fine()), moment(now));
        assert_eq!(watch.state(), LineState::Up);
    }
    assert!(waits.is_sorted(), "{waits:?}");
    assert!(waits[0] <= 2_000 && waits[11] == 900_000, "{waits:?}");
}

fn refused(code: i64) -> SendOutcome {
    SendOutcome::Refused {
        error: ProviderError {
            code,
            subcode: None,
        },
        http: 503,
        wait: None,
    }
}

fn sent(watch: &mut Watch, outcome: &SendOutcome, channel: Channel, now: i64) {
    watch.see(&Seen::Sent { outcome, channel }, moment(now));
}

#[test]
fn a_provider_that_says_try_later_is_waited_for_and_tried_by_one_message() {
    let (mut watch, later) = (Watch::new(), refused(133_004));
    let fault = |watch: &mut Watch, now| sent(watch, &later, Channel::ProviderDown, now);
    watch.spend(Ask::Probe, moment(0));
    watch.see(&Seen::Probed(&fine()), moment(0));
    // One now and then may be about one message.
    for now in [10, 20, 30] {
        fault(&mut watch, now);
        fault(&mut watch, now);
        assert_eq!(watch.state(), LineState::Up);
        sent(&mut watch, &refused(131_026), Channel::Fine, now);
    }
    // Many at once are one outage.
    for _ in 0..32 {
        fault(&mut watch, 40);
    }
    assert_eq!(watch.state(), LineState::ProviderDown);
    let (mut now, mut waits) = (40, Vec::new());
    for _ in 0..16 {
        watch.purse = Purse::full();
        let plan = watch.plan(moment(now));
        assert_eq!(plan.ask, Ask::Probe);
        waits.push(plan.wait_ms);
        now += plan.wait_ms;
        watch.spend(plan.ask, moment(now));
        watch.see(&Seen::Probed(&fine()), moment(now));
        assert_eq!(watch.state(), LineState::Up);
        assert!(watch.is_on_trial());
        fault(&mut watch, now);
        assert_eq!(watch.state(), LineState::ProviderDown);
    }
    assert!(waits.is_sorted(), "{waits:?}");
    assert!(waits[1] <= 2_000 && waits[15] == 600_000, "{waits:?}");
    sent(&mut watch, &fine(), Channel::Fine, now);
    assert_eq!(watch.state(), LineState::Up);
    assert!(!watch.is_on_trial());
}

#[test]
fn a_provider_in_trouble_is_tried_again_although_nothing_is_left_to_ask_with() {
    let mut watch = Watch::new();
    watch.spend(Ask::Probe, moment(0));
    watch.see(&Seen::Probed(&fine()), moment(0));
    watch.purse.spend(BURST_BYTES - PROBE_BYTES, moment(0));
    let mut now = 20_000;
    for _ in 0..3 {
        sent(&mut watch, &refused(133_004), Channel::ProviderDown, now);
    }
    assert_eq!(watch.state(), LineState::ProviderDown);
    let end = now + 60_000;
    live(&mut watch, &mut now, end, |watch, ask, at| {
        assert!(!matches!(ask, Ask::Probe));
        answer(watch, ask, at, true)
    });
    assert_eq!(watch.state(), LineState::Up);
    assert!(watch.is_on_trial(), "the next message tells the rest");
}

/// Enough is left for a probe and too little for one that leaves a reserve.
#[test]
fn a_provider_in_trouble_is_tried_again_although_little_is_left_to_ask_with() {
    for left in [PROBE_BYTES, 10_000, PROBE_BYTES + RESERVE_BYTES - 1] {
        let mut watch = Watch::new();
        watch.spend(Ask::Probe, moment(0));
        watch.see(&Seen::Probed(&SendOutcome::Unknown), moment(0));
        assert_eq!(watch.state(), LineState::ProviderDown);
        watch.purse = Purse::full();
        watch.purse.spend(BURST_BYTES - left, moment(0));
        let mut now = 10;
        live(&mut watch, &mut now, 10_000, |watch, ask, at| {
            answer(watch, ask, at, true)
        });
        assert_eq!(watch.state(), LineState::Up, "{left}");
    }
}

/// A sign-in page comes and goes, a token is set anew: who waits for the next
/// question would wait for minutes where nothing is left to ask with.
#[test]
fn what_nobody_can_ask_any_more_is_tried_by_one_message_ever_more_rarely() {
    for (found, state) in [
        (SendOutcome::NotSent(LineFault::Portal), LineState::Portal),
        (SendOutcome::NotSent(LineFault::Tls), LineState::Tls),
        (
            SendOutcome::NotSent(LineFault::Clock),
            LineState::ClockWrong,
        ),
    ] {
        let (mut watch, mut now) = (Watch::new(), 0);
        watch.spend(Ask::Probe, moment(0));
        watch.see(&Seen::Probed(&found), moment(0));
        let mut waits = Vec::new();
        for _ in 0..8 {
            assert_eq!(watch.state(), state);
            watch.purse = Purse::full();
            watch.purse.spend(BURST_BYTES - 1_000, moment(now));
            let plan = loop {
                let plan = watch.plan(moment(now));
                if plan.ask == Ask::Message {
                    break plan;
                }
                // Whoever answers there answers a touch as well.
                assert!(matches!(plan.ask, Ask::Touch { .. }));
                now += plan.wait_ms;
                watch.spend(plan.ask, moment(now));
                watch.see(&Seen::Touched(REACHED), moment(now));
            };
            waits.push(plan.wait_ms);
            now += plan.wait_ms;
            watch.spend(plan.ask, moment(now));
            assert_eq!(watch.state(), LineState::Up);
            assert!(watch.is_on_trial());
            sent(&mut watch, &found, Channel::LineDown, now);
        }
        assert!(waits.is_sorted(), "{waits:?}");
        assert!(waits[0] <= 30_000 && waits[7] == 600_000, "{waits:?}");
        now += 600_000;
        watch.spend(Ask::Message, moment(now));
        sent(&mut watch, &fine(), Channel::Fine, now);
        assert_eq!(watch.state(), LineState::Up);
        assert!(!watch.is_on_trial());
    }
}

#[test]
fn each_pause_that_proves_too_short_is_followed_by_one_twice_as_long() {
    let mut watch = Watch::new();
    let least = |now: i64| Channel::PauseUntil(moment(now + 1_000).at);
    let throttle = |watch: &mut Watch, now: i64| {
        sent(watch, &refused(80_007), least(now), now);
    };
    let (mut now, mut pauses) = (1_000, Vec::new());
    for _ in 0..12 {
        throttle(&mut watch, now);
        let LineState::Paused(until) = watch.state() else {
            panic!("{:?}", watch.state());
        };
        assert!(watch.is_on_trial(), "one message tries it for all");
        pauses.push(until.ms_since(moment(now).at));
        // The others that were in the air say the same, or were taken.
        sent(&mut watch, &refused(80_007), least(now), now + 10);
        assert_eq!(watch.state(), LineState::Paused(until));
        sent(&mut watch, &fine(), Channel::Fine, now + 20);
        assert!(watch.is_on_trial());
        now = until.ms_since(moment(0).at) + 1;
        watch.see(&Seen::Probed(&fine()), moment(now));
        assert_eq!(watch.state(), LineState::Up);
    }
    assert_eq!(pauses[..4], [1_000, 2_000, 4_000, 8_000]);
    assert_eq!(pauses[11], 900_000);
    // One that is taken after a pause ends the row.
    sent(&mut watch, &fine(), Channel::Fine, now);
    assert!(!watch.is_on_trial());
    throttle(&mut watch, now);
    assert_eq!(watch.state(), LineState::Paused(moment(now + 1_000).at));
}

#[test]
fn a_longer_pause_that_was_asked_for_is_kept() {
    let mut watch = Watch::new();
    let until = |ms| Channel::PauseUntil(moment(ms).at);
    sent(&mut watch, &refused(4), until(600_000), 0);
    sent(&mut watch, &refused(4), until(1_000), 0);
    assert_eq!(watch.state(), LineState::Paused(moment(600_000).at));
}

#[test]
fn somebody_who_is_there_and_answers_nothing_is_asked_in_earnest() {
    let mut watch = Watch::new();
    watch.spend(Ask::Probe, moment(0));
    watch.see(&Seen::Probed(&fine()), moment(0));
    let mut now = 0;
    for (answer, state) in [
        (fine(), LineState::Up),
        (SendOutcome::Unknown, LineState::ProviderDown),
    ] {
        for _ in 0..3 {
            now += 5_000;
            assert!(watch.wish.is_none());
            sent(&mut watch, &SendOutcome::Unknown, Channel::Fine, now);
            let plan = watch.plan(moment(now));
            assert!(matches!(plan.ask, Ask::Touch { .. }), "{now}");
            watch.spend(plan.ask, moment(now));
            watch.see(&Seen::Touched(REACHED), moment(now + 80));
        }
        let plan = watch.plan(moment(now + 80));
        assert_eq!((plan.ask, plan.wait_ms), (Ask::Probe, 0));
        watch.spend(plan.ask, moment(now + 80));
        watch.see(&Seen::Probed(&answer), moment(now + 500));
        assert_eq!(watch.state(), state);
        // One answer is enough until more is lost.
        watch.see(&Seen::Touched(REACHED), moment(now + 600));
    }
}

/// What a touch is waited for now, ms.
fn patience(watch: &Watch) -> i64 {
    match watch.touch(moment(0)) {
        Ask::Touch { patience_ms, .. } => patience_ms,
        Ask::Probe | Ask::Echo { .. } | Ask::Message => panic!("that was no touch"),
    }
}

/// A line that answered nothing at second 20 and is up again four seconds later;
/// then a touch, which took so long.
fn measured_after_an_alarm(rtt_ms: i64) -> Watch {
    let mut watch = Watch::new();
    watch.spend(Ask::Probe, moment(0));
    watch.see(&Seen::Probed(&fine()), moment(100));
    assert_eq!(patience(&watch), PATIENCE_MS_MIN);
    watch.see(&Seen::Touched(Touch::Silent), moment(20_000));
    assert_eq!(patience(&watch), PATIENCE_MS_MAX);
    let touch = watch.plan(moment(20_000)).ask;
    watch.spend(touch, moment(20_000));
    // The answer to the third SYN, of a slow line or of one that was cut.
    let answer = Touch::Reached {
        rtt_ms: 3_050,
        v6: false,
    };
    watch.see(&Seen::Touched(answer), moment(23_050));
    watch.spend(Ask::Probe, moment(23_050));
    watch.see(&Seen::Probed(&fine()), moment(24_000));
    let plan = watch.plan(moment(24_000));
    let whole = Ask::Touch {
        patience_ms: PATIENCE_MS_MAX,
        looks_up: true,
    };
    assert_eq!((plan.ask, plan.wait_ms), (whole, 0));
    watch.spend(plan.ask, moment(24_000));
    let took = Touch::Reached { rtt_ms, v6: false };
    watch.see(&Seen::Touched(took), moment(24_000 + rtt_ms));
    watch
}

#[test]
fn a_slow_line_is_given_more_time_after_a_false_alarm() {
    assert!(patience(&measured_after_an_alarm(1_900)) > 4 * 1_800);
}

#[test]
fn a_short_cut_does_not_make_the_next_one_harder_to_see() {
    assert!(patience(&measured_after_an_alarm(40)) < PATIENCE_MS_MIN + 100);
}

fn any_outcome() -> impl Strategy<Value = SendOutcome> {
    let refusal = |code, http| SendOutcome::Refused {
        error: ProviderError {
            code,
            subcode: None,
        },
        http,
        wait: None,
    };
    prop_oneof![
        Just(fine()),
        Just(SendOutcome::Unknown),
        Just(SendOutcome::NotSent(LineFault::Down)),
        Just(SendOutcome::NotSent(LineFault::Refused)),
        Just(SendOutcome::NotSent(LineFault::Portal)),
        Just(SendOutcome::NotSent(LineFault::Tls)),
        Just(SendOutcome::NotSent(LineFault::Clock)),
        Just(refusal(190, 401)),
        Just(refusal(131_042, 400)),
        Just(refusal(2, 503)),
    ]
}

fn any_touch() -> impl Strategy<Value = Touch> {
    prop_oneof![
        (0..9_000_i64, any::<bool>()).prop_map(|(rtt_ms, v6)| Touch::Reached { rtt_ms, v6 }),
        Just(Touch::Refused),
        Just(Touch::Silent),
        Just(Touch::NoRoute),
    ]
}

fn any_echo() -> impl Strategy<Value = Echo> {
    prop_oneof![
        2 => Just(Echo::Answered),
        1 => Just(Echo::Silent),
        1 => Just(Echo::Unavailable),
    ]
}

fn any_moved() -> impl Strategy<Value = Moved> {
    prop_oneof![
        Just(Moved::Gone),
        Just(Moved::Back),
        Just(Moved::Other),
        Just(Moved::Carrier),
        Just(Moved::Same),
    ]
}

#[derive(Clone, Debug)]
enum Happens {
    Answers(SendOutcome, Touch, Echo),
    Kernel(Moved),
    Message(SendOutcome),
    Nudge,
}

fn anything() -> impl Strategy<Value = Happens> {
    prop_oneof![
        6 => (any_outcome(), any_touch(), any_echo())
            .prop_map(|(o, t, e)| Happens::Answers(o, t, e)),
        2 => any_moved().prop_map(Happens::Kernel),
        2 => any_outcome().prop_map(Happens::Message),
        1 => Just(Happens::Nudge),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_no_day_costs_more_than_its_bound(
        script in proptest::collection::vec((anything(), 0..20_000_i64), 1..60)
    ) {
        let (mut watch, mut now) = (Watch::new(), 0_i64);
        let mut spent = Vec::new();
        let mut turn = script.iter().cycle();
        while now < 2 * DAY_MS && spent.len() < 30_000 {
            let (happens, pause) = turn.next().unwrap();
            let at = moment(now);
            let plan = watch.plan(at);
            prop_assert!(plan.wait_ms >= 0);
            match happens {
                Happens::Answers(outcome, touch, echo) => {
                    now += plan.wait_ms + 1;
                    let at = moment(now);
                    spent.push((now, cost(plan.ask, watch.v6)));
                    watch.spend(plan.ask, at);
                    match plan.ask {
                        Ask::Probe => watch.see(&Seen::Probed(outcome), at),
                        Ask::Touch { .. } => watch.see(&Seen::Touched(*touch), at),
                        Ask::Echo { .. } => watch.see(&Seen::Echoed(*echo), at),
                        Ask::Message => false,
                    };
                }
                Happens::Kernel(moved) => {
                    watch.see(&Seen::Moved(*moved), at);
                    if *moved == Moved::Gone {
                        prop_assert!(!watch.state().carries(at.at));
                    }
                    now += pause;
                }
                Happens::Message(outcome) => {
                    watch.see(&Seen::Sent { outcome, channel: Channel::Fine }, at);
                    now += pause;
                }
                Happens::Nudge => {
                    watch.see(&Seen::Nudged, at);
                    now += pause;
                }
            }
            now += 1;
        }
        let worst = worst_day(&spent);
        prop_assert!(worst <= ASKING_BYTES_A_DAY, "{worst}");
    }

    #[test]
    fn a_line_that_works_is_found_to_work_whatever_happened_before(
        script in proptest::collection::vec((anything(), 0..20_000_i64), 0..60)
    ) {
        let (mut watch, mut now) = (Watch::new(), 0_i64);
        for (happens, pause) in &script {
            let at = moment(now);
            match happens {
                Happens::Answers(outcome, touch, echo) => {
                    watch.see(&Seen::Echoed(*echo), at);
                    watch.see(&Seen::Probed(outcome), at);
                    watch.see(&Seen::Touched(*touch), at)
                }
                Happens::Kernel(moved) => watch.see(&Seen::Moved(*moved), at),
                Happens::Message(outcome) => {
                    watch.see(&Seen::Sent { outcome, channel: Channel::Fine }, at)
                }
                Happens::Nudge => watch.see(&Seen::Nudged, at),
            };
            now += pause + 1;
        }
        watch.see(&Seen::Moved(Moved::Back), moment(now));
        let end = now + 60_000;
        live(&mut watch, &mut now, end, |watch, ask, at| answer(watch, ask, at, true));
        prop_assert_eq!(watch.state(), LineState::Up);
    }
}

/// The look-ups of so many touches, one after the other, that end like this.
fn look_ups(watch: &mut Watch, now: &mut i64, touches: usize, touch: Touch) -> Vec<bool> {
    let mut seen = Vec::new();
    while seen.len() < touches {
        let plan = watch.plan(moment(*now));
        *now += plan.wait_ms;
        watch.spend(plan.ask, moment(*now));
        match plan.ask {
            Ask::Touch { looks_up, .. } => {
                seen.push(looks_up);
                watch.see(&Seen::Touched(touch), moment(*now));
            }
            Ask::Echo { .. } => {
                watch.see(&Seen::Echoed(Echo::Unavailable), moment(*now));
            }
            Ask::Probe => {
                watch.see(&Seen::Probed(&fine()), moment(*now));
            }
            Ask::Message => {}
        }
    }
    seen
}

#[test]
fn a_touch_goes_to_the_address_that_is_known_until_nobody_answers_there() {
    let (mut watch, mut now) = (Watch::new(), 0);
    let up = look_ups(&mut watch, &mut now, 1_000, REACHED);
    let at_first = up.iter().position(|looks_up| *looks_up);
    assert_eq!(
        (at_first, up.iter().filter(|it| **it).count()),
        (Some(0), 1)
    );
    // By the first the line is down, and the second may be lost in a short cut.
    let down = look_ups(&mut watch, &mut now, 4, Touch::Silent);
    assert_eq!(down, [false, false, true, false]);
    let since = now;
    let mut again = 0;
    while now < since + DAY_MS {
        let some = look_ups(&mut watch, &mut now, 1, Touch::Silent);
        again += some.iter().filter(|it| **it).count();
    }
    assert!((100..=144).contains(&again), "{again} in a day");
    // The way is back: the first touch waits for no name server.
    watch.purse = Purse::full();
    watch.see(&Seen::Moved(Moved::Gone), moment(now));
    watch.see(&Seen::Moved(Moved::Back), moment(now));
    let fresh = look_ups(&mut watch, &mut now, 3, Touch::Silent);
    assert_eq!(fresh, [false, true, false]);
}
