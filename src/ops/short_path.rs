//! A socket's path has at most 107 bytes, and a data folder's may have more: what
//! is in the folder is named through the opened folder instead.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// An opened folder; its short paths lead into it for as long as it lives.
pub(super) struct ShortPath(OwnedFd);

impl ShortPath {
    /// Opens the folder as far as passing it takes: whoever may not list it may
    /// still connect to what is in it.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn into(folder: &Path) -> io::Result<Self> {
        let passing = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(folder, passing, Mode::empty())?))
    }

    /// The path of what has this name in the folder.
    pub(super) fn of(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{name}", self.0.as_raw_fd()))
    }
}
