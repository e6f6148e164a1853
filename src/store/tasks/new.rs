//! A task about to be opened: its kind, and what of the rest is known.

use crate::core::id::{ContactId, OutboxId, RecordId};
use crate::core::tasks::Kind;

/// A task about to be opened.
#[derive(Clone, Debug)]
pub struct NewTask<'a> {
    /// What kind of work it is.
    pub kind: Kind,
    /// Whom it concerns.
    pub contact: Option<ContactId>,
    /// Which record it concerns.
    pub record: Option<&'a RecordId>,
    /// Which message it stands for; a message gets one task at most.
    pub outbox: Option<OutboxId>,
    /// Which, more exactly: a field's id, a sign's word. Never a patient's words.
    pub detail: Option<&'a str>,
}

impl<'a> NewTask<'a> {
    /// One of a kind, about nothing yet.
    pub const fn of(kind: Kind) -> Self {
        Self {
            kind,
            contact: None,
            record: None,
            outbox: None,
            detail: None,
        }
    }

    /// It concerns this contact.
    #[must_use]
    pub const fn contact(mut self, contact: ContactId) -> Self {
        self.contact = Some(contact);
        self
    }

    /// It concerns this record, if there is one.
    #[must_use]
    pub const fn record(mut self, record: Option<&'a RecordId>) -> Self {
        self.record = record;
        self
    }

    /// It stands for this message.
    #[must_use]
    pub const fn message(mut self, outbox: OutboxId) -> Self {
        self.outbox = Some(outbox);
        self
    }

    /// Which, more exactly.
    #[must_use]
    pub const fn about(mut self, detail: &'a str) -> Self {
        self.detail = Some(detail);
        self
    }
}
