//! The few outside things the program is written against, as small traits.
//! There is none for the database: tests use a real SQLCipher file.

pub mod door;
mod files;
mod meter;
mod seal_error;
mod seal_report;
pub mod sealer;
mod uplink;

use crate::core::id::OutboxKey;
use crate::core::inbound::Identity;

pub use files::{Described, Fetched, Files, Pieces};
pub use meter::Meter;

pub use crate::core::delivery::{LineFault, SendOutcome};
pub use sealer::Sealer;
pub use uplink::{Moved, Touch, Uplink};

use crate::core::outgoing::Outgoing;
use crate::core::time::{Now, UnixMs};
use std::future::Future;

/// Tells the time. Only `device::clock` reads the machine's.
pub trait Clock: Send + Sync {
    /// The instant, and whether it can be trusted.
    fn now(&self) -> Now;

    /// Notes that it is at least `known`: the last commit's time, or a stamp
    /// in a webhook whose signature held. A board without a battery may have
    /// woken up in 1970.
    fn learn(&self, known: UnixMs) {
        let _ = known;
    }
}

/// Randomness. Only `device::chance` asks the kernel for it.
pub trait Chance: Send + Sync {
    /// Fills `bytes` with unpredictable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// A message ready to leave, with everything the provider needs to know.
#[derive(Clone, Debug)]
pub struct Call {
    /// Our own name for it; travels along and comes back in statuses.
    pub key: OutboxKey,
    /// Where it goes.
    pub to: Identity,
    /// What is said.
    pub message: Outgoing,
}

/// A messaging provider.
pub trait Messenger: Send + Sync + 'static {
    /// Hands one message over. Never retries by itself.
    fn send(&self, call: &Call) -> impl Future<Output = SendOutcome> + Send;

    /// A cheap question that tells whether line and credentials work.
    fn probe(&self) -> impl Future<Output = SendOutcome> + Send;
}
