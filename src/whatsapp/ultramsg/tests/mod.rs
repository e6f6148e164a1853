//! Every shape of the reference, and the habits it warns of.

mod client;
mod events;
mod verdicts;

use super::Channel;
use crate::core::time::UnixMs;

const CHANNEL: Channel<'static> = Channel {
    instance: "12345",
    began: Some(UnixMs(1_795_000_000_000)),
};
