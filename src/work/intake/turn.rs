//! One turn of the intake worker, all inside one transaction.

use super::Flows;
use super::apply::{self, Before};
use crate::core::engine::{Clinic, Event, Fresh, Session, Step, step};
use crate::core::flow::Flow;
use crate::core::id::{ContactId, InboxId, RecordId};
use crate::core::limits::{CONTACTS_PER_TURN_MAX, EVENTS_PER_STEP_MAX, INTERRUPTIONS_MAX};
use crate::core::time::{Now, UnixMs};
use crate::ports::Chance;
use crate::store::nested::nested;
use crate::store::sessions::{self, Unhandled, Waiting};
use crate::store::{BoxKey, Error, Try, counters, dead_letter, erasure, outbox, pending, records};
use rusqlite::Connection;

/// What stepping needs to know, beside the database.
pub struct Context {
    /// The flows that may be spoken.
    pub flows: Flows,
    /// The clinic.
    pub clinic: Clinic,
    /// For provider ids.
    pub box_key: BoxKey,
    /// The contact's quiet time, ms.
    pub quiet_ms: i64,
}

/// What a turn did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Contacts stepped.
    pub stepped: usize,
    /// Messages queued.
    pub said: usize,
    /// Whether more contacts are due now.
    pub more: bool,
    /// When the next one is.
    pub next_due: Option<UnixMs>,
    /// A contact whose messages were waiting when the program last ended: one
    /// of them may be what ended it. See [`begin_careful`].
    pub suspect: Option<ContactId>,
}

/// Steps the contacts that are due. With [`Try::Bold`] the first fault of any of
/// them is returned, for the caller to take everything back and come again.
///
/// # Errors
/// Whatever the database reports; what was done is taken back then.
pub fn turn(
    conn: &Connection,
    context: &Context,
    now: Now,
    chance: &dyn Chance,
    how: Try,
) -> Result<Turn, Error> {
    let stepping = Stepping {
        conn,
        context,
        now,
        chance,
    };
    let due = pending::due(conn, now.at, CONTACTS_PER_TURN_MAX)?;
    let mut turn = Turn {
        more: due.len() == CONTACTS_PER_TURN_MAX,
        ..Turn::default()
    };
    for contact in due {
        let waiting = sessions::unhandled(conn, contact, &context.box_key, EVENTS_PER_STEP_MAX)?;
        if waiting.messages.iter().any(|w| w.interruptions > 0) {
            turn.suspect = Some(contact);
            turn.more = true;
            break;
        }
        turn.said += match how {
            Try::Bold => stepping.boldly(contact, &waiting)?,
            Try::Careful => stepping.or_set_aside(contact, &waiting)?,
        };
        turn.stepped += 1;
    }
    turn.next_due = pending::next_due(conn)?;
    Ok(turn)
}

/// Chooses which of a suspect contact's messages are stepped next, and counts
/// the try, for a commit of its own before the step: if the step does not come
/// back either, the next start knows. At first all are stepped together, as
/// they would have been; after that one by one; a message whose lone step did
/// not come back twice is put aside. The tries of those in `owed` came back, and
/// are taken back first.
///
/// # Errors
/// Whatever the database reports.
pub fn begin_careful(
    conn: &Connection,
    context: &Context,
    contact: ContactId,
    owed: &[InboxId],
    now: Now,
) -> Result<Vec<InboxId>, Error> {
    sessions::take_back_careful(conn, owed)?;
    let waiting = sessions::unhandled(conn, contact, &context.box_key, EVENTS_PER_STEP_MAX)?;
    let waiting = waiting.messages.iter();
    let chosen: Vec<&Unhandled> = match waiting.clone().find(|w| w.interruptions > 1) {
        Some(worst) => vec![worst],
        None => waiting.collect(),
    };
    let mut begun = Vec::new();
    for one in chosen {
        if one.interruptions > INTERRUPTIONS_MAX {
            set_aside(conn, contact, one.inbox, "interrupted", now.at)?;
        } else {
            sessions::begin_careful(conn, one.inbox)?;
            begun.push(one.inbox);
        }
    }
    if begun.is_empty() {
        pending::settle(conn, contact, true, context.quiet_ms, now.at)?;
    }
    Ok(begun)
}

/// Steps the messages that [`begin_careful`] chose.
///
/// # Errors
/// Whatever the database reports.
pub fn careful(
    conn: &Connection,
    context: &Context,
    contact: ContactId,
    begun: &[InboxId],
    now: Now,
    chance: &dyn Chance,
) -> Result<usize, Error> {
    let mut waiting = sessions::unhandled(conn, contact, &context.box_key, EVENTS_PER_STEP_MAX)?;
    waiting.messages.retain(|w| begun.contains(&w.inbox));
    if !waiting.messages.is_empty() {
        erasure::welcome_back(conn, contact)?;
    }
    let stepping = Stepping {
        conn,
        context,
        now,
        chance,
    };
    stepping.or_set_aside(contact, &waiting)
}

/// What the steps of one turn have in common.
struct Stepping<'a> {
    conn: &'a Connection,
    context: &'a Context,
    now: Now,
    chance: &'a dyn Chance,
}

impl Stepping<'_> {
    /// Steps a contact's messages together, with nothing to fall back on.
    fn boldly(&self, contact: ContactId, waiting: &Waiting) -> Result<usize, Error> {
        let said = self.step(contact, waiting)?;
        let left = waiting.messages.len() >= EVENTS_PER_STEP_MAX;
        self.settle(contact, left)?;
        Ok(said)
    }

    /// Steps a contact's messages together. If that panics, first the timers that
    /// are due are stepped without them, so that no message has to answer for what
    /// a timer breaks; then the messages one by one, and those that panic alone
    /// become dead letters.
    fn or_set_aside(&self, contact: ContactId, waiting: &Waiting) -> Result<usize, Error> {
        let together = nested(self.conn, || self.step(contact, waiting));
        let said = match together {
            Err(error) if !error.is_transient() => self.apart(contact, &waiting.messages)?,
            other => other?,
        };
        self.settle(contact, true)?;
        Ok(said)
    }

    /// Steps the timers and then each message, after all of them together failed.
    fn apart(&self, contact: ContactId, messages: &[Unhandled]) -> Result<usize, Error> {
        let now = self.now.at;
        let mut said = 0;
        let timers = sessions::has_due_timers(self.conn, contact, now)?;
        if timers {
            said += match self.alone(contact, &[])? {
                Some(said) => said,
                None => {
                    drop_timers(self.conn, contact, now)?;
                    0
                }
            };
        }
        for one in messages {
            // One that was alone from the beginning has had its try.
            let tried = messages.len() == 1 && !timers;
            let alone = if tried {
                None
            } else {
                self.alone(contact, std::slice::from_ref(one))?
            };
            match alone {
                Some(more) => said += more,
                None => {
                    // Its words stay for staff, whatever was erased before it.
                    erasure::welcome_back(self.conn, contact)?;
                    set_aside(self.conn, contact, one.inbox, "panicked", now)?;
                }
            }
        }
        Ok(said)
    }

    /// Steps some of a contact's messages; nothing if that fails for good.
    fn alone(&self, contact: ContactId, messages: &[Unhandled]) -> Result<Option<usize>, Error> {
        let waiting = Waiting {
            // What was said meanwhile is the newest question.
            prompt: outbox::last_prompt(self.conn, contact)?,
            messages: messages.to_vec(),
        };
        let stepped = nested(self.conn, || {
            if !messages.is_empty() {
                // One of those before it may have had everything erased.
                erasure::welcome_back(self.conn, contact)?;
            }
            self.step(contact, &waiting)
        });
        match stepped {
            Err(error) if !error.is_transient() => Ok(None),
            other => other.map(Some),
        }
    }

    /// One step of the engine, and everything that follows from it.
    fn step(&self, contact: ContactId, waiting: &Waiting) -> Result<usize, Error> {
        let (conn, now) = (self.conn, self.now);
        let session = load_or_begin_anew(conn, contact, now.at)?;
        let (flow, changed) = self.context.flows.speak(&session);
        let mut events = Vec::with_capacity(waiting.messages.len() + 2);
        if changed {
            events.push(Event::FlowChanged);
        }
        if let Some(prompt) = &waiting.prompt {
            events.push(Event::QuestionSent {
                at: prompt.accepted,
                stamp: prompt.stamp,
            });
        }
        let timers = sessions::take_due_timers(conn, contact, now.at)?;
        events.extend(timers.into_iter().map(Event::Timer));
        let mut heard = Vec::with_capacity(waiting.messages.len());
        for one in &waiting.messages {
            match &one.received {
                Some(received) => {
                    events.push(Event::Message(received.clone()));
                    heard.push(one.inbox);
                }
                None => set_aside(conn, contact, one.inbox, "does not read back", now.at)?,
            }
        }
        let before = Before {
            stopped: session.stopped,
            beyond: session.beyond_consent,
            heard,
        };
        let step = self.draw_and_step(contact, session, flow, &events)?;
        apply::apply(conn, contact, &before, step, now, self.chance)
    }

    /// One step of the engine, with a record number that is not taken; few steps
    /// need one, so it is looked up only when it was used.
    fn draw_and_step(
        &self,
        contact: ContactId,
        mut session: Session,
        flow: &Flow,
        events: &[Event],
    ) -> Result<Step, Error> {
        loop {
            let fresh = Fresh {
                record_id: draw_record_id(self.chance),
            };
            let step = step(
                flow,
                &self.context.clinic,
                session,
                events,
                self.now,
                &fresh,
            );
            if !step.fresh_used || !records::exists(self.conn, &fresh.record_id)? {
                return Ok(step);
            }
            session = load_or_begin_anew(self.conn, contact, self.now.at)?;
        }
    }

    /// `left` says whether messages of the contact may be left over.
    fn settle(&self, contact: ContactId, left: bool) -> Result<(), Error> {
        let (quiet_ms, now) = (self.context.quiet_ms, self.now.at);
        pending::settle(self.conn, contact, left, quiet_ms, now)
    }
}

/// A timer's step broke off: without the timer it cannot do so again.
fn drop_timers(conn: &Connection, contact: ContactId, now: UnixMs) -> Result<(), Error> {
    tracing::error!(contact.id = %contact, "a conversation's timers were dropped");
    sessions::take_due_timers(conn, contact, now)?;
    dead_letter::tell_staff(conn, Some(contact), "timer", now)
}

fn set_aside(
    conn: &Connection,
    contact: ContactId,
    inbox: InboxId,
    why: &str,
    now: UnixMs,
) -> Result<(), Error> {
    tracing::error!(inbox.id = %inbox, contact.id = %contact, why, "a message was put aside");
    sessions::mark_dead(conn, inbox, why)?;
    counters::add(conn, "engine.dead_letters", 1)?;
    dead_letter::tell_staff(conn, Some(contact), &inbox.to_string(), now)
}

/// The contact's conversation. One that does not read back must not silence
/// its contact for good: they begin anew, and staff are told. Whether they
/// consented to what they said so far nobody knows: it stays for staff to read.
fn load_or_begin_anew(
    conn: &Connection,
    contact: ContactId,
    now: UnixMs,
) -> Result<Session, Error> {
    match sessions::load(conn, contact) {
        Err(Error::Unreadable(_)) => {
            tracing::error!(contact.id = %contact, "a conversation does not read back");
            dead_letter::tell_staff(conn, Some(contact), "conversation", now)?;
            Ok(Session {
                beyond_consent: Some(sessions::first_to_come(conn, contact)?),
                ..Session::default()
            })
        }
        loaded => loaded,
    }
}

fn draw_record_id(chance: &dyn Chance) -> RecordId {
    let mut random = [0; 8];
    chance.fill(&mut random);
    RecordId::from_random(u64::from_le_bytes(random))
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
