//! Meta's webhook: the handshake, and the POST that is answered 200 only after
//! its raw bytes and its items are on disk.
//!
//! Nothing of an unverified body is stored or logged. Content never leads to
//! anything but 200: an item that cannot be understood, or that breaks what takes
//! it in, becomes a dead letter.

use crate::core::inbound::ReceivedItem;
use crate::core::limits::WEBHOOK_BODY_BYTES_MAX;
use crate::core::secret::Secret;
use crate::store::Error;
use crate::store::secrets::Accepted;
use crate::web::room::{MemoryBudget, Room};
use crate::whatsapp::cloud;
use crate::work::taking::{Taking, items_of};
use axum::body::{Body, BodyDataStream, Bytes};
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
/// Longest time for a stride of a body, until others may have its room.
const STALL_PATIENCE: Duration = Duration::from_secs(1);
/// The shortest stride, bytes.
const STRIDE_BYTES_MIN: usize = 8 * 1024;

/// What the webhook routes work with.
#[derive(Clone)]
pub struct Webhook {
    /// The door into the store.
    pub taking: Taking,
    /// The app secrets accepted now, and the verify token.
    pub credentials: Credentials,
    /// Our account, where it is configured: the app may get others' news.
    pub account: Option<Arc<str>>,
    /// Bodies being read share this budget.
    pub memory: MemoryBudget,
}

/// Credentials that a `secret set` can change while the service runs.
#[derive(Clone, Default)]
pub struct Credentials(Arc<RwLock<CredentialSet>>);

#[derive(Clone, Default)]
struct CredentialSet {
    app_secrets: Arc<[Accepted]>,
    verify_token: Option<Secret>,
}

impl Credentials {
    /// Replaces them. A former app secret ends at its time, even if nobody
    /// replaces it here.
    pub fn set(&self, app_secrets: Vec<Accepted>, verify_token: Option<Secret>) {
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
    let now = hook.taking.clock.now().at;
    let accepted = credentials.app_secrets.iter().filter_map(|it| it.at(now));
    if !cloud::verify(signature, &bytes, accepted) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let items = items_of(&bytes, |body| {
        cloud::parse_of(body, hook.account.as_deref())
    });
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
    let room = memory.room(expected);
    let whole = tokio::select! {
        biased;
        () = room.cut_off() => return Err(StatusCode::SERVICE_UNAVAILABLE),
        whole = gather(&room, expected, body) => whole?,
    };
    Ok((whole, room))
}

/// Reads in strides, since a single byte is no sign that a body goes on. One of
/// the largest must make half the pace that brings it here in time.
async fn gather(room: &Room, expected: usize, body: Body) -> Result<Bytes, StatusCode> {
    let strides = 2 * BODY_PATIENCE.as_secs() / STALL_PATIENCE.as_secs();
    let strides = usize::try_from(strides).unwrap_or(usize::MAX);
    let stride = (expected / strides).max(STRIDE_BYTES_MIN);
    let mut gathered = Gathered::default();
    let mut stream = body.into_data_stream();
    loop {
        let goal = gathered.len() + stride;
        if watched(room, gathered.read_on(room, &mut stream, goal)).await? {
            return Ok(gathered.into_bytes());
        }
    }
}

/// Says of a stride that takes too long that the body has stalled.
async fn watched<T>(room: &Room, stride: impl Future<Output = T>) -> T {
    let mut stride = std::pin::pin!(stride);
    if let Ok(done) = tokio::time::timeout(STALL_PATIENCE, &mut stride).await {
        return done;
    }
    room.stall();
    let done = stride.await;
    room.go_on();
    done
}

/// What has come of a body. One that comes in one piece is never copied.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    joined: Vec<u8>,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    /// Reads until so many bytes are here, and tells whether it met the end.
    async fn read_on(
        &mut self,
        room: &Room,
        stream: &mut BodyDataStream,
        goal: usize,
    ) -> Result<bool, StatusCode> {
        while self.len() < goal {
            let Some(chunk) = stream.next().await else {
                return Ok(true);
            };
            let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
            let so_far = self.len() + chunk.len();
            if so_far > WEBHOOK_BODY_BYTES_MAX {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            let capacity = tokio::time::timeout(ROOM_PATIENCE, room.grow(so_far))
                .await
                .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
            self.push(chunk, capacity);
        }
        Ok(false)
    }

    /// `capacity` is what there is room for, and no more is reserved.
    fn push(&mut self, chunk: Bytes, capacity: usize) {
        if self.len() == 0 {
            self.first = chunk;
            return;
        }
        let missing = capacity.saturating_sub(self.joined.len());
        self.joined.reserve_exact(missing);
        self.joined
            .extend_from_slice(&std::mem::take(&mut self.first));
        self.joined.extend_from_slice(&chunk);
    }

    fn into_bytes(self) -> Bytes {
        if self.joined.is_empty() {
            self.first
        } else {
            self.joined.into()
        }
    }
}

/// Commits what came in; 200 stands for that and nothing else.
pub(super) async fn commit(taking: &Taking, body: Bytes, items: Vec<ReceivedItem>) -> StatusCode {
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::{join, join_all};
    use futures_util::stream;
    use std::convert::Infallible;

    /// A body that brings these pieces, and then says nothing more.
    fn stalled(pieces: &[usize]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|len| vec![b'x'; *len]).collect();
        let pieces = stream::iter(pieces.into_iter().map(Ok::<_, Infallible>));
        Body::from_stream(pieces.chain(stream::pending()))
    }

    fn whole(len: usize) -> Body {
        let pieces: Vec<_> = vec![b'x'; len].chunks(16_000).map(<[u8]>::to_vec).collect();
        Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)))
    }

    #[tokio::test]
    async fn stalled_bodies_make_room_for_those_that_come() {
        let memory = MemoryBudget::default();
        let of = |body, len| read(&memory, Some(len), body);
        let silent = (0..40).map(|_| of(stalled(&[25_000, 40_000]), 65_536));
        let large = (0..3).map(|_| of(stalled(&[60_000, 60_000]), WEBHOOK_BODY_BYTES_MAX));
        let mut strangers = std::pin::pin!(join(join_all(silent), join_all(large)));
        // They have their room before anybody else asks.
        assert!(futures_util::poll!(strangers.as_mut()).is_pending());
        let true_ones = async {
            for len in [1_000, 60_000, WEBHOOK_BODY_BYTES_MAX] {
                let (bytes, _room) = of(whole(len), len).await.unwrap();
                assert_eq!(bytes.len(), len);
            }
        };
        tokio::select! {
            _ = strangers => panic!("a stranger that nobody cut off is still there"),
            () = true_ones => {}
        }
    }

    #[tokio::test]
    async fn what_came_in_pieces_is_put_together() {
        let memory = MemoryBudget::default();
        let pieces: [&[u8]; 4] = [b"a", b"bc", &[b'd'; 70_000], b"e"];
        let stream = stream::iter(pieces.map(|piece| Ok::<_, Infallible>(piece.to_vec())));
        let (bytes, _room) = read(&memory, None, Body::from_stream(stream))
            .await
            .unwrap();
        assert_eq!(&bytes[..], pieces.concat());
    }
}
