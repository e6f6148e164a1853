//! Consent, refusal, what becomes of words written without consent, and whom
//! the intake is for.
//!
//! No record begins before a consent to the present text. Words without one
//! are kept for a day at most, by a clock that can be trusted.

use super::control::{self, Tap};
use super::effect::{Action, Effect};
use super::event::TimerKind;
use super::session::{Answer, Decision, Stage, Unconsented};
use super::turn::{Heard, Turn};
use super::{language, page, unread};
use crate::core::answers::Value;
use crate::core::flow::{ButtonName, Line};
use crate::core::id::InboxId;
use crate::core::limits;

/// The record's field that says whom it is for.
pub(super) const FOR_WHOM: &str = "for_whom";

/// After the language: whom it is for, once there is consent.
pub(super) fn begin(turn: &mut Turn<'_>) {
    if is_given(turn) {
        turn.go(Stage::Who);
    } else {
        turn.go(Stage::Consent);
    }
}

/// Whether the present text was agreed to.
pub(super) fn is_given(turn: &Turn<'_>) -> bool {
    let version = turn.flow.consent_version();
    let consent = turn.session.consent.as_ref();
    consent.is_some_and(|decision| decision.version == version)
}

/// The choice of a consent button: it names the text it belongs to.
pub(super) fn choice(turn: &Turn<'_>, name: ButtonName) -> String {
    format!("{}@{}", name.word(), turn.flow.consent_version())
}

/// Whether an old button belongs to the very text that is now in question.
pub(super) fn is_same_text(turn: &Turn<'_>, tap: &Tap) -> bool {
    let Some((_, version)) = tap.choice.split_once('@') else {
        return false;
    };
    turn.session.stage == Stage::Consent
        && turn.session.overlay.is_none()
        && version == turn.flow.consent_version()
        && turn.session.salt.len() < tap.token.len()
        && tap.token.starts_with(&turn.session.salt)
}

pub(super) fn chosen(turn: &mut Turn<'_>, choice: &str) {
    let decision = choice
        .split_once('@')
        .filter(|(_, version)| *version == turn.flow.consent_version())
        .and_then(|(name, _)| ButtonName::from_word(name));
    decide(turn, decision, &Heard::default());
}

pub(super) fn answer(turn: &mut Turn<'_>, heard: &Heard) {
    let decision = control::button(turn, heard);
    if decision.is_some() || !language::corrected(turn, heard) {
        decide(turn, decision, heard);
    }
}

/// A consent to a former text covers no intake that begins now; what was said
/// under it stays said.
pub(super) fn lapse(turn: &mut Turn<'_>) {
    if turn.session.consent.is_some() && !is_given(turn) {
        turn.session.consent = None;
        turn.session.beyond_consent = turn.met;
        wait_a_day(turn);
    }
}

fn decide(turn: &mut Turn<'_>, decision: Option<ButtonName>, heard: &Heard) {
    match decision {
        Some(ButtonName::Agree) => agree(turn),
        Some(ButtonName::Refuse) => refuse(turn),
        // Anything else is no consent.
        Some(_) | None => {
            if control::is_enough(turn, heard) {
                let text = turn.line(Line::NoConsent);
                turn.notice(text);
                turn.rest();
            }
        }
    }
}

fn decision(turn: &mut Turn<'_>, given: bool) -> Decision {
    let decision = Decision {
        version: turn.flow.consent_version().to_owned(),
        language: turn.lang(),
        at: turn.now.at,
    };
    turn.act(Action::NoteConsent {
        given,
        version: decision.version.clone(),
        language: decision.language,
        at: decision.at,
    });
    decision
}

fn agree(turn: &mut Turn<'_>) {
    turn.session.consent = Some(decision(turn, true));
    turn.session.refusal = None;
    turn.session.beyond_consent = None;
    if turn.session.unconsented.take().is_some() {
        turn.timer(Effect::CancelTimer {
            kind: TimerKind::EraseUnconsented,
        });
    }
    turn.open_draft();
    begin(turn);
}

fn refuse(turn: &mut Turn<'_>) {
    turn.session.refusal = Some(decision(turn, false));
    turn.session.consent = None;
    let text = turn.line(Line::Refused);
    turn.notice(text);
    turn.rest();
}

/// Notes that words without consent are being kept, and until when.
pub(super) fn note_words(turn: &mut Turn<'_>) {
    if turn.session.consent.is_some() || turn.session.unconsented.is_some() {
        return;
    }
    wait_a_day(turn);
}

fn wait_a_day(turn: &mut Turn<'_>) {
    turn.session.unconsented = Some(Unconsented {
        since: turn.now.at,
        trusted: turn.now.trusted,
    });
    turn.timer(Effect::SetTimer {
        kind: TimerKind::EraseUnconsented,
        at: turn.now.at.plus_ms(limits::UNCONSENTED_MS),
    });
}

/// The day is over. A clock that cannot be trusted, now or when the words
/// came, proves nothing, nor does one that was set back since: then the day
/// begins anew.
pub(super) fn erase_if_due(turn: &mut Turn<'_>) {
    let Some(kept) = turn.session.unconsented else {
        return;
    };
    if !turn.now.trusted || !kept.trusted || kept.since > turn.now.at {
        return wait_a_day(turn);
    }
    let due = kept.since.plus_ms(limits::UNCONSENTED_MS);
    if turn.now.at < due {
        turn.timer(Effect::SetTimer {
            kind: TimerKind::EraseUnconsented,
            at: due,
        });
        return;
    }
    turn.session.unconsented = None;
    turn.act(Action::EraseWords);
}

pub(super) fn answer_who(turn: &mut Turn<'_>, heard: &Heard) {
    let inbox = heard.texts.last().map(|(inbox, _)| *inbox);
    match (control::button(turn, heard), inbox) {
        (Some(name), Some(inbox)) => {
            unread::keep_beside(turn, heard);
            chosen_who(turn, inbox, Some(name));
        }
        (Some(_) | None, Some(_) | None) => {
            if control::is_enough(turn, heard) {
                turn.open_draft();
                page::leave(turn, FOR_WHOM);
                turn.lead(Line::LeftForStaff);
                page::go_on(turn);
            }
        }
    }
}

pub(super) fn chosen_who(turn: &mut Turn<'_>, inbox: InboxId, name: Option<ButtonName>) {
    let Some(name @ (ButtonName::Me | ButtonName::Child | ButtonName::Other)) = name else {
        turn.ask = true;
        return;
    };
    let answer = Answer {
        value: Value::One {
            id: name.word().to_owned(),
        },
        from: vec![inbox],
    };
    // A later intake's record begins here: a stray word after a receipt makes
    // no empty record.
    turn.open_draft();
    page::put(turn, FOR_WHOM, answer);
    page::go_on(turn);
}
