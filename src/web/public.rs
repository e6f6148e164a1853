//! The public listener's routes: the webhooks and `/healthz`, nothing else.

use crate::web::health::{self, Health};
use crate::web::ultramsg::{self, UltraMsgHook};
use crate::web::webhook::{self, Webhook};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

/// The webhook of the provider in use. The other's is not there.
pub enum Hook {
    /// Meta's.
    Cloud(Webhook),
    /// UltraMsg's.
    UltraMsg(UltraMsgHook),
}

/// The routes of an unlocked box.
pub fn router(hook: Hook, health: Health) -> Router {
    let webhooks = match hook {
        Hook::Cloud(hook) => Router::new()
            .route(
                "/webhooks/whatsapp",
                get(webhook::verify).post(webhook::receive),
            )
            .with_state(hook),
        Hook::UltraMsg(hook) => Router::new()
            .route("/webhooks/ultramsg/{secret}", post(ultramsg::receive))
            .with_state(hook),
    };
    webhooks.merge(health::router(health))
}

/// The routes while the data key is not there: the sender keeps what it has
/// and tries again, before any signature is looked at.
pub fn locked(health: Health) -> Router {
    let refuse = || std::future::ready(StatusCode::SERVICE_UNAVAILABLE);
    Router::new()
        .route("/webhooks/whatsapp", get(refuse).post(refuse))
        .route("/webhooks/ultramsg/{secret}", post(refuse))
        .merge(health::router(health))
}
