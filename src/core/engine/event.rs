//! What can happen to a conversation: the engine's inputs, plain data.
//!
//! Never anything that has to be looked up: whatever a decision depends on is
//! in here, in the session or in the flow.

use crate::core::id::{InboxId, RecordId};
use crate::core::inbound::Content;
use crate::core::lang::Lang;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What the engine knows of the clinic it speaks for.
#[derive(Clone, Debug)]
pub struct Clinic {
    /// The clinic's id in exports.
    pub id: String,
    /// Its name as patients know it.
    pub name: String,
    /// ISO 3166-1 alpha-2; phone numbers are read in its format.
    pub country: String,
    /// Its time zone; decides what "today" is.
    pub zone: jiff::tz::TimeZone,
    /// The languages it offers, its own first.
    pub languages: Vec<Lang>,
    /// The number to call in an emergency.
    pub emergency_number: String,
    /// Silence after which a message is asked whether to go on, milliseconds.
    pub session_idle_ms: i64,
    /// How long the rest of a page that was answered in part is waited for,
    /// milliseconds; none asks for it at once.
    pub patience_ms: i64,
}

/// Chance as an input of a step: used up only if a record begins in it.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The number of the record that may begin.
    pub record_id: RecordId,
}

/// Something that happened to one contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A message came in.
    Message(Received),
    /// The session's last question has left the box.
    QuestionSent {
        /// When, by our clock.
        at: UnixMs,
        /// When, by the provider's own stamp of `sent`, if it is known.
        stamp: Option<UnixMs>,
    },
    /// A timer the engine had set came due.
    Timer(TimerKind),
    /// The flow the session began on is gone: it goes on with the one given.
    FlowChanged,
}

/// One message with what the shell knows about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// Its inbox row.
    pub inbox: InboxId,
    /// The provider's stamp, one-second resolution.
    pub stamped: UnixMs,
    /// When it reached us, by our clock.
    pub received: UnixMs,
    /// Whether it quotes the session's last question, or is a reaction to it.
    pub quotes_question: bool,
    /// How many questions were put after the one it quotes; none if it quotes no
    /// question of ours.
    #[serde(default)]
    pub questions_since: Option<u32>,
    /// The inbox row of the message it edits, revokes or reacts to, if known. A
    /// message that was revoked before it came is a revocation of itself.
    #[serde(default)]
    pub about: Option<InboxId>,
    /// Whether it came from another account than the one its number was known by:
    /// the number may have been handed on.
    #[serde(default)]
    pub other_account: bool,
    /// What it says.
    pub content: Content,
}

/// Timers a conversation can set; one of a kind for each contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// Words written without consent have been kept for a day.
    EraseUnconsented,
    /// A page was answered in part, and the rest has not come.
    AskRest,
}

impl TimerKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::EraseUnconsented, Self::AskRest];

    /// The word used in rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::EraseUnconsented => "erase_unconsented",
            Self::AskRest => "ask_rest",
        }
    }
}

impl fmt::Display for TimerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no timer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no timer")]
pub struct UnknownTimer(pub String);

impl FromStr for TimerKind {
    type Err = UnknownTimer;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == word)
            .ok_or_else(|| UnknownTimer(word.to_owned()))
    }
}
