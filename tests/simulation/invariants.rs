//! The invariants that are looked at when the box is at rest: after a power
//! cut, and after two days of calm.

use crate::simulation::model::{Broken, Check, Model, broken, column, hashed};
use crate::simulation::patients::Patient;
use healthpost::store::audit::{self, Verdict};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ToSql};
use std::collections::{BTreeMap, BTreeSet};

/// Every acknowledged message is in the inbox, and no message is there twice.
pub fn invariant_acknowledged_once(conn: &Connection, model: &Model) -> Check {
    let mut query = conn
        .prepare_cached(
            "SELECT message_key, count(*) FROM inbox WHERE message_key IS NOT NULL GROUP BY 1",
        )
        .unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let held: BTreeMap<[u8; 16], i64> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    if let Some(count) = held.values().find(|count| **count > 1) {
        return broken(
            "acknowledged_once",
            format!("a message is there {count} times"),
        );
    }
    let lost = |wamid: &&String| !held.contains_key(&hashed(wamid));
    match model.acknowledged.iter().filter(lost).count() {
        0 => Ok(()),
        lost => broken("acknowledged_once", format!("{lost} messages are lost")),
    }
}

/// No contact has two messages in the air.
pub fn invariant_one_in_flight(conn: &Connection) -> Check {
    let most: i64 = conn
        .prepare_cached(
            "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM outbox
             WHERE state = 'sending' GROUP BY contact_id)",
        )
        .unwrap()
        .query_row([], |row| row.get(0))
        .unwrap();
    if most <= 1 {
        return Ok(());
    }
    broken("one_in_flight", format!("{most} messages for one contact"))
}

/// Nothing in the audit log was changed or taken out.
pub fn invariant_audit_chain(conn: &Connection) -> Check {
    match audit::verify(conn).unwrap() {
        Verdict::Whole { .. } => Ok(()),
        Verdict::BrokenAt(seq) => broken("audit_chain", format!("at entry {seq}")),
    }
}

/// Only messages whose result was in doubt are marked as possible doubles.
pub fn invariant_marks_have_a_cause(conn: &Connection, model: &Model) -> Check {
    let mut query = conn
        .prepare_cached("SELECT id FROM outbox WHERE maybe_double")
        .unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    let marked: BTreeSet<i64> = rows.collect::<Result<_, _>>().unwrap();
    match marked.iter().find(|id| !model.rows[id].doubted) {
        None => Ok(()),
        Some(id) => broken("marks_have_a_cause", format!("message {id}")),
    }
}

/// The file holds together, by SQLite's account and by SQLCipher's.
pub fn invariant_integrity(conn: &Connection) -> Check {
    let said: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    let mut pages = conn.prepare("PRAGMA cipher_integrity_check").unwrap();
    let bad = pages.query([]).unwrap().next().unwrap().is_some();
    if said == "ok" && !bad {
        return Ok(());
    }
    broken("integrity", said)
}

/// After two days of calm nothing waits any more.
pub fn invariant_calm_empties_everything(conn: &Connection) -> Check {
    for (what, sql) in [
        (
            "messages to be stepped",
            "SELECT count(*) FROM contact WHERE waits_from IS NOT NULL",
        ),
        (
            "unhandled messages",
            "SELECT count(*) FROM inbox WHERE state = 'new'",
        ),
        (
            "queued messages",
            "SELECT count(*) FROM outbox WHERE state IN ('queued', 'held', 'sending', 'in_doubt')",
        ),
        (
            "open attempts",
            "SELECT count(*) FROM attempt WHERE ended_at IS NULL",
        ),
    ] {
        let left: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        if left > 0 {
            return broken("calm_empties_everything", format!("{left} {what}"));
        }
    }
    Ok(())
}

/// Every queued message ends delivered, withdrawn, erased, or failed with
/// exactly one task; a request to write again brings none of its own.
pub fn invariant_everything_ends(conn: &Connection) -> Check {
    let faults = column(
        conn,
        "SELECT o.id || ' ' || o.state || ', tasks: ' || count(t.id)
         FROM outbox o LEFT JOIN task t ON t.outbox_id = o.id GROUP BY o.id
         HAVING count(t.id) > 1
             OR (o.state IN ('failed', 'expired')
                 AND count(t.id) != (o.purpose != 'template'))
             OR o.state NOT IN ('delivered', 'read', 'superseded', 'cancelled', 'failed',
                                'expired')",
    );
    match faults.first() {
        None => Ok(()),
        Some(fault) => broken("everything_ends", fault.clone()),
    }
}

/// A message that was put aside was interrupted more often than chance allows
/// for an innocent one, and staff know of it. Of somebody who was erased since,
/// the task does not say any more which message it was.
pub fn invariant_nothing_is_put_aside(conn: &Connection) -> Check {
    let faults = column(
        conn,
        "SELECT i.kind || ' ' || coalesce(i.why, '') FROM inbox i
         WHERE i.state = 'dead' AND i.kind = 'message'
           AND (i.why != 'interrupted' OR NOT EXISTS
                (SELECT 1 FROM task t WHERE t.kind = 'dead_letter'
                   AND ((t.contact_id = i.contact_id AND t.detail = '' || i.id)
                        OR (t.contact_id IS NULL AND t.detail IS NULL AND i.item IS NULL))))",
    );
    match faults.first() {
        None => Ok(()),
        Some(fault) => broken("nothing_is_put_aside", fault.clone()),
    }
}

/// Of somebody who never consented, or who was erased and has not consented
/// since, no word is left in any table; of somebody who was erased and has not
/// come back, no number either. Who only refused keeps the address: it says that
/// they refused.
pub fn invariant_erased_means_erased(
    conn: &Connection,
    model: &Model,
    patients: &[Patient],
) -> Result<usize, Broken> {
    let mut forgotten = Vec::new();
    for patient in patients {
        let contacts = contacts_of(conn, patient);
        let consents = |id: &i64| model.consents.get(id).copied().unwrap_or(false);
        if !contacts.is_empty() && !contacts.iter().any(consents) {
            forgotten.push(patient);
        }
    }
    let mut canaries: Vec<String> = forgotten
        .iter()
        .map(|one| one.canary.to_lowercase())
        .collect();
    let gone = patients.iter().filter(|one| is_gone(conn, one));
    canaries.extend(gone.flat_map(Patient::numbers).cloned());
    for table in column(
        conn,
        "SELECT name FROM main.sqlite_schema WHERE type = 'table'",
    ) {
        if !canaries.is_empty() && holds_any(conn, &table, &canaries) {
            broken("erased_means_erased", format!("table {table}"))?;
        }
    }
    Ok(forgotten.len())
}

fn contacts_of(conn: &Connection, patient: &Patient) -> BTreeSet<i64> {
    let mut query = conn
        .prepare_cached("SELECT contact_id FROM inbox WHERE message_key = ?1")
        .unwrap();
    let ids = patient.wrote.iter().filter_map(|wamid| {
        query
            .query_row([hashed(wamid)], |row| row.get::<_, Option<i64>>(0))
            .ok()
            .flatten()
    });
    ids.collect()
}

/// Whether they were erased as everybody whom the box took them for: who comes
/// from another number may be two contacts, of which one asked.
fn is_gone(conn: &Connection, patient: &Patient) -> bool {
    let holds = |sql: &str, value: &dyn ToSql| -> bool {
        let mut query = conn.prepare_cached(sql).unwrap();
        query.query_row([value], |row| row.get(0)).unwrap()
    };
    let erased = "SELECT erased_at IS NOT NULL FROM contact WHERE id = ?1";
    let known = "SELECT EXISTS (SELECT 1 FROM address a JOIN contact c ON c.id = a.contact_id
                                WHERE a.value = ?1 AND c.erased_at IS NULL)";
    let contacts = contacts_of(conn, patient);
    !contacts.is_empty()
        && contacts.iter().all(|id| holds(erased, id))
        && !patient.numbers().any(|number| holds(known, number))
}

/// Whether one of the words, in small letters, stands anywhere in a table.
fn holds_any(conn: &Connection, table: &str, words: &[String]) -> bool {
    let mut query = conn.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    let columns = query.column_count();
    let mut rows = query.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        for place in 0..columns {
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(place).unwrap() {
                let text = String::from_utf8_lossy(bytes).to_lowercase();
                if words.iter().any(|word| text.contains(word)) {
                    return true;
                }
            }
        }
    }
    false
}

/// Everything a commit may change, in one text: two states of the database
/// that differ in what the appliance did have different ones.
pub fn fingerprint(conn: &Connection) -> String {
    column(
        conn,
        "SELECT coalesce((SELECT group_concat(state || interruptions, ' ') FROM inbox), '')
         || '|' || coalesce((SELECT group_concat(id || state || maybe_double || attempts
                                || not_before, ' ') FROM outbox), '')
         || '|' || coalesce((SELECT group_concat(id || version || status, ' ') FROM record), '')
         || '|' || coalesce((SELECT group_concat(contact_id || state, ' ') FROM session), '')
         || '|' || coalesce((SELECT group_concat(id || '+' || due_at, ' ') FROM contact), '')
         || '|' || coalesce((SELECT group_concat(contact_id || '+' || due_at, ' ')
                             FROM timer), '')
         || '|' || (SELECT count(*) FROM seen) || ' ' || (SELECT count(*) FROM webhook)
         || ' ' || (SELECT count(*) FROM task) || ' ' || (SELECT count(*) FROM audit)
         || ' ' || (SELECT count(*) || '+' || count(outcome) FROM attempt)
         || ' ' || (SELECT count(*) FROM parked_status)",
    )
    .remove(0)
}

/// A power cut leaves the last acknowledged commit, or that and the one that
/// was under way, and nothing in between.
pub fn invariant_commits_are_whole(found: &str, allowed: &[&str]) -> Check {
    if allowed.contains(&found) {
        return Ok(());
    }
    broken(
        "commits_are_whole",
        "the database opened in a state no commit left",
    )
}
