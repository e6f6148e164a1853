//! What happens when the clinic posts to the Graph endpoint. An accepted
//! message must be in the log before its reply exists: the log is the judge of
//! doubles and losses.

use super::agenda::{Outbound, Step};
use super::fault::Fault;
use super::graph_error::GraphError;
use super::person::{Number, PersonId};
use super::request::{self, Message, Request, Shown, To};
use super::settings::WindowRefusal;
use super::stranger::Stranger;
use super::thread::{Bubble, Direction, Entry, Ticks};
use super::wamid::{self, Way};
use super::world::{Manner, Reply, Sent, World};
use crate::core::time::UnixMs;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

impl World {
    /// `POST /{version}/{object}/messages`, after the token was checked.
    pub fn send_to(&mut self, object: &str, body: &[u8], now: UnixMs) -> Reply {
        if object == self.settings.phone_number_id {
            self.send(body, now)
        } else {
            self.refuse(&GraphError::no_such_object(object))
        }
    }

    /// A body posted to the clinic's own `/messages`.
    pub fn send(&mut self, body: &[u8], now: UnixMs) -> Reply {
        self.advance(now);
        match request::read(body) {
            Err(error) => self.refuse(&error),
            Ok(Request::Read { id, typing }) => self.mark_read(&id, typing, now),
            Ok(Request::Message(message)) => {
                let fault = self.faults.take(addressed(&message.to), &mut self.dice);
                match fault.as_ref().and_then(|fault| self.barred(fault)) {
                    Some(reply) => reply,
                    None => self.try_accept(&message, body, fault.as_ref(), now),
                }
            }
        }
    }

    /// The reply of a fault that keeps the message from being accepted.
    fn barred(&mut self, fault: &Fault) -> Option<Reply> {
        match fault {
            Fault::Refuse {
                code,
                subcode,
                http,
                retry_after,
            } => {
                let mut error = GraphError::new(*code, "A fault on demand");
                error.http = http.unwrap_or(error.http);
                error.subcode = subcode.or(error.subcode);
                let mut reply = self.refuse(&error);
                let wait = retry_after.map(|seconds| ("retry-after", seconds.to_string()));
                reply.headers.extend(wait);
                Some(reply)
            }
            Fault::Hang => Some(Reply::page(200, "").in_manner(Manner::Hang)),
            Fault::Reset => Some(Reply::page(200, "").in_manner(Manner::Reset)),
            Fault::Portal => Some(Stranger::portal().reply()),
            Fault::Redirect => Some(Stranger::redirect().reply()),
            Fault::Stranger(stranger) => Some(stranger.reply()),
            Fault::FailLater { .. }
            | Fault::ErrorAfterAccepting { .. }
            | Fault::HangAfterAccepting
            | Fault::ResetAfterAccepting
            | Fault::Slow { .. }
            | Fault::Garbage
            | Fault::CutAfterAccepting { .. }
            | Fault::StatusFirst
            | Fault::Silent
            | Fault::DoubleStatuses => None,
        }
    }

    fn try_accept(
        &mut self,
        message: &Message,
        body: &[u8],
        fault: Option<&Fault>,
        now: UnixMs,
    ) -> Reply {
        let person = self.recipient(&message.to);
        if let Err(error) = self.allowed(message, person, now) {
            return self.refuse(&error);
        }
        self.count_send(message, person, now);
        let late = self.window_failure(message, person, now);
        let outbound = self.record(message, body, person, fault, now);
        self.show(message, &outbound, now);
        self.plan_steps(&outbound, fault, late, now);
        self.changed();
        let answer = self.accepted(message, &outbound, person);
        self.spoilt(answer, fault)
    }

    fn recipient(&self, to: &To) -> Option<PersonId> {
        match to {
            To::Number { digits, .. } => self.people.find(&Number::parse(digits)?),
            To::UserId(id) => self.people.find_named(id),
        }
    }

    /// What is refused at once: speed, ourselves, templates, the closed window.
    fn allowed(
        &mut self,
        message: &Message,
        person: Option<PersonId>,
        now: UnixMs,
    ) -> Result<(), GraphError> {
        let limits = &self.settings.limits;
        if let To::Number { digits, .. } = &message.to
            && *digits == self.settings.display_phone_number
        {
            return Err(GraphError::new(
                131_021,
                "Sender and recipient are the same",
            ));
        }
        self.filled(&message.shown)?;
        if !self.throughput.has_room(now, limits.per_second) {
            return Err(GraphError::new(
                130_429,
                "Cloud API message throughput has been reached",
            ));
        }
        let pair = person.and_then(|id| self.people.get(id)).map(|p| p.pair);
        if pair.is_some_and(|pair| !pair.has_room(now, limits.pair_gap_ms, limits.pair_burst)) {
            return Err(GraphError::new(
                131_056,
                "Too many messages sent from this phone number to the same phone number",
            ));
        }
        if self.settings.window_refusal == WindowRefusal::Answer
            && self.is_late(message, person, now)
        {
            return Err(window_closed());
        }
        let people = limits.first_contacts;
        if self.is_first(message, person, now)
            && !self.first.has_room(addressed(&message.to), now, people)
        {
            return Err(GraphError::new(
                131_048,
                "Too many people were written to first",
            ));
        }
        Ok(())
    }

    /// The failure of a message that should have been a template.
    fn window_failure(
        &self,
        message: &Message,
        person: Option<PersonId>,
        now: UnixMs,
    ) -> Option<GraphError> {
        if person.is_none() {
            return Some(GraphError::new(131_026, "Message Undeliverable."));
        }
        self.is_late(message, person, now).then(window_closed)
    }

    fn is_late(&self, message: &Message, person: Option<PersonId>, now: UnixMs) -> bool {
        self.is_window_closed(person, now) && !matches!(message.shown, Shown::Template { .. })
    }

    /// Whether the message is one of those that the limit of first contacts
    /// counts.
    fn is_first(&self, message: &Message, person: Option<PersonId>, now: UnixMs) -> bool {
        self.is_window_closed(person, now) && matches!(message.shown, Shown::Template { .. })
    }

    fn is_window_closed(&self, person: Option<PersonId>, now: UnixMs) -> bool {
        let Some(person) = person.and_then(|id| self.people.get(id)) else {
            return false;
        };
        let open = |at: UnixMs| now.ms_since(at) < self.settings.limits.window_ms;
        !person.wrote_at.is_some_and(open)
    }

    fn count_send(&mut self, message: &Message, person: Option<PersonId>, now: UnixMs) {
        if self.is_first(message, person, now) {
            self.first.count(addressed(&message.to), now);
        }
        let limits = &self.settings.limits;
        self.throughput.count(now, limits.per_second);
        if let Some(person) = person.and_then(|id| self.people.get_mut(id)) {
            person.pair.count(now, limits.pair_gap_ms);
        }
    }

    /// Gives the message its id and writes it into the log.
    fn record(
        &mut self,
        message: &Message,
        body: &[u8],
        person: Option<PersonId>,
        fault: Option<&Fault>,
        now: UnixMs,
    ) -> Arc<Outbound> {
        let addressed = addressed(&message.to).to_owned();
        let wamid = wamid::make(&addressed, Way::Out, &mut self.dice);
        self.sends += 1;
        self.log.push_back(Sent {
            seq: self.sends,
            callback: message.callback.clone(),
            to: addressed.clone(),
            wamid: wamid.clone(),
            accepted_at_ms: now.0,
            payload_sha256: payload_hash(body),
        });
        while self.log.len() > self.settings.limits.log.max(1) {
            self.log.pop_front();
        }
        Arc::new(Outbound {
            wamid,
            person,
            addressed,
            callback: message.callback.clone(),
            category: match message.shown {
                Shown::Template { .. } => "utility",
                Shown::Text(_)
                | Shown::Buttons { .. }
                | Shown::List { .. }
                | Shown::ContactRequest { .. }
                | Shown::Reaction { .. } => "service",
            }
            .into(),
            doubled: matches!(fault, Some(Fault::DoubleStatuses)),
        })
    }

    /// Puts the message on the way to the phone's chat; it is seen there once
    /// it is delivered.
    fn show(&mut self, message: &Message, outbound: &Arc<Outbound>, now: UnixMs) {
        let filled = self.filled(&message.shown);
        let (shown, template_text) = filled.unwrap_or_else(|_| (message.shown.clone(), None));
        let max = self.settings.limits.thread;
        let Some(person) = outbound.person.and_then(|id| self.people.get_mut(id)) else {
            return;
        };
        person.typing_until = UnixMs(0);
        if let Shown::Reaction { target, emoji } = &message.shown {
            if let Some(entry) = person.thread.find_mut(target) {
                entry.reaction = Some(emoji.clone()).filter(|emoji| !emoji.is_empty());
            }
            return;
        }
        let entry = Entry {
            id: outbound.wamid.clone(),
            direction: Direction::ToPhone,
            at: now,
            ticks: Ticks::Sent,
            quoted: message.quoted.clone(),
            bubble: Bubble::Clinic(shown),
            reaction: None,
            edited: false,
            template_text,
            outbound: Some(Arc::clone(outbound)),
        };
        person.thread.push(entry, max);
    }

    fn plan_steps(
        &mut self,
        outbound: &Arc<Outbound>,
        fault: Option<&Fault>,
        late: Option<GraphError>,
        now: UnixMs,
    ) {
        let at_once = matches!(fault, Some(Fault::StatusFirst));
        let pause_ms = if at_once {
            0
        } else {
            self.settings.delays.sent_ms
        };
        let sent_at = now.plus_ms(pause_ms);
        let failure = if let Some(Fault::FailLater { code }) = fault {
            Some(GraphError::new(*code, "A fault on demand"))
        } else {
            late
        };
        match (fault, failure) {
            (Some(Fault::Silent | Fault::CutAfterAccepting { silent: true }), _) => {}
            (_, Some(error)) => {
                let step = (Arc::clone(outbound), Step::Failed(error));
                self.steps.plan(sent_at, step);
            }
            (_, None) => self.steps.plan(sent_at, (Arc::clone(outbound), Step::Sent)),
        }
    }

    fn accepted(&self, message: &Message, outbound: &Outbound, person: Option<PersonId>) -> Reply {
        let contact = match &message.to {
            To::Number { input, digits } => {
                let known = person.and_then(|id| self.people.get(id));
                let wa_id = known.map_or(digits.as_str(), |person| person.number.digits());
                json!({ "input": input, "wa_id": wa_id })
            }
            To::UserId(id) => json!({ "input": id, "user_id": id }),
        };
        let mut sent = json!({ "id": outbound.wamid });
        if let (Shown::Template { .. }, Some(fields)) = (&message.shown, sent.as_object_mut()) {
            fields.insert("message_status".into(), json!("accepted"));
        }
        let body =
            json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [sent] });
        Reply::json(200, &body)
    }

    /// The reply as a fault leaves it, the message being accepted already.
    fn spoilt(&mut self, answer: Reply, fault: Option<&Fault>) -> Reply {
        match fault {
            Some(Fault::ErrorAfterAccepting { code }) => {
                let error = GraphError::new(*code, "A fault on demand");
                self.refuse(&error)
            }
            Some(Fault::HangAfterAccepting) => answer.in_manner(Manner::Hang),
            Some(Fault::ResetAfterAccepting) => answer.in_manner(Manner::Reset),
            Some(Fault::Slow { ms }) => answer.in_manner(Manner::Late(*ms)),
            Some(Fault::StatusFirst) => answer.in_manner(Manner::Late(1_000)),
            Some(Fault::CutAfterAccepting { .. }) => answer.in_manner(Manner::Cut),
            Some(Fault::Garbage) => Reply {
                body: "{\"messages\":[{\"id\":".to_owned(),
                ..answer
            },
            Some(
                Fault::Refuse { .. }
                | Fault::FailLater { .. }
                | Fault::Hang
                | Fault::Reset
                | Fault::Portal
                | Fault::Redirect
                | Fault::Stranger(_)
                | Fault::Silent
                | Fault::DoubleStatuses,
            )
            | None => answer,
        }
    }

    fn mark_read(&mut self, id: &str, typing: bool, now: UnixMs) -> Reply {
        let owner = wamid::who(id).and_then(|who| self.people.find_named(&who));
        let Some(person) = owner.and_then(|id| self.people.get_mut(id)) else {
            return self.refuse(&GraphError::new(131_009, "message_id is not known"));
        };
        let Some(at) = person.thread.find(id).map(|entry| entry.at) else {
            return self.refuse(&GraphError::new(131_009, "message_id is not known"));
        };
        for entry in person.thread.entries_mut() {
            if entry.direction == Direction::ToClinic && entry.at <= at {
                entry.ticks = entry.ticks.max(Ticks::Read);
            }
        }
        if typing {
            person.typing_until = now.plus_ms(25_000);
        }
        self.changed();
        Reply::json(200, &json!({ "success": true }))
    }

    pub(super) fn refuse(&mut self, error: &GraphError) -> Reply {
        *self.refused.entry(error.code).or_insert(0) += 1;
        let trace = self.dice.hex(16);
        Reply::json(error.http, &error.body(&trace))
    }
}

/// Whom a message is addressed to: digits, or a user id.
fn addressed(to: &To) -> &str {
    match to {
        To::Number { digits, .. } => digits,
        To::UserId(id) => id,
    }
}

fn window_closed() -> GraphError {
    GraphError::new(
        131_047,
        "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
    )
}

/// The hash of a message without its sender's key: a double has the same one.
fn payload_hash(body: &[u8]) -> String {
    let mut json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if let Some(fields) = json.as_object_mut() {
        fields.remove("biz_opaque_callback_data");
    }
    hex::encode(Sha256::digest(json.to_string()))
}
