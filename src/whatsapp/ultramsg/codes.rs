//! UltraMsg's faults in the codes of the one table. It has no codes of its
//! own, only words that may change: what is not recognised is tried again, and
//! never taken for the message's own fault.

use crate::core::inbound::ProviderError;
use serde_json::Value;

/// The token is wrong: the channel stops.
pub const TOKEN: i64 = 190;
/// No such instance: the channel stops.
pub const INSTANCE: i64 = 131_045;
/// The instance was not paid for: the channel stops.
pub const PAYMENT: i64 = 131_042;
/// No phone is linked to the instance: the channel stops.
pub const NOT_LINKED: i64 = 133_010;
/// Too fast: everything waits.
pub const TOO_FAST: i64 = 130_429;
/// A parameter of this message is refused.
pub const PARAMETER: i64 = 131_009;
/// Nobody there under this number, or no number at all.
pub const UNDELIVERABLE: i64 = 131_026;
/// Anything else: the same message again, later.
pub const AGAIN: i64 = 133_004;

/// Words in UltraMsg's faults, the first that is found decides.
const WORDS: [(&str, i64); 16] = [
    ("token", TOKEN),
    ("payment", PAYMENT),
    ("paid", PAYMENT),
    ("subscription", PAYMENT),
    ("suspend", PAYMENT),
    ("stopped", PAYMENT),
    ("trial", PAYMENT),
    ("too many", TOO_FAST),
    ("rate limit", TOO_FAST),
    ("authenticated", NOT_LINKED),
    ("disconnected", NOT_LINKED),
    ("qr", NOT_LINKED),
    ("instance", INSTANCE),
    ("is required", PARAMETER),
    ("not a valid", PARAMETER),
    ("invalid", PARAMETER),
];

/// An error of the one table.
pub const fn error(code: i64) -> ProviderError {
    ProviderError {
        code,
        subcode: None,
    }
}

/// What an `error` member says: a text, an object of parameters, or a list of
/// either. None if it says that there is no error.
pub fn read(told: &Value) -> Option<i64> {
    match told {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) | Value::Number(_) => Some(AGAIN),
        Value::String(words) if words.trim().is_empty() => None,
        Value::String(words) => Some(by_words(words)),
        // A fault of the account among others stops the channel for all.
        Value::Array(list) => list
            .iter()
            .filter_map(read)
            .max_by_key(|code| weight(*code)),
        Value::Object(fields) => fields
            .iter()
            .map(|(field, why)| by_field(field, why))
            .max_by_key(|code| weight(*code)),
    }
}

fn by_field(field: &str, why: &Value) -> i64 {
    match field {
        "token" => TOKEN,
        "to" | "body" | "chatId" | "priority" | "referenceId" | "msgId" => PARAMETER,
        _ => why.as_str().map_or(AGAIN, by_words),
    }
}

/// What a fault in words says.
pub fn by_words(words: &str) -> i64 {
    let lower = words.to_lowercase();
    WORDS
        .iter()
        .find(|(word, _)| lower.contains(word))
        .map_or(AGAIN, |(_, code)| *code)
}

const fn weight(code: i64) -> u8 {
    match code {
        TOKEN | INSTANCE | PAYMENT | NOT_LINKED => 3,
        TOO_FAST => 2,
        PARAMETER | UNDELIVERABLE => 1,
        _ => 0,
    }
}
