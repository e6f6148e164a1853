//! What questions depend on: only on answers that are there before them, and
//! only on such as can be given.

use super::fault::{Faults, nearest};
use super::model::{Condition, Field, FieldKind, Flow};
use super::reader::Table;

/// What the ids of a question about the sex are.
const SEXES: [&str; 3] = ["female", "male", "other"];

/// Notes each condition that could never be decided, where it stands. `fields`
/// are those of the file, among them such as have faults of their own.
pub(super) fn check(flow: &Flow, fields: &[Table<'_>], faults: &mut Faults<'_>) {
    let mut earlier: Vec<&Field> = Vec::new();
    for field in flow.fields() {
        for (condition, place) in field.only_if.iter().zip(&field.only_if_at) {
            let name = condition.field();
            let known = earlier.iter().find(|known| known.id == name);
            let wrong = match known {
                Some(known) if answers_to(known, condition) => continue,
                Some(known) => format!("something \"{name}\" never answers: {}", answers_of(known)),
                None if is_unread(flow, fields, name) => continue,
                None => {
                    let near = nearest(name, earlier.iter().map(|f| f.id.as_str()));
                    format!(
                        "\"{name}\", which is not asked before it{near}: name a field that is \
                         asked earlier, or move this one behind it"
                    )
                }
            };
            faults.note(place, format!("field \"{}\" depends on {wrong}", field.id));
        }
        earlier.push(field);
    }
}

/// Whether a field is in the file and could not be read: its own fault says why.
fn is_unread(flow: &Flow, fields: &[Table<'_>], name: &str) -> bool {
    let mut ids = fields.iter().filter_map(|field| field.said("id"));
    flow.find_field(name).is_none() && ids.any(|(id, _)| id == name)
}

fn answers_to(field: &Field, condition: &Condition) -> bool {
    match condition {
        Condition::Age { min, max, .. } => field.kind == FieldKind::BirthOrAge && min <= max,
        Condition::Is { id, .. } => match field.kind {
            FieldKind::Sex => SEXES.contains(&id.as_str()),
            FieldKind::YesNo => ["yes", "no"].contains(&id.as_str()),
            FieldKind::OneOf | FieldKind::AnyOf => field.offers(id),
            FieldKind::Name
            | FieldKind::BirthOrAge
            | FieldKind::Locality
            | FieldKind::FreeText
            | FieldKind::FreeTextOrNone
            | FieldKind::Onset
            | FieldKind::EmergencyContact => false,
        },
    }
}

/// What can be asked of a field's answer.
fn answers_of(field: &Field) -> String {
    let one_of = |ids: &str| format!("write \"is\" with one of {ids}");
    match field.kind {
        FieldKind::Sex => one_of(&SEXES.join(", ")),
        FieldKind::YesNo => one_of("yes, no"),
        FieldKind::OneOf | FieldKind::AnyOf => {
            let ids: Vec<&str> = field.choices.iter().map(|c| c.id.as_str()).collect();
            one_of(&ids.join(", "))
        }
        FieldKind::BirthOrAge => {
            "write \"age_min\" and \"age_max\", the first no higher than the second".to_owned()
        }
        FieldKind::Name
        | FieldKind::Locality
        | FieldKind::FreeText
        | FieldKind::FreeTextOrNone
        | FieldKind::Onset
        | FieldKind::EmergencyContact => {
            "its answers are free words, so take the condition out".to_owned()
        }
    }
}
