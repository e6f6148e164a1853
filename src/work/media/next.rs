//! What becomes of a file after a try to fetch it, and why. Pure.

use crate::core::limits::{MEDIA_FILE_BYTES_MAX, MEDIA_STORE_BYTES_MAX};
use crate::core::media::is_kept;
use crate::store::media::{File, State};
use std::time::Duration;

/// How long a file waits for which there is no room, ms.
const NO_ROOM_MS: i64 = 3_600_000;

/// What patients' files may take is used up.
pub(super) const NO_ROOM: &str = "no_room";
/// The disk has too little left.
pub(super) const DISK_SHORT: &str = "disk_nearly_full";
/// The provider knows no such file, or our token may not see it.
pub(super) const UNKNOWN: &str = "unknown_to_provider";

/// What becomes of a file after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is tried again.
    Again {
        /// What for.
        why: &'static str,
        /// Whether what is here is of no use.
        anew: bool,
        /// Whether the try brought nothing and the next one shall wait longer.
        counts: bool,
        /// What the provider asked for, or we do, ms.
        hint: Option<i64>,
    },
    /// It is over.
    Over(State, Option<&'static str>),
    /// It was erased meanwhile.
    Erased,
}

pub(super) const fn again(why: &'static str) -> Next {
    Next::Again {
        why,
        anew: false,
        counts: true,
        hint: None,
    }
}

pub(super) const fn anew(why: &'static str) -> Next {
    Next::Again {
        why,
        anew: true,
        counts: true,
        hint: None,
    }
}

pub(super) fn later(why: &'static str, wait: Option<Duration>) -> Next {
    Next::Again {
        why,
        anew: false,
        counts: true,
        hint: wait.map(|wait| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)),
    }
}

/// A broken connection: where it got further than any before, the rest is asked
/// for soon. Bytes that were here once and were lost again are no progress: a
/// file store that cannot go on from the middle would be asked without end.
pub(super) const fn broke_off(brought: bool) -> Next {
    Next::Again {
        why: "broke_off",
        anew: false,
        counts: !brought,
        hint: None,
    }
}

pub(super) const fn no_room(why: &'static str) -> Next {
    Next::Again {
        why,
        anew: false,
        counts: false,
        hint: Some(NO_ROOM_MS),
    }
}

/// Whether what came is what was sent; the second time it is not, it never
/// will be.
pub(super) fn verdict(right: bool, what: &'static str, before: Option<&str>) -> Next {
    match (right, before == Some(what)) {
        (true, _) => Next::Over(State::Kept, None),
        (false, false) => anew(what),
        (false, true) => Next::Over(State::Refused, Some(what)),
    }
}

/// Why a file is not fetched, now or ever, though it could be: its type, its
/// size, the room that is left.
pub(super) fn unwanted(
    file: &File,
    mime: Option<&str>,
    bytes: Option<u64>,
    here: u64,
) -> Option<Next> {
    let mime = file.mime.as_deref().or(mime).unwrap_or_default();
    let size = bytes.unwrap_or(0);
    if !is_kept(mime) {
        return Some(Next::Over(State::Refused, Some("type")));
    }
    if size > MEDIA_FILE_BYTES_MAX {
        return Some(Next::Over(State::TooBig, Some("too_big")));
    }
    let missing = size.saturating_sub(file.bytes);
    (here.saturating_add(missing) > MEDIA_STORE_BYTES_MAX).then_some(no_room(NO_ROOM))
}

/// Why a file waits after a try in which the provider told nothing of it: what
/// it waited for before still holds, where that says more.
pub(super) fn still(before: Option<&str>, why: &'static str) -> &'static str {
    let telling = [NO_ROOM, DISK_SHORT, UNKNOWN];
    let found = telling.into_iter().find(|known| before == Some(*known));
    found.unwrap_or(why)
}

/// Why the provider has a file no more: because there was no room for it while
/// it was there, or for no reason of ours.
pub(super) fn gone(before: Option<&str>) -> &'static str {
    if lacked_room(before) {
        return still(before, NO_ROOM);
    }
    "provider_has_it_no_more"
}

/// Why a file was not fetched in all the time the provider keeps it. `full`: the
/// box is known to have no room now.
pub(super) fn expired(before: Option<&str>, full: bool) -> &'static str {
    let otherwise = if full {
        NO_ROOM
    } else {
        "older_than_seven_days"
    };
    still(before, otherwise)
}

/// Whether a file waits, or was lost, for want of room.
pub(super) fn lacked_room(why: Option<&str>) -> bool {
    matches!(why, Some(NO_ROOM | DISK_SHORT))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::id::{ContactId, InboxId, MediaId};
    use crate::core::inbound::MediaKind;
    use crate::core::time::UnixMs;

    /// A file that is being fetched, of this type, with so many bytes here.
    pub(in crate::work::media) fn file(mime: &str, bytes: u64) -> File {
        File {
            id: MediaId(1),
            inbox: Some(InboxId(1)),
            contact: ContactId(1),
            record: None,
            media_id: "1".into(),
            kind: MediaKind::Image,
            mime: Some(mime.into()),
            sha256: None,
            state: State::Fetching,
            why: None,
            bytes,
            reached: bytes,
            tries: 0,
            stamped: UnixMs(0),
        }
    }

    #[test]
    fn what_is_fetched_is_of_a_known_type_and_fits() {
        let fits =
            |mime: &str, size: u64, here: u64| unwanted(&file(mime, 0), None, Some(size), here);
        assert_eq!(fits("image/jpeg", MEDIA_FILE_BYTES_MAX, 0), None);
        let too_big = Some(Next::Over(State::TooBig, Some("too_big")));
        assert_eq!(fits("image/jpeg", MEDIA_FILE_BYTES_MAX + 1, 0), too_big);
        let refused = Some(Next::Over(State::Refused, Some("type")));
        assert_eq!(fits("text/html", 1, 0), refused);
        assert_eq!(
            fits("image/png", 1, MEDIA_STORE_BYTES_MAX),
            Some(no_room(NO_ROOM))
        );
        // What is here already needs no room any more.
        let half = file("image/png", 10);
        let left = MEDIA_STORE_BYTES_MAX - 10;
        assert_eq!(unwanted(&half, None, Some(20), left), None);
        // A type that the webhook left out is the provider's own.
        let untold = File {
            mime: None,
            ..file("", 0)
        };
        assert_eq!(unwanted(&untold, Some("audio/ogg"), None, 0), None);
        assert_eq!(unwanted(&untold, None, None, 0), refused);
    }

    #[test]
    fn a_wrong_digest_is_tried_anew_once() {
        assert_eq!(
            verdict(true, "digest", Some("digest")),
            Next::Over(State::Kept, None)
        );
        assert_eq!(verdict(false, "digest", None), anew("digest"));
        assert_eq!(verdict(false, "digest", Some("broke_off")), anew("digest"));
        let refused = Next::Over(State::Refused, Some("digest"));
        assert_eq!(verdict(false, "digest", Some("digest")), refused);
    }

    #[test]
    fn a_wait_for_room_is_not_forgotten_over_a_bad_line() {
        for why in [NO_ROOM, DISK_SHORT, UNKNOWN] {
            assert_eq!(still(Some(why), "line"), why);
            assert_eq!(expired(Some(why), false), why);
        }
        for before in [None, Some("line"), Some("broke_off")] {
            assert_eq!(still(before, "line"), "line");
            assert_eq!(expired(before, false), "older_than_seven_days");
            assert_eq!(expired(before, true), NO_ROOM);
            assert_eq!(gone(before), "provider_has_it_no_more");
        }
        assert_eq!(gone(Some(NO_ROOM)), NO_ROOM);
        assert_eq!(gone(Some(UNKNOWN)), "provider_has_it_no_more");
    }
}
