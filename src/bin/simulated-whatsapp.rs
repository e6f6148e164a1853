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
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::de::DeserializeOwned;
use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
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
    /// Where the Graph endpoint listens over TLS too.
    #[arg(long, requires = "tls_cert", requires = "tls_key")]
    tls: Option<SocketAddr>,
    /// The certificate and its chain, PEM.
    #[arg(long)]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, PEM.
    #[arg(long)]
    tls_key: Option<PathBuf>,
}

/// Takes TLS off and hands the bytes on to the plain Graph port.
struct TlsFront {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    plain: SocketAddr,
}

impl TlsFront {
    async fn open(
        at: SocketAddr,
        cert: &Path,
        key: &Path,
        plain: SocketAddr,
    ) -> anyhow::Result<Self> {
        let chain = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("reading {}", cert.display()))?;
        let key = PrivateKeyDer::from_pem_file(key)
            .with_context(|| format!("reading {}", key.display()))?;
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(at)
            .await
            .with_context(|| format!("opening {at}"))?;
        Ok(Self {
            listener,
            acceptor,
            plain,
        })
    }

    async fn run(self) {
        let mut calls = JoinSet::new();
        loop {
            while calls.try_join_next().is_some() {}
            let Ok((stream, _)) = self.listener.accept().await else {
                continue;
            };
            let accepting = self.acceptor.accept(stream);
            let plain = self.plain;
            calls.spawn(async move {
                let mut near = accepting.await?;
                let mut far = TcpStream::connect(plain).await?;
                far.set_nodelay(true)?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    }
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
    let front = tls_front(&arguments, &simulator).await?;
    let control = open(arguments.listen, &simulator.graph_url()).await?;
    let over_tls = async {
        match front {
            Some(front) => front.run().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over_tls => {}
        () = simulator.run(CancellationToken::new()) => {}
        served = axum::serve(control, simulator.router()).into_future() => served?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

async fn tls_front(arguments: &Arguments, to: &Simulator) -> anyhow::Result<Option<TlsFront>> {
    let (Some(at), Some(cert), Some(key)) =
        (arguments.tls, &arguments.tls_cert, &arguments.tls_key)
    else {
        return Ok(None);
    };
    let graph = to.graph_url();
    let plain = graph.trim_start_matches("http://").parse()?;
    TlsFront::open(at, cert, key, plain).await.map(Some)
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
async fn open(listen: SocketAddr, graph: &str) -> anyhow::Result<TcpListener> {
    let control = TcpListener::bind(listen)
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
