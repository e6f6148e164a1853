//! Disk space held back for the day the disk is full.
//!
//! A full disk must not stop the box from answering, sending and deleting:
//! a file of zeros holds 32 MiB, and is removed when a commit finds no room.

use crate::core::limits::{DISK_FULL_BYTES, RESERVE_BYTES};
use crate::store::error::Error;
use crate::store::open;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The reserve's file in the data folder.
pub const FILE: &str = "reserve";

/// The space held back in one data folder.
#[derive(Clone, Debug)]
pub struct Reserve {
    folder: PathBuf,
    bytes: u64,
    /// Whether the space was given away and has to be taken back.
    given: Arc<AtomicBool>,
}

/// Does what takes a little room; on a full disk once more with what is held
/// back in `folder`. Opening a database takes some, for the index of its log at
/// least, and a box whose power went while its disk was full must come back.
///
/// # Errors
/// What `work` says.
pub fn making_room<T>(folder: &Path, work: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let reserve = Reserve::new(folder, RESERVE_BYTES);
    match work() {
        Err(Error::Full | Error::Io(_)) if reserve.is_disk_full() && reserve.release() => {
            tracing::warn!("the disk is full: what was held back for that is used");
            work()
        }
        done => done,
    }
}

impl Reserve {
    /// A reserve of `bytes` in `folder`. Nothing is done yet.
    pub fn new(folder: &Path, bytes: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            bytes,
            given: Arc::default(),
        }
    }

    /// Takes the space if the disk has twice as much free, and tells whether
    /// it is held now.
    pub fn hold(&self) -> bool {
        if self.is_held() {
            return true;
        }
        if self.free_bytes().is_none_or(|free| free < 2 * self.bytes) {
            return false;
        }
        let taken = self.take().is_ok();
        if !taken {
            // A part of it is of no use; it may not even be there.
            fs::remove_file(self.path()).ok();
        }
        taken
    }

    /// At a start: takes the space. On a disk that is large enough for it and has
    /// no room now it counts as given away, which it may have been before the
    /// power went.
    pub fn begin(&self) {
        let large = self.disk_bytes().is_some_and(|all| all >= 3 * self.bytes);
        let missing = !self.hold() && large;
        self.given.store(missing, Ordering::Relaxed);
    }

    /// Gives the space back, and tells whether there was any.
    pub fn release(&self) -> bool {
        let released = fs::remove_file(self.path()).is_ok();
        self.given.fetch_or(released, Ordering::Relaxed);
        released
    }

    /// After a full disk: takes back what was given away, and tells whether
    /// there is room again. On a disk that never had room for the reserve, a
    /// little free space is enough.
    pub fn take_back(&self) -> bool {
        if self.given.load(Ordering::Relaxed) {
            let held = self.hold();
            self.given.store(!held, Ordering::Relaxed);
            return held;
        }
        let free = self.free_bytes().unwrap_or(u64::MAX);
        self.is_held() || free >= 2 * DISK_FULL_BYTES
    }

    /// Whether work can go on without it: `inside` the database there is room
    /// enough, and what was given away is still there for the log. Once it goes on,
    /// half of that is enough.
    pub fn is_spared(&self, inside: u64, goes_on: bool) -> bool {
        let enough = if goes_on { self.bytes } else { 2 * self.bytes };
        inside >= enough && !self.is_disk_full()
    }

    /// Whether the space was given away and is not held again yet.
    pub fn is_given(&self) -> bool {
        self.given.load(Ordering::Relaxed)
    }

    /// Whether so little is free that a failed write means a full disk.
    pub fn is_disk_full(&self) -> bool {
        self.free_bytes()
            .is_some_and(|bytes| bytes < DISK_FULL_BYTES)
    }

    /// Whether the whole space is held.
    pub fn is_held(&self) -> bool {
        fs::metadata(self.path()).is_ok_and(|metadata| metadata.len() == self.bytes)
    }

    /// Bytes free on the data folder's disk for us, if the system tells.
    pub fn free_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn disk_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(&self.folder).ok()?;
        Some(disk.f_blocks.saturating_mul(disk.f_frsize))
    }

    fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    fn take(&self) -> Result<(), Error> {
        // A part of it may be left of a day without room.
        fs::remove_file(self.path()).ok();
        let mut file = open::make_file(&self.path())?;
        let flags = rustix::fs::FallocateFlags::empty();
        if rustix::fs::fallocate(&file, flags, 0, self.bytes).is_err() {
            // Some file systems cannot hold space without writing it.
            let zeros = [0; 64 * 1024];
            let mut left = self.bytes;
            while left > 0 {
                let length = left.min(zeros.len() as u64);
                let part = usize::try_from(length).unwrap_or(zeros.len());
                file.write_all(zeros.get(..part).unwrap_or(&zeros))?;
                left -= length;
            }
        }
        file.sync_all()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_held_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path(), 1024 * 1024);
        assert!(!reserve.is_held());
        assert!(reserve.hold() && reserve.hold());
        use std::os::unix::fs::MetadataExt;
        let file = fs::metadata(folder.path().join(FILE)).unwrap();
        assert_eq!(file.len(), 1024 * 1024);
        assert!(file.blocks() * 512 >= 1024 * 1024, "no sparse file");
        assert!(reserve.release());
        assert!(!reserve.release() && !reserve.is_held());
    }

    #[test]
    fn only_what_was_given_away_has_to_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let small = Reserve::new(folder.path(), 1024 * 1024);
        assert!(small.take_back(), "there is room, and nothing was given");
        assert!(small.hold() && small.release());
        assert!(small.take_back() && small.is_held());
        let never_held = Reserve::new(folder.path(), u64::MAX / 4);
        assert!(never_held.take_back());
    }

    #[test]
    fn more_than_the_disk_has_is_not_tried() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(folder.path(), u64::MAX / 4);
        assert!(!reserve.hold());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
