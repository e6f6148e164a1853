//! The word lists, read once from the files beside this module into tables
//! that answer "which slots of which patterns can this word fill?".
//!
//! The tables are built on first use and never change; nothing here sees a
//! patient's text except one folded word at a time.
//!
//! # The lists
//! A pattern is words with at most two others between each and the next:
//! `chest|breast pain*` . `a+b` wants `b` right after `a`; a lone `&` makes the
//! order free of what it stands between; `@name` stands for a group; `stem*`
//! and `*ending` match parts of a word; `=word` allows no misspelling.

use super::list::{Builder, list, read};
use super::sign::DangerSign;
use super::spelling::{
    Already, LETTERS_MAX, SHORTEST_MISSPELT, STEM_MIN, begins_alike, shortened, slack,
    slack_of_a_lone_word,
};
use crate::core::lang::Lang;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

/// A set of alternatives that a word of a text can fill.
pub(super) type SlotId = u16;

/// A slot a word fills, and how well.
#[derive(Clone, Copy)]
pub(super) struct Filled {
    pub(super) slot: SlotId,
    pub(super) fit: Fit,
}

/// How well a word fits a listed one, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Perhaps a misspelling: enough beside another word of a pattern.
    Loose,
    /// Most likely a misspelling: enough for a pattern of one word.
    Close,
    /// The very word.
    Exact,
}

/// What a pattern says about the sentence it is found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A danger sign.
    Sign(DangerSign),
    /// The words that follow are denied or asked about ("what is …").
    Denies,
    /// Reads like a denial but is none ("I don't know").
    DeniesNothing,
    /// What stands just before it is over ("is gone", "last year").
    Over,
    /// Words that read like a sign and are none ("walks with a limp").
    NoSign,
    /// Told of the past, of others, or asked in general.
    Elsewhere,
    /// Told of now, whatever else the sentence says.
    Now,
}

impl Meaning {
    /// The least fit of its words. What silences a sign must be the very
    /// words; what raises or keeps an alarm may be misspelt.
    pub(super) const fn least_fit(self) -> Fit {
        match self {
            Self::Denies | Self::Over | Self::NoSign | Self::Elsewhere => Fit::Exact,
            Self::Sign(_) | Self::DeniesNothing | Self::Now => Fit::Loose,
        }
    }
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

impl Pattern {
    /// The least fit of its words. A single word has nothing beside it that
    /// would bear a guess out.
    pub(super) fn least_fit(&self) -> Fit {
        let lone = if self.slots.len() == 1 {
            Fit::Close
        } else {
            Fit::Loose
        };
        self.meaning.least_fit().max(lone)
    }
}

/// What a single word can be, besides part of a pattern. Bits are languages:
/// "ni" is a denial in one and "it is" in another.
#[derive(Clone, Copy, Default)]
pub(super) struct Role {
    /// Denies what follows.
    pub(super) denies: u8,
    /// Denies nothing there, whatever others say.
    pub(super) harmless: u8,
    /// Denies what stands just before it.
    pub(super) denies_before: u8,
    /// A denial reaches through it.
    pub(super) through: u8,
    /// A verb, through which a denial reaches, but not to what stands before
    /// it already: "has" ends "no fever has convulsions".
    pub(super) begins: u8,
    /// Something else that can be told of: see `begins`.
    pub(super) told: u8,
    /// Carries a denial over a comma ("or").
    pub(super) carries: u8,
    /// Is a family name as well.
    pub(super) name: bool,
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
        read(Lang::ALL.map(|lang| (lang, list(lang))))
            .expect("the lists are compiled in, and a test reads them")
    });
    &LEXICON
}

impl Lexicon {
    /// The tables of what was read.
    pub(super) fn of(built: Builder) -> Self {
        let mut by_first_slot = vec![Vec::new(); built.slot_ids.len()];
        for (pattern, id) in built.patterns.iter().zip(0_u16..) {
            let first = pattern.slots.first().map(|(slot, _)| usize::from(*slot));
            if let Some(list) = first.and_then(|slot| by_first_slot.get_mut(slot)) {
                list.push(id);
            }
        }
        let mut lexicon = Self {
            patterns: built.patterns,
            by_first_slot,
            terms: Vec::new(),
            whole: HashMap::new(),
            beginnings: HashMap::new(),
            endings: HashMap::new(),
            misspelt: HashMap::default(),
            roles: built.roles,
        };
        for ((written, slots), id) in built.terms.into_iter().zip(0_u16..) {
            lexicon.add_term(&written, slots, id);
        }
        lexicon
    }

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

    /// A pattern by its number.
    pub(super) fn pattern(&self, id: u16) -> Option<&Pattern> {
        self.patterns.get(usize::from(id))
    }

    /// How many slots there are.
    pub(super) const fn slots(&self) -> usize {
        self.by_first_slot.len()
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
    pub(super) fn slots_of(&self, word: &str, out: &mut Vec<Filled>) {
        let mut add = |id: &u16, fit: Fit| {
            if let Some(term) = self.terms.get(usize::from(*id)) {
                out.extend(term.slots.iter().map(|&slot| Filled { slot, fit }));
            }
        };
        let whole = self.whole.get(word);
        for id in whole.into_iter().flatten() {
            add(id, Fit::Exact);
        }
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
                add(id, Fit::Exact);
            }
        }
        if whole.is_some() || stem || !word.is_ascii() || self.roles.contains_key(word) {
            return;
        }
        self.near(word, &mut add);
    }

    /// Terms a letter or two away: both sides with letters left out meet.
    fn near(&self, word: &str, add: &mut impl FnMut(&u16, Fit)) {
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
            let Some(term) = self.terms.get(usize::from(*id)) else {
                continue;
            };
            let off = strsim::osa_distance(word, &term.word);
            let letters = term.word.len();
            if off <= slack_of_a_lone_word(letters) && begins_alike(word, &term.word) {
                add(id, Fit::Close);
            } else if off <= slack(letters) {
                add(id, Fit::Loose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_fills_the_slots_of_the_right_one() {
        let slots = |word: &str| {
            let mut slots = Vec::new();
            lexicon().slots_of(word, &mut slots);
            slots
        };
        assert!(!slots("convulsions").is_empty());
        let misspelt = slots("konvulsionz");
        assert!(slots("convulsions").iter().all(|one| {
            let mut same = misspelt.iter().filter(|two| two.slot == one.slot);
            same.any(|two| two.fit == Fit::Close)
        }));
        assert!(slots("zzzzzz").is_empty());
    }

    #[test]
    fn what_begins_otherwise_is_no_misspelling_of_a_lone_word() {
        let closest = |word: &str| {
            let mut slots = Vec::new();
            lexicon().slots_of(word, &mut slots);
            slots.iter().map(|filled| filled.fit).max()
        };
        assert_eq!(closest("faintinng"), Some(Fit::Close));
        assert!(closest("painting") < Some(Fit::Close));
    }
}
