//! What a copy of the data folder is worth on the same board, made before a
//! change: nothing to whoever has no paper and no passphrase.

use super::clinic::{Clinic, pin};
use healthpost::app::init::FirstWay;
use healthpost::app::key::{Way, Witness};
use healthpost::keys::Opened;

fn quiet() -> Box<Witness<'static>> {
    Box::new(|_| {})
}

/// A copy made before `change` does not open with the TPM after it, and does
/// with the paper.
fn worthless_after(first: &FirstWay, way: &Way, change: impl FnOnce(&Clinic, &Opened)) {
    let clinic = Clinic::made(first);
    let stolen = clinic.copy();
    let with_copy = clinic.custody_of(stolen.path());
    with_copy.open(way).unwrap();
    let opened = clinic.open(way).unwrap();
    change(&clinic, &opened);
    let said = with_copy.open(way).err().unwrap();
    assert!(!said.to_string().is_empty());
    with_copy.open(&clinic.recovery()).unwrap();
}

#[test]
fn after_a_pin_was_set() {
    worthless_after(&FirstWay::Tpm(None), &Way::Tpm(None), |clinic, opened| {
        let custody = clinic.custody();
        custody.seal(opened, Some(&pin()), &mut quiet()).unwrap();
    });
}

#[test]
fn after_sealing_anew() {
    worthless_after(&FirstWay::Tpm(None), &Way::Tpm(None), |clinic, opened| {
        clinic.custody().seal(opened, None, &mut quiet()).unwrap();
    });
}

#[test]
fn after_a_rotation() {
    let way = Way::Tpm(Some(pin()));
    worthless_after(&FirstWay::Tpm(Some(pin())), &way, |clinic, opened| {
        let way = Way::Tpm(Some(pin()));
        clinic.custody().rotate(opened, &way, &mut quiet()).unwrap();
        clinic.open(&way).unwrap();
    });
}

#[test]
fn after_everything_was_erased() {
    worthless_after(&FirstWay::Tpm(None), &Way::Tpm(None), |clinic, opened| {
        clinic
            .custody()
            .destroy(Some(opened), &mut quiet())
            .unwrap();
    });
}
