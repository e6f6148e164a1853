//! The loop over a provider that is slow or gives no answer.

use super::*;
use crate::core::data_key::DataKey;
use crate::core::id::OutboxKey;
use crate::core::private::Private;
use crate::core::time::Now;
use crate::ports::{Backlog, Chats, Clock, Deliveries, Page, Standing};
use crate::store::tests::{box_key, phone};
use crate::store::{Writer, WriterThread, open};
use crate::work::{Bell, Bells};
use std::sync::atomic::{AtomicUsize, Ordering};

const NOW: UnixMs = UnixMs(1_795_132_800_000);

struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        Now {
            at: NOW,
            trusted: true,
        }
    }
}

/// A provider that never answers when it is asked for messages, and tells its
/// chats or not.
struct Slow {
    tells_chats: bool,
    looks: AtomicUsize,
    /// Rung when it is asked for messages.
    asked: Bell,
}

impl History for Slow {
    async fn chats(&self) -> Result<Chats, Unanswered> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let list = (0..50).map(|n| Chat {
            id: format!("24397{n:07}@c.us").into(),
            who: phone(&format!("24397{n:07}")),
            last: Some(NOW),
        });
        let list = list.collect();
        let told = self.tells_chats.then_some(Chats { list, bytes: 1 });
        told.ok_or(Unanswered::Lost)
    }

    async fn messages(&self, _: &Private<String>, _: usize) -> Result<Page, Unanswered> {
        self.asked.ring();
        std::future::pending().await
    }

    async fn deliveries(&self, _: Standing, _: usize) -> Result<Deliveries, Unanswered> {
        Err(Unanswered::Lost)
    }

    async fn receipts(&self, _: &OutboxKey, _: usize) -> Result<Deliveries, Unanswered> {
        Err(Unanswered::Lost)
    }

    async fn backlog(&self) -> Result<Backlog, Unanswered> {
        Err(Unanswered::Lost)
    }
}

/// The worker on a store of its own; it has listened here before.
fn worker(tells_chats: bool) -> (tempfile::TempDir, WriterThread, Poll<Slow>) {
    let folder = tempfile::tempdir().unwrap();
    let key = DataKey::take(&mut [1; 32]);
    open::create(folder.path(), &key, &box_key()).unwrap();
    let conn = open::open(folder.path(), &key).unwrap();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let line = Line::default();
    let poll = Poll {
        history: Arc::new(Slow {
            tells_chats,
            looks: AtomicUsize::new(0),
            asked: Bell::default(),
        }),
        taking: Taking {
            writer,
            box_key: box_key(),
            clock: Arc::new(Still),
            channel: "ultramsg",
            our_id: "1".into(),
            vouched: false,
            quiet_ms: 0,
            bells: Bells::default(),
            line: line.clone(),
        },
        readers: Readers::open(folder.path(), &key).unwrap(),
        line,
        hold: Hold::default(),
        pulse: Pulse::default(),
    };
    poll.pulse.begin(NOW.plus_ms(-LISTENS_BEFORE_MS));
    (folder, thread, poll)
}

fn fresh() -> State {
    State::new(NOW, Allowance::full(0))
}

/// The line has been up for all but a moment of what sends wait.
fn impatient() -> State {
    let nearly = PATIENCE - Duration::from_millis(50);
    State {
        since: Instant::now().checked_sub(nearly).unwrap(),
        ..fresh()
    }
}

/// Lets the worker go on from `state` until `seen`, and says how its hold stands.
async fn is_open_by(poll: Poll<Slow>, state: State, seen: &Bell) -> bool {
    let hold = poll.hold.clone();
    let stop = CancellationToken::new();
    let watching = async {
        let bound = Duration::from_secs(10);
        let seen = tokio::time::timeout(bound, seen.rung()).await;
        stop.cancel();
        seen.map(|()| hold.is_open())
    };
    let ((), open) = tokio::join!(poll.run_on(state, stop.clone()), watching);
    open.unwrap()
}

#[tokio::test]
async fn sends_wait_for_the_first_look_but_not_for_ever() {
    for (state, patient) in [(fresh(), true), (impatient(), false)] {
        let (_folder, _thread, poll) = worker(true);
        let (history, sender) = (Arc::clone(&poll.history), poll.taking.bells.sender.clone());
        let seen = if patient { &history.asked } else { &sender };
        assert_ne!(is_open_by(poll, state, seen).await, patient);
        assert_eq!(history.looks.load(Ordering::Relaxed), 1, "it goes on");
    }
}

#[tokio::test]
async fn sends_do_not_wait_for_the_look_after_one_that_failed() {
    let (_folder, _thread, poll) = worker(false);
    let (history, sender) = (Arc::clone(&poll.history), poll.taking.bells.sender.clone());
    assert!(is_open_by(poll, impatient(), &sender).await);
    assert_eq!(history.looks.load(Ordering::Relaxed), 1);
}
