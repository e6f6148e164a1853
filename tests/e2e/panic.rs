//! A message that breaks the engine: it becomes a dead letter, its contact is
//! flagged, staff get a task, and everybody else is answered. The engine has
//! no such message that we know of; so the randomness a step draws is made to
//! break off, which is as real a panic in the middle of a step as any.

use crate::support::app::{self, App};
use crate::support::clinic::free_port;
use crate::support::far_side::{FarSide, roomy};
use crate::support::process::Process;
use crate::support::{wait, webhook};
use healthpost::device::chance::KernelChance;
use healthpost::ports::Chance;
use healthpost::store::open;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const AMINA: &str = "243970000001";
const BAHATI: &str = "243970000002";

/// Bytes a step draws for a new record's number, and nobody else draws.
const RECORD_NUMBER_BYTES: usize = 8;

/// Breaks off the next so many steps.
#[derive(Default)]
struct Armed(AtomicU32);

impl Chance for Armed {
    fn fill(&self, bytes: &mut [u8]) {
        let take = |left: u32| left.checked_sub(1);
        let in_a_step = bytes.len() == RECORD_NUMBER_BYTES;
        if in_a_step
            && self
                .0
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok()
        {
            panic!("a planted fault in the middle of a step");
        }
        KernelChance::new().unwrap().fill(bytes);
    }
}

struct Post {
    _folder: tempfile::TempDir,
    far: FarSide,
    app: App,
    chance: Arc<Armed>,
}

fn post() -> Post {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let far = FarSide::start(folder.path(), &roomy(), &app::webhook_of(port));
    let data = folder.path().join("data");
    app::make(&data);
    let chance = Arc::new(Armed::default());
    let app = App::start(&data, port, &far.graph, Arc::<Armed>::clone(&chance));
    // Both are known, and their windows are open.
    for number in [AMINA, BAHATI] {
        far.write(number, &json!({ "text": "hello" }));
        wait_heard(&far, number, 1);
    }
    Post {
        _folder: folder,
        far,
        app,
        chance,
    }
}

fn wait_heard(far: &FarSide, number: &str, messages: usize) {
    wait::until("the contact is answered", 30, || {
        (far.heard(number).len() >= messages).then_some(())
    });
}

impl Post {
    /// One webhook with these words of each.
    fn deliver(&self, words: &[(&str, &str, &str)]) {
        let messages: Vec<_> = words
            .iter()
            .map(|(wamid, from, words)| webhook::message(wamid, from, words))
            .collect();
        let answer = webhook::post(&self.app.webhook(), &webhook::batch(&messages)).unwrap();
        assert_eq!(answer.status, 200);
    }
}

/// Amina's message is dead and nothing else is: she is flagged, staff know.
fn amina_is_put_aside(app: &App, why: &str) {
    let of_amina = "(SELECT contact_id FROM address WHERE value = '243970000001')";
    for (what, sql) in [
        (
            "one dead letter",
            "SELECT count(*) FROM inbox WHERE state = 'dead'".to_owned(),
        ),
        (
            "hers",
            format!(
                "SELECT count(*) FROM inbox WHERE state = 'dead' AND why = '{why}' AND contact_id = {of_amina}"
            ),
        ),
        (
            "its words are kept",
            "SELECT count(*) FROM inbox WHERE state = 'dead' AND item LIKE '%planted words%'"
                .to_owned(),
        ),
        (
            "a flag",
            format!("SELECT count(*) FROM contact WHERE flag = 'dead_letter' AND id = {of_amina}"),
        ),
        (
            "no other flag",
            "SELECT count(*) FROM contact WHERE flag IS NOT NULL".to_owned(),
        ),
        (
            "a task",
            format!(
                "SELECT count(*) FROM task WHERE kind = 'dead_letter' AND state = 'open' AND contact_id = {of_amina}"
            ),
        ),
    ] {
        assert_eq!(app.count(&sql), 1, "{what}");
    }
    assert_eq!(
        app.count("SELECT count(*) FROM inbox WHERE state = 'new'"),
        0
    );
}

#[test]
fn a_panic_in_a_step_costs_one_message_and_nobody_else() {
    let it = post();
    // Boldly with whatever else is written, and once more by itself.
    it.chance.0.store(2, Ordering::SeqCst);
    it.deliver(&[
        ("wamid.p1", AMINA, "planted words"),
        ("wamid.p2", BAHATI, "help"),
    ]);
    wait_heard(&it.far, BAHATI, 2);
    wait::until("everything is handled", 30, || {
        (it.app
            .count("SELECT count(*) FROM inbox WHERE state = 'new'")
            == 0)
            .then_some(())
    });
    amina_is_put_aside(&it.app, "panicked");
    // The box serves on, and so does the conversation.
    let before = it.far.heard(AMINA).len();
    it.far.write(AMINA, &json!({ "text": "help" }));
    wait_heard(&it.far, AMINA, before + 1);
}

#[test]
fn of_messages_that_came_together_only_the_one_that_breaks_is_put_aside() {
    let it = post();
    let before = it.far.heard(AMINA).len();
    // Boldly, with care but together, and then the first one alone.
    it.chance.0.store(3, Ordering::SeqCst);
    it.deliver(&[
        ("wamid.t1", AMINA, "planted words"),
        ("wamid.t2", AMINA, "help"),
    ]);
    wait_heard(&it.far, AMINA, before + 1);
    amina_is_put_aside(&it.app, "panicked");
}

/// A row that an older program does not understand breaks what takes in news of
/// it: the webhook is acknowledged all the same, and all else in it is stored.
#[test]
fn a_status_that_cannot_be_taken_in_costs_its_batch_mates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    app::make(&data);
    let conn = open::open(&data, &app::key()).unwrap();
    let now = wait::now_ms();
    conn.execute_batch(&format!(
        "INSERT INTO contact (id, created_at) VALUES (1, {now});
         INSERT INTO outbox (key, contact_id, purpose, rank, state, created_at, updated_at)
         VALUES ('ob:planted', 1, 'notice', 1, 'hovering', {now}, {now});",
    ))
    .unwrap();
    drop(conn);
    let port = free_port();
    let chance = Arc::new(KernelChance::new().unwrap());
    let app = App::start(&data, port, "http://127.0.0.1:1", chance);
    let messages = [
        webhook::message("wamid.s1", AMINA, "hello"),
        webhook::message("wamid.s2", BAHATI, "hello"),
    ];
    let body = webhook::batch(&messages);
    let mut body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["entry"][0]["changes"][0]["value"]["statuses"] = json!([{
        "id": "wamid.out",
        "status": "delivered",
        "timestamp": "1795168815",
        "recipient_id": AMINA,
        "biz_opaque_callback_data": "ob:planted",
    }]);
    let body = body.to_string().into_bytes();
    let answer = webhook::post(&app.webhook(), &body).unwrap();
    assert_eq!(answer.status, 200);
    let count = |sql| app.count(sql);
    let messages = "SELECT count(*) FROM inbox WHERE kind = 'message' AND state != 'dead'";
    assert_eq!(count(messages), 2);
    let dead = "SELECT count(*) FROM inbox WHERE kind = 'status' AND state = 'dead'";
    assert_eq!(count(dead), 1);
    assert_eq!(count("SELECT count(*) FROM inbox"), 3);
}

/// Takes the whole process down in the middle of a step.
struct Abort;

impl Chance for Abort {
    fn fill(&self, bytes: &mut [u8]) {
        if bytes.len() == RECORD_NUMBER_BYTES {
            std::process::abort();
        }
        KernelChance::new().unwrap().fill(bytes);
    }
}

const FOLDER: &str = "HEALTHPOST_TEST_ABORT_FOLDER";
const PORT: &str = "HEALTHPOST_TEST_ABORT_PORT";

/// The process that dies: the next test starts this one again in a process of
/// its own, with a folder to serve. Run by itself it has none, and is done.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "the parent says what to serve by the environment"
)]
fn serves_until_a_step_takes_the_process_down() {
    let (Ok(folder), Ok(port)) = (std::env::var(FOLDER), std::env::var(PORT)) else {
        return;
    };
    let nowhere = "http://127.0.0.1:1";
    let _app = App::start(
        Path::new(&folder),
        port.parse().unwrap(),
        nowhere,
        Arc::new(Abort),
    );
    wait::until("a step takes the process down", 120, || None)
}

fn dying(folder: &Path, data: &Path, port: u16) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "e2e::panic::serves_until_a_step_takes_the_process_down",
        ])
        .env(FOLDER, data)
        .env(PORT, port.to_string());
    Process::start(&mut command, folder, "dying")
}

#[test]
fn a_message_that_takes_the_process_down_again_and_again_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let far = FarSide::start(folder.path(), &roomy(), "http://127.0.0.1:1/nowhere");
    // Their windows are open; their greetings never arrive.
    for number in [AMINA, BAHATI] {
        far.write(number, &json!({ "text": "hello" }));
    }
    let data = folder.path().join("data");
    app::make(&data);
    let messages = [
        webhook::message("wamid.a1", AMINA, "planted words"),
        webhook::message("wamid.a2", BAHATI, "hello"),
    ];
    let body = webhook::batch(&messages);
    // Once while nobody suspects it, once with what waited beside it, twice
    // alone: after that it is known.
    for start in 0..4 {
        let mut process = dying(folder.path(), &data, port);
        if start == 0 {
            wait::until("it serves", 30, || {
                let answer = webhook::post(&app::webhook_of(port), &body).ok()?;
                (answer.status == 200).then_some(())
            });
        }
        let ended = wait::until("the step takes it down", 60, || process.ended());
        let signal = std::os::unix::process::ExitStatusExt::signal(&ended);
        assert_eq!(signal, Some(6), "start {start}: {}", process.logged());
    }
    let chance = Arc::new(KernelChance::new().unwrap());
    let app = App::start(&data, port, &far.graph, chance);
    wait_heard(&far, BAHATI, 1);
    wait::until("everything is handled", 30, || {
        (app.count("SELECT count(*) FROM inbox WHERE state = 'new'") == 0).then_some(())
    });
    amina_is_put_aside(&app, "interrupted");
}
