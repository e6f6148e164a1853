//! What every start does to the database before anything else works on it.

use crate::core::flow::Flow;
use crate::core::time::UnixMs;
use crate::store::{Error, clock_moves, outbox, sessions};
use rusqlite::Connection;

/// After a start: what was in the air is in doubt, waits that a wrong clock made
/// too long are cut short, and what was waiting is stepped with care. Returns
/// the sources of the flows that running conversations speak.
///
/// # Errors
/// Whatever the database reports; nothing is half done, if run in one
/// transaction.
pub fn make_ready(
    conn: &Connection,
    in_doubt_ms: i64,
    flow: &Flow,
    now: UnixMs,
) -> Result<Vec<String>, Error> {
    outbox::recover(conn, in_doubt_ms, now)?;
    clock_moves::mend(conn, in_doubt_ms, now)?;
    sessions::suspect_unhandled(conn)?;
    sessions::keep_flow(conn, flow.version(), flow.source(), now)?;
    sessions::spoken_flows(conn)
}
