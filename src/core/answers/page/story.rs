//! The trouble in free words and since when it lasts, out of one message.

use super::super::fold::{fold, folded_tokens};
use super::super::kind::{Kind, Misread, Value};
use super::super::lexicon::{exact_at, filler_at};
use super::super::none::JOINERS;
use super::super::onset::{begins_like_a_time, is_marked};
use super::super::pieces::Piece;
use super::super::shape::{is_typed, tells_more_than_time};
use super::super::told_age;
use super::Page;

impl Page<'_> {
    /// The question for free words, where all others still open have answers
    /// of a shape of their own: then nothing else could be meant by such words.
    pub(super) fn only_story(&self) -> Option<usize> {
        let mut shapeless = self
            .open()
            .into_iter()
            .filter_map(|place| self.kinds.get(place).map(|kind| (place, kind)))
            .filter(|(_, kind)| !is_typed(kind));
        match (shapeless.next(), shapeless.next()) {
            (Some((place, Kind::FreeText)), None) => Some(place),
            (Some(_) | None, _) => None,
        }
    }

    /// All words without a shape are the story, however they were cut. Words
    /// that begin like a time and are none are a time that was not understood.
    /// A story of several times is kept whole: they stand nowhere else.
    pub(super) fn settle_story(&mut self, place: usize, pieces: &[Piece], segments: &[String]) {
        if self.several_times {
            let answer = self.try_read(place, &segments.join(", "));
            return self.set(place, answer);
        }
        let time_is_open = self
            .open()
            .iter()
            .any(|p| self.kinds.get(*p) == Some(&Kind::Onset));
        let words: Vec<&str> = pieces
            .iter()
            .filter_map(Piece::words)
            .map(String::as_str)
            .filter(|text| !(time_is_open && begins_like_a_time(&fold(text), self.lang)))
            .collect();
        if !words.iter().all(|text| self.is_filler(text)) {
            let answer = self.try_read(place, &self.joined(&words));
            self.set(place, answer);
        }
    }

    /// The pieces as one text: with commas, but for "and".
    fn joined(&self, pieces: &[&str]) -> String {
        let mut text = String::new();
        for piece in pieces {
            let goes_on = exact_at(&JOINERS, &folded_tokens(piece), 0, self.lang).is_some();
            text.push_str(match (text.is_empty(), goes_on) {
                (true, _) => "",
                (false, true) => " ",
                (false, false) => ", ",
            });
            text.push_str(piece);
        }
        text
    }

    /// Whether an answer that is a time tells no more than a time, and is not
    /// somebody's age.
    pub(super) fn is_time_alone(
        &self,
        (place, value): (usize, &Value),
        words: &[&str],
        at: usize,
        used: usize,
    ) -> bool {
        !matches!(value, Value::Since { .. })
            || !tells_more_than_time(value, self.lang, self.today)
                && !told_age::stands_in(words, at, used, self.lang)
                && !self.trails_off(place, value, words.get(at..at + used).unwrap_or_default())
    }

    /// Whether the last of the words begins something else: "for 3 days and".
    fn trails_off(&self, place: usize, value: &Value, words: &[&str]) -> bool {
        let Some((last, others)) = words.split_last() else {
            return false;
        };
        let shorter = self.try_read(place, &others.join(" "));
        let same = shorter.is_ok_and(|shorter| day(&shorter) == day(value));
        let timed = is_marked(&fold(last), self.lang, self.today);
        same && !timed && self.is_filler(last)
    }

    fn is_filler(&self, text: &str) -> bool {
        let tokens = folded_tokens(text);
        let mut at = 0;
        while let Some(used) = filler_at(&tokens, at, self.lang) {
            at += used;
        }
        at >= tokens.len()
    }

    /// Several offers: the same day in other words is one. Else the one that a
    /// word like "since" shows to be meant, unless another lies before it.
    pub(super) fn settle_offers(&mut self, place: usize, offers: &[Value]) {
        let days: Vec<&str> = offers.iter().filter_map(day).collect();
        let shown = |value: &&Value| {
            matches!(value, Value::Since { said, .. }
                if is_marked(&fold(said.as_str()), self.lang, self.today))
        };
        let marked: Vec<&Value> = offers.iter().filter(shown).collect();
        let first = days.iter().min().copied();
        let one_day = days.len() == offers.len() && days.iter().all(|day| Some(*day) == first);
        let meant = marked.first().copied().or(offers.first());
        let all_first = marked.iter().all(|value| day(value) == first);
        let known = meant.filter(|_| one_day || !marked.is_empty() && all_first);
        let answer = known.cloned().ok_or(Misread::Ambiguous);
        self.several_times |= first.is_some() && !one_day;
        self.set(place, answer);
    }
}

/// The day of a time, ISO 8601.
fn day(value: &Value) -> Option<&str> {
    match value {
        Value::Since { date, .. } => Some(date.as_str()),
        Value::Text { .. }
        | Value::Nothing
        | Value::Date { .. }
        | Value::PartialDate { .. }
        | Value::Age { .. }
        | Value::YesNo { .. }
        | Value::One { .. }
        | Value::Several { .. }
        | Value::Contact { .. } => None,
    }
}
