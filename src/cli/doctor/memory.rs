//! Whether what the running service has in its memory may reach a swap disk.

use super::finding::{Findings, Verdict};
use crate::app::by_hand::swap_disk_in_use;

/// Looks at the swap disk, and at what the running service says of its memory;
/// `None` where it was not asked.
pub(super) fn look_at_memory(locked: Option<bool>, findings: &mut Findings) {
    let (verdict, said, how) = judge(swap_disk_in_use(), locked);
    findings.add("memory", verdict, said, how);
}

const fn judge(swaps: bool, locked: Option<bool>) -> (Verdict, &'static str, &'static str) {
    match (swaps, locked) {
        (_, Some(true)) => (
            Verdict::Ok,
            "what the service holds stays off a swap disk",
            "",
        ),
        (false, _) => (Verdict::Ok, "this machine has no swap disk", ""),
        (true, Some(false)) => (
            Verdict::Warning,
            "what the service holds may go to the swap disk: keys, and what patients wrote",
            "run the service with LimitMEMLOCK=infinity, or take the swap disk away: swapoff -a",
        ),
        (true, None) => (
            Verdict::NotChecked,
            "this machine has a swap disk, and no service was asked whether it keeps off it",
            "start the service",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_swapped_out_is_warned_of_and_what_nobody_asked_is_not_called_ok() {
        let verdict = |swaps, locked| judge(swaps, locked).0;
        assert_eq!(verdict(true, Some(false)), Verdict::Warning);
        assert!(judge(true, Some(false)).2.contains("LimitMEMLOCK=infinity"));
        assert_eq!(verdict(true, None), Verdict::NotChecked);
        for (swaps, locked) in [(true, Some(true)), (false, Some(false)), (false, None)] {
            assert_eq!(verdict(swaps, locked), Verdict::Ok);
        }
    }
}
