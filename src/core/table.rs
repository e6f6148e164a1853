//! Records as rows of a table: the columns of an export, in their order, each
//! cell as text. A flow's own questions come after the fixed columns.
//!
//! Every cell holds what was written, letter for letter: a form that a
//! spreadsheet could take for a formula guards itself when it is written.

use crate::core::answers::Value;
use crate::core::id::RecordId;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The columns, in the order of every export.
pub const COLUMNS: [&str; 30] = [
    "record_id",
    "record_version",
    "clinic_id",
    "created_at",
    "updated_at",
    "status",
    "care_state",
    "source",
    "language",
    "contact_phone",
    "contact_username",
    "patient_name",
    "birth_date",
    "age_years",
    "sex",
    "locality",
    "complaint",
    "onset",
    "symptoms",
    "allergies",
    "medications",
    "pregnant",
    "emergency_contact",
    "consent_at",
    "consent_version",
    "triage",
    "seen_at",
    "seen_by",
    "outcome",
    "notes",
];

/// Columns that a flow's answers may fill; the others are the box's and staff's.
const ANSWERED: [&str; 12] = [
    "patient_name",
    "birth_date",
    "age_years",
    "sex",
    "locality",
    "complaint",
    "onset",
    "symptoms",
    "allergies",
    "medications",
    "pregnant",
    "emergency_contact",
];

/// Fields that the conversation itself keeps beside the answers: shown with a
/// record, and no column of an export.
const KEPT_BESIDE: [&str; 2] = ["for_whom", "left_for_staff"];

/// Columns whose field is an instant.
const TIMES: [&str; 2] = ["consent_at", "seen_at"];

/// A record as it stands at one moment, with what a table says of its contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordRow {
    /// The record's public number.
    pub id: RecordId,
    /// Counts its changes, from 1.
    pub version: i64,
    /// `in_progress`, `complete`, `withdrawn` or `erased`.
    pub status: String,
    /// `waiting`, `seen`, `referred` or `closed`.
    pub care_state: String,
    /// `whatsapp`, `walk_in` or `gatherer`.
    pub source: String,
    /// ISO 639-1 code of the conversation.
    pub language: Option<String>,
    /// `none` or `urgent`.
    pub triage: String,
    /// When it was begun.
    pub created_at: UnixMs,
    /// When it last changed.
    pub updated_at: UnixMs,
    /// Digits with country code, without plus.
    pub contact_phone: Option<Private<String>>,
    /// The contact's user name, where known.
    pub contact_username: Option<Private<String>>,
    /// Answers by field id.
    pub fields: BTreeMap<String, FieldValue>,
}

/// One field of a record, as its JSON holds it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// Yes or no.
    YesNo(bool),
    /// A whole number; an instant in milliseconds for a field that is one.
    Number(i64),
    /// Words.
    Text(Private<String>),
    /// Several words or choices.
    List(Vec<Private<String>>),
    /// Asked and left without an answer.
    Empty(()),
}

impl fmt::Debug for FieldValue {
    /// Only the shape: any of these tells something about a patient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::YesNo(_) => "[yes or no]",
            Self::Number(_) => "[number]",
            Self::Text(_) => "[text]",
            Self::List(_) => "[list]",
            Self::Empty(()) => "[empty]",
        })
    }
}

/// What the conversation understood, as a table holds it. "None", said so, is
/// an answer and is told apart from no answer.
impl From<&Value> for FieldValue {
    fn from(value: &Value) -> Self {
        match value {
            Value::Text { text } => Self::Text(text.clone()),
            Value::Nothing => Self::Text(Private::from("none")),
            Value::Date { date } | Value::PartialDate { date } | Value::Since { date, .. } => {
                Self::Text(date.clone())
            }
            Value::Age { years, .. } => Self::Number(i64::from(*years)),
            Value::YesNo { yes } => Self::YesNo(*yes),
            Value::One { id } => Self::Text(Private::from(id.as_str())),
            Value::Several { ids } if ids.is_empty() => Self::Text(Private::from("none")),
            Value::Several { ids } => {
                Self::List(ids.iter().map(|id| Private::from(id.as_str())).collect())
            }
            Value::Contact { name, phone } => {
                let name = name.as_ref().map_or("", Private::as_str);
                Self::Text(Private::new(
                    format!("{name} {}", phone.expose()).trim().to_owned(),
                ))
            }
        }
    }
}

/// Whether a flow may keep an answer under this id: not where the box or staff
/// write.
pub fn takes_answers(id: &str) -> bool {
    ANSWERED.contains(&id) || !(COLUMNS.contains(&id) || KEPT_BESIDE.contains(&id))
}

/// Whether an export has a column of its own for this field, after the fixed ones.
pub fn is_further(id: &str) -> bool {
    !(COLUMNS.contains(&id) || KEPT_BESIDE.contains(&id))
}

/// The columns of an export in which some record has these further fields.
pub fn header(further: &[String]) -> Vec<String> {
    let fixed = COLUMNS.iter().map(|name| (*name).to_owned());
    fixed.chain(further.iter().cloned()).collect()
}

/// The cells of a record under these further columns.
pub fn further_cells(
    record: &RecordRow,
    further: &[String],
    zone: &TimeZone,
) -> Vec<Private<String>> {
    let text = |id: &String| {
        let value = record.fields.get(id);
        value.map_or_else(String::new, |value| cell(id, value, zone))
    };
    let cells = further.iter().map(text);
    cells.map(Private::new).collect()
}

/// What a record holds beside the fixed columns, by field id.
pub fn beside(record: &RecordRow, zone: &TimeZone) -> Vec<(String, Private<String>)> {
    let ids = record.fields.keys();
    let ids: Vec<String> = ids
        .filter(|id| !COLUMNS.contains(&id.as_str()))
        .cloned()
        .collect();
    let cells = further_cells(record, &ids, zone);
    ids.into_iter().zip(cells).collect()
}

/// The row of a record: one cell for each of `COLUMNS`.
pub fn row(record: &RecordRow, clinic_id: &str, zone: &TimeZone) -> Vec<Private<String>> {
    let text = |private: &Option<Private<String>>| {
        private
            .as_ref()
            .map_or_else(String::new, |value| value.as_str().to_owned())
    };
    COLUMNS
        .iter()
        .map(|column| match *column {
            "record_id" => record.id.to_string(),
            "record_version" => record.version.to_string(),
            "clinic_id" => clinic_id.to_owned(),
            "created_at" => time(record.created_at, zone),
            "updated_at" => time(record.updated_at, zone),
            "status" => record.status.clone(),
            "care_state" => record.care_state.clone(),
            "source" => record.source.clone(),
            "language" => record.language.clone().unwrap_or_default(),
            "contact_phone" => text(&record.contact_phone)
                .trim_start_matches('+')
                .to_owned(),
            "contact_username" => text(&record.contact_username),
            "triage" => record.triage.clone(),
            field => record
                .fields
                .get(field)
                .map_or_else(String::new, |value| cell(field, value, zone)),
        })
        .map(Private::new)
        .collect()
}

fn cell(field: &str, value: &FieldValue, zone: &TimeZone) -> String {
    let is_time = TIMES.contains(&field);
    match value {
        FieldValue::YesNo(true) => "yes".to_owned(),
        FieldValue::YesNo(false) => "no".to_owned(),
        FieldValue::Number(ms) if is_time => time(UnixMs(*ms), zone),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Text(text) if is_time => match text.as_str().parse::<Timestamp>() {
            Ok(at) => time(UnixMs(at.as_millisecond()), zone),
            Err(_) => text.as_str().to_owned(),
        },
        FieldValue::Text(text) => text.as_str().to_owned(),
        FieldValue::List(items) => {
            let items: Vec<&str> = items.iter().map(Private::as_str).collect();
            items.join("; ")
        }
        FieldValue::Empty(()) => String::new(),
    }
}

/// An instant with the zone's offset, `2026-11-21T05:15:36+02:00`; an instant
/// outside the calendar is empty.
pub fn time(at: UnixMs, zone: &TimeZone) -> String {
    Timestamp::from_millisecond(at.0).map_or_else(
        |_| String::new(),
        |at| {
            at.to_zoned(zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S%:z")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: serde_json::Value) -> RecordRow {
        RecordRow {
            id: RecordId::from_random(7),
            version: 2,
            status: "complete".into(),
            care_state: "waiting".into(),
            source: "whatsapp".into(),
            language: Some("fr".into()),
            triage: "none".into(),
            created_at: UnixMs(1_795_230_936_000),
            updated_at: UnixMs(1_795_230_937_999),
            contact_phone: Some("+243970000001".into()),
            contact_username: None,
            fields: serde_json::from_value(fields).unwrap(),
        }
    }

    fn cells(record: &RecordRow) -> BTreeMap<&'static str, String> {
        let zone = TimeZone::get("Africa/Lubumbashi").unwrap();
        let row = row(record, "kalehe-1", &zone);
        assert_eq!(row.len(), COLUMNS.len());
        let row = row.into_iter().map(Private::into_inner);
        COLUMNS.into_iter().zip(row).collect()
    }

    #[test]
    fn a_row_reads_as_the_interface_says() {
        let cells = cells(&record(serde_json::json!({
            "patient_name": "Amina",
            "age_years": 34,
            "symptoms": ["fever", "cough"],
            "allergies": null,
            "pregnant": false,
            "consent_at": 1_795_230_936_000_i64,
            "seen_at": "2026-11-21T03:00:00Z",
            "notes": "-3 kg",
        })));
        let expected = [
            ("record_version", "2"),
            ("clinic_id", "kalehe-1"),
            ("created_at", "2026-11-21T05:15:36+02:00"),
            ("updated_at", "2026-11-21T05:15:37+02:00"),
            ("contact_phone", "243970000001"),
            ("contact_username", ""),
            ("patient_name", "Amina"),
            ("age_years", "34"),
            ("symptoms", "fever; cough"),
            ("allergies", ""),
            ("pregnant", "no"),
            ("consent_at", "2026-11-21T05:15:36+02:00"),
            ("seen_at", "2026-11-21T05:00:00+02:00"),
            ("seen_by", ""),
            ("notes", "-3 kg"),
        ];
        for (column, text) in expected {
            assert_eq!(
                cells.get(column).map(String::as_str),
                Some(text),
                "{column}"
            );
        }
    }

    #[test]
    fn a_flows_own_answers_stand_after_the_fixed_columns() {
        let record = record(serde_json::json!({
            "patient_name": "Amina",
            "water_source": "=borehole",
            "-children": 4,
            "for_whom": "self",
            "status": "a flow's own word",
        }));
        let further = ["-children", "water_source"].map(str::to_owned);
        let found: Vec<&String> = record.fields.keys().filter(|id| is_further(id)).collect();
        assert_eq!(found, further.iter().collect::<Vec<_>>());
        let header = header(&further);
        assert_eq!(header[..COLUMNS.len()], COLUMNS);
        assert_eq!(header[COLUMNS.len()..], ["-children", "water_source"]);
        let text = |cells: Vec<Private<String>>| -> Vec<String> {
            cells.into_iter().map(Private::into_inner).collect()
        };
        let cells = further_cells(&record, &further, &TimeZone::UTC);
        assert_eq!(text(cells), ["4", "=borehole"]);
        let beside = beside(&record, &TimeZone::UTC);
        let ids: Vec<&str> = beside.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["-children", "for_whom", "water_source"]);
        for (id, free) in [
            ("water_source", true),
            ("complaint", true),
            ("status", false),
            ("notes", false),
            ("consent_at", false),
            ("left_for_staff", false),
        ] {
            assert_eq!(takes_answers(id), free, "{id}");
        }
    }

    #[test]
    fn debug_shows_no_answer() {
        let record = record(serde_json::json!({"age_years": 34, "patient_name": "Amina"}));
        let shown = format!("{record:?}");
        assert!(!shown.contains("34") && !shown.contains("Amina") && !shown.contains("243970"));
    }

    #[test]
    fn an_impossible_instant_is_an_empty_cell() {
        assert_eq!(time(UnixMs(i64::MAX), &TimeZone::UTC), "");
    }
}
