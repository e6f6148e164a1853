//! Binding sockets, with words for the commonest fault: the port is in use.

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::serve::ListenerExt;
use std::net::{SocketAddr, TcpListener as StdListener};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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

/// Serves a router on a listener until `stop`. A connection that fails is its
/// own trouble.
pub async fn serve(listener: StdListener, router: Router, stop: CancellationToken) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener.tap_io(|stream| {
            // Small answers must not wait for company.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a socket option could not be set");
            }
        }),
        Err(error) => {
            tracing::error!(%error, "a listener could not be used");
            return;
        }
    };
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "a listener stopped");
    }
}
