//! How much processor time this process has used, so that a long test can say
//! what one of its many rounds costs on a machine that others use too.

use std::time::Duration;

/// Processor time of every thread of this process since its start, in the
/// program and in the kernel; zero where the kernel does not tell.
#[allow(
    clippy::disallowed_methods,
    reason = "the kernel's account of this process is a file"
)]
pub fn used() -> Duration {
    let account = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name stands in brackets and may hold spaces.
    let fields = account.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks * 1_000 / a_second)
}
