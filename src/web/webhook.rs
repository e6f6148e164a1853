//! Meta's webhook: the handshake, and the POST that is answered 200 only after
//! its raw bytes and its items are on disk.
//!
//! Nothing of an unverified body is stored or logged. Content never leads to
//! anything but 200: an item that cannot be understood, or that breaks what takes
//! it in, becomes a dead letter.

use crate::core::inbound::ReceivedItem;
use crate::core::limits::WEBHOOK_BODY_BYTES_MAX;
use crate::core::secret::Secret;
use crate::store::{Error, Health};
use crate::web::room::{MemoryBudget, Room};
use crate::whatsapp::cloud;
use crate::work::taking::{Taking, items_of};
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use std::sync::{Arc, RwLock};
use std::time::Duration;

/// Longest time one body may take. Meta itself gives up after 20 s.
const BODY_PATIENCE: Duration = Duration::from_secs(20);
/// Longest wait for room in memory; the sender tries again.
const ROOM_PATIENCE: Duration = Duration::from_secs(5);

/// What the webhook routes work with.
#[derive(Clone)]
pub struct Webhook {
    /// The door into the store.
    pub taking: Taking,
    /// The app secrets accepted now, and the verify token.
    pub credentials: Credentials,
    /// Bodies being read share this budget.
    pub memory: MemoryBudget,
}

/// Credentials that a `secret set` can change while the service runs.
#[derive(Clone, Default)]
pub struct Credentials(Arc<RwLock<CredentialSet>>);

#[derive(Clone, Default)]
struct CredentialSet {
    app_secrets: Arc<[Secret]>,
    verify_token: Option<Secret>,
}

impl Credentials {
    /// Replaces them.
    pub fn set(&self, app_secrets: Vec<Secret>, verify_token: Option<Secret>) {
        let fresh = CredentialSet {
            app_secrets: app_secrets.into(),
            verify_token,
        };
        *self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
    }

    /// Whether any webhook can prove where it comes from.
    pub fn has_app_secret(&self) -> bool {
        !self.get().app_secrets.is_empty()
    }

    fn get(&self) -> CredentialSet {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

/// The query of Meta's verification request.
#[derive(Default, Deserialize)]
pub struct Verification {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// `GET /webhooks/whatsapp`: Meta's verification handshake. It carries no
/// signature.
pub async fn verify(
    State(hook): State<Webhook>,
    query: Result<Query<Verification>, QueryRejection>,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let handshake = cloud::Handshake {
        mode: query.mode.as_deref(),
        verify_token: query.verify_token.as_deref(),
        challenge: query.challenge.as_deref(),
    };
    let known = hook.credentials.get().verify_token;
    let challenge =
        known.and_then(|token| cloud::answer_handshake(handshake, &token).map(str::to_owned));
    match challenge {
        Some(challenge) => ([(header::CONTENT_TYPE, "text/plain")], challenge).into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}

/// `POST /webhooks/whatsapp`.
pub async fn receive(State(hook): State<Webhook>, headers: HeaderMap, body: Body) -> Response {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let signature = headers
        .get(cloud::SIGNATURE_HEADER)
        .and_then(|v| v.to_str().ok());
    if !signature.is_some_and(cloud::is_well_formed) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (bytes, _room) = match read_whole(&hook.memory, &headers, body).await {
        Ok(read) => read,
        Err(status) => return status.into_response(),
    };
    let credentials = hook.credentials.get();
    if !cloud::verify(signature, &bytes, &credentials.app_secrets) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let items = items_of(&bytes, cloud::parse);
    commit(&hook.taking, bytes, items).await.into_response()
}

/// Reads a body within its time, its limit and the shared memory budget.
pub(super) async fn read_whole(
    memory: &MemoryBudget,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Room), StatusCode> {
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<usize>().ok());
    match tokio::time::timeout(BODY_PATIENCE, read(memory, declared, body)).await {
        Ok(read) => read,
        // A body that trickles must not hold the memory of true ones for ever.
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Reads a body under its limit and the shared memory budget. A body of
/// unknown length counts as the largest one.
async fn read(
    memory: &MemoryBudget,
    declared: Option<usize>,
    body: Body,
) -> Result<(Bytes, Room), StatusCode> {
    if declared.is_some_and(|n| n > WEBHOOK_BODY_BYTES_MAX) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let expected = declared.unwrap_or(WEBHOOK_BODY_BYTES_MAX);
    let mut room = Room::default();
    let mut stream = body.into_data_stream();
    let mut whole: Option<Bytes> = None;
    let mut joined = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        let so_far = whole.as_ref().map_or(joined.len(), Bytes::len) + chunk.len();
        if so_far > WEBHOOK_BODY_BYTES_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        tokio::time::timeout(ROOM_PATIENCE, memory.grow(&mut room, so_far, expected))
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        match whole.take() {
            None if joined.is_empty() => whole = Some(chunk),
            None => joined.extend_from_slice(&chunk),
            Some(first) => {
                joined.reserve_exact(expected.max(first.len() + chunk.len()));
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&chunk);
            }
        }
    }
    Ok((whole.unwrap_or_else(|| joined.into()), room))
}

/// Commits what came in; 200 stands for that and nothing else.
pub(super) async fn commit(taking: &Taking, body: Bytes, items: Vec<ReceivedItem>) -> StatusCode {
    if taking.writer.health() == Health::Full {
        // The reserve that was given free is for sends and deletions; the
        // sender of a webhook keeps it until there is room again.
        log_refusal(&Error::Full);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match taking.take(body, items).await {
        Ok(_tally) => StatusCode::OK,
        Err(error) => {
            log_refusal(&error);
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

fn log_refusal(error: &Error) {
    tracing::error!(%error, "a webhook could not be committed; the sender will try again");
}
