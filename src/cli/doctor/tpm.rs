//! The TPM, and what is sealed to it.

use super::super::Globals;
use super::super::key::OPEN_ELSEWHERE;
use super::finding::{Findings, Verdict};
use crate::config::Config;
use crate::ports::sealer::Finding;
use std::path::Path;

/// What follows from a box that opens for whoever has it.
const NO_PIN: &str = "the box opens without a PIN: whoever takes the whole box away reads \
    everything in it. Whether the board starts signed software alone (secure boot) was not checked; \
    a stock Raspberry Pi starts any, and then a changed card is enough";

/// Looks at the TPM as far as it can be seen without a secret.
pub(super) fn look_at_tpm(globals: &Globals, config: &Config, folder: &Path, found: &mut Findings) {
    let custody = match globals.custody(folder, None) {
        Ok(custody) => custody,
        Err(failure) => {
            found.add("TPM", Verdict::Bad, &failure.to_string(), "");
            found.add("PIN", Verdict::NotChecked, "the TPM cannot be asked", "");
            return;
        }
    };
    let Ok(slots) = custody.summary() else {
        // Why is told with the slots themselves.
        not_looked_at("the key slots cannot be read", "", found);
        return;
    };
    if slots.pins.is_empty() && slots.kinds.iter().any(|kind| kind == "tpm2") {
        not_looked_at("its slot in keyslots.json does not read", "", found);
        return;
    }
    let Some(pin) = slots.pins.first() else {
        let said = "nothing is sealed to a TPM: whoever knows a passphrase opens a stolen card";
        let how = "with a TPM fitted: healthpost key reseal --passphrase-file FILE";
        found.add("TPM", Verdict::Warning, said, how);
        return;
    };
    if config.key.tpm.is_none() {
        let how = "name it as key.tpm, such as \"device:/dev/tpmrm0\"";
        let said = "the key is sealed to a TPM, and none is configured";
        found.add("TPM", Verdict::Bad, said, how);
        return;
    }
    if let Ok(Some(original)) = custody.copied_from() {
        let said = format!("this folder is a copy of {original}: both need one half in the TPM");
        let how = "if this one is the box now: healthpost key reseal --moved";
        found.add("data folder", Verdict::Warning, &said, how);
    }
    let findings = custody.tpm_findings().unwrap_or_default();
    if findings.is_empty() {
        found.add("TPM", Verdict::Ok, "it is the one the key is sealed to", "");
    }
    for finding in findings {
        found.add(
            "TPM",
            verdict(&finding),
            &finding.to_string(),
            remedy(&finding),
        );
    }
    if slots.has_open_seal_elsewhere() {
        found.add(
            "PIN",
            Verdict::Warning,
            OPEN_ELSEWHERE,
            "healthpost key rotate",
        );
    } else if *pin {
        found.add("PIN", Verdict::Ok, "the TPM asks for one", "");
    } else {
        found.add(
            "PIN",
            Verdict::Warning,
            NO_PIN,
            "healthpost key set-pin sets one",
        );
    }
}

/// That nobody knows how the key is sealed, and why.
pub(super) fn not_looked_at(why: &str, how: &str, found: &mut Findings) {
    for what in ["TPM", "PIN"] {
        found.add(what, Verdict::NotChecked, why, how);
    }
}

const fn remedy(finding: &Finding) -> &'static str {
    const RECOVER: &str = "on the board that is to be the box: healthpost key recover, with the \
        recovery key";
    match finding {
        Finding::Cleared | Finding::OtherTpm | Finding::OtherStorageKey => RECOVER,
        Finding::IndexGone => {
            "put back the present keyslots.json; if there is none: healthpost key recover"
        }
        Finding::IndexOverwritten => "healthpost key recover, with the recovery key",
        Finding::PcrChanged => {
            "after an update: healthpost key reseal, with a passphrase or the recovery key"
        }
        Finding::Unusable(_) => {
            "look at key.tpm in the configuration, and whether the chip is fitted; a passphrase or \
             the recovery key opens the box meanwhile"
        }
        Finding::OwnerPassword { .. } => {
            "take it off: tpm2_changeauth -c owner -p PASSWORD. If nobody knows it: clear the TPM \
             in the board's settings, then healthpost key recover; a passphrase or the recovery key \
             opens the box meanwhile"
        }
        Finding::LockedOut { .. } => "the recovery key or a passphrase opens the box at once",
        Finding::UnguardedPin => "unlock the box once with its PIN",
    }
}

const fn verdict(finding: &Finding) -> Verdict {
    match finding {
        Finding::LockedOut { .. }
        | Finding::OwnerPassword { opens: true }
        | Finding::UnguardedPin => Verdict::Warning,
        Finding::Unusable(_)
        | Finding::Cleared
        | Finding::OtherTpm
        | Finding::OtherStorageKey
        | Finding::OwnerPassword { opens: false }
        | Finding::IndexGone
        | Finding::IndexOverwritten
        | Finding::PcrChanged => Verdict::Bad,
    }
}
