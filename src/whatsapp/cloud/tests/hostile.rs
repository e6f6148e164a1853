//! Bodies that are broken, by accident or on purpose.

use super::*;
use crate::core::private::Private;
use proptest::prelude::*;

fn text(id: &str) -> Value {
    json!({
        "from": "243810000002", "id": id, "timestamp": "1795168800",
        "type": "text", "text": { "body": "x" },
    })
}

#[test]
fn what_is_not_the_envelope_is_one_dead_letter_with_its_whole_body() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (
            b"{\"object\":\"whatsapp_business_account\",\"entry\":[",
            "not JSON",
        ),
        (b"[]", "not the envelope of a webhook"),
        (b"null", "not the envelope of a webhook"),
        (b"{}", "not the envelope of a webhook"),
        (b"{\"entry\":[]}", "not the envelope of a webhook"),
        (
            b"{\"object\":\"whatsapp_business_account\",\"entry\":7}",
            "not the envelope of a webhook",
        ),
    ];
    for (body, why) in cases {
        let bad = one(body).content.unwrap_err();
        assert_eq!(bad.why, why);
        assert_eq!(bad.raw.as_str(), String::from_utf8_lossy(body));
    }
}

#[test]
fn a_dead_letter_tells_whose_it_is_where_that_can_be_read() {
    let bare = |who: &Option<Private<String>>| who.clone().map(|it| it.expose().clone());
    let amina = Some("243810000002".to_owned());
    let user = Some("CD.5500011122233".to_owned());
    for (members, number, id) in [
        (r#""from":"243810000002","id":[]"#, &amina, &None),
        (r#""from":"243810000002","id":"w","id":"v""#, &amina, &None),
        (
            r#""id":"w","from":243810000002,"type":"text""#,
            &amina,
            &None,
        ),
        (
            r#""from_user_id":"CD.5500011122233","text":{}"#,
            &None,
            &user,
        ),
        (r#""recipient_id":"243810000002","id":"""#, &amina, &None),
        (r#""wa_id":"243810000002","user_id":{}"#, &amina, &None),
        (r#""from":{},"user_id":"CD.5500011122233""#, &None, &user),
        (r#""from":"nobody","id":"""#, &None, &None),
    ] {
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{
                "field":"messages","value":{{"messages":[{{{members}}}]}}}}]}}]}}"#
        );
        let who = one(body.as_bytes()).content.unwrap_err().from;
        assert_eq!(
            (&bare(&who.phone), &bare(&who.bsuid)),
            (number, id),
            "{members}"
        );
        assert!(who.profile_name.is_none() && who.username.is_none());
    }
}

#[test]
fn a_bad_part_costs_its_neighbours_nothing() {
    let good = json!({ "field": "messages", "value": messages(&[text("a"), json!(7), text("b")]) });
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [
            null,
            { "id": "1" },
            { "id": "1", "changes": [17, { "field": "messages", "value": "odd" }, good] },
        ],
    });
    let items = parse(&serde_json::to_vec(&body).unwrap());
    let sound = items.iter().filter(|item| item.content.is_ok()).count();
    assert_eq!((items.len(), sound), (7, 2));
    let raws: Vec<&str> = items
        .iter()
        .filter_map(|item| item.content.as_ref().err())
        .map(|bad| bad.raw.as_str())
        .collect();
    assert_eq!(raws[0], "null");
    assert_eq!(raws[4], "7", "each with its own JSON");
}

#[test]
fn a_list_of_the_wrong_form_leaves_the_others_alone() {
    let mut value = messages(&[text("a")]);
    value["statuses"] = json!({ "id": "x" });
    let items = parse(&envelope("messages", &value));
    assert_eq!(items.len(), 2);
    assert!(items[0].content.is_ok());
    assert_eq!(
        items[1].content.as_ref().unwrap_err().why,
        "a list that is no array"
    );
}

#[test]
fn a_malformed_item_never_takes_the_key_of_a_good_one() {
    let mut bad = text("a");
    bad["timestamp"] = json!("soon");
    let bad = one(&envelope("messages", &messages(&[bad])));
    let good = one(&envelope("messages", &messages(&[text("a")])));
    assert!(bad.content.is_err() && good.content.is_ok());
    assert_ne!(bad.dedup, good.dedup);
}

#[test]
fn the_least_number_there_is_makes_no_stamp() {
    let mut bad = text("a");
    bad["timestamp"] = json!(i64::MIN);
    let items = parse(&envelope("messages", &messages(&[bad, text("b")])));
    assert!(items[0].content.is_err() && items[1].content.is_ok());
}

#[test]
fn half_an_emoji_costs_one_character_and_not_the_batch() {
    let body = envelope("messages", &messages(&[text("a"), text("b")]));
    let body = String::from_utf8(body).unwrap();
    let body = body.replacen(
        "\"body\":\"x\"",
        "\"body\":\"fi\\u00e8vre \\ud83e et\\u0000\"",
        1,
    );
    let items = parse(body.as_bytes());
    assert_eq!(items.len(), 2);
    assert!(items[1].content.is_ok());
    let Ok(Item::Message(first)) = &items[0].content else {
        panic!("{items:?}");
    };
    let expected = Content::Text {
        body: "fièvre \u{fffd} et\u{fffd}".into(),
    };
    assert_eq!(first.content, expected);
}

#[test]
fn depth_without_end_is_survived() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for body in [deep("[", "]"), deep("{\"a\":", "}"), "[".repeat(1_000_000)] {
        assert!(one(body.as_bytes()).content.is_err());
    }
    let nested = deep("[", "]");
    let wrap = |field: &str, value: &str| {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"{field}","value":{value}}}]}}]}}"#
        )
    };
    let account = one(wrap("account_update", &nested).as_bytes());
    assert_eq!(account.content.unwrap_err().why, "nested too deeply");
    let message = format!(
        r#"{{"messages":[{{"from":"243810000002","id":"a","timestamp":"1","type":"text","text":{nested}}},{{"from":"243810000002","id":"b","timestamp":"1","type":"text","text":{{"body":"x"}}}}]}}"#
    );
    let items = parse(wrap("messages", &message).as_bytes());
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[0].content.as_ref().unwrap_err().why,
        "a text without a body"
    );
    assert!(items[1].content.is_ok());
}

#[test]
fn an_array_is_not_taken_for_an_object() {
    let list = json!([
        "wamid.X",
        "243810000002",
        null,
        null,
        "1795168800",
        null,
        null
    ]);
    let item = one(&envelope("messages", &messages(&[list])));
    assert!(item.content.is_err());
}

#[test]
fn neither_debug_nor_a_reason_shows_what_was_written() {
    let mut bad = text("wamid.SECRETID");
    bad["text"] = json!({ "body": ["SECRETWORDS"] });
    let good = message("text", &json!({ "body": "SECRETWORDS" }));
    let items = parse(&envelope("messages", &messages(&[bad, good])));
    let shown = format!("{items:?}");
    for secret in ["SECRET", "243810000002", "Amina", "CD.55", "TEST1"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

/// A value of any shape made of Meta's own words.
fn arb_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "object",
        "whatsapp_business_account",
        "entry",
        "changes",
        "field",
        "value",
        "messages",
        "statuses",
        "contacts",
        "metadata",
        "id",
        "from",
        "from_user_id",
        "timestamp",
        "type",
        "text",
        "body",
        "image",
        "system",
        "edit",
        "message",
        "errors",
        "code",
        "calls",
        "status",
        "failed",
        "user_id_update",
        "243810000002",
        "CD.1",
        "1795168800",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        words.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(k, v)| (k.to_owned(), v))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_give_a_list(body in prop::collection::vec(any::<u8>(), 0..200)) {
        parse(&body);
    }

    #[test]
    fn any_value_gives_at_least_one_item(value in arb_json()) {
        for field in ["messages", "calls", "user_id_update", "smb_message_echoes", "other"] {
            let items = parse(&envelope(field, &value));
            prop_assert!(!items.is_empty() || value.is_null());
        }
    }

    #[test]
    fn any_part_of_a_message_costs_no_neighbour(kind in "text|image|system|edit|contacts|location|reaction", part in arb_json()) {
        let items = parse(&envelope("messages", &messages(&[text("a"), message(&kind, &part), text("b")])));
        prop_assert_eq!(items.len(), 3);
        prop_assert!(items[0].content.is_ok() && items[2].content.is_ok());
    }

    #[test]
    fn a_body_cut_anywhere_or_with_one_wrong_byte_is_survived(cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = envelope("messages", &messages(&[text("a"), message("image", &json!({ "id": "1" }))]));
        let at = cut.index(body.len());
        parse(&body[..at]);
        body[at] = byte;
        parse(&body);
    }
}
