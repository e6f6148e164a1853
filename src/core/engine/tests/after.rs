//! What comes after a receipt.

use super::*;
use crate::core::time::DAY_MS;

fn submitted() -> Chat {
    let mut chat = Chat::at_review();
    chat.tap("send").heard("Your number is");
    chat
}

fn kept_for(chat: &Chat) -> Option<RecordId> {
    chat.acts().into_iter().find_map(|act| match act {
        Action::KeepSpoken { record, .. } => record,
        _ => None,
    })
}

#[test]
fn words_after_the_receipt_go_to_staff_with_its_record_and_begin_nothing() {
    for words in [
        "it hurts more at night also",
        "when will somebody call me?",
        "I forgot to say that I take aspirin",
        "12",
    ] {
        let mut chat = submitted();
        let id = chat.session.record_id().unwrap().clone();
        chat.text(words);
        assert_eq!(chat.tasks(), ["read_conversation"], "{words}");
        assert_eq!(kept_for(&chat).as_ref(), Some(&id), "{words}");
        chat.heard(&format!("added this to {id}"));
        assert_eq!(chat.session.stage, Stage::Rest);
        // Each reply costs money: they are told once, and everything is kept.
        chat.text("and my feet are swollen");
        assert!(chat.said.is_empty(), "{}", chat.words());
        assert_eq!(kept_for(&chat), Some(id));
        chat.wait(HOUR_MS).text("still the same");
        chat.heard("added this to");
        chat.text("thank you");
        assert!(chat.effects.iter().all(|it| !matches!(it, Effect::Say(_))));
    }
}

#[test]
fn how_a_new_form_is_begun_is_told_in_words_that_begin_one() {
    for (lang, words) in [
        (Lang::En, "restart"),
        (Lang::Fr, "recommencer"),
        (Lang::Sw, "anza upya"),
        (Lang::Es, "reiniciar"),
        (Lang::Pt, "recomeçar"),
    ] {
        let mut chat = submitted();
        chat.session.language = Some(lang);
        chat.text("7 7 7");
        assert!(chat.words().ends_with(words), "{}", chat.words());
        chat.text(words);
        assert_eq!(chat.session.stage, Stage::Who, "{lang}");
    }
}

#[test]
fn a_greeting_and_what_comes_a_day_later_begin_a_form() {
    for (wait, words) in [
        (0, "hello"),
        (0, "Hi doctor!"),
        (0, "bonjour"),
        (0, "my neighbour is ill as well"),
        (24 * HOUR_MS, "my knee is bad again"),
    ] {
        let mut chat = submitted();
        chat.wait(wait).text(words);
        assert_eq!(chat.session.stage, Stage::Who, "{words}");
        chat.heard("begin a new form");
    }
}

#[test]
fn a_danger_told_of_after_the_receipt_makes_its_record_urgent() {
    let mut chat = submitted();
    let id = chat.session.record_id().unwrap().clone();
    chat.text("now she cannot breathe");
    chat.heard("112");
    assert!(!chat.words().contains("added"), "{}", chat.words());
    let record = chat.record().unwrap();
    assert_eq!((record.id, record.triage), (id.clone(), Triage::Urgent));
    assert_eq!(record.status, RecordStatus::Complete);
    let of_record = |effect: &&Effect| match effect {
        Effect::Task(task) => task.record() == Some(&id),
        _ => false,
    };
    assert_eq!(chat.effects.iter().filter(of_record).count(), 2);
    assert!(chat.tasks().contains(&"danger_sign"));
}

#[test]
fn a_recording_after_the_receipt_is_listened_to_and_a_sticker_is_no_form() {
    let mut chat = submitted();
    chat.voice();
    assert_eq!(chat.tasks(), ["listen_to_voice"]);
    chat.heard("added this to");
    let mut chat = submitted();
    chat.send(media(MediaKind::Sticker, None));
    assert!(chat.said.is_empty() && chat.tasks().is_empty());
    assert_eq!(chat.session.stage, Stage::Rest);
    chat.send(media(MediaKind::Image, None));
    assert_eq!(chat.tasks(), ["look_at_attachment"]);
}

#[test]
fn a_recording_that_begins_an_intake_is_heard_and_put_with_its_record() {
    let mut chat = submitted();
    chat.wait(2 * DAY_MS).voice();
    chat.heard("Who is this for?");
    assert_eq!(chat.tasks(), ["listen_to_voice"]);
    let kept = |chat: &Chat| -> Vec<(InboxId, Option<RecordId>)> {
        let acts = chat.acts().into_iter();
        acts.filter_map(|act| match act {
            Action::KeepSpoken { inbox, record } => Some((inbox, record)),
            _ => None,
        })
        .collect()
    };
    let [(inbox, None)] = kept(&chat)[..] else {
        panic!("kept without a record")
    };
    chat.tap("me");
    let record = chat.session.record_id().cloned();
    assert!(record.is_some());
    assert_eq!(kept(&chat), [(inbox, record)]);
}
