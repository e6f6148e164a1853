//! Meta's set-up, walked through from end to end: each thing that must be right
//! before a patient is answered is looked at, and said in plain words.
//!
//! It changes one thing only: it subscribes the account to the app. It never
//! shows a token or a secret, and never asks for a patient's number.

mod finding;
mod judge;
mod judge_templates;
#[cfg(test)]
mod tests;
mod versions;

pub use finding::{Finding, Verdict};
pub use judge::{TOKEN_DAYS_MIN, trouble};
pub use versions::judge as judge_version;

use super::graph::{Graph, Unanswered};
use super::signature::proof;
use super::templates::{self, Standing};
use crate::core::lang::Lang;
use crate::core::secret::Secret;
use crate::core::time::Now;
use finding::{bad, not_checked, ok};
use serde_json::Value;
use std::collections::BTreeMap;

/// What is looked at.
pub struct Asked<'a> {
    /// The version of the Graph API in use.
    pub api_version: &'a str,
    /// Meta's id of the clinic's number.
    pub phone_number_id: &'a str,
    /// Meta's id of the WhatsApp account, where the configuration names it.
    pub account: Option<&'a str>,
    /// The access token.
    pub token: &'a Secret,
    /// The app secret in use.
    pub app_secret: Option<&'a Secret>,
    /// Whether a verify token is set.
    pub has_verify_token: bool,
    /// The template of each language, by the language's code.
    pub templates: &'a BTreeMap<String, String>,
    /// The languages of the clinic.
    pub languages: &'a [Lang],
    /// When.
    pub now: Now,
}

/// What was found.
pub struct Walked {
    /// One after the other, in the order of the set-up.
    pub findings: Vec<Finding>,
    /// The templates at Meta, where it told.
    pub templates: Option<Vec<Standing>>,
}

/// Whether everything that must be right is.
pub fn is_sound(findings: &[Finding]) -> bool {
    let stands = |finding: &Finding| match finding.verdict {
        Verdict::Ok | Verdict::Warning => true,
        Verdict::Bad | Verdict::NotChecked => false,
    };
    findings.iter().all(stands)
}

/// Looks at everything, in order; where the provider is out of reach, only at
/// what needs no answer.
pub async fn walk(graph: &Graph, asked: &Asked<'_>) -> Walked {
    let mut findings = vec![
        versions::judge(asked.api_version, asked.now.at),
        verify_token(asked.has_verify_token),
    ];
    let typed = String::from_utf8_lossy(asked.token.expose().trim_ascii()).into_owned();
    let told = graph
        .get(&["debug_token"], &[("input_token", typed.as_str())])
        .await;
    let (token, told) = match told {
        Ok(told) => judge::token(&told, asked.now),
        Err(Unanswered::Refused(error)) if error.code == 190 => {
            (vec![judge::dead_token()], judge::Token::default())
        }
        Err(Unanswered::Refused(_)) => {
            let why = "Meta does not tell about this token";
            (
                vec![not_checked("access token", why)],
                judge::Token::default(),
            )
        }
        Err(other) => {
            let how = "check cable, modem, name server and credit, then run this again";
            findings.push(bad("line", judge::trouble(&other), how));
            let why = "the provider is out of reach";
            findings.push(not_checked("everything else", why));
            return Walked {
                findings,
                templates: None,
            };
        }
    };
    findings.extend(token);
    if told.app.is_empty() {
        findings.push(not_checked(
            "everything else",
            "it needs a token that holds",
        ));
        return Walked {
            findings,
            templates: None,
        };
    }
    let number = look_at_number(graph, asked, &mut findings).await;
    look_at_secret(graph, asked, &told.app, &mut findings).await;
    let account = find_account(asked, number.as_ref(), &told);
    let templates = look_at_account(graph, asked, account, &told.app, &mut findings).await;
    Walked {
        findings,
        templates,
    }
}

fn verify_token(is_set: bool) -> Finding {
    if is_set {
        return ok("verify token", "one is set");
    }
    let how = "make up a long word, run healthpost secret set whatsapp.verify_token < FILE, and \
               give the same word to Meta beside the webhook's address";
    bad(
        "verify token",
        "none is set: Meta cannot check the webhook's address",
        how,
    )
}

async fn look_at_number(
    graph: &Graph,
    asked: &Asked<'_>,
    findings: &mut Vec<Finding>,
) -> Option<Value> {
    let path = [asked.phone_number_id];
    let fields = "verified_name,display_phone_number,quality_rating,status";
    let number = graph.get(&path, &[("fields", fields)]).await;
    findings.extend(judge::number(&number));
    number.as_ref().ok()?;
    // Asked for by itself: an older version that does not know the field would
    // refuse the whole question.
    let health = graph
        .get(&path, &[("fields", "health_status")])
        .await
        .ok()?;
    findings.extend(judge::health(&health));
    Some(health)
}

async fn look_at_secret(graph: &Graph, asked: &Asked<'_>, app: &str, findings: &mut Vec<Finding>) {
    let Some(secret) = asked.app_secret else {
        findings.push(judge::no_secret());
        return;
    };
    let proof = proof(secret, asked.token.expose().trim_ascii());
    let query = [("fields", "id"), ("appsecret_proof", proof.as_str())];
    // Of whoever the token belongs to: a number of a wrong id would be refused
    // too, and a right secret blamed for it.
    let answer = graph.get(&["me"], &query).await;
    let finding = judge::secret(&answer);
    let sound = finding.verdict == Verdict::Ok;
    findings.push(finding);
    if !sound {
        findings.push(not_checked("webhook", "it needs the app secret"));
        return;
    }
    // The app's own token: its id and its secret.
    let mut own = format!("{app}|").into_bytes();
    own.extend_from_slice(secret.expose().trim_ascii());
    let answer = match graph.with_token(&Secret::new(own)) {
        Ok(graph) => graph.get(&[app, "subscriptions"], &[]).await,
        Err(_) => Err(Unanswered::Odd),
    };
    findings.extend(judge::webhook(&answer));
}

/// The account's id: as configured, as the number's health tells it, or the
/// only one the token may manage.
fn find_account(asked: &Asked<'_>, number: Option<&Value>, token: &judge::Token) -> Option<String> {
    let only = || match token.accounts.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    asked
        .account
        .map(str::to_owned)
        .or_else(|| judge::account_of(number?))
        .or_else(only)
}

async fn look_at_account(
    graph: &Graph,
    asked: &Asked<'_>,
    account: Option<String>,
    app: &str,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Standing>> {
    let Some(account) = account else {
        let said = "Meta does not tell which WhatsApp account the number belongs to";
        let how = "at developers.facebook.com/apps open the app, WhatsApp > API setup, copy \
                   WhatsApp Business Account ID into whatsapp.business_account_id";
        findings.push(bad("account", said, how));
        return None;
    };
    let path = [account.as_str(), "subscribed_apps"];
    let before = graph.get(&path, &[]).await;
    let missing = before
        .as_ref()
        .is_ok_and(|told| !judge::is_subscribed(told, app));
    let now = if missing {
        let nothing = Value::Object(serde_json::Map::new());
        match graph.post(&path, &nothing).await {
            Ok(_) => graph.get(&path, &[]).await,
            Err(refused) => Err(refused),
        }
    } else {
        before
    };
    findings.push(judge::subscription(&now, app, missing));
    let mut standing = templates::standing(graph, &account).await;
    if let Ok(standing) = &mut standing {
        let names = asked.templates.values().map(String::as_str);
        templates::look_at_buttons(graph, &account, names, standing).await;
    }
    findings.extend(judge_templates::templates(
        asked.templates,
        asked.languages,
        &standing,
    ));
    standing.ok()
}

/// The account that templates belong to, where it can be told.
///
/// # Errors
/// Why Meta did not answer; [`Unanswered::Odd`] if it does not tell.
pub async fn account(graph: &Graph, asked: &Asked<'_>) -> Result<String, Unanswered> {
    if let Some(account) = asked.account {
        return Ok(account.to_owned());
    }
    let path = [asked.phone_number_id];
    let health = graph.get(&path, &[("fields", "health_status")]).await?;
    if let Some(account) = judge::account_of(&health) {
        return Ok(account);
    }
    let typed = String::from_utf8_lossy(asked.token.expose().trim_ascii()).into_owned();
    let query = [("input_token", typed.as_str())];
    let told = graph.get(&["debug_token"], &query).await?;
    let (_, token) = judge::token(&told, asked.now);
    find_account(asked, None, &token).ok_or(Unanswered::Odd)
}
