//! Where a number among other words is somebody's age or sex, and where it only
//! counts something: children, minutes, the weeks of an illness.

use super::super::amount::{Unit, amount_at, unit_at};
use super::super::fold::{folded_tokens, is_sign};
use super::super::kind::{Kind, Misread, Value};
use super::super::lexicon::filler_at;
use super::super::numerals::digits;
use super::super::{age, day_month, onset, told_age};
use super::{Page, read_page};

/// Below it a number in words is more often an article than an age.
const SPELT_YEARS_MIN: u16 = 10;

impl Page<'_> {
    /// Who tells everything in one message begins with who it is: the first
    /// segments are the page, if they answer all of it and what comes next could
    /// not be part of it, as a second half of a place could.
    pub(super) fn take_leading(&mut self, segments: &[String]) -> bool {
        let whole = self.kinds.contains(&Kind::Name) && self.open().len() == self.kinds.len();
        if !whole || segments.len() < 2 {
            return false;
        }
        let most = self.kinds.len().min(segments.len() - 1);
        let mut cuts = (1..=most).map(|cut| segments.split_at(cut));
        let told = cuts.find_map(|(leading, rest)| {
            let next = rest.first().filter(|next| !self.is_name(next))?;
            let goes_on = self.is_sex(next) || self.may_be_a_place(next);
            let text = leading.join("\n");
            let read = || read_page(self.kinds, &text, self.lang, self.today, self.country);
            let answers = if goes_on { Vec::new() } else { read() };
            let all = answers.len() == self.kinds.len() && answers.iter().all(Result::is_ok);
            all.then_some(answers)
        });
        let Some(told) = told else {
            return false;
        };
        self.answers = told.into_iter().map(Some).collect();
        true
    }

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
        let (tokens, from, to) = told_age::span(words, at, used);
        let told = tokens.get(from..to).unwrap_or_default();
        let lasting = (from..to).any(|start| age::is_lasting(&tokens, start, to, self.lang));
        if self.kinds.get(place) == Some(&Kind::Onset) {
            let among = used < words.len();
            if among && day_month::is_out_of_place(&tokens, (from, to), self.lang, self.today) {
                return false;
            }
            // "Miaka 72" among other answers is an age, even alone in its line.
            let years =
                |i| amount_at(told, i, self.lang).is_some_and(|(a, _)| a.unit == Unit::Year);
            let marked = lasting || onset::is_marked(&told.join(" "), self.lang, self.today);
            return marked || !(0..told.len()).any(years);
        }
        if used == words.len() {
            return true;
        }
        let window = words.get(at..at + used).unwrap_or_default();
        match self.kinds.get(place) {
            Some(Kind::Sex) => !window.iter().all(|word| is_number(word)),
            Some(Kind::BirthOrAge) => {
                let counted = (0..told.len()).any(|i| amount_at(told, i, self.lang).is_some());
                let bare = match value {
                    Value::Age { years, .. } if !counted => Some(*years),
                    Value::Age { .. }
                    | Value::Text { .. }
                    | Value::Nothing
                    | Value::Date { .. }
                    | Value::PartialDate { .. }
                    | Value::YesNo { .. }
                    | Value::One { .. }
                    | Value::Several { .. }
                    | Value::Since { .. }
                    | Value::Contact { .. } => None,
                };
                let before = words.get(..at).unwrap_or_default();
                !lasting
                    && match bare {
                        Some(years) => self.is_bare_age(years, words, at, used),
                        None => !counted || self.follows_a_name(before),
                    }
            }
            Some(_) | None => true,
        }
    }

    /// "Area 25", "avenue 12": a number that counts no time.
    fn may_be_a_place(&self, segment: &str) -> bool {
        let tokens = folded_tokens(segment);
        let number = tokens.iter().any(|token| digits(token).is_some());
        number && !(0..tokens.len()).any(|at| amount_at(&tokens, at, self.lang).is_some())
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
        // Juma is a week, and here a surname.
        let is_unit = |word: &&&str| {
            let tokens = folded_tokens(word);
            !age::names_juma(&tokens, 0, 1) && unit_at(&tokens, 0, self.lang).is_some()
        };
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

    /// Whether a length of time stands behind a name, or behind words that bear
    /// no meaning: "headache 3 days" is no age.
    fn follows_a_name(&self, before: &[&str]) -> bool {
        let known =
            |word: &&&str| is_number(word) || self.is_sex(word) || self.is_filler_word(word);
        let known = before.iter().rev().take_while(known).count();
        let name = before.get(..before.len() - known).unwrap_or_default();
        name.is_empty() || self.is_name(&name.join(" "))
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
