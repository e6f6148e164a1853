//! The reading connections: a few, shared, and never for long.
//!
//! A read sees one state of the database. None lives longer than two seconds,
//! since the log cannot be emptied past the oldest one.

use crate::core::data_key::DataKey;
use crate::core::limits;
use crate::store::error::Error;
use crate::store::open;
use rusqlite::{Connection, TransactionBehavior};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Steps of SQLite's machine between two looks at whether time is up.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// The pool. Clones share it.
#[derive(Clone)]
pub struct Readers(Arc<Pool>);

struct Pool {
    free: Mutex<Vec<Connection>>,
    returned: Condvar,
    /// Keeps tasks from filling the blocking threads while they wait.
    turns: Arc<Semaphore>,
}

/// Tells a read that its time is up once nobody waits for it any more.
#[derive(Default)]
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readers")
    }
}

impl Readers {
    /// Opens the reading connections.
    ///
    /// # Errors
    /// As [`open::open_reader`].
    pub fn open(folder: &Path, key: &DataKey) -> Result<Self, Error> {
        let mut free = Vec::with_capacity(limits::READERS);
        for _ in 0..limits::READERS {
            free.push(open::open_reader(folder, key)?);
        }
        Ok(Self(Arc::new(Pool {
            free: Mutex::new(free),
            returned: Condvar::new(),
            turns: Arc::new(Semaphore::new(limits::READERS)),
        })))
    }

    /// Runs `job` in a read transaction on a blocking thread. A caller that
    /// stops waiting ends it.
    ///
    /// # Errors
    /// [`Error::TooSlow`] after two seconds, or the job's own.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let bound = Duration::from_millis(limits::READ_MS_MAX);
        self.read_within(bound, job).await
    }

    /// As [`Readers::read`], with a bound of its own: for a check, which must
    /// see a whole table. The log grows meanwhile.
    ///
    /// # Errors
    /// [`Error::TooSlow`] when time is up, or the job's own.
    pub async fn read_within<T: Send + 'static>(
        &self,
        bound: Duration,
        job: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turns = Arc::clone(&self.0.turns);
        let turn = turns.acquire_owned().await.map_err(|_| Error::Stopped)?;
        let waiting = Waiting::default();
        let pool = Arc::clone(&self.0);
        let over = Arc::clone(&waiting.0);
        let mut reading = tokio::task::spawn_blocking(move || {
            let read = pool.read(&over, job);
            // Only a read that has given its connection back leaves its turn to
            // the next.
            drop(turn);
            read
        });
        if let Ok(done) = tokio::time::timeout(bound, &mut reading).await {
            return done.map_err(|_| Error::Panicked)?;
        }
        drop(waiting);
        reading.await.map_err(|_| Error::Panicked)?
    }

    /// Runs `job` in a read transaction on the calling thread.
    ///
    /// # Errors
    /// [`Error::TooSlow`] after two seconds, or the job's own.
    pub fn read_blocking<T>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        std::thread::scope(|scope| {
            let (done, wait) = mpsc::sync_channel::<()>(1);
            scope.spawn(move || {
                let bound = Duration::from_millis(limits::READ_MS_MAX);
                if wait.recv_timeout(bound) == Err(mpsc::RecvTimeoutError::Timeout) {
                    over.store(true, Ordering::Relaxed);
                }
            });
            let result = self.0.read(&seen, job);
            drop(done);
            result
        })
    }
}

impl Pool {
    fn read<T>(
        &self,
        over: &Arc<AtomicBool>,
        job: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut conn = self.take();
        // The connection must go back whatever happens, else the pool dries up.
        let result = catch_unwind(AssertUnwindSafe(|| read_on(&mut conn, over, job)))
            .unwrap_or(Err(Error::Panicked));
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(conn);
        self.returned.notify_one();
        result
    }

    fn take(&self) -> Connection {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(conn) = free.pop() {
                return conn;
            }
            free = self
                .returned
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn read_on<T>(
    conn: &mut Connection,
    over: &Arc<AtomicBool>,
    job: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    let seen = Arc::clone(over);
    if seen.load(Ordering::Relaxed) {
        return Err(Error::TooSlow);
    }
    conn.progress_handler(
        STEPS_BETWEEN_LOOKS,
        Some(move || seen.load(Ordering::Relaxed)),
    )?;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Deferred)?;
    // Dropping the transaction ends it, also when the job breaks off.
    job(&transaction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::meta::BoxKey;

    fn readers() -> (tempfile::TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let key = DataKey::take(&mut [1; 32]);
        open::create(folder.path(), &key, &BoxKey::new([2; 32])).unwrap();
        let readers = Readers::open(folder.path(), &key).unwrap();
        (folder, readers)
    }

    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                           SELECT count(*) FROM n";

    fn count_for_ever(conn: &Connection) -> Result<i64, Error> {
        Ok(conn.query_row(ENDLESS, [], |row| row.get(0))?)
    }

    #[test]
    fn a_reader_cannot_write() {
        let (_folder, readers) = readers();
        let said = readers.read_blocking(|conn| Ok(conn.execute("DELETE FROM meta", [])?));
        assert!(said.is_err());
    }

    #[test]
    fn an_endless_read_is_stopped_and_the_pool_lives() {
        let (_folder, readers) = readers();
        let said = readers.read_blocking(count_for_ever);
        assert!(matches!(said, Err(Error::TooSlow)), "{said:?}");
        for _ in 0..limits::READERS {
            assert_eq!(readers.read_blocking(|_| Ok(7)).unwrap(), 7);
        }
    }

    /// Leaves endless reads to themselves, more than there are connections, and
    /// says what the next one does.
    async fn read_after_forsaken_ones(readers: &Readers) -> Option<i64> {
        let soon = Duration::from_secs(1);
        for _ in 0..=limits::READERS {
            let (begun, has_begun) = tokio::sync::oneshot::channel();
            let reading = readers.read(move |conn| {
                begun.send(()).ok();
                count_for_ever(conn)
            });
            tokio::select! {
                said = reading => panic!("it has no end: {said:?}"),
                begun = tokio::time::timeout(soon, has_begun) => begun.ok()?.ok()?,
            }
        }
        let next = tokio::time::timeout(soon, readers.read(|_| Ok(7))).await;
        next.ok()?.ok()
    }

    #[test]
    fn a_read_that_nobody_waits_for_ends_and_then_leaves_its_turn() {
        let (_folder, readers) = readers();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let next = runtime.block_on(read_after_forsaken_ones(&readers));
        // Reads that never end must not keep the test from saying so.
        runtime.shutdown_background();
        assert_eq!(next, Some(7));
    }

    #[tokio::test]
    async fn tasks_read_side_by_side_and_a_panic_costs_no_connection() {
        let (_folder, readers) = readers();
        for _ in 0..=limits::READERS {
            let said = readers.read::<()>(|_| panic!("a planted fault")).await;
            assert!(matches!(said, Err(Error::Panicked)));
        }
        let many = (0..20).map(|i| readers.read(move |_| Ok(i)));
        let all = futures_util::future::join_all(many).await;
        assert_eq!(all.len(), 20);
        assert!(all.iter().all(Result::is_ok));
        let said = readers.read(count_for_ever).await;
        assert!(matches!(said, Err(Error::TooSlow)));
    }
}
