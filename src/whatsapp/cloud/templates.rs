//! Templates at Meta: the neutral ones that come with the program, what Meta
//! says of those it has, and handing in those it has not.
//!
//! A template's text must never hold a word about anybody's health: Meta stores
//! it, and it shows on a locked phone.

use super::graph::{Graph, Unanswered, list, word};
use crate::core::lang::Lang;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The texts that come with the program.
const TEXTS: &str = include_str!("../../core/outgoing/templates.toml");

/// A template as it is handed in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neutral {
    /// Its name at Meta: small letters, digits, `_`.
    pub name: String,
    /// WhatsApp's code of its language.
    pub language: String,
    /// Its one sentence.
    pub body: String,
    /// What its one button says, at most 20 characters.
    pub button: String,
}

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

/// The neutral template of each language.
pub fn neutral() -> BTreeMap<Lang, Neutral> {
    let texts: BTreeMap<Lang, Neutral> =
        toml::from_str(TEXTS).expect("the texts in the program are read by a test");
    texts
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
    template: &Neutral,
) -> Result<String, Unanswered> {
    let button = json!({ "type": "QUICK_REPLY", "text": template.button });
    let body = json!({
        "name": template.name,
        "language": template.language,
        "category": "UTILITY",
        "components": [
            { "type": "BODY", "text": template.body },
            { "type": "BUTTONS", "buttons": [button] },
        ],
    });
    let told = graph.post(&[account, "message_templates"], &body).await?;
    Ok(word(&told, "status"))
}

/// Whether a language code of WhatsApp's speaks this language (`pt_BR` speaks
/// Portuguese).
pub fn speaks(code: &str, lang: Lang) -> bool {
    code.split(['_', '-']).next() == Some(lang.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_its_neutral_template() {
        let all = neutral();
        assert_eq!(all.len(), Lang::ALL.len());
        for (lang, template) in all {
            assert_eq!(template.name, format!("reply_waiting_{lang}"));
            assert!(speaks(&template.language, lang), "{lang}");
            assert!(template.button.chars().count() <= 20, "{lang}");
            assert!(template.body.chars().count() <= 120, "{lang}");
            assert!(!template.body.contains('{'), "no parameters: {lang}");
            assert_eq!(
                template.body.matches('.').count(),
                1,
                "one sentence: {lang}"
            );
        }
    }

    #[test]
    fn no_text_tells_what_it_is_about() {
        let telling = [
            "clinic", "cliniq", "clínic", "kliniki", "health", "santé", "salud", "saúde", "afya",
            "patient", "pacient", "mgonjwa", "doctor", "docteur", "daktari", "médic", "medic",
            "dawa", "hospital", "hôpital", "test", "sick", "malad", "enferm", "doen",
        ];
        for (lang, template) in neutral() {
            let text = format!("{} {}", template.body, template.button).to_lowercase();
            for word in telling {
                assert!(!text.contains(word), "{lang}: {word}");
            }
        }
    }

    #[test]
    fn a_code_with_a_country_speaks_its_language() {
        assert!(speaks("pt_BR", Lang::Pt));
        assert!(speaks("sw", Lang::Sw));
        assert!(!speaks("sv", Lang::Sw));
    }
}
