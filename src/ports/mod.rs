//! The few outside things the program is written against, as small traits.
//! There is none for the database: tests use a real SQLCipher file.

use crate::core::id::OutboxKey;
use crate::core::inbound::{Identity, ProviderError};
use crate::core::outgoing::Outgoing;
use crate::core::private::Private;
use crate::core::time::Now;
use std::future::Future;
use std::time::Duration;

/// Tells the time. Only `device::clock` reads the machine's.
pub trait Clock: Send + Sync {
    /// The instant, and whether it can be trusted.
    fn now(&self) -> Now;
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

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The provider has it, under this id.
    Accepted {
        /// The provider's id of the message.
        wamid: Private<String>,
    },
    /// The provider answered with an error; `core::delivery` says what follows.
    Refused {
        /// Code and sub-code.
        error: ProviderError,
        /// The HTTP status it came with; never a classifier where the code is known.
        http: u16,
        /// The longest wait the answer asked for.
        wait: Option<Duration>,
    },
    /// It surely did not leave: no name, no route, no handshake, a portal.
    NotSent(LineFault),
    /// It may or may not have arrived.
    Unknown,
}

/// Why the line does not carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// No name, no route, refused, timed out while connecting.
    Down,
    /// The certificate did not hold (a wrong clock looks the same).
    Tls,
    /// Somebody else answered: a captive portal or a proxy.
    Portal,
}

/// A messaging provider.
pub trait Messenger: Send + Sync + 'static {
    /// Hands one message over. Never retries by itself.
    fn send(&self, call: &Call) -> impl Future<Output = SendOutcome> + Send;

    /// A cheap question that tells whether line and credentials work.
    fn probe(&self) -> impl Future<Output = SendOutcome> + Send;
}
