//! A migrated database in memory and small makers of rows, for the tests of
//! the tables.

use crate::core::delivery::DeliveryState;
use crate::core::id::{ContactId, OutboxId, OutboxKey};
use crate::core::inbound::{Content, Identity, Inbound, Item, ReceivedItem};
use crate::core::outgoing::{Body, Outgoing, Purpose};
use crate::core::time::{Now, UnixMs};
use crate::store::{BoxKey, contacts, migrations, outbox};
use rusqlite::Connection;

pub fn db() -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    conn.pragma_update(None, "foreign_keys", true).unwrap();
    migrations::migrate(&mut conn).unwrap();
    conn
}

pub fn box_key() -> BoxKey {
    BoxKey::new([9; 32])
}

pub fn phone(number: &str) -> Identity {
    Identity {
        phone: Some(number.into()),
        ..Identity::default()
    }
}

pub fn contact(conn: &Connection, number: &str) -> ContactId {
    contacts::resolve(conn, &phone(number), UnixMs(0))
        .unwrap()
        .unwrap()
}

pub fn message(id: &str, from: Identity, stamped: UnixMs, text: &str) -> ReceivedItem {
    ReceivedItem {
        dedup: format!("message:1:{id}").into(),
        phone_number_id: Some("1".into()),
        content: Ok(Item::Message(Inbound {
            id: id.into(),
            from,
            stamped,
            quoted: None,
            content: Content::Text { body: text.into() },
        })),
    }
}

pub fn queue(conn: &Connection, contact: ContactId, purpose: Purpose, name: &str) -> OutboxId {
    let message = Outgoing {
        purpose,
        body: Body::text(name),
    };
    let key = OutboxKey(format!("ob:{name}"));
    let now = Now {
        at: UnixMs(1_000),
        trusted: true,
    };
    outbox::push(conn, contact, &key, &message, now).unwrap()
}

pub fn count(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// How SQLite would carry out a statement, its parameters unbound.
pub fn plan(conn: &Connection, sql: &str) -> String {
    let mut query = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = query.raw_query();
    let mut told = String::new();
    while let Some(row) = rows.next().unwrap() {
        told.push_str(&row.get::<_, String>(3).unwrap());
        told.push('\n');
    }
    told
}

#[test]
fn what_waits_in_statements_is_what_waits_in_core() {
    let waiting = DeliveryState::ALL.iter().filter(|state| state.is_waiting());
    let each: Vec<String> = waiting.map(|state| format!("state = '{state}'")).collect();
    assert_eq!(waits!(), format!("({})", each.join(" OR ")));
    // An index serves a statement whose condition is its own.
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name IN ('outbox_waiting', 'outbox_oldest')
                                                    AND instr(sql, ?1) > 0";
    let indexes = db().query_row(sql, [waits!()], |row| row.get::<_, i64>(0));
    assert_eq!(indexes.unwrap(), 2);
}
