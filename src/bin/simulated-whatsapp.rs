//! The stand-in for Meta as a process of its own, for tests and benchmarks:
//! prints one JSON line with its addresses and serves until interrupted. It
//! must never be given a real credential.

#![allow(
    clippy::print_stdout,
    reason = "its one line of output is its interface"
)]

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use healthpost::core::time::{Now, UnixMs};
use healthpost::ports::Clock;
use healthpost::simulator::{Settings, Simulator, UltraSettings, UltraSimulator};
use serde::de::DeserializeOwned;
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
    /// Whom to play.
    #[arg(long, value_enum, default_value_t = Provider::Cloud)]
    provider: Provider,
    /// Where the phone page and the control API listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the Graph endpoint (or UltraMsg's API) listens.
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

/// The provider that is played.
#[derive(Clone, Copy, ValueEnum)]
enum Provider {
    /// Meta's Cloud API.
    Cloud,
    /// UltraMsg.
    Ultramsg,
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

fn read_settings<T: DeserializeOwned + Default>(path: Option<&PathBuf>) -> anyhow::Result<T> {
    let Some(path) = path else {
        return Ok(T::default());
    };
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("in {}", path.display()))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.provider {
        Provider::Cloud => cloud(arguments).await,
        Provider::Ultramsg => ultramsg(arguments).await,
    }
}

async fn cloud(arguments: Arguments) -> anyhow::Result<()> {
    let mut settings: Settings = read_settings(arguments.config.as_ref())?;
    if let Some(callback) = &arguments.callback {
        callback.clone_into(&mut settings.callback_url);
    }
    let simulator = Simulator::start(settings, arguments.graph, Arc::new(MachineClock), None)
        .await
        .with_context(|| format!("opening {}", arguments.graph))?;
    if arguments.verify {
        simulator.verify_callback().await?;
    }
    let control = open(arguments.listen, &simulator.graph_url()).await?;
    tokio::select! {
        () = simulator.run(CancellationToken::new()) => {}
        served = axum::serve(control, simulator.router()).into_future() => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

async fn ultramsg(arguments: Arguments) -> anyhow::Result<()> {
    let mut settings: UltraSettings = read_settings(arguments.config.as_ref())?;
    if let Some(callback) = &arguments.callback {
        callback.clone_into(&mut settings.callback_url);
    }
    let simulator = UltraSimulator::start(settings, arguments.graph, Arc::new(MachineClock))
        .await
        .with_context(|| format!("opening {}", arguments.graph))?;
    let control = open(arguments.listen, &simulator.api_url()).await?;
    tokio::select! {
        () = simulator.run(CancellationToken::new()) => {}
        served = axum::serve(control, simulator.router()).into_future() => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

/// Opens the control port and says where everything is.
async fn open(listen: SocketAddr, graph: &str) -> anyhow::Result<tokio::net::TcpListener> {
    let control = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("opening {listen}"))?;
    let at = control.local_addr()?;
    println!(
        "{}",
        serde_json::json!({
            "graph": graph,
            "control": format!("http://{at}"),
            "phone": format!("http://{at}/simulator"),
        })
    );
    Ok(control)
}
