//! What the opened database tells: its integrity, the queue, the credentials.

use super::finding::{Findings, Verdict};
use super::provider::look_at_provider;
use crate::config::{Config, Provider};
use crate::core::time::HOUR_MS;
use crate::ops::{DatabaseFacts, Integrity};
use jiff::tz::TimeZone;

/// Turns the facts into findings.
pub(super) fn look_at_facts(
    facts: &DatabaseFacts,
    config: Option<&Config>,
    zone: &TimeZone,
    findings: &mut Findings,
) {
    match &facts.integrity {
        Integrity::Sound => findings.add("database", Verdict::Ok, "it holds together", ""),
        Integrity::Fault(fault) => {
            let how = "stop the service, and put back the last copy of the data folder";
            findings.add("database", Verdict::Bad, fault, how);
        }
        Integrity::NotChecked => {
            let how = "stop the service and run healthpost doctor again";
            findings.add(
                "database",
                Verdict::NotChecked,
                "the check took too long",
                how,
            );
        }
    }
    if facts.drilled {
        let said = "it was proved to open the data";
        findings.add("recovery key", Verdict::Ok, said, "");
    } else {
        let said = "nobody has proved yet that it opens the data";
        findings.add(
            "recovery key",
            Verdict::Warning,
            said,
            "healthpost key drill",
        );
    }
    let said = format!("{} messages wait to leave", facts.waiting);
    if facts.oldest_age_ms.is_some_and(|age| age > HOUR_MS) {
        let how = "healthpost outbox list --waiting says why; try --online";
        findings.add("outbox", Verdict::Warning, &said, how);
    } else {
        findings.add("outbox", Verdict::Ok, &said, "");
    }
    look_at_dead_letters(facts.dead_letters, findings);
    look_at_provider(&facts.provider, zone, findings);
    if config.is_some_and(|config| config.whatsapp.provider == Provider::UltraMsg) {
        look_at_ultramsg(facts, findings);
    }
    look_at_secrets(facts, config, findings);
}

fn look_at_secrets(facts: &DatabaseFacts, config: Option<&Config>, findings: &mut Findings) {
    for name in &facts.unusable {
        let said = format!("{name} is set to something that cannot work");
        let how = format!("healthpost secret set {name} < FILE");
        findings.add("secrets", Verdict::Bad, &said, &how);
    }
    let needed: &[&str] = match config.map(|config| config.whatsapp.provider) {
        Some(Provider::Cloud) => &[
            "whatsapp.access_token",
            "whatsapp.app_secret",
            "whatsapp.verify_token",
        ],
        Some(Provider::UltraMsg) => &["ultramsg.token"],
        None => &[],
    };
    for name in needed {
        if facts.unusable.iter().any(|set| set == name) {
            continue;
        }
        if facts.secrets.iter().any(|set| set == name) {
            findings.add("secrets", Verdict::Ok, &format!("{name} is set"), "");
        } else {
            let how = format!("healthpost secret set {name} < FILE");
            findings.add("secrets", Verdict::Bad, &format!("{name} is missing"), &how);
        }
    }
}

fn look_at_dead_letters(open: i64, findings: &mut Findings) {
    if open > 0 {
        let said = format!("{open} messages came in that could not be read or handled");
        let how = "healthpost tasks list --as NAME names them; the service's log says which \
                   rule each broke";
        findings.add("dead letters", Verdict::Warning, &said, how);
    } else {
        findings.add("dead letters", Verdict::Ok, "none is open", "");
    }
}

fn look_at_ultramsg(facts: &DatabaseFacts, findings: &mut Findings) {
    let said = "UltraMsg is no service of WhatsApp's: it reads every message, and the number \
                can be banned";
    let how = "README.md says what that means; Meta's Cloud API is the official way";
    findings.add("provider", Verdict::Warning, said, how);
    const SECRET: &str = "ultramsg.webhook_secret";
    if facts.unusable.iter().any(|set| set == SECRET) {
        return;
    }
    if facts.secrets.iter().any(|set| set == SECRET) {
        findings.add("secrets", Verdict::Ok, &format!("{SECRET} is set"), "");
    } else {
        let said = format!("{SECRET} is not set: messages come by polling alone, and later");
        let how = format!("without a public way in this is right; else secret set {SECRET}");
        findings.add("secrets", Verdict::Warning, &said, &how);
    }
}
