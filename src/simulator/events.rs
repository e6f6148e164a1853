//! Server-sent events for the phone page: only that something changed. What
//! changed is asked for, so a lost event loses nothing.

use super::server::Shared;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// Shortest time between two events, so that a burst of messages is one.
const GAP: Duration = Duration::from_millis(100);

/// `GET /simulator/events`.
pub async fn stream(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = shared.revisions();
    let events = stream::unfold(changes, |mut changes| async move {
        changes.changed().await.ok()?;
        tokio::time::sleep(GAP).await;
        let revision = changes.borrow_and_update().to_string();
        let event = Event::default().event("changed").data(revision);
        Some((Ok(event), changes))
    });
    // A page that is open must not hold up the end.
    let events = events.take_until(async move { shared.ended().await });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
