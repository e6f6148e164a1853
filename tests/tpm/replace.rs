//! Replacing and destroying: what a copied data folder is worth afterwards, and
//! what a power cut at any command leaves.

use super::board::{
    Board, Clinic, PIN, Remembering, assert_opens, data_key, pin, run_tools, tcp, tpm,
};
use super::tap::{Tap, refusal};
use healthpost::core::pin::Pin;
use healthpost::ports::sealer::{IndexState, PcrSelection, Protection, Sealed, Sealer, Situation};

fn with(pin: &Pin) -> Protection<'_> {
    Protection {
        pin: Some(pin),
        pcrs: None,
    }
}

#[test]
fn a_folder_copied_before_opens_nothing_afterwards() {
    let clinic = Clinic::with_pin();
    let (tpm, met) = (clinic.tpm(), &clinic.met);
    let (old_pin, new_pin) = (pin(PIN), pin("739164"));
    let bound = PcrSelection::parse("7").unwrap();
    let reseal = Protection {
        pin: Some(&new_pin),
        pcrs: Some(bound),
    };
    // set-pin, reseal, and a rotation to another data key.
    let next_key = data_key(0x77);
    let changes = [
        (with(&new_pin), &clinic.key),
        (reseal, &clinic.key),
        (reseal, &next_key),
    ];
    let mut copies: Vec<(Sealed, &Pin)> = vec![(clinic.sealed.clone(), &old_pin)];
    for (protection, key) in changes {
        let sealed = tpm.seal(met, key, protection).unwrap();
        // Both open until the slots file has changed hands.
        let (old, old_pin) = copies.last().unwrap();
        tpm.unseal(old, Some(*old_pin)).unwrap();
        assert_opens(&tpm, &sealed, Some(&new_pin), key);
        assert_eq!(tpm.keep_only(met, &[&sealed]), Ok(1));
        for (copy, typed) in &copies {
            let error = tpm.unseal(copy, Some(*typed)).unwrap_err();
            assert_eq!(error.situation, Situation::Destroyed);
        }
        assert_opens(&tpm, &sealed, Some(&new_pin), key);
        assert_eq!(tpm.keep_only(met, &[&sealed]), Ok(0));
        copies.push((sealed, &new_pin));
    }
    // Trying copies costs no tries of the PIN.
    assert_eq!(tpm.report(None).lockout.unwrap().counter, 0);
    // And erasing ends the last one too.
    assert_eq!(tpm.keep_only(met, &[]), Ok(1));
    for (copy, typed) in &copies {
        let error = tpm.unseal(copy, Some(*typed)).unwrap_err();
        assert_eq!(error.situation, Situation::Destroyed);
    }
    assert_eq!(clinic.board.indices(), [0; 0]);
    let (last, _) = copies.last().unwrap();
    assert_eq!(tpm.report(Some(last)).index, IndexState::Gone);
}

/// Somebody with the whole box and an old folder puts an index back.
#[test]
fn an_index_that_is_made_again_opens_nothing() {
    let clinic = Clinic::without_pin();
    let old = clinic.sealed.clone();
    assert_eq!(clinic.tpm().keep_only(&clinic.met, &[]), Ok(1));
    let index = format!("{:#x}", old.index);
    let board = &clinic.board;
    super::tools::write(board, "zeros", &[0; 32]);
    super::tools::write_policy(board);
    let attributes = "ownerwrite|policyread|no_da";
    let policy = ["-s", "32", "-a", attributes, "-L", "policy.dat", &index];
    board.tools("tpm2_nvdefine", &[&["-C", "o"], &policy[..]].concat());
    board.tools("tpm2_nvwrite", &["-C", "o", "-i", "zeros", &index]);
    let report = clinic.tpm().report(Some(&old));
    assert_eq!(report.index, IndexState::Present, "as good as the real one");
    let error = clinic.unseal(None).unwrap_err();
    assert_eq!(error, Situation::Damaged.into());
}

#[test]
fn what_belongs_to_others_is_left_alone() {
    let clinic = Clinic::without_pin();
    let board = &clinic.board;
    // A second installation, and somebody's index in one of our places.
    let theirs = clinic.tpm().meet().unwrap();
    assert_ne!(theirs.installation, clinic.met.installation);
    let other_key = data_key(9);
    let other = clinic
        .tpm()
        .seal(&theirs, &other_key, Protection::default())
        .unwrap();
    let foreign = clinic.sealed.index ^ 1;
    let index = format!("{foreign:#x}");
    board.tools("tpm2_nvdefine", &["-C", "o", "-s", "8", &index]);
    assert_eq!(clinic.tpm().keep_only(&clinic.met, &[]), Ok(1));
    assert!(board.indices().contains(&foreign));
    assert_opens(&clinic.tpm(), &other, None, &other_key);
}

/// The box loses its TPM at command `at`: before it got there, or before the
/// answer came back; and then the power goes.
fn cut_at(tap: &Tap, at: usize, reaches: bool) {
    let mut count = 0;
    tap.set(move |frame, ask| {
        count += 1;
        if count > at || (count == at && !reaches) {
            return refusal(0x101);
        }
        let answer = ask(frame);
        if count == at { refusal(0x101) } else { answer }
    });
}

#[test]
fn a_cut_at_any_command_leaves_the_old_or_the_new() {
    let mut clinic = Clinic::with_pin();
    let (old_pin, new_pin) = (pin(PIN), pin("739164"));
    let mut moments = 0;
    for reaches in [false, true] {
        for at in 1.. {
            let tap = clinic.board.tap();
            cut_at(&tap, at, reaches);
            let tapped = tpm(tcp(tap.port()), Remembering::new());
            let sealed = tapped.seal(&clinic.met, &clinic.key, with(&new_pin));
            clinic.board.power_cycle();
            moments += 1;
            let tpm = clinic.tpm();
            // The slots file still names the old one.
            assert_opens(&tpm, &clinic.sealed, Some(&old_pin), &clinic.key);
            tpm.reset_lockout(&clinic.met, &clinic.password).unwrap();
            let spare = tpm.keep_only(&clinic.met, &[&clinic.sealed]).unwrap();
            assert!(spare <= 1);
            assert_eq!(clinic.board.indices(), [clinic.sealed.index]);
            if sealed.is_ok() {
                break;
            }
        }
    }
    let mut sealed = clinic
        .tpm()
        .seal(&clinic.met, &clinic.key, with(&new_pin))
        .unwrap();
    for reaches in [false, true] {
        for at in 1.. {
            // The slots file names the new one already.
            let tap = clinic.board.tap();
            cut_at(&tap, at, reaches);
            let tapped = tpm(tcp(tap.port()), Remembering::new());
            let kept = tapped.keep_only(&clinic.met, &[&sealed]);
            clinic.board.power_cycle();
            moments += 1;
            let tpm = clinic.tpm();
            assert_opens(&tpm, &sealed, Some(&new_pin), &clinic.key);
            tpm.reset_lockout(&clinic.met, &clinic.password).unwrap();
            tpm.keep_only(&clinic.met, &[&sealed]).unwrap();
            assert_eq!(clinic.board.indices(), [sealed.index]);
            if kept.is_ok() {
                break;
            }
            // Something to clean up for the next round.
            let next = tpm.seal(&clinic.met, &clinic.key, with(&new_pin)).unwrap();
            (clinic.sealed, sealed) = (sealed, next);
        }
    }
    println!("{moments} moments of a change, each followed by a power cut");
}

#[test]
fn a_cut_while_adopting_or_giving_back_the_lockout_password_is_made_good() {
    let mut board = Board::new();
    let met = board.tpm().meet().unwrap();
    let password = super::board::lockout_password();
    for reaches in [false, true] {
        for at in 1.. {
            let tap = board.tap();
            cut_at(&tap, at, reaches);
            let tapped = tpm(tcp(tap.port()), Remembering::new());
            let adopted = tapped.adopt_lockout(&met, &password);
            board.power_cycle();
            board.tpm().adopt_lockout(&met, &password).unwrap();
            let tap = board.tap();
            cut_at(&tap, at, reaches);
            let tapped = tpm(tcp(tap.port()), Remembering::new());
            let released = tapped.release_lockout(&met, &password);
            board.power_cycle();
            board.tpm().release_lockout(&met, &password).unwrap();
            assert!(!board.tpm().report(None).lockout_password);
            if adopted.is_ok() && released.is_ok() {
                break;
            }
        }
    }
}

/// An index that was defined when the power went, and never written.
#[test]
fn an_unwritten_index_counts_as_gone() {
    let clinic = Clinic::without_pin();
    let index = format!("{:#x}", clinic.sealed.index);
    let board = &clinic.board;
    board.tools("tpm2_nvundefine", &["-C", "o", &index]);
    super::tools::write_policy(board);
    let attributes = "ownerwrite|policyread|no_da";
    let define = ["-C", "o", "-s", "32", "-a", attributes, "-L", "policy.dat"];
    let port = board.port();
    let args = [&define[..], &[&index]].concat();
    run_tools(port, board.folder(), "tpm2_nvdefine", &args);
    let error = clinic.unseal(None).unwrap_err();
    assert_eq!(error.situation, Situation::Destroyed);
}
