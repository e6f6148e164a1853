//! How long unsealing takes and how many commands it sends; printed, and only
//! the number of commands is judged: a real chip is hundreds of times slower
//! than this one, so each command counts.
#![allow(
    clippy::disallowed_methods,
    reason = "measuring reads the clock of the machine"
)]

use super::board::{Clinic, PIN, Remembering, SRK_ATTRIBUTES, pin, tcp};
use healthpost::core::pin::Pin;
use healthpost::ports::sealer::{PcrSelection, Protection, Sealer};
use healthpost::tpm::Tpm;
use std::time::{Duration, Instant};

const TIMES: usize = 50;

fn measure(what: &str, clinic: &Clinic, typed: Option<&Pin>) -> usize {
    let tpm = clinic.tpm();
    let mut took: Vec<Duration> = (0..TIMES)
        .map(|_| {
            let start = Instant::now();
            tpm.unseal(&clinic.sealed, typed).unwrap();
            start.elapsed()
        })
        .collect();
    took.sort();
    let tap = clinic.board.tap();
    let tapped = super::board::tpm(tcp(tap.port()), Remembering::new());
    tapped.unseal(&clinic.sealed, typed).unwrap();
    let commands = tap.commands().len();
    println!(
        "unseal, {what}: {commands} commands, median {:?}, slowest of {TIMES} {:?}",
        took[TIMES / 2],
        took[TIMES - 1]
    );
    commands
}

#[test]
fn unsealing_is_printed_and_takes_few_commands() {
    let typed = pin(PIN);
    let clinic = Clinic::without_pin();
    assert_eq!(measure("storage key made", &clinic, None), 11);
    let srk = ["-G", "ecc256", "-a", SRK_ATTRIBUTES, "-c", "srk.ctx"];
    clinic.board.tools("tpm2_createprimary", &srk);
    let kept = ["-c", "srk.ctx", "0x81000001"];
    clinic.board.tools("tpm2_evictcontrol", &kept);
    clinic.board.tools("tpm2_flushcontext", &["-t"]);
    assert_eq!(measure("storage key kept", &clinic, None), 9);
    let clinic = Clinic::protected(Protection {
        pin: Some(&typed),
        pcrs: Some(PcrSelection::parse("7").unwrap()),
    });
    let with_all = "storage key made, PIN with a cheap hash, PCR";
    assert_eq!(measure(with_all, &clinic, Some(&typed)), 13);
    // The hash as it is by default.
    let tpm = Tpm::new(clinic.board.tcti(), Remembering::new());
    let protection = Protection {
        pin: Some(&typed),
        pcrs: None,
    };
    let start = Instant::now();
    let sealed = tpm.seal(&clinic.met, &clinic.key, protection).unwrap();
    let sealing = start.elapsed();
    let start = Instant::now();
    tpm.unseal(&sealed, Some(&typed)).unwrap();
    println!(
        "with the costly hash: seal {sealing:?}, unseal {:?}",
        start.elapsed()
    );
}
