//! Delivery: the states of an outgoing message and what a result means.
//! Pure; the sender worker and the simulation both act on it.

mod backoff;
mod class;
mod outcome;
mod state;
mod verdict;

pub use backoff::wait_ms;
pub use class::{CODE_MISSING, Class, classify, is_known, retries_max};
pub use outcome::{LineFault, SendOutcome};
pub use state::{DeliveryState, advance};
pub use verdict::{Channel, Policy, Verdict, judge};
