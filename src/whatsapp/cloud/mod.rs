//! WhatsApp Cloud API, as Meta runs it.
//!
//! Webhook bytes in, our own words out (`parse`); our messages in, Meta's JSON
//! out (`message`); the call itself (`client`). Nothing in here may log a body,
//! a number, a message id or a credential.

mod client;
mod content;
mod dedup;
mod graph;
mod handshake;
mod media;
mod message;
mod news;
mod parse;
mod people;
mod sender;
pub mod setup;
mod signature;
mod status;
pub mod templates;
mod verdict;
mod wire;
mod wire_news;

pub use client::{BadSettings, CloudClient, CloudSettings};
pub use graph::{Graph, Unanswered};
pub use handshake::{Handshake, answer_handshake};
pub use message::payload;
pub use parse::{parse, parse_of};
pub use signature::{SIGNATURE_HEADER, is_well_formed, sign, verify};
pub use verdict::{Proof, accepted_message, judge};

#[cfg(test)]
mod tests;
