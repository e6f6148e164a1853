//! What works at any step: back, help, stop, restart, language, my data,
//! delete my data.
//!
//! Never sends what a patient said: the phone may be shared.

use super::effect::{Action, Effect, FlagReason, RecordStatus};
use super::event::TimerKind;
use super::session::{Former, Overlay, Stage};
use super::turn::{Heard, Turn};
use super::{calendar, consent, control, language, page, record, render, rest};
use crate::core::answers::Command;
use crate::core::flow::{ButtonName, Field, Line};

/// Carries out a command.
pub(super) fn run(turn: &mut Turn<'_>, command: Command) {
    match command {
        Command::Back => back(turn),
        Command::Help => help(turn),
        Command::Stop => stop(turn),
        Command::Restart => restart(turn),
        Command::Language => overlay(turn, Overlay::Language),
        Command::MyData => my_data(turn),
        Command::DeleteMyData => overlay(turn, Overlay::ConfirmDelete),
    }
}

/// What can be written; and how to begin, where nothing has begun.
fn help(turn: &mut Turn<'_>) {
    turn.lead(Line::Help);
    if turn.session.stage == Stage::Rest && turn.session.overlay.is_none() {
        turn.lead(Line::HelpBegin);
        let text = turn.take_leads();
        turn.notice(text);
    }
    turn.ask = true;
}

fn overlay(turn: &mut Turn<'_>, overlay: Overlay) {
    let stage = turn.session.stage.clone();
    turn.go(stage);
    turn.session.overlay = Some(overlay);
}

fn stop(turn: &mut Turn<'_>) {
    turn.session.stopped = true;
    turn.session.overlay = None;
    turn.session.asked = None;
    turn.ask = false;
    turn.act(Action::SupersedePrompts);
    turn.flag(FlagReason::Stopped);
    let text = turn.line(Line::Stopped);
    turn.notice(text);
}

fn back(turn: &mut Turn<'_>) {
    if turn.session.overlay.take().is_some() {
        let stage = turn.session.stage.clone();
        return turn.go(stage);
    }
    match turn.session.stage.clone() {
        Stage::Consent if turn.languages().len() > 1 => turn.go(Stage::Language),
        Stage::Page { page } if is_begun(turn, &page) => anew(turn, &page),
        Stage::Page { page } => page_before(turn, Some(&page)),
        Stage::Review => page_before(turn, None),
        Stage::Correct | Stage::Fix { .. } => turn.go(Stage::Review),
        Stage::Rest | Stage::Language | Stage::Consent | Stage::Who => {
            turn.lead(Line::NothingBefore);
            turn.ask = true;
        }
    }
}

/// Whether a page holds answers already: they are what is to be corrected.
fn is_begun(turn: &Turn<'_>, page: &str) -> bool {
    let Some(draft) = &turn.session.draft else {
        return false;
    };
    let mut fields = fields_of(turn, page).iter();
    fields.any(|field| draft.answers.contains_key(&field.id) || draft.left.contains(&field.id))
}

fn fields_of<'a>(turn: &Turn<'a>, page: &str) -> &'a [Field] {
    let mut pages = turn.flow.pages().iter();
    let page = pages.find(|known| known.id == page);
    page.map_or(&[], |page| &page.fields)
}

/// Asks a page anew.
fn anew(turn: &mut Turn<'_>, page: &str) {
    for field in fields_of(turn, page) {
        forget_answer(turn, &field.id);
    }
    let page = page.to_owned();
    turn.go(Stage::Page { page });
}

/// Goes to the page before this one (or the last) and asks it anew; before
/// the first page stands the question whom it is for.
fn page_before(turn: &mut Turn<'_>, page: Option<&str>) {
    let flow = turn.flow;
    let earlier = flow
        .pages()
        .iter()
        .take_while(|p| Some(p.id.as_str()) != page);
    let asked = earlier.filter(|p| p.fields.iter().any(|f| page::applies(turn, f)));
    let Some(before) = asked.last() else {
        forget_answer(turn, consent::FOR_WHOM);
        return turn.go(Stage::Who);
    };
    anew(turn, &before.id);
}

fn forget_answer(turn: &mut Turn<'_>, field: &str) {
    if let Some(draft) = &mut turn.session.draft {
        draft.answers.remove(field);
        draft.tries.remove(field);
        draft.left.retain(|id| id != field);
        turn.changed = true;
    }
}

/// Gives the present record up and begins anew. It stays urgent: a typing
/// mistake must not make an urgent case look harmless. But what comes now may
/// be about somebody else, and is warned of anew; after a receipt it is.
pub(super) fn restart(turn: &mut Turn<'_>) {
    turn.session.overlay = None;
    let started = turn.session.stage != Stage::Rest;
    let mut danger = std::mem::take(&mut turn.session.danger);
    if !started {
        danger.clear();
    }
    if let Some(mut draft) = turn.session.draft.take() {
        if draft.answers.is_empty() && draft.left.is_empty() || !turn.can_open() {
            draft.answers.clear();
            draft.left.clear();
            draft.tries.clear();
            turn.session.draft = Some(draft);
            turn.changed = true;
        } else {
            turn.session.danger.clone_from(&danger);
            let change = record::snapshot(turn, &draft, RecordStatus::Withdrawn);
            turn.write(change);
            turn.session.former = Some(Former::of(draft));
        }
    }
    if started {
        turn.lead(Line::Restarted);
    }
    language::begin(turn);
    turn.session.danger = danger;
    if !turn.session.danger.is_empty() && turn.session.stage == Stage::Who {
        turn.open_draft();
    }
}

fn my_data(turn: &mut Turn<'_>) {
    let records = &turn.session.records;
    let text = if records.is_empty() {
        turn.line(Line::MyDataNone)
    } else {
        let zone = &turn.clinic.zone;
        let each = |kept: &super::session::Kept| {
            let date = render::date_of(kept.at, zone).to_string();
            format!("{} ({})", kept.id, calendar::in_words(&date, turn.lang()))
        };
        let list: Vec<String> = records.iter().map(each).collect();
        let count = records.len().to_string();
        let line = turn.flow.line(Line::MyData, turn.lang());
        turn.fill(line, &[("count", &count), ("records", &list.join(", "))])
    };
    turn.notice(text);
    turn.ask = true;
}

/// Reads whether really to delete everything. Whatever is not a clear yes
/// deletes nothing, and a yes beside a cry for help is none.
pub(super) fn confirm(turn: &mut Turn<'_>, heard: &Heard) {
    let button = control::button(turn, heard);
    confirmed(turn, button);
}

pub(super) fn confirmed(turn: &mut Turn<'_>, name: Option<ButtonName>) {
    turn.session.overlay = None;
    if name == Some(ButtonName::Delete) && !turn.alarm {
        return delete(turn);
    }
    turn.lead(Line::NotDeleted);
    let stage = turn.session.stage.clone();
    turn.go(stage);
}

fn delete(turn: &mut Turn<'_>) {
    let text = turn.line(Line::Deleted);
    let waiting = turn.session.unconsented.is_some();
    rest::give_up(turn);
    turn.forget();
    turn.act(Action::EraseContact);
    if waiting {
        turn.timer(Effect::CancelTimer {
            kind: TimerKind::EraseUnconsented,
        });
    }
    turn.notice(text);
}
