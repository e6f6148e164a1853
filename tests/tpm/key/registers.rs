//! A box that is bound to what its board measures, before and after an update:
//! the TPM does not open then, and whoever has a passphrase or the paper seals
//! anew.

use super::clinic::{Clinic, PASSPHRASE, pin, typed};
use super::commands::Box;
use crate::tpm::board::PIN;
use healthpost::app::init::FirstWay;
use healthpost::app::key::{Way, registers_changed};
use healthpost::core::secret::Secret;

/// Bound to its software, with a PIN or without.
fn bound(with_pin: bool) -> Clinic {
    let mut clinic = Clinic::bare();
    clinic.pcrs = vec![11];
    let way = FirstWay::Tpm(with_pin.then(pin));
    clinic.init(&way, &mut |_| {}).unwrap();
    clinic
}

#[test]
fn after_an_update_the_box_is_sealed_anew_by_what_a_person_knows() {
    for with_pin in [false, true] {
        let clinic = bound(with_pin);
        let by_tpm = Way::Tpm(with_pin.then(pin));
        let opened = clinic.open(&by_tpm).unwrap();
        let phrase = Secret::from(PASSPHRASE);
        let custody = clinic.custody();
        custody
            .add_passphrase(&opened, &phrase, &mut |_| {})
            .unwrap();
        for (version, way) in [(1, clinic.recovery()), (2, typed(PASSPHRASE))] {
            clinic.board.update(version);
            let said = clinic.open(&by_tpm).err().unwrap();
            assert!(registers_changed(&said), "{said:#}");
            let opened = clinic.open(&way).unwrap();
            let sealing = with_pin.then(pin);
            custody
                .seal(&opened, sealing.as_ref(), &mut |_| {})
                .unwrap();
            clinic.open(&by_tpm).unwrap();
        }
    }
}

#[test]
fn a_box_that_opens_by_itself_asks_for_the_paper_after_an_update() {
    let it = Box::bound();
    it.run(&["secret", "list"], "");
    it.board.update(1);
    let said = it.refused(&["secret", "list"], "");
    assert!(said.contains("has changed since"), "{said}");
    let said = it.refused(&["key", "reseal"], "");
    assert!(said.contains("--passphrase-file"), "{said}");
    let other = it.refused(&["key", "reseal"], PIN);
    assert!(!other.contains("the former slot is worthless"), "{other}");
    it.run(&["key", "reseal"], &it.paper);
    it.run(&["secret", "list"], "");
}

#[test]
fn a_box_with_a_pin_is_sealed_anew_with_it_by_a_passphrase_or_the_paper() {
    let it = Box::bound();
    it.run(&["key", "set-pin"], PIN);
    it.put("phrase", PASSPHRASE);
    let add = ["key", "add-passphrase", "--pin-file", "pin"];
    it.run(&add, PASSPHRASE);
    let by_pin = ["secret", "list", "--pin-file", "pin"];
    let reseal = ["key", "reseal", "--pin-file", "pin"];
    let by_phrase = ["--passphrase-file", "phrase"];
    it.board.update(1);
    it.refused(&by_pin, "");
    // The passphrase alone would leave the box without its PIN.
    let alone = [&["key", "reseal"][..], &by_phrase].concat();
    let said = it.refused(&alone, "");
    assert!(said.contains("--pin-file"), "{said}");
    it.run(&[&reseal[..], &by_phrase].concat(), "");
    it.run(&by_pin, "");
    it.board.update(2);
    it.refused(&by_pin, "");
    it.run(&reseal, &it.paper);
    it.run(&by_pin, "");
    assert!(it.run(&["key", "status"], "").contains("with a PIN"));
    // No try of the PIN was used up by all this.
    let wrong = it.refused(&["secret", "list", "--pin-file", "wrong"], "");
    assert!(wrong.contains("9 tries are left"), "{wrong}");
}
