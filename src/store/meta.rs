//! Facts about the database itself: its schema, and the box key under which
//! provider ids are hashed. Never anything a person said or is.

use crate::core::time::UnixMs;
use crate::store::error::Error;
use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{Connection, OptionalExtension};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Under which name the box key is kept.
const BOX_KEY: &str = "box_key";
/// Under which name it is kept when the recovery key was last proved.
pub const DRILLED_AT: &str = "drilled_at";

/// The 32-byte key of this box under which identifiers that would tell a phone
/// number (a provider's message ids) are hashed before they are kept for good.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BoxKey([u8; 32]);

impl BoxKey {
    /// A key out of 32 random bytes.
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// HMAC-SHA-256 of `text`, cut to 16 bytes: enough never to collide in a
    /// clinic's life, and useless without the key.
    pub fn keyed_hash(&self, text: &str) -> [u8; 16] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        let full = mac.finalize().into_bytes();
        let mut cut = [0; 16];
        for (to, from) in cut.iter_mut().zip(full) {
            *to = from;
        }
        cut
    }
}

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoxKey")
    }
}

/// The value under `key`, if there is one.
///
/// # Errors
/// When the database cannot be read.
pub fn find(conn: &Connection, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut query = conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(query.query_row([key], |row| row.get(0)).optional()?)
}

/// The number under `key`, written in decimal digits.
///
/// # Errors
/// [`Error::Unreadable`] when it is no number.
pub fn find_number(conn: &Connection, key: &str) -> Result<Option<i64>, Error> {
    let Some(value) = find(conn, key)? else {
        return Ok(None);
    };
    std::str::from_utf8(&value)
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or(Error::Unreadable("a number in meta"))
}

/// The latest moment the database knows of: it cannot be earlier now, unless
/// the clock was ahead that wrote it.
///
/// # Errors
/// When the database cannot be read.
pub fn latest_known(conn: &Connection) -> Result<UnixMs, Error> {
    let latest: Option<i64> = conn.query_row(
        "SELECT max(at) FROM (SELECT max(received_at) AS at FROM webhook
             UNION ALL SELECT at FROM (SELECT at FROM audit ORDER BY seq DESC LIMIT 1)
             UNION ALL SELECT updated_at FROM (SELECT updated_at FROM outbox ORDER BY id DESC LIMIT 1))",
        [],
        |row| row.get(0),
    )?;
    Ok(UnixMs(latest.unwrap_or(0)))
}

/// Sets the value under `key`.
///
/// # Errors
/// When the database cannot be written.
pub fn set(conn: &Connection, key: &str, value: &[u8]) -> Result<(), Error> {
    conn.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )?
    .execute((key, value))?;
    Ok(())
}

/// Removes the value under `key`, if there is one.
///
/// # Errors
/// When the database cannot be written.
pub fn remove(conn: &Connection, key: &str) -> Result<(), Error> {
    conn.execute("DELETE FROM meta WHERE key = ?1", [key])?;
    Ok(())
}

/// The tables there are, for a check of one after the other.
///
/// # Errors
/// When the database cannot be read at all.
pub fn tables(conn: &Connection) -> Result<Vec<String>, Error> {
    let mut query = conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names = query.query_map([], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// What SQLite's quick check finds wrong with a table; `None` if nothing.
///
/// # Errors
/// When the database cannot be read at all.
pub fn integrity_fault(conn: &Connection, table: &str) -> Result<Option<String>, Error> {
    let found: String = conn.query_row(
        "SELECT quick_check FROM pragma_quick_check(?1) LIMIT 1",
        [table],
        |row| row.get(0),
    )?;
    // SQLite names pages and tables here, never what is in a row.
    Ok((found != "ok").then_some(found))
}

/// Keeps the box key of a new database. Done once: every hash depends on it.
///
/// # Errors
/// When there is one already, or the database cannot be written.
pub fn set_box_key(conn: &Connection, key: &BoxKey) -> Result<(), Error> {
    conn.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2)",
        (BOX_KEY, key.0.as_slice()),
    )?;
    Ok(())
}

/// The box key.
///
/// # Errors
/// [`Error::Unreadable`] when it is missing or has another length.
pub fn load_box_key(conn: &Connection) -> Result<BoxKey, Error> {
    let mut value = find(conn, BOX_KEY)?.ok_or(Error::Unreadable("the box key"))?;
    let key = <[u8; 32]>::try_from(value.as_slice()).map(BoxKey);
    value.zeroize();
    key.map_err(|_| Error::Unreadable("the box key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations::migrate;

    #[test]
    fn the_box_key_is_set_once_and_hashes_alike() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        assert!(load_box_key(&conn).is_err());
        set_box_key(&conn, &BoxKey::new([3; 32])).unwrap();
        assert!(
            set_box_key(&conn, &BoxKey::new([4; 32]))
                .unwrap_err()
                .is_duplicate()
        );
        let key = load_box_key(&conn).unwrap();
        assert_eq!(
            key.keyed_hash("wamid.1"),
            BoxKey::new([3; 32]).keyed_hash("wamid.1")
        );
        assert_ne!(key.keyed_hash("wamid.1"), key.keyed_hash("wamid.2"));
        assert_ne!(
            key.keyed_hash("wamid.1"),
            BoxKey::new([4; 32]).keyed_hash("wamid.1")
        );
        assert_eq!(format!("{key:?}"), "BoxKey");
    }

    #[test]
    fn a_keyed_hash_is_hmac_sha_256() {
        // RFC 4231, test case 2, needs a short key; case 1's key padded with
        // zeros to 32 bytes is the same HMAC key.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            hex::encode(BoxKey::new(key).keyed_hash("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c7"
        );
    }
}
