//! What a command needs that works on this machine without a running service:
//! its clock and chance, and the data folder's lock.

use crate::app::service::Machine;
use crate::device::chance::KernelChance;
use crate::device::clock::SystemClock;
use crate::device::memory;
use crate::store::{Error, lock};
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use crate::device::memory::swap_disk_in_use;
pub use crate::device::signals::is_ignored;
pub use crate::store::lock::FolderLock;

/// What follows from memory that may not be locked.
const SWAPPABLE: &str = "memory may go to a swap disk: run the service with LimitMEMLOCK=infinity, \
    or on a machine without swap";

/// The clock and the randomness of this machine.
///
/// # Errors
/// When the kernel gives no randomness.
pub fn this_machine() -> io::Result<Machine> {
    Ok(Machine {
        clock: Arc::new(SystemClock::new()),
        chance: Arc::new(KernelChance::new()?),
    })
}

/// Keeps this process's memory out of core dumps and, where allowed, off the
/// swap disk. `holds_keys` is a process that has the keys for as long as it runs.
pub fn close_memory(holds_keys: bool) {
    let lacking = memory::close();
    if let Some(error) = lacking.dumps {
        tracing::warn!(%error, "a crash may leave an image of the memory on the disk");
    }
    if let Some(error) = lacking.swap {
        if holds_keys {
            tracing::warn!(%error, "{SWAPPABLE}");
        } else {
            tracing::debug!(%error, "{SWAPPABLE}");
        }
    }
}

/// Takes a data folder's lock; `None` if another process has it, which then
/// answers on the control socket.
///
/// # Errors
/// When the lock's file cannot be used; of the kind that the disk says.
pub fn take_lock(folder: &Path) -> io::Result<Option<FolderLock>> {
    let error = match lock::take(folder) {
        Ok(lock) => return Ok(Some(lock)),
        Err(Error::AlreadyOpen) => return Ok(None),
        Err(error) => error,
    };
    let mut kind = io::ErrorKind::Other;
    if let Error::Io(cause) = &error
        && let Some(cause) = cause.downcast_ref::<io::Error>()
    {
        kind = cause.kind();
    }
    Err(io::Error::new(kind, error))
}
