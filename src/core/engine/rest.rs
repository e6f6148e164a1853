//! A page answered in part: the rest is waited for, so that people who send
//! one line after the other are asked once, for what is missing then.
//!
//! What is understood is in the record at once, and a danger sign never waits.

use super::effect::Effect;
use super::event::TimerKind;
use super::page;
use super::session::{Answer, Said, Stage};
use super::turn::{Heard, Turn};
use super::{cry, unread};
use crate::core::answers::{Misread, Value};
use crate::core::flow::Field;
use crate::core::id::InboxId;
use crate::core::limits;
use std::collections::BTreeMap;

/// Fewest lines that may be a page's answers given anew: two may be the rest
/// of three.
const FULL_SET_MIN: usize = 3;
/// Most words of a line that may be a lone name or place.
const LONE_WORDS_MAX: usize = 3;

/// Answers by field id.
pub(super) type Answers = BTreeMap<String, Answer>;

/// What was written on the present page so far and waits for the rest, with
/// what comes now, and the answers read from it: all of it is read again
/// together.
pub(super) fn take_up(turn: &mut Turn<'_>, heard: &Heard) -> (Heard, Answers) {
    let mut all = heard.clone();
    let Some(draft) = &mut turn.session.draft else {
        return (all, Answers::new());
    };
    let said = std::mem::take(&mut draft.said);
    let is_said = |inbox: &InboxId| said.iter().any(|one| one.inbox == *inbox);
    let from_said = |answer: &Answer| answer.from.iter().any(is_said);
    let before: Answers = (draft.answers.iter())
        .filter(|(_, answer)| from_said(answer))
        .map(|(field, answer)| (field.clone(), answer.clone()))
        .collect();
    draft.answers.retain(|field, _| !before.contains_key(field));
    let texts = said
        .iter()
        .map(|one| (one.inbox, one.text.expose().clone()));
    all.texts.splice(0..0, texts);
    (all, before)
}

/// Whether to wait for the rest of a page: something of several questions is
/// answered, or what came may be one line of the answer.
pub(super) fn is_awaited(
    turn: &Turn<'_>,
    fields: &[&Field],
    results: &[Result<Value, Misread>],
    heard: &Heard,
) -> bool {
    let asked = turn
        .session
        .asked
        .as_ref()
        .map_or(0, |asked| asked.fields.len());
    let given = parts(heard);
    let may_come = turn.clinic.patience_ms > 0 && !turn.rest_due && !turn.ask && !turn.warn;
    let more = (1..asked).contains(&given) && heard.texts.len() <= limits::SAID_MAX;
    let open = results.iter().any(Result::is_err);
    may_come
        && more
        && open
        && !heard.is_spoken()
        && (turn.progress || is_line(turn, fields, heard))
}

/// Lines, and in these what commas separate.
fn parts(heard: &Heard) -> usize {
    let texts = heard.texts.iter();
    let parts = texts.flat_map(|(_, text)| text.split(['\n', ',', ';']));
    parts
        .filter(|part| part.chars().any(char::is_alphanumeric))
        .count()
}

/// Whether the last words alone would answer one of the questions.
fn is_line(turn: &Turn<'_>, fields: &[&Field], heard: &Heard) -> bool {
    let Some((_, text)) = heard.texts.last() else {
        return false;
    };
    let short = text.split_whitespace().count() <= LONE_WORDS_MAX && !text.contains('?');
    let answers = |field: &&Field| {
        let alone = page::read_fields(turn, &[*field], text);
        alone.first().is_some_and(Result::is_ok)
    };
    short && !unread::is_small_talk(turn, text) && fields.iter().any(answers)
}

/// Waits for the rest: it is asked for once the patient has fallen silent.
pub(super) fn wait(turn: &mut Turn<'_>, heard: &Heard) {
    let Some(draft) = &mut turn.session.draft else {
        return;
    };
    let said = |(inbox, text): &(InboxId, String)| Said {
        inbox: *inbox,
        text: text.clone().into(),
    };
    draft.said = heard.texts.iter().map(said).collect();
    let at = turn.now.at.plus_ms(turn.clinic.patience_ms);
    turn.timer(Effect::SetTimer {
        kind: TimerKind::AskRest,
        at,
    });
}

/// The patient has fallen silent: what is missing is asked for.
pub(super) fn ask(turn: &mut Turn<'_>) {
    let waits = turn
        .session
        .draft
        .as_ref()
        .is_some_and(|draft| !draft.said.is_empty());
    if let (Stage::Page { page }, None, true) =
        (turn.session.stage.clone(), turn.session.overlay, waits)
    {
        page::answer(turn, &page, &Heard::default());
    }
}

/// A line that waits for the rest was corrected; says whether it was one.
pub(super) fn correct(turn: &mut Turn<'_>, about: InboxId, text: &str) -> bool {
    let said = turn
        .session
        .draft
        .iter_mut()
        .flat_map(|draft| &mut draft.said);
    let Some(said) = said.into_iter().find(|said| said.inbox == about) else {
        return false;
    };
    said.text = text.to_owned().into();
    if let (Stage::Page { page }, None) = (turn.session.stage.clone(), turn.session.overlay) {
        page::answer(turn, &page, &Heard::default());
    }
    true
}

/// Waits no more, because the conversation goes elsewhere: lines that answered
/// nothing are kept.
pub(super) fn give_up(turn: &mut Turn<'_>) {
    let Some(draft) = &mut turn.session.draft else {
        return;
    };
    let said = std::mem::take(&mut draft.said);
    if said.is_empty() {
        return;
    }
    let used: Vec<InboxId> = (draft.answers.values())
        .flat_map(|answer| answer.from.iter().copied())
        .collect();
    turn.timer(Effect::CancelTimer {
        kind: TimerKind::AskRest,
    });
    for one in said {
        if !used.contains(&one.inbox) && !unread::is_small_talk(turn, one.text.expose()) {
            turn.keep(one.inbox);
        }
    }
}

/// Answers to all of a page of which some were given before: a line for each,
/// as it is asked for. Who writes so begins the page anew.
pub(super) fn full_set<'a>(
    turn: &Turn<'a>,
    page: &str,
    text: &str,
) -> Option<Vec<(&'a Field, Value)>> {
    let flow = turn.flow;
    let draft = turn.session.draft.as_ref()?;
    let whole = flow.pages().iter().find(|known| known.id == page)?;
    let fields = whole.fields.iter();
    let fields: Vec<&Field> = fields.filter(|field| page::applies(turn, field)).collect();
    let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let answered = |field: &&Field| draft.answers.contains_key(&field.id);
    let begun = !draft.said.is_empty() || fields.iter().any(answered);
    if !begun || lines != fields.len() || lines < FULL_SET_MIN {
        return None;
    }
    if cry::words_beside(turn, text) != text {
        return None;
    }
    let read = page::read_fields(turn, &fields, text);
    let values: Option<Vec<Value>> = read.into_iter().map(Result::ok).collect();
    Some(fields.into_iter().zip(values?).collect())
}
