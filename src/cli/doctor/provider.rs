//! What the database knows of the provider without asking it: costs, templates,
//! patients' files, and how long the API version lives.

use super::finding::{Findings, Verdict};
use crate::config::{Config, Provider};
use crate::core::time::UnixMs;
use crate::ops::{ProviderFacts, judge_version};

/// Turns the facts into findings.
pub(super) fn look_at_provider(facts: &ProviderFacts, findings: &mut Findings) {
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
    let said = format!(
        "{} of patients' files wait to be fetched, {} were lost",
        facts.files_waiting, facts.files_lost
    );
    findings.add("files", Verdict::Ok, &said, "");
}

/// How long the version of the API lives that is in use.
pub(super) fn look_at_version(config: &Config, now: UnixMs, findings: &mut Findings) {
    if config.whatsapp.provider != Provider::Cloud {
        return;
    }
    let line = judge_version(&config.whatsapp.api_version, now);
    let verdict = match line.state.as_str() {
        "ok" => Verdict::Ok,
        "warning" => Verdict::Warning,
        _ => Verdict::Bad,
    };
    findings.add("API version", verdict, &line.finding, &line.remedy);
}
