//! The data folder as it lies on the disk: closed, with its slots, with room.

use super::super::reach::READ_ONLY;
use super::finding::{Findings, Verdict};
use super::running::{AS_WHOM, Running, look_at_service};
use crate::app::serve::{is_made, not_made};
use crate::ops::SlotFault;
use rustix::fs::StatVfsMountFlags;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Free space below which the disk is called nearly full, bytes.
const DISK_LOW_BYTES: u64 = 256 * 1024 * 1024;
/// What the service opens in it.
const ITS_FILES: [&str; 5] = ["keyslots.json", "clinic.db", "lan", "lan/leaf.key", "lock"];

/// Looks at the folder, its key slots and the disk it is on.
pub(super) async fn look_at_folder(folder: &Path, findings: &mut Findings) -> Running {
    let shown = folder.display();
    let facts = match is_made(folder).and_then(|_| std::fs::metadata(folder)) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let said = format!("{shown} is not open to this user: hardly anything can be seen");
            findings.add("data folder", Verdict::Bad, &said, AS_WHOM);
            return Running::Unseen;
        }
        Err(error) => {
            let said = format!("{shown} cannot be seen: {error}");
            findings.add("data folder", Verdict::Bad, &said, "run healthpost init");
            return Running::No;
        }
    };
    if facts.permissions().mode() & 0o027 == 0 {
        findings.add(
            "data folder",
            Verdict::Ok,
            &format!("{shown} is closed to others"),
            "",
        );
    } else {
        let said = format!("{shown} is open to others");
        findings.add(
            "data folder",
            Verdict::Warning,
            &said,
            &format!("chmod 750 {shown}"),
        );
    }
    if are_closed(folder) {
        let said = "the box's files are its user's alone, and only the service can be asked";
        findings.add("key slots", Verdict::NotChecked, said, AS_WHOM);
    } else {
        look_at_slots(folder, findings);
        look_at_owners(folder, facts.uid(), findings);
    }
    look_at_disk(folder, findings);
    look_at_service(folder, findings).await
}

/// Whether the files in the folder are closed to this user, whom it is open to: one
/// of the service's group.
pub(super) fn are_closed(folder: &Path) -> bool {
    let opened = std::fs::File::open(folder.join("keyslots.json"));
    opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// A file of somebody else's is one that the service cannot open.
fn look_at_owners(folder: &Path, owner: u32, findings: &mut Findings) {
    let strange = |name: &&str| {
        let facts = folder.join(name).symlink_metadata();
        facts.is_ok_and(|facts| facts.uid() != owner)
    };
    let names: Vec<&str> = ITS_FILES.into_iter().filter(strange).collect();
    if !names.is_empty() {
        let said = format!(
            "{} of another user than the folder: the service cannot open it",
            names.join(", ")
        );
        let folder = folder.display();
        let how = format!("as root: chown -R --reference={folder} {folder}");
        findings.add("data folder", Verdict::Bad, &said, &how);
    }
}

fn look_at_slots(folder: &Path, findings: &mut Findings) {
    match crate::ops::key_slots(folder) {
        Ok((kinds, faults)) => {
            for fault in &faults {
                let said = fault.to_string();
                findings.add("key slots", Verdict::Bad, &said, remedy(fault));
            }
            let alone = kinds.iter().all(|kind| kind == "recovery");
            let kinds = kinds.join(", ");
            let said = format!("there are: {kinds}");
            if alone {
                let how = "healthpost key recover seals to this board, or adds a passphrase";
                findings.add("key slots", Verdict::Warning, &said, how);
            } else if faults.is_empty() {
                findings.add("key slots", Verdict::Ok, &said, "");
            }
        }
        Err(_) if matches!(is_made(folder), Ok(false)) => {
            let (said, how) = not_made(folder);
            findings.add("key slots", Verdict::Bad, &said, how);
        }
        Err(error) => findings.add("key slots", Verdict::Bad, &error.to_string(), ""),
    }
}

const fn remedy(fault: &SlotFault) -> &'static str {
    match fault {
        SlotFault::NoRecovery | SlotFault::DamagedRecovery => {
            "while another way still opens: healthpost key new-recovery"
        }
        SlotFault::DamagedPassphrase => {
            "while another way still opens: healthpost key add-passphrase, and key rotate takes the \
             damaged slot away; or put back the keyslots.json of a copy"
        }
        SlotFault::Unread(_) => {
            "put back the keyslots.json of a copy, or install the version that wrote it"
        }
    }
}

fn look_at_disk(folder: &Path, findings: &mut Findings) {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        findings.add("disk", Verdict::NotChecked, "the system does not tell", "");
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let read_only = disk.f_flag.contains(StatVfsMountFlags::RDONLY);
    let (verdict, said, remedy) = judge_disk(free, read_only);
    findings.add("disk", verdict, &said, remedy);
}

fn judge_disk(free: u64, read_only: bool) -> (Verdict, String, &'static str) {
    if read_only {
        let said = "it is read-only: nothing that patients write can be kept";
        return (Verdict::Bad, said.to_owned(), READ_ONLY);
    }
    let said = format!("{} MiB free", free / (1024 * 1024));
    if free < DISK_LOW_BYTES {
        (Verdict::Bad, said, "free some space, or use a larger disk")
    } else {
        (Verdict::Ok, said, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_takes_nothing_is_bad_however_much_is_free() {
        let (verdict, said, how) = judge_disk(u64::MAX, true);
        assert_eq!(verdict, Verdict::Bad);
        assert!(said.contains("read-only") && how.contains("dmesg"));
        assert_eq!(judge_disk(DISK_LOW_BYTES, false).0, Verdict::Ok);
        assert_eq!(judge_disk(DISK_LOW_BYTES - 1, false).0, Verdict::Bad);
    }
}
