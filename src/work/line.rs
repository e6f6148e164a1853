//! What is known of the line to the provider: the words for it, and the shared
//! view. The sender reports results, the watcher asks; everybody else reads.
//!
//! A line that comes back is told to nobody before the watcher has stored what
//! follows from it.

use crate::core::delivery::{Channel, Class, Link, Why, blames_provider, classify, wait_ms};
use crate::core::inbound::ProviderError;
use crate::core::limits::PROVIDER_WAIT_MS_MAX;
use crate::core::time::UnixMs;
use crate::ports::{LineFault, SendOutcome};
use crate::work::purse::Moment;
use crate::work::seen::Seen;
use crate::work::watch::{Plan, Watch};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Shortest wait between two probes of a line that is down, ms.
const PROBE_MS_MIN: i64 = 1_000;
/// Longest wait between two probes of a line whose answer is not the
/// provider's, ms: each costs a handshake.
const PROBE_MS_MAX: i64 = 10 * 60_000;
/// Longest wait between two probes of a line that is down, ms.
const DOWN_MS_MAX: i64 = 30_000;
/// Wait between probes while the line is up and idle, ms.
const IDLE_PROBE_MS: i64 = 60_000;
/// Longest wait before an account that refused a send is tried again, ms: the
/// refusal may be one that no probe sees, and hammering deepens it.
const REFUSED_MS_MAX: i64 = 15 * 60_000;
/// The provider's word for a token it does not take.
const TOKEN_REFUSED: i64 = 190;

/// How the line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Messages can leave.
    Up,
    /// They cannot: no name, no route, no answer.
    Down,
    /// The way is there, and the provider is shut or answers nonsense.
    ProviderDown,
    /// Somebody else answers: a captive portal or a proxy.
    Portal,
    /// Somebody answers who cannot prove to be the provider.
    Tls,
    /// The provider's certificate does not hold at our clock's time.
    ClockWrong,
    /// The provider does not take our access token.
    TokenBad,
    /// The provider answers and refuses our account or its settings.
    Misconfigured,
    /// The provider asked the number as a whole to pause until then.
    Paused(UnixMs),
}

impl LineState {
    /// Whether the sender may try.
    pub fn carries(self, now: UnixMs) -> bool {
        match self {
            Self::Up => true,
            Self::Paused(until) => until <= now,
            Self::Down
            | Self::ProviderDown
            | Self::Portal
            | Self::Tls
            | Self::ClockWrong
            | Self::TokenBad
            | Self::Misconfigured => false,
        }
    }

    /// Whether no status could come while it stood like this.
    pub const fn is_cut(self) -> bool {
        match self {
            Self::Down | Self::ProviderDown | Self::Portal | Self::Tls | Self::ClockWrong => true,
            Self::Up | Self::TokenBad | Self::Misconfigured | Self::Paused(_) => false,
        }
    }

    /// Whether the provider can be heard, as the queue's planner asks.
    pub const fn link(self) -> Link {
        if self.is_cut() {
            Link::Cut
        } else {
            Link::Works
        }
    }

    /// The word for the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::ProviderDown => "provider_down",
            Self::Portal => "captive_portal",
            Self::Tls => "certificate",
            Self::ClockWrong => "clock_wrong",
            Self::TokenBad => "token_refused",
            Self::Misconfigured => "misconfigured",
            Self::Paused(_) => "paused",
        }
    }

    /// What it means, and what to do, for staff.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Up => "Connected to WhatsApp",
            Self::Down => "Nothing can be reached: check the cable, the modem and its credit",
            Self::ProviderDown => {
                "The internet works but WhatsApp does not: nothing to do, replies wait"
            }
            Self::Portal => "The network asks for a sign-in: open any web page on it and sign in",
            Self::Tls => {
                "Something in the network answers in WhatsApp's place: a sign-in page or a filter; ask whoever runs the network"
            }
            Self::ClockWrong => {
                "The box's clock is wrong: set the date, or let it reach a time server"
            }
            Self::TokenBad => "WhatsApp refuses the access token: the technician sets a new one",
            Self::Misconfigured => {
                "WhatsApp refuses the account: the technician looks at its settings"
            }
            Self::Paused(_) => "WhatsApp asked for a pause: replies go on by themselves",
        }
    }

    /// Why messages wait while it stands like this; none where they leave, or
    /// where each is told of the pause itself.
    pub const fn why(self) -> Option<Why> {
        match self {
            Self::Up | Self::Paused(_) => None,
            Self::Down | Self::Portal | Self::Tls | Self::ClockWrong => Some(Why::LineDown),
            Self::ProviderDown => Some(Why::ProviderError),
            Self::TokenBad | Self::Misconfigured => Some(Why::Configuration),
        }
    }

    /// The state after a send or a probe.
    pub const fn after(self, outcome: &SendOutcome, channel: Channel) -> Self {
        match (outcome, channel) {
            (SendOutcome::NotSent(LineFault::Down), _) => Self::Down,
            (SendOutcome::NotSent(LineFault::Refused), _) => Self::ProviderDown,
            (SendOutcome::NotSent(LineFault::Tls), _) => Self::Tls,
            (SendOutcome::NotSent(LineFault::Clock), _) => Self::ClockWrong,
            (SendOutcome::NotSent(LineFault::Portal), _) => Self::Portal,
            (SendOutcome::Refused { error, .. }, Channel::Misconfigured) => refused(error),
            (_, Channel::Misconfigured) => Self::Misconfigured,
            (SendOutcome::Refused { .. }, Channel::ProviderDown) => Self::ProviderDown,
            (_, Channel::PauseUntil(until)) => Self::Paused(until),
            // A lost answer says nothing new about the line.
            (SendOutcome::Unknown, _) => self,
            (SendOutcome::Accepted { .. } | SendOutcome::Refused { .. }, _) => Self::Up,
        }
    }
}

const fn refused(error: &ProviderError) -> LineState {
    if error.code == TOKEN_REFUSED {
        LineState::TokenBad
    } else {
        LineState::Misconfigured
    }
}

/// What a probe's answer says: an answer of the provider itself shows that
/// the line carries; one about our credentials that we may not use it; one
/// that makes no sense, that the provider is in trouble. A pause the provider
/// asked for is kept, bounded in case the clock was set back.
pub fn judge_probe(outcome: &SendOutcome, before: LineState, now: UnixMs) -> LineState {
    if let LineState::Paused(until) = before
        && is_pause(until, now)
    {
        return before;
    }
    let channel = match outcome {
        SendOutcome::Refused { error, http, .. } => match classify(error, *http) {
            Class::Configuration => Channel::Misconfigured,
            _other if *http >= 500 || blames_provider(error, *http) => {
                return LineState::ProviderDown;
            }
            Class::ThrottleNumber
            | Class::NumberLimited
            | Class::ThrottleContact
            | Class::Retry
            | Class::Permanent
            | Class::NeedsTemplate
            | Class::Unknown
            | Class::PossiblySent => Channel::Fine,
        },
        SendOutcome::Unknown => return LineState::ProviderDown,
        SendOutcome::Accepted { .. } | SendOutcome::NotSent(_) => Channel::Fine,
    };
    before.after(outcome, channel)
}

/// Whether a pause is one still; one of years is a clock that was set back.
pub fn is_pause(until: UnixMs, now: UnixMs) -> bool {
    (1..=PROVIDER_WAIT_MS_MAX).contains(&until.ms_since(now))
}

/// How long to wait before the next probe, after `failed` failed ones. For an
/// account that refuses us, and a provider in trouble, `failed` counts sends too.
pub fn probe_wait_ms(state: LineState, failed: u32, now: UnixMs) -> i64 {
    let growing = |most: i64| PROBE_MS_MIN.saturating_mul(1 << failed.min(16)).min(most);
    match state {
        LineState::Up => IDLE_PROBE_MS,
        LineState::Paused(until) => until.ms_since(now).clamp(PROBE_MS_MIN, IDLE_PROBE_MS),
        LineState::TokenBad | LineState::Misconfigured => growing(REFUSED_MS_MAX),
        LineState::Down => growing(DOWN_MS_MAX),
        LineState::ProviderDown | LineState::Portal | LineState::Tls | LineState::ClockWrong => {
            growing(PROBE_MS_MAX)
        }
    }
}

struct Shared {
    told: watch::Sender<LineState>,
    watch: Mutex<Watch>,
    /// Since when what is taken comes back because of the account.
    trial: Mutex<Option<UnixMs>>,
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
        if !self.state().is_cut() {
            self.see(&Seen::GivenBack(&outcome), at);
            self.0.stirred.notify_one();
        }
    }

    /// Tells that a message arrived which the provider had taken at `taken_at`.
    /// One from before proves nothing of the account as it is now.
    pub fn serves(&self, taken_at: UnixMs, at: UnixMs) {
        let proven = self.trial().take_if(|since| taken_at > *since).is_some();
        if proven {
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
    use super::*;
    use crate::core::time::MINUTE_MS;
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
    fn what_carries_nothing_says_why_and_what_carries_says_nothing() {
        for state in [
            LineState::Up,
            LineState::Down,
            LineState::ProviderDown,
            LineState::Portal,
            LineState::Tls,
            LineState::ClockWrong,
            LineState::TokenBad,
            LineState::Misconfigured,
        ] {
            assert_eq!(state.why().is_none(), state.carries(UnixMs(0)), "{state:?}");
        }
        assert_eq!(LineState::TokenBad.why(), Some(Why::Configuration));
    }

    #[test]
    fn a_lost_answer_of_a_send_leaves_the_line_as_it_was() {
        for state in [LineState::Down, LineState::Up] {
            assert_eq!(state.after(&SendOutcome::Unknown, Channel::Fine), state);
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let cases = [
            (SendOutcome::NotSent(LineFault::Down), LineState::Down),
            (
                SendOutcome::NotSent(LineFault::Refused),
                LineState::ProviderDown,
            ),
            (SendOutcome::NotSent(LineFault::Portal), LineState::Portal),
            (SendOutcome::NotSent(LineFault::Tls), LineState::Tls),
            (
                SendOutcome::NotSent(LineFault::Clock),
                LineState::ClockWrong,
            ),
            (SendOutcome::Unknown, LineState::ProviderDown),
            (refusal(190, 401), LineState::TokenBad),
            (refusal(200, 403), LineState::Misconfigured),
            (refusal(2, 503), LineState::ProviderDown),
            (refusal(131_000, 500), LineState::ProviderDown),
            (refusal(133_004, 200), LineState::ProviderDown),
            (refusal(100, 400), LineState::Up),
        ];
        for (outcome, expected) in cases {
            let found = judge_probe(&outcome, LineState::Up, UnixMs(0));
            assert_eq!(found, expected, "{outcome:?}");
            assert_eq!(found.carries(UnixMs(0)), found == LineState::Up);
        }
    }

    #[test]
    fn probes_grow_rarer_up_to_a_bound() {
        for (state, most) in [
            (LineState::Down, 30_000),
            (LineState::Portal, 600_000),
            (LineState::TokenBad, 900_000),
            (LineState::Misconfigured, 900_000),
        ] {
            let waits: Vec<i64> = (0..40)
                .map(|n| probe_wait_ms(state, n, UnixMs(0)))
                .collect();
            assert!(waits.is_sorted());
            assert_eq!((waits[0], waits[39]), (1_000, most));
        }
    }

    #[test]
    fn a_probe_does_not_end_a_pause_the_provider_asked_for() {
        let fine = SendOutcome::Accepted { wamid: "".into() };
        let paused = LineState::Paused(UnixMs(100_000));
        assert_eq!(judge_probe(&fine, paused, UnixMs(5)), paused);
        assert_eq!(judge_probe(&fine, paused, UnixMs(100_000)), LineState::Up);
        // A pause of years is a clock that was set back.
        assert_eq!(
            judge_probe(&fine, paused, UnixMs(-1_000_000_000_000)),
            LineState::Up
        );
    }

    #[test]
    fn a_pause_ends_by_itself() {
        let paused = LineState::Paused(UnixMs(10));
        assert!(!paused.carries(UnixMs(9)));
        assert!(paused.carries(UnixMs(10)));
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
}
