//! UltraMsg's JSON as it stands on the wire. Everything may be missing, and a
//! boolean may be a text.

use crate::whatsapp::json::{Raw, Words};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;

/// The number of an instance, however it is written: `instance1234` or `1234`.
pub fn bare_instance(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix("instance").unwrap_or(id)
}

/// A webhook's body.
#[derive(Deserialize)]
pub struct Event<'a> {
    #[serde(borrow)]
    pub event_type: Words<'a>,
    #[serde(default, borrow, rename = "instanceId")]
    pub instance: Option<Words<'a>>,
    #[serde(default, borrow)]
    pub id: Option<Words<'a>>,
    #[serde(default, borrow, rename = "referenceId")]
    pub reference: Option<Words<'a>>,
    #[serde(default, borrow)]
    pub data: Option<Raw<'a>>,
}

/// A message, in a webhook and in a chat's history alike.
#[derive(Deserialize)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub id: Words<'a>,
    #[serde(default, borrow)]
    pub from: Option<Words<'a>>,
    #[serde(default, borrow)]
    pub pushname: Option<Words<'a>>,
    #[serde(default, borrow, rename = "type")]
    pub kind: Option<Words<'a>>,
    #[serde(default, borrow)]
    pub body: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub caption: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub media: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub filename: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub mimetype: Option<Raw<'a>>,
    #[serde(default, rename = "fromMe")]
    pub from_me: Option<Flag>,
    #[serde(default, borrow, rename = "quotedMsg")]
    pub quoted: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub time: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub ack: Option<Raw<'a>>,
    #[serde(default, borrow, rename = "msgId")]
    pub target: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub reaction: Option<Raw<'a>>,
    #[serde(default, borrow, alias = "latitude")]
    pub lat: Option<Raw<'a>>,
    #[serde(default, borrow, alias = "longitude")]
    pub lng: Option<Raw<'a>>,
}

/// One of our own messages in UltraMsg's queue.
#[derive(Deserialize)]
pub struct Queued<'a> {
    #[serde(borrow)]
    pub id: Words<'a>,
    #[serde(default, borrow, rename = "referenceId")]
    pub reference: Option<Words<'a>>,
    #[serde(default, borrow)]
    pub status: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub ack: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub created_at: Option<Raw<'a>>,
    #[serde(default, borrow)]
    pub sent_at: Option<Raw<'a>>,
}

/// A chat.
#[derive(Deserialize)]
pub struct Chat<'a> {
    #[serde(borrow)]
    pub id: Words<'a>,
    #[serde(
        default,
        borrow,
        alias = "lastTime",
        alias = "timestamp",
        alias = "time"
    )]
    pub last_time: Option<Raw<'a>>,
}

/// A boolean, which UltraMsg also writes as a text or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean")
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag(flag))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Flag, E> {
        let text = text.trim();
        Ok(Flag(text.eq_ignore_ascii_case("true") || text == "1"))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Flag, E> {
        Ok(Flag(number != 0))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Flag, E> {
        Ok(Flag(number != 0))
    }
}

/// A member's text, if it is one (or a number) and says something.
pub fn text(raw: Option<Raw<'_>>) -> Option<String> {
    let words: Words<'_> = serde_json::from_str(raw?.get()).ok()?;
    let text = words.as_str();
    (!text.trim().is_empty()).then(|| text.to_owned())
}

/// The elements of a list that is the answer itself, or its named member.
pub fn list<'a>(body: &'a str, member: &str) -> Option<Vec<Raw<'a>>> {
    if let Ok(list) = serde_json::from_str::<Vec<Raw<'a>>>(body) {
        return Some(list);
    }
    let object: std::collections::BTreeMap<String, Raw<'a>> = serde_json::from_str(body).ok()?;
    serde_json::from_str(object.get(member)?.get()).ok()
}
