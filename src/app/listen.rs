//! Listening sockets: bound with words for the commonest fault (the port is in
//! use), and served so that no stranger can take all of it.

use crate::app::lan::Shown;
use crate::core::limits;
use anyhow::{Context, Result, bail};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// How long a client may leave unread what it was sent, ms: else whoever asks and
/// never reads would keep a place for ever.
const UNREAD_MS: u32 = 60_000;
/// Pause after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds an address; `key` names the configuration key it comes from.
///
/// # Errors
/// In words that name the address and the key.
pub fn bind(address: SocketAddr, key: &str) -> Result<StdListener> {
    let listener = match StdListener::bind(address) {
        Ok(listener) => listener,
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!(
                "{address} is in use by another program: stop that program, or choose another \
                 address in {key}"
            )
        }
        Err(error) => {
            return Err(error).with_context(|| format!("{address} ({key}) cannot be listened on"));
        }
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// How much of one listener strangers may take.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    connections: usize,
    head: Duration,
}

/// Those of every listener.
const BOUNDS: Bounds = Bounds {
    connections: limits::HTTP_CONNECTIONS_MAX,
    head: Duration::from_millis(limits::HTTP_HEAD_MS_MAX),
};

/// Serves a router to the clinic's network: under TLS with the certificate that
/// is shown at the moment, or without it on loopback. Whoever speaks plain HTTP
/// to a TLS listener is told where to go.
///
/// # Errors
/// When TLS cannot be set up.
pub fn serve_lan(
    listener: StdListener,
    tls: bool,
    shown: &Shown,
    router: Router,
    stop: CancellationToken,
) -> Result<impl Future<Output = ()> + Send + 'static> {
    let (wire, router) = if tls {
        let tls = Tls {
            acceptor: TlsAcceptor::from(shown.config()?),
            shown: shown.clone(),
        };
        let astray = crate::web::lan::to_https();
        (Wire::Tls(tls, astray), router)
    } else {
        (Wire::Plain, crate::web::loopback::guard(router))
    };
    Ok(serve_within(BOUNDS, listener, wire, router, stop))
}

/// Serves a router on a listener until `stop`. A connection that fails is its
/// own trouble; one that says nothing is closed, and past the bound new ones
/// wait until others end.
pub async fn serve(listener: StdListener, router: Router, stop: CancellationToken) {
    serve_within(BOUNDS, listener, Wire::Plain, router, stop).await;
}

/// What is spoken below HTTP.
#[derive(Clone)]
enum Wire {
    Plain,
    /// With the routes for those who do not speak it.
    Tls(Tls, Router),
}

#[derive(Clone)]
struct Tls {
    acceptor: TlsAcceptor,
    shown: Shown,
}

async fn serve_within(
    bounds: Bounds,
    listener: StdListener,
    wire: Wire,
    router: Router,
    stop: CancellationToken,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a listener could not be used");
            return;
        }
    };
    let room = Arc::new(Semaphore::new(bounds.connections));
    let open = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_buf_size(limits::HTTP_HEAD_BYTES_MAX);
    while let Some((stream, place)) = next(&listener, &room, &stop).await {
        // Small answers must not wait for company.
        let set = stream
            .set_nodelay(true)
            .and_then(|()| Ok(sockopt::set_tcp_user_timeout(&stream, UNREAD_MS)?));
        if let Err(error) = set {
            tracing::debug!(%error, "a socket option could not be set");
        }
        while connections.try_join_next().is_some() {}
        let talk = Talk {
            http: http.clone(),
            watcher: open.watcher(),
        };
        let (wire, router, stop) = (wire.clone(), router.clone(), stop.clone());
        connections.spawn(async move {
            match wire {
                Wire::Plain => talk.over(stream, router).await,
                Wire::Tls(tls, astray) => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        begun = begin(stream, tls) => match begun {
                            Some(Begun::Tls(stream)) => talk.over(*stream, router).await,
                            Some(Begun::Plain(stream)) => talk.over(stream, astray).await,
                            None => {}
                        }
                    }
                }
            }
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// One connection's conversation in HTTP.
struct Talk {
    http: http1::Builder,
    watcher: Watcher,
}

impl Talk {
    async fn over(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        router: Router,
    ) {
        let service = TowerToHyperService::new(router);
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

enum Begun {
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
}

/// The first byte tells who speaks TLS. `None` for whoever says nothing, or
/// breaks off.
async fn begin(stream: TcpStream, tls: Tls) -> Option<Begun> {
    const HANDSHAKE: u8 = 0x16;
    let begun = async {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first.first().is_some_and(u8::is_ascii_alphabetic) {
            return Ok(Begun::Plain(stream));
        }
        if first != [HANDSHAKE] {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        // Just after a start the certificate is still being read.
        tls.shown.ready().await;
        Ok(Begun::Tls(Box::new(tls.acceptor.accept(stream).await?)))
    };
    let bound = Duration::from_millis(limits::TLS_HANDSHAKE_MS_MAX);
    match tokio::time::timeout(bound, begun).await {
        Ok(Ok(begun)) => Some(begun),
        Ok(Err(error)) => {
            let error: std::io::Error = error;
            tracing::debug!(%error, "a connection did not come about");
            None
        }
        Err(_) => None,
    }
}

/// The next connection and its place among those allowed; none after `stop`.
async fn next(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = Arc::clone(room).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, place)),
                Err(error) => {
                    // Out of file handles, or gone before it was taken: others end soon.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        // Who comes after the end is the next listener's.
        biased;
        () = stop.cancelled() => None,
        accepted = accepted => accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::{Now, UnixMs};
    use crate::device::authority::Authority;
    use crate::device::chance::KernelChance;
    use axum::routing::get;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use std::io::{Read, Write};
    use std::net::TcpStream as StdStream;
    use tokio_rustls::TlsConnector;

    const PATIENCE: Duration = Duration::from_secs(20);

    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        runtime: tokio::runtime::Runtime,
    }

    fn served(bounds: Bounds) -> Served {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = bind("127.0.0.1:0".parse().unwrap(), "public.listen").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new().route("/", get(|| async { "here" }));
        runtime.spawn(serve_within(
            bounds,
            listener,
            Wire::Plain,
            router,
            stop.clone(),
        ));
        Served {
            address,
            stop,
            runtime,
        }
    }

    fn connect(served: &Served) -> StdStream {
        let stream = StdStream::connect(served.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn ask(stream: &mut StdStream) -> String {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn who_says_nothing_is_let_go_and_makes_room() {
        let served = served(Bounds {
            connections: 2,
            head: Duration::from_millis(100),
        });
        let mut silent = connect(&served);
        let mut slow = connect(&served);
        slow.write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
        // Both places are taken; this one is served when they are let go.
        let mut third = connect(&served);
        assert!(ask(&mut third).ends_with("here"));
        let mut rest = Vec::new();
        assert_eq!(silent.read_to_end(&mut rest).unwrap(), 0);
        slow.read_to_end(&mut rest).unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("here"));
        served.stop.cancel();
        served.runtime.shutdown_timeout(PATIENCE);
    }

    /// A client that trusts an authority and shakes hands at once.
    async fn shake_hands(address: SocketAddr, authority: &Authority) -> std::io::Result<()> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from(authority.certificate());
        roots.add(certificate).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("healthpost.local").unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        connector.connect(name, stream).await.map(drop)
    }

    #[tokio::test]
    async fn who_comes_before_the_certificate_is_read_waits_for_it() {
        #[allow(
            clippy::disallowed_methods,
            reason = "the client has a clock of its own"
        )]
        let now = Now {
            at: UnixMs(jiff::Timestamp::now().as_millisecond()),
            trusted: true,
        };
        let chance = KernelChance::new().unwrap();
        let names = ["healthpost.local".to_owned()];
        let authority = Authority::make(&names, now.at, &chance).unwrap();
        let leaf = authority.issue(&names.into(), now, &chance).unwrap();
        let listener = bind("127.0.0.1:0".parse().unwrap(), "lan.listen").unwrap();
        let address = listener.local_addr().unwrap();
        let (shown, stop) = (Shown::default(), CancellationToken::new());
        let serving = serve_lan(listener, true, &shown, Router::new(), stop.clone()).unwrap();
        let read = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            shown.show(&leaf).unwrap();
        };
        let visits = async {
            let (early, ()) = tokio::join!(shake_hands(address, &authority), read);
            early.unwrap();
            shake_hands(address, &authority).await.unwrap();
            stop.cancel();
        };
        tokio::join!(serving, visits);
    }

    #[test]
    fn a_stop_ends_idle_connections_and_takes_no_more() {
        let served = served(Bounds {
            connections: 8,
            head: PATIENCE,
        });
        let mut idle = connect(&served);
        idle.write_all(b"GET / HTTP/1.1\r\nHost: box\r\n\r\n")
            .unwrap();
        let mut answer = [0; 4];
        idle.read_exact(&mut answer).unwrap();
        served.stop.cancel();
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).unwrap();
        served.runtime.shutdown_timeout(PATIENCE);
        assert!(StdStream::connect(served.address).is_err());
    }
}
