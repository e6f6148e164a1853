//! News of our own messages, calls, and faults of the account.

use super::*;
use crate::core::inbound::{ProviderError, Receipt, Status};
use crate::core::time::UnixMs;

fn status(value: &Value) -> Status {
    match one_item(&envelope(
        "messages",
        &statuses(std::slice::from_ref(value)),
    )) {
        Item::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_status_with_everything() {
    let read = status(&json!({
        "id": "wamid.OUT1", "status": "delivered", "timestamp": "1795168815",
        "recipient_id": "243810000002", "recipient_user_id": "CD.5500011122233",
        "biz_opaque_callback_data": "ob:0123",
        "pricing": { "billable": true, "pricing_model": "PMP", "category": "service" },
    }));
    assert_eq!(read.id, "wamid.OUT1".into());
    assert_eq!(read.receipt, Receipt::Delivered);
    assert_eq!(read.stamped, UnixMs(1_795_168_815_000));
    assert_eq!(read.recipient.phone, Some("243810000002".into()));
    assert_eq!(read.recipient.bsuid, Some("CD.5500011122233".into()));
    assert_eq!(read.callback.as_deref(), Some("ob:0123"));
    assert_eq!(
        (read.category.as_deref(), read.billable),
        (Some("service"), true)
    );
    assert_eq!(read.errors, []);
}

#[test]
fn every_word_for_a_receipt() {
    let words = [
        ("sent", Receipt::Sent),
        ("delivered", Receipt::Delivered),
        ("read", Receipt::Read),
        ("played", Receipt::Played),
        ("failed", Receipt::Failed),
    ];
    for (word, receipt) in words {
        let bare = json!({ "id": "wamid.OUT1", "status": word, "timestamp": 1_795_168_815 });
        let read = status(&bare);
        assert_eq!(read.receipt, receipt);
        assert!(read.recipient.is_empty(), "a status needs no recipient");
    }
    for word in ["deleted", "RINGING", "warning"] {
        let other = json!({ "id": "wamid.OUT1", "status": word, "timestamp": "1" });
        let expected = Item::Ignored {
            why: format!("status {word}"),
        };
        assert_eq!(
            one_item(&envelope("messages", &statuses(&[other]))),
            expected
        );
    }
}

#[test]
fn a_failure_tells_its_codes_and_no_texts() {
    let failed = status(&json!({
        "id": "wamid.OUT2", "status": "failed", "timestamp": "1795255300",
        "recipient_id": "243810000002", "biz_opaque_callback_data": "ob:0124",
        "errors": [
            { "code": 131047, "title": "t", "error_data": { "details": "+243810000002" } },
            { "code": "100", "error_subcode": 33 },
            { "title": "no code" },
        ],
    }));
    let expected = [
        ProviderError {
            code: 131_047,
            subcode: None,
        },
        ProviderError {
            code: 100,
            subcode: Some(33),
        },
    ];
    assert_eq!(failed.errors, expected);
}

#[test]
fn one_message_yields_several_statuses_with_keys_of_their_own() {
    let at = |word: &str| json!({ "id": "wamid.OUT1", "status": word, "timestamp": "1" });
    let items = parse(&envelope(
        "messages",
        &statuses(&[at("sent"), at("read"), at("sent")]),
    ));
    assert_eq!(items.len(), 3);
    assert_ne!(items[0].dedup, items[1].dedup);
    assert_eq!(items[0].dedup, items[2].dedup);
}

#[test]
fn a_status_of_a_group_is_ignored() {
    let group = json!({
        "id": "wamid.OUT1", "status": "read", "timestamp": "1", "recipient_type": "group",
    });
    let expected = Item::Ignored {
        why: "group status".into(),
    };
    assert_eq!(
        one_item(&envelope("messages", &statuses(&[group]))),
        expected
    );
}

#[test]
fn a_call_opens_the_window_and_our_own_does_not() {
    let value = |from: &str, direction: &str| {
        json!({
            "metadata": { "display_phone_number": "243970000001", "phone_number_id": NUMBER_ID },
            "calls": [{
                "id": "wacid.1", "from": from, "to": "x", "event": "connect",
                "timestamp": "1795168800", "direction": direction,
            }],
        })
    };
    let call = one_item(&envelope("calls", &value("243810000002", "USER_INITIATED")));
    let expected = Item::Call {
        id: "wacid.1".into(),
        from: phone("243810000002"),
        stamped: UnixMs(1_795_168_800_000),
        event: "connect".into(),
    };
    assert_eq!(call, expected);
    let own = Item::Ignored {
        why: "own call".into(),
    };
    let ours = value("243970000001", "BUSINESS_INITIATED");
    assert_eq!(one_item(&envelope("calls", &ours)), own);
    let echo = value("243970000001", "");
    assert_eq!(one_item(&envelope("calls", &echo)), own);
}

#[test]
fn a_renewed_user_id() {
    let update = json!({
        "wa_id": "243810000002", "user_id": { "previous": "CD.1", "current": "CD.2" },
    });
    let expected = Item::UserIdUpdate {
        previous: "CD.1".into(),
        current: "CD.2".into(),
        phone: Some("243810000002".into()),
    };
    assert_eq!(one_item(&envelope("user_id_update", &update)), expected);
    let listed = json!({ "user_id_update": [update] });
    assert_eq!(one_item(&envelope("user_id_update", &listed)), expected);
    let odd = json!({ "user_id": { "previous": "CD.1" } });
    let item = one(&envelope("user_id_update", &odd));
    assert_eq!(
        item.content.unwrap_err().why,
        "a user id update without both ids"
    );
}

#[test]
fn a_fault_of_the_account() {
    let value = json!({ "errors": [{ "code": 130_429, "message": "limit" }] });
    let expected = Item::ChannelError(ProviderError {
        code: 130_429,
        subcode: None,
    });
    assert_eq!(one_item(&envelope("messages", &value)), expected);
}

fn told(field: &str, value: &serde_json::Value) -> Item {
    Item::Account {
        field: field.to_owned(),
        raw: value.to_string().into(),
    }
}

#[test]
fn account_events_are_kept_whatever_they_hold() {
    for field in [
        "account_update",
        "message_template_status_update",
        "brand_new",
    ] {
        for value in [json!({ "event": "X" }), json!("odd")] {
            assert_eq!(one_item(&envelope(field, &value)), told(field, &value));
        }
    }
    let value = json!({ "new_list": [] });
    assert_eq!(
        one_item(&envelope("messages", &value)),
        told("messages", &value)
    );
}
