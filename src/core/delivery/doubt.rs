//! Messages whose result was lost: when the provider is asked about one, whether
//! it may leave once more, and how its doubt ends.
//!
//! Pure. Of what is in doubt nobody knows that it did not arrive: it must never
//! be taken for lost.

use super::plan::{Limits, Plan, Waiting};
use super::{DeliveryState, Why};
use crate::core::limits::REPEATS_MAX;
use crate::core::outgoing::Purpose;
use crate::core::time::{MINUTE_MS, UnixMs};

/// How soon at the earliest a doubt is looked at again over a cut line, ms.
const CUT_LOOK_MS: i64 = MINUTE_MS;

/// Whether the provider can be heard. The wait of a doubt runs only while it can:
/// a status that cannot come proves nothing by its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// What it has to say arrives.
    Works,
    /// Nothing of it arrives.
    Cut,
}

impl Link {
    /// Whether a wait that is told by the calendar is over.
    pub(super) fn is_over(self, wait: UnixMs, now: UnixMs) -> bool {
        self == Self::Works && wait <= now
    }

    /// When such a wait is looked at again. Over a cut line it is made longer
    /// once the line is back, and looked at anew by that.
    pub(super) fn look_at(self, wait: UnixMs, now: UnixMs) -> UnixMs {
        match self {
            Self::Works => wait,
            Self::Cut => wait.max(now.plus_ms(CUT_LOOK_MS)),
        }
    }
}

/// How a provider is asked what became of a message whose result was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asking {
    /// How long after the loss it is asked first, ms: by then it has seen the
    /// message or never will. After each answer that tells nothing, twice as
    /// long.
    pub after_ms: i64,
    /// How long a doubt lasts, ms.
    pub in_doubt_ms: i64,
}

impl Asking {
    /// When it is asked about a message in doubt; none if nothing more is to be
    /// expected of it before the doubt ends by itself.
    fn next(self, message: &Waiting) -> Option<UnixMs> {
        let waits = 2_i64.saturating_pow(message.asked.saturating_add(1)) - 1;
        let into_ms = self.after_ms.saturating_mul(waits);
        let left_ms = self.in_doubt_ms.saturating_sub(into_ms);
        (left_ms > 0).then(|| message.not_before.plus_ms(-left_ms))
    }
}

/// What is to be done with a message whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// It leaves.
    Send,
    /// Its result was lost and its wait is over: it leaves once more.
    Repeat,
    /// Its result was lost: the provider is asked, and it leaves once more if it
    /// is not there.
    AskAndSend,
    /// Its result was lost: the provider is asked, and that is all.
    Ask,
}

/// The wait of a message in doubt is over, and it is not sent again: a question
/// lost its sense, everything else is a matter for staff.
pub(super) fn doubt_over(plan: &mut Plan, message: &Waiting, closed: bool) {
    match message.purpose {
        Purpose::Prompt if message.doomed => {
            plan.end(message, DeliveryState::Superseded, Why::NewerQuestion);
        }
        Purpose::Prompt if closed => {
            plan.end(message, DeliveryState::Superseded, Why::WindowClosed);
        }
        Purpose::Prompt
        | Purpose::Notice
        | Purpose::Emergency
        | Purpose::Staff
        | Purpose::Template => plan.end(message, DeliveryState::Failed, Why::SentInDoubt),
    }
}

/// What is to be done now with a message in doubt, if anything; notes when to
/// look at it else. It may leave only if it is `first`.
pub(super) fn errand(
    plan: &mut Plan,
    doubted: &Waiting,
    first: bool,
    limits: Limits,
    (link, now): (Link, UnixMs),
) -> Option<Errand> {
    let may_leave = first && may_repeat(doubted);
    if link.is_over(doubted.not_before, now) {
        return may_leave.then_some(Errand::Repeat);
    }
    let ask = limits.asking.and_then(|asking| asking.next(doubted));
    let next = ask.unwrap_or(doubted.not_before);
    if ask.is_none() || !link.is_over(next, now) {
        plan.look_by(link.look_at(next, now));
        return None;
    }
    Some(if may_leave {
        Errand::AskAndSend
    } else {
        Errand::Ask
    })
}

/// Whether a message whose wait in doubt is over may go out once more. Not where
/// the provider has spoken of a double, nor where twice could do harm; and not
/// for ever.
pub(super) fn may_repeat(doubted: &Waiting) -> bool {
    let over = doubted.repeats >= REPEATS_MAX || doubted.maybe_sent || doubted.doomed;
    !over && doubted.purpose != Purpose::Staff
}
