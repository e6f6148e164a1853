//! Text to words: lower case, no accents, and where a clause or sentence ends.
//!
//! One pass over the text, linear in its length; it must never panic on any
//! text, and it keeps nothing of it beyond the call.

use std::ops::Range;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What stands between a word and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing but white space.
    Space,
    /// A comma or the like: the end of a clause.
    Comma,
    /// A full stop, a question mark, a new line: the end of a sentence.
    Stop,
}

/// A folded text and its words.
pub(super) struct Words {
    text: String,
    spans: Vec<(Range<usize>, Gap)>,
}

impl Words {
    /// Folds a text and splits it.
    pub(super) fn of(text: &str) -> Self {
        let mut words = Self {
            text: String::with_capacity(text.len()),
            spans: Vec::with_capacity(text.len() / 5 + 1),
        };
        let mut start = 0;
        let mut gap = Gap::Stop;
        let mut chars = text.nfd().filter(|c| !is_combining_mark(*c)).peekable();
        while let Some(c) = chars.next() {
            if c.is_alphanumeric() {
                // "3days" and "8mois" are two words.
                if c.is_alphabetic() && words.is_number(start) {
                    words.end_word(&mut start, &mut gap);
                }
                words.push_letter(c, start);
            } else if is_point(c) && words.is_number(start) && is_digit(chars.peek()) {
                words.end_word(&mut start, &mut gap);
            } else if is_apostrophe(c) && joins(words.text.get(start..), chars.peek()) {
                // "can't" and "ng'atwa" are one word; "n'ai" is two.
            } else {
                words.end_word(&mut start, &mut gap);
                gap = wider(gap, gap_of(c));
            }
        }
        words.end_word(&mut start, &mut gap);
        words
    }

    /// Whether the word begun at `start` is a number so far.
    fn is_number(&self, start: usize) -> bool {
        let word = self.text.get(start..).unwrap_or_default();
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The words in order, each with what stands before it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Gap)> {
        self.spans
            .iter()
            .map(|(range, gap)| (self.text.get(range.clone()).unwrap_or_default(), *gap))
    }

    /// What stands before a word; the end of the text counts as a stop.
    pub(super) fn gap_before(&self, at: usize) -> Gap {
        self.spans.get(at).map_or(Gap::Stop, |(_, gap)| *gap)
    }

    /// Adds a letter to the word begun at `start`; a letter said three times
    /// over ("pleeease") is kept twice.
    fn push_letter(&mut self, c: char, start: usize) {
        match c {
            'œ' | 'Œ' => self.text.push_str("oe"),
            'ß' => self.text.push_str("ss"),
            other => {
                for lower in other.to_lowercase().filter(|c| !is_combining_mark(*c)) {
                    let word = self.text.get(start..).unwrap_or_default();
                    let mut tail = word.chars().rev();
                    let twice = tail.next() == Some(lower) && tail.next() == Some(lower);
                    if !twice || lower.is_ascii_digit() {
                        self.text.push(lower);
                    }
                }
            }
        }
    }

    fn end_word(&mut self, start: &mut usize, gap: &mut Gap) {
        if self.text.len() > *start {
            self.spans.push((*start..self.text.len(), *gap));
            *start = self.text.len();
            *gap = Gap::Space;
        }
    }
}

/// What stands before the decimals: "38.5" is no end of a sentence.
const fn is_point(c: char) -> bool {
    matches!(c, '.' | ',')
}

fn is_digit(next: Option<&char>) -> bool {
    next.is_some_and(char::is_ascii_digit)
}

const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '`' | '´')
}

/// Whether an apostrophe belongs inside the word: the English "n't" and the
/// Swahili "ng'".
fn joins(word: Option<&str>, next: Option<&char>) -> bool {
    let word = word.unwrap_or_default();
    let ends = |tail: char| {
        word.chars()
            .next_back()
            .is_some_and(|c| c.eq_ignore_ascii_case(&tail))
    };
    let not = ends('n') && word.len() > 1 && matches!(next, Some('t' | 'T'));
    not || (ends('g') && word.len() > 1 && next.is_some_and(|c| c.is_alphabetic()))
}

const fn gap_of(c: char) -> Gap {
    match c {
        '.' | '!' | '?' | ';' | '\n' | '\r' | '¿' | '¡' | '؟' | '…' => Gap::Stop,
        ',' | ':' | '(' | ')' | '،' => Gap::Comma,
        _ => Gap::Space,
    }
}

const fn wider(a: Gap, b: Gap) -> Gap {
    match (a, b) {
        (Gap::Stop, _) | (_, Gap::Stop) => Gap::Stop,
        (Gap::Comma, _) | (_, Gap::Comma) => Gap::Comma,
        (Gap::Space, Gap::Space) => Gap::Space,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        Words::of(text)
            .iter()
            .map(|(word, _)| word.to_owned())
            .collect()
    }

    #[test]
    fn case_accents_and_apostrophes_fold() {
        assert_eq!(
            split("Je n'ai PAS de Convulsions"),
            ["je", "n", "ai", "pas", "de", "convulsions"]
        );
        assert_eq!(split("I can’t"), ["i", "cant"]);
        assert_eq!(split("nimeng'atwa"), ["nimengatwa"]);
        assert_eq!(split("não, CÓLERA… cœur"), ["nao", "colera", "coeur"]);
        assert_eq!(split("heeeelp 10000"), ["heelp", "10000"]);
        assert_eq!(split("8mois 2h x9"), ["8", "mois", "2", "h", "x9"]);
        assert_eq!(split("\u{301}. !"), Vec::<String>::new());
    }

    #[test]
    fn clauses_and_sentences_are_told_apart() {
        let gaps: Vec<Gap> = Words::of("no, cough.\n fever (now)")
            .iter()
            .map(|(_, gap)| gap)
            .collect();
        assert_eq!(gaps, [Gap::Stop, Gap::Comma, Gap::Stop, Gap::Comma]);
        let gaps: Vec<Gap> = Words::of("38.5 degrees. 2,5 kg. 3.")
            .iter()
            .map(|(_, gap)| gap)
            .collect();
        use Gap::{Space, Stop};
        assert_eq!(gaps, [Stop, Space, Space, Stop, Space, Space, Stop]);
    }
}
