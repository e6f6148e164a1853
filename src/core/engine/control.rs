//! Questions with fixed choices: reading a tap or its plain-text twin.
//!
//! A tapped id is client-supplied and stays tappable for ever: it counts only
//! with the token of the question now open. Never takes an old tap as the
//! answer to a newer question.

use super::event::Received;
use super::session::{Overlay, Stage};
use super::turn::{Heard, Turn};
use super::{commands, consent, danger, fix, language, page, resume, review, step, unread};
use crate::core::answers::{self, Choice, Kind, Value};
use crate::core::flow::{ButtonName, Line};
use crate::core::lang::Lang;
use crate::core::limits;
use crate::core::outgoing::REOPEN_TOKEN;

/// Most answers that somebody names to correct; "all of them" names none.
const NAMED_TOGETHER_MAX: usize = 3;

/// A choice's id taken apart.
pub(super) struct Tap {
    pub(super) token: String,
    pub(super) choice: String,
}

/// The id of a choice of the question with this token.
pub(super) fn choice_id(token: &str, choice: &str) -> String {
    let id = format!("q:{token}:{choice}");
    id.chars().take(limits::CHOICE_ID_MAX).collect()
}

/// An id of ours, whatever question it belongs to.
pub(super) fn parse_tap(id: &str) -> Option<Tap> {
    let (token, choice) = id.strip_prefix("q:")?.split_once(':')?;
    Some(Tap {
        token: token.to_owned(),
        choice: choice.to_owned(),
    })
}

/// A tap on a button of ours.
pub(super) fn tapped(turn: &mut Turn<'_>, message: &Received, tap: &Tap, idle: bool) {
    let asked = turn.session.asked.as_ref();
    let current = asked.is_some_and(|asked| asked.token == tap.token);
    let doubted =
        message.other_account || resume::is_due(turn) || resume::is_deleting_in_doubt(turn);
    if !doubted && (current || consent::is_same_text(turn, tap)) {
        turn.session.stopped = false;
        // Which language to go on in shows nothing, and settles nothing.
        turn.session.doubtful &= turn.session.overlay == Some(Overlay::Language);
        step::answer(turn);
        return chosen(turn, message, &tap.choice);
    }
    danger::search(turn, &message.content);
    let aside = resume::lay_aside(turn, message, idle);
    let wants_reply = tap.token == REOPEN_TOKEN;
    if turn.session.stage == Stage::Rest && turn.session.overlay.is_none() {
        // A second tap on the button just used says nothing new; one that
        // comes long afterwards is somebody who wants to begin; but one on a
        // request to write again only asks for what waits for them.
        if (idle || aside) && !wants_reply {
            turn.session.stopped = false;
            language::begin(turn);
        }
        return;
    }
    if resume::interrupts(turn, message, idle) {
        return;
    }
    if wants_reply {
        // Whoever taps it has done what was asked of them. What waits leaves now by
        // itself; then they go on where they are, as after a greeting.
        turn.ask |= resume::wants_question(turn, message);
    } else if !resume::is_early(turn, message) {
        turn.lead(Line::StaleButton);
        turn.ask = true;
    }
}

fn chosen(turn: &mut Turn<'_>, message: &Received, choice: &str) {
    match turn.session.overlay {
        Some(Overlay::Language) => return language::chosen(turn, choice),
        Some(Overlay::Resume) => return resume::chosen(turn, ButtonName::from_word(choice)),
        Some(Overlay::ConfirmDelete) => {
            return commands::confirmed(turn, ButtonName::from_word(choice));
        }
        None => {}
    }
    match turn.session.stage.clone() {
        Stage::Rest => {}
        Stage::Language => language::chosen(turn, choice),
        Stage::Consent => consent::chosen(turn, choice),
        Stage::Who => consent::chosen_who(turn, message.inbox, ButtonName::from_word(choice)),
        Stage::Page { page } => page::tapped(turn, &page, message.inbox, choice),
        Stage::Review => review::chosen(turn, ButtonName::from_word(choice)),
        Stage::Correct => review::chosen_which(turn, choice),
        Stage::Fix { field } => fix::tapped(turn, &field, message.inbox, choice),
    }
}

/// The buttons of the control question now open.
pub(super) fn buttons(turn: &Turn<'_>) -> &'static [ButtonName] {
    match (turn.session.overlay, &turn.session.stage) {
        (Some(Overlay::Resume), _) => &[ButtonName::GoOn, ButtonName::StartOver],
        (Some(Overlay::ConfirmDelete), _) => &[ButtonName::Delete, ButtonName::Keep],
        (Some(Overlay::Language), _) => &[],
        (None, Stage::Consent) => &[ButtonName::Agree, ButtonName::Refuse],
        (None, Stage::Who) => &[ButtonName::Me, ButtonName::Child, ButtonName::Other],
        (None, Stage::Review) => &[ButtonName::Send, ButtonName::Correct],
        (
            None,
            Stage::Rest | Stage::Language | Stage::Page { .. } | Stage::Correct | Stage::Fix { .. },
        ) => &[],
    }
}

/// Whether these words are a choice of the question now open, and so not a
/// command: "delete my data" answers whether to delete.
pub(super) fn is_choice_now(turn: &Turn<'_>, text: &str) -> bool {
    matches!(
        turn.session.overlay,
        Some(Overlay::Resume | Overlay::ConfirmDelete)
    ) && read(turn, &choices(turn), text, turn.lang()).is_some()
}

fn choices(turn: &Turn<'_>) -> Vec<Choice> {
    choices_in(turn, turn.lang())
}

fn choices_in(turn: &Turn<'_>, lang: Lang) -> Vec<Choice> {
    let names = buttons(turn).iter();
    names.map(|name| turn.flow.button(*name, lang)).collect()
}

/// What words mean among the buttons of the question now open.
enum Meant {
    Button(ButtonName),
    /// They speak of the choices and are none of them.
    Unclear,
    Nothing,
}

/// The button that was meant by words, if any: the last words that speak of
/// the question decide. What binds is never taken while any of them say no.
pub(super) fn button(turn: &Turn<'_>, heard: &Heard) -> Option<ButtonName> {
    let mut meant = heard.texts.iter().rev().map(|(_, text)| meant(turn, text));
    let name = meant.find_map(|meant| match meant {
        Meant::Button(name) => Some(Some(name)),
        Meant::Unclear => Some(None),
        Meant::Nothing => None,
    })??;
    let binds = matches!(
        name,
        ButtonName::Agree | ButtonName::Delete | ButtonName::Send
    );
    // "Cómo no" is a yes with a no in it.
    let agreed = |text: &str| answers::read_agreement(text, turn.lang()) == Some(true);
    let mut texts = heard.texts.iter();
    let no = texts.any(|(_, text)| answers::says_no(text) && !agreed(text));
    (!binds || !no).then_some(name)
}

fn meant(turn: &Turn<'_>, text: &str) -> Meant {
    let own = turn.lang();
    let choices = choices_in(turn, own);
    // "Of course" is no label of the consent, and answers it; "cómo no" is more
    // than the label in it.
    if buttons(turn).contains(&ButtonName::Agree)
        && let Some(yes) = answers::read_agreement(text, own)
    {
        return Meant::Button(if yes {
            ButtonName::Agree
        } else {
            ButtonName::Refuse
        });
    }
    if let Some(id) = read(turn, &choices, text, own) {
        return named(&id);
    }
    if answers::is_about(&choices, text, own) {
        return Meant::Unclear;
    }
    // People mix: "oui" is a yes in an English conversation too. But what bears
    // no meaning in one language may turn it round in another: no word may
    // stand beside it.
    let others = turn.languages().into_iter().filter(|lang| *lang != own);
    let mut others = others.map(|lang| choices_in(turn, lang));
    others
        .find_map(|choices| answers::find_label(&choices, text).map(named))
        .unwrap_or(Meant::Nothing)
}

/// Whether words are a choice of the question now open.
pub(super) fn is_choice(turn: &Turn<'_>, text: &str) -> bool {
    matches!(meant(turn, text), Meant::Button(_))
}

/// The button that words begin with, where they go on to say more: "yes, but I
/// also have a fever". Nothing is sent off that the rest takes back.
pub(super) fn begun(turn: &Turn<'_>, heard: &Heard) -> Option<ButtonName> {
    let joined = heard.joined();
    let (head, rest) = answers::begun(&joined)?;
    let mut languages = turn.languages().into_iter();
    let name = languages.find_map(|lang| {
        let choices = choices_in(turn, lang);
        let id = answers::find_label(&choices, head)?;
        ButtonName::from_word(id)
    })?;
    let takes_back = || {
        let correct = turn.flow.button(ButtonName::Correct, turn.lang());
        answers::says_no(rest) || answers::names(&correct, rest)
    };
    (name != ButtonName::Send || !takes_back()).then_some(name)
}

fn named(id: &str) -> Meant {
    ButtonName::from_word(id).map_or(Meant::Nothing, Meant::Button)
}

/// The choice that was meant by words, by id.
pub(super) fn one_of(turn: &Turn<'_>, choices: &[Choice], heard: &Heard) -> Option<String> {
    let texts = heard.texts.iter().rev();
    let mut found = texts.map(|(_, text)| read(turn, choices, text, turn.lang()));
    found.find_map(|id| id)
}

/// The first of a few choices that were named together: the others can be
/// named after it.
pub(super) fn first_of(turn: &Turn<'_>, choices: &[Choice], heard: &Heard) -> Option<String> {
    let choices = choices.to_vec();
    let kind = Kind::AnyOf { choices };
    let (_, text) = heard.texts.last()?;
    let read = answers::read(&kind, text, turn.lang(), turn.today(), &turn.clinic.country);
    match read {
        Ok(Value::Several { ids }) if ids.len() <= NAMED_TOGETHER_MAX => ids.into_iter().next(),
        Ok(_) | Err(_) => None,
    }
}

fn read(turn: &Turn<'_>, choices: &[Choice], text: &str, lang: Lang) -> Option<String> {
    let kind = Kind::OneOf {
        choices: choices.to_vec(),
    };
    let value = answers::read(&kind, text, lang, turn.today(), &turn.clinic.country);
    match value {
        Ok(Value::One { id }) => choices.iter().any(|c| c.id == id).then_some(id),
        Ok(
            Value::Text { .. }
            | Value::Nothing
            | Value::Date { .. }
            | Value::PartialDate { .. }
            | Value::Age { .. }
            | Value::YesNo { .. }
            | Value::Several { .. }
            | Value::Since { .. }
            | Value::Contact { .. },
        )
        | Err(_) => None,
    }
}

/// No choice was understood. Asks again and says no, or says that it was
/// asked often enough. Thanks are no wrong answer, and what answers nothing is
/// kept for staff.
pub(super) fn is_enough(turn: &mut Turn<'_>, heard: &Heard) -> bool {
    if unread::is_thanks(turn, heard) {
        turn.ask_again();
        return false;
    }
    let told = unread::keep(turn, heard);
    turn.session.unclear = turn.session.unclear.saturating_add(1);
    if turn.session.unclear >= limits::TRIES_MAX {
        turn.session.unclear = 0;
        return true;
    }
    turn.lead(if told {
        Line::KeptForStaff
    } else {
        Line::ChooseOne
    });
    turn.ask_again();
    false
}
