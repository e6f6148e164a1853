//! Reads one text against the word lists.
//!
//! Every word is looked up once, every pattern is tried only where its first
//! slot is filled, and only within a few words: the work is linear in the
//! length of the text, whatever is in it.

use super::lexicon::{Lexicon, Meaning, Pattern, Role, SlotId, lexicon};
use super::sign::{DangerSign, bit};
use super::words::{Gap, Words};
use crate::core::lang::Lang;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// Other words allowed between two of a pattern.
const BETWEEN: usize = 2;
/// Words looked at on either side when the order is free.
const AROUND: usize = 7;
/// Words a denial reaches back over.
const REACH: usize = 6;
/// Most words a pattern has.
const SLOTS_MAX: usize = 6;

/// The danger sign a text shows, if any: one found by the words of `lang`
/// before any other, then the most urgent. All five languages are always
/// tried, since people mix them.
///
/// Total and linear: any text, of any length.
pub fn find_danger(text: &str, lang: Option<Lang>) -> Option<DangerSign> {
    let words = Words::of(text);
    Reading::of(&words, lexicon()).most_urgent(lang)
}

struct Reading<'a> {
    lexicon: &'a Lexicon,
    words: &'a Words,
    /// The slots each word fills: `filled[ends[i - 1]..ends[i]]`.
    filled: Vec<SlotId>,
    ends: Vec<usize>,
    roles: Vec<Role>,
    found: Vec<Found>,
    /// What each sentence says of itself, by the index of its first word.
    moods: Vec<Mood>,
    /// Words that read like a denial and are none.
    cleared: Vec<usize>,
}

/// A sign found, before anybody asks whether it is denied.
struct Found {
    sign: DangerSign,
    lang: Lang,
    at: Vec<usize>,
}

#[derive(Clone, Copy, Default)]
struct Mood {
    elsewhere: bool,
    now: bool,
}

impl<'a> Reading<'a> {
    fn of(words: &'a Words, lexicon: &'a Lexicon) -> Self {
        let mut reading = Self {
            lexicon,
            words,
            filled: Vec::new(),
            ends: Vec::with_capacity(words.len()),
            roles: Vec::with_capacity(words.len()),
            found: Vec::new(),
            moods: Vec::new(),
            cleared: Vec::new(),
        };
        // A word said again costs one look-up, however long the text.
        let mut known: HashMap<&str, (Range<usize>, Role)> = HashMap::new();
        for (word, gap) in words.iter() {
            if let Some((slots, role)) = known.get(word) {
                reading.filled.extend_from_within(slots.clone());
                reading.roles.push(*role);
            } else {
                let start = reading.filled.len();
                lexicon.slots_of(word, &mut reading.filled);
                let role = lexicon.role(word);
                reading.roles.push(role);
                known.insert(word, (start..reading.filled.len(), role));
            }
            reading.ends.push(reading.filled.len());
            if gap == Gap::Stop {
                reading.moods.push(Mood::default());
            }
        }
        reading.search();
        for at in std::mem::take(&mut reading.cleared) {
            if let Some(role) = reading.roles.get_mut(at) {
                *role = Role::default();
            }
        }
        reading
    }

    /// The slots a word fills.
    fn slots(&self, at: usize) -> &[SlotId] {
        let end = self.ends.get(at).copied().unwrap_or(0);
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        self.filled.get(start..end).unwrap_or_default()
    }

    fn search(&mut self) {
        let lexicon = self.lexicon;
        let mut sentence = 0_usize;
        for at in 0..self.words.len() {
            if at > 0 && self.words.gap_before(at) == Gap::Stop {
                sentence += 1;
            }
            if self.slots(at).is_empty() {
                continue;
            }
            let first: Vec<SlotId> = self.slots(at).to_vec();
            for id in first.iter().flat_map(|slot| lexicon.beginning_with(*slot)) {
                let Some(pattern) = lexicon.pattern(*id) else {
                    continue;
                };
                let mut taken = Vec::with_capacity(SLOTS_MAX);
                taken.push(at);
                let hit = if pattern.any_order {
                    self.around(pattern, &mut taken)
                } else {
                    self.onward(pattern, &mut taken)
                };
                if hit {
                    self.note(pattern, taken, sentence);
                }
            }
        }
    }

    fn note(&mut self, pattern: &Pattern, taken: Vec<usize>, sentence: usize) {
        match pattern.meaning {
            Meaning::Sign(sign) => self.found.push(Found {
                sign,
                lang: pattern.lang,
                at: taken,
            }),
            Meaning::Denies => {
                if let Some(role) = taken.last().and_then(|at| self.roles.get_mut(*at)) {
                    role.denies |= bit(pattern.lang);
                }
            }
            Meaning::DeniesNothing => self.cleared.extend(taken),
            Meaning::Elsewhere => {
                if let Some(mood) = self.moods.get_mut(sentence) {
                    mood.elsewhere = true;
                }
            }
            Meaning::Now => {
                if let Some(mood) = self.moods.get_mut(sentence) {
                    mood.now = true;
                }
            }
        }
    }

    /// Fills the slots after the first in order, trying the near words first.
    fn onward(&self, pattern: &Pattern, taken: &mut Vec<usize>) -> bool {
        let Some((slot, at_once)) = pattern.slots.get(taken.len()) else {
            return true;
        };
        let last = taken.last().copied().unwrap_or(0);
        let far = if *at_once { 1 } else { 1 + BETWEEN };
        for at in last + 1..=last + far {
            if self.words.gap_before(at) == Gap::Stop {
                return false;
            }
            if self.slots(at).contains(slot) {
                taken.push(at);
                if self.onward(pattern, taken) {
                    return true;
                }
                taken.pop();
            }
        }
        false
    }

    /// Fills the other slots anywhere near the first, in the same sentence.
    fn around(&self, pattern: &Pattern, taken: &mut Vec<usize>) -> bool {
        let first = taken.first().copied().unwrap_or(0);
        let mut start = first;
        while start > 0 && first - start < AROUND && self.words.gap_before(start) != Gap::Stop {
            start -= 1;
        }
        let mut end = first + 1;
        while end - first <= AROUND && self.words.gap_before(end) != Gap::Stop {
            end += 1;
        }
        for (slot, _) in pattern.slots.iter().skip(1) {
            let place =
                (start..end).find(|at| !taken.contains(at) && self.slots(*at).contains(slot));
            match place {
                Some(at) => taken.push(at),
                None => return false,
            }
        }
        taken.sort_unstable();
        true
    }

    fn most_urgent(&self, lang: Option<Lang>) -> Option<DangerSign> {
        let starts: Vec<usize> = (0..self.words.len())
            .filter(|at| self.words.gap_before(*at) == Gap::Stop)
            .collect();
        let (denied, open): (Vec<&Found>, Vec<&Found>) =
            self.found.iter().partition(|found| self.is_denied(found));
        // "No sangra" is Spanish and denied; the Portuguese list, where "no"
        // is no denial, reads the same word as a sign.
        let denied: BTreeSet<(DangerSign, &[usize])> = denied
            .into_iter()
            .map(|found| (found.sign, found.at.as_slice()))
            .collect();
        open.into_iter()
            .filter(|found| !denied.contains(&(found.sign, found.at.as_slice())))
            .filter(|found| !self.is_elsewhere(found, &starts))
            .min_by_key(|found| (Some(found.lang) != lang, found.sign))
            .map(|found| found.sign)
    }

    fn is_elsewhere(&self, found: &Found, starts: &[usize]) -> bool {
        let at = found.at.first().copied().unwrap_or(0);
        let sentence = starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1);
        let mood = self.moods.get(sentence).copied().unwrap_or_default();
        mood.elsewhere && !mood.now && !found.sign.stays_urgent()
    }

    /// Whether a word of the sign is denied from before, or the sign from
    /// behind. A "no" that is part of the sign ("not breathing") denies nothing.
    fn is_denied(&self, found: &Found) -> bool {
        if found.at.iter().any(|at| self.denies(found, *at)) {
            return false;
        }
        let last = found.at.last().copied().unwrap_or(0);
        let behind = (last + 1..=last + 2)
            .take_while(|at| self.words.gap_before(*at) == Gap::Space)
            .any(|at| self.role(at).denies_before);
        behind
            || found
                .at
                .iter()
                .any(|at| self.is_denied_from_before(found, *at))
    }

    fn is_denied_from_before(&self, found: &Found, at: usize) -> bool {
        let mut carried = false;
        let mut here = at;
        for _ in 0..REACH {
            match self.words.gap_before(here) {
                Gap::Stop => return false,
                Gap::Comma if !carried => return false,
                Gap::Comma | Gap::Space => {}
            }
            here = here.saturating_sub(1);
            if self.denies(found, here) {
                return !found.at.contains(&here);
            }
            let role = self.role(here);
            carried |= role.carries;
            if !role.through && !found.at.contains(&here) {
                return false;
            }
        }
        false
    }

    fn role(&self, at: usize) -> Role {
        self.roles.get(at).copied().unwrap_or_default()
    }

    fn denies(&self, found: &Found, at: usize) -> bool {
        let role = self.role(at);
        role.denies != 0 && role.harmless & bit(found.lang) == 0
    }
}
