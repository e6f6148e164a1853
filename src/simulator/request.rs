//! Reads a body posted to `/messages` and refuses what Meta would refuse. It
//! must be written from Meta's documents alone and never from our own client.

use super::graph_error::GraphError;
use super::lengths::{self, bounded};
use super::request_parts::{button_part, contact_request_part, list_part, text_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the clinic asks of WhatsApp.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// A message for somebody.
    Message(Message),
    /// The clinic has read a message and everything before it.
    Read {
        /// The message.
        id: String,
        /// Whether the person shall see that somebody is typing.
        typing: bool,
    },
}

/// A message for somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// For whom.
    pub to: To,
    /// What it shows.
    pub shown: Shown,
    /// The message it quotes.
    pub quoted: Option<String>,
    /// The sender's own key, to be returned in statuses.
    pub callback: Option<String>,
}

/// How the clinic names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// By number.
    Number {
        /// As it was written.
        input: String,
        /// Its digits.
        digits: String,
    },
    /// By business-scoped user id.
    UserId(String),
}

/// What a message shows on the phone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shown {
    /// Words.
    Text(String),
    /// Words and reply buttons.
    Buttons {
        /// The words.
        text: String,
        /// The buttons.
        buttons: Vec<Tap>,
    },
    /// Words and a list.
    List {
        /// The words.
        text: String,
        /// The label that opens the list.
        open: String,
        /// The rows of all sections.
        rows: Vec<Tap>,
    },
    /// Words and a button that shares the person's number.
    ContactRequest {
        /// The words.
        text: String,
    },
    /// An approved template.
    Template {
        /// Its name.
        name: String,
        /// Its language code.
        language: String,
        /// What goes in place of its placeholders.
        values: Vec<String>,
        /// Its quick reply, if it has one: what comes back, and once it is shown
        /// what it says.
        #[serde(default)]
        buttons: Vec<Tap>,
    },
    /// An emoji on one of the person's messages.
    Reaction {
        /// That message.
        target: String,
        /// The emoji; empty takes it back.
        emoji: String,
    },
}

/// Something to tap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// Comes back when tapped.
    pub id: String,
    /// What it says.
    pub title: String,
    /// A second line, on a list's row.
    pub description: Option<String>,
}

/// Reads a posted body.
///
/// # Errors
/// What Meta would refuse it with.
pub fn read(body: &[u8]) -> Result<Request, GraphError> {
    let json: Value = serde_json::from_slice(body)
        .map_err(|_| GraphError::new(100, "The parameters are not valid JSON"))?;
    if json.get("messaging_product").and_then(Value::as_str) != Some("whatsapp") {
        return Err(GraphError::new(
            100,
            "The parameter messaging_product is required.",
        ));
    }
    if json.get("status").is_some() {
        return read_mark(&json);
    }
    if let Some(kind) = text_of(&json, "/recipient_type")
        && kind != "individual"
    {
        return Err(GraphError::new(
            100,
            "recipient_type must be one of {INDIVIDUAL}",
        ));
    }
    Ok(Request::Message(Message {
        to: read_to(&json)?,
        shown: read_shown(&json)?,
        quoted: text_of(&json, "/context/message_id").map(str::to_owned),
        callback: read_callback(&json)?,
    }))
}

fn read_mark(json: &Value) -> Result<Request, GraphError> {
    if text_of(json, "/status") != Some("read") {
        return Err(GraphError::new(100, "status must be one of {READ}"));
    }
    let id = text_of(json, "/message_id")
        .ok_or_else(|| GraphError::new(131_008, "message_id is required"))?;
    Ok(Request::Read {
        id: id.to_owned(),
        typing: json.get("typing_indicator").is_some(),
    })
}

/// The phone wins when both forms of address are there.
fn read_to(json: &Value) -> Result<To, GraphError> {
    if let Some(input) = text_of(json, "/to") {
        let digits: String = input.chars().filter(char::is_ascii_digit).collect();
        let clean = input
            .chars()
            .all(|c| c.is_ascii_digit() || "+ -()".contains(c));
        if !clean || !(7..=15).contains(&digits.len()) {
            return Err(GraphError::new(
                100,
                "The parameter to is not a valid phone number",
            ));
        }
        return Ok(To::Number {
            input: input.to_owned(),
            digits,
        });
    }
    match text_of(json, "/recipient") {
        Some(id) if is_user_id(id) => Ok(To::UserId(id.to_owned())),
        Some(_) => Err(GraphError::new(
            100,
            "The parameter recipient is not a valid user id",
        )),
        None => Err(GraphError::new(100, "The parameter to is required.")),
    }
}

/// `CC.` and up to 128 letters and digits, or `CC.ENT.` and the same.
pub fn is_user_id(text: &str) -> bool {
    let Some((country, rest)) = text.split_once('.') else {
        return false;
    };
    let own = rest.strip_prefix("ENT.").unwrap_or(rest);
    country.len() == 2
        && country.bytes().all(|b| b.is_ascii_uppercase())
        && (1..=128).contains(&own.len())
        && own.bytes().all(|b| b.is_ascii_alphanumeric())
}

fn read_callback(json: &Value) -> Result<Option<String>, GraphError> {
    match json.get("biz_opaque_callback_data") {
        None => Ok(None),
        Some(Value::String(text)) => {
            lengths::at_most("biz_opaque_callback_data", text, lengths::CALLBACK, 100)?;
            Ok(Some(text.clone()))
        }
        Some(_) => Err(GraphError::new(
            100,
            "biz_opaque_callback_data must be a string",
        )),
    }
}

fn read_shown(json: &Value) -> Result<Shown, GraphError> {
    match text_of(json, "/type").unwrap_or("text") {
        "text" => {
            let body = text_of(json, "/text/body")
                .ok_or_else(|| GraphError::new(131_008, "text.body is required"))?;
            bounded("text.body", body, lengths::TEXT, 100)?;
            Ok(Shown::Text(body.to_owned()))
        }
        "interactive" => read_interactive(json),
        "template" => read_template(json),
        "reaction" => {
            let target = text_of(json, "/reaction/message_id")
                .ok_or_else(|| GraphError::new(131_008, "reaction.message_id is required"))?;
            Ok(Shown::Reaction {
                target: target.to_owned(),
                emoji: text_of(json, "/reaction/emoji").unwrap_or("").to_owned(),
            })
        }
        _ => Err(GraphError::new(
            131_051,
            "Message type is currently not supported.",
        )),
    }
}

fn read_interactive(json: &Value) -> Result<Shown, GraphError> {
    let part = json
        .get("interactive")
        .ok_or_else(|| GraphError::new(131_008, "interactive is required"))?;
    match text_of(part, "/type") {
        Some("button") => button_part(part),
        Some("list") => list_part(part),
        Some("request_contact_info") => contact_request_part(part),
        Some(_) => Err(GraphError::new(131_009, "interactive.type is not valid")),
        None => Err(GraphError::new(131_008, "interactive.type is required")),
    }
}

fn read_template(json: &Value) -> Result<Shown, GraphError> {
    let name = text_of(json, "/template/name")
        .ok_or_else(|| GraphError::new(131_008, "template.name is required"))?;
    let language = text_of(json, "/template/language/code")
        .ok_or_else(|| GraphError::new(131_008, "template.language.code is required"))?;
    let components = json.pointer("/template/components");
    let components = components.and_then(Value::as_array).into_iter().flatten();
    let values = components
        .clone()
        .filter(|part| text_of(part, "/type") == Some("body"))
        .filter_map(|part| part.get("parameters")?.as_array())
        .flatten()
        .map(|value| text_of(value, "/text").unwrap_or_default().to_owned());
    let buttons = components
        .filter(|part| text_of(part, "/type") == Some("button"))
        .map(read_quick_reply);
    Ok(Shown::Template {
        name: name.to_owned(),
        language: language.to_owned(),
        values: values.collect(),
        buttons: buttons.collect::<Result<_, _>>()?,
    })
}

/// Of all buttons only the first quick reply can be filled in here.
fn read_quick_reply(part: &Value) -> Result<Tap, GraphError> {
    let payload = text_of(part, "/parameters/0/payload");
    let first = text_of(part, "/index") == Some("0");
    let quick = text_of(part, "/sub_type") == Some("quick_reply");
    match payload.filter(|_| first && quick) {
        Some(payload) => Ok(Tap {
            id: payload.to_owned(),
            title: String::new(),
            description: None,
        }),
        None => Err(GraphError::new(
            131_009,
            "template.components: this button is not a quick reply with a payload",
        )),
    }
}
