//! Delivery: the states of an outgoing message and what a result means.
//! Pure; the sender worker and the simulation both act on it.

mod outcome;
mod state;
mod verdict;

pub use outcome::{LineFault, SendOutcome};
pub use state::{DeliveryState, advance};
pub use verdict::{Channel, Policy, Verdict, judge};
