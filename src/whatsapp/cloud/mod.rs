//! WhatsApp Cloud API, as Meta runs it.
//!
//! Webhook bytes in, our own words out (`parse`); our messages in, Meta's JSON
//! out (`message`); the call itself (`client`). Nothing in here may log a body,
//! a number, a message id or a credential.

mod client;
mod content;
mod dedup;
mod handshake;
mod message;
mod parse;
mod people;
mod signature;
mod status;
mod verdict;
mod wire;

pub use client::{BadSettings, CloudClient, CloudSettings};
pub use handshake::{Handshake, answer_handshake};
pub use message::payload;
pub use parse::parse;
pub use signature::{SIGNATURE_HEADER, is_well_formed, sign, verify};
pub use verdict::{Proof, accepted_message, judge};

#[cfg(test)]
mod tests;
