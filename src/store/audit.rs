//! The audit log: who did what. Each entry's hash covers the one before it, so
//! that no entry can be changed or taken out unnoticed.
//!
//! Entries name contacts, records and staff by our own ids, never by name,
//! number or words.

use crate::core::time::UnixMs;
use crate::store::error::Error;
use rusqlite::{Connection, OptionalExtension, Row};
use sha2::{Digest, Sha256};

/// What the first entry's hash builds on.
const BEFORE_ALL: [u8; 32] = [0; 32];

/// What is to be noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed<'a> {
    /// When.
    pub at: UnixMs,
    /// Who: `staff:3`, `system`, `command line`.
    pub actor: &'a str,
    /// What was done: `record.read`, `secret.set`.
    pub action: &'a str,
    /// On what: `record:HP-…`, `contact:17`.
    pub subject: &'a str,
    /// Anything else worth knowing, without patient data.
    pub detail: &'a str,
}

/// One entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first is 1, and none is left out.
    pub seq: i64,
    /// When.
    pub at: UnixMs,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// On what.
    pub subject: String,
    /// Anything else.
    pub detail: String,
    /// SHA-256 over the fields and the hash before.
    pub hash: Vec<u8>,
}

/// What a check of the whole chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; `head` is the last hash (zeros for an empty log).
    Whole {
        /// How many entries there are.
        entries: i64,
        /// The last entry's hash.
        head: [u8; 32],
    },
    /// The entry with this number is missing or not as it was written.
    BrokenAt(i64),
}

impl Entry {
    /// The hash this entry must have after `before`. Every field goes in with
    /// its length, so that no text can pass from one field to the next.
    pub fn expected_hash(&self, before: &[u8; 32]) -> [u8; 32] {
        let deed = Deed {
            at: self.at,
            actor: &self.actor,
            action: &self.action,
            subject: &self.subject,
            detail: &self.detail,
        };
        chain(before, self.seq, &deed)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: UnixMs(row.get(1)?),
            actor: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
            hash: row.get(6)?,
        })
    }
}

fn chain(before: &[u8; 32], seq: i64, deed: &Deed<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(seq.to_be_bytes());
    hash.update(deed.at.0.to_be_bytes());
    for text in [deed.actor, deed.action, deed.subject, deed.detail] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}

/// Adds an entry. Belongs in the transaction of what it tells of.
///
/// # Errors
/// When the database cannot be written.
pub fn append(conn: &Connection, deed: &Deed<'_>) -> Result<(), Error> {
    let last: Option<(i64, Vec<u8>)> = conn
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (seq, before) = match last {
        None => (1, BEFORE_ALL),
        Some((seq, hash)) => {
            let hash = <[u8; 32]>::try_from(hash.as_slice());
            let hash = hash.map_err(|_| Error::Unreadable("an audit entry"))?;
            (seq.saturating_add(1), hash)
        }
    };
    let hash = chain(&before, seq, deed);
    conn.prepare_cached(
        "INSERT INTO audit (seq, at, actor, action, subject, detail, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute((
        seq,
        deed.at.0,
        deed.actor,
        deed.action,
        deed.subject,
        deed.detail,
        hash.as_slice(),
    ))?;
    Ok(())
}

/// Up to `limit` entries with numbers above `after`, oldest first.
///
/// # Errors
/// When the database cannot be read.
pub fn list(conn: &Connection, after: i64, limit: u32) -> Result<Vec<Entry>, Error> {
    let mut query = conn.prepare_cached(
        "SELECT seq, at, actor, action, subject, detail, hash FROM audit
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = query.query_map((after, limit), Entry::from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Walks the whole chain.
///
/// # Errors
/// When the database cannot be read; a broken chain is a verdict, no error.
pub fn verify(conn: &Connection) -> Result<Verdict, Error> {
    let mut query = conn
        .prepare("SELECT seq, at, actor, action, subject, detail, hash FROM audit ORDER BY seq")?;
    let mut rows = query.query([])?;
    let (mut entries, mut head) = (0, BEFORE_ALL);
    while let Some(row) = rows.next()? {
        let entry = Entry::from_row(row)?;
        let expected = entry.expected_hash(&head);
        if entry.seq != entries + 1 || entry.hash != expected {
            return Ok(Verdict::BrokenAt(entries + 1));
        }
        (entries, head) = (entry.seq, expected);
    }
    Ok(Verdict::Whole { entries, head })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations::migrate;

    fn log_of(entries: i64) -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        for i in 0..entries {
            let deed = Deed {
                at: UnixMs(i),
                actor: "staff:1",
                action: "record.read",
                subject: "record:HP-0000-0000-0",
                detail: "",
            };
            append(&conn, &deed).unwrap();
        }
        conn
    }

    #[test]
    fn an_untouched_chain_holds() {
        assert!(matches!(
            verify(&log_of(0)).unwrap(),
            Verdict::Whole { entries: 0, .. }
        ));
        let conn = log_of(5);
        assert!(matches!(
            verify(&conn).unwrap(),
            Verdict::Whole { entries: 5, .. }
        ));
        assert_eq!(list(&conn, 2, 2).unwrap().len(), 2);
    }

    #[test]
    fn the_first_bad_entry_is_named() {
        for (sql, bad) in [
            ("UPDATE audit SET actor = 'staff:2' WHERE seq = 3", 3),
            ("UPDATE audit SET at = 77 WHERE seq = 1", 1),
            (
                "UPDATE audit SET action = 'record.readr', subject = 'ecord' WHERE seq = 2",
                2,
            ),
            ("DELETE FROM audit WHERE seq = 4", 4),
            ("DELETE FROM audit WHERE seq = 1", 1),
            ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 5", 5),
        ] {
            let conn = log_of(5);
            conn.execute(sql, []).unwrap();
            assert_eq!(verify(&conn).unwrap(), Verdict::BrokenAt(bad), "{sql}");
        }
    }
}
