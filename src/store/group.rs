//! One group of jobs in one transaction.
//!
//! A savepoint for each job would cost SQLite a copy of every page the job
//! touches. Jobs that can be run twice therefore go first and without one; only
//! if any of them goes wrong is everything taken back and done again with care,
//! each job in a savepoint of its own, so that it takes back its own work alone.
//!
//! The bookkeeping of the writer without its thread: no job is ever answered
//! in here before its group is over.

use crate::store::error::Error;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Which run of a job this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// Whatever goes wrong takes the whole group's work back, and all of it is
    /// run again.
    Bold,
    /// In a savepoint of its own: an error takes back this job's work alone.
    Careful,
}

/// A job without its types: run, then answered once.
pub trait Task: Send {
    /// Does the work.
    ///
    /// # Errors
    /// The job's own trouble; its writes must then be taken back.
    fn run(&mut self, conn: &Connection, how: Try) -> Result<(), Error>;

    /// Whether it can be run again after its work was taken back.
    fn repeats(&self) -> bool;

    /// Tells whoever waits, after the group is over. A job's own error goes
    /// before what became of the group.
    fn answer(self: Box<Self>, group: Result<(), Error>);

    /// Whether the job may wait a little for others.
    fn may_wait(&self) -> bool;

    /// Whether one like it is likely to follow as soon as it is answered.
    fn comes_again(&self) -> bool;
}

/// A job with its types.
pub struct Work<T, F> {
    job: Option<F>,
    answer: Answer<T>,
    lazy: bool,
}

/// A job with its types that can be run again.
pub struct RepeatableWork<T, F> {
    job: F,
    answer: Answer<T>,
}

/// What follows from a job's result once its work is committed.
pub type Follow<T> = Box<dyn FnOnce(&T) + Send>;

/// A job's result and the way it goes back.
struct Answer<T> {
    result: Option<Result<T, Error>>,
    follow: Option<Follow<T>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T> Answer<T> {
    const fn new(reply: oneshot::Sender<Result<T, Error>>, follow: Option<Follow<T>>) -> Self {
        Self {
            result: None,
            follow,
            reply,
        }
    }

    /// Runs the job. It owns what it touches but the connection, and that is
    /// rolled back: nothing broken can be seen after a panic.
    fn keep(&mut self, job: impl FnOnce() -> Result<T, Error>) -> Result<(), Error> {
        let result = catch_unwind(AssertUnwindSafe(job)).unwrap_or(Err(Error::Panicked));
        let verdict = match &result {
            Ok(_) => Ok(()),
            Err(error) => Err(error.clone()),
        };
        self.result = Some(result);
        verdict
    }

    fn give(self, group: Result<(), Error>) {
        let result = match (self.result, group) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::Stopped),
        };
        if let (Ok(value), Some(follow)) = (&result, self.follow)
            && catch_unwind(AssertUnwindSafe(|| follow(value))).is_err()
        {
            tracing::error!("what follows a commit broke off");
        }
        // Nobody may be waiting any more; the work stands all the same, and what
        // follows from it was done.
        drop(self.reply.send(result));
    }
}

impl<T, F> Work<T, F> {
    /// Wraps a job and the way its result goes back.
    pub const fn new(job: F, reply: oneshot::Sender<Result<T, Error>>, lazy: bool) -> Self {
        Self {
            job: Some(job),
            answer: Answer::new(reply, None),
            lazy,
        }
    }
}

impl<T, F> RepeatableWork<T, F> {
    /// Wraps a job, what follows its commit, and the way its result goes back.
    pub const fn new(
        job: F,
        follow: Option<Follow<T>>,
        reply: oneshot::Sender<Result<T, Error>>,
    ) -> Self {
        let answer = Answer::new(reply, follow);
        Self { job, answer }
    }
}

impl<T, F> Task for Work<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Error> + Send,
{
    fn run(&mut self, conn: &Connection, _: Try) -> Result<(), Error> {
        let Some(job) = self.job.take() else {
            return Err(Error::Stopped);
        };
        self.answer.keep(|| job(conn))
    }

    fn repeats(&self) -> bool {
        false
    }

    fn answer(self: Box<Self>, group: Result<(), Error>) {
        self.answer.give(group);
    }

    fn may_wait(&self) -> bool {
        self.lazy
    }

    fn comes_again(&self) -> bool {
        false
    }
}

impl<T, F> Task for RepeatableWork<T, F>
where
    T: Send,
    F: FnMut(&Connection, Try) -> Result<T, Error> + Send,
{
    fn run(&mut self, conn: &Connection, how: Try) -> Result<(), Error> {
        let job = &mut self.job;
        self.answer.keep(|| job(conn, how))
    }

    fn repeats(&self) -> bool {
        true
    }

    fn answer(self: Box<Self>, group: Result<(), Error>) {
        self.answer.give(group);
    }

    fn may_wait(&self) -> bool {
        false
    }

    // Of what the world outside waits for; our own workers pace themselves.
    fn comes_again(&self) -> bool {
        self.answer.follow.is_some()
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
    /// How long the commit took.
    pub flushed: Duration,
}

/// Runs `tasks` in one transaction and commits; those that can be run again
/// come to stand first. SQLite ends a transaction by itself on the worst errors:
/// then the tasks up to there share that error, and the rest is left for the
/// next group.
pub fn run(conn: &Connection, tasks: &mut [Box<dyn Task>]) -> Outcome {
    tasks.sort_by_key(|task| !task.repeats());
    let bold = tasks.iter().take_while(|task| task.repeats()).count();
    let mut job_trouble = None;
    let begun = execute(conn, "BEGIN IMMEDIATE").and_then(|()| {
        let Err(error) = run_boldly(conn, tasks.iter_mut().take(bold)) else {
            return Ok(bold);
        };
        note(&mut job_trouble, &error);
        roll_back(conn);
        execute(conn, "BEGIN IMMEDIATE").map(|()| 0)
    });
    let settled = match begun {
        Ok(settled) => settled,
        Err(error) => {
            return Outcome {
                done: tasks.len(),
                result: Err(error),
                job_trouble,
                flushed: Duration::ZERO,
            };
        }
    };
    run_with_care(conn, tasks, settled, job_trouble)
}

/// Runs tasks that can be run again, until one goes wrong.
fn run_boldly<'a>(
    conn: &Connection,
    mut tasks: impl Iterator<Item = &'a mut Box<dyn Task>>,
) -> Result<(), Error> {
    tasks.try_for_each(|task| {
        task.run(conn, Try::Bold)?;
        if conn.is_autocommit() {
            return Err(Error::Stopped);
        }
        Ok(())
    })
}

/// Keeps what the whole box should know of. A damaged file comes before all that
/// follows from it: SQLCipher has no memory for anything from then on.
fn note(trouble: &mut Option<Error>, error: &Error) {
    if concerns_all(error) && !matches!(trouble, Some(Error::Corrupt)) {
        *trouble = Some(error.clone());
    }
}

/// Runs all but the first `settled` tasks and commits.
fn run_with_care(
    conn: &Connection,
    tasks: &mut [Box<dyn Task>],
    settled: usize,
    mut job_trouble: Option<Error>,
) -> Outcome {
    let all = tasks.len();
    for (place, task) in tasks.iter_mut().enumerate().skip(settled) {
        let said = run_one(conn, task.as_mut());
        if let Err(error) = &said {
            note(&mut job_trouble, error);
        }
        if conn.is_autocommit() {
            let lost = said.err().unwrap_or(Error::Stopped);
            return Outcome {
                done: place + 1,
                result: Err(lost),
                job_trouble,
                flushed: Duration::ZERO,
            };
        }
    }
    let begun = Instant::now();
    let result = execute(conn, "COMMIT").inspect_err(|_| roll_back(conn));
    Outcome {
        done: all,
        result,
        job_trouble,
        flushed: begun.elapsed(),
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
    let said = task.run(conn, Try::Careful);
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
        return match said {
            Err(Error::Corrupt) => said,
            Ok(()) | Err(_) => Err(error),
        };
    }
    said
}

/// Errors of one job that the whole box should know of.
const fn concerns_all(error: &Error) -> bool {
    matches!(
        error,
        Error::Full | Error::Io(_) | Error::NoMemory | Error::Corrupt
    )
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
