//! What came in and names no contact of ours: broken letters without a sound
//! address, words to another number, shapes that nobody knows yet.
//!
//! Nothing of a contact outlives an erasure, and no erasure takes what is
//! another's: it empties those in which an address of the contact stands. What
//! names nobody at all is kept for whoever has to look at it, as long as raw
//! bodies are and until its task is done.

use crate::core::id::{ContactId, InboxId};
use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::Connection;

/// In the words of their index, so that SQLite reads nothing else.
macro_rules! nobodys {
    () => {
        "SELECT i.id FROM inbox i INDEXED BY inbox_nobodys
         WHERE i.contact_id IS NULL AND i.item IS NOT NULL
           AND i.kind IN ('message', 'malformed', 'call', 'user_id_update', 'account')"
    };
}

const ERASE: &str = concat!(
    "UPDATE inbox SET item = NULL WHERE id IN (",
    nobodys!(),
    " AND i.id >= ?2 AND EXISTS (SELECT 1 FROM address a
                  WHERE a.contact_id = ?1 AND instr(i.item, a.value) > 0))"
);

const DROP: &str = concat!(
    "UPDATE inbox SET item = NULL WHERE id IN (",
    nobodys!(),
    " AND i.received_at < ?1
      AND NOT EXISTS (SELECT 1 FROM task t WHERE t.kind = 'dead_letter'
                      AND t.detail = CAST(i.id AS TEXT) AND t.state != 'done'))"
);

/// Empties what may be of a contact who is erased, from row `first` on.
///
/// # Errors
/// Whatever the database reports.
pub(super) fn erase(conn: &Connection, contact: ContactId, first: InboxId) -> Result<()> {
    conn.prepare_cached(ERASE)?.execute((contact.0, first.0))?;
    Ok(())
}

/// Empties what came in before `before`, but for what staff have yet to look
/// at; returns how many were.
///
/// # Errors
/// Whatever the database reports.
pub fn drop_old(conn: &Connection, before: UnixMs) -> Result<usize> {
    Ok(conn.prepare_cached(DROP)?.execute([before.0])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{contact, count, db, plan};

    const LEFT: &str = "SELECT coalesce(sum(id), 0) FROM inbox WHERE item IS NOT NULL";

    /// Three broken letters of nobody's, of the times 1,000 to 3,000.
    fn letters(conn: &Connection, texts: [&str; 3]) {
        for (id, text) in (1..).zip(texts) {
            conn.execute(
                "INSERT INTO inbox (id, kind, item, stamped_at, received_at, state)
                 VALUES (?1, 'malformed', ?2, 0, ?1 * 1000, 'dead')",
                (id, text),
            )
            .unwrap();
        }
    }

    #[test]
    fn an_erasure_takes_what_names_the_contact_and_nothing_of_others() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        let texts = [
            r#"{"from":"243970000001"}"#,
            r#"{"from":"243970000002"}"#,
            "{}",
        ];
        letters(&conn, texts);
        erase(&conn, amina, InboxId(2)).unwrap();
        assert_eq!(count(&conn, LEFT), 1 + 2 + 3, "it came before that");
        erase(&conn, amina, InboxId(0)).unwrap();
        assert_eq!(count(&conn, LEFT), 2 + 3);
    }

    #[test]
    fn age_takes_what_staff_have_looked_at() {
        let conn = db();
        letters(&conn, ["a", "b", "c"]);
        conn.execute_batch(
            "INSERT INTO task (kind, detail, state, created_at)
             VALUES ('dead_letter', '1', 'open', 0), ('dead_letter', '2', 'done', 0);",
        )
        .unwrap();
        assert_eq!(drop_old(&conn, UnixMs(3_000)).unwrap(), 1);
        assert_eq!(count(&conn, LEFT), 1 + 3);
        conn.execute("UPDATE task SET state = 'done'", []).unwrap();
        assert_eq!(drop_old(&conn, UnixMs(3_001)).unwrap(), 2);
    }

    #[test]
    fn nothing_else_is_read_for_them() {
        for sql in [ERASE, DROP] {
            let told = plan(&db(), sql);
            assert!(!told.contains("SCAN inbox\n"), "{told}");
            assert!(told.contains("inbox_nobodys"), "{told}");
        }
    }
}
