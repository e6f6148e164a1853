//! Contacts and their addresses.
//!
//! One person may be known by a phone number, a business-scoped id or both,
//! and may change either. An address belongs to one contact; two contacts are
//! never merged here: that is a decision for a human.

use crate::core::id::ContactId;
use crate::core::inbound::Identity;
use crate::core::private::Private;
use crate::core::time::{DAY_MS, UnixMs};
use crate::store::Result;
use crate::store::cards::Card;
use rusqlite::{Connection, OptionalExtension, params};

/// Why staff should look at a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactFlag {
    /// A known number came with an unknown account id, or the reverse.
    IdentityChanged,
    /// Two contacts seem to be one person.
    MaybeSamePerson,
    /// A message of theirs could not be processed.
    DeadLetter,
}

impl ContactFlag {
    /// The word stored in the row.
    pub const fn word(self) -> &'static str {
        match self {
            Self::IdentityChanged => "identity_changed",
            Self::MaybeSamePerson => "maybe_same_person",
            Self::DeadLetter => "dead_letter",
        }
    }
}

/// Finds the contact an identity belongs to, or makes one; links addresses
/// that were not known yet. `None` if the identity addresses nobody.
///
/// # Errors
/// Whatever the database reports.
pub fn resolve(conn: &Connection, who: &Identity, now: UnixMs) -> Result<Option<ContactId>> {
    let Some(card) = identify(conn, who, now)? else {
        return Ok(None);
    };
    let contact = card.contact();
    card.save(conn)?;
    Ok(Some(contact))
}

/// As [`resolve`], with the contact's card, on which the names that came along
/// stand already; it is the caller's to save.
///
/// # Errors
/// Whatever the database reports.
pub fn identify(conn: &Connection, who: &Identity, now: UnixMs) -> Result<Option<Card>> {
    if who.is_empty() {
        return Ok(None);
    }
    let mut known: Vec<ContactId> = Vec::new();
    let mut unknown = Vec::new();
    for (kind, value) in addresses(who) {
        match find(conn, kind, value, now)? {
            Some(found) => {
                if found.is_stale {
                    touch(conn, kind, value, now)?;
                }
                if !known.contains(&found.contact) {
                    known.push(found.contact);
                }
            }
            None => unknown.push((kind, value)),
        }
    }
    let mut card = match known.as_slice() {
        [] => Card::blank(create(conn, now)?),
        [first, ..] => Card::read(conn, *first)?,
    };
    if known.len() > 1 {
        flag(conn, card.contact(), ContactFlag::MaybeSamePerson)?;
        unknown.clear();
    }
    for (kind, value) in unknown {
        let changed = !known.is_empty() && has_other(conn, card.contact(), kind)?;
        link(conn, card.contact(), kind, value, now)?;
        if changed {
            flag(conn, card.contact(), ContactFlag::IdentityChanged)?;
        }
    }
    card.remember_names(who);
    Ok(Some(card))
}

/// The contact an identity belongs to, if we have one: nobody is made, linked
/// or flagged by this.
///
/// # Errors
/// Whatever the database reports.
pub fn known(conn: &Connection, who: &Identity) -> Result<Option<ContactId>> {
    for (kind, value) in addresses(who) {
        let found: Option<i64> = conn
            .prepare_cached("SELECT contact_id FROM address WHERE kind = ?1 AND value = ?2")?
            .query_row(params![kind.word(), value.expose()], |row| row.get(0))
            .optional()?;
        if found.is_some() {
            return Ok(found.map(ContactId));
        }
    }
    Ok(None)
}

/// Links a new address to a contact after the provider announced a change of
/// number or id. If somebody else has it already, both are left alone and the
/// contact is flagged.
///
/// # Errors
/// Whatever the database reports.
pub fn adopt(
    conn: &Connection,
    contact: ContactId,
    kind: AddressKind,
    value: &Private<String>,
    now: UnixMs,
) -> Result<()> {
    match find(conn, kind, value, now)? {
        None => link(conn, contact, kind, value, now)?,
        Some(same) if same.contact == contact => touch_always(conn, kind, value, now)?,
        Some(_) => flag(conn, contact, ContactFlag::MaybeSamePerson)?,
    }
    Ok(())
}

/// The index is named because SQLite, which knows no counts, would otherwise
/// take the primary key by `kind` alone and read every phone number there is.
const LATEST_ADDRESS: &str = "SELECT value FROM address INDEXED BY address_by_contact
     WHERE contact_id = ?1 AND kind = ?2 ORDER BY last_seen DESC, first_seen DESC LIMIT 1";

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

/// Marks a contact for staff; the first reason stays until it is dealt with.
///
/// # Errors
/// Whatever the database reports.
pub fn flag(conn: &Connection, contact: ContactId, why: ContactFlag) -> Result<()> {
    flag_word(conn, contact, why.word())
}

/// As [`flag`], with a reason that comes from the conversation.
///
/// # Errors
/// Whatever the database reports.
pub fn flag_word(conn: &Connection, contact: ContactId, why: &str) -> Result<()> {
    conn.prepare_cached("UPDATE contact SET flag = ?2 WHERE id = ?1 AND flag IS NULL")?
        .execute(params![contact.0, why])?;
    Ok(())
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
                   AND o.last_seen >= a.last_seen)
             FROM address a WHERE kind = ?1 AND value = ?2",
        )?
        .query_row(
            params![kind.word(), value.expose(), now.0.saturating_sub(DAY_MS)],
            |row| {
                Ok(Found {
                    contact: ContactId(row.get(0)?),
                    is_stale: row.get(1)?,
                })
            },
        )
        .optional()?)
}

fn has_other(conn: &Connection, contact: ContactId, kind: AddressKind) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM address WHERE contact_id = ?1 AND kind = ?2)",
        )?
        .query_row(params![contact.0, kind.word()], |row| row.get(0))?)
}

fn create(conn: &Connection, now: UnixMs) -> Result<ContactId> {
    conn.prepare_cached("INSERT INTO contact (created_at) VALUES (?1)")?
        .execute([now.0])?;
    Ok(ContactId(conn.last_insert_rowid()))
}

fn link(
    conn: &Connection,
    contact: ContactId,
    kind: AddressKind,
    value: &Private<String>,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO address (kind, value, contact_id, first_seen, last_seen)
         VALUES (?1, ?2, ?3, ?4, ?4)",
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

fn touch_always(
    conn: &Connection,
    kind: AddressKind,
    value: &Private<String>,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached("UPDATE address SET last_seen = ?3 WHERE kind = ?1 AND value = ?2")?
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
    fn a_known_number_with_another_account_is_linked_and_flagged() {
        let conn = db();
        let amina = resolved(&conn, &both("243970000001", "CD.1"));
        assert_eq!(resolved(&conn, &both("243970000001", "CD.2")), amina);
        assert_eq!(flag_of(&conn, amina).as_deref(), Some("identity_changed"));
    }

    #[test]
    fn two_known_contacts_are_never_merged() {
        let conn = db();
        let by_number = resolved(&conn, &phone("243970000001"));
        let by_id = resolved(&conn, &bsuid("CD.1"));
        assert_ne!(by_number, by_id);
        assert_eq!(resolved(&conn, &both("243970000001", "CD.1")), by_id);
        assert_eq!(flag_of(&conn, by_id).as_deref(), Some("maybe_same_person"));
        assert_eq!(resolved(&conn, &phone("243970000001")), by_number);
    }

    #[test]
    fn a_change_of_number_is_followed_and_answers_go_to_the_new_one() {
        let conn = db();
        let amina = resolved(&conn, &phone("243970000001"));
        let new = Private::from("243970000009");
        adopt(&conn, amina, AddressKind::Phone, &new, UnixMs(9)).unwrap();
        assert_eq!(address_of(&conn, amina).unwrap().phone, Some(new));
        let other = resolved(&conn, &phone("243970000002"));
        adopt(
            &conn,
            amina,
            AddressKind::Phone,
            &"243970000002".into(),
            UnixMs(9),
        )
        .unwrap();
        assert_eq!(
            resolved(&conn, &phone("243970000002")),
            other,
            "taken by somebody else"
        );
        assert_eq!(flag_of(&conn, amina).as_deref(), Some("maybe_same_person"));
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
