//! The lock that keeps two programs from opening one data folder.

use crate::durable;
use crate::store::error::Error;
use crate::store::open;
use rustix::fs::{FlockOperation, OFlags};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The lock's file in the data folder.
pub const FILE: &str = "lock";

/// Held as long as it lives. The kernel gives it back when the process dies.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Takes the lock of a data folder, without waiting.
///
/// # Errors
/// [`Error::AlreadyOpen`] when another process (or another part of this one)
/// holds it.
pub fn take(folder: &Path) -> Result<FolderLock, Error> {
    let path = folder.join(FILE);
    let file = match open::make_file(&path) {
        Err(Error::Io(_)) if path.symlink_metadata().is_ok() => {
            let file = OpenOptions::new()
                .write(true)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)?;
            // Root's first command may have been cut off before it gave it away.
            durable::give_to_owner_of(folder, &file)?;
            file
        }
        made => made?,
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(FolderLock { _file: file }),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::AlreadyOpen),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = take(folder.path()).unwrap();
        assert!(matches!(take(folder.path()), Err(Error::AlreadyOpen)));
        drop(held);
        take(folder.path()).unwrap();
    }
}
