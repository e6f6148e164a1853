//! What a trouble's onset is checked against, and the words that come with it.
//!
//! It only refuses what cannot be and adds what was said; it never rewrites an
//! answer.

use super::page;
use super::session::Draft;
use super::turn::{Heard, Turn};
use crate::core::answers::{self, Kind, Misread, Value, fold};
use crate::core::flow::{Field, FieldKind};
use crate::core::limits::ANSWER_CHARS_MAX;
use jiff::ToSpan;
use jiff::civil::Date;

/// An onset that lies before the birth is none, and one that lies as many years
/// back as the patient is old is their age once more.
pub(super) fn plausible(
    turn: &Turn<'_>,
    field: &Field,
    result: Result<Value, Misread>,
) -> Result<Value, Misread> {
    let birth = turn.value("birth_date");
    match (&result, birth) {
        (Ok(Value::Since { date, .. }), Some(birth)) if field.kind == FieldKind::Onset => {
            let onset: Result<Date, _> = date.as_str().parse();
            let wrong = onset.is_ok_and(|onset| is_before_life(onset, birth, turn.today()));
            if wrong { Err(Misread::Unclear) } else { result }
        }
        _ => result,
    }
}

fn is_before_life(onset: Date, birth: &Value, today: Date) -> bool {
    let back = |span: jiff::Span| today.checked_sub(span).ok();
    match birth {
        Value::Age {
            days: Some(days), ..
        } => back((i64::from(*days) + 7).days()).is_some_and(|first| onset < first),
        Value::Age {
            years,
            months: Some(months),
            ..
        } => {
            let months = i64::from(*years) * 12 + i64::from(*months) + 1;
            back(months.months()).is_some_and(|first| onset < first)
        }
        Value::Age { years, .. } => {
            let years = i64::from(*years);
            let repeated = years > 1 && back(years.years()) == Some(onset);
            repeated || back((years + 1).years()).is_some_and(|first| onset < first)
        }
        Value::Date { date } | Value::PartialDate { date } => {
            let whole = format!("{}-01-01", date.as_str());
            let first = whole.get(..10).and_then(|day| day.parse::<Date>().ok());
            first.is_some_and(|first| onset < first)
        }
        Value::Text { .. }
        | Value::Nothing
        | Value::YesNo { .. }
        | Value::One { .. }
        | Value::Several { .. }
        | Value::Since { .. }
        | Value::Contact { .. } => false,
    }
}

/// Who is asked only since when, and tells more of the trouble with it, is
/// heard: the words beside the time join the trouble that was told before.
pub(super) fn keep_beside(turn: &mut Turn<'_>, onset: &Field, heard: &Heard) {
    if onset.kind != FieldKind::Onset {
        return;
    }
    let flow = turn.flow;
    let with_onset = |page: &&crate::core::flow::Page| page.fields.iter().any(|f| f.id == onset.id);
    let page = flow.pages().iter().find(with_onset);
    let mut fields = page.into_iter().flat_map(|page| &page.fields);
    let Some(trouble) = fields.find(|field| field.kind == FieldKind::FreeText) else {
        return;
    };
    let kinds = [Kind::FreeText, Kind::Onset];
    let (lang, today) = (turn.lang(), turn.today());
    let read = answers::read_page(&kinds, &heard.joined(), lang, today, &turn.clinic.country);
    let Some(Ok(Value::Text { text: more })) = read.first() else {
        return;
    };
    let told = |draft: &Draft| draft.answers.get(&trouble.id).cloned();
    let Some(mut answer) = turn.session.draft.as_ref().and_then(told) else {
        return;
    };
    let Value::Text { text } = &answer.value else {
        return;
    };
    let whole = format!("{}, {}", text.as_str(), more.as_str());
    let known = fold(text.as_str()).contains(&fold(more.as_str()));
    if !known && whole.chars().count() <= ANSWER_CHARS_MAX {
        answer.value = Value::Text { text: whole.into() };
        page::put(turn, &trouble.id, answer);
    }
}
