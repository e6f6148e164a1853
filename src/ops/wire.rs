//! Requests and answers as they pass between a command and the process that
//! has the database open: one JSON text a line.

use super::provider_wire::{
    FileLine, SecretLine, SetupLine, TaskLine, TemplateLine, UsageFacts, WhoLine,
};
use super::wire_facts::{DatabaseFacts, LineFacts};
use super::wire_lines::{QueueLine, RecordLine, StaffLine};
use crate::core::id::{MediaId, OutboxId, RecordId, TaskId};
use crate::core::private::Private;
use crate::core::secret::SecretText;
use crate::core::table::RecordRow;
use crate::core::time::UnixMs;
use crate::ports::door::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A member of staff and their password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// The name they sign in with.
    pub name: String,
    /// Their password.
    pub password: SecretText,
}

/// A stretch of creation times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// From this instant on.
    pub since: UnixMs,
    /// Before this instant.
    pub until: UnixMs,
}

impl Period {
    /// The end of a stretch without one.
    pub const OPEN_END: UnixMs = UnixMs(i64::MAX);
}

/// Where a page of records ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Creation time of the last record.
    pub created_at: UnixMs,
    /// Its number.
    pub id: RecordId,
    /// Where all of it ends: fixed at the first page, so that what is written
    /// meanwhile does not lead it on.
    pub until: UnixMs,
}

/// What can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Says who asks, for what follows on the same connection.
    SignIn(SignIn),
    /// Hands a secret to a locked appliance.
    Unlock {
        /// The passphrase, the PIN or the recovery key.
        passphrase: SecretText,
        /// Which of them, if somebody says.
        #[serde(default)]
        kind: Kind,
    },
    /// Sets a credential.
    SecretSet {
        /// Which.
        name: String,
        /// Its value.
        value: SecretText,
    },
    /// Ends the acceptance of a credential's former values.
    SecretDropPrevious {
        /// Which.
        name: String,
    },
    /// Which credentials are set.
    SecretList,
    /// Deletes a credential.
    SecretDelete {
        /// Which.
        name: String,
    },
    /// The latest records, without answers.
    RecordList {
        /// Created when.
        period: Period,
        /// At most so many.
        limit: usize,
    },
    /// One record with its answers.
    RecordShow {
        /// Which.
        id: RecordId,
    },
    /// A page of whole records.
    ExportPage {
        /// Created when.
        period: Period,
        /// Where the page before ended.
        after: Option<Place>,
        /// The export's form, for the audit log.
        format: String,
    },
    /// The latest messages of the queue, without words.
    OutboxList {
        /// Only those that wait to leave.
        waiting: bool,
        /// At most so many.
        limit: usize,
    },
    /// One message with its words.
    OutboxShow {
        /// Which.
        id: OutboxId,
    },
    /// Puts a message back into the queue.
    OutboxRetry {
        /// Which.
        id: OutboxId,
    },
    /// Withdraws a message that has not left.
    OutboxCancel {
        /// Which.
        id: OutboxId,
    },
    /// Adds a member of staff.
    UserAdd {
        /// The name to sign in with.
        name: String,
        /// Words of `core::access`.
        roles: Vec<String>,
        /// The password.
        password: SecretText,
        /// Whether it must be changed at the first use.
        one_time: bool,
    },
    /// Everybody.
    UserList,
    /// Closes an account.
    UserDisable {
        /// Whose.
        name: String,
    },
    /// Opens a closed account again.
    UserEnable {
        /// Whose.
        name: String,
    },
    /// Sets the password of whoever is signed in.
    OwnPassword {
        /// The new one.
        password: SecretText,
    },
    /// Sets a password.
    UserPassword {
        /// Whose.
        name: String,
        /// The new one.
        password: SecretText,
        /// Whether it must be changed at the first use.
        one_time: bool,
    },
    /// Walks through the set-up at the provider.
    WhatsAppSetup,
    /// Says hello to a number.
    WhatsAppTest {
        /// Digits of the number, with its country code.
        to: Private<String>,
    },
    /// The templates at the provider.
    Templates {
        /// Hand in those of ours that it lacks.
        submit: bool,
    },
    /// What this month's messages cost.
    Usage,
    /// What staff have to do.
    TaskList {
        /// The done ones too.
        all: bool,
        /// At most so many.
        limit: usize,
    },
    /// One task, with whom it is about and what was said.
    TaskShow {
        /// Which.
        id: TaskId,
    },
    /// Takes a task on.
    TaskClaim {
        /// Which.
        id: TaskId,
    },
    /// Ends a task.
    TaskEnd {
        /// Which.
        id: TaskId,
        /// How: a word of `core::tasks`.
        outcome: String,
    },
    /// The files of a record.
    FileList {
        /// Which record.
        record: RecordId,
    },
    /// A piece of a file.
    FilePiece {
        /// Which file.
        file: MediaId,
        /// From this byte on.
        from: u64,
    },
    /// Proves that the recovery key opens the data.
    KeyDrill {
        /// As it was typed.
        recovery: SecretText,
    },
    /// Whether that was ever proved.
    KeyDrilled,
    /// What `doctor` wants to know of the database.
    Facts,
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Response {
    /// It is done.
    Done,
    /// The box was open before; the secret was not looked at.
    OpenAlready,
    /// It cannot be done.
    Refused {
        /// One clear sentence, without what was typed.
        message: String,
        /// What to do.
        hint: String,
        /// Whether the command itself was wrong (exit status 2).
        usage: bool,
    },
    /// The credentials that are set.
    Secrets {
        /// By name.
        list: Vec<SecretLine>,
    },
    /// Records without answers.
    Records {
        /// Newest first.
        list: Vec<RecordLine>,
    },
    /// One record.
    Record {
        /// With its answers.
        row: Box<RecordRow>,
    },
    /// A page of an export.
    Page {
        /// Whole records, oldest first.
        rows: Vec<RecordRow>,
        /// Where the next page begins; none at the end.
        next: Option<Place>,
        /// With the first page: the fields after the fixed columns.
        #[serde(default)]
        further: Vec<String>,
    },
    /// Messages without words.
    Queue {
        /// Newest first.
        list: Vec<QueueLine>,
        /// Counts by state.
        counts: BTreeMap<String, i64>,
        /// When the oldest that waits was queued.
        oldest: Option<UnixMs>,
        /// The line, if a service is running.
        #[serde(default)]
        line: Option<LineFacts>,
    },
    /// One message.
    Message {
        /// The message.
        line: QueueLine,
        /// Its words; none if they were erased.
        text: Option<Private<String>>,
    },
    /// A message was put back into the queue, or withdrawn.
    MessageChanged {
        /// The number under which it stands now.
        id: OutboxId,
    },
    /// Staff accounts.
    Users {
        /// By name.
        list: Vec<StaffLine>,
    },
    /// What the walk through the set-up found.
    Setup {
        /// In the order of the set-up.
        list: Vec<SetupLine>,
        /// Whether everything that must be right is.
        sound: bool,
    },
    /// How a test message ended.
    Tested {
        /// `accepted`, `sent` or `delivered`.
        state: String,
        /// In words.
        said: String,
    },
    /// Templates.
    Templates {
        /// As the provider lists them, then ours that it lacks.
        list: Vec<TemplateLine>,
        /// How many of ours were handed in and not taken.
        #[serde(default)]
        refused: usize,
    },
    /// What this month's messages cost.
    Usage(UsageFacts),
    /// Tasks of staff.
    Tasks {
        /// The most urgent first, or the latest first.
        list: Vec<TaskLine>,
    },
    /// One task.
    Task {
        /// The task.
        line: Box<TaskLine>,
        /// Whom it is about; none where it is about nobody.
        who: Option<Box<WhoLine>>,
    },
    /// The files of a record.
    Files {
        /// In the order they were sent.
        list: Vec<FileLine>,
    },
    /// A piece of a file.
    Piece {
        /// Its bytes; empty past the end.
        base64: Private<String>,
    },
    /// How the drill went.
    Drilled {
        /// Records that the copy held.
        records: i64,
    },
    /// Whether there ever was a drill of the present recovery key.
    EverDrilled {
        /// Whether.
        drilled: bool,
    },
    /// What `doctor` wants to know.
    Facts(Box<DatabaseFacts>),
}

impl Response {
    /// A refusal that is not the command's own fault.
    pub fn refused(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            hint: hint.into(),
            usage: false,
        }
    }

    /// A refusal of a wrong command.
    pub fn wrong_usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused {
            message: message.into(),
            hint: hint.into(),
            usage: true,
        }
    }
}
