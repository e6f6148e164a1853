//! What this process was told about signals by whoever started it.

use std::fs;

/// Whether this process was started so that it takes no notice of a signal, as
/// `nohup` starts one that is to outlive its terminal. One that the kernel does not
/// tell of is not ignored.
pub fn is_ignored(signal: i32) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, signal))
}

fn ignores(status: &str, signal: i32) -> bool {
    let ignored = || {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))?;
        let ignored = u64::from_str_radix(line.trim(), 16).ok()?;
        // The lowest bit is signal 1.
        let place = u32::try_from(signal).ok()?.checked_sub(1)?;
        Some(ignored.checked_shr(place)? & 1 == 1)
    };
    ignored().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_has_its_bit() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t4\n";
        let ignored: Vec<i32> = (-1..70).filter(|it| ignores(status, *it)).collect();
        assert_eq!(ignored, [1, 13]);
        assert!(!ignores("Name:\thealthpost\n", 1));
        // Rust's own doing, in every program of it.
        assert!(is_ignored(13) && !is_ignored(15));
    }
}
