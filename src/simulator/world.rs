//! The pure model of Meta: phones, messages, windows, limits, faults and
//! webhooks, with `now` as a parameter and all chance from one seed. It must
//! never read a clock, open a socket or forget a message it accepted.

use super::agenda::{Agenda, MessageStep};
use super::chance::Dice;
use super::fault::FaultPlan;
use super::media::{FileManner, Media};
use super::person::{People, Person, PersonId};
use super::post_queue::PostQueue;
use super::rates::{FirstContacts, Throughput};
use super::settings::Settings;
use super::stranger::Stranger;
use super::webhook::Update;
use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Meta, as far as the clinic can see it.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) settings: Settings,
    pub(super) dice: Dice,
    pub(super) people: People,
    pub(super) faults: FaultPlan,
    pub(super) disorder: Disorder,
    pub(super) throughput: Throughput,
    pub(super) first: FirstContacts,
    pub(super) steps: Agenda<MessageStep>,
    pub(super) updates: Agenda<Update>,
    pub(super) posts: PostQueue,
    pub(super) media: Media,
    pub(super) log: VecDeque<Sent>,
    pub(super) sends: u64,
    pub(super) refused: BTreeMap<i64, u64>,
    pub(super) webhooks_made: u64,
    pub(super) webhooks_answered: u64,
    pub(super) line_up: bool,
    /// Whether webhooks reach the clinic.
    pub(super) hears: bool,
    /// Who answers in its place, while somebody does.
    pub(super) stranger: Option<Stranger>,
    /// When the clinic's number was asked for.
    pub(super) asked: VecDeque<UnixMs>,
    pub(super) revision: u64,
}

/// How webhooks are disturbed; all off at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disorder {
    /// Each update is held back by a random time below this, ms.
    pub reorder_ms: i64,
    /// Every so manyth webhook is sent twice at the same time.
    pub duplicate_every: u64,
    /// The answer to every so manyth webhook is lost, so it comes again.
    pub lose_answer_every: u64,
    /// Updates in one webhook, in place of the settings' own number.
    pub batch: Option<usize>,
}

/// One send the far side accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Its place in the order of acceptance, from 1.
    pub seq: u64,
    /// The sender's own key (`biz_opaque_callback_data`).
    pub callback: Option<String>,
    /// The recipient's digits or user id.
    pub to: String,
    /// The id it was given.
    pub wamid: String,
    /// When, milliseconds UTC.
    pub accepted_at_ms: i64,
    /// SHA-256 of the message without the sender's key, hexadecimal.
    pub payload_sha256: String,
}

/// How a reply reaches the clinic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    Answer,
    /// After so many milliseconds.
    Late(i64),
    /// Never: the connection stays open and silent.
    Hang,
    /// Not at all: the connection is reset.
    Reset,
    /// At once, and broken off before the end it announces.
    Cut,
}

/// What the Graph endpoint says, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How it reaches the clinic.
    pub manner: Manner,
    /// The HTTP status.
    pub http: u16,
    /// Headers, `Content-Type` among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// Why something asked of a phone can't be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// The text is no number.
    #[error("a phone number is 7 to 15 digits with its country code")]
    BadNumber,
    /// Nobody has this number or user id.
    #[error("nobody has this number")]
    NoSuchPhone,
    /// Somebody has this number.
    #[error("another phone has this number already")]
    NumberTaken,
    /// The number is the clinic's.
    #[error("this is the clinic's own number: choose another")]
    ClinicsNumber,
    /// The simulator's bound on phones.
    #[error("there are as many phones as the simulator keeps")]
    TooManyPhones,
    /// Nothing in the chat offers this.
    #[error("no message in this chat offers this to tap")]
    NothingToTap,
    /// No message in the chat has this id.
    #[error("no message in this chat has this id")]
    NoSuchMessage,
    /// The request said nothing to do.
    #[error("say what the phone writes: text, button, voice, image, …")]
    NothingSaid,
    /// The simulator's bound on faults.
    #[error("there are as many faults as the simulator keeps")]
    TooManyFaults,
}

impl World {
    /// A world in which nothing has happened yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            dice: Dice::new(settings.seed),
            settings,
            people: People::default(),
            faults: FaultPlan::default(),
            disorder: Disorder::default(),
            throughput: Throughput::default(),
            first: FirstContacts::default(),
            steps: Agenda::default(),
            updates: Agenda::default(),
            posts: PostQueue::default(),
            media: Media::default(),
            log: VecDeque::new(),
            sends: 0,
            refused: BTreeMap::new(),
            webhooks_made: 0,
            webhooks_answered: 0,
            line_up: true,
            hears: true,
            stranger: None,
            asked: VecDeque::new(),
            revision: 0,
        }
    }

    /// What it was told at its start.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Posts webhooks to another address from now on.
    pub fn set_callback_url(&mut self, url: &str) {
        url.clone_into(&mut self.settings.callback_url);
    }

    /// Whether the clinic's line works.
    pub const fn line_up(&self) -> bool {
        self.line_up
    }

    /// Cuts the clinic's line in both directions, or mends it.
    pub fn set_line(&mut self, up: bool, now: UnixMs) {
        self.set_directions(up, up, now);
    }

    /// Cuts what the clinic sends, or mends it; `hears` says whether webhooks
    /// reach it all the same, as through a relay beside a dead uplink.
    pub fn set_directions(&mut self, up: bool, hears: bool, now: UnixMs) {
        self.line_up = up;
        self.hears = hears;
        self.changed();
        if let (true, Some(soon_ms)) = (hears, self.settings.delays.after_line_ms) {
            self.posts.hurry(now.plus_ms(soon_ms));
        }
    }

    /// Who answers everything the clinic asks, if it is not Meta.
    pub const fn stranger(&self) -> Option<&Stranger> {
        self.stranger.as_ref()
    }

    /// Puts somebody between the clinic and Meta, or takes them away.
    pub fn set_stranger(&mut self, stranger: Option<Stranger>) {
        self.stranger = stranger;
    }

    /// When the clinic's number was asked for, oldest first, within the log's
    /// bound.
    pub fn asked(&self) -> impl Iterator<Item = UnixMs> {
        self.asked.iter().copied()
    }

    /// Every person with a phone, in order of arrival.
    pub fn people(&self) -> impl Iterator<Item = (PersonId, &Person)> {
        self.people.iter()
    }

    /// The person with this number or user id.
    ///
    /// # Errors
    /// Nobody has it.
    pub fn person(&self, name: &str) -> Result<&Person, WorldError> {
        let id = self.find_person(name)?;
        self.people.get(id).ok_or(WorldError::NoSuchPhone)
    }

    /// What goes wrong with sends.
    pub const fn faults(&self) -> &FaultPlan {
        &self.faults
    }

    /// What goes wrong with sends, to be changed.
    pub const fn faults_mut(&mut self) -> &mut FaultPlan {
        &mut self.faults
    }

    /// How webhooks are disturbed.
    pub const fn disorder(&self) -> Disorder {
        self.disorder
    }

    /// Disturbs webhooks in this way from now on.
    pub const fn set_disorder(&mut self, disorder: Disorder) {
        self.disorder = disorder;
    }

    /// The sends accepted after the `after`th, oldest first, within the log's
    /// bound.
    pub fn sent_after(&self, after: u64) -> impl Iterator<Item = &Sent> {
        self.log.iter().filter(move |sent| sent.seq > after)
    }

    /// How many sends were accepted.
    pub const fn sends(&self) -> u64 {
        self.sends
    }

    /// How many sends were refused, by error code.
    pub const fn refused(&self) -> &BTreeMap<i64, u64> {
        &self.refused
    }

    /// Webhooks made, answered 200, waiting, given up.
    pub fn webhook_counts(&self) -> [u64; 4] {
        let waiting = u64::try_from(self.posts.waiting()).unwrap_or(u64::MAX);
        [
            self.webhooks_made,
            self.webhooks_answered,
            waiting,
            self.posts.given_up(),
        ]
    }

    /// Grows with every change a phone page would show.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Hands files out in this manner from now on.
    pub fn set_file_manner(&mut self, manner: FileManner) {
        self.media.manner = manner;
    }

    pub(super) fn find_person(&self, name: &str) -> Result<PersonId, WorldError> {
        self.people.find_named(name).ok_or(WorldError::NoSuchPhone)
    }

    pub(super) const fn changed(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }
}

impl Reply {
    /// A JSON answer, at once.
    pub fn json(http: u16, body: &serde_json::Value) -> Self {
        Self {
            manner: Manner::Answer,
            http,
            headers: vec![("content-type", "application/json; charset=UTF-8".into())],
            body: body.to_string(),
        }
    }

    /// A page that is not Meta's, at once.
    pub fn page(http: u16, html: &str) -> Self {
        Self {
            manner: Manner::Answer,
            http,
            headers: vec![("content-type", "text/html; charset=utf-8".into())],
            body: html.to_owned(),
        }
    }

    /// The same reply in another manner.
    #[must_use]
    pub fn in_manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }
}
