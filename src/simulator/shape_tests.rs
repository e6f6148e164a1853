//! Every kind of message a phone can send has the shape of Meta's reference.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use super::tests::{PATIENT, START, collect, hello, value, world};
use super::*;

#[test]
fn every_kind_of_message_has_the_shape_of_the_reference() {
    let mut world = world();
    let first = hello(&mut world, START);
    let kinds: Vec<(Said, &str, &str)> = vec![
        (Said::Voice, "audio", "/audio/voice"),
        (
            Said::Image(Some("bouton".into())),
            "image",
            "/image/caption",
        ),
        (
            Said::Document("labo.pdf".into()),
            "document",
            "/document/filename",
        ),
        (Said::Sticker, "sticker", "/sticker/id"),
        (
            Said::Location {
                latitude: 1.5,
                longitude: 2.5,
                name: None,
            },
            "location",
            "/location/latitude",
        ),
        (
            Said::Card {
                name: "Jan".into(),
                number: "243970000005".into(),
            },
            "contacts",
            "/contacts/0/origin",
        ),
        (Said::OwnNumber, "contacts", "/contacts/0/phones/0/wa_id"),
        (
            Said::Reaction {
                target: first.clone(),
                emoji: "👍".into(),
            },
            "reaction",
            "/reaction/emoji",
        ),
        (
            Said::Edit {
                original: first.clone(),
                text: "43".into(),
            },
            "edit",
            "/edit/message/text/body",
        ),
        (
            Said::Revoke(first.clone()),
            "revoke",
            "/revoke/original_message_id",
        ),
        (
            Said::Form("{}".into()),
            "interactive",
            "/interactive/nfm_reply/response_json",
        ),
        (
            Said::Unsupported("poll_creation".into()),
            "unsupported",
            "/errors/0/code",
        ),
        (Said::Welcome, "request_welcome", "/id"),
    ];
    collect(&mut world, START);
    for (said, kind, pointer) in kinds {
        world.phone_writes(PATIENT, &said, None, START).unwrap();
        let bodies = collect(&mut world, START);
        let message = &value(&bodies[0])["messages"][0];
        assert_eq!(message["type"], kind);
        assert!(
            message.pointer(pointer).is_some(),
            "{kind} lacks {pointer}: {message}"
        );
    }
}
