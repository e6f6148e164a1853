//! Files that patients sent: which are wanted, how far each is, and their bytes
//! in pieces, inside the encrypted database like every other word of theirs.
//!
//! The bytes of a file that is erased or not kept go in small pieces, so that
//! nobody waits long for the writer; nothing reads them from that moment on.

mod chunks;
mod erasing;

pub use chunks::{add_chunk, chunk, kept_chunk, start_anew};
use erasing::TO_SWEEP;
#[cfg(test)]
pub(in crate::store) use erasing::{ERASE_LOOSE, ERASE_OF_RECORD};
pub use erasing::{erase, erase_before, erase_of_message, erase_of_record, make_room, sweep};

use crate::core::id::{ContactId, InboxId, MediaId, RecordId};
use crate::core::inbound::{Content, Inbound, Item, Media, MediaKind};
use crate::core::limits::MEDIA_AGE_MS_MAX;
use crate::core::time::UnixMs;
use crate::store::{Error, Result};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is to be fetched.
    Waiting,
    /// It is being fetched, or was when the power went.
    Fetching,
    /// It is here, whole, and its digest is right.
    Kept,
    /// The provider has it no more.
    Gone,
    /// It is larger than what is kept.
    TooBig,
    /// It is of a kind that is not kept, or not what was sent.
    Refused,
    /// It was erased; what is left of its bytes is being overwritten.
    Erased,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Fetching,
        Self::Kept,
        Self::Gone,
        Self::TooBig,
        Self::Refused,
        Self::Erased,
    ];

    /// The word in rows and for programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Kept => "kept",
            Self::Gone => "gone",
            Self::TooBig => "too_big",
            Self::Refused => "refused",
            Self::Erased => "erased",
        }
    }
}

/// A file and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Our number for it.
    pub id: MediaId,
    /// The message it came in, while that is kept.
    pub inbox: Option<InboxId>,
    /// Who sent it.
    pub contact: ContactId,
    /// The record it belongs to.
    pub record: Option<RecordId>,
    /// The provider's id.
    pub media_id: String,
    /// What it is.
    pub kind: MediaKind,
    /// Its type, as the sender's device says.
    pub mime: Option<String>,
    /// Its digest, as the provider writes it.
    pub sha256: Option<String>,
    /// How far it is.
    pub state: State,
    /// Why it stands there.
    pub why: Option<String>,
    /// Bytes that are here.
    pub bytes: u64,
    /// The furthest byte that any try has reached.
    pub reached: u64,
    /// Tries since one got further than all before it.
    pub tries: u32,
    /// When the patient sent it, by the provider's stamp.
    pub stamped: UnixMs,
}

impl File {
    /// From when on the provider has it no more.
    pub const fn expires_at(&self) -> UnixMs {
        self.stamped.plus_ms(MEDIA_AGE_MS_MAX)
    }
}

/// The column's word for a kind.
pub const fn kind_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
        MediaKind::Document => "document",
        MediaKind::Sticker => "sticker",
    }
}

const KINDS: [MediaKind; 5] = [
    MediaKind::Image,
    MediaKind::Audio,
    MediaKind::Video,
    MediaKind::Document,
    MediaKind::Sticker,
];

/// Wants the file that a message brought, if it brought one; true if it is
/// newly wanted, or has a record from now on.
///
/// # Errors
/// Whatever the database reports.
pub fn want(
    conn: &Connection,
    inbox: InboxId,
    record: Option<&RecordId>,
    now: UnixMs,
) -> Result<bool> {
    let found: Option<(Option<i64>, Option<String>)> = conn
        .prepare_cached("SELECT contact_id, item FROM inbox WHERE id = ?1")?
        .query_row([inbox.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((Some(contact), Some(item))) = found else {
        return Ok(false);
    };
    let Item::Message(message) = serde_json::from_str(&item)? else {
        return Ok(false);
    };
    let Some(media) = attached(&message) else {
        return Ok(false);
    };
    let wanted = conn
        .prepare_cached(
            "INSERT INTO media (inbox_id, contact_id, record_id, media_id, kind, mime,
                                          sha256, state, stamped_at, created_at, updated_at)
             VALUES (?1, ?2, (SELECT id FROM record WHERE id = ?3), ?4, ?5, ?6, ?7, 'waiting',
                     ?8, ?9, ?9)
             ON CONFLICT (inbox_id) DO UPDATE SET record_id = excluded.record_id
                 WHERE media.record_id IS NULL AND excluded.record_id IS NOT NULL
                   AND media.state != 'erased'",
        )?
        .execute(params![
            inbox.0,
            contact,
            record.map(RecordId::as_str),
            media.media_id,
            kind_word(media.kind),
            media.mime,
            media.sha256,
            message.stamped.0,
            now.0,
        ])?;
    Ok(wanted == 1)
}

fn attached(message: &Inbound) -> Option<&Media> {
    let content = if let Content::Edit { content, .. } = &message.content {
        content
    } else {
        &message.content
    };
    match content {
        Content::Media(media) => Some(media),
        Content::Text { .. }
        | Content::Choice { .. }
        | Content::Form { .. }
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::System(_)
        | Content::Unsupported { .. }
        | Content::Welcome
        | Content::Other { .. } => None,
    }
}

const COLUMNS: &str = "id, inbox_id, contact_id, record_id, media_id, kind, mime, sha256, state, \
                       why, bytes, tries, stamped_at, reached";

fn read(row: &Row<'_>) -> rusqlite::Result<File> {
    let kind: String = row.get(5)?;
    let state: String = row.get(8)?;
    let odd = |place| {
        let what = "a word of a file's row".into();
        rusqlite::Error::FromSqlConversionFailure(place, rusqlite::types::Type::Text, what)
    };
    let mut kinds = KINDS.into_iter();
    let mut states = State::ALL.into_iter();
    let record: Option<String> = row.get(3)?;
    Ok(File {
        id: MediaId(row.get(0)?),
        inbox: row.get::<_, Option<i64>>(1)?.map(InboxId),
        contact: ContactId(row.get(2)?),
        record: record.and_then(|text| text.parse().ok()),
        media_id: row.get(4)?,
        kind: kinds
            .find(|it| kind_word(*it) == kind)
            .ok_or_else(|| odd(5))?,
        mime: row.get(6)?,
        sha256: row.get(7)?,
        state: states.find(|it| it.word() == state).ok_or_else(|| odd(8))?,
        why: row.get(9)?,
        bytes: u64::try_from(row.get::<_, i64>(10)?).unwrap_or(0),
        tries: row.get(11)?,
        stamped: UnixMs(row.get(12)?),
        reached: u64::try_from(row.get::<_, i64>(13)?).unwrap_or(0),
    })
}

/// The file to be fetched next, which is from now on being fetched: the one
/// whose time is up first. There is one fetcher, so what is said to be fetched
/// already was broken off.
///
/// # Errors
/// Whatever the database reports.
pub fn claim(conn: &Connection, now: UnixMs) -> Result<Option<File>> {
    let found = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM media
             WHERE state IN ('waiting', 'fetching') AND not_before <= ?1
             ORDER BY stamped_at, id LIMIT 1"
        ))?
        .query_row([now.0], read)
        .optional()?;
    if let Some(file) = &found {
        conn.prepare_cached("UPDATE media SET state = 'fetching', updated_at = ?2 WHERE id = ?1")?
            .execute(params![file.id.0, now.0])?;
    }
    Ok(found)
}

/// Files that the provider has no more by its own rule, at most some at a time;
/// they are being fetched from now on, so that they can be ended.
///
/// # Errors
/// Whatever the database reports.
pub fn take_expired(conn: &Connection, now: UnixMs) -> Result<Vec<File>> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM media
         WHERE state IN ('waiting', 'fetching') AND stamped_at < ?1 LIMIT 32"
    ))?;
    let rows = query.query_map([now.plus_ms(-MEDIA_AGE_MS_MAX).0], read)?;
    let files: Vec<File> = rows.collect::<rusqlite::Result<_>>()?;
    for file in &files {
        conn.prepare_cached("UPDATE media SET state = 'fetching' WHERE id = ?1")?
            .execute([file.id.0])?;
    }
    Ok(files)
}

/// When the next file may be fetched; none if none is wanted.
///
/// # Errors
/// Whatever the database reports.
pub fn next_at(conn: &Connection) -> Result<Option<UnixMs>> {
    let next: Option<i64> = conn
        .prepare_cached("SELECT min(not_before) FROM media WHERE state IN ('waiting', 'fetching')")?
        .query_row([], |row| row.get(0))?;
    Ok(next.map(UnixMs))
}

/// When the next file may be fetched, and whether anything is still to be
/// overwritten.
///
/// # Errors
/// Whatever the database reports.
pub fn wanted(conn: &Connection) -> Result<(Option<UnixMs>, bool)> {
    let left = conn
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM media WHERE {TO_SWEEP})"
        ))?
        .query_row([], |row| row.get(0))?;
    Ok((next_at(conn)?, left))
}

/// Bytes of all files that are here, whole or in part.
///
/// # Errors
/// Whatever the database reports.
pub fn bytes_here(conn: &Connection) -> Result<u64> {
    let sum: i64 = conn
        .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM media WHERE bytes > 0")?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(sum).unwrap_or(0))
}

/// One file.
///
/// # Errors
/// Whatever the database reports.
pub fn find(conn: &Connection, id: MediaId) -> Result<Option<File>> {
    Ok(conn
        .prepare_cached(&format!("SELECT {COLUMNS} FROM media WHERE id = ?1"))?
        .query_row([id.0], read)
        .optional()?)
}

/// The files of a record, in the order they were sent; not the erased ones.
///
/// # Errors
/// Whatever the database reports.
pub fn of_record(conn: &Connection, record: &RecordId) -> Result<Vec<File>> {
    let mut query = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM media WHERE record_id = ?1 AND state != 'erased'
         ORDER BY stamped_at, id"
    ))?;
    let rows = query.query_map([record.as_str()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Puts a file back: it is tried again from `not_before` on. `false` if it was
/// erased meanwhile.
///
/// # Errors
/// Whatever the database reports.
pub fn put_off(
    conn: &Connection,
    id: MediaId,
    why: &str,
    tries: u32,
    not_before: UnixMs,
    now: UnixMs,
) -> Result<bool> {
    let waits = conn
        .prepare_cached(
            "UPDATE media SET state = 'waiting', why = ?2, tries = ?3, not_before = ?4,
                              updated_at = ?5
             WHERE id = ?1 AND state = 'fetching'",
        )?
        .execute(params![id.0, why, tries, not_before.0, now.0])?;
    Ok(waits > 0)
}

/// Ends the fetching of a file. Of what is not kept [`sweep`] overwrites the
/// bytes. `false` if it was erased meanwhile.
///
/// # Errors
/// Whatever the database reports.
pub fn end(
    conn: &Connection,
    id: MediaId,
    state: State,
    why: Option<&str>,
    now: UnixMs,
) -> Result<bool> {
    let ended = conn
        .prepare_cached(
            "UPDATE media SET state = ?2, why = ?3, updated_at = ?4
             WHERE id = ?1 AND state = 'fetching'",
        )?
        .execute(params![id.0, state.word(), why, now.0])?;
    Ok(ended == 1)
}

/// Files that wait, and those that were lost, for `doctor`.
///
/// # Errors
/// [`Error::Sql`] and the like.
pub fn counts(conn: &Connection) -> Result<(u64, u64), Error> {
    let count = |states: &str| -> Result<u64> {
        let sql = format!("SELECT count(*) FROM media WHERE state IN ({states})");
        let count: i64 = conn.prepare_cached(&sql)?.query_row([], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    Ok((
        count("'waiting', 'fetching'")?,
        count("'gone', 'too_big', 'refused'")?,
    ))
}

/// A count as its column holds it.
fn column(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
