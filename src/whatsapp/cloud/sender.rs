//! Whose an entry of a webhook is.

use crate::core::time::UnixMs;
use crate::whatsapp::json::{Raw, Words, stamp};

/// The account an entry is about.
pub(super) struct Sender {
    /// Its id and, where the entry tells, when it was made: an account that is
    /// barred for the second time is news, though it reads like the first time.
    pub(super) key: String,
    /// When the entry was made, where it tells.
    pub(super) said_at: Option<UnixMs>,
    /// Whether it is ours, for all we know: an app can be subscribed to several.
    pub(super) ours: bool,
}

impl Sender {
    pub(super) fn of(id: Option<&Words<'_>>, time: Option<Raw<'_>>, account: Option<&str>) -> Self {
        let id = id.map_or("", Words::as_str);
        Self {
            key: match time {
                Some(time) => format!("{id}@{}", time.get()),
                None => id.to_owned(),
            },
            said_at: time.and_then(stamp),
            ours: id.is_empty() || account.is_none_or(|account| account == id),
        }
    }
}
