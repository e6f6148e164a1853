//! Words that answer nothing of what was asked: kept where staff see them,
//! never dropped without a trace.
//!
//! Nothing is kept before there is consent, and nothing that only says thanks
//! or hello. What was read into an answer is in the record already.

use super::effect::TaskKind;
use super::session::Stage;
use super::turn::{Heard, Turn};
use super::{control, danger, page};
use crate::core::answers::{self, Misread, Value};
use crate::core::flow::{Field, FieldKind, Line};
use std::ops::Range;

/// The longest greeting, in words: what is longer says something beside it.
const GREETING_WORDS_MAX: usize = 3;
/// Parts of an answer that are looked at one by one: nobody fills a page with
/// more, and each is read several times. Of a flood all is kept.
const PARTS_MAX: usize = 16;
/// The longest answer that is read again without each of its parts.
const READ_AGAIN_BYTES_MAX: usize = 4_000;

/// Whether words only say thanks or hello.
pub(super) fn is_small_talk(turn: &Turn<'_>, text: &str) -> bool {
    let few = text.split_whitespace().count() <= GREETING_WORDS_MAX;
    turn.flow.is_courtesy(text) || few && answers::begins_with_greeting(text)
}

/// Whether all that came is thanks in words: that is no wrong answer.
pub(super) fn is_thanks(turn: &Turn<'_>, heard: &Heard) -> bool {
    let thanks = |text: &str| turn.flow.is_courtesy(text) && text.chars().any(char::is_alphabetic);
    let mut texts = heard.texts.iter();
    !heard.texts.is_empty() && !heard.is_spoken() && texts.all(|(_, text)| thanks(text))
}

/// Keeps words that answered a question with fixed choices not at all. Says
/// whether the patient is to be told so: where they may be a correction, or
/// the end of an emergency.
pub(super) fn keep(turn: &mut Turn<'_>, heard: &Heard) -> bool {
    let unread = |(_, text): &&(_, String)| !is_small_talk(turn, text);
    let unread: Vec<_> = heard
        .texts
        .iter()
        .filter(unread)
        .map(|(id, _)| *id)
        .collect();
    if turn.session.consent.is_none() || unread.is_empty() {
        return false;
    }
    for inbox in unread {
        turn.keep(inbox);
    }
    let reviewing = turn.session.overlay.is_none() && turn.session.stage == Stage::Review;
    let tell = reviewing || danger::is_recent(turn);
    if tell || turn.session.draft.is_none() {
        hand_on(turn);
    }
    tell
}

/// Keeps what came beside the choice that was understood.
pub(super) fn keep_beside(turn: &mut Turn<'_>, heard: &Heard) {
    let beside = |(_, text): &&(_, String)| !control::is_choice(turn, text);
    let texts: Vec<_> = heard.texts.iter().filter(beside).cloned().collect();
    let beside = Heard {
        texts,
        ..Heard::default()
    };
    if keep(turn, &beside) {
        turn.lead(Line::KeptForStaff);
    }
}

/// Sends staff to the conversation at once: the patient was told that they
/// would see it, and may never finish the form.
pub(super) fn hand_on(turn: &mut Turn<'_>) {
    let record = turn.record();
    turn.task(TaskKind::ReadConversation { record });
}

/// Keeps the messages of a page's answer of which a part was read into nothing.
pub(super) fn keep_unread_parts(
    turn: &mut Turn<'_>,
    fields: &[&Field],
    results: &[Result<Value, Misread>],
    heard: &Heard,
) {
    // Who was named with a number has words beside it that say who that is.
    let contact = matches!(fields, [field] if field.kind == FieldKind::EmergencyContact);
    if contact && results.iter().all(Result::is_ok) {
        return;
    }
    let parts: Vec<(usize, Range<usize>)> = (heard.texts.iter().enumerate())
        .flat_map(|(nth, (_, text))| {
            let said = parts(text)
                .filter(|part| !is_small_talk(turn, text.get(part.clone()).unwrap_or_default()));
            said.map(move |part| (nth, part)).collect::<Vec<_>>()
        })
        .collect();
    let flood = parts.len() > PARTS_MAX || heard.joined().len() > READ_AGAIN_BYTES_MAX;
    let mut unread: Vec<usize> = parts
        .into_iter()
        .filter(|(nth, part)| flood || is_unread(turn, fields, results, (heard, *nth, part)))
        .map(|(nth, _)| nth)
        .collect();
    unread.dedup();
    for nth in unread {
        if let Some((inbox, _)) = heard.texts.get(nth) {
            turn.keep(*inbox);
        }
    }
}

/// Whether this part of a message was read into nothing: without it the
/// answers are the same, and it says none of them again.
fn is_unread(
    turn: &Turn<'_>,
    fields: &[&Field],
    results: &[Result<Value, Misread>],
    (heard, nth, part): (&Heard, usize, &Range<usize>),
) -> bool {
    let Some((_, text)) = heard.texts.get(nth) else {
        return false;
    };
    let mut less = text.clone();
    less.replace_range(part.clone(), "");
    let others = heard.texts.iter().enumerate();
    let all = others.map(|(at, (_, other))| if at == nth { less.as_str() } else { other });
    let all: Vec<&str> = all.filter(|text| !text.trim().is_empty()).collect();
    let without = page::read_fields(turn, fields, &all.join("\n"));
    let mut each = results.iter().zip(&without);
    let words = text.get(part.clone()).unwrap_or_default();
    each.all(|(with, without)| with.is_err() || with == without)
        && !is_meant(turn, fields, results, words)
}

/// Whether words alone say an answer again, or are the very words that were
/// misread, which are asked for again.
fn is_meant(
    turn: &Turn<'_>,
    fields: &[&Field],
    results: &[Result<Value, Misread>],
    words: &str,
) -> bool {
    fields.iter().zip(results).any(|(field, result)| {
        let alone = page::read_fields(turn, &[*field], words);
        *result != Err(Misread::Unclear) && alone.first() == Some(result)
    })
}

/// Lines, and in these what commas separate.
fn parts(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    text.split_inclusive(['\n', ',', ';']).map(move |part| {
        let begins = start;
        start += part.len();
        begins..begins + part.trim_end_matches(['\n', ',', ';']).len()
    })
}
