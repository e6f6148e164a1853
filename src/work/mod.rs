//! Background workers. Each has a pure-enough heart (functions over an open
//! transaction and `now`) that the simulation drives by hand, and a thin loop
//! around it. Only the runner starts tasks.

mod blind;
mod echoes;
pub mod housekeeping;
pub mod intake;
pub mod line;
pub mod media;
mod new_codes;
mod pace;
mod patience;
pub mod poll;
pub mod purse;
mod refused;
pub mod runner;
mod seen;
pub mod sender;
pub mod start;
pub mod steps;
mod stretch;
pub mod taking;
mod tally;
pub mod turns;
pub mod unheard;
pub mod usage;
mod watch;
pub mod watchdog;
pub mod watcher;

use std::sync::Arc;
use tokio::sync::Notify;

/// Tells a worker that there may be something to do. Cheap to clone; a signal
/// given while nobody waits is kept.
#[derive(Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// Rings it.
    pub fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits until it has rung since the last wait.
    pub async fn rung(&self) {
        self.0.notified().await;
    }
}

/// The workers' bells.
#[derive(Clone, Default)]
pub struct Bells {
    /// New messages may be waiting for the engine.
    pub intake: Bell,
    /// New messages may be waiting to leave.
    pub sender: Bell,
    /// New files may be waiting to be fetched.
    pub media: Bell,
    /// Something was heard of a message of ours.
    pub heard: Bell,
}
