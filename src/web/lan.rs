//! The routes on the clinic's network, of a locked box and of an open one, and
//! what every answer there carries: no page of another origin may post, frame or
//! read anything.
//!
//! The console takes its place as the `pages` of [`open`].

use crate::web::health::{self, Health};
use crate::web::problem::problem;
use crate::web::unlock::{self, Authority, Standing, Unlock};
use axum::Router;
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

/// Nothing from outside, no script, no frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What every answer carries, where it does not say so itself. The referrer goes
/// to our own pages only: without any, a browser would hide a form's origin.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The routes of a locked box: nothing works but what opens it.
pub fn locked(unlock: Unlock, health: Health) -> Router {
    let authority = unlock.authority.clone();
    let routes = Router::new()
        .route("/unlock", get(unlock::show).post(unlock::by_form))
        .route("/api/v1/unlock", post(unlock::by_json))
        .with_state(unlock)
        .merge(health::router(health))
        .merge(unlock::authority_routes(authority))
        .fallback(unlock::refuse_locked);
    guard(routes)
}

/// The routes of an open box: `pages`, and what stays the same.
pub fn open(pages: Router, health: Health, authority: Authority) -> Router {
    let routes = pages
        .route("/unlock", get(unlock::is_open).post(unlock::is_open))
        .route("/api/v1/unlock", post(unlock::is_open_json))
        .merge(health::router(health))
        .merge(unlock::authority_routes(authority))
        .fallback(missing);
    guard(routes)
}

/// What an open box shows as long as there is no console: whether patients are
/// answered, what to use instead, and whether its recovery key was ever tried.
pub fn no_console(standing: Standing) -> Router {
    let routes = Router::new().route("/", get(unlock::no_console));
    routes.with_state(standing)
}

/// For whoever speaks plain HTTP to the TLS listener: where to go. Nothing they
/// sent is looked at but the name they used.
pub fn to_https() -> Router {
    Router::new().fallback(|method: Method, headers: HeaderMap| async move {
        let host = text(&headers, &header::HOST).filter(|host| is_plain_host(host));
        match host {
            Some(host) if method == Method::GET => {
                Redirect::temporary(&format!("https://{host}/")).into_response()
            }
            Some(_) | None => (
                StatusCode::UPGRADE_REQUIRED,
                [(header::CONNECTION, "close")],
                "This address wants https://",
            )
                .into_response(),
        }
    })
}

/// Somebody with an old address lands on the first page; a program is told.
async fn missing(method: Method, headers: HeaderMap) -> Response {
    let wants_page = text(&headers, &header::ACCEPT).is_some_and(|it| it.contains("text/html"));
    if method == Method::GET && wants_page {
        return Redirect::to("/").into_response();
    }
    problem(StatusCode::NOT_FOUND, "not_found", "There is nothing here.")
}

fn guard(router: Router) -> Router {
    router.layer(middleware::from_fn(guarded))
}

async fn guarded(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let mut response = if reads || is_own(request.headers()) {
        next.run(request).await
    } else {
        let detail = "This was sent by a page of another place, and nothing was done.";
        problem(StatusCode::FORBIDDEN, "other_origin", detail)
    };
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Whether a request was made by a page of ours, or by a program that is no
/// browser. A browser says where a request comes from, an old one at least by
/// the address of the page.
fn is_own(headers: &HeaderMap) -> bool {
    let site = HeaderName::from_static("sec-fetch-site");
    if let Some(site) = headers.get(&site) {
        return site == "same-origin" || site == "none";
    }
    let Some(host) = text(headers, &header::HOST) else {
        return false;
    };
    let from = headers.get(header::ORIGIN).or(headers.get(header::REFERER));
    let Some(from) = from else {
        return true;
    };
    let from = from.to_str().unwrap_or_default();
    let rest = from.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').next() == Some(host)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_plain_host(host: &str) -> bool {
    let fine = |it: u8| it.is_ascii_alphanumeric() || b".-:[]".contains(&it);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("healthpost.local:8443"));
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        is_own(&headers)
    }

    #[test]
    fn only_our_own_pages_and_programs_may_post() {
        let ours = "https://healthpost.local:8443";
        assert!(own(&[]));
        assert!(own(&[("origin", ours)]));
        assert!(own(&[("sec-fetch-site", "same-origin"), ("origin", ours)]));
        assert!(own(&[("sec-fetch-site", "none")]));
        assert!(own(&[(
            "referer",
            "https://healthpost.local:8443/unlock?lang=fr"
        )]));
        for site in ["cross-site", "same-site", ""] {
            assert!(
                !own(&[("sec-fetch-site", site), ("origin", ours)]),
                "{site}"
            );
        }
        for origin in [
            "https://evil.example",
            "https://healthpost.local",
            "https://healthpost.local:8443.evil.example",
            "https://evil.example/healthpost.local:8443",
            "null",
            "",
        ] {
            assert!(!own(&[("origin", origin)]), "{origin}");
        }
        assert!(!own(&[(
            "referer",
            "https://evil.example/healthpost.local:8443"
        )]));
        assert!(!is_own(&HeaderMap::new()));
    }

    #[test]
    fn a_host_goes_into_an_address_only_if_it_is_one() {
        for good in ["healthpost.local:8443", "192.168.4.1", "[fd00::1]:8443"] {
            assert!(is_plain_host(good), "{good}");
        }
        for bad in ["", "a/b", "a@b", "a b", "a\r\nx: y", "a?b", "a#b", "a\\b"] {
            assert!(!is_plain_host(bad), "{bad}");
        }
    }
}
