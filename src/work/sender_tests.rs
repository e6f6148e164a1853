//! The sender on a real store, turn by turn, with a provider that always answers
//! alike and a clock that is moved by hand.

use super::*;
use crate::core::delivery::{Limits, PairRule, WindowRule};
use crate::core::id::OutboxKey;
use crate::core::inbound::{Identity, ProviderError, Receipt, Status};
use crate::core::lang::Lang;
use crate::core::outgoing::{Body, Outgoing, Purpose, Templates};
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, Now, UnixMs};
use crate::ports::{Call, Moved};
use crate::store::{contacts, migrations, tasks};
use crate::work::seen::Seen;
use rusqlite::Connection;
use std::sync::atomic::{AtomicI64, Ordering};

const NOW: UnixMs = UnixMs(1_795_132_800_000);

/// Answers every send like this.
struct Always(SendOutcome);

impl Messenger for Always {
    async fn send(&self, _call: &Call) -> SendOutcome {
        self.0.clone()
    }

    async fn probe(&self) -> SendOutcome {
        SendOutcome::Unknown
    }
}

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(self.0.load(Ordering::Relaxed)),
            trusted: true,
        }
    }
}

struct Same;

impl Chance for Same {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn push(conn: &Connection, purpose: Purpose) -> Result<(), Error> {
    let who = Identity {
        phone: Some("243970000001".into()),
        ..Identity::default()
    };
    let Some(contact) = contacts::resolve(conn, &who, NOW)? else {
        return Err(Error::Unreadable("a contact"));
    };
    let message = Outgoing {
        purpose,
        body: Body::text("How old are you?"),
    };
    let now = Now {
        at: NOW,
        trusted: true,
    };
    outbox::push(conn, contact, &OutboxKey("ob:1".into()), &message, now)?;
    Ok(())
}

fn sender(answer: SendOutcome, clock: Arc<dyn Clock>, writer: Writer) -> Arc<Sender<Always>> {
    Arc::new(Sender {
        messenger: Arc::new(Always(answer)),
        writer,
        box_key: BoxKey::new([9; 32]),
        clock,
        chance: Arc::new(Same),
        policy: Policy {
            in_doubt_ms: 600_000,
        },
        rules: Arc::new(Rules {
            limits: Limits {
                window: WindowRule::None,
                pair: PairRule::NONE,
                max_age_ms: 7 * DAY_MS,
                asking: None,
            },
            templates: Templates::default(),
            zone: jiff::tz::TimeZone::UTC,
            language: Lang::En,
            daily_ceiling: 0,
        }),
        messages_per_second: 80,
        line: Line::default(),
        hold: Hold::default(),
        bell: Bell::default(),
    })
}

/// A board without a battery is set right while a question is in doubt: its
/// status may still come.
#[tokio::test]
async fn a_clock_that_leaps_forward_ends_no_wait_in_doubt() {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut conn).unwrap();
    push(&conn, Purpose::Prompt).unwrap();
    let (writer, _thread) = Writer::start(conn, None).unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(NOW.0)));
    let sender = sender(SendOutcome::Unknown, Arc::<Hands>::clone(&clock), writer);
    let watched_since = |at| Steps::since(sender.line.moment(at));
    let mut steps = watched_since(NOW);
    let (mut pace, mut stretch) = (Pace::new(80), Stretch::at_start(NOW));
    stretch.see(sender.line.state(), NOW);
    let mut left = Vec::new();
    for (ms, leaps) in [
        (HOUR_MS, true),
        (2 * HOUR_MS, true),
        (HOUR_MS, true),
        (600_000, false),
    ] {
        clock.0.fetch_add(ms, Ordering::Relaxed);
        if !leaps {
            steps = watched_since(clock.now().at);
        }
        stretch.see(sender.line.state(), clock.now().at);
        let mut turn = sender.turn(&mut pace, 0, &stretch, &mut steps).await;
        while turn.more {
            turn = sender.turn(&mut pace, 0, &stretch, &mut steps).await;
        }
        left.push(turn.claims.len());
        for claim in turn.claims {
            let stop = CancellationToken::new();
            Arc::clone(&sender).deliver(claim, stop).await;
        }
    }
    assert_eq!(left, [1, 0, 0, 1], "once more only after its whole wait");
}

/// Once its result stands in the queue a message can be claimed again, by a
/// turn that looked at the line before that.
#[tokio::test]
async fn what_stops_everybody_stops_the_message_that_met_it() {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut conn).unwrap();
    push(&conn, Purpose::Prompt).unwrap();
    let (writer, _thread) = Writer::start(conn, None).unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(NOW.0)));
    let complained_of = SendOutcome::Refused {
        error: ProviderError {
            code: 131_048,
            subcode: None,
        },
        http: 400,
        wait: None,
    };
    let sender = sender(complained_of, Arc::<Hands>::clone(&clock), writer);
    let mut steps = Steps::since(sender.line.moment(NOW));
    let (mut pace, mut before) = (Pace::new(80), Stretch::at_start(NOW));
    before.see(sender.line.state(), NOW);
    clock.0.fetch_add(HOUR_MS, Ordering::Relaxed);
    let turn = sender.turn(&mut pace, 0, &before, &mut steps).await;
    assert_eq!(turn.claims.len(), 1);
    for claim in turn.claims {
        let stop = CancellationToken::new();
        Arc::clone(&sender).deliver(claim, stop).await;
    }
    clock.0.fetch_add(MINUTE_MS, Ordering::Relaxed);
    let again = sender.turn(&mut pace, 0, &before, &mut steps).await;
    assert_eq!(
        again.claims.len(),
        0,
        "by what was known of the line before"
    );
}

/// Words of staff are in the air when the uplink dies, and their status waits at
/// the other end for as long as the cut lasts.
#[tokio::test]
async fn a_cut_longer_than_a_doubt_ends_none() {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut conn).unwrap();
    push(&conn, Purpose::Staff).unwrap();
    let (writer, _thread) = Writer::start(conn, None).unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(NOW.0)));
    let sender = sender(
        SendOutcome::Unknown,
        Arc::<Hands>::clone(&clock),
        writer.clone(),
    );
    let (mut pace, mut stretch) = (Pace::new(80), Stretch::at_start(NOW));
    stretch.see(sender.line.state(), NOW);
    clock.0.fetch_add(HOUR_MS, Ordering::Relaxed);
    let began = clock.now().at;
    let mut steps = Steps::since(sender.line.moment(began));
    let turn = sender.turn(&mut pace, 0, &stretch, &mut steps).await;
    assert_eq!(turn.claims.len(), 1);
    sender.line.see(&Seen::Moved(Moved::Gone), began);
    for claim in turn.claims {
        let stop = CancellationToken::new();
        Arc::clone(&sender).deliver(claim, stop).await;
    }
    clock.0.fetch_add(2 * HOUR_MS, Ordering::Relaxed);
    let back = clock.now().at;
    stretch.see(sender.line.state(), back);
    let mut steps = Steps::since(sender.line.moment(back));
    let turn = sender.turn(&mut pace, 0, &stretch, &mut steps).await;
    assert!(turn.claims.is_empty());
    assert!(turn.next.is_some_and(|at| at > back), "no busy dark");
    let found = writer.run(move |conn| {
        let told = |conn: &Connection| -> Result<(String, usize), Error> {
            let state = conn.query_row("SELECT state FROM outbox", [], |row| row.get(0))?;
            Ok((state, tasks::list_open(conn, 9)?.len()))
        };
        let dark = told(conn)?;
        outbox::line_up(conn, 600_000, 2 * HOUR_MS, back)?;
        let arrived = Status {
            id: "w1".into(),
            receipt: Receipt::Delivered,
            stamped: began,
            recipient: Identity::default(),
            callback: Some("ob:1".into()),
            errors: Vec::new(),
            category: None,
            billable: false,
        };
        outbox::apply_status(conn, &BoxKey::new([9; 32]), &arrived, back)?;
        Ok((dark, told(conn)?))
    });
    let expected = (("in_doubt".to_owned(), 0), ("delivered".to_owned(), 0));
    assert_eq!(found.await.unwrap(), expected);
}
