//! Consent, refusal, commands at any step, silence.

use super::*;
use crate::core::inbound::SystemChange;
use crate::core::time::DAY_MS;

/// A chat at each step, by name.
fn everywhere() -> Vec<(&'static str, Chat)> {
    let mut language = Chat::new();
    language.text("hello");
    let mut consent = Chat::new();
    consent.text("hello").tap("en");
    let mut who = Chat::new();
    who.text("hello").tap("en").tap("agree");
    let mut later = Chat::at_page_one();
    later.text("Amina\n34\nf\nKalehe");
    let mut correct = Chat::at_review();
    correct.tap("correct");
    let mut fix = Chat::at_review();
    fix.tap("correct").text("1");
    let mut resume = Chat::at_review();
    resume.wait(3 * HOUR_MS).text("hello");
    let mut done = Chat::at_review();
    done.tap("send");
    vec![
        ("language", language),
        ("consent", consent),
        ("who", who),
        ("page", later),
        ("review", Chat::at_review()),
        ("correct", correct),
        ("fix", fix),
        ("resume", resume),
        ("done", done),
    ]
}

#[test]
fn every_command_is_answered_at_every_step() {
    let commands = [
        ("help", "You can write: back"),
        ("stop", "we will not write any more"),
        ("restart", ""),
        ("language", "Please choose your language"),
        ("my data", "Kalehe Health Post keeps"),
        ("delete my data", "cannot be undone"),
        ("back", ""),
    ];
    for (command, says) in commands {
        for (place, mut chat) in everywhere() {
            chat.text(command);
            assert!(
                chat.words().contains(says) && !chat.said.is_empty(),
                "{command} at {place}: {}",
                chat.words()
            );
            assert!(chat.said.len() <= 2, "{command} at {place}");
        }
    }
}

#[test]
fn no_question_before_consent_makes_a_record() {
    let mut chat = Chat::new();
    for _ in 0..2 {
        chat.text("my knee hurts");
        assert_eq!(chat.record(), None);
    }
    chat.tap("en");
    assert_eq!(chat.record(), None);
    chat.tap("agree");
    let record = chat.record().unwrap();
    assert_eq!(record.status, RecordStatus::InProgress);
    assert!(record.fields.contains_key("consent_at"));
    assert!(
        chat.acts()
            .iter()
            .any(|act| matches!(act, Action::NoteConsent { given: true, .. }))
    );
    assert!(chat.effects.contains(&Effect::CancelTimer {
        kind: TimerKind::EraseUnconsented
    }));
}

#[test]
fn first_words_start_the_clock_of_a_day() {
    let mut chat = Chat::new();
    let at = chat.now.at.plus_ms(DAY_MS);
    chat.text("hello");
    let timer = Effect::SetTimer {
        kind: TimerKind::EraseUnconsented,
        at,
    };
    assert!(chat.effects.contains(&timer));
    chat.text("hello?");
    assert!(!chat.effects.contains(&timer));
}

#[test]
fn a_refusal_keeps_the_fact_and_words_go_after_a_day() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en").tap("refuse");
    assert!(
        chat.acts()
            .iter()
            .any(|act| matches!(act, Action::NoteConsent { given: false, .. }))
    );
    assert!(chat.session.refusal.is_some());
    assert_eq!((chat.record(), chat.session.draft.clone()), (None, None));
    chat.heard("That is all right");
    chat.wait(DAY_MS)
        .run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert_eq!(chat.acts(), [Action::EraseWords]);
    assert!(chat.said.is_empty());
}

#[test]
fn an_early_timer_waits_and_an_untrusted_clock_erases_nothing() {
    let mut chat = Chat::new();
    chat.text("hello");
    chat.run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert!(chat.acts().is_empty());
    assert!(matches!(chat.effects[..], [Effect::SetTimer { .. }]));
    chat.now.trusted = false;
    chat.wait(3 * DAY_MS)
        .run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert!(chat.acts().is_empty());
    // The clock is right again: the day begins where it can be counted.
    chat.now.trusted = true;
    chat.run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert!(chat.acts().is_empty());
    chat.wait(DAY_MS)
        .run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert_eq!(chat.acts(), [Action::EraseWords]);
}

#[test]
fn a_clock_set_back_keeps_words_no_longer_than_another_day() {
    let mut chat = Chat::new();
    chat.wait(10 * DAY_MS).text("hello");
    // It was ten days ahead.
    chat.wait(-10 * DAY_MS);
    let due = chat.now.at.plus_ms(DAY_MS);
    chat.run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    let timer = Effect::SetTimer {
        kind: TimerKind::EraseUnconsented,
        at: due,
    };
    assert_eq!(chat.effects, [timer]);
    chat.wait(DAY_MS)
        .run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert_eq!(chat.acts(), [Action::EraseWords]);
}

#[test]
fn consent_within_the_day_keeps_the_words() {
    let mut chat = Chat::new();
    chat.text("hello")
        .tap("en")
        .tap("refuse")
        .wait(HOUR_MS)
        .text("I changed my mind");
    chat.tap("agree");
    chat.wait(2 * DAY_MS)
        .run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert!(chat.acts().is_empty());
}

#[test]
fn neither_yes_nor_no_is_no_consent_and_no_loop() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en").text("what?").text("hm");
    chat.heard("Please tap one of the choices");
    chat.text("eh");
    chat.heard("I keep nothing");
    assert_eq!(
        (chat.session.stage.clone(), chat.record()),
        (Stage::Rest, None)
    );
}

#[test]
fn an_older_consent_text_is_asked_for_again() {
    let mut chat = Chat::at_review();
    chat.tap("send");
    chat.session.consent.as_mut().unwrap().version = "2020-01".into();
    chat.wait(HOUR_MS).text("hello");
    chat.heard("Do you agree?");
}

#[test]
fn what_was_said_under_a_former_consent_text_outlives_the_refusal_of_a_newer_one() {
    // However the new intake begins, a tap on an old button long afterwards among
    // it.
    for words in ["hello", "restart", ""] {
        refuse_a_newer_text(words);
    }
}

fn refuse_a_newer_text(words: &str) {
    let mut chat = Chat::at_review();
    let old = chat.choice_id("send");
    chat.tap("send");
    chat.session.consent.as_mut().unwrap().version = "2020-01".into();
    chat.wait(DAY_MS);
    let begins = if words.is_empty() {
        chat.message(Content::Choice {
            id: old,
            title: "x".into(),
        })
    } else {
        chat.text_event(words)
    };
    let Event::Message(Received { inbox, .. }) = &begins else {
        panic!("a message")
    };
    let first = *inbox;
    chat.run(&[begins]);
    chat.heard("Do you agree?");
    chat.tap("refuse");
    assert_eq!(chat.session.consent, None);
    assert_eq!(chat.session.beyond_consent, Some(first));
    assert!(chat.session.unconsented.is_some(), "a day to think it over");
    chat.wait(DAY_MS)
        .run(&[Event::Timer(TimerKind::EraseUnconsented)]);
    assert_eq!(chat.acts(), [Action::EraseWords]);
    assert_eq!(chat.session.beyond_consent, Some(first));
    chat.text("I changed my mind").tap("agree");
    assert_eq!(chat.session.beyond_consent, None);
}

#[test]
fn a_cry_beside_a_confirmed_deletion_keeps_its_task() {
    let mut chat = Chat::at_review();
    chat.text("delete my data");
    let yes = chat.choice_id("delete");
    let yes = chat.message(Content::Choice {
        id: yes,
        title: "x".into(),
    });
    let cry = chat.text_event("my baby is not breathing");
    chat.run(&[yes, cry]);
    assert_eq!(
        chat.effects.first(),
        Some(&Effect::Act(Action::EraseContact))
    );
    assert_eq!(chat.tasks(), ["danger_sign"]);
}

#[test]
fn a_yes_beside_a_cry_deletes_nothing() {
    // One in the words of a patient before is one, too.
    let mut chat = Chat::at_review();
    let source = chat.session.draft.as_ref().unwrap().answers["complaint"].from[0];
    chat.tap("send").text("hello").text("delete my data");
    let yes = Content::Choice {
        id: chat.choice_id("delete"),
        title: "x".into(),
    };
    let yes = chat.message(yes);
    let Event::Message(edit) = chat.message(Content::Edit {
        original: "w".into(),
        content: Box::new(text("she cannot breathe")),
    }) else {
        panic!("a message")
    };
    let edit = Event::Message(Received {
        about: Some(source),
        ..edit
    });
    chat.run(&[edit, yes]);
    assert!(!chat.acts().contains(&Action::EraseContact));
    assert_eq!(chat.tasks(), ["danger_sign", "answer_changed"]);
    // A second cry brings no second emergency text, and is one all the same.
    let mut chat = Chat::at_review();
    chat.text("my baby is not breathing").text("delete my data");
    let yes = chat.text_event("Yes, delete");
    let cry = chat.text_event("my baby is not breathing");
    chat.run(&[yes, cry]);
    assert!(!chat.acts().contains(&Action::EraseContact));
    for first in ["my baby is not breathing", "Yes, delete"] {
        let mut chat = Chat::at_review();
        chat.text("delete my data");
        let cry = chat.text_event("my baby is not breathing");
        let yes = chat.text_event("Yes, delete");
        let both = if first.starts_with("my") {
            [cry, yes]
        } else {
            [yes, cry]
        };
        chat.run(&both);
        assert!(!chat.acts().contains(&Action::EraseContact), "{first}");
        assert_eq!(chat.tasks(), ["danger_sign"], "{first}");
        assert_eq!(chat.said[0].purpose, Purpose::Emergency, "{first}");
    }
}

#[test]
fn words_that_came_together_are_without_consent_together() {
    let mut chat = Chat::at_review();
    chat.tap("send");
    chat.session.consent.as_mut().unwrap().version = "2020-01".into();
    chat.wait(DAY_MS);
    let (earlier, later) = (chat.text_event("good morning"), chat.text_event("hello"));
    let Event::Message(Received { inbox, .. }) = &earlier else {
        panic!("a message")
    };
    let first = *inbox;
    chat.run(&[later, earlier]);
    assert_eq!(chat.session.beyond_consent, Some(first));
}

#[test]
fn an_answer_with_an_earlier_row_than_the_greeting_is_the_present_intakes() {
    let mut chat = Chat::at_review();
    chat.tap("send").wait(HOUR_MS);
    let (child, hello) = (chat.text_event("my child"), chat.text_event("hello"));
    let Event::Message(Received { inbox, .. }) = &child else {
        panic!("a message")
    };
    let about = Some(*inbox);
    chat.run(&[hello]).run(&[child]);
    assert!(matches!(chat.session.stage, Stage::Page { .. }));
    let Event::Message(message) = chat.message(Content::Edit {
        original: "w".into(),
        content: Box::new(text("for me")),
    }) else {
        panic!("a message")
    };
    chat.run(&[Event::Message(Received { about, ..message })]);
    let present = chat.session.record_id().unwrap();
    let of_it = |effect: &Effect| match effect {
        Effect::Task(task) => task.record() == Some(present),
        _ => false,
    };
    assert!(chat.effects.iter().any(of_it), "{:?}", chat.tasks());
}

#[test]
fn an_old_consent_button_counts_only_for_the_same_text() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    let old = chat.choice_id("agree");
    let newer = old.replace(chat.flow.consent_version(), "2031-01");
    chat.tap("refuse").wait(21 * DAY_MS).text("hello again");
    chat.heard("Do you agree?");
    chat.tap_id(&newer);
    assert_eq!(chat.session.consent, None);
    chat.tap_id(&old);
    assert!(chat.session.consent.is_some());
    chat.heard("Who is this for?");
}

#[test]
fn back_goes_one_question_back() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nf\nKalehe").text("back");
    chat.heard("Full name");
    chat.text("back");
    chat.heard("Who is this for?");
    chat.text("back");
    chat.heard("no question before");
    let mut chat = Chat::at_review();
    chat.text("back");
    chat.heard("Whom may we call");
}

fn answered(chat: &Chat, field: &str) -> bool {
    let draft = chat.session.draft.as_ref().unwrap();
    draft.answers.contains_key(field)
}

#[test]
fn back_on_a_page_that_holds_answers_asks_that_page_anew() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Hassan, 34, F, Goma").text("headache");
    assert!(answered(&chat, "complaint"));
    chat.text("back");
    chat.heard("What is the trouble?");
    assert!(!answered(&chat, "complaint"));
    assert!(answered(&chat, "patient_name"));
    chat.text("back");
    chat.heard("Full name");
    assert!(!answered(&chat, "patient_name"));
}

#[test]
fn a_childs_record_keeps_nothing_of_its_mothers_after_back() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Hassan, 34").text("back");
    chat.heard("Full name");
    chat.text("back");
    chat.heard("Who is this for?");
    chat.tap("child");
    let fields = chat.record().unwrap().fields;
    assert!(!fields.contains_key("patient_name"), "{fields:?}");
    assert!(!fields.contains_key("age_years"), "{fields:?}");
}

#[test]
fn restart_withdraws_the_record_and_begins_another() {
    let mut chat = Chat::at_review();
    let first = chat.session.record_id().unwrap().clone();
    chat.text("restart");
    let changes: Vec<(RecordId, RecordStatus)> = chat
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Record(change) => Some((change.id.clone(), change.status)),
            _ => None,
        })
        .collect();
    assert_eq!(changes[0], (first.clone(), RecordStatus::Withdrawn));
    assert_eq!(changes.len(), 1);
    chat.heard("Who is this for?");
    chat.text("restart").text("restart").tap("me");
    let second = chat.record().unwrap();
    assert_eq!(second.status, RecordStatus::InProgress);
    assert_ne!(second.id, first);
    assert_eq!(chat.session.records.len(), 2);
}

#[test]
fn stop_is_silence_until_they_write_again() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nf\nKalehe").text("stop");
    assert_eq!(chat.said.len(), 1);
    assert!(chat.acts().contains(&Action::SupersedePrompts));
    assert_eq!(chat.record(), None);
    chat.run(&[
        Event::Timer(TimerKind::EraseUnconsented),
        Event::FlowChanged,
    ]);
    assert!(chat.said.is_empty());
    chat.text("I am back");
    chat.heard("Shall we go on?");
    chat.tap("go_on");
    chat.heard("What is the trouble?");
}

#[test]
fn the_language_can_be_changed_in_the_middle() {
    let mut chat = Chat::at_page_one();
    chat.text("language").tap("fr");
    chat.heard("Nom complet du patient");
    assert_eq!(chat.record().unwrap().language, Lang::Fr);
}

#[test]
fn my_data_tells_numbers_and_dates_and_no_words() {
    let mut chat = Chat::at_review();
    let id = chat.session.record_id().unwrap().clone();
    chat.text("my data");
    let notice = chat.said[0].body.plain_text();
    assert!(
        notice.contains(id.as_str()) && notice.contains("1 form"),
        "{notice}"
    );
    assert!(!notice.contains("Amina") && !notice.contains("knee"));
    assert_eq!(chat.said[0].purpose, Purpose::Notice);
}

#[test]
fn deletion_takes_two_steps_and_has_a_receipt() {
    let mut chat = Chat::at_review();
    chat.text("delete my data");
    assert!(chat.acts().is_empty());
    chat.text("perhaps");
    chat.heard("Nothing was deleted");
    assert!(chat.acts().is_empty() && chat.session.draft.is_some());
    chat.text("delete my data").tap("delete");
    assert_eq!(chat.acts(), [Action::EraseContact]);
    assert!(matches!(
        chat.effects[..],
        [
            Effect::Act(Action::EraseContact),
            Effect::Say(_),
            Effect::Close
        ]
    ));
    chat.heard("has deleted");
    let empty = Session {
        flow_version: chat.session.flow_version.clone(),
        ..Session::default()
    };
    assert_eq!(chat.session, empty);
}

#[test]
fn buttons_from_before_an_erasure_mean_nothing() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    let old = chat.choice_id("agree");
    chat.text("delete my data")
        .tap("delete")
        .text("hello")
        .tap("en");
    chat.tap_id(&old);
    assert_eq!(chat.session.consent, None);
}

#[test]
fn after_a_silence_it_asks_whether_to_go_on_and_keeps_the_answers() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nf\nKalehe").wait(3 * HOUR_MS);
    chat.text("Pain in the knee\n3 days ago");
    chat.heard("Shall we go on?");
    let words = chat.words();
    assert!(
        !words.contains("Amina") && !words.contains("knee"),
        "{words}"
    );
    assert!(
        chat.acts()
            .iter()
            .any(|act| matches!(act, Action::KeepSpoken { .. }))
    );
    chat.text("yes");
    chat.heard("What is the trouble?");
    assert!(
        chat.session
            .draft
            .as_ref()
            .unwrap()
            .answers
            .contains_key("patient_name")
    );
}

#[test]
fn a_silence_before_any_answer_only_asks_the_question_again() {
    let mut chat = Chat::new();
    chat.text("hello")
        .tap("en")
        .wait(30 * HOUR_MS)
        .text("hello");
    chat.heard("Do you agree?");
    assert_eq!(chat.said.len(), 1);
}

#[test]
fn starting_over_after_a_silence_withdraws_the_half_done_record() {
    let mut chat = Chat::at_review();
    chat.wait(5 * HOUR_MS).text("hi").tap("start_over");
    chat.heard("Who is this for?");
    assert_eq!(chat.record().unwrap().status, RecordStatus::Withdrawn);
    chat.tap("child");
    assert_eq!(chat.session.records.len(), 2);
}

#[test]
fn a_resume_question_never_loops() {
    let mut chat = Chat::at_review();
    chat.wait(5 * HOUR_MS)
        .text("hi")
        .text("hm")
        .text("hm")
        .text("hm");
    assert_eq!(
        (chat.session.overlay, chat.session.stage.clone()),
        (None, Stage::Review)
    );
}

#[test]
fn a_new_phone_identity_asks_before_it_shows_anything() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina\n34\nf\nKalehe");
    chat.send(Content::System(
        crate::core::inbound::SystemChange::IdentityChanged,
    ));
    assert!(chat.effects.contains(&Effect::Flag {
        reason: FlagReason::IdentityChanged
    }));
    chat.text("knee\ntoday");
    chat.heard("Shall we go on?");
}

/// A message from another account than the number was known by.
fn from_another(chat: &mut Chat, content: Content) {
    let event = chat.message(content);
    let Event::Message(message) = event else {
        panic!("a message");
    };
    chat.run(&[Event::Message(Received {
        other_account: true,
        ..message
    })]);
}

#[test]
fn another_account_is_asked_before_it_is_shown_anything() {
    let tap = Chat::at_review().choice_id("send");
    let words = [
        "hello",
        "yes",
        "help",
        "back",
        "restart",
        "my data",
        "language",
        "stop",
        "delete my data",
    ];
    let taps = Content::Choice {
        id: tap,
        title: "Send".into(),
    };
    for content in words.map(text).into_iter().chain([taps]) {
        let mut chat = Chat::at_review();
        let draft = chat.session.draft.clone().unwrap();
        from_another(&mut chat, content.clone());
        for secret in ["Amina", "Juma", "knee", "Kalehe\n", "243970000001"] {
            assert!(
                !chat.words().contains(secret),
                "{content:?}: {}",
                chat.words()
            );
        }
        let now = chat.session.draft.clone().unwrap();
        assert_eq!(
            (now.id, now.answers),
            (draft.id, draft.answers),
            "{content:?}"
        );
    }
    // A question that was put to the other account is put again to this one.
    let mut chat = Chat::at_review();
    chat.wait(5 * HOUR_MS).text("hi").heard("Shall we go on?");
    from_another(&mut chat, text("yes"));
    chat.heard("Shall we go on?");
    chat.text("yes").heard("Amina");
}

#[test]
fn a_new_phone_identity_is_asked_also_after_a_tap_or_another_language() {
    let changed = || Content::System(crate::core::inbound::SystemChange::IdentityChanged);
    let mut chat = Chat::at_review();
    let send = chat.choice_id("send");
    chat.send(changed()).tap_id(&send);
    chat.heard("Shall we go on?");
    assert!(chat.session.draft.is_some(), "nothing was sent in");
    let mut chat = Chat::at_review();
    chat.send(changed());
    chat.text("language").tap("en");
    chat.heard("Shall we go on?");
    assert!(!chat.words().contains("Amina"), "{}", chat.words());
    chat.tap("go_on");
    chat.heard("Amina");
}

#[test]
fn a_new_account_at_rest_is_not_asked_twice_whom_it_is_for() {
    let mut chat = Chat::at_review();
    chat.tap("send");
    from_another(&mut chat, text("hello"));
    chat.heard("Who is this for?");
    chat.text("me");
    chat.heard("Full name");
}

#[test]
fn before_consent_a_recording_is_not_kept_and_nobody_is_sent_to_it() {
    for content in [
        media(MediaKind::Audio, None),
        media(MediaKind::Image, None),
        Content::Contacts {
            names: vec!["Juma".into()],
            phones: Vec::new(),
            own_number: None,
        },
    ] {
        let mut consent = Chat::new();
        consent.text("hello").tap("en");
        let mut language = Chat::new();
        language.text("hello");
        for (mut chat, question) in [
            (consent, "Do you agree?"),
            (language, "Please choose your language"),
            (Chat::new(), "Please choose your language"),
        ] {
            chat.send(content.clone());
            assert!(chat.tasks().is_empty(), "{content:?}");
            assert!(chat.acts().is_empty(), "{content:?}");
            chat.heard(question);
            assert!(!chat.words().contains("kept it"), "{}", chat.words());
            assert!(!chat.words().contains("did not understand"));
        }
    }
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    for _ in 0..4 {
        chat.voice();
        chat.heard("only once you agree");
    }
    assert_eq!(chat.session.stage, Stage::Consent);
    // A word that says hello and answers is an answer.
    chat.wait(DAY_MS).text("ok");
    chat.heard("Who is this for?");
    let mut french = Chat::new();
    french
        .text("bonjour")
        .tap("fr")
        .wait(3 * HOUR_MS)
        .text("d'accord");
    assert_eq!(french.session.stage, Stage::Who);
    let mut resumed = Chat::at_review();
    resumed
        .wait(5 * HOUR_MS)
        .text("x")
        .wait(3 * HOUR_MS)
        .text("ok");
    assert_eq!(
        (resumed.session.overlay, resumed.session.stage),
        (None, Stage::Review)
    );
}

#[test]
fn an_agreement_is_read_before_the_words_on_the_buttons() {
    for (language, words, agrees) in [
        ("es", "¡cómo no!", true),
        ("es", "no", false),
        ("es", "claro que no", false),
        ("pt", "pois não", false),
        ("pt", "pois sim", true),
        ("en", "of course", true),
        ("en", "ok", true),
        ("en", "1", true),
        ("fr", "bien sûr que non", false),
    ] {
        let mut chat = Chat::new();
        chat.text("hello").tap(language).text(words);
        assert_eq!(chat.session.consent.is_some(), agrees, "{words}");
        assert_eq!(chat.session.refusal.is_some(), !agrees, "{words}");
    }
}

#[test]
fn a_courtesy_begins_nothing() {
    let mut refused = Chat::new();
    refused.text("hello").tap("en").tap("refuse");
    let mut deleted = Chat::at_review();
    deleted.text("delete my data").tap("delete");
    deleted.session = Session::default();
    let mut stopped = Chat::at_page_one();
    stopped.text("Amina\n34\nf\nKalehe").text("stop");
    for mut chat in [refused, deleted, stopped] {
        for words in ["au revoir", "thank you", "kwaheri"] {
            chat.text(words);
            assert!(chat.said.is_empty(), "{words}: {}", chat.words());
        }
        chat.text("I need a doctor");
        assert!(!chat.said.is_empty());
    }
}

#[test]
fn help_as_the_first_word_is_answered_in_its_language_and_says_how_to_begin() {
    for (word, says, begin) in [
        ("help", "You can write", "To begin, write: hello"),
        ("aide", "Vous pouvez écrire", "Pour commencer"),
        ("msaada", "Unaweza kuandika", "Kuanza, andika"),
        ("ayuda", "Puede escribir", "Para empezar"),
        ("ajuda", "Pode escrever", "Para começar"),
    ] {
        let mut chat = Chat::new();
        chat.clinic.languages = vec![Lang::Sw, Lang::Fr, Lang::En, Lang::Es, Lang::Pt];
        chat.text(word);
        assert_eq!(chat.said.len(), 1, "{word}");
        chat.heard(says);
        chat.heard(begin);
    }
}

#[test]
fn a_question_left_open_at_rest_swallows_nothing_and_no_late_yes_deletes() {
    let erases = |chat: &Chat| chat.acts().contains(&Action::EraseContact);
    for asked in ["language", "delete my data"] {
        for words in ["my knee is bad again", "yes", "hello", "delete my data"] {
            let mut chat = Chat::at_review();
            chat.tap("send").text(asked).wait(5 * HOUR_MS).text(words);
            assert!(!chat.said.is_empty(), "{asked}: {words}");
            assert!(!erases(&chat), "{asked}: {words}");
        }
    }
    // A button says which question it answers.
    let mut chat = Chat::at_review();
    chat.tap("send").text("delete my data").wait(5 * HOUR_MS);
    chat.tap("delete");
    assert!(erases(&chat));
    // But not while somebody else may be tapping.
    let mut chat = Chat::at_review();
    chat.tap("send").text("delete my data");
    let yes = chat.choice_id("delete");
    chat.send(Content::System(SystemChange::IdentityChanged));
    chat.tap_id(&yes);
    assert!(!erases(&chat));
    let mut chat = Chat::at_review();
    chat.tap("send").text("hello").text("delete my data");
    let yes = chat.choice_id("delete");
    chat.send(Content::System(SystemChange::IdentityChanged));
    chat.tap_id(&yes);
    assert!(!erases(&chat));
}

#[test]
fn no_late_yes_deletes_where_nothing_was_answered_either() {
    for begun in [&["hello"][..], &["hello", "en"], &["hello", "en", "yes"]] {
        let mut chat = Chat::new();
        for words in begun {
            chat.text(words);
        }
        let stage = chat.session.stage.clone();
        chat.text("delete my data").wait(5 * HOUR_MS).text("yes");
        assert!(!chat.acts().contains(&Action::EraseContact), "{begun:?}");
        assert_eq!((chat.session.overlay, &chat.session.stage), (None, &stage));
        assert!(!chat.said.is_empty());
    }
    let mut chat = Chat::at_review();
    chat.tap("send").text("hello").text("delete my data");
    chat.wait(5 * HOUR_MS).text("yes");
    assert!(!chat.acts().contains(&Action::EraseContact));
    chat.heard("Who is this for?");
}

#[test]
fn a_deletion_confirmed_after_stop_is_done() {
    for by_tap in [true, false] {
        let mut chat = Chat::at_review();
        chat.text("stop").text("delete my data");
        chat.heard("cannot be undone");
        if by_tap {
            chat.tap("delete");
        } else {
            chat.text("yes");
        }
        assert_eq!(chat.acts(), [Action::EraseContact], "{by_tap}");
    }
    // Who keeps it is asked whether to go on, before anything is shown.
    let mut chat = Chat::at_review();
    chat.text("stop").text("delete my data").text("no");
    chat.heard("Nothing was deleted");
    assert_eq!(chat.session.overlay, Some(Overlay::Resume));
    assert!(!chat.words().contains("Amina"), "{}", chat.words());
    chat.text("go on");
    chat.heard("Amina");
    // Once is enough, and where nothing was answered nothing is asked.
    let mut late = Chat::at_review();
    late.text("stop").text("delete my data");
    late.wait(5 * HOUR_MS).text("no").text("go on");
    late.heard("Amina");
    for then in ["no", "restart"] {
        let mut chat = Chat::new();
        chat.text("hello").tap("en").tap("agree");
        chat.text("stop")
            .text("delete my data")
            .text(then)
            .text("me");
        chat.heard("Full name");
    }
}

#[test]
fn a_new_form_after_an_urgent_receipt_is_not_urgent() {
    let mut chat = Chat::at_review();
    chat.tap("send").text("I cannot breathe");
    assert_eq!(chat.record().unwrap().triage, Triage::Urgent);
    chat.text("restart");
    assert_eq!(chat.record(), None);
    chat.tap("child");
    assert_eq!(chat.record().unwrap().triage, Triage::None);
}

#[test]
fn who_begins_anew_is_asked_once_for_the_first_answer() {
    let mut stopped = Chat::at_review();
    stopped.text("stop").text("restart");
    let mut another = Chat::at_review();
    another.tap("send");
    from_another(&mut another, text("restart"));
    for mut chat in [stopped, another] {
        chat.heard("Who is this for?");
        chat.text("me");
        chat.heard("Full name");
    }
}

#[test]
fn a_greeting_after_days_is_no_wrong_answer() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    for _ in 0..4 {
        chat.wait(DAY_MS).text("hello");
        chat.heard("Do you agree?");
        assert!(!chat.words().contains("did not understand"));
    }
    assert_eq!(chat.session.stage, Stage::Consent);
}

#[test]
fn a_late_answer_is_an_answer_while_nothing_was_answered() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en").wait(3 * HOUR_MS).text("yes");
    chat.heard("Who is this for?");
    chat.wait(3 * HOUR_MS).text("my child");
    assert!(matches!(chat.session.stage, Stage::Page { .. }));
}

#[test]
fn another_account_at_rest_has_no_part_in_the_former_record() {
    for words in ["it hurts more at night", "my data", "delete my data"] {
        let mut chat = Chat::at_review();
        let id = chat.session.record_id().unwrap().clone();
        chat.tap("send");
        from_another(&mut chat, text(words));
        assert!(!chat.words().contains(id.as_str()), "{}", chat.words());
        assert!(!chat.said.is_empty() && chat.tasks().is_empty(), "{words}");
        let place = (chat.session.overlay, chat.session.stage.clone());
        assert_eq!(place, (None, Stage::Who), "{words}");
    }
    // Who only asked for silence is nobody else.
    let mut chat = Chat::at_review();
    chat.tap("send").text("stop").text("help");
    chat.text("it hurts more at night");
    chat.heard("added this to");
}
