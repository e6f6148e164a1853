//! The unlock page, its twin for programs, and the page on how to trust the
//! box's certificate. They work without scripts on an old phone.
//!
//! A secret goes from the body of a request to the door and nowhere else: it is
//! in no log or address, and in no answer but those groups of a mistyped recovery
//! key that whoever typed it need not type again. Why the box does not open is
//! said in words that help whoever stands there; the rest is in the journal.

mod body;
mod form;
mod language;
mod standing;
mod words;

use crate::core::lang::Lang;
use crate::core::limits::UNLOCK_PATIENCE_MS;
use crate::ports::door::{Door, Refusal};
use crate::web::problem::problem;
use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use body::Offer;
pub use form::{by_form, show};
use serde_json::json;
pub use standing::{Standing, no_console};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use words::Words;

/// What opens this box, for the words on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether it has a PIN.
    pub pin: bool,
    /// Whether its TPM should have opened it without anybody.
    pub chip_failed: bool,
}

/// The authority's certificate (PEM) and its fingerprint, looked up when asked
/// for.
#[derive(Clone)]
pub struct Authority(Arc<dyn Fn() -> Option<(String, String)> + Send + Sync>);

impl Authority {
    /// By whatever looks it up.
    pub fn new(look: impl Fn() -> Option<(String, String)> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }
}

/// Whether the recovery key was ever proved to open this box, as it stands now:
/// a page must not ask the database for it at each visit.
#[derive(Clone, Debug, Default)]
pub struct Drilled(Arc<AtomicBool>);

impl Drilled {
    /// As the database has it.
    pub fn new(drilled: bool) -> Self {
        Self(Arc::new(AtomicBool::new(drilled)))
    }

    /// From now on it was.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the unlock page works with.
#[derive(Clone)]
pub struct Unlock {
    /// Where secrets are tried.
    pub door: Door,
    /// What is asked for.
    pub asked: Asked,
    /// The clinic's name, so that people know which box this is.
    pub clinic: Arc<str>,
    /// What devices have to trust.
    pub authority: Authority,
}

#[derive(Template)]
#[template(path = "note.html")]
struct NotePage {
    w: &'static Words,
    lang: Lang,
    path: &'static str,
}

#[derive(Template)]
#[template(path = "trust.html")]
struct TrustPage {
    w: &'static Words,
    lang: Lang,
    path: &'static str,
    fingerprint: String,
}

impl Unlock {
    async fn offer(&self, offer: Offer, patience_ms: u64) -> Result<(), Refusal> {
        let patience = Duration::from_millis(patience_ms);
        let offered = self.door.offer(offer.secret, offer.kind, patience).await;
        offered.map_err(|refused| refused.why)
    }
}

/// `POST /api/v1/unlock`: `{"secret"}`, and `"kind"` for whoever knows it.
pub async fn by_json(State(unlock): State<Unlock>, headers: HeaderMap, body: Body) -> Response {
    let offer = match body::json(&headers, body).await {
        Ok(offer) => offer,
        Err(status) => {
            let detail = "Send {\"secret\": \"…\"} as application/json, of at most 8 KiB.";
            return problem(status, "bad_request", detail);
        }
    };
    match unlock.offer(offer, UNLOCK_PATIENCE_MS).await {
        Ok(()) => Json(json!({ "unlocked": true, "checked": true })).into_response(),
        Err(why) => {
            let detail = words::of(Lang::En).refusal(why);
            let answer = problem(status_of(why), code_of(why), &detail);
            with_wait(answer, why)
        }
    }
}

/// Everything else of a locked box: people are led to the page, programs are
/// told.
pub async fn refuse_locked(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    let page = accepts.is_some_and(|it| it.contains("text/html"));
    let reads = [Method::GET, Method::HEAD].contains(&method);
    if reads && page && !uri.path().starts_with("/api/") {
        let lang = uri.query().and_then(language::chosen);
        let place = lang.map_or_else(
            || "/unlock".to_owned(),
            |lang| format!("/unlock?lang={lang}"),
        );
        return Redirect::to(&place).into_response();
    }
    let detail = "The box is locked: open it at /unlock, or with healthpost unlock.";
    problem(StatusCode::SERVICE_UNAVAILABLE, "locked", detail)
}

/// `/unlock` of an open box.
pub async fn is_open(RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let lang = language::of(query.as_deref(), &headers);
    page(&NotePage {
        w: words::of(lang),
        lang,
        path: "/unlock",
    })
}

/// `POST /api/v1/unlock` of an open box, which looks at no secret.
pub async fn is_open_json() -> Response {
    Json(json!({ "unlocked": true, "checked": false })).into_response()
}

/// The authority's certificate, the page on how to trust it, and the style of
/// these pages: there whether the box is locked or not.
pub fn authority_routes(authority: Authority) -> Router {
    let file = {
        let authority = authority.clone();
        move || std::future::ready(certificate(&authority))
    };
    Router::new()
        .route("/ca.pem", get(file.clone()))
        .route("/ca.crt", get(file.clone()))
        .route("/lan/ca.pem", get(file))
        .route("/trust", get(trust))
        .with_state(authority)
        .route("/static/unlock.css", get(style))
}

fn certificate(authority: &Authority) -> Response {
    let Some((pem, _)) = (authority.0)() else {
        return problem(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no certificate yet.",
        );
    };
    // Under this type phones offer to install it.
    let head = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"healthpost-ca.crt\"",
        ),
    ];
    (head, pem).into_response()
}

async fn trust(
    State(authority): State<Authority>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let lang = language::of(query.as_deref(), &headers);
    let fingerprint = (authority.0)().map_or_else(String::new, |(_, fingerprint)| fingerprint);
    page(&TrustPage {
        w: words::of(lang),
        lang,
        path: "/trust",
        fingerprint: fingerprint.replace(':', " "),
    })
}

async fn style() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, include_str!("static/unlock.css")).into_response()
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

const fn status_of(why: Refusal) -> StatusCode {
    match why {
        Refusal::Wrong | Refusal::WrongPin { .. } => StatusCode::FORBIDDEN,
        Refusal::Malformed { .. } | Refusal::NoPin => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::LockedOut { .. } | Refusal::TooSoon { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Trouble => StatusCode::SERVICE_UNAVAILABLE,
    }
}

const fn code_of(why: Refusal) -> &'static str {
    match why {
        Refusal::Wrong => "wrong_secret",
        Refusal::WrongPin { .. } => "wrong_pin",
        Refusal::Malformed { .. } | Refusal::NoPin => "malformed_secret",
        Refusal::LockedOut { .. } => "locked_out",
        Refusal::TooSoon { .. } => "too_soon",
        Refusal::Trouble => "cannot_open",
    }
}

/// Tells programs when it is worth another try.
fn with_wait(mut response: Response, why: Refusal) -> Response {
    let wait_s = match why {
        Refusal::TooSoon { wait_s } => Some(wait_s),
        Refusal::LockedOut { wait_s } => wait_s,
        Refusal::Wrong
        | Refusal::WrongPin { .. }
        | Refusal::Malformed { .. }
        | Refusal::NoPin
        | Refusal::Trouble => None,
    };
    if let Some(wait_s) = wait_s {
        let value = HeaderValue::from(wait_s);
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}
