//! UltraMsg's addresses on the wire. It decides nothing: the world does.

use super::server::Shared;
use crate::simulator::graph::carry_out;
use crate::simulator::line::Hook;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use std::sync::Arc;

/// Largest body read, bytes; a message is far below it.
const BODY_BYTES_MAX: usize = 256 * 1024;

type Pairs = Vec<(String, String)>;

/// What answers on the API's port.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{instance}/messages/chat", post(take))
        .route("/{instance}/{*path}", get(ask))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shared)
}

async fn take(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(hook): ConnectInfo<Hook>,
    Path(instance): Path<String>,
    body: Bytes,
) -> Response {
    let now = shared.now();
    let form: Pairs = form_pairs(&body);
    let reply = shared.change(
        |world| match world.authorise(&instance, value(&form, "token")) {
            Ok(()) => world.take(&form, now),
            Err(refusal) => refusal,
        },
    );
    carry_out(reply, &hook, 0).await
}

async fn ask(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(hook): ConnectInfo<Hook>,
    Path((instance, path)): Path<(String, String)>,
    Query(query): Query<Pairs>,
) -> Response {
    let reply = shared.change(
        |world| match world.authorise(&instance, value(&query, "token")) {
            Ok(()) => world.ask(&path, &query),
            Err(refusal) => refusal,
        },
    );
    carry_out(reply, &hook, 0).await
}

fn value<'p>(pairs: &'p Pairs, name: &str) -> &'p str {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value.as_str())
}

/// A form's pairs, as a query's are read.
fn form_pairs(body: &[u8]) -> Pairs {
    let Ok(text) = std::str::from_utf8(body) else {
        return Pairs::new();
    };
    let uri = format!("/?{text}").parse::<axum::http::Uri>();
    uri.ok()
        .and_then(|uri| Query::<Pairs>::try_from_uri(&uri).ok())
        .map(|Query(pairs)| pairs)
        .unwrap_or_default()
}
