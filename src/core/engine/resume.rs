//! Silence and lateness: whether a message answers the question now open, or
//! was written before it, or long after it.
//!
//! Two clocks are never compared without slack: the provider's stamps with one
//! another, ours with ours. A wrong clock may cost a question more, never an
//! answer in the wrong field, and never a conversation that stands still.

use super::event::Received;
use super::session::{Overlay, Sent, Stage};
use super::turn::{Heard, Turn};
use super::{commands, control, step, unread};
use crate::core::answers::{self, Command};
use crate::core::flow::ButtonName;
use crate::core::inbound::Content;
use crate::core::limits;
use crate::core::time::{MINUTE_MS, SECOND_MS, UnixMs};

/// Whether a message comes after a silence, by the provider's own stamps. Our
/// reply may have waited for the line: that is no silence of the patient.
pub(super) fn is_idle(turn: &Turn<'_>, message: &Received) -> bool {
    let Some(last) = turn.session.last_stamped else {
        return false;
    };
    let sent = turn.session.asked.as_ref().and_then(|asked| asked.sent);
    let asked = sent.map(|sent| sent.stamp.unwrap_or(sent.at));
    is_long_after(turn, message, asked.map_or(last, |asked| asked.max(last)))
}

fn is_long_after(turn: &Turn<'_>, message: &Received, earlier: UnixMs) -> bool {
    message.stamped.ms_since(earlier) >= turn.clinic.session_idle_ms.max(MINUTE_MS)
}

/// At rest nothing is gone on with: a question left open there is dropped after
/// a silence, or when somebody else may be writing, so that no late "yes"
/// deletes anything. Says whether one was.
pub(super) fn lay_aside(turn: &mut Turn<'_>, message: &Received, idle: bool) -> bool {
    let session = &turn.session;
    // Which language to go on in shows nothing.
    let doubted = session.doubtful && session.overlay != Some(Overlay::Language);
    let again = session.stopped || doubted;
    let late = again || idle && !message.quotes_question;
    if session.stage != Stage::Rest || session.overlay.is_none() || !late {
        return false;
    }
    turn.session.overlay = None;
    turn.session.asked = None;
    true
}

/// After a silence, or when somebody else may be writing, a message is asked
/// whether to go on. Says whether it did that. Where nothing was answered there is
/// nothing to go on with: a late answer is an answer, but no late "yes" deletes
/// anything.
pub(super) fn interrupts(turn: &mut Turn<'_>, message: &Received, idle: bool) -> bool {
    let session = &turn.session;
    let again = session.stopped || session.doubtful;
    let waiting = session.overlay == Some(Overlay::Resume) && !again;
    let deleting = session.overlay == Some(Overlay::ConfirmDelete);
    let late = idle && (deleting || has_answers(turn));
    if session.stage == Stage::Rest
        || !(late || again)
        || waiting
        || (message.quotes_question && !again)
    {
        return false;
    }
    step::answer(turn);
    turn.session.stopped = false;
    (turn.session.doubtful, turn.session.reopened) = (false, false);
    turn.session.overlay = has_answers(turn).then_some(Overlay::Resume);
    let stage = turn.session.stage.clone();
    turn.go(stage);
    true
}

/// Whether a message says hello and no more: after a silence that is no wrong
/// answer to what was asked before it.
pub(super) fn only_greets(turn: &Turn<'_>, message: &Received) -> bool {
    let Content::Text { body } = &message.content else {
        return false;
    };
    let text = body.as_str();
    let answers = control::is_choice(turn, text) || answers::read_language(text).is_some();
    unread::is_small_talk(turn, text) && !answers
}

fn has_answers(turn: &Turn<'_>) -> bool {
    let draft = turn.session.draft.as_ref();
    draft.is_some_and(|draft| !draft.answers.is_empty())
}

/// Whether somebody else may be writing, and the command would take something
/// of the record away, or tell of records at rest: something is asked first.
pub(super) fn comes_before(turn: &Turn<'_>, command: Command) -> bool {
    let resting = turn.session.stage == Stage::Rest;
    let takes = match command {
        Command::Back | Command::Restart => has_answers(turn),
        Command::DeleteMyData => resting || has_answers(turn),
        Command::MyData => resting,
        Command::Help | Command::Stop | Command::Language => false,
    };
    takes && turn.session.doubtful
}

/// Whether somebody else may be writing who was not asked yet whether to go on,
/// where something was answered that they could be shown.
pub(super) fn is_due(turn: &Turn<'_>) -> bool {
    let aside = turn.session.overlay == Some(Overlay::Language);
    turn.session.doubtful && !aside && has_answers(turn)
}

/// Whether somebody else may be answering whether to delete everything.
pub(super) fn is_deleting_in_doubt(turn: &Turn<'_>) -> bool {
    turn.session.overlay == Some(Overlay::ConfirmDelete) && turn.session.doubtful
}

/// While somebody else may be reading, no question is put that could show what
/// was answered: whether to go on is asked in its place.
pub(super) fn guard(turn: &mut Turn<'_>) {
    if turn.session.overlay.is_none() {
        let reopened = std::mem::take(&mut turn.session.reopened);
        turn.session.doubtful |= reopened && has_answers(turn);
    }
    let shows = turn.ask && !turn.session.stopped && turn.session.overlay.is_none();
    if shows && is_due(turn) {
        turn.session.doubtful = false;
        turn.session.overlay = Some(Overlay::Resume);
        let stage = turn.session.stage.clone();
        turn.go(stage);
    }
}

/// Whether a message was written before the question now open was sent, or
/// answers another one.
pub(super) fn is_early(turn: &Turn<'_>, message: &Received) -> bool {
    let Some(asked) = &turn.session.asked else {
        return true;
    };
    if message.quotes_question {
        return false;
    }
    // Who quotes an earlier question answers that one, wherever it was put.
    let since = message.questions_since;
    if let Some(here) = since.and_then(|since| turn.session.was_put_here(since)) {
        return !here;
    }
    match asked.sent {
        None => true,
        Some(Sent { at, stamp }) => {
            let by_stamp = match stamp {
                Some(stamp) => message.stamped < stamp.plus_ms(-SECOND_MS),
                None => turn.now.trusted && message.stamped.plus_ms(MINUTE_MS) < at,
            };
            // A message the provider stamped after our question came after it,
            // even if the answer to our own call was slower than the patient.
            let proved = stamp.is_some_and(|stamp| message.stamped > stamp);
            (message.received < at && !proved) || by_stamp
        }
    }
}

/// Whether somebody who wants to go on needs the open question once more: not where
/// it left after they wrote, or still waits and will leave. One that has waited
/// through a silence may have lost its window meanwhile, and then nobody has it.
pub(super) fn wants_question(turn: &Turn<'_>, message: &Received) -> bool {
    let Some(asked) = &turn.session.asked else {
        return true;
    };
    let waited = |after| is_long_after(turn, message, after);
    match asked.sent {
        Some(_) => !is_early(turn, message),
        None => asked.after.is_none_or(waited),
    }
}

/// Keeps a message that came too early for the question now open. It is no
/// try and brings no new question, unless the question was lost or a clock
/// must be wrong.
pub(super) fn early(turn: &mut Turn<'_>, message: &Received) {
    turn.keep(message.inbox);
    let Some(asked) = &mut turn.session.asked else {
        turn.ask = true;
        return;
    };
    let after = asked.after;
    let stuck = match asked.sent {
        Some(_) => {
            asked.early = asked.early.saturating_add(1);
            asked.early >= limits::EARLY_MAX
        }
        None => after.is_none_or(|after| is_long_after(turn, message, after)),
    };
    if stuck {
        turn.ask = true;
    }
}

pub(super) fn answer(turn: &mut Turn<'_>, heard: &Heard) {
    match control::button(turn, heard) {
        Some(name) => chosen(turn, Some(name)),
        None => {
            if control::is_enough(turn, heard) {
                chosen(turn, Some(ButtonName::GoOn));
            }
        }
    }
}

pub(super) fn chosen(turn: &mut Turn<'_>, name: Option<ButtonName>) {
    match name {
        Some(ButtonName::GoOn) => {
            turn.session.overlay = None;
            let stage = turn.session.stage.clone();
            turn.go(stage);
        }
        Some(ButtonName::StartOver) => commands::restart(turn),
        Some(_) | None => turn.ask = true,
    }
}
