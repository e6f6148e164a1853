//! What is known of the line to the provider: the words for it, and the shared
//! view. The sender reports results, the watcher asks; everybody else reads.
//!
//! A line that comes back is told to nobody before the watcher has stored what
//! follows from it.

mod state;

pub use state::{LineState, is_pause, judge_probe, probe_wait_ms};

use crate::core::delivery::{Channel, Class, Why, classify, wait_ms};
use crate::core::inbound::ProviderError;
use crate::core::time::UnixMs;
use crate::ports::SendOutcome;
use crate::store::rest::Rest;
use crate::work::purse::Moment;
use crate::work::seen::Seen;
use crate::work::watch::{Plan, Watch};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

struct Shared {
    told: watch::Sender<LineState>,
    watch: Mutex<Watch>,
    /// Since when what is taken comes back because of the account.
    trial: Mutex<Option<UnixMs>>,
    /// Whether a trial ended well since somebody last looked.
    proven: AtomicBool,
    stirred: Notify,
    began: Instant,
}

/// The shared view of the line.
#[derive(Clone)]
pub struct Line(Arc<Shared>);

impl Default for Line {
    fn default() -> Self {
        Self(Arc::new(Shared {
            told: watch::Sender::new(LineState::Up),
            watch: Mutex::new(Watch::new()),
            trial: Mutex::default(),
            proven: AtomicBool::default(),
            stirred: Notify::new(),
            began: Instant::now(),
        }))
    }
}

impl Line {
    /// How it stands.
    pub fn state(&self) -> LineState {
        *self.0.told.borrow()
    }

    /// Waits for news.
    pub async fn changed(&self) {
        let mut reader = self.0.told.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        if reader.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Which stretch of up or down this is. What a send met counts only in the
    /// stretch it began in: one that hangs from before an outage and fails
    /// after it says nothing of the line now.
    pub fn stretch(&self) -> u64 {
        self.watch().stretch()
    }

    /// Whether one message tries the line for all: the last ones were refused
    /// for a reason that is none of their own, and none was taken since; or the
    /// account takes messages and gives them back.
    pub fn is_on_trial(&self) -> bool {
        self.is_account_on_trial() || self.watch().is_on_trial()
    }

    /// Tells what became of a send that began in `stretch`.
    pub fn sent(&self, outcome: &SendOutcome, channel: Channel, stretch: u64, at: UnixMs) {
        let answered = matches!(
            outcome,
            SendOutcome::Accepted { .. } | SendOutcome::Refused { .. }
        );
        let refused = matches!(self.state(), LineState::TokenBad | LineState::Misconfigured);
        if answered && channel == Channel::Fine && refused && self.is_account_on_trial() {
            // It was in the air when another came back: that it was taken is no
            // proof.
            return;
        }
        if answered || stretch == self.stretch() {
            self.see(&Seen::Sent { outcome, channel }, at);
            // What is to be asked of a line that is not up is planned anew.
            if !answered || self.state() != LineState::Up || self.untold().is_some() {
                self.0.stirred.notify_one();
            }
        }
    }

    /// Says that something changed that may have mended the line: a credential,
    /// or a message that came in. It is asked soon.
    pub fn nudge(&self, at: UnixMs) {
        if self.state() != LineState::Up {
            self.see(&Seen::Nudged, at);
            self.0.stirred.notify_one();
        }
    }

    /// Tells that a message came back which the provider had taken, because of
    /// the account. A number that people complain of pauses. An account without
    /// a payment method takes every message: nothing leaves until it is asked
    /// again, and then one by one until one arrives.
    pub fn gives_back(&self, error: &ProviderError, at: UnixMs) {
        let outcome = SendOutcome::Refused {
            error: error.clone(),
            http: 0,
            wait: None,
        };
        let class = classify(error, 0);
        if class == Class::NumberLimited {
            let channel = Channel::PauseUntil(at.plus_ms(wait_ms(class, 0, None, 0)));
            return self.sent(&outcome, channel, self.stretch(), at);
        }
        *self.trial() = Some(at);
        self.take_proof();
        if !self.state().is_cut() {
            self.see(&Seen::GivenBack(&outcome), at);
            self.0.stirred.notify_one();
        }
    }

    /// Tells that a message arrived which the provider had taken at `taken_at`.
    /// One from before proves nothing of the account as it is now. A trial that
    /// seems to begin later was dated by a clock that was ahead.
    pub fn serves(&self, taken_at: UnixMs, at: UnixMs) {
        let proves = |since: &mut UnixMs| {
            *since = (*since).min(at);
            taken_at > *since
        };
        let proven = self.trial().take_if(proves).is_some();
        if proven {
            self.0.proven.store(true, Ordering::Release);
            self.see(&Seen::Served, at);
            self.0.stirred.notify_one();
        }
    }

    /// Why messages wait now. An account that gives them back is not well yet
    /// because its line is up.
    pub fn why(&self) -> Option<Why> {
        let state = self.state();
        let on_trial = state == LineState::Up && self.is_account_on_trial();
        on_trial.then_some(Why::Configuration).or(state.why())
    }

    /// Whether what the account takes may all come back.
    pub fn is_account_on_trial(&self) -> bool {
        self.trial().is_some()
    }

    /// Whether a trial of the account ended well since this was asked last: what
    /// follows from it is to be stored.
    pub(super) fn take_proof(&self) -> bool {
        self.0.proven.swap(false, Ordering::AcqRel)
    }

    /// What follows from the end of the trial could not be stored.
    pub(super) fn give_back_proof(&self) {
        self.0
            .proven
            .store(!self.is_account_on_trial(), Ordering::Release);
    }

    /// What of this a restart must not forget.
    pub fn rest(&self) -> Rest {
        Rest {
            until: self.watch().rests_until(),
            trial: *self.trial(),
        }
    }

    /// Takes up what an earlier run kept, before anything is sent: a pause that
    /// is one still holds on, and one message tries the line for all.
    pub fn resume(&self, rest: Rest, at: UnixMs) {
        *self.trial() = rest.trial.map(|since| since.min(at));
        if let Some(until) = rest.until {
            let state = {
                let mut watch = self.watch();
                watch.resume(until, at);
                watch.state()
            };
            self.tell(state);
        }
    }

    fn trial(&self) -> MutexGuard<'_, Option<UnixMs>> {
        self.0.trial.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes something in; true if kept connections are dead. A cut is told at
    /// once, the end of one when the watcher says so.
    pub(super) fn see(&self, seen: &Seen<'_>, at: UnixMs) -> bool {
        let now = self.moment(at);
        let (dead, next) = {
            let mut watch = self.watch();
            (watch.see(seen, now), watch.state())
        };
        if next.is_cut() || !self.state().is_cut() {
            self.tell(next);
        }
        dead
    }

    /// What to ask next, and after how many milliseconds.
    pub(super) fn plan(&self, at: UnixMs) -> Plan {
        self.watch().plan(self.moment(at))
    }

    /// Counts what is being asked.
    pub(super) fn spend(&self, plan: Plan, at: UnixMs) {
        let now = self.moment(at);
        self.watch().spend(plan.ask, now);
    }

    /// The state that is to be told, if it is news.
    pub(super) fn untold(&self) -> Option<LineState> {
        let next = self.watch().state();
        (next != self.state()).then_some(next)
    }

    /// Tells everybody.
    pub(super) fn tell(&self, state: LineState) {
        let news = self.0.told.send_if_modified(|current| {
            let changed = *current != state;
            *current = state;
            changed
        });
        if news {
            tracing::info!(line = state.word(), "the line to the provider changed");
        }
    }

    /// Waits until somebody but the watcher has told something.
    pub(super) async fn stirred(&self) {
        self.0.stirred.notified().await;
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `at`, and how long this view of the line has existed.
    pub fn moment(&self, at: UnixMs) -> Moment {
        let passed = self.0.began.elapsed().as_millis();
        let steady_ms = i64::try_from(passed).unwrap_or(i64::MAX);
        Moment { steady_ms, at }
    }
}

#[cfg(test)]
mod tests {
    use super::state::REFUSED_MS_MAX;
    use super::*;
    use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS};
    use crate::ports::LineFault;
    use futures_util::FutureExt;

    fn refusal(code: i64, http: u16) -> SendOutcome {
        let error = ProviderError {
            code,
            subcode: None,
        };
        SendOutcome::Refused {
            error,
            http,
            wait: None,
        }
    }

    #[test]
    fn a_refusal_of_the_account_has_the_watcher_plan_anew() {
        let line = Line::default();
        let stirred = || line.stirred().now_or_never().is_some();
        let fine = SendOutcome::Accepted { wamid: "".into() };
        line.sent(&fine, Channel::Fine, line.stretch(), UnixMs(0));
        assert!(!stirred(), "nothing is new");
        let refused = refusal(190, 401);
        line.sent(&refused, Channel::Misconfigured, line.stretch(), UnixMs(0));
        assert_eq!(line.state(), LineState::TokenBad);
        assert!(stirred(), "else it would sleep until the next touch");
        assert!(line.plan(UnixMs(0)).wait_ms <= 2_000);
    }

    #[test]
    fn a_send_that_hung_through_an_outage_does_not_cut_the_line_again() {
        let line = Line::default();
        let (now, fine) = (UnixMs(0), SendOutcome::Accepted { wamid: "".into() });
        let hung = line.stretch();
        line.see(&Seen::Moved(crate::ports::Moved::Gone), now);
        assert_eq!(line.state(), LineState::Down);
        line.see(&Seen::Probed(&fine), now);
        // Told only by the watcher, after it has stored what follows.
        assert_eq!(line.state(), LineState::Down);
        assert_eq!(line.untold(), Some(LineState::Up));
        line.tell(LineState::Up);
        let lost = SendOutcome::NotSent(LineFault::Down);
        line.sent(&lost, Channel::LineDown, hung, now);
        assert_eq!(line.state(), LineState::Up);
        line.sent(&lost, Channel::LineDown, line.stretch(), now);
        assert_eq!(line.state(), LineState::Down);
    }

    #[test]
    fn an_account_that_gives_messages_back_is_tried_seldom_and_one_by_one() {
        let line = Line::default();
        let at = |ms| UnixMs(ms);
        let fine = SendOutcome::Accepted { wamid: "".into() };
        let unpaid = ProviderError {
            code: 131_042,
            subcode: None,
        };
        line.gives_back(&unpaid, at(0));
        assert_eq!(line.state(), LineState::Misconfigured);
        // What was in the air is taken, and proves nothing.
        line.sent(&fine, Channel::Fine, line.stretch(), at(1));
        assert_eq!(line.state(), LineState::Misconfigured);
        let plan = line.plan(at(1));
        assert!(plan.wait_ms > REFUSED_MS_MAX - MINUTE_MS, "{plan:?}");
        // Nor does a probe: one message tries it for all.
        line.see(&Seen::Probed(&fine), at(2));
        assert_eq!((line.state(), line.is_on_trial()), (LineState::Up, true));
        line.sent(&fine, Channel::Fine, line.stretch(), at(3));
        line.serves(at(0), at(4));
        assert!(line.is_on_trial(), "that one was taken before");
        line.gives_back(&unpaid, at(5));
        assert_eq!(line.state(), LineState::Misconfigured);
        let plan = line.plan(at(6));
        assert!(plan.wait_ms > REFUSED_MS_MAX - MINUTE_MS, "{plan:?}");
        line.serves(at(6), at(7));
        // It is asked soon, and once a message is taken the others follow.
        assert!(line.plan(at(7)).wait_ms < MINUTE_MS);
        line.see(&Seen::Probed(&fine), at(8));
        line.sent(&fine, Channel::Fine, line.stretch(), at(9));
        assert_eq!((line.state(), line.is_on_trial()), (LineState::Up, false));
    }

    #[test]
    fn a_number_that_people_complain_of_pauses_though_it_is_told_late() {
        let line = Line::default();
        let limited = ProviderError {
            code: 131_048,
            subcode: None,
        };
        line.gives_back(&limited, UnixMs(0));
        let state = line.state();
        assert!(
            matches!(state, LineState::Paused(until) if until.0 > MINUTE_MS * 60),
            "{state:?}"
        );
    }

    #[test]
    fn an_account_that_gives_messages_back_over_a_cut_line_leaves_it_cut() {
        let line = Line::default();
        line.see(&Seen::Moved(crate::ports::Moved::Gone), UnixMs(0));
        let unpaid = ProviderError {
            code: 131_042,
            subcode: None,
        };
        line.gives_back(&unpaid, UnixMs(1));
        assert_eq!((line.state(), line.is_on_trial()), (LineState::Down, true));
    }

    /// The line of the next run, after this one.
    fn started_anew(line: &Line, at: UnixMs) -> Line {
        let next = Line::default();
        next.resume(line.rest(), at);
        next
    }

    #[test]
    fn a_pause_of_hours_goes_on_after_a_restart_and_then_one_message_tries() {
        let (at, fine) = (
            |hours| UnixMs(hours * HOUR_MS),
            SendOutcome::Accepted { wamid: "".into() },
        );
        let line = Line::default();
        let until = at(4);
        let limited = refusal(131_048, 400);
        line.sent(
            &limited,
            Channel::PauseUntil(until),
            line.stretch(),
            UnixMs(0),
        );
        let next = started_anew(&line, at(1));
        assert_eq!(next.state(), LineState::Paused(until));
        // A probe does not end it, and neither does a second restart.
        next.see(&Seen::Probed(&fine), at(2));
        let next = started_anew(&next, at(2));
        assert_eq!(next.state(), LineState::Paused(until));
        next.see(&Seen::Probed(&fine), until);
        assert_eq!((next.state(), next.is_on_trial()), (LineState::Up, true));
        // Off for all of it, the box has no more reason to burst.
        let next = started_anew(&next, at(9));
        assert_eq!((next.state(), next.is_on_trial()), (LineState::Up, true));
        next.sent(&fine, Channel::Fine, next.stretch(), at(9));
        assert!(!started_anew(&next, at(9)).is_on_trial());
    }

    #[test]
    fn a_clock_that_was_set_back_makes_no_pause_and_no_trial_last() {
        let fine = SendOutcome::Accepted { wamid: "".into() };
        let (ahead, now) = (UnixMs(90 * DAY_MS), UnixMs(DAY_MS));
        let line = Line::default();
        let limited = Channel::PauseUntil(ahead.plus_ms(4 * HOUR_MS));
        line.sent(&refusal(131_048, 400), limited, line.stretch(), ahead);
        assert!(line.plan(now).wait_ms <= MINUTE_MS, "while it runs");
        let next = started_anew(&line, now);
        assert_eq!((next.state(), next.is_on_trial()), (LineState::Up, true));
        let unpaid = ProviderError {
            code: 131_042,
            subcode: None,
        };
        let line = Line::default();
        line.gives_back(&unpaid, ahead);
        for next in [started_anew(&line, now), line] {
            assert!(next.is_account_on_trial());
            next.serves(now, now);
            next.serves(now.plus_ms(1), now.plus_ms(2));
            next.sent(&fine, Channel::Fine, next.stretch(), now);
            assert!(!next.is_account_on_trial());
        }
    }
}
