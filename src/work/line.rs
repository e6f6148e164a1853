//! What is known of the line to the provider. The sender reports results, a
//! probe asks while there are none; everybody else reads.

use crate::core::delivery::{Channel, Class, classify};
use crate::core::limits::PROVIDER_WAIT_MS_MAX;
use crate::core::time::UnixMs;
use crate::ports::{LineFault, SendOutcome};
use std::sync::Arc;
use tokio::sync::watch;

/// Shortest wait between two probes of a line that is down, ms.
const PROBE_MS_MIN: i64 = 1_000;
/// Longest wait between two probes of a line that is down, ms.
const PROBE_MS_MAX: i64 = 30_000;
/// Wait between probes while the line is up and idle, ms.
const IDLE_PROBE_MS: i64 = 60_000;
/// Longest wait before an account that refused a send is tried again, ms: the
/// refusal may be one that no probe sees, and hammering deepens it.
const REFUSED_MS_MAX: i64 = 15 * 60_000;

/// How the line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Messages can leave.
    Up,
    /// They cannot: no name, no route, refused.
    Down,
    /// Somebody else answers: a captive portal or a proxy.
    Portal,
    /// The certificate does not hold; a wrong clock looks the same.
    Tls,
    /// The provider answers and refuses our credentials or account.
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
            Self::Down | Self::Portal | Self::Tls | Self::Misconfigured => false,
        }
    }

    /// Whether no status could come while it stood like this.
    pub const fn is_cut(self) -> bool {
        matches!(self, Self::Down | Self::Portal | Self::Tls)
    }

    /// The word for the API and the pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Portal => "captive_portal",
            Self::Tls => "certificate",
            Self::Misconfigured => "misconfigured",
            Self::Paused(_) => "paused",
        }
    }

    /// The state after a send or a probe.
    pub const fn after(self, outcome: &SendOutcome, channel: Channel) -> Self {
        match (outcome, channel) {
            (SendOutcome::NotSent(LineFault::Down), _) => Self::Down,
            (SendOutcome::NotSent(LineFault::Tls), _) => Self::Tls,
            (SendOutcome::NotSent(LineFault::Portal), _) => Self::Portal,
            (_, Channel::Misconfigured) => Self::Misconfigured,
            (_, Channel::PauseUntil(until)) => Self::Paused(until),
            // A lost answer says nothing new about the line.
            (SendOutcome::Unknown, _) => self,
            (SendOutcome::Accepted { .. } | SendOutcome::Refused { .. }, _) => Self::Up,
        }
    }
}

/// What a probe's answer says: any answer of the provider itself shows that
/// the line carries; one about our credentials that we may not use it.
/// A pause the provider asked for is kept, bounded in case the clock was set
/// back.
pub fn judge_probe(outcome: &SendOutcome, before: LineState, now: UnixMs) -> LineState {
    if let LineState::Paused(until) = before
        && (1..=PROVIDER_WAIT_MS_MAX).contains(&until.ms_since(now))
    {
        return before;
    }
    let channel = match outcome {
        SendOutcome::Refused { error, http, .. } => match classify(error, *http) {
            Class::Configuration => Channel::Misconfigured,
            Class::ThrottleNumber
            | Class::ThrottleContact
            | Class::Retry
            | Class::Permanent
            | Class::NeedsTemplate
            | Class::Unknown
            | Class::PossiblySent => Channel::Fine,
        },
        SendOutcome::Accepted { .. } | SendOutcome::NotSent(_) | SendOutcome::Unknown => {
            Channel::Fine
        }
    };
    before.after(outcome, channel)
}

/// How long to wait before the next probe, after `failed` failed ones. For an
/// account that refuses us, `failed` counts refused sends too.
pub fn probe_wait_ms(state: LineState, failed: u32, now: UnixMs) -> i64 {
    match state {
        LineState::Up => IDLE_PROBE_MS,
        LineState::Paused(until) => until.ms_since(now).clamp(PROBE_MS_MIN, IDLE_PROBE_MS),
        LineState::Misconfigured => PROBE_MS_MIN
            .saturating_mul(1 << failed.min(16))
            .min(REFUSED_MS_MAX),
        LineState::Down | LineState::Portal | LineState::Tls => PROBE_MS_MIN
            .saturating_mul(1 << failed.min(5))
            .min(PROBE_MS_MAX),
    }
}

/// The shared view of the line.
#[derive(Clone)]
pub struct Line(Arc<watch::Sender<LineState>>);

impl Default for Line {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(LineState::Up)))
    }
}

impl Line {
    /// How it stands.
    pub fn state(&self) -> LineState {
        *self.0.borrow()
    }

    /// Sets it; true if that is news.
    pub fn set(&self, state: LineState) -> bool {
        let news = self.0.send_if_modified(|current| {
            let changed = *current != state;
            *current = state;
            changed
        });
        if news {
            tracing::info!(line = state.word(), "the line to the provider changed");
        }
        news
    }

    /// Waits for news.
    pub async fn changed(&self) {
        let mut reader = self.0.subscribe();
        // The sender lives as long as `self`, so the wait cannot fail.
        if reader.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inbound::ProviderError;

    #[test]
    fn a_lost_answer_leaves_the_line_as_it_was() {
        assert_eq!(
            LineState::Down.after(&SendOutcome::Unknown, Channel::Fine),
            LineState::Down
        );
        assert_eq!(
            LineState::Up.after(&SendOutcome::Unknown, Channel::Fine),
            LineState::Up
        );
    }

    #[test]
    fn faults_are_told_apart() {
        let after = |outcome| judge_probe(&outcome, LineState::Up, UnixMs(0));
        assert_eq!(
            after(SendOutcome::NotSent(LineFault::Down)),
            LineState::Down
        );
        assert_eq!(
            after(SendOutcome::NotSent(LineFault::Portal)),
            LineState::Portal
        );
        assert_eq!(after(SendOutcome::NotSent(LineFault::Tls)), LineState::Tls);
        let error = ProviderError {
            code: 190,
            subcode: None,
        };
        let refused = SendOutcome::Refused {
            error,
            http: 401,
            wait: None,
        };
        assert_eq!(after(refused), LineState::Misconfigured);
    }

    #[test]
    fn probes_grow_rarer_up_to_a_bound() {
        let waits: Vec<i64> = (0..40)
            .map(|n| probe_wait_ms(LineState::Down, n, UnixMs(0)))
            .collect();
        assert!(waits.is_sorted());
        assert_eq!((waits[0], waits[39]), (1_000, 30_000));
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
    fn an_account_that_refuses_is_tried_ever_more_rarely() {
        let waits: Vec<i64> = (0..40)
            .map(|n| probe_wait_ms(LineState::Misconfigured, n, UnixMs(0)))
            .collect();
        assert!(waits.is_sorted());
        assert_eq!((waits[0], waits[39]), (1_000, 900_000));
    }

    #[test]
    fn a_pause_ends_by_itself() {
        let paused = LineState::Paused(UnixMs(10));
        assert!(!paused.carries(UnixMs(9)));
        assert!(paused.carries(UnixMs(10)));
    }
}
