//! A contact's row, read once, changed in memory and written back once: an
//! arrival and a step touch much of it, and each write of it is paid for.
//!
//! Nothing here decides anything about conversations; flags for staff are set
//! beside it, see [`crate::store::contacts`].

use crate::core::id::{ContactId, InboxId};
use crate::core::inbound::Identity;
use crate::core::pace;
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::store::Result;
use rusqlite::{Connection, OptionalExtension, params};

/// A contact's row on its way from the table and back.
#[derive(Clone, Debug)]
pub struct Card {
    contact: ContactId,
    kept: Fields,
    now: Fields,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fields {
    names: Names,
    last_stamp: i64,
    erased_at: Option<i64>,
    /// The running minute, and the steps in it.
    pace: (i64, i64),
    waits: Option<Waits>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    username: Option<Private<String>>,
    profile_name: Option<Private<String>>,
}

/// That messages of a contact wait to be stepped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// None of them has a row before this one.
    pub from: InboxId,
    /// When the first of them came.
    pub first: UnixMs,
    /// When they are to be stepped.
    pub due: UnixMs,
    /// The latest of them that holds a danger sign.
    pub urgent: Option<InboxId>,
}

impl Card {
    /// The card of a contact whose row was just made.
    pub(super) fn blank(contact: ContactId) -> Self {
        Self {
            contact,
            kept: Fields::default(),
            now: Fields::default(),
        }
    }

    /// Reads a contact's row.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub fn read(conn: &Connection, contact: ContactId) -> Result<Self> {
        let kept = conn
            .prepare_cached(
                "SELECT username, profile_name, last_stamp, erased_at, pace_minute, pace_count,
                        waits_from, first_at, due_at, waits_urgent FROM contact WHERE id = ?1",
            )?
            .query_row([contact.0], |row| {
                let text = |column| row.get::<_, Option<String>>(column);
                let waits = match row.get::<_, Option<i64>>(6)? {
                    Some(from) => Some(Waits {
                        from: InboxId(from),
                        first: UnixMs(row.get(7)?),
                        due: UnixMs(row.get(8)?),
                        urgent: row.get::<_, Option<i64>>(9)?.map(InboxId),
                    }),
                    None => None,
                };
                Ok(Fields {
                    names: Names {
                        username: text(0)?.map(Private::new),
                        profile_name: text(1)?.map(Private::new),
                    },
                    last_stamp: row.get(2)?,
                    erased_at: row.get(3)?,
                    pace: (row.get(4)?, row.get(5)?),
                    waits,
                })
            })
            .optional()?
            .unwrap_or_default();
        Ok(Self {
            contact,
            now: kept.clone(),
            kept,
        })
    }

    /// Whose card it is.
    pub const fn contact(&self) -> ContactId {
        self.contact
    }

    /// What waits to be stepped, if anything does.
    pub const fn waits(&self) -> Option<Waits> {
        self.now.waits
    }

    /// Takes over the names that came along; what did not come stays.
    pub(super) fn remember_names(&mut self, who: &Identity) {
        let names = &mut self.now.names;
        for (kept, came) in [
            (&mut names.username, &who.username),
            (&mut names.profile_name, &who.profile_name),
        ] {
            if came.is_some() && kept != came {
                kept.clone_from(came);
            }
        }
    }

    /// Moves the start of the 24-hour window forward; it never moves back.
    pub fn saw_message(&mut self, stamped: UnixMs) {
        self.now.last_stamp = self.now.last_stamp.max(stamped.0);
    }

    /// A contact who was erased writes again: from now on they are kept again.
    pub const fn welcome_back(&mut self) {
        self.now.erased_at = None;
    }

    /// Notes that the message in row `inbox` is to be stepped.
    pub fn wait(&mut self, inbox: InboxId, quiet_ms: i64, urgent: bool, now: UnixMs) {
        if let Some(waits) = self.now.waits.as_mut().filter(|_| urgent) {
            waits.urgent = waits.urgent.max(Some(inbox));
        }
        let waits = self.now.waits;
        // What is due stays due: more words must not put off the answer to a
        // danger sign, nor hold somebody back who never stops writing.
        if waits.is_some_and(|it| it.due <= now) {
            return;
        }
        // A clock that was set back must not push the step into the far future.
        let first = waits.map_or(now, |it| it.first.min(now));
        let (minute, count) = self.now.pace;
        let braked = pace::is_braked(minute, count, now);
        self.now.waits = Some(Waits {
            from: waits.map_or(inbox, |it| it.from.min(inbox)),
            first,
            due: pace::due_at(first, now, quiet_ms, urgent, braked),
            urgent: waits.map_or(urgent.then_some(inbox), |it| it.urgent),
        });
    }

    /// Counts a step and forgets what waited for it.
    pub(super) const fn count_step(&mut self, now: UnixMs) {
        let (minute, count) = self.now.pace;
        self.now.pace = pace::count_step(minute, count, now);
        self.now.waits = None;
    }

    /// Writes the row back if anything in it changed.
    ///
    /// # Errors
    /// Whatever the database reports.
    pub fn save(self, conn: &Connection) -> Result<()> {
        let Fields {
            names,
            last_stamp,
            erased_at,
            pace: (minute, count),
            waits,
        } = &self.now;
        if self.now == self.kept {
            return Ok(());
        }
        // Naming the columns of what waits makes SQLite write their index too.
        let sql = if *waits == self.kept.waits {
            "UPDATE contact SET username = ?2, profile_name = ?3, last_stamp = ?4, erased_at = ?5,
                    pace_minute = ?6, pace_count = ?7 WHERE id = ?1"
        } else {
            "UPDATE contact SET username = ?2, profile_name = ?3, last_stamp = ?4, erased_at = ?5,
                    pace_minute = ?6, pace_count = ?7, waits_from = ?8, first_at = ?9, due_at = ?10,
                    waits_urgent = ?11
             WHERE id = ?1"
        };
        let mut update = conn.prepare_cached(sql)?;
        let always = params![
            self.contact.0,
            names.username.as_ref().map(Private::expose),
            names.profile_name.as_ref().map(Private::expose),
            last_stamp,
            erased_at,
            minute,
            count,
        ];
        for (at, value) in always.iter().enumerate() {
            update.raw_bind_parameter(at + 1, value)?;
        }
        if *waits != self.kept.waits {
            update.raw_bind_parameter(8, waits.map(|it| it.from.0))?;
            update.raw_bind_parameter(9, waits.map(|it| it.first.0))?;
            update.raw_bind_parameter(10, waits.map(|it| it.due.0))?;
            update.raw_bind_parameter(11, waits.and_then(|it| it.urgent).map(|it| it.0))?;
        }
        update.raw_execute()?;
        Ok(())
    }
}
