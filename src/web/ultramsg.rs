//! UltraMsg's webhook: a POST to a path that holds a secret, answered 200 only
//! after the commit.
//!
//! Nothing is signed, so whoever knows the path can say anything: the path is
//! compared in constant time and never logged. A wrong one is 404, as if there
//! were nothing here.

use crate::core::inbound::Item;
use crate::core::limits::PATH_SECRET_BYTES_MIN;
use crate::core::secret::Secret;
use crate::web::room::MemoryBudget;
use crate::web::webhook::{commit, read_whole};
use crate::whatsapp::ultramsg::{Channel, parse};
use crate::work::poll::Pulse;
use crate::work::taking::{Taking, items_of};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};
use subtle::ConstantTimeEq;

/// What the route works with.
#[derive(Clone)]
pub struct UltraMsgHook {
    /// The door into the store.
    pub taking: Taking,
    /// What the path must hold.
    pub secret: PathSecret,
    /// Shared with the worker that polls.
    pub pulse: Pulse,
    /// Bodies being read share this budget.
    pub memory: MemoryBudget,
}

/// The secret in the path; a `secret set` can change it while the service runs.
#[derive(Clone, Default)]
pub struct PathSecret(Arc<RwLock<Option<Secret>>>);

impl PathSecret {
    /// Replaces it; without one nothing passes.
    pub fn set(&self, secret: Option<Secret>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = secret;
    }

    /// Whether a path holds it. One too short to keep anybody out is none.
    fn admits(&self, offered: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.as_ref() else {
            return false;
        };
        let known = known.expose().trim_ascii();
        // Digests have one length, so that not even the length can be timed.
        let same = Sha256::digest(known).ct_eq(&Sha256::digest(offered.as_bytes()));
        known.len() >= PATH_SECRET_BYTES_MIN && bool::from(same)
    }
}

/// `POST /webhooks/ultramsg/{secret}`.
pub async fn receive(
    State(hook): State<UltraMsgHook>,
    Path(offered): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !hook.secret.admits(&offered) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let (bytes, _room) = match read_whole(&hook.memory, &headers, body).await {
        Ok(read) => read,
        Err(status) => return status.into_response(),
    };
    let channel = Channel {
        instance: &hook.taking.our_id,
        began: hook.pulse.began(),
    };
    let items = items_of(&bytes, |bytes| parse(bytes, channel));
    let messages = items
        .iter()
        .any(|item| matches!(item.content, Ok(Item::Message(_))));
    if messages {
        hook.pulse.hear(hook.taking.clock.now().at);
    }
    commit(&hook.taking, bytes, items).await.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_passes() {
        let secret = PathSecret::default();
        assert!(!secret.admits(""), "none is set");
        secret.set(Some(Secret::from("3f9c1b7ad2e84c063f9c1b7ad2e84c06\n")));
        assert!(secret.admits("3f9c1b7ad2e84c063f9c1b7ad2e84c06"));
        for wrong in [
            "",
            "3f9c1b7ad2e84c063f9c1b7ad2e84c0",
            "3f9c1b7ad2e84c063f9c1b7ad2e84c066",
            "3F9C1B7AD2E84C063F9C1B7AD2E84C06",
        ] {
            assert!(!secret.admits(wrong), "{wrong}");
        }
        // Half as long: somebody could guess it.
        secret.set(Some(Secret::from("3f9c1b7ad2e84c06")));
        assert!(!secret.admits("3f9c1b7ad2e84c06"));
    }
}
