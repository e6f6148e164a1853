//! How Meta writes and signs a webhook: everything outside ASCII escaped, and
//! the HMAC taken over exactly those bytes. It must never sign anything but
//! the bytes that are sent.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::Write as _;

/// A JSON text as Meta sends it: each character outside ASCII as `\uXXXX` in
/// lower case (two of them above U+FFFF), and `/ < % @` escaped too. The JSON
/// value stays the same; the bytes don't.
pub fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 4);
    let mut units = [0_u16; 2];
    let mut rest = json;
    while let Some(place) = rest.find(changes) {
        let (plain, from) = rest.split_at(place);
        out.push_str(plain);
        let mut chars = from.chars();
        match chars.next() {
            Some('/') => out.push_str("\\/"),
            Some(c) => c
                .encode_utf16(&mut units)
                .iter()
                .for_each(|unit| push_unit(&mut out, *unit)),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

/// Whether a character does not stand in a body as it is.
const fn changes(c: char) -> bool {
    !c.is_ascii() || matches!(c, '/' | '<' | '%' | '@')
}

/// The value of `X-Hub-Signature-256` for these exact bytes.
pub fn sign(app_secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn push_unit(out: &mut String, unit: u16) {
    write!(out, "\\u{unit:04x}").expect("writing to a String can't fail");
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "clinic-demo-secret";

    #[test]
    fn the_four_known_digests() {
        let plain = r#"{"t":"Bonjou, m gen lafyèv 🤒"}"#;
        let escaped = escape(plain);
        assert_eq!(escaped, r#"{"t":"Bonjou, m gen lafy\u00e8v \ud83e\udd12"}"#);
        for (body, digest) in [
            (
                "",
                "76880da0817d6eb65ff5407c10c5c774b5b095b3c73fcc09868ea90518517cc3",
            ),
            (
                r#"{"object":"whatsapp_business_account","entry":[]}"#,
                "7c52dcecb8969b2e4fca7336be820792cc4d52688c1688c084fab5d10cdcf6bb",
            ),
            (
                escaped.as_str(),
                "ae45f837dc0a035efca5de66db34f4e8469fde9a7cef94b91670d1cf29e31064",
            ),
            (
                plain,
                "862e2ef93facd1e6378c3f5491675cb19266f90ba539873e7475d2a4926f1db6",
            ),
        ] {
            assert_eq!(sign(KEY, body.as_bytes()), format!("sha256={digest}"));
        }
        assert_eq!(sign(KEY, b"").len(), 71);
    }

    proptest! {
        #[test]
        fn escaping_changes_bytes_and_never_the_value(text in ".*") {
            let json = serde_json::json!({ "t": text }).to_string();
            let escaped = escape(&json);
            prop_assert!(escaped.is_ascii());
            let back: serde_json::Value = serde_json::from_str(&escaped).unwrap();
            prop_assert_eq!(back, serde_json::json!({ "t": text }));
        }
    }
}
