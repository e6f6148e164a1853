//! Names that come along with items which no conversation handles: nothing
//! would ever erase them, so they are not kept.

use crate::core::inbound::{Content, Identity, Inbound, Item};
use std::borrow::Cow;

/// An item as its row keeps it: what is never stepped keeps no names, because
/// no conversation would ever erase them.
pub(super) fn kept(item: &Item) -> Cow<'_, Item> {
    match item {
        Item::Call {
            id,
            from,
            stamped,
            event,
        } => Cow::Owned(Item::Call {
            id: id.clone(),
            from: unnamed(from),
            stamped: *stamped,
            event: event.clone(),
        }),
        Item::Message(message) if matches!(message.content, Content::System(_)) => {
            let from = unnamed(&message.from);
            Cow::Owned(Item::Message(Inbound {
                from,
                ..message.clone()
            }))
        }
        Item::Message(_)
        | Item::Status(_)
        | Item::UserIdUpdate { .. }
        | Item::ChannelError(_)
        | Item::Account { .. }
        | Item::Standing(_)
        | Item::Template(_)
        | Item::Ignored { .. } => Cow::Borrowed(item),
    }
}

/// A caller without the names that came along: nothing would erase them, since
/// a call is never stepped.
pub(super) fn unnamed(who: &Identity) -> Identity {
    Identity {
        username: None,
        profile_name: None,
        ..who.clone()
    }
}
