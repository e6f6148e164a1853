//! People who mix languages, or were given the wrong one.

use super::*;
use crate::core::answers::Value;

fn at_consent(language: &str) -> Chat {
    let mut chat = Chat::new();
    chat.text("hello").text(language);
    assert_eq!(chat.session.stage, Stage::Consent);
    chat
}

#[test]
fn a_yes_or_no_in_another_language_is_understood() {
    let mut chat = at_consent("English");
    chat.text("oui");
    assert_eq!(chat.session.stage, Stage::Who);
    chat.text("mon enfant");
    assert!(
        matches!(chat.session.stage, Stage::Page { .. }),
        "{:?}",
        chat.session.stage
    );
    let mut chat = at_consent("français");
    chat.text("hapana");
    assert!(chat.session.refusal.is_some());
    assert!(chat.session.consent.is_none());
}

#[test]
fn the_name_of_a_language_instead_of_a_consent_changes_the_language() {
    let mut chat = at_consent("English");
    chat.text("français");
    assert_eq!(chat.session.language, Some(Lang::Fr));
    assert_eq!(
        chat.session.stage,
        Stage::Consent,
        "and consents to nothing"
    );
    assert!(chat.session.consent.is_none());
    chat.text("oui");
    assert_eq!(chat.session.stage, Stage::Who);
}

#[test]
fn words_that_are_no_choice_in_any_language_are_no_consent() {
    let mut chat = at_consent("English");
    for text in ["maybe", "Goma", "👍"] {
        chat.text(text);
    }
    assert!(chat.session.consent.is_none());
    assert_eq!(chat.session.stage, Stage::Rest);
}

#[test]
fn the_first_message_may_choose_the_language() {
    let mut chat = Chat::new();
    chat.text("Kiswahili tafadhali");
    assert_eq!(chat.session.stage, Stage::Consent);
    assert_eq!(chat.session.language, Some(Lang::Sw));
}

#[test]
fn a_greeting_has_its_language_offered_first_and_chooses_nothing() {
    let mut chat = Chat::new();
    chat.text("Habari daktari");
    assert_eq!(chat.session.stage, Stage::Language);
    let words = chat.words();
    let (own, other) = (words.find("Karibu"), words.find("Welcome"));
    assert!(own.is_some() && own < other, "{words}");
    chat.text("english");
    assert_eq!(chat.session.language, Some(Lang::En));
}

#[test]
fn a_complaint_without_its_time_is_kept_and_only_the_time_is_asked() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nf\nKalehe")
        .text("fever, cough and vomiting");
    chat.heard("Since when?");
    let said = chat.words();
    assert!(!said.contains("What is the trouble?"), "{said}");
    chat.text("yesterday");
    let told = &chat.session.draft.as_ref().unwrap().answers["complaint"].value;
    let words = Value::Text {
        text: "fever, cough and vomiting".into(),
    };
    assert_eq!(told, &words);
}

#[test]
fn a_row_of_stickers_costs_one_reply_at_each_question() {
    let mut chat = at_consent("English");
    let agree = chat.choice_id("agree");
    let stickers = |chat: &mut Chat| -> usize {
        let each = (0..8).map(|_| {
            let sent = chat.send(media(MediaKind::Sticker, None));
            sent.wait(-12_000).said.len()
        });
        each.sum()
    };
    assert_eq!(stickers(&mut chat), 1);
    chat.tap_id(&agree);
    chat.heard("Who is this for?");
    assert_eq!(stickers(&mut chat), 1);
    chat.wait(HOUR_MS).send(media(MediaKind::Sticker, None));
    chat.heard("Please write in words");
}

fn react(chat: &mut Chat, emoji: Option<&str>, to_the_question: bool) {
    let Event::Message(message) = chat.message(Content::Reaction {
        target: "w".into(),
        emoji: emoji.map(Into::into),
    }) else {
        unreachable!()
    };
    chat.run(&[Event::Message(Received {
        quotes_question: to_the_question,
        ..message
    })]);
}

#[test]
fn a_thumb_on_the_open_question_brings_it_once_more() {
    let mut chat = at_consent("English");
    let agree = chat.choice_id("agree");
    react(&mut chat, None, true);
    assert!(chat.said.is_empty(), "taken back");
    react(&mut chat, Some("👍"), false);
    assert!(chat.said.is_empty(), "to another message");
    react(&mut chat, Some("👍"), true);
    chat.heard("Please write in words");
    chat.heard("Do you agree?");
    assert!(chat.session.consent.is_none());
    react(&mut chat, Some("👍"), true);
    assert!(chat.said.is_empty());
    // The buttons seen first still count.
    chat.tap_id(&agree);
    assert!(chat.session.consent.is_some());
}
