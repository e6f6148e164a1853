//! Reviewing, correcting and submitting.
//!
//! A record is submitted only by its writer's word, or after three unclear
//! answers to the review, and then staff are told.

use super::effect::{RecordStatus, TaskKind};
use super::session::Stage;
use super::turn::{Heard, Turn};
use super::{control, page, record, unread};
use crate::core::answers::Choice;
use crate::core::flow::{ButtonName, Field, Line};
use crate::core::lang::Lang;

/// The shortest word of a label that names it, characters: no "or", no "to".
const LABEL_WORD_CHARS_MIN: usize = 3;

pub(super) fn answer(turn: &mut Turn<'_>, heard: &Heard) {
    let name = control::button(turn, heard);
    if name.is_some() {
        unread::keep_beside(turn, heard);
    }
    let begun = || control::begun(turn, heard);
    match name.or_else(begun) {
        Some(begun) if name.is_none() => {
            if unread::keep(turn, heard) {
                turn.lead(Line::KeptForStaff);
            }
            chosen(turn, Some(begun));
        }
        Some(name) => chosen(turn, Some(name)),
        None => {
            if control::is_enough(turn, heard) {
                let record = turn.record();
                turn.task(TaskKind::UnansweredQuestion {
                    field: "review".to_owned(),
                    record,
                });
                submit(turn);
            }
        }
    }
}

pub(super) fn chosen(turn: &mut Turn<'_>, name: Option<ButtonName>) {
    match name {
        Some(ButtonName::Send) => submit(turn),
        Some(ButtonName::Correct) => turn.go(Stage::Correct),
        Some(_) | None => turn.ask = true,
    }
}

fn submit(turn: &mut Turn<'_>) {
    let Some(draft) = turn.session.draft.take() else {
        return turn.rest();
    };
    let change = record::snapshot(turn, &draft, RecordStatus::Complete);
    turn.write(change);
    turn.changed = false;
    if draft.unread {
        let record = Some(draft.id.clone());
        turn.task(TaskKind::ReadConversation { record });
    }
    let text = turn.flow.line(Line::Receipt, turn.lang());
    let receipt = turn.fill(text, &[("record_id", draft.id.as_str())]);
    turn.notice(receipt);
    turn.session.submitted = Some(draft);
    turn.rest();
}

/// What can be corrected.
pub(super) fn fields<'a>(turn: &Turn<'a>) -> Vec<&'a Field> {
    let flow = turn.flow;
    let fields = flow.fields();
    fields.filter(|field| page::applies(turn, field)).collect()
}

/// The same as choices.
pub(super) fn choices(turn: &Turn<'_>) -> Vec<Choice> {
    let lang = turn.lang();
    let fields = fields(turn);
    let choice = |field: &&Field| Choice {
        id: field.id.clone(),
        label: field.label.get(lang).to_owned(),
        also: words_alone(field, &fields, lang),
    };
    fields.iter().map(choice).collect()
}

/// The words of a label that stand in no other: "age" is enough for "Birth or
/// age". French writes some of them with an article: "l'âge".
fn words_alone(field: &Field, all: &[&Field], lang: Lang) -> Vec<String> {
    let words = |field: &Field| -> Vec<String> {
        let label = field.label.get(lang).split(|c: char| !c.is_alphanumeric());
        let long = label.filter(|word| word.chars().count() >= LABEL_WORD_CHARS_MIN);
        long.map(str::to_owned).collect()
    };
    let own = words(field).into_iter().filter(|word| {
        let mut others = all.iter().filter(|other| other.id != field.id);
        !others.any(|other| words(other).contains(word))
    });
    own.flat_map(|word| {
        let article = (lang == Lang::Fr).then(|| format!("l'{word}"));
        std::iter::once(word).chain(article)
    })
    .collect()
}

pub(super) fn answer_which(turn: &mut Turn<'_>, heard: &Heard) {
    let choices = choices(turn);
    let named = control::one_of(turn, &choices, heard);
    match named.or_else(|| control::first_of(turn, &choices, heard)) {
        Some(field) => turn.go(Stage::Fix { field }),
        None => {
            if control::is_enough(turn, heard) {
                turn.go(Stage::Review);
            }
        }
    }
}

pub(super) fn chosen_which(turn: &mut Turn<'_>, field: &str) {
    if turn.flow.find_field(field).is_some() {
        let field = field.to_owned();
        turn.go(Stage::Fix { field });
    } else {
        turn.ask = true;
    }
}
