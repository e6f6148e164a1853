//! What an answer of a page says it is about, and "none" for all of them.
//!
//! A "no medicines" goes to the medicines, wherever it stands, and says
//! nothing of allergies. What is left is placed by its order only while the
//! order is not in doubt.

use super::super::fold::folded_tokens;
use super::super::kind::{Kind, Misread, Value};
use super::super::none;
use super::super::shape::{is_plain_no, is_typed, takes_none};
use super::super::subject::{self, Subject};
use super::super::yes_no;
use super::Page;

impl Page<'_> {
    /// Gives what names its question to that question. Returns the rest, and
    /// whether its order still tells which question each answers.
    pub(super) fn take_named(&mut self, segments: Vec<String>) -> (Vec<String>, bool) {
        let open = self.open();
        let sentences = segments.into_iter();
        let segments: Vec<String> = sentences.flat_map(|s| self.sentences(s, &open)).collect();
        let as_many = segments.len() == open.len();
        let mut ordered = true;
        let mut rest = Vec::new();
        let mut said: Vec<(usize, String)> = Vec::new();
        for (at, segment) in segments.into_iter().enumerate() {
            let places = self.places_of(&segment, &open);
            for place in &places {
                ordered &= as_many && open.get(at) == Some(place);
                match said.iter_mut().find(|(named, _)| named == place) {
                    Some((_, all)) => all.push_str(&format!(", {segment}")),
                    None => said.push((*place, segment.clone())),
                }
            }
            if places.is_empty() {
                rest.push(segment);
            }
        }
        for (place, text) in said {
            let answer = self.try_read(place, &text);
            self.set(place, answer);
        }
        (rest, ordered)
    }

    /// The sentences of a segment, if one of them says which question it answers:
    /// in "no allergies. syrup" the syrup is no allergy.
    fn sentences(&self, segment: String, open: &[usize]) -> Vec<String> {
        let parts: Vec<String> = segment.split(". ").map(str::to_owned).collect();
        let named = |part: &String| !self.places_of(part, open).is_empty();
        if parts.len() > 1 && parts.iter().any(named) {
            parts
        } else {
            vec![segment]
        }
    }

    /// Words alone and without a shape answer the first open question, where it
    /// takes words: who answers one question after the other begins with the
    /// first. Not what names another question, or what could be its yes or no.
    pub(super) fn take_lone_words(&mut self, segments: &[String]) -> bool {
        let open = self.open();
        let ([first, others @ ..], [segment]) = (open.as_slice(), segments) else {
            return false;
        };
        let tokens = folded_tokens(segment);
        let wanted = match self.kinds.get(*first) {
            Some(Kind::FreeTextOrNone { about }) => {
                about.is_none_or(|about| !subject::names_another(&tokens, about, self.lang))
            }
            Some(_) | None => false,
        };
        let typed = |place: &usize| self.kinds.get(*place).is_some_and(is_typed);
        let contested = |place: &usize| typed(place) && self.try_read(*place, segment).is_ok();
        if !wanted || others.is_empty() || others.iter().any(contested) {
            return false;
        }
        let answer = self.try_read(*first, segment);
        let told = matches!(answer, Ok(Value::Text { .. }));
        if told {
            self.set(*first, answer);
        }
        told
    }

    /// The open questions that a segment says it answers.
    fn places_of(&self, segment: &str, open: &[usize]) -> Vec<usize> {
        let about = |place: &usize, subject: Subject| match self.kinds.get(*place) {
            Some(Kind::FreeTextOrNone { about } | Kind::YesNo { about }) => *about == Some(subject),
            Some(_) | None => false,
        };
        let subjects = subject::subjects(segment, self.lang).into_iter();
        subjects
            .filter_map(|subject| open.iter().copied().find(|place| about(place, subject)))
            .filter(|place| self.try_read(*place, segment).is_ok())
            .collect()
    }

    /// Whether these segments may be placed by their order although others
    /// were said out of it: if only one question is left that they could
    /// answer, or if all of them say none.
    pub(super) fn is_placed_alone(&self, segments: &[String]) -> bool {
        let free = self.free_or_none();
        let none = |segment: &String| none::is_none(&folded_tokens(segment), self.lang);
        free.len() < 2 || segments.len() > 1 && segments.iter().all(none)
    }

    fn free_or_none(&self) -> Vec<usize> {
        let takes = |place: &usize| {
            let kind = self.kinds.get(*place);
            matches!(kind, Some(Kind::FreeTextOrNone { .. }))
        };
        self.open().into_iter().filter(takes).collect()
    }

    /// "None" said once answers the first question that takes it: that it was
    /// meant for all of them is not said, and a wrong "none" is worse than one
    /// question more. Said of all ("nothing at all"), or once for each of them,
    /// it answers all that take it. It says nothing of the others, and a bare
    /// "no" said once may as well belong to one of those.
    pub(super) fn take_none(&mut self, segments: &[String]) -> bool {
        let mut places = self.free_or_none();
        let none = |segment: &String| {
            let tokens = folded_tokens(segment);
            let none = none::is_none(&tokens, self.lang);
            none && (segments.len() > 1 || !is_plain_no(&tokens))
        };
        let said = segments.len() == 1 || segments.len() == places.len();
        let fewer = segments.len() < self.open().len();
        if places.is_empty() || !said || !fewer || !segments.iter().all(none) {
            return false;
        }
        let text = segments.join(", ");
        if segments.len() < places.len() && !none::is_of_all(&folded_tokens(&text), self.lang) {
            places.truncate(1);
        }
        for place in places {
            // What names another question is no answer to this one.
            if self.try_read(place, &text) == Ok(Value::Nothing) {
                self.set(place, Ok(Value::Nothing));
            }
        }
        true
    }

    /// Whether a yes or a no that stands anywhere may as well be the answer to
    /// another open question than this one.
    pub(super) fn is_contested(&self, place: usize, text: &str) -> bool {
        if !matches!(self.kinds.get(place), Some(Kind::YesNo { .. })) {
            return false;
        }
        let others = || {
            let open = self.open().into_iter().filter(move |other| *other != place);
            open.filter_map(|other| self.kinds.get(other))
        };
        let bare = || yes_no::is_bare(&folded_tokens(text), self.lang);
        others().any(takes_none) || others().any(|kind| *kind == Kind::FreeText) && !bare()
    }

    /// Whether a bare yes stands where words or none are asked for: what comes
    /// behind it may be these words, and all places are in doubt.
    pub(super) fn begins_answer(&self, open: &[usize], segments: &[String]) -> bool {
        let free = self.free_or_none();
        let mut placed = open.iter().zip(segments);
        placed.any(|(place, segment)| {
            let tokens = folded_tokens(segment);
            free.contains(place)
                && yes_no::is_bare(&tokens, self.lang)
                && !none::is_none(&tokens, self.lang)
        })
    }

    /// Whether a segment that is no answer to the yes-or-no question at whose
    /// place it stands could answer another: then all may stand elsewhere.
    pub(super) fn is_shifted(&self, place: usize, segment: &str) -> bool {
        let told = |place: &usize| matches!(self.try_read(*place, segment), Ok(Value::Text { .. }));
        let unread = self.try_read(place, segment) == Err(Misread::Unclear);
        self.is_contested(place, segment) && unread && self.free_or_none().iter().any(told)
    }
}
