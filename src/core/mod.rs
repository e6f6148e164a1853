//! The pure heart: every decision the clinic's box takes, as functions of
//! their inputs and `now`.
//!
//! Nothing in here names a runtime, a database, the network, the file system,
//! the environment, a clock or a source of randomness. That is what lets years
//! of outages be played through in seconds.

pub mod access;
pub mod answers;
pub mod credential;
pub mod data_key;
pub mod delivery;
pub mod display;
pub mod engine;
pub mod flow;
pub mod id;
pub mod inbound;
pub mod lang;
pub mod limits;
pub mod media;
pub mod outgoing;
pub mod pace;
pub mod phone;
pub mod pin;
pub mod plain_text;
pub mod private;
pub mod secret;
pub mod table;
pub mod tasks;
pub mod time;
pub mod triage;
pub mod usage;
