//! What the database knows of the provider without asking it: costs, templates,
//! patients' files, and how long the API version lives.

use super::super::failure::Failure;
use super::super::output;
use super::finding::{Findings, Verdict};
use crate::config::{Config, Provider};
use crate::core::delivery::Why;
use crate::core::time::UnixMs;
use crate::ops::{LineFacts, ProviderFacts, Response, judge_version};
use jiff::tz::TimeZone;

/// Turns the facts into findings.
pub(super) fn look_at_provider(facts: &ProviderFacts, zone: &TimeZone, findings: &mut Findings) {
    if let Some(usage) = &facts.usage {
        let service = usage.delivered.get("service").copied().unwrap_or(0);
        let said = format!(
            "{service} of {} free messages used in {}",
            usage.free, usage.month
        );
        let how =
            "healthpost whatsapp usage; add a payment method at Meta, or let the flow ask less";
        match usage.quota.as_str() {
            "fine" => findings.add("messages", Verdict::Ok, &said, ""),
            _ => findings.add("messages", Verdict::Warning, &said, how),
        }
    }
    for template in &facts.templates_refused {
        let how = "healthpost whatsapp setup says why; until then late replies become calls";
        findings.add("templates", Verdict::Warning, template, how);
    }
    if let Some(fault) = &facts.not_fetched {
        let since = crate::core::table::time(fault.since, zone);
        let said = format!("messages cannot be fetched since {since}: {}", fault.why);
        let how = "add --online to see how the account stands; look at the clinic's phone";
        findings.add("polling", Verdict::Bad, &said, how);
    }
    let said = format!(
        "{} of patients' files wait to be fetched, {} were lost",
        facts.files_waiting, facts.files_lost
    );
    findings.add("files", Verdict::Ok, &said, "");
}

/// How the account stands at a provider that was asked.
pub(super) fn look_at_account(asked: Result<Response, Failure>, findings: &mut Findings) {
    const WHAT: &str = "UltraMsg";
    let list = match asked {
        Ok(Response::Setup { list, .. }) => list,
        Ok(_) => {
            findings.add(WHAT, Verdict::Bad, "no usable answer", "update the service");
            return;
        }
        Err(failure) => {
            let said = failure.to_string().replace("\nhint: ", "; ");
            findings.add(WHAT, Verdict::Bad, &said, "");
            return;
        }
    };
    for line in list {
        let said = format!("{}: {}", line.check, output::tame(&line.finding));
        findings.add(WHAT, verdict(&line.state), &said, &line.remedy);
    }
}

fn verdict(word: &str) -> Verdict {
    match word {
        "ok" => Verdict::Ok,
        "warning" => Verdict::Warning,
        "not checked" => Verdict::NotChecked,
        _ => Verdict::Bad,
    }
}

/// The line as the running service sees it: only it knows what became of what it
/// sent. That nothing can be reached for a while is no fault of the box; that the
/// account is refused is one that no waiting mends.
pub(super) fn look_at_service_line(config: &Config, line: &LineFacts, findings: &mut Findings) {
    let said = format!("{}: {}", line.state, line.words);
    let why = line.why.as_deref().and_then(|why| why.parse().ok());
    match (why, config.whatsapp.provider) {
        (Some(Why::Configuration), Provider::Cloud) => {
            let how = "healthpost whatsapp setup says what Meta has against it";
            findings.add("line", Verdict::Bad, &said, how);
        }
        (Some(Why::Configuration), Provider::UltraMsg) => {
            let how = "scan the code again on the instance's page, or set its token anew: \
                       healthpost secret set ultramsg.token < FILE";
            findings.add("line", Verdict::Bad, &said, how);
        }
        (None, _) if line.state == "up" => findings.add("line", Verdict::Ok, &said, ""),
        (_, _) => {
            let how = "replies wait until then; healthpost outbox list shows them";
            findings.add("line", Verdict::Warning, &said, how);
        }
    }
}

/// How long the version of the API lives that is in use.
pub(super) fn look_at_version(config: &Config, now: UnixMs, findings: &mut Findings) {
    if config.whatsapp.provider != Provider::Cloud {
        return;
    }
    let line = judge_version(&config.whatsapp.api_version, now);
    findings.add(
        "API version",
        verdict(&line.state),
        &line.finding,
        &line.remedy,
    );
}
