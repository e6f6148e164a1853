//! What will happen to messages and when: an ordered list of steps. Steps due
//! at the same instant keep the order in which they were planned.

use super::graph_error::GraphError;
use super::person::PersonId;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the simulator remembers of a message from the clinic.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// Its WhatsApp id.
    pub wamid: String,
    /// Whose phone it goes to; nobody's, if the number has no WhatsApp.
    pub person: Option<PersonId>,
    /// The recipient's digits or user id as they were given.
    pub addressed: String,
    /// The sender's own key.
    pub callback: Option<String>,
    /// `service` or `utility`.
    pub category: Cow<'static, str>,
    /// Whether each status is to come twice.
    pub doubled: bool,
}

/// What happens to a message next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// It leaves Meta.
    Sent,
    /// It reaches the phone, if that is on.
    Delivered,
    /// The person opens the chat.
    Read,
    /// It fails.
    Failed(GraphError),
}

/// Things ordered by when they are due.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    from = "Vec<(UnixMs, T)>",
    into = "Vec<(UnixMs, T)>",
    bound(serialize = "T: Clone + Serialize")
)]
pub struct Agenda<T> {
    due: BTreeMap<(UnixMs, u64), T>,
    next: u64,
}

/// A step of one message.
pub type MessageStep = (Arc<Outbound>, Step);

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            due: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> From<Vec<(UnixMs, T)>> for Agenda<T> {
    fn from(all: Vec<(UnixMs, T)>) -> Self {
        let mut agenda = Self::default();
        for (at, what) in all {
            agenda.plan(at, what);
        }
        agenda
    }
}

impl<T> From<Agenda<T>> for Vec<(UnixMs, T)> {
    fn from(agenda: Agenda<T>) -> Self {
        let due = agenda.due.into_iter();
        due.map(|((at, _), what)| (at, what)).collect()
    }
}

impl<T> Agenda<T> {
    /// Plans something.
    pub fn plan(&mut self, at: UnixMs, what: T) {
        self.due.insert((at, self.next), what);
        self.next += 1;
    }

    /// Takes the first thing that is due, with the instant it was due at.
    pub fn take_due(&mut self, now: UnixMs) -> Option<(UnixMs, T)> {
        let first = self.due.first_entry()?;
        let at = first.key().0;
        (at <= now).then(|| (at, first.remove()))
    }

    /// When the next thing is due.
    pub fn next_at(&self) -> Option<UnixMs> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;

    #[test]
    fn in_order_of_time_then_of_planning() {
        let mut agenda = Agenda::default();
        agenda.plan(UnixMs(5), "late");
        agenda.plan(UnixMs(1), "first");
        agenda.plan(UnixMs(1), "second");
        assert_eq!(agenda.next_at(), Some(UnixMs(1)));
        assert_eq!(agenda.take_due(UnixMs(2)), Some((UnixMs(1), "first")));
        assert_eq!(agenda.take_due(UnixMs(2)), Some((UnixMs(1), "second")));
        assert_eq!(agenda.take_due(UnixMs(4)), None);
        assert_eq!(agenda.take_due(UnixMs(5)), Some((UnixMs(5), "late")));
    }
}
