//! The signature on a webhook: HMAC-SHA-256 over the bytes as received.
//!
//! Never over parsed and re-written JSON: Meta escapes every non-ASCII
//! character and signs that, so a re-serialising verifier passes all tests in
//! English and fails at the first accent. Nothing in here tells anybody the
//! digest that was expected.

use crate::core::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";

const PREFIX: &str = "sha256=";

/// Whether `header` is the signature of `body` under one of the accepted app
/// secrets. Several are accepted while a secret is being rotated; all of them
/// are tried, in constant time, so that timing does not tell which one fits.
pub fn verify<'a>(
    header: Option<&str>,
    body: &[u8],
    secrets: impl IntoIterator<Item = &'a Secret>,
) -> bool {
    let Some(claimed) = header.and_then(parse_header) else {
        return false;
    };
    let mut fits = false;
    for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
        fits |= mac(secret, body).is_some_and(|mac| mac.verify_slice(&claimed).is_ok());
    }
    fits
}

/// Whether the header has the right form; cheap enough to be asked before the
/// body is read.
pub fn is_well_formed(header: &str) -> bool {
    parse_header(header).is_some()
}

/// The header value Meta would send with `body`.
pub fn sign(secret: &Secret, body: &[u8]) -> String {
    let digest = mac(secret, body).map(|mac| mac.finalize().into_bytes());
    format!("{PREFIX}{}", digest.map(hex::encode).unwrap_or_default())
}

/// The proof that whoever holds this token holds the app secret too: hex
/// HMAC-SHA-256 of the token, Meta's `appsecret_proof`.
pub fn proof(secret: &Secret, token: &[u8]) -> String {
    let digest = mac(secret, token).map(|mac| mac.finalize().into_bytes());
    digest.map(hex::encode).unwrap_or_default()
}

fn parse_header(header: &str) -> Option<[u8; 32]> {
    let digits = header.strip_prefix(PREFIX)?;
    let mut digest = [0_u8; 32];
    hex::decode_to_slice(digits, &mut digest).ok()?;
    Some(digest)
}

/// HMAC takes a key of any length, so this is always there.
fn mac(secret: &Secret, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose()).ok()?;
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    const KEY: &str = "clinic-demo-secret";
    const ESCAPED: &str = r#"{"t":"Bonjou, m gen lafy\u00e8v \ud83e\udd12"}"#;
    #[test]
    fn a_token_is_proved_as_meta_wants_it() {
        let proved = proof(&Secret::from(KEY), b"demo-access-token");
        let known = "2c097bc0d6d891fa9f5dbf598a2e8e23276b171a10eafbffd0317f4bb72ee1c9";
        assert_eq!(proved, known);
    }

    const UNESCAPED: &str = r#"{"t":"Bonjou, m gen lafyèv 🤒"}"#;
    const VECTORS: [(&str, usize, &str); 4] = [
        (
            "",
            0,
            "76880da0817d6eb65ff5407c10c5c774b5b095b3c73fcc09868ea90518517cc3",
        ),
        (
            r#"{"object":"whatsapp_business_account","entry":[]}"#,
            49,
            "7c52dcecb8969b2e4fca7336be820792cc4d52688c1688c084fab5d10cdcf6bb",
        ),
        (
            ESCAPED,
            46,
            "ae45f837dc0a035efca5de66db34f4e8469fde9a7cef94b91670d1cf29e31064",
        ),
        (
            UNESCAPED,
            34,
            "862e2ef93facd1e6378c3f5491675cb19266f90ba539873e7475d2a4926f1db6",
        ),
    ];

    fn secrets(of: &[&str]) -> Vec<Secret> {
        of.iter().map(|text| Secret::from(*text)).collect()
    }

    #[test]
    fn the_four_digest_vectors() {
        for (body, length, digest) in VECTORS {
            assert_eq!(body.len(), length);
            let header = format!("sha256={digest}");
            assert_eq!(sign(&Secret::from(KEY), body.as_bytes()), header);
            assert!(verify(Some(&header), body.as_bytes(), &secrets(&[KEY])));
        }
    }

    #[test]
    fn a_verifier_that_writes_the_json_again_would_fail() {
        let value: serde_json::Value = serde_json::from_str(ESCAPED).unwrap();
        let again = serde_json::to_string(&value).unwrap();
        assert_eq!(again, UNESCAPED, "the same JSON value");
        let header = sign(&Secret::from(KEY), ESCAPED.as_bytes());
        assert!(verify(Some(&header), ESCAPED.as_bytes(), &secrets(&[KEY])));
        assert!(!verify(Some(&header), again.as_bytes(), &secrets(&[KEY])));
    }

    #[test]
    fn any_accepted_secret_will_do_and_no_other() {
        let header = sign(&Secret::from("old"), b"body");
        assert!(verify(Some(&header), b"body", &secrets(&["new", "old"])));
        assert!(verify(Some(&header), b"body", &secrets(&["old", "new"])));
        assert!(!verify(Some(&header), b"body", &secrets(&["new"])));
        assert!(!verify(Some(&header), b"body", &[]));
    }

    #[test]
    fn an_empty_secret_accepts_nothing() {
        let header = sign(&Secret::from(""), b"body");
        assert!(!verify(Some(&header), b"body", &secrets(&[""])));
    }

    #[test]
    fn one_changed_byte_is_noticed() {
        let header = sign(&Secret::from(KEY), b"body");
        assert!(!verify(Some(&header), b"bodz", &secrets(&[KEY])));
        assert!(!verify(Some(&header), b"body ", &secrets(&[KEY])));
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let good = sign(&Secret::from(KEY), b"body");
        let digits = good.strip_prefix("sha256=").unwrap();
        let bad = [
            String::new(),
            digits.to_owned(),
            format!("sha1={digits}"),
            format!("SHA256={digits}"),
            format!("sha256={digits}0"),
            format!("sha256={}", digits.get(1..).unwrap()),
            format!("sha256= {digits}"),
            format!("sha256={}", "é".repeat(32)),
            format!("sha256={}", "g".repeat(64)),
        ];
        for header in bad {
            assert!(
                !verify(Some(&header), b"body", &secrets(&[KEY])),
                "{header}"
            );
            assert!(!is_well_formed(&header));
        }
        assert!(!verify(None, b"body", &secrets(&[KEY])));
        assert!(is_well_formed(&good));
    }
}
