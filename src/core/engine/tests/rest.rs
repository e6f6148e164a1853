//! Lines that come one after the other: the rest of a page is waited for.

use super::*;
use crate::core::answers::Value;
use crate::core::limits::INTAKE_MESSAGES_MAX;

const PATIENCE_MS: i64 = 24_000;

fn patient_at_page_one() -> Chat {
    let mut chat = Chat::at_page_one();
    chat.clinic.patience_ms = PATIENCE_MS;
    chat
}

fn timer(chat: &Chat) -> Option<UnixMs> {
    chat.effects.iter().rev().find_map(|effect| match effect {
        Effect::SetTimer {
            kind: TimerKind::AskRest,
            at,
        } => Some(*at),
        _ => None,
    })
}

/// The patient falls silent.
fn fall_silent(chat: &mut Chat) {
    let due = timer(chat).unwrap();
    chat.now.at = due;
    chat.run(&[Event::Timer(TimerKind::AskRest)]);
}

fn answered(chat: &Chat, field: &str) -> bool {
    let draft = chat.session.draft.as_ref().unwrap();
    draft.answers.contains_key(field)
}

#[test]
fn one_question_a_message_costs_no_more_messages() {
    let mut chat = Chat::new();
    chat.clinic.patience_ms = PATIENCE_MS;
    let mut count = 0;
    chat.text("hello");
    count += chat.said.len();
    for choice in ["en", "agree", "me"] {
        chat.tap(choice);
        count += chat.said.len();
    }
    for line in [
        "Amina Juma",
        "34",
        "female",
        "Kalehe",
        "Pain in the knee",
        "3 days ago",
        "2",
        "none",
        "none",
        "no",
        "Juma +243970000001",
    ] {
        chat.text(line);
        count += chat.said.len();
    }
    assert_eq!(chat.session.stage, Stage::Review, "{}", chat.words());
    chat.tap("send");
    count += chat.said.len();
    assert_eq!(count, 10);
    assert!(count <= INTAKE_MESSAGES_MAX);
    assert!(chat.tasks().is_empty());
    let fields = chat.record().unwrap().fields;
    let name = Value::Text {
        text: "Amina Juma".into(),
    };
    assert_eq!(fields.get("patient_name"), Some(&name));
    for field in ["age_years", "sex", "locality", "onset", "pregnant"] {
        assert!(fields.contains_key(field), "{field}");
    }
}

#[test]
fn after_a_silence_only_what_is_missing_is_asked_and_once() {
    let mut chat = patient_at_page_one();
    let at = chat.now.at;
    chat.text("Amina Juma, 34");
    assert!(chat.said.is_empty(), "{}", chat.words());
    assert_eq!(timer(&chat), Some(at.plus_ms(PATIENCE_MS)));
    assert!(answered(&chat, "patient_name") && answered(&chat, "birth_date"));
    fall_silent(&mut chat);
    assert_eq!(chat.said.len(), 1);
    chat.heard("I still need this");
    chat.heard("Village");
    assert!(!chat.words().contains("Full name"));
    assert!(chat.session.draft.as_ref().unwrap().tries.is_empty());
    chat.run(&[Event::Timer(TimerKind::AskRest)]);
    assert!(chat.said.is_empty());
    chat.text("female\nKalehe");
    chat.heard("What is the trouble?");
}

#[test]
fn as_many_parts_as_questions_are_not_waited_for() {
    let mut chat = patient_at_page_one();
    chat.text("Amina Juma, 34, blue, Kalehe");
    chat.heard("Female, male or other");
    assert_eq!(timer(&chat), None);
}

#[test]
fn what_comes_as_the_wait_ends_is_read_with_the_rest() {
    let mut chat = patient_at_page_one();
    chat.text("Amina Juma").text("34\nfemale");
    assert!(chat.said.is_empty(), "{}", chat.words());
    let last = chat.text_event("Kalehe");
    chat.run(&[Event::Timer(TimerKind::AskRest), last]);
    assert_eq!(chat.said.len(), 1);
    chat.heard("What is the trouble?");
}

#[test]
fn a_danger_sign_and_a_question_of_the_patient_do_not_wait() {
    let mut chat = patient_at_page_one();
    chat.text("Amina Juma, 34, she has chest pain");
    assert_eq!(chat.said[0].purpose, Purpose::Emergency);
    chat.heard("Female, male or other");
    let mut chat = patient_at_page_one();
    chat.text("what is this about?");
    chat.heard("Full name");
}

#[test]
fn a_waiting_line_can_be_corrected_and_deleted() {
    let mut chat = patient_at_page_one();
    let Event::Message(message) = chat.text_event("Amina Juma, 43") else {
        unreachable!()
    };
    let about = Some(message.inbox);
    chat.run(&[Event::Message(message)]);
    let Event::Message(edit) = chat.message(Content::Edit {
        original: "w".into(),
        content: Box::new(text("Amina Juma, 34")),
    }) else {
        unreachable!()
    };
    chat.run(&[Event::Message(Received { about, ..edit })]);
    assert!(chat.tasks().is_empty());
    chat.text("female\nKalehe");
    let fields = chat.record().unwrap().fields;
    let age = Value::Age {
        years: 34,
        months: None,
        days: None,
    };
    assert_eq!(fields.get("age_years"), Some(&age));
    let mut chat = patient_at_page_one();
    let Event::Message(message) = chat.text_event("Amina Juma") else {
        unreachable!()
    };
    let about = Some(message.inbox);
    chat.run(&[Event::Message(message)]);
    let Event::Message(revoke) = chat.message(Content::Revoke {
        original: "w".into(),
    }) else {
        unreachable!()
    };
    chat.run(&[Event::Message(Received { about, ..revoke })]);
    assert!(chat.session.draft.as_ref().unwrap().said.is_empty());
}

#[test]
fn a_command_ends_the_wait_and_loses_nothing() {
    let mut chat = patient_at_page_one();
    chat.text("Kahindo").text("restart");
    chat.heard("Who is this for?");
    chat.run(&[Event::Timer(TimerKind::AskRest)]);
    assert!(chat.said.is_empty());
    let mut chat = patient_at_page_one();
    chat.text("Amina Juma, 34").text("stop");
    chat.run(&[Event::Timer(TimerKind::AskRest)]);
    assert!(chat.said.is_empty(), "{}", chat.words());
}
