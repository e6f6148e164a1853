//! Danger signs, at any place and once.

use super::*;
use crate::core::answers::Value;

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
    for _ in 0..20 {
        chat.text(SIGN);
        assert_eq!(warnings(&chat), 0);
        assert!(chat.tasks().iter().all(|task| *task != "danger_sign"));
    }
}

fn warnings(chat: &Chat) -> usize {
    let emergency = |said: &&Outgoing| said.purpose == Purpose::Emergency;
    chat.said.iter().filter(emergency).count()
}

/// A conversation at each place where a cry answers nothing.
fn at_every_stage() -> Vec<(&'static str, Chat)> {
    let mut language = Chat::new();
    language.text("hello");
    let mut consent = Chat::new();
    consent.text("hello").tap("en");
    let mut who = Chat::new();
    who.text("hello").tap("en").tap("agree");
    let mut trouble = Chat::at_page_one();
    trouble
        .text("Amina Juma\n34\nfemale\nKalehe")
        .text("I am breathing very fast");
    let mut background = Chat::at_page_one();
    background
        .text("Amina Juma\n34\nfemale\nKalehe")
        .text("Pain in the knee\n3 days ago")
        .text("2");
    let mut correct = Chat::at_review();
    correct.tap("correct");
    let mut fix = Chat::at_review();
    fix.tap("correct").text("1");
    let mut deleting = Chat::at_page_one();
    deleting.text("delete my data");
    let mut other_language = Chat::at_page_one();
    other_language.text("language");
    vec![
        ("language", language),
        ("consent", consent),
        ("who", who),
        ("page one", Chat::at_page_one()),
        ("trouble", trouble),
        ("background", background),
        ("review", Chat::at_review()),
        ("correct", correct),
        ("fix", fix),
        ("deleting", deleting),
        ("other language", other_language),
    ]
}

#[test]
fn a_second_cry_is_never_met_with_silence() {
    let cries = [
        "my baby has convulsions",
        "please help he has convulsions",
        "yes he has convulsions",
        "my baby has convulsions",
        "he has convulsions!!",
    ];
    for (stage, mut chat) in at_every_stage() {
        for (nth, cry) in cries.iter().enumerate() {
            chat.text(cry);
            assert!(!chat.said.is_empty(), "{stage}: {cry}");
            assert_eq!(warnings(&chat), usize::from(nth == 0), "{stage}: {cry}");
        }
        let consented = ["language", "consent"].contains(&stage);
        assert_eq!(chat.session.consent.is_none(), consented, "{stage}");
        assert!(chat.session.submitted.is_none(), "{stage}");
    }
}

#[test]
fn a_cry_on_the_background_page_is_no_allergy_and_what_stands_beside_it_counts() {
    let background = || {
        let stages = at_every_stage().into_iter();
        let mut named = stages.filter(|(stage, _)| *stage == "background");
        named.next().unwrap().1
    };
    for cry in [
        "my baby is having convulsions",
        "help, my baby is having convulsions",
        "my baby is having convulsions\nhe is not breathing",
    ] {
        let mut chat = background();
        chat.text(cry);
        assert_eq!(warnings(&chat), 1, "{cry}");
        let answers = &chat.session.draft.as_ref().unwrap().answers;
        for field in ["allergies", "medications"] {
            assert!(!answers.contains_key(field), "{cry}: {field}");
        }
        chat.heard("llerg");
    }
    // What says which question it answers, or leaves no doubt, counts.
    for (text, fields) in [
        (
            "Medicines: phenobarbital for convulsions",
            &["medications"][..],
        ),
        ("I take phenobarbital for convulsions", &["medications"]),
        (
            "penicillin\nparacetamol\nno\nmy baby is having convulsions",
            &["allergies", "medications"],
        ),
    ] {
        let mut chat = background();
        chat.text(text);
        assert_eq!(warnings(&chat), 1, "{text}");
        let answers = &chat.session.draft.as_ref().unwrap().answers;
        for field in fields {
            assert!(answers.contains_key(*field), "{text}: {field}");
        }
    }
    let mut chat = background();
    chat.text("allergic to penicillin\nmy baby is having convulsions");
    assert_eq!(warnings(&chat), 1);
    let answers = &chat.session.draft.as_ref().unwrap().answers;
    assert!(answers.contains_key("allergies") && !answers.contains_key("medications"));
}

#[test]
fn calm_words_beside_a_cry_are_no_answers_without_one_that_has_a_shape() {
    let mut chat = Chat::at_page_one();
    chat.text("Baraka Juma\n34\nmale\nKalehe")
        .text("Pain in the knee\n3 days ago")
        .text("2");
    chat.text("please come quickly\nwe are at the church\nmy baby is not breathing");
    let answers = &chat.session.draft.as_ref().unwrap().answers;
    assert!(!answers.contains_key("allergies") && !answers.contains_key("medications"));
}

#[test]
fn a_medicine_against_a_danger_can_be_put_into_the_record() {
    let mut chat = Chat::at_review();
    chat.tap("correct").text("Medicines");
    chat.text("phenobarbital for convulsions");
    assert_eq!(warnings(&chat), 1);
    chat.heard("Medicines");
    chat.text("phenobarbital for convulsions");
    let told = chat
        .session
        .draft
        .as_ref()
        .unwrap()
        .answers
        .get("medications");
    let text = "phenobarbital for convulsions".into();
    assert_eq!(told.unwrap().value, Value::Text { text });
}

#[test]
fn a_new_patient_is_a_new_episode_after_restart() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe")
        .text("I am breathing very fast\ntoday")
        .text("restart")
        .text("my baby is not breathing");
    assert_eq!(warnings(&chat), 1);
    assert_eq!(chat.tasks(), ["danger_sign"]);
    chat.text("my baby is not breathing");
    assert_eq!(warnings(&chat), 0);
    assert!(!chat.said.is_empty());
}

#[test]
fn a_sign_after_nine_hours_warns_again() {
    let mut chat = Chat::at_page_one();
    chat.text(SIGN).wait(9 * HOUR_MS).text(SIGN);
    assert_eq!(warnings(&chat), 1);
    assert_eq!(chat.tasks(), ["danger_sign"]);
    chat.wait(31 * MINUTE_MS).text(SIGN);
    assert_eq!(warnings(&chat), 1);
}

#[test]
fn an_answer_is_not_warned_of_again_by_later_answers() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe")
        .text("chest pain\ntoday");
    assert_eq!(warnings(&chat), 1);
    chat.wait(HOUR_MS).text("2");
    assert_eq!(warnings(&chat), 0);
    chat.heard("Allergies");
}

#[test]
fn a_name_that_alarms_is_left_for_staff_after_three() {
    let mut chat = Chat::at_page_one();
    chat.text("34, f, Kalehe").text("Sumu Kifafa");
    assert_eq!(warnings(&chat), 1);
    for _ in 0..2 {
        chat.text("Sumu Kifafa");
        chat.heard("Full name");
    }
    chat.text("Sumu Kifafa");
    chat.heard("our staff will ask you about the rest");
    assert_eq!(chat.tasks(), ["unanswered_question"]);
    chat.heard("What is the trouble?");
}

#[test]
fn names_are_no_signs_where_a_name_is_asked_for() {
    for name in [
        "Violet Achieng",
        "Bahati Risasi",
        "Désiré Bahati",
        "Sandra Silva",
        "Plácido Infante",
        "Delia Brown",
        "Saint Joseph",
        "Viola Odette",
        "Innocent Clémence",
        "Dieumerci Sangara",
        "Consolata Neema",
        "Ana Pérez",
        "Fatuma Karama",
        "Habibu Hatibu",
    ] {
        let mut chat = Chat::at_page_one();
        chat.text(&format!("{name}, 34, f, Kalehe"));
        assert_eq!(warnings(&chat), 0, "{name}");
        let record = chat.record().unwrap();
        let text = crate::core::answers::Value::Text { text: name.into() };
        assert_eq!(record.fields.get("patient_name"), Some(&text), "{name}");
        let mut alone = Chat::at_page_one();
        alone.text("34, f, Kalehe").text(name);
        assert_eq!(warnings(&alone), 0, "{name}");
    }
    // What is written otherwise may be a cry, and so may what is no name.
    for cry in [
        "baby konvulsing",
        "Bahati amepigwa risasi",
        "Amina Juma, hapumui",
    ] {
        let mut chat = Chat::at_page_one();
        chat.text(cry);
        assert_eq!(warnings(&chat), 1, "{cry}");
    }
}

#[test]
fn a_line_that_answers_and_cries_is_warned_and_used() {
    for line in [
        "Amina Juma, 34, female, Goma, chest pain",
        "chest pain, Amina Juma, 34, female, Goma",
        "Amina Juma\n34\nfemale\nGoma\nshe has chest pain",
    ] {
        let mut chat = Chat::at_page_one();
        chat.text(line);
        assert_eq!(warnings(&chat), 1, "{line}");
        chat.heard("What is the trouble?");
        assert!(!chat.words().contains("Full name"), "{line}");
        let record = chat.record().unwrap();
        assert_eq!(record.triage, Triage::Urgent);
        for field in ["patient_name", "age_years", "sex", "locality"] {
            assert!(record.fields.contains_key(field), "{line}: {field}");
        }
        // Staff see the words that answered nothing.
        let kept = |act: &Action| matches!(act, Action::KeepSpoken { .. });
        assert!(chat.acts().iter().any(kept), "{line}");
    }
    // All in one run: what has a shape is taken, the rest is asked.
    let mut chat = Chat::at_page_one();
    chat.text("34 years female with chest pain");
    assert_eq!(warnings(&chat), 1);
    let record = chat.record().unwrap();
    assert!(record.fields.contains_key("age_years") && record.fields.contains_key("sex"));
    assert!(!record.fields.contains_key("patient_name"));
    chat.heard("Full name");
}

#[test]
fn a_number_or_a_shout_in_a_cry_is_no_answer() {
    for cry in [
        "bitten by a snake 2 hours ago",
        "help\nhe is not breathing\nplease come",
        "help, he is not breathing",
    ] {
        let mut chat = Chat::at_page_one();
        chat.text(cry);
        assert_eq!(warnings(&chat), 1, "{cry}");
        assert_eq!(
            chat.session.draft.as_ref().unwrap().answers.len(),
            1,
            "{cry}"
        );
        chat.heard("Full name");
    }
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

#[test]
fn a_danger_told_by_a_correction_or_at_another_question_makes_the_sent_record_urgent() {
    let mut edited = Chat::at_review();
    edited.tap("send").send(Content::Edit {
        original: "w".into(),
        content: Box::new(text(SIGN)),
    });
    let mut deleting = Chat::at_review();
    deleting.tap("send").text("delete my data").text(SIGN);
    for chat in [edited, deleting] {
        assert_eq!(warnings(&chat), 1);
        let record = chat.record().unwrap();
        let state = (record.status, record.triage);
        assert_eq!(state, (RecordStatus::Complete, Triage::Urgent));
    }
}
