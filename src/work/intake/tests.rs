//! Conversations through the door and the step, on a real store: who is shown
//! what when a number or an account changes hands.

use super::*;
use crate::core::engine::{Clinic, Session};
use crate::core::flow::Flow;
use crate::core::inbound::{Content, Identity, Item, ReceivedItem, SystemChange};
use crate::core::lang::Lang;
use crate::core::time::{HOUR_MS, SECOND_MS, UnixMs};
use crate::store::inbox::{Reception, receive};
use crate::store::tests::{box_key, db, message};
use crate::store::{Try, contacts};
use rusqlite::Connection;
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

const OLD: &str = "243970000001";
const NEW: &str = "243970000009";

struct Sequence(AtomicU8);

impl Chance for Sequence {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
    }
}

struct Desk {
    conn: Connection,
    context: Context,
    chance: Sequence,
    now: Cell<i64>,
}

fn who(phone: &str, bsuid: &str) -> Identity {
    Identity {
        phone: Some(phone.into()),
        bsuid: Some(bsuid.into()),
        ..Identity::default()
    }
}

impl Desk {
    fn new() -> Self {
        let clinic = Clinic {
            id: "kalehe-1".into(),
            name: "Kalehe Health Post".into(),
            country: "CD".into(),
            zone: jiff::tz::TimeZone::UTC,
            languages: vec![Lang::En],
            emergency_number: "112".into(),
            session_idle_ms: 2 * HOUR_MS,
        };
        Self {
            conn: db(),
            context: Context {
                flows: Flows::new(Flow::built_in(), &[]),
                clinic,
                box_key: box_key(),
                quiet_ms: 0,
            },
            chance: Sequence(AtomicU8::new(1)),
            now: Cell::new(1_795_168_800_000),
        }
    }

    /// A patient who has answered everything and was shown it.
    fn at_review() -> Self {
        let desk = Self::new();
        let amina = who(OLD, "CD.222");
        for words in [
            "hello",
            "yes",
            "me",
            "Amina Juma\n34\nfemale\nKalehe",
            "Pain in the knee\n3 days ago",
            "2",
            "none\nnone\nno",
        ] {
            desk.says(&amina, words);
        }
        let review = desk.says(&amina, "Juma +243970000002");
        assert!(review.contains("Pain in the knee"), "{review}");
        desk
    }

    fn says(&self, from: &Identity, words: &str) -> String {
        let stamped = UnixMs(self.now.get() + 10 * SECOND_MS);
        let id = format!("w{}", stamped.0);
        self.take(message(&id, from.clone(), stamped, words))
    }

    fn changes(&self, from: &Identity, change: SystemChange) -> String {
        let stamped = UnixMs(self.now.get() + 10 * SECOND_MS);
        let mut item = message(&format!("w{}", stamped.0), from.clone(), stamped, "");
        if let Ok(Item::Message(inbound)) = &mut item.content {
            inbound.content = Content::System(change);
        }
        self.take(item)
    }

    /// What is said after it, by the box.
    fn take(&self, item: ReceivedItem) -> String {
        self.now.set(self.now.get() + 20 * SECOND_MS);
        let at = UnixMs(self.now.get());
        let reception = Reception {
            box_key: &self.context.box_key,
            channel: "cloud",
            phone_number_id: "1",
            quiet_ms: 0,
            is_urgent: |_| false,
        };
        receive(&self.conn, &reception, b"{}", &[item], at).unwrap();
        let now = Now { at, trusted: true };
        turn(&self.conn, &self.context, now, &self.chance, Try::Bold).unwrap();
        let said: Vec<String> = self
            .conn
            .prepare("SELECT body FROM outbox WHERE state = 'queued' ORDER BY id")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        self.conn
            .execute(
                "UPDATE outbox SET state = 'accepted', accepted_at = ?1 WHERE state = 'queued'",
                [at.0],
            )
            .unwrap();
        said.join("\n")
    }

    fn contact(&self, who: &Identity) -> ContactId {
        let found = contacts::find_known(&self.conn, who, UnixMs(self.now.get())).unwrap();
        found.unwrap()
    }

    fn session(&self, contact: ContactId) -> Session {
        sessions::load(&self.conn, contact).unwrap()
    }

    fn tasks(&self, kind: &str) -> i64 {
        let sql = "SELECT count(*) FROM task WHERE state = 'open' AND kind = ?1";
        self.conn.query_row(sql, [kind], |row| row.get(0)).unwrap()
    }
}

#[test]
fn the_old_number_after_a_change_is_a_new_contact_and_hears_nothing_of_the_old_one() {
    let desk = Desk::at_review();
    let amina = desk.contact(&who(OLD, "CD.222"));
    let moved = SystemChange::NumberChanged {
        phone: NEW.into(),
        bsuid: None,
    };
    assert_eq!(desk.changes(&who(OLD, "CD.222"), moved), "");
    assert_eq!(desk.tasks("identity_changed"), 1);
    let heir = who(OLD, "CD.999");
    let heard = desk.says(&heir, "hello");
    assert!(!heard.is_empty());
    for secret in ["Amina", "knee", "Shall we go on?"] {
        assert!(!heard.contains(secret), "{heard}");
    }
    assert_ne!(desk.contact(&heir), amina);
    let to = contacts::address_of(&desk.conn, amina).unwrap();
    assert_eq!(
        to.phone,
        Some(NEW.into()),
        "what waits goes to the new number"
    );
    let heard = desk.says(&who(NEW, "CD.222"), "send");
    assert!(heard.contains("HP-"), "the patient goes on: {heard}");
}

#[test]
fn a_known_number_with_another_account_is_asked_before_it_is_shown_anything() {
    let desk = Desk::at_review();
    let amina = desk.contact(&who(OLD, "CD.222"));
    let draft = desk.session(amina).draft.unwrap().answers;
    let heard = desk.says(&who(OLD, "CD.999"), "yes");
    assert!(heard.contains("Shall we go on?"), "{heard}");
    assert!(
        !heard.contains("Amina") && !heard.contains("knee"),
        "{heard}"
    );
    assert_eq!(desk.session(amina).draft.unwrap().answers, draft);
    assert_eq!(desk.tasks("identity_changed"), 1);
}

#[test]
fn after_a_new_phone_identity_the_next_message_is_asked_whether_to_go_on() {
    let desk = Desk::at_review();
    let amina = who(OLD, "CD.222");
    let contact = desk.contact(&amina);
    let draft = desk.session(contact).draft.unwrap();
    assert_eq!(desk.changes(&amina, SystemChange::IdentityChanged), "");
    assert_eq!(desk.session(contact).draft.unwrap(), draft);
    assert_eq!(desk.tasks("identity_changed"), 1);
    let heard = desk.says(&amina, "send");
    assert!(heard.contains("Shall we go on?"), "{heard}");
    assert!(!heard.contains("Amina"), "{heard}");
    assert_eq!(desk.session(contact).draft.unwrap().answers, draft.answers);
}
