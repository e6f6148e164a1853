//! What the line watcher is told.

use crate::core::delivery::Channel;
use crate::ports::{Echo, Moved, SendOutcome, Touch};

/// Something seen of the line.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// What became of a message.
    Sent {
        /// The call's outcome.
        outcome: &'a SendOutcome,
        /// What its verdict says of the channel.
        channel: Channel,
    },
    /// What became of a probe.
    Probed(&'a SendOutcome),
    /// What became of an echo request.
    Echoed(Echo),
    /// What became of a touch.
    Touched(Touch),
    /// News from the kernel.
    Moved(Moved),
    /// Something that may have mended the line.
    Nudged,
    /// A message that was taken came back, because of the account: the refusal
    /// that it would have met at once, had the provider looked.
    GivenBack(&'a SendOutcome),
    /// A message arrived that was taken since the last one came back.
    Served,
}
