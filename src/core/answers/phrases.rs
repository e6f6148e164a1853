//! Tables of phrases, and which of their phrases stand at a word of a text.
//!
//! A row is a language, a meaning, and the phrases for it, folded and without
//! apostrophes, separated by `|`. On its first use a table is indexed by the
//! first word of its phrases, so that a word that begins none of them, as most
//! do, costs one look-up however long the table is. It never judges an answer.

use crate::core::lang::Lang;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

/// The shortest word of a table that may be misspelt, characters.
const MISSPELT_CHARS_MIN: usize = 5;

/// A row: language, meaning, phrases.
pub(super) type Row<T> = (Lang, T, &'static str);

/// Rows and their index.
pub(super) struct Table<T: 'static> {
    rows: &'static [Row<T>],
    index: OnceLock<Index<T>>,
}

/// A phrase of a table, found at a word.
#[derive(Clone, Copy)]
pub(super) struct Hit<T> {
    /// The phrase's language.
    pub(super) of: Lang,
    /// What it means.
    pub(super) meaning: T,
    /// How long it is written, characters.
    pub(super) chars: usize,
    /// How many words it takes.
    pub(super) used: usize,
}

struct Index<T> {
    by_word: HashMap<&'static str, Vec<Phrase<T>>, Quick>,
    /// Single words that may be misspelt, by what no slip changes.
    by_letter: HashMap<(Lang, char), Vec<(T, &'static str)>, Quick>,
    /// Every phrase as a whole, by its first letter.
    wholes: HashMap<char, Vec<Row<T>>, Quick>,
    words_max: usize,
}

struct Phrase<T> {
    of: Lang,
    meaning: T,
    chars: usize,
    /// The words behind the first.
    rest: Vec<&'static str>,
}

impl<T: Copy> Table<T> {
    /// A table of these rows.
    pub(super) const fn of(rows: &'static [Row<T>]) -> Self {
        Self {
            rows,
            index: OnceLock::new(),
        }
    }

    /// Every phrase that stands at a word, in the order of the table.
    pub(super) fn hits<'a>(
        &'static self,
        tokens: &'a [String],
        at: usize,
    ) -> impl Iterator<Item = Hit<T>> + 'a {
        let phrases = tokens
            .get(at)
            .and_then(|word| self.index().by_word.get(word.as_str()));
        let after = tokens.get(at + 1..).unwrap_or_default();
        phrases.into_iter().flatten().filter_map(move |phrase| {
            let stands = phrase.rest.len() <= after.len()
                && phrase.rest.iter().zip(after).all(|(want, is)| is == want);
            stands.then_some(Hit {
                of: phrase.of,
                meaning: phrase.meaning,
                chars: phrase.chars,
                used: 1 + phrase.rest.len(),
            })
        })
    }

    /// Every phrase that these words are from the first to the last.
    pub(super) fn whole<'a>(
        &'static self,
        tokens: &'a [String],
    ) -> impl Iterator<Item = Hit<T>> + 'a {
        let few = tokens.len() <= self.index().words_max;
        let tokens = if few { tokens } else { &[] };
        self.hits(tokens, 0).filter(|hit| hit.used == tokens.len())
    }

    /// The meanings of a word that is a word of the language with one slip: a
    /// letter missing, doubled, wrong or swapped. The first letter must be right.
    pub(super) fn misspelt(&'static self, word: &str, lang: Lang) -> impl Iterator<Item = T> {
        let long = word.chars().nth(MISSPELT_CHARS_MIN - 1).is_some();
        let first = word.chars().next().filter(|c| long && !c.is_ascii_digit());
        let near = first.and_then(|c| self.index().by_letter.get(&(lang, c)));
        near.into_iter()
            .flatten()
            .filter(move |(_, right)| is_slip_of(word, right))
            .map(|(meaning, _)| *meaning)
    }

    /// Every phrase of which the whole text is one slip away.
    pub(super) fn misspelt_whole(
        &'static self,
        said: &str,
    ) -> impl Iterator<Item = &'static Row<T>> {
        let first = said.chars().next();
        let near = first.and_then(|c| self.index().wholes.get(&c));
        near.into_iter()
            .flatten()
            .filter(move |(_, _, right)| is_slip_of(said, right))
    }

    fn index(&self) -> &Index<T> {
        self.index.get_or_init(|| Index::over(self.rows))
    }
}

impl<T: Copy> Index<T> {
    fn over(rows: &'static [Row<T>]) -> Self {
        let mut index = Self {
            by_word: HashMap::default(),
            by_letter: HashMap::default(),
            wholes: HashMap::default(),
            words_max: 0,
        };
        for (of, meaning, phrases) in rows {
            for text in phrases.split('|') {
                index.add(*of, *meaning, text);
            }
        }
        index
    }

    fn add(&mut self, of: Lang, meaning: T, text: &'static str) {
        let mut words = text.split(' ');
        let first = words.next().unwrap_or_default();
        let phrase = Phrase {
            of,
            meaning,
            chars: text.chars().count(),
            rest: words.collect(),
        };
        self.words_max = self.words_max.max(1 + phrase.rest.len());
        if let Some(letter) = text.chars().next() {
            let wholes = self.wholes.entry(letter).or_default();
            wholes.push((of, meaning, text));
        }
        if phrase.rest.is_empty()
            && phrase.chars >= MISSPELT_CHARS_MIN
            && let Some(letter) = text.chars().next()
        {
            let near = self.by_letter.entry((of, letter)).or_default();
            near.push((meaning, text));
        }
        self.by_word.entry(first).or_default().push(phrase);
    }
}

/// Whether `word` is `right` with exactly one slip after the first letter: a
/// letter too many, one missing, a wrong one, or two neighbours swapped.
pub(super) fn is_slip_of(word: &str, right: &str) -> bool {
    let (mut a, mut b) = (word.chars(), right.chars());
    if a.next() != b.next() || word.len().abs_diff(right.len()) > 4 {
        return false;
    }
    let mut ahead = (a.clone(), b.clone());
    while let (Some(x), Some(y)) = (ahead.0.next(), ahead.1.next())
        && x == y
    {
        (a, b) = ahead.clone();
    }
    let mut behind = (a.clone(), b.clone());
    while let (Some(x), Some(y)) = (behind.0.next_back(), behind.1.next_back())
        && x == y
    {
        (a, b) = behind.clone();
    }
    let left = |chars: &mut std::str::Chars<'_>| [chars.next(), chars.next(), chars.next()];
    match (left(&mut a), left(&mut b)) {
        ([Some(_), None, _], [None, ..] | [Some(_), None, _])
        | ([None, ..], [Some(_), None, _]) => true,
        ([Some(x), Some(y), None], [Some(v), Some(w), None]) => x == w && y == v,
        _ => false,
    }
}

type Quick = BuildHasherDefault<Fnv>;

/// FNV-1a. The keys of the tables are compiled in: nobody can choose them to
/// collide, and a text can only ask for them.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static TABLE: Table<u8> = Table::of(&[
        (Lang::En, 1, "one|one two|monday"),
        (Lang::Fr, 2, "one two three|mondai"),
    ]);

    fn found(text: &str, at: usize) -> Vec<(u8, usize)> {
        let tokens: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let hits = TABLE.hits(&tokens, at);
        hits.map(|hit| (hit.meaning, hit.used)).collect()
    }

    #[test]
    fn every_phrase_that_stands_there_is_found_in_order() {
        assert_eq!(found("one two three", 0), [(1, 1), (1, 2), (2, 3)]);
        assert_eq!(found("so one two", 1), [(1, 1), (1, 2)]);
        assert_eq!(found("one two", 1), []);
        assert_eq!(found("one", 7), []);
    }

    #[test]
    fn a_slip_is_forgiven_in_long_words_of_the_language() {
        let meanings = |word: &str| TABLE.misspelt(word, Lang::En).collect::<Vec<_>>();
        assert_eq!(meanings("mnodya"), [] as [u8; 0], "more than one slip");
        assert_eq!(meanings("modnay"), [1]);
        assert_eq!(meanings("monday"), [] as [u8; 0], "no slip at all");
        assert_eq!(meanings("oen"), [] as [u8; 0]);
    }

    proptest! {
        #[test]
        fn a_slip_is_a_distance_of_one(word in "[abé]{0,6}", right in "[abé]{0,6}") {
            let same_first = word.chars().next() == right.chars().next();
            prop_assert_eq!(
                is_slip_of(&word, &right),
                same_first && strsim::osa_distance(&word, &right) == 1
            );
        }
    }
}
