//! What polling has seen of a provider's chats: since when this box listens,
//! and each chat's latest stamp, under a hash that tells nobody's number.

use crate::core::time::UnixMs;
use crate::store::{Result, meta};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Since when this box listens to an instance, once it does.
///
/// # Errors
/// Whatever the database reports.
pub fn began(conn: &Connection, instance: &str) -> Result<Option<UnixMs>> {
    Ok(meta::find_number(conn, &began_key(instance))?.map(UnixMs))
}

/// Sets it, once for good; but one that lies after `latest` was told by a clock
/// that was ahead, and until then every message would be too old.
///
/// # Errors
/// Whatever the database reports.
pub fn begin(conn: &Connection, instance: &str, at: UnixMs, latest: Option<UnixMs>) -> Result<()> {
    if began(conn, instance)?.is_none_or(|began| latest.is_some_and(|latest| began > latest)) {
        meta::set(conn, &began_key(instance), at.0.to_string().as_bytes())?;
    }
    Ok(())
}

fn began_key(instance: &str) -> String {
    format!("ultramsg.began.{instance}")
}

/// The latest stamp seen of each chat.
///
/// # Errors
/// Whatever the database reports.
pub fn stamps(conn: &Connection) -> Result<BTreeMap<[u8; 16], UnixMs>> {
    let mut query = conn.prepare_cached("SELECT key, stamp FROM polled_chat")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, UnixMs(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Notes that a chat was pulled up to this stamp.
///
/// # Errors
/// Whatever the database reports.
pub fn saw(conn: &Connection, key: &[u8; 16], stamp: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO polled_chat (key, stamp) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET stamp = excluded.stamp",
    )?
    .execute(params![key, stamp.0])?;
    Ok(())
}

/// Whether news of a message is missing that the provider took since then, or
/// may have taken.
///
/// # Errors
/// Whatever the database reports.
pub fn any_unsettled(conn: &Connection, since: UnixMs) -> Result<bool> {
    let found: Option<i64> = conn
        .prepare_cached(
            "SELECT 1 FROM outbox
             WHERE (state IN ('accepted', 'sent') AND accepted_at >= ?1) OR state = 'in_doubt'
             LIMIT 1",
        )?
        .query_row([since.0], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

/// How many messages the provider took between these moments and has not sent
/// for all we know, counted up to `most`. What seems to be taken later was dated
/// by a clock that was wrong.
///
/// # Errors
/// Whatever the database reports.
pub fn count_far(conn: &Connection, since: UnixMs, until: UnixMs, most: u64) -> Result<u64> {
    let counted = conn
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM outbox
             WHERE state = 'accepted' AND accepted_at BETWEEN ?1 AND ?2 LIMIT ?3)",
        )?
        .query_row(
            params![since.0, until.0, i64::try_from(most).unwrap_or(i64::MAX)],
            |row| row.get::<_, i64>(0),
        )?;
    Ok(u64::try_from(counted).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::db;

    #[test]
    fn the_beginning_is_set_once() {
        let conn = db();
        assert_eq!(began(&conn, "1").unwrap(), None);
        begin(&conn, "1", UnixMs(5), None).unwrap();
        begin(&conn, "1", UnixMs(9), Some(UnixMs(9))).unwrap();
        assert_eq!(began(&conn, "1").unwrap(), Some(UnixMs(5)));
        assert_eq!(began(&conn, "2").unwrap(), None);
        // Told by a clock that was ahead: mended once a right one says so.
        begin(&conn, "2", UnixMs(900), None).unwrap();
        for (latest, right) in [(None, 900), (Some(UnixMs(20)), 3)] {
            begin(&conn, "2", UnixMs(3), latest).unwrap();
            assert_eq!(began(&conn, "2").unwrap(), Some(UnixMs(right)));
        }
    }

    #[test]
    fn what_was_taken_in_a_time_to_come_does_not_fill_the_far_queue() {
        use crate::core::outgoing::Purpose;
        use crate::store::tests::{contact, queue};

        let conn = db();
        let amina = contact(&conn, "243970000001");
        for (name, at) in [("s1", 5), ("s2", 10), ("s3", 11)] {
            let id = queue(&conn, amina, Purpose::Staff, name);
            conn.execute(
                "UPDATE outbox SET state = 'accepted', accepted_at = ?1 WHERE id = ?2",
                (at, id.0),
            )
            .unwrap();
        }
        assert_eq!(count_far(&conn, UnixMs(6), UnixMs(10), 9).unwrap(), 1);
    }

    #[test]
    fn news_is_asked_for_while_a_message_is_in_doubt() {
        use crate::core::outgoing::Purpose;
        use crate::store::tests::{contact, queue};

        let conn = db();
        let amina = contact(&conn, "243970000001");
        queue(&conn, amina, Purpose::Staff, "s1");
        assert!(!any_unsettled(&conn, UnixMs(0)).unwrap());
        conn.execute("UPDATE outbox SET state = 'in_doubt'", [])
            .unwrap();
        assert!(any_unsettled(&conn, UnixMs(0)).unwrap());
    }

    #[test]
    fn a_chat_is_seen_up_to_its_latest_stamp() {
        let conn = db();
        saw(&conn, &[1; 16], UnixMs(5)).unwrap();
        saw(&conn, &[1; 16], UnixMs(7)).unwrap();
        let seen = stamps(&conn).unwrap();
        assert_eq!(seen.get(&[1; 16]), Some(&UnixMs(7)));
        assert_eq!(seen.len(), 1);
    }
}
