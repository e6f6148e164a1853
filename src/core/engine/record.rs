//! From a draft to a snapshot of its record.
//!
//! Answers that no longer apply (a pregnancy of somebody who turned out to be
//! male) stay out of the snapshot; the store keeps the earlier version.

use super::effect::{RecordChange, RecordStatus, Triage};
use super::session::Draft;
use super::turn::Turn;
use super::{page, render};
use crate::core::answers::Value;
use jiff::civil::Date;
use std::collections::BTreeMap;

/// The record as it stands while it is filled in.
pub(super) fn in_progress(turn: &Turn<'_>, draft: &Draft) -> RecordChange {
    snapshot(turn, draft, RecordStatus::InProgress)
}

/// The record with a status.
pub(super) fn snapshot(turn: &Turn<'_>, draft: &Draft, status: RecordStatus) -> RecordChange {
    let mut fields = BTreeMap::new();
    for (id, answer) in &draft.answers {
        let known = turn.flow.find_field(id);
        if known.is_some_and(|field| !page::applies_in(Some(draft), turn.today(), field)) {
            continue;
        }
        let told = render::date_of(draft.begun, &turn.clinic.zone);
        insert(turn, &mut fields, id, &answer.value, told);
    }
    if let Some(consent) = &turn.session.consent {
        let at = render::instant(consent.at);
        fields.insert("consent_at".to_owned(), text(at));
        let version = consent.version.clone();
        fields.insert("consent_version".to_owned(), text(version));
    }
    if !draft.left.is_empty() {
        let ids = draft.left.clone();
        fields.insert("left_for_staff".to_owned(), Value::Several { ids });
    }
    RecordChange {
        id: draft.id.clone(),
        status,
        triage: if turn.session.danger.is_empty() {
            Triage::None
        } else {
            Triage::Urgent
        },
        language: turn.lang(),
        fields,
    }
}

fn text(text: String) -> Value {
    Value::Text { text: text.into() }
}

/// An age goes into its own column, told or worked out from the birth. Years
/// alone would lose a small child's months: the month of birth, as near as the
/// age tells it, stands beside them.
fn insert(
    turn: &Turn<'_>,
    fields: &mut BTreeMap<String, Value>,
    id: &str,
    value: &Value,
    told: Date,
) {
    let is_age = matches!(value, Value::Age { .. });
    if id == "birth_date"
        && let Some((years, months)) = render::age_in(value, turn.today())
    {
        let (months, days) = match value {
            Value::Age { months, days, .. } => (*months, *days),
            Value::Date { .. }
            | Value::PartialDate { .. }
            | Value::Text { .. }
            | Value::Nothing
            | Value::YesNo { .. }
            | Value::One { .. }
            | Value::Several { .. }
            | Value::Since { .. }
            | Value::Contact { .. } => ((years < 5).then_some(months), None),
        };
        let age = Value::Age {
            years,
            months,
            days,
        };
        fields.insert("age_years".to_owned(), age);
        if let Some(month) = render::birth_month(value, told) {
            let date = month.into();
            fields.insert(id.to_owned(), Value::PartialDate { date });
        }
    }
    if id != "birth_date" || !is_age {
        fields.insert(id.to_owned(), value.clone());
    }
}
