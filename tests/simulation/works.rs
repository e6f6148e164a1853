//! What the box's workers do between two events, and the incidents that befall
//! them.

use crate::simulation::life::{CALM_MS, Flight, Life, staff_key};
use crate::simulation::model::Check;
use crate::simulation::planted::Bug;
use crate::simulation::shell::{Done, Job, PHONE_NUMBER_ID};
use crate::simulation::{invariants as rest, model};
use healthpost::core::delivery::Channel;
use healthpost::core::id::{AttemptId, ContactId, OutboxId};
use healthpost::core::inbound::ProviderError;
use healthpost::core::private::Private;
use healthpost::core::secret::Secret;
use healthpost::core::time::{HOUR_MS, MINUTE_MS, UnixMs};
use healthpost::ports::{LineFault, SendOutcome};
use healthpost::simulator::{Delivery, Disorder, Fault, Manner, Reply, Schedule};
use healthpost::whatsapp::client::Answer;
use healthpost::whatsapp::cloud;
use healthpost::work::line::{LineState, judge_probe, probe_wait_ms};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// How long the client waits for the head of an answer, ms.
const PATIENCE_MS: i64 = 60_000;

/// The shortest pause between two looks at the queue in calm, ms.
const SOON_MS: i64 = 200;

/// Something that befalls the box or the world around it.
#[derive(Clone, Copy, Debug)]
pub enum Incident {
    Outage,
    PowerCut,
    ClockJump,
    ProviderFault,
    DiskFull,
    NewFlow,
    Disorder,
    Nonsense,
    Forgery,
    StaffSays,
    StaffCancels,
}

impl Life {
    /// What will happen, and after how many messages; the next one last.
    pub fn plan(&mut self) -> Vec<(usize, Incident)> {
        use Incident as I;
        let mut plan = Vec::new();
        for (least, more, incident) in [
            (3, 2, I::Outage),
            (2, 3, I::PowerCut),
            (1, 2, I::ClockJump),
            (3, 5, I::ProviderFault),
            (0, 3, I::DiskFull),
            (0, 2, I::NewFlow),
            (1, 3, I::Disorder),
            (0, 2, I::Nonsense),
            (0, 2, I::Forgery),
            (0, 3, I::StaffSays),
            (0, 2, I::StaffCancels),
        ] {
            for _ in 0..least + self.dice.below(more + 1) {
                plan.push((5 + self.dice.below(180), incident));
            }
        }
        self.dice.shuffle(&mut plan);
        plan.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        plan
    }

    /// Lets it happen.
    pub fn happen(&mut self, incident: Incident) -> Check {
        self.say(format!("{incident:?}"));
        match incident {
            Incident::Outage => self.cut_line(),
            Incident::PowerCut if self.cut_in.is_some() => self.cut_power(&[])?,
            Incident::PowerCut => self.cut_in = Some(self.dice.below(6)),
            Incident::ClockJump => {
                let before = self.box_now().at;
                match self.dice.below(4) {
                    0 => self.set_clock(-self.now.0 + 5_000, false),
                    1 if self.totals.jumps > 0 => self.set_clock(0, true),
                    _ => {
                        let ahead = self.dice.between(-2 * HOUR_MS, 2 * HOUR_MS) | 1;
                        self.set_clock(ahead, true);
                    }
                }
                // The sender sees a step forward.
                if self.box_now().at > before {
                    self.jobs.push(Job::LineUp);
                }
            }
            Incident::ProviderFault => {
                let fault = self.fault();
                let times = 1 + u32::try_from(self.dice.below(3)).unwrap();
                let schedule = Schedule {
                    times: Some(times),
                    ..Schedule::default()
                };
                self.world.faults_mut().add(fault, schedule);
            }
            Incident::DiskFull => {
                self.disk_full = true;
                self.room_at = self.now.plus_ms(self.dice.between(1_000, HOUR_MS));
                self.shell.set_disk_full(true);
            }
            Incident::NewFlow => self.change_flow()?,
            Incident::Disorder => {
                let disorder = Disorder {
                    reorder_ms: *self.dice.pick(&[0, 500, 5_000]),
                    duplicate_every: *self.dice.pick(&[0, 3, 7]),
                    lose_answer_every: *self.dice.pick(&[0, 4, 9]),
                    batch: Some(1 + self.dice.below(20)),
                };
                self.world.set_disorder(disorder);
            }
            Incident::Nonsense => {
                let body = *self.dice.pick(&[
                    r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"id":5}]}}]}]}"#,
                    "no JSON at all",
                    r#"{"object":"whatsapp_business_account","entry":[]}"#,
                ]);
                self.world.inject(body.into(), self.now);
            }
            Incident::Forgery => {
                let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
                let forged = format!("sha256={}", "0".repeat(64));
                assert!(!cloud::verify(Some(&forged), body, &[self.secret()]));
            }
            Incident::StaffSays => {
                if let Some(contact) = self.model.rows.values().next_back().map(|r| r.contact) {
                    let key = staff_key(self);
                    self.jobs.push(Job::StaffSays(ContactId(contact), key));
                }
            }
            Incident::StaffCancels => {
                if let Some(id) = self.model.rows.keys().next_back() {
                    self.jobs.push(Job::StaffCancels(OutboxId(*id)));
                }
            }
        }
        Ok(())
    }

    fn cut_line(&mut self) {
        self.totals.outages += 1;
        let ms = match self.dice.below(12) {
            0 => self.dice.between(20 * HOUR_MS, 30 * HOUR_MS),
            1..=3 => self.dice.between(HOUR_MS, 6 * HOUR_MS),
            _ => self.dice.between(5_000, 20 * MINUTE_MS),
        };
        self.world.set_line(false, self.now);
        self.line_back = Some(self.now.plus_ms(ms));
        for flight in &mut self.air {
            // An answer under way does not arrive any more.
            if let Some((outcome, at)) = &mut flight.result
                && *at > self.now
            {
                if flight.accepted && matches!(outcome, SendOutcome::Accepted { .. }) {
                    self.model.result_lost(&flight.claim.call.key.0);
                    self.totals.lost_results += 1;
                }
                (*outcome, *at) = (SendOutcome::Unknown, self.now);
            }
        }
    }

    /// Somebody makes room on a full disk.
    pub fn make_room(&mut self) {
        self.disk_full = false;
        self.shell.set_disk_full(false);
        self.say("there is room again");
    }

    fn fault(&mut self) -> Fault {
        let refuse = |code| Fault::Refuse {
            code,
            subcode: None,
            http: None,
            retry_after: None,
        };
        match self.dice.below(16) {
            0 => Fault::HangAfterAccepting,
            1 => Fault::ResetAfterAccepting,
            2 => Fault::Garbage,
            3 => Fault::ErrorAfterAccepting {
                code: *self.dice.pick(&[2, 131_000, 131_016]),
            },
            4 => Fault::FailLater {
                code: *self.dice.pick(&[131_026, 131_049, 131_000]),
            },
            5 => Fault::Hang,
            6 => Fault::Reset,
            7 => Fault::Slow {
                ms: self.dice.between(1_000, 90_000),
            },
            8 => Fault::Portal,
            9 => Fault::StatusFirst,
            10 => Fault::DoubleStatuses,
            11 => Fault::Refuse {
                code: 130_429,
                subcode: None,
                http: None,
                retry_after: Some(30),
            },
            _ => refuse(
                *self
                    .dice
                    .pick(&[1, 190, 131_056, 131_026, 131_047, 133_004, 131_000]),
            ),
        }
    }

    fn secret(&self) -> Secret {
        Secret::from(self.world.settings().app_secret.as_str())
    }

    /// One round of everything the box does.
    pub fn work(&mut self) -> Check {
        self.hear();
        self.probe();
        self.plan_jobs();
        // Sometimes the box is busy with something else.
        if self.dice.percent(12) {
            return Ok(());
        }
        let mut jobs = std::mem::take(&mut self.jobs);
        self.dice.shuffle(&mut jobs);
        let half = if self.dice.percent(25) {
            self.dice.below(jobs.len() + 1)
        } else {
            jobs.len()
        };
        let later = jobs.split_off(half);
        // What a power cut finds here is lost with everything else in memory.
        self.jobs = later;
        if !jobs.is_empty() && !self.do_group(jobs)? {
            return Ok(());
        }
        let later = std::mem::take(&mut self.jobs);
        if !later.is_empty() && !self.do_group(later)? {
            return Ok(());
        }
        self.fly(70)?;
        if self.dice.percent(3) {
            self.checkpoint();
        }
        Ok(())
    }

    /// Webhooks arrive: signature, items, a job.
    fn hear(&mut self) {
        for post in self.world.due_webhooks(self.now) {
            let held = cloud::verify(Some(&post.signature), &post.body, &[self.secret()]);
            assert!(held, "the world signs what it posts");
            let items = cloud::parse(&post.body);
            if self.bug == Some(Bug::AcknowledgedTooEarly) {
                self.acknowledge(post.id, &post.body);
            }
            self.jobs.push(Job::Receive(post, items));
        }
    }

    /// Asks after the line, rarely while it is up.
    fn probe(&mut self) {
        let now = self.box_now().at;
        if self.shell.line == LineState::Up || self.probe_at > self.now {
            return;
        }
        let outcome = if self.world.line_up() {
            SendOutcome::Accepted {
                wamid: Private::default(),
            }
        } else {
            SendOutcome::NotSent(LineFault::Down)
        };
        let next = judge_probe(&outcome, self.shell.line, now);
        self.shell.failed = if next == LineState::Up {
            0
        } else {
            self.shell.failed + 1
        };
        self.note_line(next);
        let wait = probe_wait_ms(next, self.shell.failed, now);
        self.probe_at = self.now.plus_ms(wait);
    }

    fn note_line(&mut self, next: LineState) {
        if next == LineState::Up && self.shell.line != LineState::Up {
            self.jobs.push(Job::LineUp);
        }
        if next != self.shell.line {
            self.say(format!("the line is {}", next.word()));
        }
        self.shell.line = next;
    }

    fn plan_jobs(&mut self) {
        let now = self.box_now().at;
        let due = self.shell.next_due.is_some_and(|due| due <= now);
        if due || self.shell.bell || self.dice.percent(3) {
            self.jobs.push(Job::Turn);
        }
        if self.dice.percent(85) {
            let room = if self.shell.line.carries(now) { 32 } else { 0 };
            self.jobs.push(Job::Claim(room));
        }
        if self.dice.percent(3) {
            self.jobs.push(Job::Housekeeping);
        }
        for place in 0..self.air.len() {
            let flight = &mut self.air[place];
            let Some((outcome, at)) = &flight.result else {
                continue;
            };
            if *at > self.now || flight.settling {
                continue;
            }
            flight.settling = true;
            let (id, attempt) = (flight.claim.id, flight.claim.attempt);
            let jitter = self.dice.below(1 << 31) as u32;
            self.jobs
                .push(Job::Settle(id, attempt, outcome.clone(), jitter));
        }
    }

    /// Commits a group and does what follows; false if the power went.
    fn do_group(&mut self, jobs: Vec<Job>) -> Result<bool, model::Broken> {
        let Some(committed) = self.commit(jobs)? else {
            return Ok(false);
        };
        let mut suspects = Vec::new();
        for (job, done) in committed {
            match (job, done) {
                (Job::Receive(post, _), done) => self.answer(&post, done.is_some()),
                (Job::Settle(_, attempt, ..), None) => self.settle_later(attempt),
                (Job::LineUp | Job::StaffSays(..) | Job::StaffCancels(_), None) => {}
                (_, Some(Done::Turned(turn))) => {
                    self.shell.bell = turn.more;
                    self.shell.next_due = turn.next_due;
                    suspects.extend(turn.suspect);
                }
                (_, Some(Done::Begun(begun))) if !begun.is_empty() => {}
                (_, Some(Done::Claimed(claims, judged))) => {
                    judged?;
                    self.lift(claims)?;
                }
                (_, Some(Done::Settled(attempt, outcome, channel))) => {
                    self.settled(attempt, &outcome, channel);
                }
                _ => {}
            }
        }
        for contact in suspects {
            if !self.step_with_care(contact)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A suspect contact: a commit that counts the try, then the step.
    fn step_with_care(&mut self, contact: ContactId) -> Result<bool, model::Broken> {
        self.say(format!("contact {contact} is stepped with care"));
        let begin = Job::Begin(contact, self.owed.clone());
        let Some(begun) = self.commit_one(begin)? else {
            return Ok(false);
        };
        let Some(Done::Begun(begun)) = begun else {
            return Ok(true);
        };
        self.owed.clear();
        if begun.is_empty() {
            return Ok(true);
        }
        let Some(stepped) = self.commit_one(Job::Careful(contact, begun.clone()))? else {
            return Ok(false);
        };
        if stepped.is_none() {
            self.owed.clone_from(&begun);
            let Some(taken_back) = self.commit_one(Job::TakeBack(begun))? else {
                return Ok(false);
            };
            if taken_back.is_some() {
                self.owed.clear();
            }
        }
        Ok(true)
    }

    /// What one job gave, if it was committed; nothing if the power went instead.
    fn commit_one(&mut self, job: Job) -> Result<Option<Option<Done>>, model::Broken> {
        let committed = self.commit(vec![job])?;
        Ok(committed.map(|all| all.into_iter().find_map(|(_, done)| done)))
    }

    fn answer(&mut self, post: &Delivery, committed: bool) {
        if self.bug == Some(Bug::AcknowledgedTooEarly) {
            return;
        }
        if committed {
            self.acknowledge(post.id, &post.body);
            self.shell.bell = true;
        } else {
            self.world.webhook_answered(post.id, Some(503), self.now);
        }
    }

    fn lift(&mut self, claims: Vec<healthpost::store::outbox::Claim>) -> Check {
        if self.bug == Some(Bug::SentBeforeItsAttempt) {
            let lost = |claim: &healthpost::store::outbox::Claim| {
                let ids = (claim.id, claim.attempt);
                Job::Settle(ids.0, ids.1, SendOutcome::Unknown, 0)
            };
            self.jobs.extend(claims.iter().map(lost));
            return Ok(());
        }
        for claim in claims {
            self.say(format!("message {} is claimed", claim.id));
            let to = self.model.rows[&claim.id.0].contact;
            for other in &self.air {
                let unknown = !self.model.has_arrived(&other.claim.call.key.0);
                let same = self.model.rows[&other.claim.id.0].contact == to;
                if same && unknown && !other.settling {
                    return model::broken(
                        "one_in_flight",
                        format!("{} while {} is in the air", claim.id, other.claim.id),
                    );
                }
            }
            self.air.push(Flight::new(claim));
        }
        rest::invariant_one_in_flight(&self.shell.conn)
    }

    fn settle_later(&mut self, attempt: AttemptId) {
        for flight in &mut self.air {
            if flight.claim.attempt == attempt {
                flight.settling = false;
            }
        }
    }

    fn settled(&mut self, attempt: AttemptId, outcome: &SendOutcome, channel: Channel) {
        self.air.retain(|flight| flight.claim.attempt != attempt);
        let next = self.shell.line.after(outcome, channel);
        self.note_line(next);
        if next != LineState::Up && self.probe_at <= self.now {
            self.probe_at = self.now.plus_ms(1_000);
        }
    }

    /// Lets sends in the air reach the far side, each by so many percent.
    fn fly(&mut self, percent: usize) -> Check {
        for place in 0..self.air.len() {
            if self.air[place].result.is_none() && self.dice.percent(percent) {
                self.send(place)?;
            }
        }
        Ok(())
    }

    /// One send reaches the far side, or does not.
    pub fn send(&mut self, place: usize) -> Check {
        let call = self.air[place].claim.call.clone();
        let before = self.world.sends();
        let (outcome, at) = match cloud::payload(&call) {
            None => (unreachable_person(), self.now),
            Some(_) if !self.world.line_up() => (SendOutcome::NotSent(LineFault::Down), self.now),
            Some(body) => {
                let body = body.to_string();
                let reply = self
                    .world
                    .send_to(PHONE_NUMBER_ID, body.as_bytes(), self.now);
                judge(&reply, self.now)
            }
        };
        let accepted = self.world.sends() > before;
        let known = matches!(outcome, SendOutcome::Accepted { .. });
        let error = matches!(outcome, SendOutcome::Refused { .. } | SendOutcome::Unknown);
        self.totals.provider_errors += usize::from(error);
        if accepted {
            self.say(format!("message {} arrives", self.air[place].claim.id));
            self.model.far_side_accepts(&self.shell.conn, &call.key.0)?;
            if !known {
                self.model.result_lost(&call.key.0);
                self.totals.lost_results += 1;
            }
        }
        self.air[place].accepted = accepted;
        self.air[place].result = Some((outcome, at));
        Ok(())
    }

    /// Two days in which nothing goes wrong.
    pub fn calm(&mut self) -> Check {
        self.say("calm");
        self.world.faults_mut().clear();
        self.world.set_disorder(Disorder::default());
        self.world.set_line(true, self.now);
        self.line_back = None;
        self.make_room();
        self.set_clock(0, true);
        for patient in &self.patients {
            let number = patient.number.as_str();
            self.world.set_online(number, true, self.now).unwrap();
        }
        let end = self.now.plus_ms(CALM_MS);
        let mut tidied = self.now;
        let mut pause_ms = SOON_MS;
        while self.now < end {
            let sends = self.world.sends();
            self.hear();
            self.probe();
            self.plan_jobs();
            if tidied <= self.now {
                tidied = self.now.plus_ms(6 * HOUR_MS);
                self.jobs.push(Job::Housekeeping);
            }
            let jobs = std::mem::take(&mut self.jobs);
            self.do_group(jobs)?;
            self.fly(100)?;
            // What waits behind something else is looked at ever more rarely.
            let idle = self.air.is_empty() && self.world.sends() == sends;
            pause_ms = if idle {
                (pause_ms * 2).min(5 * MINUTE_MS)
            } else {
                SOON_MS
            };
            self.now = self.next_event(end, tidied, pause_ms);
        }
        Ok(())
    }

    /// When something is to be done next.
    fn next_event(&self, end: UnixMs, tidied: UnixMs, pause_ms: i64) -> UnixMs {
        let queue: Option<i64> = self
            .shell
            .conn
            .prepare_cached(
                "SELECT min(min(coalesce(ready_at, look_at), coalesce(look_at, ready_at)))
                 FROM lane WHERE ready_at IS NOT NULL OR look_at IS NOT NULL",
            )
            .unwrap()
            .query_row([], |row| row.get(0))
            .unwrap();
        let results = self.air.iter().filter_map(|one| one.result.as_ref());
        let at_once = self.shell.bell || !self.jobs.is_empty();
        let soon = self.now.plus_ms(SOON_MS);
        let probe = (self.shell.line != LineState::Up).then_some(self.probe_at);
        let queue = queue.map(|at| UnixMs(at).max(self.now.plus_ms(pause_ms)));
        [self.world.next_due(), self.shell.next_due, queue, probe]
            .into_iter()
            .flatten()
            .chain(results.map(|(_, at)| *at))
            .chain([end, tidied])
            .chain(at_once.then_some(soon))
            .min()
            .unwrap_or(end)
            .max(self.now.plus_ms(1))
    }
}

/// What the client says of somebody it has no address for.
fn unreachable_person() -> SendOutcome {
    SendOutcome::Refused {
        error: ProviderError {
            code: 131_026,
            subcode: None,
        },
        http: 0,
        wait: None,
    }
}

/// What the client makes of a reply, and when it knows.
fn judge(reply: &Reply, now: UnixMs) -> (SendOutcome, UnixMs) {
    let late = match reply.manner {
        Manner::Answer => 50,
        Manner::Late(ms) if ms < PATIENCE_MS => ms,
        Manner::Late(_) | Manner::Hang => return (SendOutcome::Unknown, now.plus_ms(PATIENCE_MS)),
        Manner::Reset | Manner::Cut => return (SendOutcome::Unknown, now),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &reply.headers {
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    let answer = Answer {
        status: reply.http,
        headers,
        body: reply.body.clone().into_bytes(),
        whole: true,
        genuine: false,
    };
    let outcome = cloud::judge(&answer, now, cloud::accepted_message);
    (outcome, now.plus_ms(late))
}
