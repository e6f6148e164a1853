//! Words that answer nothing: none of them is lost.

use super::*;
use crate::core::answers::Value;

/// Up to the review, in a language.
fn at_review_in(lang: Lang) -> Chat {
    let (sex, none, no, since) = match lang {
        Lang::En => ("female", "none", "no", "3 days ago"),
        Lang::Fr => ("féminin", "aucun", "non", "il y a 3 jours"),
        Lang::Sw => ("mwanamke", "hakuna", "hapana", "siku 3 zilizopita"),
        Lang::Es => ("femenino", "ninguno", "no", "hace 3 días"),
        Lang::Pt => ("feminino", "nenhum", "não", "há 3 dias"),
    };
    let mut chat = Chat::new();
    chat.text("hello").tap(lang.code()).tap("agree").tap("me");
    chat.text(&format!("Amina Juma\n34\n{sex}\nKalehe"))
        .text(&format!("knee\n{since}"))
        .text("2")
        .text(&format!("{none}\n{none}\n{no}"))
        .text("Juma +243970000001");
    assert_eq!(chat.session.stage, Stage::Review, "{}", chat.words());
    chat
}

fn keeps(chat: &Chat) -> usize {
    let kept = |act: &&Action| matches!(act, Action::KeepSpoken { .. });
    chat.acts().iter().filter(kept).count()
}

#[test]
fn what_is_no_choice_at_the_review_is_kept_and_told() {
    for (lang, words, told, yes) in [
        (
            Lang::En,
            "I am allergic to penicillin",
            "kept it for our staff",
            "yes",
        ),
        (
            Lang::Fr,
            "depuis hier soir",
            "gardé pour notre équipe",
            "oui",
        ),
        (Lang::Sw, "nina mzio wa penicillin", "nimeuhifadhi", "ndiyo"),
        (
            Lang::Es,
            "soy alérgica a la penicilina",
            "guardado para nuestro equipo",
            "sí",
        ),
        (
            Lang::Pt,
            "sou alérgica a penicilina",
            "guardei-o para a nossa equipa",
            "sim",
        ),
    ] {
        let mut chat = at_review_in(lang);
        chat.text(words);
        assert_eq!(keeps(&chat), 1, "{words}");
        assert_eq!(chat.tasks(), ["read_conversation"], "{words}");
        chat.heard(told);
        assert_eq!(chat.session.stage, Stage::Review);
        assert!(matches!(
            chat.said.last().unwrap().body,
            Body::Buttons { .. }
        ));
        chat.text(yes);
        assert_eq!(chat.record().unwrap().status, RecordStatus::Complete);
        assert_eq!(chat.tasks(), ["read_conversation"], "{words}");
    }
}

#[test]
fn yes_and_more_is_sent_and_the_rest_kept() {
    for (lang, words) in [
        (Lang::En, "yes but I also have a fever"),
        (Lang::Fr, "oui, mais j'ai aussi de la fièvre"),
        (Lang::Sw, "ndiyo lakini nina homa pia"),
        (Lang::Es, "sí, pero también tengo fiebre"),
        (Lang::Pt, "sim mas tenho alergia a penicilina"),
    ] {
        let mut chat = at_review_in(lang);
        chat.text(words);
        assert_eq!(keeps(&chat), 1, "{words}");
        let record = chat
            .record()
            .unwrap_or_else(|| panic!("{words}: {}", chat.words()));
        assert_eq!(record.status, RecordStatus::Complete, "{words}");
        assert_eq!(chat.tasks(), ["read_conversation"], "{words}");
    }
    let mut burst = Chat::at_review();
    let events = ["yes", "but I also have a fever"].map(|text| burst.text_event(text));
    burst.run(&events);
    assert_eq!(keeps(&burst), 1);
    assert_eq!(burst.record().unwrap().status, RecordStatus::Complete);
}

#[test]
fn a_yes_that_is_taken_back_sends_nothing() {
    for words in [
        "yes, but no",
        "yes but my name is wrong",
        "ok, change my age",
    ] {
        let mut chat = Chat::at_review();
        chat.text(words);
        assert!(chat.session.submitted.is_none(), "{words}");
    }
    let mut chat = Chat::at_review();
    chat.text("no, I am 35 not 34");
    assert_eq!(keeps(&chat), 1);
    assert_eq!(chat.session.stage, Stage::Correct);
    chat.heard("kept it for our staff");
}

#[test]
fn a_line_too_many_is_kept_and_the_others_are_used() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe\nI am allergic to penicillin");
    assert_eq!(keeps(&chat), 1);
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma\n34\nfemale\nKalehe");
    assert_eq!(keeps(&chat), 0);
    chat.text("Pain in the knee\n3 days ago");
    assert_eq!(keeps(&chat), 0);
    chat.text("fever and a snake");
    assert_eq!(keeps(&chat), 1, "{}", chat.words());
}

#[test]
fn an_intake_without_stray_words_gives_staff_nothing_to_read() {
    let mut chat = Chat::at_page_one();
    chat.text("Amina Juma, 34 years, female, Kalehe")
        .text("Pain in the knee\n3 days ago")
        .text("fever and cough")
        .text("none\nnone\nno")
        .text("Juma my brother +243970000001");
    assert_eq!(chat.session.stage, Stage::Review, "{}", chat.words());
    chat.tap("send");
    assert!(chat.tasks().is_empty());
}

#[test]
fn a_page_begun_with_stray_words_takes_a_full_set() {
    let mut chat = Chat::new();
    chat.text("bonjour").tap("fr").tap("agree").tap("me");
    chat.text("je ne comprends pas anglais")
        .text("Marie Kabongo\n34 ans\nfemme\nGoma");
    let fields = chat.record().unwrap().fields;
    for (field, value) in [("patient_name", "Marie Kabongo"), ("locality", "Goma")] {
        let value = Value::Text { text: value.into() };
        assert_eq!(fields.get(field), Some(&value), "{field}");
    }
    chat.heard("Quel est le problème");
}

#[test]
fn a_full_set_replaces_what_was_read_before() {
    let mut chat = Chat::at_page_one();
    chat.text("Anna Baraka, 30")
        .text("Amina Juma\n34\nfemale\nKalehe");
    let name = Value::Text {
        text: "Amina Juma".into(),
    };
    assert_eq!(
        chat.record().unwrap().fields.get("patient_name"),
        Some(&name)
    );
    chat.heard("What is the trouble?");
}

#[test]
fn thanks_at_an_open_question_are_no_wrong_answer() {
    let mut chat = Chat::new();
    chat.text("hello").tap("en");
    for _ in 0..4 {
        chat.text("thank you");
        chat.heard("Do you agree?");
        assert!(!chat.words().contains("did not understand"));
    }
    chat.tap("agree").tap("me");
    for _ in 0..4 {
        chat.text("merci");
        chat.heard("Full name");
        assert!(!chat.words().contains("did not understand"));
    }
    assert!(chat.tasks().is_empty());
    assert!(chat.session.draft.as_ref().unwrap().tries.is_empty());
}

#[test]
fn it_is_over_after_an_alarm_is_kept_and_no_mistake() {
    let mut chat = Chat::new();
    chat.text("bonjour").tap("fr").tap("agree").tap("me");
    chat.text("je saigne beaucoup");
    assert_eq!(chat.said[0].purpose, Purpose::Emergency);
    chat.text("c'est fini, je ne saigne plus");
    assert!(!chat.words().contains("pas compris"), "{}", chat.words());
    chat.heard("gardé pour notre équipe");
    chat.heard("Nom complet");
    assert_eq!(chat.tasks(), ["read_conversation"]);
    let mut chat = Chat::new();
    chat.text("bonjour").tap("fr").tap("agree");
    chat.text("je saigne beaucoup")
        .text("c'est fini, je ne saigne plus");
    assert!(!chat.words().contains("pas compris"), "{}", chat.words());
    chat.heard("Pour qui");
}
