//! Dropping what has been kept long enough.

use crate::core::id::ContactId;
use crate::core::time::UnixMs;
use crate::store::clock_moves::AHEAD_MS_MAX;
use crate::store::{Result, media, sessions};
use rusqlite::Connection;

/// Rows touched in one transaction, so that nobody waits long for the writer.
const BATCH: usize = 500;
/// Rows looked at for that.
const LOOKED_AT: usize = 2_000;
/// Records dropped in one transaction: each takes its versions along.
const RECORDS: usize = 100;

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

const DROP_PARKED: &str = "DELETE FROM parked_status WHERE parked_at < ?1";

/// Drops statuses parked before `before` whose message never became known.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_parked(conn: &Connection, before: UnixMs) -> Result<usize> {
    Ok(conn.execute(DROP_PARKED, [before.0])?)
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
/// that was behind. What a clock that was ahead has dated is dated anew: it came
/// by `now` at the latest. What still waits stays, and so does what staff have
/// yet to look at: a message with a task that is not done, and all that was taken
/// in from a contact who has one.
///
/// A look takes some of each kind, and the next one goes on where `Seek` says,
/// round and round: what stays keeps nothing else, and no order of dates is
/// relied on. The newest of each kind stays without its words: its number must
/// not come again.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_messages(
    conn: &Connection,
    before: UnixMs,
    seek: Seek,
    now: UnixMs,
) -> Result<(usize, Seek)> {
    let (taken_in, inbox) = drop_taken_in(conn, before, seek.inbox, now)?;
    let (sent, outbox) = drop_sent(conn, before, seek.outbox, now)?;
    Ok((taken_in + sent, Seek { inbox, outbox }))
}

/// After which messages the next look begins. It lives as long as the program:
/// after a start it begins at the oldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seek {
    inbox: i64,
    outbox: i64,
}

/// The messages of one look, in the order of their numbers, and those of them
/// that go.
struct Look {
    after: i64,
    last: Option<i64>,
    count: usize,
    go: Vec<i64>,
}

impl Look {
    /// `sql` gives numbers beyond `?2`, at most `?3`, and whether each is older
    /// than `?1` and nothing keeps it.
    fn take(conn: &Connection, sql: &str, before: UnixMs, after: i64) -> Result<Self> {
        let mut look = Self {
            after,
            last: None,
            count: 0,
            go: Vec::new(),
        };
        let mut query = conn.prepare_cached(sql)?;
        let mut rows = query.query((before.0, after, limit(LOOKED_AT)))?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            look.last = Some(id);
            look.count += 1;
            if row.get(1)? {
                look.go.push(id);
            }
        }
        Ok(look)
    }

    /// Dates anew, by `sql`, what of these lies ahead of `now`.
    fn date_anew(&self, conn: &Connection, sql: &str, now: UnixMs) -> Result<()> {
        if let Some(last) = self.last {
            let ahead = now.plus_ms(AHEAD_MS_MAX).0;
            conn.prepare_cached(sql)?
                .execute((self.after, last, now.0, ahead))?;
        }
        Ok(())
    }

    /// Those that go now.
    fn batch(&self) -> impl Iterator<Item = i64> {
        self.go.iter().take(BATCH).copied()
    }

    /// Where the next look begins: here again while there is more to drop than
    /// fits into one transaction, and from the oldest again after the newest.
    fn next(&self) -> i64 {
        if self.go.len() > BATCH {
            return self.after;
        }
        self.last
            .filter(|_| self.count == LOOKED_AT)
            .unwrap_or_default()
    }
}

/// Whether a message `i` that was taken in is older than `?1` and was handled, and
/// nobody has yet to look at it.
macro_rules! is_read {
    () => {
        "state != 'new' AND received_at < ?1 AND stamped_at < ?1
         AND NOT EXISTS (SELECT 1 FROM task t INDEXED BY task_by_contact
                         WHERE t.contact_id = i.contact_id AND t.state != 'done')
         AND NOT EXISTS (SELECT 1 FROM task t INDEXED BY task_same
                         WHERE t.kind = 'dead_letter' AND t.detail = CAST(i.id AS TEXT)
                           AND t.state != 'done')"
    };
}

/// Whether a sent message `o` is older than `?1`, nothing waits for it, and it waits
/// for no news and no answer.
macro_rules! is_over {
    () => {
        concat!(
            "NOT ",
            waits!(),
            "
         AND state NOT IN ('accepted', 'sent')
         AND NOT (purpose = 'template' AND EXISTS (
             SELECT 1 FROM lane l WHERE l.contact_id = o.contact_id AND l.holds = 1))
         AND max(created_at, updated_at, about_stamp, coalesce(sent_stamp, 0)) < ?1
         AND NOT EXISTS (SELECT 1 FROM task t WHERE t.outbox_id = o.id AND t.state != 'done')"
        )
    };
}

const LOOK_AT_TAKEN_IN: &str = concat!(
    "SELECT id, ",
    is_read!(),
    " FROM inbox i WHERE id > ?2 ORDER BY id LIMIT ?3"
);
const LOOK_AT_SENT: &str = concat!(
    "SELECT id, ",
    is_over!(),
    " FROM outbox o WHERE id > ?2 ORDER BY id LIMIT ?3"
);
const EMPTY_NEWEST_TAKEN_IN: &str = concat!(
    "UPDATE inbox AS i SET item = NULL
     WHERE id = (SELECT max(id) FROM inbox) AND item IS NOT NULL AND ",
    is_read!()
);
const EMPTY_NEWEST_SENT: &str = concat!(
    "UPDATE outbox AS o SET body = NULL
     WHERE id = (SELECT max(id) FROM outbox) AND body IS NOT NULL AND ",
    is_over!()
);
const DATE_TAKEN_IN: &str = "UPDATE inbox SET received_at = ?3
     WHERE id > ?1 AND id <= ?2 AND received_at > ?4";
const DATE_SENT: &str = "UPDATE outbox
     SET created_at = min(created_at, ?3), updated_at = min(updated_at, ?3),
         accepted_at = min(accepted_at, ?3)
     WHERE id > ?1 AND id <= ?2
       AND max(created_at, updated_at, coalesce(accepted_at, 0)) > ?4";

/// The messages taken in, with the bodies that hang on them: no erasure would
/// find those any more.
fn drop_taken_in(
    conn: &Connection,
    before: UnixMs,
    after: i64,
    now: UnixMs,
) -> Result<(usize, i64)> {
    let look = Look::take(conn, LOOK_AT_TAKEN_IN, before, after)?;
    look.date_anew(conn, DATE_TAKEN_IN, now)?;
    let mut gone = 0;
    for id in look.batch() {
        conn.prepare_cached(
            "UPDATE webhook SET body = NULL WHERE body IS NOT NULL AND id =
                 (SELECT webhook_id FROM inbox WHERE id = ?1)",
        )?
        .execute([id])?;
        gone += conn
            .prepare_cached("DELETE FROM inbox WHERE id = ?1 AND id < (SELECT max(id) FROM inbox)")?
            .execute([id])?;
    }
    gone += conn
        .prepare_cached(EMPTY_NEWEST_TAKEN_IN)?
        .execute([before.0])?;
    Ok((gone, look.next()))
}

fn drop_sent(conn: &Connection, before: UnixMs, after: i64, now: UnixMs) -> Result<(usize, i64)> {
    let look = Look::take(conn, LOOK_AT_SENT, before, after)?;
    look.date_anew(conn, DATE_SENT, now)?;
    let mut gone = conn
        .prepare_cached(EMPTY_NEWEST_SENT)?
        .execute([before.0])?;
    let newest: Option<i64> = conn
        .prepare_cached("SELECT max(id) FROM outbox")?
        .query_row([], |row| row.get(0))?;
    for id in look.batch().filter(|id| Some(*id) != newest) {
        conn.prepare_cached("UPDATE task SET outbox_id = NULL WHERE outbox_id = ?1")?
            .execute([id])?;
        conn.prepare_cached("DELETE FROM attempt WHERE outbox_id = ?1")?
            .execute([id])?;
        gone += conn
            .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
            .execute([id])?;
    }
    Ok((gone, look.next()))
}

const OLD_RECORDS: &str = "SELECT id FROM record r WHERE updated_at < ?1
       AND NOT EXISTS (SELECT 1 FROM task t
                       WHERE t.record_id = r.id AND t.state != 'done')
     ORDER BY updated_at, id LIMIT ?2";
const DROP_SESSION: &str = "DELETE FROM session WHERE updated_at < ?2
     AND contact_id = (SELECT contact_id FROM record WHERE id = ?1)";
const WHOSE_RECORD: &str = "SELECT contact_id FROM record WHERE id = ?1";
const FORGET_RECORD: &str = "UPDATE task SET record_id = NULL WHERE record_id = ?1";
const DROP_VERSIONS: &str = "DELETE FROM record_version WHERE record_id = ?1";
const DROP_RECORD: &str = "DELETE FROM record WHERE id = ?1";

/// Drops records last changed before `before`, with all their versions and their
/// files, and conversations that have stood still for as long: they hold answers
/// too. One that goes on forgets those of the record. What has an open task stays.
/// Of the files' bytes only some are overwritten here; [`media::sweep`] does the
/// rest.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_records(conn: &Connection, before: UnixMs) -> Result<usize> {
    let old: Vec<String> = conn
        .prepare_cached(OLD_RECORDS)?
        .query_map((before.0, limit(RECORDS)), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut files = 0;
    for id in &old {
        files += media::erase_of_record(conn, id)?;
        conn.prepare_cached(DROP_SESSION)?.execute((id, before.0))?;
        let contact: Option<i64> = conn
            .prepare_cached(WHOSE_RECORD)?
            .query_row([id], |row| row.get(0))?;
        if let Some(contact) = contact {
            sessions::forget_record(conn, ContactId(contact), id)?;
        }
        for sql in [FORGET_RECORD, DROP_VERSIONS, DROP_RECORD] {
            conn.prepare_cached(sql)?.execute([id])?;
        }
    }
    if files > 0 {
        media::sweep(conn)?;
    }
    Ok(old.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outgoing::Purpose;
    use crate::core::time::DAY_MS;
    use crate::store::tests::{contact, count, plan, queue};
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
        let (gone, _) = drop_messages(conn, before, Seek::default(), before).unwrap();
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
        let look = |seek| drop_messages(&conn, UnixMs(10_000), seek, UnixMs(10_000)).unwrap();
        let mut seek = Seek::default();
        let mut looks = Vec::new();
        for _ in 0..3 {
            let (gone, next) = look(seek);
            looks.push(gone);
            seek = next;
        }
        assert_eq!(looks, [0, 0, 1]);
        assert_eq!(seek, Seek::default(), "and from the oldest again");
        // Once their tasks are done they go, as many at a time as ever.
        conn.execute("UPDATE task SET state = 'done'", []).unwrap();
        for left in [3_501, 3_001] {
            let (gone, next) = look(seek);
            assert_eq!(gone, BATCH);
            assert_eq!(count(&conn, "SELECT count(*) FROM outbox"), left);
            seek = next;
        }
    }

    #[test]
    fn what_news_are_waited_for_of_stays() {
        let conn = crate::store::tests::db();
        let amina = contact(&conn, "243970000001");
        for (key, state) in [
            ("1", "accepted"),
            ("2", "sent"),
            ("3", "read"),
            ("4", "read"),
        ] {
            conn.execute(
                "INSERT INTO outbox (key, contact_id, purpose, rank, state, created_at, updated_at)
                 VALUES (?1, ?2, 'notice', 1, ?3, 1000, 1000)",
                (key, amina.0, state),
            )
            .unwrap();
        }
        assert_eq!(
            dropped(&conn, UnixMs(5_000)),
            1,
            "and the newest keeps its number"
        );
        // A request to write again, while something waits for the answer.
        conn.execute("UPDATE outbox SET purpose = 'template', state = 'read'", [])
            .unwrap();
        conn.execute("UPDATE lane SET holds = 1", []).unwrap();
        assert_eq!(dropped(&conn, UnixMs(5_000)), 0);
        conn.execute("UPDATE lane SET holds = 0", []).unwrap();
        assert_eq!(dropped(&conn, UnixMs(5_000)), 2);
    }

    #[test]
    fn words_stay_until_staff_are_done_with_whoever_said_them() {
        let conn = crate::store::tests::db();
        let [amina, nobodys] = [Some(contact(&conn, "243970000001").0), None];
        for (id, whose) in [(1, amina), (2, nobodys), (3, nobodys)] {
            conn.execute(
                "INSERT INTO inbox (id, contact_id, kind, item, stamped_at, received_at, state)
                 VALUES (?1, ?2, 'message', 'x', 1000, 1000, 'dead')",
                (id, whose),
            )
            .unwrap();
        }
        conn.execute(
            "INSERT INTO task (kind, contact_id, detail, created_at)
             VALUES ('read_conversation', ?1, NULL, 1000), ('dead_letter', NULL, '2', 1000)",
            [amina],
        )
        .unwrap();
        assert_eq!(dropped(&conn, UnixMs(5_000)), 1, "the newest is emptied");
        conn.execute("UPDATE task SET state = 'done'", []).unwrap();
        assert_eq!(dropped(&conn, UnixMs(5_000)), 2);
    }

    #[test]
    fn what_was_dated_ahead_is_dated_anew_and_keeps_nothing_behind_it() {
        let conn = crate::store::tests::db();
        let amina = contact(&conn, "243970000001");
        let (now, year) = (UnixMs(20 * DAY_MS), 365 * DAY_MS);
        let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
                                                WHERE i < 2010)";
        conn.execute(
            &format!(
                "{numbers} INSERT INTO inbox (contact_id, kind, item, stamped_at, received_at, state)
                 SELECT ?1, 'message', 'x', 1000, iif(i <= 2000, ?2, 1000), 'handled' FROM n"
            ),
            (amina.0, year),
        )
        .unwrap();
        conn.execute(
            &format!(
                "{numbers} INSERT INTO outbox (key, contact_id, purpose, rank, state, created_at,
                                               updated_at, accepted_at)
                 SELECT 'ob:' || i, ?1, 'notice', 1, 'read', at, at, at
                 FROM (SELECT i, iif(i <= 2000, ?2, 1000) AS at FROM n)"
            ),
            (amina.0, year),
        )
        .unwrap();
        let before = now.plus_ms(-DAY_MS);
        let (gone, seek) = drop_messages(&conn, before, Seek::default(), now).unwrap();
        assert_eq!(gone, 1, "the newest is emptied");
        for dated in [
            "SELECT max(received_at) FROM inbox",
            "SELECT max(created_at) FROM outbox",
            "SELECT max(updated_at) FROM outbox",
            "SELECT max(accepted_at) FROM outbox",
        ] {
            assert_eq!(count(&conn, dated), now.0, "{dated}");
        }
        let (gone, seek) = drop_messages(&conn, before, seek, now).unwrap();
        assert_eq!((gone, seek), (18, Seek::default()), "what is behind them");
        // And they go once they are old.
        let later = now.plus_ms(DAY_MS + 1);
        let (gone, _) = drop_messages(&conn, now.plus_ms(1), seek, later).unwrap();
        assert_eq!(gone, 2 * BATCH);
    }

    #[test]
    fn nothing_is_dropped_by_reading_a_whole_table() {
        let conn = crate::store::tests::db();
        for (sql, index) in [
            (DROP_PARKED, "parked_by_age"),
            (OLD_RECORDS, "record_by_update"),
            (OLD_RECORDS, "task_by_record"),
            (FORGET_RECORD, "task_by_record"),
            (DROP_RECORD, "task_by_record"),
            (media::ERASE_OF_RECORD, "media_by_record"),
            (media::ERASE_LOOSE, "media_loose"),
            (DROP_SESSION, "PRIMARY KEY"),
            (WHOSE_RECORD, "PRIMARY KEY"),
            (DROP_VERSIONS, "PRIMARY KEY"),
            (LOOK_AT_TAKEN_IN, "PRIMARY KEY"),
            (LOOK_AT_TAKEN_IN, "task_by_contact"),
            (LOOK_AT_TAKEN_IN, "task_same"),
            (LOOK_AT_SENT, "PRIMARY KEY"),
            (DATE_TAKEN_IN, "PRIMARY KEY"),
            (DATE_SENT, "PRIMARY KEY"),
            (EMPTY_NEWEST_TAKEN_IN, "PRIMARY KEY"),
            (EMPTY_NEWEST_SENT, "PRIMARY KEY"),
        ] {
            let told = plan(&conn, sql);
            assert!(told.contains(index), "{sql}\n{told}");
            assert!(!told.contains("SCAN"), "{sql}\n{told}");
        }
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
    fn a_file_lives_as_long_as_its_record_and_one_without_as_long_as_messages() {
        let conn = crate::store::tests::db();
        fill(&conn);
        conn.execute_batch(
            "INSERT INTO media (id, contact_id, record_id, media_id, kind, state, bytes,
                                stamped_at, created_at, updated_at)
             VALUES (1, 1, 'HP-1', '1', 'audio', 'kept', 4, 0, 0, 0),
                    (2, 1, NULL, '2', 'audio', 'kept', 4, 0, 0, 0);
             INSERT INTO media_chunk SELECT id, 0, x'61626364' FROM media;",
        )
        .unwrap();
        assert_eq!(media::erase_before(&conn, UnixMs(10_000)).unwrap(), 1);
        assert_eq!(count(&conn, "SELECT sum(id) FROM media"), 1);
        assert_eq!(count(&conn, "SELECT sum(media_id) FROM media_chunk"), 1);
        drop_records(&conn, UnixMs(1_000)).unwrap();
        assert_eq!(count(&conn, "SELECT count(*) FROM media_chunk"), 1);
        drop_records(&conn, UnixMs(1_001)).unwrap();
        for table in ["media", "media_chunk"] {
            let left = format!("SELECT count(*) FROM {table}");
            assert_eq!(count(&conn, &left), 0, "{table}");
        }
    }

    #[test]
    fn where_files_have_no_room_the_oldest_make_some_and_else_none_does() {
        use crate::core::limits::MEDIA_STORE_BYTES_MAX;

        let conn = crate::store::tests::db();
        fill(&conn);
        conn.execute_batch(
            "INSERT INTO media (id, contact_id, record_id, media_id, kind, state, bytes,
                                stamped_at, created_at, updated_at)
             VALUES (1, 1, 'HP-1', '1', 'audio', 'kept', 4, 0, 0, 0),
                    (2, 1, 'HP-1', '2', 'audio', 'kept', 9000000, 1, 0, 0),
                    (3, 1, 'HP-1', '3', 'audio', 'kept', 9000000, 2, 0, 0),
                    (4, 1, 'HP-1', '4', 'audio', 'kept', 9000000, 3, 0, 0),
                    (5, 1, 'HP-1', '5', 'audio', 'kept', 4, 9000, 0, 0);
             INSERT INTO media_chunk SELECT id, 0, x'61626364' FROM media;",
        )
        .unwrap();
        let make_room = |before| media::make_room(&conn, UnixMs(before)).unwrap();
        let newest = |bytes: u64| {
            let bytes = i64::try_from(bytes).unwrap();
            conn.execute("UPDATE media SET bytes = ?1 WHERE id = 5", [bytes])
                .unwrap();
        };
        assert_eq!(make_room(9_000), 0);
        newest(MEDIA_STORE_BYTES_MAX - 27_000_000);
        assert_eq!(make_room(0), 0, "none is old");
        // As many as one more file takes, and no more.
        assert_eq!(make_room(9_000), 3);
        assert_eq!(count(&conn, "SELECT sum(id) FROM media"), 4 + 5);
        assert_eq!(make_room(9_000), 0);
        // What was erased before is overwritten first.
        newest(MEDIA_STORE_BYTES_MAX);
        conn.execute_batch(
            "UPDATE media SET state = 'erased' WHERE id = 4;
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
             INSERT INTO media_chunk SELECT 4, i, x'61' FROM n;
             INSERT INTO media (id, contact_id, record_id, media_id, kind, state, bytes,
                                stamped_at, created_at, updated_at)
             VALUES (6, 1, 'HP-1', '6', 'audio', 'kept', 4, 4, 0, 0);",
        )
        .unwrap();
        assert_eq!(make_room(9_000), 0);
        let kept = "SELECT count(*) FROM media WHERE state = 'kept'";
        assert_eq!(count(&conn, kept), 2);
    }

    #[test]
    fn the_files_of_a_record_go_a_little_at_a_time() {
        let conn = crate::store::tests::db();
        fill(&conn);
        conn.execute_batch(
            "INSERT INTO media (id, contact_id, record_id, media_id, kind, state, bytes,
                                stamped_at, created_at, updated_at)
             VALUES (1, 1, 'HP-1', '1', 'audio', 'kept', 100, 0, 0, 0);
             WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
             INSERT INTO media_chunk SELECT 1, i, x'61' FROM n;",
        )
        .unwrap();
        assert_eq!(drop_records(&conn, UnixMs(1_001)).unwrap(), 1);
        let share = i64::try_from(crate::core::limits::MEDIA_SWEEP_CHUNKS).unwrap();
        let left = "SELECT count(*) FROM media_chunk";
        assert_eq!(count(&conn, left), 100 - share);
        assert_eq!(
            media::counts(&conn).unwrap(),
            (0, 0),
            "it is hidden at once"
        );
        while media::sweep(&conn).unwrap() {}
        assert_eq!(count(&conn, left), 0);
        assert_eq!(count(&conn, "SELECT count(*) FROM media"), 0);
    }

    #[test]
    fn a_conversation_that_goes_on_forgets_a_record_that_went() {
        use crate::core::engine::{Draft, Former, Session, Stage};
        use crate::core::id::RecordId;
        use serde_json::{from_value, json};
        let conn = crate::store::tests::db();
        let amina = contact(&conn, "243970000001");
        let [old, new] = [1, 2].map(RecordId::from_random);
        let draft = |id: &RecordId| from_value::<Draft>(json!({ "id": id, "begun": 0 })).unwrap();
        for (id, at) in [(&old, 0), (&new, 9_000)] {
            conn.execute(
                "INSERT INTO record (id, contact_id, version, status, care_state, source, triage,
                                     fields, created_at, updated_at)
                 VALUES (?1, ?2, 1, 'complete', 'waiting', 'whatsapp', 'none', '{}', 0, ?3)",
                (id.as_str(), amina.0, at),
            )
            .unwrap();
        }
        let mut session = Session {
            stage: Stage::Review,
            draft: Some(draft(&old)),
            submitted: Some(draft(&new)),
            former: Some(Former {
                record: old.clone(),
                from: Vec::new(),
            }),
            ..Session::default()
        };
        sessions::save(&conn, amina, &session, UnixMs(9_000)).unwrap();
        assert_eq!(drop_records(&conn, UnixMs(5_000)).unwrap(), 1);
        (session.stage, session.draft, session.former) = (Stage::Rest, None, None);
        assert_eq!(sessions::load(&conn, amina).unwrap(), session);
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
        conn.execute_batch(
            "INSERT INTO media (id, contact_id, record_id, media_id, kind, state, bytes,
                                stamped_at, created_at, updated_at)
             VALUES (1, 1, 'HP-1', '1', 'audio', 'kept', 12, 0, 0, 0)",
        )
        .unwrap();
        conn.execute(
            "INSERT INTO media_chunk VALUES (1, 0, ?1)",
            [CANARY.as_bytes()],
        )
        .unwrap();
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
