//! Stored values as words: dates, ages, places, the review.
//!
//! Total on any stored value: a row of another program version must not stop
//! a conversation.

use super::turn::Turn;
use super::{calendar, review};
use crate::core::answers::{Choice, Value};
use crate::core::flow::{ButtonName, Field, FieldKind, Line};
use crate::core::lang::Lang;
use crate::core::limits;
use crate::core::time::UnixMs;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use unicode_segmentation::UnicodeSegmentation;

/// Below this an age is told in weeks or days, not in months.
const INFANT_DAYS: u16 = 91;

/// The calendar date of an instant in a zone.
pub(super) fn date_of(at: UnixMs, zone: &TimeZone) -> Date {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.clone()).date()
}

/// An instant as RFC 3339, UTC.
pub(super) fn instant(at: UnixMs) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    at.to_string()
}

/// Days from an ISO date to today; none for what is no date or lies ahead.
pub(super) fn days_since(date: &str, today: Date) -> Option<u32> {
    let date: Date = date.parse().ok()?;
    let days = today.since((jiff::Unit::Day, date)).ok()?.get_days();
    u32::try_from(days).ok()
}

/// An age in completed years and months beyond them, told or worked out.
/// What is known of a partial date counts from its beginning.
pub(super) fn age_in(value: &Value, today: Date) -> Option<(u16, u8)> {
    match value {
        Value::Age { years, months, .. } => Some((*years, months.unwrap_or(0))),
        Value::Date { date } => age_since(date.as_str(), today),
        Value::PartialDate { date } => {
            let whole = match date.as_str().len() {
                4 => format!("{}-01-01", date.as_str()),
                7 => format!("{}-01", date.as_str()),
                _ => date.as_str().to_owned(),
            };
            age_since(&whole, today)
        }
        Value::Text { .. }
        | Value::Nothing
        | Value::YesNo { .. }
        | Value::One { .. }
        | Value::Several { .. }
        | Value::Since { .. }
        | Value::Contact { .. } => None,
    }
}

fn age_since(birth: &str, today: Date) -> Option<(u16, u8)> {
    let birth: Date = birth.parse().ok()?;
    let age = today.since((jiff::Unit::Year, birth)).ok()?;
    let years = u16::try_from(age.get_years()).ok()?;
    let months = u8::try_from(age.get_months()).ok()?;
    Some((years, months))
}

/// A place as words: what it is called, else its coordinates.
pub(super) fn place<'t>(
    latitude: f64,
    longitude: f64,
    named: impl Iterator<Item = &'t str>,
) -> Option<String> {
    let names: Vec<&str> = named.map(str::trim).filter(|n| !n.is_empty()).collect();
    let valid = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
    if names.is_empty() && !valid {
        return None;
    }
    let mut text = names.join(", ");
    if valid {
        let separator = if text.is_empty() { "" } else { " " };
        text.push_str(&format!("{separator}({latitude:.5}, {longitude:.5})"));
    }
    Some(text.chars().take(limits::ANSWER_CHARS_MAX).collect())
}

/// A form's value as somebody would have written it.
pub(super) fn json_words(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        serde_json::Value::Array(all) => {
            let texts = all.iter().filter_map(|each| each.as_str());
            Some(texts.collect::<Vec<&str>>().join(", "))
        }
        serde_json::Value::Null | serde_json::Value::Object(_) => None,
    }
}

/// The answers, each short enough that all of them fit beside the buttons.
pub(super) fn review(turn: &Turn<'_>) -> String {
    let mut text = String::new();
    for most in [160, 80, 50, 30, 15, 6] {
        text = review_with(turn, most);
        if text.encode_utf16().count() <= limits::INTERACTIVE_UNITS_MAX {
            break;
        }
    }
    text
}

fn review_with(turn: &Turn<'_>, most: usize) -> String {
    let lang = turn.lang();
    // French sets a colon off by a space that no line is broken at.
    let colon = if lang == Lang::Fr { "\u{a0}:" } else { ":" };
    let mut text = format!("{}\n", turn.line(Line::ReviewIntro));
    for field in review::fields(turn) {
        let said = match turn.value(&field.id) {
            Some(value) => shown(turn, field, value),
            None => turn.line(Line::NotAnswered),
        };
        let label = field.label.get(lang);
        text.push_str(&format!("\n{label}{colon} {}", shorten(&said, most)));
    }
    text.push_str(&format!("\n\n{}", turn.line(Line::ReviewAsk)));
    text
}

/// At most `most` graphemes, on one line.
fn shorten(text: &str, most: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<&str>>().join(" ");
    if line.graphemes(true).count() <= most {
        return line;
    }
    let mut short: String = line.graphemes(true).take(most).collect();
    short.push('…');
    short
}

fn shown(turn: &Turn<'_>, field: &Field, value: &Value) -> String {
    match value {
        Value::Text { text } => text.as_str().to_owned(),
        Value::Nothing => turn.line(Line::None),
        Value::Date { date } | Value::PartialDate { date } => {
            calendar::in_words(date.as_str(), turn.lang())
        }
        Value::Age {
            years,
            months,
            days,
        } => age(turn, *years, *months, *days),
        Value::YesNo { yes } => {
            let name = if *yes {
                ButtonName::Yes
            } else {
                ButtonName::No
            };
            turn.flow.button(name, turn.lang()).label
        }
        Value::One { id } => label(turn, field, id),
        Value::Several { ids } => {
            let labels = ids.iter().map(|id| label(turn, field, id));
            labels.collect::<Vec<String>>().join(", ")
        }
        Value::Since { date, said } => {
            let date = calendar::in_words(date.as_str(), turn.lang());
            format!("{} ({date})", said.as_str())
        }
        Value::Contact { name, phone } => {
            let name = name.as_ref().map_or("", |name| name.as_str());
            format!("{name} +{}", phone.as_str()).trim().to_owned()
        }
    }
}

/// An age as it was told: an infant's in days or weeks.
fn age(turn: &Turn<'_>, years: u16, months: Option<u8>, days: Option<u16>) -> String {
    let count = |one: Line, many: Line, count: u16| {
        let single = turn.flow.line(one, turn.lang());
        let text = if count == 1 && !single.is_empty() {
            single
        } else {
            turn.flow.line(many, turn.lang())
        };
        turn.fill(text, &[("count", &count.to_string())])
    };
    let infant = days.filter(|days| *days < INFANT_DAYS).map(|days| {
        if days >= 14 && days % 7 == 0 {
            count(Line::Week, Line::Weeks, days / 7)
        } else {
            count(Line::Day, Line::Days, days)
        }
    });
    // A flow may bring no words for weeks and days.
    if let Some(told) = infant.filter(|told| !told.is_empty()) {
        return told;
    }
    let in_years = || count(Line::Year, Line::Years, years);
    match months {
        Some(months) if years == 0 => count(Line::Month, Line::Months, months.into()),
        Some(months) if months > 0 => {
            let months = count(Line::Month, Line::Months, months.into());
            format!("{}, {months}", in_years())
        }
        Some(_) | None => in_years(),
    }
}

/// The month of birth that a small child's age tells, as ISO 8601; none for an
/// age told in whole years, which leaves a whole year open.
pub(super) fn birth_month(value: &Value, told: Date) -> Option<String> {
    let Value::Age {
        years,
        months,
        days,
    } = value
    else {
        return None;
    };
    let span = match (days, months) {
        (Some(days), _) => jiff::Span::new().try_days(*days),
        (None, Some(months)) => {
            let months = i64::from(*years) * 12 + i64::from(*months);
            jiff::Span::new().try_months(months)
        }
        (None, None) => return None,
    };
    let born = told.checked_sub(span.ok()?).ok()?;
    Some(format!("{:04}-{:02}", born.year(), born.month()))
}

fn label(turn: &Turn<'_>, field: &Field, id: &str) -> String {
    let choices: Vec<Choice> = if field.kind == FieldKind::AnyOf {
        field.choices_in(turn.lang())
    } else {
        super::render::tappable(turn, field)
    };
    let choice = choices.into_iter().find(|choice| choice.id == id);
    choice.map_or_else(|| id.to_owned(), |choice| choice.label)
}
