//! One simulated life of a clinic's box: what happens, in which order, out of
//! one seed. Nothing in here decides what is right; the model does.

use crate::simulation::dice::{BoxChance, Dice};
use crate::simulation::invariants as rest;
use crate::simulation::model::{Broken, Check, INSTRUMENTS, Model, hashed};
use crate::simulation::patients::{PAGES, Patient};
use crate::simulation::place::Place;
use crate::simulation::planted::Bug;
use crate::simulation::shell::{Done, Job, Shell, clinic};
use crate::simulation::works::Incident;
use healthpost::core::engine::Clinic;
use healthpost::core::flow::Flow;
use healthpost::core::id::InboxId;
use healthpost::core::outgoing::neutral_templates;
use healthpost::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, Now, UnixMs};
use healthpost::ports::SendOutcome;
use healthpost::simulator::{PostId, Settings, Template, WindowRefusal, World};
use healthpost::store::outbox::Claim;
use std::sync::OnceLock;

/// When every life begins: 2026-11-20T00:00:00Z.
pub const BEGINNING: UnixMs = UnixMs(1_795_132_800_000);
/// What a box without a battery believes after a start: the date of its
/// program at best, the beginning of time at worst.
const WRITTEN_AT: UnixMs = UnixMs(1_793_491_200_000);
/// Messages a seed needs to count.
const MESSAGES_MIN: usize = 200;

/// What happened in a life.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Lives.
    pub seeds: usize,
    /// Messages that patients wrote.
    pub messages: usize,
    /// Times the line was cut.
    pub outages: usize,
    /// Times the power was cut.
    pub cuts: usize,
    /// Times the clock jumped or woke up in the past.
    pub jumps: usize,
    /// Sends that were refused or broken off by the provider.
    pub provider_errors: usize,
    /// Results that were lost.
    pub lost_results: usize,
    /// Doubles the far side saw.
    pub doubles: usize,
    /// Commits that failed for want of room.
    pub full_disks: usize,
    /// Flows that changed under conversations.
    pub new_flows: usize,
    /// Emergency texts.
    pub emergencies: usize,
    /// Records that were begun and not erased.
    pub begun: usize,
    /// Records that were submitted.
    pub records: usize,
    /// How often each of [`PAGES`] was answered.
    pub pages: [usize; PAGES.len()],
    /// People of whom no word was to be left.
    pub forgotten: usize,
}

impl Totals {
    /// Adds another life's.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.messages += other.messages;
        self.outages += other.outages;
        self.cuts += other.cuts;
        self.jumps += other.jumps;
        self.provider_errors += other.provider_errors;
        self.lost_results += other.lost_results;
        self.doubles += other.doubles;
        self.full_disks += other.full_disks;
        self.new_flows += other.new_flows;
        self.emergencies += other.emergencies;
        self.begun += other.begun;
        self.records += other.records;
        for (all, more) in self.pages.iter_mut().zip(other.pages) {
            *all += more;
        }
        self.forgotten += other.forgotten;
    }
}

/// The box's own clock.
#[derive(Clone, Copy)]
pub struct BoxClock {
    /// Ahead of the true time, ms.
    ahead: i64,
    trusted: bool,
}

/// A send in the air.
pub struct Flight {
    /// What is sent.
    pub claim: Claim,
    /// What came back, and when; nothing while it has not left.
    pub result: Option<(SendOutcome, UnixMs)>,
    /// Whether the far side took it.
    pub accepted: bool,
    /// Whether the result waits for a commit.
    pub settling: bool,
}

/// A life.
pub struct Life {
    pub dice: Dice,
    pub chance: BoxChance,
    pub now: UnixMs,
    pub world: World,
    pub patients: Vec<Patient>,
    pub place: Place,
    pub shell: Shell,
    pub model: Model,
    pub clock: BoxClock,
    pub totals: Totals,
    pub journal: Vec<String>,
    pub bug: Option<Bug>,
    pub air: Vec<Flight>,
    /// Messages whose last try should not count.
    pub owed: Vec<InboxId>,
    /// Work for the next commit.
    pub jobs: Vec<Job>,
    /// Commits until the power goes.
    pub cut_in: Option<usize>,
    pub disk_full: bool,
    pub line_back: Option<UnixMs>,
    pub room_at: UnixMs,
    pub probe_at: UnixMs,
    /// Where the last acknowledged commit ends in the log.
    acknowledged_to: u64,
    edition: usize,
    clinic: Clinic,
}

/// The flow in two editions: the other has a consent text of its own, and a page
/// and a question that the first does not know.
fn editions() -> &'static [Flow; 2] {
    static EDITIONS: OnceLock<[Flow; 2]> = OnceLock::new();
    EDITIONS.get_or_init(|| {
        let first = Flow::built_in();
        let mut other = first.source().to_owned();
        for (was, becomes) in [
            ("\nversion = \"2026-11\"\n", "\nversion = \"2027-01\"\n"),
            ("\nid = \"background\"\n", "\nid = \"past\"\n"),
            ("\nid = \"allergies\"\n", "\nid = \"bears_not\"\n"),
        ] {
            assert!(other.contains(was), "the flow has{was}");
            other = other.replace(was, becomes);
        }
        [first, Flow::parse(&other).unwrap()]
    })
}

/// Lives one seed through. The journal is handed back whatever happens.
pub fn live(seed: u64, bug: Option<Bug>) -> (Result<Totals, Broken>, Vec<String>) {
    let mut life = Life::new(seed, bug);
    let result = life.run();
    let totals = life.totals;
    (result.map(|()| totals), std::mem::take(&mut life.journal))
}

impl Life {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut dice = Dice::new(seed);
        let mut settings = Settings {
            seed,
            reads_by_itself: dice.percent(50),
            ..Settings::default()
        };
        if dice.percent(50) {
            settings.window_refusal = WindowRefusal::Status;
        }
        for template in neutral_templates() {
            settings.templates.push(Template {
                name: template.name.into(),
                language: template.code.into(),
                text: template.body.into(),
                button: template.button.into(),
                ..Template::default()
            });
        }
        let mut world = World::new(settings);
        let people = 6 + dice.below(8);
        let patients = (0..people)
            .map(|place| Patient::new(place, &mut world, &mut dice))
            .collect();
        let place = Place::new();
        let clinic = clinic(1 + dice.below(5));
        let shell = Shell::open(&place, &editions()[0], clinic.clone(), bug).unwrap();
        let mut life = Self {
            chance: BoxChance::new(seed),
            dice,
            now: BEGINNING,
            world,
            patients,
            place,
            shell,
            model: Model::default(),
            clock: BoxClock {
                ahead: 0,
                trusted: true,
            },
            totals: Totals {
                seeds: 1,
                ..Totals::default()
            },
            journal: Vec::new(),
            bug,
            air: Vec::new(),
            owed: Vec::new(),
            jobs: Vec::new(),
            cut_in: None,
            disk_full: false,
            line_back: None,
            room_at: BEGINNING,
            probe_at: BEGINNING,
            acknowledged_to: 0,
            edition: 0,
            clinic,
        };
        life.shell.conn.execute_batch(INSTRUMENTS).unwrap();
        let now = life.box_now();
        life.shell.prepare(&editions()[0], now).unwrap();
        life.acknowledged_to = life.place.committed();
        life
    }

    fn run(&mut self) -> Check {
        let mut plan = self.plan();
        while self.totals.messages < MESSAGES_MIN
            || self.totals.provider_errors == 0
            || !plan.is_empty()
            || self.cut_in.is_some()
        {
            self.pass_time();
            while plan
                .last()
                .is_some_and(|(at, _)| *at <= self.totals.messages)
            {
                let (_, incident) = plan.pop().unwrap();
                self.happen(incident)?;
            }
            if self.totals.messages >= MESSAGES_MIN && self.totals.provider_errors == 0 {
                self.happen(Incident::ProviderFault)?;
            }
            self.people_act();
            self.work()?;
        }
        self.calm()?;
        self.judge_the_end()
    }

    pub fn say(&mut self, what: impl Into<String>) {
        let ms = self.now.ms_since(BEGINNING);
        self.journal.push(format!("{ms:>12} {}", what.into()));
    }

    /// What the box's clock says.
    pub fn box_now(&self) -> Now {
        Now {
            at: self.now.plus_ms(self.clock.ahead),
            trusted: self.clock.trusted,
        }
    }

    fn pass_time(&mut self) {
        let ms = match self.dice.below(20) {
            0 => self.dice.between(MINUTE_MS, HOUR_MS),
            1..=2 => self.dice.between(20_000, 2 * MINUTE_MS),
            3..=8 => self.dice.between(3_000, 20_000),
            _ => self.dice.between(50, 3_000),
        };
        self.now = self.now.plus_ms(ms);
        if self.line_back.is_some_and(|back| back <= self.now) {
            self.line_back = None;
            self.world.set_line(true, self.now);
            self.say("the line is back");
        }
        if self.disk_full && self.room_at <= self.now {
            self.make_room();
        }
    }

    fn people_act(&mut self) {
        for _ in 0..self.dice.below(3) {
            let who = self.somebody();
            let patient = &mut self.patients[who];
            let written = patient.write(&mut self.world, &mut self.dice, self.now);
            self.totals.messages += written.len();
            for one in written {
                if one.danger {
                    self.model.danger.insert(hashed(&one.wamid));
                }
                if let Some(taken_back) = &one.takes_back {
                    self.model.danger.remove(&hashed(taken_back));
                }
                let danger = if one.danger { ", danger" } else { "" };
                self.say(format!("patient {who} writes{danger}"));
            }
        }
        if self.dice.percent(20) {
            let who = self.dice.below(self.patients.len());
            self.patients[who].fiddle(&mut self.world, &mut self.dice, self.now);
        }
    }

    /// Anybody, mostly one with something to answer.
    fn somebody(&mut self) -> usize {
        let mut who = self.dice.below(self.patients.len());
        for _ in 0..6 {
            if self.patients[who].has_been_asked(&self.world) {
                break;
            }
            who = self.dice.below(self.patients.len());
        }
        who
    }

    /// Commits the jobs as one group; nothing if the power went instead.
    pub fn commit(&mut self, jobs: Vec<Job>) -> Result<Option<Vec<Committed>>, Broken> {
        if let Some(left) = self.cut_in {
            if left == 0 {
                self.cut_in = None;
                self.cut_power(&jobs)?;
                return Ok(None);
            }
            self.cut_in = Some(left - 1);
        }
        let now = self.box_now();
        let results = self.shell.run(&jobs, now, &self.chance);
        if self.bug == Some(Bug::SentBeforeItsAttempt) {
            self.send_before_its_attempt(&results)?;
        }
        let kept = self.shell.close(!(self.disk_full && self.dice.percent(30)));
        if kept {
            self.acknowledged_to = self.place.committed();
            self.model.observe(&self.shell.conn, now.trusted)?;
        } else {
            self.totals.full_disks += 1;
            self.say("a commit failed");
        }
        let outcome = |result: Result<Done, _>| if kept { result.ok() } else { None };
        let done = results.into_iter().map(outcome);
        Ok(Some(jobs.into_iter().zip(done).collect()))
    }

    fn send_before_its_attempt(
        &mut self,
        results: &[Result<Done, healthpost::store::Error>],
    ) -> Check {
        for result in results {
            let Ok(Done::Claimed(claims, _)) = result else {
                continue;
            };
            for claim in claims {
                let flight = Flight::new(claim.clone());
                self.air.push(flight);
                self.send(self.air.len() - 1)?;
                self.air.pop();
            }
        }
        Ok(())
    }

    /// The power goes while `jobs` are being committed, or just before.
    pub fn cut_power(&mut self, jobs: &[Job]) -> Check {
        self.totals.cuts += 1;
        let before = rest::fingerprint(&self.shell.conn);
        let model_before = self.model.clone();
        let mut after = before.clone();
        if self.dice.percent(70) && !jobs.is_empty() {
            let now = self.box_now();
            drop(self.shell.run(jobs, now, &self.chance));
            if self.shell.close(true) {
                self.model.observe(&self.shell.conn, now.trusted)?;
                after = rest::fingerprint(&self.shell.conn);
            }
        }
        let lies = self.bug == Some(Bug::FlushThatLies);
        let from = if lies { 0 } else { self.acknowledged_to };
        let to = self.place.committed().max(from);
        let kept = self
            .dice
            .between(i64::try_from(from).unwrap(), i64::try_from(to).unwrap());
        let length = self.dice.below(9_000);
        let tail = self.dice.garbage(length);
        self.say(format!("the power is cut: {kept} of {from} to {to} bytes"));
        self.lose_the_air()?;
        self.place.cut(u64::try_from(kept).unwrap(), &tail);
        self.off(jobs);
        self.shell = self.open().map_err(|error| Broken {
            invariant: "integrity",
            how: error.to_string(),
        })?;
        self.place.tidy();
        let found = rest::fingerprint(&self.shell.conn);
        rest::invariant_commits_are_whole(&found, &[&before, &after])?;
        if found == before {
            let (rows, known) = (std::mem::take(&mut self.model.rows), model_before);
            self.model = known;
            for (id, row) in rows {
                // What the far side saw, it saw.
                if let Some(known) = self.model.rows.get_mut(&id) {
                    (known.accepts, known.lost) = (row.accepts, row.lost);
                }
            }
        }
        self.start()?;
        rest::invariant_acknowledged_once(&self.shell.conn, &self.model)?;
        rest::invariant_audit_chain(&self.shell.conn)
    }

    /// While the box is off nobody answers, and nothing of it is remembered.
    fn off(&mut self, jobs: &[Job]) {
        self.disk_full = false;
        self.owed.clear();
        self.jobs.extend_from_slice(jobs);
        for job in std::mem::take(&mut self.jobs) {
            if let Job::Receive(post, _) = job {
                self.world.webhook_answered(post.id, None, self.now);
            }
        }
        let ms = match self.dice.below(4) {
            0 => self.dice.between(MINUTE_MS, 3 * HOUR_MS),
            _ => self.dice.between(500, 60_000),
        };
        self.now = self.now.plus_ms(ms);
        for post in self.world.due_webhooks(self.now) {
            self.world.webhook_answered(post.id, None, self.now);
        }
    }

    /// What was in the air at a cut: it may still arrive, its result never.
    fn lose_the_air(&mut self) -> Check {
        let unsent = |one: &Flight| one.result.is_none();
        for place in 0..self.air.len() {
            if unsent(&self.air[place]) && self.dice.percent(50) {
                self.send(place)?;
            }
        }
        for flight in std::mem::take(&mut self.air) {
            let known = matches!(flight.result, Some((SendOutcome::Accepted { .. }, _)));
            if flight.accepted && known {
                self.model.result_lost(&flight.claim.call.key.0);
            }
        }
        Ok(())
    }

    /// The box on the files as they are.
    fn open(&self) -> Result<Shell, healthpost::store::Error> {
        let flow = &editions()[self.edition];
        Shell::open(&self.place, flow, self.clinic.clone(), self.bug)
    }

    /// A start on the files as they are.
    fn start(&mut self) -> Check {
        self.shell.conn.execute_batch(INSTRUMENTS).unwrap();
        match self.dice.below(10) {
            0 => self.set_clock(-self.now.0, false),
            1 => self.set_clock(WRITTEN_AT.ms_since(self.now), false),
            _ => self.set_clock(0, true),
        }
        let now = self.box_now();
        self.shell
            .prepare(&editions()[self.edition], now)
            .expect("a box that can open its file starts");
        self.acknowledged_to = self.place.committed();
        self.probe_at = self.now;
        self.model.observe(&self.shell.conn, now.trusted)
    }

    pub fn set_clock(&mut self, ahead: i64, trusted: bool) {
        if (ahead, trusted) != (0, true) {
            self.totals.jumps += 1;
        }
        self.clock = BoxClock { ahead, trusted };
        self.say(format!("the clock is {ahead} ms ahead, trusted: {trusted}"));
    }

    /// The box is told to stop and started again with another flow.
    pub fn change_flow(&mut self) -> Check {
        self.say("the flow changes");
        self.totals.new_flows += 1;
        self.edition = 1 - self.edition;
        if self.dice.percent(30) {
            // As after a restore from an older backup: the flow that
            // conversations speak is not there any more.
            self.shell.conn.execute("DELETE FROM flow", []).unwrap();
        }
        self.lose_the_air()?;
        let jobs = std::mem::take(&mut self.jobs);
        self.shell.checkpoint();
        self.place.cut(0, &[]);
        self.off(&jobs);
        self.shell = self.open().unwrap();
        self.place.tidy();
        self.start()
    }

    /// The database is made small: the log goes into it.
    pub fn checkpoint(&mut self) {
        self.shell.checkpoint();
        self.acknowledged_to = self.place.committed();
    }

    /// The box has answered a webhook 200.
    pub fn acknowledge(&mut self, post: PostId, body: &[u8]) {
        let told: Told = serde_json::from_slice(body).unwrap_or_else(|error| {
            assert!(!error.is_data(), "JSON the test cannot read: {error}");
            Told::default()
        });
        let changes = told.entry.into_iter().flat_map(|entry| entry.changes);
        let messages = changes.flat_map(|change| change.value.messages);
        for message in messages {
            if let serde_json::Value::String(id) = message.id {
                self.model.acknowledged.insert(id);
            }
        }
        self.world.webhook_answered(post, Some(200), self.now);
    }

    fn judge_the_end(&mut self) -> Check {
        let (conn, model) = (&self.shell.conn, &self.model);
        rest::invariant_calm_empties_everything(conn)?;
        rest::invariant_acknowledged_once(conn, model)?;
        rest::invariant_everything_ends(conn)?;
        rest::invariant_nothing_is_put_aside(conn)?;
        rest::invariant_marks_have_a_cause(conn, model)?;
        rest::invariant_audit_chain(conn)?;
        rest::invariant_integrity(conn)?;
        self.totals.forgotten = rest::invariant_erased_means_erased(conn, model, &self.patients)?;
        for patient in &self.patients {
            for wamid in &patient.wrote {
                assert!(model.acknowledged.contains(wamid), "a webhook was given up");
            }
        }
        let count = |sql: &str| -> usize {
            let found: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
            usize::try_from(found).unwrap()
        };
        let records = "SELECT count(*) FROM record WHERE status = 'complete'";
        self.totals.records = count(records);
        self.totals.begun = count("SELECT count(*) FROM record WHERE status != 'erased'");
        for patient in &self.patients {
            for (all, more) in self.totals.pages.iter_mut().zip(patient.answered) {
                *all += more;
            }
        }
        let emergencies = "SELECT count(*) FROM outbox WHERE purpose = 'emergency'";
        self.totals.emergencies = count(emergencies);
        let extra = |row: &crate::simulation::model::Row| row.accepts.saturating_sub(1);
        let doubles: u32 = model.rows.values().map(extra).sum();
        self.totals.doubles = usize::try_from(doubles).unwrap();
        let seen = self.totals;
        assert!(seen.messages >= MESSAGES_MIN && seen.outages >= 3 && seen.cuts >= 2);
        assert!(seen.jumps >= 1 && seen.provider_errors >= 1, "{seen:?}");
        Ok(())
    }
}

impl Flight {
    /// A send that has not left.
    pub const fn new(claim: Claim) -> Self {
        Self {
            claim,
            result: None,
            accepted: false,
            settling: false,
        }
    }
}

/// A webhook's messages, read by the test's own account of the format.
#[derive(Default, serde::Deserialize)]
struct Told {
    #[serde(default)]
    entry: Vec<ToldEntry>,
}

#[derive(serde::Deserialize)]
struct ToldEntry {
    #[serde(default)]
    changes: Vec<ToldChange>,
}

#[derive(serde::Deserialize)]
struct ToldChange {
    #[serde(default)]
    value: ToldValue,
}

#[derive(Default, serde::Deserialize)]
struct ToldValue {
    #[serde(default)]
    messages: Vec<ToldMessage>,
}

#[derive(serde::Deserialize)]
struct ToldMessage {
    #[serde(default)]
    id: serde_json::Value,
}

/// A job and what it gave, if it was committed.
pub type Committed = (Job, Option<Done>);

/// How long calm lasts.
pub const CALM_MS: i64 = 2 * DAY_MS;

/// A key of staff's own.
pub fn staff_key(life: &Life) -> healthpost::core::id::OutboxKey {
    let mut random = [0; 10];
    healthpost::ports::Chance::fill(&life.chance, &mut random);
    healthpost::core::id::OutboxKey::new(life.now, random)
}
