//! Time passing: statuses become due, updates become webhooks, webhooks are
//! tried and tried again. Nothing may be told to the clinic while its line is
//! cut.

use super::agenda::{Outbound, Step};
use super::post_queue::{Delivery, PostId};
use super::sign::sign;
use super::statuses::status;
use super::thread::{Direction, Ticks};
use super::webhook::{self, Update};
use super::world::World;
use crate::core::time::UnixMs;
use std::sync::Arc;

impl World {
    /// Lets everything happen that is due by `now`.
    pub fn advance(&mut self, now: UnixMs) {
        while let Some((at, (outbound, step))) = self.steps.take_due(now) {
            self.happen(&outbound, step, at);
        }
        self.make_posts(now);
    }

    /// The webhooks to post now, each to be reported with
    /// [`webhook_answered`](Self::webhook_answered).
    pub fn due_webhooks(&mut self, now: UnixMs) -> Vec<Delivery> {
        self.advance(now);
        let due = self
            .posts
            .take_due(now, self.settings.limits.webhooks_in_flight);
        if self.hears {
            return due;
        }
        for delivery in due {
            self.posts.failed(delivery.id, now, &self.settings.delays);
        }
        Vec::new()
    }

    /// How the clinic answered a webhook; `None` for no answer at all.
    pub fn webhook_answered(&mut self, id: PostId, http: Option<u16>, now: UnixMs) {
        let lost = nth(self.disorder.lose_answer_every, id.0);
        if http != Some(200) || !self.hears {
            self.posts.failed(id, now, &self.settings.delays);
            return;
        }
        self.webhooks_answered += 1;
        if lost && self.posts.lose_answer(id, now) {
            return;
        }
        for (person, wamid) in self.posts.done(id) {
            if let Some(entry) = self
                .people
                .get_mut(person)
                .and_then(|person| person.thread.find_mut(&wamid))
            {
                entry.ticks = entry.ticks.max(Ticks::Delivered);
            }
            self.changed();
        }
    }

    /// When something is due next, if anything is planned.
    pub fn next_due(&self) -> Option<UnixMs> {
        [
            self.steps.next_at(),
            self.updates.next_at(),
            self.posts.next_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The person looks at the chat: everything delivered becomes read.
    pub(super) fn open_chat(&mut self, person: super::person::PersonId, now: UnixMs) {
        let unread: Vec<Arc<Outbound>> = self.outbound_with(person, Ticks::Delivered);
        for outbound in unread {
            self.happen(&outbound, Step::Read, now);
        }
    }

    /// The phone comes on: everything that waited for it arrives.
    pub(super) fn connect(&mut self, person: super::person::PersonId, now: UnixMs) {
        let waiting: Vec<Arc<Outbound>> = self.outbound_with(person, Ticks::Sent);
        for outbound in waiting {
            self.steps.plan(now, (outbound, Step::Delivered));
        }
    }

    pub(super) fn tell(&mut self, update: Update, at: UnixMs) {
        let late_ms = self.dice.below(self.disorder.reorder_ms);
        self.updates.plan(at.plus_ms(late_ms), update);
    }

    fn outbound_with(&self, person: super::person::PersonId, ticks: Ticks) -> Vec<Arc<Outbound>> {
        let Some(person) = self.people.get(person) else {
            return Vec::new();
        };
        person
            .thread
            .entries()
            .filter(|entry| entry.direction == Direction::ToPhone && entry.ticks == ticks)
            .filter_map(|entry| entry.outbound.clone())
            .collect()
    }

    /// One step of one message, and what follows from it.
    fn happen(&mut self, outbound: &Arc<Outbound>, step: Step, at: UnixMs) {
        let person = outbound.person.and_then(|id| self.people.get_mut(id));
        let online = person.as_ref().is_some_and(|person| person.online);
        if step == Step::Delivered && !online {
            return;
        }
        if let Some(entry) = person.and_then(|person| person.thread.find_mut(&outbound.wamid)) {
            let ticks = match &step {
                Step::Sent => Ticks::Sent,
                Step::Delivered => Ticks::Delivered,
                Step::Read => Ticks::Read,
                Step::Failed(_) => Ticks::Failed,
            };
            if ticks < entry.ticks || (ticks == entry.ticks && step != Step::Sent) {
                return;
            }
            entry.ticks = ticks;
        }
        self.tell_status(outbound, &step, at);
        let delays = &self.settings.delays;
        match step {
            Step::Sent => {
                let at = at.plus_ms(delays.delivered_ms);
                self.steps.plan(at, (Arc::clone(outbound), Step::Delivered));
            }
            Step::Delivered if self.settings.reads_by_itself => {
                let at = at.plus_ms(delays.read_ms);
                self.steps.plan(at, (Arc::clone(outbound), Step::Read));
            }
            Step::Delivered | Step::Read | Step::Failed(_) => {}
        }
        self.changed();
    }

    fn tell_status(&mut self, outbound: &Outbound, step: &Step, at: UnixMs) {
        let person = outbound.person.and_then(|id| self.people.get(id));
        let update = Update::Status(status(outbound, step, person, at));
        if outbound.doubled {
            self.tell(update.clone(), at);
        }
        self.tell(update, at);
    }

    fn make_posts(&mut self, now: UnixMs) {
        let batch = self.disorder.batch.unwrap_or(self.settings.limits.batch);
        let mut group: Vec<Update> = Vec::new();
        while let Some((_, update)) = self.updates.take_due(now) {
            let alone = matches!(update, Update::Raw(_));
            if alone || group.len() >= batch.clamp(1, 1_000) {
                self.make_post(&group, now);
                group.clear();
            }
            if alone {
                self.make_post(&[update], now);
            } else {
                group.push(update);
            }
        }
        self.make_post(&group, now);
    }

    fn make_post(&mut self, updates: &[Update], now: UnixMs) {
        if updates.is_empty() {
            return;
        }
        let body: Arc<[u8]> = webhook::body(&self.settings, updates).into();
        let signature = sign(&self.settings.app_secret, &body);
        let marks: Vec<_> = updates.iter().filter_map(Update::mark).collect();
        self.webhooks_made += 1;
        let twice = nth(self.disorder.duplicate_every, self.webhooks_made);
        let max = self.settings.limits.webhooks_waiting;
        if twice {
            let copy = (Arc::clone(&body), signature.clone(), marks.clone());
            self.posts.add(copy.0, copy.1, copy.2, now, max);
        }
        self.posts.add(body, signature, marks, now, max);
    }
}

/// Whether this is an `every`th one; never when `every` is 0.
const fn nth(every: u64, count: u64) -> bool {
    every > 0 && count.is_multiple_of(every)
}
