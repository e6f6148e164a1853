//! What became of a message that was handed to a provider.

use crate::core::inbound::ProviderError;
use crate::core::private::Private;
use std::time::Duration;

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
    /// No name, no route, timed out while connecting.
    Down,
    /// The way is there and the provider's door is closed.
    Refused,
    /// Whoever answered could not prove to be the provider.
    Tls,
    /// The certificate is not valid yet, or no longer, by our clock.
    Clock,
    /// Somebody else answered: a captive portal or a proxy.
    Portal,
}
