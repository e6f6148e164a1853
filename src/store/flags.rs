//! Why staff should look at a contact: the flag in the contact's row, and the
//! tasks that go with the doubts about who somebody is.
//!
//! A contact has one flag: of several reasons the most serious. It goes when
//! the last task of its kind is done, and the next reason takes its place.

use crate::core::id::ContactId;
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use crate::store::tasks::{self, NewTask};
use crate::store::{Result, sessions};
use rusqlite::{Connection, OptionalExtension, params};

/// Why staff should look at a contact, beside what the conversation says.
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

/// The word of somebody who asked for no more messages. No task goes with it.
const STOPPED: &str = "stopped";

/// Every other reason, the least serious first, as its task: the words are the same.
const BY_WEIGHT: [Kind; 4] = [
    Kind::DeadLetter,
    Kind::MaybeSamePerson,
    Kind::IdentityChanged,
    Kind::DangerSign,
];

/// None for a word that is not known here.
fn weight(word: &str) -> Option<usize> {
    let mut words = std::iter::once(STOPPED).chain(BY_WEIGHT.map(Kind::word));
    words.position(|known| known == word)
}

/// Marks a contact for staff, unless there is a more serious reason already.
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
    let present = of(conn, contact)?;
    if present.is_none_or(|present| weight(&present) < weight(why)) {
        set(conn, contact, Some(why))?;
    }
    Ok(())
}

/// A contact's number or account is another one now: staff are to ask who it is.
///
/// # Errors
/// Whatever the database reports.
pub fn identity_changed(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<()> {
    flag(conn, contact, ContactFlag::IdentityChanged)?;
    let task = NewTask::of(Kind::IdentityChanged).contact(contact);
    tasks::open(conn, &task, now)
}

/// Two contacts seem to be one person. Staff are told once: what they make of
/// it is not asked again with every message.
///
/// # Errors
/// Whatever the database reports.
pub fn maybe_same_person(
    conn: &Connection,
    contact: ContactId,
    other: ContactId,
    now: UnixMs,
) -> Result<()> {
    let other = other.to_string();
    let task = NewTask::of(Kind::MaybeSamePerson).contact(contact);
    let task = task.about(&other);
    if tasks::was_opened(conn, &task)? {
        return Ok(());
    }
    flag(conn, contact, ContactFlag::MaybeSamePerson)?;
    tasks::open(conn, &task, now)
}

/// Somebody who asked for no more messages writes on: nothing is to be looked at,
/// unless for another reason.
///
/// # Errors
/// Whatever the database reports.
pub fn goes_on(conn: &Connection, contact: ContactId) -> Result<()> {
    if of(conn, contact)?.as_deref() == Some(STOPPED) {
        set(conn, contact, None)?;
    }
    Ok(())
}

/// A task of this kind about a contact was ended: if it was the last that the
/// flag stands for, the flag says what is left.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn settle(conn: &Connection, contact: ContactId, kind: &str) -> Result<()> {
    if of(conn, contact)?.as_deref() != Some(kind) {
        return Ok(());
    }
    for kind in BY_WEIGHT.into_iter().rev() {
        if tasks::is_open_of(conn, contact, kind)? {
            return set(conn, contact, Some(kind.word()));
        }
    }
    let stopped = sessions::load(conn, contact).is_ok_and(|session| session.stopped);
    set(conn, contact, stopped.then_some(STOPPED))
}

fn of(conn: &Connection, contact: ContactId) -> Result<Option<String>> {
    Ok(conn
        .prepare_cached("SELECT flag FROM contact WHERE id = ?1")?
        .query_row([contact.0], |row| row.get(0))
        .optional()?
        .flatten())
}

fn set(conn: &Connection, contact: ContactId, why: Option<&str>) -> Result<()> {
    conn.prepare_cached("UPDATE contact SET flag = ?2 WHERE id = ?1")?
        .execute(params![contact.0, why])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::engine::{FlagReason, Session};
    use crate::core::id::StaffId;
    use crate::core::tasks::Outcome;
    use crate::store::tests::{contact, db};

    const NOW: UnixMs = UnixMs(1);

    fn done(conn: &Connection, kind: Kind) {
        conn.execute(
            "INSERT OR IGNORE INTO staff (id, name, roles, password, created_at)
             VALUES (1, 'amina', '', '', 0)",
            [],
        )
        .unwrap();
        let open = tasks::list_open(conn, 10).unwrap();
        let task = open.iter().find(|task| task.kind == kind.word()).unwrap();
        tasks::end(conn, task.id, StaffId(1), Outcome::Done, NOW).unwrap();
    }

    #[test]
    fn every_reason_has_its_weight() {
        let own = [
            ContactFlag::IdentityChanged,
            ContactFlag::MaybeSamePerson,
            ContactFlag::DeadLetter,
        ];
        let own = own.iter().map(|flag| flag.word());
        let told = FlagReason::ALL.iter().map(|reason| reason.word());
        for word in own.chain(told) {
            assert!(weight(word).is_some(), "{word}");
        }
    }

    #[test]
    fn a_more_serious_reason_takes_the_place_of_a_lesser_one_and_not_the_reverse() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        flag_word(&conn, amina, STOPPED).unwrap();
        identity_changed(&conn, amina, NOW).unwrap();
        assert_eq!(
            of(&conn, amina).unwrap().as_deref(),
            Some("identity_changed")
        );
        flag_word(&conn, amina, STOPPED).unwrap();
        flag(&conn, amina, ContactFlag::DeadLetter).unwrap();
        assert_eq!(
            of(&conn, amina).unwrap().as_deref(),
            Some("identity_changed")
        );
    }

    #[test]
    fn a_flag_goes_with_its_last_task_and_the_next_reason_takes_its_place() {
        let conn = db();
        let [amina, ben, chem] = ["1", "2", "3"].map(|number| contact(&conn, number));
        let session = Session {
            stopped: true,
            ..Session::default()
        };
        sessions::save(&conn, amina, &session, NOW).unwrap();
        maybe_same_person(&conn, amina, ben, NOW).unwrap();
        maybe_same_person(&conn, amina, chem, NOW).unwrap();
        identity_changed(&conn, amina, NOW).unwrap();
        let flag = || of(&conn, amina).unwrap();
        done(&conn, Kind::IdentityChanged);
        for _ in 0..2 {
            assert_eq!(flag().as_deref(), Some("maybe_same_person"));
            done(&conn, Kind::MaybeSamePerson);
        }
        assert_eq!(flag().as_deref(), Some(STOPPED));
    }

    #[test]
    fn two_contacts_are_compared_once() {
        let conn = db();
        let [amina, ben] = ["1", "2"].map(|number| contact(&conn, number));
        maybe_same_person(&conn, amina, ben, NOW).unwrap();
        let open = tasks::list_open(&conn, 10).unwrap();
        assert_eq!(open[0].contact, Some(amina));
        assert_eq!(open[0].detail, Some(ben.to_string()));
        done(&conn, Kind::MaybeSamePerson);
        maybe_same_person(&conn, amina, ben, NOW).unwrap();
        assert_eq!(tasks::list_open(&conn, 10).unwrap(), []);
        assert_eq!(of(&conn, amina).unwrap(), None);
    }
}
