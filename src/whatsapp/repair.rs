//! Escapes that a JSON reader or a C tool would choke on, replaced before the
//! body is parsed: a surrogate without its partner fails the whole document,
//! and a NUL cuts a text short. Both become U+FFFD; nothing else is touched.

use std::borrow::Cow;

const REPLACEMENT: &str = "\\ufffd";
/// `\uXXXX`.
const ESCAPE_LEN: usize = 6;

/// The body with every lone surrogate escape and every escaped NUL replaced.
/// Borrowed when there is nothing to replace, which is nearly always.
pub fn repair_escapes(text: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('\\')) {
        at += found;
        match judge(text, at) {
            Escape::Fine { length } => at += length,
            Escape::Broken => {
                repaired.push_str(text.get(copied..at).unwrap_or_default());
                repaired.push_str(REPLACEMENT);
                at += ESCAPE_LEN;
                copied = at;
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(repaired)
}

enum Escape {
    Fine { length: usize },
    Broken,
}

fn judge(text: &str, at: usize) -> Escape {
    match unit(text, at) {
        Some(0 | 0xdc00..=0xdfff) => Escape::Broken,
        Some(0xd800..=0xdbff) => match unit(text, at + ESCAPE_LEN) {
            Some(0xdc00..=0xdfff) => Escape::Fine {
                length: 2 * ESCAPE_LEN,
            },
            Some(_) | None => Escape::Broken,
        },
        Some(_) => Escape::Fine { length: ESCAPE_LEN },
        // An escaped backslash or quote, or none of JSON's escapes: the step
        // must pass the escaped character, and land between characters.
        None => Escape::Fine {
            length: 1 + text
                .get(at + 1..)
                .and_then(|rest| rest.chars().next())
                .map_or(0, char::len_utf8),
        },
    }
}

/// The UTF-16 unit written as `\uXXXX` at `at`, if one is.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + ESCAPE_LEN)?.strip_prefix("\\u")?;
    let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_is_broken_is_replaced() {
        let cases = [
            (r#""plain""#, r#""plain""#),
            (r#""\ud83e\udd12""#, r#""\ud83e\udd12""#),
            (r#""\ud83e""#, r#""\ufffd""#),
            (r#""\udd12""#, r#""\ufffd""#),
            (r#""\ud83e\ud83e\udd12""#, r#""\ufffd\ud83e\udd12""#),
            (r#""\ud83e\n""#, r#""\ufffd\n""#),
            (r#""\ud83e\u0041""#, r#""\ufffd\u0041""#),
            (r#""a\u0000b""#, r#""a\ufffdb""#),
            (r#""\\ud83e""#, r#""\\ud83e""#),
            (r#""\\\ud83e""#, r#""\\\ufffd""#),
            (r#""\\u0000""#, r#""\\u0000""#),
            (r#""\uD83E\uDD12\uDD12""#, r#""\uD83E\uDD12\ufffd""#),
            (r"\", r"\"),
            (r"\u12", r"\u12"),
            ("\\é\\ud83e", "\\é\\ufffd"),
        ];
        for (before, after) in cases {
            assert_eq!(repair_escapes(before), after, "{before}");
        }
    }

    proptest! {
        #[test]
        fn a_string_of_any_escapes_can_be_read_afterwards(units in prop::collection::vec(any::<u16>(), 0..20)) {
            let body: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let repaired = repair_escapes(&format!("\"{body}\"")).into_owned();
            let text: String = serde_json::from_str(&repaired).unwrap();
            let expected = String::from_utf16_lossy(&units).replace('\0', "\u{fffd}");
            prop_assert_eq!(text, expected);
        }

        #[test]
        fn any_text_is_survived(text in r#"[\\u0dD8eE"é{}a]{0,40}"#) {
            let once = repair_escapes(&text).into_owned();
            prop_assert_eq!(repair_escapes(&once).into_owned(), once.clone());
        }
    }
}
