//! Reads one text against the word lists.
//!
//! Every word is looked up once, every pattern is tried only where its first
//! slot is filled, and only within a few words: the work is linear in the
//! length of the text, whatever is in it.

use super::lexicon::{Filled, Fit, Lexicon, Meaning, Pattern, Role, SlotId};
use super::sign::{DangerSign, bit};
use super::words::{Gap, Words};
use crate::core::lang::Lang;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

/// Other words allowed between two of a pattern.
const BETWEEN: usize = 2;
/// Words looked at on either side when the order is free.
const AROUND: usize = 10;
/// Most words a pattern has.
const SLOTS_MAX: usize = 6;

pub(super) struct Reading<'a> {
    lexicon: &'a Lexicon,
    pub(super) words: &'a Words,
    /// The slots each word fills: `filled[ends[i - 1]..ends[i]]`.
    filled: Vec<Filled>,
    ends: Vec<usize>,
    /// By slot, whether any word fills it: most patterns end here.
    present: Vec<bool>,
    roles: Vec<Role>,
    pub(super) found: Vec<Found>,
    /// What each sentence says of itself, by the index of its first word.
    pub(super) moods: Vec<Mood>,
    /// Words that read like a denial and are none.
    cleared: Vec<usize>,
    /// Words that belong to no sign, by what stands beside them.
    pub(super) void: Vec<usize>,
}

/// A sign found, before anybody asks whether it is denied.
pub(super) struct Found {
    pub(super) sign: DangerSign,
    pub(super) lang: Lang,
    pub(super) at: Vec<usize>,
    /// The least fit of its words.
    pub(super) fit: Fit,
}

impl Found {
    /// A single word that may be another one misspelt.
    pub(super) fn is_guess(&self) -> bool {
        self.at.len() == 1 && self.fit < Fit::Exact
    }
}

/// What a sentence says of itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Mood {
    /// The languages whose lists say that it tells of the past, of others or in
    /// general: each is the judge of its own signs.
    pub(super) elsewhere: u8,
    pub(super) now: bool,
    pub(super) well: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn of(words: &'a Words, lexicon: &'a Lexicon) -> Self {
        let mut reading = Self {
            lexicon,
            words,
            filled: Vec::new(),
            ends: Vec::with_capacity(words.len()),
            present: vec![false; lexicon.slots()],
            roles: Vec::with_capacity(words.len()),
            found: Vec::new(),
            moods: Vec::new(),
            cleared: Vec::new(),
            void: Vec::new(),
        };
        // A word said again costs one look-up, however long the text.
        let mut known: HashMap<&str, (Range<usize>, Role)> = HashMap::new();
        let mut slots: Vec<Filled> = Vec::new();
        for (word, gap) in words.iter() {
            if let Some((same, role)) = known.get(word) {
                reading.filled.extend_from_within(same.clone());
                reading.roles.push(*role);
            } else {
                let start = reading.filled.len();
                slots.clear();
                let listed = lexicon.slots_of(word, &mut slots);
                // In order, each once and as it fits best: they are looked for
                // by halves.
                slots.sort_unstable_by_key(|filled| (filled.slot, Reverse(filled.fit)));
                slots.dedup_by_key(|filled| filled.slot);
                reading.filled.extend_from_slice(&slots);
                for filled in &slots {
                    if let Some(present) = reading.present.get_mut(usize::from(filled.slot)) {
                        *present = true;
                    }
                }
                let role = Role {
                    listed,
                    ..lexicon.role(word)
                };
                reading.roles.push(role);
                known.insert(word, (start..reading.filled.len(), role));
            }
            reading.ends.push(reading.filled.len());
            if gap == Gap::Stop {
                reading.moods.push(Mood::default());
            }
        }
        reading.search();
        reading.cleared.sort_unstable();
        reading
    }

    /// The slots a word fills.
    fn slots(&self, at: usize) -> &[Filled] {
        let end = self.ends.get(at).copied().unwrap_or(0);
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        self.filled.get(start..end).unwrap_or_default()
    }

    /// How well a word fills a slot, if it does.
    fn fit(&self, at: usize, slot: SlotId) -> Option<Fit> {
        let slots = self.slots(at);
        let place = slots
            .binary_search_by_key(&slot, |filled| filled.slot)
            .ok()?;
        slots.get(place).map(|filled| filled.fit)
    }

    fn search(&mut self) {
        let lexicon = self.lexicon;
        let mut sentence = 0_usize;
        let mut taken = Vec::with_capacity(SLOTS_MAX);
        for at in 0..self.words.len() {
            if at > 0 && self.words.gap_before(at) == Gap::Stop {
                sentence += 1;
            }
            if self.slots(at).is_empty() {
                continue;
            }
            let firsts: Vec<Filled> = self.slots(at).to_vec();
            let near = self.around(at);
            for (id, fit) in firsts.iter().flat_map(|filled| {
                let ids = lexicon.beginning_with(filled.slot);
                ids.iter().map(|id| (*id, filled.fit))
            }) {
                let Some(pattern) = lexicon.pattern(id) else {
                    continue;
                };
                if fit >= pattern.least_fit() && self.is_possible(pattern) {
                    taken.clear();
                    taken.push(at);
                    self.match_at(pattern, &near, (fit, sentence), &mut taken);
                }
            }
        }
    }

    /// Whether each word of a pattern stands somewhere in the text.
    fn is_possible(&self, pattern: &Pattern) -> bool {
        let mut slots = pattern.slots.iter();
        slots.all(|(slot, _)| self.present.get(usize::from(*slot)) == Some(&true))
    }

    /// Notes what a pattern says, if its words stand here; the first is taken.
    fn match_at(
        &mut self,
        pattern: &Pattern,
        near: &Range<usize>,
        (fit, sentence): (Fit, usize),
        taken: &mut Vec<usize>,
    ) {
        let at = taken.first().copied().unwrap_or(0);
        if self.is_stray_denial(pattern, at) {
            return;
        }
        let mut earlier: Option<Vec<usize>> = None;
        // The same word may stand on both sides, denied on one: "no fever, but
        // she is confused, with fever". Both readings are looked at.
        for backwards in [false, true] {
            taken.truncate(1);
            let fit = if pattern.any_order {
                self.scatter(pattern, taken, near, backwards, fit)
            } else {
                self.onward(pattern, taken, fit)
            };
            let Some(fit) = fit else { return };
            let mut words = taken.clone();
            words.sort_unstable();
            if earlier.as_ref() != Some(&words) {
                self.note(pattern, at, (words.clone(), fit), sentence);
            }
            if !pattern.any_order {
                return;
            }
            earlier = Some(words);
        }
    }

    /// Notes what a pattern says, found from the word `first` on.
    fn note(
        &mut self,
        pattern: &Pattern,
        first: usize,
        (taken, fit): (Vec<usize>, Fit),
        sentence: usize,
    ) {
        match pattern.meaning {
            Meaning::Sign(sign) => self.found.push(Found {
                sign,
                lang: pattern.lang,
                at: taken,
                fit,
            }),
            Meaning::Denies => {
                for at in taken {
                    if let Some(role) = self.roles.get_mut(at) {
                        role.denies |= bit(pattern.lang);
                    }
                }
            }
            Meaning::Over => {
                for at in taken {
                    if let Some(role) = self.roles.get_mut(at) {
                        role.denies_before |= bit(pattern.lang);
                    }
                }
            }
            Meaning::DeniesNothing => self.cleared.extend(taken),
            // In the order of the words: they are looked for by halves.
            Meaning::NoSign => self.void.push(first),
            Meaning::Elsewhere => {
                let lang = bit(pattern.lang);
                self.set_mood(sentence, |mood| mood.elsewhere |= lang);
            }
            Meaning::Now => self.set_mood(sentence, |mood| mood.now = true),
            Meaning::Well => self.set_mood(sentence, |mood| mood.well = true),
        }
    }

    fn set_mood(&mut self, sentence: usize, set: impl FnOnce(&mut Mood)) {
        if let Some(mood) = self.moods.get_mut(sentence) {
            set(mood);
        }
    }

    /// Fills the slots after the first in order, trying the near words first.
    fn onward(&self, pattern: &Pattern, taken: &mut Vec<usize>, fit: Fit) -> Option<Fit> {
        let Some((slot, at_once)) = pattern.slots.get(taken.len()) else {
            return Some(fit);
        };
        let last = taken.last().copied().unwrap_or(0);
        let far = if *at_once { 1 } else { 1 + BETWEEN };
        for at in last + 1..=last + far {
            if self.words.gap_before(at) == Gap::Stop {
                return None;
            }
            let here = self.fit(at, *slot);
            if let Some(here) = here.filter(|here| *here >= pattern.least_fit()) {
                taken.push(at);
                if let Some(fit) = self.onward(pattern, taken, fit.min(here)) {
                    return Some(fit);
                }
                taken.pop();
            }
        }
        None
    }

    /// Whether a "no" that would fill a place of a sign belongs to something else:
    /// "no fever, she breathes". Its clause has none of the sign's other words,
    /// and it does not end a clause that refers to what was said before: "she was
    /// breathing, then stopped".
    fn is_stray_denial(&self, pattern: &Pattern, at: usize) -> bool {
        let denies = |at: usize| self.role(at).denies & bit(pattern.lang) != 0;
        if !matches!(pattern.meaning, Meaning::Sign(_)) || pattern.slots.len() < 2 || !denies(at) {
            return false;
        }
        let start = (0..=at)
            .rev()
            .take(AROUND)
            .find(|at| self.words.gap_before(*at) != Gap::Space);
        let end = (at + 1..)
            .take(AROUND)
            .find(|at| self.words.gap_before(*at) != Gap::Space);
        let (Some(start), Some(end)) = (start, end) else {
            return false;
        };
        let refers_back = end == at + 1 && self.words.gap_before(start) == Gap::Comma;
        let fills = |at: usize| {
            let mut slots = pattern.slots.iter();
            slots.any(|(slot, _)| self.fit(at, *slot).is_some())
        };
        !refers_back && !(start..end).any(|other| other != at && !denies(other) && fills(other))
    }

    /// The places near a word, in the same sentence.
    fn around(&self, first: usize) -> Range<usize> {
        let mut start = first;
        while start > 0 && first - start < AROUND && self.words.gap_before(start) != Gap::Stop {
            start -= 1;
        }
        let mut end = first + 1;
        while end - first <= AROUND && self.words.gap_before(end) != Gap::Stop {
            end += 1;
        }
        start..end
    }

    /// Fills the slots after the first, each anywhere in a range.
    fn scatter(
        &self,
        pattern: &Pattern,
        taken: &mut Vec<usize>,
        range: &Range<usize>,
        backwards: bool,
        fit: Fit,
    ) -> Option<Fit> {
        let Some((slot, at_once)) = pattern.slots.get(taken.len()) else {
            return Some(fit);
        };
        let next = taken.last().map_or(range.start, |last| last + 1);
        let places = if *at_once {
            next..next + 1
        } else {
            range.clone()
        };
        for nth in places.clone() {
            let at = if backwards {
                places.end - 1 - (nth - places.start)
            } else {
                nth
            };
            let here = self.fit(at, *slot);
            let here = here.filter(|here| *here >= pattern.least_fit());
            let free =
                range.contains(&at) && !taken.contains(&at) && !self.is_stray_denial(pattern, at);
            if let Some(here) = here.filter(|_| free) {
                taken.push(at);
                let whole = self.scatter(pattern, taken, range, backwards, fit.min(here));
                if whole.is_some() {
                    return whole;
                }
                taken.pop();
            }
        }
        None
    }

    pub(super) fn role(&self, at: usize) -> Role {
        self.roles.get(at).copied().unwrap_or_default()
    }

    pub(super) fn is_cleared(&self, at: usize) -> bool {
        self.cleared.binary_search(&at).is_ok()
    }
}
