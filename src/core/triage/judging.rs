//! Which of the signs found in a text count, and which of those is told.

use super::denial::Denial;
use super::lexicon::{Fit, lexicon};
use super::reading::{Found, Reading};
use super::sign::{DangerSign, bit};
use super::words::{Gap, Words};
use crate::core::lang::Lang;
use std::collections::HashMap;

/// The danger sign a text shows, if any: one found by the words of `lang`
/// before any other, then the most urgent. All five languages are always
/// tried, since people mix them; but once the language is known, misspelt words
/// count in that one alone. What is found with a language is found without one
/// too.
///
/// Total and linear: any text, of any length.
pub fn find_danger(text: &str, lang: Option<Lang>) -> Option<DangerSign> {
    let words = Words::of(text);
    Reading::of(&words, lexicon()).most_urgent(lang, false)
}

/// The same without what might be a name: a single word that is misspelt, or
/// that families bear as well.
pub fn find_certain_danger(text: &str, lang: Option<Lang>) -> Option<DangerSign> {
    let words = Words::of(text);
    Reading::of(&words, lexicon()).most_urgent(lang, true)
}

impl Reading<'_> {
    fn most_urgent(&self, lang: Option<Lang>, certain: bool) -> Option<DangerSign> {
        let starts: Vec<usize> = (0..self.words.len())
            .filter(|at| self.words.gap_before(*at) == Gap::Stop)
            .collect();
        let judged: Vec<(&Found, Denial)> = self
            .found
            .iter()
            .map(|found| (found, self.denial(found)))
            .collect();
        // "No sangra" is Spanish and denied; the Portuguese list, where "no"
        // is no denial, reads the same word as a sign. Of two readings of the
        // same words the one denied in its own language counts, unless it
        // takes them for a misspelling and the other does not.
        let mut denied: HashMap<(DangerSign, &[usize]), Fit> = HashMap::new();
        for (found, _) in judged.iter().filter(|(_, denial)| *denial == Denial::Own) {
            let fit = denied
                .entry((found.sign, found.at.as_slice()))
                .or_insert(found.fit);
            *fit = found.fit.max(*fit);
        }
        let is_denied = |found: &Found| {
            let fit = denied.get(&(found.sign, found.at.as_slice()));
            fit.is_some_and(|fit| *fit >= found.fit)
        };
        judged
            .iter()
            .filter(|(_, denial)| *denial == Denial::None)
            .map(|(found, _)| *found)
            .filter(|found| !is_denied(found) && !self.is_elsewhere(found, &starts))
            .filter(|found| !self.is_void(found))
            .filter(|found| lang.is_none_or(|lang| self.counts(found, lang)))
            .filter(|found| !certain || !self.may_be_a_name(found))
            .min_by_key(|found| (Some(found.lang) != lang, found.sign))
            .map(|found| found.sign)
    }

    /// Whether a sign counts in a conversation that is held in `lang`: what another
    /// language's list found does where its words are the very ones: people mix
    /// languages. But where each of them is listed in that language too, that one's
    /// own list is the judge.
    fn counts(&self, found: &Found, lang: Lang) -> bool {
        let mut words = found.at.iter();
        let shared = words.all(|at| self.role(*at).listed & bit(lang) != 0);
        found.lang == lang || (found.fit == Fit::Exact && !shared)
    }

    fn may_be_a_name(&self, found: &Found) -> bool {
        found.is_guess() || matches!(found.at.as_slice(), [at] if self.role(*at).name)
    }

    fn is_void(&self, found: &Found) -> bool {
        let mut words = found.at.iter();
        words.any(|at| self.void.binary_search(at).is_ok())
    }

    fn is_elsewhere(&self, found: &Found, starts: &[usize]) -> bool {
        let at = found.at.first().copied().unwrap_or(0);
        let sentence = starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1);
        let mood = self.moods.get(sentence).copied().unwrap_or_default();
        let now = mood.now && !mood.well;
        mood.elsewhere & bit(found.lang) != 0 && !now && !found.sign.stays_urgent()
    }
}
