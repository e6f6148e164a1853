//! What a human has to do.

use crate::core::id::{ContactId, OutboxId, RecordId, TaskId};
use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::{Connection, OptionalExtension, params};

/// A task about to be opened.
#[derive(Clone, Debug)]
pub struct NewTask<'a> {
    /// What kind of work it is; a stable word.
    pub kind: &'a str,
    /// Whom it concerns.
    pub contact: Option<ContactId>,
    /// Which record it concerns.
    pub record: Option<&'a RecordId>,
    /// Which message it stands for; a message gets one task at most.
    pub outbox: Option<OutboxId>,
    /// Which, more exactly: a field's id, a sign's word. Never a patient's words.
    pub detail: Option<&'a str>,
}

/// Opens a task. The same open task (kind, contact, record, detail) is not
/// opened twice, and a message never gets a second one: if it fails again after
/// its task was done, that task is opened again.
///
/// # Errors
/// Whatever the database reports.
pub fn open(conn: &Connection, task: &NewTask<'_>, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO task (kind, contact_id, record_id, outbox_id, detail, created_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6
         WHERE ?4 IS NOT NULL OR NOT EXISTS (
             SELECT 1 FROM task WHERE state != 'done' AND kind = ?1 AND contact_id IS ?2
               AND record_id IS ?3 AND detail IS ?5)
         ON CONFLICT (outbox_id) WHERE outbox_id IS NOT NULL
         DO UPDATE SET state = 'open', claimed_by = NULL, done_at = NULL WHERE state = 'done'",
    )?
    .execute(params![
        task.kind,
        task.contact.map(|c| c.0),
        task.record.map(RecordId::as_str),
        task.outbox.map(|o| o.0),
        task.detail,
        now.0,
    ])?;
    Ok(())
}

/// Closes the task that stands for a message, because the message arrived after
/// all; true if one was open. Other tasks stay.
///
/// # Errors
/// Whatever the database reports.
pub fn close_for(conn: &Connection, outbox: OutboxId, now: UnixMs) -> Result<bool> {
    let closed = conn
        .prepare_cached(
            "UPDATE task SET state = 'done', done_at = ?2
             WHERE outbox_id = ?1 AND state != 'done'",
        )?
        .execute(params![outbox.0, now.0])?;
    Ok(closed == 1)
}

/// How the task of a message stands, if it has one: `open`, `claimed`, `done`.
///
/// # Errors
/// Whatever the database reports.
pub fn of_message(conn: &Connection, outbox: OutboxId) -> Result<Option<String>> {
    Ok(conn
        .prepare_cached("SELECT state FROM task WHERE outbox_id = ?1")?
        .query_row([outbox.0], |row| row.get(0))
        .optional()?)
}

/// A task as staff see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// What kind of work it is.
    pub kind: String,
    /// Whom it concerns.
    pub contact: Option<ContactId>,
    /// Which record it concerns.
    pub record: Option<String>,
    /// Which, more exactly.
    pub detail: Option<String>,
    /// Since when.
    pub created_at: UnixMs,
}

/// Tasks that are not done, danger signs first, then the oldest.
///
/// # Errors
/// Whatever the database reports.
pub fn list_open(conn: &Connection, limit: usize) -> Result<Vec<Task>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(
        "SELECT id, kind, contact_id, record_id, detail, created_at FROM task
         WHERE state != 'done' ORDER BY kind != 'danger_sign', created_at, id LIMIT ?1",
    )?;
    let rows = query.query_map([limit], |row| {
        Ok(Task {
            id: TaskId(row.get(0)?),
            kind: row.get(1)?,
            contact: row.get::<_, Option<i64>>(2)?.map(ContactId),
            record: row.get(3)?,
            detail: row.get(4)?,
            created_at: UnixMs(row.get(5)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outgoing::Purpose;
    use crate::store::tests::{contact, count, db, queue};

    #[test]
    fn a_task_is_opened_once_until_it_is_done() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let message = queue(&conn, amina, Purpose::Notice, "a1");
        let mut task = NewTask {
            kind: "danger_sign",
            contact: Some(amina),
            record: None,
            outbox: None,
            detail: Some("convulsion"),
        };
        for _ in 0..2 {
            open(&conn, &task, UnixMs(1)).unwrap();
        }
        task.detail = Some("chest_pain");
        open(&conn, &task, UnixMs(2)).unwrap();
        assert_eq!(list_open(&conn, 10).unwrap().len(), 2);
        let undelivered = NewTask {
            kind: "undelivered",
            outbox: Some(message),
            ..task
        };
        open(&conn, &undelivered, UnixMs(0)).unwrap();
        conn.execute("UPDATE task SET state = 'done', done_at = 5", [])
            .unwrap();
        open(&conn, &undelivered, UnixMs(9)).unwrap();
        assert_eq!(
            count(&conn, "SELECT count(*) FROM task WHERE state = 'open'"),
            1
        );
        assert_eq!(count(&conn, "SELECT count(*) FROM task"), 3);
    }

    #[test]
    fn a_message_that_arrived_after_all_closes_its_own_task_only() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let [first, second] = ["a1", "a2"].map(|name| queue(&conn, amina, Purpose::Notice, name));
        for message in [first, second] {
            let task = NewTask {
                kind: "undelivered",
                contact: Some(amina),
                record: None,
                outbox: Some(message),
                detail: None,
            };
            open(&conn, &task, UnixMs(1)).unwrap();
        }
        assert!(close_for(&conn, first, UnixMs(7)).unwrap());
        assert!(!close_for(&conn, first, UnixMs(9)).unwrap(), "once");
        assert_eq!(list_open(&conn, 10).unwrap().len(), 1);
        assert_eq!(
            count(&conn, "SELECT done_at FROM task WHERE state = 'done'"),
            7
        );
    }

    #[test]
    fn danger_signs_come_first() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        for (at, kind) in [(1, "read_conversation"), (2, "danger_sign")] {
            let task = NewTask {
                kind,
                contact: Some(amina),
                record: None,
                outbox: None,
                detail: None,
            };
            open(&conn, &task, UnixMs(at)).unwrap();
        }
        let kinds: Vec<String> = list_open(&conn, 10)
            .unwrap()
            .into_iter()
            .map(|t| t.kind)
            .collect();
        assert_eq!(kinds, ["danger_sign", "read_conversation"]);
    }
}
