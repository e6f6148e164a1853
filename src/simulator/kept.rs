//! What outlives a run of the demo: phones, chats, whatever is on its way to
//! either side, and the switch of the line. The account, faults and counts must
//! not be in it: each run sets its own.

use super::agenda::{Agenda, MessageStep};
use super::media::File;
use super::person::People;
use super::post_queue::PostQueue;
use super::webhook::Update;
use super::world::World;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The lasting part of a world, to be written down and taken up again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    people: People,
    steps: Agenda<MessageStep>,
    updates: Agenda<Update>,
    posts: PostQueue,
    files: VecDeque<File>,
    line_up: bool,
    hears: bool,
}

impl Kept {
    /// Whether the clinic's line carries what it sends, and whether webhooks
    /// reach it.
    pub const fn directions(&self) -> (bool, bool) {
        (self.line_up, self.hears)
    }
}

impl World {
    /// A copy of what is to outlive the run.
    pub fn kept(&self) -> Kept {
        Kept {
            people: self.people.clone(),
            steps: self.steps.clone(),
            updates: self.updates.clone(),
            posts: self.posts.clone(),
            files: self.media.files.clone(),
            line_up: self.line_up,
            hears: self.hears,
        }
    }

    /// Goes on where an earlier run ended. A webhook whose answer nobody waited
    /// for is posted again, as by a sender that got none.
    pub fn take_up(&mut self, kept: Kept, now: UnixMs) {
        self.people = kept.people;
        self.steps = kept.steps;
        self.updates = kept.updates;
        self.posts = kept.posts;
        self.posts.resume(now);
        self.media.files = kept.files;
        self.set_directions(kept.line_up, kept.hears, now);
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
    use crate::simulator::{Said, Settings};

    const NUMBER: &str = "243970000001";
    const NOW: UnixMs = UnixMs(1_795_168_800_000);

    fn again(world: &World) -> World {
        let written = serde_json::to_vec(&world.kept()).unwrap();
        let mut next = World::new(Settings {
            seed: 99,
            ..Settings::default()
        });
        next.take_up(serde_json::from_slice(&written).unwrap(), NOW);
        next
    }

    fn says(world: &mut World, words: &str) -> String {
        let said = Said::Text(words.to_owned());
        world.phone_writes(NUMBER, &said, None, NOW).unwrap()
    }

    #[test]
    fn what_a_patient_wrote_into_a_cut_line_outlives_the_run() {
        let mut world = World::new(Settings::default());
        let id = says(&mut world, "hello");
        world.set_directions(false, false, NOW);
        says(&mut world, "Me");
        assert!(world.due_webhooks(NOW).is_empty());
        let mut world = again(&world);
        assert!(!world.line_up());
        assert!(world.due_webhooks(NOW).is_empty(), "it is still cut");
        let chat = &world.person(NUMBER).unwrap().thread;
        let texts: Vec<_> = chat.entries().map(|entry| entry.as_json()).collect();
        assert_eq!(
            (&texts[0]["text"], &texts[0]["id"]),
            (&"hello".into(), &id.into())
        );
        assert_eq!(texts[1]["text"], "Me");
        world.set_directions(true, true, NOW);
        let later = NOW.plus_ms(60_000);
        let posted: String = world
            .due_webhooks(later)
            .iter()
            .map(|post| String::from_utf8(post.body.to_vec()).unwrap())
            .collect();
        for words in ["hello", "Me"] {
            let part = format!("\"body\":\"{words}\"");
            assert_eq!(posted.matches(&part).count(), 1, "{posted}");
        }
    }

    #[test]
    fn a_webhook_in_the_air_is_posted_again() {
        let mut world = World::new(Settings::default());
        says(&mut world, "hello");
        let first = world.due_webhooks(NOW);
        assert_eq!(first.len(), 1);
        let second = again(&world).due_webhooks(NOW);
        assert_eq!(second[0].body, first[0].body);
    }
}
