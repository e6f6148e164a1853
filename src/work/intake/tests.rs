//! Conversations through the door and the step, on a real store: who is shown
//! what when a number or an account changes hands.

use super::*;
use crate::core::answers::Value;
use crate::core::engine::{Clinic, Session};
use crate::core::flow::Flow;
use crate::core::inbound::{Content, Identity, Item, Media, MediaKind, ReceivedItem, SystemChange};
use crate::core::lang::Lang;
use crate::core::limits::{EVENTS_PER_STEP_MAX, UNCONSENTED_MS};
use crate::core::time::{HOUR_MS, SECOND_MS, UnixMs};
use crate::store::inbox::{Reception, receive};
use crate::store::tests::{box_key, db, message};
use crate::store::{Try, contacts};
use crate::whatsapp::ultramsg;
use rusqlite::Connection;
use std::cell::Cell;
use std::collections::BTreeMap;
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
            patience_ms: 0,
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

    /// A patient who is asked what the trouble is.
    fn at_trouble() -> Self {
        let desk = Self::new();
        let amina = who(OLD, "CD.222");
        for words in ["hello", "yes", "me"] {
            desk.says(&amina, words);
        }
        let asked = desk.says(&amina, "Amina Juma\n34\nfemale\nKalehe");
        assert!(asked.contains("What is the trouble?"), "{asked}");
        desk
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

    /// Something that Amina sends now.
    fn item(&self, id: &str, content: Content) -> ReceivedItem {
        let stamped = UnixMs(self.now.get() + 10 * SECOND_MS);
        let mut item = message(id, who(OLD, "CD.222"), stamped, "");
        if let Ok(Item::Message(inbound)) = &mut item.content {
            inbound.content = content;
        }
        item
    }

    /// What WhatsApp calls the first message of ours that says this.
    fn name_of(&self, words: &str) -> String {
        let mut query = self
            .conn
            .prepare("SELECT id FROM outbox WHERE instr(body, ?1) ORDER BY id")
            .unwrap();
        let id: i64 = query.query_row([words], |row| row.get(0)).unwrap();
        let name = format!("wamid.{id}");
        let key = self.context.box_key.keyed_hash(&name);
        let sql = "UPDATE outbox SET wamid_key = ?2 WHERE id = ?1";
        let named = self.conn.execute(sql, rusqlite::params![id, key]);
        assert_eq!(named, Ok(1));
        name
    }

    fn quotes(&self, quoted: &str, words: &str) -> String {
        let mut item = self.item(
            &format!("w{}", self.now.get()),
            Content::Text { body: words.into() },
        );
        if let Ok(Item::Message(inbound)) = &mut item.content {
            inbound.quoted = Some(quoted.into());
        }
        self.take(item)
    }

    fn answers(&self) -> BTreeMap<String, Value> {
        let session = self.session(self.contact(&who(OLD, "CD.222")));
        let answers = session.draft.unwrap().answers.into_iter();
        answers
            .map(|(field, answer)| (field, answer.value))
            .collect()
    }

    fn count(&self, sql: &str) -> i64 {
        self.conn.query_row(sql, [], |row| row.get(0)).unwrap()
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
        self.take_together(&[item])
    }

    fn take_together(&self, items: &[ReceivedItem]) -> String {
        self.now.set(self.now.get() + 20 * SECOND_MS);
        let at = UnixMs(self.now.get());
        let reception = Reception {
            box_key: &self.context.box_key,
            channel: "cloud",
            phone_number_id: "1",
            quiet_ms: 0,
            is_urgent: |_| false,
        };
        receive(&self.conn, &reception, b"{}", items, at).unwrap();
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

/// A patient who told their trouble and changed that, as it came in these
/// batches.
fn changed(batches: &[&[&str]], change: &Content) -> Desk {
    let desk = Desk::at_trouble();
    let body = "Pain in the knee\n3 days ago".into();
    let told = desk.item("told", Content::Text { body });
    let change = desk.item("change", change.clone());
    for batch in batches {
        let item = |id: &&str| if *id == "told" { &told } else { &change }.clone();
        let items: Vec<ReceivedItem> = batch.iter().map(item).collect();
        desk.take_together(&items);
    }
    desk
}

#[test]
fn a_correction_gives_the_same_record_whichever_comes_first() {
    let body = "Pain in the hip\n3 days ago".into();
    let correction = Content::Edit {
        original: "told".into(),
        content: Box::new(Content::Text { body }),
    };
    let before = Desk::at_trouble().answers().len();
    let after = changed(&[&["told"], &["change"]], &correction).answers();
    let hip = Value::Text {
        text: "Pain in the hip".into(),
    };
    assert_eq!(after.get("complaint"), Some(&hip));
    assert_eq!(after.len(), before + 2);
    let other: [&[&[&str]]; 3] = [
        &[&["change"], &["told"]],
        &[&["told", "change"]],
        &[&["change", "told"]],
    ];
    for batches in other {
        let desk = changed(batches, &correction);
        assert_eq!(desk.answers(), after, "{batches:?}");
    }
}

#[test]
fn what_was_deleted_before_it_came_is_read_by_nobody() {
    let deletion = Content::Revoke {
        original: "told".into(),
    };
    let before = Desk::at_trouble().answers();
    let orders: [&[&[&str]]; 3] = [
        &[&["change"], &["told"]],
        &[&["told", "change"]],
        &[&["change", "told"]],
    ];
    for batches in orders {
        let desk = changed(batches, &deletion);
        assert_eq!(desk.answers(), before, "{batches:?}");
        let words = "SELECT count(*) FROM inbox WHERE instr(item, 'knee')";
        assert_eq!(desk.count(words), 0, "{batches:?}");
    }
}

#[test]
fn a_deleted_message_is_shown_to_nobody_and_neither_are_its_corrections() {
    let body = "Pain in the hip\n3 days ago".into();
    let correction = Content::Edit {
        original: "told".into(),
        content: Box::new(Content::Text { body }),
    };
    let desk = changed(&[&["told"], &["change"]], &correction);
    let told = desk.answers();
    let original = "told".into();
    desk.take(desk.item("deletion", Content::Revoke { original }));
    let words = "SELECT count(*) FROM inbox WHERE instr(item, 'Pain')";
    assert_eq!(desk.count(words), 0);
    assert_eq!(desk.answers(), told, "what was used stays in the record");
    assert_eq!(desk.tasks("answer_revoked"), 1);
}

fn photo(desk: &Desk) -> (ReceivedItem, ReceivedItem) {
    let media = Media {
        kind: MediaKind::Image,
        media_id: "m1".into(),
        mime: None,
        sha256: None,
        caption: None,
        filename: None,
        voice: false,
    };
    let original = "photo".into();
    (
        desk.item("photo", Content::Media(media)),
        desk.item("deletion", Content::Revoke { original }),
    )
}

#[test]
fn a_photo_that_was_deleted_at_once_is_neither_fetched_nor_a_task() {
    for first in [false, true] {
        let desk = Desk::at_trouble();
        let (photo, deletion) = photo(&desk);
        if first {
            desk.take(deletion);
            desk.take(photo);
        } else {
            desk.take_together(&[photo, deletion]);
        }
        assert_eq!(desk.count("SELECT count(*) FROM media"), 0);
        assert_eq!(desk.tasks("look_at_attachment"), 0);
    }
}

/// What UltraMsg posts of something Amina wrote under the id `told`.
fn by_ultramsg(desk: &Desk, kind: &str, body: &str) -> Vec<ReceivedItem> {
    let stamp = desk.now.get() / 1_000 + 10;
    let posted = format!(
        r#"{{"event_type":"message_received","instanceId":"1","data":{{
            "id":"false_{OLD}@c.us_TOLD","from":"{OLD}@c.us","type":"{kind}",
            "body":"{body}","fromMe":false,"time":{stamp}}}}}"#
    );
    let channel = ultramsg::Channel {
        instance: "1",
        began: None,
    };
    ultramsg::parse(posted.as_bytes(), channel)
}

#[test]
fn a_message_deleted_through_ultramsg_is_shown_to_nobody_whichever_comes_first() {
    let words = "SELECT count(*) FROM inbox WHERE instr(item, 'knee')";
    for first in [false, true] {
        let desk = Desk::at_trouble();
        let told = by_ultramsg(&desk, "chat", r"Pain in the knee\n3 days ago");
        let deletion = by_ultramsg(&desk, "revoked", "");
        let (one, other) = if first {
            (&deletion, &told)
        } else {
            (&told, &deletion)
        };
        desk.take_together(one);
        desk.take_together(other);
        assert_eq!(desk.count(words), 0, "deleted first: {first}");
        let used = i64::from(!first);
        assert_eq!(desk.tasks("answer_revoked"), used, "deleted first: {first}");
    }
}

#[test]
fn a_photo_that_was_fetched_goes_with_its_message() {
    let desk = Desk::at_trouble();
    let (photo, deletion) = photo(&desk);
    desk.take(photo);
    assert_eq!(desk.tasks("look_at_attachment"), 1);
    desk.conn
        .execute_batch(
            "UPDATE media SET state = 'kept', bytes = 3;
             INSERT INTO media_chunk (media_id, start, body) SELECT id, 0, x'010203' FROM media;",
        )
        .unwrap();
    desk.take(deletion);
    assert_eq!(desk.tasks("look_at_attachment"), 0);
    let left = "SELECT count(*) FROM media WHERE state != 'erased'";
    assert_eq!(desk.count(left), 0);
    assert_eq!(desk.count("SELECT count(*) FROM media_chunk"), 0);
    let words = "SELECT count(*) FROM inbox WHERE instr(item, 'm1')";
    assert_eq!(desk.count(words), 0);
}

#[test]
fn who_quotes_an_earlier_question_answers_no_later_one() {
    let desk = Desk::at_trouble();
    let before = desk.answers();
    let page_one = desk.name_of("Full name");
    assert_eq!(desk.quotes(&page_one, "Amina Hassan"), "");
    assert_eq!(desk.answers(), before);
    let contact = desk.contact(&who(OLD, "CD.222"));
    assert!(desk.session(contact).draft.unwrap().unread, "staff see it");
}

#[test]
fn who_quotes_an_earlier_asking_of_the_open_question_answers_it() {
    let desk = Desk::at_trouble();
    let asked_first = desk.name_of("What is the trouble?");
    let again = desk.says(&who(OLD, "CD.222"), "help");
    assert!(again.contains("What is the trouble?"), "{again}");
    let next = desk.quotes(&asked_first, "Pain in the knee\n3 days ago");
    assert!(!next.is_empty());
    let knee = Value::Text {
        text: "Pain in the knee".into(),
    };
    assert_eq!(desk.answers().get("complaint"), Some(&knee));
}

/// The id of a button of a message of ours, which ends so.
fn button(said: &str, ends: &str) -> Content {
    let mut parts = said.split('"');
    let of_it = |part: &&str| part.starts_with("q:") && part.contains(&format!(":{ends}"));
    Content::Choice {
        id: parts.find(of_it).unwrap().into(),
        title: "x".into(),
    }
}

fn text(words: &str) -> Content {
    Content::Text { body: words.into() }
}

#[test]
fn what_is_said_after_a_deletion_in_its_step_can_be_read() {
    let desk = Desk::at_review();
    let asked = desk.says(&who(OLD, "CD.222"), "delete my data");
    let yes = desk.item("w-yes", button(&asked, "delete"));
    let cry = desk.item("w-cry", text("my baby is not breathing"));
    let said = desk.take_together(&[yes, cry]);
    assert!(said.contains("112"), "{said}");
    assert_eq!(desk.tasks("danger_sign"), 1);
    let read = "SELECT count(*) FROM inbox WHERE instr(item, 'not breathing')";
    assert_eq!(desk.count(read), 1);
    let former = "SELECT count(*) FROM inbox WHERE instr(item, 'knee')";
    assert_eq!(desk.count(former), 0);
}

#[test]
fn who_goes_on_after_a_deletion_is_not_forgotten_in_the_next_step() {
    let desk = Desk::at_review();
    let asked = desk.says(&who(OLD, "CD.222"), "delete my data");
    let reaction = |nth: usize| {
        let reaction = Content::Reaction {
            target: "wamid.x".into(),
            emoji: Some("👍".into()),
        };
        desk.item(&format!("w-{nth}"), reaction)
    };
    let mut items: Vec<_> = (1..EVENTS_PER_STEP_MAX).map(reaction).collect();
    items.push(desk.item("w-yes", button(&asked, "delete")));
    items.push(desk.item("w-last", text("hello")));
    desk.take_together(&items);
    let forgotten = "SELECT count(*) FROM contact WHERE erased_at IS NOT NULL";
    assert_eq!(desk.count(forgotten), 0);
    assert_eq!(desk.count("SELECT count(*) FROM session"), 0, "one step");
    let said = desk.says(&who(OLD, "CD.222"), "hello");
    assert!(said.contains("agree"), "{said}");
}

#[test]
fn a_consent_in_the_step_that_erases_covers_what_comes_with_it() {
    let desk = Desk::new();
    let asked = desk.says(&who(OLD, "CD.222"), "hello");
    desk.now.set(desk.now.get() + UNCONSENTED_MS);
    let agree = desk.item("w-agree", button(&asked, "agree"));
    let voice = desk.item(
        "w-voice",
        Content::Media(Media {
            kind: MediaKind::Audio,
            media_id: "m1".into(),
            mime: None,
            sha256: None,
            caption: None,
            filename: None,
            voice: true,
        }),
    );
    desk.take_together(&[agree, voice]);
    let erased = "SELECT count(*) FROM audit WHERE action = 'contact.erase_words'";
    assert_eq!(desk.count(erased), 1);
    assert_eq!(desk.count("SELECT count(*) FROM media"), 1);
}

#[test]
fn a_second_consent_in_the_step_that_erases_keeps_what_the_first_covers() {
    let desk = Desk::at_review();
    let amina = who(OLD, "CD.222");
    desk.says(&amina, "send");
    let contact = desk.contact(&amina);
    let mut session = desk.session(contact);
    session.consent.as_mut().unwrap().version = "2020-01".into();
    sessions::save(&desk.conn, contact, &session, UnixMs(desk.now.get())).unwrap();
    desk.now.set(desk.now.get() + 2 * UNCONSENTED_MS);
    let asked = desk.says(&amina, "hello");
    desk.now.set(desk.now.get() + UNCONSENTED_MS);
    desk.take(desk.item("w-agree", button(&asked, "agree")));
    let erased = "SELECT count(*) FROM audit WHERE action = 'contact.erase_words'";
    assert_eq!(desk.count(erased), 1);
    let covered = "SELECT count(*) FROM inbox WHERE instr(item, 'Pain in the knee')";
    assert_eq!(desk.count(covered), 1);
    assert!(desk.session(contact).consent.is_some());
}
