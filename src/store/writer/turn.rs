//! The writing thread: waits for jobs, commits them in groups, empties the log
//! when it is quiet, and says how it stands.

use super::{Health, Shared};
use crate::core::limits;
use crate::store::error::Error;
use crate::store::foreign_log::PAGE;
use crate::store::group::{self, Task};
use crate::store::reserve::Reserve;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A write that changes nothing, and needs the disk all the same.
const SAME_AGAIN: &str = "UPDATE meta SET value = value WHERE key = 'schema'";

/// Why the thread woke up.
enum Wake {
    Jobs,
    Idle,
    End,
}

/// The thread's own state.
pub(super) struct Turn {
    pub(super) conn: Connection,
    pub(super) queue: mpsc::Receiver<Box<dyn Task>>,
    pub(super) reserve: Option<Reserve>,
    pub(super) shared: Arc<Shared>,
    pub(super) stop: CancellationToken,
    /// Whether the log may hold pages that are not in the database yet.
    pub(super) dirty: bool,
    /// Once the file proved damaged, it is left alone.
    pub(super) corrupt: bool,
    /// When something was last written. Workers that only look keep the thread
    /// busy for ever; what was erased must leave the log all the same.
    pub(super) written: tokio::time::Instant,
    /// Rows changed through this connection, as SQLite counts them.
    pub(super) changes: u64,
    /// Whom the next group may expect: those the last one answered who are
    /// likely to come again, and those that were waiting by then.
    pub(super) expected: usize,
    /// How long the last commit took.
    pub(super) flushed: Duration,
}

impl Turn {
    /// Serves, and makes sure that a thread that broke off is not taken for a
    /// healthy one. A job's own panic never comes this far.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when it ended because the file proved damaged.
    pub(super) fn serve_or_say(mut self, runtime: &tokio::runtime::Runtime) -> Result<(), Error> {
        let served = catch_unwind(AssertUnwindSafe(|| self.serve(runtime)));
        if let Err(broken) = served {
            self.set_health(Health::Failed);
            tracing::error!("the database writer broke off");
            resume_unwind(broken);
        }
        if self.corrupt {
            self.give_up(runtime);
            return Err(Error::Corrupt);
        }
        Ok(())
    }

    /// Takes no more jobs, which ends whoever watches the thread, and keeps the
    /// connection until everybody else has closed theirs: the last one to close
    /// would else empty the log into the damaged file.
    fn give_up(&mut self, runtime: &tokio::runtime::Runtime) {
        tracing::error!(error = %Error::Corrupt, "the box stops");
        let leave = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        if self.conn.set_db_config(leave, true).is_err() {
            tracing::error!("the log may be emptied into the damaged file");
        }
        self.queue.close();
        while let Ok(task) = self.queue.try_recv() {
            task.answer(Err(Error::Corrupt));
        }
        runtime.block_on(self.stop.cancelled());
    }

    fn serve(&mut self, runtime: &tokio::runtime::Runtime) {
        let mut waiting = Vec::with_capacity(limits::WRITER_GROUP_MAX);
        while !self.corrupt {
            match runtime.block_on(self.wait(&mut waiting)) {
                Wake::Jobs => self.commit_all(&mut waiting),
                Wake::Idle => {
                    self.look_for_room();
                    self.empty_log();
                    // Also when a reader was in the way: tried again later.
                    self.written = tokio::time::Instant::now();
                }
                Wake::End => break,
            }
        }
        self.empty_log();
    }

    /// Waits for a job and takes what else is waiting. The commit under way lets
    /// company gather by itself; where it was slow, the many it answered get a
    /// moment to come back, else they and those that waited meanwhile would take
    /// turns for ever, each half paying a whole flush of its own.
    async fn wait(&mut self, waiting: &mut Vec<Box<dyn Task>>) -> Wake {
        let quiet = self.written + Duration::from_millis(limits::WRITER_IDLE_MS);
        let first = tokio::select! {
            biased;
            () = tokio::time::sleep_until(quiet), if self.dirty => return Wake::Idle,
            job = self.queue.recv() => job,
            () = self.stop.cancelled() => {
                self.queue.close();
                self.queue.recv().await
            }
            () = tokio::time::sleep(Duration::from_millis(limits::WRITER_IDLE_MS)) => {
                return Wake::Idle;
            }
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
        let bound = (self.flushed / 4).min(Duration::from_millis(limits::WRITER_RETURN_MS_MAX));
        // Below the timer's resolution a wait would cost more than it brings.
        if self.expected > 1 && bound >= Duration::from_millis(1) {
            self.gather(waiting, bound, Some(self.expected)).await;
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
            let outcome = group::run(&self.conn, waiting);
            self.flushed = outcome.flushed;
            let again = waiting.iter().take(outcome.done);
            self.expected = again.filter(|task| task.comes_again()).count() + self.queue.len();
            let changes = self.conn.total_changes();
            let wrote = changes != self.changes;
            if wrote {
                self.changes = changes;
                self.dirty = true;
                self.written = tokio::time::Instant::now();
            }
            let done = outcome.done as u64;
            self.shared.jobs.fetch_add(done, Ordering::Relaxed);
            let committed = outcome.result.is_ok();
            self.shared
                .commits
                .fetch_add(u64::from(committed), Ordering::Relaxed);
            // Health first: whoever is told of a full disk finds it said.
            let trouble = match outcome.job_trouble {
                Some(Error::Corrupt) => Some(Error::Corrupt),
                other => outcome.result.as_ref().err().cloned().or(other),
            };
            self.note(trouble, committed.then_some(wrote));
            group::answer(waiting, outcome.done, &outcome.result);
        }
    }

    /// Draws the consequences of a group's end; `committed` says whether anything
    /// was written.
    fn note(&mut self, trouble: Option<Error>, committed: Option<bool>) {
        match trouble {
            None => match (committed, self.health()) {
                (Some(true), Health::Full | Health::Failed) => self.recover(),
                (Some(false), Health::Full | Health::Failed) => self.look_for_room(),
                (Some(true), Health::Ok) => self.see_room_inside(),
                (Some(false), Health::Ok) | (None, _) => {}
            },
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
    /// could be taken back, else webhooks would eat what it gave free; or when so
    /// much was deleted that they fit into the file as it is.
    fn recover(&mut self) {
        let still = |reserve: &Reserve| {
            !reserve.take_back() && !reserve.is_spared(self.room_inside(), false)
        };
        if self.health() == Health::Full && self.reserve.as_ref().is_some_and(still) {
            return;
        }
        self.set_health(Health::Ok);
    }

    /// While a box goes on in what was deleted: before that is used up, the disk
    /// is full again, with what the reserve gave free still there.
    fn see_room_inside(&self) {
        let used_up = |reserve: &Reserve| {
            reserve.is_given()
                && !reserve.take_back()
                && !reserve.is_spared(self.room_inside(), true)
        };
        if self.reserve.as_ref().is_some_and(used_up) {
            self.set_health(Health::Full);
        }
    }

    /// Bytes inside the file that hold nothing any more. What is deleted makes
    /// room there and none on the disk.
    fn room_inside(&self) -> u64 {
        let pages = self
            .conn
            .pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0));
        pages
            .map_or(0, i64::unsigned_abs)
            .saturating_mul(PAGE as u64)
    }

    /// A box that refuses webhooks may have nothing to commit for hours, and what
    /// writes nothing can be committed on a disk that takes no writes.
    fn look_for_room(&mut self) {
        match self.health() {
            Health::Ok => {}
            Health::Full => self.recover(),
            Health::Failed if self.corrupt => {}
            Health::Failed => {
                if self.conn.execute(SAME_AGAIN, []).is_ok() {
                    self.recover();
                }
            }
        }
    }

    fn is_disk_full(&self) -> bool {
        self.reserve.as_ref().is_some_and(Reserve::is_disk_full)
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

    /// Copies the log into the database, cuts it to nothing and gives the page
    /// cache back. A reader in the way is not waited for: the next quiet moment
    /// tries again.
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
        let emptied = emptied.and_then(|_| self.conn.execute_batch("PRAGMA shrink_memory"));
        if let Err(error) = emptied {
            self.note(Some(error.into()), None);
        }
        let patience = Duration::from_millis(limits::LOCK_WAIT_MS);
        if let Err(error) = self.conn.busy_timeout(patience) {
            self.note(Some(error.into()), None);
        }
    }
}
