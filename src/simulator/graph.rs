//! The Graph endpoint on the wire. It decides nothing: the world does, and
//! this file carries its replies in the manner the world asks for.

use super::graph_files::download;
use super::line::Hook;
use super::server::Shared;
use super::stranger::Stranger;
use super::world::{Manner, Reply, World};
use super::world_account::Asker;
use crate::core::time::UnixMs;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Largest body read, bytes; a message is far below it.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Bytes that a cut answer lacks.
const CUT_BYTES: usize = 64;
/// What is there of a cut answer is given so long to leave, ms.
const CUT_MS: i64 = 100;

/// What answers on the Graph port.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{version}/{object}/messages", post(send))
        .route("/{version}/debug_token", get(debug_token))
        .route(
            "/{version}/{object}/subscribed_apps",
            get(subscribed).post(subscribe),
        )
        .route("/{version}/{object}/subscriptions", get(subscriptions))
        .route(
            "/{version}/{object}/message_templates",
            get(templates).post(submit_template),
        )
        .route("/{version}/{object}", get(describe))
        .route("/whatsapp_business/attachments/{media}", get(download))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::clone(&shared), stranger_first))
        .with_state(shared)
}

/// What may stand behind the question mark.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    appsecret_proof: Option<String>,
    fields: Option<String>,
    input_token: String,
}

/// A call as it came in, without its body.
struct Call {
    shared: Arc<Shared>,
    hook: Hook,
    headers: HeaderMap,
    asked: Asked,
}

type Parts = (
    State<Arc<Shared>>,
    ConnectInfo<Hook>,
    HeaderMap,
    Query<Asked>,
);

impl Call {
    fn new((State(shared), ConnectInfo(hook), headers, Query(asked)): Parts) -> Self {
        Self {
            shared,
            hook,
            headers,
            asked,
        }
    }

    /// Answers with the world's reply, once the token has been looked at.
    async fn answer(
        &self,
        reply: impl FnOnce(&mut World, &Asker<'_>, UnixMs) -> Reply,
    ) -> Response {
        let now = self.shared.now();
        let asker = Asker {
            bearer: bearer(&self.headers),
            proof: self.asked.appsecret_proof.as_deref(),
            fields: self.asked.fields.as_deref(),
        };
        let reply = self.shared.change(|world| match world.authorise(&asker) {
            Ok(()) => reply(world, &asker, now),
            Err(refusal) => refusal,
        });
        carry(&self.shared, reply, &self.hook).await
    }
}

async fn send(Path((_, object)): Path<(String, String)>, parts: Parts, body: Bytes) -> Response {
    let call = Call::new(parts);
    call.answer(|world, _, now| world.send_to(&object, &body, now))
        .await
}

async fn debug_token(parts: Parts) -> Response {
    let call = Call::new(parts);
    call.answer(|world, _, _| world.debug_token(&call.asked.input_token))
        .await
}

async fn describe(Path((_, object)): Path<(String, String)>, parts: Parts) -> Response {
    let call = Call::new(parts);
    let base = call.shared.graph_url();
    call.answer(|world, asker, now| world.describe(&object, asker, &base, now))
        .await
}

async fn subscribed(Path((_, object)): Path<(String, String)>, parts: Parts) -> Response {
    let call = Call::new(parts);
    call.answer(|world, _, _| world.subscribed_apps(&object, false))
        .await
}

async fn subscribe(Path((_, object)): Path<(String, String)>, parts: Parts) -> Response {
    let call = Call::new(parts);
    call.answer(|world, _, _| world.subscribed_apps(&object, true))
        .await
}

/// The one call with a token of its own: the app's.
async fn subscriptions(Path((_, object)): Path<(String, String)>, parts: Parts) -> Response {
    let call = Call::new(parts);
    let token = bearer(&call.headers);
    let reply = call
        .shared
        .change(|world| world.subscriptions(&object, token));
    carry(&call.shared, reply, &call.hook).await
}

async fn templates(Path((_, object)): Path<(String, String)>, parts: Parts) -> Response {
    let call = Call::new(parts);
    call.answer(|world, _, _| world.list_templates(&object))
        .await
}

async fn submit_template(
    Path((_, object)): Path<(String, String)>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let call = Call::new(parts);
    call.answer(|world, _, _| world.submit_template(&object, &body))
        .await
}

/// The bearer token of a call.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

/// Carries a reply out as the world wants it, over a line as slow as it is.
async fn carry(shared: &Shared, reply: Reply, hook: &Hook) -> Response {
    let (answer_ms, hang_ms) = shared.look(|world| {
        let delays = &world.settings().delays;
        (delays.answer_ms, delays.hang_ms)
    });
    if answer_ms > 0 {
        pause(answer_ms).await;
    }
    carry_out(reply, hook, hang_ms).await
}

/// Whoever stands between the clinic and Meta answers first.
async fn stranger_first(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(hook): ConnectInfo<Hook>,
    request: Request,
    meta: Next,
) -> Response {
    match shared.look(|world| world.stranger().map(Stranger::reply)) {
        Some(reply) => carry(&shared, reply, &hook).await,
        None => meta.run(request).await,
    }
}

/// Carries a reply out in its manner; one that hangs hangs for so long.
pub(super) async fn carry_out(reply: Reply, hook: &Hook, hang_ms: i64) -> Response {
    match reply.manner {
        Manner::Answer | Manner::Cut => {}
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
    let body = if reply.manner == Manner::Cut {
        response = response.header(header::CONTENT_LENGTH, reply.body.len() + CUT_BYTES);
        cut(reply.body)
    } else {
        Body::from(reply.body)
    };
    response
        .body(body)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// A body that breaks off; not before what there is of it has left.
fn cut(body: String) -> Body {
    let broken = stream::once(async {
        pause(CUT_MS).await;
        Err(io::ErrorKind::ConnectionReset.into())
    });
    let there = stream::iter([Ok::<_, io::Error>(Bytes::from(body))]);
    Body::from_stream(there.chain(broken))
}

async fn pause(ms: i64) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0))).await;
}
