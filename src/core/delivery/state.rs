//! The one vocabulary for how far an outgoing message has come.

use crate::core::inbound::Receipt;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Where an outgoing message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits for its turn.
    Queued,
    /// Waits for something other than its turn; the row says what.
    Held,
    /// In the air: its attempt is committed, its result is not known yet.
    Sending,
    /// Left the box, and nobody knows whether it arrived at the provider.
    InDoubt,
    /// The provider took it.
    Accepted,
    /// Left the provider.
    Sent,
    /// Reached the phone.
    Delivered,
    /// Was opened.
    Read,
    /// Will not arrive.
    Failed,
    /// Grew too old to be of use.
    Expired,
    /// Withdrawn by staff.
    Cancelled,
    /// A newer message took its place.
    Superseded,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Held,
        Self::Sending,
        Self::InDoubt,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
        Self::Superseded,
    ];

    /// The word used in rows, the API and the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Sending => "sending",
            Self::InDoubt => "in_doubt",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    /// Whether the message still waits for the provider to take it.
    pub const fn is_waiting(self) -> bool {
        matches!(
            self,
            Self::Queued | Self::Held | Self::Sending | Self::InDoubt
        )
    }

    /// How far along the happy path it is; states off that path have none.
    const fn rank(self) -> Option<u8> {
        match self {
            Self::Queued | Self::Held => Some(0),
            Self::Sending | Self::InDoubt => Some(1),
            Self::Accepted => Some(2),
            Self::Sent => Some(3),
            Self::Delivered => Some(4),
            Self::Read => Some(5),
            Self::Failed | Self::Expired | Self::Cancelled | Self::Superseded => None,
        }
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no delivery state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no delivery state")]
pub struct UnknownState(pub String);

impl FromStr for DeliveryState {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.word() == word)
            .ok_or_else(|| UnknownState(word.to_owned()))
    }
}

/// The state after a receipt. Receipts come in any order and more than once,
/// so a state only ever moves forward: a late `delivered` leaves `read` alone,
/// and `failed` counts only of a message that has left and has not reached the
/// phone: of one that waits it is news of an earlier try.
/// A proof of arrival outweighs an earlier failure.
pub fn advance(state: DeliveryState, receipt: Receipt) -> DeliveryState {
    let reached = match receipt {
        Receipt::Sent => DeliveryState::Sent,
        Receipt::Delivered => DeliveryState::Delivered,
        Receipt::Read | Receipt::Played => DeliveryState::Read,
        Receipt::Failed => DeliveryState::Failed,
    };
    match (state.rank(), reached.rank()) {
        (Some(now), Some(new)) if new > now => reached,
        (Some(now), None) if (1..4).contains(&now) => DeliveryState::Failed,
        (None, Some(new)) if new >= 4 => reached,
        (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) | (None, None) => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeliveryState as S;
    use proptest::prelude::*;

    const RECEIPTS: [Receipt; 5] = [
        Receipt::Sent,
        Receipt::Delivered,
        Receipt::Read,
        Receipt::Played,
        Receipt::Failed,
    ];

    #[test]
    fn receipts_only_move_forward() {
        let cases = [
            (S::Accepted, Receipt::Sent, S::Sent),
            (S::Sending, Receipt::Sent, S::Sent),
            (S::InDoubt, Receipt::Delivered, S::Delivered),
            (S::Read, Receipt::Delivered, S::Read),
            (S::Delivered, Receipt::Failed, S::Delivered),
            (S::Sent, Receipt::Failed, S::Failed),
            (S::Queued, Receipt::Failed, S::Queued),
            (S::Failed, Receipt::Sent, S::Failed),
            (S::Failed, Receipt::Delivered, S::Delivered),
            (S::Accepted, Receipt::Played, S::Read),
        ];
        for (before, receipt, after) in cases {
            assert_eq!(advance(before, receipt), after, "{before} + {receipt:?}");
        }
    }

    #[test]
    fn words_round_trip() {
        for state in S::ALL {
            assert_eq!(state.word().parse(), Ok(state));
        }
    }

    proptest! {
        /// Whatever comes, in whatever order and how often: no receipt moves a
        /// message back, and only arrival outweighs an end.
        #[test]
        fn no_receipt_moves_a_message_back(
            first in prop::sample::select(S::ALL.to_vec()),
            receipts in prop::collection::vec(prop::sample::select(RECEIPTS.to_vec()), 0..20),
        ) {
            let mut state = first;
            for receipt in receipts {
                let next = advance(state, receipt);
                match (state.rank(), next.rank()) {
                    (Some(before), Some(after)) => prop_assert!(after >= before),
                    (Some(before), None) => prop_assert!((1..4).contains(&before)),
                    (None, Some(after)) => prop_assert!(after >= 4),
                    (None, None) => prop_assert_eq!(state, next),
                }
                prop_assert_eq!(advance(next, receipt), next, "once is as good as twice");
                state = next;
            }
        }

        /// Once everything has come, its order has made no difference to
        /// whether the message is known to have arrived.
        #[test]
        fn arrival_is_known_in_any_order(
            receipts in prop::collection::vec(prop::sample::select(RECEIPTS.to_vec()), 0..12),
        ) {
            let end = receipts.iter().fold(S::Sending, |state, receipt| advance(state, *receipt));
            let back = receipts.iter().rev().fold(S::Sending, |state, receipt| advance(state, *receipt));
            let arrived = |state| matches!(state, S::Delivered | S::Read);
            prop_assert_eq!(arrived(end), arrived(back));
            if arrived(end) {
                prop_assert_eq!(end, back);
            }
        }
    }
}
