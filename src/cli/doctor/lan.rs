//! The certificates and the listener on the clinic's network, as far as they can
//! be seen without opening anything.

use super::super::{Globals, machine};
use super::finding::{Findings, Verdict};
use crate::app::key::Custody;
use crate::app::lan::look::{Sight, can_be_named, look};
use crate::app::serve::is_made;
use crate::config::Config;
use std::path::Path;

/// What makes or renews them.
const START: &str = "unlock the box: an open one makes and renews its certificates by itself";

/// Looks at `lan/`, and whether the listener's address fits its certificate.
pub(super) fn look_at_lan(globals: &Globals, config: &Config, folder: &Path, found: &mut Findings) {
    if !config.lan.tls {
        let said = "lan.tls is off: staff pages on this machine alone, without certificates";
        found.add("certificates", Verdict::Ok, said, "");
        return;
    }
    if !can_be_named(config.lan.listen.ip()) {
        let said = format!(
            "lan.listen = \"{}\" is a public address, which no certificate of the box may name",
            config.lan.listen
        );
        let how =
            "listen on 0.0.0.0 or a private address: staff pages are for the clinic's network";
        found.add("LAN listener", Verdict::Warning, &said, how);
    }
    if !is_made(folder).unwrap_or(true) {
        let said = "there is no box yet";
        found.add("certificates", Verdict::NotChecked, said, "healthpost init");
        return;
    }
    let Ok(machine) = machine() else {
        found.add("certificates", Verdict::NotChecked, "there is no clock", "");
        return;
    };
    let now = machine.clock.now();
    match look(folder, &globals.lan(), now) {
        Ok(sight) => tell(globals, &sight, folder, now.trusted, found),
        Err(error) => {
            found.add("certificates", Verdict::Bad, &format!("{error:#}"), START);
        }
    }
}

fn tell(globals: &Globals, sight: &Sight, folder: &Path, trusted: bool, found: &mut Findings) {
    let said = format!(
        "staff devices trust lan/ca.pem, SHA-256 {}",
        sight.fingerprint
    );
    found.add("authority", Verdict::Ok, &said, "");
    let days = sight.days_left;
    if sight.foreign {
        let said = "lan/leaf.pem is by another authority than lan/ca.pem";
        found.add("certificates", Verdict::Bad, said, START);
    } else if !sight.missing.is_empty() {
        let said = format!("the certificate lacks {}", sight.missing.join(", "));
        let how = "unlock the box; a name that stays missing is none of the clinic's network: \
                   use one that ends in .local, .lan, .internal or .home.arpa";
        found.add("certificates", Verdict::Warning, &said, how);
    } else if days < 0 {
        let said = format!("it ended {} days ago by this clock", -days);
        found.add("certificates", Verdict::Bad, &said, START);
    } else if sight.ends_soon {
        let said = format!("{days} days are left");
        found.add("certificates", Verdict::Warning, &said, START);
    } else {
        let clock = if trusted {
            ""
        } else {
            ", if the clock is right"
        };
        let said = format!("it has its names, and {days} days are left{clock}");
        found.add("certificates", Verdict::Ok, &said, "");
    }
    let custody = globals.custody(folder, None);
    let has_tpm = custody.as_ref().is_ok_and(Custody::lives_with_a_tpm);
    let opens = custody.is_ok_and(|custody| custody.tpm_is_at_hand());
    match (sight.sealed, has_tpm) {
        (true, _) if opens => found.add("LAN key", Verdict::Ok, "it is sealed to the TPM", ""),
        (true, _) => {
            let said = "it is sealed to a TPM that does not open it here: while the box is locked \
                        there is no unlock page";
            let how = "unlock it by healthpost unlock; an open box makes itself another key";
            found.add("LAN key", Verdict::Bad, said, how);
        }
        (false, true) => {
            let said = "lan/leaf.key lies in the clear, and the box has a TPM";
            found.add("LAN key", Verdict::Warning, said, START);
        }
        (false, false) => {
            let said = "it lies in a file, since nothing is sealed to a TPM here: whoever copies \
                        the card can pose as the unlock page until it ends";
            let how = "with a TPM fitted: healthpost key reseal";
            found.add("LAN key", Verdict::Warning, said, how);
        }
    }
}
