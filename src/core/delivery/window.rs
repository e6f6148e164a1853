//! The 24-hour window: how long after a person's last message or call words of
//! our own choosing may still be sent to them.
//!
//! The clock of the window is WhatsApp's: it begins with the stamp of the
//! message, not with its arrival here, so it runs on through an outage. Pure:
//! whether our own clock may be asked at all is part of the question.

use crate::core::inbound::Content;
use crate::core::time::{DAY_MS, MINUTE_MS, Now, UnixMs};

/// How long before its end the window counts as closed: two clocks are never
/// compared without slack, and a call may take a minute.
pub const WINDOW_MARGIN_MS: i64 = 5 * MINUTE_MS;

/// What is made so long before the end of the window had no time to leave, ms.
const JUST_BEFORE_MS: i64 = 30 * MINUTE_MS;

/// What a provider allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowRule {
    /// Words of our own choosing only within 24 hours of the person's last
    /// message or call; after that only approved templates.
    Day,
    /// No window: anything at any time.
    None,
}

/// Whether what came from a person is a message as Meta means it where it says
/// that a message opens the window.
///
/// Of a reaction, a deletion, an edit, a chat that was merely opened and of
/// kinds nobody here knows, Meta does not say so. They count as none until it
/// is known: a window wrongly taken for closed costs one template, and the next
/// real message mends it; one wrongly taken for open sends what is held into a
/// refusal, and asks the person by a second template for the same closed window.
pub const fn opens_window(content: &Content) -> bool {
    match content {
        Content::Text { .. }
        | Content::Choice { .. }
        | Content::Form { .. }
        | Content::Media(_)
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Unsupported { .. } => true,
        Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::System(_)
        | Content::Welcome
        | Content::Other { .. } => false,
    }
}

/// When a message was made, beside the window in which it could have gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// While the window was open: it has waited until the window closed.
    InTime,
    /// After the window had closed, or nobody knows when: the person's own words
    /// came late, and nothing has answered them.
    Late,
}

/// How a person's window stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Words may be sent; until when, where that is known.
    Open {
        /// The first instant at which it counts as closed; none where there is
        /// no window, or no clock to tell by.
        until: Option<UnixMs>,
    },
    /// Only a template may be sent, until the person writes or calls.
    Closed,
}

impl WindowRule {
    /// Whether a message, whose age counts from `aged_from` (none until a
    /// trusted clock has seen it), was made within the window that a message
    /// stamped `last` (zero: never) opened. Nobody's words came late who wrote
    /// none; and what was made just before the end could hardly leave.
    pub fn made(self, last: UnixMs, aged_from: Option<UnixMs>) -> Made {
        let open = |made: UnixMs| made < last.plus_ms(DAY_MS - JUST_BEFORE_MS);
        match self {
            Self::None => Made::InTime,
            Self::Day if last.0 <= 0 => Made::InTime,
            Self::Day if aged_from.is_some_and(open) => Made::InTime,
            Self::Day => Made::Late,
        }
    }

    /// How the window stands of somebody whose last message or call WhatsApp
    /// stamped `last` (zero: never), when the one opened at `closed` is known to
    /// be closed: the provider itself said so, or a better clock than this.
    ///
    /// On an untrusted clock nothing is held for its sake: the message goes,
    /// and the provider's refusal (131047) is the answer. What the provider
    /// said itself holds on any clock.
    pub fn judge(self, last: UnixMs, closed: Option<UnixMs>, now: Now) -> Window {
        match self {
            Self::None => Window::Open { until: None },
            Self::Day if closed.is_some_and(|closed| last <= closed) => Window::Closed,
            Self::Day if !now.trusted => Window::Open { until: None },
            Self::Day => {
                let until = last.plus_ms(DAY_MS - WINDOW_MARGIN_MS);
                if now.at < until {
                    Window::Open { until: Some(until) }
                } else {
                    Window::Closed
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::HOUR_MS;
    use proptest::prelude::*;

    const WROTE: UnixMs = UnixMs(1_795_132_800_000);
    const NEVER: UnixMs = UnixMs(0);
    const SAID: Option<UnixMs> = Some(WROTE);

    const fn at(ms: i64, trusted: bool) -> Now {
        Now {
            at: WROTE.plus_ms(ms),
            trusted,
        }
    }

    #[test]
    fn the_window_ends_a_margin_before_the_day_does() {
        let judge = |ms| WindowRule::Day.judge(WROTE, None, at(ms, true));
        let until = Some(WROTE.plus_ms(DAY_MS - WINDOW_MARGIN_MS));
        assert_eq!(judge(0), Window::Open { until });
        assert_eq!(judge(DAY_MS - WINDOW_MARGIN_MS - 1), Window::Open { until });
        assert_eq!(judge(DAY_MS - WINDOW_MARGIN_MS), Window::Closed);
        assert_eq!(judge(300 * DAY_MS), Window::Closed);
    }

    #[test]
    fn what_is_made_after_the_window_is_late_and_what_no_clock_saw_may_be() {
        let made = |ms| WindowRule::Day.made(WROTE, Some(WROTE.plus_ms(ms)));
        assert_eq!(made(DAY_MS - JUST_BEFORE_MS - 1), Made::InTime);
        assert_eq!(made(DAY_MS - JUST_BEFORE_MS), Made::Late);
        assert_eq!(WindowRule::Day.made(WROTE, None), Made::Late);
        // Whoever only opened the chat wrote nothing.
        assert_eq!(WindowRule::Day.made(NEVER, Some(WROTE)), Made::InTime);
        assert_eq!(WindowRule::None.made(NEVER, None), Made::InTime);
    }

    #[test]
    fn somebody_who_never_wrote_has_no_window() {
        assert_eq!(
            WindowRule::Day.judge(NEVER, None, at(0, true)),
            Window::Closed
        );
        // Nor on a clock that cannot tell, once the provider has said so.
        let said = WindowRule::Day.judge(NEVER, Some(NEVER), at(0, false));
        assert_eq!(said, Window::Closed);
    }

    #[test]
    fn an_untrusted_clock_closes_nothing_and_the_provider_does() {
        let late = at(300 * DAY_MS, false);
        assert_eq!(
            WindowRule::Day.judge(WROTE, None, late),
            Window::Open { until: None }
        );
        assert_eq!(WindowRule::Day.judge(WROTE, SAID, late), Window::Closed);
        // What opened after the provider spoke is a window of its own.
        assert_eq!(
            WindowRule::Day.judge(WROTE.plus_ms(1_000), SAID, late),
            Window::Open { until: None }
        );
    }

    #[test]
    fn a_provider_without_a_window_has_none_to_close() {
        let late = at(300 * DAY_MS, true);
        assert_eq!(
            WindowRule::None.judge(NEVER, SAID, late),
            Window::Open { until: None }
        );
    }

    proptest! {
        #[test]
        fn nothing_counts_as_open_after_the_day(last: i64, closed: Option<i64>, now: i64) {
            let judged = WindowRule::Day.judge(UnixMs(last), closed.map(UnixMs), Now { at: UnixMs(now), trusted: true });
            if UnixMs(now).ms_since(UnixMs(last)) >= DAY_MS - WINDOW_MARGIN_MS {
                prop_assert_eq!(judged, Window::Closed);
            }
        }

        #[test]
        fn writing_always_opens_it(closed in 0..2_000_000_000_000_i64, ago in 0..20 * HOUR_MS) {
            let last = UnixMs(closed + 1);
            let now = Now { at: last.plus_ms(ago), trusted: true };
            let open = matches!(WindowRule::Day.judge(last, Some(UnixMs(closed)), now), Window::Open { .. });
            prop_assert!(open);
        }
    }
}
