//! Changes bytes and lines without knowing what they mean. What knows the form
//! of its input (JSON, TOML, text) builds on this.

use super::rng::Rng;

/// Longest input made: most faults need few bytes, and short inputs are many.
const BYTES_MAX: usize = 64 * 1024;

/// One to four small changes.
pub fn bytes(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    for _ in 0..=rng.below(4) {
        one(rng, input, other, words);
    }
    input.truncate(BYTES_MAX);
}

fn one(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let at = rng.below(input.len() + 1);
    let end = at + rng.below(input.len() - at + 1).min(1 << rng.below(8));
    match rng.below(9) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = *rng.pick(b"\0\n\r\"\\{}[],:= \x7f\x80\xc3\xed\xff09-+.eE'#");
            }
        }
        2 => drop(input.drain(at..end)),
        3 => {
            let copy: Vec<u8> = input.get(at..end).unwrap_or_default().to_vec();
            let to = rng.below(input.len() + 1);
            input.splice(to..to, copy);
        }
        4 => {
            let from = rng.below(other.len() + 1);
            let to = from + rng.below(other.len() - from + 1);
            input.splice(
                at..end,
                other.get(from..to).unwrap_or_default().iter().copied(),
            );
        }
        5 | 6 => drop(input.splice(at..at, rng.pick(words).bytes())),
        7 => drop(input.splice(at..end, rng.pick(words).bytes())),
        _ => input.truncate(at),
    }
}

/// Changes whole lines: leaves out, doubles, swaps, brings in.
pub fn lines(rng: &mut Rng, input: &str, other: &str) -> String {
    let mut lines: Vec<&str> = input.lines().collect();
    let others: Vec<&str> = other.lines().collect();
    for _ in 0..=rng.below(3) {
        let at = rng.below(lines.len());
        let to = rng.below(lines.len());
        match rng.below(5) {
            _ if lines.is_empty() => {}
            0 => drop(lines.remove(at)),
            1 => lines.insert(to, lines.get(at).copied().unwrap_or_default()),
            2 => lines.swap(at, to),
            3 => {
                let end = (at + 1 + rng.below(8)).min(lines.len());
                lines.drain(at..end);
            }
            _ if others.is_empty() => {}
            _ => {
                let from = rng.below(others.len());
                let end = (from + 1 + rng.below(12)).min(others.len());
                lines.splice(
                    at..at,
                    others.get(from..end).unwrap_or_default().iter().copied(),
                );
            }
        }
    }
    lines.join(if rng.once_in(30) { "\r\n" } else { "\n" })
}
