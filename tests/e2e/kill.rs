//! The power goes, again and again, in the middle of everything. Judged by
//! what the senders were told and by what the far side has: never by what the
//! box believes of itself.

use crate::support::clinic::Clinic;
use crate::support::far_side::{FarSide, roomy};
use crate::support::{counts, wait, webhook};
use healthpost::store::{BoxKey, open};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rusqlite::Connection;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Phones that write through the simulated WhatsApp.
pub(super) const PHONES: u64 = 120;
/// People whose webhooks the test posts itself, on so many connections.
pub(super) const SENDERS: u64 = 4;
/// People of each of those connections.
pub(super) const PEOPLE: u64 = 12;

/// What people write; nothing in it is urgent.
const WORDS: [&str; 9] = [
    "hello",
    "1",
    "2",
    "Amina Juma\n34\nf\nKalehe",
    "knee\n3 days ago",
    "none",
    "help",
    "Wambui",
    "restart",
];

pub(super) struct Load<'a> {
    pub(super) far: &'a FarSide,
    pub(super) url: &'a str,
    pub(super) over: AtomicBool,
}

impl Load<'_> {
    /// Runs the load as long as `trouble` lasts. Returns the wamids written by
    /// phones, and those the senders were told are kept.
    pub(super) fn while_running(&self, trouble: impl FnOnce()) -> (Vec<String>, Vec<String>) {
        std::thread::scope(|scope| {
            let phones: Vec<_> = (0..2)
                .map(|seed| scope.spawn(move || self.phones(seed)))
                .collect();
            let senders: Vec<_> = (0..SENDERS)
                .map(|n| scope.spawn(move || self.sender(n)))
                .collect();
            trouble();
            self.over.store(true, Ordering::Relaxed);
            let join = |threads: Vec<std::thread::ScopedJoinHandle<'_, Vec<String>>>| {
                let written = threads.into_iter().map(|thread| thread.join().unwrap());
                written.flatten().collect()
            };
            (join(phones), join(senders))
        })
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Phones write; the far side delivers. Returns the wamids.
    fn phones(&self, seed: u64) -> Vec<String> {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut written = Vec::new();
        while !self.is_over() {
            let number = phone(below(&mut dice, PHONES));
            written.push(
                self.far
                    .write(&number, &json!({ "text": words(&mut dice) })),
            );
            wait::pass(Duration::from_millis(25));
        }
        written
    }

    /// Posts webhooks and tries each again until it is acknowledged. Returns
    /// the wamids that were.
    fn sender(&self, sender: u64) -> Vec<String> {
        let mut dice = ChaCha8Rng::seed_from_u64(1_000 + sender);
        let mut acknowledged = Vec::new();
        let mut next = 0_u64;
        while !self.is_over() {
            next += 1;
            let wamid = format!("wamid.direct-{sender}-{next}");
            let number = person(sender, below(&mut dice, PEOPLE));
            let body = webhook::text(&wamid, &number, words(&mut dice));
            while !self.is_over() {
                let answer = webhook::post(self.url, &body);
                if answer.is_ok_and(|answer| answer.status == 200) {
                    acknowledged.push(wamid);
                    break;
                }
                wait::pass(Duration::from_millis(10));
            }
            wait::pass(Duration::from_millis(20));
        }
        acknowledged
    }
}

pub(super) fn below(dice: &mut ChaCha8Rng, bound: u64) -> u64 {
    dice.next_u64() % bound
}

fn words(dice: &mut ChaCha8Rng) -> &'static str {
    let place = below(dice, WORDS.len() as u64);
    WORDS[usize::try_from(place).unwrap()]
}

fn phone(place: u64) -> String {
    format!("24397{place:07}")
}

pub(super) fn person(sender: u64, place: u64) -> String {
    format!("25570{:07}", sender * PEOPLE + place)
}

#[test]
fn power_cuts_at_random_moments_lose_nothing_and_double_only_what_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::clinic::free_port();
    let far = FarSide::start(
        folder.path(),
        &roomy(),
        &format!("http://127.0.0.1:{port}/webhooks/whatsapp"),
    );
    let clinic = Clinic::new(folder.path(), port, &far.graph);
    // Whoever the test speaks for has a phone, and has written once.
    for sender in 0..SENDERS {
        for place in 0..PEOPLE {
            far.write(&person(sender, place), &json!({ "text": "hello" }));
        }
    }
    // Answers take their time, so that kills meet sends in the air; and some
    // are accepted without a word ever following, so that they stay in doubt.
    far.fault(&json!({ "fault": { "kind": "silent" }, "per_mille": 250 }));
    far.fault(&json!({ "fault": { "kind": "slow", "ms": 150 }, "per_mille": 500 }));
    let url = clinic.webhook();
    let load = Load {
        far: &far,
        url: &url,
        over: AtomicBool::new(false),
    };
    let (phones, acknowledged) = load.while_running(|| kill_again_and_again(&clinic));
    far.mend();
    let mut service = clinic.serve();
    calm_down(&clinic, &far);
    assert!(service.stop().success(), "{}", service.logged());
    let found = judge(&clinic, &far, &phones, &acknowledged);
    found.print(&format!("{} kills", counts::of("kill_moments")));
    assert!(found.marks <= found.in_flight);
    assert!(
        found.in_flight > 0,
        "no kill met a send in the air: the test saw nothing"
    );
}

fn kill_again_and_again(clinic: &Clinic) {
    let mut dice = ChaCha8Rng::seed_from_u64(wait::now_ms().unsigned_abs());
    for _ in 0..counts::of("kill_moments") {
        let mut service = clinic.begin();
        // One in four dies while it is still starting.
        let most = if below(&mut dice, 4) == 0 {
            400
        } else {
            clinic.wait_ready(&mut service);
            1_200
        };
        wait::pass(Duration::from_millis(below(&mut dice, most)));
        service.kill();
    }
}

/// Everything that waits anywhere has been dealt with.
pub(super) fn calm_down(clinic: &Clinic, far: &FarSide) {
    let conn = open::open_reader(&clinic.data, &clinic.key()).unwrap();
    let count = |sql: &str| -> i64 { conn.query_row(sql, [], |row| row.get(0)).unwrap() };
    wait::until("everything has been dealt with", 180, || {
        let left = far.waiting() > 0
            || count("SELECT count(*) FROM inbox WHERE state = 'new'") > 0
            || count(
                "SELECT count(*) FROM outbox
                 WHERE state IN ('queued', 'held', 'sending', 'in_doubt')",
            ) > 0;
        (!left).then_some(())
    });
}

/// What a run came to, besides its being right.
pub(super) struct Found {
    acknowledged: usize,
    replies: usize,
    put_aside: i64,
    /// Attempts that a kill met in the air.
    pub(super) in_flight: i64,
    /// Attempts nobody knows the result of, for whatever reason.
    pub(super) uncertain: i64,
    /// Messages marked as possibly doubled.
    pub(super) marks: i64,
    doubles: usize,
}

impl Found {
    #[allow(
        clippy::print_stdout,
        reason = "the counts are what these tests are asked for"
    )]
    pub(super) fn print(&self, what: &str) {
        println!(
            "{what}: {} messages acknowledged, {} replies, put aside {}",
            self.acknowledged, self.replies, self.put_aside,
        );
        println!(
            "sends in flight at kills {}, uncertain {}, marks {}, doubles {}",
            self.in_flight, self.uncertain, self.marks, self.doubles,
        );
    }
}

/// Nothing lost, nothing out of order, no double without a mark.
pub(super) fn judge(
    clinic: &Clinic,
    far: &FarSide,
    phones: &[String],
    acknowledged: &[String],
) -> Found {
    let (conn, box_key) = clinic.open();
    let sound: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    assert!(
        acknowledged.len() > 20 && phones.len() > 20,
        "there was no load"
    );
    conn.execute_batch("CREATE INDEX by_message ON inbox (message_key)")
        .unwrap();
    for wamid in phones.iter().chain(acknowledged) {
        assert_eq!(times_stored(&conn, &box_key, wamid), 1, "{wamid}");
    }
    let dead: i64 = conn
        .query_row(
            "SELECT count(*) FROM inbox WHERE state = 'dead'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let told: i64 = conn
        .query_row(
            "SELECT count(*) FROM task WHERE kind = 'dead_letter'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(dead <= told, "{dead} messages put aside, {told} tasks");
    if dead == 0 {
        everybody_was_answered(far);
    }
    let sent = seen_by_the_far_side(far);
    let queue = queue(&conn);
    nothing_lost(&queue, &sent);
    nothing_reordered(&queue, &sent);
    let keys: BTreeSet<&String> = queue.iter().map(|row| &row.key).collect();
    assert!(
        sent.keys().all(|key| keys.contains(key)),
        "a send nobody queued"
    );
    let marks: BTreeSet<&String> = queue
        .iter()
        .filter(|row| row.marked)
        .map(|row| &row.key)
        .collect();
    let doubles: Vec<&String> = sent
        .iter()
        .filter(|(_, seqs)| seqs.len() > 1)
        .map(|(key, _)| key)
        .collect();
    let unmarked = doubles.iter().filter(|key| !marks.contains(**key)).count();
    assert_eq!(unmarked, 0, "doubles without a mark");
    let attempts = |what: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM attempt WHERE outcome IN ({what})");
        conn.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    Found {
        acknowledged: phones.len() + acknowledged.len(),
        replies: sent.len(),
        put_aside: dead,
        in_flight: attempts("'interrupted'"),
        uncertain: attempts("'interrupted', 'no_answer', 'provider_unsure', 'maybe_sent'"),
        marks: marks.len() as i64,
        doubles: doubles.len(),
    }
}

fn times_stored(conn: &Connection, box_key: &BoxKey, wamid: &str) -> i64 {
    conn.prepare_cached("SELECT count(*) FROM inbox WHERE message_key = ?1")
        .unwrap()
        .query_row([box_key.keyed_hash(wamid)], |row| row.get(0))
        .unwrap()
}

/// Whoever wrote was sent something. Judged by what the far side accepted, not
/// by what the phone shows: of some sends it never says a word again.
fn everybody_was_answered(far: &FarSide) {
    let answered: BTreeSet<String> = far.log().into_iter().map(|sent| sent.to).collect();
    let people = (0..SENDERS).flat_map(|sender| (0..PEOPLE).map(move |place| (sender, place)));
    let people = people.map(|(sender, place)| person(sender, place));
    for number in (0..PHONES).map(phone).chain(people) {
        let wrote = !far.chat(&number).is_empty();
        assert_eq!(wrote, answered.contains(&number), "{number}");
    }
}

/// The places of each of the box's keys in the far side's log.
fn seen_by_the_far_side(far: &FarSide) -> BTreeMap<String, Vec<u64>> {
    let mut sent: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for one in far.log() {
        sent.entry(one.callback.unwrap()).or_default().push(one.seq);
    }
    sent
}

struct Queued {
    key: String,
    contact: i64,
    state: String,
    urgent: bool,
    marked: bool,
    /// How often nobody knew what became of it.
    doubts: i64,
    /// Tasks that ask staff about it for that.
    tasks: i64,
}

/// The box's queue, in order.
fn queue(conn: &Connection) -> Vec<Queued> {
    let mut query = conn
        .prepare(
            "SELECT key, contact_id, state, rank = 0, maybe_double,
                    (SELECT count(*) FROM attempt WHERE outbox_id = outbox.id AND outcome IN
                     ('interrupted', 'no_answer', 'provider_unsure', 'maybe_sent')),
                    (SELECT count(*) FROM task
                     WHERE outbox_id = outbox.id AND kind = 'sent_in_doubt')
             FROM outbox ORDER BY id",
        )
        .unwrap();
    let rows = query.query_map([], |row| {
        Ok(Queued {
            key: row.get(0)?,
            contact: row.get(1)?,
            state: row.get(2)?,
            urgent: row.get(3)?,
            marked: row.get(4)?,
            doubts: row.get(5)?,
            tasks: row.get(6)?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn nothing_lost(queue: &[Queued], sent: &BTreeMap<String, Vec<u64>>) {
    for row in queue {
        let gone = ["superseded", "cancelled"].contains(&row.state.as_str());
        let arrived = ["accepted", "sent", "delivered", "read"].contains(&row.state.as_str());
        // One whose result was lost each time is a matter for staff.
        let handed_on = row.state == "failed" && row.doubts > 2 && row.tasks == 1;
        let ended = gone || arrived || handed_on;
        assert!(ended, "a reply ended as {}", row.state);
        let seen = sent.contains_key(&row.key);
        assert!(seen || !arrived, "{}: {}", row.key, row.state);
        // A question whose fate nobody knew gives way to a newer one.
        assert!(
            arrived || !seen || row.doubts > 0,
            "{}: {}",
            row.key,
            row.state
        );
    }
}

fn nothing_reordered(queue: &[Queued], sent: &BTreeMap<String, Vec<u64>>) {
    let mut latest: BTreeMap<i64, u64> = BTreeMap::new();
    // Others wait for the first doubt about a message, and not for a second:
    // such a one may arrive after them.
    let in_order = |row: &&Queued| !row.urgent && row.doubts < 2;
    for row in queue.iter().filter(in_order) {
        let Some(first) = sent.get(&row.key).and_then(|seqs| seqs.first()) else {
            continue;
        };
        let before = latest.insert(row.contact, *first).unwrap_or(0);
        assert!(
            before < *first,
            "contact {}: {before} then {first}",
            row.contact
        );
    }
}
