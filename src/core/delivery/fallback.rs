//! What becomes of a message that cannot go the straight way: its window is
//! closed, or the provider took it and gave it back. Declared by purpose, in
//! one place. Pure.

use super::{Class, Made, WINDOW_MARGIN_MS, Why};
use crate::core::outgoing::Purpose;
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, Now, UnixMs};

/// How a person can be reached whose window is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By a neutral template: one can be queued, or is on its way, or has
    /// arrived.
    Template,
    /// No template is configured.
    NoTemplate,
    /// The template of this closed window did not go.
    TemplateFailed,
}

/// What becomes of a message whose window is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// It lost its sense.
    Drop,
    /// It waits until the person writes.
    Hold {
        /// Behind what.
        why: Why,
        /// Whether staff are asked to call meanwhile.
        call: bool,
    },
}

/// What becomes of a message whose window is closed. An old question has lost
/// its sense: the person is asked anew when they write. One that answers words
/// which came when their window was over already is not old: it is all that
/// tells them that they were heard, and waits like everything else. Staff are
/// asked to call where nothing tells the person to write, and at once for an
/// emergency.
pub const fn when_closed(purpose: Purpose, made: Made, reach: Reach) -> Fallback {
    let why = match reach {
        Reach::Template => Why::WindowClosed,
        Reach::NoTemplate => Why::NoTemplate,
        Reach::TemplateFailed => Why::TemplateFailed,
    };
    match (purpose, made) {
        (Purpose::Prompt, Made::InTime) | (Purpose::Template, _) => Fallback::Drop,
        (Purpose::Emergency, _) => Fallback::Hold { why, call: true },
        (Purpose::Prompt, Made::Late) | (Purpose::Notice | Purpose::Staff, _) => Fallback::Hold {
            why,
            call: !matches!(reach, Reach::Template),
        },
    }
}

/// How long a template that the provider refused is left alone before another
/// contact's message tries it again, ms.
pub const TEMPLATE_REST_MS: i64 = 6 * HOUR_MS;

/// Whether an error code is about the template itself (missing, paused,
/// disabled, wrongly filled), whoever it was meant for.
pub const fn blames_template(code: i64) -> bool {
    matches!(code, 132_000..=132_018)
}

/// The template of a contact's closed window, as far as it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastTemplate {
    /// The stamp of the window it was meant for.
    pub about: UnixMs,
    /// When the provider took it, which after an outage is long after it was
    /// queued; when it ended, if it was not taken.
    pub since: UnixMs,
    /// Whether it failed.
    pub failed: bool,
    /// Whether it was withdrawn before it left: nobody was asked.
    pub withdrawn: bool,
}

/// What a contact's last template means for the window that began at `about`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was asked for this window, and may still be answered.
    Yes,
    /// It was asked for this window and did not go.
    Failed,
    /// Not for this window, or so long ago that those who waited for it are
    /// gone: a new one may go, if anything waits for it.
    No,
}

/// Whether the person was asked to write since their window of `about` closed.
/// One template for each contact and closed window; another one only after
/// whatever waited for the first has grown too old, and never on a clock that
/// cannot tell. One that was taken in the future was taken by a clock that was
/// ahead, nobody knows when.
pub fn asked(last: Option<LastTemplate>, about: UnixMs, max_age_ms: i64, now: Now) -> Asked {
    match last {
        None => Asked::No,
        Some(last) if last.withdrawn || is_before(last, about) => Asked::No,
        Some(last) if now.trusted && is_over(now.at.ms_since(last.since), max_age_ms) => Asked::No,
        Some(last) if last.failed => Asked::Failed,
        Some(_) => Asked::Yes,
    }
}

/// Whether a template went before this window could be over: it was meant for
/// another one. Words of an outage that come one after the other, each too late,
/// open none: whoever was asked is not asked again for each of them.
fn is_before(last: LastTemplate, about: UnixMs) -> bool {
    last.about != about && last.since < about.plus_ms(DAY_MS - WINDOW_MARGIN_MS)
}

fn is_over(age_ms: i64, max_age_ms: i64) -> bool {
    !(-HOUR_MS..=max_age_ms).contains(&age_ms)
}

/// What becomes of a message that the provider took and then reported as
/// failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// It will not arrive: a task for staff.
    Fail(Why),
    /// It lost its sense.
    Drop(Why),
    /// A copy of it is queued: what was taken keeps its own end, so that no
    /// late status of it can be taken for one of the copy.
    Again {
        /// How long the copy waits at least, ms.
        wait_ms: i64,
        /// What it waits for. `WindowClosed`: the provider said so.
        why: Why,
    },
}

/// Copies of one message before it is given up.
const COPIES_MAX: u32 = 8;

/// Decides about a message of this purpose, tried `attempts` times before,
/// that came back with an error of this class. `max` is how often the error is
/// worth a try, where that is known.
pub fn returned(
    (purpose, made): (Purpose, Made),
    class: Class,
    attempts: u32,
    max: Option<u8>,
) -> Returned {
    let most = max.map_or(COPIES_MAX, u32::from);
    let later = || super::wait_ms(Class::Retry, attempts, None, 0);
    let again = |wait_ms, why| Returned::Again { wait_ms, why };
    if matches!(purpose, Purpose::Template) {
        return Returned::Fail(Why::TemplateRefused);
    }
    match class {
        Class::NeedsTemplate if matches!((purpose, made), (Purpose::Prompt, Made::InTime)) => {
            Returned::Drop(Why::WindowClosed)
        }
        Class::NeedsTemplate => again(0, Why::WindowClosed),
        // The account's fault is not the message's: it is not counted, and
        // tried again as rarely as the account itself.
        Class::Configuration => again(15 * MINUTE_MS, Why::Configuration),
        Class::NumberLimited => again(super::wait_ms(class, 0, None, 0), Why::NumberLimited),
        Class::ThrottleNumber if attempts < most => again(later(), Why::Throttled),
        Class::ThrottleContact if attempts < most => again(later(), Why::ThrottledContact),
        Class::Retry | Class::Unknown if attempts < most => again(later(), Why::ProviderError),
        Class::ThrottleNumber
        | Class::ThrottleContact
        | Class::Retry
        | Class::Unknown
        | Class::Permanent
        | Class::PossiblySent => Returned::Fail(Why::Undelivered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Purpose as P;

    #[test]
    fn each_purpose_has_its_fallback() {
        let hold = |why, call| Fallback::Hold { why, call };
        let (closed, none) = (Why::WindowClosed, Why::NoTemplate);
        let cases = [
            (P::Prompt, Made::InTime, Reach::Template, Fallback::Drop),
            (P::Prompt, Made::InTime, Reach::NoTemplate, Fallback::Drop),
            (
                P::Notice,
                Made::InTime,
                Reach::Template,
                hold(closed, false),
            ),
            (P::Notice, Made::InTime, Reach::NoTemplate, hold(none, true)),
            (
                P::Notice,
                Made::Late,
                Reach::TemplateFailed,
                hold(Why::TemplateFailed, true),
            ),
            (P::Staff, Made::InTime, Reach::Template, hold(closed, false)),
            (P::Staff, Made::InTime, Reach::NoTemplate, hold(none, true)),
            (
                P::Emergency,
                Made::InTime,
                Reach::Template,
                hold(closed, true),
            ),
            (
                P::Emergency,
                Made::InTime,
                Reach::NoTemplate,
                hold(none, true),
            ),
            (P::Prompt, Made::Late, Reach::Template, hold(closed, false)),
            (P::Prompt, Made::Late, Reach::NoTemplate, hold(none, true)),
            (P::Template, Made::Late, Reach::Template, Fallback::Drop),
        ];
        for (purpose, made, reach, fallback) in cases {
            assert_eq!(
                when_closed(purpose, made, reach),
                fallback,
                "{purpose:?} {made:?} {reach:?}"
            );
        }
    }

    #[test]
    fn one_template_for_each_closed_window() {
        let now = |days: i64, trusted| Now {
            at: UnixMs(days * 24 * HOUR_MS),
            trusted,
        };
        let sent = LastTemplate {
            about: UnixMs(5),
            since: now(2, true).at,
            failed: false,
            withdrawn: false,
        };
        let failed = LastTemplate {
            failed: true,
            ..sent
        };
        let withdrawn = LastTemplate {
            withdrawn: true,
            ..sent
        };
        let week = 7 * 24 * HOUR_MS;
        let wrote_since = now(2, true).at.0 + 1;
        let cases = [
            (None, 5, now(3, true), Asked::No),
            (Some(sent), 5, now(3, true), Asked::Yes),
            (Some(failed), 5, now(3, true), Asked::Failed),
            // What came since was as old: its window was over when it came.
            (Some(sent), 6, now(3, true), Asked::Yes),
            // They wrote since: the next closed window is another one.
            (Some(sent), wrote_since, now(4, true), Asked::No),
            (Some(withdrawn), 5, now(3, true), Asked::No),
            (Some(sent), 5, now(10, true), Asked::No),
            (Some(sent), 5, now(10, false), Asked::Yes),
            // It was taken tomorrow.
            (Some(sent), 5, now(1, true), Asked::No),
            (Some(sent), 5, now(1, false), Asked::Yes),
        ];
        for (last, about, now, answer) in cases {
            assert_eq!(asked(last, UnixMs(about), week, now), answer, "{last:?}");
        }
    }

    #[test]
    fn what_comes_back_follows_its_class() {
        let again = |wait_ms, why| Returned::Again { wait_ms, why };
        let closed = again(0, Why::WindowClosed);
        let failed = Returned::Fail(Why::Undelivered);
        let cases = [
            (P::Notice, Class::Permanent, 0, None, failed),
            (P::Notice, Class::NeedsTemplate, 0, None, closed),
            (
                P::Prompt,
                Class::NeedsTemplate,
                0,
                None,
                Returned::Drop(Why::WindowClosed),
            ),
            (
                P::Notice,
                Class::Configuration,
                90,
                None,
                again(900_000, Why::Configuration),
            ),
            (
                P::Notice,
                Class::NumberLimited,
                90,
                None,
                again(4 * HOUR_MS, Why::NumberLimited),
            ),
            (
                P::Notice,
                Class::Retry,
                0,
                Some(3),
                again(5_000, Why::ProviderError),
            ),
            (P::Notice, Class::Retry, 3, Some(3), failed),
            (
                P::Notice,
                Class::ThrottleContact,
                7,
                None,
                again(640_000, Why::ThrottledContact),
            ),
            (P::Notice, Class::ThrottleContact, 8, None, failed),
            (
                P::Template,
                Class::Retry,
                0,
                None,
                Returned::Fail(Why::TemplateRefused),
            ),
        ];
        for (purpose, class, attempts, max, fate) in cases {
            assert_eq!(
                returned((purpose, Made::InTime), class, attempts, max),
                fate,
                "{purpose:?} {class:?} {attempts}"
            );
        }
    }
    #[test]
    fn an_answer_to_words_that_came_late_is_not_dropped() {
        let late = returned((P::Prompt, Made::Late), Class::NeedsTemplate, 0, None);
        let again = Returned::Again {
            wait_ms: 0,
            why: Why::WindowClosed,
        };
        assert_eq!(late, again);
    }
}
