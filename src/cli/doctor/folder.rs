//! The data folder as it lies on the disk: closed, with its slots, with room.

use super::finding::{Findings, Verdict};
use crate::ops::SlotFault;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Free space below which the disk is called nearly full, bytes.
const DISK_LOW_BYTES: u64 = 256 * 1024 * 1024;

/// Looks at the folder, its key slots and the disk it is on.
pub(super) fn look_at_folder(folder: &Path, findings: &mut Findings) {
    let shown = folder.display();
    let Ok(facts) = std::fs::metadata(folder) else {
        let said = format!("{shown} is not there or not ours to see");
        findings.add("data folder", Verdict::Bad, &said, "run healthpost init");
        return;
    };
    if facts.permissions().mode() & 0o077 == 0 {
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
            &format!("chmod 700 {shown}"),
        );
    }
    look_at_slots(folder, findings);
    look_at_disk(folder, findings);
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
        Err(_) if !crate::app::serve::is_made(folder) && has_database(folder) => {
            let said = "keyslots.json is gone, and clinic.db is there: nothing opens it so";
            let how = "put keyslots.json.old or the keyslots.json of a copy back under that name; \
                       healthpost init makes another box, and opens nothing of this one";
            findings.add("key slots", Verdict::Bad, said, how);
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
            "while another way still opens: healthpost key add-passphrase; or put back the \
             keyslots.json of a copy"
        }
        SlotFault::Unread(_) => {
            "put back the keyslots.json of a copy, or install the version that wrote it"
        }
    }
}

fn has_database(folder: &Path) -> bool {
    folder.join("clinic.db").exists()
}

fn look_at_disk(folder: &Path, findings: &mut Findings) {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        findings.add("disk", Verdict::NotChecked, "the system does not tell", "");
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let said = format!("{} MiB free", free / (1024 * 1024));
    let verdict = if free < DISK_LOW_BYTES {
        Verdict::Bad
    } else {
        Verdict::Ok
    };
    let remedy = if verdict == Verdict::Bad {
        "free some space, or use a larger disk"
    } else {
        ""
    };
    findings.add("disk", verdict, &said, remedy);
}
