//! Patients' files: fetched over a line that breaks, checked, kept, handed to
//! staff, erased; and each way in which fetching one goes wrong.

use crate::support::app::key;
use crate::support::clinic::{Clinic, free_port};
use crate::support::far_side::{FarSide, roomy};
use crate::support::wait;
use healthpost::core::id::{ContactId, InboxId};
use healthpost::core::limits::MEDIA_FILE_BYTES_MAX;
use healthpost::core::secret::Secret;
use healthpost::core::time::{DAY_MS, Now, UnixMs};
use healthpost::device::chance::KernelChance;
use healthpost::ports::Clock;
use healthpost::simulator::{FileManner, Said, Settings, Simulator};
use healthpost::store::inbox::{self, Reception};
use healthpost::store::media::{self, File, State};
use healthpost::store::reserve::Reserve;
use healthpost::store::writer::WriterThread;
use healthpost::store::{BoxKey, Readers, Writer, erasure, open, tasks};
use healthpost::whatsapp::client::{Line as Http, Timing};
use healthpost::whatsapp::cloud::{self, CloudClient, CloudSettings};
use healthpost::work::Bell;
use healthpost::work::line::Line;
use healthpost::work::media::Fetcher;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const START: i64 = 1_795_168_800_000;
const PATIENT: &str = "243970000001";

/// A clock that the test moves.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(self.0.load(Ordering::SeqCst)),
            trusted: true,
        }
    }
}

/// The fetcher over a real store and a real connection to a simulated Meta.
struct Desk {
    runtime: Runtime,
    clock: Arc<Hand>,
    far_side: Arc<Simulator>,
    stop: CancellationToken,
    fetcher: Option<Fetcher<CloudClient>>,
    readers: Readers,
    writer: Writer,
    thread: Option<WriterThread>,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        open::create(folder.path(), &key(), &BoxKey::new([9; 32])).unwrap();
        let conn = open::open(folder.path(), &key()).unwrap();
        let (writer, thread) = Writer::start(conn, None).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(START)));
        let loopback = "127.0.0.1:0".parse().unwrap();
        let far_side = Simulator::start(Settings::default(), loopback, clock.clone(), None);
        let far_side = Arc::new(runtime.block_on(far_side).unwrap());
        let stop = CancellationToken::new();
        let (serving, until) = (Arc::clone(&far_side), stop.clone());
        runtime.spawn(async move { serving.run(until).await });
        let mut desk = Self {
            readers: Readers::open(folder.path(), &key()).unwrap(),
            runtime,
            clock,
            far_side,
            stop,
            fetcher: None,
            writer,
            thread: Some(thread),
            folder,
        };
        desk.restart();
        desk
    }

    /// A new fetcher, as after a start of the program.
    fn restart(&mut self) {
        let timing = Timing {
            idle: Duration::from_secs(2),
            ..Timing::default()
        };
        let http = Http::new(timing, self.clock.clone()).unwrap();
        let settings = CloudSettings {
            base_url: self.far_side.graph_url(),
            api_version: "v25.0".into(),
            phone_number_id: Settings::default().phone_number_id,
            token: Secret::from(Settings::default().access_token.as_str()),
        };
        let client = CloudClient::new(Arc::new(http), self.clock.clone(), &settings).unwrap();
        self.fetcher = Some(Fetcher {
            files: Arc::new(client),
            writer: self.writer.clone(),
            readers: self.readers.clone(),
            clock: self.clock.clone(),
            chance: Arc::new(KernelChance::new().unwrap()),
            line: Line::default(),
            disk: Reserve::new(self.folder.path(), 1),
            bell: Bell::default(),
        });
    }

    fn manner(&self, manner: &FileManner) {
        let manner = manner.clone();
        self.far_side
            .with_world(|world, _| world.set_file_manner(manner));
    }

    /// A patient speaks; the note is wanted.
    fn speak(&self) -> File {
        let bodies = self.far_side.with_world(|world, now| {
            world
                .phone_writes(PATIENT, &Said::Voice, None, now)
                .unwrap();
            let due = world.due_webhooks(now);
            for delivery in &due {
                world.webhook_answered(delivery.id, Some(200), now);
            }
            due
        });
        let body = bodies.last().unwrap().body.clone();
        let now = self.clock.now().at;
        self.write(move |conn| {
            let reception = Reception {
                box_key: &BoxKey::new([9; 32]),
                channel: "cloud",
                phone_number_id: &Settings::default().phone_number_id,
                quiet_ms: 0,
                is_urgent: |_| false,
            };
            inbox::receive(conn, &reception, &body, &cloud::parse(&body), now)?;
            let newest = conn.query_row("SELECT max(id) FROM inbox", [], |row| row.get(0))?;
            conn.execute("UPDATE inbox SET state = 'handled'", [])?;
            assert!(media::want(conn, InboxId(newest), None, now)?);
            Ok(media::claim(conn, now)?.unwrap())
        })
    }

    fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&rusqlite::Connection) -> Result<T, healthpost::store::Error> + Send + 'static,
    ) -> T {
        self.runtime.block_on(self.writer.run(job)).unwrap()
    }

    fn file(&self, id: healthpost::core::id::MediaId) -> Option<File> {
        self.write(move |conn| media::find(conn, id))
    }

    /// One turn; the clock goes on to where there is something to do again.
    fn turn(&self) {
        let fetcher = self.fetcher.as_ref().unwrap();
        self.runtime.block_on(fetcher.turn()).unwrap();
        if let Some(next) = self.write(media::next_at) {
            self.clock.0.fetch_max(next.0, Ordering::SeqCst);
        }
    }

    /// Turns until the file's fate is decided.
    fn settle(&self, file: &File) -> File {
        for _ in 0..1_000 {
            self.turn();
            let now = self.file(file.id).unwrap();
            if !matches!(now.state, State::Waiting | State::Fetching) {
                return now;
            }
        }
        panic!("it is never decided: {:?}", self.file(file.id));
    }

    fn content(&self, file: &File) -> Vec<u8> {
        let (id, mut all) = (file.id, Vec::new());
        loop {
            let at = all.len() as u64;
            match self.write(move |conn| media::kept_chunk(conn, id, at)) {
                Some(chunk) => all.extend(chunk),
                None => return all,
            }
        }
    }

    fn tasks(&self) -> Vec<String> {
        let list = self.write(|conn| tasks::list_open(conn, 100));
        list.into_iter().map(|task| task.kind).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop.cancel();
        self.fetcher = None;
        if let Some(thread) = self.thread.take() {
            thread.stop().unwrap();
        }
    }
}

fn is_what_was_sent(file: &File, content: &[u8]) -> bool {
    let told = healthpost::core::media::digest(file.sha256.as_deref().unwrap()).unwrap();
    told == <[u8; 32]>::from(Sha256::digest(content))
}

#[test]
fn where_the_webhook_told_no_digest_the_one_beside_the_file_counts() {
    for (wrong_digest, state) in [(false, State::Kept), (true, State::Refused)] {
        let desk = Desk::new();
        desk.manner(&FileManner {
            wrong_digest,
            ..FileManner::default()
        });
        let file = desk.speak();
        desk.write(|conn| Ok(conn.execute("UPDATE media SET sha256 = NULL", [])?));
        assert_eq!(desk.settle(&file).state, state);
    }
}

#[test]
fn each_way_in_which_fetching_goes_wrong_has_its_end() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    nobody.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}", nobody.local_addr().unwrap());
    let fine = FileManner::default();
    let of = |bytes: usize| FileManner {
        bytes: Some(bytes),
        ..FileManner::default()
    };
    let cases = [
        ("by the book", fine.clone(), State::Kept, ""),
        ("exactly two pieces", of(128 * 1024), State::Kept, ""),
        (
            "a slow one",
            FileManner {
                piece_ms: 5,
                ..of(300_000)
            },
            State::Kept,
            "",
        ),
        (
            "cut and cut again",
            FileManner {
                cut_after: Some(90_000),
                ..of(400_000)
            },
            State::Kept,
            "",
        ),
        (
            "not what was sent",
            FileManner {
                wrong_digest: true,
                ..fine.clone()
            },
            State::Refused,
            "ask_to_resend",
        ),
        (
            "forgotten",
            FileManner {
                gone: true,
                ..fine.clone()
            },
            State::Gone,
            "ask_to_resend",
        ),
        (
            "addresses that are stale at once",
            FileManner {
                link_ms: 0,
                ..fine.clone()
            },
            State::Gone,
            "ask_to_resend",
        ),
        (
            "said to lie elsewhere",
            FileManner {
                place: Some(elsewhere.clone()),
                ..fine.clone()
            },
            State::Refused,
            "file_out_of_reach",
        ),
        (
            "sent on to elsewhere",
            FileManner {
                redirect: Some(elsewhere),
                ..fine.clone()
            },
            State::Gone,
            "ask_to_resend",
        ),
        (
            "too large",
            of(usize::try_from(MEDIA_FILE_BYTES_MAX).unwrap() + 1),
            State::TooBig,
            "file_too_large",
        ),
        (
            "a kind that is not kept",
            FileManner {
                mime: Some("text/html".into()),
                ..fine
            },
            State::Refused,
            "file_not_kept",
        ),
    ];
    for (what, manner, state, task) in cases {
        let desk = Desk::new();
        desk.manner(&manner);
        let file = desk.speak();
        let end = desk.settle(&file);
        assert_eq!(end.state, state, "{what}: {end:?}");
        let content = desk.content(&end);
        if state == State::Kept {
            assert!(is_what_was_sent(&end, &content), "{what}");
            assert_eq!(content.len() as u64, end.bytes, "{what}");
            assert!(desk.tasks().is_empty(), "{what}");
        } else {
            assert!(content.is_empty(), "{what}: nobody is shown it");
            // The next turn overwrites what had come of it.
            desk.turn();
            let id = file.id;
            let here = desk.write(move |conn| media::chunk(conn, id, 0));
            let bytes = desk.file(id).unwrap().bytes;
            assert_eq!((here, bytes), (None, 0), "{what}: nothing of it stays");
            assert_eq!(desk.tasks(), [task], "{what}");
        }
        let waited = desk.clock.now().at.0 - START;
        assert!(waited < 9 * DAY_MS, "{what}: {waited}");
    }
    let reached = nobody.accept();
    assert!(reached.is_err(), "the token went to a stranger");
}

#[test]
fn what_is_here_is_not_fetched_again_after_a_power_cut() {
    let mut desk = Desk::new();
    let manner = FileManner {
        bytes: Some(300_000),
        cut_after: Some(100_000),
        ..FileManner::default()
    };
    desk.manner(&manner);
    let file = desk.speak();
    desk.turn();
    let part = desk.file(file.id).unwrap().bytes;
    assert!((65_536..=100_000).contains(&part), "{part}");
    // The power goes while it is being fetched.
    desk.write(|conn| Ok(conn.execute("UPDATE media SET state = 'fetching', not_before = 0", [])?));
    desk.restart();
    desk.turn();
    let more = desk.file(file.id).unwrap().bytes;
    assert!(more > part, "{part} then {more}");
    // A far side that hands out no parts begins anew.
    desk.manner(&FileManner {
        cut_after: None,
        no_ranges: true,
        ..manner
    });
    let end = desk.settle(&file);
    assert_eq!((end.state, end.bytes), (State::Kept, 300_000));
    assert!(is_what_was_sent(&end, &desk.content(&end)));
}

#[test]
fn a_contact_who_is_erased_meanwhile_leaves_nothing() {
    let desk = Desk::new();
    desk.manner(&FileManner {
        bytes: Some(4 * 1024 * 1024),
        cut_after: Some(3 * 1024 * 1024),
        ..FileManner::default()
    });
    let file = desk.speak();
    desk.turn();
    let now = desk.clock.now().at;
    let contact: ContactId = file.contact;
    desk.write(move |conn| erasure::erase_contact(conn, contact, now));
    desk.turn();
    assert_eq!(desk.file(file.id), None);
    let left = desk.write(|conn| {
        Ok(
            conn.query_row("SELECT count(*) FROM media_chunk", [], |row| {
                row.get::<_, i64>(0)
            })?,
        )
    });
    assert_eq!(left, 0);
}

#[test]
fn a_spoken_answer_is_kept_told_to_staff_and_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let callback = format!("http://127.0.0.1:{port}/webhooks/whatsapp");
    let far_side = FarSide::start(folder.path(), &roomy(), &callback);
    let clinic = Clinic::new(folder.path(), port, &far_side.graph);
    let mut service = clinic.serve();
    let ask = |said: &Value| {
        let before = far_side.heard(PATIENT).len();
        far_side.write(PATIENT, said);
        wait::until("the patient is answered", 30, || {
            let heard = far_side.heard(PATIENT);
            (heard.len() > before).then(|| heard.last().unwrap().clone())
        })
    };
    let tap = |heard: &Value, choice: &str| {
        let taps = heard["buttons"]
            .as_array()
            .or(heard["list"]["rows"].as_array())
            .unwrap();
        let mut ids = taps.iter().map(|tap| tap["id"].as_str().unwrap());
        let wanted =
            ids.find(|id| id.rsplit(':').next().unwrap().split('@').next() == Some(choice));
        json!({ "button": wanted.unwrap() })
    };
    let heard = ask(&json!({ "text": "hello" }));
    let heard = ask(&tap(&heard, "en"));
    let heard = ask(&tap(&heard, "agree"));
    ask(&tap(&heard, "me"));
    let told = ask(&json!({ "voice": true }));
    let told = told["text"].as_str().unwrap();
    assert!(told.contains("staff") || told.contains("listen"), "{told}");
    let password = "daktari wa zamu 3";
    let add = ["user", "add", "amina", "--role", "clinician"];
    assert_eq!(clinic.run(&add, &[], password).status, 0);
    let file = folder.path().join("password");
    healthpost::durable::write(&file, password.as_bytes()).unwrap();
    let who = ["--as", "amina", "--password-file", file.to_str().unwrap()];
    let run = |args: &[&str]| clinic.json(&[args, &who].concat());
    let tasks = run(&["tasks", "list"]);
    assert_eq!(tasks[0]["kind"], "listen_to_voice", "{tasks}");
    let record = tasks[0]["record"].as_str().unwrap().to_owned();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let files = wait::until("the recording is here", 30, || {
        let files = run(&["records", "media", &record]);
        (files[0]["state"] == "kept").then_some(files)
    });
    assert_eq!(files[0]["mime"], "audio/ogg; codecs=opus");
    let taken = run(&["records", "media", &record, "--out", out.to_str().unwrap()]);
    let path = taken[0]["file"].as_str().unwrap();
    assert!(path.ends_with(".ogg") && path.contains(&record), "{path}");
    assert_eq!(
        std::fs::read(path).unwrap(),
        b"OggS\0\x02simulated voice note"
    );
    // The technician sees no patient's files.
    let add = ["user", "add", "fundi", "--role", "technician"];
    assert_eq!(clinic.run(&add, &[], password).status, 0);
    let who = ["--as", "fundi", "--password-file", file.to_str().unwrap()];
    let refused = clinic.run(
        &[&["records", "media", &record][..], &who].concat(),
        &[],
        "",
    );
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(service.stop().success(), "{}", service.logged());
    // What it cost is counted, and told without the service too.
    let alone = ["--json", "whatsapp", "usage", "--passphrase-file"];
    let usage = clinic.run(&alone, &[clinic.passphrase()], "");
    let usage: Value = serde_json::from_str(&usage.out).unwrap();
    let delivered = usage["delivered"]["service"].as_u64().unwrap();
    assert!(delivered >= 4, "{usage}");
    let today = &usage["wire_bytes"][0];
    assert!(today["sent"].as_u64() > Some(1_000), "{usage}");
    assert!(today["received"].as_u64() > Some(1_000), "{usage}");
    let (conn, _) = clinic.open();
    let audited: i64 = conn
        .query_row(
            "SELECT count(*) FROM audit WHERE action = 'record.files'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(audited >= 2);
}
