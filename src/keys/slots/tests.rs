//! What the slots' file promises: every way leads to the key, damage to one
//! slot never closes another, and no bit flipped gives a wrong key.

use super::*;
use crate::keys::testing::Sequence;

const CHEAP: Cost = Cost {
    m_kib: 8,
    t: 1,
    p: 1,
};

fn made(cost: Cost, passphrase: &str) -> (SlotsFile, Opened, RecoveryKey) {
    let chance = Sequence::default();
    let (mut file, key, recovery) = create(&chance).unwrap();
    let opened = Opened {
        generation: FIRST_GENERATION,
        key,
    };
    file.add_with(cost, passphrase, &opened, &chance).unwrap();
    (file, opened, recovery)
}

fn cheap() -> (SlotsFile, Opened, RecoveryKey) {
    made(CHEAP, "maji safi")
}

fn reread(file: &SlotsFile) -> SlotsFile {
    SlotsFile::parse(&file.to_bytes().unwrap()).unwrap()
}

fn only(opened: Result<Vec<Opened>, Error>) -> Opened {
    let mut opened = opened.unwrap();
    assert_eq!(opened.len(), 1);
    opened.remove(0)
}

#[test]
fn both_ways_lead_to_the_key_and_others_do_not() {
    let (file, made, recovery) = made(derive::SLOT, "maji safi");
    let file = reread(&file);
    assert_eq!(file.kinds(), ["recovery", "passphrase"]);
    let opened = only(file.open_with_passphrase("maji safi"));
    assert_eq!(opened.key.expose(), made.key.expose());
    let opened = only(file.open_with_recovery(&recovery));
    assert_eq!(opened.key.expose(), made.key.expose());
    let said = file.open_with_passphrase("maji chafu").unwrap_err();
    assert_eq!(said.to_string(), "the passphrase is wrong");
    let text = String::from_utf8(file.to_bytes().unwrap()).unwrap();
    assert!(!text.contains(made.key.hex().as_str()));
    assert!(text.contains("\"m_kib\":32768"), "{text}");
}

#[test]
fn another_recovery_key_does_not_open() {
    let (file, ..) = cheap();
    let other = RecoveryKey::draw(&Sequence::starting_at(99));
    let said = file.open_with_recovery(&other);
    assert!(matches!(said, Err(Error::Wrong(_))));
}

#[test]
fn the_same_letters_typed_otherwise_open() {
    let (file, ..) = made(CHEAP, "caf\u{e9} au lait");
    only(file.open_with_passphrase("cafe\u{301} au lait"));
}

#[test]
fn an_unknown_kind_is_kept_word_for_word() {
    let (file, made, _) = cheap();
    let strange = r#"{ "kind":"smartcard",  "reader":[7], "blob":"00" }"#;
    let text = String::from_utf8(file.to_bytes().unwrap()).unwrap();
    let text = text.replacen("\"slots\": [", &format!("\"slots\": [{strange},"), 1);
    let mut file = SlotsFile::parse(text.as_bytes()).unwrap();
    file.add_with(CHEAP, "second", &made, &Sequence::starting_at(40))
        .unwrap();
    file.keep_generation(FIRST_GENERATION);
    let folder = tempfile::tempdir().unwrap();
    file.save(folder.path()).unwrap();
    let written = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert!(written.contains(strange));
    let file = SlotsFile::load(folder.path()).unwrap();
    let kinds = ["smartcard", "recovery", "passphrase", "passphrase"];
    assert_eq!(file.kinds(), kinds);
    for passphrase in ["maji safi", "second"] {
        only(file.open_with_passphrase(passphrase));
    }
}

#[test]
fn a_further_generation_opens_with_what_people_have() {
    let (mut file, first, recovery) = cheap();
    let next = Opened {
        generation: 2,
        key: DataKey::take(&mut [7; 32]),
    };
    file.add_generation(&first, &next, &Sequence::starting_at(3))
        .unwrap();
    let mut file = reread(&file);
    assert_eq!(file.generations(), [2, 1]);
    for opened in [
        file.open_with_passphrase("maji safi").unwrap(),
        file.open_with_recovery(&recovery).unwrap(),
    ] {
        let keys: Vec<_> = opened
            .iter()
            .map(|it| (it.generation, *it.key.expose()))
            .collect();
        assert_eq!(keys, [(2, [7; 32]), (1, *first.key.expose())]);
    }
    file.keep_generation(2);
    let file = reread(&file);
    assert_eq!(
        only(file.open_with_recovery(&recovery)).key.expose(),
        &[7; 32]
    );
    assert_eq!(only(file.open_with_passphrase("maji safi")).generation, 2);
}

#[test]
fn a_rotation_goes_on_without_a_damaged_passphrase_and_not_without_the_paper() {
    let (file, first, recovery) = cheap();
    let next = Opened {
        generation: 2,
        key: DataKey::take(&mut [7; 32]),
    };
    let damage = ("\"salt\":\"6", "\"salt\":\"7");
    let mut without = changed(&file, "recovery", damage.0, damage.1);
    let said = without.add_generation(&first, &next, &Sequence::default());
    assert!(matches!(said, Err(Error::DamagedSlot("recovery key"))));
    assert_eq!(without.generations(), [1]);
    let mut without = changed(&file, "recovery", "\"recovery\"", "\"smartcard\"");
    let said = without.add_generation(&first, &next, &Sequence::default());
    assert!(matches!(said, Err(Error::NoSuchSlot("recovery key"))));
    // It opened nothing before, and its key opens nothing afterwards.
    let mut file = changed(&file, "passphrase", "\"m_kib\":8", "\"m_kib\":9");
    file.add_generation(&first, &next, &Sequence::default())
        .unwrap();
    assert_eq!(file.kinds(), ["recovery", "passphrase", "recovery"]);
    file.keep_generation(2);
    assert_eq!(file.kinds(), ["recovery"]);
    assert_eq!(
        only(file.open_with_recovery(&recovery)).key.expose(),
        next.key.expose()
    );
}

#[test]
fn a_slot_that_somebody_put_there_gets_no_new_key() {
    let (mut file, first, _) = cheap();
    // Whoever can write the card, and has no data key, makes a slot of their own.
    let theirs = Opened {
        generation: 1,
        key: DataKey::take(&mut [9; 32]),
    };
    let chance = Sequence::starting_at(70);
    file.add_with(CHEAP, "theirs", &theirs, &chance).unwrap();
    let next = Opened {
        generation: 2,
        key: DataKey::take(&mut [7; 32]),
    };
    let said = file.add_generation(&first, &next, &chance);
    assert!(matches!(said, Err(Error::ForeignSlot(_))));
    assert_eq!(file.generations(), [1]);
}

#[test]
fn a_newer_format_and_a_missing_file_are_told() {
    let said = SlotsFile::parse(br#"{"version":2,"doors":[]}"#)
        .err()
        .unwrap();
    assert!(said.to_string().contains("newer version"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let said = SlotsFile::load(folder.path()).err().unwrap();
    assert!(matches!(said, Error::Missing));
}

#[test]
fn no_flipped_bit_gives_a_wrong_key() {
    let (file, made, recovery) = cheap();
    let bytes = file.to_bytes().unwrap();
    for place in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        let Ok(file) = SlotsFile::parse(&flipped) else {
            continue;
        };
        let opened = [
            file.open_with_passphrase("maji safi"),
            file.open_with_recovery(&recovery),
        ];
        // One slot's damage never closes the other.
        assert!(opened.iter().any(Result::is_ok), "bit {place}");
        for opened in opened.into_iter().flatten().flatten() {
            assert_eq!(opened.key.expose(), made.key.expose(), "bit {place}");
        }
    }
}

#[test]
fn a_passphrase_is_taken_out_alone() {
    let (mut file, made, recovery) = cheap();
    let chance = Sequence::starting_at(50);
    file.add_with(CHEAP, "second", &made, &chance).unwrap();
    let said = file.remove_passphrase("neither");
    assert!(matches!(said, Err(Error::Wrong(_))));
    file.remove_passphrase("maji safi").unwrap();
    let mut file = reread(&file);
    assert!(file.open_with_passphrase("maji safi").is_err());
    only(file.open_with_passphrase("second"));
    only(file.open_with_recovery(&recovery));
    file.remove_passphrase("second").unwrap();
    let said = file.remove_passphrase("second");
    assert!(matches!(said, Err(Error::NoSuchSlot(_))));
    only(file.open_with_recovery(&recovery));
}

#[test]
fn a_new_recovery_key_takes_the_place_of_the_old_one() {
    let (mut file, made, old) = cheap();
    let chance = Sequence::starting_at(81);
    let new = RecoveryKey::draw(&chance);
    file.replace_recovery(&new, &made, &chance).unwrap();
    let file = reread(&file);
    assert_eq!(file.kinds(), ["recovery", "passphrase"]);
    assert!(file.open_with_recovery(&old).is_err());
    assert_eq!(
        only(file.open_with_recovery(&new)).key.expose(),
        made.key.expose()
    );
}

/// The file with one of its words changed, wherever `kind` is.
fn changed(file: &SlotsFile, kind: &str, from: &str, to: &str) -> SlotsFile {
    let text = String::from_utf8(file.to_bytes().unwrap()).unwrap();
    let at = text.find(&format!("\"kind\":\"{kind}\"")).unwrap();
    let (before, after) = text.split_at(at);
    assert!(after.contains(from), "{after}");
    let text = format!("{before}{}", after.replacen(from, to, 1));
    SlotsFile::parse(text.as_bytes()).unwrap()
}

#[test]
fn what_is_wrong_with_a_slot_is_seen_without_a_secret() {
    let (file, made, _) = cheap();
    assert_eq!(file.faults(), []);
    let damaged = ("\"generation\":1", "\"generation\":2");
    let unread = ("\"salt\"", "\"pepper\"");
    for (kind, change, fault) in [
        ("recovery", damaged, Fault::DamagedRecovery),
        ("passphrase", damaged, Fault::DamagedPassphrase),
        ("recovery", unread, Fault::Unread("recovery".to_owned())),
        ("passphrase", unread, Fault::Unread("passphrase".to_owned())),
    ] {
        let file = changed(&file, kind, change.0, change.1);
        assert_eq!(file.faults(), [fault]);
    }
    let other = changed(&file, "recovery", "\"recovery\"", "\"smartcard\"");
    let strange = Fault::Unread("smartcard".to_owned());
    assert_eq!(other.faults(), [Fault::NoRecovery, strange]);
    // And a new paper mends it.
    let chance = Sequence::starting_at(81);
    let mut mended = changed(&file, "recovery", damaged.0, damaged.1);
    mended
        .replace_recovery(&RecoveryKey::draw(&chance), &made, &chance)
        .unwrap();
    assert_eq!(mended.faults(), []);
}
