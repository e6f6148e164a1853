//! The stand-in for Meta as a process of its own, for tests and benchmarks:
//! prints one JSON line with its addresses and serves until interrupted. It
//! must never be given a real credential.

#![allow(
    clippy::print_stdout,
    reason = "its one line of output is its interface"
)]

use anyhow::Context as _;
use clap::Parser;
use healthpost::core::time::{Now, UnixMs};
use healthpost::ports::Clock;
use healthpost::simulator::{Settings, Simulator};
use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A simulated WhatsApp: a Graph endpoint, signed webhooks and a phone page.
///
/// Example: simulated-whatsapp --callback http://127.0.0.1:8081/webhooks/whatsapp
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the phone page and the control API listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the Graph endpoint listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    graph: SocketAddr,
    /// The clinic's webhook address.
    #[arg(long)]
    callback: Option<String>,
    /// Perform the webhook handshake before serving.
    #[arg(long)]
    verify: bool,
    /// A JSON file with the account, the delays and the limits to play.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// The machine's clock.
struct MachineClock;

impl Clock for MachineClock {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(machine_ms()),
            trusted: true,
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this test tool plays Meta, whose clock is not the clinic's"
)]
fn machine_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut settings = match &arguments.config {
        Some(path) => {
            let text =
                std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            serde_json::from_slice(&text).with_context(|| format!("in {}", path.display()))?
        }
        None => Settings::default(),
    };
    if let Some(callback) = &arguments.callback {
        callback.clone_into(&mut settings.callback_url);
    }
    let simulator = Simulator::start(settings, arguments.graph, Arc::new(MachineClock), None)
        .await
        .with_context(|| format!("opening {}", arguments.graph))?;
    if arguments.verify {
        simulator.verify_callback().await?;
    }
    let control = tokio::net::TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("opening {}", arguments.listen))?;
    let at = control.local_addr()?;
    println!(
        "{}",
        serde_json::json!({
            "graph": simulator.graph_url(),
            "control": format!("http://{at}"),
            "phone": format!("http://{at}/simulator"),
        })
    );
    tokio::select! {
        () = simulator.run(CancellationToken::new()) => {}
        served = axum::serve(control, simulator.router()).into_future() => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
