//! Feeds the service manager's watchdog while the appliance is alive: a box that
//! runs and answers nobody is started again.

use crate::store::{Readers, Writer};
use crate::work::turns::Turns;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is fed within the time it waits: two late ones are no harm.
const TIMES: u32 = 4;

/// What must answer for the appliance to be alive.
pub struct Alive {
    /// The workers.
    pub turns: Turns,
    /// The store, once it is open.
    pub store: Option<(Writer, Readers)>,
}

impl Alive {
    /// Whether every worker is within its bound, and the store has answered. A
    /// store that answers with an error, on a full disk, does answer.
    async fn is_seen(&self, bound: Duration) -> bool {
        if !self.turns.are_within(bound) {
            return false;
        }
        let Some((writer, readers)) = &self.store else {
            return true;
        };
        let answers = async {
            let (wrote, read) = tokio::join!(writer.run(|_| Ok(())), readers.read(|_| Ok(())));
            drop((wrote, read));
        };
        tokio::time::timeout(bound, answers).await.is_ok()
    }
}

/// Tells the service manager that the appliance is alive, often enough for one
/// that waits `patience`, and only while it is.
pub async fn feed(patience: Duration, alive: Alive, say: impl Fn(), stop: CancellationToken) {
    let bound = patience / TIMES;
    loop {
        if alive.is_seen(bound).await {
            say();
        } else {
            tracing::error!(
                "the appliance does not turn: the service manager is not told otherwise"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(bound) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn it_is_fed_while_the_workers_turn_and_no_longer() {
        let patience = Duration::from_millis(200);
        let turns = Turns::default();
        let (block, wait) = tokio::sync::oneshot::channel::<()>();
        let (go_on, blocked) = std::sync::mpsc::sync_channel::<()>(1);
        let worker = turns.note(async move {
            wait.await.ok();
            blocked.recv().ok();
        });
        let mut tasks = tokio::task::JoinSet::from_iter([worker]);
        let (fed, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let counted = Arc::clone(&fed);
        let say = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let alive = Alive { turns, store: None };
        let feeding = feed(patience, alive, say, stop.clone());
        let feeding = tokio::task::JoinSet::from_iter([feeding]);
        while fed.load(Ordering::Relaxed) < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        block.send(()).unwrap();
        tokio::time::sleep(patience * 2).await;
        let hungry = fed.load(Ordering::Relaxed);
        tokio::time::sleep(patience * 2).await;
        assert_eq!(fed.load(Ordering::Relaxed), hungry, "a blocked worker");
        go_on.send(()).unwrap();
        while fed.load(Ordering::Relaxed) == hungry {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        feeding.join_all().await;
        tasks.abort_all();
    }
}
