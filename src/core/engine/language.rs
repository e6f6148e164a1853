//! The beginning of an intake, and which language it is held in.
//!
//! A greeting only picks the language that is offered first; the choice is the
//! patient's, who may make it with the very first message.

use super::consent;
use super::control;
use super::session::{Former, Overlay, Stage};
use super::turn::{Heard, Turn};
use crate::core::answers::{self, Choice};
use crate::core::flow::Line;
use crate::core::inbound::Content;
use crate::core::lang::Lang;

/// Begins an intake.
pub(super) fn begin(turn: &mut Turn<'_>) {
    consent::lapse(turn);
    // Nothing is going on that could be shown to somebody else.
    (turn.session.doubtful, turn.session.reopened) = (false, false);
    turn.session.unfiled.clear();
    turn.session.danger.clear();
    turn.session.warned.clear();
    turn.session.added_told = None;
    turn.session.begun_with = turn.met;
    if let Some(submitted) = turn.session.submitted.take() {
        turn.session.former = Some(Former::of(submitted));
        turn.lead(Line::WelcomeBack);
    }
    if turn.session.language_chosen {
        return consent::begin(turn);
    }
    match turn.languages().as_slice() {
        [only] => {
            turn.session.language = Some(*only);
            turn.session.language_chosen = true;
            consent::begin(turn);
        }
        _ => turn.go(Stage::Language),
    }
}

/// Whether a message only says thank you or goodbye: it begins nothing. A lone
/// emoji from somebody new may be a greeting.
pub(super) fn is_courtesy(turn: &Turn<'_>, content: &Content) -> bool {
    let Content::Text { body } = content else {
        return false;
    };
    let session = &turn.session;
    let known = session.submitted.is_some() || session.refusal.is_some() || session.stopped;
    let worded = body.as_str().chars().any(char::is_alphabetic);
    (known || worded) && turn.flow.is_courtesy(body.as_str())
}

/// What the first words say of the language: a message that only names one
/// chooses it, a greeting has it offered first.
pub(super) fn guess(turn: &mut Turn<'_>, content: &Content) {
    if turn.session.language.is_some() {
        return;
    }
    let Content::Text { body } = content else {
        return;
    };
    let offered = |lang: &Lang| turn.languages().contains(lang);
    let named = answers::read_language(body.as_str()).filter(offered);
    let greeted = answers::read_greeting(body.as_str()).filter(offered);
    // "Msaada" is help in one language alone.
    let asked = answers::read_command_language(body.as_str()).filter(offered);
    turn.session.language_chosen |= named.is_some();
    turn.session.language = named.or(greeted).or(asked);
}

/// What can be chosen, the guessed language first.
pub(super) fn choices(turn: &Turn<'_>) -> Vec<Choice> {
    let languages = turn.languages();
    let choice = |lang: &Lang| Choice {
        id: lang.code().to_owned(),
        label: lang.own_name().to_owned(),
        also: vec![lang.code().to_owned()],
    };
    languages.iter().map(choice).collect()
}

pub(super) fn answer(turn: &mut Turn<'_>, heard: &Heard) {
    let choices = choices(turn);
    let lang = control::one_of(turn, &choices, heard)
        .and_then(|code| code.parse::<Lang>().ok())
        .filter(|lang| turn.languages().contains(lang))
        .or_else(|| named(turn, heard));
    match lang {
        Some(lang) => choose(turn, lang),
        None if control::is_enough(turn, heard) => {
            let fallback = turn.lang();
            choose(turn, fallback);
        }
        None => {}
    }
}

/// The language these words name, if the clinic offers it.
fn named(turn: &Turn<'_>, heard: &Heard) -> Option<Lang> {
    let texts = heard.texts.iter().rev();
    let mut read = texts.filter_map(|(_, text)| answers::read_language(text));
    read.find(|lang| turn.languages().contains(lang))
}

/// Somebody who was given the wrong language, and answers the next question
/// with the name of theirs, gets it.
pub(super) fn corrected(turn: &mut Turn<'_>, heard: &Heard) -> bool {
    let other = named(turn, heard).filter(|lang| *lang != turn.lang());
    if let Some(lang) = other {
        choose(turn, lang);
    }
    other.is_some()
}

pub(super) fn chosen(turn: &mut Turn<'_>, code: &str) {
    match code.parse::<Lang>() {
        Ok(lang) if turn.languages().contains(&lang) => choose(turn, lang),
        Ok(_) | Err(_) => turn.ask = true,
    }
}

fn choose(turn: &mut Turn<'_>, lang: Lang) {
    let changes = turn.session.draft.is_some() && turn.session.language != Some(lang);
    turn.session.language = Some(lang);
    turn.session.language_chosen = true;
    turn.changed |= changes;
    if turn.session.overlay != Some(Overlay::Language) {
        return consent::begin(turn);
    }
    turn.session.overlay = None;
    match turn.session.stage.clone() {
        Stage::Rest => {
            turn.rest();
            let help = turn.line(Line::Help);
            turn.notice(help);
        }
        Stage::Language => consent::begin(turn),
        stage @ (Stage::Consent
        | Stage::Who
        | Stage::Page { .. }
        | Stage::Review
        | Stage::Correct
        | Stage::Fix { .. }) => turn.go(stage),
    }
}
