//! A stand-in reader of answers.

use super::{Choice, Command, Kind, Misread, Value};
use crate::core::lang::Lang;
use crate::core::private::Private;

/// Folded text.
pub fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// One answer.
pub fn read(
    kind: &Kind,
    text: &str,
    _lang: Lang,
    _today: jiff::civil::Date,
    _country: &str,
) -> Result<Value, Misread> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Misread::Unclear);
    }
    let words = || Value::Text {
        text: Private::from(text),
    };
    let none = ["none", "aucun", "hakuna", "ninguno", "nenhum"].contains(&fold(text).as_str());
    match kind {
        Kind::Name if text.chars().any(|c| c.is_ascii_digit()) => Err(Misread::NotAName),
        Kind::Name | Kind::Locality | Kind::FreeText => Ok(words()),
        Kind::FreeTextOrNone if none => Ok(Value::Nothing),
        Kind::FreeTextOrNone => Ok(words()),
        Kind::BirthOrAge => text
            .chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
            .parse::<u16>()
            .map(|years| Value::Age {
                years,
                months: None,
            })
            .map_err(|_| Misread::Unclear),
        Kind::Sex if fold(text) == "mwanamke" => Ok(Value::One {
            id: "female".into(),
        }),
        Kind::Sex => match fold(text).chars().next() {
            Some('f') => Ok(Value::One {
                id: "female".into(),
            }),
            Some('m') => Ok(Value::One { id: "male".into() }),
            _ => Err(Misread::Unclear),
        },
        Kind::Onset => Ok(Value::Since {
            date: Private::from("2026-11-18"),
            said: Private::from(text),
        }),
        Kind::YesNo => match fold(text).as_str() {
            "yes" | "oui" | "ndiyo" | "si" | "sim" => Ok(Value::YesNo { yes: true }),
            "no" | "non" | "hapana" | "não" => Ok(Value::YesNo { yes: false }),
            _ => Err(Misread::Unclear),
        },
        Kind::OneOf { choices } => one(choices, text).map(|id| Value::One { id }),
        Kind::AnyOf { .. } if none => Ok(Value::Nothing),
        Kind::AnyOf { choices } => text
            .split([' ', ','])
            .filter(|part| !part.is_empty())
            .map(|part| one(choices, part))
            .collect::<Result<Vec<_>, _>>()
            .map(|ids| Value::Several { ids }),
        Kind::EmergencyContact if none => Ok(Value::Nothing),
        Kind::EmergencyContact => {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            if digits.len() < 7 {
                return Err(Misread::BadPhone);
            }
            Ok(Value::Contact {
                name: None,
                phone: digits.into(),
            })
        }
    }
}

fn one(choices: &[Choice], text: &str) -> Result<String, Misread> {
    let text = fold(text);
    if let Ok(n) = text.parse::<usize>() {
        return n
            .checked_sub(1)
            .and_then(|n| choices.get(n))
            .map(|c| c.id.clone())
            .ok_or(Misread::NoSuchChoice);
    }
    choices
        .iter()
        .find(|c| fold(&c.label) == text || c.also.iter().any(|a| fold(a) == text))
        .map(|c| c.id.clone())
        .ok_or(Misread::Unclear)
}

/// Several answers, a line for each.
pub fn read_page(
    kinds: &[Kind],
    text: &str,
    lang: Lang,
    today: jiff::civil::Date,
    country: &str,
) -> Vec<Result<Value, Misread>> {
    let mut lines = text.lines();
    kinds
        .iter()
        .map(|kind| match lines.next() {
            Some(line) => read(kind, line, lang, today, country),
            None => Err(Misread::Unclear),
        })
        .collect()
}

/// A command.
pub fn read_command(text: &str, _lang: Lang) -> Option<Command> {
    match fold(text).as_str() {
        "back" => Some(Command::Back),
        "help" => Some(Command::Help),
        "stop" => Some(Command::Stop),
        "restart" => Some(Command::Restart),
        "language" => Some(Command::Language),
        "my data" => Some(Command::MyData),
        "delete my data" => Some(Command::DeleteMyData),
        _ => None,
    }
}

/// A language's name.
pub fn read_language(text: &str) -> Option<Lang> {
    match fold(text).as_str() {
        "bonjour" => Some(Lang::Fr),
        text => Lang::ALL
            .into_iter()
            .find(|lang| fold(lang.own_name()) == text),
    }
}
