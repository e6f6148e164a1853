//! What the kernel can do to keep this process's memory to itself: no core
//! dump, no debugger of another user, no page on a swap disk.
//!
//! Root reads an unlocked box's memory all the same; SECURITY.md says so.

use rustix::mm::MlockAllFlags;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::fs;
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

/// Whether all of this process's memory is kept off a swap disk. A few pages
/// are locked in any case: libraries do that for their own keys.
pub fn is_locked() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| all_is_locked(&status))
}

fn all_is_locked(status: &str) -> bool {
    let kib = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    match (kib("VmLck:"), kib("VmRSS:")) {
        (Some(locked), Some(resident)) => locked >= resident,
        (None, _) | (_, None) => false,
    }
}

/// Whether the machine has a swap disk or file in use. One that does not tell
/// may have.
pub fn swap_disk_in_use() -> bool {
    fs::read_to_string("/proc/swaps").map_or(true, |swaps| names_a_swap(&swaps))
}

/// After a line of headings each has one of its own.
fn names_a_swap(swaps: &str) -> bool {
    swaps.lines().count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_tells_is_read() {
        let status = |locked: u32| {
            format!("Name:\thealthpost\nVmLck:\t{locked:>8} kB\nVmRSS:\t   35072 kB\n")
        };
        assert!(all_is_locked(&status(310_788)));
        assert!(!all_is_locked(&status(56)) && !all_is_locked(&status(0)));
        assert!(!all_is_locked("Name:\thealthpost\n"));
        let headings = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(!names_a_swap(headings));
        let swap = "/dev/zram0 partition\t1048572\t0\t100\n";
        assert!(names_a_swap(&format!("{headings}{swap}")));
    }
}
