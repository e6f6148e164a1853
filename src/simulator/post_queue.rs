//! Webhooks on their way: each is tried again with growing gaps until it is
//! answered 200 or given up. A retry must carry the very bytes of the first
//! try, and only a 200 may end it.

use super::person::PersonId;
use super::settings::Delays;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A webhook's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PostId(pub u64);

/// A webhook to be posted now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What to name when saying how it was answered.
    pub id: PostId,
    /// The exact bytes.
    pub body: Arc<[u8]>,
    /// The value of `X-Hub-Signature-256`.
    pub signature: String,
    /// How often it was tried before.
    pub tries: u32,
}

/// A message whose webhook it is: whose chat, and which.
pub type Mark = (PersonId, String);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Post {
    delivery: Delivery,
    made: UnixMs,
    marks: Vec<Mark>,
    answer_lost: bool,
}

/// Every webhook that has not been answered 200 yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PostQueue {
    posts: BTreeMap<PostId, Post>,
    schedule: BTreeSet<(UnixMs, PostId)>,
    next: u64,
    given_up: u64,
}

impl PostQueue {
    /// Adds a webhook; the oldest one is given up when more than `max` wait.
    pub fn add(
        &mut self,
        body: Arc<[u8]>,
        signature: String,
        marks: Vec<Mark>,
        now: UnixMs,
        max: usize,
    ) {
        self.next += 1;
        let id = PostId(self.next);
        let delivery = Delivery {
            id,
            body,
            signature,
            tries: 0,
        };
        let post = Post {
            delivery,
            made: now,
            marks,
            answer_lost: false,
        };
        self.posts.insert(id, post);
        self.schedule.insert((now, id));
        while self.posts.len() > max.max(1) {
            if let Some((oldest, _)) = self.posts.pop_first() {
                self.schedule.retain(|(_, id)| *id != oldest);
                self.given_up += 1;
            }
        }
    }

    /// Takes what is due, until `max` are in the air.
    pub fn take_due(&mut self, now: UnixMs, max: usize) -> Vec<Delivery> {
        let mut room = max.saturating_sub(self.in_the_air());
        let mut due = Vec::new();
        while room > 0 {
            let Some((at, id)) = self.schedule.first().copied() else {
                break;
            };
            if at > now {
                break;
            }
            self.schedule.remove(&(at, id));
            due.extend(self.posts.get(&id).map(|post| post.delivery.clone()));
            room -= 1;
        }
        due
    }

    /// It was answered 200: it is over. Returns the messages it told.
    pub fn done(&mut self, id: PostId) -> Vec<Mark> {
        self.posts
            .remove(&id)
            .map_or_else(Vec::new, |post| post.marks)
    }

    /// It was not answered 200: it is tried again, or given up for age.
    pub fn failed(&mut self, id: PostId, now: UnixMs, delays: &Delays) {
        let Some(post) = self.posts.get_mut(&id) else {
            return;
        };
        post.delivery.tries = post.delivery.tries.saturating_add(1);
        let next = now.plus_ms(delays.gap_ms(post.delivery.tries));
        if next.ms_since(post.made) > delays.give_up_ms {
            self.posts.remove(&id);
            self.given_up += 1;
        } else {
            self.schedule.insert((next, id));
        }
    }

    /// It was answered 200 and the answer got lost: it comes again at once,
    /// this one time. False if that has happened to it before.
    pub fn lose_answer(&mut self, id: PostId, now: UnixMs) -> bool {
        let Some(post) = self.posts.get_mut(&id).filter(|post| !post.answer_lost) else {
            return false;
        };
        post.answer_lost = true;
        post.delivery.tries = post.delivery.tries.saturating_add(1);
        self.schedule.insert((now, id));
        true
    }

    /// Tries everything that waits again by `at` at the latest.
    pub fn hurry(&mut self, at: UnixMs) {
        let late: Vec<_> = self.schedule.range((at, PostId(0))..).copied().collect();
        for (was, id) in late {
            self.schedule.remove(&(was, id));
            self.schedule.insert((at, id));
        }
    }

    /// Takes up a queue of an earlier run: what was in the air is tried again.
    pub fn resume(&mut self, now: UnixMs) {
        self.schedule = self.posts.keys().map(|id| (now, *id)).collect();
    }

    /// When the next one is due.
    pub fn next_at(&self) -> Option<UnixMs> {
        self.schedule.first().map(|(at, _)| *at)
    }

    /// Those not answered 200 yet.
    pub fn waiting(&self) -> usize {
        self.posts.len()
    }

    /// Those that were given up.
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    fn in_the_air(&self) -> usize {
        self.posts.len().saturating_sub(self.schedule.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;

    fn queue_of(count: usize) -> PostQueue {
        let mut queue = PostQueue::default();
        for i in 0..count {
            let body: Arc<[u8]> = format!("{i}").into_bytes().into();
            queue.add(body, String::new(), Vec::new(), UnixMs(0), 1_000);
        }
        queue
    }

    #[test]
    fn a_webhook_is_tried_with_growing_gaps_until_200() {
        let mut queue = queue_of(1);
        let delays = Delays::default();
        let mut tried = Vec::new();
        while tried.len() < 6 {
            let now = queue.next_at().unwrap();
            let due = queue.take_due(now, 9);
            assert_eq!(due.len(), 1);
            assert!(queue.take_due(now, 9).is_empty(), "not twice at once");
            tried.push(now.0);
            queue.failed(due[0].id, now, &delays);
        }
        assert_eq!(tried, [0, 0, 1_000, 6_000, 36_000, 156_000]);
        let last = queue.take_due(queue.next_at().unwrap(), 9);
        assert_eq!(&*last[0].body, b"0");
        queue.done(last[0].id);
        assert_eq!((queue.waiting(), queue.next_at()), (0, None));
    }

    #[test]
    fn after_seven_days_it_is_given_up() {
        let mut queue = queue_of(1);
        let delays = Delays::default();
        while let Some(now) = queue.next_at() {
            assert!(now.0 <= delays.give_up_ms);
            let due = queue.take_due(now, 1);
            queue.failed(due[0].id, now, &delays);
        }
        assert_eq!((queue.waiting(), queue.given_up()), (0, 1));
    }

    #[test]
    fn the_queue_is_bounded_in_the_air_and_in_all() {
        let mut queue = queue_of(10);
        assert_eq!(queue.take_due(UnixMs(0), 4).len(), 4);
        assert!(queue.take_due(UnixMs(0), 4).is_empty());
        queue.add(
            Arc::from(&b"new"[..]),
            String::new(),
            Vec::new(),
            UnixMs(0),
            5,
        );
        assert_eq!((queue.waiting(), queue.given_up()), (5, 6));
    }

    #[test]
    fn a_line_that_returns_hurries_what_waits() {
        let mut queue = queue_of(1);
        let delays = Delays::default();
        for _ in 0..4 {
            let now = queue.next_at().unwrap();
            let id = queue.take_due(now, 1)[0].id;
            queue.failed(id, now, &delays);
        }
        assert_eq!(queue.next_at(), Some(UnixMs(36_000)));
        queue.hurry(UnixMs(9_000));
        assert_eq!(queue.next_at(), Some(UnixMs(9_000)));
    }
}
