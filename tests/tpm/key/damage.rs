//! One digit of the slots' file is not what was written: no other way in ends
//! with it, and the box can be led out of it.

use super::clinic::{Clinic, Moment, PASSPHRASE, pin, typed};
use healthpost::app::init::FirstWay;
use healthpost::app::key::Way;
use healthpost::core::secret::Secret;
use healthpost::keys::{Opened, SlotsFile};
use healthpost::store::{audit, open};

const KINDS: [&str; 3] = ["recovery", "tpm2", "passphrase"];

fn quiet() -> impl FnMut(&'static str) {
    |_: &'static str| {}
}

/// A box that its TPM, a passphrase and its paper open.
fn with_every_way() -> Clinic {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let opened = clinic.open(&Way::Tpm(None)).unwrap();
    let passphrase = Secret::from(PASSPHRASE);
    clinic
        .custody()
        .add_passphrase(&opened, &passphrase, &mut quiet())
        .unwrap();
    clinic
}

fn way(clinic: &Clinic, kind: &str) -> Way {
    match kind {
        "recovery" => clinic.recovery(),
        "tpm2" => Way::Tpm(None),
        _ => typed(PASSPHRASE),
    }
}

/// Changes a slot on the disk, the first of its kind: one text for another.
fn damage(clinic: &Clinic, kind: &str, from: &str, to: &str) {
    let path = clinic.data().join("keyslots.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let at = text.find(&format!("\"kind\":\"{kind}\"")).unwrap();
    let (before, after) = text.split_at(at);
    assert!(after.contains(from), "{after}");
    let text = format!("{before}{}", after.replacen(from, to, 1));
    healthpost::durable::write(&path, text.as_bytes()).unwrap();
}

fn kinds(clinic: &Clinic) -> Vec<String> {
    SlotsFile::load(&clinic.data()).unwrap().kinds()
}

/// The box as it was, with the number of one slot changed.
fn with_a_flipped_number(clinic: &Clinic, moment: &Moment, kind: &str) -> Clinic {
    let woken = clinic.after(moment);
    let slots = woken.data().join("keyslots.json");
    let old = woken.data().join("keyslots.json.old");
    std::fs::copy(&slots, old).unwrap();
    damage(&woken, kind, "\"generation\":1", "\"generation\":4");
    woken
}

#[test]
fn a_flipped_number_in_one_slot_ends_no_other() {
    let clinic = with_every_way();
    let moment = clinic.moment("whole");
    for flipped in KINDS {
        for by in KINDS {
            let case = format!("{flipped} flipped, opened by {by}");
            let woken = with_a_flipped_number(&clinic, &moment, flipped);
            // Each person's slot is bound to its number; the TPM's opens.
            let opens = by != flipped || flipped == "tpm2";
            assert_eq!(woken.open(&way(&woken, by)).is_ok(), opens, "{case}");
            assert_eq!(kinds(&woken), KINDS, "{case}");
            // What may be the last whole copy of the slot is still there.
            let old = woken.data().join("keyslots.json.old");
            assert_eq!(old.exists(), flipped != "tpm2" || !opens, "{case}");
            for other in KINDS.iter().filter(|it| **it != flipped) {
                woken
                    .open(&way(&woken, other))
                    .unwrap_or_else(|error| panic!("{case}, then {other}: {error:#}"));
            }
            if flipped == "tpm2" {
                woken.open(&way(&woken, flipped)).unwrap();
            }
        }
    }
}

#[test]
fn a_rotation_after_a_flipped_number_leaves_every_whole_way() {
    let clinic = with_every_way();
    let moment = clinic.moment("whole");
    for flipped in ["tpm2", "passphrase"] {
        let woken = with_a_flipped_number(&clinic, &moment, flipped);
        let opened = woken.open(&Way::Tpm(None)).unwrap();
        let custody = woken.custody();
        let mut told = Vec::new();
        let next = custody
            .rotate(&opened, &Way::Tpm(None), &mut |step| told.push(step))
            .unwrap();
        for kind in KINDS.iter().filter(|it| **it != "passphrase") {
            let opened = woken.open(&way(&woken, kind)).unwrap();
            assert_eq!(opened.key.expose(), next.key.expose(), "{kind}");
        }
        let lost = flipped == "passphrase";
        assert_eq!(woken.open(&typed(PASSPHRASE)).is_err(), lost);
        let is_told = told.iter().any(|it| it.contains("key add-passphrase"));
        assert_eq!(is_told, lost, "{told:?}");
        assert_eq!(kinds(&woken).len(), if lost { 2 } else { 3 });
        assert_eq!(SlotsFile::load(&woken.data()).unwrap().faults(), []);
    }
    let woken = with_a_flipped_number(&clinic, &moment, "recovery");
    let opened = woken.open(&Way::Tpm(None)).unwrap();
    let custody = woken.custody();
    let said = custody
        .rotate(&opened, &Way::Tpm(None), &mut quiet())
        .unwrap_err();
    assert!(said.to_string().contains("key new-recovery"), "{said:#}");
    // As it says.
    let paper = custody.draw_recovery();
    custody
        .replace_recovery(&opened, &paper, &mut quiet())
        .unwrap();
    custody
        .rotate(&opened, &Way::Tpm(None), &mut quiet())
        .unwrap();
    woken.open(&Way::Recovery(paper)).unwrap();
    woken.open(&typed(PASSPHRASE)).unwrap();
}

#[test]
fn a_rotation_that_is_cut_short_after_a_flipped_number_loses_no_way() {
    let clinic = with_every_way();
    let woken = with_a_flipped_number(&clinic, &clinic.moment("whole"), "tpm2");
    // Opened by what a person knows, nobody has seen the TPM's number yet.
    let opened = woken.open(&typed(PASSPHRASE)).unwrap();
    let mut kept = Vec::new();
    woken
        .custody()
        .rotate(&opened, &typed(PASSPHRASE), &mut |step| {
            kept.push(woken.moment(step));
        })
        .unwrap();
    for first in KINDS {
        for moment in &kept {
            let woken = woken.after(moment);
            for kind in [first].iter().chain(&KINDS) {
                woken
                    .open(&way(&woken, kind))
                    .unwrap_or_else(|error| panic!("{kind} after \"{}\": {error:#}", moment.step));
            }
        }
    }
    assert_eq!(
        SlotsFile::load(&woken.data()).unwrap().generations().len(),
        1
    );
}

#[test]
fn sealing_anew_ends_a_seal_whose_number_was_flipped() {
    let clinic = with_every_way();
    let moment = clinic.moment("whole");
    let woken = with_a_flipped_number(&clinic, &moment, "tpm2");
    let stolen = woken.copy();
    let opened = woken.open(&typed(PASSPHRASE)).unwrap();
    let custody = woken.custody();
    custody.seal(&opened, Some(&pin()), &mut quiet()).unwrap();
    assert!(woken.open(&Way::Tpm(None)).is_err());
    woken.open(&Way::Tpm(Some(pin()))).unwrap();
    let thief = woken.custody_of(stolen.path());
    assert!(thief.open(&Way::Tpm(None)).is_err(), "the PIN is passed by");
}

/// How often the audit log tells of a rotation.
fn rotations(clinic: &Clinic, opened: &Opened) -> usize {
    let conn = open::open(&clinic.data(), &opened.key).unwrap();
    let entries = audit::list(&conn, 0, 1_000).unwrap();
    let is_it = |entry: &&audit::Entry| entry.action == "key.rotate";
    entries.iter().filter(is_it).count()
}

#[test]
fn a_rotation_beside_a_slot_that_does_not_read_is_noted_and_ends_the_former_halves() {
    let clinic = with_every_way();
    damage(&clinic, "passphrase", "\"salt\"", "\"pepper\"");
    let stolen = clinic.copy();
    let opened = clinic.open(&Way::Tpm(None)).unwrap();
    let mut told = Vec::new();
    let next = clinic
        .custody()
        .rotate(&opened, &Way::Tpm(None), &mut |step| told.push(step))
        .unwrap();
    assert!(
        told.iter().any(|it| it.contains("left there as it is")),
        "{told:?}"
    );
    assert!(told.iter().any(|it| it.contains("key drill")), "{told:?}");
    assert_eq!(rotations(&clinic, &next), 1);
    // Word for word.
    let text = std::fs::read_to_string(clinic.data().join("keyslots.json")).unwrap();
    assert!(text.contains("\"pepper\""), "{text}");
    // The listener's and the new key's.
    assert_eq!(clinic.board.indices().len(), 2);
    let thief = clinic.custody_of(stolen.path());
    assert!(thief.open(&Way::Tpm(None)).is_err());
    clinic.open(&Way::Tpm(None)).unwrap();
    clinic.open(&clinic.recovery()).unwrap();
}

#[test]
fn a_rotation_that_is_cut_short_beside_a_damaged_slot_ends_all_the_same() {
    let clinic = with_every_way();
    damage(
        &clinic,
        "passphrase",
        "\"generation\":1",
        "\"generation\":4",
    );
    let opened = clinic.open(&Way::Tpm(None)).unwrap();
    let mut kept = Vec::new();
    clinic
        .custody()
        .rotate(&opened, &Way::Tpm(None), &mut |step| {
            kept.push(clinic.moment(step));
        })
        .unwrap();
    let cut = |step: &str| kept.iter().find(|it| it.step == step).unwrap();
    for step in ["the slots hold both keys", "the new database is in place"] {
        for by in ["recovery", "tpm2"] {
            let woken = clinic.after(cut(step));
            let old = woken.data().join("keyslots.json.old");
            let before = std::fs::read(&old).unwrap();
            woken.open(&way(&woken, by)).unwrap();
            // The damaged one, and what opens the database that is there.
            let mut left = kinds(&woken);
            left.sort();
            assert_eq!(left, ["passphrase", "recovery", "tpm2"], "{step}, {by}");
            assert_eq!(std::fs::read(&old).unwrap(), before, "{step}, {by}");
            for kind in ["recovery", "tpm2"] {
                woken.open(&way(&woken, kind)).unwrap();
            }
        }
    }
}

#[test]
fn no_rotation_leaves_a_sealed_box_with_what_people_remember() {
    let clinic = with_every_way();
    damage(&clinic, "tpm2", "\"private\":\"00", "\"private\":\"zz");
    let slots = || std::fs::read_to_string(clinic.data().join("keyslots.json")).unwrap();
    let before = slots();
    let opened = clinic.open(&typed(PASSPHRASE)).unwrap();
    let custody = clinic.custody();
    let by = typed(PASSPHRASE);
    let said = custody.rotate(&opened, &by, &mut quiet()).unwrap_err();
    assert!(said.to_string().contains("key reseal"), "{said:#}");
    assert_eq!(slots(), before);
    // As it says.
    custody.seal(&opened, None, &mut quiet()).unwrap();
    custody.rotate(&opened, &by, &mut quiet()).unwrap();
    clinic.open(&Way::Tpm(None)).unwrap();
}
