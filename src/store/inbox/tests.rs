//! Taking in webhooks: once each, dead letters, other numbers, quiet and danger.

use super::*;
use crate::core::inbound::{Receipt, Status};
use crate::core::outgoing::Purpose;
use crate::store::tests::{box_key, count, db, message, phone, queue};
use crate::store::{queue as sent_queue, retention, sessions};

const NOW: UnixMs = UnixMs(100_000);

fn reception(key: &BoxKey) -> Reception<'_> {
    Reception {
        box_key: key,
        channel: "cloud",
        phone_number_id: "1",
        quiet_ms: 1_500,
        is_urgent: |words| words.contains("breathe"),
    }
}

fn take(conn: &Connection, items: &[ReceivedItem], now: UnixMs) -> Tally {
    receive(conn, &reception(&box_key()), b"raw", items, now).unwrap()
}

fn due(conn: &Connection) -> i64 {
    count(conn, "SELECT due_at FROM contact")
}

#[test]
fn an_item_is_taken_in_once_however_often_it_comes() {
    let conn = db();
    let items = [
        message("w1", phone("243970000001"), NOW, "hello"),
        message("w2", phone("243970000001"), NOW, "there"),
    ];
    assert_eq!(take(&conn, &items, NOW).messages, 2);
    // The retry is batched differently, and days later.
    let again = take(&conn, &items[1..], NOW.plus_ms(700_000_000));
    assert_eq!((again.messages, again.duplicates), (0, 1));
    assert_eq!(count(&conn, "SELECT count(*) FROM inbox"), 2);
    assert_eq!(
        count(&conn, "SELECT count(*) FROM webhook"),
        1,
        "nothing new, nothing kept"
    );
}

#[test]
fn one_bad_item_becomes_a_dead_letter_and_its_batch_mates_live() {
    let conn = db();
    let bad = ReceivedItem {
        dedup: "malformed:1".into(),
        phone_number_id: None,
        content: Err(Malformed {
            why: "no timestamp".into(),
            from: Identity::default(),
            raw: "{}".into(),
        }),
    };
    let items = [bad, message("w1", phone("243970000001"), NOW, "hello")];
    let tally = take(&conn, &items, NOW);
    assert_eq!((tally.dead, tally.messages), (1, 1));
    assert_eq!(
        count(&conn, "SELECT count(*) FROM inbox WHERE state = 'dead'"),
        1
    );
}

#[test]
fn a_dead_letter_is_its_senders_where_we_know_them_and_makes_nobody() {
    let conn = db();
    let amina = phone("243970000001");
    take(&conn, &[message("w1", amina.clone(), NOW, "hello")], NOW);
    let bad = |name: &str, from: &Identity, number: &str| ReceivedItem {
        dedup: format!("malformed:{name}").into(),
        phone_number_id: Some(number.into()),
        content: Err(Malformed {
            why: "no timestamp".into(),
            from: from.clone(),
            raw: "{}".into(),
        }),
    };
    let stranger = phone("243970000009");
    let items = [
        bad("1", &amina, "1"),
        bad("2", &stranger, "1"),
        bad("3", &amina, "2"),
    ];
    assert_eq!(take(&conn, &items, NOW).dead, 3);
    let named: Vec<Option<i64>> = conn
        .prepare("SELECT contact_id FROM inbox WHERE kind = 'malformed' ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let contact = contacts::known(&conn, &amina).unwrap().map(|it| it.0);
    assert_eq!(named, [contact, None, None]);
    assert_eq!(contacts::known(&conn, &stranger).unwrap(), None);
}

#[test]
fn a_message_for_another_number_is_kept_and_never_stepped() {
    let conn = db();
    let mut item = message("w1", phone("243970000001"), NOW, "hello");
    item.phone_number_id = Some("2".into());
    assert_eq!(take(&conn, &[item], NOW).kept, 1);
    assert_eq!(
        count(
            &conn,
            "SELECT count(*) FROM contact WHERE due_at IS NOT NULL"
        ),
        0
    );
    assert_eq!(count(&conn, "SELECT count(*) FROM contact"), 0);
}

#[test]
fn messages_that_arrive_together_wait_for_quiet_but_danger_does_not() {
    let conn = db();
    take(
        &conn,
        &[message("w1", phone("243970000001"), NOW, "hello")],
        NOW,
    );
    assert_eq!(due(&conn), NOW.0 + 1_500);
    let later = NOW.plus_ms(1_000);
    take(
        &conn,
        &[message("w2", phone("243970000001"), NOW, "my child")],
        later,
    );
    assert_eq!(due(&conn), later.0 + 1_500);
    take(
        &conn,
        &[message("w3", phone("243970000001"), NOW, "cannot breathe")],
        later,
    );
    assert_eq!(due(&conn), later.0);
}

#[test]
fn a_status_is_applied_or_parked_and_never_a_message() {
    let conn = db();
    let status = Status {
        id: "w9".into(),
        receipt: Receipt::Sent,
        stamped: NOW,
        recipient: phone("243970000001"),
        callback: None,
        errors: Vec::new(),
        category: None,
        billable: false,
    };
    let item = ReceivedItem {
        dedup: "status:w9:sent".into(),
        phone_number_id: Some("1".into()),
        content: Ok(Item::Status(status)),
    };
    assert_eq!(take(&conn, &[item], NOW).statuses, 1);
    assert_eq!(count(&conn, "SELECT count(*) FROM parked_status"), 1);
    // Nothing says whose it is, so nothing of theirs is left for an erasure.
    let whose = "SELECT count(*) FROM parked_status
                 WHERE instr(status, '243970000001') OR instr(status, 'w9')";
    assert_eq!(count(&conn, whose), 0);
    assert_eq!(count(&conn, "SELECT count(*) FROM inbox"), 0);
}

#[test]
fn the_table_against_doubles_holds_no_provider_id() {
    let conn = db();
    take(
        &conn,
        &[message("wamid.HBgM", phone("243970000001"), NOW, "hello")],
        NOW,
    );
    let keys: Vec<Vec<u8>> = conn
        .prepare("SELECT key FROM seen")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(
        keys,
        [box_key().keyed_hash("message:1:wamid.HBgM").to_vec()]
    );
}

#[test]
fn a_change_of_number_moves_the_contact_and_is_flagged() {
    let conn = db();
    take(
        &conn,
        &[message("w1", phone("243970000001"), NOW, "hello")],
        NOW,
    );
    let mut item = message("w2", phone("243970000001"), NOW, "");
    if let Ok(Item::Message(inbound)) = &mut item.content {
        inbound.content = Content::System(SystemChange::NumberChanged {
            phone: "243970000009".into(),
        });
    }
    take(&conn, &[item], NOW);
    take(
        &conn,
        &[message("w3", phone("243970000009"), NOW, "me again")],
        NOW,
    );
    assert_eq!(count(&conn, "SELECT count(*) FROM contact"), 1);
    assert_eq!(
        count(
            &conn,
            "SELECT count(*) FROM contact WHERE flag = 'identity_changed'"
        ),
        1
    );
}

#[test]
fn a_change_of_account_id_told_to_another_number_is_not_followed() {
    let conn = db();
    let update = |dedup: &str, number: &str| ReceivedItem {
        dedup: dedup.into(),
        phone_number_id: Some(number.into()),
        content: Ok(Item::UserIdUpdate {
            previous: "CD.1".into(),
            current: "CD.2".into(),
            phone: None,
        }),
    };
    assert_eq!(take(&conn, &[update("u1", "2")], NOW).kept, 1);
    assert_eq!(count(&conn, "SELECT count(*) FROM contact"), 0);
    assert_eq!(take(&conn, &[update("u2", "1")], NOW).kept, 1);
    assert_eq!(count(&conn, "SELECT count(*) FROM address"), 2);
}

#[test]
fn what_a_message_is_about_is_found_among_its_own_contacts_messages() {
    let conn = db();
    let (amina, ben) = (phone("243970000001"), phone("243970000002"));
    let about = |id: &str, from: &Identity, original: &str| {
        let mut item = message(id, from.clone(), NOW, "");
        if let Ok(Item::Message(message)) = &mut item.content {
            message.content = Content::Revoke {
                original: original.into(),
            };
        }
        item
    };
    let items = [
        // The revoke is here before what it withdraws.
        about("w2", &amina, "w1"),
        message("w1", amina.clone(), NOW, "hello"),
        about("w3", &ben, "w1"),
        about("w4", &amina, "w9"),
    ];
    assert_eq!(take(&conn, &items, NOW).messages, 4);
    let found = |who: &Identity| -> Vec<Option<InboxId>> {
        let contact = contacts::resolve(&conn, who, NOW).unwrap().unwrap();
        let waiting = sessions::unhandled(&conn, contact, &box_key(), 9).unwrap();
        let received = waiting.messages.into_iter().map(|it| it.received.unwrap());
        received.map(|it| it.about).collect()
    };
    assert_eq!(found(&amina), [Some(InboxId(2)), None, None]);
    assert_eq!(found(&ben), [None], "another's message is none of his");
}

#[test]
fn a_webhooks_number_never_comes_twice() {
    let conn = db();
    let one = |id: &str, now| take(&conn, &[message(id, phone("243970000001"), now, "x")], now);
    one("w1", NOW);
    one("w2", NOW);
    assert_eq!(retention::drop_bodies(&conn, NOW.plus_ms(1)).unwrap(), 2);
    assert_eq!(count(&conn, "SELECT count(body) FROM webhook"), 0);
    one("w3", NOW.plus_ms(2));
    assert_eq!(count(&conn, "SELECT max(webhook_id) FROM inbox"), 3);
    assert_eq!(retention::drop_bodies(&conn, NOW.plus_ms(1)).unwrap(), 1);
    assert_eq!(count(&conn, "SELECT count(body) FROM webhook"), 1);
}

#[test]
fn a_rows_number_never_comes_twice() {
    let conn = db();
    let amina = phone("243970000001");
    let one = |id: &str, now| take(&conn, &[message(id, amina.clone(), now, "words")], now);
    one("w1", NOW);
    one("w2", NOW);
    conn.execute("UPDATE inbox SET state = 'handled'", [])
        .unwrap();
    let contact = contacts::known(&conn, &amina).unwrap().unwrap();
    let a1 = queue(&conn, contact, Purpose::Notice, "a1");
    sent_queue::cancel(&conn, a1, NOW).unwrap();
    let drop = || {
        let year = retention::Seek::default();
        let (gone, _) = retention::drop_messages(&conn, NOW.plus_ms(1), year).unwrap();
        gone
    };
    assert_eq!(drop(), 3);
    assert_eq!(drop(), 0, "the newest is emptied once");
    for words in [
        "SELECT count(item) FROM inbox",
        "SELECT count(body) FROM outbox",
        "SELECT count(body) FROM webhook",
    ] {
        assert_eq!(count(&conn, words), 0, "{words}");
    }
    one("w3", NOW.plus_ms(2));
    assert_eq!(count(&conn, "SELECT max(id) FROM inbox"), 3);
    assert!(queue(&conn, contact, Purpose::Notice, "a2") > a1);
    // What `seen` names under the first one's key is no other row.
    let named = "SELECT count(*) FROM seen JOIN inbox ON inbox.id = seen.inbox_id";
    assert_eq!(count(&conn, named), 2);
    // From now on they are old as well, and go.
    conn.execute("UPDATE inbox SET state = 'handled'", [])
        .unwrap();
    assert_eq!(drop(), 2);
}

#[test]
fn only_a_message_opens_the_window() {
    let place = || Content::Location {
        latitude: 0.0,
        longitude: 0.0,
        name: None,
        address: None,
    };
    let text = || Content::Text { body: "42".into() };
    let what = || "poll".to_owned();
    let cases = [
        (text(), true),
        (place(), true),
        (Content::Unsupported { what: what() }, true),
        (
            Content::Reaction {
                target: "w1".into(),
                emoji: Some("👍".into()),
            },
            false,
        ),
        (
            Content::Revoke {
                original: "w1".into(),
            },
            false,
        ),
        (
            Content::Edit {
                original: "w1".into(),
                content: Box::new(text()),
            },
            false,
        ),
        (Content::Welcome, false),
        (Content::Other { what: what() }, false),
    ];
    for (content, opens) in cases {
        let conn = db();
        take(
            &conn,
            &[message("w1", phone("243970000001"), NOW, "hello")],
            NOW,
        );
        let later = NOW.plus_ms(5_000);
        let mut item = message("w2", phone("243970000001"), later, "");
        if let Ok(Item::Message(message)) = &mut item.content {
            message.content = content.clone();
        }
        assert_eq!(take(&conn, &[item], later).messages, 1);
        let stamp = if opens { later } else { NOW };
        let found = count(&conn, "SELECT last_stamp FROM contact");
        assert_eq!(found, stamp.0, "{content:?}");
    }
}
