//! What the test itself knows: a naive account of what was acknowledged, what
//! was queued and what the far side saw. It never asks the store what is true,
//! only what it did.

use crate::simulation::place;
use healthpost::core::time::UnixMs;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// An invariant that does not hold, and how that showed.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The invariant's name, without `invariant_`.
    pub invariant: &'static str,
    /// What was seen.
    pub how: String,
}

/// What a check says.
pub type Check = Result<(), Broken>;

/// Says that an invariant does not hold.
pub fn broken(invariant: &'static str, how: impl Into<String>) -> Check {
    Err(Broken {
        invariant,
        how: how.into(),
    })
}

/// A queued message as the test saw it.
#[derive(Clone, Debug)]
pub struct Row {
    /// To whom.
    pub contact: i64,
    /// Why it is said.
    pub purpose: String,
    /// Where it stands.
    pub state: String,
    /// How often the far side accepted it.
    pub accepts: u32,
    /// How often its result was lost after the far side had accepted it.
    pub lost: u32,
    /// Whether its result was ever in doubt.
    pub doubted: bool,
    /// How often it was sent again after that.
    pub repeats: u32,
}

/// Everything the test knows.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Every queued message, by number: the number is the order.
    pub rows: BTreeMap<i64, Row>,
    /// Their numbers by key.
    pub by_key: BTreeMap<String, i64>,
    /// Messages in webhooks that were answered 200.
    pub acknowledged: BTreeSet<String>,
    /// Hashed ids of messages with words of danger.
    pub danger: BTreeSet<[u8; 16]>,
    /// Contacts for whom an emergency text was queued.
    pub warned: BTreeSet<i64>,
    /// Whether a contact's last word on consent, since they were erased, was
    /// yes.
    pub consents: BTreeMap<i64, bool>,
    /// Contacts that were erased at least once.
    pub erased: BTreeSet<i64>,
    audit_seen: i64,
}

/// What the connection writes down of what is done on it. Nothing in here is
/// part of the program; it is rolled back with what it tells of.
pub const INSTRUMENTS: &str = "
    CREATE TEMP TABLE moved (id INTEGER, was TEXT, became TEXT);
    CREATE TEMP TABLE stepped (contact INTEGER, message BLOB);
    CREATE TEMP TABLE dropped (what TEXT);
    CREATE TEMP TRIGGER sees_moves AFTER UPDATE OF state ON main.outbox
      WHEN OLD.state != NEW.state BEGIN
        INSERT INTO moved VALUES (NEW.id, OLD.state, NEW.state); END;
    CREATE TEMP TRIGGER sees_steps AFTER UPDATE OF state ON main.inbox
      WHEN NEW.state = 'handled' BEGIN
        INSERT INTO stepped VALUES (NEW.contact_id, NEW.message_key); END;
    CREATE TEMP TRIGGER sees_bodies AFTER DELETE ON main.webhook BEGIN
        INSERT INTO dropped VALUES ('a raw body'); END;
    CREATE TEMP TRIGGER sees_parked AFTER DELETE ON main.parked_status
      WHEN NOT EXISTS (SELECT 1 FROM outbox WHERE wamid_key = OLD.wamid_key) BEGIN
        INSERT INTO dropped VALUES ('a parked status'); END;
";

impl Model {
    /// Looks at what the last commit did.
    pub fn observe(&mut self, conn: &Connection, trusted: bool) -> Check {
        self.see_queued(conn);
        self.see_moves(conn)?;
        let erased = self.see_audit(conn, trusted)?;
        self.see_steps(conn, &erased)?;
        let dropped = column(conn, "SELECT what FROM temp.dropped");
        if let (Some(what), false) = (dropped.first(), trusted) {
            return broken("untrusted_time_deletes_nothing", what);
        }
        for forget in [
            "DELETE FROM temp.moved",
            "DELETE FROM temp.stepped",
            "DELETE FROM temp.dropped",
        ] {
            conn.prepare_cached(forget).unwrap().execute([]).unwrap();
        }
        Ok(())
    }

    fn see_queued(&mut self, conn: &Connection) {
        let last = self.rows.keys().next_back().copied().unwrap_or(0);
        let mut query = conn
            .prepare_cached("SELECT id, key, contact_id, purpose FROM outbox WHERE id > ?1")
            .unwrap();
        let mut rows = query.query([last]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (id, contact) = (row.get(0).unwrap(), row.get(2).unwrap());
            let purpose: String = row.get(3).unwrap();
            if purpose == "emergency" {
                self.warned.insert(contact);
            }
            let key: String = row.get(1).unwrap();
            // A copy of one that came back is as doubtful as that one was.
            let of = key.split_once('.').and_then(|(_, id)| id.parse().ok());
            let doubted = of.is_some_and(|of: i64| self.rows[&of].doubted);
            self.by_key.insert(key, id);
            let new = Row {
                contact,
                purpose,
                state: "queued".into(),
                accepts: 0,
                lost: 0,
                doubted,
                repeats: 0,
            };
            self.rows.insert(id, new);
        }
    }

    fn see_moves(&mut self, conn: &Connection) -> Check {
        let mut query = conn
            .prepare_cached("SELECT id, was, became FROM temp.moved ORDER BY rowid")
            .unwrap();
        let mut moves = query.query([]).unwrap();
        while let Some(row) = moves.next().unwrap() {
            let (id, was, became): (i64, String, String) = (
                row.get(0).unwrap(),
                row.get(1).unwrap(),
                row.get(2).unwrap(),
            );
            let known = self.rows.get_mut(&id).unwrap();
            if known.state != was || !may_follow(&was, &became) {
                return broken(
                    "states_move_forward",
                    format!("message {id}: {} by us, {was} to {became}", known.state),
                );
            }
            known.doubted |= became == "in_doubt";
            known.repeats += u32::from(was == "in_doubt" && became == "sending");
            known.state = became;
        }
        Ok(())
    }

    /// Who was erased in this commit.
    fn see_audit(&mut self, conn: &Connection, trusted: bool) -> Result<BTreeSet<i64>, Broken> {
        let mut erased = BTreeSet::new();
        let mut query = conn
            .prepare_cached("SELECT seq, action, subject FROM audit WHERE seq > ?1 ORDER BY seq")
            .unwrap();
        let mut rows = query.query([self.audit_seen]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            self.audit_seen = row.get(0).unwrap();
            let (action, subject): (String, String) = (row.get(1).unwrap(), row.get(2).unwrap());
            let contact = subject.strip_prefix("contact:").map(str::parse);
            let Some(Ok(contact)) = contact else { continue };
            match action.as_str() {
                "consent.give" => {
                    self.consents.insert(contact, true);
                }
                "contact.erase" => {
                    self.consents.insert(contact, false);
                    self.erased.insert(contact);
                    erased.insert(contact);
                }
                "contact.erase_words" if !trusted => {
                    broken(
                        "untrusted_time_deletes_nothing",
                        format!("words of contact {contact}"),
                    )?;
                }
                _ => {}
            }
        }
        Ok(erased)
    }

    /// Words of danger must have queued the emergency text in the very commit
    /// that marks them as handled.
    fn see_steps(&self, conn: &Connection, erased: &BTreeSet<i64>) -> Check {
        let mut query = conn
            .prepare_cached("SELECT contact, message FROM temp.stepped")
            .unwrap();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let contact: i64 = row.get(0).unwrap();
            let message: Option<[u8; 16]> = row.get(1).unwrap();
            let danger = message.is_some_and(|key| self.danger.contains(&key));
            if danger && !self.warned.contains(&contact) && !erased.contains(&contact) {
                return broken("emergency_at_once", format!("contact {contact}"));
            }
        }
        Ok(())
    }

    /// The far side accepted a message.
    pub fn far_side_accepts(&mut self, conn: &Connection, key: &str) -> Check {
        let Some(id) = self.by_key.get(key).copied() else {
            return broken("doubles_are_marked", "a message that was never queued left");
        };
        let row = self.rows[&id].clone();
        if row.accepts == 0 {
            invariant_order(self, id, &row)?;
        } else {
            invariant_doubles_are_marked(conn, id)?;
            if row.lost < row.accepts {
                return broken(
                    "only_lost_results_double",
                    format!("message {id} left again although no result of it was lost"),
                );
            }
        }
        self.rows.get_mut(&id).unwrap().accepts += 1;
        Ok(())
    }

    /// The result of an accepted send will never be known.
    pub fn result_lost(&mut self, key: &str) {
        if let Some(id) = self.by_key.get(key) {
            self.rows.get_mut(id).unwrap().lost += 1;
        }
    }

    /// Whether the far side has it.
    pub fn has_arrived(&self, key: &str) -> bool {
        let id = self.by_key.get(key);
        id.is_some_and(|id| self.rows[id].accepts > 0)
    }
}

/// Everything queued before it for the same person has left or never will,
/// unless it is an emergency or the request to write again, or words of staff
/// behind a result in doubt. Only its first doubt keeps others waiting.
fn invariant_order(model: &Model, id: i64, row: &Row) -> Check {
    if matches!(row.purpose.as_str(), "emergency" | "template") {
        return Ok(());
    }
    for (earlier, other) in model.rows.range(..id) {
        let waits = match other.state.as_str() {
            "queued" | "held" | "sending" => true,
            "in_doubt" => row.purpose != "staff" && other.repeats == 0,
            _ => false,
        };
        let waits = waits && other.purpose != "template";
        if other.contact == row.contact && other.accepts == 0 && waits {
            let how = format!("message {id} ({}) before {earlier}", row.purpose);
            return broken("order", format!("{how} ({})", other.state));
        }
    }
    Ok(())
}

/// A message the far side sees again says so.
fn invariant_doubles_are_marked(conn: &Connection, id: i64) -> Check {
    let marked: bool = conn
        .prepare_cached("SELECT maybe_double FROM outbox WHERE id = ?1")
        .unwrap()
        .query_row([id], |row| row.get(0))
        .unwrap();
    if marked {
        return Ok(());
    }
    broken("doubles_are_marked", format!("message {id}"))
}

/// No other message may leave while an emergency text of the same contact
/// could.
pub fn invariant_emergency_goes_next(conn: &Connection, id: i64, now: UnixMs) -> Check {
    let passed: Option<i64> = conn
        .prepare_cached(
            "SELECT max(e.id) FROM outbox o JOIN outbox e ON e.contact_id = o.contact_id
             WHERE o.id = ?1 AND o.purpose != 'emergency' AND e.purpose = 'emergency'
               AND e.state = 'queued' AND e.not_before <= ?2",
        )
        .unwrap()
        .query_row((id, now.0), |row| row.get(0))
        .unwrap();
    match passed {
        None => Ok(()),
        Some(passed) => broken("emergency_goes_next", format!("{id} before {passed}")),
    }
}

fn may_follow(was: &str, became: &str) -> bool {
    let reached = |state: &str| match state {
        "accepted" => 1,
        "sent" => 2,
        "delivered" => 3,
        "read" => 4,
        _ => 0,
    };
    match (was, became) {
        ("queued", "sending" | "held") | ("held", "queued") => true,
        ("queued" | "held", "superseded" | "cancelled" | "expired" | "failed") => true,
        ("sending", "queued" | "in_doubt" | "failed" | "superseded" | "cancelled") => true,
        ("in_doubt", "sending" | "cancelled" | "failed" | "superseded") => true,
        // One that was given back goes on as a copy.
        ("accepted" | "sent", "failed" | "superseded" | "cancelled") => true,
        ("failed" | "superseded" | "cancelled" | "expired", _) => reached(became) >= 3,
        _ => reached(became) > reached(was),
    }
}

/// One column of text.
pub fn column(conn: &Connection, sql: &str) -> Vec<String> {
    let mut query = conn.prepare_cached(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The hash under which the box knows a message.
pub fn hashed(wamid: &str) -> [u8; 16] {
    place::box_key().keyed_hash(wamid)
}
