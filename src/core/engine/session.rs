//! What a conversation knows between two steps.
//!
//! Serialised as JSON into one row of the encrypted store. New fields carry
//! `#[serde(default)]`: a row written by an older program must still be read.
//! Patients' words are in here only inside `Private`, and only while their
//! record is open or may still be corrected by an edit.

use crate::core::answers::Value;
use crate::core::id::{InboxId, RecordId};
use crate::core::lang::Lang;
use crate::core::limits;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One contact's conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The flow it speaks; empty before the first step.
    pub flow_version: String,
    /// The language chosen, or guessed from the first words.
    pub language: Option<Lang>,
    /// Whether the language was chosen and not only guessed.
    pub language_chosen: bool,
    /// The consent in force.
    pub consent: Option<Decision>,
    /// The latest refusal.
    pub refusal: Option<Decision>,
    /// Where the conversation stands.
    pub stage: Stage,
    /// A question put in front of the stage's own.
    pub overlay: Option<Overlay>,
    /// The question that waits for its answer.
    pub asked: Option<Asked>,
    /// The record being filled in.
    pub draft: Option<Draft>,
    /// The record last submitted, until the next one begins: WhatsApp lets
    /// people edit a message for a quarter of an hour.
    pub submitted: Option<Draft>,
    /// The record before the present intake, and what it was read from.
    pub former: Option<Former>,
    /// The message that the present intake began with: what was written before
    /// it is no answer here, however it is corrected.
    pub begun_with: Option<InboxId>,
    /// Records of this contact, for "my data".
    pub records: Vec<Kept>,
    /// Words without consent, if any are kept.
    pub unconsented: Option<Unconsented>,
    /// The first message that the last consent does not cover, since its text is no
    /// longer the present one: only what came from it on is without consent.
    pub beyond_consent: Option<InboxId>,
    /// Danger signs told of in this episode: its record is urgent, also after
    /// a new beginning.
    pub danger: Vec<String>,
    /// Danger signs of the present intake that the emergency text was sent
    /// for, so that a flood is warned once.
    pub warned: Vec<Warned>,
    /// The provider's stamp of the latest message.
    pub last_stamped: Option<UnixMs>,
    /// The patient asked for silence and has not written since.
    pub stopped: bool,
    /// The next message is asked whether to go on, whatever the time.
    pub doubtful: bool,
    /// It was stopped before the question in front was put: whether to go on is
    /// asked after that one.
    pub reopened: bool,
    /// Makes choice ids of this conversation unlike those of an erased one.
    pub salt: String,
    /// Questions asked so far; numbers their choice ids.
    pub questions: u32,
    /// Unclear answers to the present control question.
    pub unclear: u8,
    /// Where the latest questions were put, the newest last: what quotes an older
    /// one is an answer only if that one stood at the same place.
    pub put: Vec<Place>,
    /// Messages kept in this intake before it had a record to be kept with.
    pub unfiled: Vec<InboxId>,
    /// When they were last told to write in words, at the present question.
    pub words_wanted: Option<UnixMs>,
    /// When they were last told that what comes after the receipt goes to staff.
    pub added_told: Option<UnixMs>,
}

impl Session {
    /// Leaves out all that it holds of a record; whoever was in the middle of it
    /// begins anew.
    pub fn forget_record(&mut self, record: &str) {
        let holds = |draft: &mut Draft| draft.id.as_str() == record;
        if self.draft.take_if(holds).is_some() {
            (self.stage, self.overlay, self.asked) = (Stage::Rest, None, None);
        }
        self.submitted.take_if(holds);
        self.former
            .take_if(|former| former.record.as_str() == record);
        self.records.retain(|kept| kept.id.as_str() != record);
    }
}

/// Where a question was put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where the conversation stood.
    pub stage: Stage,
    /// What was put in front of that.
    pub overlay: Option<Overlay>,
}

/// A danger sign that was warned of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// The sign's word.
    pub sign: String,
    /// When last, by our clock.
    pub at: UnixMs,
}

/// A decision about consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The version of the text that was shown.
    pub version: String,
    /// The language it was shown in.
    pub language: Lang,
    /// When, by our clock.
    pub at: UnixMs,
}

/// Where a conversation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Stage {
    /// Nothing is going on: before the first word, after a receipt, after a
    /// refusal. A message begins an intake.
    #[default]
    Rest,
    /// Which language.
    Language,
    /// Whether they consent.
    Consent,
    /// Whom it is for.
    Who,
    /// A page of questions.
    Page {
        /// The page's id.
        page: String,
    },
    /// Whether all is right.
    Review,
    /// Which answer is wrong.
    Correct,
    /// One answer anew.
    Fix {
        /// The field's id.
        field: String,
    },
}

/// A question in front of the stage's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlay {
    /// Which language from now on.
    Language,
    /// Whether to go on after a silence.
    Resume,
    /// Whether really to delete everything.
    ConfirmDelete,
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Stands in its choices' ids.
    pub token: String,
    /// The provider's stamp of the message it was asked after.
    pub after: Option<UnixMs>,
    /// When it left; absent while it waits in the queue.
    pub sent: Option<Sent>,
    /// Messages written before it was read and after it was sent, by our
    /// account; several in a row mean that a clock was wrong.
    #[serde(default)]
    pub early: u8,
    /// The fields it asks for, if it is a page's.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// When a question left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// By our clock.
    pub at: UnixMs,
    /// By the provider's.
    pub stamp: Option<UnixMs>,
}

/// A record with where each answer came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The record's number.
    pub id: RecordId,
    /// When it began, by our clock.
    pub begun: UnixMs,
    /// The answers by field id.
    #[serde(default)]
    pub answers: BTreeMap<String, Answer>,
    /// Wrong answers by field id.
    #[serde(default)]
    pub tries: BTreeMap<String, u8>,
    /// Fields left for staff, and the pages' questions answered by voice.
    #[serde(default)]
    pub left: Vec<String>,
    /// Words came that answered nothing.
    #[serde(default)]
    pub unread: bool,
    /// The present page is asked one question at a time.
    #[serde(default)]
    pub singly: bool,
    /// What was written on the present page and waits for the rest.
    #[serde(default)]
    pub said: Vec<Said>,
}

/// A message that waits for the rest of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its inbox row.
    pub inbox: InboxId,
    /// What it says.
    pub text: Private<String>,
}

/// An answer and the messages it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was understood.
    pub value: Value,
    /// The inbox rows it was read from.
    pub from: Vec<InboxId>,
}

/// A record submitted or given up earlier, of which only this is still known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Its number.
    pub record: RecordId,
    /// The inbox rows its answers were read from.
    pub from: Vec<InboxId>,
}

impl Former {
    /// What is still known of a record.
    pub fn of(draft: Draft) -> Self {
        let answers = draft.answers.into_values();
        Self {
            record: draft.id,
            from: answers.flat_map(|answer| answer.from).collect(),
        }
    }
}

/// A record kept about this contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its number.
    pub id: RecordId,
    /// When it began, by our clock.
    pub at: UnixMs,
}

/// Words kept without consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unconsented {
    /// Since when, by our clock.
    pub since: UnixMs,
    /// Whether the clock could be trusted then.
    pub trusted: bool,
}

impl Session {
    /// The record being filled in, else the one last submitted.
    pub fn record_id(&self) -> Option<&RecordId> {
        self.draft
            .as_ref()
            .or(self.submitted.as_ref())
            .map(|draft| &draft.id)
    }

    fn place(&self) -> Place {
        Place {
            stage: self.stage.clone(),
            overlay: self.overlay,
        }
    }

    /// Notes that a question goes out, in so many messages.
    pub(super) fn note_question(&mut self, messages: usize) {
        let place = self.place();
        self.put.extend(std::iter::repeat_n(place, messages));
        let surplus = self.put.len().saturating_sub(limits::QUESTIONS_KNOWN_MAX);
        self.put.drain(..surplus);
    }

    /// Whether the question after which `since` others were put stood where the
    /// conversation stands now. Of what was put before it was noted where,
    /// nothing is said.
    pub(super) fn was_put_here(&self, since: u32) -> Option<bool> {
        let since = usize::try_from(since).unwrap_or(usize::MAX);
        let known = !self.put.is_empty();
        known.then(|| self.put.iter().rev().nth(since) == Some(&self.place()))
    }
}
