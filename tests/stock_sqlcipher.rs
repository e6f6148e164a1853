//! What we write opens with a SQLCipher that is not ours, given the raw key:
//! a clinic can always reach its own records without us.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod support {
    pub mod stock;
}

use rusqlite::Connection;
use std::path::Path;
use support::stock;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SCHEMA: &str = include_str!("../src/store/migrations/0001_first.sql");

fn written(file: &Path) {
    let db = Connection::open(file).unwrap();
    db.execute_batch(&format!(
        "PRAGMA key = \"x'{KEY}'\"; PRAGMA journal_mode = WAL;"
    ))
    .unwrap();
    db.execute_batch(SCHEMA).unwrap();
}

#[test]
fn the_schema_opens_with_stock_sqlcipher() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clinic.db");
    written(&file);
    let seen = stock::open(&file, KEY).unwrap();
    let tables = SCHEMA.matches("CREATE TABLE ").count();
    assert_eq!(seen.tables, u64::try_from(tables).unwrap());
    assert!(seen.cipher.starts_with("4."), "{}", seen.cipher);
    assert_eq!((seen.pages_bad, seen.integrity.as_str()), (0, "ok"));
}

#[test]
fn another_key_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clinic.db");
    written(&file);
    let refused = stock::open(&file, &KEY.replace('0', "a")).unwrap_err();
    assert!(refused.contains("not a database"), "{refused}");
}

#[test]
fn nothing_is_readable_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clinic.db");
    written(&file);
    let bytes = std::fs::read(&file).unwrap();
    for plain in [&b"SQLite format 3"[..], b"CREATE TABLE"] {
        assert!(!bytes.windows(plain.len()).any(|it| it == plain));
    }
}
