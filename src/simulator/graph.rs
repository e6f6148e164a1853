//! The Graph endpoint on the wire. It decides nothing: the world does, and
//! this file carries its replies in the manner the world asks for.

use super::line::Hook;
use super::server::Shared;
use super::world::{Manner, Reply};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::Duration;

/// Largest body read, bytes; a message is far below it.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What answers on the Graph port.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{version}/{object}/messages", post(send))
        .route("/{version}/{object}", get(describe))
        .route("/whatsapp_business/attachments/{media}", get(download))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shared)
}

async fn send(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(hook): ConnectInfo<Hook>,
    Path((_, object)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = shared.now();
    let reply = shared.change(|world| match world.authorise(bearer(&headers)) {
        Ok(()) => world.send_to(&object, &body, now),
        Err(refusal) => refusal,
    });
    carry(&shared, reply, &hook).await
}

async fn describe(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(hook): ConnectInfo<Hook>,
    Path((_, object)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let base = shared.graph_url();
    let reply = shared.change(|world| match world.authorise(bearer(&headers)) {
        Ok(()) => world.describe(&object, &base),
        Err(refusal) => refusal,
    });
    carry(&shared, reply, &hook).await
}

async fn download(
    State(shared): State<Arc<Shared>>,
    Path(media): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = shared.change(|world| {
        let known = world.authorise(bearer(&headers)).is_ok();
        world.media_file(&media).filter(|_| known)
    });
    match found {
        Some((mime, bytes)) => ([(header::CONTENT_TYPE, mime)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

/// Carries a reply out as the world wants it.
async fn carry(shared: &Shared, reply: Reply, hook: &Hook) -> Response {
    let hang_ms = shared.look(|world| world.settings().delays.hang_ms);
    carry_out(reply, hook, hang_ms).await
}

/// Carries a reply out in its manner; one that hangs hangs for so long.
pub(super) async fn carry_out(reply: Reply, hook: &Hook, hang_ms: i64) -> Response {
    match reply.manner {
        Manner::Answer => {}
        Manner::Late(ms) => pause(ms).await,
        Manner::Hang => {
            pause(hang_ms).await;
            hook.0.cancel();
        }
        Manner::Reset => hook.0.cancel(),
    }
    let mut response = Response::builder().status(reply.http);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response
        .body(Body::from(reply.body))
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn pause(ms: i64) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await;
}
