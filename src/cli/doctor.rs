//! `healthpost doctor`: looks at everything and says what to do. What was not
//! looked at is said to be `not checked`, never ok.

use super::failure::Failure;
use super::reach::Reached;
use super::{Globals, Opening, machine, output};
use crate::app::flow_file;
use crate::config::{Config, Provider};
use crate::core::time::{HOUR_MS, UnixMs};
use crate::ops::{DatabaseFacts, Request, Response};
use clap::Args;
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// Free space below which the disk is called nearly full, bytes.
const DISK_LOW_BYTES: u64 = 256 * 1024 * 1024;
/// How long the line is tried.
const LINE_WAIT: Duration = Duration::from_secs(10);

/// Check everything and say what to do about each finding
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  healthpost doctor\n  healthpost doctor --online --passphrase-file /root/passphrase"
)]
pub struct Doctor {
    /// Also try to reach the provider
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    opening: Opening,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warning,
    Bad,
    NotChecked,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::NotChecked => "not checked",
        }
    }
}

/// One thing looked at.
struct Finding {
    what: &'static str,
    verdict: Verdict,
    said: String,
    remedy: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &'static str, verdict: Verdict, said: &str, remedy: &str) {
        let (said, remedy) = (said.to_owned(), remedy.to_owned());
        self.0.push(Finding {
            what,
            verdict,
            said,
            remedy,
        });
    }
}

impl Doctor {
    /// Runs every check.
    ///
    /// # Errors
    /// When something is bad, after everything was printed.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut findings = Findings::default();
        let config = look_at_config(globals, &mut findings);
        let folder = globals
            .data_dir
            .clone()
            .or_else(|| config.as_ref().map(|c| c.data_dir.clone()));
        if let Some(folder) = &folder {
            look_at_folder(folder, &mut findings);
            self.look_at_database(globals, config.as_ref(), &mut findings)
                .await;
        }
        look_at_clock(&mut findings)?;
        if let Some(config) = &config {
            look_at_flow(config, &mut findings);
            look_at_ports(config, folder.as_deref(), &mut findings);
            self.look_at_line(config, &mut findings).await;
        }
        for (what, why) in [
            ("TPM", "this version keeps no key in one"),
            ("certificates", "this version serves none of its own"),
            ("USB", "this version does not use sticks"),
            ("public way in", "ask the provider to send a test webhook"),
        ] {
            findings.add(what, Verdict::NotChecked, why, "");
        }
        print(globals, &findings.0)?;
        if findings
            .0
            .iter()
            .any(|finding| finding.verdict == Verdict::Bad)
        {
            return Err(Failure::failed(
                "something is wrong",
                "each finding says what to do",
            ));
        }
        Ok(())
    }

    async fn look_at_database(
        &self,
        globals: &Globals,
        config: Option<&Config>,
        findings: &mut Findings,
    ) {
        let running = globals
            .data_folder()
            .is_ok_and(|folder| folder.join(crate::ops::control::FILE).exists());
        if self.opening.passphrase_file.is_none() && !running {
            let how = "start the service, or add --passphrase-file FILE";
            findings.add("database", Verdict::NotChecked, "nothing has it open", how);
            return;
        }
        let facts = match Reached::open(globals, &self.opening).await {
            Err(failure) => Err(failure),
            Ok(mut reached) => {
                let answered = reached.ask(Request::Facts).await;
                reached.close().await.and(answered)
            }
        };
        match facts {
            Ok(Response::Facts(facts)) => look_at_facts(&facts, config, findings),
            Ok(_) => findings.add(
                "database",
                Verdict::Bad,
                "no usable answer",
                "update the service",
            ),
            Err(failure) => {
                let said = failure.to_string().replace("\nhint: ", "; ");
                findings.add("database", Verdict::Bad, &said, "");
            }
        }
    }

    async fn look_at_line(&self, config: &Config, findings: &mut Findings) {
        let url = match config.whatsapp.provider {
            Provider::Cloud => &config.whatsapp.base_url,
            Provider::UltraMsg => &config.ultramsg.base_url,
        };
        if !self.online {
            findings.add(
                "line",
                Verdict::NotChecked,
                "not asked to",
                "add --online to try it",
            );
            return;
        }
        let Some((host, port)) = reqwest::Url::parse(url)
            .ok()
            .and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)))
        else {
            return;
        };
        let connected = tokio::task::spawn_blocking(move || {
            let addresses = (host.as_str(), port).to_socket_addrs()?;
            let mut last = std::io::Error::other("the name has no address");
            for address in addresses {
                match std::net::TcpStream::connect_timeout(&address, LINE_WAIT) {
                    Ok(_) => return Ok(()),
                    Err(error) => last = error,
                }
            }
            Err(last)
        });
        match connected.await {
            Ok(Ok(())) => findings.add("line", Verdict::Ok, "the provider can be reached", ""),
            Ok(Err(error)) => {
                let how = "check cable, modem, name server and credit; replies wait until then";
                findings.add(
                    "line",
                    Verdict::Bad,
                    &format!("no way to the provider: {error}"),
                    how,
                );
            }
            Err(_) => findings.add(
                "line",
                Verdict::NotChecked,
                "the check broke off",
                "try again",
            ),
        }
    }
}

fn look_at_config(globals: &Globals, findings: &mut Findings) -> Option<Config> {
    match globals.load_config() {
        Ok(config) => {
            let said = format!("{} is in order", globals.config.display());
            findings.add("configuration", Verdict::Ok, &said, "");
            Some(config)
        }
        Err(failure) => {
            let said = failure.to_string();
            findings.add("configuration", Verdict::Bad, &said, "");
            None
        }
    }
}

fn look_at_folder(folder: &Path, findings: &mut Findings) {
    let shown = folder.display();
    let Ok(facts) = std::fs::metadata(folder) else {
        let said = format!("{shown} is not there or not ours to see");
        findings.add("data folder", Verdict::Bad, &said, "run healthpost init");
        return;
    };
    if facts.permissions().mode() & 0o077 == 0 {
        findings.add(
            "data folder",
            Verdict::Ok,
            &format!("{shown} is closed to others"),
            "",
        );
    } else {
        let said = format!("{shown} is open to others");
        findings.add(
            "data folder",
            Verdict::Warning,
            &said,
            &format!("chmod 700 {shown}"),
        );
    }
    match crate::ops::key_slot_kinds(folder) {
        Ok(kinds) => {
            let kinds = kinds.join(", ");
            findings.add("key slots", Verdict::Ok, &format!("there are: {kinds}"), "");
        }
        Err(error) => findings.add("key slots", Verdict::Bad, &error.to_string(), ""),
    }
    look_at_disk(folder, findings);
}

fn look_at_disk(folder: &Path, findings: &mut Findings) {
    let Ok(disk) = rustix::fs::statvfs(folder) else {
        findings.add("disk", Verdict::NotChecked, "the system does not tell", "");
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let said = format!("{} MiB free", free / (1024 * 1024));
    let verdict = if free < DISK_LOW_BYTES {
        Verdict::Bad
    } else {
        Verdict::Ok
    };
    let remedy = if verdict == Verdict::Bad {
        "free some space, or use a larger disk"
    } else {
        ""
    };
    findings.add("disk", verdict, &said, remedy);
}

fn look_at_facts(facts: &DatabaseFacts, config: Option<&Config>, findings: &mut Findings) {
    match &facts.fault {
        None => findings.add("database", Verdict::Ok, "it holds together", ""),
        Some(fault) => findings.add("database", Verdict::Bad, fault, "restore the last backup"),
    }
    let said = format!("{} messages wait to leave", facts.waiting);
    let age = |oldest: UnixMs| machine().map_or(0, |m| m.clock.now().at.ms_since(oldest));
    if facts.oldest.is_some_and(|oldest| age(oldest) > HOUR_MS) {
        let how = "healthpost outbox list --waiting says why; try --online";
        findings.add("outbox", Verdict::Warning, &said, how);
    } else {
        findings.add("outbox", Verdict::Ok, &said, "");
    }
    let needed: &[&str] = match config.map(|config| config.whatsapp.provider) {
        Some(Provider::Cloud) => &[
            "whatsapp.access_token",
            "whatsapp.app_secret",
            "whatsapp.verify_token",
        ],
        Some(Provider::UltraMsg) => &["ultramsg.token", "ultramsg.webhook_secret"],
        None => &[],
    };
    for name in needed {
        if facts.secrets.iter().any(|set| set == name) {
            findings.add("secrets", Verdict::Ok, &format!("{name} is set"), "");
        } else {
            let how = format!("healthpost secret set {name} < FILE");
            findings.add("secrets", Verdict::Bad, &format!("{name} is missing"), &how);
        }
    }
}

fn look_at_clock(findings: &mut Findings) -> Result<(), Failure> {
    let now = machine()?.clock.now();
    let said = crate::core::table::time(now.at, &jiff::tz::TimeZone::UTC);
    if now.trusted {
        findings.add(
            "clock",
            Verdict::Ok,
            &format!("{said}, and set by something we trust"),
            "",
        );
    } else {
        let how = "let it reach a time server, or add a clock with a battery";
        findings.add(
            "clock",
            Verdict::Warning,
            &format!("{said}, and nobody vouches for it"),
            how,
        );
    }
    Ok(())
}

fn look_at_flow(config: &Config, findings: &mut Findings) {
    match flow_file::load(config.flow.path.as_deref()) {
        Ok(_) => findings.add("flow", Verdict::Ok, "it is in order", ""),
        Err(error) => findings.add("flow", Verdict::Bad, &error.to_string(), "correct the file"),
    }
}

fn look_at_ports(config: &Config, folder: Option<&Path>, findings: &mut Findings) {
    let running = folder.is_some_and(|folder| folder.join(crate::ops::control::FILE).exists());
    let address = config.public.listen;
    match TcpListener::bind(address) {
        Ok(_) if running => {
            let how = "look at the service's journal";
            let said = format!("the service runs but nobody listens on {address}");
            findings.add("public listener", Verdict::Warning, &said, how);
        }
        Ok(_) => findings.add(
            "public listener",
            Verdict::Ok,
            &format!("{address} is free"),
            "",
        ),
        Err(_) if running => {
            let said = format!("{address} is in use, by the service itself as it seems");
            findings.add("public listener", Verdict::Ok, &said, "");
        }
        Err(error) => {
            let said = format!("{address} cannot be listened on: {error}");
            let how = "stop the other program, or choose another address in public.listen";
            findings.add("public listener", Verdict::Bad, &said, how);
        }
    }
}

fn print(globals: &Globals, findings: &[Finding]) -> Result<(), Failure> {
    if globals.json {
        let list = findings.iter().map(|finding| {
            serde_json::json!({
                "check": finding.what,
                "state": finding.verdict.word(),
                "finding": finding.said,
                "remedy": finding.remedy,
            })
        });
        return output::json(&list.collect());
    }
    for Finding {
        what,
        verdict,
        said,
        remedy,
    } in findings
    {
        let said = said.replace('\n', "\n    ");
        output::line(&format!("{:<12} {what}: {said}", verdict.word()))?;
        if !remedy.is_empty() {
            output::line(&format!("             -> {remedy}"))?;
        }
    }
    Ok(())
}
