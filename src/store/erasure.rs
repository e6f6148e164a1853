//! Forgetting: words without consent, and a contact who asked for it.
//!
//! A raw body hangs on the rows of its messages, and none is kept that says
//! anything else (see [`crate::store::inbox`]): a contact's rows lead to all of
//! theirs.
//!
//! `secure_delete` overwrites the freed pages; the write-ahead log is cut at
//! the next idle checkpoint. What stays is what nobody can be found by: keyed
//! hashes against a second delivery, counts, the audit log's own numbers.

use crate::core::id::{ContactId, InboxId};
use crate::core::time::UnixMs;
use crate::store::{Result, inbox, media, nobodys};
use rusqlite::{Connection, params};

/// Erases what a contact wrote and was told, from row `from` on where an earlier
/// consent covers what came before; addresses and decisions stay.
///
/// # Errors
/// Whatever the database reports.
pub fn erase_words(conn: &Connection, contact: ContactId, from: Option<InboxId>) -> Result<()> {
    let first = from.map_or(0, |from| from.0);
    conn.prepare_cached(
        "UPDATE webhook SET body = NULL WHERE body IS NOT NULL AND id IN
             (SELECT webhook_id FROM inbox WHERE contact_id = ?1 AND id >= ?2)",
    )?
    .execute((contact.0, first))?;
    conn.prepare_cached(
        "UPDATE inbox SET item = NULL WHERE contact_id = ?1 AND id >= ?2 AND state != 'new'
           AND item IS NOT NULL",
    )?
    .execute((contact.0, first))?;
    nobodys::erase(conn, contact, InboxId(first))?;
    conn.prepare_cached(concat!(
        "UPDATE outbox SET body = NULL WHERE contact_id = ?1 AND body IS NOT NULL
           AND (?2 = 0 OR created_at >=
                (SELECT received_at FROM inbox WHERE id >= ?2 ORDER BY id LIMIT 1))
           AND NOT ",
        waits!()
    ))?
    .execute((contact.0, first))?;
    media::erase(conn, contact, InboxId(first))?;
    if from.is_none() {
        conn.prepare_cached(
            "UPDATE contact SET username = NULL, profile_name = NULL
             WHERE id = ?1 AND (username IS NOT NULL OR profile_name IS NOT NULL)",
        )?
        .execute([contact.0])?;
    }
    Ok(())
}

/// Erases what one message of a contact said, with its corrections and its file:
/// its sender deleted it.
///
/// # Errors
/// Whatever the database reports.
pub fn withdraw(conn: &Connection, contact: ContactId, inbox: InboxId) -> Result<()> {
    let mut rows = inbox::corrections(conn, contact, inbox)?;
    rows.push(inbox);
    for row in rows {
        conn.prepare_cached(
            "UPDATE webhook SET body = NULL WHERE body IS NOT NULL AND id =
                 (SELECT webhook_id FROM inbox WHERE id = ?1 AND contact_id = ?2)",
        )?
        .execute(params![row.0, contact.0])?;
        conn.prepare_cached(
            "UPDATE inbox SET item = NULL WHERE id = ?1 AND contact_id = ?2 AND state != 'new'",
        )?
        .execute(params![row.0, contact.0])?;
        media::erase_of_message(conn, row)?;
    }
    Ok(())
}

const CLOSE_TASKS: &str = "UPDATE task
     SET state = 'done', detail = NULL, done_at = coalesce(done_at, ?2) WHERE contact_id = ?1";

const LEAVE_RECORDS: &str = "UPDATE record SET contact_id = NULL WHERE contact_id = ?1";
const LEAVE_TASKS: &str = "UPDATE task SET contact_id = NULL WHERE contact_id = ?1";

/// In the words of its index: the erased are few, and every minute looks at them.
const ERASED: &str = concat!(
    "SELECT id FROM contact c INDEXED BY contact_erased
     WHERE erased_at IS NOT NULL
       AND EXISTS (SELECT 1 FROM address a WHERE a.contact_id = c.id)
       AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.contact_id = c.id
                       AND ",
    waits!("o."),
    ")
       AND NOT EXISTS (SELECT 1 FROM media m WHERE m.contact_id = c.id)
       AND due_at IS NULL"
);

/// Erases a contact: words, records, queue and names. The addresses stay only
/// until the last message to them (the receipt of the erasure) has left; see
/// [`finish`].
///
/// # Errors
/// Whatever the database reports.
pub fn erase_contact(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET state = 'cancelled', why = 'erased', updated_at = ?2
         WHERE contact_id = ?1 AND state IN ('queued', 'held', 'in_doubt')",
    )?
    .execute(params![contact.0, now.0])?;
    // What is in the air cannot be called back, but is not tried again; nor is what
    // was taken already, should it come back after the contact has written anew.
    conn.prepare_cached(
        "UPDATE outbox SET doom = 'cancelled', body = NULL
         WHERE contact_id = ?1 AND state IN ('sending', 'accepted', 'sent')",
    )?
    .execute([contact.0])?;
    erase_words(conn, contact, None)?;
    conn.prepare_cached(
        "DELETE FROM record_version WHERE record_id IN
             (SELECT id FROM record WHERE contact_id = ?1)",
    )?
    .execute([contact.0])?;
    conn.prepare_cached(
        "UPDATE record SET status = 'erased', fields = '{}', triage = 'none', language = NULL,
                           version = version + 1, updated_at = ?2 WHERE contact_id = ?1",
    )?
    .execute(params![contact.0, now.0])?;
    conn.prepare_cached(CLOSE_TASKS)?
        .execute(params![contact.0, now.0])?;
    // Whoever writes again is not to be found by what was closed before.
    for part in [LEAVE_RECORDS, LEAVE_TASKS] {
        conn.prepare_cached(part)?.execute([contact.0])?;
    }
    conn.prepare_cached("UPDATE contact SET erased_at = ?2, flag = NULL WHERE id = ?1")?
        .execute(params![contact.0, now.0])?;
    Ok(())
}

/// A contact who was erased is here again: nothing of them is removed by
/// [`finish`].
///
/// # Errors
/// Whatever the database reports.
pub fn welcome_back(conn: &Connection, contact: ContactId) -> Result<()> {
    conn.prepare_cached(
        "UPDATE contact SET erased_at = NULL WHERE id = ?1 AND erased_at NOT NULL",
    )?
    .execute([contact.0])?;
    Ok(())
}

/// Removes the addresses and last words of erased contacts to whom nothing is
/// left to be sent; returns how many contacts are gone for good.
///
/// # Errors
/// Whatever the database reports.
pub fn finish(conn: &Connection) -> Result<usize> {
    let gone: Vec<i64> = conn
        .prepare_cached(ERASED)?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for contact in &gone {
        erase_words(conn, ContactId(*contact), None)?;
        conn.prepare_cached("DELETE FROM address WHERE contact_id = ?1")?
            .execute([contact])?;
        for table in ["session", "timer"] {
            conn.execute(
                &format!("DELETE FROM {table} WHERE contact_id = ?1"),
                [contact],
            )?;
        }
    }
    Ok(gone.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inbound::{Identity, Item, Malformed, Receipt, ReceivedItem, Status};
    use crate::core::outgoing::Purpose;
    use crate::core::private::Private;
    use crate::store::inbox::{Reception, receive};
    use crate::store::tests::{box_key, contact, count, db, message, phone, plan, queue};

    const NOW: UnixMs = UnixMs(1_000_000);
    const AMINA: &str = "243970000001";
    const BEN: &str = "243970000002";
    const CANARY: &str = "mwezi";

    /// A webhook whose body says what its items say.
    fn take(conn: &Connection, items: &[ReceivedItem]) {
        let reception = Reception {
            box_key: &box_key(),
            channel: "cloud",
            phone_number_id: "1",
            quiet_ms: 0,
            is_urgent: |_| false,
        };
        let words = |item: &ReceivedItem| match &item.content {
            Ok(item) => serde_json::to_string(item).unwrap(),
            Err(bad) => bad.raw.expose().clone(),
        };
        let body: String = items.iter().map(words).collect();
        receive(conn, &reception, body.as_bytes(), items, NOW).unwrap();
        // As after their steps.
        conn.execute_batch(
            "UPDATE inbox SET state = 'handled' WHERE state = 'new';
             UPDATE contact SET waits_from = NULL, first_at = NULL, due_at = NULL;",
        )
        .unwrap();
    }

    fn words(name: &str, from: &str) -> ReceivedItem {
        message(name, phone(from), NOW, &format!("{name} {CANARY}"))
    }

    fn bad(from: Identity, number: &str) -> ReceivedItem {
        ReceivedItem {
            dedup: format!(
                "malformed:{number}{:?}",
                from.phone.as_ref().map(Private::expose)
            )
            .into(),
            phone_number_id: Some(number.into()),
            content: Err(Malformed {
                why: "no timestamp".into(),
                from,
                raw: format!("{AMINA} {CANARY}").into(),
            }),
        }
    }

    fn status(to: &str) -> ReceivedItem {
        ReceivedItem {
            dedup: "status:w9:sent".into(),
            phone_number_id: Some("1".into()),
            content: Ok(Item::Status(Status {
                id: "w9".into(),
                receipt: Receipt::Sent,
                stamped: NOW,
                recipient: phone(to),
                callback: None,
                errors: Vec::new(),
                category: None,
                billable: false,
            })),
        }
    }

    /// Rows in which a word stands.
    fn holding(conn: &Connection, word: &str) -> i64 {
        let inbox = "SELECT count(*) FROM inbox WHERE instr(item, ";
        let webhook = "SELECT count(*) FROM webhook WHERE instr(CAST(body AS TEXT), ";
        [inbox, webhook]
            .map(|sql| count(conn, &format!("{sql}'{word}')")))
            .iter()
            .sum()
    }

    #[test]
    fn a_body_goes_with_the_words_of_anybody_in_it() {
        let conn = db();
        take(&conn, &[words("a1", AMINA), words("b1", BEN)]);
        assert_eq!(count(&conn, "SELECT count(body) FROM webhook"), 1);
        erase_words(&conn, contact(&conn, AMINA), None).unwrap();
        assert_eq!(count(&conn, "SELECT count(body) FROM webhook"), 0);
        assert_eq!(holding(&conn, "b1"), 1, "his own row stays");
    }

    #[test]
    fn words_that_come_again_in_anothers_body_are_not_kept_with_it() {
        for erased_first in [false, true] {
            let conn = db();
            take(&conn, &[words("a1", AMINA)]);
            let amina = contact(&conn, AMINA);
            if erased_first {
                erase_contact(&conn, amina, NOW).unwrap();
            }
            take(&conn, &[words("a1", AMINA), words("b1", BEN)]);
            erase_contact(&conn, amina, NOW).unwrap();
            assert_eq!(finish(&conn).unwrap(), 1);
            assert_eq!(holding(&conn, "a1"), 0);
            assert_eq!(holding(&conn, AMINA), 0);
            assert_eq!(holding(&conn, "b1"), 1);
            assert_eq!(count(&conn, "SELECT count(*) FROM webhook"), 2);
        }
    }

    #[test]
    fn the_body_of_a_status_outlives_nobody() {
        let conn = db();
        take(&conn, &[words("a1", AMINA)]);
        let amina = contact(&conn, AMINA);
        queue(&conn, amina, Purpose::Notice, "n1");
        take(&conn, &[status(AMINA)]);
        take(&conn, &[words("b1", BEN), status(AMINA)]);
        erase_contact(&conn, amina, NOW).unwrap();
        finish(&conn).unwrap();
        assert_eq!(holding(&conn, AMINA), 0);
        let parked = format!("SELECT count(*) FROM parked_status WHERE instr(status, '{AMINA}')");
        assert_eq!(count(&conn, &parked), 0);
    }

    #[test]
    fn whoever_writes_again_is_not_found_by_what_was_closed() {
        let conn = db();
        let amina = contact(&conn, AMINA);
        conn.execute_batch(
            "INSERT INTO record (id, contact_id, version, status, care_state, source, triage,
                                 fields, created_at, updated_at)
             VALUES ('r', 1, 1, 'complete', 'waiting', 'whatsapp', 'urgent', '{}', 0, 0);
             INSERT INTO task (kind, contact_id, record_id, created_at)
             VALUES ('danger_sign', 1, 'r', 0);",
        )
        .unwrap();
        erase_contact(&conn, amina, NOW).unwrap();
        take(&conn, &[words("a2", AMINA)]);
        assert_eq!(finish(&conn).unwrap(), 0, "she is here again");
        for table in ["record", "task"] {
            let named = format!("SELECT count(contact_id) FROM {table}");
            assert_eq!(count(&conn, &named), 0, "{table}");
        }
    }

    #[test]
    fn dead_letters_go_with_their_sender() {
        let conn = db();
        take(&conn, &[words("a1", AMINA), words("b1", BEN)]);
        let (amina, ben) = (contact(&conn, AMINA), contact(&conn, BEN));
        take(&conn, &[bad(phone(AMINA), "1")]);
        take(&conn, &[bad(phone(BEN), "1")]);
        take(&conn, &[bad(Identity::default(), "1")]);
        take(&conn, &[bad(phone(AMINA), "2")]);
        let dead = "SELECT count(item) FROM inbox WHERE state = 'dead'";
        assert_eq!(count(&conn, dead), 4);
        erase_words(&conn, amina, None).unwrap();
        let left = "SELECT contact_id FROM inbox WHERE state = 'dead' AND item IS NOT NULL";
        assert_eq!((count(&conn, dead), count(&conn, left)), (1, ben.0));
        erase_words(&conn, ben, None).unwrap();
        assert_eq!(count(&conn, dead), 0);
        assert_eq!(holding(&conn, CANARY), 0);
        assert_eq!(
            count(&conn, "SELECT count(*) FROM inbox"),
            6,
            "they stay counted"
        );
    }

    #[test]
    fn what_an_earlier_consent_covers_stays() {
        let conn = db();
        take(&conn, &[words("a1", AMINA)]);
        take(&conn, &[words("a2", AMINA)]);
        let amina = contact(&conn, AMINA);
        let second = count(&conn, "SELECT max(id) FROM inbox");
        conn.execute_batch(
            "UPDATE contact SET profile_name = 'Amina';
             UPDATE inbox SET received_at = id * 1000;
             INSERT INTO media (inbox_id, contact_id, media_id, kind, state, stamped_at,
                                created_at, updated_at)
             SELECT id, contact_id, id, 'audio', 'kept', 0, 0, 0 FROM inbox;",
        )
        .unwrap();
        for (key, at) in [("n1", 1_500), ("n2", 2_500)] {
            queue(&conn, amina, Purpose::Notice, key);
            conn.execute(
                "UPDATE outbox SET created_at = ?1, state = 'read' WHERE state = 'queued'",
                [at],
            )
            .unwrap();
        }
        let left = |conn: &Connection| {
            [
                holding(conn, "a1"),
                holding(conn, "a2"),
                count(conn, "SELECT count(body) FROM outbox"),
                count(conn, "SELECT count(*) FROM media WHERE state = 'kept'"),
                count(conn, "SELECT count(profile_name) FROM contact"),
            ]
        };
        assert_eq!(left(&conn), [2, 2, 2, 2, 1]);
        erase_words(&conn, amina, Some(InboxId(second + 1))).unwrap();
        assert_eq!(left(&conn), [2, 2, 2, 2, 1], "nothing came since");
        erase_words(&conn, amina, Some(InboxId(second))).unwrap();
        assert_eq!(left(&conn), [2, 0, 1, 1, 1]);
        erase_words(&conn, amina, None).unwrap();
        assert_eq!(left(&conn), [0, 0, 0, 0, 0]);
    }

    #[test]
    fn words_to_another_number_go_with_their_sender() {
        let conn = db();
        let mut other = words("a1", AMINA);
        other.phone_number_id = Some("2".into());
        take(&conn, &[other]);
        assert_eq!(holding(&conn, CANARY), 1, "its row, not its body");
        erase_words(&conn, contact(&conn, BEN), None).unwrap();
        assert_eq!(holding(&conn, CANARY), 1);
        erase_words(&conn, contact(&conn, AMINA), None).unwrap();
        assert_eq!(holding(&conn, CANARY), 0);
    }

    #[test]
    fn an_erasure_reads_no_whole_table() {
        for sql in [CLOSE_TASKS, LEAVE_TASKS] {
            let tasks = plan(&db(), sql);
            assert!(tasks.contains("INDEX task_by_contact"), "{tasks}");
        }
        let erased = plan(&db(), ERASED);
        assert!(erased.contains("INDEX contact_erased"), "{erased}");
        assert!(!erased.contains("SCAN"), "{erased}");
    }
}
