//! Where a number among other words is somebody's age or sex, and where it only
//! counts something: children, minutes, the weeks of an illness.

use super::super::amount::{amount_at, unit_at};
use super::super::fold::{folded_tokens, is_sign};
use super::super::kind::{Kind, Misread, Value};
use super::super::lexicon::filler_at;
use super::super::numerals::digits;
use super::super::{age, told_age};
use super::Page;

/// Below it a number in words is more often an article than an age.
const SPELT_YEARS_MIN: u16 = 10;

impl Page<'_> {
    /// Whether an answer with a number in it is that, and not a number that
    /// counts something else among the words around it. What stands alone
    /// between two commas is judged by its reader only.
    pub(super) fn is_own_number(
        &self,
        (place, value): (usize, &Value),
        words: &[&str],
        at: usize,
        used: usize,
    ) -> bool {
        if used == words.len() {
            return true;
        }
        let window = words.get(at..at + used).unwrap_or_default();
        match self.kinds.get(place) {
            Some(Kind::Sex) => !window.iter().all(|word| is_number(word)),
            Some(Kind::BirthOrAge) => {
                let (tokens, from, to) = told_age::span(words, at, used);
                let told = tokens.get(from..to).unwrap_or_default();
                let counted = (0..told.len()).any(|i| amount_at(told, i, self.lang).is_some());
                let lasting =
                    (from..to).any(|start| age::is_lasting(&tokens, start, to, self.lang));
                !lasting
                    && match value {
                        Value::Age { years, .. } if !counted => {
                            self.is_bare_age(*years, words, at, used)
                        }
                        _ => true,
                    }
            }
            Some(_) | None => true,
        }
    }

    /// Whether a number without a unit stands where an age does: behind a name,
    /// before a sex or the end, and beside nothing that it could count.
    fn is_bare_age(&self, years: u16, words: &[&str], at: usize, used: usize) -> bool {
        let window = words.get(at..at + used).unwrap_or_default();
        let spelt = !window
            .iter()
            .any(|word| word.contains(|c: char| c.is_ascii_digit()));
        if spelt && years < SPELT_YEARS_MIN {
            return false;
        }
        let is_unit = |word: &&&str| unit_at(&folded_tokens(word), 0, self.lang).is_some();
        let (before, after) = (words.get(..at).unwrap_or_default(), words.get(at + used));
        if before.last().as_ref().is_some_and(is_unit) || after.as_ref().is_some_and(is_unit) {
            return false;
        }
        let known = |word: &&&str| is_number(word) || self.is_sex(word);
        let known = before.iter().rev().take_while(known).count();
        let name = before.get(..before.len() - known).unwrap_or_default();
        let named = name.is_empty() || self.is_name(&name.join(" "));
        let alone = !window.iter().any(|word| self.is_filler_word(word));
        let small = |word: &str| word.starts_with(char::is_lowercase);
        let goes_on = after.is_none_or(|word| {
            is_number(word) || self.is_sex(word) || self.is_name(word) && (alone || !small(word))
        });
        named && goes_on
    }

    fn is_sex(&self, word: &str) -> bool {
        let read = super::super::read(&Kind::Sex, word, self.lang, self.today, self.country);
        matches!(read, Ok(_) | Err(Misread::Ambiguous)) && !is_number(word)
    }

    fn is_name(&self, words: &str) -> bool {
        super::super::read(&Kind::Name, words, self.lang, self.today, self.country).is_ok()
    }

    fn is_filler_word(&self, word: &str) -> bool {
        filler_at(&folded_tokens(word), 0, self.lang).is_some()
    }
}

/// Whether a word is digits, with signs at most: "34", "(34)", "15/3/90".
fn is_number(word: &str) -> bool {
    let tokens = folded_tokens(word);
    !tokens.is_empty() && tokens.iter().all(|t| digits(t).is_some() || is_sign(t))
}
