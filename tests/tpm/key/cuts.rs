//! The power goes at each step of each change. Disk and TPM are kept as they
//! are at that moment, and wake up again: the old or the new way opens, and a
//! further try of the same change goes through.

use super::clinic::{Clinic, Moment, PASSPHRASE, pin, typed};
use healthpost::app::init::FirstWay;
use healthpost::app::key::{Opened, Way, Witness};
use healthpost::core::secret::Secret;
use healthpost::store::{meta, open};
use std::path::PathBuf;

/// Carries a change out and keeps every moment of it.
fn moments(
    clinic: &Clinic,
    change: impl FnOnce(&Clinic, &mut Witness<'_>) -> anyhow::Result<()>,
) -> Vec<Moment> {
    let mut kept = vec![clinic.moment("before")];
    change(clinic, &mut |step| kept.push(clinic.moment(step))).unwrap();
    assert!(kept.len() > 2, "the change told of no steps");
    kept
}

/// At each moment one of `ways` opens, and always the paper; then the change
/// goes through.
fn one_of_them_opens(
    clinic: &Clinic,
    ways: &[Way],
    change: impl Fn(&Clinic, &Way, &mut Witness<'_>) -> anyhow::Result<()>,
) {
    let kept = moments(clinic, |clinic, witness| change(clinic, &ways[0], witness));
    for moment in &kept {
        let woken = clinic.after(moment);
        let opening = ways.iter().find(|way| woken.open(way).is_ok());
        assert!(opening.is_some(), "nothing opens after \"{}\"", moment.step);
        woken
            .open(&woken.recovery())
            .unwrap_or_else(|error| panic!("the paper, after \"{}\": {error:#}", moment.step));
        change(&woken, opening.unwrap(), &mut |_| {})
            .unwrap_or_else(|error| panic!("again, after \"{}\": {error:#}", moment.step));
        let last = ways.last().unwrap();
        woken
            .open(last)
            .unwrap_or_else(|error| panic!("at last, after \"{}\": {error:#}", moment.step));
    }
}

/// The slots as they were before the last change.
fn former(clinic: &Clinic) -> PathBuf {
    clinic.data().join("keyslots.json.old")
}

/// Whether doctor says that the paper was proved.
fn is_drilled(clinic: &Clinic, opened: &Opened) -> bool {
    let conn = open::open(&clinic.data(), &opened.key).unwrap();
    meta::find(&conn, meta::DRILLED_AT).unwrap().is_some()
}

#[test]
fn of_setting_a_pin() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let ways = [Way::Tpm(None), Way::Tpm(Some(pin()))];
    one_of_them_opens(&clinic, &ways, |clinic, way, witness| {
        let opened = clinic.open(way)?;
        clinic.custody().seal(&opened, Some(&pin()), witness)
    });
}

#[test]
fn of_sealing_anew() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    one_of_them_opens(&clinic, &[Way::Tpm(None)], |clinic, way, witness| {
        let opened = clinic.open(way)?;
        clinic.custody().seal(&opened, None, witness)
    });
}

#[test]
fn of_a_rotation_with_the_tpm() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    one_of_them_opens(&clinic, &[Way::Tpm(None)], |clinic, way, witness| {
        let opened = clinic.open(way)?;
        clinic.custody().rotate(&opened, way, witness).map(drop)
    });
}

#[test]
fn of_a_rotation_whose_paper_was_drilled_before() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let paper = clinic.recovery.clone().unwrap();
    let now = super::clinic::NOW;
    clinic.custody().drill(paper.clone(), now).unwrap();
    let before = clinic.open(&Way::Tpm(None)).unwrap();
    assert!(is_drilled(&clinic, &before));
    let kept = moments(&clinic, |clinic, witness| {
        let opened = clinic.open(&Way::Tpm(None))?;
        let way = Way::Tpm(None);
        clinic.custody().rotate(&opened, &way, witness).map(drop)
    });
    for moment in &kept {
        let woken = clinic.after(moment);
        let opened = woken.open(&Way::Tpm(None)).unwrap();
        let is_new = opened.key.expose() != before.key.expose();
        assert!(
            !(is_new && is_drilled(&woken, &opened)),
            "after \"{}\"",
            moment.step
        );
    }
    let last = clinic.open(&Way::Tpm(None)).unwrap();
    assert!(!is_drilled(&clinic, &last));
    clinic.custody().drill(paper, now).unwrap();
    assert!(is_drilled(&clinic, &last));
}

#[test]
fn of_a_rotation_with_a_passphrase() {
    let clinic = Clinic::made(&FirstWay::Passphrase(Secret::from(PASSPHRASE)));
    one_of_them_opens(&clinic, &[typed(PASSPHRASE)], |clinic, way, witness| {
        let opened = clinic.open(way)?;
        clinic.custody().rotate(&opened, way, witness).map(drop)
    });
}

#[test]
fn of_recovering_on_a_board_whose_tpm_was_cleared() {
    let mut elsewhere = Clinic::made(&FirstWay::Tpm(None));
    elsewhere.board = crate::tpm::board::Board::new();
    assert!(elsewhere.open(&Way::Tpm(None)).is_err());
    let kept = moments(&elsewhere, |clinic, witness| {
        let opened = clinic.open(&clinic.recovery())?;
        clinic.custody().seal(&opened, None, witness)
    });
    for moment in &kept {
        let woken = elsewhere.after(moment);
        let opened = woken.open(&woken.recovery()).unwrap();
        woken.custody().seal(&opened, None, &mut |_| {}).unwrap();
        woken.open(&Way::Tpm(None)).unwrap();
    }
    elsewhere.open(&Way::Tpm(None)).unwrap();
}

#[test]
fn of_setting_up() {
    for way in [
        FirstWay::Tpm(None),
        FirstWay::Tpm(Some(pin())),
        FirstWay::Passphrase(Secret::from(PASSPHRASE)),
        FirstWay::TpmAndPassphrase(Some(pin()), Secret::from(PASSPHRASE)),
    ] {
        let mut clinic = Clinic::bare();
        let kept = {
            // The witness looks at the disk while it is being written.
            let looking = &clinic;
            let mut kept = vec![looking.moment("before")];
            let mut shown = None;
            healthpost::app::init::init(
                &looking.custody(),
                &way,
                &healthpost::app::lan::Wanted::without_config(),
                &super::clinic::chance(),
                super::clinic::now(),
                |recovery, _| {
                    shown = Some(recovery.clone());
                    Ok(())
                },
                &mut |step| kept.push(looking.moment(step)),
            )
            .unwrap();
            clinic.recovery = shown;
            kept
        };
        for moment in &kept {
            let mut woken = clinic.after(moment);
            if woken.data().exists() {
                // The paper was written before the box was there.
                woken.open(&woken.recovery()).unwrap();
            } else {
                woken
                    .init(&way, &mut |_| {})
                    .unwrap_or_else(|error| panic!("again, after \"{}\": {error:#}", moment.step));
            }
            let opens = match &way {
                FirstWay::Tpm(None) => woken.open(&Way::Tpm(None)),
                FirstWay::Tpm(Some(_)) => woken.open(&Way::Tpm(Some(pin()))),
                FirstWay::Passphrase(_) => woken.open(&typed(PASSPHRASE)),
                FirstWay::TpmAndPassphrase(..) => woken
                    .open(&typed(PASSPHRASE))
                    .and_then(|_| woken.open(&Way::Tpm(Some(pin())))),
            };
            opens.unwrap_or_else(|error| panic!("after \"{}\": {error:#}", moment.step));
            // What the interrupted one had put into the TPM is gone.
            // The data key's half and the key of the clinic's network.
            let sealed = 2 * usize::from(!matches!(way, FirstWay::Passphrase(_)));
            let indices = woken.board.indices();
            assert_eq!(indices.len(), sealed, "after \"{}\"", moment.step);
        }
    }
}

#[test]
fn of_ending_a_passphrase() {
    let clinic = Clinic::made(&FirstWay::Passphrase(Secret::from(PASSPHRASE)));
    let staying = || typed("a second one that stays");
    let opened = clinic.open(&typed(PASSPHRASE)).unwrap();
    let second = Secret::from("a second one that stays");
    clinic
        .custody()
        .add_passphrase(&opened, &second, &mut |_| {})
        .unwrap();
    let kept = moments(&clinic, |clinic, witness| {
        let opened = clinic.open(&staying())?;
        let ending = Secret::from(PASSPHRASE);
        clinic
            .custody()
            .remove_passphrase(&opened, &staying(), &ending, witness)
    });
    for (place, moment) in kept.iter().enumerate() {
        let woken = clinic.after(moment);
        let opened = woken.open(&staying()).unwrap();
        // What a cut left of the ended one goes with the first opening.
        assert!(!former(&woken).exists(), "after \"{}\"", moment.step);
        woken.open(&woken.recovery()).unwrap();
        let ends = woken.open(&typed(PASSPHRASE)).is_err();
        assert_eq!(ends, place > 0, "after \"{}\"", moment.step);
        if !ends {
            let ending = Secret::from(PASSPHRASE);
            let custody = woken.custody();
            custody
                .remove_passphrase(&opened, &staying(), &ending, &mut |_| {})
                .unwrap();
        }
        assert!(woken.open(&typed(PASSPHRASE)).is_err());
    }
    // And nothing of it is left in the folder.
    assert!(!former(&clinic).exists());
    assert!(former(&clinic.after(&kept[1])).exists());
    let last = clinic.open(&staying()).unwrap();
    for way in [staying(), clinic.recovery()] {
        let ending = Secret::from("a second one that stays");
        let said = clinic
            .custody()
            .remove_passphrase(&last, &way, &ending, &mut |_| {});
        assert!(said.is_err(), "a box was left with its paper alone");
    }
    clinic.open(&staying()).unwrap();
}

#[test]
fn of_a_new_recovery_key() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let old = clinic.recovery.clone().unwrap();
    let new = clinic.custody().draw_recovery();
    let now = super::clinic::NOW;
    clinic.custody().drill(old.clone(), now).unwrap();
    let kept = moments(&clinic, |clinic, witness| {
        let opened = clinic.open(&Way::Tpm(None))?;
        clinic.custody().replace_recovery(&opened, &new, witness)
    });
    for moment in &kept {
        let woken = clinic.after(moment);
        let (by_old, by_new) = (Way::Recovery(old.clone()), Way::Recovery(new.clone()));
        // Whichever paper opens it leaves nothing of the other.
        assert!(woken.open(&by_new).or_else(|_| woken.open(&by_old)).is_ok());
        assert!(!former(&woken).exists(), "after \"{}\"", moment.step);
        let opened = woken.open(&Way::Tpm(None)).unwrap();
        let opens = [woken.open(&by_old).is_ok(), woken.open(&by_new).is_ok()];
        assert_eq!(
            opens.iter().filter(|it| **it).count(),
            1,
            "after \"{}\"",
            moment.step
        );
        let custody = woken.custody();
        custody
            .replace_recovery(&opened, &new, &mut |_| {})
            .unwrap();
        // The paper that was drilled is another one.
        assert!(!is_drilled(&woken, &opened));
        assert!(woken.open(&by_old).is_err());
        woken.open(&by_new).unwrap();
        assert!(is_drilled(&woken, &opened), "it has opened the box");
    }
}

#[test]
fn of_erasing_everything() {
    let clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let way = Way::Tpm(Some(pin()));
    let kept = moments(&clinic, |clinic, witness| {
        let opened = clinic.open(&way)?;
        clinic
            .custody()
            .destroy(Some(&opened), true, witness)
            .map(drop)
    });
    for (place, moment) in kept.iter().enumerate() {
        let woken = clinic.after(moment);
        // From the first step on the TPM opens nothing, and a second try ends it.
        assert_eq!(
            woken.open(&way).is_ok(),
            place == 0,
            "after \"{}\"",
            moment.step
        );
        woken
            .custody()
            .destroy(None, true, &mut |_| {})
            .unwrap_or_else(|error| panic!("again, after \"{}\": {error:#}", moment.step));
        assert_eq!(std::fs::read_dir(woken.data()).unwrap().count(), 0);
    }
}
