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
    /// Whether its first button is a quick reply, which is what we fill in and
    /// what a patient taps; unknown until [`look_at_buttons`] asked.
    pub can_be_tapped: Option<bool>,
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
        can_be_tapped: None,
    }
}

/// Asks for the buttons of the templates of these names. One by one: the parts of
/// all could be more than an answer may hold. What is not told stays unknown.
pub async fn look_at_buttons<'a>(
    graph: &Graph,
    account: &str,
    names: impl Iterator<Item = &'a str>,
    standing: &mut [Standing],
) {
    for name in names {
        let query = [("fields", "name,language,components"), ("name", name)];
        let Ok(told) = graph.get(&[account, "message_templates"], &query).await else {
            continue;
        };
        for one in list(&told, "data") {
            let (name, language) = (word(one, "name"), word(one, "language"));
            let known = standing
                .iter_mut()
                .find(|known| known.name == name && known.language == language);
            if let Some(known) = known {
                known.can_be_tapped = can_be_tapped(one);
            }
        }
    }
}

fn can_be_tapped(told: &Value) -> Option<bool> {
    let parts = told.get("components")?.as_array()?;
    let buttons = parts.iter().find(|part| word(part, "type") == "BUTTONS");
    let first = buttons.and_then(|part| list(part, "buttons").first());
    Some(first.is_some_and(|button| word(button, "type") == "QUICK_REPLY"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_can_be_tapped_where_its_first_button_is_a_quick_reply() {
        let body = json!({ "type": "BODY", "text": "x" });
        let with = |buttons: Value| {
            let buttons = json!({ "type": "BUTTONS", "buttons": buttons });
            can_be_tapped(&json!({ "components": [body, buttons] }))
        };
        let (reply, link) = (json!({ "type": "QUICK_REPLY" }), json!({ "type": "URL" }));
        assert_eq!(with(json!([reply])), Some(true));
        assert_eq!(with(json!([reply, link])), Some(true));
        assert_eq!(with(json!([link, reply])), Some(false));
        assert_eq!(with(json!([])), Some(false));
        assert_eq!(can_be_tapped(&json!({ "components": [body] })), Some(false));
        assert_eq!(can_be_tapped(&json!({ "name": "x" })), None);
    }
}
