//! The only place that starts tasks. A worker that ends or panics ends the
//! process: the service manager starts it again, which is safer than a box
//! that looks alive and answers nobody.

use crate::work::turns::Turns;
use std::future::Future;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Owns the background tasks of a running appliance.
#[derive(Default)]
pub struct Runner {
    tasks: JoinSet<&'static str>,
    turns: Turns,
    stop: CancellationToken,
}

/// A worker that ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
#[error("the {0} stopped by itself")]
pub struct WorkerEnded(pub String);

impl Runner {
    /// A runner without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// The signal that asks every task to finish what it has begun.
    pub fn stop_signal(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// How long each worker has been in its turn.
    pub fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// Starts a worker under a name for the log.
    pub fn start(&mut self, name: &'static str, worker: impl Future<Output = ()> + Send + 'static) {
        let worker = self.turns.note(worker);
        self.tasks.spawn(async move {
            worker.await;
            name
        });
    }

    /// Waits until a stop is asked for; ends earlier, with an error, if a
    /// worker does.
    ///
    /// # Errors
    /// [`WorkerEnded`] if a worker ended or panicked before the stop.
    pub async fn watch(&mut self, stop: impl Future<Output = ()>) -> Result<(), WorkerEnded> {
        tokio::select! {
            () = stop => Ok(()),
            ended = self.tasks.join_next() => match ended {
                Some(Ok(name)) => Err(WorkerEnded(name.to_owned())),
                // The panic hook has logged where; the text may hold data.
                Some(Err(_)) => Err(WorkerEnded("panicked worker".to_owned())),
                None => Err(WorkerEnded("last worker".to_owned())),
            },
        }
    }

    /// Asks every task to finish and waits for it, at most `bound`; what is
    /// left then is aborted.
    pub async fn shut_down(mut self, bound: std::time::Duration) {
        self.stop.cancel();
        let drained = tokio::time::timeout(bound, async {
            while self.tasks.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tracing::warn!(
                left = self.tasks.len(),
                "some work did not end in time and was cut off"
            );
            self.tasks.abort_all();
        }
    }
}
