//! What can go wrong with the database, sorted by what a caller can do.
//!
//! No text in here may carry a value out of a row: rows hold patients' words.

use std::sync::Arc;

/// Why the store could not do its work. Cheap to clone: when one commit fails,
/// everybody who shared it learns why.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The disk has no room. Answer 503 and let the sender try again.
    #[error("the disk is full")]
    Full,
    /// Another connection holds the database for longer than we wait.
    #[error("the database is locked by somebody else")]
    Busy,
    /// Reading or writing the disk went wrong.
    #[error("the disk could not be read or written")]
    Io(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// There was no memory for it.
    #[error("there is not enough memory for the database")]
    NoMemory,
    /// The file's content does not hold together. Leave it alone.
    #[error(
        "the database file is damaged; nothing was changed: put back the last copy of the data folder"
    )]
    Corrupt,
    /// The key does not fit the file.
    #[error("the key does not open this database (or its first page is damaged)")]
    WrongKey,
    /// The log beside the file is another file's.
    #[error(
        "clinic.db-wal was not written for this clinic.db (it belongs to a file under another key): \
         nothing was changed; move clinic.db-wal and clinic.db-shm out of the data folder, and keep \
         them with the clinic.db they came with"
    )]
    ForeignLog,
    /// The file was written by a newer program that ours cannot follow.
    #[error(
        "the data folder belongs to a newer version of healthpost (its schema is {schema}, \
         this program reads up to {ours}): install that version again"
    )]
    NewerSchema {
        /// The number of the file's schema.
        schema: i64,
        /// The newest schema this program knows.
        ours: i64,
    },
    /// There is no database where one should be.
    #[error(
        "there is no clinic.db in the data folder: put back the last copy of the folder, or make \
         a new box elsewhere with healthpost init"
    )]
    Missing,
    /// There is a database already where a new one should go.
    #[error("there is a clinic.db in the data folder already; nothing was changed")]
    Exists,
    /// The data folder is in use by another process.
    #[error("the data folder is in use by another healthpost: stop it first")]
    AlreadyOpen,
    /// A row holds something this program does not understand.
    #[error("{0} in the database does not read back")]
    Unreadable(&'static str),
    /// The number belongs to something else already.
    #[error("the number is taken")]
    Taken,
    /// A read took longer than a read may.
    #[error("the read took too long and was stopped")]
    TooSlow,
    /// The job panicked; what it wrote was taken back.
    #[error("a piece of work on the database broke off; what it wrote was taken back")]
    Panicked,
    /// The store was shut down before the work was done.
    #[error("the store is shut down")]
    Stopped,
    /// A statement did not work: a bug, or a broken constraint.
    #[error("the database refused a statement")]
    Sql(#[source] Arc<rusqlite::Error>),
}

impl Error {
    /// Whether the same work may succeed later, because the fault is not in
    /// the work but in the disk or in the moment.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Full
            | Self::Busy
            | Self::Io(_)
            | Self::NoMemory
            | Self::Corrupt
            | Self::WrongKey
            | Self::ForeignLog
            | Self::TooSlow
            | Self::AlreadyOpen
            | Self::Stopped => true,
            Self::NewerSchema { .. }
            | Self::Missing
            | Self::Exists
            | Self::Unreadable(_)
            | Self::Taken
            | Self::Panicked
            | Self::Sql(_) => false,
        }
    }

    /// Whether a UNIQUE or PRIMARY KEY constraint refused the row.
    pub fn is_duplicate(&self) -> bool {
        let Self::Sql(cause) = self else {
            return false;
        };
        cause.sqlite_error().is_some_and(|error| {
            matches!(
                error.extended_code,
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                    | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            )
        })
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full,
            // The locking protocol fails when many open the log at once.
            Some(Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed) => {
                Self::Busy
            }
            Some(
                Code::SystemIoFailure | Code::CannotOpen | Code::ReadOnly | Code::PermissionDenied,
            ) => Self::Io(Arc::new(error)),
            Some(Code::OutOfMemory) => Self::NoMemory,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Corrupt,
            Some(Code::OperationInterrupted) => Self::TooSlow,
            Some(_) | None => Self::Sql(Arc::new(error)),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        if matches!(error.kind(), Kind::StorageFull | Kind::QuotaExceeded) {
            Self::Full
        } else {
            Self::Io(Arc::new(error))
        }
    }
}

impl From<rustix::io::Errno> for Error {
    fn from(error: rustix::io::Errno) -> Self {
        std::io::Error::from(error).into()
    }
}

/// The parser's own text may quote the row: it is left behind.
impl From<serde_json::Error> for Error {
    fn from(_: serde_json::Error) -> Self {
        Self::Unreadable("a JSON column")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn what_is_not_the_works_fault_is_tried_again() {
        let of = |code| Error::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [
            ffi::SQLITE_FULL,
            ffi::SQLITE_BUSY,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_PROTOCOL,
            ffi::SQLITE_IOERR,
            // An extended code that rusqlite reads as a failed disk.
            ffi::SQLITE_IOERR_NOMEM,
            ffi::SQLITE_CANTOPEN,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_PERM,
            ffi::SQLITE_NOMEM,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_INTERRUPT,
        ] {
            assert!(of(code).is_transient(), "{code}: {}", of(code));
        }
        for code in [
            ffi::SQLITE_ERROR,
            ffi::SQLITE_CONSTRAINT,
            ffi::SQLITE_MISMATCH,
            ffi::SQLITE_RANGE,
        ] {
            assert!(!of(code).is_transient(), "{code}: {}", of(code));
        }
    }
}
