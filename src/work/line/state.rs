//! How the line may stand, in words for staff and for the machine, and what an
//! answer of the provider says of it. Pure: nothing is asked here.

use crate::core::delivery::{Channel, Class, Link, Why, blames_provider, classify, may_not_look};
use crate::core::inbound::ProviderError;
use crate::core::limits::PROVIDER_WAIT_MS_MAX;
use crate::core::time::UnixMs;
use crate::ports::{LineFault, SendOutcome};

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
pub(super) const REFUSED_MS_MAX: i64 = 15 * 60_000;
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
/// that makes no sense, that the provider is in trouble. That the token may not
/// ask is no reason not to send: what is sent will tell. A pause the provider
/// asked for is kept on a line that works, bounded in case the clock was set back.
pub fn judge_probe(outcome: &SendOutcome, before: LineState, now: UnixMs) -> LineState {
    let next = said_by_probe(outcome, before);
    if let LineState::Paused(until) = before
        && is_pause(until, now)
        && !next.is_cut()
    {
        return before;
    }
    next
}

fn said_by_probe(outcome: &SendOutcome, before: LineState) -> LineState {
    let channel = match outcome {
        SendOutcome::Refused { error, http, .. } => match classify(error, *http) {
            Class::Configuration if may_not_look(error) => Channel::Fine,
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

#[cfg(test)]
mod tests {
    use super::*;

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
            (refusal(131_031, 403), LineState::Misconfigured),
            // Who may not ask after the number may still be let send.
            (refusal(200, 403), LineState::Up),
            (refusal(10, 403), LineState::Up),
            (refusal(33, 400), LineState::Up),
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
        // One that is cut says so: nothing can be heard meanwhile.
        let nothing = SendOutcome::NotSent(LineFault::Down);
        let down = judge_probe(&nothing, paused, UnixMs(5));
        assert_eq!((down, down.link()), (LineState::Down, Link::Cut));
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
}
