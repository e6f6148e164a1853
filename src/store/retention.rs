//! Dropping what has been kept long enough.

use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::Connection;

/// Rows touched in one transaction, so that nobody waits long for the writer.
const BATCH: usize = 500;
/// Rows looked at for that, the oldest first.
const LOOKED_AT: usize = 2_000;

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Drops statuses parked before `before` whose message never became known.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_parked(conn: &Connection, before: UnixMs) -> Result<usize> {
    Ok(conn.execute("DELETE FROM parked_status WHERE parked_at < ?1", [before.0])?)
}

/// Drops raw webhook bodies received before `before`; their items stay. The
/// newest row stays too, without its body: its number must not come again,
/// since items name their webhook by it.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_bodies(conn: &Connection, before: UnixMs) -> Result<usize> {
    let dropped = conn.execute(
        "DELETE FROM webhook WHERE id < (SELECT max(id) FROM webhook) AND id IN
             (SELECT id FROM webhook WHERE received_at < ?1 LIMIT ?2)",
        (before.0, limit(BATCH)),
    )?;
    let emptied = conn.execute(
        "UPDATE webhook SET body = NULL WHERE id = (SELECT max(id) FROM webhook)
           AND received_at < ?1 AND body IS NOT NULL",
        [before.0],
    )?;
    Ok(dropped + emptied)
}

/// Drops messages to and from patients that are older than `before`: the ones
/// taken in by the latest of our clock and the provider's stamp, the ones sent
/// by the latest of all their times, since one of them may come from a clock
/// that was behind. What still waits, or has an open task, stays, and keeps
/// nothing that is younger: the next look begins where `Seek` says. The newest
/// of each kind stays without its words: its number must not come again.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_messages(conn: &Connection, before: UnixMs, seek: Seek) -> Result<(usize, Seek)> {
    let taken_in = drop_taken_in(conn, before)?;
    let looked: Vec<Looked> = conn
        .prepare_cached(&format!(
            "SELECT id, created_at < ?1, {IS_OVER} AND id < (SELECT max(id) FROM outbox)
             FROM outbox o WHERE id > ?3 ORDER BY id LIMIT ?2"
        ))?
        .query_map((before.0, limit(LOOKED_AT), seek.0), |row| {
            Ok(Looked {
                id: row.get(0)?,
                is_old: row.get(1)?,
                goes: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let next = seek.after(&looked);
    let mut gone = conn
        .prepare_cached(&format!(
            "UPDATE outbox AS o SET body = NULL
             WHERE id = (SELECT max(id) FROM outbox) AND body IS NOT NULL AND {IS_OVER}"
        ))?
        .execute([before.0])?;
    let go = looked.iter().filter(|row| row.goes).take(BATCH);
    for id in go.map(|row| row.id) {
        conn.prepare_cached("UPDATE task SET outbox_id = NULL WHERE outbox_id = ?1")?
            .execute([id])?;
        conn.prepare_cached("DELETE FROM attempt WHERE outbox_id = ?1")?
            .execute([id])?;
        gone += conn
            .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
            .execute([id])?;
    }
    Ok((taken_in + gone, next))
}

/// Whether a sent message `o` is older than `?1` and nothing waits for it.
const IS_OVER: &str = concat!(
    "state NOT IN ",
    waiting!(),
    "
     AND max(created_at, updated_at, about_stamp, coalesce(sent_stamp, 0)) < ?1
     AND NOT EXISTS (SELECT 1 FROM task t WHERE t.outbox_id = o.id AND t.state != 'done')"
);

/// Whether a message that was taken in is older than `?1` and was handled.
const IS_READ: &str = "state != 'new' AND received_at < ?1 AND stamped_at < ?1";

/// The messages taken in, with the bodies that hang on them: no erasure would
/// find those any more.
fn drop_taken_in(conn: &Connection, before: UnixMs) -> Result<usize> {
    // Numbers ascend with time: the oldest are looked at, never all there are.
    let old = format!(
        "SELECT id FROM (SELECT id, state, received_at, stamped_at FROM inbox
                         ORDER BY id LIMIT ?2) WHERE {IS_READ}"
    );
    let some = (before.0, limit(LOOKED_AT));
    conn.prepare_cached(&format!(
        "UPDATE webhook SET body = NULL WHERE body IS NOT NULL AND id IN
             (SELECT webhook_id FROM inbox WHERE id IN ({old}))"
    ))?
    .execute(some)?;
    let gone = conn
        .prepare_cached(&format!(
            "DELETE FROM inbox WHERE id < (SELECT max(id) FROM inbox) AND id IN ({old})"
        ))?
        .execute(some)?;
    let emptied = conn
        .prepare_cached(&format!(
            "UPDATE inbox SET item = NULL
             WHERE id = (SELECT max(id) FROM inbox) AND item IS NOT NULL AND {IS_READ}"
        ))?
        .execute([before.0])?;
    Ok(gone + emptied)
}

/// After which message the next look at the sent ones begins. It lives as long
/// as the program: after a start it begins at the oldest again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seek(i64);

/// A sent message as retention looks at it.
struct Looked {
    id: i64,
    is_old: bool,
    goes: bool,
}

impl Seek {
    /// On past a look that was full of old ones which have to stay; back to the
    /// oldest once the young ones are reached.
    fn after(self, looked: &[Looked]) -> Self {
        if looked.iter().filter(|row| row.goes).count() > BATCH {
            return self;
        }
        match looked.last() {
            Some(last) if last.is_old && looked.len() == LOOKED_AT => Self(last.id),
            Some(_) | None => Self::default(),
        }
    }
}

/// Drops records last changed before `before`, with all their versions, and
/// conversations that have stood still for as long: they hold answers too. What
/// has an open task stays.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_records(conn: &Connection, before: UnixMs) -> Result<usize> {
    let old: Vec<String> = conn
        .prepare_cached(
            "SELECT id FROM record r WHERE updated_at < ?1
               AND NOT EXISTS (SELECT 1 FROM task t
                               WHERE t.record_id = r.id AND t.state != 'done')
             ORDER BY updated_at, id LIMIT ?2",
        )?
        .query_map((before.0, limit(BATCH)), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &old {
        conn.prepare_cached(
            "DELETE FROM session WHERE updated_at < ?2
               AND contact_id = (SELECT contact_id FROM record WHERE id = ?1)",
        )?
        .execute((id, before.0))?;
        conn.prepare_cached("UPDATE task SET record_id = NULL WHERE record_id = ?1")?
            .execute([id])?;
        conn.prepare_cached("DELETE FROM record_version WHERE record_id = ?1")?
            .execute([id])?;
        conn.prepare_cached("DELETE FROM record WHERE id = ?1")?
            .execute([id])?;
    }
    Ok(old.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outgoing::Purpose;
    use crate::store::tests::{contact, count, queue};
    use crate::store::{migrations, queue as outbox_queue};

    const CANARY: &str = "mwezi wa nne";

    /// A file without a key, so that its bytes can be read; everything else as
    /// the real one, for which `open` proves the same pragma.
    fn plain(path: &std::path::Path) -> Connection {
        let mut conn = Connection::open(path).unwrap();
        conn.pragma_update(None, "secure_delete", true).unwrap();
        migrations::migrate(&mut conn).unwrap();
        conn
    }

    fn fill(conn: &Connection) {
        let amina = contact(conn, "243970000001");
        for name in ["a1", "a2", "a3"] {
            let id = queue(conn, amina, Purpose::Notice, &format!("{name} {CANARY}"));
            if name != "a3" {
                assert!(outbox_queue::cancel(conn, id, UnixMs(2_000)).unwrap());
            }
        }
        conn.execute(
            "INSERT INTO inbox (contact_id, kind, item, stamped_at, received_at, state)
             VALUES (?1, 'message', ?2, 1000, 900, 'handled'),
                    (?1, 'message', ?2, 9000, 900, 'handled'),
                    (?1, 'message', ?2, 1000, 900, 'new')",
            (amina.0, CANARY),
        )
        .unwrap();
        conn.execute(
            "INSERT INTO record VALUES ('HP-1', ?1, 1, 'complete', 'closed', 'whatsapp', 'none',
                                        'fr', ?2, 1000, 1000)",
            (amina.0, CANARY),
        )
        .unwrap();
        conn.execute(
            "INSERT INTO session VALUES (?1, 'v1', ?2, 1000)",
            (amina.0, CANARY),
        )
        .unwrap();
    }

    fn dropped(conn: &Connection, before: UnixMs) -> usize {
        let (gone, _) = drop_messages(conn, before, Seek::default()).unwrap();
        gone
    }

    #[test]
    fn what_has_to_stay_keeps_nothing_that_is_younger() {
        let conn = crate::store::tests::db();
        let amina = contact(&conn, "243970000001");
        let messages =
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4002)
             INSERT INTO outbox (key, contact_id, purpose, rank, state, created_at, updated_at)
             SELECT 'ob:' || i, ?1, 'notice', 1, 'failed', 1000 + i, 1000 + i FROM n";
        conn.execute(messages, [amina.0]).unwrap();
        conn.execute(
            "INSERT INTO task (kind, outbox_id, created_at)
             SELECT 'undelivered', id, 1000 FROM outbox WHERE id <= 4000",
            [],
        )
        .unwrap();
        let mut seek = Seek::default();
        let mut looks = Vec::new();
        for _ in 0..3 {
            let (gone, next) = drop_messages(&conn, UnixMs(10_000), seek).unwrap();
            looks.push(gone);
            seek = next;
        }
        assert_eq!(looks, [0, 0, 1]);
        assert_eq!(seek, Seek::default(), "and from the oldest again");
        // Once their tasks are done they go, as many at a time as ever.
        conn.execute("UPDATE task SET state = 'done'", []).unwrap();
        for left in [3_501, 3_001] {
            let (gone, next) = drop_messages(&conn, UnixMs(10_000), seek).unwrap();
            assert_eq!(gone, BATCH);
            assert_eq!(count(&conn, "SELECT count(*) FROM outbox"), left);
            seek = next;
        }
        // Young ones are never passed over.
        let (gone, next) = drop_messages(&conn, UnixMs(1_000), seek).unwrap();
        assert_eq!((gone, next), (0, Seek::default()));
    }

    #[test]
    fn what_is_old_goes_and_what_waits_stays() {
        let conn = crate::store::tests::db();
        fill(&conn);
        assert_eq!(dropped(&conn, UnixMs(5_000)), 3);
        assert_eq!(count(&conn, "SELECT count(*) FROM inbox"), 2);
        assert_eq!(count(&conn, "SELECT count(*) FROM outbox"), 1);
        assert_eq!(dropped(&conn, UnixMs(5_000)), 0);
        assert_eq!(drop_records(&conn, UnixMs(1_000)).unwrap(), 0);
        assert_eq!(drop_records(&conn, UnixMs(1_001)).unwrap(), 1);
        assert_eq!(count(&conn, "SELECT count(*) FROM session"), 0);
    }

    #[test]
    fn a_body_goes_with_the_first_of_its_rows() {
        let conn = crate::store::tests::db();
        fill(&conn);
        conn.execute_batch(
            "INSERT INTO webhook (id, received_at, channel, body)
             VALUES (7, 9000, 'cloud', x'61'), (8, 9000, 'cloud', x'62');
             UPDATE inbox SET webhook_id = 7 WHERE id IN (1, 2);
             UPDATE inbox SET webhook_id = 8 WHERE id = 3;",
        )
        .unwrap();
        dropped(&conn, UnixMs(5_000));
        assert_eq!(count(&conn, "SELECT count(*) FROM inbox WHERE id = 2"), 1);
        let left = "SELECT sum(id) FROM webhook WHERE body IS NOT NULL";
        assert_eq!(count(&conn, left), 8);
    }

    #[test]
    fn what_was_dropped_is_gone_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.db");
        let conn = plain(&path);
        fill(&conn);
        let holds = || {
            let bytes = std::fs::read(&path).unwrap();
            let canary = CANARY.as_bytes();
            bytes.windows(canary.len()).any(|part| part == canary)
        };
        assert!(holds());
        // Names of messages are random; these tests' hold what they say.
        conn.execute(
            "UPDATE outbox SET state = 'cancelled', key = 'ob:' || id",
            [],
        )
        .unwrap();
        conn.execute("UPDATE inbox SET state = 'handled'", [])
            .unwrap();
        dropped(&conn, UnixMs(10_000));
        drop_records(&conn, UnixMs(10_000)).unwrap();
        assert!(!holds());
    }
}
