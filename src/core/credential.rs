//! Which credentials there are, and what their values must be like to be of any
//! use. Pure; no sentence in here repeats a value.

use crate::core::limits::{ACTION_NAME_CHARS_MAX, PATH_SECRET_BYTES_MIN};

const ACCESS_TOKEN: &str = "whatsapp.access_token";
const ULTRAMSG_TOKEN: &str = "ultramsg.token";
/// The secret in the path of UltraMsg's webhook.
pub const WEBHOOK_SECRET: &str = "ultramsg.webhook_secret";
const NAMES: [&str; 5] = [
    ACCESS_TOKEN,
    "whatsapp.app_secret",
    "whatsapp.verify_token",
    ULTRAMSG_TOKEN,
    WEBHOOK_SECRET,
];
/// What begins the names of credentials that a flow's actions use.
const ACTION: &str = "action.";

/// What is said of a name that is none of them.
pub const UNKNOWN: &str = "there is no credential of that name";
/// Which names there are.
pub const KNOWN_ARE: &str = "known are whatsapp.access_token, whatsapp.app_secret, \
    whatsapp.verify_token, ultramsg.token, ultramsg.webhook_secret and action.NAME, where NAME has \
    at most 64 small letters, digits, dots, dashes and underscores";

/// Whether `name` is a credential the program knows.
pub fn is_known(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b);
    let is_action =
        |rest: &str| (1..=ACTION_NAME_CHARS_MAX).contains(&rest.len()) && rest.bytes().all(plain);
    NAMES.contains(&name) || name.strip_prefix(ACTION).is_some_and(is_action)
}

/// Why this value can never work under this name.
pub fn fault(name: &str, value: &[u8]) -> Option<&'static str> {
    match name {
        ACCESS_TOKEN | ULTRAMSG_TOKEN => (!value.iter().all(u8::is_ascii_graphic))
            .then_some("a token has visible ASCII characters only, no space and no line break"),
        WEBHOOK_SECRET => {
            let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-".contains(b);
            let fine = value.len() >= PATH_SECRET_BYTES_MIN && value.iter().all(plain);
            (!fine).then_some(
                "the secret in the webhook's address has at least 32 letters, digits, dashes or \
                 underscores, and nothing else",
            )
        }
        name if name.starts_with(ACTION) => None,
        _known => {
            let broken = value.iter().any(u8::is_ascii_control) || value.trim_ascii() != value;
            broken.then_some("it is one line without a space at either end")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_the_values_that_can_work_under_it() {
        let app_secret = "whatsapp.app_secret";
        let verify = "whatsapp.verify_token";
        let action = "action.lab";
        for (name, value, fine) in [
            (ACCESS_TOKEN, "EAAG0123abc|x.y-z_", true),
            (ACCESS_TOKEN, "EAAG 0123", false),
            (ACCESS_TOKEN, "EAAG\r\n0123", false),
            (ACCESS_TOKEN, "EAAG0123\r", false),
            (ACCESS_TOKEN, "EAAG\u{e9}", false),
            (ULTRAMSG_TOKEN, "k3x9", true),
            (ULTRAMSG_TOKEN, "k3x9\t", false),
            (WEBHOOK_SECRET, "3f9c1b7ad2e84c063f9c1b7ad2e84c06", true),
            (WEBHOOK_SECRET, "3f9c_1b7a-D2E84C063f9c1b7ad2e84c06", true),
            (WEBHOOK_SECRET, "3f9c1b7ad2e84c063f9c1b7ad2e84c0", false),
            (WEBHOOK_SECRET, "3f9c1b7ad2e84c063f9c1b7ad2e84c0/", false),
            (WEBHOOK_SECRET, "3f9c1b7ad2e84c063f9c1b7ad2e84c06 ", false),
            (app_secret, "0123456789abcdef", true),
            (app_secret, "0123456789\r\nabcdef", false),
            (app_secret, " 0123456789abcdef", false),
            (verify, "a word of our own", true),
            (verify, "a word\0", false),
            (action, "user:pass word\nsecond line", true),
        ] {
            assert_eq!(
                fault(name, value.as_bytes()).is_none(),
                fine,
                "{name} {value:?}"
            );
        }
    }

    #[test]
    fn an_actions_name_is_short_and_plain() {
        assert!(NAMES.into_iter().all(is_known));
        let longest = format!("action.{}", "a".repeat(64));
        let too_long = format!("{longest}a");
        for (name, known) in [
            ("action.lab-2_x.y", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("action.", false),
            ("action.Lab", false),
            ("action.la b", false),
            ("whatsapp.acces", false),
            ("x", false),
        ] {
            assert_eq!(is_known(name), known, "{name}");
        }
    }
}
