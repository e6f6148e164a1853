//! A simulated UltraMsg over real HTTP, with its habits: errors under HTTP 200
//! in three shapes, booleans as texts, a queue of its own behind "ok" that
//! expires, webhooks that are tried a few times and then lost.
//!
//! As with the simulated Meta it shares no code with our own client, and must
//! never be reachable in `serve`. [`UltraWorld`] is the pure model, with `now`
//! as a parameter; [`UltraSimulator`] puts it on the wire.

mod account;
mod control;
mod http;
mod queue;
mod server;
mod world;

pub use account::{UltraFault, UltraSettings, UltraStanding};
pub use queue::Queued;
pub use server::UltraSimulator;
pub use world::{UltraWorld, WebhookDue};

#[cfg(test)]
mod tests;
