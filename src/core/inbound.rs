//! What reaches us from a messaging provider, in our own words.
//!
//! Each provider module turns its JSON into these types; nothing past that
//! module knows a provider's field names. All of it is plain data, because it
//! is stored as an inbox row before anybody acts on it.

use crate::core::private::Private;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};

mod words;

/// The ways a provider names one person. Any of them may be missing: a first
/// contact with a user name may have no phone number at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Digits of the phone number with country code, without plus.
    pub phone: Option<Private<String>>,
    /// The provider's own id of the person, verbatim: Meta's business-scoped
    /// user id with prefix and dot (`CC.…`), or the privacy id of a gateway
    /// (`…@lid`). Neither tells a number.
    pub bsuid: Option<Private<String>>,
    /// Business-scoped id in a linked portfolio (`CC.ENT.…`).
    pub parent_bsuid: Option<Private<String>>,
    /// User name: can be shown, changes at will, identifies nobody.
    pub username: Option<Private<String>>,
    /// The name in the person's own profile.
    pub profile_name: Option<Private<String>>,
}

impl Identity {
    /// Whether nothing in it can address a person.
    pub const fn is_empty(&self) -> bool {
        self.phone.is_none() && self.bsuid.is_none() && self.parent_bsuid.is_none()
    }
}

/// One message from a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// The provider's id for it (a wamid, which decodes to the phone number).
    pub id: Private<String>,
    /// Who wrote.
    pub from: Identity,
    /// The provider's own stamp, one-second resolution.
    pub stamped: UnixMs,
    /// The provider's id of the message it quotes or answers by button.
    pub quoted: Option<Private<String>>,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Written text.
    Text {
        /// The words, NUL already replaced.
        body: Private<String>,
    },
    /// A tapped button, list row or template quick reply.
    Choice {
        /// The id we issued; client-supplied, so to be checked.
        id: String,
        /// The label that was shown.
        title: Private<String>,
    },
    /// A completed form (WhatsApp Flow); a JSON text.
    Form {
        /// The form's answers as a JSON document in a string.
        response_json: Private<String>,
    },
    /// A photo, voice note, film, document or sticker.
    Media(Media),
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// What the sender calls it.
        name: Option<Private<String>>,
        /// Its address.
        address: Option<Private<String>>,
    },
    /// Contact cards. A card is a third person unless it answers our own
    /// request for the sender's number.
    Contacts {
        /// Display names on the cards; empty for a card that has a number only.
        names: Vec<Private<String>>,
        /// The first number of each card, in the same order, as it is written
        /// there; empty for a card that has none.
        #[serde(default)]
        phones: Vec<Private<String>>,
        /// The sender's own number, when this answers our request for it.
        own_number: Option<Private<String>>,
    },
    /// An emoji on a message; never an answer, never a consent.
    Reaction {
        /// The message it sits on.
        target: Private<String>,
        /// The emoji; absent when it was taken back.
        emoji: Option<Private<String>>,
    },
    /// The sender corrected an earlier message.
    Edit {
        /// The provider's id of the first version.
        original: Private<String>,
        /// What it says now.
        content: Box<Content>,
    },
    /// The sender deleted an earlier message for everyone.
    Revoke {
        /// The provider's id of the deleted message.
        original: Private<String>,
    },
    /// A change of the account behind the address.
    System(SystemChange),
    /// A kind WhatsApp itself does not deliver (a poll, a live location).
    Unsupported {
        /// The provider's word for it.
        what: String,
    },
    /// The chat was opened for the first time; no words yet.
    Welcome,
    /// An order or another kind we store and do not act on.
    Other {
        /// The provider's word for it.
        what: String,
    },
}

/// A media attachment by reference; the bytes are fetched later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// What it is. In a row `kind` is taken: it tells contents apart.
    #[serde(rename = "media")]
    pub kind: MediaKind,
    /// The provider's id, good for seven days.
    pub media_id: String,
    /// As claimed by the sender's device; never trusted.
    pub mime: Option<String>,
    /// Digest as the provider states it (base64 or hex).
    pub sha256: Option<String>,
    /// Words under the picture.
    pub caption: Option<Private<String>>,
    /// The sender's name for it; never used as a path.
    pub filename: Option<Private<String>>,
    /// Recorded in the chat, as against an attached sound file.
    pub voice: bool,
}

/// Kinds of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A photo.
    Image,
    /// Sound, a voice note included.
    Audio,
    /// A film.
    Video,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

/// What the provider says about the account itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum SystemChange {
    /// The person moved to another phone number.
    NumberChanged {
        /// The new number's digits.
        phone: Private<String>,
        /// The new business-scoped id, where it is told along.
        #[serde(default)]
        bsuid: Option<Private<String>>,
    },
    /// The business-scoped id was made anew.
    UserIdChanged {
        /// The new id.
        bsuid: Private<String>,
    },
    /// The encryption identity changed (a new phone, perhaps a new person).
    IdentityChanged,
    /// Anything else.
    Other {
        /// The provider's word for it.
        what: String,
    },
}

/// A fault as the provider reports it. Texts are left out on purpose: they
/// change, and may hold the patient's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    /// The numeric code, the only thing to branch on.
    pub code: i64,
    /// The sub-code, where the provider still sends one.
    pub subcode: Option<i64>,
}

/// News of a message we sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The provider's id of our message.
    pub id: Private<String>,
    /// What happened to it.
    pub receipt: Receipt,
    /// The provider's own stamp.
    pub stamped: UnixMs,
    /// To whom it went.
    pub recipient: Identity,
    /// Our own key, as we sent it along.
    pub callback: Option<String>,
    /// Why, when it failed.
    pub errors: Vec<ProviderError>,
    /// Whether it costs money, and in which category.
    pub category: Option<String>,
    /// Whether the provider bills it.
    pub billable: bool,
}

/// How far a message has come, by the provider's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// Left the provider.
    Sent,
    /// Reached the phone.
    Delivered,
    /// Was opened.
    Read,
    /// A voice message was played.
    Played,
    /// Will not arrive.
    Failed,
}

/// One thing out of a webhook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "snake_case")]
pub enum Item {
    /// A message from a person.
    Message(Inbound),
    /// News of a message of ours.
    Status(Status),
    /// A call; it opens the 24-hour window like a message.
    Call {
        /// The provider's id of the call.
        id: Private<String>,
        /// Who called.
        from: Identity,
        /// The provider's own stamp.
        stamped: UnixMs,
        /// The provider's word for what happened.
        event: String,
    },
    /// A person's business-scoped id was made anew.
    UserIdUpdate {
        /// The id so far.
        previous: Private<String>,
        /// The id from now on.
        current: Private<String>,
        /// The phone, where it is told.
        phone: Option<Private<String>>,
    },
    /// A fault of the account, not of one message.
    ChannelError(ProviderError),
    /// An account event (limit changed, …), or a shape we do not know: kept and
    /// counted.
    Account {
        /// The webhook field it came in.
        field: String,
        /// All that it said.
        #[serde(default)]
        raw: Private<String>,
    },
    /// What the provider has against the account, or has no more.
    Standing(Standing),
    /// A decision of the provider's about one of our templates.
    Template(TemplateNews),
    /// Stored and deliberately not acted on (a group message, our own echo).
    Ignored {
        /// Which kind.
        why: String,
    },
}

/// What the provider has against the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The provider's word: `DISABLED_UPDATE`, `ACCOUNT_RESTRICTION`, …
    pub event: String,
    /// What it means for our messages.
    pub verdict: StandingVerdict,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StandingVerdict {
    /// It is barred.
    Barred,
    /// Something was held against it, and some of what it sends is refused.
    Limited,
    /// It works, and will be barred.
    Warned,
    /// What was held against it is over.
    Reinstated,
}

/// What the provider says of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateNews {
    /// Its name at the provider.
    pub name: String,
    /// The provider's code of its language.
    pub language: String,
    /// The provider's word: `APPROVED`, `PAUSED`, `REJECTED`, …
    pub status: String,
    /// The provider's word for why; empty if there is none.
    pub reason: String,
    /// When the provider said it, where it tells.
    #[serde(default)]
    pub said_at: Option<UnixMs>,
}

/// An item with what is needed to store it once.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedItem {
    /// What makes it the same item when it comes again. Hashed under a box
    /// key before it is stored, because a wamid decodes to a phone number.
    pub dedup: Private<String>,
    /// The channel's number it was sent to, where the item tells.
    pub phone_number_id: Option<String>,
    /// The item itself, or why it could not be understood.
    pub content: Result<Item, Malformed>,
}

impl ReceivedItem {
    /// The provider's own stamp, where the item has one.
    pub const fn stamped(&self) -> Option<UnixMs> {
        match &self.content {
            Ok(Item::Message(message)) => Some(message.stamped),
            Ok(Item::Status(status)) => Some(status.stamped),
            Ok(Item::Call { stamped, .. }) => Some(*stamped),
            Ok(
                Item::UserIdUpdate { .. }
                | Item::ChannelError(_)
                | Item::Account { .. }
                | Item::Standing(_)
                | Item::Template(_)
                | Item::Ignored { .. },
            )
            | Err(_) => None,
        }
    }
}

/// An item that could not be understood: it becomes a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Which rule it broke, without any of its content.
    pub why: String,
    /// Whose it is, as far as it tells: addresses, never names.
    pub from: Identity,
    /// The item's own JSON (or the whole body's bytes, lossily).
    pub raw: Private<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_reads_back_out_of_its_row() {
        let content = Content::Media(Media {
            kind: MediaKind::Image,
            media_id: "1".into(),
            mime: None,
            sha256: None,
            caption: Some("look".into()),
            filename: None,
            voice: false,
        });
        let row = serde_json::to_string(&content).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&row).unwrap(), content);
    }
}
