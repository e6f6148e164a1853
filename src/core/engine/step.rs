//! The step itself: each event in turn, then the answer as a whole.
//!
//! What arrives together is answered together: texts are gathered and read as
//! one answer, and one question follows. Never more than one.

use super::effect::{FlagReason, Step};
use super::event::{Clinic, Event, Fresh, Received, TimerKind};
use super::session::{Overlay, Sent, Session, Stage};
use super::turn::{Heard, Turn};
use super::{
    after, commands, consent, control, cry, danger, edit, fix, language, media, page, rest, resume,
    review,
};
use crate::core::answers::{self, Command};
use crate::core::flow::Flow;
use crate::core::inbound::{Content, SystemChange};
use crate::core::time::Now;

/// One step of a conversation: what `events` do to `session`. Total: any
/// input gives a session and effects.
pub fn step(
    flow: &Flow,
    clinic: &Clinic,
    session: Session,
    events: &[Event],
    now: Now,
    fresh: &Fresh,
) -> Step {
    let mut turn = Turn::new(flow, clinic, session, now, fresh);
    adopt(&mut turn);
    mend(&mut turn);
    let mut silent = false;
    for event in events {
        match event {
            Event::Message(received) => hear(&mut turn, received),
            Event::QuestionSent { at, stamp } => {
                if let Some(asked) = &mut turn.session.asked {
                    let (at, stamp) = (*at, *stamp);
                    asked.sent = Some(Sent { at, stamp });
                    turn.unsent = false;
                }
            }
            Event::Timer(TimerKind::EraseUnconsented) => consent::erase_if_due(&mut turn),
            Event::Timer(TimerKind::AskRest) => silent = true,
            Event::FlowChanged => adopt(&mut turn),
        }
    }
    // What came meanwhile is not silence.
    turn.rest_due = silent && turn.heard.is_empty();
    if turn.rest_due {
        rest::ask(&mut turn);
    }
    answer(&mut turn);
    resume::guard(&mut turn);
    turn.finish()
}

/// Takes over the flow at hand; a place it does not know becomes the next
/// place it does know.
fn adopt(turn: &mut Turn<'_>) {
    if turn.session.flow_version == turn.flow.version() {
        return;
    }
    turn.session.flow_version = turn.flow.version().to_owned();
    let known = match &turn.session.stage {
        Stage::Page { page } => turn.flow.pages().iter().any(|p| p.id == *page),
        Stage::Fix { field } => turn.flow.find_field(field).is_some(),
        Stage::Rest
        | Stage::Language
        | Stage::Consent
        | Stage::Who
        | Stage::Review
        | Stage::Correct => true,
    };
    if !known {
        turn.session.stage = page::next_stage(turn);
        turn.session.asked = None;
    }
}

/// A place past the consent has a record, whatever a row from elsewhere says.
fn mend(turn: &mut Turn<'_>) {
    let past = match turn.session.stage {
        Stage::Rest | Stage::Language | Stage::Consent | Stage::Who => false,
        Stage::Page { .. } | Stage::Review | Stage::Correct | Stage::Fix { .. } => true,
    };
    if past && turn.session.draft.is_none() {
        if turn.session.consent.is_some() {
            turn.open_draft();
        } else {
            turn.session.stage = Stage::Consent;
            turn.session.asked = None;
        }
    }
}

/// One message.
fn hear(turn: &mut Turn<'_>, message: &Received) {
    turn.met = Some(message.inbox);
    if turn.session.consent.is_none() {
        // What comes together is met in the order it was written in.
        let first = &mut turn.session.beyond_consent;
        *first = first.map(|first| first.min(message.inbox));
    }
    turn.session.doubtful |= message.other_account;
    match &message.content {
        Content::Reaction { .. } => return media::reacted(turn, message),
        Content::System(change) => return system(turn, change),
        Content::Edit { content, .. } => return edit::edited(turn, message, content),
        Content::Revoke { .. } => return edit::revoked(turn, message),
        Content::Text { .. }
        | Content::Choice { .. }
        | Content::Form { .. }
        | Content::Media(_)
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Unsupported { .. }
        | Content::Welcome
        | Content::Other { .. } => {}
    }
    take_in(turn, message);
}

fn system(turn: &mut Turn<'_>, change: &SystemChange) {
    match change {
        SystemChange::IdentityChanged => {
            turn.session.doubtful = true;
            turn.flag(FlagReason::IdentityChanged);
        }
        SystemChange::NumberChanged { .. }
        | SystemChange::UserIdChanged { .. }
        | SystemChange::Other { .. } => {}
    }
}

/// A message that could be an answer, by what it meets.
pub(super) fn take_in(turn: &mut Turn<'_>, message: &Received) {
    if turn.session.stage != Stage::Rest {
        // What comes together is met in the order it was written in, and not of its
        // rows.
        let first = &mut turn.session.begun_with;
        *first = first.map(|first| first.min(message.inbox));
    }
    let idle = resume::is_idle(turn, message);
    let silent = turn.session.last_stamped;
    let silent = silent.map_or(i64::MAX, |last| message.stamped.ms_since(last));
    let latest = turn.session.last_stamped.max(Some(message.stamped));
    turn.session.last_stamped = latest;
    consent::note_words(turn);
    language::guess(turn, &message.content);
    if let Content::Choice { id, .. } = &message.content
        && let Some(tap) = control::parse_tap(id)
    {
        return control::tapped(turn, message, &tap, idle);
    }
    resume::lay_aside(turn, message, idle);
    if let Content::Text { body } = &message.content
        && let Some(command) = answers::read_command(body.as_str(), turn.lang())
        && !resume::comes_before(turn, command)
        && !control::is_choice_now(turn, body.as_str())
    {
        let doubtful = turn.session.doubtful;
        reopen(turn);
        if command == Command::DeleteMyData {
            // Whether to delete shows nothing, and its answer counts.
            turn.session.reopened |= turn.session.doubtful && !doubtful;
            turn.session.doubtful = doubtful;
        }
        answer(turn);
        if page::may_be_meant(turn, body.as_str()) {
            turn.keep(message.inbox);
        }
        commands::run(turn, command);
        return;
    }
    let resting = turn.session.stage == Stage::Rest && turn.session.overlay.is_none();
    if (resting || turn.session.stopped) && language::is_courtesy(turn, &message.content) {
        return;
    }
    if resting && after::add(turn, message, silent) {
        return;
    }
    if resting {
        return begin_with(turn, message);
    }
    let alarm = danger::search(turn, &message.content);
    if resume::interrupts(turn, message, idle) {
        return turn.keep(message.inbox);
    }
    if idle && !message.quotes_question && resume::only_greets(turn, message) {
        return turn.ask_again();
    }
    if resume::is_early(turn, message) {
        return resume::early(turn, message);
    }
    if alarm && cry::is_all(turn, &message.content) {
        return cry::answer(turn, message);
    }
    media::gather(turn, message);
}

/// A message at rest begins an intake, and is kept for it.
fn begin_with(turn: &mut Turn<'_>, message: &Received) {
    turn.session.stopped = false;
    language::begin(turn);
    danger::search(turn, &message.content);
    if !matches!(message.content, Content::Welcome) {
        turn.keep(message.inbox);
    }
    if let Content::Media(media) = &message.content
        && let Some(task) = after::of_file(media.kind, message.inbox, turn.record())
    {
        turn.task(task);
    }
}

/// After "stop", a message opens the conversation again.
fn reopen(turn: &mut Turn<'_>) {
    if turn.session.stopped {
        turn.session.stopped = false;
        // At rest nothing is going on that could be asked about.
        turn.session.doubtful |= turn.session.stage != Stage::Rest;
    }
}

fn is_at_questions(turn: &Turn<'_>) -> bool {
    let stage = &turn.session.stage;
    turn.session.overlay.is_none() && matches!(stage, Stage::Page { .. } | Stage::Fix { .. })
}

/// Reads what was gathered as the answer to the present question.
pub(super) fn answer(turn: &mut Turn<'_>) {
    let heard = std::mem::take(&mut turn.heard);
    if heard.is_empty() {
        return;
    }
    let wordless = heard.texts.is_empty() && !heard.is_spoken();
    media::note(turn, &heard);
    page::take_given(turn, &heard);
    if turn.session.consent.is_none() && heard.texts.is_empty() {
        // A recording is neither a yes nor a no.
        return turn.ask_again();
    }
    if wordless && !is_at_questions(turn) {
        // A place or a card is no answer to a question with fixed choices.
        turn.ask = true;
        return;
    }
    meet(turn, &heard);
}

/// Hands what was heard to the question that is open.
pub(super) fn meet(turn: &mut Turn<'_>, heard: &Heard) {
    match turn.session.overlay {
        Some(Overlay::Language) => return language::answer(turn, heard),
        Some(Overlay::Resume) => return resume::answer(turn, heard),
        Some(Overlay::ConfirmDelete) => return commands::confirm(turn, heard),
        None => {}
    }
    match turn.session.stage.clone() {
        Stage::Page { page } => page::answer(turn, &page, heard),
        Stage::Fix { field } => fix::answer(turn, &field, heard),
        Stage::Rest => {}
        Stage::Language => language::answer(turn, heard),
        Stage::Consent => consent::answer(turn, heard),
        Stage::Who => consent::answer_who(turn, heard),
        Stage::Review => review::answer(turn, heard),
        Stage::Correct => review::answer_which(turn, heard),
    }
}
