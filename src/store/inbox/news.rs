//! What is no message: changes of an address, calls, faults of the account.
//!
//! They make no contact. Somebody who never wrote has nothing here to be
//! followed, and what is kept of nobody, nobody could have erased.

use super::{Row, Tally};
use crate::core::delivery::{ACCOUNT_LIMITED, ACCOUNT_LOCKED};
use crate::core::id::ContactId;
use crate::core::inbound::{
    Identity, Inbound, ProviderError, Standing, StandingVerdict, SystemChange,
};
use crate::core::private::Private;
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use crate::store::cards::Card;
use crate::store::contacts::{self, AddressKind};
use crate::store::outbox::{self, OfAccount};
use crate::store::{Result, counters, flags, tasks};
use rusqlite::Connection;

/// Stored in the place of a reason where an item is about nobody we know.
const OF_NOBODY: &str = "about nobody known here";

impl Row<'_> {
    /// A call opens the 24 hours like a message.
    pub(super) fn take_call(&self, ours: bool, from: &Identity, stamped: UnixMs) -> Result<()> {
        let known = contacts::find_known(self.conn, from, stamped)?;
        let Some(contact) = known.filter(|_| ours) else {
            return self.keep_bare("call", stamped, OF_NOBODY);
        };
        let mut card = Card::read(self.conn, contact)?;
        card.saw_message(stamped);
        card.save(self.conn)?;
        self.keep("call", Some(contact), stamped, None)
    }

    /// A change of the account behind a contact's address.
    pub(super) fn take_change(
        &self,
        quiet_ms: i64,
        message: &Inbound,
        change: &SystemChange,
    ) -> Result<()> {
        let stamped = message.stamped;
        let Some(contact) = contacts::find_known(self.conn, &message.from, stamped)? else {
            return self.keep_bare("system", stamped, OF_NOBODY);
        };
        match change {
            // The conversation itself has to know: it asks before it shows more.
            SystemChange::IdentityChanged => {
                let mut card = Card::read(self.conn, contact)?;
                card.wait(self.inbox, quiet_ms, false, self.now);
                self.insert("system", "new", Some(contact), stamped, None)?;
                return card.save(self.conn);
            }
            SystemChange::NumberChanged { phone, bsuid } => {
                self.adopt(contact, AddressKind::Phone, phone, stamped)?;
                if let Some(bsuid) = bsuid {
                    self.adopt(contact, AddressKind::Bsuid, bsuid, stamped)?;
                }
                flags::identity_changed(self.conn, contact, self.now)?;
            }
            SystemChange::UserIdChanged { bsuid } => {
                self.adopt(contact, AddressKind::Bsuid, bsuid, stamped)?;
                flags::identity_changed(self.conn, contact, self.now)?;
            }
            SystemChange::Other { .. } => {}
        }
        self.keep("system", Some(contact), stamped, None)
    }

    /// The sender's own number, told at our request.
    pub(super) fn take_own_number(
        &self,
        contact: ContactId,
        phone: &Private<String>,
        stamped: UnixMs,
    ) -> Result<()> {
        let before = contacts::address_of(self.conn, contact)?.phone;
        if before.as_ref() == Some(phone) {
            return Ok(());
        }
        self.adopt(contact, AddressKind::Phone, phone, stamped)?;
        if before.is_some() {
            flags::identity_changed(self.conn, contact, self.now)?;
        }
        Ok(())
    }

    /// A business-scoped id was made anew.
    pub(super) fn take_new_id(
        &self,
        ours: bool,
        previous: &Private<String>,
        current: &Private<String>,
        phone: Option<&Private<String>>,
    ) -> Result<()> {
        let whose = whose_id(self.conn, previous, phone, self.now)?;
        let Some(contact) = whose.filter(|_| ours) else {
            return self.keep_bare("user_id_update", self.now, OF_NOBODY);
        };
        self.adopt(contact, AddressKind::Bsuid, current, self.now)?;
        self.keep("user_id_update", Some(contact), self.now, None)
    }

    fn adopt(
        &self,
        contact: ContactId,
        kind: AddressKind,
        value: &Private<String>,
        stamped: UnixMs,
    ) -> Result<()> {
        contacts::adopt(self.conn, contact, (kind, value), stamped, self.now)
    }

    /// A fault of the account, not of one message.
    pub(super) fn take_fault(&self, error: &ProviderError, tally: &mut Tally) -> Result<()> {
        let code = error.code;
        tracing::warn!(code, "WhatsApp reports a fault of the account");
        tally.note(outbox::account_fault(self.conn, error, self.now)?);
        self.keep_counted("channel_error", "webhook.channel_errors")
    }

    /// A ban or a limit of the account, or the end of one.
    pub(super) fn take_standing(&self, standing: &Standing, tally: &mut Tally) -> Result<()> {
        let event = standing.event.as_str();
        let refusal = match standing.verdict {
            StandingVerdict::Barred => Some(ACCOUNT_LOCKED),
            StandingVerdict::Limited => Some(ACCOUNT_LIMITED),
            StandingVerdict::Warned | StandingVerdict::Reinstated => None,
        };
        if let Some(code) = refusal {
            let error = ProviderError {
                code,
                subcode: None,
            };
            tally.note(OfAccount::Refused(error));
        }
        if standing.verdict == StandingVerdict::Reinstated {
            tracing::info!(event, "WhatsApp has nothing against the account any more");
            tasks::close_about(self.conn, Kind::AccountRefused, event, self.now)?;
        } else {
            tracing::warn!(event, "WhatsApp has something against the account");
            outbox::account_refused(self.conn, event, self.now)?;
        }
        self.keep_counted("account", "webhook.account_events")
    }

    /// Keeps that something came, and nothing of it.
    fn keep_bare(&self, kind: &str, stamped: UnixMs, why: &str) -> Result<()> {
        self.insert_item(kind, "kept", None, (None, stamped), Some(why))
    }

    pub(super) fn keep_counted(&self, kind: &str, counter: &'static str) -> Result<()> {
        counters::add(self.conn, counter, 1)?;
        self.keep(kind, None, self.now, None)
    }
}

/// Whose a former id is. The number tells only of somebody whose id was not
/// known yet: else the news are older than what is known.
fn whose_id(
    conn: &Connection,
    previous: &Private<String>,
    phone: Option<&Private<String>>,
    now: UnixMs,
) -> Result<Option<ContactId>> {
    let by = |who: Identity| contacts::find_known(conn, &who, now);
    let by_id = by(Identity {
        bsuid: Some(previous.clone()),
        ..Identity::default()
    })?;
    if by_id.is_some() {
        return Ok(by_id);
    }
    let by_phone = by(Identity {
        phone: phone.cloned(),
        ..Identity::default()
    })?;
    match by_phone {
        Some(contact) if contacts::has_address(conn, contact, AddressKind::Bsuid)? => Ok(None),
        other => Ok(other),
    }
}
