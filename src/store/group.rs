//! One group of jobs in one transaction, each in a savepoint of its own.
//!
//! The bookkeeping of the writer without its thread: no job is ever answered
//! in here before its group is over.

use crate::store::error::Error;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// A job without its types: run once, then answered once.
pub trait Task: Send {
    /// Does the work inside the caller's savepoint.
    ///
    /// # Errors
    /// The job's own trouble; its writes must then be taken back.
    fn run(&mut self, conn: &Connection) -> Result<(), Error>;

    /// Tells whoever waits, after the group is over. A job's own error goes
    /// before what became of the group.
    fn answer(self: Box<Self>, group: Result<(), Error>);

    /// Whether the job may wait a little for others.
    fn may_wait(&self) -> bool;
}

/// A job with its types.
pub struct Work<T, F> {
    job: Option<F>,
    result: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
    lazy: bool,
}

impl<T, F> Work<T, F> {
    /// Wraps a job and the way its result goes back.
    pub const fn new(job: F, reply: oneshot::Sender<Result<T, Error>>, lazy: bool) -> Self {
        Self {
            job: Some(job),
            result: None,
            reply,
            lazy,
        }
    }
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Error> + Send,
{
    fn run(&mut self, conn: &Connection) -> Result<(), Error> {
        let Some(job) = self.job.take() else {
            return Err(Error::Stopped);
        };
        // The job owns what it touches but the connection, and that is rolled
        // back: nothing broken can be seen afterwards.
        let result = catch_unwind(AssertUnwindSafe(|| job(conn))).unwrap_or(Err(Error::Panicked));
        let verdict = match &result {
            Ok(_) => Ok(()),
            Err(error) => Err(error.clone()),
        };
        self.result = Some(result);
        verdict
    }

    fn answer(self: Box<Self>, group: Result<(), Error>) {
        let result = match (self.result, group) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::Stopped),
        };
        // Nobody may be waiting any more; the work stands all the same.
        drop(self.reply.send(result));
    }

    fn may_wait(&self) -> bool {
        self.lazy
    }
}

/// What became of a group.
pub struct Outcome {
    /// How many tasks, from the front, this was about.
    pub done: usize,
    /// Whether their transaction was committed.
    pub result: Result<(), Error>,
    /// What a single job said that concerns the disk or the file as a whole.
    pub job_trouble: Option<Error>,
}

/// Runs `tasks` in one transaction and commits. SQLite ends a transaction by
/// itself on the worst errors: then the tasks up to there share that error,
/// and the rest is left for the next group.
pub fn run(conn: &Connection, tasks: &mut [Box<dyn Task>]) -> Outcome {
    let all = tasks.len();
    let mut job_trouble = None;
    if let Err(error) = execute(conn, "BEGIN IMMEDIATE") {
        return Outcome {
            done: all,
            result: Err(error),
            job_trouble,
        };
    }
    for (place, task) in tasks.iter_mut().enumerate() {
        let said = run_one(conn, task.as_mut());
        if let Err(error) = &said
            && concerns_all(error)
        {
            job_trouble = Some(error.clone());
        }
        if conn.is_autocommit() {
            let lost = said.err().unwrap_or(Error::Stopped);
            return Outcome {
                done: place + 1,
                result: Err(lost),
                job_trouble,
            };
        }
    }
    let result = execute(conn, "COMMIT").inspect_err(|_| roll_back(conn));
    Outcome {
        done: all,
        result,
        job_trouble,
    }
}

/// Answers the first `done` tasks and removes them.
pub fn answer(tasks: &mut Vec<Box<dyn Task>>, done: usize, result: &Result<(), Error>) {
    for task in tasks.drain(..done.min(tasks.len())) {
        task.answer(result.clone());
    }
}

fn run_one(conn: &Connection, task: &mut dyn Task) -> Result<(), Error> {
    execute(conn, "SAVEPOINT job")?;
    let said = task.run(conn);
    if conn.is_autocommit() {
        return said;
    }
    let closed = match &said {
        Ok(()) => execute(conn, "RELEASE job"),
        Err(_) => execute(conn, "ROLLBACK TO job").and_then(|()| execute(conn, "RELEASE job")),
    };
    if let Err(error) = closed {
        // The savepoint is in an unknown state: only the whole transaction can
        // be taken back.
        roll_back(conn);
        return Err(error);
    }
    said
}

/// Errors of one job that the whole box should know of.
const fn concerns_all(error: &Error) -> bool {
    matches!(error, Error::Full | Error::Io(_) | Error::Corrupt)
}

fn roll_back(conn: &Connection) {
    if !conn.is_autocommit() && execute(conn, "ROLLBACK").is_err() {
        // SQLite refuses only when it has rolled back by itself.
        tracing::error!("a transaction could not be rolled back");
    }
}

fn execute(conn: &Connection, sql: &str) -> Result<(), Error> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
