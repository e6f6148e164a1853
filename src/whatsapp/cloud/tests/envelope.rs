//! The envelope: several of everything, and keys that survive rebatching.

use super::*;

fn text(id: &str) -> Value {
    json!({
        "from": "243810000002", "id": id, "timestamp": "1795168800",
        "type": "text", "text": { "body": id },
    })
}

fn ids(items: &[ReceivedItem]) -> Vec<String> {
    let id = |item: &ReceivedItem| match &item.content {
        Ok(Item::Message(inbound)) => inbound.id.expose().clone(),
        other => panic!("{other:?}"),
    };
    items.iter().map(id).collect()
}

#[test]
fn every_entry_change_and_message_is_read_in_order() {
    let change = |list: &[Value]| json!({ "field": "messages", "value": messages(list) });
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [
            { "id": "1", "changes": [change(&[text("a"), text("b")]), change(&[text("c")])] },
            { "id": "2", "time": 5, "changes": [change(&[text("d")])] },
        ],
    });
    let items = parse(&serde_json::to_vec(&body).unwrap());
    assert_eq!(ids(&items), ["a", "b", "c", "d"]);
    assert!(
        items
            .iter()
            .all(|i| i.phone_number_id.as_deref() == Some(NUMBER_ID))
    );
}

#[test]
fn a_thousand_updates_in_one_body() {
    let list: Vec<Value> = (0..1_000).map(|i| text(&format!("wamid.{i}"))).collect();
    let items = parse(&envelope("messages", &messages(&list)));
    assert_eq!(items.len(), 1_000);
    assert!(items.iter().all(|item| item.content.is_ok()));
}

#[test]
fn messages_statuses_and_errors_may_share_a_value() {
    let mut value = messages(&[text("a")]);
    value["statuses"] = json!([{ "id": "b", "status": "sent", "timestamp": "1" }]);
    value["errors"] = json!([{ "code": 131_000 }]);
    let items = parse(&envelope("messages", &value));
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| item.content.is_ok()));
}

#[test]
fn keys_do_not_depend_on_the_place_in_the_body() {
    let alone = parse(&envelope("messages", &messages(&[text("b")])));
    let batched = parse(&envelope("messages", &messages(&[text("a"), text("b")])));
    assert_eq!(alone[0].dedup, batched[1].dedup);
    let value = json!({ "a": 1, "b": { "c": 2, "d": [3] } });
    let plain = parse(&envelope("account_update", &value));
    let spaced = br#"{"object":"whatsapp_business_account","entry":[{"id":"900800700",
        "changes":[{"value":{"b":{"d":[3], "c":2},"a":1},"field":"account_update"}]}]}"#;
    assert_eq!(plain[0].dedup, parse(spaced)[0].dedup);
    let other = parse(&envelope("account_alerts", &value));
    assert_ne!(plain[0].dedup, other[0].dedup);
}

#[test]
fn what_is_said_of_the_account_for_the_second_time_is_news() {
    let at = |field: &str, value: &Value, time: i64| {
        let body = json!({
            "object": "whatsapp_business_account",
            "entry": [{ "id": "900800700", "time": time,
                        "changes": [{ "field": field, "value": value }] }],
        });
        parse(&serde_json::to_vec(&body).unwrap()).remove(0).dedup
    };
    let locked = json!({ "metadata": { "phone_number_id": NUMBER_ID },
                         "errors": [{ "code": 131_031 }] });
    for (field, value) in [
        ("account_update", json!({ "event": "DISABLED_UPDATE" })),
        ("account_alerts", json!({ "alert": "x" })),
        ("messages", locked),
    ] {
        assert_ne!(at(field, &value, 8), at(field, &value, 9), "{field}");
        assert_eq!(at(field, &value, 8), at(field, &value, 8), "{field}");
    }
    // A message comes once, whenever it is told.
    let message = messages(&[text("a")]);
    assert_eq!(at("messages", &message, 8), at("messages", &message, 9));
}

#[test]
fn people_are_matched_by_identity_and_not_by_place() {
    let mut value = messages(&[
        json!({ "from": "243810000011", "id": "a", "timestamp": "1", "type": "text", "text": { "body": "x" } }),
        json!({ "from_user_id": "CD.22", "id": "b", "timestamp": "1", "type": "text", "text": { "body": "y" } }),
        json!({ "from": "243810000033", "id": "c", "timestamp": "1", "type": "text", "text": { "body": "z" } }),
    ]);
    value["contacts"] = json!([
        { "profile": { "name": "Deux" }, "user_id": "CD.22", "wa_id": "243810000022" },
        "no contact at all",
        { "profile": { "name": "Un" }, "wa_id": "243810000011", "user_id": "CD.11" },
    ]);
    let items = parse(&envelope("messages", &value));
    let from = |i: usize| match &items[i].content {
        Ok(Item::Message(inbound)) => inbound.from.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(from(0).profile_name, Some("Un".into()));
    assert_eq!(from(0).bsuid, Some("CD.11".into()));
    assert_eq!(from(1).profile_name, Some("Deux".into()));
    assert_eq!(from(1).phone, Some("243810000022".into()));
    assert_eq!(from(2), phone("243810000033"));
}

#[test]
fn an_empty_envelope_holds_nothing() {
    assert_eq!(
        parse(br#"{"object":"whatsapp_business_account","entry":[]}"#),
        []
    );
}

#[test]
fn an_unknown_object_is_kept() {
    let body = r#"{"object":"page","entry":[{"x":1}]}"#;
    let expected = Item::Account {
        field: "object page".into(),
        raw: body.into(),
    };
    assert_eq!(one_item(body.as_bytes()), expected);
}

#[test]
fn news_of_another_account_are_kept_and_not_acted_on() {
    let paused = json!({ "event": "PAUSED", "message_template_name": "reply_waiting_fr",
                         "message_template_language": "fr" });
    for (field, value) in [
        ("account_update", json!({ "event": "DISABLED_UPDATE" })),
        ("message_template_status_update", paused),
    ] {
        let body = envelope(field, &value);
        let is_kept = |account: Option<&str>| {
            let items = parse_of(&body, account);
            assert_eq!(items.len(), 1);
            matches!(items[0].content, Ok(Item::Account { .. }))
        };
        assert!(is_kept(Some("900800701")), "{field}");
        assert!(!is_kept(Some("900800700")), "{field}");
        assert!(!is_kept(None), "{field}");
    }
    // A message is told by the number it came to.
    let items = parse_of(&envelope("messages", &messages(&[text("a")])), Some("1"));
    assert!(matches!(items[0].content, Ok(Item::Message(_))));
}
