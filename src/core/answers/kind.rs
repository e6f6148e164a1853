//! What can be asked for, and what an answer can be.

use super::subject::Subject;
use crate::core::private::Private;
use serde::{Deserialize, Serialize};

/// What a question asks for; decides how the answer is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A person's name.
    Name,
    /// A date of birth or an age, whichever the person gives.
    BirthOrAge,
    /// Sex: female, male, other.
    Sex,
    /// A village, quarter or town.
    Locality,
    /// Words in the person's own way, at least a few letters of them.
    FreeText,
    /// Words, or "none" in any way of saying it.
    FreeTextOrNone {
        /// What it is about, if answers may name it.
        about: Option<Subject>,
    },
    /// Since when: a date, a weekday, "three days ago".
    Onset,
    /// Yes or no.
    YesNo {
        /// What it is about, if answers may name it.
        about: Option<Subject>,
    },
    /// One of the choices.
    OneOf {
        /// What can be chosen.
        choices: Vec<Choice>,
    },
    /// Any number of the choices, or none of them.
    AnyOf {
        /// What can be chosen.
        choices: Vec<Choice>,
    },
    /// A person to call and their number, or none.
    EmergencyContact,
}

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Stable id, stored in the record.
    pub id: String,
    /// The label shown, in the language of the conversation.
    pub label: String,
    /// Other words people use for it, in that language.
    pub also: Vec<String>,
}

/// An understood answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "value", rename_all = "snake_case")]
pub enum Value {
    /// Words.
    Text {
        /// The words, trimmed, inner white space folded.
        text: Private<String>,
    },
    /// None, said so.
    Nothing,
    /// A calendar date, ISO 8601 (`1990-03-15`).
    Date {
        /// The date.
        date: Private<String>,
    },
    /// A date of birth known only to the year or month (`1990`, `1990-03`).
    PartialDate {
        /// The known part, ISO 8601.
        date: Private<String>,
    },
    /// An age in completed years and, for small children, months beyond them.
    Age {
        /// Completed years.
        years: u16,
        /// Months beyond the years; only told for children.
        months: Option<u8>,
        /// Days since birth, where the age was told in weeks or days.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        days: Option<u16>,
    },
    /// Yes or no.
    YesNo {
        /// Whether it is yes.
        yes: bool,
    },
    /// One choice, by id.
    One {
        /// The choice's id.
        id: String,
    },
    /// Several choices, by id, in the order of the question.
    Several {
        /// The choices' ids.
        ids: Vec<String>,
    },
    /// Since when, as a date, with the words that said so.
    Since {
        /// The date it began, ISO 8601.
        date: Private<String>,
        /// The words as written.
        said: Private<String>,
    },
    /// A person to call.
    Contact {
        /// Their name, where given.
        name: Option<Private<String>>,
        /// Their number: digits with country code, without plus.
        phone: Private<String>,
    },
}

/// Why an answer could not be used. Each reason has its own kind words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misread {
    /// Nothing that could be an answer.
    Unclear,
    /// Too short to mean anything.
    TooShort,
    /// Longer than a record field may be.
    TooLong,
    /// A name with digits or signs in it.
    NotAName,
    /// A date that does not exist (31 February) or reads two ways.
    BadDate,
    /// A date that lies ahead.
    InFuture,
    /// An age or a date nobody alive can have.
    TooOld,
    /// A number outside the choices.
    NoSuchChoice,
    /// Several choices where one is asked for, or "yes and no".
    Ambiguous,
    /// A phone number that cannot be one.
    BadPhone,
}

/// What works at any step, in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// One question back.
    Back,
    /// Explain.
    Help,
    /// No more messages; keep what there is.
    Stop,
    /// Begin anew.
    Restart,
    /// Change the language.
    Language,
    /// Show what is kept about me.
    MyData,
    /// Delete what is kept about me.
    DeleteMyData,
}
