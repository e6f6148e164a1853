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
use super::misspelt::Misspelt;
use super::sign::DangerSign;
use super::spelling::{
    LETTERS_MAX, SHORTEST_MISSPELT, STEM_MIN, begins_alike, shortened, slack, slack_of_a_lone_word,
};
use crate::core::lang::Lang;
use std::collections::HashMap;
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
    /// All is well now: what is told of the past stays there ("fine now").
    Well,
}

impl Meaning {
    /// The least fit of its words. What silences a sign must be the very
    /// words; what raises or keeps an alarm may be misspelt.
    pub(super) const fn least_fit(self) -> Fit {
        match self {
            Self::Denies | Self::Over | Self::NoSign | Self::Elsewhere | Self::Well => Fit::Exact,
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
    /// Stands in that language's patterns.
    pub(super) listed: u8,
}

/// The tables.
pub(super) struct Lexicon {
    patterns: Vec<Pattern>,
    by_first_slot: Vec<Vec<u16>>,
    terms: Vec<Term>,
    whole: HashMap<Box<str>, Vec<u16>>,
    beginnings: HashMap<Box<str>, u16>,
    endings: HashMap<Box<str>, u16>,
    misspelt: Misspelt,
    roles: HashMap<Box<str>, Role>,
}

struct Term {
    word: Box<str>,
    /// Bits of the languages whose lists have it.
    langs: u8,
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
            misspelt: Misspelt::default(),
            roles: built.roles,
        };
        for ((written, term), id) in built.terms.into_iter().zip(0_u16..) {
            lexicon.add_term(&written, term, id);
        }
        lexicon.misspelt.close();
        lexicon
    }

    fn add_term(&mut self, written: &str, (langs, slots): (u8, Vec<SlotId>), id: u16) {
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
                shortened(&word, off, &mut |hash| misspelt.add(hash, id));
            }
        }
        self.whole.entry(word.clone()).or_default().push(id);
        self.terms.push(Term { word, langs, slots });
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

    /// Adds every slot a word can fill, misspelt or not. What stands in a language's
    /// patterns is no misspelling in that one; in another it may be.
    /// Gives the languages (bits) in whose patterns it stands.
    pub(super) fn slots_of(&self, word: &str, out: &mut Vec<Filled>) -> u8 {
        let mut known = 0;
        let mut add = |id: &u16, fit: Fit| {
            if let Some(term) = self.terms.get(usize::from(*id)) {
                known |= term.langs;
                out.extend(term.slots.iter().map(|&slot| Filled { slot, fit }));
            }
        };
        let whole = self.whole.get(word);
        for id in whole.into_iter().flatten() {
            add(id, Fit::Exact);
        }
        if word.len() > LETTERS_MAX {
            return known;
        }
        for cut in STEM_MIN..word.len() {
            let ids = [
                word.get(..cut).and_then(|part| self.beginnings.get(part)),
                word.get(word.len() - cut..)
                    .and_then(|part| self.endings.get(part)),
            ];
            for id in ids.into_iter().flatten() {
                add(id, Fit::Exact);
            }
        }
        if word.is_ascii() && !self.roles.contains_key(word) {
            self.near(word, known, out);
        }
        known
    }

    /// Terms a letter or two away: both sides with letters left out meet.
    fn near(&self, word: &str, known: u8, out: &mut Vec<Filled>) {
        if word.len() < SHORTEST_MISSPELT {
            return;
        }
        let mut seen: Vec<u16> = Vec::new();
        shortened(word, slack(word.len() + 1), &mut |hash| {
            for id in self.misspelt.with(hash) {
                if !seen.contains(&id) {
                    seen.push(id);
                }
            }
        });
        for id in &seen {
            let term = self.terms.get(usize::from(*id));
            let Some(term) = term.filter(|term| term.langs & !known != 0) else {
                continue;
            };
            let off = strsim::osa_distance(word, &term.word);
            let letters = term.word.len();
            let fit = if off <= slack_of_a_lone_word(letters) && begins_alike(word, &term.word) {
                Fit::Close
            } else if off <= slack(letters) {
                Fit::Loose
            } else {
                continue;
            };
            out.extend(term.slots.iter().map(|&slot| Filled { slot, fit }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "[groups]
        [words]
        deny = ''
        deny_before = ''
        deny_nothing = ''
        through = ''
        verbs = ''
        told = ''
        carry = ''
        names = ''
        known = 'convulsive'
        [sentences]
        deny = []
        deny_nothing = []
        over = []
        no_sign = []
        elsewhere = []
        now = []
        well = []
        [signs]";

    /// How a word fits the one word of an English list and that of a French one.
    fn fits(english: &str, french: &str, word: &str) -> Vec<Fit> {
        let list = |word: &str| format!("{WORDS}\nconvulsion = ['{word}']");
        let lists = [list(english), list(french)];
        let [en, fr] = lists.each_ref().map(String::as_str);
        let others = [Lang::Sw, Lang::Es, Lang::Pt].map(|lang| (lang, WORDS));
        let [sw, es, pt] = others;
        let lexicon = read([(Lang::En, en), (Lang::Fr, fr), sw, es, pt]);
        let mut slots = Vec::new();
        lexicon.unwrap().slots_of(word, &mut slots);
        let mut fits: Vec<Fit> = slots.iter().map(|filled| filled.fit).collect();
        fits.sort_unstable();
        fits
    }

    #[test]
    fn a_misspelt_word_fills_the_slots_of_the_right_one() {
        let of = |word| fits("convulsions", "xyzzy", word);
        assert_eq!(of("convulsions"), [Fit::Exact]);
        assert_eq!(of("konvulsionz"), [Fit::Close]);
        assert_eq!(of("conwulziosn"), [], "three letters off");
        assert_eq!(of("zzzzzz"), []);
    }

    #[test]
    fn what_begins_otherwise_is_no_misspelling_of_a_lone_word() {
        let of = |word| fits("fainting", "xyzzy", word);
        assert_eq!(of("faintinng"), [Fit::Close]);
        assert_eq!(of("painting"), [Fit::Loose]);
    }

    #[test]
    fn what_a_language_lists_may_be_misspelt_in_another() {
        let of = |french| fits("convulsions", french, "convulsion");
        assert_eq!(of("xyzzy"), [Fit::Close]);
        assert_eq!(of("convulsion"), [Fit::Close, Fit::Exact]);
        let known = fits("convulsions", "xyzzy", "convulsive");
        assert_eq!(known, [], "a known word is nobody's misspelling");
    }
}
