//! What a copy of the data folder is worth on the same board, made before a
//! change: nothing to whoever has no paper and no passphrase.

use super::clinic::{Clinic, pin};
use healthpost::app::init::FirstWay;
use healthpost::app::key::{Erased, Way, Witness};
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
            .destroy(Some(opened), true, &mut quiet())
            .unwrap();
    });
}

#[test]
fn a_copy_on_the_same_board_cannot_shut_the_box_out() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let copied = clinic.copy();
    let copy = clinic.custody_of(copied.path());
    let opened = copy.open(&Way::Tpm(None)).unwrap();
    let none = &mut quiet();
    for said in [
        copy.seal(&opened, Some(&pin()), none),
        copy.rotate(&opened, &Way::Tpm(None), none).map(drop),
        copy.destroy(Some(&opened), true, none).map(drop),
    ] {
        let said = said.unwrap_err().to_string();
        assert!(said.contains("is a copy of"), "{said}");
    }
    clinic.open(&Way::Tpm(None)).unwrap();
    // What a change that was cut short left is not removed from within a copy.
    let again = clinic.open(&Way::Tpm(None)).unwrap();
    clinic.custody().seal(&again, None, none).unwrap();
    copy.open(&clinic.recovery()).unwrap();
    clinic.open(&Way::Tpm(None)).unwrap();
    // Erased without the TPM, the copy is gone and the box is not.
    let erased = copy.destroy(None, false, none).unwrap();
    assert!(erased.half_left);
    clinic.open(&Way::Tpm(None)).unwrap();
}

#[test]
fn a_copy_becomes_the_box_when_somebody_says_so() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let copied = clinic.copy();
    let copy = clinic.custody_of(copied.path());
    let opened = copy.open(&Way::Tpm(None)).unwrap();
    copy.make_home().unwrap();
    copy.seal(&opened, None, &mut quiet()).unwrap();
    copy.open(&Way::Tpm(None)).unwrap();
    assert!(clinic.open(&Way::Tpm(None)).is_err());
    clinic.open(&clinic.recovery()).unwrap();
}

/// The card that was left behind is wiped, as anybody would do next.
#[test]
fn the_folder_that_was_left_cannot_shut_the_box_out() {
    let clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let copied = clinic.copy();
    let copy = clinic.custody_of(copied.path());
    let way = || Way::Tpm(Some(pin()));
    let opened = copy.open(&way()).unwrap();
    copy.seal_moved(&opened, Some(&pin()), &mut quiet())
        .unwrap();
    let (left, none) = (clinic.custody(), &mut quiet());
    let opened = left.open(&clinic.recovery()).unwrap();
    for said in [
        left.seal(&opened, Some(&pin()), none),
        left.rotate(&opened, &clinic.recovery(), none).map(drop),
        left.destroy(Some(&opened), true, none).map(drop),
    ] {
        let said = said.unwrap_err().to_string();
        assert!(said.contains("another folder of the same box"), "{said}");
    }
    copy.open(&way()).unwrap();
    left.destroy(None, false, none).unwrap();
    assert!(!clinic.data().join("keyslots.json").exists());
    copy.open(&way()).unwrap();
}

#[test]
fn a_copy_that_does_not_become_the_box_stays_as_it_was() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(None));
    let copied = clinic.copy();
    let copy = clinic.custody_of(copied.path());
    let opened = copy.open(&Way::Tpm(None)).unwrap();
    let slots = copied.path().join("keyslots.json");
    let before = std::fs::read(&slots).unwrap();
    clinic.board.cut();
    copy.seal_moved(&opened, None, &mut quiet()).unwrap_err();
    assert_eq!(std::fs::read(&slots).unwrap(), before);
    clinic.board.power_on();
    let copy = clinic.custody_of(copied.path());
    copy.seal_moved(&opened, None, &mut quiet()).unwrap();
    copy.open(&Way::Tpm(None)).unwrap();
    assert!(clinic.open(&Way::Tpm(None)).is_err());
}

#[test]
fn without_any_slots_nothing_is_called_erased_that_a_copy_still_opens() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let stolen = clinic.copy();
    std::fs::remove_file(clinic.data().join("keyslots.json")).unwrap();
    let custody = clinic.custody();
    let said = custody.destroy(None, true, &mut quiet()).unwrap_err();
    let said = format!("{said:#}");
    assert!(said.contains("--without-tpm"), "{said}");
    assert!(clinic.data().join("clinic.db").exists(), "half erased");
    let erased = custody.destroy(None, false, &mut quiet()).unwrap();
    assert!(erased.half_left && erased.lockout_left, "{erased:?}");
    // What it says is left, is left.
    let copy = clinic.custody_of(stolen.path());
    copy.open(&Way::Tpm(None)).unwrap();
}

#[test]
fn a_dead_tpm_does_not_keep_a_folder_from_being_erased() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let stolen = clinic.copy();
    clinic.board.cut();
    let custody = clinic.custody();
    let said = custody.destroy(None, true, &mut quiet()).unwrap_err();
    let said = format!("{said:#}");
    assert!(said.contains("--without-tpm"), "{said}");
    let erased = custody.destroy(None, false, &mut quiet()).unwrap();
    assert!(erased.half_left && erased.lockout_left);
    assert_eq!(std::fs::read_dir(clinic.data()).unwrap().count(), 0);
    // What it says is left, is left: with that TPM the copy opens as it did.
    clinic.board.power_on();
    let copy = clinic.custody_of(stolen.path());
    copy.open(&Way::Tpm(Some(pin()))).unwrap();
}

#[test]
fn the_lock_outs_password_is_taken_off_or_told_to_be_left() {
    let clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let opened = clinic.open(&Way::Tpm(Some(pin()))).unwrap();
    let erased = clinic.custody().destroy(Some(&opened), true, &mut quiet());
    assert_eq!(erased.unwrap(), Erased::default());
    let clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let erased = clinic.custody().destroy(None, true, &mut quiet()).unwrap();
    assert!(erased.lockout_left && !erased.half_left);
}

/// Nobody can read what is in the slots' file any more.
fn damage_slots(clinic: &Clinic) {
    healthpost::durable::write(&clinic.data().join("keyslots.json"), b"{ \"version\":").unwrap();
}

#[test]
fn with_damaged_slots_nothing_is_called_erased_that_a_copy_still_opens() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let stolen = clinic.copy();
    damage_slots(&clinic);
    let custody = clinic.custody();
    let said = custody.destroy(None, true, &mut quiet()).unwrap_err();
    let said = format!("{said:#}");
    assert!(said.contains("--without-tpm"), "{said}");
    assert!(said.contains("keyslots.json is damaged"), "{said}");
    assert!(clinic.data().join("clinic.db").exists(), "half erased");
    let erased = custody.destroy(None, false, &mut quiet()).unwrap();
    assert!(erased.half_left && erased.lockout_left, "{erased:?}");
    // What it says is left, is left.
    let copy = clinic.custody_of(stolen.path());
    copy.open(&Way::Tpm(None)).unwrap();
}

#[test]
fn the_slots_before_the_last_change_name_the_tpm_as_well() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let stolen = clinic.copy();
    let slots = clinic.data().join("keyslots.json");
    std::fs::copy(&slots, clinic.data().join("keyslots.json.old")).unwrap();
    damage_slots(&clinic);
    let erased = clinic.custody().destroy(None, true, &mut quiet()).unwrap();
    assert_eq!(erased, Erased::default());
    assert_eq!(clinic.board.indices(), Vec::<u32>::new());
    let copy = clinic.custody_of(stolen.path());
    copy.open(&Way::Tpm(None)).unwrap_err();
}

#[test]
fn an_end_that_was_cut_short_over_the_slots_file_goes_on() {
    let clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let custody = clinic.custody();
    let mut cut = None;
    let witness = &mut |step: &'static str| {
        cut.get_or_insert_with(|| clinic.moment(step));
    };
    custody.destroy(None, true, witness).unwrap();
    let woken = clinic.after(&cut.unwrap());
    let slots = woken.data().join("keyslots.json");
    let gone = woken.data().join("keyslots.json.gone");
    std::fs::rename(&slots, &gone).unwrap();
    healthpost::durable::write(&gone, &[0; 700]).unwrap();
    woken.custody().destroy(None, true, &mut quiet()).unwrap();
    assert_eq!(std::fs::read_dir(woken.data()).unwrap().count(), 0);
}

#[test]
fn the_lock_outs_password_of_a_pin_that_was_taken_off_is_told_to_be_left() {
    let set_and_taken_off = || {
        let clinic = Clinic::made(&FirstWay::Tpm(None));
        for pin in [Some(pin()), None] {
            let opened = clinic.open(&clinic.recovery()).unwrap();
            let custody = clinic.custody();
            custody.seal(&opened, pin.as_ref(), &mut quiet()).unwrap();
        }
        clinic
    };
    let clinic = set_and_taken_off();
    assert!(clinic.custody().foresee_end(true).unwrap().lockout_left);
    let erased = clinic.custody().destroy(None, true, &mut quiet()).unwrap();
    assert!(erased.lockout_left && !erased.half_left);
    assert!(clinic.custody().lockout_has_a_password());
    // Whoever opens the box first has it taken off.
    let clinic = set_and_taken_off();
    let opened = clinic.open(&Way::Tpm(None)).unwrap();
    let erased = clinic.custody().destroy(Some(&opened), true, &mut quiet());
    assert_eq!(erased.unwrap(), Erased::default());
    assert!(!clinic.custody().lockout_has_a_password());
}
