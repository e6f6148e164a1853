//! Making and opening the encrypted database file.
//!
//! Every connection of the program comes from here, so that none runs without
//! the key, the durability and the hygiene below. The file itself must stay
//! readable by any SQLCipher 4: no cipher parameter is ever changed.

use crate::core::data_key::DataKey;
use crate::core::limits;
use crate::durable;
use crate::store::error::Error;
use crate::store::foreign_log;
use crate::store::meta::{self, BoxKey};
use crate::store::migrations;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;
use zeroize::Zeroizing;

/// The database's file in the data folder.
pub const FILE: &str = "clinic.db";
/// The file a new database is made in, until it is whole.
pub const NEW_FILE: &str = "clinic.db.new";

/// The service's group passes the folder to reach the control socket; each file in
/// it is the user's alone.
const FOLDER_MODE: u32 = 0o750;

/// Where the database of a data folder is.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// A file that belongs to a database's file: its log, its shared memory.
pub(super) fn beside(folder: &Path, name: &str, ending: &str) -> PathBuf {
    folder.join(format!("{name}{ending}"))
}

/// Makes an empty file that only its owner reads, who is the folder's owner.
pub(super) fn make_file(path: &Path) -> Result<fs::File, Error> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // What SQLite makes beside it goes to the same owner.
    if let Some(folder) = path.parent() {
        durable::give_to_owner_of(folder, &file)?;
    }
    Ok(file)
}

/// Makes the data folder (0750) if it is not there, and a new database (0600)
/// in it. The file appears under its name only when it is whole, so that a
/// power cut in between leaves nothing that looks like a clinic.
///
/// # Errors
/// [`Error::Exists`] when there is one already; nothing is touched then.
pub fn create(folder: &Path, key: &DataKey, box_key: &BoxKey) -> Result<(), Error> {
    make_folder(folder)?;
    if path(folder).try_exists()? {
        return Err(Error::Exists);
    }
    let new = folder.join(NEW_FILE);
    for leftover in ["", "-wal", "-shm"] {
        let leftover = beside(folder, NEW_FILE, leftover);
        if leftover.try_exists()? {
            fs::remove_file(leftover)?;
        }
    }
    make_file(&new)?;
    let mut conn = connect_made(&new, key)?;
    migrations::migrate(&mut conn)?;
    meta::set_box_key(&conn, box_key)?;
    // Closing the last connection copies the log into the file and removes it.
    conn.close().map_err(|(_, error)| error)?;
    fs::File::open(&new)?.sync_all()?;
    fs::rename(&new, path(folder))?;
    durable::sync_folder(folder)?;
    Ok(())
}

/// Opens the database for writing and brings its schema up to date.
///
/// # Errors
/// [`Error::Missing`], [`Error::WrongKey`], [`Error::NewerSchema`],
/// [`Error::Corrupt`], or what the disk says.
pub fn open(folder: &Path, key: &DataKey) -> Result<Connection, Error> {
    let file = path(folder);
    match fs::metadata(&file) {
        Ok(metadata) if metadata.len() == 0 => return Err(Error::Corrupt),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::Missing),
        Err(error) => return Err(error.into()),
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600))?;
    let mut conn = connect(&file, key, false)?;
    migrations::migrate(&mut conn)?;
    conn.pragma_update(None, "cache_size", -limits::WRITER_CACHE_KIB)?;
    // A file without it was never finished by `create`, or is not ours.
    meta::load_box_key(&conn)?;
    Ok(conn)
}

/// Opens a further connection that cannot write. The database must have been
/// opened by [`open`] before: a reader migrates nothing.
///
/// # Errors
/// As [`open`].
pub fn open_reader(folder: &Path, key: &DataKey) -> Result<Connection, Error> {
    let file = path(folder);
    if !file.try_exists()? {
        return Err(Error::Missing);
    }
    // SQLite takes it for a database that is still to be written.
    if fs::metadata(&file)?.len() == 0 {
        return Err(Error::Corrupt);
    }
    connect(&file, key, true)
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    if !folder.try_exists()? {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)?;
    }
    // What is closed already stays so.
    let mode = fs::metadata(folder)?.permissions().mode() & FOLDER_MODE;
    fs::set_permissions(folder, Permissions::from_mode(mode))?;
    Ok(())
}

pub(super) fn connect(file: &Path, key: &DataKey, read_only: bool) -> Result<Connection, Error> {
    foreign_log::refuse(file, key)?;
    let conn = connect_made(file, key)?;
    if read_only {
        conn.pragma_update(None, "query_only", true)?;
    }
    Ok(conn)
}

/// As [`connect`], to a file that was made a moment ago: nobody can have put a log
/// beside it.
pub(super) fn connect_made(file: &Path, key: &DataKey) -> Result<Connection, Error> {
    // No CREATE flag: a database never appears by being opened. A reader also
    // opens the file for writing, since it takes part in the log's shared
    // memory; `query_only` is what keeps it from writing.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    begin_sqlcipher();
    let conn = Connection::open_with_flags(file, flags)?;
    give_key(&conn, key)?;
    conn.busy_timeout(Duration::from_millis(limits::LOCK_WAIT_MS))?;
    // The first read is where SQLCipher notices that the key does not fit.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(first_read)?;
    // Else SQLite looks at the value bound to each `LIMIT ?`, and parses the
    // whole statement again whenever another one may have been bound.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    set_pragmas(&conn)?;
    Ok(conn)
}

/// Lets one thread alone make the first connection of the program. SQLite calls
/// itself ready before SQLCipher has chosen what it encrypts with, so that whoever
/// comes second at that moment finds no cipher.
fn begin_sqlcipher() {
    static BEGUN: Once = Once::new();
    // Should it fail, so does the connection that is wanted, in words.
    BEGUN.call_once(|| drop(Connection::open_in_memory()));
}

/// A first page that the key does not open reads as no database at all; any
/// other damage shows only behind it.
fn first_read(error: rusqlite::Error) -> Error {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
        Error::WrongKey
    } else {
        error.into()
    }
}

fn give_key(conn: &Connection, key: &DataKey) -> Result<(), Error> {
    let hex = key.hex();
    let mut pragma = Zeroizing::new(String::with_capacity(hex.len() + 32));
    for part in ["PRAGMA key = \"x'", hex.as_str(), "'\""] {
        pragma.push_str(part);
    }
    conn.execute_batch(&pragma)?;
    Ok(())
}

fn set_pragmas(conn: &Connection) -> Result<(), Error> {
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::Unreadable("the journal mode"));
    }
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "secure_delete", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "mmap_size", 0)?;
    // Negative: the unit is KiB instead of pages.
    conn.pragma_update(None, "cache_size", -limits::CACHE_KIB)?;
    conn.pragma_update(None, "journal_size_limit", limits::WAL_BYTES_KEPT)?;
    conn.pragma_update(None, "wal_autocheckpoint", limits::WAL_PAGES)?;
    // `cipher_memory_security` stays off, its default. It would wipe every
    // buffer SQLite frees and lock its pages into memory, on each allocation,
    // for the whole process. SQLCipher wipes its key material without it; the
    // key is in our memory anyway for as long as the box serves, and what the
    // caches hold is also in the pages just served to a browser. Who can read
    // the memory of the running process has won already. Against swap, the whole
    // process locks its memory where it may (`device::memory`); where it may not,
    // the service warns at each start and doctor says whether there is a swap disk.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_prepared_statement_cache_capacity(limits::STATEMENTS_KEPT);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> DataKey {
        DataKey::take(&mut [byte; 32])
    }

    fn made() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path(), &key(1), &BoxKey::new([2; 32])).unwrap();
        folder
    }

    /// Telling only where it is the first to open one in its program.
    #[test]
    fn many_may_be_the_first_to_open_one() {
        let start = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let folder = tempfile::tempdir().unwrap();
                    start.wait();
                    create(folder.path(), &key(1), &BoxKey::new([2; 32])).unwrap();
                });
            }
        });
    }

    #[test]
    fn a_database_is_made_once_and_opens_again() {
        let folder = made();
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, [FILE]);
        let again = create(folder.path(), &key(1), &BoxKey::new([2; 32]));
        assert!(matches!(again, Err(Error::Exists)));
        for _ in 0..2 {
            let conn = open(folder.path(), &key(1)).unwrap();
            meta::set(&conn, "kept", b"yes").unwrap();
            assert_eq!(meta::find(&conn, "kept").unwrap().unwrap(), b"yes");
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path(folder.path())), 0o600);
        for (before, after) in [(0o777, 0o750), (0o700, 0o700)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(before)).unwrap();
            assert!(create(folder.path(), &key(1), &BoxKey::new([2; 32])).is_err());
            assert_eq!(mode(folder.path()), after);
        }
    }

    #[test]
    fn the_wrong_key_is_told_and_changes_nothing() {
        let folder = made();
        let before = fs::read(path(folder.path())).unwrap();
        assert!(matches!(open(folder.path(), &key(9)), Err(Error::WrongKey)));
        assert_eq!(fs::read(path(folder.path())).unwrap(), before);
        open(folder.path(), &key(1)).unwrap();
    }

    #[test]
    fn nothing_and_an_empty_file_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(open(folder.path(), &key(1)), Err(Error::Missing)));
        fs::File::create(path(folder.path())).unwrap();
        assert!(matches!(open(folder.path(), &key(1)), Err(Error::Corrupt)));
    }

    #[test]
    fn the_files_show_nothing() {
        let folder = made();
        let conn = open(folder.path(), &key(1)).unwrap();
        meta::set(&conn, "canary", b"chirps-in-the-mine").unwrap();
        let mut looked_at = 0;
        for entry in fs::read_dir(folder.path()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            looked_at += bytes.len();
            for word in [
                &b"chirps"[..],
                b"canary",
                b"CREATE TABLE",
                b"SQLite format 3",
            ] {
                assert!(!bytes.windows(word.len()).any(|part| part == word));
            }
        }
        assert!(looked_at > 100_000, "log and database were there");
    }

    #[test]
    fn the_durability_is_as_promised() {
        let folder = made();
        let conn = open(folder.path(), &key(1)).unwrap();
        let number = |pragma: &str| -> i64 {
            conn.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(number("synchronous"), 2);
        assert_eq!(number("foreign_keys"), 1);
        assert_eq!(number("trusted_schema"), 0);
        assert_eq!(number("secure_delete"), 1);
        assert_eq!(number("temp_store"), 2);
        assert_eq!(number("cache_size"), -limits::WRITER_CACHE_KIB);
        assert_eq!(number("wal_autocheckpoint"), limits::WAL_PAGES);
    }

    #[test]
    fn a_damaged_page_is_corruption() {
        let folder = made();
        let file = path(folder.path());
        let mut bytes = fs::read(&file).unwrap();
        for byte in bytes.iter_mut().skip(4096) {
            *byte ^= 1;
        }
        durable::write(&file, &bytes).unwrap();
        let said = open(folder.path(), &key(1)).map(|_| ());
        assert!(matches!(said, Err(Error::Corrupt)), "{said:?}");
    }
}
