//! The public listener's routes: the webhooks and `/healthz`, nothing else.

use crate::web::health::{self, Health};
use crate::web::webhook::{self, Webhook};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

/// The routes of an unlocked box.
pub fn router(hook: Webhook, health: Health) -> Router {
    Router::new()
        .route(
            "/webhooks/whatsapp",
            get(webhook::verify).post(webhook::receive),
        )
        .with_state(hook)
        .merge(health::router(health))
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
