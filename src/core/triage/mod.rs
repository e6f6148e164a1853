//! Danger signs in what patients write.
//!
//! A word-list reader, not a diagnosis: it exists so that somebody who writes
//! "he is not breathing" is told at once to call for help, and a nurse sees it.
//! It must stay total and quick: every incoming text passes through it.

use crate::core::lang::Lang;

/// A sign that somebody may be in danger of their life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DangerSign {
    /// Breathing badly or not at all.
    Breathing,
    /// Fits.
    Convulsions,
}

impl DangerSign {
    /// The word used in rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Breathing => "breathing",
            Self::Convulsions => "convulsions",
        }
    }
}

/// What answers say together.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Age in months.
    pub age_months: Option<u32>,
    /// Whether pregnant.
    pub pregnant: Option<bool>,
    /// Ids of the symptoms.
    pub symptoms: &'a [String],
    /// The complaint's words.
    pub complaint: Option<&'a str>,
    /// Days since it began.
    pub onset_days: Option<u32>,
}

/// A sign in a text.
pub fn find_danger(text: &str, _lang: Option<Lang>) -> Option<DangerSign> {
    let text = text.to_lowercase();
    (text.contains("not breathing") || text.contains("respire pas"))
        .then_some(DangerSign::Breathing)
}

/// A sign in the answers taken together.
pub fn danger_in_answers(facts: &Facts) -> Option<DangerSign> {
    facts
        .symptoms
        .iter()
        .any(|id| id == "convulsions")
        .then_some(DangerSign::Convulsions)
}
