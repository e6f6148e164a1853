//! What the box itself cannot handle: whom it concerns is flagged, and staff
//! have a task for it.

use crate::core::id::ContactId;
use crate::core::tasks::Kind;
use crate::core::time::UnixMs;
use crate::store::Result;
use crate::store::flags::{self, ContactFlag};
use crate::store::tasks::{self, NewTask};
use rusqlite::Connection;

/// Flags the contact, where one is known, and opens the task; `detail` says
/// which part of the box broke, or on which message. The same open task is not
/// opened twice.
///
/// # Errors
/// Whatever the database reports.
pub fn tell_staff(
    conn: &Connection,
    contact: Option<ContactId>,
    detail: &str,
    now: UnixMs,
) -> Result<()> {
    if let Some(contact) = contact {
        flags::flag(conn, contact, ContactFlag::DeadLetter)?;
    }
    let task = NewTask {
        contact,
        ..NewTask::of(Kind::DeadLetter).about(detail)
    };
    tasks::open(conn, &task, now)
}
