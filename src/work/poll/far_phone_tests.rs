//! Phones that are off for days, and a provider whose answers are not as they
//! should be: polling over the real client against the simulated UltraMsg.

use super::*;
use crate::core::data_key::DataKey;
use crate::core::outgoing::Purpose;
use crate::core::secret::Secret;
use crate::core::time::{MINUTE_MS, Now};
use crate::ports::Clock;
use crate::simulator::{UltraFault, UltraSettings, UltraSimulator, UltraStanding};
use crate::store::tests::{box_key, contact, count, queue};
use crate::store::{Writer, WriterThread, open, outbox};
use crate::whatsapp::client::{Line as WayOut, Timing};
use crate::whatsapp::ultramsg::{UltraMsgClient, UltraMsgSettings};
use crate::work::Bells;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering};

const START: UnixMs = UnixMs(1_795_168_800_000);
const FAR_AWAY: &str = "243970000001";
const OPEN: &str = "SELECT count(*) FROM task WHERE state = 'open'";

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(self.0.load(Ordering::Relaxed)),
            trusted: true,
        }
    }
}

struct Place {
    poll: Poll<UltraMsgClient>,
    state: State,
    clock: Arc<Hands>,
    far: Arc<UltraSimulator>,
    stop: CancellationToken,
    _running: tokio::task::JoinSet<()>,
    thread: WriterThread,
    _folder: tempfile::TempDir,
}

async fn place(narrows: bool) -> Place {
    let clock = Arc::new(Hands(AtomicI64::new(START.0)));
    let settings = UltraSettings {
        send_delay_ms: 0,
        filters_by_reference: narrows,
        ..UltraSettings::default()
    };
    let ours = UltraMsgSettings {
        base_url: String::new(),
        instance_id: settings.instance_id.clone(),
        token: Secret::from(settings.token.as_str()),
    };
    let api = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let far = UltraSimulator::start(settings, api, clock.clone()).await;
    let (far, stop) = (Arc::new(far.unwrap()), CancellationToken::new());
    let mut running = tokio::task::JoinSet::new();
    let (simulator, until) = (Arc::clone(&far), stop.clone());
    running.spawn(async move { simulator.run(until).await });
    let way_out = Arc::new(WayOut::new(Timing::default(), clock.clone()).unwrap());
    let ours = UltraMsgSettings {
        base_url: far.api_url(),
        ..ours
    };
    let folder = tempfile::tempdir().unwrap();
    let key = DataKey::take(&mut [1; 32]);
    open::create(folder.path(), &key, &box_key()).unwrap();
    let conn = open::open(folder.path(), &key).unwrap();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let poll = Poll {
        history: Arc::new(UltraMsgClient::new(way_out, &ours).unwrap()),
        taking: Taking {
            writer,
            box_key: box_key(),
            clock: clock.clone(),
            channel: "ultramsg",
            our_id: "1234".into(),
            vouched: false,
            quiet_ms: 0,
            bells: Bells::default(),
            line: Line::default(),
        },
        readers: Readers::open(folder.path(), &key).unwrap(),
        line: Line::default(),
        hold: Hold::default(),
        pulse: Pulse::default(),
    };
    Place {
        poll,
        state: State::new(START, Allowance::full(0)),
        clock,
        far,
        stop,
        _running: running,
        thread,
        _folder: folder,
    }
}

impl Place {
    fn later(&self, ms: i64) -> UnixMs {
        UnixMs(self.clock.0.fetch_add(ms, Ordering::Relaxed) + ms)
    }

    async fn look(&mut self) -> Result<Look, Unanswered> {
        let looked = self.poll.look(&mut self.state).await;
        self.state.note(&looked, self.poll.now(), 0);
        looked
    }

    /// Messages of these names are taken by both sides, and go to one person.
    async fn send(&self, to: &'static str, names: Vec<String>) {
        for name in &names {
            let form = [("to", to), ("body", "x"), ("referenceId", name)];
            let form: Vec<(String, String)> = form.map(|(k, v)| (k.into(), v.into())).into();
            self.far.with_world(|world, now| {
                world.take(&form, now);
                world.tick(now);
            });
        }
        let now = self.poll.now();
        let sent = self.poll.taking.writer.run(move |conn| {
            let who = contact(conn, to);
            for name in &names {
                let id = queue(conn, who, Purpose::Notice, name.trim_start_matches("ob:"));
                conn.execute(
                    "UPDATE outbox SET state = 'accepted', accepted_at = ?2 WHERE id = ?1",
                    (id.0, now.0),
                )?;
            }
            Ok(())
        });
        sent.await.unwrap();
    }

    fn switch(&self, on: bool) {
        self.far.with_world(|world, now| {
            world.set_phone(FAR_AWAY, on);
            world.tick(now);
        });
    }

    fn fault(&self, fault: UltraFault) {
        let standing = UltraStanding { fault, times: 1 };
        assert!(self.far.with_world(|world, _| world.add_fault(standing)));
    }

    /// How many messages have ended unheard, of those that wait for so long.
    async fn end_unheard(&self, wait_ms: i64) -> usize {
        let now = self.poll.now();
        let end = move |conn: &_| outbox::end_unheard(conn, wait_ms, now);
        self.poll.taking.writer.run(end).await.unwrap()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let counted = self
            .poll
            .taking
            .writer
            .run(move |conn| Ok(count(conn, sql)));
        counted.await.unwrap()
    }

    fn end(self) {
        self.stop.cancel();
        drop(self.poll);
        self.thread.stop().unwrap();
    }
}

fn names(of: &str, many: usize) -> Vec<String> {
    (0..many).map(|nth| format!("ob:{of}{nth}")).collect()
}

#[tokio::test]
async fn what_reached_a_phone_that_was_off_for_days_does_not_end_as_unheard() {
    const ARRIVED: &str = "SELECT count(*) FROM outbox WHERE key LIKE 'ob:far%' AND state = 'read'";
    const WAIT: i64 = 3 * DAY_MS;
    for narrows in [true, false] {
        let mut place = place(narrows).await;
        place.switch(false);
        place.send(FAR_AWAY, names("far", 3)).await;
        for _ in 0..2 {
            place.look().await.unwrap();
        }
        assert_eq!(place.end_unheard(WAIT).await, 0, "their wait begins");
        // Others are written to meanwhile, and hear it.
        place.later(DAY_MS);
        place.send("243970000002", names("near", 130)).await;
        place.later(MINUTE_MS);
        place.far.with_world(|world, now| drop(world.tick(now)));
        place.look().await.unwrap();
        place.later(WAIT - DAY_MS - 2 * HOUR_MS);
        place.look().await.unwrap();
        assert_eq!(place.count(ARRIVED).await, 0);
        place.switch(true);
        place.later(90 * MINUTE_MS);
        place.look().await.unwrap();
        assert_eq!(place.count(ARRIVED).await, 3, "narrowed: {narrows}");
        place.later(30 * MINUTE_MS);
        assert_eq!(place.end_unheard(WAIT).await, 0);
        assert_eq!(place.count(OPEN).await, 0);
        place.end();
    }
}

#[tokio::test]
async fn a_phone_that_stays_off_ends_with_a_task_after_its_last_look() {
    const WAIT: i64 = 3 * DAY_MS;
    let mut place = place(true).await;
    place.switch(false);
    place.send(FAR_AWAY, names("far", 1)).await;
    for _ in 0..2 {
        place.look().await.unwrap();
    }
    place.end_unheard(WAIT).await;
    place.later(WAIT - MINUTE_MS);
    place.look().await.unwrap();
    place.later(MINUTE_MS);
    assert_eq!(place.end_unheard(WAIT).await, 1);
    assert_eq!(place.count(OPEN).await, 1);
    place.end();
}

#[tokio::test]
async fn odd_answers_cost_no_message_and_faults_in_place_of_chats_are_no_look() {
    const MESSAGES: &str = "SELECT count(*) FROM inbox WHERE kind = 'message'";
    let mut place = place(false).await;
    place.send("243970000002", names("near", 1)).await;
    let write = |place: &Place, who: &str| {
        place
            .far
            .with_world(|world, now| world.phone_writes(who, "hello", now));
    };
    write(&place, "243970000003");
    place.fault(UltraFault::OddChats);
    assert_eq!(place.look().await.err(), Some(Unanswered::Odd));
    assert_eq!(place.poll.pulse.began(), None);
    place.fault(UltraFault::OddStatistics);
    place.look().await.unwrap();
    assert_eq!(place.count(MESSAGES).await, 1);
    // The first row is lost, for once; the others are not.
    place.later(MINUTE_MS);
    for who in ["243970000003", "243970000004"] {
        write(&place, who);
    }
    place.fault(UltraFault::UnreadableRow);
    place.look().await.unwrap();
    assert_eq!(place.count(MESSAGES).await, 3);
    place.end();
}
