//! Errors as Meta's Graph API words them. A receiver must go by the number
//! alone; the words and the HTTP status are there because real ones come with
//! them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A refusal by the Graph API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphError {
    /// The number that says what is wrong.
    pub code: i64,
    /// A finer number, for the few codes that still have one.
    pub subcode: Option<i64>,
    /// The status it is answered with.
    pub http: u16,
    /// What exactly is wrong.
    pub details: String,
}

impl GraphError {
    /// An error with the HTTP status its code usually has.
    pub fn new(code: i64, details: impl Into<String>) -> Self {
        let subcode = match code {
            33 => Some(33),
            190 => Some(463),
            _ => None,
        };
        Self {
            code,
            subcode,
            http: usual_http(code),
            details: details.into(),
        }
    }

    /// The URL names an object that does not exist.
    pub fn no_such_object(id: &str) -> Self {
        Self {
            code: 100,
            subcode: Some(33),
            http: 400,
            details: format!(
                "Object with ID '{id}' does not exist, cannot be loaded due to missing permissions"
            ),
        }
    }

    /// The body of the answer.
    pub fn body(&self, trace: &str) -> Value {
        let mut error = json!({
            "message": format!("(#{}) {}", self.code, title(self.code)),
            "type": "OAuthException",
            "code": self.code,
            "error_data": { "messaging_product": "whatsapp", "details": self.details },
            "fbtrace_id": trace,
        });
        if let (Some(subcode), Some(fields)) = (self.subcode, error.as_object_mut()) {
            fields.insert("error_subcode".into(), json!(subcode));
        }
        json!({ "error": error })
    }

    /// The same fault as an element of `statuses[].errors`.
    pub fn in_status(&self) -> Value {
        json!({
            "code": self.code,
            "title": title(self.code),
            "message": title(self.code),
            "error_data": { "details": self.details },
            "href": "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/",
        })
    }
}

const fn usual_http(code: i64) -> u16 {
    match code {
        0 | 190 => 401,
        2 | 131_016 | 133_004 => 503,
        3 | 131_000 | 131_045 | 131_057 | 133_000 => 500,
        4 | 80_007 | 130_429 | 131_048 | 131_056 => 429,
        10 | 200..=299 | 368 | 130_497 | 131_005 | 131_031 => 403,
        132_001 => 404,
        _ => 400,
    }
}

/// Meta's short titles, as near as they are known.
const TITLES: &[(i64, &str)] = &[
    (0, "AuthException"),
    (1, "API Unknown"),
    (2, "API Service"),
    (3, "API Method"),
    (4, "API Too Many Calls"),
    (10, "Permission Denied"),
    (33, "Parameter value is not valid"),
    (100, "Invalid parameter"),
    (190, "Access token has expired"),
    (368, "Temporarily blocked for policies violations"),
    (506, "Duplicate Post"),
    (80_007, "Rate limit issues"),
    (130_429, "Rate limit hit"),
    (130_472, "User's number is part of an experiment"),
    (
        130_497,
        "Business account is restricted from messaging users in this country",
    ),
    (131_000, "Something went wrong"),
    (131_005, "Access denied"),
    (131_008, "Required parameter is missing"),
    (131_009, "Parameter value is not valid"),
    (131_016, "Service unavailable"),
    (131_021, "Recipient cannot be sender"),
    (131_026, "Message undeliverable"),
    (131_030, "Recipient phone number not in allowed list"),
    (131_031, "Business Account locked"),
    (
        131_037,
        "WhatsApp provided number needs display name approval before message can be sent",
    ),
    (131_042, "Business eligibility payment issue"),
    (131_045, "Incorrect certificate"),
    (131_047, "Re-engagement message"),
    (131_048, "Spam rate limit hit"),
    (131_049, "Meta chose not to deliver"),
    (131_050, "User has stopped marketing messages"),
    (131_051, "Message type unknown"),
    (131_052, "Media download error"),
    (131_053, "Media upload error"),
    (
        131_056,
        "(Business Account, Consumer Account) pair rate limit hit",
    ),
    (131_057, "Account in maintenance mode"),
    (132_000, "Template param count mismatch"),
    (132_001, "Template does not exist"),
    (132_005, "Template hydrated text too long"),
    (132_007, "Template format character policy violated"),
    (132_012, "Template parameter format mismatch"),
    (132_015, "Template is paused"),
    (132_016, "Template is disabled"),
    (132_068, "Flow is blocked"),
    (132_069, "Flow is throttled"),
    (133_000, "Incomplete deregistration"),
    (133_004, "Server temporarily unavailable"),
    (133_005, "Two step verification PIN mismatch"),
    (133_006, "Phone number re-verification needed"),
    (133_008, "Too many two step verification PIN guesses"),
    (133_009, "Two step verification PIN guessed too fast"),
    (133_010, "Phone number not registered"),
    (
        133_015,
        "Please wait a few minutes before attempting to register this phone number",
    ),
    (135_000, "Generic user error"),
];

/// The title of a code.
fn title(code: i64) -> &'static str {
    let known = TITLES.iter().find(|(known, _)| *known == code);
    known.map_or("An error occurred", |(_, title)| title)
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

    #[test]
    fn an_error_reads_like_metas() {
        let body = GraphError::new(131_047, "More than 24 hours").body("AbC");
        assert_eq!(body["error"]["code"], 131_047);
        assert_eq!(body["error"]["message"], "(#131047) Re-engagement message");
        assert_eq!(body["error"]["error_data"]["details"], "More than 24 hours");
        assert!(body["error"].get("error_subcode").is_none());
        let gone = GraphError::no_such_object("7").body("x");
        assert_eq!(gone["error"]["code"], 100);
        assert_eq!(gone["error"]["error_subcode"], 33);
    }
}
