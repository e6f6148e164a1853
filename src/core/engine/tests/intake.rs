//! Whole intakes, misreadings, review, households.

use super::*;
use crate::core::answers::Value;
use crate::core::limits;

/// What a person writes in each language: sex, none, no, greeting.
const PEOPLE: [(Lang, &str, &str, &str, &str); 5] = [
    (Lang::En, "female", "none", "no", "3 days ago"),
    (Lang::Fr, "féminin", "aucun", "non", "il y a 3 jours"),
    (
        Lang::Sw,
        "mwanamke",
        "hakuna",
        "hapana",
        "siku 3 zilizopita",
    ),
    (Lang::Es, "femenino", "ninguno", "no", "hace 3 días"),
    (Lang::Pt, "feminino", "nenhum", "não", "há 3 dias"),
];

fn pages(chat: &mut Chat, person: &(Lang, &str, &str, &str, &str), count: &mut usize) {
    let (_, sex, none, no, since) = person;
    // Swahili's "mwanamke" is read by the real reader; the letter f by any.
    let texts = [
        format!("Amina Juma\n34\n{sex}\nKalehe"),
        format!("knee\n{since}"),
        "2".to_owned(),
        format!("{none}\n{none}\n{no}"),
        "Juma +243970000001".to_owned(),
    ];
    for text in texts {
        chat.text(&text);
        *count += chat.said.len();
    }
}

#[test]
fn a_flawless_intake_by_taps_in_each_language() {
    for person in &PEOPLE {
        let mut chat = Chat::new();
        let mut count = 0;
        chat.text("hello");
        count += chat.said.len();
        for choice in [person.0.code(), "agree", "me"] {
            chat.tap(choice);
            count += chat.said.len();
        }
        pages(&mut chat, person, &mut count);
        assert_eq!(
            chat.session.stage,
            Stage::Review,
            "{}: {}",
            person.0,
            chat.words()
        );
        chat.tap("send");
        count += chat.said.len();
        let record = chat.record().unwrap();
        assert_eq!(record.status, RecordStatus::Complete);
        assert_eq!(record.language, person.0);
        assert_eq!(record.triage, Triage::None);
        chat.heard(record.id.as_str());
        assert_eq!(count, 10, "{}", person.0);
        assert!(count <= limits::INTAKE_MESSAGES_MAX);
        for field in [
            "patient_name",
            "age_years",
            "sex",
            "locality",
            "complaint",
            "onset",
            "symptoms",
            "allergies",
            "medications",
            "pregnant",
            "emergency_contact",
            "consent_at",
            "consent_version",
            "for_whom",
        ] {
            assert!(record.fields.contains_key(field), "{} {field}", person.0);
        }
    }
}

#[test]
fn a_flawless_intake_by_plain_text_in_each_language() {
    for (place, person) in PEOPLE.iter().enumerate() {
        let mut chat = Chat::new();
        let mut count = 0;
        for words in [
            "hello".to_owned(),
            (place + 1).to_string(),
            "1".into(),
            "2".into(),
        ] {
            chat.text(&words);
            count += chat.said.len();
        }
        pages(&mut chat, person, &mut count);
        chat.text("1");
        count += chat.said.len();
        let record = chat.record().unwrap();
        assert_eq!(record.status, RecordStatus::Complete, "{}", person.0);
        assert_eq!(
            record.fields.get("for_whom"),
            Some(&Value::One { id: "child".into() })
        );
        assert!(count <= limits::INTAKE_MESSAGES_MAX, "{count}");
    }
}

#[test]
fn what_names_its_question_is_filed_there_and_the_rest_is_asked() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe")
        .text("Pain in the knee\n3 days ago")
        .text("2")
        .text("I take no medicine");
    let told = |chat: &Chat, field: &str| {
        let draft = chat.session.draft.as_ref();
        draft.and_then(|draft| draft.answers.get(field).map(|answer| answer.value.clone()))
    };
    assert_eq!(told(&chat, "medications"), Some(Value::Nothing));
    assert_eq!(told(&chat, "allergies"), None);
    assert_eq!(told(&chat, "pregnant"), None);
    chat.heard("Allergies");
    chat.text("No, 5 months pregnant");
    assert_eq!(told(&chat, "allergies"), Some(Value::Nothing));
    assert_eq!(told(&chat, "pregnant"), Some(Value::YesNo { yes: true }));
}

#[test]
fn only_a_woman_of_childbearing_age_is_asked_about_pregnancy() {
    for (who, asked) in [
        ("34\nfemale", true),
        ("34\nmale", false),
        ("70\nfemale", false),
        ("8\nfemale", false),
    ] {
        let mut chat = Chat::at_page_one();
        chat.text(&format!("Amina\n{who}\nKalehe"))
            .text("knee\nyesterday")
            .text("2");
        assert_eq!(chat.words().contains("pregnant"), asked, "{who}");
    }
}

#[test]
fn only_what_was_misread_is_asked_again_and_in_one_message() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina 77\n34\nblue\nKalehe");
    assert_eq!(chat.said.len(), 1);
    chat.heard("A name in letters");
    chat.heard("Female, male or other");
    let words = chat.words();
    assert!(
        !words.contains("Date of birth") && !words.contains("Village") && !words.contains("77")
    );
    chat.text("Amina\nfemale");
    chat.heard("What is the trouble?");
}

#[test]
fn one_misread_choice_is_asked_again_with_buttons_and_their_numbers() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nblue\nKalehe");
    assert!(matches!(chat.said[0].body, Body::Buttons { .. }));
    chat.text("2");
    assert_eq!(
        chat.record().unwrap().fields.get("sex"),
        Some(&Value::One { id: "male".into() })
    );
}

#[test]
fn after_three_tries_a_question_is_left_for_staff_and_the_intake_goes_on() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\nold\nf\nKalehe");
    assert!(chat.tasks().is_empty());
    chat.text("very old");
    assert!(chat.tasks().is_empty());
    chat.text("I do not know");
    // The first answer brought something: leaving one out was no try.
    assert!(chat.tasks().is_empty());
    chat.text("no idea");
    assert_eq!(chat.tasks(), ["unanswered_question"]);
    chat.heard("our staff will ask");
    chat.heard("What is the trouble?");
    assert_eq!(
        chat.record().unwrap().fields.get("left_for_staff"),
        Some(&Value::Several {
            ids: vec!["birth_date".into()]
        })
    );
}

#[test]
fn one_line_after_the_other_is_no_failure() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina");
    // A lone word could be a name or a place: from here on one by one.
    chat.heard("Full name");
    assert!(!chat.words().contains("Village"));
    for line in ["Amina", "34", "f", "Kalehe"] {
        chat.text(line);
        assert!(chat.tasks().is_empty());
    }
    chat.heard("What is the trouble?");
    chat.heard("Since when?");
}

#[test]
fn who_is_asked_one_thing_may_answer_another_or_all() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina").text("34");
    chat.heard("Full name");
    assert!(chat.record().unwrap().fields.contains_key("age_years"));
    let mut chat = Chat::at_page_one();
    chat.text("Amina").text("Amina\n34\nf\nKalehe");
    chat.heard("What is the trouble?");
}

#[test]
fn messages_that_arrive_together_are_answered_together() {
    let mut chat = Chat::at_page_one();
    let events: Vec<Event> = ["Amina", "34", "f", "Kalehe"]
        .into_iter()
        .map(|line| chat.text_event(line))
        .collect();
    chat.run(&events);
    assert_eq!(chat.said.len(), 1);
    chat.heard("What is the trouble?");
}

#[test]
fn the_review_shows_the_answers_and_one_can_be_corrected() {
    let mut chat = Chat::at_review();
    for shown in [
        "Amina Juma",
        "34 years",
        "Female",
        "Kalehe",
        "Cough",
        "none",
    ] {
        chat.heard(shown);
    }
    chat.tap("correct");
    chat.heard("What would you like to correct?");
    chat.text("4");
    chat.heard("Village or part of town");
    chat.text("Bukavu");
    chat.heard("Bukavu");
    assert_eq!(chat.session.stage, Stage::Review);
    chat.text("yes");
    assert_eq!(chat.record().unwrap().status, RecordStatus::Complete);
}

#[test]
fn correcting_the_sex_asks_and_drops_what_depends_on_it() {
    let mut chat = Chat::at_review();
    chat.tap("correct").text("3").tap("male");
    assert_eq!(chat.session.stage, Stage::Review);
    assert!(!chat.words().contains("Pregnant"));
    chat.tap("send");
    assert!(!chat.record().unwrap().fields.contains_key("pregnant"));
}

#[test]
fn an_unclear_review_is_submitted_after_three_tries_and_told_to_staff() {
    let mut chat = Chat::at_review();
    chat.text("hmm").text("well");
    assert_eq!(chat.session.stage, Stage::Review);
    chat.text("perhaps");
    assert_eq!(chat.record().unwrap().status, RecordStatus::Complete);
    assert_eq!(chat.tasks(), ["read_conversation", "unanswered_question"]);
}

#[test]
fn a_household_shares_one_phone() {
    let mut chat = Chat::at_review();
    chat.tap("send");
    let first = chat.record().unwrap().id;
    assert_eq!(chat.session.draft, None);
    chat.wait(HOUR_MS).text("now for my son");
    chat.heard("Who is this for?");
    assert!(!chat.words().contains("Amina"));
    chat.tap("child").text("Juma\n5\nm\nKalehe");
    let second = chat.record().unwrap();
    assert_ne!(second.id, first);
    assert_eq!(chat.session.records.len(), 2);
    assert!(!format!("{second:?}").contains("Juma"));
}

#[test]
fn a_second_tap_on_send_says_nothing() {
    let mut chat = Chat::at_review();
    let send = chat.choice_id("send");
    chat.tap("send").tap_id(&send);
    assert!(chat.said.is_empty());
    assert_eq!(chat.record(), None);
}

#[test]
fn thanks_after_a_receipt_begin_nothing() {
    for thanks in [
        "Thank you!",
        "merci beaucoup",
        "Asante sana",
        "gracias",
        "ok",
        "🙏🙏",
    ] {
        let mut chat = Chat::at_review();
        chat.tap("send").text(thanks);
        assert!(chat.said.is_empty(), "{thanks}: {}", chat.words());
        assert_eq!(
            (chat.record(), chat.session.stage.clone()),
            (None, Stage::Rest)
        );
    }
    let mut chat = Chat::at_review();
    chat.tap("send").text("thank you, and my son is ill too");
    chat.heard("Who is this for?");
    assert_eq!(chat.record(), None);
    assert_eq!(chat.session.records.len(), 1);
}

#[test]
fn a_flawless_intake_in_words_in_each_language() {
    let spoken = [
        ("English", "yes", "my child", "send"),
        ("Français", "oui", "mon enfant", "envoyer"),
        ("Kiswahili", "ndiyo", "mtoto wangu", "tuma"),
        ("Español", "sí", "mi hijo", "enviar"),
        ("Português", "sim", "meu filho", "enviar"),
    ];
    for (person, (language, agree, who, send)) in PEOPLE.iter().zip(spoken) {
        let mut chat = Chat::new();
        let mut count = 0;
        for words in ["hello", language, agree, who] {
            chat.text(words);
            count += chat.said.len();
        }
        pages(&mut chat, person, &mut count);
        chat.text(send);
        count += chat.said.len();
        let record = chat.record().unwrap();
        assert_eq!(record.status, RecordStatus::Complete, "{language}");
        assert_eq!(record.language, person.0);
        assert!(count <= limits::INTAKE_MESSAGES_MAX, "{count}");
    }
}

#[test]
fn voice_is_never_an_empty_answer() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe").voice();
    assert_eq!(chat.tasks(), ["listen_to_voice"]);
    assert!(
        chat.acts()
            .iter()
            .any(|act| matches!(act, Action::KeepSpoken { .. }))
    );
    chat.heard("kept it for our staff");
    chat.heard("Which of these are there?");
    let left = Value::Several {
        ids: vec!["complaint".into(), "onset".into()],
    };
    assert_eq!(
        chat.record().unwrap().fields.get("left_for_staff"),
        Some(&left)
    );
}

#[test]
fn a_photo_with_words_is_read_and_kept() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe");
    chat.send(media(
        MediaKind::Image,
        Some("a rash on the arm\n2 days ago"),
    ));
    assert_eq!(chat.tasks(), ["look_at_attachment"]);
    assert!(chat.record().unwrap().fields.contains_key("complaint"));
    chat.heard("Which of these are there?");
}

#[test]
fn a_place_answers_where_they_live() {
    let mut chat = Chat::at_page_one();
    chat.send(Content::Location {
        latitude: -2.1,
        longitude: 28.9,
        name: Some("Kalehe".into()),
        address: None,
    });
    assert!(chat.record().unwrap().fields.contains_key("locality"));
    chat.heard("Full name");
    assert!(!chat.words().contains("Village"));
}

#[test]
fn a_card_answers_whom_to_call() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe")
        .text("knee\ntoday")
        .text("none")
        .text("none\nnone");
    chat.send(Content::Contacts {
        names: vec!["Juma".into()],
        own_number: None,
    });
    assert_eq!(chat.session.stage, Stage::Review);
    assert_eq!(chat.tasks(), ["look_at_attachment"]);
}

#[test]
fn a_place_or_a_card_answers_only_what_is_asked() {
    let place = || Content::Location {
        latitude: -2.1,
        longitude: 28.9,
        name: Some("Kalehe".into()),
        address: None,
    };
    let card = || Content::Contacts {
        names: vec!["Juma".into()],
        own_number: None,
    };
    let mut chat = Chat::at_page_one();
    chat.send(card());
    assert!(
        !chat
            .session
            .draft
            .clone()
            .unwrap()
            .answers
            .contains_key("emergency_contact")
    );
    assert_eq!(chat.tasks(), ["look_at_attachment"]);
    chat.heard("Full name");
    chat.text("Amina\n34\nm\nsomewhere");
    chat.send(place());
    let answers = chat.session.draft.clone().unwrap().answers;
    let from = format!("{:?}", answers["locality"].value.clone());
    chat.send(place());
    let after = format!(
        "{:?}",
        chat.session.draft.clone().unwrap().answers["locality"].value
    );
    assert_eq!(from, after);
}

#[test]
fn the_senders_own_number_is_nobody_to_call() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe")
        .text("knee\ntoday")
        .text("none")
        .text("none\nnone");
    chat.heard("call");
    let before = chat.session.draft.clone().unwrap().answers;
    chat.send(Content::Contacts {
        names: vec!["Amina".into()],
        own_number: Some("243970000001".into()),
    });
    assert_eq!(chat.session.draft.clone().unwrap().answers, before);
    assert_eq!(chat.tasks(), Vec::<&str>::new());
    chat.heard("call");
}

#[test]
fn a_form_is_read_by_field() {
    let mut chat = Chat::at_page_one();
    chat.send(Content::Form {
        response_json:
            r#"{"patient_name":"Amina","birth_date":34,"sex":"f","locality":"Kalehe","other":[1]}"#
                .into(),
    });
    chat.heard("What is the trouble?");
    chat.send(Content::Form {
        response_json: "[".into(),
    });
    chat.heard("I cannot read this kind of message");
}

#[test]
fn a_sticker_and_an_unknown_kind_get_kind_words() {
    for content in [
        media(MediaKind::Sticker, None),
        Content::Unsupported {
            what: "poll".into(),
        },
    ] {
        let mut chat = Chat::at_page_one();
        chat.send(content);
        chat.heard("I cannot read this kind of message");
        chat.heard("Full name");
        assert_eq!(chat.said.len(), 1);
    }
}

#[test]
fn a_reaction_is_no_answer_and_no_consent() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    let before = chat.session.clone();
    chat.send(Content::Reaction {
        target: "x".into(),
        emoji: Some("👍".into()),
    });
    assert!(chat.effects.is_empty());
    assert_eq!(chat.session, before);
}

#[test]
fn a_clinic_of_one_language_does_not_ask_for_it() {
    let mut chat = Chat::new();
    chat.clinic.languages = vec![Lang::Fr];
    chat.text("bonjour");
    chat.heard("Êtes-vous d'accord ?");
}
