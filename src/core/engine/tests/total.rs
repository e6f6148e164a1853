//! `step` is total: arbitrary events, contents and clocks.

use super::*;
use crate::core::limits;
use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("1".to_owned()),
        Just("yes".to_owned()),
        Just("Amina\n34\nf\nKalehe".to_owned()),
        Just("stop".to_owned()),
        Just("restart".to_owned()),
        Just("back".to_owned()),
        Just("language".to_owned()),
        Just("my data".to_owned()),
        Just("delete my data".to_owned()),
        Just("he is not breathing".to_owned()),
        Just("x".repeat(6_000)),
        Just("{record_id} {clinic}".to_owned()),
        "\\PC{0,40}",
        any::<String>(),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        6 => words().prop_map(|body| Content::Text { body: body.into() }),
        2 => ("[a-z0-9:@_.-]{0,30}", words()).prop_map(|(id, title)| Content::Choice { id: format!("q:{id}"), title: title.into() }),
        1 => words().prop_map(|json| Content::Form { response_json: json.into() }),
        1 => "[a-z_]{1,12}".prop_map(|v| Content::Form { response_json: format!("{{\"sex\":\"{v}\",\"symptoms\":[\"fever\"],\"birth_date\":7}}").into() }),
        1 => (0..5u8, proptest::option::of(words())).prop_map(|(kind, caption)| {
            let kinds = [MediaKind::Image, MediaKind::Audio, MediaKind::Video, MediaKind::Document, MediaKind::Sticker];
            media(kinds[kind as usize], caption.as_deref())
        }),
        1 => (any::<f64>(), any::<f64>(), proptest::option::of(words())).prop_map(|(latitude, longitude, name)| Content::Location { latitude, longitude, name: name.map(Into::into), address: None }),
        1 => (words(), words()).prop_map(|(name, phone)| Content::Contacts { names: vec![name.into()], phones: vec![phone.into()], own_number: None }),
        1 => Just(Content::Reaction { target: "x".into(), emoji: None }),
        1 => words().prop_map(|body| Content::Edit { original: "x".into(), content: Box::new(text(&body)) }),
        1 => Just(Content::Edit { original: "x".into(), content: Box::new(Content::Edit { original: "y".into(), content: Box::new(Content::Welcome) }) }),
        1 => Just(Content::Revoke { original: "x".into() }),
        1 => Just(Content::System(crate::core::inbound::SystemChange::IdentityChanged)),
        1 => Just(Content::Welcome),
        1 => Just(Content::Other { what: "order".into() }),
    ]
}

fn instant() -> impl Strategy<Value = UnixMs> {
    prop_oneof![
        4 => (0i64..200_000_000).prop_map(|ms| UnixMs(1_795_168_800_000 + ms)),
        1 => any::<i64>().prop_map(UnixMs),
    ]
}

#[derive(Clone, Debug)]
enum Deed {
    Hear(Vec<Event>, Now),
    /// Taps the n-th choice of the latest messages.
    Tap(usize, Now),
    Deliver,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0i64..40, instant(), instant(), any::<bool>(), proptest::option::of(0u32..12), proptest::option::of(0i64..40), any::<bool>(), content()).prop_map(
            |(inbox, stamped, received, quotes_question, questions_since, about, other_account, content)| Event::Message(Received {
                inbox: InboxId(inbox), stamped, received, quotes_question, questions_since, about: about.map(InboxId), other_account, content,
            })
        ),
        2 => (instant(), proptest::option::of(instant())).prop_map(|(at, stamp)| Event::QuestionSent { at, stamp }),
        1 => Just(Event::Timer(TimerKind::EraseUnconsented)),
        1 => Just(Event::FlowChanged),
    ]
}

fn now() -> impl Strategy<Value = Now> {
    (instant(), any::<bool>()).prop_map(|(at, trusted)| Now { at, trusted })
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (proptest::collection::vec(event(), 0..6), now()).prop_map(|(events, now)| Deed::Hear(events, now)),
        3 => (0usize..4, now()).prop_map(|(n, now)| Deed::Tap(n, now)),
        3 => Just(Deed::Deliver),
    ]
}

fn ids(said: &[Outgoing]) -> Vec<String> {
    said.iter()
        .flat_map(|said| match &said.body {
            Body::Buttons { buttons, .. } => buttons.iter().map(|b| b.id.clone()).collect(),
            Body::List { rows, .. } => rows.iter().map(|r| r.id.clone()).collect(),
            Body::Text { .. } | Body::RequestContact { .. } | Body::Template { .. } => Vec::new(),
        })
        .collect()
}

fn check_limits(said: &Outgoing) {
    let units = said.body.words().encode_utf16().count();
    assert!(units > 0);
    match &said.body {
        Body::Text { .. } => assert!(units <= limits::TEXT_UNITS_MAX),
        Body::Buttons { buttons, .. } => {
            assert!(units <= limits::INTERACTIVE_UNITS_MAX);
            assert!((1..=limits::BUTTONS_MAX).contains(&buttons.len()));
            for button in buttons {
                assert!(
                    (1..=limits::BUTTON_TITLE_MAX).contains(&button.title.graphemes(true).count())
                );
                assert!(button.id.len() <= limits::CHOICE_ID_MAX);
            }
        }
        Body::List { rows, open, .. } => {
            assert!(units <= limits::INTERACTIVE_UNITS_MAX);
            assert!(open.graphemes(true).count() <= limits::BUTTON_TITLE_MAX);
            assert!((1..=limits::LIST_ROWS_MAX).contains(&rows.len()));
            for row in rows {
                assert!((1..=limits::ROW_TITLE_MAX).contains(&row.title.graphemes(true).count()));
                assert!(row.id.len() <= limits::CHOICE_ID_MAX);
            }
        }
        Body::RequestContact { .. } => assert!(units <= limits::INTERACTIVE_UNITS_MAX),
        Body::Template { .. } => panic!("the engine says no template"),
    }
}

fn check(step: &Step, events: usize) {
    let json = serde_json::to_string(&step.session).unwrap();
    assert_eq!(
        serde_json::from_str::<Session>(&json).unwrap(),
        step.session
    );
    let json = serde_json::to_string(&step.effects).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<Effect>>(&json).unwrap(),
        step.effects
    );
    let said: Vec<&Outgoing> = step
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Say(outgoing) => Some(outgoing),
            _ => None,
        })
        .collect();
    assert!(said.len() <= 8, "{} messages", said.len());
    assert!(events > 0 || said.is_empty());
    let prompts = said.iter().filter(|s| s.purpose == Purpose::Prompt).count();
    assert!(prompts <= 2, "a question and what leads to it");
    let warnings = said
        .iter()
        .filter(|s| s.purpose == Purpose::Emergency)
        .count();
    assert!(warnings <= 1);
    said.into_iter().for_each(check_limits);
    for effect in &step.effects {
        if let Effect::Record(change) = effect {
            assert!(
                change.fields.contains_key("consent_at"),
                "a record without consent"
            );
        }
    }
}

proptest! {
    #[test]
    fn step_is_total(
        deeds in proptest::collection::vec(deed(), 1..40),
        begun in any::<bool>(),
        name in prop_oneof![Just("Kalehe".to_owned()), Just("K".repeat(3_000)), any::<String>()],
    ) {
        let mut chat = if begun { Chat::at_review() } else { Chat::new() };
        chat.clinic.name = name;
        let mut latest = chat.said.clone();
        for (n, deed) in deeds.into_iter().enumerate() {
            let (events, now) = match deed {
                Deed::Deliver => {
                    chat.deliver();
                    continue;
                }
                Deed::Hear(events, now) => (events, now),
                Deed::Tap(place, now) => {
                    let ids = ids(&latest);
                    let Some(id) = ids.get(place % ids.len().max(1)) else { continue };
                    let event = chat.message(Content::Choice { id: id.clone(), title: "x".into() });
                    (vec![event], now)
                }
            };
            let fresh = Fresh { record_id: RecordId::from_random(n as u64 + 77) };
            let before = chat.session.clone();
            let step = step(&chat.flow, &chat.clinic, before.clone(), &events, now, &fresh);
            check(&step, events.len());
            let again = super::super::step(&chat.flow, &chat.clinic, before, &events, now, &fresh);
            prop_assert_eq!(&step, &again);
            let said: Vec<Outgoing> = step.effects.iter().filter_map(|effect| match effect {
                Effect::Say(outgoing) => Some(outgoing.clone()),
                _ => None,
            }).collect();
            if !said.is_empty() {
                latest = said;
            }
            chat.session = step.session;
        }
    }

    #[test]
    fn every_patient_gets_through(noise in proptest::collection::vec(words(), 0..12)) {
        // However badly somebody answers, a bounded number of taps and words
        // brings an intake to its end: nothing loops.
        let mut chat = Chat::at_page_one();
        for text in noise {
            if ["stop", "restart", "language", "my data", "delete my data", "back"].contains(&text.as_str()) {
                continue;
            }
            chat.text(&text);
        }
        for _ in 0..60 {
            if chat.session.submitted.is_some() {
                break;
            }
            chat.text("zzz 9");
        }
        prop_assert!(chat.session.submitted.is_some(), "stands at {:?}", chat.session.stage);
    }
}
