//! Templates at Meta: what Meta says of those it has, and handing in the neutral
//! ones that it has not.
//!
//! A template's text must never hold a word about anybody's health: Meta stores
//! it, and it shows on a locked phone.

use super::graph::{Graph, Unanswered, list, word};
use crate::core::outgoing::NeutralTemplate;
use serde_json::{Value, json};

/// What Meta says of one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// WhatsApp's code of its language.
    pub language: String,
    /// `UTILITY`, `MARKETING`, …
    pub category: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, `DISABLED`, …
    pub status: String,
    /// Meta's word for why it was rejected; empty if it was not.
    pub reason: String,
}

/// Every template of the account.
///
/// # Errors
/// Why Meta did not tell.
pub async fn standing(graph: &Graph, account: &str) -> Result<Vec<Standing>, Unanswered> {
    let fields = "name,language,category,status,rejected_reason";
    // An account holds at most 250, or 6,000 once it is verified; a clinic has
    // a handful. What lies beyond the first page is said to be missing.
    let query = [("fields", fields), ("limit", "200")];
    let told = graph.get(&[account, "message_templates"], &query).await?;
    Ok(list(&told, "data").iter().map(read).collect())
}

fn read(told: &Value) -> Standing {
    let reason = word(told, "rejected_reason");
    Standing {
        name: word(told, "name"),
        language: word(told, "language"),
        category: word(told, "category"),
        status: word(told, "status"),
        reason: if reason == "NONE" {
            String::new()
        } else {
            reason
        },
    }
}

/// Hands a template in; returns the status it has now.
///
/// # Errors
/// Why Meta did not take it.
pub async fn submit(
    graph: &Graph,
    account: &str,
    template: &NeutralTemplate,
) -> Result<String, Unanswered> {
    let button = json!({ "type": "QUICK_REPLY", "text": template.button });
    let body = json!({
        "name": template.name,
        "language": template.code,
        "category": template.category,
        "components": [
            { "type": "BODY", "text": template.body },
            { "type": "BUTTONS", "buttons": [button] },
        ],
    });
    let told = graph.post(&[account, "message_templates"], &body).await?;
    Ok(word(&told, "status"))
}
