//! Records, messages and accounts as they stand in a list, between a command and
//! the process that has the database open.

use crate::core::id::{OutboxId, RecordId};
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};

/// A record in a list; never its answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordLine {
    /// Its number.
    pub record_id: RecordId,
    /// When it was begun.
    pub created_at: UnixMs,
    /// How far it is.
    pub status: String,
    /// What became of the patient.
    pub care_state: String,
    /// Where it came from.
    pub source: String,
    /// The conversation's language.
    pub language: Option<String>,
    /// Whether it is urgent.
    pub triage: String,
}

/// A message in a list; never its words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueLine {
    /// Its number.
    pub id: OutboxId,
    /// Our number for whom it goes to.
    pub contact: i64,
    /// Why it is said.
    pub purpose: String,
    /// Where it stands.
    pub state: String,
    /// Why it stands there.
    pub why: Option<String>,
    /// Refusals so far.
    pub attempts: i64,
    /// Whether the far side may have it twice.
    pub maybe_double: bool,
    /// When it was queued.
    pub created_at: UnixMs,
    /// When it last changed.
    pub updated_at: UnixMs,
}

/// A staff account in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StaffLine {
    /// Our number for them.
    pub id: i64,
    /// The name they sign in with.
    pub name: String,
    /// What they may do.
    pub roles: Vec<String>,
    /// Whether the account was closed.
    pub disabled: bool,
    /// Whether they must choose a new password.
    pub must_change: bool,
    /// Until when no password of theirs is looked at, if it is so now.
    pub locked_until: Option<UnixMs>,
}
