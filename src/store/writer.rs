//! Group commit: one thread owns the writing connection, and jobs that wait at
//! the same time share one transaction and one flush of the disk.
//!
//! It must never answer a job before the commit that holds its work, and never
//! let one job's failure or panic take another's work along.

use crate::core::limits;
use crate::store::error::Error;
use crate::store::group::{self, Task, Work};
use crate::store::reserve::Reserve;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

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

/// The thread itself, to be stopped at the end.
#[derive(Debug)]
pub struct WriterThread {
    thread: JoinHandle<()>,
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
        let shared = Arc::new(Shared {
            health: watch::Sender::new(Health::Ok),
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
            last: (0, Duration::ZERO),
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || turn.serve_or_say(&runtime))?;
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

    /// Tells of every change of [`Writer::health`].
    pub fn watch_health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// What was done since the start.
    pub fn counts(&self) -> Counts {
        Counts {
            commits: self.shared.commits.load(Ordering::Relaxed),
            jobs: self.shared.jobs.load(Ordering::Relaxed),
        }
    }

    /// Waits until the thread takes no more jobs: it was stopped or broke off.
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
    /// [`Error::Panicked`] when the thread itself had died.
    pub fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.thread.join().map_err(|_| Error::Panicked)
    }
}

/// Why the thread woke up.
enum Wake {
    Jobs,
    Idle,
    End,
}

struct Turn {
    conn: Connection,
    queue: mpsc::Receiver<Box<dyn Task>>,
    reserve: Option<Reserve>,
    shared: Arc<Shared>,
    stop: CancellationToken,
    /// Whether the log may hold pages that are not in the database yet.
    dirty: bool,
    /// Once the file proved damaged, it is left alone.
    corrupt: bool,
    /// The last group: its jobs, and how long it took.
    last: (usize, Duration),
}

impl Turn {
    /// Serves, and makes sure that a thread that broke off is not taken for a
    /// healthy one. A job's own panic never comes this far.
    fn serve_or_say(mut self, runtime: &tokio::runtime::Runtime) {
        let served = catch_unwind(AssertUnwindSafe(|| self.serve(runtime)));
        if let Err(broken) = served {
            self.set_health(Health::Failed);
            tracing::error!("the database writer broke off");
            resume_unwind(broken);
        }
    }

    fn serve(&mut self, runtime: &tokio::runtime::Runtime) {
        let mut waiting = Vec::with_capacity(limits::WRITER_GROUP_MAX);
        loop {
            match runtime.block_on(self.wait(&mut waiting)) {
                Wake::Jobs => self.commit_all(&mut waiting),
                Wake::Idle => {
                    self.look_for_room();
                    self.empty_log();
                }
                Wake::End => break,
            }
        }
        self.empty_log();
    }

    /// Waits for a job and takes what else is waiting. The commit under way lets
    /// company gather by itself; where it was slow, the many it answered get a
    /// moment to come back, else they would wait for a whole flush in which
    /// only the quickest of them share.
    async fn wait(&mut self, waiting: &mut Vec<Box<dyn Task>>) -> Wake {
        let idle = Duration::from_millis(limits::WRITER_IDLE_MS);
        let first = tokio::select! {
            biased;
            job = self.queue.recv() => job,
            () = self.stop.cancelled() => {
                self.queue.close();
                self.queue.recv().await
            }
            () = tokio::time::sleep(idle) => return Wake::Idle,
        };
        let Some(first) = first else {
            return Wake::End;
        };
        let lazy = first.may_wait();
        waiting.push(first);
        if lazy {
            let bound = Duration::from_millis(limits::WRITER_COMPANY_MS);
            self.gather(waiting, bound, None).await;
        }
        let (jobs, took) = self.last;
        let bound = (took / 4).min(Duration::from_millis(limits::WRITER_RETURN_MS_MAX));
        // Below the timer's resolution a wait would cost more than it brings.
        if jobs > 1 && bound >= Duration::from_millis(1) {
            self.gather(waiting, bound, Some(jobs)).await;
        }
        while waiting.len() < limits::WRITER_GROUP_MAX {
            let Ok(next) = self.queue.try_recv() else {
                break;
            };
            waiting.push(next);
        }
        Wake::Jobs
    }

    /// Takes jobs for at most `bound`: until there are `enough`, or else until
    /// one comes that does not wait.
    async fn gather(
        &mut self,
        waiting: &mut Vec<Box<dyn Task>>,
        bound: Duration,
        enough: Option<usize>,
    ) {
        let end = tokio::time::sleep(bound);
        tokio::pin!(end);
        let most = enough.unwrap_or(limits::WRITER_GROUP_MAX);
        while waiting.len() < most.min(limits::WRITER_GROUP_MAX) {
            let next = tokio::select! {
                biased;
                job = self.queue.recv() => job,
                () = self.stop.cancelled() => return,
                () = &mut end => return,
            };
            let Some(next) = next else {
                return;
            };
            let urgent = !next.may_wait();
            waiting.push(next);
            if urgent && enough.is_none() {
                return;
            }
        }
    }

    fn commit_all(&mut self, waiting: &mut Vec<Box<dyn Task>>) {
        while !waiting.is_empty() {
            if self.corrupt {
                for task in waiting.drain(..) {
                    task.answer(Err(Error::Corrupt));
                }
                return;
            }
            let begun = tokio::time::Instant::now();
            let outcome = group::run(&self.conn, waiting);
            self.last = (outcome.done, begun.elapsed());
            self.dirty = true;
            let done = outcome.done as u64;
            self.shared.jobs.fetch_add(done, Ordering::Relaxed);
            let committed = outcome.result.is_ok();
            self.shared
                .commits
                .fetch_add(u64::from(committed), Ordering::Relaxed);
            // Health first: whoever is told of a full disk finds it said.
            let trouble = outcome.result.as_ref().err().cloned();
            self.note(trouble.or(outcome.job_trouble), committed);
            group::answer(waiting, outcome.done, &outcome.result);
        }
    }

    /// Draws the consequences of a group's end.
    fn note(&mut self, trouble: Option<Error>, committed: bool) {
        match trouble {
            None => {
                if committed && self.health() != Health::Ok {
                    self.recover();
                }
            }
            Some(Error::Full) => self.enter_full(),
            Some(Error::Corrupt | Error::WrongKey) => {
                self.corrupt = true;
                self.set_health(Health::Failed);
            }
            // The shared memory beside the log and some file systems report a
            // full disk as a failed write.
            Some(Error::Io(_)) if self.is_disk_full() => self.enter_full(),
            Some(_) => self.set_health(Health::Failed),
        }
    }

    fn enter_full(&mut self) {
        if let Some(reserve) = &self.reserve {
            reserve.release();
        }
        self.set_health(Health::Full);
    }

    /// After a commit that worked. A full disk is over only when the reserve
    /// could be taken back: else webhooks would eat what it gave free.
    fn recover(&mut self) {
        let still = |reserve: &Reserve| !reserve.take_back();
        if self.health() == Health::Full && self.reserve.as_ref().is_some_and(still) {
            return;
        }
        self.set_health(Health::Ok);
    }

    /// A box that refuses webhooks may have nothing to commit for hours.
    fn look_for_room(&mut self) {
        if self.health() == Health::Full {
            self.recover();
        }
    }

    fn is_disk_full(&self) -> bool {
        let free = self.reserve.as_ref().and_then(Reserve::free_bytes);
        free.is_some_and(|bytes| bytes < limits::DISK_FULL_BYTES)
    }

    fn health(&self) -> Health {
        *self.shared.health.borrow()
    }

    fn set_health(&self, health: Health) {
        self.shared.health.send_if_modified(|now| {
            let changed = *now != health;
            *now = health;
            changed
        });
    }

    /// Copies the log into the database and cuts it to nothing. A reader in
    /// the way is not waited for: the next quiet moment tries again.
    fn empty_log(&mut self) {
        if !self.dirty || self.corrupt {
            return;
        }
        let emptied = self.conn.busy_timeout(Duration::ZERO).and_then(|()| {
            self.conn
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                    row.get::<_, i64>(0)
                })
        });
        self.dirty = !matches!(emptied, Ok(0));
        if let Err(error) = emptied {
            self.note(Some(error.into()), false);
        }
        let patience = Duration::from_millis(limits::LOCK_WAIT_MS);
        if let Err(error) = self.conn.busy_timeout(patience) {
            self.note(Some(error.into()), false);
        }
    }
}

#[cfg(test)]
mod tests;
