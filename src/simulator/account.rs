//! What Meta knows of the clinic's token, number and app. Every part can be
//! switched, so that each fault of a set-up can be played. It must hold nothing
//! of a real account.

use serde::{Deserialize, Serialize};

/// The account behind the Graph endpoint. Every field has a default: a sound
/// account that was set up by the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// The app that the token was made for.
    pub app_id: String,
    /// `SYSTEM_USER`, `USER`, …
    pub token_kind: String,
    /// Whether the token is accepted at all.
    pub token_valid: bool,
    /// When the token ends, unix seconds; 0 is never.
    pub token_expires_at: i64,
    /// What the token may do.
    pub scopes: Vec<String>,
    /// `CONNECTED`, `PENDING`, `UNVERIFIED`, …
    pub number_status: String,
    /// `GREEN`, `YELLOW`, `RED`, `UNKNOWN`.
    pub quality: String,
    /// `AVAILABLE`, `LIMITED`, `BLOCKED`.
    pub health: String,
    /// Whether the number tells its health, and with it the account's id.
    pub tells_health: bool,
    /// Whether the app gets the account's webhooks.
    pub subscribed: bool,
    /// The address the app posts webhooks to, as its dashboard shows it.
    pub webhook_url: String,
    /// The fields ticked there.
    pub webhook_fields: Vec<String>,
    /// The status of a template right after it was handed in.
    pub first_review: String,
    /// The name of a template that is not taken; empty takes all.
    pub refused_template: String,
}

impl Default for Account {
    fn default() -> Self {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect();
        Self {
            app_id: "138483919580948".into(),
            token_kind: "SYSTEM_USER".into(),
            token_valid: true,
            token_expires_at: 0,
            scopes: words(&[
                "whatsapp_business_management",
                "whatsapp_business_messaging",
            ]),
            number_status: "CONNECTED".into(),
            quality: "GREEN".into(),
            health: "AVAILABLE".into(),
            tells_health: true,
            subscribed: false,
            webhook_url: "https://clinic.example/webhooks/whatsapp".into(),
            webhook_fields: words(&[
                "messages",
                "message_template_status_update",
                "account_update",
            ]),
            first_review: "PENDING".into(),
            refused_template: String::new(),
        }
    }
}

impl Account {
    /// The same account with the fields of `changes` in place of its own;
    /// `None` if one of them does not exist or has another type.
    pub fn changed(&self, changes: &serde_json::Value) -> Option<Self> {
        let mut whole = serde_json::to_value(self).ok()?;
        whole.as_object_mut()?.extend(
            changes
                .as_object()?
                .iter()
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        serde_json::from_value(whole).ok()
    }

    /// Whether the token may do this.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_names_only_what_differs_and_only_what_exists() {
        let account = Account::default();
        let changed = account.changed(&json!({ "quality": "RED" })).unwrap();
        assert_eq!(changed.quality, "RED");
        assert_eq!(changed.app_id, account.app_id);
        assert_eq!(account.changed(&json!({ "qualty": "RED" })), None);
        assert_eq!(account.changed(&json!({ "subscribed": "yes" })), None);
    }
}
