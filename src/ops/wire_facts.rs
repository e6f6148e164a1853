//! What `doctor` asks of the database, as it passes between a command and the
//! process that has it open.

use super::provider_wire::UsageFacts;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a check of the database's file came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Integrity {
    /// Every table holds together.
    Sound,
    /// Something does not, in SQLite's words.
    Fault(String),
    /// It took too long to say.
    NotChecked,
}

/// What `doctor` wants to know of the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// What SQLite's quick check found.
    pub integrity: Integrity,
    /// Whether the recovery key was ever proved to open the data.
    pub drilled: bool,
    /// Messages that wait to leave.
    pub waiting: i64,
    /// How long ago the oldest of those was queued, by the clock of whoever
    /// has the database open, milliseconds.
    pub oldest_age_ms: Option<i64>,
    /// Names of the credentials that are set.
    pub secrets: Vec<String>,
    /// Those of them whose value cannot work.
    #[serde(default)]
    pub unusable: Vec<String>,
    /// Counters that survive restarts.
    pub counters: BTreeMap<String, i64>,
    /// Messages that could not be read or handled, and that nobody has seen to.
    #[serde(default)]
    pub dead_letters: i64,
    /// What is known of the provider without asking it.
    pub provider: ProviderFacts,
    /// Whether the process that has the database open is kept off a swap disk.
    #[serde(default)]
    pub memory_locked: bool,
    /// What the process that has the database open goes by.
    #[serde(default)]
    pub clock: Option<ClockFacts>,
    /// The line, if a service is running.
    #[serde(default)]
    pub line: Option<LineFacts>,
}

/// What the time is, for whoever works with the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockFacts {
    /// The instant.
    pub at: UnixMs,
    /// Whether it is to be trusted.
    pub trusted: bool,
}

/// How the running service sees the line to the provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFacts {
    /// Its word, as on the API.
    pub state: String,
    /// What it means, and what to do, for staff.
    pub words: String,
    /// Why messages wait for it: a word of `core::delivery`; none while it carries.
    pub why: Option<String>,
}

/// What the database knows of the provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProviderFacts {
    /// What this month's messages cost; none without a configuration.
    pub usage: Option<UsageFacts>,
    /// Our templates that cannot be sent, with why.
    pub templates_refused: Vec<String>,
    /// Since when, and why, messages cannot be fetched, if they cannot.
    #[serde(default)]
    pub not_fetched: Option<NotFetched>,
    /// Files of patients that are still to be fetched.
    pub files_waiting: u64,
    /// Files that were lost or refused.
    pub files_lost: u64,
}

/// Since when messages cannot be fetched from the provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NotFetched {
    /// When the first look came to nothing.
    pub since: UnixMs,
    /// Why, in words.
    pub why: String,
}
