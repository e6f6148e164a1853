//! From what the session stands at to the words and buttons that say it, and
//! from stored values to words.
//!
//! Whatever is rendered fits WhatsApp's limits. Nothing here decides.

use super::session::{Overlay, Stage};
use super::turn::Turn;
use super::{consent, control, language, page, review, values};
use crate::core::answers::Choice;
use crate::core::flow::{ButtonName, Field, FieldKind, Line};
use crate::core::limits;
use crate::core::outgoing::{Body, Button, Row};
use unicode_segmentation::UnicodeSegmentation;

pub(super) use values::{age_in, birth_month, date_of, days_since, instant, json_words, place};

/// Fills in placeholders, in one pass: a value never brings placeholders of
/// its own.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let known = after.split_once('}').and_then(|(name, tail)| {
            let value = values.iter().find(|(known, _)| *known == name)?.1;
            Some((value, tail))
        });
        match known {
            Some((value, tail)) => {
                filled.push_str(value);
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// The emergency text: in the language of the conversation, or in every
/// language of the clinic while none was chosen.
pub(super) fn emergency(turn: &Turn<'_>) -> String {
    if turn.session.language_chosen {
        return turn.line(Line::Emergency);
    }
    in_all_languages(turn, Line::Emergency)
}

fn in_all_languages(turn: &Turn<'_>, line: Line) -> String {
    let mut languages = turn.languages();
    if let Some(guessed) = turn.session.language {
        languages.sort_by_key(|lang| *lang != guessed);
    }
    let each = languages.into_iter().map(|lang| turn.line_in(line, lang));
    each.collect::<Vec<String>>().join("\n\n")
}

/// The question the session stands at, and the fields it asks for.
pub(super) fn question(turn: &Turn<'_>, token: &str) -> (Body, Vec<String>) {
    let alone = |body| (body, Vec::new());
    match turn.session.overlay {
        Some(Overlay::Language) => return alone(languages(turn, token)),
        Some(Overlay::Resume) => return alone(buttons(turn, token, turn.line(Line::Resume))),
        Some(Overlay::ConfirmDelete) => {
            return alone(buttons(turn, token, turn.line(Line::ConfirmDelete)));
        }
        None => {}
    }
    match &turn.session.stage {
        // A conversation at rest asks nothing; the caller makes sure of it.
        Stage::Rest | Stage::Language => alone(languages(turn, token)),
        Stage::Consent => {
            let text = turn.flow.consent_text().get(turn.lang());
            alone(buttons(turn, token, turn.fill(text, &[])))
        }
        Stage::Who => alone(buttons(turn, token, turn.line(Line::Who))),
        Stage::Page { page } => questions(turn, token, &page::asked_now(turn, page)),
        Stage::Review => alone(buttons(turn, token, values::review(turn))),
        Stage::Correct => {
            let choices = review::choices(turn);
            let text = turn.line(Line::CorrectWhich);
            alone(offer(turn, token, text, &choices))
        }
        Stage::Fix { field } => {
            let field = turn.flow.find_field(field);
            questions(turn, token, field.as_slice())
        }
    }
}

fn languages(turn: &Turn<'_>, token: &str) -> Body {
    let text = in_all_languages(turn, Line::ChooseLanguage);
    offer(turn, token, text, &language::choices(turn))
}

/// The buttons of the control question now open.
fn buttons(turn: &Turn<'_>, token: &str, text: String) -> Body {
    let lang = turn.lang();
    let is_consent = turn.session.overlay.is_none() && turn.session.stage == Stage::Consent;
    let buttons = control::buttons(turn).iter().map(|name| {
        let choice = if is_consent {
            consent::choice(turn, *name)
        } else {
            name.word().to_owned()
        };
        Button {
            id: control::choice_id(token, &choice),
            title: turn.flow.button(*name, lang).label,
        }
    });
    Body::Buttons {
        text,
        buttons: buttons.collect(),
    }
}

/// Choices as buttons, as a list, or numbered, whichever holds them.
fn offer(turn: &Turn<'_>, token: &str, text: String, choices: &[Choice]) -> Body {
    let fit = |most: usize| {
        let mut titles = choices.iter().map(|c| c.label.as_str());
        // No title has more characters than bytes.
        titles.all(|title| title.len() <= most || title.graphemes(true).count() <= most)
    };
    let id = |choice: &Choice| control::choice_id(token, &choice.id);
    if choices.len() <= limits::BUTTONS_MAX && fit(limits::BUTTON_TITLE_MAX) {
        let button = |choice: &Choice| Button {
            id: id(choice),
            title: choice.label.clone(),
        };
        return Body::Buttons {
            text,
            buttons: choices.iter().map(button).collect(),
        };
    }
    if choices.len() <= limits::LIST_ROWS_MAX && fit(limits::ROW_TITLE_MAX) {
        let row = |choice: &Choice| Row {
            id: id(choice),
            title: choice.label.clone(),
            description: None,
        };
        return Body::List {
            text,
            open: turn.flow.button(ButtonName::Choose, turn.lang()).label,
            rows: choices.iter().map(row).collect(),
        };
    }
    Body::text(numbered(text, choices))
}

fn numbered(mut text: String, choices: &[Choice]) -> String {
    text.push('\n');
    for (place, choice) in choices.iter().enumerate() {
        text.push_str(&format!("\n{}. {}", place + 1, choice.label));
    }
    text
}

/// What can be tapped for a field, if anything.
pub(super) fn tappable(turn: &Turn<'_>, field: &Field) -> Vec<Choice> {
    let lang = turn.lang();
    let named = |names: &[(ButtonName, &str)]| {
        let choice = |(name, id): &(ButtonName, &str)| Choice {
            id: (*id).to_owned(),
            ..turn.flow.button(*name, lang)
        };
        names.iter().map(choice).collect()
    };
    match field.kind {
        FieldKind::Sex => named(&[
            (ButtonName::Female, "female"),
            (ButtonName::Male, "male"),
            (ButtonName::AnotherSex, "other"),
        ]),
        FieldKind::YesNo => named(&[(ButtonName::Yes, "yes"), (ButtonName::No, "no")]),
        FieldKind::OneOf => field.choices_in(lang),
        // A list lets one thing be tapped: several are written by number.
        FieldKind::AnyOf
        | FieldKind::Name
        | FieldKind::BirthOrAge
        | FieldKind::Locality
        | FieldKind::FreeText
        | FieldKind::FreeTextOrNone
        | FieldKind::Onset
        | FieldKind::EmergencyContact => Vec::new(),
    }
}

/// Questions of a page: all of it, or what is still missing of it.
fn questions(turn: &Turn<'_>, token: &str, fields: &[&Field]) -> (Body, Vec<String>) {
    let ids = fields.iter().map(|field| field.id.clone()).collect();
    let body = match fields {
        [field] => {
            let mut text = wording(turn, field);
            if turn.progress {
                text = format!("{}\n\n{text}", turn.line(Line::StillNeeded));
            }
            let choices = tappable(turn, field);
            if choices.is_empty() && field.kind == FieldKind::AnyOf {
                Body::text(numbered(text, &field.choices_in(turn.lang())))
            } else if choices.is_empty() {
                Body::text(text)
            } else {
                offer(turn, token, text, &choices)
            }
        }
        _ => {
            let intro = if turn.progress {
                Line::StillNeeded
            } else {
                Line::PageIntro
            };
            let mut text = turn.line(intro);
            text.push('\n');
            for (place, field) in fields.iter().enumerate() {
                text.push_str(&format!("\n{}. {}", place + 1, wording(turn, field)));
            }
            Body::text(text)
        }
    };
    (body, ids)
}

/// A question, or why it is asked again; the private words of the answer are
/// never repeated.
fn wording(turn: &Turn<'_>, field: &Field) -> String {
    let lang = turn.lang();
    let ask = field.ask.get(lang);
    let mut misread = turn.misread.iter();
    match misread.find(|(id, _)| *id == field.id) {
        Some((_, why)) => fill(turn.flow.hint(field, *why, lang), &[("question", ask)]),
        None => ask.to_owned(),
    }
}

/// What goes in front of a question, in the same message if it fits.
pub(super) fn with_leads(leads: &[String], body: Body) -> Vec<Body> {
    if leads.is_empty() {
        return vec![body];
    }
    let lead = leads.join("\n\n");
    let together = format!("{lead}\n\n{}", body.words());
    if units(&together) > most_units(&body) {
        return vec![Body::text(lead), body];
    }
    vec![with_words(body, together)]
}

fn with_words(body: Body, words: String) -> Body {
    match body {
        Body::Text { .. } => Body::Text { text: words },
        Body::Buttons { buttons, .. } => Body::Buttons {
            text: words,
            buttons,
        },
        Body::List { open, rows, .. } => Body::List {
            text: words,
            open,
            rows,
        },
        Body::RequestContact { .. } => Body::RequestContact { text: words },
        // The engine says none.
        Body::Template { .. } => body,
    }
}

const fn most_units(body: &Body) -> usize {
    match body {
        Body::Text { .. } => limits::TEXT_UNITS_MAX,
        Body::Buttons { .. } | Body::List { .. } | Body::RequestContact { .. } => {
            limits::INTERACTIVE_UNITS_MAX
        }
        // Nothing may be added to it.
        Body::Template { .. } => 0,
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
