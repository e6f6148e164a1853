//! The encrypted store: one SQLCipher file, one writer that groups commits, a
//! few readers. SQL lives here and nowhere else.
//!
//! It must never acknowledge what is not on the disk, and no error text of it
//! may carry a value out of a row.

/// That a message still waits, as a statement says it: what
/// `DeliveryState::is_waiting` says, and the condition of the indexes of what waits,
/// word for word. With the table's name and a dot, where that has to stand.
macro_rules! waits {
    () => {
        waits!("")
    };
    ($of:literal) => {
        concat!(
            "(",
            $of,
            "state = 'queued' OR ",
            $of,
            "state = 'held' OR ",
            $of,
            "state = 'sending' OR ",
            $of,
            "state = 'in_doubt')"
        )
    };
}

pub mod audit;
pub mod cards;
pub mod clock_moves;
pub mod contacts;
pub mod conversations;
pub mod counters;
pub mod dead_letter;
pub mod erasure;
pub mod error;
pub mod flags;
mod foreign_log;
mod group;
pub mod inbox;
pub mod lock;
pub mod media;
pub mod meta;
pub mod migrations;
pub mod nested;
pub mod nobodys;
pub mod open;
pub mod outbox;
pub mod parked;
pub mod pending;
pub mod polling;
pub mod queue;
pub mod readers;
pub mod records;
pub mod reserve;
pub mod rest;
pub mod retention;
pub mod rewrite;
pub mod secrets;
pub mod sessions;
pub mod staff;
pub mod tasks;
pub mod templates;
#[cfg(test)]
pub(crate) mod tests;
pub mod usage;
pub mod writer;

pub use error::Error;
pub use meta::BoxKey;
pub use readers::Readers;
pub use writer::{Health, Try, Writer, WriterThread};

/// What the store's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
