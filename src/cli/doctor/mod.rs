//! `healthpost doctor`: looks at everything and says what to do. What was not
//! looked at is said to be `not checked`, never ok.

mod database;
mod finding;
mod folder;
mod provider;
mod tpm;

use super::failure::Failure;
use super::reach::Reached;
use super::{Globals, Opening, machine};
use crate::app::flow_file;
use crate::config::{Config, Provider};
use crate::ops::{Request, Response};
use clap::Args;
use database::look_at_facts;
use finding::{Findings, Verdict};
use folder::look_at_folder;
use provider::look_at_version;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;
use tpm::look_at_tpm;

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
        if let (Some(config), Some(folder)) = (&config, &folder) {
            look_at_tpm(globals, config, folder, &mut findings);
        }
        if let Some(config) = &config {
            look_at_version(config, machine()?.clock.now().at, &mut findings);
            look_at_flow(config, &mut findings);
            look_at_ports(config, folder.as_deref(), &mut findings);
            self.look_at_line(config, &mut findings).await;
        }
        for (what, why) in [
            ("certificates", "this version serves none of its own"),
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
        findings: &mut Findings,
    ) {
        let running = globals
            .data_folder()
            .is_ok_and(|folder| folder.join(crate::ops::control::FILE).exists());
        let named = self.opening.passphrase_file.is_some() || self.opening.pin_file.is_some();
        let by_itself = || {
            let folder = globals.data_folder().ok()?;
            let custody = globals.custody(&folder, None).ok()?;
            custody.opens_by_itself().ok()
        };
        if !named && !running && by_itself() != Some(true) {
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
