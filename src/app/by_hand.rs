//! What a command needs that works on this machine without a running service:
//! its clock and chance, and the data folder's lock.

use crate::app::service::Machine;
use crate::device::chance::KernelChance;
use crate::device::clock::SystemClock;
use crate::store::{Error, lock};
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use crate::store::lock::FolderLock;

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

/// Takes a data folder's lock; `None` if another process has it, which then
/// answers on the control socket.
///
/// # Errors
/// When the lock's file cannot be used.
pub fn take_lock(folder: &Path) -> Result<Option<FolderLock>, Error> {
    match lock::take(folder) {
        Ok(lock) => Ok(Some(lock)),
        Err(Error::AlreadyOpen) => Ok(None),
        Err(error) => Err(error),
    }
}
