//! `healthpost demo`: the whole appliance on this machine alone.

use super::failure::Failure;
use super::{Globals, machine, output};
use crate::app::demo::{Addresses, demo};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

const CHOOSE: &str = "healthpost demo --help shows how to choose another address and folder";

/// Run the whole appliance on this machine, with a simulated WhatsApp and a phone page
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  healthpost demo --listen 127.0.0.1:8080 --dir ./healthpost-demo"
)]
pub struct Demo {
    /// Where console, API and phone page listen; loopback only
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The demo's folder; used again at the next start
    #[arg(long, default_value = "./healthpost-demo", value_name = "DIR")]
    dir: PathBuf,
}

impl Demo {
    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// When the address is not loopback or in use, or the folder is no demo's.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        if !self.listen.ip().is_loopback() {
            return Err(Failure::usage(
                "the demo shows everything to everybody and listens on loopback only",
                "use --listen 127.0.0.1:8080",
            ));
        }
        let json = globals.json;
        let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::from)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(anyhow::Error::from)?;
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let ready = move |addresses: &Addresses| {
            // Nobody can be told if standard output is gone.
            let _ = announce(addresses, json);
        };
        let ended = demo(self.listen, &self.dir, machine()?, stop, ready).await;
        // Doctor looks at a clinic's box and knows nothing of demos.
        ended.map_err(|error| Failure::failed(format!("{error:#}"), CHOOSE))
    }
}

fn announce(addresses: &Addresses, json: bool) -> Result<(), Failure> {
    if json {
        let users = addresses.users.iter().map(|user| {
            serde_json::json!({
                "name": user.name,
                "password": user.password,
                "roles": user.roles,
            })
        });
        let users: Vec<_> = users.collect();
        return output::json(&serde_json::json!({
            "console": addresses.console,
            "phone": addresses.phone,
            "webhook": addresses.webhook,
            "users": users,
        }));
    }
    output::line(&format!("phone page   {}", addresses.phone))?;
    output::line(&format!("staff page   {}", addresses.console))?;
    output::line(&format!("webhooks     {}", addresses.webhook))?;
    for user in &addresses.users {
        output::line(&format!("sign in as   {} / {}", user.name, user.password))?;
    }
    output::line("stop with Ctrl-C")
}
