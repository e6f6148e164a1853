//! Webhook bodies and rows of the queue, as the reference shows them.

use super::CHANNEL;
use crate::core::inbound::{Content, Identity, Item, MediaKind, Receipt, ReceivedItem, Status};
use crate::core::time::UnixMs;
use crate::whatsapp::ultramsg::address::{Named, read, to};
use crate::whatsapp::ultramsg::{Channel, news, parse};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

fn data() -> Value {
    json!({ "id": "false_50911112222@c.us_3EB0A1B2C3D4E5F6", "from": "50911112222@c.us",
        "to": "50900000001@c.us", "author": "", "pushname": "Marie", "ack": "",
        "type": "chat", "body": "M gen lafyèv", "media": "", "fromMe": false,
        "self": false, "isForwarded": false, "isMentioned": false,
        "quotedMsg": {}, "mentionedIds": [], "time": 1_795_168_800 })
}

fn event(kind: &str, data: &Value) -> Value {
    json!({ "event_type": kind, "instanceId": "12345", "id": "4711",
        "referenceId": "ob:01JD3W6Q5T", "hash": "5f0c", "data": data })
}

fn one(event: &Value) -> ReceivedItem {
    let mut items = parse(event.to_string().as_bytes(), CHANNEL);
    assert_eq!(items.len(), 1);
    items.remove(0)
}

fn with(changes: &Value) -> ReceivedItem {
    let mut data = data();
    for (name, value) in changes.as_object().unwrap() {
        data[name] = value.clone();
    }
    one(&event("message_received", &data))
}

fn said(item: &ReceivedItem) -> (&Identity, &Content) {
    let Ok(Item::Message(message)) = &item.content else {
        panic!("{item:?}");
    };
    (&message.from, &message.content)
}

fn status(item: &ReceivedItem) -> Status {
    let Ok(Item::Status(status)) = &item.content else {
        panic!("{item:?}");
    };
    status.clone()
}

fn why(item: &ReceivedItem) -> &str {
    let Ok(Item::Ignored { why }) = &item.content else {
        panic!("{item:?}");
    };
    why
}

#[test]
fn a_text_is_a_message_of_its_sender() {
    let item = one(&event("message_received", &data()));
    let (from, content) = said(&item);
    assert_eq!(from.phone, Some("50911112222".into()));
    assert_eq!(from.profile_name, Some("Marie".into()));
    assert_eq!(
        *content,
        Content::Text {
            body: "M gen lafyèv".into()
        }
    );
    assert_eq!(item.stamped(), Some(UnixMs(1_795_168_800_000)));
    assert_eq!(item.phone_number_id.as_deref(), Some("12345"));
}

#[test]
fn the_same_message_has_the_same_key_however_it_comes() {
    let first = one(&event("message_received", &data()));
    let mut named = event("message_create", &data());
    named["instanceId"] = json!("instance12345");
    assert_eq!(first.dedup, one(&named).dedup);
    let other = with(&json!({ "id": "false_50911112222@c.us_OTHER" }));
    assert_ne!(first.dedup, other.dedup);
}

#[test]
fn an_echo_is_never_a_message() {
    for flag in [json!(true), json!("true"), json!(1), json!("1")] {
        assert_eq!(why(&with(&json!({ "fromMe": flag }))), "our own words");
    }
    let mut unsaid = data();
    unsaid.as_object_mut().unwrap().remove("fromMe");
    unsaid["id"] = json!("true_50911112222@c.us_3EB0");
    for kind in ["message_received", "message_create"] {
        assert_eq!(why(&one(&event(kind, &unsaid))), "our own words");
    }
    // The other way about a text that says no is a no.
    said(&with(&json!({ "fromMe": "false" })));
}

#[test]
fn groups_statuses_and_channels_are_not_answered() {
    for from in [
        "120363@g.us",
        "status@broadcast",
        "123@broadcast",
        "99@newsletter",
    ] {
        why(&with(&json!({ "from": from })));
    }
}

#[test]
fn a_hidden_number_is_an_id_of_its_own() {
    let item = with(&json!({ "from": "77001122@lid" }));
    let (from, _) = said(&item);
    assert_eq!(
        (&from.phone, &from.bsuid),
        (&None, &Some("77001122@lid".into()))
    );
    assert_eq!(to(from), Some("77001122@lid".to_owned()));
}

#[test]
fn addresses_are_read_and_written_by_one_table() {
    let phone = |digits: &str| {
        Named::Person(Identity {
            phone: Some(digits.into()),
            ..Identity::default()
        })
    };
    assert_eq!(read("243970000001@c.us"), phone("243970000001"));
    assert_eq!(
        read("243970000001:12@s.whatsapp.net"),
        phone("243970000001")
    );
    assert_eq!(read("+243970000001"), phone("243970000001"));
    for nobody in [
        "", "@c.us", "12@c.us", "a@lid", "@lid", "1,2@c.us", "x@y", "1@2@3",
    ] {
        assert_eq!(read(nobody), Named::Nobody, "{nobody}");
    }
    let written = |phone: Option<&str>, id: Option<&str>| {
        to(&Identity {
            phone: phone.map(Into::into),
            bsuid: id.map(Into::into),
            ..Identity::default()
        })
    };
    assert_eq!(
        written(Some("243970000001"), None),
        Some("+243970000001".into())
    );
    // A comma would send one person's words to two.
    for (phone, id) in [
        (Some("243970000001,243970000002"), None),
        (Some(""), None),
        (None, Some("1@lid,2@lid")),
        (None, Some("CD.123")),
        (None, Some("@lid")),
        (None, None),
    ] {
        assert_eq!(written(phone, id), None, "{phone:?} {id:?}");
    }
}

#[test]
fn kinds_of_messages() {
    let media = |kind: &str| {
        let item = with(&json!({
            "type": kind, "body": "", "media": "https://files.example/x", "caption": "pwonmen",
        }));
        let Content::Media(media) = said(&item).1.clone() else {
            panic!("{item:?}");
        };
        media
    };
    for (kind, is, voice) in [
        ("image", MediaKind::Image, false),
        ("ptt", MediaKind::Audio, true),
        ("audio", MediaKind::Audio, false),
        ("video", MediaKind::Video, false),
        ("document", MediaKind::Document, false),
        ("sticker", MediaKind::Sticker, false),
    ] {
        let media = media(kind);
        assert_eq!((media.kind, media.voice), (is, voice), "{kind}");
        assert_eq!(media.media_id, "https://files.example/x");
    }
    let place = with(&json!({ "type": "location", "body": "-2.5;28.8" }));
    assert!(matches!(said(&place).1, Content::Location { latitude, .. } if *latitude == -2.5));
    let place = with(&json!({ "type": "location", "body": "", "lat": "1.5", "lng": 2 }));
    assert!(matches!(said(&place).1, Content::Location { longitude, .. } if *longitude == 2.0));
    let one = "BEGIN:VCARD\nVERSION:3.0\nN:;Jean;;;\nFN:Jean\n\
        item1.TEL;waid=243810000003:+243 810 000 003\nTEL:0810000004\nEND:VCARD";
    let card =
        with(&json!({ "type": "vcard", "body": format!("{one}\nBEGIN:VCARD\nFN:Ana\nEND:VCARD") }));
    let cards = Content::Contacts {
        names: vec!["Jean".into(), "Ana".into()],
        phones: vec!["+243 810 000 003".into(), "".into()],
        own_number: None,
    };
    assert_eq!(*said(&card).1, cards);
    let odd = with(&json!({ "type": "poll_creation\u{1F600}" }));
    assert_eq!(
        *said(&odd).1,
        Content::Other {
            what: "poll_creation?".into()
        }
    );
    why(&with(&json!({ "type": "e2e_notification" })));
}

#[test]
fn what_shares_a_messages_id_does_not_hide_it() {
    let text = with(&json!({}));
    let sealed = with(&json!({ "type": "ciphertext", "body": "" }));
    let revoked = with(&json!({ "type": "revoked", "body": "" }));
    assert!(matches!(said(&revoked).1, Content::Revoke { .. }));
    assert_ne!(text.dedup, sealed.dedup);
    assert_ne!(text.dedup, revoked.dedup);
}

#[test]
fn what_was_said_before_this_box_listened_is_kept_and_not_answered() {
    let old = with(&json!({ "time": 1_794_999_999 }));
    assert_eq!(why(&old), "said before this box listened");
    let unknown = Channel {
        began: None,
        ..CHANNEL
    };
    let mut data = data();
    data["time"] = json!(1_000);
    let items = parse(
        event("message_received", &data).to_string().as_bytes(),
        unknown,
    );
    said(&items[0]);
}

#[test]
fn an_event_of_another_instance_says_so() {
    let mut other = event("message_received", &data());
    other["instanceId"] = json!("instance99");
    assert_eq!(one(&other).phone_number_id.as_deref(), Some("99"));
}

#[test]
fn acknowledgements_are_receipts_of_our_own_messages() {
    let ack = |word: Value, reference: &str| {
        let mut data = data();
        data["fromMe"] = json!(true);
        data["ack"] = word;
        let mut event = event("message_ack", &data);
        event["referenceId"] = json!(reference);
        one(&event)
    };
    for (word, receipt) in [
        (json!("server"), Receipt::Sent),
        (json!("device"), Receipt::Delivered),
        (json!(2), Receipt::Delivered),
        (json!("read"), Receipt::Read),
        (json!("played"), Receipt::Played),
    ] {
        let status = status(&ack(word.clone(), "ob:1"));
        assert_eq!(status.receipt, receipt, "{word}");
        assert_eq!(status.callback.as_deref(), Some("ob:1"));
        assert_eq!(status.id, "ultramsg:12345:4711".into());
    }
    why(&ack(json!("pending"), "ob:1"));
    // Sent by hand from the phone: none of ours.
    why(&ack(json!("device"), ""));
}

#[test]
fn rows_of_the_queue_tell_the_same_as_webhooks() {
    let row = |standing: &str, ack: &str| {
        let row = json!({ "id": 4711, "referenceId": "ob:1", "from": "", "to": "+1",
            "body": "x", "priority": "10", "status": standing, "ack": ack, "type": "chat",
            "created_at": 1_795_168_800, "sent_at": 0, "metadata": "" });
        let raw = RawValue::from_string(row.to_string()).unwrap();
        let told = status(&news::of_row(&raw, CHANNEL)?);
        Some((told.receipt, told.errors.len()))
    };
    assert_eq!(row("queue", ""), None);
    assert_eq!(row("sent", "pending"), Some((Receipt::Sent, 0)));
    assert_eq!(row("sent", "device"), Some((Receipt::Delivered, 0)));
    assert_eq!(row("sent", "read"), Some((Receipt::Read, 0)));
    for lost in ["unsent", "invalid", "expired"] {
        assert_eq!(row(lost, ""), Some((Receipt::Failed, 1)), "{lost}");
    }
}

#[test]
fn what_is_no_event_is_one_dead_letter_and_costs_nobody_else() {
    for body in [
        "",
        "{",
        "null",
        "7",
        "[]",
        "{}",
        r#"{"event_type":"message_received"}"#,
    ] {
        let items = parse(body.as_bytes(), CHANNEL);
        assert!(items.len() == 1 && items[0].content.is_err(), "{body}");
    }
    for broken in [
        json!({ "id": "" }),
        json!({ "from": "?" }),
        json!({ "time": "soon" }),
        json!({ "body": "" }),
    ] {
        let bad = with(&broken).content.unwrap_err();
        // Whose it is stands in it, unless that is what is broken.
        let told = broken.get("from").is_none();
        assert_eq!(bad.from.phone.is_some(), told, "{broken}");
    }
    let batch = json!([{ "odd": 1 }, event("message_received", &data())]);
    let items = parse(batch.to_string().as_bytes(), CHANNEL);
    assert!(items[0].content.is_err());
    said(&items[1]);
    let unknown = one(&event("message_surprise", &data()));
    assert!(
        matches!(unknown.content.unwrap(), Item::Account { field, .. } if field == "message_surprise")
    );
}

#[test]
fn a_reaction_is_no_answer() {
    let mut data = data();
    data["reaction"] = json!("\u{1F44D}");
    data["msgId"] = json!("true_50911112222@c.us_3EB0");
    let item = one(&event("message_reaction", &data));
    assert!(matches!(
        said(&item).1,
        Content::Reaction { emoji: Some(_), .. }
    ));
    data["fromMe"] = json!(true);
    why(&one(&event("message_reaction", &data)));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!parse(&body, CHANNEL).is_empty());
    }

    #[test]
    fn any_json_in_any_member_is_survived(
        member in prop::sample::select(vec!["id", "from", "type", "body", "fromMe", "time", "ack", "quotedMsg"]),
        value in prop::sample::select(vec!["null", "true", "7", "-1", "1e999", "\"\"", "[]", "{}", "\"\\u0000\\ud800\""]),
    ) {
        let text = event("message_received", &data()).to_string();
        let needle = format!("\"{member}\":");
        let at = text.rfind(&needle).map_or(0, |at| at + needle.len());
        let body = format!("{}{value},\"x\":{}", &text[..at], &text[at..]);
        prop_assert_eq!(parse(body.as_bytes(), CHANNEL).len(), 1);
    }
}

#[test]
fn a_body_of_more_events_than_one_holds_is_one_dead_letter() {
    let list = |events: usize| {
        let body = format!("[{}0]", "0,".repeat(events - 1));
        parse(body.as_bytes(), CHANNEL)
    };
    assert_eq!(list(1_000).len(), 1_000);
    let items = list(1_001);
    assert_eq!(items.len(), 1);
    assert!(items.iter().all(|item| item.content.is_err()));
}
