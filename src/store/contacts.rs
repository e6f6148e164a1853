//! Contacts and their addresses.
//!
//! One person may be known by a phone number, a business-scoped id or both,
//! and may change either. An address belongs to one contact; two contacts are
//! never merged here: that is a decision for a human. An address that was given
//! up is kept only for what was written from it before: a number is handed on,
//! and whoever has it next is somebody else.

use crate::core::id::ContactId;
use crate::core::inbound::Identity;
use crate::core::private::Private;
use crate::core::time::{DAY_MS, UnixMs};
use crate::store::Result;
use crate::store::cards::Card;
use crate::store::flags::{identity_changed, maybe_same_person};
use rusqlite::{Connection, OptionalExtension, params};

/// Finds the contact an identity belongs to, or makes one; links addresses
/// that were not known yet. `None` if the identity addresses nobody.
///
/// # Errors
/// Whatever the database reports.
pub fn resolve(conn: &Connection, who: &Identity, now: UnixMs) -> Result<Option<ContactId>> {
    let Some(met) = identify(conn, who, now, now)? else {
        return Ok(None);
    };
    let contact = met.card.contact();
    met.card.save(conn)?;
    Ok(Some(contact))
}

/// Who wrote.
pub struct Met {
    /// The contact's card, on which the names that came along stand already; it
    /// is the caller's to save.
    pub card: Card,
    /// The contact is known by the number alone, and by another account: perhaps
    /// the number was handed on.
    pub other_account: bool,
}

/// As [`resolve`], of somebody who wrote at `stamped` by the provider's clock.
///
/// # Errors
/// Whatever the database reports.
pub fn identify(
    conn: &Connection,
    who: &Identity,
    stamped: UnixMs,
    now: UnixMs,
) -> Result<Option<Met>> {
    if who.is_empty() {
        return Ok(None);
    }
    let mut known: Vec<ContactId> = Vec::new();
    let mut unknown = Vec::new();
    let mut by_account = false;
    for (kind, value) in addresses(who) {
        match find(conn, kind, value, now)?.filter(|found| found.held_at(stamped)) {
            Some(found) => {
                if found.is_stale && found.retired_at.is_none() {
                    touch(conn, kind, value, now)?;
                }
                if !known.contains(&found.contact) {
                    known.push(found.contact);
                }
                by_account |= kind != AddressKind::Phone;
            }
            None => unknown.push((kind, value)),
        }
    }
    let mut card = match known.as_slice() {
        [] => Card::blank(create(conn, now)?),
        [first, ..] => Card::read(conn, *first)?,
    };
    for other in known.iter().skip(1) {
        maybe_same_person(conn, card.contact(), *other, now)?;
        unknown.clear();
    }
    let mut other_account = false;
    for (kind, value) in unknown {
        let changed = !known.is_empty() && has_address(conn, card.contact(), kind)?;
        link(conn, card.contact(), kind, value, now)?;
        if changed {
            identity_changed(conn, card.contact(), now)?;
        }
        other_account |= changed && kind == AddressKind::Bsuid && !by_account;
    }
    card.remember_names(who);
    Ok(Some(Met {
        card,
        other_account,
    }))
}

/// Whose an identity was at `stamped`, by the provider's clock, if it is known.
/// Nothing is linked and nobody is made: for news that are no message.
///
/// # Errors
/// Whatever the database reports.
pub fn find_known(conn: &Connection, who: &Identity, stamped: UnixMs) -> Result<Option<ContactId>> {
    for (kind, value) in addresses(who) {
        let found = find(conn, kind, value, stamped)?;
        if let Some(found) = found.filter(|found| found.held_at(stamped)) {
            return Ok(Some(found.contact));
        }
    }
    Ok(None)
}

/// Links a new address to a contact after the provider announced it at
/// `stamped`, and retires the others of its kind: they may be somebody else's
/// from now on. If another contact has it already, it stays theirs, and staff
/// are told.
///
/// # Errors
/// Whatever the database reports.
pub fn adopt(
    conn: &Connection,
    contact: ContactId,
    (kind, value): (AddressKind, &Private<String>),
    stamped: UnixMs,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached(
        "UPDATE address SET retired_at = ?4
         WHERE contact_id = ?1 AND kind = ?2 AND value != ?3 AND retired_at IS NULL",
    )?
    .execute(params![contact.0, kind.word(), value.expose(), stamped.0])?;
    match find(conn, kind, value, now)? {
        Some(found) if found.contact != contact && found.retired_at.is_none() => {
            maybe_same_person(conn, contact, found.contact, now)
        }
        Some(_) | None => link(conn, contact, kind, value, now),
    }
}

/// The index is named because SQLite, which knows no counts, would otherwise
/// take the primary key by `kind` alone and read every phone number there is.
const LATEST_ADDRESS: &str = "SELECT value FROM address INDEXED BY address_by_contact
     WHERE contact_id = ?1 AND kind = ?2 AND retired_at IS NULL
     ORDER BY last_seen DESC, first_seen DESC LIMIT 1";

/// How to reach a contact now: its latest address of each kind.
///
/// # Errors
/// Whatever the database reports.
pub fn address_of(conn: &Connection, contact: ContactId) -> Result<Identity> {
    let latest = |kind: AddressKind| -> Result<Option<Private<String>>> {
        let mut query = conn.prepare_cached(LATEST_ADDRESS)?;
        let value: Option<String> = query
            .query_row(params![contact.0, kind.word()], |row| row.get(0))
            .optional()?;
        Ok(value.map(Private::new))
    };
    let (username, profile_name) = conn
        .prepare_cached("SELECT username, profile_name FROM contact WHERE id = ?1")?
        .query_row([contact.0], |row| {
            Ok((
                row.get::<_, Option<String>>(0)?,
                row.get::<_, Option<String>>(1)?,
            ))
        })
        .optional()?
        .unwrap_or_default();
    Ok(Identity {
        phone: latest(AddressKind::Phone)?,
        bsuid: latest(AddressKind::Bsuid)?,
        parent_bsuid: latest(AddressKind::ParentBsuid)?,
        username: username.map(Private::new),
        profile_name: profile_name.map(Private::new),
    })
}

/// The latest contacts who can be written to: how WhatsApp names them, and its
/// stamp of their last message.
///
/// # Errors
/// Whatever the database reports.
pub fn latest(conn: &Connection, limit: usize) -> Result<Vec<(Identity, UnixMs)>> {
    let mut query = conn.prepare_cached(
        "SELECT id, last_stamp FROM contact c
         WHERE EXISTS (SELECT 1 FROM address WHERE contact_id = c.id) ORDER BY id DESC LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<(i64, i64)> = query
        .query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut latest = Vec::new();
    for (contact, stamp) in found {
        latest.push((address_of(conn, ContactId(contact))?, UnixMs(stamp)));
    }
    Ok(latest)
}

/// A kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// Digits of a phone number.
    Phone,
    /// A business-scoped user id.
    Bsuid,
    /// A business-scoped id in a linked portfolio.
    ParentBsuid,
}

impl AddressKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Bsuid => "bsuid",
            Self::ParentBsuid => "parent_bsuid",
        }
    }
}

/// An identity's addresses, the one that says most about the person first: a
/// business-scoped id names an account, a number may be handed on.
fn addresses(who: &Identity) -> impl Iterator<Item = (AddressKind, &Private<String>)> {
    [
        (AddressKind::Bsuid, who.bsuid.as_ref()),
        (AddressKind::Phone, who.phone.as_ref()),
        (AddressKind::ParentBsuid, who.parent_bsuid.as_ref()),
    ]
    .into_iter()
    .filter_map(|(kind, value)| value.map(|v| (kind, v)))
}

/// Whose an address is.
struct Found {
    contact: ContactId,
    /// Its last use was a day ago or more, or another of its kind was seen as
    /// late as this one, and replies go to the latest.
    is_stale: bool,
    /// Since when, by the provider's clock, it is theirs no more.
    retired_at: Option<UnixMs>,
}

impl Found {
    /// Whether it was the contact's at that time.
    fn held_at(&self, stamped: UnixMs) -> bool {
        self.retired_at.is_none_or(|retired| stamped < retired)
    }
}

fn find(
    conn: &Connection,
    kind: AddressKind,
    value: &Private<String>,
    now: UnixMs,
) -> Result<Option<Found>> {
    Ok(conn
        .prepare_cached(
            "SELECT contact_id, last_seen < ?3 OR EXISTS (
                 SELECT 1 FROM address o INDEXED BY address_by_contact
                 WHERE o.contact_id = a.contact_id AND o.kind = ?1 AND o.value != ?2
                   AND o.last_seen >= a.last_seen AND o.retired_at IS NULL),
                 retired_at
             FROM address a WHERE kind = ?1 AND value = ?2",
        )?
        .query_row(
            params![kind.word(), value.expose(), now.0.saturating_sub(DAY_MS)],
            |row| {
                Ok(Found {
                    contact: ContactId(row.get(0)?),
                    is_stale: row.get(1)?,
                    retired_at: row.get::<_, Option<i64>>(2)?.map(UnixMs),
                })
            },
        )
        .optional()?)
}

/// Whether a contact has an address of this kind.
///
/// # Errors
/// Whatever the database reports.
pub fn has_address(conn: &Connection, contact: ContactId, kind: AddressKind) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM address INDEXED BY address_by_contact
             WHERE contact_id = ?1 AND kind = ?2 AND retired_at IS NULL)",
        )?
        .query_row(params![contact.0, kind.word()], |row| row.get(0))?)
}

fn create(conn: &Connection, now: UnixMs) -> Result<ContactId> {
    conn.prepare_cached("INSERT INTO contact (created_at) VALUES (?1)")?
        .execute([now.0])?;
    Ok(ContactId(conn.last_insert_rowid()))
}

/// Gives an address to a contact, whoever had it before.
fn link(
    conn: &Connection,
    contact: ContactId,
    kind: AddressKind,
    value: &Private<String>,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO address (kind, value, contact_id, first_seen, last_seen)
         VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (kind, value) DO UPDATE
         SET contact_id = ?3, first_seen = ?4, last_seen = ?4, retired_at = NULL",
    )?
    .execute(params![kind.word(), value.expose(), contact.0, now.0])?;
    Ok(())
}

/// Notes that an address is in use: done where [`Found::is_stale`], since cards
/// wear out by writes.
fn touch(conn: &Connection, kind: AddressKind, value: &Private<String>, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "UPDATE address SET last_seen = max(?3, 1 + coalesce((
                 SELECT max(o.last_seen) FROM address o WHERE o.contact_id = address.contact_id
                    AND o.kind = ?1 AND o.value != ?2), ?3 - 1))
         WHERE kind = ?1 AND value = ?2",
    )?
    .execute(params![kind.word(), value.expose(), now.0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{count, db, phone, plan};

    fn both(number: &str, bsuid: &str) -> Identity {
        Identity {
            phone: Some(number.into()),
            bsuid: Some(bsuid.into()),
            ..Identity::default()
        }
    }

    fn bsuid(id: &str) -> Identity {
        Identity {
            bsuid: Some(id.into()),
            ..Identity::default()
        }
    }

    fn resolved(conn: &Connection, who: &Identity) -> ContactId {
        resolve(conn, who, UnixMs(5)).unwrap().unwrap()
    }

    fn flag_of(conn: &Connection, contact: ContactId) -> Option<String> {
        conn.query_row("SELECT flag FROM contact WHERE id = ?1", [contact.0], |r| {
            r.get(0)
        })
        .unwrap()
    }

    #[test]
    fn a_person_without_a_number_is_a_contact_and_gains_one_later() {
        let conn = db();
        let hidden = resolved(&conn, &bsuid("CD.1"));
        assert_eq!(resolved(&conn, &both("243970000001", "CD.1")), hidden);
        assert_eq!(resolved(&conn, &phone("243970000001")), hidden);
        assert_eq!(flag_of(&conn, hidden), None, "a first number is no change");
        let to = address_of(&conn, hidden).unwrap();
        assert_eq!(to.phone, Some("243970000001".into()));
        assert_eq!(to.bsuid, Some("CD.1".into()));
    }

    #[test]
    fn a_known_number_with_another_account_is_linked_flagged_and_in_doubt() {
        let conn = db();
        let met = |who: &Identity| identify(&conn, who, UnixMs(5), UnixMs(5)).unwrap().unwrap();
        let amina = resolved(&conn, &both("243970000001", "CD.1"));
        let other = met(&both("243970000001", "CD.2"));
        assert_eq!((other.card.contact(), other.other_account), (amina, true));
        assert_eq!(flag_of(&conn, amina).as_deref(), Some("identity_changed"));
        let tasks = "SELECT count(*) FROM task WHERE kind = 'identity_changed' AND contact_id = 1";
        assert_eq!(count(&conn, tasks), 1);
        assert!(!met(&both("243970000001", "CD.2")).other_account, "once");
        // The same account with another number is the same person.
        let moved = met(&both("243970000003", "CD.2"));
        assert_eq!((moved.card.contact(), moved.other_account), (amina, false));
    }

    #[test]
    fn two_known_contacts_are_never_merged() {
        let conn = db();
        let by_number = resolved(&conn, &phone("243970000001"));
        let by_id = resolved(&conn, &bsuid("CD.1"));
        assert_ne!(by_number, by_id);
        assert_eq!(resolved(&conn, &both("243970000001", "CD.1")), by_id);
        assert_eq!(flag_of(&conn, by_id).as_deref(), Some("maybe_same_person"));
        let named: String = conn
            .query_row(
                "SELECT detail FROM task WHERE kind = 'maybe_same_person'",
                [],
                |r| r.get(0),
            )
            .unwrap();
        assert_eq!(named, by_number.to_string());
        assert_eq!(resolved(&conn, &phone("243970000001")), by_number);
    }

    #[test]
    fn a_change_of_number_is_followed_and_answers_go_to_the_new_one() {
        let conn = db();
        let amina = resolved(&conn, &phone("243970000001"));
        let new = Private::from("243970000009");
        let adopted = |new: &Private<String>, at| {
            adopt(&conn, amina, (AddressKind::Phone, new), at, at).unwrap();
        };
        adopted(&new, UnixMs(9));
        assert_eq!(address_of(&conn, amina).unwrap().phone, Some(new));
        let other = resolved(&conn, &phone("243970000002"));
        adopted(&"243970000002".into(), UnixMs(9));
        assert_eq!(
            address_of(&conn, amina).unwrap().phone,
            None,
            "the number before is theirs no more either"
        );
        assert_eq!(
            resolved(&conn, &phone("243970000002")),
            other,
            "taken by somebody else"
        );
        assert_eq!(flag_of(&conn, amina).as_deref(), Some("maybe_same_person"));
    }

    #[test]
    fn a_number_that_was_given_up_is_anybodys() {
        let conn = db();
        let amina = resolved(&conn, &both("243970000001", "CD.1"));
        let new = Private::from("243970000009");
        adopt(
            &conn,
            amina,
            (AddressKind::Phone, &new),
            UnixMs(9),
            UnixMs(9),
        )
        .unwrap();
        let at = |who: &Identity, ms| {
            let met = identify(&conn, who, UnixMs(ms), UnixMs(20))
                .unwrap()
                .unwrap();
            (met.card.contact(), met.other_account)
        };
        // What was written before the change and comes late is still theirs, and
        // leaves the new number in use.
        assert_eq!(at(&phone("243970000001"), 8), (amina, false));
        assert_eq!(at(&both("243970000001", "CD.1"), 8), (amina, false));
        assert_eq!(address_of(&conn, amina).unwrap().phone, Some(new.clone()));
        let (heir, doubt) = at(&both("243970000001", "CD.999"), 9);
        assert!(heir != amina && !doubt);
        assert_eq!(at(&phone("243970000001"), 10), (heir, false));
        assert_eq!(address_of(&conn, amina).unwrap().phone, Some(new));
    }

    #[test]
    fn somebody_who_takes_their_old_number_again_is_found_by_it() {
        let conn = db();
        let amina = resolved(&conn, &both("243970000001", "CD.1"));
        for (number, ms) in [("243970000009", 9), ("243970000001", 12)] {
            let new = Private::from(number);
            adopt(
                &conn,
                amina,
                (AddressKind::Phone, &new),
                UnixMs(ms),
                UnixMs(ms),
            )
            .unwrap();
            assert_eq!(address_of(&conn, amina).unwrap().phone, Some(new));
        }
        assert_eq!(resolved(&conn, &phone("243970000001")), amina);
        let known = |number: &str| find_known(&conn, &phone(number), UnixMs(12)).unwrap();
        assert_eq!(known("243970000009"), None);
        assert_eq!(known("243970000001"), Some(amina));
    }

    #[test]
    fn replies_go_to_the_number_written_from_last_also_within_a_day() {
        let conn = db();
        let at = |number: &str, now: i64| {
            let who = both(number, "CD.1");
            let amina = resolve(&conn, &who, UnixMs(now)).unwrap().unwrap();
            assert_eq!(address_of(&conn, amina).unwrap().phone, who.phone, "{now}");
        };
        // The last two within one millisecond, and with the clock set back.
        for (number, now) in [("24391", 5), ("24392", 6), ("24391", 7), ("24392", 7)] {
            at(number, now);
        }
        at("24391", 3);
    }

    #[test]
    fn the_latest_address_is_found_without_reading_those_of_others() {
        let told = plan(&db(), LATEST_ADDRESS);
        assert!(told.contains("contact_id=? AND kind=?"), "{told}");
    }

    #[test]
    fn nobody_is_no_contact() {
        let conn = db();
        assert_eq!(
            resolve(&conn, &Identity::default(), UnixMs(0)).unwrap(),
            None
        );
        assert_eq!(count(&conn, "SELECT count(*) FROM contact"), 0);
    }
}
