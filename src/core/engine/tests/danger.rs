//! Danger signs, at any place and once.

use super::*;

const SIGN: &str = "he is not breathing";

#[test]
fn before_a_language_is_chosen_it_is_told_in_all_of_them() {
    let mut chat = Chat::new();
    chat.text(SIGN);
    assert_eq!(chat.said[0].purpose, Purpose::Emergency);
    let text = chat.said[0].body.plain_text();
    for part in [
        "Call 112 now",
        "Appelez le 112",
        "Piga simu 112",
        "Llame al 112",
        "Ligue para 112",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(chat.tasks(), ["danger_sign"]);
    assert_eq!(chat.record(), None);
    assert!(chat.acts().contains(&Action::SupersedePrompts));
    // The intake goes on behind it.
    assert_eq!(chat.said.len(), 2);
    chat.heard("Please choose your language");
}

#[test]
fn a_sign_before_consent_makes_the_later_record_urgent() {
    let mut chat = Chat::new();
    chat.text(SIGN).tap("en").tap("agree");
    assert_eq!(chat.record().unwrap().triage, Triage::Urgent);
}

#[test]
fn in_an_answer_it_is_told_at_once_and_the_answer_is_used() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe")
        .text(&format!("{SIGN}\ntoday"));
    assert_eq!(chat.said[0].purpose, Purpose::Emergency);
    assert_eq!(chat.said.len(), 2);
    chat.heard("Which of these are there?");
    let record = chat.record().unwrap();
    assert_eq!(record.triage, Triage::Urgent);
    assert!(chat.effects.contains(&Effect::Flag {
        reason: FlagReason::DangerSign
    }));
    let Some(Effect::Task(task)) = chat.effects.iter().find(|e| matches!(e, Effect::Task(_)))
    else {
        panic!("no task");
    };
    assert_eq!(task.record(), Some(&record.id));
}

#[test]
fn a_cry_for_help_is_nobodys_name_and_no_try() {
    let mut chat = Chat::at_page_one();
    chat.text(SIGN);
    chat.heard("Full name");
    let draft = chat.session.draft.as_ref().unwrap();
    assert!(draft.answers.len() == 1 && draft.tries.is_empty());
    chat.text("Amina\n34\nm\nKalehe");
    chat.heard("What is the trouble?");
}

#[test]
fn a_flood_is_warned_once() {
    let mut chat = Chat::at_page_one();
    chat.text(SIGN);
    let mut warned = 0;
    for _ in 0..20 {
        chat.text(SIGN);
        warned += chat
            .said
            .iter()
            .filter(|s| s.purpose == Purpose::Emergency)
            .count();
        assert!(chat.tasks().iter().all(|task| *task != "danger_sign"));
    }
    assert_eq!(warned, 0);
}

#[test]
fn a_new_intake_is_a_new_episode() {
    let mut chat = Chat::at_review();
    chat.text(SIGN).tap("send").wait(HOUR_MS).text(SIGN);
    assert_eq!(chat.said[0].purpose, Purpose::Emergency);
    assert_eq!(chat.record().unwrap().triage, Triage::Urgent);
}

#[test]
fn early_idle_refused_and_edited_words_are_searched_too() {
    let mut early = Chat::at_page_one();
    early.session.asked.as_mut().unwrap().sent = None;
    let mut idle = Chat::at_review();
    idle.wait(9 * HOUR_MS);
    let mut refused = Chat::new();
    refused.text("hi").tap("en").tap("refuse");
    for mut chat in [early, idle, refused] {
        chat.text(SIGN);
        assert_eq!(chat.said[0].purpose, Purpose::Emergency);
    }
    let mut edited = Chat::at_page_one();
    edited.send(Content::Edit {
        original: "w".into(),
        content: Box::new(text(SIGN)),
    });
    assert_eq!(edited.said[0].purpose, Purpose::Emergency);
}

#[test]
fn a_restart_does_not_make_it_look_harmless() {
    let mut chat = Chat::at_review();
    chat.text(SIGN).text("restart");
    assert_eq!(chat.record().unwrap().triage, Triage::Urgent);
    assert!(chat.said.iter().all(|s| s.purpose != Purpose::Emergency));
}

#[test]
fn a_stopped_patient_is_still_warned() {
    let mut chat = Chat::at_page_one();
    chat.text("stop").text(SIGN);
    assert_eq!(chat.said[0].purpose, Purpose::Emergency);
}
