//! A TPM that answers nonsense: nothing panics, and nothing opens to another key.

use super::board::{Clinic, Remembering, lockout_password, tcp, tpm};
use super::tap::framed;
use healthpost::ports::sealer::{Protection, Sealer};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// Conversations with something broken in them.
const CONVERSATIONS: u64 = 200;

/// Changes, cuts or grows an answer, but keeps its length true, so that it is
/// read as one.
fn break_it(mut answer: Vec<u8>, rng: &mut ChaCha8Rng) -> Vec<u8> {
    match rng.next_u32() % 4 {
        0 => answer.truncate(10 + rng.next_u32() as usize % answer.len()),
        1 => answer.extend((0..rng.next_u32() % 64).map(|n| n as u8)),
        2 => {
            let body = answer.len().max(12);
            answer.resize(body, 0);
            rng.fill_bytes(&mut answer[10..]);
        }
        _ => {
            for _ in 0..=rng.next_u32() % 3 {
                let at = 6 + rng.next_u32() as usize % (answer.len() - 6);
                answer[at] ^= rng.next_u32() as u8;
            }
        }
    }
    framed(answer)
}

#[test]
fn nonsense_never_panics_and_never_opens_to_another_key() {
    let clinic = Clinic::without_pin();
    let password = lockout_password();
    let mut refused = 0;
    for seed in 0..CONVERSATIONS {
        let tap = clinic.board.tap();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The first answers are true, so that every depth is reached.
        let mut true_ones = rng.next_u32() % 14;
        tap.set(move |frame, ask| {
            let answer = ask(frame);
            if true_ones > 0 {
                true_ones -= 1;
                return answer;
            }
            break_it(answer, &mut rng)
        });
        let tpm = tpm(tcp(tap.port()), Remembering::new()).with_limit(Duration::from_secs(5));
        match seed % 5 {
            0 => drop(tpm.seal(&clinic.met, &clinic.key, Protection::default())),
            1 => drop(tpm.report(Some(&clinic.sealed))),
            2 => refused += u32::from(tpm.adopt_lockout(&clinic.met, &password).is_err()),
            _ => match tpm.unseal(&clinic.sealed, None) {
                Ok(opened) => assert!(opened.expose() == clinic.key.expose()),
                Err(_) => refused += 1,
            },
        }
        drop(tap);
        // Whatever stayed open in there would fill it up.
        for kind in ["-t", "-l", "-s"] {
            clinic.board.tools("tpm2_flushcontext", &[kind]);
        }
    }
    assert!(u64::from(refused) > CONVERSATIONS / 4, "{refused}");
    println!("{CONVERSATIONS} broken conversations, {refused} of them refused");
}
