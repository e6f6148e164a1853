//! Understanding answers as people write them.
//!
//! Every function is total and pure: any text gives a value or a reason to ask
//! again. Texts come from outside; nothing here may panic, and nothing here
//! may guess silently where a mistake would end up in a health record.
//!
//! A yes/no answer may be its number (1 yes, 2 no), a sex too (1 female,
//! 2 male, 3 other): messages must show them in that order.

mod age;
mod amount;
mod begun;
mod calling_codes;
mod choice;
mod command;
mod contact;
mod date;
mod day_month;
mod denied;
mod fold;
mod kind;
mod language;
mod lexicon;
mod name;
mod none;
mod numerals;
mod onset;
mod page;
mod phrases;
mod pieces;
mod pregnancy;
mod segments;
mod sex;
mod shape;
mod subject;
mod told_age;
mod words;
mod yes_no;

pub use begun::{begun, names};
pub use choice::{find_label, is_about};
pub use command::{may_be_answer, read_command, read_command_language};
pub use fold::{fold, folded_tokens};
pub use kind::{Choice, Command, Kind, Misread, Value};
pub use language::{begins_with_greeting, read_greeting, read_language};
pub use page::read_page;
pub use segments::names_subject;
pub use sex::SEX_IDS;
pub use subject::Subject;
pub use yes_no::{read_agreement, says_no};

use crate::core::lang::Lang;
use crate::core::limits::ANSWER_CHARS_MAX;
use jiff::civil::Date;

/// Understands one answer. `today` is the clinic's date; `country` is the
/// clinic's ISO 3166 alpha-2 code, for telephone numbers written nationally.
///
/// # Errors
///
/// A [`Misread`] says why the answer has to be asked again.
pub fn read(
    kind: &Kind,
    text: &str,
    lang: Lang,
    today: Date,
    country: &str,
) -> Result<Value, Misread> {
    if is_too_long(text) {
        return Err(Misread::TooLong);
    }
    let folded = fold(text);
    match kind {
        Kind::Name => name::read_name(text, &folded, lang),
        Kind::BirthOrAge => age::read(&folded, lang, today),
        Kind::Sex => sex::read(&folded, lang),
        Kind::Locality => words::read_locality(text, &folded, lang),
        Kind::FreeText => words::read_free(text, &folded, lang),
        Kind::FreeTextOrNone { about } => words::read_free_or_none(*about, text, &folded, lang),
        Kind::Onset => onset::read(text, &folded, lang, today),
        Kind::YesNo { about } => yes_no::read_about(*about, &folded, lang),
        Kind::OneOf { choices } => choice::read_one(choices, &folded, lang),
        Kind::AnyOf { choices } => choice::read_any(choices, &folded, lang),
        Kind::EmergencyContact => contact::read(text, &folded, lang, country),
    }
}

/// Whether a text is longer than a record field may be. It stops counting at
/// the limit, so that a huge text costs nothing.
fn is_too_long(text: &str) -> bool {
    text.chars().nth(ANSWER_CHARS_MAX).is_some()
}
