//! News of the account itself: a reviewer's decision about a template, a ban or
//! a limit. What it says is Meta's own and tells of no patient; it is shortened
//! all the same.

use super::content::word;
use super::wire_news::{AccountUpdate, Ban, Decision};
use crate::core::inbound::{Item, Standing, StandingVerdict, TemplateNews};
use crate::core::time::UnixMs;
use crate::whatsapp::json::{Raw, object};

/// The field in which decisions about templates come.
pub(super) const TEMPLATES: &str = "message_template_status_update";

/// A decision about a template; `None` for a value of another form (the field
/// carries quality scores too).
pub(super) fn template(value: Raw<'_>, said_at: Option<UnixMs>) -> Option<Item> {
    let told: Decision<'_> = object(value)?;
    let reason = told.reason.map(|reason| word(reason.as_str()));
    Some(Item::Template(TemplateNews {
        name: word(told.message_template_name.as_str()),
        // Meta writes `en_US` here and, in some editions, `en-US`.
        language: word(told.message_template_language.as_str()).replace('-', "_"),
        status: word(told.event.as_str()),
        reason: reason.filter(|reason| reason != "NONE").unwrap_or_default(),
        said_at,
    }))
}

/// The field in which bans and limits of the account come.
pub(super) const ACCOUNT: &str = "account_update";

/// A ban, a limit or the end of one; `None` for anything else that is said of
/// the account.
pub(super) fn standing(value: Raw<'_>) -> Option<Item> {
    let told: AccountUpdate<'_> = object(value)?;
    let verdict = match told.event.as_str() {
        "DISABLED_UPDATE" => verdict_of(told.ban_info.and_then(object)),
        "ACCOUNT_RESTRICTION" | "ACCOUNT_VIOLATION" => StandingVerdict::Limited,
        _ => return None,
    };
    Some(Item::Standing(Standing {
        event: word(told.event.as_str()),
        verdict,
    }))
}

/// The state comes as a word or as a list of one.
fn verdict_of(ban: Option<Ban<'_>>) -> StandingVerdict {
    let state = ban.and_then(|ban| ban.waba_ban_state);
    let state = state.map_or("", |state| state.get());
    if state.contains("REINSTATE") {
        StandingVerdict::Reinstated
    } else if state.contains("SCHEDULE") {
        StandingVerdict::Warned
    } else {
        StandingVerdict::Barred
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn read(json: &str) -> Option<Item> {
        template(
            &RawValue::from_string(json.to_owned()).unwrap(),
            Some(UnixMs(8)),
        )
    }

    #[test]
    fn bans_and_limits_are_told_from_other_news_of_the_account() {
        let read = |json: &str| standing(&RawValue::from_string(json.to_owned()).unwrap());
        let ban = |state: &str| {
            format!(r#"{{"event":"DISABLED_UPDATE","ban_info":{{"waba_ban_state":{state}}}}}"#)
        };
        let cases = [
            (ban(r#""DISABLE""#), Some(StandingVerdict::Barred)),
            (ban(r#"["DISABLE"]"#), Some(StandingVerdict::Barred)),
            (
                ban(r#""SCHEDULE_FOR_DISABLE""#),
                Some(StandingVerdict::Warned),
            ),
            (ban(r#"["REINSTATE"]"#), Some(StandingVerdict::Reinstated)),
            (
                r#"{"event":"DISABLED_UPDATE"}"#.into(),
                Some(StandingVerdict::Barred),
            ),
            (
                r#"{"event":"ACCOUNT_RESTRICTION","restriction_info":[{}]}"#.into(),
                Some(StandingVerdict::Limited),
            ),
            (
                r#"{"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"X"}}"#.into(),
                Some(StandingVerdict::Limited),
            ),
            (r#"{"event":"VERIFIED_ACCOUNT"}"#.into(), None),
            (r#"["DISABLED_UPDATE"]"#.into(), None),
        ];
        for (json, expected) in cases {
            let found = match read(&json) {
                Some(Item::Standing(standing)) => Some(standing.verdict),
                _ => None,
            };
            assert_eq!(found, expected, "{json}");
        }
    }

    #[test]
    fn a_decision_is_read_and_a_quality_score_is_none() {
        let paused = r#"{"event":"PAUSED","message_template_id":8063,"reason":"NONE",
            "message_template_name":"reply_waiting_pt","message_template_language":"pt-PT"}"#;
        let news = TemplateNews {
            name: "reply_waiting_pt".into(),
            language: "pt_PT".into(),
            status: "PAUSED".into(),
            reason: String::new(),
            said_at: Some(UnixMs(8)),
        };
        assert_eq!(read(paused), Some(Item::Template(news)));
        let null = paused.replace("\"NONE\"", "null");
        assert!(read(&null).is_some());
        assert_eq!(
            read(r#"{"new_quality_score":"RED","message_template_name":"x"}"#),
            None
        );
        assert_eq!(read("[1]"), None);
    }
}
