//! The way to the provider below HTTP: whether there is a route, whether the
//! far end answers at all, and the news the kernel has of both.
//!
//! Nothing here carries a word of anybody's: a touch is an empty connection.

use std::future::Future;
use std::time::Duration;

/// What came of opening an empty connection to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Somebody answered there.
    Reached {
        /// After so many milliseconds.
        rtt_ms: i64,
        /// Over IPv6, whose packets are longer.
        v6: bool,
    },
    /// Somebody answered that nobody listens.
    Refused,
    /// Nobody answered in time.
    Silent,
    /// The kernel knows no way there; nothing left this machine.
    NoRoute,
}

/// What came of an echo request to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// It was answered: the way is there.
    Answered,
    /// Nobody answered in time. Many networks drop them all.
    Silent,
    /// None can be sent from here, or it would prove nothing.
    Unavailable,
}

/// What changed about the way to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// There was a way and there is none.
    Gone,
    /// There was no way and there is one.
    Back,
    /// It begins at another address: open connections are dead.
    Other,
    /// A network device lost or found its carrier.
    Carrier,
    /// Something else did, not the way itself.
    Same,
}

/// The way to the provider.
pub trait Uplink: Send + Sync + 'static {
    /// Opens an empty connection and drops it again: to an address that is known,
    /// or to one that the name is looked up for now.
    fn touch(&self, patience: Duration, looks_up: bool) -> impl Future<Output = Touch> + Send;

    /// Sends an echo request.
    fn echo(&self, patience: Duration) -> impl Future<Output = Echo> + Send;

    /// Waits for news of the way. Losing interest loses no news.
    fn moved(&self) -> impl Future<Output = Moved> + Send;

    /// Drops kept connections: they went with the line.
    fn forget(&self);
}
