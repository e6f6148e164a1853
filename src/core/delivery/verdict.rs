//! What follows from the result of a send. Pure: the sender worker and the
//! simulation both act on it.

use super::{Class, DeliveryState, SendOutcome, Why, classify, retries_max, wait_ms};
use crate::core::time::UnixMs;

/// How many refusals of the kind "try again" one message survives.
const RETRIES_MAX: u32 = 8;

/// What becomes of a message, and of the channel, after a send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where the message stands now.
    pub state: DeliveryState,
    /// Why.
    pub why: Option<Why>,
    /// Not before then.
    pub not_before: UnixMs,
    /// Whether this refusal counts against the message's own budget.
    pub counts: bool,
    /// Whether the message was put off, so that its next wait is longer.
    pub delayed: bool,
    /// What the channel as a whole has to do.
    pub channel: Channel,
}

/// What a result says about the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The line carries.
    Fine,
    /// The line does not carry: probe until it does.
    LineDown,
    /// Our own credentials or account are at fault: nothing is failed, nobody
    /// is tried until a probe passes.
    Misconfigured,
    /// The number as a whole has to pause until then.
    PauseUntil(UnixMs),
}

/// How an uncertain or refused send is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long an unsettled send waits for a status before it follows its
    /// kind, ms.
    pub in_doubt_ms: i64,
}

/// What a message has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Refusals that counted against its budget.
    pub refusals: u32,
    /// Times it was put off, for whatever reason: it makes the next wait longer
    /// and never ends the message.
    pub delays: u32,
}

/// Decides what follows from `outcome` for a message with this `past`. `jitter`
/// is any random number.
pub fn judge(
    outcome: &SendOutcome,
    past: Past,
    policy: Policy,
    now: UnixMs,
    jitter: u32,
) -> Verdict {
    match outcome {
        SendOutcome::Accepted { .. } => Verdict {
            state: DeliveryState::Accepted,
            why: None,
            not_before: now,
            counts: false,
            delayed: false,
            channel: Channel::Fine,
        },
        SendOutcome::NotSent(_) => Verdict {
            state: DeliveryState::Queued,
            why: Some(Why::LineDown),
            not_before: now,
            counts: false,
            delayed: false,
            channel: Channel::LineDown,
        },
        SendOutcome::Unknown => in_doubt(Why::NoAnswer, policy, now),
        SendOutcome::Refused { error, http, wait } => {
            let hint = wait.map(|w| i64::try_from(w.as_millis()).unwrap_or(i64::MAX));
            let refusal = Refusal {
                class: classify(error, *http),
                max: retries_max(error).map_or(RETRIES_MAX, u32::from),
                hint,
                jitter,
            };
            refused(refusal, past, policy, now)
        }
    }
}

/// A refusal, as far as it is understood.
#[derive(Clone, Copy)]
struct Refusal {
    class: Class,
    /// How many of its kind a message survives.
    max: u32,
    hint: Option<i64>,
    jitter: u32,
}

fn refused(refusal: Refusal, past: Past, policy: Policy, now: UnixMs) -> Verdict {
    let later = |class, before| {
        let ms = wait_ms(class, before, refusal.hint, refusal.jitter);
        now.plus_ms(ms)
    };
    let queued = |why, channel| Verdict {
        state: DeliveryState::Queued,
        why: Some(why),
        not_before: now,
        counts: false,
        delayed: false,
        channel,
    };
    let put_off = |why, class| Verdict {
        not_before: later(class, past.delays),
        delayed: true,
        ..queued(why, Channel::Fine)
    };
    match refusal.class {
        Class::Configuration => queued(Why::Configuration, Channel::Misconfigured),
        Class::ThrottleNumber => {
            let until = later(Class::ThrottleNumber, past.delays);
            queued(Why::Throttled, Channel::PauseUntil(until))
        }
        Class::ThrottleContact => put_off(Why::ThrottledContact, Class::ThrottleContact),
        Class::Retry if past.refusals < refusal.max => Verdict {
            counts: true,
            ..put_off(Why::ProviderError, Class::Retry)
        },
        Class::Retry | Class::Permanent => failed(Why::Refused, now),
        // The planner does the rest, as for any window that is closed. Where
        // there is none to close, it is tried again ever more rarely.
        Class::NeedsTemplate => put_off(Why::WindowClosed, Class::Retry),
        Class::Unknown => in_doubt(Why::ProviderUnsure, policy, now),
        Class::PossiblySent => in_doubt(Why::MaybeSent, policy, now),
    }
}

const fn failed(why: Why, now: UnixMs) -> Verdict {
    Verdict {
        state: DeliveryState::Failed,
        why: Some(why),
        not_before: now,
        counts: false,
        delayed: false,
        channel: Channel::Fine,
    }
}

const fn in_doubt(why: Why, policy: Policy, now: UnixMs) -> Verdict {
    Verdict {
        state: DeliveryState::InDoubt,
        why: Some(why),
        not_before: now.plus_ms(policy.in_doubt_ms),
        counts: false,
        delayed: false,
        channel: Channel::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::delivery::LineFault;
    use crate::core::inbound::ProviderError;

    const NOW: UnixMs = UnixMs(1_000_000);
    const POLICY: Policy = Policy {
        in_doubt_ms: 600_000,
    };

    fn refusal(code: i64, refusals: u32) -> Verdict {
        let past = Past {
            refusals,
            ..Past::default()
        };
        refusal_after(code, past)
    }

    fn refusal_after(code: i64, past: Past) -> Verdict {
        let error = ProviderError {
            code,
            subcode: None,
        };
        let outcome = SendOutcome::Refused {
            error,
            http: 400,
            wait: None,
        };
        judge(&outcome, past, POLICY, NOW, 0)
    }

    #[test]
    fn a_dead_line_burns_no_attempt() {
        let past = Past {
            refusals: 3,
            delays: 3,
        };
        let verdict = judge(
            &SendOutcome::NotSent(LineFault::Down),
            past,
            POLICY,
            NOW,
            0,
        );
        assert_eq!(verdict.state, DeliveryState::Queued);
        assert!(!verdict.counts);
        assert_eq!(verdict.channel, Channel::LineDown);
    }

    #[test]
    fn a_bad_token_fails_nothing() {
        let verdict = refusal(190, 0);
        assert_eq!(
            (verdict.state, verdict.counts),
            (DeliveryState::Queued, false)
        );
        assert_eq!(verdict.channel, Channel::Misconfigured);
    }

    #[test]
    fn an_unknown_outcome_is_in_doubt_and_never_retried_at_once() {
        let verdict = judge(&SendOutcome::Unknown, Past::default(), POLICY, NOW, 0);
        assert_eq!(verdict.state, DeliveryState::InDoubt);
        assert_eq!(verdict.not_before, NOW.plus_ms(600_000));
    }

    #[test]
    fn a_bad_address_fails_and_a_closed_window_waits_for_its_fallback() {
        let closed = refusal(131_047, 0);
        assert_eq!(closed.state, DeliveryState::Queued);
        assert_eq!(closed.why, Some(Why::WindowClosed));
        let refused = refusal(131_026, 0);
        assert_eq!(refused.state, DeliveryState::Failed);
        assert_eq!(refused.why, Some(Why::Refused));
    }

    #[test]
    fn a_fault_that_is_worth_three_tries_gets_three() {
        assert_eq!(refusal(1, 2).state, DeliveryState::Queued);
        assert_eq!(refusal(1, 3).state, DeliveryState::Failed);
    }

    #[test]
    fn only_its_own_refusals_use_up_a_budget() {
        for code in [131_056, 131_047, 131_000, 506] {
            assert!(!refusal(code, 0).counts, "{code}");
        }
        assert!(refusal(1, 0).counts);
        let held_back = Past {
            refusals: 0,
            delays: 9,
        };
        let verdict = refusal_after(1, held_back);
        assert_eq!(verdict.state, DeliveryState::Queued);
        assert!(verdict.not_before > refusal(1, 0).not_before);
    }

    #[test]
    fn a_pair_limit_delays_this_contact_alone() {
        let verdict = refusal(131_056, 0);
        assert_eq!(verdict.channel, Channel::Fine);
        assert!(verdict.not_before > NOW);
    }

    #[test]
    fn a_number_limit_pauses_the_channel() {
        assert!(matches!(refusal(130_429, 0).channel, Channel::PauseUntil(at) if at > NOW));
    }
}
