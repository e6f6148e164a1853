//! Group commit: one thread owns the writing connection, and jobs that wait at
//! the same time share one transaction and one flush of the disk.
//!
//! It must never answer a job before the commit that holds its work, and never
//! let one job's failure or panic take another's work along.

mod turn;

use crate::core::limits;
use crate::store::error::Error;
pub use crate::store::group::Try;
use crate::store::group::{Follow, RepeatableWork, Task, Work};
use crate::store::reserve::Reserve;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use turn::Turn;

/// Whether what arrives can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Commits work.
    Ok,
    /// The disk is full. The reserve was released so that reads, sends and
    /// deletions go on; webhooks must be refused until this is `Ok` again.
    Full,
    /// The last commit did not work for another reason.
    Failed,
}

/// What the writer has done since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Transactions committed.
    pub commits: u64,
    /// Jobs run, the failed ones too.
    pub jobs: u64,
}

struct Shared {
    health: watch::Sender<Health>,
    commits: AtomicU64,
    jobs: AtomicU64,
}

/// The way to the writing thread. Clones are cheap and lead to the same one.
#[derive(Clone)]
pub struct Writer {
    jobs: mpsc::Sender<Box<dyn Task>>,
    shared: Arc<Shared>,
}

/// The thread itself, to be stopped at the end. Dropped, it is stopped as well: the
/// database must be closed before the program ends, which takes SQLCipher's own
/// ground away from under whoever still works.
#[derive(Debug)]
pub struct WriterThread {
    thread: Option<JoinHandle<Result<(), Error>>>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Writer").field(&self.health()).finish()
    }
}

impl Writer {
    /// Starts the thread that owns `conn`. `reserve` is released when the disk
    /// is full and taken again when there is room.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        conn: Connection,
        reserve: Option<Reserve>,
    ) -> Result<(Self, WriterThread), Error> {
        let (jobs, queue) = mpsc::channel(limits::WRITER_QUEUE_MAX);
        // Opening the database may have taken it already.
        let full = reserve.as_ref().is_some_and(Reserve::is_given);
        let health = if full { Health::Full } else { Health::Ok };
        let shared = Arc::new(Shared {
            health: watch::Sender::new(health),
            commits: AtomicU64::new(0),
            jobs: AtomicU64::new(0),
        });
        let stop = CancellationToken::new();
        // A runtime of its own, so that the thread can wait for a job, a timer
        // and the end at once. Nothing is ever spawned on it.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let turn = Turn {
            conn,
            queue,
            reserve,
            shared: Arc::clone(&shared),
            stop: stop.clone(),
            dirty: true,
            corrupt: false,
            written: tokio::time::Instant::now(),
            changes: 0,
            expected: 0,
            flushed: Duration::ZERO,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || turn.serve_or_say(&runtime))?;
        let thread = Some(thread);
        Ok((Self { jobs, shared }, WriterThread { thread, stop }))
    }

    /// Runs `job` inside the next transaction and answers after its commit.
    /// When it returns an error or panics, its own writes are taken back and
    /// the others' stay. Waits while the queue is full. The job runs even if
    /// the caller stops waiting. A job must not begin or end transactions.
    ///
    /// # Errors
    /// The job's own, or why the commit did not work.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send(job, false).await
    }

    /// As [`Writer::run`], and cheaper, for a job that can be run again after
    /// its work was taken back: see [`Try`]. Of the jobs that wait together,
    /// such ones go first.
    ///
    /// # Errors
    /// The job's own, or why the commit did not work.
    pub async fn run_repeatable<T: Send + 'static>(
        &self,
        job: impl FnMut(&Connection, Try) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send_repeatable(job, None).await
    }

    /// As [`Writer::run_repeatable`], for a result that others must hear of even
    /// if the caller stops waiting: `follow` gets it on the writing thread, after
    /// the commit and before the caller does. It must be quick and never wait
    /// for the writer.
    ///
    /// # Errors
    /// The job's own, or why the commit did not work; nothing follows then.
    pub async fn run_repeatable_then<T: Send + 'static>(
        &self,
        job: impl FnMut(&Connection, Try) -> Result<T, Error> + Send + 'static,
        follow: impl FnOnce(&T) + Send + 'static,
    ) -> Result<T, Error> {
        self.send_repeatable(job, Some(Box::new(follow))).await
    }

    async fn send_repeatable<T: Send + 'static>(
        &self,
        job: impl FnMut(&Connection, Try) -> Result<T, Error> + Send + 'static,
        follow: Option<Follow<T>>,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(RepeatableWork::new(job, follow, reply));
        self.jobs.send(work).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// As [`Writer::run`], for work that may wait 50 ms for company.
    ///
    /// # Errors
    /// The job's own, or why the commit did not work.
    pub async fn run_lazy<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send(job, true).await
    }

    /// As [`Writer::run`], for plain threads. Never from a runtime's thread.
    ///
    /// # Errors
    /// The job's own, or why the commit did not work.
    pub fn run_blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Work::new(job, reply, false));
        self.jobs.blocking_send(work).map_err(|_| Error::Stopped)?;
        answer.blocking_recv().map_err(|_| Error::Stopped)?
    }

    async fn send<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
        lazy: bool,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(Work::new(job, reply, lazy));
        self.jobs.send(work).await.map_err(|_| Error::Stopped)?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Whether commits work now.
    pub fn health(&self) -> Health {
        *self.shared.health.borrow()
    }

    /// What was done since the start.
    pub fn counts(&self) -> Counts {
        Counts {
            commits: self.shared.commits.load(Ordering::Relaxed),
            jobs: self.shared.jobs.load(Ordering::Relaxed),
        }
    }

    /// Waits until the thread takes no more jobs: it was stopped, it broke off, or
    /// the file proved damaged.
    pub async fn ended(&self) {
        self.jobs.closed().await;
    }

    /// Whether the thread still takes jobs.
    pub fn is_running(&self) -> bool {
        !self.jobs.is_closed()
    }
}

impl WriterThread {
    /// Takes no more jobs, finishes those that wait, empties the log into the
    /// database, closes it, and waits for all that. Blocks the calling thread.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the thread had ended because the file is damaged,
    /// which is left alone then; [`Error::Panicked`] when the thread had died.
    pub fn stop(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        self.stop.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        ended.unwrap_or(Ok(Ok(()))).unwrap_or(Err(Error::Panicked))
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // Nobody is left to hear how it ended; what matters was logged.
        self.end().ok();
    }
}

#[cfg(test)]
mod tests;
