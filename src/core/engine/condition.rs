//! When a question is asked at all.

use super::render;
use super::session::Draft;
use crate::core::answers::Value;
use crate::core::flow::Condition;
use jiff::civil::Date;

/// Whether a condition holds by the answers of a draft.
pub(super) fn holds(draft: Option<&Draft>, today: Date, condition: &Condition) -> bool {
    let answer = draft.and_then(|draft| draft.answers.get(condition.field()));
    let value = answer.map(|answer| &answer.value);
    match condition {
        Condition::Is { id, .. } => value.is_some_and(|value| is(value, id)),
        Condition::Age { min, max, .. } => value
            .and_then(|value| render::age_in(value, today))
            .is_none_or(|(years, _)| (*min..=*max).contains(&years)),
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::One { id } => id == wanted,
        Value::Several { ids } => ids.iter().any(|id| id == wanted),
        Value::YesNo { yes } => (wanted == "yes") == *yes,
        Value::Text { .. }
        | Value::Nothing
        | Value::Date { .. }
        | Value::PartialDate { .. }
        | Value::Age { .. }
        | Value::Since { .. }
        | Value::Contact { .. } => false,
    }
}
