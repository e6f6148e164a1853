//! Every type of message.

use super::*;
use crate::core::inbound::{MediaKind, SystemChange};
use crate::core::time::UnixMs;

#[test]
fn a_text_with_all_that_is_known_of_its_sender() {
    let said = inbound(&message(
        "text",
        &json!({ "body": "J'ai mal à la tête 🤒" }),
    ));
    assert_eq!(
        said.content,
        Content::Text {
            body: "J'ai mal à la tête 🤒".into()
        }
    );
    assert_eq!(said.id, "wamid.TEST1".into());
    assert_eq!(said.stamped, UnixMs(1_795_168_800_000));
    assert_eq!(said.quoted, None);
    assert_eq!(said.from.phone, Some("243810000002".into()));
    assert_eq!(said.from.bsuid, Some("CD.5500011122233".into()));
    assert_eq!(said.from.profile_name, Some("Amina Exemple".into()));
    assert_eq!(said.from.username, Some("amina.exemple".into()));
}

#[test]
fn a_quote_binds_an_answer_and_a_forward_does_not() {
    let mut text = message("text", &json!({ "body": "34" }));
    text["context"] = json!({ "from": "243970000001", "id": "wamid.QUESTION" });
    assert_eq!(inbound(&text).quoted, Some("wamid.QUESTION".into()));
    text["context"] = json!({ "forwarded": true });
    assert_eq!(inbound(&text).quoted, None);
    text["context"] = json!("of no known form");
    assert_eq!(inbound(&text).quoted, None, "the words still count");
}

#[test]
fn every_way_to_tap_is_one_choice() {
    let choice = |id: &str, title: &str| Content::Choice {
        id: id.to_owned(),
        title: title.into(),
    };
    let button =
        json!({ "type": "button_reply", "button_reply": { "id": "yes:v1", "title": "Oui" } });
    assert_eq!(
        content(&message("interactive", &button)),
        choice("yes:v1", "Oui")
    );
    let row = json!({
        "type": "list_reply",
        "list_reply": { "id": "fever", "title": "Fièvre", "description": "Corps chaud" },
    });
    assert_eq!(
        content(&message("interactive", &row)),
        choice("fever", "Fièvre")
    );
    let template = json!({ "payload": "reopen:7", "text": "Lire" });
    assert_eq!(
        content(&message("button", &template)),
        choice("reopen:7", "Lire")
    );
    let without_payload = json!({ "text": "Lire" });
    assert_eq!(
        content(&message("button", &without_payload)),
        choice("Lire", "Lire")
    );
}

#[test]
fn a_completed_form_stays_a_json_text() {
    let form = json!({
        "type": "nfm_reply",
        "nfm_reply": { "name": "flow", "body": "Sent", "response_json": "{\"age\":\"34\"}" },
    });
    let expected = Content::Form {
        response_json: "{\"age\":\"34\"}".into(),
    };
    assert_eq!(content(&message("interactive", &form)), expected);
    let other = json!({ "type": "call_permission_reply", "call_permission_reply": {} });
    let expected = Content::Other {
        what: "interactive call_permission_reply".into(),
    };
    assert_eq!(content(&message("interactive", &other)), expected);
}

#[test]
fn attachments_of_every_kind() {
    let cases = [
        ("image", MediaKind::Image, false),
        ("audio", MediaKind::Audio, false),
        ("voice", MediaKind::Audio, true),
        ("video", MediaKind::Video, false),
        ("document", MediaKind::Document, false),
        ("sticker", MediaKind::Sticker, false),
    ];
    for (word, kind, voice) in cases {
        let part = json!({
            "id": "8800", "mime_type": "a/b", "sha256": "AAA=", "caption": "Voilà",
            "filename": "../../x.pdf", "url": "https://elsewhere.example/steal", "animated": true,
        });
        let Content::Media(media) = content(&message(word, &part)) else {
            panic!("{word}");
        };
        assert_eq!((media.kind, media.voice), (kind, voice));
        assert_eq!(media.media_id, "8800");
        assert_eq!(media.mime.as_deref(), Some("a/b"));
        assert_eq!(media.sha256.as_deref(), Some("AAA="));
        assert_eq!(media.caption, Some("Voilà".into()));
        assert_eq!(media.filename, Some("../../x.pdf".into()));
    }
    let note = json!({ "id": 8801, "mime_type": "audio/ogg; codecs=opus", "voice": true });
    let Content::Media(media) = content(&message("audio", &note)) else {
        panic!("a voice note is media");
    };
    assert!(media.voice);
    assert_eq!(media.media_id, "8801");
}

#[test]
fn an_attachment_that_could_not_be_taken_in_is_unsupported() {
    let mut lost = message("video", &json!({}));
    lost["errors"] = json!([{ "code": 131052, "title": "Media download error" }]);
    let expected = Content::Unsupported {
        what: "video".into(),
    };
    assert_eq!(content(&lost), expected);
    assert_eq!(
        why(&message("video", &json!({}))),
        "an attachment without an id"
    );
}

#[test]
fn a_place_on_earth() {
    let place = json!({ "latitude": -1.68, "longitude": 29.22, "name": "Marché", "address": "" });
    let expected = Content::Location {
        latitude: -1.68,
        longitude: 29.22,
        name: Some("Marché".into()),
        address: None,
    };
    assert_eq!(content(&message("location", &place)), expected);
    let nowhere = json!({ "latitude": 91.0, "longitude": 0.0 });
    assert_eq!(
        why(&message("location", &nowhere)),
        "a location that is not on earth"
    );
}

#[test]
fn a_card_is_a_third_person_unless_it_answers_our_request() {
    let card = |origin: &str| {
        json!([{
            "name": { "formatted_name": "Jean Exemple", "first_name": "Jean" },
            "phones": [{ "phone": "+243 (81) 000-0003", "type": "CELL" }],
            "origin": origin,
        }])
    };
    let own = |part: &Value| match content(&message("contacts", part)) {
        Content::Contacts {
            names, own_number, ..
        } => {
            assert_eq!(names, ["Jean Exemple".into()]);
            own_number
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(own(&card("other")), None);
    assert_eq!(own(&card("contact_request")), Some("243810000003".into()));
    let mut named = card("contact_request");
    named[0]["phones"][0]["wa_id"] = json!("243810000004");
    assert_eq!(own(&named), Some("243810000004".into()));
}

#[test]
fn each_card_keeps_its_first_number() {
    let cards = json!([
        { "name": { "formatted_name": "Peter Banda" }, "phones": [
            { "type": "HOME" },
            { "phone": "081 000 0003", "type": "CELL" },
            { "phone": "081 000 0004" },
        ] },
        { "phones": [{ "phone": "0810000005", "wa_id": "243810000005" }] },
        { "name": { "formatted_name": "Grace" }, "phones": [{ "phone": "unknown" }] },
        { "name": { "formatted_name": " " } },
    ]);
    match content(&message("contacts", &cards)) {
        Content::Contacts { names, phones, .. } => {
            assert_eq!(names, ["Peter Banda", "", "Grace"].map(Into::into));
            assert_eq!(
                phones,
                ["081 000 0003", "+243810000005", ""].map(Into::into)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reaction_and_one_taken_back() {
    let reaction = |part: &Value| match content(&message("reaction", part)) {
        Content::Reaction { target, emoji } => {
            assert_eq!(target, "wamid.OURS".into());
            emoji
        }
        other => panic!("{other:?}"),
    };
    let thumb = json!({ "message_id": "wamid.OURS", "emoji": "👍" });
    assert_eq!(reaction(&thumb), Some("👍".into()));
    assert_eq!(
        reaction(&json!({ "message_id": "wamid.OURS", "emoji": "" })),
        None
    );
    assert_eq!(reaction(&json!({ "message_id": "wamid.OURS" })), None);
}

#[test]
fn changes_of_the_account_in_both_editions() {
    let moved = |bsuid: Option<&str>| SystemChange::NumberChanged {
        phone: "243820000009".into(),
        bsuid: bsuid.map(Into::into),
    };
    let renewed = SystemChange::UserIdChanged {
        bsuid: "CD.77".into(),
    };
    let cases = [
        (
            json!({ "type": "user_changed_number", "wa_id": "243820000009" }),
            moved(None),
        ),
        (
            json!({ "type": "user_changed_number", "new_wa_id": "243820000009" }),
            moved(None),
        ),
        (
            json!({ "type": "customer_changed_number", "wa_id": "243820000009" }),
            moved(None),
        ),
        (
            json!({ "type": "user_changed_number", "wa_id": "243820000009", "user_id": "CD.77" }),
            moved(Some("CD.77")),
        ),
        (
            json!({ "type": "customer_changed_number", "user_id": "CD.77" }),
            renewed.clone(),
        ),
        (
            json!({ "type": "user_changed_number", "user_id": "CD.77" }),
            renewed.clone(),
        ),
        (
            json!({ "type": "user_changed_user_id", "user_id": "CD.77" }),
            renewed,
        ),
        (
            json!({ "type": "customer_identity_changed", "identity": { "acknowledged": true } }),
            SystemChange::IdentityChanged,
        ),
        (
            json!({ "type": "something new" }),
            SystemChange::Other {
                what: "something new".into(),
            },
        ),
    ];
    for (part, change) in cases {
        assert_eq!(content(&message("system", &part)), Content::System(change));
    }
    let untold = json!({ "type": "user_changed_number" });
    assert_eq!(
        why(&message("system", &untold)),
        "a new number that is not told"
    );
}

#[test]
fn what_whatsapp_does_not_deliver() {
    let mut poll = message("unsupported", &json!({ "type": "poll_creation" }));
    poll["errors"] = json!([{ "code": 131051 }]);
    let expected = Content::Unsupported {
        what: "poll_creation".into(),
    };
    assert_eq!(content(&poll), expected);
    let bare = json!({ "from": "243810000002", "id": "w", "timestamp": "1", "type": "unknown" });
    let expected = Content::Unsupported {
        what: "unknown".into(),
    };
    assert_eq!(content(&bare), expected);
}

#[test]
fn a_correction_and_a_deletion() {
    let edit = json!({
        "original_message_id": "wamid.FIRST",
        "message": { "type": "text", "text": { "body": "43" } },
    });
    let expected = Content::Edit {
        original: "wamid.FIRST".into(),
        content: Box::new(Content::Text { body: "43".into() }),
    };
    assert_eq!(content(&message("edit", &edit)), expected);
    let nested = json!({ "original_message_id": "a", "message": message("edit", &edit) });
    assert_eq!(why(&message("edit", &nested)), "an edit of an edit");
    let gone = json!({ "original_message_id": "wamid.FIRST" });
    let expected = Content::Revoke {
        original: "wamid.FIRST".into(),
    };
    assert_eq!(content(&message("revoke", &gone)), expected);
}

#[test]
fn types_that_are_kept_and_not_acted_on() {
    let order = content(&message("order", &json!({ "catalog_id": "1" })));
    assert_eq!(
        order,
        Content::Other {
            what: "order".into()
        }
    );
    assert_eq!(
        content(&message("request_welcome", &json!({}))),
        Content::Welcome
    );
    let mut advert = message("text", &json!({ "body": "Bonjour" }));
    advert["referral"] = json!({ "source_type": "ad", "headline": "Santé?" });
    assert_eq!(
        content(&advert),
        Content::Text {
            body: "Bonjour".into()
        }
    );
}

#[test]
fn a_timestamp_in_every_form_it_has_been_seen_in() {
    let mut text = message("text", &json!({ "body": "x" }));
    let sound = [
        json!("1795168800"),
        json!(1_795_168_800),
        json!("1795168800000"),
        json!(1_795_168_800_000_i64),
    ];
    for stamp in sound {
        text["timestamp"] = stamp;
        assert_eq!(inbound(&text).stamped, UnixMs(1_795_168_800_000));
    }
    let unsound = [
        json!("yesterday"),
        json!(-1),
        json!(""),
        json!({}),
        json!(null),
        json!("9223372036854775807"),
    ];
    for stamp in unsound {
        text["timestamp"] = stamp;
        assert_eq!(why(&text), "a message without a sound timestamp");
    }
}

#[test]
fn words_of_the_wrong_form_are_named_and_not_quoted() {
    let cases = [
        (
            "text",
            json!({ "body": ["secret"] }),
            "a text without a body",
        ),
        ("text", json!(["secret"]), "a text without a body"),
        (
            "interactive",
            json!({ "type": "button_reply" }),
            "an interactive reply without what was tapped",
        ),
        ("button", json!(7), "a button without text"),
        (
            "location",
            json!({ "latitude": "secret" }),
            "a location without coordinates",
        ),
        ("contacts", json!({}), "contacts without a list of cards"),
        ("reaction", json!({}), "a reaction without its message"),
        ("system", json!(null), "a system message without its part"),
        (
            "edit",
            json!({}),
            "an edit without its original or its new words",
        ),
        ("revoke", json!({}), "a deletion without its original"),
    ];
    for (kind, part, expected) in cases {
        assert_eq!(why(&message(kind, &part)), expected);
    }
}
