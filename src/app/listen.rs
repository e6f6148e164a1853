//! Listening sockets: bound with words for the commonest fault (the port is in
//! use), and served so that no stranger can take all of it.

use crate::core::limits;
use anyhow::{Context, Result, bail};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

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

/// Serves a router on a listener until `stop`. A connection that fails is its
/// own trouble; one that says nothing is closed, and past the bound new ones
/// wait until others end.
pub async fn serve(listener: StdListener, router: Router, stop: CancellationToken) {
    let bounds = Bounds {
        connections: limits::HTTP_CONNECTIONS_MAX,
        head: Duration::from_millis(limits::HTTP_HEAD_MS_MAX),
    };
    serve_within(bounds, listener, router, stop).await;
}

async fn serve_within(
    bounds: Bounds,
    listener: StdListener,
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
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a socket option could not be set");
        }
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = open.watch(connection);
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
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
        () = stop.cancelled() => None,
        accepted = accepted => accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::io::{Read, Write};
    use std::net::TcpStream as StdStream;

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
        runtime.spawn(serve_within(bounds, listener, router, stop.clone()));
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
