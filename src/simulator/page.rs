//! The phone page's files, built into the program. They need nothing from
//! outside, so the page works on a computer that is not on any network.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /simulator`.
pub async fn html() -> Response {
    file("text/html; charset=utf-8", include_str!("page/phone.html"))
}

/// `GET /simulator/phone.css`.
pub async fn css() -> Response {
    file("text/css; charset=utf-8", include_str!("page/phone.css"))
}

/// `GET /simulator/phone.js`.
pub async fn js() -> Response {
    let kind = "text/javascript; charset=utf-8";
    file(kind, include_str!("page/phone.js"))
}

fn file(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
