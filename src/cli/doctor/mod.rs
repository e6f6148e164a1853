//! `healthpost doctor`: looks at everything and says what to do. What was not
//! looked at is said to be `not checked`, never ok.

mod clock;
mod database;
mod finding;
mod folder;
mod lan;
mod memory;
mod provider;
mod running;
mod tpm;

use super::failure::Failure;
use super::reach::Reached;
use super::{Globals, Opening, machine};
use crate::app::flow_file;
use crate::config::{Config, Provider};
use crate::ops::{ClockFacts, LineFacts, Request, Response};
use clap::Args;
use clock::look_at_clock;
use database::look_at_facts;
use finding::{Findings, Verdict};
use folder::{are_closed, look_at_folder};
use lan::look_at_lan;
use memory::look_at_memory;
use provider::{look_at_account, look_at_service_line, look_at_version};
use running::Running;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use tpm::{look_at_tpm, not_looked_at};

/// Check everything and say what to do about each finding
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  healthpost doctor\n  healthpost doctor --online --passphrase-file /root/passphrase"
)]
pub struct Doctor {
    /// Also try to reach the provider, and ask UltraMsg how its phone stands
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    opening: Opening,
}

/// What a running service goes by.
#[derive(Default)]
struct Seen {
    line: Option<LineFacts>,
    clock: Option<ClockFacts>,
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
        let mut running = Running::No;
        let mut seen = Seen::default();
        if let Some(folder) = &folder {
            running = look_at_folder(folder, &mut findings).await;
            seen = self
                .look_at_database(globals, config.as_ref(), running, &mut findings)
                .await;
        }
        look_at_clock(
            machine()?.clock.now(),
            seen.clock,
            &globals.zone(),
            &mut findings,
        );
        look_at_seals(
            globals,
            config.as_ref(),
            folder.as_deref(),
            running,
            &mut findings,
        );
        if let Some(config) = &config {
            look_at_version(config, machine()?.clock.now().at, &mut findings);
            look_at_flow(config, &mut findings);
            for (what, address, key) in [
                ("public listener", config.public.listen, "public.listen"),
                ("LAN listener", config.lan.listen, "lan.listen"),
            ] {
                look_at_port(running, (what, key), address, &mut findings);
            }
            self.look_at_line(config, seen.line.as_ref(), &mut findings)
                .await;
        }
        for (what, why) in [
            ("USB", "this version does not use sticks"),
            ("public way in", "ask the provider to send a test webhook"),
        ] {
            findings.add(what, Verdict::NotChecked, why, "");
        }
        findings.print(globals)?;
        if findings.any_bad() {
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
        running: Running,
        findings: &mut Findings,
    ) -> Seen {
        let runs = match running {
            Running::Yes => true,
            Running::No => false,
            Running::Unseen => {
                findings.add("database", Verdict::NotChecked, running::UNSEEN, "");
                left_open(findings);
                return Seen::default();
            }
        };
        let named = self.opening.passphrase_file.is_some() || self.opening.pin_file.is_some();
        let by_itself = || {
            let folder = globals.data_folder().ok()?;
            let custody = globals.custody(&folder, None).ok()?;
            custody.opens_by_itself().ok()
        };
        if !named && !runs && by_itself() != Some(true) {
            let how = "start the service, or add --passphrase-file FILE";
            findings.add("database", Verdict::NotChecked, "nothing has it open", how);
            left_open(findings);
            if self.online && config.is_some_and(is_ultramsg) {
                let said = "its token lies in the database";
                findings.add("UltraMsg", Verdict::NotChecked, said, how);
            }
            return Seen::default();
        }
        let facts = match Reached::open(globals, &self.opening).await {
            Err(failure) => Err(failure),
            Ok(mut reached) => {
                let answered = reached.ask(Request::Facts).await;
                if self.online && config.is_some_and(is_ultramsg) {
                    look_at_account(reached.ask(Request::WhatsAppSetup).await, findings);
                }
                reached.close().await.and(answered)
            }
        };
        match facts {
            Ok(Response::Facts(facts)) => {
                look_at_facts(&facts, config, &globals.zone(), findings);
                look_at_memory(runs.then_some(facts.memory_locked), findings);
                return Seen {
                    line: facts.line,
                    clock: facts.clock.filter(|_| runs),
                };
            }
            Ok(_) => {
                let how = "update the service";
                findings.add("database", Verdict::Bad, "no usable answer", how);
            }
            Err(failure) => {
                findings.add("database", Verdict::Bad, failure.said(), failure.remedy());
            }
        }
        left_open(findings);
        Seen::default()
    }

    /// The line as the running service sees it, and as it is tried from here.
    async fn look_at_line(
        &self,
        config: &Config,
        seen: Option<&LineFacts>,
        findings: &mut Findings,
    ) {
        if let Some(seen) = seen {
            look_at_service_line(config, seen, findings);
        }
        let url = match config.whatsapp.provider {
            Provider::Cloud => &config.whatsapp.base_url,
            Provider::UltraMsg => &config.ultramsg.base_url,
        };
        if !self.online {
            if seen.is_none() {
                let how = "add --online to try it";
                findings.add("line", Verdict::NotChecked, "not asked to", how);
            }
            return;
        }
        let clock = match machine() {
            Ok(machine) => machine.clock,
            Err(failure) => {
                findings.add("line", Verdict::NotChecked, &failure.to_string(), "");
                return;
            }
        };
        match crate::app::reach::look(url, clock).await {
            Ok(reach) if reach.fine => {
                findings.add("line", Verdict::Ok, "the provider answers", "");
            }
            Ok(reach) => {
                let how = "replies wait until then";
                findings.add("line", Verdict::Bad, reach.words, how);
            }
            Err(error) => {
                findings.add("line", Verdict::NotChecked, &error.to_string(), "try again");
            }
        }
    }
}

fn is_ultramsg(config: &Config) -> bool {
    config.whatsapp.provider == Provider::UltraMsg
}

/// What nobody was there to tell, and matters most of it.
fn left_open(findings: &mut Findings) {
    let said = "whether it was ever proved stands in the database";
    findings.add("recovery key", Verdict::NotChecked, said, "");
    look_at_memory(None, findings);
}

/// What lies in the folder beside the database, as far as it can be seen.
fn look_at_seals(
    globals: &Globals,
    config: Option<&Config>,
    folder: Option<&Path>,
    running: Running,
    findings: &mut Findings,
) {
    let (why, how) = match (config, folder) {
        (None, _) | (_, None) => (
            "without the configuration nothing tells where it is",
            "correct the configuration first",
        ),
        (Some(_), Some(folder)) if running == Running::Unseen || are_closed(folder) => {
            ("the box's files are not open to you", running::AS_WHOM)
        }
        (Some(config), Some(folder)) => {
            look_at_tpm(globals, config, folder, findings);
            look_at_lan(globals, config, folder, findings);
            return;
        }
    };
    not_looked_at(why, how, findings);
    findings.add("certificates", Verdict::NotChecked, why, how);
}

fn look_at_config(globals: &Globals, findings: &mut Findings) -> Option<Config> {
    match globals.load_config() {
        Ok(config) => {
            let said = format!("{} is in order", globals.config.display());
            findings.add("configuration", Verdict::Ok, &said, "");
            for odd in &config.warnings {
                let said = format!("{} {}", odd.key, odd.what);
                findings.add("configuration", Verdict::Warning, &said, &odd.remedy);
            }
            Some(config)
        }
        Err(failure) => {
            let said = failure.to_string();
            findings.add("configuration", Verdict::Bad, &said, "");
            None
        }
    }
}

fn look_at_flow(config: &Config, findings: &mut Findings) {
    match flow_file::of(config) {
        Ok(_) => findings.add("flow", Verdict::Ok, "it is in order", ""),
        Err(error) => findings.add("flow", Verdict::Bad, &error.to_string(), "correct the file"),
    }
}

fn look_at_port(
    running: Running,
    (what, key): (&'static str, &str),
    address: SocketAddr,
    findings: &mut Findings,
) {
    match (TcpListener::bind(address), running) {
        (Ok(_), Running::Yes) => {
            let how = "look at the service's journal";
            let said = format!("the service runs but nobody listens on {address}");
            findings.add(what, Verdict::Warning, &said, how);
        }
        (Ok(_), Running::No | Running::Unseen) => {
            findings.add(what, Verdict::Ok, &format!("{address} is free"), "");
        }
        (Err(_), Running::Unseen) => {
            let said = format!("{address} is in use, by the service or by another program");
            findings.add(what, Verdict::NotChecked, &said, running::AS_WHOM);
        }
        (Err(_), Running::Yes) => {
            let said = format!("{address} is in use, by the service itself as it seems");
            findings.add(what, Verdict::Ok, &said, "");
        }
        (Err(error), Running::No) => {
            let said = format!("{address} cannot be listened on: {error}");
            let how = format!("stop the other program, or choose another address in {key}");
            findings.add(what, Verdict::Bad, &said, &how);
        }
    }
}
