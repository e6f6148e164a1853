//! Taking in webhooks: once each, dead letters, other numbers, quiet and danger.

use super::*;
use crate::core::id::InboxId;
use crate::core::inbound::{
    Identity, Malformed, Receipt, Standing, StandingVerdict, Status, SystemChange,
};
use crate::core::outgoing::Purpose;
use crate::core::time::DAY_MS;
use crate::store::tests::{box_key, contact, count, db, message, phone, queue};
use crate::store::{Error, nested, queue as sent_queue, retention, sessions};

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

/// As the writer does it after the bold try went wrong.
fn take_carefully(conn: &Connection, items: &[ReceivedItem]) -> Result<Tally> {
    let (key, raw) = (box_key(), b"raw");
    let batch = Batch::prepare(&reception(&key), items.to_vec());
    receive_batch(conn, &reception(&key), raw, &batch, NOW, Try::Careful)
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
    let told = "SELECT count(*) FROM task JOIN inbox ON inbox.id = task.detail
                WHERE task.kind = 'dead_letter' AND inbox.state = 'dead'";
    assert_eq!(count(&conn, told), 1, "somebody is told, with the row");
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
    let contact = contacts::find_known(&conn, &amina, NOW)
        .unwrap()
        .map(|it| it.0);
    assert_eq!(named, [contact, None, None]);
    assert_eq!(contacts::find_known(&conn, &stranger, NOW).unwrap(), None);
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

fn sent(callback: Option<&str>) -> ReceivedItem {
    let status = Status {
        id: "w9".into(),
        receipt: Receipt::Sent,
        stamped: NOW,
        recipient: phone("243970000001"),
        callback: callback.map(str::to_owned),
        errors: Vec::new(),
        category: None,
        billable: false,
    };
    ReceivedItem {
        dedup: "status:w9:sent".into(),
        phone_number_id: Some("1".into()),
        content: Ok(Item::Status(status)),
    }
}

#[test]
fn a_status_of_a_row_that_does_not_read_back_is_put_aside_alone() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    let row = queue(&conn, amina, Purpose::Notice, "a1");
    // The word of a program newer than this one.
    conn.execute(
        "UPDATE outbox SET state = 'hovering' WHERE id = ?1",
        [row.0],
    )
    .unwrap();
    let items = [
        message("w1", phone("243970000001"), NOW, "hello"),
        sent(Some("ob:a1")),
        message("w2", phone("243970000002"), NOW, "hello"),
    ];
    let tally = take_carefully(&conn, &items).unwrap();
    assert_eq!((tally.messages, tally.statuses, tally.dead), (2, 0, 1));
    let found = |sql: &str| count(&conn, sql);
    let dead = "SELECT count(*) FROM inbox WHERE state = 'dead' AND kind = 'status'
                AND contact_id = 1 AND item LIKE '%w9%'";
    assert_eq!((amina.0, found(dead)), (1, 1));
    assert_eq!(found("SELECT count(*) FROM inbox WHERE state = 'new'"), 2);
    assert_eq!(found("SELECT count(*) FROM webhook"), 1);
    let flagged = "SELECT count(*) FROM contact WHERE flag = 'dead_letter' AND id = 1";
    assert_eq!(found(flagged), 1);
    let told = "SELECT count(*) FROM task WHERE kind = 'dead_letter' AND contact_id = 1";
    assert_eq!(found(told), 1);
    // It is acknowledged, so it does not come again; if it does, it is known.
    let again = take_carefully(&conn, &items).unwrap();
    assert_eq!((again.duplicates, again.dead), (3, 0));
}

#[test]
fn a_message_that_cannot_be_stored_is_put_aside_and_staff_are_told() {
    let conn = db();
    let amina = contact(&conn, "243970000001");
    conn.execute_batch(
        "CREATE TRIGGER planted BEFORE INSERT ON inbox
         WHEN NEW.state = 'new' AND NEW.contact_id = 1
         BEGIN SELECT RAISE(ABORT, 'planted'); END",
    )
    .unwrap();
    let items = [
        message("w1", phone("243970000001"), NOW, "planted words"),
        message("w2", phone("243970000002"), NOW, "hello"),
    ];
    let tally = take_carefully(&conn, &items).unwrap();
    assert_eq!((amina.0, tally.messages, tally.dead), (1, 1, 1));
    let dead = "SELECT count(*) FROM inbox i JOIN task t ON t.detail = '' || i.id
                WHERE i.state = 'dead' AND i.kind = 'message' AND i.contact_id = 1
                  AND i.item LIKE '%planted words%' AND t.kind = 'dead_letter'";
    assert_eq!(count(&conn, dead), 1);
    let waiting = "SELECT count(*) FROM contact WHERE due_at IS NOT NULL";
    assert_eq!(count(&conn, waiting), 1, "she has nothing to be stepped");
}

#[test]
fn a_full_disk_puts_nothing_aside() {
    let conn = db();
    conn.pragma_update(None, "max_page_count", 1).unwrap();
    let long = "x".repeat(1_000_000);
    let items = [message("w1", phone("243970000001"), NOW, &long)];
    let taken = nested::nested(&conn, || take_carefully(&conn, &items));
    assert!(matches!(taken, Err(Error::Full)), "{taken:?}");
    assert_eq!(count(&conn, "SELECT count(*) FROM inbox"), 0);
}

#[test]
fn what_nobody_knows_yet_is_kept_and_counted() {
    let conn = db();
    let mut item = message("w1", phone("243970000001"), NOW, "");
    if let Ok(Item::Message(message)) = &mut item.content {
        message.content = Content::Other {
            what: "hologram".into(),
        };
    }
    let news = ReceivedItem {
        dedup: "account:1".into(),
        phone_number_id: None,
        content: Ok(Item::Account {
            field: "security".into(),
            raw: r#"{"event":"PIN_CHANGED"}"#.into(),
        }),
    };
    take(&conn, &[item, news], NOW);
    for counter in ["webhook.unknown_types", "webhook.account_events"] {
        let value = format!("SELECT value FROM counter WHERE name = '{counter}'");
        assert_eq!(count(&conn, &value), 1, "{counter}");
    }
    let kept = "SELECT count(*) FROM inbox WHERE instr(item, 'PIN_CHANGED')";
    assert_eq!(count(&conn, kept), 1);
}

#[test]
fn words_of_danger_do_not_wait_wherever_they_stand() {
    let choice = Content::Choice {
        id: "x".into(),
        title: "cannot breathe".into(),
    };
    let form = Content::Form {
        response_json: r#"{"complaint":"cannot breathe"}"#.into(),
    };
    let place = Content::Location {
        latitude: 0.0,
        longitude: 0.0,
        name: Some("cannot breathe".into()),
        address: None,
    };
    for content in [choice, form, place] {
        let conn = db();
        let mut item = message("w1", phone("243970000001"), NOW, "");
        if let Ok(Item::Message(message)) = &mut item.content {
            message.content = content;
        }
        take(&conn, &[item], NOW);
        assert_eq!(due(&conn), NOW.0);
    }
}

#[test]
fn words_on_which_the_search_for_danger_breaks_do_not_wait() {
    let conn = db();
    let key = box_key();
    let broken = Reception {
        is_urgent: |words| {
            assert_ne!(words, "planted words", "a planted fault");
            false
        },
        ..reception(&key)
    };
    let items = [
        message("w1", phone("243970000001"), NOW, "planted words"),
        message("w2", phone("243970000002"), NOW, "hello"),
    ];
    let tally = receive(&conn, &broken, b"raw", &items, NOW).unwrap();
    assert_eq!((tally.messages, tally.dead), (2, 0));
    let at_once = format!("SELECT count(*) FROM contact WHERE due_at = {}", NOW.0);
    assert_eq!(count(&conn, &at_once), 1);
}

#[test]
fn a_status_is_applied_or_parked_and_never_a_message() {
    let conn = db();
    assert_eq!(take(&conn, &[sent(None)], NOW).statuses, 1);
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

fn system(id: &str, from: &Identity, change: SystemChange) -> ReceivedItem {
    let mut item = message(id, from.clone(), NOW, "");
    if let Ok(Item::Message(inbound)) = &mut item.content {
        inbound.content = Content::System(change);
    }
    item
}

fn moved(id: &str, to: &str, bsuid: Option<&str>) -> ReceivedItem {
    let change = SystemChange::NumberChanged {
        phone: to.into(),
        bsuid: bsuid.map(Into::into),
    };
    system(id, &phone("243970000001"), change)
}

fn bsuid(id: &str) -> Identity {
    Identity {
        bsuid: Some(id.into()),
        ..Identity::default()
    }
}

fn item(dedup: &str, content: Item) -> ReceivedItem {
    ReceivedItem {
        dedup: dedup.into(),
        phone_number_id: Some("1".into()),
        content: Ok(content),
    }
}

#[test]
fn a_new_number_and_the_new_id_told_with_it_are_both_linked() {
    let conn = db();
    let amina = Identity {
        bsuid: Some("CD.1".into()),
        ..phone("243970000001")
    };
    let items = [
        message("w1", amina, NOW, "hello"),
        moved("w2", "243970000009", Some("CD.2")),
    ];
    take(&conn, &items, NOW);
    let present: Vec<String> = conn
        .prepare("SELECT value FROM address WHERE retired_at IS NULL ORDER BY value")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(present, ["243970000009", "CD.2"]);
    let retired = "SELECT count(*) FROM address WHERE retired_at = 100000";
    assert_eq!(count(&conn, retired), 2);
    assert_eq!(count(&conn, "SELECT count(*) FROM contact"), 1);
}

#[test]
fn a_change_of_the_account_that_means_nothing_to_us_flags_nobody() {
    let conn = db();
    let amina = phone("243970000001");
    let other = SystemChange::Other { what: "new".into() };
    let items = [
        message("w1", amina.clone(), NOW, "hello"),
        system("w2", &amina, other),
    ];
    take(&conn, &items, NOW);
    assert_eq!(count(&conn, "SELECT count(flag) FROM contact"), 0);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
}

#[test]
fn a_new_phone_identity_waits_for_the_conversation_and_opens_nothing() {
    let conn = db();
    let amina = phone("243970000001");
    take(&conn, &[message("w1", amina.clone(), NOW, "hello")], NOW);
    conn.execute_batch(
        "UPDATE inbox SET state = 'handled';
         UPDATE contact SET due_at = NULL, waits_from = NULL, last_stamp = 1, erased_at = 2",
    )
    .unwrap();
    let item = system("w2", &amina, SystemChange::IdentityChanged);
    take(&conn, &[item], NOW);
    let waiting = "SELECT count(*) FROM inbox JOIN contact ON waits_from = inbox.id
                   WHERE kind = 'system' AND state = 'new' AND due_at > 0
                     AND last_stamp = 1 AND erased_at = 2";
    assert_eq!(count(&conn, waiting), 1);
}

#[test]
fn news_of_people_who_never_wrote_make_nobody_and_keep_no_number() {
    let conn = db();
    let stranger = Identity {
        bsuid: Some("CD.1".into()),
        profile_name: Some("Amina".into()),
        ..phone("243970000001")
    };
    let call = Item::Call {
        id: "c1".into(),
        from: stranger.clone(),
        stamped: NOW,
        event: "connect".into(),
    };
    let update = Item::UserIdUpdate {
        previous: "CD.1".into(),
        current: "CD.2".into(),
        phone: Some("243970000001".into()),
    };
    let items = [
        moved("w1", "243970000009", None),
        system("w2", &stranger, SystemChange::IdentityChanged),
        item("call:c1", call),
        item("other:u1", update),
    ];
    take(&conn, &items, NOW);
    for table in ["contact", "address", "task"] {
        let rows = format!("SELECT count(*) FROM {table}");
        assert_eq!(count(&conn, &rows), 0, "{table}");
    }
    let kept = "SELECT count(*) FROM inbox WHERE state = 'kept' AND why IS NOT NULL";
    assert_eq!(count(&conn, kept), 4);
    assert_eq!(count(&conn, "SELECT count(item) FROM inbox"), 0);
}

#[test]
fn a_call_of_somebody_known_opens_their_window_and_links_nothing() {
    let conn = db();
    take(
        &conn,
        &[message("w1", phone("243970000001"), NOW, "hello")],
        NOW,
    );
    let later = NOW.plus_ms(5_000);
    let call = Item::Call {
        id: "c1".into(),
        from: Identity {
            bsuid: Some("CD.9".into()),
            ..phone("243970000001")
        },
        stamped: later,
        event: "connect".into(),
    };
    take(&conn, &[item("call:c1", call)], later);
    assert_eq!(count(&conn, "SELECT last_stamp FROM contact"), later.0);
    assert_eq!(count(&conn, "SELECT count(*) FROM address"), 1);
}

#[test]
fn an_id_made_anew_is_followed_once_and_in_any_order() {
    let conn = db();
    let update = |dedup: &str, previous: &str, current: &str| {
        item(
            dedup,
            Item::UserIdUpdate {
                previous: previous.into(),
                current: current.into(),
                phone: Some("243970000001".into()),
            },
        )
    };
    let amina = Identity {
        bsuid: Some("CD.1".into()),
        ..phone("243970000001")
    };
    take(&conn, &[message("w1", amina, NOW, "hello")], NOW);
    let items = [update("u1", "CD.1", "CD.2"), update("u2", "CD.0", "CD.1")];
    take(&conn, &items, NOW);
    let contact = contacts::find_known(&conn, &bsuid("CD.2"), NOW).unwrap();
    let present = contacts::address_of(&conn, contact.unwrap()).unwrap();
    assert_eq!(present.bsuid, Some("CD.2".into()), "the older news are old");
    assert_eq!(
        contacts::find_known(&conn, &bsuid("CD.1"), NOW).unwrap(),
        None
    );
}

#[test]
fn the_number_that_a_patient_gives_at_our_request_is_linked() {
    let conn = db();
    let card = |id: &str, from: Identity, number: &str| {
        let mut item = message(id, from, NOW, "");
        if let Ok(Item::Message(message)) = &mut item.content {
            message.content = Content::Contacts {
                names: vec!["Amina".into()],
                phones: vec![number.into()],
                own_number: Some(number.into()),
            };
        }
        item
    };
    let hidden = bsuid("CD.1");
    take(&conn, &[card("w1", hidden.clone(), "243970000001")], NOW);
    let phone_of = |who: &Identity| {
        let contact = contacts::find_known(&conn, who, NOW).unwrap().unwrap();
        contacts::address_of(&conn, contact).unwrap().phone
    };
    assert_eq!(phone_of(&hidden), Some("243970000001".into()));
    assert_eq!(count(&conn, "SELECT count(flag) FROM contact"), 0);
    // Whose number the provider tells needs no card for it.
    let ben = phone("243970000002");
    take(&conn, &[card("w2", ben.clone(), "243970000003")], NOW);
    assert_eq!(phone_of(&ben), ben.phone);
    // One that is somebody else's already stays theirs.
    let other = bsuid("CD.2");
    take(&conn, &[card("w3", other.clone(), "243970000002")], NOW);
    assert_eq!(phone_of(&other), None);
    assert_eq!(phone_of(&ben), ben.phone);
    let told = "SELECT count(*) FROM task WHERE kind = 'maybe_same_person'";
    assert_eq!(count(&conn, told), 1);
}

#[test]
fn what_is_held_against_the_account_is_a_task_until_it_is_over() {
    let conn = db();
    let standing = |dedup: &str, event: &str, verdict| {
        let standing = Standing {
            event: event.into(),
            verdict,
        };
        item(dedup, Item::Standing(standing))
    };
    let barred = standing("s1", "DISABLED_UPDATE", StandingVerdict::Barred);
    let refused = take(&conn, &[barred], NOW).refused;
    assert_eq!(refused.map(|error| error.code), Some(131_031));
    let limited = standing("s2", "ACCOUNT_VIOLATION", StandingVerdict::Limited);
    let refused = take(&conn, &[limited], NOW).refused;
    assert_eq!(refused.map(|error| error.code), Some(368));
    let open = || {
        let words = "SELECT count(*) FROM task WHERE kind = 'account_refused' AND state = 'open'";
        count(&conn, words)
    };
    assert_eq!(open(), 2);
    let over = standing("s3", "DISABLED_UPDATE", StandingVerdict::Reinstated);
    assert_eq!(take(&conn, &[over], NOW).refused, None);
    assert_eq!(open(), 1);
    let soon = standing("s4", "DISABLED_UPDATE", StandingVerdict::Warned);
    assert_eq!(take(&conn, &[soon], NOW).refused, None, "it still works");
    assert_eq!(open(), 2);
}

#[test]
fn a_fault_of_the_account_counts_for_our_own_number_only() {
    let conn = db();
    let fault = |dedup: &str, code: i64, number: &str| ReceivedItem {
        phone_number_id: Some(number.into()),
        ..item(
            dedup,
            Item::ChannelError(ProviderError {
                code,
                subcode: None,
            }),
        )
    };
    assert_eq!(take(&conn, &[fault("f1", 131_031, "2")], NOW).refused, None);
    assert_eq!(take(&conn, &[fault("f2", 130_429, "1")], NOW).refused, None);
    assert_eq!(count(&conn, "SELECT count(*) FROM task"), 0);
    let refused = take(&conn, &[fault("f3", 131_031, "1")], NOW).refused;
    assert_eq!(refused.map(|error| error.code), Some(131_031));
    let told = "SELECT count(*) FROM task WHERE kind = 'account_refused' AND detail = '131031'";
    assert_eq!(count(&conn, told), 1);
}

#[test]
fn a_change_of_number_moves_the_contact_and_is_flagged() {
    let conn = db();
    take(
        &conn,
        &[message("w1", phone("243970000001"), NOW, "hello")],
        NOW,
    );
    take(&conn, &[moved("w2", "243970000009", None)], NOW);
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
    take(&conn, &[message("w1", bsuid("CD.1"), NOW, "hello")], NOW);
    assert_eq!(take(&conn, &[update("u1", "2")], NOW).kept, 1);
    assert_eq!(count(&conn, "SELECT count(*) FROM address"), 1);
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
    // It stands behind that all the same.
    assert_eq!(found(&amina), [None, Some(InboxId(2)), None]);
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
    let contact = contacts::find_known(&conn, &amina, NOW).unwrap().unwrap();
    let a1 = queue(&conn, contact, Purpose::Notice, "a1");
    sent_queue::cancel(&conn, a1, NOW).unwrap();
    let drop = || {
        let year = retention::Seek::default();
        let (gone, _) = retention::drop_messages(&conn, NOW.plus_ms(1), year, NOW).unwrap();
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

#[test]
fn what_is_said_of_the_account_again_after_its_retries_are_over_is_news() {
    let conn = db();
    let fault = ReceivedItem {
        dedup: "other:1".into(),
        phone_number_id: Some("1".into()),
        content: Ok(Item::ChannelError(ProviderError {
            code: 131_042,
            subcode: None,
        })),
    };
    let refused = |at: UnixMs| take(&conn, std::slice::from_ref(&fault), at).refused;
    let day = |day: i64| NOW.plus_ms(day * DAY_MS);
    assert!(refused(day(0)).is_some());
    assert_eq!(refused(day(7)), None, "Meta tries for seven days");
    assert!(refused(day(8)).is_some());
    assert_eq!(refused(day(9)), None);
    assert!(refused(day(400)).is_some());
    // A message is the same one for good.
    let hello = message("w1", phone("243970000001"), NOW, "hello");
    for (at, messages) in [(0, 1), (400, 0)] {
        let tally = take(&conn, std::slice::from_ref(&hello), day(at));
        assert_eq!(tally.messages, messages, "{at}");
    }
}
