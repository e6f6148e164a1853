//! Staff accounts. Passwords come and go only as hashes: `keys::password`
//! makes and checks them. Lock-outs are rows, since a power cut must not reset
//! them.

use crate::core::access::Role;
use crate::core::id::StaffId;
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::store::error::Error;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

/// Wrong passwords before an account is locked for a while.
const FAILURES_FREE: i64 = 5;
/// The longest lock-out, minutes.
const LOCKED_MINUTES_MAX: i64 = crate::core::limits::STAFF_LOCK_MS_MAX / MINUTE_MS;

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// Our number for them.
    pub id: StaffId,
    /// The name they sign in with; case does not matter.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whether they must choose a new password first.
    pub must_change: bool,
    /// Wrong passwords in a row.
    pub failures: i64,
    /// Until when no password is looked at.
    pub locked_until: UnixMs,
    /// Whether the account was closed.
    pub disabled: bool,
    /// When it was made.
    pub created_at: UnixMs,
}

/// A new member of staff.
#[derive(Clone, Debug)]
pub struct NewStaff<'a> {
    /// The name to sign in with.
    pub name: &'a str,
    /// What they may do.
    pub roles: &'a [Role],
    /// The password's hash, as `keys::password` makes it.
    pub password_hash: &'a str,
    /// Whether the password is a one-time one.
    pub must_change: bool,
}

const COLUMNS: &str = "id, name, roles, must_change, failures, locked_until, disabled, created_at";

/// Adds somebody.
///
/// # Errors
/// [`Error::is_duplicate`] when the name is taken.
pub fn add(conn: &Connection, new: &NewStaff<'_>, now: UnixMs) -> Result<StaffId, Error> {
    let roles: Vec<&str> = new.roles.iter().map(|role| role.as_str()).collect();
    conn.execute(
        "INSERT INTO staff (name, roles, password, must_change, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            new.name,
            roles.join(" "),
            new.password_hash,
            new.must_change,
            now.0,
        ),
    )?;
    Ok(StaffId(conn.last_insert_rowid()))
}

/// Everybody, by name.
///
/// # Errors
/// When the database cannot be read.
pub fn list(conn: &Connection) -> Result<Vec<Staff>, Error> {
    let mut query = conn.prepare(&format!("SELECT {COLUMNS} FROM staff ORDER BY name"))?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// Somebody by name, with the hash of their password.
///
/// # Errors
/// When the database cannot be read.
pub fn find(conn: &Connection, name: &str) -> Result<Option<(Staff, String)>, Error> {
    find_where(conn, "name = ?1", name)
}

fn find_where(
    conn: &Connection,
    which: &str,
    of: impl ToSql,
) -> Result<Option<(Staff, String)>, Error> {
    let sql = format!("SELECT {COLUMNS}, password FROM staff WHERE {which}");
    conn.prepare_cached(&sql)?
        .query_row([of], |row| {
            Ok(read(row).map(|staff| row.get(8).map(|hash| (staff, hash))))
        })
        .optional()?
        .map(|found| found?.map_err(Error::from))
        .transpose()
}

/// Closes an account, and tells whether there was an open one.
///
/// # Errors
/// When the database cannot be written.
pub fn disable(conn: &Connection, name: &str) -> Result<bool, Error> {
    let sql = "UPDATE staff SET disabled = 1 WHERE name = ?1 AND disabled = 0";
    Ok(conn.execute(sql, [name])? > 0)
}

/// Opens a closed account again, and tells whether there was one.
///
/// # Errors
/// When the database cannot be written.
pub fn enable(conn: &Connection, name: &str) -> Result<bool, Error> {
    let sql = "UPDATE staff SET disabled = 0 WHERE name = ?1 AND disabled = 1";
    Ok(conn.execute(sql, [name])? > 0)
}

/// Somebody whose account is open, with the hash of their password.
///
/// # Errors
/// When the database cannot be read.
pub fn find_open(conn: &Connection, id: StaffId) -> Result<Option<(Staff, String)>, Error> {
    find_where(conn, "id = ?1 AND disabled = 0", id.0)
}

/// Sets the hash of the password that somebody chose for themselves in place of
/// `former`, if their account is open and still has that one.
///
/// # Errors
/// When the database cannot be written.
pub fn choose_password(
    conn: &Connection,
    id: StaffId,
    former: &str,
    hash: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE staff SET password = ?3, must_change = 0
               WHERE id = ?1 AND disabled = 0 AND password = ?2";
    Ok(conn.execute(sql, (id.0, former, hash))? > 0)
}

/// Sets a new password's hash and ends a lock-out; tells whether there is an open
/// account of that name.
///
/// # Errors
/// When the database cannot be written.
pub fn set_password(
    conn: &Connection,
    name: &str,
    password_hash: &str,
    must_change: bool,
) -> Result<bool, Error> {
    let changed = conn.execute(
        "UPDATE staff SET password = ?2, must_change = ?3, failures = 0, locked_until = 0
         WHERE name = ?1 AND disabled = 0",
        (name, password_hash, must_change),
    )?;
    Ok(changed > 0)
}

/// Notes a wrong password. From the fifth in a row on, the account is locked
/// for a time that doubles, up to an hour.
///
/// # Errors
/// When the database cannot be written.
pub fn note_failure(conn: &Connection, id: StaffId, now: UnixMs) -> Result<(), Error> {
    let failures: i64 = conn.query_row(
        "UPDATE staff SET failures = failures + 1 WHERE id = ?1 RETURNING failures",
        [id.0],
        |row| row.get(0),
    )?;
    if failures >= FAILURES_FREE {
        let doublings = u32::try_from(failures - FAILURES_FREE).unwrap_or(0).min(6);
        let minutes = (1_i64 << doublings).min(LOCKED_MINUTES_MAX);
        conn.execute(
            "UPDATE staff SET locked_until = ?2 WHERE id = ?1",
            (id.0, now.plus_ms(minutes * MINUTE_MS).0),
        )?;
    }
    Ok(())
}

/// Notes a right password: the count of wrong ones begins anew.
///
/// # Errors
/// When the database cannot be written.
pub fn note_success(conn: &Connection, id: StaffId) -> Result<(), Error> {
    conn.execute(
        "UPDATE staff SET failures = 0, locked_until = 0 WHERE id = ?1",
        [id.0],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Staff, Error> {
    let roles: String = row.get(2)?;
    let roles: Result<Vec<Role>, _> = roles.split_whitespace().map(str::parse).collect();
    Ok(Staff {
        id: StaffId(row.get(0)?),
        name: row.get(1)?,
        roles: roles.map_err(|_| Error::Unreadable("a staff role"))?,
        must_change: row.get(3)?,
        failures: row.get(4)?,
        locked_until: UnixMs(row.get(5)?),
        disabled: row.get(6)?,
        created_at: UnixMs(row.get(7)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations::migrate;

    fn one() -> (Connection, StaffId) {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        let new = NewStaff {
            name: "Neema",
            roles: &[Role::Admin, Role::Clinician],
            password_hash: "hash",
            must_change: true,
        };
        let id = add(&conn, &new, UnixMs(1)).unwrap();
        assert!(add(&conn, &new, UnixMs(1)).unwrap_err().is_duplicate());
        (conn, id)
    }

    #[test]
    fn somebody_is_found_in_any_case_of_letters() {
        let (conn, id) = one();
        let (staff, hash) = find(&conn, "NEEMA").unwrap().unwrap();
        assert_eq!((staff.id, hash.as_str()), (id, "hash"));
        assert_eq!(staff.roles, [Role::Admin, Role::Clinician]);
        assert_eq!(list(&conn).unwrap(), [staff]);
        assert!(find(&conn, "nobody").unwrap().is_none());
        assert!(disable(&conn, "neema").unwrap());
        assert!(!disable(&conn, "neema").unwrap());
        // A closed account gets no password, and keeps the one it had.
        assert!(!set_password(&conn, "neema", "other", false).unwrap());
        assert!(!choose_password(&conn, id, "hash", "other").unwrap());
        let hash_of = |id| find_open(&conn, id).unwrap().map(|(_, hash)| hash);
        assert_eq!(hash_of(id), None);
        assert!(enable(&conn, "Neema").unwrap());
        assert!(!enable(&conn, "neema").unwrap());
        assert_eq!(hash_of(id).as_deref(), Some("hash"));
        // Somebody else has set another one meanwhile.
        assert!(!choose_password(&conn, id, "former", "other").unwrap());
        assert!(choose_password(&conn, id, "hash", "other").unwrap());
        let (staff, hash) = find(&conn, "neema").unwrap().unwrap();
        assert_eq!((staff.must_change, hash.as_str()), (false, "other"));
    }

    #[test]
    fn lock_outs_grow_and_end() {
        let (conn, id) = one();
        let locked = |conn: &Connection| find(conn, "neema").unwrap().unwrap().0.locked_until;
        for _ in 0..4 {
            note_failure(&conn, id, UnixMs(0)).unwrap();
        }
        assert_eq!(locked(&conn), UnixMs(0));
        note_failure(&conn, id, UnixMs(0)).unwrap();
        assert_eq!(locked(&conn), UnixMs(MINUTE_MS));
        for _ in 0..50 {
            note_failure(&conn, id, UnixMs(0)).unwrap();
        }
        assert_eq!(locked(&conn), UnixMs(60 * MINUTE_MS));
        note_success(&conn, id).unwrap();
        assert_eq!(locked(&conn), UnixMs(0));
    }
}
