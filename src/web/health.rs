//! `/healthz`: whether a webhook could be committed now. No patient data.

use crate::work::line::{Line, LineState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

/// What `/healthz` looks at.
#[derive(Clone)]
pub struct Health {
    /// Whether the store takes commits; `None` while the box is locked.
    pub store: Option<crate::store::Writer>,
    /// The line to the provider.
    pub line: Line,
}

impl Health {
    /// Whether a webhook could be committed now.
    pub fn keeps(&self) -> bool {
        let health = self.store.as_ref().map(crate::store::Writer::health);
        health == Some(crate::store::Health::Ok)
    }

    /// The answer now.
    pub fn answer(&self) -> Response {
        if self.store.is_none() {
            return bad("locked");
        }
        if !self.keeps() {
            return bad("degraded");
        }
        let line = if self.line.state() == LineState::Up {
            "up"
        } else {
            "down"
        };
        Json(json!({ "status": "ok", "line": line })).into_response()
    }
}

/// `/healthz` as a router of its own.
pub fn router(health: Health) -> Router {
    Router::new().route("/healthz", get(move || std::future::ready(health.answer())))
}

fn bad(status: &str) -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({ "status": status })),
    )
        .into_response()
}
