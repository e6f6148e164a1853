//! The chat as it stands on one phone. A thread must stay within its bound:
//! the oldest message makes room.

use super::agenda::Outbound;
use super::request::{Shown, Tap};
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ticks {
    /// One tick: WhatsApp has it.
    Sent,
    /// Two ticks: the other side has it.
    Delivered,
    /// Two blue ticks: it was read.
    Read,
    /// It will not arrive.
    Failed,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The person wrote it.
    ToClinic,
    /// The clinic wrote it.
    ToPhone,
}

/// What a bubble shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bubble {
    /// Something the clinic sent.
    Clinic(Shown),
    /// Something the person wrote, by kind and words.
    Person {
        /// `text`, `tap`, `voice`, `image`, …
        kind: Cow<'static, str>,
        /// The words, if it has any.
        text: String,
    },
}

/// One message in the chat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its WhatsApp id.
    pub id: String,
    /// Who wrote it.
    pub direction: Direction,
    /// When.
    pub at: UnixMs,
    /// How far it has come.
    pub ticks: Ticks,
    /// The message it quotes.
    pub quoted: Option<String>,
    /// What it shows.
    pub bubble: Bubble,
    /// An emoji the other side put on it.
    pub reaction: Option<String>,
    /// Whether the person corrected it.
    pub edited: bool,
    /// The text of a template, which the clinic sends by name only.
    pub template_text: Option<String>,
    /// What statuses need to know of it, if the clinic sent it.
    pub outbound: Option<Arc<Outbound>>,
}

impl Entry {
    /// The message as the control API and the phone page see it.
    pub fn as_json(&self) -> Value {
        let (kind, text) = match &self.bubble {
            Bubble::Person { kind, text } => (kind.as_ref(), text.clone()),
            Bubble::Clinic(shown) => (kind_of(shown), self.words_of(shown)),
        };
        let mut json = json!({
            "id": self.id,
            "direction": self.direction,
            "time": rfc3339(self.at),
            "at_ms": self.at.0,
            "ticks": self.ticks,
            "kind": kind,
            "text": text,
            "edited": self.edited,
        });
        let extras = [
            ("quoted", self.quoted.as_ref().map(|id| json!(id))),
            ("reaction", self.reaction.as_ref().map(|emoji| json!(emoji))),
            ("buttons", self.buttons()),
            ("list", self.list()),
        ];
        if let Some(fields) = json.as_object_mut() {
            for (name, value) in extras {
                fields.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
        json
    }

    /// What can be tapped on it.
    pub fn taps(&self) -> &[Tap] {
        match &self.bubble {
            Bubble::Clinic(Shown::Buttons { buttons, .. } | Shown::Template { buttons, .. }) => {
                buttons
            }
            Bubble::Clinic(Shown::List { rows, .. }) => rows,
            Bubble::Clinic(
                Shown::Text(_) | Shown::ContactRequest { .. } | Shown::Reaction { .. },
            )
            | Bubble::Person { .. } => &[],
        }
    }

    /// Whether what can be tapped is a list and not buttons.
    pub const fn is_list(&self) -> bool {
        matches!(self.bubble, Bubble::Clinic(Shown::List { .. }))
    }

    /// Whether it is a template, whose buttons come back in a form of their own.
    pub const fn is_template(&self) -> bool {
        matches!(self.bubble, Bubble::Clinic(Shown::Template { .. }))
    }

    fn words_of(&self, shown: &Shown) -> String {
        match shown {
            Shown::Text(text)
            | Shown::Buttons { text, .. }
            | Shown::List { text, .. }
            | Shown::ContactRequest { text } => text.clone(),
            Shown::Template { name, .. } => {
                self.template_text.clone().unwrap_or_else(|| name.clone())
            }
            Shown::Reaction { emoji, .. } => emoji.clone(),
        }
    }

    fn buttons(&self) -> Option<Value> {
        (!self.is_list() && !self.taps().is_empty()).then(|| taps_json(self.taps()))
    }

    fn list(&self) -> Option<Value> {
        match &self.bubble {
            Bubble::Clinic(Shown::List { open, rows, .. }) => {
                Some(json!({ "open": open, "rows": taps_json(rows) }))
            }
            Bubble::Clinic(
                Shown::Text(_)
                | Shown::Buttons { .. }
                | Shown::ContactRequest { .. }
                | Shown::Template { .. }
                | Shown::Reaction { .. },
            )
            | Bubble::Person { .. } => None,
        }
    }
}

/// A phone's chat with the clinic.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Thread(VecDeque<Entry>);

impl Thread {
    /// Adds the newest message; the oldest leaves when more than `max` are there.
    pub fn push(&mut self, entry: Entry, max: usize) {
        self.0.push_back(entry);
        while self.0.len() > max.max(1) {
            self.0.pop_front();
        }
    }

    /// The message with this id.
    pub fn find(&self, id: &str) -> Option<&Entry> {
        self.0.iter().rev().find(|entry| entry.id == id)
    }

    /// The message with this id, to be changed.
    pub fn find_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.0.iter_mut().rev().find(|entry| entry.id == id)
    }

    /// The newest message that offers this to tap.
    pub fn find_tap(&self, id: &str) -> Option<(&Entry, &Tap)> {
        self.0.iter().rev().find_map(|entry| {
            let tap = entry.taps().iter().find(|tap| tap.id == id)?;
            Some((entry, tap))
        })
    }

    /// Every message, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.iter()
    }

    /// Every message, oldest first, to be changed.
    pub fn entries_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Entry> {
        self.0.iter_mut()
    }
}

/// The instant as text, UTC.
pub fn rfc3339(at: UnixMs) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| String::new(), |t| t.to_string())
}

const fn kind_of(shown: &Shown) -> &'static str {
    match shown {
        Shown::Text(_) => "text",
        Shown::Buttons { .. } => "buttons",
        Shown::List { .. } => "list",
        Shown::ContactRequest { .. } => "contact_request",
        Shown::Template { .. } => "template",
        Shown::Reaction { .. } => "reaction",
    }
}

fn taps_json(taps: &[Tap]) -> Value {
    taps.iter()
        .map(|tap| json!({ "id": tap.id, "title": tap.title, "description": tap.description }))
        .collect()
}
