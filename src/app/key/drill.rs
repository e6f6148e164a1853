//! The drill: proves that what is written on paper opens what is on the disk,
//! before the day it is needed.
//!
//! It makes a fresh copy of the database with the key that the recovery key
//! opens, reads all of the copy, and throws it away.

use super::{Custody, Way};
use crate::core::data_key::DataKey;
use crate::core::time::UnixMs;
use crate::keys::RecoveryKey;
use crate::store::audit::{self, Deed};
use crate::store::{meta, open, records, rewrite};
use anyhow::{Context, Result};
use rusqlite::Connection;

/// How a drill went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drill {
    /// Records that the copy holds.
    pub records: i64,
}

impl Custody {
    /// Drills with the recovery key, and notes that it was done.
    ///
    /// # Errors
    /// In words: what would have gone wrong on the day.
    pub fn drill(&self, recovery: RecoveryKey, now: UnixMs) -> Result<Drill> {
        let (opened, _) = self.open_by(&Way::Recovery(recovery))?;
        self.pause()?;
        let copied = rewrite::write_new(&self.folder, &opened.key, &opened.key);
        // The copy takes room that the box needs, whole or not.
        rewrite::discard_new(&self.folder)?;
        copied.context("the copy does not hold together")?;
        let mut conn = open::open(&self.folder, &opened.key)?;
        let records = records::count(&conn)?;
        let deed = Deed {
            at: now,
            actor: "command line",
            action: "key.drill",
            subject: "box",
            detail: "the recovery key opens",
        };
        note(&mut conn, &deed)?;
        conn.close().map_err(|(_, error)| error)?;
        Ok(Drill { records })
    }

    /// From now on the recovery key counts as not drilled.
    pub(super) fn forget_the_drill(&self, key: &DataKey) -> Result<()> {
        let conn = open::open(&self.folder, key)?;
        meta::remove(&conn, meta::DRILLED_AT)?;
        conn.close().map_err(|(_, error)| error)?;
        Ok(())
    }
}

/// Notes that the recovery key opened, and when, in one transaction.
pub(super) fn note(conn: &mut Connection, deed: &Deed<'_>) -> Result<()> {
    let transaction = conn.transaction()?;
    meta::set(
        &transaction,
        meta::DRILLED_AT,
        deed.at.0.to_string().as_bytes(),
    )?;
    audit::append(&transaction, deed)?;
    Ok(transaction.commit()?)
}
