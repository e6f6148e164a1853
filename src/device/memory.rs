//! What the kernel can do to keep this process's memory to itself: no core
//! dump, no debugger of another user, no page on a swap disk.
//!
//! Root reads an unlocked box's memory all the same; SECURITY.md says so.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::io;

/// What was not to be had.
#[derive(Debug, Default)]
pub struct Lacking {
    /// Cores may be dumped: why.
    pub dumps: Option<io::Error>,
    /// Pages may be swapped out: why.
    pub swap: Option<io::Error>,
}

/// Closes the process's memory as far as it may. Pages are locked as they are
/// touched, so that reserved and unused ones cost nothing.
pub fn close() -> Lacking {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let dumps = rustix::process::setrlimit(Resource::Core, none)
        .and_then(|()| rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable));
    Lacking {
        dumps: dumps.err().map(io::Error::from),
        swap: lock().err(),
    }
}

/// Only where nothing bounds it: with a bound, a later allocation would fail.
fn lock() -> io::Result<()> {
    let bound = rustix::process::getrlimit(Resource::Memlock).maximum;
    if bound.is_some() && !rustix::process::geteuid().is_root() {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    Ok(rustix::mm::mlockall(flags)?)
}
