//! Which chats are looked into, in which order. Pure.

use crate::core::limits::UNSTAMPED_PER_POLL_MAX;
use crate::core::time::{SECOND_MS, UnixMs};
use crate::ports::Chat;
use crate::store::polling::Seen;
use std::collections::{BTreeMap, VecDeque};

/// Behind the latest stamp of all by this much, a second is over for certain.
const OVER_MS: i64 = 10 * SECOND_MS;

/// A chat with something new in it, or one of which nobody can tell.
#[derive(Debug)]
pub struct Changed {
    /// The chat.
    pub chat: Chat,
    /// Hash of its name.
    pub key: [u8; 16],
    /// Nothing stamped before this is new: a look has reached below it.
    pub ground: Option<UnixMs>,
    /// What is remembered once it was pulled; none if its pages tell.
    pub mark: Option<UnixMs>,
}

/// What is remembered of a chat whose latest stamp is `last`; none if there is
/// nothing to pull. Stamps are whole seconds, so more may come under the same
/// one: while it may not be over, it is pulled at two looks.
fn next_mark(known: Option<UnixMs>, last: UnixMs, over: bool) -> Option<UnixMs> {
    let pulled_once = last.plus_ms(-1);
    if known == Some(last) {
        None
    } else if over || known == Some(pulled_once) {
        Some(last)
    } else {
        Some(pulled_once)
    }
}

/// The chats to be pulled out of a list: first those with a stamp that is new,
/// the one that waits longest first; then a few of those without a stamp, the
/// one that was not looked into for longest first.
pub fn changed(
    list: Vec<Chat>,
    key_of: impl Fn(&Chat) -> [u8; 16],
    seen: &BTreeMap<[u8; 16], Seen>,
    began: UnixMs,
) -> VecDeque<Changed> {
    let newest = list.iter().filter_map(|chat| chat.last).max();
    let (mut stamped, mut unstamped) = (Vec::new(), Vec::new());
    for chat in list {
        if chat.last.is_some_and(|last| last < began) {
            continue;
        }
        let key = key_of(&chat);
        let known = seen.get(&key);
        let ground = known.map(|seen| seen.stamp);
        let Some(last) = chat.last else {
            let pulled_at = known.map(|seen| seen.pulled_at);
            unstamped.push((pulled_at, of(chat, key, ground, None)));
            continue;
        };
        let over = newest.is_some_and(|newest| newest.ms_since(last) >= OVER_MS);
        if let Some(mark) = next_mark(ground, last, over) {
            stamped.push(of(chat, key, ground, Some(mark)));
        }
    }
    stamped.sort_by_key(|changed| changed.chat.last);
    unstamped.sort_by_key(|(pulled_at, _)| *pulled_at);
    let some = unstamped.into_iter().take(UNSTAMPED_PER_POLL_MAX);
    stamped
        .into_iter()
        .chain(some.map(|(_, changed)| changed))
        .collect()
}

const fn of(chat: Chat, key: [u8; 16], ground: Option<UnixMs>, mark: Option<UnixMs>) -> Changed {
    Changed {
        chat,
        key,
        ground,
        mark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_that_may_not_be_over_is_pulled_at_two_looks() {
        let (at, later) = (UnixMs(5_000), UnixMs(6_000));
        let once = next_mark(None, at, false);
        let twice = next_mark(once, at, false);
        assert!(once.is_some() && twice.is_some() && once != twice);
        assert_eq!(next_mark(twice, at, false), None);
        assert!(next_mark(twice, later, false).is_some());
        assert!(next_mark(once, later, false).is_some());
        let at_once = next_mark(None, at, true);
        assert_eq!(next_mark(at_once, at, true), None);
    }
}
