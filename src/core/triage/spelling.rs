//! How near a written word is to a listed one.
//!
//! Two words a letter or two apart meet when letters are left out of both;
//! the hashes of what is left are compared. Nothing here keeps a word.

/// Longer words than this are compared whole only.
pub(super) const LETTERS_MAX: usize = 24;
/// The shortest stem or ending a list may use.
pub(super) const STEM_MIN: usize = 3;
/// The shortest word that can be a misspelling of a listed one.
pub(super) const SHORTEST_MISSPELT: usize = 4;

/// How many letters a listed word of this length may be off.
pub(super) const fn slack(letters: usize) -> usize {
    match letters {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    }
}

/// How many letters a listed word of this length may be off where nothing else
/// in the text speaks for it: "waiting" is no "fainting".
pub(super) const fn slack_of_a_lone_word(letters: usize) -> usize {
    match letters {
        0..=4 => 0,
        5..=9 => 1,
        _ => 2,
    }
}

/// Whether two words begin with the same letter, or with letters that stand
/// for one sound where people write as they hear.
pub(super) fn begins_alike(written: &str, listed: &str) -> bool {
    const SOUNDS: [&str; 5] = ["ckq", "sz", "bv", "iy", "gj"];
    let (Some(one), Some(two)) = (written.chars().next(), listed.chars().next()) else {
        return false;
    };
    one == two
        || SOUNDS
            .iter()
            .any(|sound| sound.contains(one) && sound.contains(two))
}

/// Calls `each` with the hash of the word with up to `off` letters left out.
pub(super) fn shortened(word: &str, off: usize, each: &mut impl FnMut(u32)) {
    let letters = word.as_bytes();
    let n = letters.len();
    each(hash(letters, n, n));
    if off >= 1 {
        for i in 0..n {
            each(hash(letters, i, n));
        }
    }
    if off >= 2 {
        for i in 0..n {
            for j in i + 1..n {
                each(hash(letters, i, j));
            }
        }
    }
}

/// FNV-1a over the letters without the `i`th and the `j`th. What meets by chance
/// is compared letter by letter.
fn hash(letters: &[u8], i: usize, j: usize) -> u32 {
    letters
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != i && *at != j)
        .fold(0x811c_9dc5, |hash, (_, letter)| {
            (hash ^ u32::from(*letter)).wrapping_mul(0x0100_0193)
        })
}
