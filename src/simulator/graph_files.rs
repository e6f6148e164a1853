//! Media files on the wire, as fast, as whole and as far as the world wants.

use super::graph::bearer;
use super::line::Hook;
use super::media::Download;
use super::server::Shared;
use super::world_account::Asker;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of one piece.
const PIECE: usize = 16 * 1024;

/// What stands behind the question mark of a file's address.
#[derive(Debug, Deserialize)]
pub struct Until {
    #[serde(default)]
    ext: i64,
}

/// `GET /whatsapp_business/attachments/{media}`.
pub async fn download(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(hook): ConnectInfo<Hook>,
    Path(media): Path<String>,
    Query(until): Query<Until>,
    headers: HeaderMap,
) -> Response {
    let now = shared.now();
    let from = range_start(&headers);
    let (download, manner) = shared.change(|world| {
        let asker = Asker {
            bearer: bearer(&headers),
            ..Asker::default()
        };
        let download = match world.authorise(&asker) {
            Ok(()) => world.media.download(&media, until.ext, from, now),
            Err(_) => Download::Missing,
        };
        (download, world.media.manner.clone())
    });
    let (mime, from, part, content) = match download {
        Download::Bytes {
            mime,
            from,
            part,
            content,
        } => (mime, from, part, content),
        Download::Redirect(place) => {
            return (StatusCode::FOUND, [(header::LOCATION, place)]).into_response();
        }
        Download::Missing => return StatusCode::NOT_FOUND.into_response(),
    };
    let total = content.len();
    if part && from >= total {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let rest: Vec<u8> = content.into_iter().skip(from).collect();
    let mut response = Response::builder()
        .status(if part { 206 } else { 200 })
        .header(header::CONTENT_TYPE, mime)
        .header(header::CONTENT_LENGTH, rest.len());
    if part {
        let range = format!("bytes {from}-{}/{total}", total.saturating_sub(1));
        response = response.header(header::CONTENT_RANGE, range);
    }
    let body = pieces(rest, manner.cut_after, manner.piece_ms, hook);
    response
        .body(body)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Where the rest begins that is asked for.
fn range_start(headers: &HeaderMap) -> usize {
    let value = headers.get(header::RANGE).and_then(|it| it.to_str().ok());
    value
        .and_then(|text| text.strip_prefix("bytes="))
        .and_then(|text| text.strip_suffix('-'))
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn pieces(bytes: Vec<u8>, cut_after: Option<usize>, piece_ms: u64, hook: Hook) -> Body {
    let bytes = Bytes::from(bytes);
    let end = cut_after.map_or(bytes.len(), |cut| cut.min(bytes.len()));
    let whole = end == bytes.len();
    Body::from_stream(stream::unfold(0, move |at| {
        let (bytes, hook) = (bytes.clone(), hook.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(piece_ms)).await;
            if at < end {
                let next = end.min(at + PIECE);
                return Some((Ok::<_, io::Error>(bytes.slice(at..next)), next));
            }
            if whole || at > end {
                return None;
            }
            // What was written must leave before the connection breaks.
            tokio::time::sleep(Duration::from_millis(50)).await;
            hook.0.cancel();
            Some((Err(io::ErrorKind::ConnectionReset.into()), at + 1))
        }
    }))
}
