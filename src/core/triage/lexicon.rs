//! The word lists, read once from the files beside this module into tables
//! that answer "which slots of which patterns can this word fill?".
//!
//! The tables are built on first use and never change; nothing here sees a
//! patient's text except one folded word at a time.
//!
//! # The lists
//! A pattern is words with at most two others between each and the next:
//! `chest|breast pain*` . `a+b` wants `b` right after `a`; a lone `&` makes the
//! order free; `@name` stands for a group; `stem*` and `*ending` match parts of
//! a word; `=word` allows no misspelling.

use super::sign::{DangerSign, bit};
use super::spelling::{Already, LETTERS_MAX, SHORTEST_MISSPELT, STEM_MIN, shortened, slack};
use crate::core::lang::Lang;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

/// A set of alternatives that a word of a text can fill.
pub(super) type SlotId = u16;

/// What a pattern says about the sentence it is found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A danger sign.
    Sign(DangerSign),
    /// The words that follow are denied or asked about ("what is …").
    Denies,
    /// Reads like a denial but is none ("I don't know").
    DeniesNothing,
    /// Told of the past, of others, or asked in general.
    Elsewhere,
    /// Told of now, whatever else the sentence says.
    Now,
}

/// One pattern.
pub(super) struct Pattern {
    /// What it means.
    pub(super) meaning: Meaning,
    /// The language of the list it comes from.
    pub(super) lang: Lang,
    /// The slots in order, each with whether it must follow at once.
    pub(super) slots: Vec<(SlotId, bool)>,
    /// Whether the order of the slots is free.
    pub(super) any_order: bool,
}

/// What a single word can be, besides part of a pattern. Bits are languages.
#[derive(Clone, Copy, Default)]
pub(super) struct Role {
    /// Denies what follows, in these languages.
    pub(super) denies: u8,
    /// Denies nothing, in these languages, whatever others say.
    pub(super) harmless: u8,
    /// Denies what stands just before it.
    pub(super) denies_before: bool,
    /// A denial reaches through it.
    pub(super) through: bool,
    /// Carries a denial over a comma ("or").
    pub(super) carries: bool,
}

/// The tables.
pub(super) struct Lexicon {
    patterns: Vec<Pattern>,
    by_first_slot: Vec<Vec<u16>>,
    terms: Vec<Term>,
    whole: HashMap<Box<str>, Vec<u16>>,
    beginnings: HashMap<Box<str>, u16>,
    endings: HashMap<Box<str>, u16>,
    misspelt: HashMap<u64, Vec<u16>, BuildHasherDefault<Already>>,
    roles: HashMap<Box<str>, Role>,
}

struct Term {
    word: Box<str>,
    slots: Vec<SlotId>,
}

/// The lists of all languages.
pub(super) fn lexicon() -> &'static Lexicon {
    static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
        Lexicon::read(Lang::ALL.map(|lang| (lang, list(lang))))
            .expect("the lists are compiled in, and a test reads them")
    });
    &LEXICON
}

const fn list(lang: Lang) -> &'static str {
    match lang {
        Lang::En => include_str!("danger/en.toml"),
        Lang::Fr => include_str!("danger/fr.toml"),
        Lang::Sw => include_str!("danger/sw.toml"),
        Lang::Es => include_str!("danger/es.toml"),
        Lang::Pt => include_str!("danger/pt.toml"),
    }
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadList {
    /// Not the expected TOML.
    #[error("the {0} list is no such TOML: {1}")]
    Toml(Lang, toml::de::Error),
    /// A sign nobody knows.
    #[error("the {0} list names an unknown sign \"{1}\"")]
    Sign(Lang, String),
    /// A group nobody defined.
    #[error("the {0} list uses an unknown group \"{1}\"")]
    Group(Lang, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    groups: BTreeMap<String, String>,
    words: Plain,
    sentences: Sentences,
    signs: BTreeMap<String, Vec<String>>,
}

/// Words with a role of their own, separated by spaces.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    deny: String,
    deny_before: String,
    deny_nothing: String,
    through: String,
    carry: String,
    known: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentences {
    deny: Vec<String>,
    deny_nothing: Vec<String>,
    elsewhere: Vec<String>,
    now: Vec<String>,
}

impl Lexicon {
    fn read(lists: [(Lang, &str); 5]) -> Result<Self, BadList> {
        let mut built = Builder::default();
        for (lang, text) in lists {
            let list: List = toml::from_str(text).map_err(|error| BadList::Toml(lang, error))?;
            built.add(lang, &list)?;
        }
        Ok(built.finish())
    }

    /// A pattern by its number.
    pub(super) fn pattern(&self, id: u16) -> Option<&Pattern> {
        self.patterns.get(usize::from(id))
    }

    /// The patterns that begin with a slot.
    pub(super) fn beginning_with(&self, slot: SlotId) -> &[u16] {
        self.by_first_slot
            .get(usize::from(slot))
            .map_or(&[], Vec::as_slice)
    }

    /// The role of a word.
    pub(super) fn role(&self, word: &str) -> Role {
        self.roles.get(word).copied().unwrap_or_default()
    }

    /// Adds every slot a word can fill, misspelt or not.
    pub(super) fn slots_of(&self, word: &str, out: &mut Vec<SlotId>) {
        let mut add = |id: &u16| {
            if let Some(term) = self.terms.get(usize::from(*id)) {
                out.extend_from_slice(&term.slots);
            }
        };
        let exact = self.whole.get(word);
        exact.into_iter().flatten().for_each(&mut add);
        if word.len() > LETTERS_MAX {
            return;
        }
        let mut stem = false;
        for cut in STEM_MIN..word.len() {
            let ids = [
                word.get(..cut).and_then(|part| self.beginnings.get(part)),
                word.get(word.len() - cut..)
                    .and_then(|part| self.endings.get(part)),
            ];
            for id in ids.into_iter().flatten() {
                stem = true;
                add(id);
            }
        }
        if exact.is_some() || stem || !word.is_ascii() || self.roles.contains_key(word) {
            return;
        }
        self.near(word, &mut add);
    }

    /// Terms a letter or two away: both sides with letters left out meet.
    fn near(&self, word: &str, add: &mut impl FnMut(&u16)) {
        if word.len() < SHORTEST_MISSPELT {
            return;
        }
        let mut seen: Vec<u16> = Vec::new();
        shortened(word, slack(word.len() + 1), &mut |hash| {
            for id in self.misspelt.get(&hash).into_iter().flatten() {
                if !seen.contains(id) {
                    seen.push(*id);
                }
            }
        });
        for id in &seen {
            let close = self.terms.get(usize::from(*id)).is_some_and(|term| {
                let allowed = slack(term.word.len());
                strsim::osa_distance(word, &term.word) <= allowed
            });
            if close {
                add(id);
            }
        }
    }
}

#[derive(Default)]
struct Builder {
    patterns: Vec<Pattern>,
    slot_ids: BTreeMap<String, SlotId>,
    terms: BTreeMap<String, Vec<SlotId>>,
    roles: HashMap<Box<str>, Role>,
}

impl Builder {
    fn add(&mut self, lang: Lang, list: &List) -> Result<(), BadList> {
        self.add_roles(lang, &list.words);
        let cues = [
            (Meaning::Denies, &list.sentences.deny),
            (Meaning::DeniesNothing, &list.sentences.deny_nothing),
            (Meaning::Elsewhere, &list.sentences.elsewhere),
            (Meaning::Now, &list.sentences.now),
        ];
        for (meaning, lines) in cues {
            for line in lines {
                self.add_pattern(lang, meaning, line, &list.groups)?;
            }
        }
        for (word, lines) in &list.signs {
            let sign =
                DangerSign::of_word(word).ok_or_else(|| BadList::Sign(lang, word.clone()))?;
            for line in lines {
                self.add_pattern(lang, Meaning::Sign(sign), line, &list.groups)?;
            }
        }
        Ok(())
    }

    fn add_roles(&mut self, lang: Lang, words: &Plain) {
        for word in words.deny.split_whitespace() {
            self.role(word).denies |= bit(lang);
        }
        for word in words.deny_nothing.split_whitespace() {
            self.role(word).harmless |= bit(lang);
        }
        for word in words.deny_before.split_whitespace() {
            self.role(word).denies_before = true;
        }
        for word in words.through.split_whitespace() {
            self.role(word).through = true;
        }
        for word in words.carry.split_whitespace() {
            let role = self.role(word);
            role.carries = true;
            role.through = true;
        }
        // A known word has a role, an empty one: it is nobody's misspelling.
        for word in words.known.split_whitespace() {
            self.role(word);
        }
    }

    fn role(&mut self, word: &str) -> &mut Role {
        self.roles.entry(word.into()).or_default()
    }

    fn add_pattern(
        &mut self,
        lang: Lang,
        meaning: Meaning,
        line: &str,
        groups: &BTreeMap<String, String>,
    ) -> Result<(), BadList> {
        let mut slots = Vec::new();
        let mut any_order = false;
        for part in line.split_whitespace() {
            if part == "&" {
                any_order = true;
                continue;
            }
            for (nth, alternatives) in part.split('+').enumerate() {
                let slot = self.slot(lang, alternatives, groups)?;
                slots.push((slot, nth > 0));
            }
        }
        self.patterns.push(Pattern {
            meaning,
            lang,
            slots,
            any_order,
        });
        Ok(())
    }

    fn slot(
        &mut self,
        lang: Lang,
        alternatives: &str,
        groups: &BTreeMap<String, String>,
    ) -> Result<SlotId, BadList> {
        let mut words: Vec<&str> = Vec::new();
        for alternative in alternatives.split('|') {
            match alternative.strip_prefix('@') {
                Some(name) => {
                    let group = groups
                        .get(name)
                        .ok_or_else(|| BadList::Group(lang, name.to_owned()))?;
                    words.extend(group.split_whitespace());
                }
                None => words.push(alternative),
            }
        }
        words.sort_unstable();
        words.dedup();
        let key = words.join("|");
        let next = u16::try_from(self.slot_ids.len()).unwrap_or(u16::MAX);
        let slot = *self.slot_ids.entry(key).or_insert(next);
        if slot == next {
            for word in words {
                self.terms.entry(word.to_owned()).or_default().push(slot);
            }
        }
        Ok(slot)
    }

    fn finish(self) -> Lexicon {
        let mut by_first_slot = vec![Vec::new(); self.slot_ids.len()];
        for (pattern, id) in self.patterns.iter().zip(0_u16..) {
            let first = pattern.slots.first().map(|(slot, _)| usize::from(*slot));
            if let Some(list) = first.and_then(|slot| by_first_slot.get_mut(slot)) {
                list.push(id);
            }
        }
        let mut lexicon = Lexicon {
            patterns: self.patterns,
            by_first_slot,
            terms: Vec::new(),
            whole: HashMap::new(),
            beginnings: HashMap::new(),
            endings: HashMap::new(),
            misspelt: HashMap::default(),
            roles: self.roles,
        };
        for ((written, slots), id) in self.terms.into_iter().zip(0_u16..) {
            lexicon.add_term(&written, slots, id);
        }
        lexicon
    }
}

impl Lexicon {
    fn add_term(&mut self, written: &str, slots: Vec<SlotId>, id: u16) {
        let word: Box<str> = written.trim_matches(['*', '=']).into();
        if written.ends_with('*') {
            self.beginnings.insert(word.clone(), id);
        } else if written.starts_with('*') {
            self.endings.insert(word.clone(), id);
        }
        if !written.contains('*') && !written.starts_with('=') && word.len() <= LETTERS_MAX {
            let misspelt = &mut self.misspelt;
            let off = slack(word.len());
            if off > 0 {
                shortened(&word, off, &mut |hash| {
                    misspelt.entry(hash).or_default().push(id);
                });
            }
        }
        self.whole.entry(word.clone()).or_default().push(id);
        self.terms.push(Term { word, slots });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_read_and_names_every_sign() {
        for lang in Lang::ALL {
            let read: Result<List, _> = toml::from_str(list(lang));
            let signs = read.map(|list| list.signs.into_keys().collect::<Vec<_>>());
            let mut known: Vec<String> =
                DangerSign::ALL.map(|sign| sign.word().to_owned()).to_vec();
            known.sort();
            assert_eq!(signs.ok(), Some(known), "{lang}");
        }
        assert!(Lexicon::read(Lang::ALL.map(|lang| (lang, list(lang)))).is_ok());
    }

    #[test]
    fn a_misspelt_word_fills_the_slots_of_the_right_one() {
        let slots = |word: &str| {
            let mut slots = Vec::new();
            lexicon().slots_of(word, &mut slots);
            slots
        };
        assert!(!slots("convulsions").is_empty());
        let misspelt = slots("konvulsionz");
        assert!(
            slots("convulsions")
                .iter()
                .all(|slot| misspelt.contains(slot))
        );
        assert!(slots("zzzzzz").is_empty());
    }
}
