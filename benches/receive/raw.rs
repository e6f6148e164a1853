//! What SQLCipher itself gives on this disk, with nothing around it: durable
//! rows a second in commits of one row, and in commits of 128. The receiver is
//! measured against this. The pragmas are those of our store.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program reads the clock and prints its result"
)]

use anyhow::Result;
use clap::Parser;
use rusqlite::{Connection, params};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Rows in one commit of the second measurement.
const GROUP: usize = 128;

#[derive(Parser)]
#[command(about = "measures raw SQLCipher commits and prints one line of JSON")]
struct Options {
    /// The folder the database is made in; it is emptied of it afterwards.
    #[arg(long)]
    dir: PathBuf,
    /// Seconds for each of the two measurements.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let file = options.dir.join("raw.db");
    let for_each = Duration::from_secs_f64(options.seconds);
    let mut db = open(&file)?;
    let single = rows_a_second(&mut db, 1, for_each)?;
    let group = rows_a_second(&mut db, GROUP, for_each)?;
    drop(db);
    for end in ["", "-wal", "-shm"] {
        // What SQLite has already removed on closing need not be there.
        let _ = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    println!(
        "{}",
        serde_json::json!({ "single": single, "group": group, "group_rows": GROUP })
    );
    Ok(())
}

fn open(file: &std::path::Path) -> Result<Connection> {
    let db = Connection::open(file)?;
    db.execute_batch(&format!(
        "PRAGMA key = \"x'{}'\"; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;
         PRAGMA secure_delete = ON;
         CREATE TABLE inbox (id INTEGER PRIMARY KEY, received_ms INTEGER NOT NULL,
             dedupe BLOB NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;",
        "5e".repeat(32)
    ))?;
    Ok(db)
}

fn rows_a_second(db: &mut Connection, group: usize, for_each: Duration) -> Result<f64> {
    let body = vec![b'x'; 700];
    let mut rows: u64 = 0;
    let started = Instant::now();
    while started.elapsed() < for_each {
        let tx = db.transaction()?;
        {
            let mut insert = tx.prepare_cached(
                "INSERT INTO inbox (received_ms, dedupe, body) VALUES (?1, ?2, ?3)",
            )?;
            for _ in 0..group {
                rows += 1;
                let mut dedupe = [0_u8; 32];
                // Spread like the HMAC it stands for, so that the index is as scattered.
                let spread = rows.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ group as u64;
                dedupe[..8].copy_from_slice(&spread.to_be_bytes());
                insert.execute(params![rows.cast_signed(), dedupe.as_slice(), body])?;
            }
        }
        tx.commit()?;
    }
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}
