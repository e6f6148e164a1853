//! What can be worked out of a webhook's items before the database is touched:
//! the one writing thread has better things to do. Nothing in here reads or
//! writes a row, and nothing fails: what breaks on one item costs no other.

use super::Reception;
use super::names::{kept, unnamed};
use crate::core::inbound::{Content, Identity, Item, Malformed, ReceivedItem};
use crate::core::private::Private;
use crate::store::Result;
use std::panic::{AssertUnwindSafe, catch_unwind};

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
    /// Works out what needs no database. An item on which that breaks becomes a
    /// dead letter.
    pub fn prepare(reception: &Reception<'_>, items: Vec<ReceivedItem>) -> Self {
        let items = items.into_iter();
        Self {
            items: items.map(|item| Prepared::of(reception, item)).collect(),
        }
    }
}

/// What is worked out of an item's content.
#[derive(Default)]
struct Worked {
    message: Option<[u8; 16]>,
    about: Option<[u8; 16]>,
    json: String,
    urgent: bool,
}

impl Prepared {
    fn of(reception: &Reception<'_>, mut received: ReceivedItem) -> Self {
        let seen = reception.box_key.keyed_hash(received.dedup.expose());
        let worked = unbroken(|| Worked::out(reception, &received));
        let worked = worked.and_then(Result::ok).unwrap_or_else(|| {
            received.content = Err(unworkable(&received));
            Worked::default()
        });
        Self {
            received,
            seen,
            message: worked.message,
            about: worked.about,
            json: worked.json,
            urgent: worked.urgent,
        }
    }
}

impl Worked {
    fn out(reception: &Reception<'_>, received: &ReceivedItem) -> Result<Self> {
        let key = reception.box_key;
        let message = match &received.content {
            Ok(Item::Message(message)) => Some(message),
            Ok(_) | Err(_) => None,
        };
        Ok(Self {
            message: message.map(|it| key.keyed_hash(it.id.expose())),
            about: message
                .and_then(|it| sibling(&received.dedup, &it.id, target(&it.content)?))
                .map(|sibling| key.keyed_hash(&sibling)),
            json: match &received.content {
                // A status goes into the rows of what it is about.
                Ok(Item::Status(_)) | Err(_) => String::new(),
                Ok(item) => serde_json::to_string(&kept(item))?,
            },
            // Words on which the search breaks may hold anything: the step,
            // which can put its message aside, is not to wait.
            urgent: message.is_some_and(|it| {
                let mut words = it.content.words().into_iter();
                words.any(|words| unbroken(|| (reception.is_urgent)(words)).unwrap_or(true))
            }),
        })
    }
}

/// What `work` gives; nothing if it panics. It must own nothing that a panic
/// could leave half done.
fn unbroken<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// An item that cannot be worked on, as a dead letter of its sender's.
fn unworkable(received: &ReceivedItem) -> Malformed {
    let item = match &received.content {
        Ok(item) => item,
        Err(malformed) => return malformed.clone(),
    };
    let from = match item {
        Item::Message(message) => unnamed(&message.from),
        Item::Call { from, .. } => unnamed(from),
        Item::Status(_)
        | Item::UserIdUpdate { .. }
        | Item::ChannelError(_)
        | Item::Standing(_)
        | Item::Account { .. }
        | Item::Template(_)
        | Item::Ignored { .. } => Identity::default(),
    };
    let raw = unbroken(|| serde_json::to_string(item).ok()).flatten();
    Malformed {
        why: "broke off".to_owned(),
        from,
        raw: Private::new(raw.unwrap_or_default()),
    }
}

/// The deduplication key of another message that came to the same number. A key
/// ends in a kind, the number and the id: what is about a message may be of a kind
/// of its own, so that it does not hide that one.
fn sibling(
    dedup: &Private<String>,
    own: &Private<String>,
    other: &Private<String>,
) -> Option<String> {
    let place = dedup.as_str().strip_suffix(own.as_str())?;
    let (kind, number) = place.strip_suffix(':')?.rsplit_once(':')?;
    let provider = kind.trim_end_matches(|c| c != ':');
    Some(format!("{provider}message:{number}:{}", other.as_str()))
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
