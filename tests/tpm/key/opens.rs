//! What opens a box.

use super::clinic::{Clinic, PASSPHRASE, pin, typed};
use healthpost::app::init::FirstWay;
use healthpost::app::key::{Erased, Way, is_wrong_secret};
use healthpost::core::pin::Pin;
use healthpost::core::secret::Secret;
use healthpost::keys::Opened;
use healthpost::store::audit::{self, Verdict};
use healthpost::store::open;

#[test]
fn a_sealed_box_opens_by_itself_again_and_again() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(None));
    assert!(clinic.custody().opens_by_itself().unwrap());
    let first = clinic.open(&Way::Tpm(None)).unwrap();
    clinic.board.power_cycle();
    let again = clinic.open(&Way::Tpm(None)).unwrap();
    assert_eq!(first.key.expose(), again.key.expose());
    let recovered = clinic.open(&clinic.recovery()).unwrap();
    assert_eq!(first.key.expose(), recovered.key.expose());
    // It is written down that nobody asked for a PIN.
    let conn = open::open(&clinic.data(), &first.key).unwrap();
    let found: String = conn
        .query_row(
            "SELECT detail FROM audit WHERE action = 'key.protection'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(found.contains("without a PIN"), "{found}");
    let verdict = audit::verify(&conn).unwrap();
    assert!(matches!(verdict, Verdict::Whole { .. }), "{verdict:?}");
}

#[test]
fn with_a_pin_nothing_opens_by_itself_and_power_cuts_use_up_no_tries() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    assert!(!clinic.custody().opens_by_itself().unwrap());
    let said = clinic.open(&Way::Tpm(None)).err().unwrap();
    assert!(said.to_string().contains("opens with a PIN"), "{said}");
    // More cuts than the TPM allows wrong PINs.
    for _ in 0..12 {
        clinic.open(&Way::Tpm(Some(pin()))).unwrap();
        clinic.board.power_cycle();
    }
    let wrong = Pin::parse("000000").unwrap();
    let said = clinic.open(&Way::Tpm(Some(wrong))).err().unwrap();
    assert!(said.to_string().contains("the PIN is wrong"), "{said}");
    clinic.open(&typed("482913")).unwrap();
}

/// Types wrong PINs until the chip takes none any more.
fn lock_out(clinic: &Clinic) {
    let wrong = Way::Tpm(Some(Pin::parse("000000").unwrap()));
    for _ in 0..10 {
        clinic.open(&wrong).unwrap_err();
    }
    let said = clinic.open(&Way::Tpm(Some(pin()))).err().unwrap();
    assert!(said.to_string().contains("too many wrong PINs"), "{said}");
}

#[test]
fn the_paper_and_a_passphrase_end_a_lock_out_but_not_from_within_a_copy() {
    let clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let opened = clinic.open(&Way::Tpm(Some(pin()))).unwrap();
    let phrase = Secret::from(PASSPHRASE);
    let custody = clinic.custody();
    custody
        .add_passphrase(&opened, &phrase, &mut |_| {})
        .unwrap();
    for way in [clinic.recovery(), typed(PASSPHRASE)] {
        lock_out(&clinic);
        clinic.open(&way).unwrap();
        clinic.open(&Way::Tpm(Some(pin()))).unwrap();
    }
    lock_out(&clinic);
    let copied = clinic.copy();
    let copy = clinic.custody_of(copied.path());
    copy.open(&clinic.recovery()).unwrap();
    clinic.open(&Way::Tpm(Some(pin()))).unwrap_err();
}

#[test]
fn a_pin_a_passphrase_and_the_paper_open_the_same_box() {
    let clinic = Clinic::made(&FirstWay::Passphrase(Secret::from(PASSPHRASE)));
    let opened = clinic.open(&typed(PASSPHRASE)).unwrap();
    let custody = clinic.custody();
    custody.seal(&opened, Some(&pin()), &mut |_| {}).unwrap();
    for way in [
        typed(PASSPHRASE),
        typed("482913"),
        Way::Tpm(Some(pin())),
        clinic.recovery(),
    ] {
        assert_eq!(clinic.open(&way).unwrap().key.expose(), opened.key.expose());
    }
    let said = clinic.open(&typed("neither of them")).err().unwrap();
    assert!(said.to_string().contains("wrong"), "{said}");
}

/// How often it is written down that the box opened without its TPM.
fn times_without_tpm(clinic: &Clinic, opened: &Opened) -> usize {
    let conn = open::open(&clinic.data(), &opened.key).unwrap();
    let entries = audit::list(&conn, 0, 1_000).unwrap();
    let is_it = |entry: &&audit::Entry| entry.action == "key.opened_without_tpm";
    entries.iter().filter(is_it).count()
}

#[test]
fn a_sealed_box_never_opens_by_what_a_person_knows_in_silence() {
    let clinic = Clinic::made(&FirstWay::Passphrase(Secret::from(PASSPHRASE)));
    let paper = clinic.recovery.clone().unwrap().show();
    let ways = [
        typed(PASSPHRASE),
        typed(&paper),
        Way::Passphrase(Secret::from(PASSPHRASE)),
        clinic.recovery(),
    ];
    for way in &ways {
        let opened = clinic.open(way).unwrap();
        assert_eq!(times_without_tpm(&clinic, &opened), 0, "nothing is sealed");
    }
    let opened = clinic.open(&ways[0]).unwrap();
    clinic.custody().seal(&opened, None, &mut |_| {}).unwrap();
    for (before, way) in ways.iter().enumerate() {
        let opened = clinic.open(way).unwrap();
        assert_eq!(times_without_tpm(&clinic, &opened), before + 1);
    }
    let opened = clinic.open(&Way::Tpm(None)).unwrap();
    assert_eq!(times_without_tpm(&clinic, &opened), ways.len());
}

#[test]
fn another_board_opens_only_with_the_paper_and_is_sealed_to_then() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let mut elsewhere = Clinic::bare();
    elsewhere.recovery.clone_from(&clinic.recovery);
    let moved = clinic.copy();
    std::fs::rename(moved.path(), elsewhere.data()).unwrap();
    let said = elsewhere.open(&Way::Tpm(None)).err().unwrap();
    assert!(said.to_string().contains("not the TPM"), "{said}");
    let opened = elsewhere.open(&elsewhere.recovery()).unwrap();
    let custody = elsewhere.custody();
    custody.seal(&opened, None, &mut |_| {}).unwrap();
    elsewhere.open(&Way::Tpm(None)).unwrap();
    // The slot of the first board did not open here, and is still there.
    let kinds = healthpost::keys::SlotsFile::load(&elsewhere.data())
        .unwrap()
        .kinds();
    assert_eq!(kinds, ["recovery", "tpm2", "tpm2"]);
}

#[test]
fn a_seal_of_the_board_that_died_does_not_make_a_box_open_by_itself() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(None));
    let dead = std::mem::replace(&mut clinic.board, crate::tpm::board::Board::new());
    let opened = clinic.open(&clinic.recovery()).unwrap();
    let custody = clinic.custody();
    // Nothing is sealed here yet: the only seal may be the one of this board.
    assert!(custody.opens_by_itself().unwrap());
    custody.seal(&opened, Some(&pin()), &mut |_| {}).unwrap();
    assert!(!custody.opens_by_itself().unwrap());
    assert!(custody.wants_pin().unwrap());
    clinic.open(&Way::Tpm(Some(pin()))).unwrap();
    // The dead board's slot is kept all the same.
    clinic.board = dead;
    clinic.open(&Way::Tpm(None)).unwrap();
}

#[test]
fn back_on_its_first_board_a_box_has_one_seal_to_it() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(None));
    let seal = |clinic: &Clinic, pin: Option<&Pin>| {
        let opened = clinic.open(&clinic.recovery()).unwrap();
        clinic.custody().seal(&opened, pin, &mut |_| {}).unwrap();
    };
    let second = crate::tpm::board::Board::new();
    let first = std::mem::replace(&mut clinic.board, second);
    seal(&clinic, None);
    clinic.board = first;
    // The first board's seal was never given up, and is the one replaced.
    clinic.open(&Way::Tpm(None)).unwrap();
    let stolen = clinic.copy();
    seal(&clinic, Some(&pin()));
    assert!(clinic.open(&Way::Tpm(None)).is_err());
    assert!(
        clinic
            .custody_of(stolen.path())
            .open(&Way::Tpm(None))
            .is_err()
    );
    for _ in 0..12 {
        clinic.open(&typed("482913")).unwrap();
        clinic.board.power_cycle();
    }
}

/// A box on its own board again, after a try to seal it to another one was noted
/// and came to nothing.
fn back_from_another_board(own: fn() -> Option<Pin>) -> Clinic {
    let mut clinic = Clinic::made(&FirstWay::Tpm(own()));
    let opened = clinic.open(&Way::Tpm(own())).unwrap();
    let passphrase = Secret::from(PASSPHRASE);
    let custody = clinic.custody();
    let quiet = &mut |_: &'static str| {};
    custody.add_passphrase(&opened, &passphrase, quiet).unwrap();
    let other = crate::tpm::board::Board::new();
    // Somebody else's password is on its lock-out.
    other.tools("tpm2_changeauth", &["-c", "lockout", "somebody"]);
    let first = std::mem::replace(&mut clinic.board, other);
    let custody = clinic.custody();
    assert!(custody.seal(&opened, Some(&pin()), quiet).is_err());
    clinic.board = first;
    clinic
}

#[test]
fn a_rotation_keeps_the_seal_of_the_tpm_that_is_here() {
    let clinic = back_from_another_board(|| None);
    let opened = clinic.open(&typed(PASSPHRASE)).unwrap();
    let custody = clinic.custody();
    let next = custody
        .rotate(&opened, &typed(PASSPHRASE), &mut |_| {})
        .unwrap();
    let by_itself = clinic.open(&Way::Tpm(None)).unwrap();
    assert_eq!(by_itself.key.expose(), next.key.expose());
    assert_ne!(by_itself.key.expose(), opened.key.expose());
    // Its PIN is asked for as on any other day.
    let clinic = back_from_another_board(|| Some(pin()));
    let opened = clinic.open(&typed(PASSPHRASE)).unwrap();
    let custody = clinic.custody();
    let said = custody
        .rotate(&opened, &typed(PASSPHRASE), &mut |_| {})
        .unwrap_err();
    assert!(said.to_string().contains("--pin-file"), "{said}");
    let way = Way::Tpm(Some(pin()));
    custody.rotate(&opened, &way, &mut |_| {}).unwrap();
    clinic.open(&way).unwrap();
}

#[test]
fn on_its_own_board_again_a_box_ends_all_of_itself() {
    for own in [|| None, || Some(pin())] as [fn() -> Option<Pin>; 2] {
        let clinic = back_from_another_board(own);
        let opened = clinic.open(&typed(PASSPHRASE)).unwrap();
        let stolen = clinic.copy();
        let custody = clinic.custody();
        let erased = custody.destroy(Some(&opened), true, &mut |_| {}).unwrap();
        assert_eq!(erased, Erased::default());
        assert_eq!(clinic.board.indices(), Vec::<u32>::new());
        let thief = clinic.custody_of(stolen.path());
        assert!(thief.open(&Way::Tpm(own())).is_err());
        assert!(!custody.lockout_has_a_password());
    }
}

#[test]
fn the_pin_of_a_board_that_was_left_is_not_asked_for() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let left = std::mem::replace(&mut clinic.board, crate::tpm::board::Board::new());
    let opened = clinic.open(&clinic.recovery()).unwrap();
    let custody = clinic.custody();
    // Nothing is sealed here yet: the only seal may be the one of this board.
    assert!(custody.wants_pin().unwrap());
    custody.seal(&opened, None, &mut |_| {}).unwrap();
    assert!(!custody.wants_pin().unwrap());
    clinic.open(&Way::Tpm(None)).unwrap();
    // That one's lock-out keeps its password all the same.
    assert!(custody.foresee_end(false).unwrap().lockout_left);
    let custody = clinic.custody();
    let passphrase = Secret::from(PASSPHRASE);
    custody
        .add_passphrase(&opened, &passphrase, &mut |_| {})
        .unwrap();
    let wrong = clinic.open(&typed("no passphrase of it")).err().unwrap();
    assert!(is_wrong_secret(&wrong), "{wrong:#}");
    // And back there, the PIN that is typed opens.
    let other = std::mem::replace(&mut clinic.board, left);
    assert!(clinic.custody().may_want_pin().unwrap());
    let back = clinic.open(&typed("482913")).unwrap();
    assert_eq!(back.key.expose(), opened.key.expose());
    drop(other);
}

#[test]
fn no_rotation_ends_the_seal_of_a_tpm_that_is_not_here() {
    let mut clinic = back_from_another_board(|| None);
    let own = std::mem::replace(&mut clinic.board, crate::tpm::board::Board::new());
    let opened = clinic.open(&typed(PASSPHRASE)).unwrap();
    let said = clinic
        .custody()
        .rotate(&opened, &typed(PASSPHRASE), &mut |_| {})
        .unwrap_err();
    assert!(said.to_string().contains("another TPM"), "{said}");
    clinic.board = own;
    clinic.open(&Way::Tpm(None)).unwrap();
}

#[test]
fn a_change_that_was_cut_short_is_ended_by_the_next_opening() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let opened = clinic.open(&Way::Tpm(None)).unwrap();
    let mut cut = None;
    let custody = clinic.custody();
    custody
        .seal(&opened, Some(&pin()), &mut |step| {
            if step == "the new slot is written" {
                cut = Some(clinic.moment(step));
            }
        })
        .unwrap();
    let woken = clinic.after(&cut.unwrap());
    let old = woken.data().join("keyslots.json.old");
    assert!(old.exists());
    let stolen = woken.copy();
    std::fs::rename(
        stolen.path().join("keyslots.json.old"),
        stolen.path().join("keyslots.json"),
    )
    .unwrap();
    woken.open(&Way::Tpm(Some(pin()))).unwrap();
    assert!(!old.exists());
    let said = woken.custody_of(stolen.path()).open(&Way::Tpm(None));
    assert!(said.is_err(), "the former way in is still one");
}

#[test]
fn a_drill_proves_the_paper_and_a_wrong_one_is_told() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let recovery = clinic.recovery.clone().unwrap();
    let now = super::clinic::NOW;
    let drill = clinic.custody().drill(recovery, now).unwrap();
    assert_eq!(drill.records, 0);
    let other = Clinic::made(&FirstWay::Tpm(None)).recovery.unwrap();
    let said = clinic.custody().drill(other, now).err().unwrap();
    assert!(said.to_string().contains("recovery key is wrong"), "{said}");
    let names: Vec<_> = std::fs::read_dir(clinic.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().contains("new")),
        "{names:?}"
    );
}
