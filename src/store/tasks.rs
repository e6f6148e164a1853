//! What a human has to do.

mod new;

pub use new::NewTask;

use crate::core::id::{ContactId, OutboxId, RecordId, StaffId, TaskId};
use crate::core::tasks::{Kind, Outcome};
use crate::core::time::UnixMs;
use crate::store::{Result, audit, flags};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Opens a task. The same open task (kind, contact, record, detail) is not
/// opened twice, and a message never gets a second one: its task says what is
/// the matter with it now, and is opened anew if it was done.
///
/// # Errors
/// Whatever the database reports.
pub fn open(conn: &Connection, task: &NewTask<'_>, now: UnixMs) -> Result<()> {
    conn.prepare_cached(OPEN)?.execute(params![
        task.kind.word(),
        task.contact.map(|c| c.0),
        task.record.map(RecordId::as_str),
        task.outbox.map(|o| o.0),
        task.detail,
        now.0,
    ])?;
    Ok(())
}

/// The index is named: a box with thousands of open tasks opens one as fast.
const OPEN: &str = "INSERT INTO task (kind, contact_id, record_id, outbox_id, detail, created_at)
         SELECT ?1, ?2, (SELECT id FROM record WHERE id = ?3), ?4, ?5, ?6
         WHERE ?4 IS NOT NULL OR NOT EXISTS (
             SELECT 1 FROM task INDEXED BY task_same
             WHERE state != 'done' AND kind = ?1 AND contact_id IS ?2
               AND record_id IS ?3 AND detail IS ?5)
         ON CONFLICT (outbox_id) WHERE outbox_id IS NOT NULL
         DO UPDATE SET kind = excluded.kind, detail = excluded.detail,
             created_at = CASE state WHEN 'done' THEN excluded.created_at ELSE created_at END,
             claimed_by = CASE state WHEN 'done' THEN NULL ELSE claimed_by END,
             claimed_at = CASE state WHEN 'done' THEN NULL ELSE claimed_at END,
             state = CASE state WHEN 'done' THEN 'open' ELSE state END,
             outcome = NULL, done_by = NULL, done_at = NULL";

/// Closes the task that stands for a message, because the message arrived after
/// all; true if one was open. Other tasks stay.
///
/// # Errors
/// Whatever the database reports.
pub fn close_for(conn: &Connection, outbox: OutboxId, now: UnixMs) -> Result<bool> {
    let closed = conn
        .prepare_cached(
            "UPDATE task SET state = 'done', outcome = 'not_needed', done_at = ?2
             WHERE outbox_id = ?1 AND state != 'done'",
        )?
        .execute(params![outbox.0, now.0])?;
    Ok(closed == 1)
}

/// A message is wanted again by staff: that it was told by mouth does not end it
/// any more.
///
/// # Errors
/// Whatever the database reports.
pub fn leave_done(conn: &Connection, outbox: OutboxId) -> Result<()> {
    conn.prepare_cached(
        "UPDATE task SET outbox_id = NULL WHERE outbox_id = ?1 AND state = 'done'",
    )?
    .execute(params![outbox.0])?;
    Ok(())
}

/// A message goes on under another number: its task stands for that one now.
///
/// # Errors
/// Whatever the database reports.
pub fn hand_on(conn: &Connection, from: OutboxId, to: OutboxId) -> Result<()> {
    conn.prepare_cached("UPDATE task SET outbox_id = ?2 WHERE outbox_id = ?1")?
        .execute(params![from.0, to.0])?;
    Ok(())
}

/// Closes every task of a kind about one thing that is not done; the reason for
/// it has gone by itself.
///
/// # Errors
/// Whatever the database reports.
pub fn close_about(conn: &Connection, kind: Kind, detail: &str, now: UnixMs) -> Result<usize> {
    Ok(conn
        .prepare_cached(
            "UPDATE task INDEXED BY task_same
             SET state = 'done', outcome = 'not_needed', done_at = ?3
             WHERE kind = ?1 AND detail = ?2 AND state != 'done'",
        )?
        .execute(params![kind.word(), detail, now.0])?)
}

/// The same of every task of a kind that is about the number of an error, and not
/// about a word.
///
/// # Errors
/// Whatever the database reports.
pub fn close_coded(conn: &Connection, kind: Kind, now: UnixMs) -> Result<usize> {
    Ok(conn
        .prepare_cached(
            "UPDATE task INDEXED BY task_same
             SET state = 'done', outcome = 'not_needed', done_at = ?2
             WHERE kind = ?1 AND state != 'done' AND detail NOT GLOB '*[^0-9]*'",
        )?
        .execute(params![kind.word(), now.0])?)
}

/// Whether a task of this kind is not done.
///
/// # Errors
/// Whatever the database reports.
pub fn any_open(conn: &Connection, kind: Kind) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM task INDEXED BY task_same
                            WHERE kind = ?1 AND state != 'done')",
        )?
        .query_row([kind.word()], |row| row.get(0))?)
}

/// Whether there ever was a task of this kind about this thing, done or not.
///
/// # Errors
/// Whatever the database reports.
pub fn was_ever(conn: &Connection, kind: Kind, detail: &str) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM task WHERE kind = ?1 AND detail = ?2)")?
        .query_row([kind.word(), detail], |row| row.get(0))?)
}

/// Whether this very task was ever opened, done or not.
///
/// # Errors
/// Whatever the database reports.
pub fn was_opened(conn: &Connection, task: &NewTask<'_>) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM task INDEXED BY task_same
             WHERE kind = ?1 AND contact_id IS ?2 AND record_id IS ?3 AND detail IS ?4)",
        )?
        .query_row(
            params![
                task.kind.word(),
                task.contact.map(|c| c.0),
                task.record.map(RecordId::as_str),
                task.detail,
            ],
            |row| row.get(0),
        )?)
}

/// Whether a task of this kind about a contact is not done.
///
/// # Errors
/// Whatever the database reports.
pub fn is_open_of(conn: &Connection, contact: ContactId, kind: Kind) -> Result<bool> {
    Ok(conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM task
             WHERE state != 'done' AND kind = ?2 AND contact_id = ?1)",
        )?
        .query_row(params![contact.0, kind.word()], |row| row.get(0))?)
}

/// How many tasks of a kind are not done.
///
/// # Errors
/// Whatever the database reports.
pub fn count_open(conn: &Connection, kind: Kind) -> Result<i64> {
    Ok(conn
        .prepare_cached("SELECT count(*) FROM task WHERE state != 'done' AND kind = ?1")?
        .query_row([kind.word()], |row| row.get(0))?)
}

/// The task of a message, if it has one.
///
/// # Errors
/// Whatever the database reports.
pub fn of_message(conn: &Connection, outbox: OutboxId) -> Result<Option<Task>> {
    Ok(conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM task WHERE outbox_id = ?1"))?
        .query_row([outbox.0], read)
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
    /// Which message it stands for.
    pub outbox: Option<OutboxId>,
    /// Which, more exactly.
    pub detail: Option<String>,
    /// Since when.
    pub created_at: UnixMs,
    /// Who has taken it on, and since when.
    pub claimed: Option<(StaffId, UnixMs)>,
    /// The name of whoever has taken it on.
    pub claimer: Option<String>,
    /// How it ended, and when.
    pub ended: Option<(String, UnixMs)>,
}

impl Task {
    /// Whether what it asked for was done: an end alone does not say so.
    pub fn is_done(&self) -> bool {
        let ended = self.ended.as_ref();
        ended.is_some_and(|(outcome, _)| outcome == Outcome::Done.word())
    }
}

const COLUMNS: &str = "id, kind, contact_id, record_id, outbox_id, detail, created_at, \
                       claimed_by, claimed_at, outcome, done_at, state, \
                       (SELECT name FROM staff WHERE id = claimed_by)";

const OPEN_FIRST: &str = "ORDER BY kind != 'danger_sign', created_at, id";
const LATEST: &str = "ORDER BY id DESC";

/// Tasks that are not done, danger signs first, then the oldest.
///
/// # Errors
/// Whatever the database reports.
pub fn list_open(conn: &Connection, limit: usize) -> Result<Vec<Task>> {
    list(conn, "state != 'done'", OPEN_FIRST, limit)
}

/// The latest tasks, done or not, newest first.
///
/// # Errors
/// Whatever the database reports.
pub fn list_all(conn: &Connection, limit: usize) -> Result<Vec<Task>> {
    list(conn, "true", LATEST, limit)
}

/// The technician's own tasks, the open ones or the latest of all: however many
/// there are about patients, these are found.
///
/// # Errors
/// Whatever the database reports.
pub fn list_technical(conn: &Connection, all: bool, limit: usize) -> Result<Vec<Task>> {
    let own = Kind::ALL.iter().filter(|kind| !kind.concerns_patient());
    let words: Vec<String> = own.map(|kind| format!("'{kind}'")).collect();
    let own = format!("kind IN ({})", words.join(", "));
    if all {
        return list(conn, &own, LATEST, limit);
    }
    list(
        conn,
        &format!("{own} AND state != 'done'"),
        OPEN_FIRST,
        limit,
    )
}

fn list(conn: &Connection, which: &str, order: &str, limit: usize) -> Result<Vec<Task>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM task WHERE {which} {order} LIMIT ?1"
    ))?;
    let rows = query.query_map([limit], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One task.
///
/// # Errors
/// Whatever the database reports.
pub fn find(conn: &Connection, id: TaskId) -> Result<Option<Task>> {
    Ok(conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM task WHERE id = ?1"))?
        .query_row([id.0], read)
        .optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    let claimed: (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
    let outcome: Option<String> = row.get(9)?;
    let done_at: Option<i64> = row.get(10)?;
    let done = row.get_ref(11)?.as_str()? == "done";
    Ok(Task {
        id: TaskId(row.get(0)?),
        kind: row.get(1)?,
        contact: row.get::<_, Option<i64>>(2)?.map(ContactId),
        record: row.get(3)?,
        outbox: row.get::<_, Option<i64>>(4)?.map(OutboxId),
        detail: row.get(5)?,
        created_at: UnixMs(row.get(6)?),
        claimed: match claimed {
            (Some(staff), Some(at)) => Some((StaffId(staff), UnixMs(at))),
            (Some(_) | None, Some(_) | None) => None,
        },
        claimer: row.get(12)?,
        ended: done.then(|| {
            let word = outcome.unwrap_or_else(|| Outcome::NotNeeded.word().to_owned());
            (word, UnixMs(done_at.unwrap_or(0)))
        }),
    })
}

/// What became of somebody's wish to change a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is so now, or was so already.
    Made,
    /// There is no such task.
    Missing,
    /// Somebody else has taken it on.
    Taken,
    /// It is done.
    Over,
}

/// Takes a task on. Taking on one's own again changes nothing.
///
/// # Errors
/// Whatever the database reports.
pub fn claim(conn: &Connection, id: TaskId, staff: StaffId, now: UnixMs) -> Result<Change> {
    let changed = conn
        .prepare_cached(
            "UPDATE task SET state = 'claimed', claimed_by = ?2, claimed_at = ?3
             WHERE id = ?1 AND state = 'open'",
        )?
        .execute(params![id.0, staff.0, now.0])?;
    if changed == 1 {
        note(conn, now, staff, "task.claim", id, "")?;
        return Ok(Change::Made);
    }
    Ok(match find(conn, id)? {
        None => Change::Missing,
        Some(task) if task.ended.is_some() => Change::Over,
        Some(task) if task.claimed.is_some_and(|(by, _)| by == staff) => Change::Made,
        Some(_) => Change::Taken,
    })
}

/// Ends a task, whoever had taken it on: a shift may end in between. A flag
/// that stood for it goes with it.
///
/// # Errors
/// Whatever the database reports.
pub fn end(
    conn: &Connection,
    id: TaskId,
    staff: StaffId,
    outcome: Outcome,
    now: UnixMs,
) -> Result<Change> {
    let changed = conn
        .prepare_cached(
            "UPDATE task SET state = 'done', outcome = ?3, done_by = ?2, done_at = ?4
             WHERE id = ?1 AND state != 'done'",
        )?
        .execute(params![id.0, staff.0, outcome.word(), now.0])?;
    if changed == 1 {
        note(conn, now, staff, "task.end", id, outcome.word())?;
        if let Some(Task { kind, contact, .. }) = find(conn, id)?
            && let Some(contact) = contact
        {
            flags::settle(conn, contact, &kind)?;
        }
        return Ok(Change::Made);
    }
    Ok(match find(conn, id)? {
        None => Change::Missing,
        Some(_) => Change::Over,
    })
}

fn note(
    conn: &Connection,
    at: UnixMs,
    staff: StaffId,
    action: &str,
    id: TaskId,
    detail: &str,
) -> Result<()> {
    let deed = audit::Deed {
        at,
        actor: &format!("staff:{staff}"),
        action,
        subject: &format!("task:{id}"),
        detail,
    };
    audit::append(conn, &deed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::outgoing::Purpose;
    use crate::store::tests::{contact, count, db, plan, queue};

    #[test]
    fn a_task_is_opened_once_until_it_is_done() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let message = queue(&conn, amina, Purpose::Notice, "a1");
        let sign = NewTask::of(Kind::DangerSign).contact(amina);
        let task = sign.clone().about("convulsion");
        for _ in 0..2 {
            open(&conn, &task, UnixMs(1)).unwrap();
        }
        open(&conn, &sign.about("chest_pain"), UnixMs(2)).unwrap();
        assert_eq!(list_open(&conn, 10).unwrap().len(), 2);
        let undelivered = NewTask::of(Kind::Undelivered).contact(amina);
        let undelivered = undelivered.message(message).about("chest_pain");
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
    fn the_task_of_a_message_says_what_is_the_matter_with_it_now() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let message = queue(&conn, amina, Purpose::Notice, "a1");
        let open_for = |kind: Kind, detail: &str, at: i64| {
            let task = NewTask::of(kind).contact(amina).message(message);
            open(&conn, &task.about(detail), UnixMs(at)).unwrap();
            of_message(&conn, message).unwrap().unwrap()
        };
        let bob = staff(&conn, "bob");
        let first = open_for(Kind::CallPatient, "no_template", 1);
        claim(&conn, first.id, bob, UnixMs(2)).unwrap();
        let worse = open_for(Kind::Undelivered, "too_old", 3);
        assert_eq!(
            (worse.kind.as_str(), worse.detail.as_deref()),
            ("undelivered", Some("too_old"))
        );
        // It is still the work somebody took on, and waits for as long.
        assert_eq!(worse.created_at, UnixMs(1));
        assert_eq!(worse.claimed, Some((bob, UnixMs(2))));
        end(&conn, first.id, bob, Outcome::CouldNotReach, UnixMs(4)).unwrap();
        let anew = open_for(Kind::SentInDoubt, "sent_in_doubt", 5);
        assert_eq!((anew.id, anew.created_at), (first.id, UnixMs(5)));
        assert_eq!((anew.claimed, anew.ended), (None, None));
        assert_eq!(anew.kind, "sent_in_doubt");
    }

    #[test]
    fn a_task_is_opened_without_reading_all_that_are_open() {
        let told = plan(&db(), OPEN);
        let index = "INDEX task_same (kind=? AND detail=? AND contact_id=?)";
        assert!(told.contains(index), "{told}");
    }

    #[test]
    fn a_message_that_arrived_after_all_closes_its_own_task_only() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let [first, second] = ["a1", "a2"].map(|name| queue(&conn, amina, Purpose::Notice, name));
        for message in [first, second] {
            let task = NewTask::of(Kind::Undelivered).contact(amina);
            let task = task.message(message);
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
        for (at, kind) in [(1, Kind::ReadConversation), (2, Kind::DangerSign)] {
            let task = NewTask::of(kind).contact(amina);
            open(&conn, &task, UnixMs(at)).unwrap();
        }
        let kinds: Vec<String> = list_open(&conn, 10)
            .unwrap()
            .into_iter()
            .map(|t| t.kind)
            .collect();
        assert_eq!(kinds, ["danger_sign", "read_conversation"]);
    }

    fn staff(conn: &Connection, name: &str) -> StaffId {
        let new = crate::store::staff::NewStaff {
            name,
            roles: &[crate::core::access::Role::Clinician],
            password_hash: "",
            must_change: false,
        };
        crate::store::staff::add(conn, &new, UnixMs(0)).unwrap()
    }

    #[test]
    fn a_task_is_taken_on_by_one_and_ended_by_anybody_and_both_are_noted() {
        let conn = db();
        let [marthe, bob] = ["marthe", "bob"].map(|name| staff(&conn, name));
        let amina = contact(&conn, "243970000001");
        let task = NewTask::of(Kind::DangerSign).contact(amina);
        open(&conn, &task, UnixMs(1)).unwrap();
        let id = list_open(&conn, 1).unwrap()[0].id;
        assert_eq!(
            claim(&conn, TaskId(99), bob, UnixMs(2)).unwrap(),
            Change::Missing
        );
        assert_eq!(claim(&conn, id, marthe, UnixMs(2)).unwrap(), Change::Made);
        assert_eq!(claim(&conn, id, marthe, UnixMs(3)).unwrap(), Change::Made);
        assert_eq!(claim(&conn, id, bob, UnixMs(3)).unwrap(), Change::Taken);
        let taken = list_open(&conn, 1).unwrap().remove(0);
        assert_eq!(taken.claimed, Some((marthe, UnixMs(2))));
        assert_eq!(taken.claimer.as_deref(), Some("marthe"));
        let tried = Outcome::CouldNotReach;
        assert_eq!(end(&conn, id, bob, tried, UnixMs(4)).unwrap(), Change::Made);
        assert_eq!(
            end(&conn, id, bob, Outcome::Done, UnixMs(5)).unwrap(),
            Change::Over
        );
        assert_eq!(claim(&conn, id, bob, UnixMs(5)).unwrap(), Change::Over);
        assert!(list_open(&conn, 1).unwrap().is_empty());
        let ended = list_all(&conn, 1).unwrap().remove(0).ended;
        assert_eq!(ended, Some(("could_not_reach".to_owned(), UnixMs(4))));
        assert_eq!(count(&conn, "SELECT count(*) FROM audit"), 2);
    }

    #[test]
    fn what_an_error_was_about_ends_and_what_was_said_stays() {
        let conn = db();
        for about in ["131042", "368", "DISABLED_UPDATE", "account_2"] {
            let task = NewTask::of(Kind::AccountRefused).about(about);
            open(&conn, &task, UnixMs(1)).unwrap();
        }
        let other = NewTask::of(Kind::TemplateRefused).about("131042");
        open(&conn, &other, UnixMs(1)).unwrap();
        let closed = close_coded(&conn, Kind::AccountRefused, UnixMs(2)).unwrap();
        assert_eq!(closed, 2);
        let left = list_open(&conn, 10).unwrap();
        let left: Vec<_> = left.iter().filter_map(|it| it.detail.as_deref()).collect();
        assert_eq!(left, ["DISABLED_UPDATE", "account_2", "131042"]);
    }

    #[test]
    fn what_went_away_by_itself_needs_nobody() {
        let conn = db();
        let refused = Kind::TemplateRefused;
        let task = NewTask::of(refused).about("x fr");
        assert!(!was_ever(&conn, refused, "x fr").unwrap());
        open(&conn, &task, UnixMs(1)).unwrap();
        assert_eq!(close_about(&conn, refused, "x fr", UnixMs(2)).unwrap(), 1);
        assert_eq!(close_about(&conn, refused, "x fr", UnixMs(3)).unwrap(), 0);
        assert!(was_ever(&conn, refused, "x fr").unwrap());
    }
}
