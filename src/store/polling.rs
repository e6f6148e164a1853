//! What polling has seen of a provider's chats: since when this box listens,
//! each chat's latest stamp, under a hash that tells nobody's number, and since
//! when nothing can be fetched.

use crate::core::id::OutboxKey;
use crate::core::inbound::Identity;
use crate::core::tasks::Kind;
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::store::tasks::{self, NewTask};
use crate::store::{Result, contacts, meta};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// How the key begins under which it stands since when an instance is listened
/// to, by the provider's own stamps.
const BEGAN: &str = "ultramsg.began.";
/// The same where the provider told no stamp, so that our clock had to do.
const ASSUMED: &str = "ultramsg.assumed.";

/// How far before its first look this box begins to listen.
pub const LISTENS_BEFORE_MS: i64 = 10 * MINUTE_MS;

/// Since when this box listens to an instance, once it does.
///
/// # Errors
/// Whatever the database reports.
pub fn began(conn: &Connection, instance: &str) -> Result<Option<UnixMs>> {
    let told = meta::find_number(conn, &format!("{BEGAN}{instance}"))?;
    let assumed = meta::find_number(conn, &format!("{ASSUMED}{instance}"))?;
    Ok(told.or(assumed).map(UnixMs))
}

/// Sets it, once for good: by a stamp the provider told, or by our own clock.
///
/// # Errors
/// Whatever the database reports.
pub fn begin(conn: &Connection, instance: &str, at: UnixMs, by_stamp: bool) -> Result<()> {
    if began(conn, instance)?.is_none() {
        let prefix = if by_stamp { BEGAN } else { ASSUMED };
        meta::set(
            conn,
            &format!("{prefix}{instance}"),
            at.0.to_string().as_bytes(),
        )?;
    }
    Ok(())
}

/// After our clock was set back: nobody is listened to only from a time on that
/// is still to come. Returns how many beginnings that were.
///
/// # Errors
/// Whatever the database reports.
pub fn set_back(conn: &Connection, now: UnixMs) -> Result<usize> {
    let latest = now.plus_ms(-LISTENS_BEFORE_MS);
    Ok(conn
        .prepare_cached(
            "UPDATE meta SET value = CAST(CAST(?2 AS TEXT) AS BLOB)
             WHERE key > ?1 AND key < ?1 || '~' AND CAST(CAST(value AS TEXT) AS INTEGER) > ?2",
        )?
        .execute(params![ASSUMED, latest.0])?)
}

/// What polling has seen of a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Nothing stamped before it is new.
    pub stamp: UnixMs,
    /// When it was last looked into, by our clock.
    pub pulled_at: UnixMs,
}

/// What was seen of each chat.
///
/// # Errors
/// Whatever the database reports.
pub fn seen(conn: &Connection) -> Result<BTreeMap<[u8; 16], Seen>> {
    let mut query = conn.prepare_cached("SELECT key, stamp, pulled_at FROM polled_chat")?;
    let rows = query.query_map([], |row| {
        let seen = Seen {
            stamp: UnixMs(row.get(1)?),
            pulled_at: UnixMs(row.get(2)?),
        };
        Ok((row.get(0)?, seen))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Notes what was seen of a chat.
///
/// # Errors
/// Whatever the database reports.
pub fn saw(conn: &Connection, key: &[u8; 16], seen: Seen) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO polled_chat (key, stamp, pulled_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE
             SET stamp = excluded.stamp, pulled_at = excluded.pulled_at",
    )?
    .execute(params![key, seen.stamp.0, seen.pulled_at.0])?;
    Ok(())
}

/// Notes that a person's chat holds more than could be fetched: staff read the rest
/// on the clinic's own phone.
///
/// # Errors
/// Whatever the database reports.
pub fn missed(conn: &Connection, who: &Identity, now: UnixMs) -> Result<()> {
    let task = NewTask {
        contact: contacts::resolve(conn, who, now)?,
        ..NewTask::of(Kind::ReadPhone)
    };
    tasks::open(conn, &task, now)
}

/// What news of our own messages is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// The provider took one, or may have: whether it left is not known.
    pub taken: bool,
    /// One left: whether it arrived is not known. The phone may be off for days.
    pub sent: bool,
}

const UNSETTLED: &str =
    "SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'accepted' AND accepted_at >= ?1)
         OR EXISTS (SELECT 1 FROM outbox WHERE state = 'in_doubt'),
            EXISTS (SELECT 1 FROM outbox WHERE state = 'sent' AND accepted_at >= ?1)";
const FAR: &str = "SELECT count(*) FROM (SELECT 1 FROM outbox
     WHERE state = 'accepted' AND accepted_at BETWEEN ?1 AND ?2 LIMIT ?3)";

/// What news is missing of messages that the provider took since then.
///
/// # Errors
/// Whatever the database reports.
pub fn unsettled(conn: &Connection, since: UnixMs) -> Result<Unsettled> {
    Ok(conn
        .prepare_cached(UNSETTLED)?
        .query_row([since.0], |row| {
            Ok(Unsettled {
                taken: row.get(0)?,
                sent: row.get(1)?,
            })
        })?)
}

/// How many messages the provider took between these moments and has not sent
/// for all we know, counted up to `most`. What seems to be taken later was dated
/// by a clock that was wrong.
///
/// # Errors
/// Whatever the database reports.
pub fn count_far(conn: &Connection, since: UnixMs, until: UnixMs, most: u64) -> Result<u64> {
    let counted = conn.prepare_cached(FAR)?.query_row(
        params![since.0, until.0, i64::try_from(most).unwrap_or(i64::MAX)],
        |row| row.get::<_, i64>(0),
    )?;
    Ok(u64::try_from(counted).unwrap_or(0))
}

/// A message of ours whose receipt is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Its name at the provider.
    pub key: OutboxKey,
    /// When the provider took it, by our clock.
    pub taken_at: UnixMs,
    /// When the wait for it ends; none if that is not decided yet.
    pub ends_at: Option<UnixMs>,
}

const AWAITED: &str = "SELECT key, accepted_at, not_before FROM outbox INDEXED BY outbox_by_state
     WHERE state IN ('accepted', 'sent') AND accepted_at IS NOT NULL
     ORDER BY accepted_at LIMIT ?1";

/// The messages that the provider took and of whose arrival nothing is known, the
/// oldest first, at most so many.
///
/// # Errors
/// Whatever the database reports.
pub fn awaited(conn: &Connection, most: usize) -> Result<Vec<Awaited>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut query = conn.prepare_cached(AWAITED)?;
    let rows = query.query_map([most], |row| {
        Ok(Awaited {
            key: OutboxKey(row.get(0)?),
            taken_at: UnixMs(row.get(1)?),
            ends_at: Some(UnixMs(row.get(2)?)).filter(|at| at.0 > 0),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Since when messages cannot be fetched, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// When the first look came to nothing.
    pub since: UnixMs,
    /// Why, in words.
    pub why: String,
}

/// Where [`Blocked`] stands.
const BLOCKED: &str = "ultramsg.blocked";

/// Whether messages cannot be fetched.
///
/// # Errors
/// Whatever the database reports.
pub fn blocked(conn: &Connection) -> Result<Option<Blocked>> {
    let found = meta::find(conn, BLOCKED)?;
    let text = found.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.and_then(|text| {
        let (since, why) = text.split_once(' ')?;
        Some(Blocked {
            since: UnixMs(since.parse().ok()?),
            why: why.to_owned(),
        })
    }))
}

/// Notes that messages cannot be fetched: the technician hears of it once.
///
/// # Errors
/// Whatever the database reports.
pub fn block(conn: &Connection, instance: &str, fault: &Blocked, now: UnixMs) -> Result<()> {
    let since = blocked(conn)?.map_or(fault.since, |known| known.since);
    let text = format!("{} {}", since.0, fault.why);
    meta::set(conn, BLOCKED, text.as_bytes())?;
    let task = NewTask::of(Kind::MessagesNotFetched).about(instance);
    tasks::open(conn, &task, now)
}

/// Notes that they can be fetched; true if they could not be.
///
/// # Errors
/// Whatever the database reports.
pub fn unblock(conn: &Connection, instance: &str, now: UnixMs) -> Result<bool> {
    let was = blocked(conn)?.is_some();
    if was {
        meta::remove(conn, BLOCKED)?;
        tasks::close_about(conn, Kind::MessagesNotFetched, instance, now)?;
    }
    Ok(was)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{db, plan};

    #[test]
    fn what_was_taken_long_ago_is_not_read_again() {
        for sql in [UNSETTLED, FAR] {
            let told = plan(&db(), sql);
            let recent = "outbox_by_state (state=? AND accepted_at>?";
            assert!(told.contains(recent), "{told}");
            assert!(!told.contains("SCAN outbox"), "{told}");
        }
    }

    #[test]
    fn receipts_are_awaited_of_what_was_taken_the_oldest_first() {
        use crate::core::outgoing::Purpose;
        use crate::store::tests::{contact, queue};

        let told = plan(&db(), AWAITED);
        assert!(!told.contains("SCAN outbox"), "{told}");
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let taken = [
            ("s1", "sent", 9, 20),
            ("s2", "accepted", 7, 0),
            ("s3", "delivered", 5, 0),
            ("s4", "queued", 3, 0),
        ];
        for (name, state, at, until) in taken {
            let id = queue(&conn, amina, Purpose::Staff, name);
            conn.execute(
                "UPDATE outbox SET state = ?1, accepted_at = ?2, not_before = ?3 WHERE id = ?4",
                (state, at, until, id.0),
            )
            .unwrap();
        }
        let found = awaited(&conn, 9).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.key.0.as_str(), one.taken_at.0, one.ends_at))
            .collect();
        assert_eq!(found, [("ob:s2", 7, None), ("ob:s1", 9, Some(UnixMs(20)))]);
        assert_eq!(awaited(&conn, 1).unwrap().len(), 1);
    }

    #[test]
    fn the_beginning_is_set_once() {
        let conn = db();
        assert_eq!(began(&conn, "1").unwrap(), None);
        begin(&conn, "1", UnixMs(5), false).unwrap();
        begin(&conn, "1", UnixMs(9), true).unwrap();
        assert_eq!(began(&conn, "1").unwrap(), Some(UnixMs(5)));
        assert_eq!(began(&conn, "2").unwrap(), None);
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
    fn a_beginning_that_is_still_to_come_is_lowered() {
        let conn = db();
        let now = UnixMs(100 * MINUTE_MS);
        let ahead = now.plus_ms(MINUTE_MS);
        begin(&conn, "1", ahead, false).unwrap();
        begin(&conn, "2", UnixMs(5), false).unwrap();
        begin(&conn, "3", ahead, true).unwrap();
        assert_eq!(set_back(&conn, now).unwrap(), 1);
        let lowered = now.plus_ms(-LISTENS_BEFORE_MS);
        assert_eq!(began(&conn, "1").unwrap(), Some(lowered));
        assert_eq!(began(&conn, "2").unwrap(), Some(UnixMs(5)));
        assert_eq!(began(&conn, "3").unwrap(), Some(ahead), "not our clock's");
        assert_eq!(set_back(&conn, now).unwrap(), 0);
    }

    #[test]
    fn news_is_missing_of_what_was_taken_and_of_what_has_left() {
        use crate::core::outgoing::Purpose;
        use crate::store::tests::{contact, queue};

        let conn = db();
        let amina = contact(&conn, "243970000001");
        queue(&conn, amina, Purpose::Staff, "s1");
        let cases = [
            ("queued", (false, false)),
            ("in_doubt", (true, false)),
            ("accepted", (true, false)),
            ("sent", (false, true)),
            ("read", (false, false)),
        ];
        for (state, missing) in cases {
            conn.execute("UPDATE outbox SET state = ?1, accepted_at = 7", [state])
                .unwrap();
            let found = unsettled(&conn, UnixMs(7)).unwrap();
            assert_eq!((found.taken, found.sent), missing, "{state}");
        }
    }

    #[test]
    fn a_chat_is_seen_up_to_its_latest_stamp() {
        let conn = db();
        for stamp in [5, 7] {
            let note = Seen {
                stamp: UnixMs(stamp),
                pulled_at: UnixMs(stamp + 1),
            };
            saw(&conn, &[1; 16], note).unwrap();
        }
        let seen = seen(&conn).unwrap();
        assert_eq!(seen.len(), 1);
        let last = seen.get(&[1; 16]).unwrap();
        assert_eq!((last.stamp, last.pulled_at), (UnixMs(7), UnixMs(8)));
    }

    #[test]
    fn what_cannot_be_fetched_is_one_task_until_it_can() {
        use crate::store::tests::count;

        let conn = db();
        let open = "SELECT count(*) FROM task WHERE state = 'open'";
        let fault = |since, why: &str| Blocked {
            since: UnixMs(since),
            why: why.to_owned(),
        };
        block(&conn, "1", &fault(3, "no list"), UnixMs(9)).unwrap();
        block(&conn, "1", &fault(11, "too long"), UnixMs(12)).unwrap();
        assert_eq!(count(&conn, open), 1);
        assert_eq!(blocked(&conn).unwrap(), Some(fault(3, "too long")));
        assert!(unblock(&conn, "1", UnixMs(13)).unwrap());
        assert!(!unblock(&conn, "1", UnixMs(14)).unwrap());
        assert_eq!(count(&conn, open), 0);
    }
}
