//! The database under another key: a new file is written beside the old one,
//! checked, and put in its place.
//!
//! Never re-encrypted in place: a power cut in the middle of that leaves
//! neither. Whoever calls holds the folder's lock, and nothing else has the
//! database open.

use crate::core::data_key::DataKey;
use crate::durable;
use crate::store::error::Error;
use crate::store::open::{self, NEW_FILE};
use crate::store::records;
use crate::store::reserve::making_room;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use zeroize::Zeroizing;

/// Steps of SQLite's machine between two looks at whether a copy is still wanted:
/// few, since one of them may write 64 KiB.
const STEPS_BETWEEN_LOOKS: i32 = 200;

/// Whether `key` opens the folder's database.
///
/// # Errors
/// What the disk says; another key is no error.
pub fn fits(folder: &Path, key: &DataKey) -> Result<bool, Error> {
    match making_room(folder, || open::open_reader(folder, key)) {
        Ok(_) => Ok(true),
        Err(Error::WrongKey) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes everything into a new file under `to`, and checks that all of it is
/// there. The old file is not touched, but its log is emptied into it.
///
/// # Errors
/// [`Error::Busy`] when somebody else reads; [`Error::Corrupt`] when the copy is
/// not the same; or what the disk says.
pub fn write_new(folder: &Path, from: &DataKey, to: &DataKey) -> Result<(), Error> {
    discard_new(folder)?;
    let old = open::open(folder, from)?;
    empty_the_log(&old)?;
    let before = census(&old)?;
    let new = folder.join(NEW_FILE);
    open::make_file(&new)?;
    export(&old, &new, to)?;
    old.close().map_err(|(_, error)| error)?;
    let copy = open::connect_made(&new, to)?;
    let sound: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" || census(&copy)? != before {
        return Err(Error::Corrupt);
    }
    copy.close().map_err(|(_, error)| error)?;
    fs::File::open(&new)?.sync_all()?;
    durable::sync_folder(folder)?;
    Ok(())
}

/// Copies everything into a further file under the same key, checks that all of
/// it is there, and removes the copy; tells how many records it held. The box
/// may go on serving: what is committed meanwhile is not part of the copy. It ends
/// early once `is_over` says so, which it is asked often.
///
/// # Errors
/// [`Error::Full`] before anything is written, when the disk has no room for a
/// second database; [`Error::TooSlow`] when it ended early; else as [`write_new`].
pub fn copy_while_serving(
    folder: &Path,
    key: &DataKey,
    is_over: impl Fn() -> bool + Clone + Send + 'static,
) -> Result<i64, Error> {
    let bytes = fs::metadata(open::path(folder))?.len();
    let disk = rustix::fs::statvfs(folder)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < bytes.saturating_mul(2) {
        return Err(Error::Full);
    }
    let copied = copy_and_count(folder, key, &is_over);
    // The copy takes room that the box needs, whole or not.
    discard_new(folder)?;
    // SQLCipher tells of an interruption as of any other trouble.
    copied.map_err(|error| if is_over() { Error::TooSlow } else { error })
}

fn copy_and_count(
    folder: &Path,
    key: &DataKey,
    is_over: &(impl Fn() -> bool + Clone + Send + 'static),
) -> Result<i64, Error> {
    discard_new(folder)?;
    let new = folder.join(NEW_FILE);
    open::make_file(&new)?;
    let from = open::connect(&open::path(folder), key, false)?;
    attach(&from, &new, key)?;
    from.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_over.clone()))?;
    // One state of the database, from its first row to the count of its last.
    from.execute_batch("BEGIN")?;
    let before = census(&from)?;
    copy_out(&from)?;
    // What is written is flushed now, in one step that may take its time.
    if is_over() {
        return Err(Error::TooSlow);
    }
    from.execute_batch("COMMIT; DETACH DATABASE fresh")?;
    let copy = open::connect_made(&new, key)?;
    copy.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_over.clone()))?;
    let sound: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if sound != "ok" || census(&copy)? != before {
        return Err(Error::Corrupt);
    }
    let records = records::count(&copy)?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(records)
}

/// Puts the new file in place of the old one. The old one's log goes first, so
/// that none of its pages is ever read into the new file.
///
/// # Errors
/// [`Error::Busy`] when that log still holds something, which would be lost;
/// or what the disk says.
pub fn put_in_place(folder: &Path) -> Result<(), Error> {
    let log = open::beside(folder, open::FILE, "-wal");
    if log.try_exists()? && fs::metadata(&log)?.len() > 0 {
        return Err(Error::Busy);
    }
    remove(folder, open::FILE, &["-wal", "-shm"])?;
    durable::sync_folder(folder)?;
    fs::rename(folder.join(NEW_FILE), open::path(folder))?;
    durable::sync_folder(folder)?;
    Ok(())
}

/// Removes a new file that was not put in place, if there is one.
///
/// # Errors
/// What the disk says.
pub fn discard_new(folder: &Path) -> Result<(), Error> {
    remove(folder, NEW_FILE, &["", "-wal", "-shm", "-journal"])
}

fn remove(folder: &Path, name: &str, endings: &[&str]) -> Result<(), Error> {
    for ending in endings {
        let file = open::beside(folder, name, ending);
        if file.try_exists()? {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

/// The log goes into the file, whole, and is proved to be empty.
fn empty_the_log(conn: &Connection) -> Result<(), Error> {
    let (busy, left): (bool, i64) =
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if busy || left > 0 {
        return Err(Error::Busy);
    }
    Ok(())
}

/// Everything into the new file, which is let go again.
fn export(conn: &Connection, new: &Path, key: &DataKey) -> Result<(), Error> {
    attach(conn, new, key)?;
    copy_out(conn)?;
    conn.execute_batch("DETACH DATABASE fresh")?;
    Ok(())
}

fn attach(conn: &Connection, new: &Path, key: &DataKey) -> Result<(), Error> {
    let hex = key.hex();
    let mut raw = Zeroizing::new(String::with_capacity(hex.len() + 3));
    for part in ["x'", hex.as_str(), "'"] {
        raw.push_str(part);
    }
    let name = new.to_str().ok_or(Error::Unreadable("the folder's name"))?;
    conn.execute("ATTACH DATABASE ?1 AS fresh KEY ?2", (name, raw.as_str()))?;
    Ok(())
}

/// SQLCipher's own export: schema and rows, table by table. The numbers in the
/// file's head are not part of it.
fn copy_out(conn: &Connection) -> Result<(), Error> {
    conn.query_row("SELECT sqlcipher_export('fresh')", [], |_| Ok(()))?;
    for number in ["user_version", "application_id"] {
        let value: i64 = conn.pragma_query_value(None, number, |row| row.get(0))?;
        conn.pragma_update(Some("fresh"), number, value)?;
    }
    Ok(())
}

/// What must be the same in a copy: the schema, and how many rows each table has.
fn census(conn: &Connection) -> Result<Vec<(String, String, i64)>, Error> {
    let mut query = conn.prepare(
        "SELECT type, name, coalesce(sql, '') FROM sqlite_schema
         WHERE name NOT LIKE 'sqlite_stat%' ORDER BY type, name",
    )?;
    let rows = query.query_map([], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
    })?;
    let entries: Vec<(String, String, String)> = rows.collect::<rusqlite::Result<_>>()?;
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let mut found = vec![("version".to_owned(), String::new(), version)];
    for (kind, name, sql) in entries {
        let quoted = name.replace('"', "\"\"");
        let rows = if kind == "table" {
            let count = format!("SELECT count(*) FROM \"{quoted}\"");
            conn.query_row(&count, [], |row| row.get(0))?
        } else {
            0
        };
        found.push((name, sql, rows));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::UnixMs;
    use crate::store::{BoxKey, audit, meta};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(byte: u8) -> DataKey {
        DataKey::take(&mut [byte; 32])
    }

    fn made() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        open::create(folder.path(), &key(1), &BoxKey::new([9; 32])).unwrap();
        let conn = open::open(folder.path(), &key(1)).unwrap();
        for at in 0..300 {
            let deed = audit::Deed {
                at: UnixMs(at),
                actor: "test",
                action: "test.deed",
                subject: "box",
                detail: "canary of the old file",
            };
            audit::append(&conn, &deed).unwrap();
        }
        conn.close().unwrap();
        folder
    }

    fn deeds(folder: &Path, with: &DataKey) -> i64 {
        let conn = open::open(folder, with).unwrap();
        conn.query_row("SELECT count(*) FROM audit", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn everything_is_there_under_the_new_key_and_the_old_one_opens_nothing() {
        let folder = made();
        write_new(folder.path(), &key(1), &key(2)).unwrap();
        // Until it is put in place, nothing has changed.
        assert!(fits(folder.path(), &key(1)).unwrap());
        assert!(!fits(folder.path(), &key(2)).unwrap());
        put_in_place(folder.path()).unwrap();
        assert!(!fits(folder.path(), &key(1)).unwrap());
        assert_eq!(deeds(folder.path(), &key(2)), 300);
        let conn = open::open(folder.path(), &key(2)).unwrap();
        let box_key = meta::load_box_key(&conn).unwrap();
        assert_eq!(
            box_key.keyed_hash("x"),
            BoxKey::new([9; 32]).keyed_hash("x")
        );
    }

    #[test]
    fn a_log_of_the_old_key_is_never_read_into_the_new_file() {
        let folder = made();
        write_new(folder.path(), &key(1), &key(2)).unwrap();
        // Somebody opened the old file once more, and died with words in its log.
        let conn = open::open(folder.path(), &key(1)).unwrap();
        conn.execute("UPDATE audit SET detail = 'later' WHERE seq = 1", [])
            .unwrap();
        let log = open::beside(folder.path(), open::FILE, "-wal");
        let kept = fs::read(&log).unwrap();
        conn.close().unwrap();
        durable::write(&log, &kept).unwrap();
        assert!(matches!(put_in_place(folder.path()), Err(Error::Busy)));
        assert!(fits(folder.path(), &key(1)).unwrap());
        // Written anew, nothing of it is left where the new file will lie.
        write_new(folder.path(), &key(1), &key(2)).unwrap();
        durable::write(&log, b"").unwrap();
        put_in_place(folder.path()).unwrap();
        assert!(!log.exists());
        assert_eq!(deeds(folder.path(), &key(2)), 300);
    }

    #[test]
    fn a_leftover_of_a_cut_is_no_obstacle() {
        let folder = made();
        durable::write(&folder.path().join(NEW_FILE), b"torn").unwrap();
        write_new(folder.path(), &key(1), &key(2)).unwrap();
        discard_new(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(deeds(folder.path(), &key(1)), 300);
    }

    #[test]
    fn a_copy_is_made_and_thrown_away_while_somebody_writes() {
        let folder = made();
        let serving = open::open(folder.path(), &key(1)).unwrap();
        serving
            .execute("UPDATE audit SET detail = 'in the log'", [])
            .unwrap();
        let wanted = || false;
        let copied = copy_while_serving(folder.path(), &key(1), wanted);
        assert_eq!(copied.unwrap(), 0);
        assert!(!folder.path().join(NEW_FILE).exists());
        serving.execute("UPDATE audit SET detail = ''", []).unwrap();
        assert!(copy_while_serving(folder.path(), &key(2), wanted).is_err());
        assert!(!folder.path().join(NEW_FILE).exists());
    }

    #[test]
    fn a_copy_that_nobody_wants_any_more_ends_wherever_it_is_and_leaves_nothing() {
        let folder = made();
        let serving = open::open(folder.path(), &key(1)).unwrap();
        let looks = Arc::new(AtomicUsize::new(0));
        let ending_at = |last: usize| {
            let looks = Arc::clone(&looks);
            looks.store(0, Ordering::Relaxed);
            move || looks.fetch_add(1, Ordering::Relaxed) >= last
        };
        let whole = copy_while_serving(folder.path(), &key(1), ending_at(usize::MAX));
        assert_eq!(whole.unwrap(), 0);
        let all = looks.load(Ordering::Relaxed);
        assert!(all > 10, "{all}");
        for last in 0..all {
            let ended = copy_while_serving(folder.path(), &key(1), ending_at(last));
            assert!(matches!(ended, Err(Error::TooSlow)), "{last}: {ended:?}");
            assert!(!folder.path().join(NEW_FILE).exists());
        }
        serving.execute("UPDATE audit SET detail = ''", []).unwrap();
    }

    #[test]
    fn a_log_of_another_key_is_told_and_not_one_byte_is_changed() {
        let folder = made();
        let log = open::beside(folder.path(), open::FILE, "-wal");
        let conn = open::open(folder.path(), &key(1)).unwrap();
        conn.execute("UPDATE audit SET detail = 'late'", [])
            .unwrap();
        let stale = fs::read(&log).unwrap();
        assert!(stale.len() > 4096);
        conn.close().unwrap();
        write_new(folder.path(), &key(1), &key(2)).unwrap();
        put_in_place(folder.path()).unwrap();
        // Somebody puts the old file's log back by hand.
        durable::write(&log, &stale).unwrap();
        let before = fs::read(open::path(folder.path())).unwrap();
        let said = open::open(folder.path(), &key(2)).err().unwrap();
        assert!(matches!(said, Error::ForeignLog), "{said}");
        assert!(fits(folder.path(), &key(2)).is_err());
        // Nor with the former key: its log must not be copied over the file.
        assert!(!fits(folder.path(), &key(1)).unwrap());
        assert_eq!(fs::read(open::path(folder.path())).unwrap(), before);
        assert_eq!(fs::read(&log).unwrap(), stale);
        // Moved away, as the error says, nothing was lost.
        fs::rename(&log, folder.path().join("kept")).unwrap();
        assert_eq!(deeds(folder.path(), &key(2)), 300);
    }

    #[test]
    fn nothing_is_rewritten_while_somebody_reads() {
        let folder = made();
        let reader = open::open_reader(folder.path(), &key(1)).unwrap();
        let writer = open::open(folder.path(), &key(1)).unwrap();
        reader.execute_batch("BEGIN").unwrap();
        let count = "SELECT count(*) FROM audit";
        let _: i64 = reader.query_row(count, [], |row| row.get(0)).unwrap();
        writer
            .execute("UPDATE audit SET detail = '' WHERE seq = 1", [])
            .unwrap();
        assert!(write_new(folder.path(), &key(1), &key(2)).is_err());
        assert!(fits(folder.path(), &key(1)).unwrap());
    }
}
