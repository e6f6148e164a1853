//! What can be worked out of a webhook's items before the database is touched:
//! the one writing thread has better things to do. Nothing in here reads or
//! writes a row.

use super::Reception;
use super::names::kept;
use crate::core::inbound::{Content, Item, ReceivedItem};
use crate::core::private::Private;
use crate::store::Result;

/// A webhook's items with everything worked out that needs no database.
pub struct Batch {
    pub(super) items: Vec<Prepared>,
}

/// One of them.
pub(super) struct Prepared {
    /// As it was parsed.
    pub(super) received: ReceivedItem,
    /// The hash of its deduplication key.
    pub(super) seen: [u8; 16],
    /// The hash of a message's own id.
    pub(super) message: Option<[u8; 16]>,
    /// As `seen`, of the message that this one edits, withdraws or reacts to.
    pub(super) about: Option<[u8; 16]>,
    /// The item as its row keeps it.
    pub(super) json: String,
    /// Whether it holds a danger sign.
    pub(super) urgent: bool,
}

impl Batch {
    /// Works out what needs no database.
    ///
    /// # Errors
    /// When an item cannot be written as JSON.
    pub fn prepare(reception: &Reception<'_>, items: Vec<ReceivedItem>) -> Result<Self> {
        let items = items
            .into_iter()
            .map(|received| Prepared::of(reception, received))
            .collect::<Result<_>>()?;
        Ok(Self { items })
    }
}

impl Prepared {
    fn of(reception: &Reception<'_>, received: ReceivedItem) -> Result<Self> {
        let key = reception.box_key;
        let message = match &received.content {
            Ok(Item::Message(message)) => Some(message),
            Ok(_) | Err(_) => None,
        };
        Ok(Self {
            seen: key.keyed_hash(received.dedup.expose()),
            message: message.map(|it| key.keyed_hash(it.id.expose())),
            about: message
                .and_then(|it| sibling(&received.dedup, &it.id, target(&it.content)?))
                .map(|sibling| key.keyed_hash(&sibling)),
            json: match &received.content {
                // A status goes into the rows of what it is about.
                Ok(Item::Status(_)) | Err(_) => String::new(),
                Ok(item) => serde_json::to_string(&kept(item))?,
            },
            urgent: message
                .and_then(|it| words(&it.content))
                .is_some_and(reception.is_urgent),
            received,
        })
    }
}

/// The deduplication key of another message that came to the same number: it
/// ends in the message's id.
fn sibling(
    dedup: &Private<String>,
    own: &Private<String>,
    other: &Private<String>,
) -> Option<String> {
    let place = dedup.as_str().strip_suffix(own.as_str())?;
    Some(format!("{place}{}", other.as_str()))
}

/// The message an edit, a deletion or a reaction is about.
const fn target(content: &Content) -> Option<&Private<String>> {
    match content {
        Content::Edit { original, .. } | Content::Revoke { original } => Some(original),
        Content::Reaction { target, .. } => Some(target),
        Content::Text { .. }
        | Content::Choice { .. }
        | Content::Form { .. }
        | Content::Media(_)
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::System(_)
        | Content::Unsupported { .. }
        | Content::Welcome
        | Content::Other { .. } => None,
    }
}

/// The words of a message that are searched for danger signs.
fn words(content: &Content) -> Option<&str> {
    match content {
        Content::Text { body } => Some(body.as_str()),
        Content::Media(media) => media.caption.as_ref().map(Private::as_str),
        Content::Edit { content, .. } => words(content),
        Content::Choice { .. }
        | Content::Form { .. }
        | Content::Location { .. }
        | Content::Contacts { .. }
        | Content::Reaction { .. }
        | Content::Revoke { .. }
        | Content::System(_)
        | Content::Unsupported { .. }
        | Content::Welcome
        | Content::Other { .. } => None,
    }
}
