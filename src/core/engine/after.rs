//! What comes after a receipt, within a day: more about the same trouble, for
//! staff. It begins no new form; how to begin one is told with it.
//!
//! Words that only say hello are somebody who comes back, and begin one.

use super::effect::{Action, RecordStatus, TaskKind};
use super::event::Received;
use super::session::Draft;
use super::turn::Turn;
use super::{consent, danger, record, unread};
use crate::core::answers::{self, Value};
use crate::core::flow::{ButtonName, Line};
use crate::core::id::{InboxId, RecordId};
use crate::core::inbound::{Content, MediaKind};
use crate::core::limits;

/// Adds a message to the record last submitted, if it belongs there. Says whether
/// it did; what somebody else may have written does not. `silent` is how long nothing was heard of the contact before, ms.
pub(super) fn add(turn: &mut Turn<'_>, message: &Received, silent: i64) -> bool {
    if silent >= limits::ADDED_MS_MAX || turn.session.consent.is_none() || turn.session.doubtful {
        return false;
    }
    let submitted = turn.session.submitted.clone();
    let Some(submitted) = submitted.filter(|it| !begins(turn, it, message)) else {
        return false;
    };
    turn.session.stopped = false;
    if let Some(task) = task(&message.content, message.inbox, &submitted.id) {
        turn.act(Action::KeepSpoken {
            inbox: message.inbox,
            record: Some(submitted.id.clone()),
        });
        turn.task(task);
        if danger::search(turn, &message.content) {
            let urgent = record::snapshot(turn, &submitted, RecordStatus::Complete);
            turn.write(urgent);
        } else {
            tell(turn, &submitted.id);
        }
    }
    true
}

/// Whether a message wants to begin a form.
fn begins(turn: &Turn<'_>, submitted: &Draft, message: &Received) -> bool {
    match &message.content {
        Content::Text { body } => {
            let text = body.as_str();
            unread::is_small_talk(turn, text) || is_about_another(turn, submitted, text)
        }
        Content::Welcome => true,
        Content::Choice { .. }
        | Content::Form { .. }
        | Content::Media(_)
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Unsupported { .. }
        | Content::Other { .. }
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::System(_) => false,
    }
}

/// Whether words speak of somebody else than the record does: "now for my son". Who
/// writes stands in most sentences, and tells nothing.
fn is_about_another(turn: &Turn<'_>, submitted: &Draft, text: &str) -> bool {
    let whom = submitted.answers.get(consent::FOR_WHOM);
    let is_whom = |name: &ButtonName| {
        let value = whom.map(|answer| &answer.value);
        matches!(value, Some(Value::One { id }) if id == name.word())
    };
    let mut others = [ButtonName::Child, ButtonName::Other].into_iter();
    others.any(|name| {
        let choice = turn.flow.button(name, turn.lang());
        !is_whom(&name) && answers::names(&choice, text)
    })
}

/// What staff do about it: nothing about a sticker, which says no more than thanks,
/// or about the contact's own number, which was asked for.
fn task(content: &Content, inbox: InboxId, record: &RecordId) -> Option<TaskKind> {
    let record = Some(record.clone());
    match content {
        Content::Media(media) => of_file(media.kind, inbox, record),
        Content::Contacts {
            own_number: None, ..
        } => Some(TaskKind::LookAtAttachment { inbox, record }),
        Content::Text { .. }
        | Content::Choice { .. }
        | Content::Form { .. }
        | Content::Location { .. }
        | Content::Unsupported { .. }
        | Content::Other { .. } => Some(TaskKind::ReadConversation { record }),
        Content::Contacts {
            own_number: Some(_),
            ..
        }
        | Content::Welcome
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::System(_) => None,
    }
}

/// What staff do about a file.
pub(super) fn of_file(
    kind: MediaKind,
    inbox: InboxId,
    record: Option<RecordId>,
) -> Option<TaskKind> {
    match kind {
        MediaKind::Audio => Some(TaskKind::ListenToVoice { inbox, record }),
        MediaKind::Image | MediaKind::Video | MediaKind::Document => {
            Some(TaskKind::LookAtAttachment { inbox, record })
        }
        MediaKind::Sticker => None,
    }
}

/// That staff get it, and how to begin a new form; once in a while, since each
/// reply costs money.
fn tell(turn: &mut Turn<'_>, record: &RecordId) {
    let now = turn.now.at;
    let told = turn.session.added_told;
    if told.is_some_and(|told| (0..limits::ADDED_TOLD_MS).contains(&now.ms_since(told))) {
        return;
    }
    turn.session.added_told = Some(now);
    let line = turn.flow.line(Line::AddedForStaff, turn.lang());
    let text = if line.is_empty() {
        turn.line(Line::KeptForStaff)
    } else {
        turn.fill(line, &[("record_id", record.as_str())])
    };
    turn.notice(text);
}
