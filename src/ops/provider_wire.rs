//! Answers about the provider and its credentials, the tasks of staff and
//! patients' files, as they pass between a command and the process that has the
//! database open.

use crate::core::id::TaskId;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A credential in a list; never its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecretLine {
    /// Its name.
    pub name: String,
    /// When it was set.
    pub set_at: UnixMs,
    /// Until when the last of the former values is accepted too.
    pub previous_until: Option<UnixMs>,
}

/// One thing the walk through the set-up looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupLine {
    /// What.
    pub check: String,
    /// `ok`, `warning`, `bad` or `not checked`.
    pub state: String,
    /// What was found.
    pub finding: String,
    /// What to do and where to click; empty if nothing.
    pub remedy: String,
}

/// A template in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateLine {
    /// Its name at Meta.
    pub name: String,
    /// Meta's code of its language.
    pub language: String,
    /// `APPROVED`, `PENDING`, …; `not submitted` for one Meta does not have.
    pub status: String,
    /// `UTILITY` or another; empty where it is not known.
    pub category: String,
    /// Why it was refused; empty if it was not.
    pub reason: String,
    /// Whether it comes with this program or stands in the configuration.
    pub ours: bool,
}

/// What a month cost, and how the free messages stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageFacts {
    /// The clinic's month, `2026-11`.
    pub month: String,
    /// Messages that arrived in it, by the provider's category.
    pub delivered: BTreeMap<String, u64>,
    /// Service messages a month that cost nothing.
    pub free: u32,
    /// `fine`, `low` or `used`.
    pub quota: String,
    /// Messages the provider took today.
    pub taken_today: u64,
    /// Messages a day after which those that are not urgent wait; 0 is none.
    pub daily_ceiling: u32,
    /// Bytes sent and received on each of the last days, the latest first.
    pub wire: Vec<WireDay>,
}

/// The bytes of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireDay {
    /// The clinic's day.
    pub day: String,
    /// Towards the provider.
    pub sent: u64,
    /// From it.
    pub received: u64,
}

/// A task of staff in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLine {
    /// Its number.
    pub id: TaskId,
    /// Its kind, for programs.
    pub kind: String,
    /// What has happened.
    pub what: String,
    /// What to do.
    pub to_do: String,
    /// Our number for whom it concerns.
    pub contact: Option<i64>,
    /// Which record it concerns.
    pub record: Option<String>,
    /// Which message it stands for.
    pub message: Option<i64>,
    /// Which, more exactly: a sign, a field, why it failed.
    pub detail: Option<String>,
    /// Since when.
    pub since: UnixMs,
    /// Our number for who has taken it on.
    pub claimed_by: Option<i64>,
    /// The name they sign in with.
    #[serde(default)]
    pub claimed_by_name: Option<String>,
    /// How it ended; none while it is open.
    pub outcome: Option<String>,
}

/// One message of a conversation, as staff read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidLine {
    /// Whether the clinic said it.
    pub ours: bool,
    /// When it was written (theirs) or queued (ours).
    pub at: UnixMs,
    /// How far one of ours has come.
    pub state: Option<String>,
    /// The words; none where they were erased.
    pub text: Option<Private<String>>,
}

/// Whom a task is about: how to reach them, and what was said last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoLine {
    /// Digits of the number, with its country code; none where WhatsApp hides it.
    pub phone: Option<Private<String>>,
    /// Their user name at WhatsApp.
    pub username: Option<Private<String>>,
    /// What they call themselves there.
    pub profile_name: Option<Private<String>>,
    /// The latest messages, oldest first.
    pub messages: Vec<SaidLine>,
}

/// A file that a patient sent, in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    /// Our number for it.
    pub id: i64,
    /// `image`, `audio`, `video`, `document` or `sticker`.
    pub kind: String,
    /// Its type.
    pub mime: Option<String>,
    /// How its name should end; empty if that is not known.
    pub ending: String,
    /// How far it is.
    pub state: String,
    /// Why it stands there.
    pub why: Option<String>,
    /// Bytes that are here.
    pub bytes: u64,
    /// When the patient sent it.
    pub sent_at: UnixMs,
}
