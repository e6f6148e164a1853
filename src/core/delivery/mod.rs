//! Delivery: the states of an outgoing message and what a result means.
//! Pure; the sender worker and the simulation both act on it.

mod state;

pub use state::{DeliveryState, advance};
