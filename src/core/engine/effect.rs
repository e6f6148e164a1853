//! What a conversation wants done: the engine's outputs, plain data.
//!
//! Effects come in the order in which they are to be carried out: records
//! first, because tasks refer to them; messages last, because an erasure must
//! not take its own receipt with it.

use crate::core::answers::Value;
use crate::core::engine::event::TimerKind;
use crate::core::engine::session::Session;
use crate::core::id::{InboxId, RecordId};
use crate::core::lang::Lang;
use crate::core::outgoing::Outgoing;
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What one step gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The conversation afterwards.
    pub session: Session,
    /// What is to be done, in this order.
    pub effects: Vec<Effect>,
    /// Whether a record was begun under the number that the step was given.
    pub fresh_used: bool,
}

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// Queue a message.
    Say(Outgoing),
    /// Wake this conversation at a time; replaces a timer of the same kind.
    SetTimer {
        /// Which timer.
        kind: TimerKind,
        /// When, by our clock.
        at: UnixMs,
    },
    /// Forget a timer, if it is set.
    CancelTimer {
        /// Which timer.
        kind: TimerKind,
    },
    /// Write a record as it now is.
    Record(RecordChange),
    /// Mark the contact for the eyes of staff.
    Flag {
        /// Why.
        reason: FlagReason,
    },
    /// Give staff something to do.
    Task(TaskKind),
    /// Change what is stored about the contact.
    Act(Action),
    /// The conversation holds nothing any more: its row may be deleted.
    Close,
}

/// A whole snapshot of a record; the store numbers the versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordChange {
    /// Which record.
    pub id: RecordId,
    /// How far it is.
    pub status: RecordStatus,
    /// Whether it is urgent.
    pub triage: Triage,
    /// The language of the conversation.
    pub language: Lang,
    /// The answers by field id (`patient_name`, `birth_date`, `age_years`,
    /// `consent_at`, …). Beside the columns of the export: `for_whom`, and
    /// `left_for_staff`, the ids of the fields nobody could answer.
    pub fields: BTreeMap<String, Value>,
}

/// How far a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordStatus {
    /// Being asked for.
    InProgress,
    /// Submitted by the patient.
    Complete,
    /// Abandoned by the patient.
    Withdrawn,
    /// Deleted at the patient's wish; only the number is left.
    Erased,
}

impl RecordStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [
        Self::InProgress,
        Self::Complete,
        Self::Withdrawn,
        Self::Erased,
    ];

    /// The word used in rows and exports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Complete => "complete",
            Self::Withdrawn => "withdrawn",
            Self::Erased => "erased",
        }
    }
}

/// How urgent a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Triage {
    /// Nothing was noticed; a nurse decides.
    None,
    /// A danger sign was noticed.
    Urgent,
}

impl Triage {
    /// Every degree.
    pub const ALL: [Self; 2] = [Self::None, Self::Urgent];

    /// The word used in rows and exports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Urgent => "urgent",
        }
    }
}

/// Why staff should look at a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagReason {
    /// A danger sign was noticed in their words.
    DangerSign,
    /// The account behind the address may belong to another person now.
    IdentityChanged,
    /// They asked for no more messages.
    Stopped,
}

impl FlagReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::DangerSign, Self::IdentityChanged, Self::Stopped];

    /// The word used in rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::DangerSign => "danger_sign",
            Self::IdentityChanged => "identity_changed",
            Self::Stopped => "stopped",
        }
    }
}

/// Something a member of staff has to do, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum TaskKind {
    /// A danger sign was noticed: call this person.
    DangerSign {
        /// The sign's word.
        sign: String,
        /// The record, once there is consent for one.
        record: Option<RecordId>,
    },
    /// A question was left for staff after three tries.
    UnansweredQuestion {
        /// The field's id.
        field: String,
        /// The record.
        record: Option<RecordId>,
    },
    /// A voice note came as an answer.
    ListenToVoice {
        /// Its inbox row.
        inbox: InboxId,
        /// The record.
        record: Option<RecordId>,
    },
    /// A photo, film, document or contact card came as an answer.
    LookAtAttachment {
        /// Its inbox row.
        inbox: InboxId,
        /// The record.
        record: Option<RecordId>,
    },
    /// Words came that answered no question: read the conversation.
    ReadConversation {
        /// The record.
        record: Option<RecordId>,
    },
    /// An answer was corrected after its record had been submitted, or could
    /// not be understood once corrected.
    AnswerChanged {
        /// Inbox row of the correction.
        inbox: InboxId,
        /// The record.
        record: Option<RecordId>,
    },
    /// An answer was deleted by its sender after it had been used.
    AnswerRevoked {
        /// Inbox row of the deletion.
        inbox: InboxId,
        /// The record.
        record: Option<RecordId>,
    },
}

impl TaskKind {
    /// Its kind, without what it is about.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::DangerSign { .. } => Kind::DangerSign,
            Self::UnansweredQuestion { .. } => Kind::UnansweredQuestion,
            Self::ListenToVoice { .. } => Kind::ListenToVoice,
            Self::LookAtAttachment { .. } => Kind::LookAtAttachment,
            Self::ReadConversation { .. } => Kind::ReadConversation,
            Self::AnswerChanged { .. } => Kind::AnswerChanged,
            Self::AnswerRevoked { .. } => Kind::AnswerRevoked,
        }
    }

    /// What it is about, beside the record: a sign, a field, an inbox row.
    /// Never words of the patient.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::DangerSign { sign, .. } => Some(sign.clone()),
            Self::UnansweredQuestion { field, .. } => Some(field.clone()),
            Self::ListenToVoice { inbox, .. }
            | Self::LookAtAttachment { inbox, .. }
            | Self::AnswerChanged { inbox, .. }
            | Self::AnswerRevoked { inbox, .. } => Some(inbox.to_string()),
            Self::ReadConversation { .. } => None,
        }
    }

    /// Whether it sends staff to what only they can hear or see in this message.
    pub(super) fn points_to(&self, message: InboxId) -> bool {
        match self {
            Self::ListenToVoice { inbox, .. } | Self::LookAtAttachment { inbox, .. } => {
                *inbox == message
            }
            Self::DangerSign { .. }
            | Self::UnansweredQuestion { .. }
            | Self::ReadConversation { .. }
            | Self::AnswerChanged { .. }
            | Self::AnswerRevoked { .. } => false,
        }
    }

    /// The record it is about.
    pub const fn record(&self) -> Option<&RecordId> {
        match self {
            Self::DangerSign { record, .. }
            | Self::UnansweredQuestion { record, .. }
            | Self::ListenToVoice { record, .. }
            | Self::LookAtAttachment { record, .. }
            | Self::ReadConversation { record }
            | Self::AnswerChanged { record, .. }
            | Self::AnswerRevoked { record, .. } => record.as_ref(),
        }
    }
}

/// A change of what is stored about the contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Erase the contact's words that no consent covers: inbox items, raw
    /// bodies, and the bodies of our own messages.
    EraseWords,
    /// Erase everything about the contact; they asked for it and confirmed.
    EraseContact,
    /// Withdraw the contact's unsent questions: something newer follows.
    SupersedePrompts,
    /// Keep this message in sight of staff: it answered no question. A file that
    /// it brought is fetched.
    KeepSpoken {
        /// Its inbox row.
        inbox: InboxId,
        /// The record it belongs to, once there is one.
        record: Option<RecordId>,
    },
    /// Forget what this message says, with its corrections and its file: its
    /// sender deleted it. What was read from it stays in the record, and no task
    /// sends staff to it any more.
    Withdraw {
        /// Its inbox row.
        inbox: InboxId,
    },
    /// Put a decision about consent on the audit record.
    NoteConsent {
        /// Whether it was given or refused.
        given: bool,
        /// The version of the text that was shown.
        version: String,
        /// The language it was shown in.
        language: Lang,
        /// When it was decided, by our clock.
        at: UnixMs,
    },
}

impl Action {
    /// Whether it erases what was there before the step.
    pub const fn erases(&self) -> bool {
        matches!(self, Self::EraseContact | Self::EraseWords)
    }

    /// Whether it keeps this message in sight of staff.
    pub(super) fn keeps(&self, message: InboxId) -> bool {
        matches!(self, Self::KeepSpoken { inbox, .. } if *inbox == message)
    }
}

macro_rules! words {
    ($($name:ident, $error:ident, $what:literal;)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        #[doc = concat!("A word that names no ", $what, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("\"{0}\" is no {what}", what = $what)]
        pub struct $error(pub String);

        impl FromStr for $name {
            type Err = $error;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .into_iter()
                    .find(|value| value.word() == word)
                    .ok_or_else(|| $error(word.to_owned()))
            }
        }
    )*};
}

words! {
    RecordStatus, UnknownStatus, "record status";
    Triage, UnknownTriage, "triage";
    FlagReason, UnknownFlag, "reason for a flag";
}
