//! Turns on a real store, with a fault planted where only a timer's step comes.

use super::*;
use crate::core::flow::Flow;
use crate::core::inbound::{Identity, ReceivedItem};
use crate::core::lang::Lang;
use crate::core::limits::UNCONSENTED_MS;
use crate::core::time::{HOUR_MS, MINUTE_MS, SECOND_MS};
use crate::store::inbox::{self, Reception};
use crate::store::tests::{box_key, count, db, message, phone};
use std::sync::atomic::{AtomicU64, Ordering};

const NOW: UnixMs = UnixMs(1_795_168_800_000);

/// Never the same twice.
#[derive(Default)]
struct Counted(AtomicU64);

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (to, from) in bytes.iter_mut().zip(next.iter().cycle()) {
            *to = *from;
        }
    }
}

struct Post {
    conn: Connection,
    context: Context,
    chance: Counted,
}

impl Post {
    fn new() -> Self {
        Self {
            conn: db(),
            context: Context {
                flows: Flows::new(Flow::built_in(), &[]),
                clinic: Clinic {
                    id: "kalehe-1".into(),
                    name: "Kalehe Health Post".into(),
                    country: "CD".into(),
                    zone: jiff::tz::TimeZone::UTC,
                    languages: Lang::ALL.to_vec(),
                    emergency_number: "112".into(),
                    session_idle_ms: 2 * HOUR_MS,
                    patience_ms: 0,
                },
                box_key: box_key(),
                quiet_ms: 0,
            },
            chance: Counted::default(),
        }
    }

    fn write(&self, words: &[(&str, Identity, &str)], at: UnixMs) {
        let items: Vec<ReceivedItem> = words
            .iter()
            .map(|(id, from, words)| message(id, from.clone(), at, words))
            .collect();
        let key = box_key();
        let reception = Reception {
            box_key: &key,
            channel: "cloud",
            phone_number_id: "1",
            quiet_ms: 0,
            is_urgent: |_| false,
        };
        inbox::receive(&self.conn, &reception, b"{}", &items, at).unwrap();
    }

    fn turn(&self, at: UnixMs, how: Try) -> Result<Turn, Error> {
        let now = Now { at, trusted: true };
        nested(&self.conn, || {
            turn(&self.conn, &self.context, now, &self.chance, how)
        })
    }

    fn count(&self, sql: &str) -> i64 {
        count(&self.conn, sql)
    }

    /// Erasing what came without consent, which a timer does after a day, breaks
    /// off from now on.
    fn break_the_timer(&self) {
        self.conn
            .execute_batch(
                "CREATE TRIGGER planted BEFORE INSERT ON audit
                 WHEN NEW.action = 'contact.erase_words'
                 BEGIN SELECT RAISE(ABORT, 'planted'); END",
            )
            .unwrap();
    }
}

const AMINA: &str = "(SELECT contact_id FROM address WHERE value = '243970000001')";

#[test]
fn no_message_answers_for_what_a_timer_breaks() {
    let it = Post::new();
    let (amina, ben) = (phone("243970000001"), phone("243970000002"));
    it.write(&[("w1", amina.clone(), "hello")], NOW);
    it.turn(NOW.plus_ms(SECOND_MS), Try::Bold).unwrap();
    assert_eq!(it.count("SELECT count(*) FROM timer"), 1);
    it.break_the_timer();
    let later = NOW.plus_ms(UNCONSENTED_MS + MINUTE_MS);
    let words = [
        ("w2", amina.clone(), "good morning"),
        ("w3", amina, "are you there?"),
        ("w4", ben, "hello"),
    ];
    it.write(&words, later);
    let at = later.plus_ms(SECOND_MS);
    assert!(it.turn(at, Try::Bold).is_err(), "the fault is met");
    let said = it.turn(at, Try::Careful).unwrap().said;
    assert!(said >= 2, "both are answered");
    let states = "SELECT count(*) FROM inbox WHERE state != 'handled'";
    assert_eq!(it.count(states), 0, "every message was handled");
    assert_eq!(
        it.count(&format!(
            "SELECT count(*) FROM timer WHERE contact_id = {AMINA}"
        )),
        0,
        "it cannot break off again"
    );
    assert_eq!(
        it.count(&format!(
            "SELECT count(*) FROM contact WHERE flag = 'dead_letter' AND id = {AMINA}"
        )),
        1
    );
    assert_eq!(
        it.count("SELECT count(*) FROM task WHERE kind = 'dead_letter'"),
        1
    );
    it.turn(at.plus_ms(MINUTE_MS), Try::Bold).unwrap();
}

#[test]
fn a_timer_that_breaks_with_nothing_beside_it_is_dropped() {
    let it = Post::new();
    it.write(&[("w1", phone("243970000001"), "hello")], NOW);
    it.turn(NOW.plus_ms(SECOND_MS), Try::Bold).unwrap();
    it.break_the_timer();
    let later = NOW.plus_ms(UNCONSENTED_MS + MINUTE_MS);
    assert!(it.turn(later, Try::Bold).is_err());
    it.turn(later, Try::Careful).unwrap();
    assert_eq!(it.count("SELECT count(*) FROM timer"), 0);
    assert_eq!(
        it.count("SELECT count(*) FROM inbox WHERE state = 'dead'"),
        0
    );
    assert_eq!(it.turn(later, Try::Bold).unwrap().stepped, 0);
}

#[test]
fn tries_that_a_full_disk_undid_put_nobody_aside() {
    let post = Post::new();
    post.write(&[("1", phone("243970000001"), "hello")], NOW);
    let contact = ContactId(post.count(&format!("SELECT {AMINA}")));
    let now = Now {
        at: NOW,
        trusted: true,
    };
    let begin =
        |owed: &[InboxId]| begin_careful(&post.conn, &post.context, contact, owed, now).unwrap();
    let mut owed = begin(&[]);
    for _ in 0..10 {
        owed = begin(&owed);
        assert_eq!(owed.len(), 1);
    }
    // Those of a program that did not come back count.
    let dead = "SELECT count(*) FROM inbox WHERE state = 'dead' AND why = 'interrupted'";
    for _ in 0..INTERRUPTIONS_MAX {
        assert_eq!(post.count(dead), 0);
        begin(&[]);
    }
    assert_eq!(post.count(dead), 1);
}

#[test]
fn a_flag_of_the_box_goes_with_what_it_stands_for() {
    let it = Post::new();
    let amina = phone("243970000001");
    let flagged = |it: &Post, word: &str| {
        it.count(&format!(
            "SELECT count(*) FROM contact WHERE flag = '{word}' AND id = {AMINA}"
        ))
    };
    let mut at = NOW;
    let mut write = |it: &Post, id: &str, words: &str| {
        at = at.plus_ms(MINUTE_MS);
        it.write(&[(id, amina.clone(), words)], at);
        it.turn(at.plus_ms(SECOND_MS), Try::Bold).unwrap();
    };
    write(&it, "w1", "hello");
    write(&it, "w2", "stop");
    assert_eq!(flagged(&it, "stopped"), 1);
    write(&it, "w3", "hello again, my head hurts");
    assert_eq!(flagged(&it, "stopped"), 0);
    it.conn
        .execute("UPDATE session SET state = 'broken'", [])
        .unwrap();
    write(&it, "w4", "are you there?");
    assert_eq!(flagged(&it, "dead_letter"), 1);
    let told = "SELECT count(*) FROM task WHERE kind = 'dead_letter' AND detail = 'conversation'";
    assert_eq!(it.count(told), 1, "and the flag goes with it");
}
