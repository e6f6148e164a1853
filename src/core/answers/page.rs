//! One message that answers several questions at once: a line for each, a
//! list with commas, labelled, numbered, or all in one run.
//!
//! What has a shape of its own (an age, a sex, a date, a yes, a telephone
//! number) is recognised wherever it stands; free words go to the free-text
//! questions only where their place leaves no choice.

mod named;
mod number;
mod story;

use super::kind::{Kind, Misread, Value};
use super::pieces::{Piece, flush, forget};
use super::segments::{cut_segments, ends_line, label_of, topic_of};
use super::shape::is_typed;
use super::{is_too_long, read};
use crate::core::lang::Lang;
use jiff::civil::Date;

/// Longest message that is read for several answers, as WhatsApp bounds them.
const MESSAGE_CHARS_MAX: usize = 4096;
/// Longest run of words tried as one typed answer.
const WINDOW_WORDS_MAX: usize = 8;

/// Understands one message as the answers to `kinds`, in their order. What
/// is missing or cannot be placed with certainty is an error at its place:
/// [`Misread::Unclear`] when nothing there could be it. A line that is longer
/// than an answer may be answers nothing, and hides nothing else.
pub fn read_page(
    kinds: &[Kind],
    text: &str,
    lang: Lang,
    today: Date,
    country: &str,
) -> Vec<Result<Value, Misread>> {
    if text.chars().nth(MESSAGE_CHARS_MAX).is_some() {
        return vec![Err(Misread::TooLong); kinds.len()];
    }
    if let [kind] = kinds {
        return vec![read(kind, text, lang, today, country)];
    }
    let mut page = Page {
        kinds,
        lang,
        today,
        country,
        answers: vec![None; kinds.len()],
        several_times: false,
        missing: Misread::Unclear,
    };
    if text.split(ends_line).any(is_too_long) {
        page.missing = Misread::TooLong;
    }
    let segments = page.take_labelled(cut_segments(text));
    let (segments, ordered) = page.take_named(segments);
    if !ordered && !page.is_placed_alone(&segments) {
        return page.finish();
    }
    if page.take_leading(&segments)
        || page.take_none(&segments)
        || page.take_lone_name(&segments)
        || page.take_lone_words(&segments)
    {
        return page.finish();
    }
    if segments.len() == page.open().len() && page.only_story().is_none() {
        page.in_order(&segments);
    } else {
        page.by_shape(&segments);
    }
    page.finish()
}

struct Page<'a> {
    kinds: &'a [Kind],
    lang: Lang,
    today: Date,
    country: &'a str,
    answers: Vec<Option<Result<Value, Misread>>>,
    /// Different times were told.
    several_times: bool,
    /// Why what was not found has no answer.
    missing: Misread,
}

impl Page<'_> {
    fn try_read(&self, place: usize, text: &str) -> Result<Value, Misread> {
        let kind = self.kinds.get(place).ok_or(Misread::Unclear)?;
        read(kind, text, self.lang, self.today, self.country)
    }

    /// Each question's answer, or that nothing there could be it.
    fn finish(self) -> Vec<Result<Value, Misread>> {
        let answers = self.answers.into_iter();
        answers
            .map(|answer| answer.unwrap_or(Err(self.missing)))
            .collect()
    }

    /// Who answers one question after the other begins with the first: two
    /// words or more and nothing else are the name, where that is asked first.
    fn take_lone_name(&mut self, segments: &[String]) -> bool {
        let (open, [segment]) = (self.open(), segments) else {
            return false;
        };
        let first = open.first().copied().filter(|_| open.len() > 1);
        let named = first.filter(|place| self.kinds.get(*place) == Some(&Kind::Name));
        let words: Vec<&str> = segment.split_whitespace().collect();
        let Some(place) = named.filter(|_| words.len() > 1) else {
            return false;
        };
        // What tells a name from other answers costs more than to read it.
        let name = self.try_read(place, segment);
        if name.is_err() || (0..words.len()).any(|at| self.typed_at(&words, at).is_some()) {
            return false;
        }
        self.set(place, name);
        true
    }

    fn set(&mut self, place: usize, answer: Result<Value, Misread>) {
        if let Some(slot) = self.answers.get_mut(place) {
            *slot = Some(answer);
        }
    }

    /// Places that have no answer yet.
    fn open(&self) -> Vec<usize> {
        let empty = self.answers.iter().enumerate().filter(|(_, a)| a.is_none());
        empty.map(|(place, _)| place).collect()
    }

    fn open_typed(&self) -> Vec<usize> {
        let kind = |place: &usize| self.kinds.get(*place).is_some_and(is_typed);
        self.open().into_iter().filter(kind).collect()
    }

    /// Takes what carries a label out of the segments and reads it.
    fn take_labelled(&mut self, segments: Vec<String>) -> Vec<String> {
        let mut rest = Vec::new();
        for segment in segments {
            let labelled = label_of(&segment, self.lang).and_then(|(topic, value)| {
                let mut places = self.open().into_iter();
                let place = places.find(|p| {
                    self.kinds
                        .get(*p)
                        .is_some_and(|k| topic_of(k) == Some(topic))
                })?;
                let answer = self.try_read(place, &value);
                // "age 34" and "Village Mpya" have a label only if it helps.
                (answer.is_ok() || segment.contains([':', '='])).then_some((place, answer))
            });
            match labelled {
                Some((place, answer)) => self.set(place, answer),
                None => rest.push(segment),
            }
        }
        rest
    }

    /// As many segments as questions: in order, unless an answer with a shape
    /// of its own stands in another place.
    fn in_order(&mut self, segments: &[String]) {
        let open = self.open();
        if self.begins_answer(&open, segments) {
            return;
        }
        let mut straight = open.iter().zip(segments);
        let typed_fit = straight.all(|(place, segment)| {
            !self.kinds.get(*place).is_some_and(is_typed) || self.try_read(*place, segment).is_ok()
        });
        if typed_fit {
            let read: Vec<_> = open
                .iter()
                .zip(segments)
                .map(|(p, s)| (*p, self.try_read(*p, s)))
                .collect();
            for (place, answer) in read {
                self.set(place, answer);
            }
            return;
        }
        let taken = self.place_typed(&open, segments);
        let free = segments
            .iter()
            .enumerate()
            .filter(|(at, _)| !taken.contains(at));
        let free: Vec<&String> = free.map(|(_, segment)| segment).collect();
        let left = self.open();
        let mut straight = left.iter().zip(&free);
        let shifted = straight.any(|(place, segment)| self.is_shifted(*place, segment));
        if left.len() == free.len() && !shifted {
            for (place, segment) in left.into_iter().zip(free) {
                let answer = self.try_read(place, segment);
                self.set(place, answer);
            }
        }
    }

    /// Gives each typed question the only segment that answers it; a segment
    /// at the question's own place goes before others. Returns what is taken.
    fn place_typed(&mut self, open: &[usize], segments: &[String]) -> Vec<usize> {
        let mut taken: Vec<usize> = Vec::new();
        let typed: Vec<(usize, usize)> = open.iter().copied().enumerate().collect();
        for own_first in [true, false] {
            for (at, place) in &typed {
                let is_open = self.answers.get(*place).is_some_and(Option::is_none);
                if !is_open || !self.kinds.get(*place).is_some_and(is_typed) {
                    continue;
                }
                let fits: Vec<(usize, Result<Value, Misread>)> = segments
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| !taken.contains(i) && (!own_first || i == at))
                    .filter(|(_, segment)| own_first || !self.is_contested(*place, segment))
                    .map(|(i, segment)| (i, self.try_read(*place, segment)))
                    .filter(|(_, answer)| answer.is_ok())
                    .collect();
                if let [(i, answer)] = fits.as_slice() {
                    taken.push(*i);
                    self.set(*place, answer.clone());
                }
            }
        }
        taken
    }

    /// Recognises typed answers anywhere, then gives what is left between
    /// them to the free-text questions whose place is certain.
    fn by_shape(&mut self, segments: &[String]) {
        let mut pieces: Vec<Piece> = Vec::new();
        for segment in segments {
            self.cut_typed(segment, &mut pieces);
        }
        self.settle_typed(&mut pieces);
        match self.only_story() {
            Some(place) => self.settle_story(place, &pieces, segments),
            None => self.settle_free(&pieces),
        }
    }

    /// Cuts a segment into typed answers and the words between them.
    fn cut_typed(&self, segment: &str, pieces: &mut Vec<Piece>) {
        if is_too_long(segment) {
            return flush(&mut vec![segment], pieces);
        }
        let words: Vec<&str> = segment.split_whitespace().collect();
        let mut loose: Vec<&str> = Vec::new();
        let mut at = 0;
        while at < words.len() {
            match self.typed_at(&words, at) {
                Some((used, fits)) => {
                    flush(&mut loose, pieces);
                    pieces.push(Piece::Typed(fits));
                    at += used;
                }
                None => {
                    loose.extend(words.get(at));
                    at += 1;
                }
            }
        }
        flush(&mut loose, pieces);
    }

    /// The longest run of words at `at` that answers a typed question.
    fn typed_at(&self, words: &[&str], at: usize) -> Option<(usize, Vec<(usize, Value)>)> {
        let typed = self.open_typed();
        let most = WINDOW_WORDS_MAX.min(words.len().saturating_sub(at));
        (1..=most).rev().find_map(|used| {
            let window = words.get(at..at + used)?.join(" ");
            let fits: Vec<(usize, Value)> = typed
                .iter()
                .filter_map(|place| {
                    self.try_read(*place, &window)
                        .ok()
                        .map(|value| (*place, value))
                })
                .filter(|(_, value)| *value != Value::Nothing)
                .filter(|(place, value)| self.is_time_alone((*place, value), words, at, used))
                .filter(|(place, value)| self.is_own_number((*place, value), words, at, used))
                .filter(|(place, _)| !self.is_contested(*place, &window))
                .collect();
            (!fits.is_empty()).then_some((used, fits))
        })
    }

    /// A typed question takes the value that is offered to it alone; two
    /// different offers are ambiguous.
    fn settle_typed(&mut self, pieces: &mut [Piece]) {
        for place in self.open_typed() {
            let mut offers: Vec<Value> = Vec::new();
            for piece in pieces.iter() {
                if let Piece::Typed(fits) = piece
                    && let [(for_place, value)] = fits.as_slice()
                    && *for_place == place
                    && !offers.contains(value)
                {
                    offers.push(value.clone());
                }
            }
            match offers.as_slice() {
                [] => {}
                [value] => self.set(place, Ok(value.clone())),
                [_, ..] => self.settle_offers(place, &offers),
            }
            if !offers.is_empty() {
                forget(pieces, place);
            }
        }
        for piece in pieces.iter() {
            if let Piece::Typed(fits) = piece {
                for (place, _) in fits.iter().filter(|_| fits.len() > 1) {
                    if self.answers.get(*place).is_some_and(Option::is_none) {
                        self.set(*place, Err(Misread::Ambiguous));
                    }
                }
            }
        }
    }

    /// Free words between two typed answers belong to the free-text questions
    /// between these two, if there are as many of them. Three words or more
    /// may be a name and a place in one while another question is open.
    fn settle_free(&mut self, pieces: &[Piece]) {
        let anchors: Vec<usize> = pieces.iter().filter_map(Piece::anchor).collect();
        let in_order = anchors.windows(2).all(|w| matches!(w, [a, b] if a <= b));
        let free: Vec<usize> = self.open();
        let words: Vec<&String> = pieces.iter().filter_map(Piece::words).collect();
        if words.len() == free.len() {
            for (place, text) in free.into_iter().zip(words) {
                let answer = self.try_read(place, text);
                self.set(place, answer);
            }
            return;
        }
        if !in_order {
            return;
        }
        let mut from = 0;
        let mut gap: Vec<&String> = Vec::new();
        let end = self.kinds.len();
        let bounds = pieces.iter().map(Some).chain([None]);
        for piece in bounds {
            match piece {
                Some(Piece::Words(text)) => gap.push(text),
                Some(Piece::Typed(_)) | None => {
                    let to = piece.map_or(Some(end), Piece::anchor).unwrap_or(from);
                    let here: Vec<usize> = free
                        .iter()
                        .copied()
                        .filter(|p| (from..to).contains(p))
                        .collect();
                    let both = |text: &&String| text.split_whitespace().count() >= 3;
                    if here.len() == gap.len() && !(free.len() > here.len() && gap.iter().any(both))
                    {
                        for (place, text) in here.into_iter().zip(gap.iter()) {
                            let answer = self.try_read(place, text);
                            self.set(place, answer);
                        }
                    }
                    gap.clear();
                    from = to;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::answers::Subject;

    fn background(text: &str, lang: Lang) -> Vec<Result<Value, Misread>> {
        let about = |subject| Kind::FreeTextOrNone {
            about: Some(subject),
        };
        let pregnant = Kind::YesNo {
            about: Some(Subject::Pregnancy),
        };
        let kinds = [
            about(Subject::Allergies),
            about(Subject::Medicines),
            pregnant,
        ];
        let today = Date::constant(2026, 11, 18);
        read_page(&kinds, text, lang, today, "CD")
    }

    #[test]
    fn a_name_alone_answers_the_first_question() {
        let kinds = [Kind::Name, Kind::BirthOrAge, Kind::Sex, Kind::Locality];
        let today = Date::constant(2026, 11, 18);
        let unclear: Result<Value, Misread> = Err(Misread::Unclear);
        for (text, named) in [
            ("Ana Silva", true),
            ("Goma", false),
            ("bom dia", false),
            ("não sei", false),
        ] {
            let answers = read_page(&kinds, text, Lang::Pt, today, "MZ");
            assert_eq!(answers.first().is_some_and(Result::is_ok), named, "{text}");
            assert_eq!(
                answers.get(1..),
                Some([(); 3].map(|()| unclear.clone()).as_slice())
            );
        }
    }

    #[test]
    fn a_line_that_is_too_long_hides_no_other() {
        let kinds = [Kind::Name, Kind::BirthOrAge, Kind::Sex, Kind::Locality];
        let today = Date::constant(2026, 11, 18);
        let long = "behind the market, near the river; ".repeat(40);
        let ok = |answers: &[Result<Value, Misread>]| -> Vec<bool> {
            answers.iter().map(Result::is_ok).collect()
        };
        for (text, want) in [
            (
                format!("Amina Juma\n34\nfemale\n{long}"),
                [true, true, true, false],
            ),
            (
                format!("1) Amina Juma\n2) 34\n3) female\n4) {long}"),
                [true, true, true, false],
            ),
            (
                format!("Village: {long}\nAge: 34\nName: Amina Juma\nSex: female"),
                [true, true, true, false],
            ),
            (
                format!("{long}\n34\nfemale\nGoma"),
                [false, true, true, true],
            ),
            (format!("Amina Juma, 34, female, {long}"), [false; 4]),
            ("a".repeat(5000), [false; 4]),
        ] {
            let answers = read_page(&kinds, &text, Lang::En, today, "CD");
            assert_eq!(ok(&answers), want, "{text} {answers:?}");
            let rest = answers.iter().filter_map(|answer| answer.as_ref().err());
            assert!(
                rest.into_iter().all(|why| *why == Misread::TooLong),
                "{answers:?}"
            );
        }
        // Several answers that are long, and none too long.
        let pills = "two pills of the white box ".repeat(24);
        let answers = background(&format!("{pills}\n{pills}\nyes"), Lang::En);
        assert_eq!(ok(&answers), [true; 3], "{answers:?}");
    }

    #[test]
    fn a_trouble_told_too_early_is_no_name_sex_or_place() {
        let kinds = [Kind::Name, Kind::Sex, Kind::Locality];
        let today = Date::constant(2026, 11, 18);
        for (text, lang) in [
            ("swollen legs since 2 weeks", Lang::En),
            ("pain in both legs for 2 weeks", Lang::En),
            ("jambes enflées depuis 2 semaines", Lang::Fr),
            ("miguu imevimba tangu wiki 2", Lang::Sw),
            ("piernas hinchadas desde hace 2 semanas", Lang::Es),
            ("pernas inchadas há 2 semanas", Lang::Pt),
        ] {
            let answers = read_page(&kinds, text, lang, today, "CD");
            assert!(answers.iter().all(Result::is_err), "{text}: {answers:?}");
            let answers = read_page(&kinds[1..], text, lang, today, "CD");
            assert!(answers.iter().all(Result::is_err), "{text}: {answers:?}");
        }
    }

    #[test]
    fn words_without_a_shape_are_the_trouble_even_when_no_time_is_told() {
        let kinds = [Kind::FreeText, Kind::Onset];
        let today = Date::constant(2026, 11, 18);
        for (text, lang, story, since) in [
            ("my belly hurts", Lang::En, "my belly hurts", None),
            ("fever", Lang::En, "fever", None),
            ("fever, cough", Lang::En, "fever, cough", None),
            (
                "fever, cough, vomiting",
                Lang::En,
                "fever, cough, vomiting",
                None,
            ),
            (
                "fever, cough, since yesterday",
                Lang::En,
                "fever, cough",
                Some("2026-11-17"),
            ),
            (
                "depuis hier, fièvre et toux",
                Lang::Fr,
                "fièvre et toux",
                Some("2026-11-17"),
            ),
            (
                "estou com dor de barriga",
                Lang::Pt,
                "estou com dor de barriga",
                None,
            ),
            (
                "anaumwa tumbo na anaharisha",
                Lang::Sw,
                "anaumwa tumbo na anaharisha",
                None,
            ),
            (
                "dolor de cabeza\nhace 3 días",
                Lang::Es,
                "dolor de cabeza",
                Some("2026-11-15"),
            ),
        ] {
            let answers = read_page(&kinds, text, lang, today, "CD");
            let told = Ok(Value::Text { text: story.into() });
            assert_eq!(answers.first(), Some(&told), "{text}");
            let at = match answers.get(1) {
                Some(Ok(Value::Since { date, .. })) => Some(date.as_str().to_owned()),
                _ => None,
            };
            assert_eq!(at.as_deref(), since, "{text}");
        }
        // A time that was not understood is no trouble of its own.
        let answers = read_page(&kinds, "since the big rain", Lang::En, today, "CD");
        assert_eq!(answers, [Err(Misread::Unclear), Err(Misread::Unclear)]);
    }

    #[test]
    fn none_answers_what_takes_none_and_the_rest_is_asked() {
        let none = Ok(Value::Nothing);
        let open = Err(Misread::Unclear);
        for (text, lang) in [
            ("none, none", Lang::En),
            ("nothing at all", Lang::En),
            ("neither", Lang::En),
            ("Aucune, aucun", Lang::Fr),
            ("ni l'un ni l'autre", Lang::Fr),
            ("hakuna\nhakuna", Lang::Sw),
            ("hakuna chochote", Lang::Sw),
            ("ninguna; ninguna", Lang::Es),
            ("nada de nada", Lang::Es),
            ("nenhuma, nenhum", Lang::Pt),
            ("nenhum dos dois", Lang::Pt),
        ] {
            let want = [none.clone(), none.clone(), open.clone()];
            assert_eq!(background(text, lang), want, "{text}");
        }
        // Said once it answers the first alone.
        for (text, lang) in [
            ("none", Lang::En),
            ("aucun", Lang::Fr),
            ("hakuna", Lang::Sw),
            ("ninguna", Lang::Es),
            ("nenhum", Lang::Pt),
        ] {
            let want = [none.clone(), open.clone(), open.clone()];
            assert_eq!(background(text, lang), want, "{text}");
        }
        let no = Ok(Value::YesNo { yes: false });
        let want = [none.clone(), none, no];
        assert_eq!(background("none, none, no", Lang::En), want);
        // A bare word says it of none of them.
        for text in ["no", "yes", "paracetamol, no"] {
            let want = [open.clone(), open.clone(), open.clone()];
            assert_eq!(background(text, Lang::En), want, "{text}");
        }
    }
}
