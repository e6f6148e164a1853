//! What has to be tidied up now and then: expired waits, finished erasures,
//! old raw bodies, messages and records. Nothing is dropped on an untrusted
//! clock.

use crate::core::limits::PARKED_STATUS_MS;
use crate::core::time::{DAY_MS, Now};
use crate::ports::Clock;
use crate::store::retention::{self, Seek};
use crate::store::{Error, Writer, clock_moves, erasure, media, secrets};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Raw webhook bodies, days.
    pub webhooks_days: u32,
    /// Messages to and from patients, days; 0 keeps them.
    pub messages_days: u32,
    /// Records, days; 0 keeps them.
    pub records_days: u32,
}

/// One round; `seek` is what the last one gave.
///
/// # Errors
/// Whatever the database reports.
pub fn turn(conn: &Connection, keeping: Keeping, seek: Seek, now: Now) -> Result<Seek, Error> {
    if clock_moves::mend(conn, now.at)? > 0 {
        tracing::warn!("the clock was set back; waits that had grown too long were shortened");
    }
    let gone = erasure::finish(conn)?;
    if gone > 0 {
        tracing::info!(contacts = gone, "erased contacts are gone for good");
    }
    // The rest of an erased file; the fetcher does it faster, where it runs.
    media::sweep(conn)?;
    if !now.trusted {
        return Ok(seek);
    }
    clock_moves::mend_ages(conn, now.at)?;
    secrets::drop_expired(conn, now.at)?;
    retention::drop_parked(conn, now.at.plus_ms(-PARKED_STATUS_MS))?;
    let before = |days: u32| now.at.plus_ms(-i64::from(days) * DAY_MS);
    retention::drop_bodies(conn, before(keeping.webhooks_days))?;
    let mut next = seek;
    if keeping.messages_days > 0 {
        (_, next) = retention::drop_messages(conn, before(keeping.messages_days), seek)?;
        media::erase_before(conn, before(keeping.messages_days))?;
    }
    if keeping.records_days > 0 {
        retention::drop_records(conn, before(keeping.records_days))?;
    }
    Ok(next)
}

/// Works until `stop`.
pub async fn run(writer: Writer, clock: Arc<dyn Clock>, keeping: Keeping, stop: CancellationToken) {
    let mut seek = Seek::default();
    loop {
        let now = clock.now();
        match writer.run(move |conn| turn(conn, keeping, seek, now)).await {
            Ok(next) => seek = next,
            Err(error) => tracing::warn!(%error, "tidying up did not work; it is tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
