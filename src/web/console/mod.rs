//! The plain staff page of the demo: records, conversations and the queue as
//! they change. Read only. The console proper takes this room over; until then
//! nothing but the demo mounts it.
//!
//! It must never show an inner error text: the journal has the reason.

mod overview;
mod record;
mod view;

use crate::core::id::ContactId;
use crate::core::private::Private;
use crate::ports::Clock;
use crate::store::{Error, Readers, conversations};
use crate::work::line::Line;
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use view::{ConversationPage, MissingPage};

/// What the pages are drawn from.
#[derive(Clone)]
pub struct Console {
    /// The clinic's name, for the head of each page.
    pub clinic: Arc<str>,
    /// The clinic's id, for the record's columns.
    pub clinic_id: Arc<str>,
    /// The clinic's time zone.
    pub zone: jiff::tz::TimeZone,
    /// Where records and conversations are read.
    pub readers: Readers,
    /// The line to the provider.
    pub line: Line,
    /// The time, for ages.
    pub clock: Arc<dyn Clock>,
}

/// Messages of a conversation on its page.
const MESSAGES_SHOWN: usize = 200;

/// The policy sent with each page: nothing from outside, no inline script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// The pages' routes.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/", get(overview::show))
        .route("/records/{id}", get(record::show))
        .route("/conversations/{id}", get(conversation))
        .fallback(lost)
        .with_state(console)
        .route(
            "/static/console.css",
            get(|| asset("text/css", include_str!("static/console.css"))),
        )
        .route(
            "/static/live.js",
            get(|| asset("text/javascript", include_str!("static/live.js"))),
        )
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    (
        [
            (header::CONTENT_TYPE, kind),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ],
        text,
    )
        .into_response()
}

async fn conversation(State(console): State<Console>, Path(id): Path<String>) -> Response {
    const NONE: &str = "There is no such conversation.";
    let Ok(id) = id.parse().map(ContactId) else {
        return missing(&console, NONE);
    };
    let found = console
        .readers
        .read(move |conn| {
            let title = conversations::title(conn, id)?;
            let number = conversations::number(conn, id)?;
            let lines = conversations::messages(conn, id, MESSAGES_SHOWN)?;
            Ok((title, number, lines))
        })
        .await;
    match found {
        Ok((_, _, lines)) if lines.is_empty() => missing(&console, NONE),
        Ok((title, number, lines)) => {
            let waits = console.line.why();
            let lines = lines
                .iter()
                .map(|line| view::line(line, waits, &console.zone))
                .collect();
            page(&ConversationPage {
                clinic: &console.clinic,
                title: view::shown(&title),
                number: number.as_ref().map(Private::as_str),
                lines,
            })
        }
        Err(error) => broken(&error),
    }
}

/// A page with its headers.
fn page(template: &impl Template) -> Response {
    const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    match template.render() {
        Ok(html) => (
            [
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (header::REFERRER_POLICY, "no-referrer"),
                (header::CACHE_CONTROL, "no-store"),
                (COOP, "same-origin"),
            ],
            Html(html),
        )
            .into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn lost(State(console): State<Console>) -> Response {
    missing(&console, "There is no page under this address.")
}

fn missing(console: &Console, what: &str) -> Response {
    (
        StatusCode::NOT_FOUND,
        page(&MissingPage {
            clinic: &console.clinic,
            what,
        }),
    )
        .into_response()
}

fn broken(error: &Error) -> Response {
    tracing::error!(%error, "a page could not be read from the store");
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "The records cannot be read now. Try again in a minute.",
    )
        .into_response()
}
