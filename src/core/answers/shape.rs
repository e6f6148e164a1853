//! Which questions are answered by words with a shape of their own, and which
//! words only look as if they were such an answer.

use super::fold::fold;
use super::kind::{Kind, Value};
use super::onset::has_other_words;
use crate::core::lang::Lang;
use jiff::civil::Date;

/// A "no" that may as well answer a question of yes or no.
pub(super) fn is_plain_no(tokens: &[String]) -> bool {
    let no = [
        "no", "non", "nao", "hapana", "nope", "n", "nn", "la", "siyo", "si",
    ];
    matches!(tokens, [one] if no.contains(&one.as_str()))
}

/// Whether an answer to such a question is known by its own shape.
pub(super) const fn is_typed(kind: &Kind) -> bool {
    match kind {
        Kind::BirthOrAge
        | Kind::Sex
        | Kind::Onset
        | Kind::YesNo { .. }
        | Kind::OneOf { .. }
        | Kind::AnyOf { .. }
        | Kind::EmergencyContact => true,
        Kind::Name | Kind::Locality | Kind::FreeText | Kind::FreeTextOrNone { .. } => false,
    }
}

/// Whether "none" may answer such a question.
pub(super) const fn takes_none(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::FreeTextOrNone { .. } | Kind::AnyOf { .. } | Kind::EmergencyContact
    )
}

/// Whether a time was told with words that are no part of it.
pub(super) fn tells_more_than_time(value: &Value, lang: Lang, today: Date) -> bool {
    matches!(value, Value::Since { said, .. }
        if has_other_words(&fold(said.as_str()), lang, today))
}
