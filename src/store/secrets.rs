//! Credentials, kept only in the encrypted database.
//!
//! A value never leaves through `Debug`, an error or a listing.

use crate::core::credential;
use crate::core::limits;
use crate::core::secret::Secret;
use crate::core::time::UnixMs;
use crate::store::error::Error;
use rusqlite::{Connection, OptionalExtension};

/// The one secret whose former values stay accepted for a while.
pub const APP_SECRET: &str = "whatsapp.app_secret";
/// How many of its former values are kept, the newest.
const FORMER_MAX: i64 = 4;

/// What may be said of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// When it was set.
    pub set_at: UnixMs,
    /// Until when the last of the former values is accepted too, if one is.
    pub previous_until: Option<UnixMs>,
}

/// Which credentials are set, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// All of them.
    pub set: Vec<String>,
    /// Those whose value cannot work.
    pub unusable: Vec<String>,
}

/// Sets a credential. The app secret's former value stays accepted for eight
/// days, since the provider may still sign with it; those before it stay until
/// their own eight days are over.
///
/// # Errors
/// When the database cannot be written.
pub fn set(conn: &Connection, name: &str, value: &[u8], now: UnixMs) -> Result<(), Error> {
    if name == APP_SECRET {
        keep_former(conn, name, value, now)?;
    }
    conn.prepare_cached(
        "INSERT INTO secret (name, value, set_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_at = excluded.set_at",
    )?
    .execute((name, value, now.0))?;
    Ok(())
}

/// Puts the present value beside the former ones, before `value` takes its place.
fn keep_former(conn: &Connection, name: &str, value: &[u8], now: UnixMs) -> Result<(), Error> {
    let until = now.plus_ms(limits::PREVIOUS_SECRET_MS).0;
    conn.prepare_cached(
        "INSERT OR REPLACE INTO former_secret (name, value, until)
         SELECT name, value, ?3 FROM secret WHERE name = ?1 AND value <> ?2",
    )?
    .execute((name, value, until))?;
    conn.prepare_cached("DELETE FROM former_secret WHERE name = ?1 AND value = ?2")?
        .execute((name, value))?;
    conn.prepare_cached(
        "DELETE FROM former_secret WHERE name = ?1 AND value NOT IN
             (SELECT value FROM former_secret WHERE name = ?1 ORDER BY until DESC LIMIT ?2)",
    )?
    .execute((name, FORMER_MAX))?;
    Ok(())
}

/// A credential's value.
///
/// # Errors
/// When the database cannot be read.
pub fn find(conn: &Connection, name: &str) -> Result<Option<Secret>, Error> {
    let mut query = conn.prepare_cached("SELECT value FROM secret WHERE name = ?1")?;
    let value = query.query_row([name], |row| row.get(0)).optional()?;
    Ok(value.map(|bytes: Vec<u8>| Secret::new(bytes)))
}

/// A value that is accepted.
#[derive(Clone)]
pub struct Accepted {
    /// The value.
    pub value: Secret,
    /// Until when, if it was replaced.
    pub until: Option<UnixMs>,
}

impl Accepted {
    /// The value, unless its time is over.
    pub fn at(&self, now: UnixMs) -> Option<&Secret> {
        let is_over = self.until.is_some_and(|until| until <= now);
        (!is_over).then_some(&self.value)
    }
}

/// Every value that is accepted at `now`, the newest first.
///
/// # Errors
/// When the database cannot be read.
pub fn accepted(conn: &Connection, name: &str, now: UnixMs) -> Result<Vec<Accepted>, Error> {
    let mut query = conn.prepare_cached(
        "SELECT value, until FROM former_secret WHERE name = ?1 AND until > ?2
         UNION ALL SELECT value, NULL FROM secret WHERE name = ?1
         ORDER BY 2 DESC NULLS FIRST",
    )?;
    let values = query.query_map((name, now.0), |row| {
        Ok(Accepted {
            value: Secret::new(row.get::<_, Vec<u8>>(0)?),
            until: row.get::<_, Option<i64>>(1)?.map(UnixMs),
        })
    })?;
    Ok(values.collect::<rusqlite::Result<_>>()?)
}

/// Forgets former values whose time is over.
///
/// # Errors
/// When the database cannot be written.
pub fn drop_expired(conn: &Connection, now: UnixMs) -> Result<usize, Error> {
    Ok(conn.execute("DELETE FROM former_secret WHERE until <= ?1", [now.0])?)
}

/// Ends the acceptance of all former values, and tells whether there was one.
///
/// # Errors
/// When the database cannot be written.
pub fn drop_previous(conn: &Connection, name: &str) -> Result<bool, Error> {
    Ok(conn.execute("DELETE FROM former_secret WHERE name = ?1", [name])? > 0)
}

/// Deletes a credential with its former values, and tells whether there was one.
///
/// # Errors
/// When the database cannot be written.
pub fn delete(conn: &Connection, name: &str) -> Result<bool, Error> {
    drop_previous(conn, name)?;
    Ok(conn.execute("DELETE FROM secret WHERE name = ?1", [name])? > 0)
}

/// The names of all credentials, and of those that are set to no use.
///
/// # Errors
/// When the database cannot be read.
pub fn standing(conn: &Connection) -> Result<Standing, Error> {
    let mut query = conn.prepare_cached("SELECT name, value FROM secret ORDER BY name")?;
    let mut rows = query.query([])?;
    let mut standing = Standing::default();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let value = Secret::new(row.get::<_, Vec<u8>>(1)?);
        if credential::fault(&name, value.expose()).is_some() {
            standing.unusable.push(name.clone());
        }
        standing.set.push(name);
    }
    Ok(standing)
}

/// The names of all credentials, without their values.
///
/// # Errors
/// When the database cannot be read.
pub fn list(conn: &Connection) -> Result<Vec<Listed>, Error> {
    let mut query = conn.prepare_cached(
        "SELECT name, set_at, (SELECT max(until) FROM former_secret f WHERE f.name = s.name)
             FROM secret s ORDER BY name",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Listed {
            name: row.get(0)?,
            set_at: UnixMs(row.get(1)?),
            previous_until: row.get::<_, Option<i64>>(2)?.map(UnixMs),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::DAY_MS;
    use crate::store::migrations::migrate;

    fn values(conn: &Connection, name: &str, now: i64) -> Vec<Vec<u8>> {
        let accepted = accepted(conn, name, UnixMs(now)).unwrap();
        accepted
            .iter()
            .map(|it| it.value.expose().to_vec())
            .collect()
    }

    #[test]
    fn the_app_secret_rotates() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        set(&conn, APP_SECRET, b"one", UnixMs(0)).unwrap();
        set(&conn, APP_SECRET, b"two", UnixMs(10)).unwrap();
        // Setting the same again must not push the old one out.
        set(&conn, APP_SECRET, b"two", UnixMs(20)).unwrap();
        let former = accepted(&conn, APP_SECRET, UnixMs(20)).unwrap().remove(1);
        let end = UnixMs(10 + 8 * DAY_MS);
        assert!(former.at(end.plus_ms(-1)).is_some() && former.at(end).is_none());
        assert_eq!(values(&conn, APP_SECRET, 20), [b"two", b"one"]);
        assert_eq!(values(&conn, APP_SECRET, 10 + 8 * DAY_MS), [b"two"]);
        assert_eq!(drop_expired(&conn, UnixMs(20)).unwrap(), 0);
        assert_eq!(values(&conn, APP_SECRET, 20), [b"two", b"one"]);
        assert_eq!(drop_expired(&conn, UnixMs(10 + 8 * DAY_MS)).unwrap(), 1);
        assert_eq!(values(&conn, APP_SECRET, 20), [b"two"]);
        set(&conn, APP_SECRET, b"one", UnixMs(20)).unwrap();
        assert!(drop_previous(&conn, APP_SECRET).unwrap());
        assert!(!drop_previous(&conn, APP_SECRET).unwrap());
        assert_eq!(values(&conn, APP_SECRET, 20), [b"one"]);
    }

    #[test]
    fn each_former_app_secret_is_accepted_until_its_own_time() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        for (value, at) in [(b"A", 0), (b"B", DAY_MS), (b"C", 2 * DAY_MS)] {
            set(&conn, APP_SECRET, value, UnixMs(at)).unwrap();
        }
        assert_eq!(values(&conn, APP_SECRET, 2 * DAY_MS), [b"C", b"B", b"A"]);
        let listed = list(&conn).unwrap();
        let last = listed.first().and_then(|secret| secret.previous_until);
        assert_eq!(last, Some(UnixMs(10 * DAY_MS)));
        assert_eq!(values(&conn, APP_SECRET, 9 * DAY_MS), [b"C", b"B"]);
        assert_eq!(values(&conn, APP_SECRET, 10 * DAY_MS), [b"C"]);
        // One that comes back is the present one, and no former one any more.
        set(&conn, APP_SECRET, b"A", UnixMs(3 * DAY_MS)).unwrap();
        assert_eq!(values(&conn, APP_SECRET, 3 * DAY_MS), [b"A", b"C", b"B"]);
        assert!(drop_previous(&conn, APP_SECRET).unwrap());
        assert_eq!(values(&conn, APP_SECRET, 3 * DAY_MS), [b"A"]);
        // No more than the newest few are kept, and none without a present one.
        for (at, value) in (4..).zip([b"B", b"C", b"D", b"E", b"F"]) {
            set(&conn, APP_SECRET, value, UnixMs(at * DAY_MS)).unwrap();
        }
        let kept = values(&conn, APP_SECRET, 8 * DAY_MS);
        assert_eq!(kept, [b"F", b"E", b"D", b"C", b"B"]);
        assert!(delete(&conn, APP_SECRET).unwrap());
        set(&conn, APP_SECRET, b"G", UnixMs(9 * DAY_MS)).unwrap();
        assert_eq!(values(&conn, APP_SECRET, 9 * DAY_MS), [b"G"]);
    }

    #[test]
    fn another_secret_is_simply_replaced() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        let name = "whatsapp.access_token";
        set(&conn, name, b"one", UnixMs(0)).unwrap();
        set(&conn, name, b"two", UnixMs(1)).unwrap();
        assert_eq!(values(&conn, name, 1), [b"two"]);
        assert_eq!(list(&conn).unwrap().len(), 1);
        assert!(delete(&conn, name).unwrap());
        assert!(find(&conn, name).unwrap().is_none());
        set(&conn, name, b"one\r\ntwo", UnixMs(2)).unwrap();
        set(&conn, "action.lab", b"x", UnixMs(2)).unwrap();
        let standing = standing(&conn).unwrap();
        assert_eq!(standing.set, ["action.lab", name]);
        assert_eq!(standing.unusable, [name]);
    }
}
