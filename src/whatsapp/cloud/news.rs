//! News of the account itself: a reviewer's decision about a template. What it
//! says is Meta's own and tells of no patient; it is shortened all the same.

use super::content::word;
use super::wire_news::Decision;
use crate::core::inbound::{Item, TemplateNews};
use crate::whatsapp::json::{Raw, object};

/// The field in which decisions about templates come.
pub(super) const TEMPLATES: &str = "message_template_status_update";

/// A decision about a template; `None` for a value of another form (the field
/// carries quality scores too).
pub(super) fn template(value: Raw<'_>) -> Option<Item> {
    let told: Decision<'_> = object(value)?;
    let reason = told.reason.map(|reason| word(reason.as_str()));
    Some(Item::Template(TemplateNews {
        name: word(told.message_template_name.as_str()),
        // Meta writes `en_US` here and, in some editions, `en-US`.
        language: word(told.message_template_language.as_str()).replace('-', "_"),
        status: word(told.event.as_str()),
        reason: reason.filter(|reason| reason != "NONE").unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn read(json: &str) -> Option<Item> {
        template(&RawValue::from_string(json.to_owned()).unwrap())
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
