//! Tests of the group commit on a real SQLCipher file.

use super::*;
use crate::core::data_key::DataKey;
use crate::store::meta::BoxKey;
use crate::store::{counters, open, reserve};
use std::sync::atomic::AtomicUsize;

fn database() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let key = DataKey::take(&mut [1; 32]);
    open::create(folder.path(), &key, &BoxKey::new([2; 32])).unwrap();
    let conn = open::open(folder.path(), &key).unwrap();
    (folder, conn)
}

fn add(conn: &Connection, name: &'static str) -> Result<(), Error> {
    counters::add(conn, name, 1)
}

async fn value(writer: &Writer, name: &'static str) -> Option<i64> {
    let all = writer.run(counters::list).await.unwrap();
    all.get(name).copied()
}

/// Keeps the thread busy until the returned sender is dropped.
fn hold_up(writer: &Writer) -> std::sync::mpsc::SyncSender<()> {
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(0);
    let (started, is_started) = std::sync::mpsc::sync_channel::<()>(1);
    let writer = writer.clone();
    std::thread::spawn(move || {
        writer.run_blocking(move |_| {
            started.send(()).unwrap();
            // It ends with an error when the other side is dropped.
            assert!(wait.recv().is_err());
            Ok(())
        })
    });
    is_started.recv().unwrap();
    go
}

#[tokio::test]
async fn jobs_that_wait_together_share_one_commit() {
    let (_folder, conn) = database();
    let commits = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&commits);
    conn.commit_hook(Some(move || {
        seen.fetch_add(1, Ordering::SeqCst);
        false
    }))
    .unwrap();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let go = hold_up(&writer);
    let jobs = (0..100).map(|_| writer.run(|conn| add(conn, "n")));
    let jobs = futures_util::future::join_all(jobs);
    let (all, ()) = tokio::join!(jobs, async move { drop(go) });
    assert!(all.iter().all(Result::is_ok));
    let commits = commits.load(Ordering::SeqCst);
    assert_eq!(commits, 2, "the job that held up the rest, and the rest");
    assert_eq!(value(&writer, "n").await, Some(100));
    assert_eq!(writer.counts().jobs, 102);
    drop(writer);
    thread.stop().unwrap();
}

#[tokio::test]
async fn a_dropped_thread_has_closed_the_database() {
    let (folder, conn) = database();
    let log = folder.path().join("clinic.db-wal");
    let (writer, thread) = Writer::start(conn, None).unwrap();
    writer.run(|conn| add(conn, "n")).await.unwrap();
    assert!(log.exists());
    drop(thread);
    assert!(!log.exists(), "the last to close it removes the log");
    let late = writer.run(|conn| add(conn, "n")).await;
    assert!(matches!(late, Err(Error::Stopped)), "{late:?}");
}

#[tokio::test]
async fn a_failing_and_a_panicking_job_harm_nobody() {
    let (_folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let go = hold_up(&writer);
    let good = writer.run(|conn| add(conn, "good"));
    let bad = writer.run(|conn| {
        add(conn, "bad")?;
        Err::<(), _>(Error::Unreadable("a test"))
    });
    let worse = writer.run::<()>(|conn| {
        add(conn, "worse").unwrap();
        panic!("a planted fault")
    });
    let last = writer.run(|conn| add(conn, "good"));
    let release = async move { drop(go) };
    let (good, bad, worse, last, ()) = tokio::join!(good, bad, worse, last, release);
    assert!(good.is_ok() && last.is_ok());
    assert!(matches!(bad, Err(Error::Unreadable(_))));
    assert!(matches!(worse, Err(Error::Panicked)));
    assert_eq!(value(&writer, "good").await, Some(2));
    assert_eq!(value(&writer, "bad").await, None);
    assert_eq!(value(&writer, "worse").await, None);
    assert_eq!(writer.health(), Health::Ok);
    thread.stop().unwrap();
    assert!(matches!(writer.run(|_| Ok(())).await, Err(Error::Stopped)));
}

#[tokio::test]
async fn jobs_run_in_the_order_they_came() {
    let (_folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let go = hold_up(&writer);
    let mut sent = Vec::new();
    for i in 0..600 {
        let order = Arc::clone(&order);
        let mut job = Box::pin(writer.run(move |_| {
            order.lock().unwrap().push(i);
            Ok(())
        }));
        // Polled once, a job is in the queue; the runtime's own rationing of
        // polls must not put it off.
        let first = futures_util::poll!(tokio::task::unconstrained(job.as_mut()));
        assert!(first.is_pending());
        sent.push(job);
    }
    drop(go);
    for job in sent {
        job.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..600).collect::<Vec<_>>());
    thread.stop().unwrap();
}

#[tokio::test]
async fn a_full_disk_is_said_releases_the_reserve_and_ends() {
    let (folder, conn) = database();
    let reserve = Reserve::new(folder.path(), 1024 * 1024);
    assert!(reserve.hold());
    let (writer, thread) = Writer::start(conn, Some(reserve.clone())).unwrap();
    let limit = |pages: i64| {
        writer.run(move |conn| {
            conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        })
    };
    limit(1).await.unwrap();
    let big = |conn: &Connection| {
        Ok(conn.execute(
            "INSERT INTO meta (key, value) VALUES ('big', randomblob(200000))",
            [],
        )?)
    };
    assert!(matches!(writer.run(big).await, Err(Error::Full)));
    assert_eq!(writer.health(), Health::Full);
    assert!(!reserve.is_held());
    // What needs no room still works, and the real disk has room: over.
    limit(1_000_000).await.unwrap();
    writer.run(big).await.unwrap();
    assert_eq!(writer.health(), Health::Ok);
    assert!(reserve.is_held());
    thread.stop().unwrap();
}

#[tokio::test]
async fn what_was_deleted_is_room_enough_where_the_database_filled_the_disk() {
    let (folder, conn) = database();
    let reserve = Reserve::new(folder.path(), 1024 * 1024);
    assert!(reserve.hold());
    let (writer, thread) = Writer::start(conn, Some(reserve.clone())).unwrap();
    let run = async |sql: String| {
        let done = writer.run(move |conn| Ok(conn.execute_batch(&sql)?)).await;
        (done.is_ok(), writer.health())
    };
    let add = |name: u32| {
        format!("INSERT INTO meta (key, value) VALUES ('big {name}', zeroblob(1024 * 1024))")
    };
    for name in 0..3 {
        assert_eq!(run(add(name)).await, (true, Health::Ok));
    }
    run("PRAGMA max_page_count = 1".to_owned()).await;
    assert_eq!(run(add(3)).await, (false, Health::Full));
    // The disk never gets that much free space again.
    std::fs::create_dir(folder.path().join(reserve::FILE)).unwrap();
    let delete = |names: &str| format!("DELETE FROM meta WHERE key IN ({names})");
    assert_eq!(run(delete("'big 0'")).await, (true, Health::Full));
    assert_eq!(run(delete("'big 1', 'big 2'")).await, (true, Health::Ok));
    // The last of it is left for what must work on a full disk.
    assert_eq!(run(add(4)).await, (true, Health::Ok));
    assert_eq!(run(add(5)).await, (true, Health::Ok));
    assert_eq!(run(add(6)).await, (true, Health::Full));
    assert!(reserve.is_given() && !reserve.is_held());
    thread.stop().unwrap();
}

#[tokio::test]
async fn jobs_that_repeat_are_run_again_with_care_when_one_goes_wrong() {
    let (_folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let go = hold_up(&writer);
    let (once, twice) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count_once, count_twice) = (Arc::clone(&once), Arc::clone(&twice));
    let before = writer.run(move |conn| {
        count_once.fetch_add(1, Ordering::SeqCst);
        add(conn, "once")
    });
    let good = writer.run_repeatable(move |conn, how| {
        count_twice.fetch_add(1, Ordering::SeqCst);
        add(conn, "good")?;
        Ok(how)
    });
    let bad = writer.run_repeatable(|conn, _| {
        add(conn, "bad")?;
        Err::<(), _>(Error::Unreadable("a test"))
    });
    let worse = writer.run_repeatable::<()>(|conn, _| {
        add(conn, "worse").unwrap();
        panic!("a planted fault")
    });
    let (before, good, bad, worse, ()) =
        tokio::join!(before, good, bad, worse, async move { drop(go) });
    before.unwrap();
    assert_eq!(good.unwrap(), Try::Careful);
    assert!(matches!(bad, Err(Error::Unreadable(_))));
    assert!(matches!(worse, Err(Error::Panicked)));
    let all = writer.run(counters::list).await.unwrap();
    let all: Vec<_> = all.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    assert_eq!(all, [("good", 1), ("once", 1)]);
    assert_eq!(
        once.load(Ordering::SeqCst),
        1,
        "this one cannot be repeated"
    );
    assert_eq!(twice.load(Ordering::SeqCst), 2);
    drop(writer);
    thread.stop().unwrap();
}

/// Whoever paces itself would only be waited for in vain.
#[test]
fn only_what_the_world_waits_for_is_expected_back() {
    let (reply, _answer) = oneshot::channel();
    let webhook = RepeatableWork::new(|_: &_, _| Ok(()), Some(Box::new(|(): &()| ())), reply);
    assert!(webhook.comes_again());
    let (reply, _answer) = oneshot::channel();
    let turn = RepeatableWork::new(|_: &_, _| Ok(()), None, reply);
    assert!(!turn.comes_again());
    let (reply, _answer) = oneshot::channel();
    assert!(!Work::new(|_: &_| Ok(()), reply, false).comes_again());
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let (folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    writer.run_lazy(|conn| add(conn, "n")).await.unwrap();
    thread.stop().unwrap();
    let log = folder.path().join("clinic.db-wal");
    assert!(!log.exists() || log.metadata().unwrap().len() == 0);
    let again = open::open(folder.path(), &DataKey::take(&mut [1; 32])).unwrap();
    assert_eq!(counters::list(&again).unwrap().get("n"), Some(&1));
}

#[test]
fn many_small_jobs_are_cheap() {
    let (_folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let threads: Vec<_> = (0..64)
        .map(|_| {
            let writer = writer.clone();
            std::thread::spawn(move || {
                for _ in 0..50 {
                    writer.run_blocking(|conn| add(conn, "n")).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let counts = writer.counts();
    assert_eq!(counts.jobs, 3_200);
    assert!(counts.commits < counts.jobs, "they share: {counts:?}");
    thread.stop().unwrap();
}

#[tokio::test]
async fn a_disk_that_takes_no_writes_is_not_well_because_nothing_was_written() {
    let (_folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let say = |sql: &'static str| move |conn: &Connection| Ok(conn.execute_batch(sql)?);
    let refuse = "CREATE TEMP TRIGGER refuses BEFORE UPDATE ON main.meta
                  BEGIN SELECT RAISE(ABORT, 'read-only'); END";
    writer.run(say(refuse)).await.unwrap();
    let failed = |_: &Connection| {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        Err::<(), _>(rusqlite::Error::SqliteFailure(code, None).into())
    };
    assert!(writer.run(failed).await.is_err());
    assert_eq!(writer.health(), Health::Failed);
    writer.run(|_| Ok(())).await.unwrap();
    assert_eq!(writer.health(), Health::Failed);
    writer.run(say("DROP TRIGGER temp.refuses")).await.unwrap();
    assert_eq!(writer.health(), Health::Ok);
    thread.stop().unwrap();
}

#[tokio::test]
async fn a_damaged_file_ends_the_writer_and_is_left_alone() {
    let (folder, conn) = database();
    let file = folder.path().join("clinic.db");
    let (writer, thread) = Writer::start(conn, None).unwrap();
    writer.run(|conn| add(conn, "n")).await.unwrap();
    let go = hold_up(&writer);
    let found = writer.run(|_| Err::<(), _>(Error::Corrupt));
    let late = writer.run(|conn| add(conn, "late"));
    let (found, late, ()) = tokio::join!(found, late, async { drop(go) });
    assert!(matches!(found, Err(Error::Corrupt)));
    // It may have shared the commit of the one that found it.
    assert!(matches!(late, Ok(()) | Err(Error::Corrupt)), "{late:?}");
    writer.ended().await;
    assert_eq!(writer.health(), Health::Failed);
    assert!(matches!(writer.run(|_| Ok(())).await, Err(Error::Stopped)));
    let before = std::fs::read(&file).unwrap();
    let log = folder.path().join("clinic.db-wal");
    assert!(
        log.metadata().unwrap().len() > 0,
        "something is left to be copied"
    );
    assert!(matches!(thread.stop(), Err(Error::Corrupt)));
    assert!(
        std::fs::read(&file).unwrap() == before,
        "the file was touched"
    );
    assert!(log.metadata().unwrap().len() > 0);
}

#[tokio::test]
async fn damage_is_known_whatever_else_fails_because_of_it() {
    let (_folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let go = hold_up(&writer);
    // Found at the first try alone: the second has no memory any more.
    let found = writer.run_repeatable(|_, how| match how {
        Try::Bold => Err::<(), _>(Error::Corrupt),
        Try::Careful => Err(Error::NoMemory),
    });
    let after = writer.run(|_| Err::<(), _>(Error::NoMemory));
    let (_, _, ()) = tokio::join!(found, after, async { drop(go) });
    writer.ended().await;
    assert!(matches!(thread.stop(), Err(Error::Corrupt)));
}

#[tokio::test]
async fn a_panic_of_the_thread_itself_is_said_and_ends_the_waiting() {
    struct Broken;
    impl Task for Broken {
        fn run(&mut self, _: &Connection, _: Try) -> Result<(), Error> {
            panic!("a planted fault outside any job")
        }
        fn repeats(&self) -> bool {
            false
        }
        fn answer(self: Box<Self>, _: Result<(), Error>) {}
        fn may_wait(&self) -> bool {
            false
        }
        fn comes_again(&self) -> bool {
            false
        }
    }
    let (_folder, conn) = database();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    writer.jobs.send(Box::new(Broken)).await.ok().unwrap();
    writer.ended().await;
    assert_eq!(writer.health(), Health::Failed);
    assert!(!writer.is_running());
    assert!(matches!(writer.run(|_| Ok(())).await, Err(Error::Stopped)));
    assert!(matches!(thread.stop(), Err(Error::Panicked)));
}
