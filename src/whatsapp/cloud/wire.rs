//! Meta's JSON, field for field, borrowed from the body.
//!
//! Only what is used is named; the rest is skipped unread. Lists stay raw so
//! that each element can fail alone. Nothing in here decides anything.

use crate::whatsapp::json::{Raw, Words};
use serde::Deserialize;

/// The whole body.
#[derive(Deserialize)]
pub struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) object: Words<'a>,
    #[serde(borrow)]
    pub(super) entry: Vec<Raw<'a>>,
}

/// The whole body when every entry and change in it has its form: read in one
/// pass, which is what speed asks for.
#[derive(Deserialize)]
pub struct SoundEnvelope<'a> {
    #[serde(borrow)]
    pub(super) object: Words<'a>,
    #[serde(borrow)]
    pub(super) entry: Vec<SoundEntry<'a>>,
}

/// One account's part of a sound body.
#[derive(Deserialize)]
pub struct SoundEntry<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) time: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(super) changes: Vec<Change<'a>>,
}

/// One account's part of the body.
#[derive(Deserialize)]
pub struct Entry<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) time: Option<Raw<'a>>,
    #[serde(borrow)]
    pub(super) changes: Vec<Raw<'a>>,
}

/// One change; what its value holds depends on the field.
#[derive(Deserialize)]
pub struct Change<'a> {
    #[serde(borrow)]
    pub(super) field: Words<'a>,
    #[serde(borrow)]
    pub(super) value: Raw<'a>,
}

/// The value of a change in a field that speaks of messages or calls.
#[derive(Deserialize)]
pub struct Value<'a> {
    #[serde(borrow, default)]
    pub(super) metadata: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) contacts: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) messages: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) statuses: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) errors: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) calls: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) message_echoes: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) user_id_update: Option<Raw<'a>>,
}

/// Which of our numbers a change concerns.
#[derive(Default, Deserialize)]
pub struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(super) display_phone_number: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) phone_number_id: Option<Words<'a>>,
}

/// One of the people a change speaks of.
#[derive(Deserialize)]
pub struct Contact<'a> {
    #[serde(borrow, default)]
    pub(super) wa_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) parent_user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) profile: Option<Raw<'a>>,
}

/// What a person says about themselves.
#[derive(Default, Deserialize)]
pub struct Profile<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) username: Option<Words<'a>>,
}

/// One message. What it says stays raw: the type tells which part to read.
#[derive(Deserialize)]
pub struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) from: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) from_user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) from_parent_user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) group_id: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) context: Option<Raw<'a>>,
}

/// What a message says: its type, and one part by the name of the type.
#[derive(Deserialize)]
pub struct Said<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Words<'a>,
    #[serde(borrow, default)]
    pub(super) text: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) interactive: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) button: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) image: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) audio: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) voice: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) video: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) document: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) sticker: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) location: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) contacts: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) reaction: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) system: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) unsupported: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) edit: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) revoke: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) errors: Option<Raw<'a>>,
}

/// The message another one answers or quotes.
#[derive(Deserialize)]
pub struct Context<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Words<'a>>,
}

/// The part of a text message.
#[derive(Deserialize)]
pub struct Text<'a> {
    #[serde(borrow)]
    pub(super) body: Words<'a>,
}

/// The part of a tapped button or row, or of a completed form.
#[derive(Deserialize)]
pub struct Interactive<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Words<'a>,
    #[serde(borrow, default)]
    pub(super) button_reply: Option<Reply<'a>>,
    #[serde(borrow, default)]
    pub(super) list_reply: Option<Reply<'a>>,
    #[serde(borrow, default)]
    pub(super) nfm_reply: Option<Form<'a>>,
}

/// What was tapped.
#[derive(Deserialize)]
pub struct Reply<'a> {
    #[serde(borrow)]
    pub(super) id: Words<'a>,
    #[serde(borrow, default)]
    pub(super) title: Words<'a>,
}

/// A completed form.
#[derive(Deserialize)]
pub struct Form<'a> {
    #[serde(borrow)]
    pub(super) response_json: Words<'a>,
}

/// The part of a tapped template button.
#[derive(Deserialize)]
pub struct Button<'a> {
    #[serde(borrow, default)]
    pub(super) payload: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) text: Words<'a>,
}

/// The part of a message with an attachment.
#[derive(Deserialize)]
pub struct Attachment<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) mime_type: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub sha256: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) caption: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) filename: Option<Words<'a>>,
    #[serde(default)]
    pub(super) voice: Option<bool>,
}

/// The part of a shared place.
#[derive(Deserialize)]
pub struct Location<'a> {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    #[serde(borrow, default)]
    pub(super) name: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) address: Option<Words<'a>>,
}

/// One shared contact card.
#[derive(Deserialize)]
pub struct Card<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<CardName<'a>>,
    #[serde(borrow, default)]
    pub(super) phones: Vec<CardPhone<'a>>,
    #[serde(borrow, default)]
    pub(super) origin: Option<Words<'a>>,
}

/// The name on a card.
#[derive(Deserialize)]
pub struct CardName<'a> {
    #[serde(borrow, default)]
    pub(super) formatted_name: Option<Words<'a>>,
}

/// A number on a card.
#[derive(Deserialize)]
pub struct CardPhone<'a> {
    #[serde(borrow, default)]
    pub(super) phone: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) wa_id: Option<Words<'a>>,
}

/// The part of a reaction.
#[derive(Deserialize)]
pub struct Reaction<'a> {
    #[serde(borrow)]
    pub(super) message_id: Words<'a>,
    #[serde(borrow, default)]
    pub(super) emoji: Option<Words<'a>>,
}

/// The part of a message by WhatsApp itself. Older editions name the new
/// number `new_wa_id`.
#[derive(Deserialize)]
pub struct System<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) wa_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) new_wa_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) user_id: Option<Words<'a>>,
}

/// The part of a message that WhatsApp does not deliver.
#[derive(Deserialize)]
pub struct Unsupported<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Words<'a>>,
}

/// The part of a correction.
#[derive(Deserialize)]
pub struct Edit<'a> {
    #[serde(borrow)]
    pub(super) original_message_id: Words<'a>,
    #[serde(borrow)]
    pub(super) message: Raw<'a>,
}

/// The part of a deletion for everyone.
#[derive(Deserialize)]
pub struct Revoke<'a> {
    #[serde(borrow)]
    pub(super) original_message_id: Words<'a>,
}

/// News of a message of ours.
#[derive(Deserialize)]
pub struct Status<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) status: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) recipient_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) recipient_user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) recipient_parent_user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) recipient_type: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) biz_opaque_callback_data: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) pricing: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) errors: Option<Raw<'a>>,
}

/// What a message costs.
#[derive(Default, Deserialize)]
pub struct Pricing<'a> {
    #[serde(default)]
    pub(super) billable: Option<bool>,
    #[serde(borrow, default)]
    pub(super) category: Option<Words<'a>>,
}

/// A fault, in a webhook and in the answer to a call alike. Its texts are not
/// read: they change, and may hold the patient's number.
#[derive(Deserialize)]
pub struct Fault<'a> {
    #[serde(borrow, default)]
    pub(super) code: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) error_subcode: Option<Words<'a>>,
}

/// A call by voice.
#[derive(Deserialize)]
pub struct Call<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) from: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) from_user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) from_parent_user_id: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) event: Option<Words<'a>>,
    #[serde(borrow, default)]
    pub(super) direction: Option<Words<'a>>,
}
