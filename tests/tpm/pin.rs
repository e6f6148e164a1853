//! PINs: wrong ones to the lock and out of it, and power cuts that must not
//! count as wrong ones for ever.

use super::board::{
    Board, CHEAP, Clinic, PIN, Remembering, assert_opens, data_key, lockout_password, pin, tpm,
};
use healthpost::core::pin::Pin;
use healthpost::keys::derive;
use healthpost::ports::Chance;
use healthpost::ports::sealer::{Finding, Lockout, PinHash, Protection, Sealer, Situation};
use healthpost::tpm::Tpm;
use std::sync::Arc;

/// Cuts that a box lives through.
const CUTS: u32 = 100;

fn lockout(clinic: &Clinic) -> Lockout {
    clinic.tpm().report(None).lockout.unwrap()
}

#[test]
fn wrong_pins_count_down_lock_and_are_forgiven() {
    let clinic = Clinic::with_pin();
    for tries_left in (0..10).rev().map(Some) {
        let error = clinic.unseal(Some("000000")).unwrap_err();
        assert_eq!(error.situation, Situation::WrongPin { tries_left });
    }
    let error = clinic.unseal(Some(PIN)).unwrap_err();
    let wait_s = Some(1800);
    assert_eq!(error.situation, Situation::LockedOut { wait_s });
    assert!(error.to_string().contains("at most 30 minutes"));
    let findings = clinic.tpm().report(Some(&clinic.sealed)).findings();
    assert_eq!(findings, [Finding::LockedOut { wait_s: 1800 }]);
    // The recovery key has opened the database, and so the password is there.
    clinic
        .tpm()
        .reset_lockout(&clinic.met, &clinic.password)
        .unwrap();
    assert_eq!(lockout(&clinic).counter, 0);
    clinic.assert_opens(Some(PIN));
}

#[test]
fn time_alone_lets_one_out_too() {
    let typed = pin(PIN);
    let clinic = Clinic::protected(Protection {
        pin: Some(&typed),
        pcrs: None,
    });
    let rules = ["-s", "-n", "3", "-t", "1", "-l", "1"];
    clinic.board.tools("tpm2_dictionarylockout", &rules);
    while lockout(&clinic).tries_left() > 0 {
        clinic.unseal(Some("000000")).unwrap_err();
    }
    super::chip::until("the TPM has forgotten one", || {
        clinic.unseal(Some(PIN)).is_ok()
    });
}

#[test]
fn a_hundred_power_cuts_with_the_right_pin_do_not_lock() {
    let mut clinic = Clinic::with_pin();
    let mut most = 0;
    for cut in 0..CUTS {
        clinic.board.power_cycle();
        most = most.max(lockout(&clinic).counter);
        let opened = clinic.unseal(Some(PIN));
        let opened = opened.unwrap_or_else(|error| panic!("after {cut} cuts: {error}"));
        assert!(opened.expose() == clinic.key.expose());
        clinic
            .tpm()
            .reset_lockout(&clinic.met, &clinic.password)
            .unwrap();
    }
    println!("{CUTS} power cuts with the right PIN: the counter never rose above {most}");
    assert_eq!(most, 1, "a cut counts as one, until the next unlock");
}

/// Proves that the trap is there: the same without setting the counter back.
#[test]
fn without_setting_it_back_the_cuts_would_lock() {
    let mut clinic = Clinic::with_pin();
    let locks = |_: &u32| {
        clinic.board.power_cycle();
        clinic.unseal(Some(PIN)).is_err()
    };
    let cuts = (1..=20).find(locks).unwrap();
    println!("without it, {cuts} power cuts lock the box");
    let error = clinic.unseal(Some(PIN)).unwrap_err();
    assert!(matches!(error.situation, Situation::LockedOut { .. }));
}

#[test]
fn a_shutdown_in_order_counts_nothing() {
    let mut clinic = Clinic::with_pin();
    for _ in 0..3 {
        clinic.assert_opens(Some(PIN));
        clinic.board.shut_down();
        clinic.board.power_on();
    }
    assert_eq!(lockout(&clinic).counter, 0);
}

#[test]
fn a_lockout_password_is_adopted_twice_and_given_back() {
    let clinic = Clinic::with_pin();
    let (tpm, met) = (clinic.tpm(), &clinic.met);
    // A power cut after the first time: the next start does it again.
    tpm.adopt_lockout(met, &clinic.password).unwrap();
    tpm.release_lockout(met, &clinic.password).unwrap();
    assert!(!tpm.report(None).lockout_password);
    tpm.release_lockout(met, &clinic.password).unwrap();
    // The next installation sets its own, and the former is worth nothing.
    let next = lockout_password();
    tpm.adopt_lockout(met, &next).unwrap();
    tpm.reset_lockout(met, &next).unwrap();
    let former = tpm.reset_lockout(met, &clinic.password).unwrap_err();
    assert_eq!(former.situation, Situation::LockoutPassword);
}

/// A power cut between sealing and adopting, and the unlock that makes it good.
#[test]
fn an_unguarded_counter_is_told_and_guarded_by_the_next_unlock() {
    let typed = pin(PIN);
    let clinic = Clinic::protected(Protection {
        pin: Some(&typed),
        pcrs: None,
    });
    let findings = || clinic.tpm().report(Some(&clinic.sealed)).findings();
    assert_eq!(findings(), [Finding::UnguardedPin]);
    clinic.assert_opens(Some(PIN));
    let tpm = clinic.tpm();
    tpm.reset_lockout(&clinic.met, &clinic.password).unwrap();
    assert_eq!(findings(), []);
    assert_eq!(lockout(&clinic).tries_max, 10);
}

/// Gives every PIN the same salt.
struct OneSalt(Arc<Remembering>);

const SALT: [u8; 16] = [7; 16];

impl Chance for OneSalt {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() == SALT.len() {
            bytes.copy_from_slice(&SALT);
        } else {
            self.0.fill(bytes);
        }
    }
}

/// One in 256 hashed PINs: the TPM drops the zero, and so must we.
#[test]
fn a_hash_that_ends_in_zero_opens() {
    let ends_in_zero = |typed: &Pin| {
        let hash = derive::derive(CHEAP, typed.expose(), &SALT).unwrap();
        hash[31] == 0
    };
    let mut pins = (100_000..).map(|number| pin(&format!("{number}")));
    let typed = pins.find(ends_in_zero).unwrap();
    let board = Board::new();
    let tpm = tpm(board.tcti(), Arc::new(OneSalt(Remembering::new())));
    let met = tpm.meet().unwrap();
    let key = data_key(3);
    let protection = Protection {
        pin: Some(&typed),
        pcrs: None,
    };
    let sealed = tpm.seal(&met, &key, protection).unwrap();
    assert_opens(&tpm, &sealed, Some(&typed), &key);
}

/// Whoever poses as the chip, and has changed the file to go with it, learns no
/// hash that is cheap to search.
#[test]
fn a_pin_is_never_hashed_for_less_than_it_was_sealed_with() {
    let clinic = Clinic::with_pin();
    let tap = clinic.board.tap();
    let hash = clinic.sealed.pin.clone().unwrap();
    let plain = || Tpm::new(super::board::tcp(tap.port()), Remembering::new());
    let changed = |m_kib, t| {
        let mut sealed = clinic.sealed.clone();
        sealed.pin = Some(PinHash {
            m_kib,
            t,
            ..hash.clone()
        });
        sealed
    };
    let typed = pin(PIN);
    for (tpm, m_kib, t) in [
        (plain(), hash.m_kib, hash.t),
        (plain(), 8, 1),
        (plain(), 32 * 1024, 3),
        (plain().with_pin_cost(CHEAP), 8, 1),
    ] {
        let said = tpm.unseal(&changed(m_kib, t), Some(&typed)).unwrap_err();
        assert_eq!(said.situation, Situation::Damaged, "{m_kib} {t}");
    }
    assert_eq!(tap.commands(), Vec::<u32>::new());
    assert_eq!(lockout(&clinic).counter, 0);
    clinic.assert_opens(Some(PIN));
}
