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
fn one_answer_after_the_other_fills_the_background() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe")
        .text("Pain in the knee\n3 days ago")
        .text("2")
        .text("none");
    let told = |chat: &Chat, field: &str| {
        let draft = chat.session.draft.as_ref();
        draft.and_then(|draft| draft.answers.get(field).map(|answer| answer.value.clone()))
    };
    assert_eq!(told(&chat, "allergies"), Some(Value::Nothing));
    assert_eq!(told(&chat, "medications"), None);
    chat.text("coartem and paracetamol").text("no");
    let medicines = Value::Text {
        text: "coartem and paracetamol".into(),
    };
    assert_eq!(told(&chat, "medications"), Some(medicines));
    assert_eq!(told(&chat, "pregnant"), Some(Value::YesNo { yes: false }));
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe")
        .text("Pain in the knee\n3 days ago")
        .text("2")
        .text("penicillin")
        .text("paracetamol");
    let text = |text: &str| Some(Value::Text { text: text.into() });
    assert_eq!(told(&chat, "allergies"), text("penicillin"));
    assert_eq!(told(&chat, "medications"), text("paracetamol"));
}

#[test]
fn who_answers_each_page_with_one_word_gets_few_messages() {
    for (_, sex, none, no, since) in PEOPLE {
        let mut chat = Chat::new();
        let mut count = 0;
        let words = [
            "hello".to_owned(),
            PEOPLE
                .iter()
                .position(|p| p.1 == sex)
                .map_or(0, |at| at + 1)
                .to_string(),
            "1".into(),
            "1".into(),
            format!("Amina Juma\n34\n{sex}\nKalehe"),
            format!("knee\n{since}"),
            none.into(),
            none.into(),
            none.into(),
            no.into(),
            none.into(),
            "1".into(),
        ];
        for text in words {
            chat.text(&text);
            count += chat.said.len();
        }
        assert_eq!(
            chat.record().unwrap().status,
            RecordStatus::Complete,
            "{sex}"
        );
        assert!(count <= limits::INTAKE_MESSAGES_MAX, "{sex}: {count}");
    }
}

#[test]
fn an_infants_age_is_kept_in_weeks_and_days() {
    for (age, shown, month) in [
        ("3 weeks", "3 weeks", Some("2026-10")),
        ("5 days", "5 days", Some("2026-11")),
        ("1 day", "1 day", Some("2026-11")),
        ("7 months", "7 months", Some("2026-04")),
        ("2 years and 1 month", "2 years, 1 month", Some("2024-10")),
        ("2 years", "2 years", None),
    ] {
        let mut chat = Chat::at_page_one();
        chat.text(&format!("Baby Amina\n{age}\nf\nKalehe"))
            .text("cough\nyesterday")
            .text("2")
            .text("none\nnone")
            .text("none");
        chat.heard(&format!(": {shown}\n"));
        chat.text("1");
        let record = chat.record().unwrap();
        let birth = month.map(|date| Value::PartialDate { date: date.into() });
        assert_eq!(record.fields.get("birth_date"), birth.as_ref(), "{age}");
        let years = record.fields.get("age_years");
        assert!(matches!(years, Some(Value::Age { .. })), "{age}");
    }
}

#[test]
fn one_of_a_thing_is_not_said_as_several() {
    let ones = ["1 year", "1 an", "mwaka 1", "1 año", "1 ano"];
    let many = ["1 years", "1 ans", "miaka 1", "1 años", "1 anos"];
    let told = ["1 year", "1 an", "mwaka 1", "1 año", "1 ano"];
    for (place, (person, age)) in PEOPLE.iter().zip(told).enumerate() {
        let (_, sex, none, _, since) = person;
        let mut chat = Chat::new();
        chat.text("hello")
            .tap(person.0.code())
            .tap("agree")
            .tap("me");
        chat.text(&format!("Amina Juma\n{age}\n{sex}\nKalehe"))
            .text(&format!("knee\n{since}"))
            .text("2")
            .text(&format!("{none}\n{none}"))
            .text("Juma +243970000001");
        chat.heard(ones[place]);
        assert!(!chat.words().contains(many[place]), "{}", chat.words());
    }
}

#[test]
fn a_word_of_a_label_says_what_to_correct() {
    for (place, words) in [
        &["age", "the age", "birth"][..],
        &["l'âge", "âge", "le nom et l'âge", "naissance"],
        &["umri", "kuzaliwa"],
        &["la edad", "edad"],
        &["idade", "a idade"],
    ]
    .into_iter()
    .enumerate()
    {
        for said in words {
            let mut chat = Chat::at_review();
            chat.session.language = Some(PEOPLE[place].0);
            chat.tap("correct").text(said);
            let field = if said.contains("nom") {
                "patient_name"
            } else {
                "birth_date"
            };
            let stage = Stage::Fix {
                field: field.into(),
            };
            assert_eq!(chat.session.stage, stage, "{said}");
        }
    }
    let mut chat = Chat::at_review();
    chat.tap("correct").text("all");
    assert_eq!(chat.session.stage, Stage::Correct);
}

#[test]
fn words_beside_the_time_join_the_trouble() {
    let complaint = |chat: &Chat| {
        let draft = chat.session.draft.clone().unwrap();
        draft.answers["complaint"].value.clone()
    };
    let text = |text: &str| Value::Text { text: text.into() };
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe").text("knee pain");
    chat.heard("Since when?");
    chat.text("headache since 3 days");
    assert_eq!(complaint(&chat), text("knee pain, headache"));
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nm\nKalehe")
        .text("headache")
        .text("3 days ago");
    assert_eq!(complaint(&chat), text("headache"));
}

#[test]
fn nothing_begins_before_the_patient_was_born() {
    for (age, since, kept) in [
        ("72", "72 years", false),
        ("72", "3 years ago", true),
        ("15/3/2020", "since 2018", false),
        ("5 days", "for 5 days", true),
        ("5 days", "for 3 months", false),
    ] {
        let mut chat = Chat::at_page_one();
        chat.text(&format!("Amina\n{age}\nm\nKalehe"))
            .text(&format!("cough\n{since}"));
        let answers = chat.session.draft.clone().unwrap().answers;
        assert_eq!(answers.contains_key("onset"), kept, "{age}, {since}");
    }
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
    // A line for each question: the one that cannot be read was an answer.
    chat.text("Amina\nold\nf\nKalehe");
    chat.heard("I did not understand: Date of birth");
    assert!(chat.tasks().is_empty());
    chat.text("very old");
    chat.heard("I did not understand: Date of birth");
    assert!(chat.tasks().is_empty());
    chat.text("I do not know");
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
fn what_was_left_out_was_no_try() {
    let mut chat = Chat::at_page_one();
    chat.text("Name: Amina\nf\nVillage: Kalehe");
    chat.heard("I still need this");
    assert!(!chat.words().contains("I did not understand"));
    chat.text("old").text("very old");
    assert!(chat.tasks().is_empty());
    chat.text("no idea");
    assert_eq!(chat.tasks(), ["unanswered_question"]);
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
        phones: Vec::new(),
        own_number: None,
    });
    assert_eq!(chat.session.stage, Stage::Review);
    assert_eq!(chat.tasks(), ["look_at_attachment"]);
}

#[test]
fn the_number_on_a_card_is_kept_with_the_name() {
    let person = |names: &[&str], phones: &[&str]| {
        let mut chat = Chat::at_page_one();
        chat.text("Amina\n34\nm\nKalehe")
            .text("knee\ntoday")
            .text("none")
            .text("none\nnone");
        let words = |all: &[&str]| all.iter().map(|one| (*one).into()).collect();
        chat.send(Content::Contacts {
            names: words(names),
            phones: words(phones),
            own_number: None,
        });
        assert_eq!(chat.session.stage, Stage::Review);
        let answers = chat.session.draft.clone().unwrap().answers;
        let value = answers["emergency_contact"].value.clone();
        (value, chat)
    };
    let called = |name: Option<&str>, phone: &str| Value::Contact {
        name: name.map(Into::into),
        phone: phone.into(),
    };
    // A number as it is written at home, a whole one, and a card of a number.
    for (name, phone, kept) in [
        (
            "Peter Banda",
            "0812345678",
            called(Some("Peter Banda"), "243812345678"),
        ),
        (
            "Mama 2",
            "+243 812 345 678",
            called(Some("Mama 2"), "243812345678"),
        ),
        ("", "+254712345678", called(None, "254712345678")),
    ] {
        let (value, chat) = person(&[name], &[phone]);
        assert_eq!(value, kept, "{name}");
        assert_eq!(chat.tasks(), Vec::<&str>::new(), "{name}");
        chat.heard(if name.is_empty() {
            "+254712345678"
        } else {
            "+243812345678"
        });
    }
    // What cannot be called stays in sight, and so does a second card.
    let (value, chat) = person(&["Peter"], &["ext. 123"]);
    assert_eq!(
        value,
        Value::Text {
            text: "Peter ext. 123".into()
        }
    );
    assert_eq!(chat.tasks(), ["look_at_attachment"]);
    let (value, chat) = person(&["Peter", "Grace"], &["0812345678", "0812345679"]);
    assert_eq!(value, called(Some("Peter"), "243812345678"));
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
        phones: Vec::new(),
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
        phones: vec!["+243970000001".into()],
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
