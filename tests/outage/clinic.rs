//! A box reduced to its store and its planner, under simulated time.

use crate::outage::far_side::FarSide;
use healthpost::core::data_key::DataKey;
use healthpost::core::delivery::{Limits, Link, PairRule, Policy, SendOutcome, WindowRule};
use healthpost::core::id::{ContactId, OutboxId, OutboxKey};
use healthpost::core::inbound::{Identity, ProviderError, Receipt, Status};
use healthpost::core::lang::Lang;
use healthpost::core::outgoing::{Body, Outgoing, Purpose, Templates, neutral_templates};
use healthpost::core::time::{DAY_MS, MINUTE_MS, Now, UnixMs};
use healthpost::store::cards::Card;
use healthpost::store::outbox::{self, Claim, Rules, Turn};
use healthpost::store::{BoxKey, Try, contacts, open};
use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;

/// How a result that was lost is handled.
pub const POLICY: Policy = Policy {
    in_doubt_ms: 10 * MINUTE_MS,
};
/// When every test begins: 2026-11-20T00:00:00Z.
pub const BEGINNING: i64 = 1_795_132_800_000;

/// The box.
pub struct Clinic {
    pub conn: Connection,
    pub rules: Rules,
    pub now_ms: i64,
    pub trusted: bool,
    /// How the line stands.
    pub link: Link,
    pub far: FarSide,
    pub box_key: BoxKey,
    dice: u64,
    sent: std::collections::VecDeque<i64>,
    _folder: TempDir,
}

impl Clinic {
    pub fn new(seed: u64) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        let (key, box_key) = (DataKey::take(&mut [7; 32]), BoxKey::new([9; 32]));
        open::create(folder.path(), &key, &box_key).unwrap();
        let conn = open::open(folder.path(), &key).unwrap();
        conn.set_prepared_statement_cache_capacity(128);
        let names = neutral_templates().map(|one| (one.language, one.name.to_owned()));
        Self {
            conn,
            rules: Rules {
                limits: Limits {
                    window: WindowRule::Day,
                    pair: PairRule::CLOUD,
                    max_age_ms: 7 * DAY_MS,
                    asking: None,
                },
                templates: Templates::new(names.into(), vec![Lang::Fr, Lang::Sw]),
                zone: jiff::tz::TimeZone::UTC,
                language: Lang::Fr,
                daily_ceiling: 0,
            },
            now_ms: BEGINNING,
            trusted: true,
            link: Link::Works,
            far: FarSide::default(),
            box_key,
            dice: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            sent: std::collections::VecDeque::new(),
            _folder: folder,
        }
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: i64) -> i64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        i64::try_from((self.dice >> 1) % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn percent(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    pub fn now(&self) -> Now {
        Now {
            at: UnixMs(self.now_ms),
            trusted: self.trusted,
        }
    }

    pub fn begin(&self) {
        self.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    }

    pub fn commit(&self) {
        self.conn.execute_batch("COMMIT").unwrap();
    }

    /// A person who has just written.
    pub fn person(&mut self, n: i64) -> ContactId {
        let who = Identity {
            phone: Some(format!("24397{n:07}").into()),
            ..Identity::default()
        };
        let now = self.now().at;
        let contact = contacts::resolve(&self.conn, &who, now).unwrap().unwrap();
        self.writes(contact, self.now_ms);
        contact
    }

    /// Somebody writes at `at` by WhatsApp's clock, and the box hears of it now.
    pub fn writes(&mut self, contact: ContactId, at: i64) {
        let phone = self.far.phones.entry(contact.0).or_default();
        phone.wrote = phone.wrote.max(at);
        self.hears(contact, at);
    }

    /// The box hears of a message.
    pub fn hears(&self, contact: ContactId, stamped: i64) {
        let mut card = Card::read(&self.conn, contact).unwrap();
        card.saw_message(UnixMs(stamped));
        card.save(&self.conn).unwrap();
    }

    fn message(purpose: Purpose) -> Outgoing {
        Outgoing {
            purpose,
            body: Body::text("Merci."),
        }
    }

    fn next_key(&mut self) -> OutboxKey {
        let random = self.below(i64::MAX).to_le_bytes();
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&random);
        OutboxKey::new(UnixMs(self.now_ms), bytes)
    }

    pub fn push(&mut self, contact: ContactId, purpose: Purpose) -> OutboxId {
        let (key, now) = (self.next_key(), self.now());
        let message = Self::message(purpose);
        outbox::push(&self.conn, contact, &key, &message, now).unwrap()
    }

    pub fn try_push(&mut self, contact: ContactId) -> bool {
        let (key, now) = (self.next_key(), self.now());
        let message = Outgoing {
            purpose: Purpose::Notice,
            body: Body::text("a".repeat(4_000)),
        };
        outbox::push(&self.conn, contact, &key, &message, now).is_ok()
    }

    pub fn turn(&self, room: usize) -> Turn {
        let (rules, now) = (&self.rules, self.now());
        outbox::turn(&self.conn, rules, self.link, now, room, Try::Bold).unwrap()
    }

    /// How many may leave now: the sender's own pace, told naively.
    pub fn room(&mut self) -> usize {
        let now = self.now_ms;
        while self.sent.front().is_some_and(|at| now - at >= 1_010) {
            self.sent.pop_front();
        }
        80 - self.sent.len()
    }

    pub fn contact_of(&self, id: OutboxId) -> i64 {
        let sql = "SELECT contact_id FROM outbox WHERE id = ?1";
        self.conn.query_row(sql, [id.0], |row| row.get(0)).unwrap()
    }

    pub fn settle(&self, claim: &Claim, outcome: &SendOutcome) {
        let ids = (claim.id, claim.attempt);
        let now = self.now().at;
        outbox::settle(&self.conn, &self.box_key, ids, outcome, POLICY, now, 0).unwrap();
    }

    /// Hands a message over; its outcome as the provider would have it.
    pub fn send(&mut self, claim: &Claim) -> SendOutcome {
        self.sent.push_back(self.now_ms);
        let contact = self.contact_of(claim.id);
        let template = claim.call.message.purpose == Purpose::Template;
        match self
            .far
            .send(contact, &claim.call.key.0, template, self.now_ms)
        {
            Ok(()) => SendOutcome::Accepted {
                wamid: format!("wamid.{}", claim.call.key.0).into(),
            },
            Err(code) => SendOutcome::Refused {
                error: ProviderError {
                    code,
                    subcode: None,
                },
                http: 400,
                wait: None,
            },
        }
    }

    pub fn status(&self, key: &str, receipt: Receipt, code: Option<i64>) {
        let status = Status {
            id: format!("wamid.{key}").into(),
            receipt,
            stamped: UnixMs(self.now_ms),
            recipient: Identity::default(),
            callback: Some(key.to_owned()),
            errors: code
                .map(|code| ProviderError {
                    code,
                    subcode: None,
                })
                .into_iter()
                .collect(),
            category: None,
            billable: false,
        };
        let now = self.now().at;
        outbox::apply_status(&self.conn, &self.box_key, &status, now).unwrap();
    }

    /// Sends and settles at once, and lets everything arrive.
    pub fn settle_all(&mut self, claims: Vec<Claim>) {
        for claim in claims {
            let outcome = self.send(&claim);
            self.settle(&claim, &outcome);
            if matches!(outcome, SendOutcome::Accepted { .. }) {
                self.status(&claim.call.key.0, Receipt::Delivered, None);
            }
        }
    }

    /// Lets the queue leave for at most so long.
    pub fn drain(&mut self, ms: i64) {
        let end = self.now_ms + ms;
        while self.now_ms < end {
            self.begin();
            let room = self.room();
            let turn = self.turn(room);
            let next = turn.next.map_or(end, |at| at.0);
            let idle = turn.claims.is_empty() && !turn.more;
            self.settle_all(turn.claims);
            self.commit();
            if idle {
                let full = if room == 0 { self.now_ms + 20 } else { next };
                self.now_ms = full.clamp(self.now_ms + 1, end);
            } else {
                self.now_ms += 5;
            }
        }
    }

    pub fn set_disk_full(&self, full: bool) {
        let pages = if full { 1_i64 } else { 1 << 30 };
        self.conn
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| {
                row.get::<_, i64>(0)
            })
            .unwrap();
    }

    pub fn count(&self, what: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM outbox WHERE {what}");
        self.conn.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    /// Every message ended as it may: arrived, superseded (a question or a
    /// request to write again, one that goes on as a copy, or a copy of one that
    /// arrived), cancelled, or
    /// with exactly one task; and each contact was asked once for each window.
    pub fn judge_the_end(&self) {
        let fault = "SELECT count(*) FROM outbox o WHERE NOT (
            (o.state IN ('delivered', 'read')) OR o.state = 'cancelled'
            OR (o.state = 'superseded' AND (o.purpose IN ('prompt', 'template')
                                            OR o.why IN ('sent_again', 'first_arrived')))
            OR (o.purpose = 'template' AND o.state = 'failed')
            OR (o.state IN ('failed', 'expired')
                AND (SELECT count(*) FROM task t WHERE t.outbox_id = o.id) = 1))";
        let open =
            "SELECT group_concat(DISTINCT state || ' ' || purpose || ' ' || coalesce(why, ''))
            FROM outbox";
        let kinds: Option<String> = self.conn.query_row(open, [], |row| row.get(0)).unwrap();
        let faults: i64 = self.conn.query_row(fault, [], |row| row.get(0)).unwrap();
        assert_eq!(faults, 0, "{kinds:?}");
        let own = "SELECT count(*) FROM task t JOIN outbox o ON o.id = t.outbox_id
                   WHERE o.purpose = 'template'";
        let own: i64 = self.conn.query_row(own, [], |row| row.get(0)).unwrap();
        assert_eq!(own, 0, "a template has no task of its own");
        self.judge_templates();
    }

    /// Nobody is asked twice to write for the same closed window, before nothing is
    /// left that waited for the first answer. It counts when they were asked: the
    /// box may hear of it weeks later.
    fn judge_templates(&self) {
        let sql = "SELECT about_stamp FROM outbox WHERE key = ?1";
        let mut find = self.conn.prepare(sql).unwrap();
        for phone in self.far.phones.values() {
            let mut last: Option<(i64, i64, &str)> = None;
            for got in phone.got.iter().filter(|got| got.template) {
                let about: i64 = find.query_row([&got.key], |row| row.get(0)).unwrap();
                if let Some((window, at, key)) = last {
                    let again = window == about && key != got.key && got.at - at < 7 * DAY_MS;
                    assert!(!again, "{key} and {} for one closed window", got.key);
                }
                last = Some((about, got.at, &got.key));
            }
        }
    }

    /// What each person got is in the order in which it was queued, but for
    /// emergencies, templates, repeats, and what passed a result in doubt.
    pub fn judge_order(&self, strict: bool) {
        let sql = "SELECT id, purpose, maybe_double FROM outbox WHERE key = ?1";
        let mut find = self.conn.prepare(sql).unwrap();
        for phone in self.far.phones.values() {
            let mut last = 0;
            for got in &phone.got {
                let (id, purpose, double): (i64, String, bool) = find
                    .query_row([&got.key], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })
                    .unwrap();
                if got.template || purpose == "emergency" || (double && !strict) {
                    continue;
                }
                if strict || purpose != "staff" {
                    assert!(id > last, "{id} after {last}");
                    last = id;
                }
            }
        }
    }
}
