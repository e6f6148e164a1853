//! Files that patients send: which are kept, how they are called outside, when
//! a fetch is tried again. Pure.

use crate::core::limits::MEDIA_WAIT_MS_MAX;
use crate::core::time::{MINUTE_MS, SECOND_MS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What is kept, with the ending its file gets outside.
const KEPT: [(&str, &str); 26] = [
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/webp", "webp"),
    ("audio/aac", "aac"),
    ("audio/amr", "amr"),
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("video/mp4", "mp4"),
    ("video/3gpp", "3gp"),
    ("application/pdf", "pdf"),
    ("text/plain", "txt"),
    ("text/csv", "csv"),
    ("application/rtf", "rtf"),
    ("application/msword", "doc"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "pptx",
    ),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/dicom", "dcm"),
    ("image/heic", "heic"),
    ("image/tiff", "tiff"),
];

/// A type without its parameters, in small letters.
fn essence(mime: &str) -> String {
    let bare = mime.split(';').next().unwrap_or_default();
    bare.trim().to_ascii_lowercase()
}

/// Whether files of this type are kept. A type is the sender's word: it decides
/// what is worth a slow line, not what is safe to open.
pub fn is_kept(mime: &str) -> bool {
    !ending(mime).is_empty()
}

/// How the name of a file of this type ends; empty for a type that is not kept.
pub fn ending(mime: &str) -> &'static str {
    let essence = essence(mime);
    KEPT.iter()
        .find(|(known, _)| *known == essence)
        .map_or("", |(_, ending)| ending)
}

/// A digest as the provider writes it, base64 in webhooks and hexadecimal
/// beside the file; `None` if it is neither.
pub fn digest(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    let mut bytes = [0; 32];
    if hex::decode_to_slice(text, &mut bytes).is_ok() {
        return Some(bytes);
    }
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// How long to wait before a file is tried again, ms: after the `tries`th try
/// (from 1) that brought nothing. The provider shuts out who asks too often
/// for what it has not: from one minute on, doubling, to an hour. A try that
/// brought something is followed at once. `hint` is what the provider asked
/// for, `jitter` a random number: it adds up to a quarter.
pub fn wait_ms(tries: u32, hint: Option<i64>, jitter: u32) -> i64 {
    let base = match tries.checked_sub(1) {
        None => 2 * SECOND_MS,
        Some(doublings) => 2_i64
            .saturating_pow(doublings)
            .saturating_mul(MINUTE_MS)
            .min(MEDIA_WAIT_MS_MAX),
    };
    let extra = (base / 4).saturating_mul(i64::from(jitter)) / i64::from(u32::MAX);
    (base + extra).max(hint.unwrap_or(0).clamp(0, MEDIA_WAIT_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_are_known_with_and_without_parameters() {
        assert_eq!(ending("audio/ogg; codecs=opus"), "ogg");
        assert_eq!(ending("IMAGE/JPEG"), "jpg");
        for refused in [
            "",
            "text/html",
            "application/x-msdownload",
            "image/svg+xml",
            "x",
        ] {
            assert!(!is_kept(refused), "{refused}");
        }
    }

    #[test]
    fn a_digest_is_read_in_both_spellings() {
        let bytes = [7; 32];
        assert_eq!(digest(&hex::encode(bytes)), Some(bytes));
        assert_eq!(digest(&STANDARD.encode(bytes)), Some(bytes));
        for odd in ["", "xyz", "AAAA"] {
            assert_eq!(digest(odd), None, "{odd}");
        }
    }

    #[test]
    fn waits_double_from_a_minute_to_an_hour() {
        let minutes = |tries| wait_ms(tries, None, 0) / MINUTE_MS;
        assert_eq!([1, 2, 3, 6, 7, 40].map(minutes), [1, 2, 4, 32, 60, 60]);
        assert_eq!(wait_ms(0, None, 0), 2_000);
        assert_eq!(wait_ms(0, Some(90_000), 0), 90_000);
    }

    proptest! {
        #[test]
        fn waits_are_bounded_and_grow(tries: u32, hint: Option<i64>, jitter: u32) {
            let now = wait_ms(tries, hint, jitter);
            prop_assert!(wait_ms(tries.saturating_add(1), hint, jitter) >= now);
            prop_assert!((2_000..=MEDIA_WAIT_MS_MAX + MEDIA_WAIT_MS_MAX / 4).contains(&now));
        }
    }
}
