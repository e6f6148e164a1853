//! What a person can do on their phone, and the `messages[]` element it makes.
//! Shapes must follow Meta's reference, odd ones included.

use super::person::Person;
use super::statuses::seconds;
use crate::core::time::UnixMs;
use serde_json::{Map, Value, json};

/// Something a person says or does in the chat.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Words.
    Text(String),
    /// A tap on a button or a row the clinic sent, by its id.
    Tap(String),
    /// A tap on a template's quick reply.
    QuickReply {
        /// What comes back.
        payload: String,
        /// What it says.
        text: String,
    },
    /// A completed form; a JSON text.
    Form(String),
    /// A voice note.
    Voice,
    /// A photo, perhaps with words.
    Image(Option<String>),
    /// A document with its name.
    Document(String),
    /// A sticker.
    Sticker,
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// Its name.
        name: Option<String>,
    },
    /// Somebody's card.
    Card {
        /// The name on it.
        name: String,
        /// The number on it.
        number: String,
    },
    /// The person's own number, as asked for.
    OwnNumber,
    /// An emoji on a message; empty takes it back.
    Reaction {
        /// The message.
        target: String,
        /// The emoji.
        emoji: String,
    },
    /// Other words for an earlier message.
    Edit {
        /// The message.
        original: String,
        /// The words now.
        text: String,
    },
    /// An earlier message deleted for everyone.
    Revoke(String),
    /// A kind the business platform does not carry, such as a poll.
    Unsupported(String),
    /// The chat was opened for the first time.
    Welcome,
}

/// A media file a message points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its media id.
    pub id: String,
    /// Its type.
    pub mime: String,
    /// The base64 digest webhooks tell.
    pub sha256: String,
}

impl Said {
    /// How the chat shows it: kind and words. Nothing for what changes another
    /// message and makes no bubble of its own.
    pub fn bubble(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Text(text) => Some(("text", text.clone())),
            Self::Tap(id) => Some(("tap", id.clone())),
            Self::QuickReply { text, .. } => Some(("tap", text.clone())),
            Self::Form(_) => Some(("form", String::new())),
            Self::Voice => Some(("voice", String::new())),
            Self::Image(caption) => Some(("image", caption.clone().unwrap_or_default())),
            Self::Document(name) => Some(("document", name.clone())),
            Self::Sticker => Some(("sticker", String::new())),
            Self::Location { name, .. } => Some(("location", name.clone().unwrap_or_default())),
            Self::Card { name, .. } => Some(("contact", name.clone())),
            Self::OwnNumber => Some(("own_number", String::new())),
            Self::Unsupported(what) => Some(("unsupported", what.clone())),
            Self::Reaction { .. } | Self::Edit { .. } | Self::Revoke(_) | Self::Welcome => None,
        }
    }

    /// The type of file it carries, if any.
    pub const fn mime(&self) -> Option<&'static str> {
        match self {
            Self::Voice => Some("audio/ogg; codecs=opus"),
            Self::Image(_) => Some("image/png"),
            Self::Document(_) => Some("application/pdf"),
            Self::Sticker => Some("image/webp"),
            Self::Text(_)
            | Self::Tap(_)
            | Self::QuickReply { .. }
            | Self::Form(_)
            | Self::Location { .. }
            | Self::Card { .. }
            | Self::OwnNumber
            | Self::Reaction { .. }
            | Self::Edit { .. }
            | Self::Revoke(_)
            | Self::Unsupported(_)
            | Self::Welcome => None,
        }
    }

    /// The fields of the message that belong to its type, `type` among them.
    pub fn fields(&self, person: &Person, attached: Option<&Attached>) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": { "body": text } }),
            Self::Tap(id) => quick_reply(id, id),
            Self::QuickReply { payload, text } => quick_reply(payload, text),
            Self::Form(answers) => json!({ "type": "interactive", "interactive": {
                "type": "nfm_reply",
                "nfm_reply": { "name": "flow", "body": "Sent", "response_json": answers } } }),
            Self::Voice => media("audio", attached, json!({ "voice": true })),
            Self::Image(Some(caption)) => media("image", attached, json!({ "caption": caption })),
            Self::Image(None) => media("image", attached, json!({})),
            Self::Document(name) => media("document", attached, json!({ "filename": name })),
            Self::Sticker => media("sticker", attached, json!({ "animated": false })),
            Self::Location {
                latitude,
                longitude,
                name,
            } => json!({ "type": "location", "location": {
                "latitude": latitude, "longitude": longitude, "name": name } }),
            Self::Card { name, number } => card(name, number, "other"),
            Self::OwnNumber => card(&person.name, person.number.digits(), "contact_request"),
            Self::Reaction { target, emoji } => json!({ "type": "reaction",
                "reaction": { "message_id": target, "emoji": emoji } }),
            Self::Edit { original, text } => json!({ "type": "edit", "edit": {
                "original_message_id": original,
                "message": { "type": "text", "text": { "body": text } } } }),
            Self::Revoke(original) => json!({ "type": "revoke",
                "revoke": { "original_message_id": original } }),
            Self::Unsupported(what) => unsupported(what),
            Self::Welcome => json!({ "type": "request_welcome" }),
        }
    }
}

/// The whole element of `messages[]`.
pub fn message(
    person: &Person,
    id: &str,
    quoted: Option<Value>,
    fields: Value,
    at: UnixMs,
) -> Value {
    let mut message = Map::new();
    person.name_into(&mut message, "from", "from_user_id");
    message.insert("id".into(), json!(id));
    message.insert("timestamp".into(), json!(seconds(at)));
    if let Some(context) = quoted {
        message.insert("context".into(), context);
    }
    if let Value::Object(fields) = fields {
        message.extend(fields);
    }
    Value::Object(message)
}

/// The fields of an answer by button or list row.
pub fn tapped(is_list: bool, id: &str, title: &str, description: Option<&str>) -> Value {
    let kind = if is_list {
        "list_reply"
    } else {
        "button_reply"
    };
    let mut reply = json!({ "id": id, "title": title });
    if let (Some(description), Some(fields)) = (description, reply.as_object_mut()) {
        fields.insert("description".into(), json!(description));
    }
    json!({ "type": "interactive", "interactive": { "type": kind, kind: reply } })
}

/// The fields of an answer by a template's quick reply.
pub fn quick_reply(payload: &str, text: &str) -> Value {
    json!({ "type": "button", "button": { "payload": payload, "text": text } })
}

fn media(kind: &str, attached: Option<&Attached>, more: Value) -> Value {
    let mut file = more;
    if let (Some(attached), Some(fields)) = (attached, file.as_object_mut()) {
        fields.insert("id".into(), json!(attached.id));
        fields.insert("mime_type".into(), json!(attached.mime));
        fields.insert("sha256".into(), json!(attached.sha256));
    }
    json!({ "type": kind, kind: file })
}

fn card(name: &str, number: &str, origin: &str) -> Value {
    json!({ "type": "contacts", "contacts": [ {
        "name": { "formatted_name": name, "first_name": name },
        "phones": [ { "phone": format!("+{number}"), "wa_id": number, "type": "CELL" } ],
        "origin": origin } ] })
}

fn unsupported(what: &str) -> Value {
    json!({ "type": "unsupported", "unsupported": { "type": what }, "errors": [ {
        "code": 131_051, "title": "Message type unknown", "message": "Message type unknown",
        "error_data": { "details": "Message type is currently not supported." } } ] })
}
