//! How long each worker has been in the turn it is in. A worker that waits is in
//! none; one that blocks its thread, or turns for ever, shows here.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The workers' turns.
#[derive(Clone)]
pub struct Turns {
    base: Instant,
    begun: Arc<Mutex<Vec<Arc<AtomicU64>>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            base: Instant::now(),
            begun: Arc::default(),
        }
    }
}

impl Turns {
    /// The worker, with its turns noted from now on.
    pub fn note(&self, worker: impl Future<Output = ()> + Send + 'static) -> Noted {
        let begun = Arc::new(AtomicU64::new(0));
        let mut all = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&begun));
        Noted {
            worker: Box::pin(worker),
            base: self.base,
            begun,
        }
    }

    /// Whether no worker has been in one turn for longer than this.
    pub fn are_within(&self, bound: Duration) -> bool {
        let now = ms_since(self.base);
        let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        let all = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().all(|begun| match begun.load(Ordering::Relaxed) {
            0 => true,
            at => now.saturating_sub(at) <= bound,
        })
    }
}

/// Milliseconds, and never 0, which means that nothing has begun.
fn ms_since(base: Instant) -> u64 {
    u64::try_from(base.elapsed().as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

/// A worker whose turns are noted.
pub struct Noted {
    worker: Pin<Box<dyn Future<Output = ()> + Send>>,
    base: Instant,
    begun: Arc<AtomicU64>,
}

impl Future for Noted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.begun.store(ms_since(self.base), Ordering::Relaxed);
        let polled = self.worker.as_mut().poll(context);
        self.begun.store(0, Ordering::Relaxed);
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_worker_that_blocks_shows_and_one_that_waits_does_not() {
        let turns = Turns::default();
        let (go_on, blocked) = std::sync::mpsc::sync_channel::<()>(1);
        let (turning, turns_now) = tokio::sync::oneshot::channel();
        let worker = turns.note(async move {
            turning.send(()).ok();
            blocked.recv().ok();
            std::future::pending::<()>().await;
        });
        let worker = tokio::task::JoinSet::from_iter([worker]);
        turns_now.await.unwrap();
        while turns.are_within(Duration::from_millis(20)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(turns.are_within(Duration::from_secs(3_600)));
        go_on.send(()).unwrap();
        while !turns.are_within(Duration::ZERO) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(worker);
    }
}
