//! Cuts and torn tails of the write-ahead log of a real encrypted database,
//! written by real webhooks: whatever a power cut leaves opens to a prefix of
//! the commits, whole, and holds every one that was acknowledged before it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise and says what it saw"
)]

mod support {
    pub mod counts;
}

use healthpost::core::data_key::DataKey;
use healthpost::core::time::UnixMs;
use healthpost::store::inbox::Reception;
use healthpost::store::{BoxKey, inbox, open};
use healthpost::whatsapp::cloud;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use support::counts;
use tempfile::TempDir;

/// Bytes before the first frame of a write-ahead log.
const LOG_HEADER: u64 = 32;
/// A frame's header and its page.
const FRAME: u64 = 24 + 4096;
/// Commits written before the cuts.
const COMMITS: usize = 60;
/// Cuts of one written log.
const CUTS_A_LOG: u64 = 50;

/// All chance of this test.
struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.next_u64() % bound as u64).unwrap()
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn garbage(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// A log as it was written, and where in it each commit ends.
struct Written {
    database: Vec<u8>,
    log: Vec<u8>,
    /// Where each commit ends; the log may have begun anew before the first.
    ends: Vec<u64>,
    /// Commits that are in the database itself.
    settled: usize,
}

fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

fn key() -> DataKey {
    DataKey::take(&mut [7; 32])
}

fn beside(folder: &Path, end: &str) -> PathBuf {
    folder.join(format!("{}{end}", open::FILE))
}

fn connect(folder: &Path) -> Connection {
    let conn = open::open(folder, &key()).unwrap();
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .unwrap();
    conn.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    conn
}

/// A webhook with one message of its own.
fn webhook(number: usize, words: usize) -> String {
    let text = "word ".repeat(words + 1);
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"243810000001","phone_number_id":"106540352242922"}},"messages":[{{"from":"24397000{:04}","id":"wamid.{number}","timestamp":"1795132800","type":"text","text":{{"body":"{text}"}}}}]}}}}]}}]}}"#,
        number % 40
    )
}

fn receive(conn: &Connection, body: &str) {
    let items = cloud::parse(body.as_bytes());
    let box_key = BoxKey::new([9; 32]);
    let reception = Reception {
        box_key: &box_key,
        channel: "cloud",
        phone_number_id: "106540352242922",
        quiet_ms: 1_500,
        is_urgent: |_| false,
    };
    let now = UnixMs(1_795_132_800_000);
    let tally = inbox::receive(conn, &reception, body.as_bytes(), &items, now).unwrap();
    assert_eq!(tally.messages, 1);
}

/// Frames that are committed, by the log's own index.
fn committed(folder: &Path) -> u64 {
    let index = File::open(beside(folder, "-shm")).unwrap();
    let mut frames = [0; 4];
    index.read_exact_at(&mut frames, 16).unwrap();
    match u64::from(u32::from_ne_bytes(frames)) {
        0 => 0,
        frames => LOG_HEADER + frames * FRAME,
    }
}

/// Writes a log; half of them over an older one that a checkpoint has settled,
/// so that stale frames stand behind the last commit.
fn write(dice: &mut Dice) -> Written {
    let folder = temporary();
    open::create(folder.path(), &key(), &BoxKey::new([9; 32])).unwrap();
    let conn = connect(folder.path());
    let mut settled = 0;
    let mut ends = Vec::new();
    let stale = dice.percent(50);
    for number in 0..COMMITS {
        if stale && number == COMMITS / 2 {
            conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                .unwrap();
            settled = number;
            ends.clear();
        }
        conn.execute_batch("BEGIN IMMEDIATE").unwrap();
        receive(&conn, &webhook(number, dice.below(200)));
        conn.execute_batch("COMMIT").unwrap();
        ends.push(committed(folder.path()));
    }
    Written {
        database: fs::read(open::path(folder.path())).unwrap(),
        log: fs::read(beside(folder.path(), "-wal")).unwrap(),
        ends,
        settled,
    }
}

fn put(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all_at(bytes, 0).unwrap();
}

/// What a cut at `kept` bytes with this tail opens to: how many commits.
fn reopen(written: &Written, kept: usize, tail: &[u8]) -> usize {
    let folder = temporary();
    put(&open::path(folder.path()), &written.database);
    let mut log = written.log[..kept].to_vec();
    log.extend_from_slice(tail);
    put(&beside(folder.path(), "-wal"), &log);
    let conn = connect(folder.path());
    let text = |sql: &str| -> String { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(text("PRAGMA integrity_check"), "ok", "cut at {kept}");
    let mut pages = conn.prepare("PRAGMA cipher_integrity_check").unwrap();
    assert!(pages.query([]).unwrap().next().unwrap().is_none());
    let count = |sql: &str| -> i64 { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
    let held = count("SELECT count(*) FROM inbox");
    // A prefix: the first so many, each with its body and its hash.
    assert_eq!(count("SELECT coalesce(max(id), 0) FROM inbox"), held);
    assert_eq!(count("SELECT count(*) FROM webhook"), held);
    assert_eq!(count("SELECT count(*) FROM seen"), held);
    usize::try_from(held).unwrap()
}

#[test]
fn a_cut_log_opens_to_a_prefix_that_holds_what_was_acknowledged() {
    let cuts = counts::of("wal_cuts");
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(1));
    let (mut torn, mut stale) = (0, 0);
    let mut written = write(&mut dice);
    for cut in 0..cuts {
        if cut % CUTS_A_LOG == CUTS_A_LOG - 1 {
            written = write(&mut dice);
        }
        stale += u64::from(written.settled > 0);
        let kept = dice.below(written.log.len() + 1);
        let length = if dice.percent(70) {
            1 + dice.below(12_000)
        } else {
            0
        };
        let tail = dice.garbage(length);
        torn += u64::from(length > 0);
        let whole = written
            .ends
            .iter()
            .filter(|end| **end <= kept as u64)
            .count();
        let held = reopen(&written, kept, &tail);
        let acknowledged = written.settled + whole;
        assert_eq!(
            held, acknowledged,
            "cut {cut} at {kept}, {length} behind it"
        );
    }
    println!("{cuts} cuts, {torn} with a torn tail, {stale} before stale frames");
}
