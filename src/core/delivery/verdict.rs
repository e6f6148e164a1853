//! What follows from the result of a send. Pure: the sender worker and the
//! simulation both act on it.

use super::{
    Class, DeliveryState, SendOutcome, Why, blames_provider, classify, limits_first_contacts,
    retries_max, wait_ms,
};
use crate::core::outgoing::Purpose;
use crate::core::time::UnixMs;

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
    /// The provider is in trouble, as far as one answer can tell.
    ProviderDown,
    /// Our own credentials or account are at fault: nothing is failed, nobody
    /// is tried until a probe passes.
    Misconfigured,
    /// The number as a whole has to pause at least until then; who has seen how
    /// often in a row it was said may make it longer.
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

/// Decides what follows from `outcome` for a message of this purpose with this
/// `past`. `jitter` is any random number.
pub fn judge(
    outcome: &SendOutcome,
    (purpose, past): (Purpose, Past),
    policy: Policy,
    now: UnixMs,
    jitter: u32,
) -> Verdict {
    match outcome {
        SendOutcome::Accepted { .. } => Verdict {
            state: DeliveryState::Accepted,
            why: None,
            not_before: UnixMs(0),
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
            if purpose == Purpose::Template && limits_first_contacts(error.code) {
                let ms = wait_ms(Class::NumberLimited, 0, hint, jitter);
                return queued(Why::FirstContactsLimited, Channel::Fine, now.plus_ms(ms));
            }
            let refusal = Refusal {
                class: classify(error, *http),
                max: retries_max(error).map(u32::from),
                channel: if blames_provider(error, *http) {
                    Channel::ProviderDown
                } else {
                    Channel::Fine
                },
                hint,
                jitter,
            };
            refused(refusal, past, policy, now)
        }
    }
}

/// What `outcome` says of the channel, for a message of this purpose.
pub fn channel_of(
    outcome: &SendOutcome,
    purpose: Purpose,
    policy: Policy,
    now: UnixMs,
    jitter: u32,
) -> Channel {
    judge(outcome, (purpose, Past::default()), policy, now, jitter).channel
}

/// A refusal, as far as it is understood.
#[derive(Clone, Copy)]
struct Refusal {
    class: Class,
    /// How many of its kind a message survives; none where only its own age
    /// ends it.
    max: Option<u32>,
    /// What it says of the provider.
    channel: Channel,
    hint: Option<i64>,
    jitter: u32,
}

fn refused(refusal: Refusal, past: Past, policy: Policy, now: UnixMs) -> Verdict {
    let later = |class, before| {
        let ms = wait_ms(class, before, refusal.hint, refusal.jitter);
        now.plus_ms(ms)
    };
    let queued = |why, channel| queued(why, channel, now);
    let put_off = |why, class| Verdict {
        not_before: later(class, past.delays),
        delayed: true,
        ..queued(why, Channel::Fine)
    };
    let pause = |class| Channel::PauseUntil(later(class, 0));
    match refusal.class {
        Class::Configuration => queued(Why::Configuration, Channel::Misconfigured),
        // How long in the end is a matter of the channel and not of the message
        // that happened to meet it.
        Class::ThrottleNumber => queued(Why::Throttled, pause(refusal.class)),
        Class::NumberLimited => queued(Why::NumberLimited, pause(refusal.class)),
        Class::ThrottleContact => put_off(Why::ThrottledContact, Class::ThrottleContact),
        Class::Retry if refusal.max.is_some_and(|max| past.refusals >= max) => {
            failed(Why::Refused, now)
        }
        Class::Retry => Verdict {
            counts: refusal.max.is_some(),
            channel: refusal.channel,
            ..put_off(Why::ProviderError, Class::Retry)
        },
        Class::Permanent => failed(Why::Refused, now),
        // The planner does the rest, as for any window that is closed. Where
        // there is none to close, it is tried again ever more rarely.
        Class::NeedsTemplate => put_off(Why::WindowClosed, Class::Retry),
        Class::Unknown => Verdict {
            channel: refusal.channel,
            ..in_doubt(Why::ProviderUnsure, policy, now)
        },
        Class::PossiblySent => in_doubt(Why::MaybeSent, policy, now),
    }
}

const fn queued(why: Why, channel: Channel, not_before: UnixMs) -> Verdict {
    Verdict {
        state: DeliveryState::Queued,
        why: Some(why),
        not_before,
        counts: false,
        delayed: false,
        channel,
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
        judge(&outcome, (Purpose::Notice, past), POLICY, NOW, 0)
    }

    #[test]
    fn a_dead_line_burns_no_attempt() {
        let past = Past {
            refusals: 3,
            delays: 3,
        };
        let verdict = judge(
            &SendOutcome::NotSent(LineFault::Down),
            (Purpose::Notice, past),
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
        let verdict = judge(
            &SendOutcome::Unknown,
            (Purpose::Notice, Past::default()),
            POLICY,
            NOW,
            0,
        );
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

    /// The provider says "try later", for as long as it likes.
    #[test]
    fn a_fault_that_passes_never_ends_a_message_by_its_number() {
        let past = Past {
            refusals: 99,
            delays: 9_999,
        };
        for code in [132_069, 133_004, 133_015, 134_101] {
            let verdict = refusal_after(code, past);
            assert_eq!(verdict.state, DeliveryState::Queued, "{code}");
            assert_eq!(verdict.why, Some(Why::ProviderError), "{code}");
            assert!(!verdict.counts, "{code}");
            let wait = verdict.not_before.ms_since(NOW);
            assert_eq!(wait, crate::core::limits::RETRY_WAIT_MS_MAX, "{code}");
        }
    }

    #[test]
    fn trouble_of_the_provider_is_told_from_trouble_with_one_message() {
        for code in [2, 131_000, 131_016, 133_004] {
            assert_eq!(refusal(code, 0).channel, Channel::ProviderDown, "{code}");
        }
        for code in [1, 131_026, 131_056, 132_069, 134_101, 506] {
            assert_eq!(refusal(code, 0).channel, Channel::Fine, "{code}");
        }
    }

    /// Trying again soon is what makes it worse.
    #[test]
    fn a_number_that_people_complain_of_is_silent_for_hours() {
        use crate::core::limits::PROVIDER_WAIT_MS_MAX;
        use crate::core::time::HOUR_MS;

        let asked = |hours: u64| {
            let outcome = SendOutcome::Refused {
                error: ProviderError {
                    code: 131_048,
                    subcode: None,
                },
                http: 400,
                wait: (hours > 0).then(|| std::time::Duration::from_secs(hours * 3_600)),
            };
            let verdict = judge(&outcome, (Purpose::Notice, Past::default()), POLICY, NOW, 0);
            assert_eq!(verdict.state, DeliveryState::Queued);
            assert_eq!(verdict.why, Some(Why::NumberLimited));
            assert!(!verdict.counts && !verdict.delayed);
            match verdict.channel {
                Channel::PauseUntil(until) => until.ms_since(NOW),
                Channel::Fine
                | Channel::LineDown
                | Channel::ProviderDown
                | Channel::Misconfigured => 0,
            }
        };
        assert_eq!(asked(0), 4 * HOUR_MS);
        assert_eq!(asked(5), 5 * HOUR_MS);
        assert_eq!(asked(99), PROVIDER_WAIT_MS_MAX);
    }

    /// Who may be written to first is limited, and not who is answered.
    #[test]
    fn the_limit_of_first_contacts_stops_templates_alone() {
        use crate::core::time::HOUR_MS;

        for code in [131_048, 131_064] {
            let error = ProviderError {
                code,
                subcode: None,
            };
            let outcome = SendOutcome::Refused {
                error,
                http: 400,
                wait: None,
            };
            let verdict = |purpose| judge(&outcome, (purpose, Past::default()), POLICY, NOW, 0);
            let template = verdict(Purpose::Template);
            assert_eq!(template.state, DeliveryState::Queued);
            assert_eq!(template.why, Some(Why::FirstContactsLimited));
            assert_eq!(template.not_before, NOW.plus_ms(4 * HOUR_MS));
            assert_eq!(template.channel, Channel::Fine);
            assert_ne!(verdict(Purpose::Notice).channel, Channel::Fine);
        }
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
