//! Lateness: early messages, stale taps, corrections, flows that change.

use super::*;
use crate::core::answers::Value;

fn at_unsent_page() -> Chat {
    let mut chat = Chat::at_page_one();
    chat.session.asked.as_mut().unwrap().sent = None;
    chat
}

fn tries(chat: &Chat) -> usize {
    chat.session.draft.as_ref().unwrap().tries.len()
}

#[test]
fn a_message_written_before_the_question_left_is_kept_and_is_no_try() {
    let mut chat = at_unsent_page();
    chat.line_up = false;
    chat.text("hello? are you there?");
    assert!(chat.said.is_empty());
    assert_eq!(tries(&chat), 0);
    assert!(
        chat.acts()
            .iter()
            .any(|act| matches!(act, Action::KeepSpoken { .. }))
    );
    chat.deliver();
    chat.text("Amina\n34\nm\nKalehe");
    chat.heard("What is the trouble?");
}

#[test]
fn lateness_is_judged_clock_by_clock() {
    let base = UnixMs(1_795_168_800_000);
    type Case = (&'static str, i64, i64, Option<i64>, bool, bool);
    let cases: &[Case] = &[
        // name, received - at, stamped - at, stamp - at, trusted, early
        ("received before it left", -1, 0, None, true, true),
        (
            "received before we knew, stamped after its stamp",
            -1,
            2_000,
            Some(0),
            true,
            false,
        ),
        (
            "stamped well before its stamp",
            5_000,
            -2_000,
            Some(0),
            true,
            true,
        ),
        (
            "within a second of its stamp",
            5_000,
            -1_000,
            Some(0),
            true,
            false,
        ),
        (
            "no stamp, a minute of slack",
            5_000,
            -59_000,
            None,
            true,
            false,
        ),
        (
            "no stamp, more than a minute",
            5_000,
            -61_000,
            None,
            true,
            true,
        ),
        (
            "no stamp, our clock is not trusted",
            5_000,
            -61_000,
            None,
            false,
            false,
        ),
        ("later by both", 5_000, 5_000, Some(0), true, false),
    ];
    for (name, received, stamped, stamp, trusted, early) in cases {
        let mut chat = Chat::at_page_one();
        chat.now = Now {
            at: base.plus_ms(10_000),
            trusted: *trusted,
        };
        let sent = Event::QuestionSent {
            at: base,
            stamp: stamp.map(|ms| base.plus_ms(ms)),
        };
        let message = Event::Message(Received {
            inbox: InboxId(900),
            stamped: base.plus_ms(*stamped),
            received: base.plus_ms(*received),
            quotes_question: false,
            questions_since: None,
            about: None,
            other_account: false,
            content: text("Amina\n34\nm\nKalehe"),
        });
        chat.session.last_stamped = Some(base);
        chat.run(&[sent, message]);
        assert_eq!(chat.said.is_empty(), *early, "{name}: {}", chat.words());
    }
}

#[test]
fn a_quote_or_a_tap_of_the_open_question_is_never_early() {
    let mut chat = at_unsent_page();
    let Event::Message(mut message) = chat.text_event("Amina\n34\nm\nKalehe") else {
        unreachable!()
    };
    message.quotes_question = true;
    chat.run(&[Event::Message(message)]);
    chat.heard("What is the trouble?");
    let mut chat = Chat::new();
    chat.line_up = false;
    chat.text("hello").tap("en");
    chat.heard("Do you agree?");
}

#[test]
fn a_stale_tap_is_never_the_answer_to_a_newer_question() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    let agree = chat.choice_id("agree");
    chat.tap("agree");
    let me = chat.choice_id("me");
    chat.tap_id(&agree);
    chat.heard("belongs to an earlier question");
    chat.heard("Who is this for?");
    assert_eq!(chat.session.stage, Stage::Who);
    // Asked again as it was: the earlier button still counts.
    chat.tap_id(&me);
    chat.heard("Full name");
}

/// A tap on the button of the template that asks somebody to write again.
fn tap_reopen(chat: &mut Chat) {
    chat.tap_id(crate::core::outgoing::REOPEN_ID);
    assert!(
        !chat.words().contains("earlier question"),
        "{}",
        chat.words()
    );
}

#[test]
fn the_button_of_the_request_to_write_again_is_never_old() {
    // In the middle of a page, and before anything was answered.
    let mut chat = Chat::at_page_one();
    let open = chat.session.asked.as_ref().unwrap().token.clone();
    tap_reopen(&mut chat);
    chat.heard("Full name");
    assert_eq!(chat.session.asked.as_ref().unwrap().token, open);
    chat.text("Amina\n34\nm\nKalehe");
    chat.heard("What is the trouble?");
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    for silence in [0, 30 * HOUR_MS] {
        chat.wait(silence);
        tap_reopen(&mut chat);
        chat.heard("Do you agree?");
    }
    // With answers, after a silence: as after any message.
    let mut chat = Chat::at_review();
    chat.wait(30 * HOUR_MS);
    tap_reopen(&mut chat);
    assert_eq!(chat.session.overlay, Some(Overlay::Resume));
    tap_reopen(&mut chat);
    assert_eq!(chat.session.overlay, Some(Overlay::Resume));
    chat.tap("go_on");
    assert_eq!(chat.session.stage, Stage::Review);
}

#[test]
fn who_taps_to_go_on_gets_a_question_that_was_lost_and_none_that_comes_anyway() {
    let mut chat = at_unsent_page();
    chat.line_up = false;
    tap_reopen(&mut chat);
    assert!(chat.said.is_empty(), "it waits and leaves by itself");
    // Its window closed over it: it was dropped.
    chat.wait(30 * HOUR_MS);
    tap_reopen(&mut chat);
    assert!(chat.acts().contains(&Action::SupersedePrompts));
    assert!(!chat.said.is_empty());
    // One that left after the tap was written needs no other.
    let mut chat = Chat::at_page_one();
    let left = chat.now.at.plus_ms(HOUR_MS);
    chat.session.asked.as_mut().unwrap().sent = Some(Sent {
        at: left,
        stamp: Some(left),
    });
    tap_reopen(&mut chat);
    assert!(chat.said.is_empty());
}

#[test]
fn at_rest_the_button_only_asks_for_what_waits() {
    let mut chat = Chat::at_review();
    chat.tap("send");
    for silence in [0, 30 * HOUR_MS] {
        chat.wait(silence);
        tap_reopen(&mut chat);
        assert!(chat.said.is_empty());
        assert_eq!(chat.session.stage, Stage::Rest);
    }
}

#[test]
fn taps_of_an_earlier_episode_start_nothing_and_answer_nothing() {
    let mut chat = Chat::at_review();
    let send = chat.choice_id("send");
    chat.tap("send").wait(30 * HOUR_MS).tap_id(&send);
    chat.heard("Who is this for?");
    chat.tap_id(&send);
    assert_eq!(chat.session.stage, Stage::Who);
    chat.tap_id("q::").tap_id("q:x").tap_id("nonsense");
    assert_eq!(chat.session.stage, Stage::Who);
}

#[test]
fn a_lost_question_is_asked_again_after_a_silence() {
    let mut chat = at_unsent_page();
    chat.line_up = false;
    for _ in 0..5 {
        chat.wait(HOUR_MS + MINUTE_MS).text("hello?");
        if !chat.said.is_empty() {
            assert!(chat.acts().contains(&Action::SupersedePrompts));
            return;
        }
    }
    panic!("the conversation stands still");
}

#[test]
fn a_clock_that_was_ahead_does_not_silence_a_patient() {
    let mut chat = Chat::at_page_one();
    let ahead = chat.now.at.plus_ms(365 * 24 * HOUR_MS);
    chat.session.asked.as_mut().unwrap().sent = Some(Sent {
        at: ahead,
        stamp: None,
    });
    let mut answered = false;
    for _ in 0..4 {
        chat.text("Amina\n34\nm\nKalehe");
        answered |= chat.words().contains("What is the trouble?");
    }
    assert!(answered);
}

#[test]
fn a_flood_before_the_question_left_says_nothing() {
    let mut chat = at_unsent_page();
    chat.line_up = false;
    let events: Vec<Event> = (0..50)
        .map(|n| chat.text_event(&format!("hello {n}")))
        .collect();
    chat.run(&events);
    assert!(chat.said.is_empty());
}

fn edit(chat: &mut Chat, about: i64, words: &str) {
    let Event::Message(message) = chat.message(Content::Edit {
        original: "w".into(),
        content: Box::new(text(words)),
    }) else {
        unreachable!()
    };
    let about = Some(InboxId(about));
    chat.run(&[Event::Message(Received { about, ..message })]);
}

fn source(draft: Option<&Draft>, field: &str) -> i64 {
    draft.unwrap().answers.get(field).unwrap().from[0].0
}

#[test]
fn a_corrected_answer_is_read_again() {
    let mut chat = Chat::at_review();
    let about = source(chat.session.draft.as_ref(), "complaint");
    edit(&mut chat, about, "Pain in the hip\n2 days ago");
    chat.heard("hip");
    assert!(chat.tasks().is_empty());
    assert_eq!(chat.session.stage, Stage::Review);
}

#[test]
fn a_correction_nobody_understands_goes_to_staff() {
    let mut chat = Chat::at_review();
    let about = source(chat.session.draft.as_ref(), "patient_name");
    edit(&mut chat, about, "12");
    assert_eq!(chat.tasks(), ["answer_changed"]);
    chat.heard("Amina Juma");
}

#[test]
fn a_correction_after_the_receipt_is_a_new_version_and_a_task() {
    let mut chat = Chat::at_review();
    chat.tap("send");
    let id = chat.session.record_id().unwrap().clone();
    let about = source(chat.session.submitted.as_ref(), "complaint");
    edit(&mut chat, about, "Pain in the hip\n2 days ago");
    let record = chat.record().unwrap();
    assert_eq!((record.id, record.status), (id, RecordStatus::Complete));
    let hip = Value::Text {
        text: "Pain in the hip".into(),
    };
    assert_eq!(record.fields.get("complaint"), Some(&hip));
    assert_eq!(chat.tasks(), ["answer_changed"]);
    assert!(chat.said.is_empty());
}

#[test]
fn a_correction_of_an_unused_answer_is_a_new_answer() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\nold\nm\nKalehe");
    edit(&mut chat, 9_999, "34");
    chat.heard("What is the trouble?");
}

#[test]
fn a_deleted_answer_is_told_to_staff_and_stays() {
    let mut chat = Chat::at_review();
    let about = source(chat.session.draft.as_ref(), "complaint");
    let Event::Message(message) = chat.message(Content::Revoke {
        original: "w".into(),
    }) else {
        unreachable!()
    };
    let about = Some(InboxId(about));
    chat.run(&[Event::Message(Received { about, ..message })]);
    assert_eq!(chat.tasks(), ["answer_revoked"]);
    assert!(chat.said.is_empty());
    assert!(
        chat.session
            .draft
            .as_ref()
            .unwrap()
            .answers
            .contains_key("complaint")
    );
}

#[test]
fn a_changed_flow_goes_on_with_what_it_knows() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe");
    let source = chat
        .flow
        .source()
        .replacen("id = \"trouble\"", "id = \"problem\"", 1);
    chat.flow = Flow::parse(&source).unwrap();
    chat.run(&[Event::FlowChanged]);
    assert!(chat.said.is_empty());
    chat.text("hello");
    chat.heard("What is the trouble?");
    assert_eq!(
        chat.session.stage,
        Stage::Page {
            page: "problem".into()
        }
    );
}

#[test]
fn debug_prints_no_words() {
    let mut chat = Chat::at_review();
    let printed = format!("{:?}", chat.session);
    assert!(!printed.contains("Amina") && !printed.contains("knee") && !printed.contains("Kalehe"));
    chat.tap("send");
    let printed = format!("{:?}", chat.record());
    assert!(!printed.contains("Amina") && !printed.contains("knee") && !printed.contains("24397"));
}

#[test]
fn a_voice_note_deleted_at_once_leaves_nothing_to_do() {
    let mut chat = Chat::at_page_one();
    let voice = chat.message(media(MediaKind::Audio, None));
    let Event::Message(spoken) = &voice else {
        unreachable!()
    };
    let inbox = spoken.inbox;
    let Event::Message(message) = chat.message(Content::Revoke {
        original: "w".into(),
    }) else {
        unreachable!()
    };
    let about = Some(inbox);
    chat.run(&[voice, Event::Message(Received { about, ..message })]);
    assert!(chat.tasks().is_empty());
    assert!(chat.said.is_empty());
    assert_eq!(chat.acts(), [Action::Withdraw { inbox }]);
    assert!(chat.session.draft.as_ref().unwrap().left.is_empty());
}

#[test]
fn a_correction_of_one_message_of_several_changes_nothing_and_goes_to_staff() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe")
        .text("Pain in the knee\n3 days ago")
        .text("2");
    chat.clinic.patience_ms = 24_000;
    chat.text("penicillin").text("paracetamol").text("no");
    let before = chat.session.draft.clone().unwrap().answers;
    let about = before.get("allergies").unwrap().from[1].0;
    edit(&mut chat, about, "paracetamol 500mg");
    assert_eq!(chat.session.draft.as_ref().unwrap().answers, before);
    assert_eq!(chat.tasks(), ["answer_changed"]);
}

#[test]
fn what_the_former_patient_corrects_or_deletes_is_no_answer_of_the_next() {
    let mut chat = Chat::at_review();
    let about = source(chat.session.draft.as_ref(), "complaint");
    let former = chat.session.record_id().unwrap().clone();
    chat.tap("send").text("hello").tap("child");
    let of_former = |chat: &Chat| {
        let of_it = |effect: &&Effect| match effect {
            Effect::Task(task) => task.record() == Some(&former),
            _ => false,
        };
        chat.effects.iter().filter(of_it).count()
    };
    let before = chat.session.draft.clone().unwrap().answers;
    // The second one is nobody's answer.
    for (about, its) in [(about, 1), (2, 0)] {
        edit(&mut chat, about, "Baraka Juma\n3\nmale\nKalehe");
        assert_eq!(chat.session.draft.as_ref().unwrap().answers, before);
        assert_eq!(chat.tasks(), ["answer_changed"]);
        assert_eq!(of_former(&chat), its);
        assert!(!chat.session.draft.as_ref().unwrap().unread);
    }
    edit(&mut chat, about, "she cannot breathe");
    assert_eq!(chat.tasks(), ["danger_sign", "answer_changed"]);
    assert_eq!(of_former(&chat), 2);
    assert_eq!(chat.record(), None, "this patient is no more urgent");
    assert_eq!(chat.said[0].purpose, Purpose::Emergency);
    // Nor is anything told of this one any less.
    chat.text("he cannot breathe");
    assert_eq!(chat.tasks(), ["danger_sign"]);
    assert_eq!(chat.record().unwrap().triage, Triage::Urgent);
    assert_eq!(of_former(&chat), 0);
    let Event::Message(message) = chat.message(Content::Revoke {
        original: "w".into(),
    }) else {
        unreachable!()
    };
    let about = Some(InboxId(about));
    chat.run(&[Event::Message(Received { about, ..message })]);
    assert_eq!(chat.tasks(), ["answer_revoked"]);
    assert_eq!(of_former(&chat), 1);
    // What this patient wrote may still be put right.
    chat.text("Baraka\nold\nm\nKalehe");
    edit(&mut chat, 9_999, "3");
    chat.heard("What is the trouble?");
}

#[test]
fn what_was_given_up_is_corrected_in_no_other_record() {
    let mut chat = Chat::at_review();
    let former = source(chat.session.draft.as_ref(), "complaint");
    chat.tap("send").text("hello").tap("child");
    chat.text("Baraka Juma\n3\nmale\nKalehe");
    let given_up = chat.session.record_id().unwrap().clone();
    let about = source(chat.session.draft.as_ref(), "sex");
    chat.text("restart");
    let records = |chat: &Chat| -> Vec<Option<RecordId>> {
        let tasks = chat.effects.iter().filter_map(|effect| match effect {
            Effect::Task(task) => Some(task.record().cloned()),
            _ => None,
        });
        tasks.collect()
    };
    edit(&mut chat, about, "Baraka Amani\n3\nmale\nKalehe");
    assert_eq!(chat.tasks(), ["answer_changed"]);
    assert_eq!(records(&chat), [Some(given_up)]);
    edit(&mut chat, former, "Pain in the hip");
    assert_eq!(records(&chat), [None], "of none that is still known");
}

#[test]
fn what_belongs_to_a_former_record_reaches_staff_while_a_newer_text_is_asked() {
    let mut chat = Chat::at_review();
    let about = source(chat.session.draft.as_ref(), "complaint");
    chat.tap("send");
    chat.session.consent.as_mut().unwrap().version = "2020-01".into();
    chat.wait(HOUR_MS).text("hello");
    chat.heard("Do you agree?");
    edit(&mut chat, about, "Pain in the hip");
    assert_eq!(chat.tasks(), ["answer_changed"]);
}
