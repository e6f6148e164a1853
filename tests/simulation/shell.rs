//! The appliance without its sockets and threads: the real store on a real
//! encrypted file, and jobs that share a transaction and a commit, each in a
//! savepoint, as the writing thread does it.

use crate::simulation::dice::BoxChance;
use crate::simulation::model::{Check, invariant_emergency_goes_next};
use crate::simulation::place::{self, Place};
use crate::simulation::planted::Bug;
use healthpost::core::delivery::{Channel, Limits, PairRule, Policy, WindowRule};
use healthpost::core::engine::Clinic;
use healthpost::core::flow::Flow;
use healthpost::core::id::{AttemptId, ContactId, InboxId, OutboxId, OutboxKey};
use healthpost::core::inbound::ReceivedItem;
use healthpost::core::limits::PATIENCE_QUIETS;
use healthpost::core::outgoing::{Body, Outgoing, Purpose, Templates, neutral_templates};
use healthpost::core::time::{DAY_MS, HOUR_MS, Now, UnixMs};
use healthpost::core::triage::find_danger;
use healthpost::ports::{LineFault, SendOutcome};
use healthpost::simulator::Delivery;
use healthpost::store::inbox::Reception;
use healthpost::store::nested::nested;
use healthpost::store::outbox::Claim;
use healthpost::store::retention::Seek;
use healthpost::store::{Error, Try, inbox, open, outbox, queue, sessions};
use healthpost::work::housekeeping::{self, Keeping};
use healthpost::work::intake::{self, Context, Flows, Turn};
use healthpost::work::line::LineState;
use healthpost::work::start;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// How a result that was lost is handled.
pub const POLICY: Policy = Policy {
    in_doubt_ms: 600_000,
};
/// The contact's quiet time, ms.
const QUIET_MS: i64 = 1_500;

/// A piece of work for the next commit.
#[derive(Clone)]
pub enum Job {
    /// A webhook whose signature held.
    Receive(Delivery, Vec<ReceivedItem>),
    /// A turn of the intake.
    Turn,
    /// The commit before a careful step, and tries that should not count.
    Begin(ContactId, Vec<InboxId>),
    /// Tries that should not count: their step was undone by a full disk.
    TakeBack(Vec<InboxId>),
    /// A careful step.
    Careful(ContactId, Vec<InboxId>),
    /// What may leave.
    Claim(usize),
    /// What became of a send.
    Settle(OutboxId, AttemptId, SendOutcome, u32),
    /// The line is back.
    LineUp,
    /// Tidying up.
    Housekeeping,
    /// A member of staff writes to a contact, under this key.
    StaffSays(ContactId, OutboxKey),
    /// A member of staff withdraws a message.
    StaffCancels(OutboxId),
}

/// What a job gave.
pub enum Done {
    /// Nothing to be told.
    Quiet,
    /// A turn of the intake.
    Turned(Turn),
    /// Messages whose careful step may begin.
    Begun(Vec<InboxId>),
    /// Messages that may leave.
    Claimed(Vec<Claim>, Check),
    /// A result was stored.
    Settled(AttemptId, SendOutcome, Channel),
}

/// A running box: everything a power cut takes away.
pub struct Shell {
    /// The writing connection.
    pub conn: Connection,
    context: Context,
    rules: outbox::Rules,
    bug: Option<Bug>,
    /// What is known of the line.
    pub line: LineState,
    /// Probes that failed since it was up.
    pub failed: u32,
    /// When the next conversation falls due, as the last turn said.
    pub next_due: Option<UnixMs>,
    /// Whether something came in since the last turn.
    pub bell: bool,
}

impl Shell {
    /// Opens what there is; recovers nothing yet.
    pub fn open(
        place: &Place,
        flow: &Flow,
        clinic: Clinic,
        bug: Option<Bug>,
    ) -> Result<Self, Error> {
        let conn = open::open(&place.folder(), &place::data_key())?;
        // The log is emptied when the simulation says so, never when a
        // connection is closed: a power cut closes nothing.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        conn.set_prepared_statement_cache_capacity(256);
        conn.execute_batch(bug.map_or("", Bug::triggers))?;
        Ok(Self {
            conn,
            rules: rules(&clinic),
            context: Context {
                flows: Flows::new(flow.clone(), &[]),
                clinic,
                box_key: place::box_key(),
                quiet_ms: QUIET_MS,
            },
            bug,
            line: LineState::Up,
            failed: 0,
            next_due: None,
            bell: true,
        })
    }

    /// What every start does before anything else.
    pub fn prepare(&mut self, flow: &Flow, now: Now) -> Result<(), Error> {
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        if self.bug == Some(Bug::ForgetfulDeduplication) {
            self.conn.execute("DELETE FROM seen", [])?;
        }
        let spoken = if self.bug == Some(Bug::NoRecovery) {
            sessions::spoken_flows(&self.conn)?
        } else {
            start::make_ready(&self.conn, POLICY.in_doubt_ms, flow, now.at)?
        };
        self.conn.execute_batch("COMMIT")?;
        self.context.flows = Flows::new(flow.clone(), &spoken);
        Ok(())
    }

    /// Runs jobs in one transaction that is left open.
    pub fn run(&self, jobs: &[Job], now: Now, chance: &BoxChance) -> Vec<Result<Done, Error>> {
        let mut now = now;
        if self.bug == Some(Bug::CredulousClock) {
            now.trusted = true;
        }
        self.say("BEGIN IMMEDIATE").unwrap();
        let mut results = Vec::new();
        for job in jobs {
            // On its worst errors SQLite ends the transaction by itself: what
            // comes after shares the fate of what came before.
            if self.conn.is_autocommit() {
                results.push(Err(Error::Full));
                continue;
            }
            self.say("SAVEPOINT job").unwrap();
            let result = self.job(job, now, chance);
            if !self.conn.is_autocommit() {
                if result.is_err() {
                    self.say("ROLLBACK TO job").unwrap();
                }
                self.say("RELEASE job").unwrap();
            }
            results.push(result);
        }
        results
    }

    /// Commits what [`Shell::run`] did, or takes it back; says which.
    pub fn close(&self, commit: bool) -> bool {
        if self.conn.is_autocommit() {
            return false;
        }
        if commit && self.bug == Some(Bug::StepInPieces) {
            self.close_in_pieces();
        }
        if commit && self.say("COMMIT").is_ok() {
            return true;
        }
        self.say("ROLLBACK").unwrap();
        false
    }

    /// A statement that is run often: parsed once.
    fn say(&self, sql: &str) -> rusqlite::Result<usize> {
        self.conn.prepare_cached(sql)?.execute([])
    }

    /// Queued messages are committed after the step that queued them.
    fn close_in_pieces(&self) {
        self.conn
            .execute_batch(
                "CREATE TEMP TABLE held AS SELECT * FROM outbox
                   WHERE state = 'queued' AND NOT EXISTS
                     (SELECT 1 FROM attempt WHERE outbox_id = outbox.id);
                 DELETE FROM outbox WHERE id IN (SELECT id FROM held);
                 COMMIT; BEGIN IMMEDIATE;
                 INSERT INTO outbox SELECT * FROM held;
                 DROP TABLE held;",
            )
            .unwrap();
    }

    fn job(&self, job: &Job, now: Now, chance: &BoxChance) -> Result<Done, Error> {
        let (conn, key) = (&self.conn, &self.context.box_key);
        match job {
            Job::Receive(post, items) => {
                let reception = Reception {
                    box_key: key,
                    channel: "cloud",
                    phone_number_id: PHONE_NUMBER_ID,
                    quiet_ms: QUIET_MS,
                    is_urgent,
                };
                inbox::receive(conn, &reception, &post.body, items, now.at)?;
            }
            Job::Turn => {
                let turn = |how| intake::turn(conn, &self.context, now, chance, how);
                return boldly(conn, turn).map(Done::Turned);
            }
            Job::Begin(contact, owed) => {
                let begun = intake::begin_careful(conn, &self.context, *contact, owed, now)?;
                return Ok(Done::Begun(begun));
            }
            Job::TakeBack(begun) => sessions::take_back_careful(conn, begun)?,
            Job::Careful(contact, begun) => {
                intake::careful(conn, &self.context, *contact, begun, now, chance)?;
            }
            Job::Claim(room) => {
                let turn = |how| outbox::turn(conn, &self.rules, self.line.link(), now, *room, how);
                let claims = boldly(conn, turn)?.claims;
                let check = |one: &Claim| invariant_emergency_goes_next(conn, one.id.0, now.at);
                let judged = claims.iter().try_for_each(check);
                return Ok(Done::Claimed(claims, judged));
            }
            Job::Settle(id, attempt, outcome, jitter) => {
                let lost = *outcome == SendOutcome::Unknown;
                let seen = if lost && self.bug == Some(Bug::BlindRetry) {
                    SendOutcome::NotSent(LineFault::Down)
                } else {
                    outcome.clone()
                };
                let ids = (*id, *attempt);
                let verdict = outbox::settle(conn, key, ids, &seen, POLICY, now.at, *jitter)?;
                return Ok(Done::Settled(*attempt, outcome.clone(), verdict.channel));
            }
            Job::LineUp => {
                let wait = POLICY.in_doubt_ms;
                outbox::line_up(conn, wait, wait, now.at)?;
            }
            Job::Housekeeping => {
                if self.bug == Some(Bug::TakenBackInTheAir) {
                    outbox::recover(conn, 0, now.at)?;
                }
                let keeping = Keeping {
                    webhooks_days: 8,
                    messages_days: 0,
                    records_days: 0,
                    in_doubt_ms: POLICY.in_doubt_ms,
                };
                housekeeping::turn(conn, keeping, Seek::default(), now)?;
            }
            Job::StaffSays(contact, key) => {
                let message = Outgoing {
                    purpose: Purpose::Staff,
                    body: Body::text("Please come to the clinic tomorrow."),
                };
                outbox::push(conn, *contact, key, &message, now)?;
            }
            Job::StaffCancels(id) => {
                queue::cancel(conn, *id, now.at)?;
            }
        }
        Ok(Done::Quiet)
    }

    /// Copies the log into the database and empties it.
    pub fn checkpoint(&self) {
        let said = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            });
        assert_eq!(said.unwrap(), 0, "nobody else reads");
    }

    /// Lets the database grow no more, or grow again.
    pub fn set_disk_full(&self, full: bool) {
        let pages = if full { 1_i64 } else { 1 << 30 };
        // SQLite raises a bound below the present size to that size.
        let pragma = format!("PRAGMA max_page_count = {pages}");
        self.conn
            .query_row(&pragma, [], |row| row.get::<_, i64>(0))
            .unwrap();
    }
}

/// A job as the writer does it: boldly, and once more with care if that went
/// wrong.
fn boldly<T>(conn: &Connection, job: impl Fn(Try) -> Result<T, Error>) -> Result<T, Error> {
    let bold = nested(conn, || job(Try::Bold));
    if bold.is_ok() || conn.is_autocommit() {
        return bold;
    }
    job(Try::Careful)
}

/// Our own number at the provider.
pub const PHONE_NUMBER_ID: &str = "106540352242922";

fn is_urgent(words: &str) -> bool {
    find_danger(words, None).is_some()
}

/// How old a message may grow here: less than the calm at the end lasts, so
/// that whatever waits for somebody who never writes ends in it.
const MAX_AGE_MS: i64 = 40 * HOUR_MS;

/// What the queue is planned by; templates where the clinic speaks an odd
/// number of languages.
fn rules(clinic: &Clinic) -> outbox::Rules {
    let odd = clinic.languages.len() % 2 == 1;
    let known = neutral_templates().into_iter().filter(|_| odd);
    let names = known.map(|one| (one.language, one.name.to_owned()));
    outbox::Rules {
        limits: Limits {
            window: WindowRule::Day,
            pair: PairRule::CLOUD,
            max_age_ms: MAX_AGE_MS,
            asking: None,
        },
        templates: Templates::new(names.collect(), clinic.languages.clone()),
        zone: clinic.zone.clone(),
        language: healthpost::core::lang::Lang::En,
        daily_ceiling: 0,
    }
}

/// The clinic, with so many languages.
pub fn clinic(languages: usize) -> Clinic {
    use healthpost::core::lang::Lang::{En, Es, Fr, Pt, Sw};
    Clinic {
        id: "clinic-1".into(),
        name: "Kisima".into(),
        country: "CD".into(),
        zone: jiff::tz::TimeZone::UTC,
        languages: [En, Fr, Sw, Es, Pt].into_iter().take(languages).collect(),
        emergency_number: "112".into(),
        session_idle_ms: DAY_MS / 4,
        patience_ms: PATIENCE_QUIETS * QUIET_MS,
    }
}
