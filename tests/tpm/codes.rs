//! Every situation with the code the TPM gives for it and a sentence of its own.

use super::board::{Board, Clinic, PIN, Remembering, SRK_ATTRIBUTES, pin, tcp, tpm};
use super::tap::{Tap, refusal, word};
use healthpost::ports::sealer::{
    Blob, Finding, PcrSelection, PinHash, Protection, SealError, Sealer, Situation,
};
use std::collections::BTreeSet;

const NV_READ_PUBLIC: u32 = 0x169;
const POLICY_PCR: u32 = 0x17F;
const READ_PUBLIC: u32 = 0x173;
const CREATE_PRIMARY: u32 = 0x131;
const UNSEAL: u32 = 0x15E;
const NV_DEFINE: u32 = 0x12A;

#[track_caller]
fn assert_said(error: SealError, situation: Situation, code: u32, command: &str) {
    let said = error.said.unwrap();
    assert_eq!(
        (error.situation, said.code, said.command),
        (situation, code, command)
    );
}

fn bound() -> Clinic {
    Clinic::protected(Protection {
        pin: None,
        pcrs: Some(PcrSelection::parse("7").unwrap()),
    })
}

fn through(tap: &Tap) -> healthpost::tpm::Tpm {
    tpm(tcp(tap.port()), Remembering::new())
}

#[test]
fn registers_that_changed_are_seen_early_and_late() {
    let clinic = bound();
    let tap = clinic.board.tap();
    // Somebody swallows the early check: the object itself still refuses.
    tap.set(|command, ask| match word(command, 6) {
        POLICY_PCR => refusal(0),
        _ => ask(command),
    });
    let late = through(&tap).unseal(&clinic.sealed, None).unwrap_err();
    assert_said(late, Situation::PcrChanged, 0x99D, "TPM2_Unseal");
    let extend = format!("7:sha256={}", "ab".repeat(32));
    clinic.board.tools("tpm2_pcrextend", &[&extend]);
    let early = clinic.unseal(None).unwrap_err();
    assert_said(early, Situation::PcrChanged, 0x1C4, "TPM2_PolicyPCR");
}

/// TPM2_PCR_Extend of PCR 9 with the empty password.
fn extend_9() -> Vec<u8> {
    let mut frame = vec![0x80, 2, 0, 0, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, 9];
    frame.extend([0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0]);
    frame.extend([0, 0, 0, 1, 0, 0xB]);
    frame.extend([0x5A; 32]);
    super::tap::framed(frame)
}

#[test]
fn registers_that_move_meanwhile_are_tried_once_more() {
    let clinic = bound();
    let tap = clinic.board.tap();
    let mut once = Some(());
    tap.set(move |command, ask| {
        if word(command, 6) == UNSEAL && once.take().is_some() {
            assert_eq!(word(&ask(&extend_9()), 6), 0);
        }
        ask(command)
    });
    through(&tap).unseal(&clinic.sealed, None).unwrap();
    let unseals = tap.commands().into_iter().filter(|it| *it == UNSEAL);
    assert_eq!(unseals.count(), 2);
    tap.set(|command, ask| {
        if word(command, 6) == UNSEAL {
            ask(&extend_9());
        }
        ask(command)
    });
    let error = through(&tap).unseal(&clinic.sealed, None).unwrap_err();
    assert_said(error, Situation::PcrMoving, 0x128, "TPM2_Unseal");
}

#[test]
fn a_damaged_blob_and_the_one_of_another_tpm_do_not_load() {
    let (clinic, other) = (Clinic::without_pin(), Clinic::without_pin());
    let mut mixed = clinic.sealed.clone();
    mixed.private = other.sealed.private.clone();
    mixed.public = other.sealed.public.clone();
    let error = clinic.tpm().unseal(&mixed, None).unwrap_err();
    assert_said(error, Situation::Damaged, 0x1DF, "TPM2_Load");
    let mut damaged = clinic.sealed.clone();
    let mut bytes = damaged.private.bytes().to_vec();
    bytes[40] ^= 1;
    damaged.private = Blob::new(&bytes);
    let error = clinic.tpm().unseal(&damaged, None).unwrap_err();
    assert_said(error, Situation::Damaged, 0x1DF, "TPM2_Load");
    // A file whose other fields were changed opens inside the TPM, and no
    // further.
    let mut bound = clinic.sealed.clone();
    bound.board.endorsement_key = None;
    let error = clinic.tpm().unseal(&bound, None).unwrap_err();
    assert_eq!(error, Situation::Damaged.into());
}

#[test]
fn a_wrong_pin_is_told_whether_counted_or_not() {
    let clinic = Clinic::with_pin();
    let error = clinic.unseal(Some("000000")).unwrap_err();
    let nine = Situation::WrongPin {
        tries_left: Some(9),
    };
    assert_said(error, nine, 0x98E, "TPM2_Unseal");
    // An object that is not counted, with a PIN that nobody set: the listener
    // has to lie about the index, or it would be noticed before.
    let clinic = Clinic::without_pin();
    let tap = clinic.board.tap();
    tap.set(|command, ask| {
        let mut answer = ask(command);
        if word(command, 6) == NV_READ_PUBLIC {
            answer[18] &= !2;
        }
        answer
    });
    let mut sealed = clinic.sealed.clone();
    sealed.pin = Some(PinHash {
        m_kib: 64,
        t: 1,
        p: 1,
        salt: Blob::new(&[1; 16]),
    });
    let typed = pin(PIN);
    let error = through(&tap).unseal(&sealed, Some(&typed)).unwrap_err();
    let said = error.said.unwrap();
    assert_eq!((said.code, said.command), (0x9A2, "TPM2_Unseal"));
    assert!(matches!(error.situation, Situation::WrongPin { .. }));
}

#[test]
fn a_locked_tpm_takes_no_pin_and_opens_what_has_none() {
    let clinic = Clinic::with_pin();
    let tpm = clinic.tpm();
    let free = tpm
        .seal(&clinic.met, &clinic.key, Protection::default())
        .unwrap();
    for _ in 0..10 {
        clinic.unseal(Some("000000")).unwrap_err();
    }
    let error = clinic.unseal(Some(PIN)).unwrap_err();
    let locked = Situation::LockedOut { wait_s: Some(1800) };
    assert_said(error, locked, 0x921, "TPM2_Unseal");
    super::board::assert_opens(&tpm, &free, None, &clinic.key);
}

#[test]
fn an_owner_password_is_told() {
    let clinic = Clinic::without_pin();
    clinic
        .board
        .tools("tpm2_changeauth", &["-c", "owner", "somebody"]);
    let error = clinic.unseal(None).unwrap_err();
    assert_said(error, Situation::OwnerPassword, 0x9A2, "TPM2_CreatePrimary");
    let report = clinic.tpm().report(Some(&clinic.sealed));
    assert!(
        report.owner_password && report.fault.is_none(),
        "{report:?}"
    );
    let findings = report.findings();
    assert_eq!(findings, [Finding::OwnerPassword { opens: false }]);
    assert!(findings[0].to_string().contains("does not open"));
    // With a storage key that is kept, opening works and sealing says why not.
    clinic
        .board
        .tools("tpm2_changeauth", &["-c", "owner", "-p", "somebody"]);
    keep_storage_key(&clinic.board, &[]);
    clinic
        .board
        .tools("tpm2_changeauth", &["-c", "owner", "somebody"]);
    clinic.assert_opens(None);
    let tpm = clinic.tpm();
    let findings = tpm.report(Some(&clinic.sealed)).findings();
    assert_eq!(findings, [Finding::OwnerPassword { opens: true }]);
    let sealed = tpm.seal(&clinic.met, &clinic.key, Protection::default());
    let error = sealed.unwrap_err();
    assert_said(
        error,
        Situation::OwnerPassword,
        0x9A2,
        "TPM2_NV_DefineSpace",
    );
}

fn keep_storage_key(board: &Board, more: &[&str]) {
    let mut args = vec!["-G", "ecc256", "-a", SRK_ATTRIBUTES, "-c", "srk.ctx"];
    args.extend(more);
    board.tools("tpm2_createprimary", &args);
    board.tools("tpm2_evictcontrol", &["-c", "srk.ctx", "0x81000001"]);
    board.tools("tpm2_flushcontext", &["-t"]);
}

#[test]
fn a_storage_key_with_a_password_is_told() {
    let clinic = Clinic::without_pin();
    // Its password is not part of its name.
    keep_storage_key(&clinic.board, &["-p", "somebody"]);
    let error = clinic.unseal(None).unwrap_err();
    assert_said(error, Situation::StorageKeyPassword, 0x9A2, "TPM2_Load");
}

#[test]
fn a_storage_key_that_is_not_kept_is_made() {
    let clinic = Clinic::without_pin();
    let tap = clinic.board.tap();
    through(&tap).unseal(&clinic.sealed, None).unwrap();
    let heard = tap.heard();
    assert_eq!(word(&heard[0], 6), READ_PUBLIC);
    assert_eq!(word(&heard[1], 6), 0x18B);
    assert_eq!(word(&heard[2], 6), CREATE_PRIMARY);
}

#[test]
fn a_tpm_that_was_not_started_is_told() {
    let clinic = Clinic::without_pin();
    let asleep = Board::not_started().tpm().unseal(&clinic.sealed, None);
    let error = asleep.unwrap_err();
    assert_said(error, Situation::NotStarted, 0x100, "TPM2_ReadPublic");
}

#[test]
fn a_tpm_full_of_other_peoples_objects_is_told() {
    let clinic = Clinic::without_pin();
    for _ in 0..3 {
        clinic
            .board
            .tools("tpm2_createprimary", &["-G", "ecc256", "-c", "leaked.ctx"]);
    }
    let error = clinic.unseal(None).unwrap_err();
    assert_said(error, Situation::Full, 0x902, "TPM2_ReadPublic");
}

#[test]
fn a_request_for_patience_is_met_with_the_same_bytes() {
    let mut clinic = Clinic::with_pin();
    clinic.board.power_cycle();
    let tap = clinic.board.tap();
    let typed = pin(PIN);
    through(&tap).unseal(&clinic.sealed, Some(&typed)).unwrap();
    let heard = tap.heard();
    let retried = heard
        .iter()
        .position(|it| word(it, 6) == 0x922 && it.len() == 10);
    let at = retried.expect("the first use after the start");
    assert_eq!(heard[at - 1], heard[at + 1]);
    // But not for ever.
    tap.set(|_, _| refusal(0x922));
    let before = tap.heard().len();
    let error = through(&tap).unseal(&clinic.sealed, Some(&typed));
    assert_eq!(error.unwrap_err().situation, Situation::Busy);
    assert_eq!(tap.heard().len() - before, 2 * 40);
}

#[test]
fn a_lockout_password_of_somebody_else_is_told() {
    let clinic = Clinic::without_pin();
    clinic
        .board
        .tools("tpm2_changeauth", &["-c", "lockout", "somebody"]);
    let tpm = clinic.tpm();
    let error = tpm.adopt_lockout(&clinic.met, &clinic.password);
    let command = "TPM2_DictionaryAttackParameters";
    let wrong = Situation::LockoutPassword;
    assert_said(error.unwrap_err(), wrong, 0x98E, command);
    let again = tpm.adopt_lockout(&clinic.met, &clinic.password);
    let blocked = Situation::LockoutBlocked;
    assert_said(again.unwrap_err(), blocked, 0x921, command);
}

#[test]
fn a_half_that_is_gone_or_overwritten_is_told() {
    let clinic = Clinic::without_pin();
    let index = format!("{:#x}", clinic.sealed.index);
    clinic.board.tools("tpm2_nvundefine", &["-C", "o", &index]);
    let error = clinic.unseal(None).unwrap_err();
    assert_said(error, Situation::Destroyed, 0x18B, "TPM2_NV_ReadPublic");
    let define = ["-C", "o", "-s", "32", &index];
    clinic.board.tools("tpm2_nvdefine", &define);
    let error = clinic.unseal(None).unwrap_err();
    assert_eq!(error, Situation::Overwritten.into());
    let report = clinic.tpm().report(Some(&clinic.sealed));
    assert!(report.findings()[0].to_string().contains("something else"));
}

/// What a software TPM does not do by itself, said by somebody on the bus.
#[test]
fn rare_codes_have_sentences_too() {
    let clinic = Clinic::without_pin();
    let tap = clinic.board.tap();
    let rows = [
        (0x101, Situation::Failed),
        (0x923, Situation::Failed),
        (0x185, Situation::Disabled),
        (0x14B, Situation::NoSpace),
        (0x903, Situation::Full),
        (0x000B_0143, Situation::Unsupported),
        (0x1AB, Situation::Unexpected),
    ];
    for (code, situation) in rows {
        tap.set(move |command, ask| match word(command, 6) {
            NV_DEFINE => refusal(code),
            _ => ask(command),
        });
        let sealed = through(&tap).seal(&clinic.met, &clinic.key, Protection::default());
        assert_said(sealed.unwrap_err(), situation, code, "TPM2_NV_DefineSpace");
    }
}

#[test]
fn no_two_situations_share_a_sentence() {
    let kind = std::io::ErrorKind::TimedOut;
    let all = [
        Situation::NoTpm(kind),
        Situation::Silent(kind),
        Situation::Garbled,
        Situation::Tampered,
        Situation::OtherTpm,
        Situation::Cleared,
        Situation::OtherStorageKey,
        Situation::PcrChanged,
        Situation::PcrMoving,
        Situation::Damaged,
        Situation::WrongPin { tries_left: None },
        Situation::PinWanted,
        Situation::PinNotWanted,
        Situation::LockedOut { wait_s: None },
        Situation::OwnerPassword,
        Situation::StorageKeyPassword,
        Situation::LockoutPassword,
        Situation::LockoutBlocked,
        Situation::NotStarted,
        Situation::Failed,
        Situation::Full,
        Situation::NoSpace,
        Situation::Busy,
        Situation::Disabled,
        Situation::Unsupported,
        Situation::Destroyed,
        Situation::Overwritten,
        Situation::NotProved,
        Situation::Unexpected,
    ];
    let sentences: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(sentences.len(), all.len());
    for sentence in sentences {
        // What it means, and what to do.
        assert!(sentence.contains([':', ';']), "{sentence}");
        assert!(!sentence.ends_with('.'), "{sentence}");
    }
}
