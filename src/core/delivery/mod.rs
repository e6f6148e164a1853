//! Delivery: the states of an outgoing message and what a result means.
//! Pure; the sender worker and the simulation both act on it.

mod backoff;
mod class;
mod state;

pub use backoff::wait_ms;
pub use class::{CODE_MISSING, Class, classify, is_known, retries_max};
pub use state::{DeliveryState, advance};
