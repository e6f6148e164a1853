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
    let choice = |field: &Field| Choice {
        id: field.id.clone(),
        label: field.label.get(lang).to_owned(),
        also: Vec::new(),
    };
    fields(turn).into_iter().map(choice).collect()
}

pub(super) fn answer_which(turn: &mut Turn<'_>, heard: &Heard) {
    let choices = choices(turn);
    match control::one_of(turn, &choices, heard) {
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
