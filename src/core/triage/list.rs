//! The word lists as they are written, turned into the tables of the lexicon.
//!
//! Each list is of one language, and everything in it counts for that language
//! alone. Nothing here sees a patient's text.

use super::lexicon::{Lexicon, Meaning, Pattern, Role, SlotId};
use super::sign::{DangerSign, bit};
use crate::core::lang::Lang;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// The list of a language.
pub(super) const fn list(lang: Lang) -> &'static str {
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
    verbs: String,
    told: String,
    carry: String,
    names: String,
    known: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentences {
    deny: Vec<String>,
    deny_nothing: Vec<String>,
    over: Vec<String>,
    no_sign: Vec<String>,
    elsewhere: Vec<String>,
    now: Vec<String>,
    well: Vec<String>,
}

/// Reads the lists.
pub(super) fn read(lists: [(Lang, &str); 5]) -> Result<Lexicon, BadList> {
    let mut built = Builder::default();
    for (lang, text) in lists {
        let list: List = toml::from_str(text).map_err(|error| BadList::Toml(lang, error))?;
        built.add(lang, &list)?;
    }
    Ok(Lexicon::of(built))
}

/// What has been read so far.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) patterns: Vec<Pattern>,
    /// The number of each slot, by its alternatives.
    pub(super) slot_ids: BTreeMap<String, SlotId>,
    /// The languages (bits) and slots of each word as it is written in the lists.
    pub(super) terms: BTreeMap<String, (u8, Vec<SlotId>)>,
    pub(super) roles: HashMap<Box<str>, Role>,
}

impl Builder {
    fn add(&mut self, lang: Lang, list: &List) -> Result<(), BadList> {
        self.add_roles(lang, &list.words);
        let cues = [
            (Meaning::Denies, &list.sentences.deny),
            (Meaning::DeniesNothing, &list.sentences.deny_nothing),
            (Meaning::Over, &list.sentences.over),
            (Meaning::NoSign, &list.sentences.no_sign),
            (Meaning::Elsewhere, &list.sentences.elsewhere),
            (Meaning::Now, &list.sentences.now),
            (Meaning::Well, &list.sentences.well),
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
        let bit = bit(lang);
        let mut each = |words: &str, give: fn(&mut Role, u8)| {
            for word in words.split_whitespace() {
                give(self.roles.entry(word.into()).or_default(), bit);
            }
        };
        each(&words.deny, |role, bit| role.denies |= bit);
        each(&words.deny_before, |role, bit| role.denies_before |= bit);
        each(&words.deny_nothing, |role, bit| role.harmless |= bit);
        each(&words.through, |role, bit| role.through |= bit);
        each(&words.verbs, |role, bit| {
            role.begins |= bit;
            role.through |= bit;
        });
        each(&words.told, |role, bit| {
            role.told |= bit;
            role.through |= bit;
        });
        each(&words.carry, |role, bit| {
            role.carries |= bit;
            role.through |= bit;
        });
        each(&words.names, |role, _| role.name = true);
        // A known word has a role, an empty one: it is nobody's misspelling.
        each(&words.known, |_, _| {});
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
        for word in words {
            let (langs, slots) = self.terms.entry(word.to_owned()).or_default();
            *langs |= bit(lang);
            if slot == next {
                slots.push(slot);
            }
        }
        Ok(slot)
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
        assert!(read(Lang::ALL.map(|lang| (lang, list(lang)))).is_ok());
    }

    #[test]
    fn every_word_is_written_as_texts_are_read() {
        // An accent or a capital in a list would never be met in a text.
        for lang in Lang::ALL {
            let parsed: Result<List, _> = toml::from_str(list(lang));
            let Ok(list) = parsed else { continue };
            let words = &list.words;
            let roles = [
                &words.deny,
                &words.deny_before,
                &words.deny_nothing,
                &words.through,
                &words.verbs,
                &words.told,
                &words.carry,
                &words.names,
                &words.known,
            ];
            let sentences = &list.sentences;
            let cues = [
                &sentences.deny,
                &sentences.deny_nothing,
                &sentences.over,
                &sentences.no_sign,
                &sentences.elsewhere,
                &sentences.now,
                &sentences.well,
            ];
            let written = roles
                .into_iter()
                .chain(list.groups.values())
                .chain(cues.into_iter().flatten())
                .chain(list.signs.values().flatten());
            for line in written {
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
                let mark = |c: char| " \n+|&@*=".contains(c);
                assert!(line.chars().all(|c| plain(c) || mark(c)), "{lang}: {line}");
            }
        }
    }
}
