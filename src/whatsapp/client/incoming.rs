//! An answer as it comes in, piece by piece, and what passes on the wire.
//!
//! Every piece is counted; a body is never kept beyond the limit it was asked
//! for with.

use super::Answer;
use crate::ports::Meter;
use reqwest::Response;
use reqwest::header::HeaderMap;
use std::sync::Arc;
use std::time::Duration;

/// An answer whose head is here and whose body is still coming.
pub struct Incoming {
    response: Response,
    idle: Duration,
    meter: Arc<Meter>,
}

impl Incoming {
    pub(super) fn new(response: Response, idle: Duration, meter: &Arc<Meter>) -> Self {
        meter.received(STATUS_LINE + fields(response.headers()));
        Self {
            response,
            idle,
            meter: Arc::clone(meter),
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Whether the one who answered proved its name.
    pub fn is_genuine(&self) -> bool {
        self.response.url().scheme() == "https"
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// When it broke off, or nothing came for too long.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece.map(|piece| {
                self.meter.received(piece.len());
                piece.to_vec()
            })),
            Ok(Err(_)) | Err(_) => Err(Cut),
        }
    }

    /// The whole answer, as far as it comes and within the limit.
    pub(super) async fn whole(mut self, bytes_max: usize) -> Answer {
        let mut answer = Answer {
            status: self.status(),
            headers: self.headers().clone(),
            body: Vec::new(),
            whole: false,
            genuine: self.is_genuine(),
        };
        loop {
            match self.next().await {
                Ok(Some(piece)) => {
                    let room = bytes_max.saturating_sub(answer.body.len());
                    answer.body.extend(piece.iter().take(room));
                    if piece.len() > room {
                        return answer;
                    }
                }
                Ok(None) => {
                    answer.whole = true;
                    return answer;
                }
                Err(Cut) => return answer,
            }
        }
    }
}

/// A body that broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;

/// Bytes of a request's or an answer's first line without the address, and of
/// the fields the client adds by itself.
const STATUS_LINE: usize = 20;
const OWN_FIELDS: usize = 80;

/// About what a request takes on the wire.
pub(super) fn size_of(request: &reqwest::Request) -> usize {
    let url = request.url();
    let address = url.path().len() + url.query().map_or(0, |query| query.len() + 1);
    let body = request.body().and_then(reqwest::Body::as_bytes);
    STATUS_LINE + address + OWN_FIELDS + fields(request.headers()) + body.map_or(0, <[u8]>::len)
}

fn fields(headers: &HeaderMap) -> usize {
    let lengths = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    lengths.sum()
}
