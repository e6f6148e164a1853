//! A bus on which somebody listens, flips bits, or pretends to be the TPM.

use super::board::{
    Board, CHEAP, Clinic, PIN, Remembering, assert_opens, data_key, lockout_password, pin,
    run_tools, tcp, tpm,
};
use super::tap::{Tap, word};
use super::tools::{load_into_tools, open_policy};
use healthpost::keys::derive;
use healthpost::ports::sealer::{Identity, Protection, Sealer, Situation};
use std::net::TcpStream;
use std::time::Duration;

const UNSEAL: u32 = 0x15E;
const NV_READ: u32 = 0x14E;
const START_AUTH_SESSION: u32 = 0x176;
const CREATE_PRIMARY: u32 = 0x131;
/// Fewest bytes of a secret that count as found.
const WINDOW: usize = 4;

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|it| it == needle)
}

/// Whether any four bytes of `secret` were heard.
fn leaks(heard: &[Vec<u8>], secret: &[u8]) -> bool {
    let mut windows = secret.windows(WINDOW);
    windows.any(|window| heard.iter().any(|frame| holds(frame, window)))
}

/// A whole life on the bus: what of it was heard, by name.
fn life() -> Vec<String> {
    let board = Board::new();
    let tap = board.tap();
    let chance = Remembering::new();
    let tpm = tpm(tcp(tap.port()), chance.clone());
    let (key, typed, password) = (data_key(0x3C), pin(PIN), lockout_password());
    let met = tpm.meet().unwrap();
    let protection = Protection {
        pin: Some(&typed),
        pcrs: None,
    };
    let sealed = tpm.seal(&met, &key, protection).unwrap();
    tpm.adopt_lockout(&met, &password).unwrap();
    assert_opens(&tpm, &sealed, Some(&typed), &key);
    tpm.reset_lockout(&met, &password).unwrap();
    tpm.keep_only(&met, &[]).unwrap();
    tpm.release_lockout(&met, &password).unwrap();
    let salt = sealed.pin.as_ref().unwrap().salt.bytes().to_vec();
    let hash = derive::derive(CHEAP, typed.expose(), &salt).unwrap();
    let heard = tap.heard();
    let mut found: Vec<String> = [
        ("the key", key.expose().as_slice()),
        ("the PIN", typed.expose()),
        ("the hashed PIN", hash.as_slice()),
        ("the lock-out password", password.expose()),
    ]
    .into_iter()
    .filter(|(_, secret)| leaks(&heard, secret))
    .map(|(name, _)| name.to_owned())
    .collect();
    // Both halves, every salt of a session: whatever was drawn is on the bus
    // whole, as a nonce is, or not at all.
    for (place, drawn) in chance.given.lock().unwrap().iter().enumerate() {
        let whole = heard.iter().any(|frame| holds(frame, drawn));
        if !whole && leaks(&heard, drawn) {
            found.push(format!("draw {place} of {} bytes", drawn.len()));
        }
    }
    let bytes: usize = heard.iter().map(Vec::len).sum();
    println!(
        "{} commands, {bytes} bytes heard and searched",
        heard.len() / 2
    );
    found
}

#[test]
fn no_four_bytes_of_any_secret_are_heard() {
    let found = life();
    if !found.is_empty() {
        // Four random bytes may turn up by accident once in a thousand lives; a
        // real leak is there every time.
        let again = life();
        assert!(again.is_empty(), "{found:?}, and again {again:?}");
    }
}

/// The same object opened by somebody who does not encrypt.
#[test]
fn the_search_finds_what_is_said_in_clear() {
    let board = Board::new();
    let chance = Remembering::new();
    let ours = tpm(board.tcti(), chance.clone());
    let met = ours.meet().unwrap();
    let key = data_key(0x3C);
    let sealed = ours.seal(&met, &key, Protection::default()).unwrap();
    load_into_tools(&board, &sealed);
    open_policy(&board, None);
    let (tap, _control) = board.tap_with_control();
    let unseal = ["-c", "object.ctx", "-p", "session:policy.ctx"];
    let half = run_tools(tap.port(), board.folder(), "tpm2_unseal", &unseal);
    assert!(chance.given.lock().unwrap().contains(&half));
    assert!(leaks(&tap.heard(), &half));
    // And planted bytes, down to the last four.
    let planted = [b"a frame with ".to_vec(), key.expose()[28..].to_vec()];
    assert!(leaks(&planted, key.expose()));
    assert!(!leaks(&[key.expose()[29..].to_vec()], key.expose()));
}

/// Answers come back with one bit flipped in the answers to `command`.
fn flip(tap: &Tap, command: u32, bit: usize) {
    tap.set(move |frame, ask| {
        let mut answer = ask(frame);
        if word(frame, 6) == command && bit / 8 < answer.len() {
            answer[bit / 8] ^= 1 << (bit % 8);
        }
        answer
    });
}

#[test]
fn every_flipped_bit_of_a_secret_answer_is_detected() {
    let clinic = Clinic::without_pin();
    let tap = clinic.board.tap();
    let tpm = tpm(tcp(tap.port()), Remembering::new()).with_limit(Duration::from_millis(300));
    tpm.unseal(&clinic.sealed, None).unwrap();
    for command in [UNSEAL, NV_READ] {
        let heard = tap.heard();
        let at = heard
            .iter()
            .position(|it| word(it, 6) == command && it.len() > 20);
        let bits = heard[at.unwrap() + 1].len() * 8;
        // Behind the head; every bit of it in steps that are no multiple of 8.
        for bit in (80..bits).step_by(3) {
            flip(&tap, command, bit);
            let error = tpm.unseal(&clinic.sealed, None).unwrap_err();
            let seen = matches!(error.situation, Situation::Tampered | Situation::Garbled);
            assert!(seen, "bit {bit}: {error}");
        }
    }
}

#[test]
fn a_bit_flipped_anywhere_never_gives_another_key() {
    let clinic = Clinic::without_pin();
    let tap = clinic.board.tap();
    let tpm = tpm(tcp(tap.port()), Remembering::new()).with_limit(Duration::from_millis(100));
    tpm.unseal(&clinic.sealed, None).unwrap();
    let commands = tap.commands();
    for command in commands {
        for bit in (0..1200).step_by(37) {
            flip(&tap, command, bit);
            if let Ok(opened) = tpm.unseal(&clinic.sealed, None) {
                assert!(opened.expose() == clinic.key.expose());
            }
        }
    }
    tap.set(|frame, ask| ask(frame));
    clinic.board.tools("tpm2_flushcontext", &["-t"]);
    clinic.board.tools("tpm2_flushcontext", &["-s"]);
    clinic.board.tools("tpm2_flushcontext", &["-l"]);
    clinic.assert_opens(None);
}

/// Relays what makes keys under some hierarchies to a TPM of the attacker's.
fn interpose(tap: &Tap, theirs: &Board, hierarchies: &'static [u32]) {
    let port = theirs.port();
    tap.set(move |frame, ask| {
        if word(frame, 6) == CREATE_PRIMARY && hierarchies.contains(&word(frame, 10)) {
            let answer = ask_other(port, frame);
            ask_other(port, &flush(word(&answer, 10)));
            return answer;
        }
        ask(frame)
    });
}

fn flush(handle: u32) -> Vec<u8> {
    let head = [0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65];
    [&head[..], &handle.to_be_bytes()].concat()
}

fn ask_other(port: u16, frame: &[u8]) -> Vec<u8> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(frame).unwrap();
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).unwrap();
    answer.truncate(length);
    answer
}

const OWNER: u32 = 0x4000_0001;
const ENDORSEMENT: u32 = 0x4000_000B;

#[test]
fn an_interposer_with_a_storage_key_of_its_own_is_refused_before_the_salt() {
    let clinic = Clinic::with_pin();
    let theirs = Board::new();
    let typed = pin(PIN);
    for (hierarchies, told) in [
        (&[OWNER][..], (Situation::Cleared, Identity::Cleared)),
        (
            &[OWNER, ENDORSEMENT][..],
            (Situation::OtherTpm, Identity::Other),
        ),
    ] {
        let tap = clinic.board.tap();
        interpose(&tap, &theirs, hierarchies);
        let tpm = tpm(tcp(tap.port()), Remembering::new());
        let error = tpm.unseal(&clinic.sealed, Some(&typed)).unwrap_err();
        assert_eq!(error.situation, told.0);
        assert_eq!(tpm.report(Some(&clinic.sealed)).identity, told.1);
        let (met, password) = (&clinic.met, &clinic.password);
        tpm.reset_lockout(met, password).unwrap_err();
        tpm.keep_only(met, &[]).unwrap_err();
        let sealed = tpm.seal(met, &clinic.key, Protection::default());
        sealed.unwrap_err();
        assert!(!tap.commands().contains(&START_AUTH_SESSION));
        // The control: whoever meets a TPM for the first time believes it.
        let fooled = tpm.meet();
        assert!(tap.commands().contains(&START_AUTH_SESSION), "{fooled:?}");
    }
    clinic.assert_opens(Some(PIN));
}

#[test]
fn another_tpm_and_a_cleared_one_are_told_apart() {
    let clinic = Clinic::without_pin();
    let other = Board::new();
    let error = other.tpm().unseal(&clinic.sealed, None).unwrap_err();
    assert_eq!(error.situation, Situation::OtherTpm);
    let report = other.tpm().report(Some(&clinic.sealed));
    assert_eq!(report.identity, Identity::Other);
    assert!(
        report.findings()[0]
            .to_string()
            .contains("cannot be told apart")
    );
    clinic.board.tools("tpm2_clear", &["-c", "p"]);
    let error = clinic.unseal(None).unwrap_err();
    assert_eq!(error.situation, Situation::Cleared);
    let report = clinic.tpm().report(Some(&clinic.sealed));
    assert_eq!(report.identity, Identity::Cleared);
    // A box that never learnt the endorsement key cannot tell.
    let mut sealed = clinic.sealed.clone();
    sealed.board.endorsement_key = None;
    let error = clinic.tpm().unseal(&sealed, None).unwrap_err();
    assert_eq!(error.situation, Situation::OtherStorageKey);
    assert_eq!(
        clinic.tpm().report(Some(&sealed)).identity,
        Identity::OtherStorageKey
    );
}

#[test]
fn a_removal_that_never_reached_the_tpm_is_not_believed() {
    const NV_UNDEFINE: u32 = 0x122;
    let clinic = Clinic::without_pin();
    let tap = clinic.board.tap();
    let tpm = tpm(tcp(tap.port()), Remembering::new());
    // "It is gone already", says somebody who wants to keep it.
    tap.set(|frame, ask| match word(frame, 6) {
        NV_UNDEFINE => super::tap::refusal(0x28B),
        _ => ask(frame),
    });
    let error = tpm.keep_only(&clinic.met, &[]).unwrap_err();
    assert_eq!(error.situation, Situation::Tampered);
    // The same to the question what kind of index it is.
    tap.set(|frame, ask| {
        let mut answer = ask(frame);
        if word(frame, 6) == 0x169 && word(frame, 2) == 14 {
            answer[21] ^= 4;
        }
        answer
    });
    tpm.keep_only(&clinic.met, &[]).unwrap_err();
    clinic.assert_opens(None);
}
