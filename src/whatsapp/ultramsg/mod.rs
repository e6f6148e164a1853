//! UltraMsg: a gateway that drives an ordinary phone's WhatsApp.
//!
//! Its habits: errors under HTTP 200 in three shapes, booleans as texts, a
//! queue of its own behind "ok", webhooks without a signature. Nothing in here
//! may log a body, a number, a message id, an address of a call or the token.

mod address;
mod client;
mod codes;
mod event;
mod form;
mod history;
mod message;
mod news;
mod search;
pub mod setup;
mod verdict;
mod wire;

pub use client::{BadSettings, UltraMsgClient, UltraMsgSettings};
pub use event::parse;
pub use wire::bare_instance;

use crate::core::time::UnixMs;

/// Which instance is spoken of, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Channel<'c> {
    /// The instance's number without the word before it.
    pub instance: &'c str,
    /// What is stamped earlier was said before this box listened: it is kept
    /// and not answered. A gateway that is linked anew replays old messages.
    pub began: Option<UnixMs>,
}

#[cfg(test)]
mod tests;
