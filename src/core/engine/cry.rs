//! A cry for help among or instead of answers: it is nobody's name, it wipes
//! out no answer that comes with it, and it is never met with silence.
//!
//! Whether words are a cry is for `danger` to say.

use super::event::Received;
use super::session::Stage;
use super::turn::{Heard, Turn};
use super::{danger, page, step};
use crate::core::answers::{self, Misread, Value};
use crate::core::flow::{Field, FieldKind, Line};
use crate::core::inbound::Content;

/// Whether a cry for help answers nothing of what is now asked.
pub(super) fn is_all(turn: &Turn<'_>, content: &Content) -> bool {
    let Content::Text { body } = content else {
        return false;
    };
    if turn.session.overlay.is_some() {
        return true;
    }
    match &turn.session.stage {
        Stage::Page { page } => !is_answered_by(turn, page, body.as_str()),
        // Who chose to correct this one and says it again, or says what it is about,
        // means it.
        Stage::Fix { field } => !turn.flow.find_field(field).is_some_and(|field| {
            let means = || !turn.warn || answers::names_subject(body.as_str(), turn.lang());
            takes_words(field) || field.kind == FieldKind::FreeTextOrNone && means()
        }),
        Stage::Rest
        | Stage::Language
        | Stage::Consent
        | Stage::Who
        | Stage::Review
        | Stage::Correct => true,
    }
}

/// Whether words that hold a cry for help answer something of a page too.
fn is_answered_by(turn: &Turn<'_>, page: &str, text: &str) -> bool {
    let (_, results) = read_calmly(turn, page, text);
    is_taken(turn, page) || results.iter().any(Result::is_ok)
}

/// Answers a cry that answers nothing: with the question that is open, always.
/// The cry that brings the emergency text is no try; those after it are, so
/// that nobody stands before a question that is beside the point.
pub(super) fn answer(turn: &mut Turn<'_>, message: &Received) {
    turn.keep(message.inbox);
    turn.ask = true;
    if turn.warn || !turn.heard.is_empty() {
        return;
    }
    turn.lead(Line::KeptForStaff);
    match (turn.session.overlay, turn.session.stage.clone()) {
        (None, Stage::Page { page }) => unanswered(turn, &page),
        // Nobody refuses or sends anything by crying for help.
        (None, Stage::Consent | Stage::Review) => turn.ask_again(),
        (Some(_), _)
        | (None, Stage::Rest | Stage::Language | Stage::Who | Stage::Correct | Stage::Fix { .. }) => {
            step::meet(turn, &Heard::default())
        }
    }
}

/// Nothing answered what was asked, though something was said: a try of each
/// question, which is left for staff after the last.
fn unanswered(turn: &mut Turn<'_>, page: &str) {
    let mut left = false;
    for field in page::asked_now(turn, page) {
        left |= page::is_last_try(turn, field);
    }
    if left {
        turn.lead(Line::LeftForStaff);
    }
    if page::pending(turn, page).is_empty() {
        return page::go_on(turn);
    }
    turn.session.asked = None;
    turn.ask = true;
}

/// Reads words as the answers to a page's open questions, where a cry for help
/// among them answers none: it is nobody's name and no place.
pub(super) fn read_calmly<'a>(
    turn: &Turn<'a>,
    page: &str,
    text: &str,
) -> (Vec<&'a Field>, Vec<Result<Value, Misread>>) {
    if is_taken(turn, page) {
        return page::read_open(turn, page, text);
    }
    let calm = words_beside(turn, text);
    if calm == text {
        return page::read_open(turn, page, text);
    }
    let whole = calm.is_empty();
    let said = if whole { text } else { &calm };
    let (fields, mut results) = page::read_open(turn, page, said);
    let shapeless = |field: &Field| matches!(field.kind, FieldKind::Name | FieldKind::Locality);
    let shaped = |(field, result): (&&Field, &Result<Value, Misread>)| {
        let words = shapeless(field) || field.kind == FieldKind::FreeTextOrNone;
        !words && result.is_ok()
    };
    // What words alone are about is in doubt, unless they say it, or are as many
    // lines as there are questions and one that cannot be mistaken is in its place.
    let in_order = !whole && said.lines().count() == fields.len();
    let named = answers::names_subject(said, turn.lang())
        || in_order && fields.iter().zip(&results).any(shaped);
    let told = |field: &Field, result: &Result<Value, Misread>| {
        field.kind == FieldKind::FreeTextOrNone && matches!(result, Ok(Value::Text { .. }))
    };
    if whole {
        for (field, result) in fields.iter().zip(&mut results) {
            if shapeless(field) || told(field, result) && !named {
                *result = Err(Misread::Unclear);
            }
        }
    }
    // A number alone in a cry is no age ("bitten 2 hours ago"), and words
    // alone beside one are no name and no allergy ("help, he is not breathing"),
    // unless they say that they are.
    let typed = |(field, result): (&&Field, &Result<Value, Misread>)| {
        !shapeless(field) && result.is_ok() && (named || !told(field, result))
    };
    let sure = fields
        .iter()
        .zip(&results)
        .filter(|one| typed(*one))
        .count();
    let needed = match (whole, fields.iter().any(|field| !shapeless(field))) {
        (true, _) if !named => 2,
        (true, _) => 1,
        (false, true) => 1,
        (false, false) => 0,
    };
    if sure < needed {
        results.fill(Err(Misread::Unclear));
    }
    (fields, results)
}

/// What is left of a text without the parts that show a danger sign: the lines,
/// and in these what commas separate. All of it if it shows none.
pub(super) fn words_beside(turn: &Turn<'_>, text: &str) -> String {
    if danger::sign_in(turn, text).is_none() {
        return text.to_owned();
    }
    let calm = |part: &&str| danger::sign_in(turn, part).is_none();
    let line = |line: &str| {
        if calm(&line) {
            return line.to_owned();
        }
        let parts = line.split([',', ';']).filter(calm);
        parts.collect::<Vec<_>>().join(",")
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    let left: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    left.join("\n")
}

/// Whether an open question of a page can take the words of a cry.
pub(super) fn is_taken(turn: &Turn<'_>, page: &str) -> bool {
    page::pending(turn, page).into_iter().any(takes_words)
}

/// Whether a field can take the words of a cry for help: "he is not breathing"
/// is nobody's name, but it may well be the complaint.
fn takes_words(field: &Field) -> bool {
    match field.kind {
        FieldKind::FreeText | FieldKind::OneOf | FieldKind::AnyOf => true,
        FieldKind::FreeTextOrNone
        | FieldKind::Name
        | FieldKind::BirthOrAge
        | FieldKind::Sex
        | FieldKind::Locality
        | FieldKind::Onset
        | FieldKind::YesNo
        | FieldKind::EmergencyContact => false,
    }
}

/// The name that these words give, where one is asked for and they are written
/// as names are.
pub(super) fn name_in(turn: &Turn<'_>, text: &str) -> Option<String> {
    let fields = match &turn.session.stage {
        _ if turn.session.overlay.is_some() => return None,
        Stage::Page { page } => page::asked_now(turn, page),
        Stage::Fix { field } => turn.flow.find_field(field).into_iter().collect(),
        Stage::Rest
        | Stage::Language
        | Stage::Consent
        | Stage::Who
        | Stage::Review
        | Stage::Correct => return None,
    };
    let names = |kind| matches!(kind, FieldKind::Name | FieldKind::EmergencyContact);
    let at = fields.iter().position(|field| names(field.kind))?;
    let read = page::read_fields(turn, &fields, text).into_iter().nth(at)?;
    let name = match read {
        Ok(Value::Text { text }) => Some(text.as_str().to_owned()),
        Ok(Value::Contact { name, .. }) => name.map(|name| name.as_str().to_owned()),
        Ok(_) | Err(_) => None,
    };
    name.filter(|name| is_written_as_a_name(name))
}

/// Two words with a capital and the rest small. "DEGEDEGGE" and "mtoto ana
/// degedegge" may be names as well, but they may be cries.
fn is_written_as_a_name(name: &str) -> bool {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase) && !letters.any(char::is_uppercase)
    };
    let mut words = name.split_whitespace();
    words.clone().filter(|word| capital(word)).count() >= 2
        && words.all(|word| capital(word) || word.chars().count() <= 3)
}
