//! The recovery key: what a clinic keeps on paper for the day everything else
//! is lost. Nine groups of six random digits (179 bits), each with a check
//! digit, so that a slip of the pen is found in its group.
//!
//! It is shown once and never stored.

use crate::ports::Chance;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How many groups there are.
pub(super) const GROUPS: usize = 9;
/// Random digits in a group.
const DIGITS: usize = 6;
/// Digits in a group, with its check digit.
pub(super) const GROUP_DIGITS: usize = DIGITS + 1;

/// H. M. Damm's totally anti-symmetric quasigroup of order 10: one wrong digit
/// and two swapped neighbours always show.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// A recovery key; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryKey([[u8; DIGITS]; GROUPS]);

/// A text with so many digits, and hardly anything else, is meant as a recovery
/// key: no PIN and no passphrase looks like that.
const DIGITS_MEANT: usize = 35;
/// Letters in such a text that are slips.
const SLIPS_MAX: usize = 6;
/// The zeros of the ten digits in scripts that a keyboard may write instead of
/// ASCII: Arabic, Persian, Devanagari, Bengali, fullwidth.
const ZEROS: [char; 6] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{ff10}'];

/// Why a text is no recovery key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecoveryKey {
    /// It holds something else than digits, spaces and dashes, and is no slip of
    /// somebody who typed one.
    #[error("a recovery key has only digits, spaces and dashes")]
    NotDigits,
    /// The number of digits is wrong.
    #[error("a recovery key has 63 digits in nine groups of seven; this has {0}")]
    Length(usize),
    /// A group does not fit its check digit, or stands in the wrong place.
    #[error("group {0} of the recovery key has a mistake, or is not in its place")]
    Group(usize),
}

impl BadRecoveryKey {
    /// Whether the text was meant as a recovery key all the same: to be compared
    /// with the paper, and tried as nothing else.
    pub const fn is_slip(self) -> bool {
        match self {
            Self::Group(_) => true,
            Self::Length(digits) => digits >= DIGITS_MEANT,
            Self::NotDigits => false,
        }
    }
}

impl std::fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryKey")
    }
}

impl RecoveryKey {
    /// Draws a new key.
    pub fn draw(chance: &dyn Chance) -> Self {
        let mut groups = [[0; DIGITS]; GROUPS];
        for digit in groups.iter_mut().flatten() {
            *digit = draw_digit(chance);
        }
        Self(groups)
    }

    /// The key as it is written down: `1234567-…`, nine groups of seven.
    pub fn show(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(GROUPS * (DIGITS + 2)));
        for (place, group) in self.0.iter().enumerate() {
            if place > 0 {
                text.push('-');
            }
            for digit in group.iter().chain([&check_digit(place, group)]) {
                text.push(char::from(b'0' + digit));
            }
        }
        text
    }

    /// Reads a key as people type it, with or without spaces and dashes of any
    /// kind.
    ///
    /// # Errors
    /// Names the group with the mistake, counted from one.
    pub fn parse(text: &str) -> Result<Self, BadRecoveryKey> {
        let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
        let mut slips = 0;
        for letter in text.chars().filter(|c| !is_gap(*c)) {
            match digit_of(letter) {
                Some(digit) => digits.push(digit),
                None => slips += 1,
            }
        }
        if slips > 0 && (digits.len() < DIGITS_MEANT || slips > SLIPS_MAX) {
            return Err(BadRecoveryKey::NotDigits);
        }
        if slips > 0 || digits.len() != GROUPS * GROUP_DIGITS {
            // Nine short groups are somebody's PIN, and no paper's.
            let meant = digits.len() >= DIGITS_MEANT;
            let odd = odd_group(text).filter(|_| meant);
            return Err(odd.unwrap_or(BadRecoveryKey::Length(digits.len())));
        }
        let mut key = Self([[0; DIGITS]; GROUPS]);
        let read = digits.chunks_exact(GROUP_DIGITS);
        for (place, (to, from)) in key.0.iter_mut().zip(read).enumerate() {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from;
            }
            if from.last() != Some(&check_digit(place, to)) {
                return Err(BadRecoveryKey::Group(place + 1));
            }
        }
        Ok(key)
    }

    /// The random digits, for the derivation of the slot's key.
    pub fn expose(&self) -> &[u8] {
        self.0.as_flattened()
    }
}

/// A word processor makes other dashes of what is typed.
pub(super) fn is_gap(letter: char) -> bool {
    matches!(
        letter,
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
    ) || letter.is_whitespace()
}

pub(super) fn digit_of(letter: char) -> Option<u8> {
    let from = |zero: &char| u32::from(letter).checked_sub(u32::from(*zero));
    let mut values = ZEROS.iter().filter_map(from);
    let value = values.find(|value| *value < 10)?;
    u8::try_from(value).ok()
}

/// The first group that is not seven digits, where there are nine.
fn odd_group(text: &str) -> Option<BadRecoveryKey> {
    let written: Vec<&str> = text.split(is_gap).filter(|s| !s.is_empty()).collect();
    let is_whole = |group: &str| {
        group.chars().count() == GROUP_DIGITS && group.chars().all(|c| digit_of(c).is_some())
    };
    let odd = written.iter().position(|group| !is_whole(group))?;
    (written.len() == GROUPS).then_some(BadRecoveryKey::Group(odd + 1))
}

/// Whether seven digits fit their check digit in this place, counted from none.
pub(super) fn group_fits(place: usize, group: &str) -> bool {
    let mut digits = group.chars().filter_map(digit_of);
    let mut random = [0; DIGITS];
    for (to, from) in random.iter_mut().zip(digits.by_ref()) {
        *to = from;
    }
    let (check, more) = (digits.next(), digits.next());
    let fits = check == Some(check_digit(place, &random)) && more.is_none();
    random.zeroize();
    fits && group.chars().count() == GROUP_DIGITS
}

/// The place goes in first, so that two swapped groups show as well.
fn check_digit(place: usize, group: &[u8; DIGITS]) -> u8 {
    let place = u8::try_from(place + 1).unwrap_or(0);
    let all = [place].into_iter().chain(group.iter().copied());
    all.fold(0, |state, digit| {
        let row = DAMM.get(usize::from(state));
        let next = row.and_then(|row| row.get(usize::from(digit)));
        next.copied().unwrap_or(0)
    })
}

/// Bytes from 250 on are drawn again: else low digits would come more often.
fn draw_digit(chance: &dyn Chance) -> u8 {
    let mut byte = [0];
    loop {
        chance.fill(&mut byte);
        if let [drawn @ 0..250] = byte {
            byte.zeroize();
            return drawn % 10;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::Sequence;

    #[test]
    fn what_is_shown_reads_back() {
        let key = RecoveryKey::draw(&Sequence::default());
        let text = key.show();
        assert_eq!(text.len(), 9 * 7 + 8);
        assert_eq!(text.capacity(), 9 * 8);
        assert_eq!(RecoveryKey::parse(&text).unwrap(), key);
        let bare = text.replace('-', "");
        assert_eq!(RecoveryKey::parse(&bare).unwrap(), key);
        let spaced = format!(" {}\n", text.replace('-', " "));
        assert_eq!(RecoveryKey::parse(&spaced).unwrap(), key);
        assert_eq!(format!("{key:?}"), "RecoveryKey");
    }

    #[test]
    fn every_single_slip_is_found_in_its_group() {
        let text = RecoveryKey::draw(&Sequence::default()).show();
        for place in (0..text.len()).filter(|place| place % 8 != 7) {
            for wrong in b'0'..=b'9' {
                let mut bytes = text.as_bytes().to_vec();
                if bytes[place] == wrong {
                    continue;
                }
                bytes[place] = wrong;
                let said = RecoveryKey::parse(std::str::from_utf8(&bytes).unwrap());
                assert_eq!(said, Err(BadRecoveryKey::Group(place / 8 + 1)));
            }
        }
    }

    #[test]
    fn swapped_digits_and_groups_and_missing_ones_are_found() {
        let text = RecoveryKey::draw(&Sequence::default()).show();
        let groups: Vec<&str> = text.split('-').collect();
        for place in 0..8 {
            let mut swapped = groups.clone();
            swapped.swap(place, place + 1);
            if groups[place] != groups[place + 1] {
                assert!(RecoveryKey::parse(&swapped.join("-")).is_err());
            }
        }
        let mut short = groups.clone();
        short[4] = &short[4][..6];
        let said = RecoveryKey::parse(&short.join("-"));
        assert_eq!(said, Err(BadRecoveryKey::Group(5)));
        let said = RecoveryKey::parse(&groups[..8].join("-"));
        assert_eq!(said, Err(BadRecoveryKey::Length(56)));
        assert_eq!(RecoveryKey::parse("12a"), Err(BadRecoveryKey::NotDigits));
    }

    #[test]
    fn other_dashes_and_digits_read_and_letters_are_slips_of_their_group() {
        let key = RecoveryKey::draw(&Sequence::default());
        let text = key.show();
        for dash in ["\u{2013}", " \u{2014} ", "\u{2212}", "\u{a0}"] {
            let typed = text.replace('-', dash);
            assert_eq!(RecoveryKey::parse(&typed).as_ref(), Ok(&key), "{dash:?}");
        }
        for zero in ['\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}'] {
            let other = |c: char| {
                let value = c.to_digit(10);
                value.map_or(c, |v| char::from_u32(u32::from(zero) + v).unwrap())
            };
            let typed: String = text.chars().map(other).collect();
            assert_eq!(RecoveryKey::parse(&typed).as_ref(), Ok(&key), "{zero}");
        }
        let groups: Vec<&str> = text.split('-').collect();
        let letter = |place: usize| {
            let mut groups: Vec<String> = groups.iter().map(|it| (*it).to_owned()).collect();
            groups[place].replace_range(2..3, "O");
            RecoveryKey::parse(&groups.join("-"))
        };
        assert_eq!(letter(0), Err(BadRecoveryKey::Group(1)));
        assert_eq!(letter(6), Err(BadRecoveryKey::Group(7)));
        for no_key in [
            "correct horse battery staple",
            "12345678901234567890123456789012 words",
        ] {
            assert_eq!(RecoveryKey::parse(no_key), Err(BadRecoveryKey::NotDigits));
        }
    }
}
