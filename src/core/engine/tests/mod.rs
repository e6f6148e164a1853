//! Conversations played through: given, when, then.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm
)]

mod after;
mod commands;
mod danger;
mod intake;
mod mixed;
mod order;
mod rest;
mod total;
mod unread;

use super::*;
use crate::core::flow::Flow;
use crate::core::id::{InboxId, RecordId};
use crate::core::inbound::{Content, Media, MediaKind};
use crate::core::lang::Lang;
use crate::core::outgoing::{Body, Outgoing, Purpose};
use crate::core::time::{HOUR_MS, MINUTE_MS, Now, SECOND_MS, UnixMs};

pub(super) fn clinic() -> Clinic {
    Clinic {
        id: "kalehe-1".into(),
        name: "Kalehe Health Post".into(),
        country: "CD".into(),
        zone: jiff::tz::TimeZone::UTC,
        languages: Lang::ALL.to_vec(),
        emergency_number: "112".into(),
        session_idle_ms: 2 * HOUR_MS,
        patience_ms: 0,
    }
}

/// A patient, a box with a good line, and a clock that moves on.
pub(super) struct Chat {
    pub flow: Flow,
    pub clinic: Clinic,
    pub session: Session,
    pub now: Now,
    pub effects: Vec<Effect>,
    pub said: Vec<Outgoing>,
    /// Whether our questions leave at once.
    pub line_up: bool,
    next: i64,
}

impl Chat {
    pub fn new() -> Self {
        Self {
            flow: Flow::built_in(),
            clinic: clinic(),
            session: Session::default(),
            now: Now {
                at: UnixMs(1_795_168_800_000),
                trusted: true,
            },
            effects: Vec::new(),
            said: Vec::new(),
            line_up: true,
            next: 1,
        }
    }

    pub fn wait(&mut self, ms: i64) -> &mut Self {
        self.now.at = self.now.at.plus_ms(ms);
        self
    }

    pub fn message(&mut self, content: Content) -> Event {
        self.next += 1;
        Event::Message(Received {
            inbox: InboxId(self.next),
            stamped: self.now.at,
            received: self.now.at,
            quotes_question: false,
            questions_since: None,
            about: None,
            other_account: false,
            content,
        })
    }

    pub fn text_event(&mut self, text: &str) -> Event {
        self.message(Content::Text { body: text.into() })
    }

    pub fn run(&mut self, events: &[Event]) -> &mut Self {
        self.next += 1;
        let fresh = Fresh {
            record_id: RecordId::from_random(self.next as u64 * 7_919_113),
        };
        let session = std::mem::take(&mut self.session);
        let step = step(&self.flow, &self.clinic, session, events, self.now, &fresh);
        self.session = step.session;
        let says = step.effects.iter().filter_map(|effect| match effect {
            Effect::Say(outgoing) => Some(outgoing.clone()),
            _ => None,
        });
        self.said = says.collect();
        self.effects = step.effects;
        if self.line_up {
            self.deliver();
        }
        self.wait(20 * SECOND_MS)
    }

    /// Our question leaves.
    pub fn deliver(&mut self) {
        if let Some(asked) = &mut self.session.asked
            && asked.sent.is_none()
        {
            asked.sent = Some(Sent {
                at: self.now.at,
                stamp: Some(self.now.at),
            });
        }
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        let event = self.text_event(text);
        self.run(&[event])
    }

    pub fn send(&mut self, content: Content) -> &mut Self {
        let event = self.message(content);
        self.run(&[event])
    }

    /// Taps the choice whose id ends so, on the latest message.
    pub fn tap(&mut self, choice: &str) -> &mut Self {
        let id = self.choice_id(choice);
        self.tap_id(&id)
    }

    pub fn tap_id(&mut self, id: &str) -> &mut Self {
        self.send(Content::Choice {
            id: id.into(),
            title: "x".into(),
        })
    }

    pub fn choice_id(&self, choice: &str) -> String {
        let ids: Vec<String> = self
            .said
            .iter()
            .flat_map(|said| match &said.body {
                Body::Buttons { buttons, .. } => buttons.iter().map(|b| b.id.clone()).collect(),
                Body::List { rows, .. } => rows.iter().map(|r| r.id.clone()).collect(),
                Body::Text { .. } | Body::RequestContact { .. } | Body::Template { .. } => {
                    Vec::new()
                }
            })
            .collect();
        ids.iter()
            .find(|id| {
                let last = id.rsplit(':').next().unwrap_or("");
                last == choice || last.split('@').next() == Some(choice)
            })
            .unwrap_or_else(|| panic!("no choice {choice} in {ids:?}"))
            .clone()
    }

    pub fn voice(&mut self) -> &mut Self {
        self.send(media(MediaKind::Audio, None))
    }

    /// All that was said by the last step, as plain text.
    pub fn words(&self) -> String {
        let texts = self.said.iter().map(|said| said.body.plain_text());
        texts.collect::<Vec<_>>().join("\n---\n")
    }

    pub fn heard(&self, text: &str) {
        assert!(
            self.words().contains(text),
            "{text:?} not in {}",
            self.words()
        );
    }

    pub fn tasks(&self) -> Vec<&'static str> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Task(task) => Some(task.kind().word()),
                _ => None,
            })
            .collect()
    }

    pub fn acts(&self) -> Vec<Action> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Act(action) => Some(action.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn record(&self) -> Option<RecordChange> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Record(change) => Some(change.clone()),
            _ => None,
        })
    }

    /// Up to the first page, in English.
    pub fn at_page_one() -> Self {
        let mut chat = Self::new();
        chat.text("hello").tap("en").tap("agree").tap("me");
        chat
    }

    /// Up to the review, in English.
    pub fn at_review() -> Self {
        let mut chat = Self::at_page_one();
        chat.text("Amina Juma\n34\nfemale\nKalehe")
            .text("Pain in the knee\n3 days ago")
            .text("2")
            .text("none\nnone\nno")
            .text("Juma +243970000001");
        chat
    }
}

pub(super) fn media(kind: MediaKind, caption: Option<&str>) -> Content {
    Content::Media(Media {
        kind,
        media_id: "m1".into(),
        mime: None,
        sha256: None,
        caption: caption.map(Into::into),
        filename: None,
        voice: true,
    })
}

pub(super) fn text(body: &str) -> Content {
    Content::Text { body: body.into() }
}
