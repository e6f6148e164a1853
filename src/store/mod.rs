//! The encrypted store: one SQLCipher file, one writer that groups commits, a
//! few readers. SQL lives here and nowhere else.
//!
//! It must never acknowledge what is not on the disk, and no error text of it
//! may carry a value out of a row.

pub mod audit;
pub mod counters;
pub mod error;
mod group;
pub mod lock;
pub mod meta;
pub mod migrations;
pub mod open;
pub mod readers;
pub mod reserve;
pub mod secrets;
pub mod staff;
pub mod writer;

pub use error::Error;
pub use readers::Readers;
pub use writer::{Health, Writer, WriterThread};
