//! The templates of the configuration against what Meta says of them.

use super::super::graph::Unanswered;
use super::super::templates::Standing;
use super::finding::{Finding, bad, not_checked, ok, warning};
use super::judge::trouble;
use crate::core::lang::Lang;
use crate::core::outgoing::{neutral_templates, template_preference};
use std::collections::BTreeMap;

const WHAT: &str = "templates";
const WA_MANAGER: &str = "at business.facebook.com/wa/manage open Message templates";

/// The templates of the configuration, each language of the clinic's.
pub fn templates(
    wanted: &BTreeMap<String, String>,
    languages: &[Lang],
    standing: &Result<Vec<Standing>, Unanswered>,
) -> Vec<Finding> {
    let standing = match standing {
        Ok(standing) => standing,
        Err(other) => return vec![not_checked(WHAT, trouble(other))],
    };
    languages
        .iter()
        .map(|lang| match wanted.get(lang.code()) {
            Some(name) => template(name, *lang, standing),
            None => {
                let said = format!(
                    "{lang}: none is named, so a reply whose 24 hours are over becomes a task for \
                     staff"
                );
                let how = format!(
                    "run healthpost whatsapp templates submit; once it is approved, write \
                     {lang} = \"reply_waiting_{lang}\" under [outbox.templates]"
                );
                warning(WHAT, said, how)
            }
        })
        .collect()
}

fn template(name: &str, lang: Lang, standing: &[Standing]) -> Finding {
    // The one that a send would choose.
    let known = standing
        .iter()
        .filter(|known| known.name == name)
        .filter_map(|known| {
            let usable = known.status == "APPROVED";
            Some((template_preference(&known.language, usable, lang)?, known))
        })
        .min_by_key(|(preference, _)| *preference)
        .map(|(_, known)| known);
    let Some(known) = known else {
        let said = format!("{lang}: {name} is not at Meta in this language");
        let how = if neutral_templates().iter().any(|ours| ours.name == name) {
            "run healthpost whatsapp templates submit".to_owned()
        } else {
            format!("correct its name under [outbox.templates], or {WA_MANAGER} and make it there")
        };
        return bad(WHAT, said, how);
    };
    if known.status == "APPROVED" && known.can_be_tapped == Some(false) {
        return untappable(name, lang);
    }
    match (known.status.as_str(), known.category.as_str()) {
        ("APPROVED", "UTILITY") => ok(WHAT, format!("{lang}: {name} is approved")),
        ("APPROVED", category) => {
            let said =
                format!("{lang}: {name} counts as {category}, which costs more and is capped");
            warning(
                WHAT,
                said,
                format!("{WA_MANAGER} and ask for a review of its category"),
            )
        }
        ("PENDING" | "IN_APPEAL", _) => {
            let said = format!("{lang}: {name} waits for Meta's review");
            bad(WHAT, said, "run this again in a day")
        }
        (status, _) => {
            let reason = match known.reason.as_str() {
                "" => String::new(),
                reason => format!(", because of {reason}"),
            };
            let said = format!("{lang}: {name} cannot be sent: it is {status}{reason}");
            bad(
                WHAT,
                said,
                format!("{WA_MANAGER}, choose it and see what is wrong"),
            )
        }
    }
}

/// Our message fills in the first button; what comes back when it is tapped tells
/// us to go on.
fn untappable(name: &str, lang: Lang) -> Finding {
    let said = format!(
        "{lang}: {name} has no quick reply as its first button: Meta may refuse to send it, and a \
         patient has nothing to tap"
    );
    let how = format!(
        "{WA_MANAGER} and make one whose first button is a quick reply, or run healthpost whatsapp \
         templates submit and write {lang} = \"reply_waiting_{lang}\" under [outbox.templates]"
    );
    warning(WHAT, said, how)
}
