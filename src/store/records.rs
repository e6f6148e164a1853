//! Patients' records. Every change makes a new version and keeps the old one,
//! so that no correction loses a word.

use crate::core::answers::Value;
use crate::core::engine::{RecordChange, RecordStatus, Triage};
use crate::core::id::{ContactId, RecordId};
use crate::core::inbound::Identity;
use crate::core::table::RecordRow;
use crate::core::time::UnixMs;
use crate::store::{Error, Result, contacts};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};

/// A record as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number.
    pub id: RecordId,
    /// Counts from 1.
    pub version: i64,
    /// Whose conversation it came from.
    pub contact: Option<ContactId>,
    /// How far it is.
    pub status: RecordStatus,
    /// `waiting`, `seen`, `referred` or `closed`.
    pub care_state: String,
    /// `whatsapp`, `walk_in` or `gatherer`.
    pub source: String,
    /// Whether a danger sign was noticed.
    pub triage: Triage,
    /// ISO 639-1 code of the conversation's language.
    pub language: Option<String>,
    /// The answers by field id.
    pub fields: BTreeMap<String, Value>,
    /// When it began.
    pub created_at: UnixMs,
    /// When it last changed.
    pub updated_at: UnixMs,
}

/// Where a page of records begins: after this creation time and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Creation time of the last record of the page before.
    pub created_at: UnixMs,
    /// Its number.
    pub id: String,
}

/// Writes a record as it now is; true if anything changed. A drawn number that
/// another contact's record has already is refused as a duplicate.
///
/// # Errors
/// [`Error::is_duplicate`] for a taken number; whatever the database reports.
pub fn write(
    conn: &Connection,
    contact: ContactId,
    change: &RecordChange,
    by: &str,
    now: UnixMs,
) -> Result<bool> {
    let fields = serde_json::to_string(&change.fields)?;
    let current = conn
        .prepare_cached(
            "SELECT contact_id, version, status, triage, fields, language FROM record WHERE id = ?1",
        )?
        .query_row([change.id.as_str()], |row| {
            Ok((
                row.get::<_, Option<i64>>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
                row.get::<_, Option<String>>(5)?,
            ))
        })
        .optional()?;
    let Some((owner, version, status, triage, old_fields, language)) = current else {
        insert(conn, contact, change, &fields, now)?;
        return Ok(true);
    };
    if owner != Some(contact.0) {
        return Err(Error::Taken);
    }
    let same = status == change.status.word()
        && triage == change.triage.word()
        && old_fields == fields
        && language.as_deref() == Some(change.language.code());
    if same {
        return Ok(false);
    }
    keep_version(conn, &change.id, version, &status, &old_fields, by, now)?;
    conn.prepare_cached(
        "UPDATE record SET version = ?2, status = ?3, triage = ?4, language = ?5, fields = ?6,
                           updated_at = ?7 WHERE id = ?1",
    )?
    .execute(params![
        change.id.as_str(),
        version + 1,
        change.status.word(),
        change.triage.word(),
        change.language.code(),
        fields,
        now.0,
    ])?;
    Ok(true)
}

fn insert(
    conn: &Connection,
    contact: ContactId,
    change: &RecordChange,
    fields: &str,
    now: UnixMs,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO record (id, contact_id, version, status, care_state, source, triage, language,
                             fields, created_at, updated_at)
         VALUES (?1, ?2, 1, ?3, 'waiting', 'whatsapp', ?4, ?5, ?6, ?7, ?7)",
    )?
    .execute(params![
        change.id.as_str(),
        contact.0,
        change.status.word(),
        change.triage.word(),
        change.language.code(),
        fields,
        now.0,
    ])?;
    Ok(())
}

/// Keeps the version that a change is about to replace. While a record is
/// being filled in its changes only add answers, and need no history.
fn keep_version(
    conn: &Connection,
    id: &RecordId,
    version: i64,
    status: &str,
    fields: &str,
    by: &str,
    now: UnixMs,
) -> Result<()> {
    if status == RecordStatus::InProgress.word() {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO record_version (record_id, version, status, fields, changed_at, changed_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![id.as_str(), version, status, fields, now.0, by])?;
    Ok(())
}

/// Whether a record number is taken.
///
/// # Errors
/// Whatever the database reports.
pub fn exists(conn: &Connection, id: &RecordId) -> Result<bool> {
    Ok(conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM record WHERE id = ?1)")?
        .query_row([id.as_str()], |row| row.get(0))?)
}

/// One record.
///
/// # Errors
/// Whatever the database reports.
pub fn find(conn: &Connection, id: &RecordId) -> Result<Option<Record>> {
    let mut query = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM record WHERE id = ?1"))?;
    query
        .query_row([id.as_str()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// When the latest record was created.
///
/// # Errors
/// Whatever the database reports.
pub fn latest_creation(conn: &Connection) -> Result<Option<UnixMs>> {
    let sql = "SELECT max(created_at) FROM record";
    let latest: Option<i64> = conn.query_row(sql, [], |row| row.get(0))?;
    Ok(latest.map(UnixMs))
}

/// How many there are.
///
/// # Errors
/// Whatever the database reports.
pub fn count(conn: &Connection) -> Result<i64> {
    Ok(conn.query_row("SELECT count(*) FROM record", [], |row| row.get(0))?)
}

/// A page of records created in `[since, until)`, oldest first.
///
/// # Errors
/// Whatever the database reports.
pub fn page(
    conn: &Connection,
    since: UnixMs,
    until: UnixMs,
    after: &Cursor,
    limit: usize,
) -> Result<Vec<Record>> {
    let (from, id) = beginning(since, after);
    let mut query = conn.prepare_cached(&page_sql(COLUMNS))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![from.0, id, until.0, limit], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// The ids of the fields that a page of records has, and where it ended; `None`
/// past the last record.
///
/// # Errors
/// Whatever the database reports.
pub fn field_ids(
    conn: &Connection,
    since: UnixMs,
    until: UnixMs,
    after: &Cursor,
    limit: usize,
) -> Result<Option<(BTreeSet<String>, Cursor)>> {
    let (from, id) = beginning(since, after);
    let mut query = conn.prepare_cached(&page_sql("created_at, id, fields"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![from.0, id, until.0, limit])?;
    let (mut ids, mut last) = (BTreeSet::new(), None);
    while let Some(row) = rows.next()? {
        let fields: BTreeMap<String, IgnoredAny> =
            serde_json::from_str(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)
                .map_err(|_| Error::Unreadable("a record"))?;
        ids.extend(fields.into_keys());
        last = Some(Cursor {
            created_at: UnixMs(row.get(0)?),
            id: row.get(1)?,
        });
    }
    Ok(last.map(|last| (ids, last)))
}

/// The later of the two beginnings, so that the index is entered at the page and
/// not at the period: no record's number is empty.
fn beginning(since: UnixMs, after: &Cursor) -> (UnixMs, &str) {
    if after.created_at < since {
        (since, "")
    } else {
        (after.created_at, after.id.as_str())
    }
}

fn page_sql(columns: &str) -> String {
    format!(
        "SELECT {columns} FROM record WHERE (created_at, id) > (?1, ?2) AND created_at < ?3
         ORDER BY created_at, id LIMIT ?4"
    )
}

/// The latest records created in `[since, until)`, newest first.
///
/// # Errors
/// Whatever the database reports.
pub fn latest_between(
    conn: &Connection,
    since: UnixMs,
    until: UnixMs,
    limit: usize,
) -> Result<Vec<Record>> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM record WHERE created_at >= ?1 AND created_at < ?2
         ORDER BY created_at DESC, id LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map(params![since.0, until.0, limit], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// The latest records, newest first.
///
/// # Errors
/// Whatever the database reports.
pub fn latest(conn: &Connection, limit: usize) -> Result<Vec<Record>> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM record ORDER BY created_at DESC, id LIMIT ?1"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = query.query_map([limit], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// A record with what a table says of its contact.
///
/// # Errors
/// Whatever the database reports.
pub fn row(conn: &Connection, record: &Record) -> Result<RecordRow> {
    let who = match record.contact {
        Some(contact) => contacts::address_of(conn, contact)?,
        None => Identity::default(),
    };
    Ok(RecordRow {
        id: record.id.clone(),
        version: record.version,
        status: record.status.word().to_owned(),
        care_state: record.care_state.clone(),
        source: record.source.clone(),
        language: record.language.clone(),
        triage: record.triage.word().to_owned(),
        created_at: record.created_at,
        updated_at: record.updated_at,
        contact_phone: who.phone,
        contact_username: who.username,
        fields: record
            .fields
            .iter()
            .map(|(id, value)| (id.clone(), value.into()))
            .collect(),
    })
}

const COLUMNS: &str = "id, version, contact_id, status, care_state, source, triage, language, \
                       fields, created_at, updated_at";

fn read(row: &Row<'_>) -> Result<Record> {
    let bad = |_| Error::Unreadable("a record");
    let id: String = row.get(0)?;
    let status: String = row.get(3)?;
    let triage: String = row.get(6)?;
    let fields: String = row.get(8)?;
    Ok(Record {
        id: id
            .parse()
            .map_err(|_| Error::Unreadable("a record number"))?,
        version: row.get(1)?,
        contact: row.get::<_, Option<i64>>(2)?.map(ContactId),
        status: status.parse().map_err(bad)?,
        care_state: row.get(4)?,
        source: row.get(5)?,
        triage: triage.parse().map_err(|_| Error::Unreadable("a record"))?,
        language: row.get(7)?,
        fields: serde_json::from_str(&fields).map_err(|_| Error::Unreadable("a record"))?,
        created_at: UnixMs(row.get(9)?),
        updated_at: UnixMs(row.get(10)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{db, plan};

    #[test]
    fn a_page_enters_the_index_at_its_cursor() {
        let told = plan(&db(), &page_sql(COLUMNS));
        assert!(
            told.contains("record_by_creation ((created_at,id)>(?,?)"),
            "{told}"
        );
        assert!(!told.contains("TEMP B-TREE"), "{told}");
    }

    #[test]
    fn pages_join_without_a_gap_or_a_double() {
        let conn = db();
        for (number, at) in [(1, 5), (2, 10), (3, 10), (4, 20), (5, 30)] {
            conn.execute(
                "INSERT INTO record VALUES (?1, NULL, 1, 'complete', 'waiting', 'whatsapp',
                                            'none', 'fr', '{}', ?2, ?2)",
                params![RecordId::from_random(number).as_str(), at],
            )
            .unwrap();
        }
        let mut after = Cursor {
            created_at: UnixMs(i64::MIN),
            id: String::new(),
        };
        let mut times = Vec::new();
        loop {
            let found = page(&conn, UnixMs(10), UnixMs(30), &after, 1).unwrap();
            let Some(last) = found.last() else { break };
            times.push(last.created_at.0);
            after = Cursor {
                created_at: last.created_at,
                id: last.id.as_str().to_owned(),
            };
        }
        assert_eq!(times, [10, 10, 20]);
    }

    #[test]
    fn the_fields_of_a_period_are_gathered_page_by_page() {
        let conn = db();
        for (number, at, fields) in [
            (1, 5, r#"{"before":{}}"#),
            (2, 10, r#"{"sex":{"one":{"id":"male"}}}"#),
            (3, 11, r#"{"water":{},"sex":{}}"#),
            (4, 12, "{}"),
            (5, 30, r#"{"after":{}}"#),
        ] {
            conn.execute(
                "INSERT INTO record VALUES (?1, NULL, 1, 'complete', 'waiting', 'whatsapp',
                                            'none', 'fr', ?3, ?2, ?2)",
                params![RecordId::from_random(number).as_str(), at, fields],
            )
            .unwrap();
        }
        let (mut after, mut ids, mut pages) = (Cursor::default(), BTreeSet::new(), 0);
        while let Some((found, last)) = field_ids(&conn, UnixMs(10), UnixMs(30), &after, 2).unwrap()
        {
            ids.extend(found);
            (after, pages) = (last, pages + 1);
        }
        assert_eq!(
            (Vec::from_iter(ids), pages),
            (vec!["sex".to_owned(), "water".to_owned()], 2)
        );
    }
}
