//! Corrections and deletions of messages already sent.
//!
//! A correction of a used answer is read again; what cannot be read, or comes
//! after the record was submitted, is shown to staff. So is what belongs to the
//! patient before: it never enters the record of the next. What was deleted is read
//! no more and shown to nobody, but a deletion never takes an answer away by
//! itself.

use super::effect::{RecordStatus, TaskKind};
use super::event::Received;
use super::session::{Draft, Stage};
use super::turn::Turn;
use super::{consent, danger, page, record, rest, resume, step};
use crate::core::flow::Field;
use crate::core::id::{InboxId, RecordId};
use crate::core::inbound::Content;

/// A message was corrected.
pub(super) fn edited(turn: &mut Turn<'_>, message: &Received, content: &Content) {
    consent::note_words(turn);
    if let Some(about) = message.about
        && is_earlier(turn, about)
    {
        return of_before(turn, message, content, about);
    }
    danger::search(turn, content);
    let text = content.words().first().map(|text| (*text).to_owned());
    let (Some(text), Some(about)) = (text, message.about) else {
        return turn.keep(message.inbox);
    };
    let gathered = turn
        .heard
        .texts
        .iter_mut()
        .find(|(inbox, _)| *inbox == about);
    if let Some((_, words)) = gathered {
        *words = text;
        return;
    }
    if rest::correct(turn, about, &text) {
        return;
    }
    if let Some(draft) = turn.session.draft.clone()
        && is_used(&draft, about)
    {
        return correct_draft(turn, message, draft, about, &text);
    }
    if let Some(draft) = turn.session.submitted.clone()
        && is_used(&draft, about)
    {
        return correct_submitted(turn, message, draft, about, &text);
    }
    let open = turn.session.stage != Stage::Rest || turn.session.overlay.is_some();
    if open && !turn.session.stopped && !resume::is_early(turn, message) {
        let content = content.clone();
        return step::take_in(
            turn,
            &Received {
                content,
                ..message.clone()
            },
        );
    }
    turn.keep(message.inbox);
}

/// A message of an intake before this one was corrected: nothing of it is the
/// present patient's.
fn of_before(turn: &mut Turn<'_>, message: &Received, content: &Content, about: InboxId) {
    let (inbox, record) = (message.inbox, former_of(turn, about));
    danger::search_before(turn, content, record.as_ref());
    turn.keep_for(inbox, record.clone());
    turn.task(TaskKind::AnswerChanged { inbox, record });
}

/// The record before this one, where this message is one of its answers.
fn former_of(turn: &Turn<'_>, about: InboxId) -> Option<RecordId> {
    let former = turn.session.former.as_ref();
    let former = former.filter(|former| former.from.contains(&about));
    former.map(|former| former.record.clone())
}

/// Whether a message was written before the present intake began.
fn is_earlier(turn: &Turn<'_>, about: InboxId) -> bool {
    turn.session.begun_with.is_some_and(|first| about < first)
}

fn is_used(draft: &Draft, inbox: InboxId) -> bool {
    let mut answers = draft.answers.values();
    answers.any(|answer| answer.from.contains(&inbox))
}

fn correct_draft(
    turn: &mut Turn<'_>,
    message: &Received,
    mut draft: Draft,
    about: InboxId,
    text: &str,
) {
    let understood = reread(turn, &mut draft, about, text);
    if !understood {
        let (inbox, record) = (message.inbox, Some(draft.id.clone()));
        turn.task(TaskKind::AnswerChanged { inbox, record });
        draft.unread = true;
    }
    turn.session.draft = Some(draft);
    turn.changed = true;
    danger::judge(turn);
    if turn.session.stage == Stage::Review && turn.session.overlay.is_none() {
        turn.go(Stage::Review);
    }
}

fn correct_submitted(
    turn: &mut Turn<'_>,
    message: &Received,
    mut draft: Draft,
    about: InboxId,
    text: &str,
) {
    reread(turn, &mut draft, about, text);
    let change = record::snapshot(turn, &draft, RecordStatus::Complete);
    turn.write(change);
    let (inbox, record) = (message.inbox, Some(draft.id.clone()));
    turn.task(TaskKind::AnswerChanged { inbox, record });
    turn.session.submitted = Some(draft);
}

/// Reads the answers that came from one message again; says whether all of
/// them were understood. Of an answer that other messages are part of, it is
/// not known which part this one was: then nothing changes.
fn reread(turn: &Turn<'_>, draft: &mut Draft, about: InboxId, text: &str) -> bool {
    let flow = turn.flow;
    let from_it = |field: &&Field| {
        let answer = draft.answers.get(&field.id);
        answer.is_some_and(|answer| answer.from.contains(&about))
    };
    let fields: Vec<&Field> = flow.fields().filter(from_it).collect();
    let mut sources = fields
        .iter()
        .filter_map(|field| draft.answers.get(&field.id));
    if sources.any(|answer| answer.from.iter().any(|inbox| *inbox != about)) {
        return false;
    }
    let results = page::read_fields(turn, &fields, text);
    let mut understood = !fields.is_empty();
    for (field, result) in fields.iter().zip(results) {
        match (result, draft.answers.get_mut(&field.id)) {
            (Ok(value), Some(answer)) => answer.value = value,
            (Ok(_) | Err(_), Some(_) | None) => understood = false,
        }
    }
    understood
}

/// A message was deleted by its sender.
pub(super) fn revoked(turn: &mut Turn<'_>, message: &Received) {
    let Some(about) = message.about else {
        return;
    };
    turn.withdraw(about);
    let drafts = turn.session.draft.iter().chain(&turn.session.submitted);
    let used: Vec<_> = drafts
        .filter(|draft| is_used(draft, about))
        .map(|draft| draft.id.clone())
        .chain(former_of(turn, about))
        .collect();
    for id in used {
        let (inbox, record) = (message.inbox, Some(id));
        turn.task(TaskKind::AnswerRevoked { inbox, record });
    }
}
