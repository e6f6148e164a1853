//! A clinic's box with a simulated Meta beside it, and its queue as staff see
//! it. What no command shows (who a contact is, when the next try may be) is
//! read out of the database.

use super::clinic::{Clinic, free_port};
use super::far_side::FarSide;
use super::process::Process;
use super::wait;
use healthpost::core::data_key::DataKey;
use healthpost::store::open;
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use serde_json::{Value, json};

const STAFF: &str = "nurse";
const PASSWORD: &str = "mlango wa kliniki 31";
/// What the log says before a change of the line.
const LINE_NEWS: &str = "the line to the provider changed";

/// One message as `outbox list --json` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Shown {
    /// Its number.
    pub id: i64,
    /// To whom.
    pub contact: i64,
    /// Why it is said.
    pub purpose: String,
    /// Where it stands.
    pub state: String,
    /// Why it stands there.
    pub why: Option<String>,
    /// Refusals that count.
    pub attempts: i64,
    /// Whether the patient may get it twice.
    pub maybe_double: bool,
    /// The sentence staff read.
    pub explanation: String,
}

impl Shown {
    /// State and reason in one.
    pub fn stands(&self) -> (&str, Option<&str>) {
        (&self.state, self.why.as_deref())
    }

    /// Whether staff are told that it has left.
    pub fn seems_sent(&self) -> bool {
        ["accepted", "sent", "delivered", "read"].contains(&self.state.as_str())
    }
}

/// A task as `tasks list --json` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    /// What is to be done.
    pub kind: String,
    /// For which message.
    pub message: Option<i64>,
}

/// The box, its far side, and a look into its database.
pub struct Outpost {
    /// The box.
    pub clinic: Clinic,
    /// The simulated Meta.
    pub far: FarSide,
    service: Option<Process>,
    key: DataKey,
    conn: Option<Connection>,
    folder: tempfile::TempDir,
}

impl Outpost {
    /// A box beside a simulated Meta with these settings; in its configuration
    /// each of these words is replaced. It does not run yet.
    pub fn new(settings: &Value, words: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let callback = format!("http://127.0.0.1:{port}/webhooks/whatsapp");
        let far = FarSide::start(folder.path(), settings, &callback);
        let clinic = Clinic::new(folder.path(), port, &far.graph);
        clinic.reword(words);
        Self {
            key: clinic.key(),
            clinic,
            far,
            service: None,
            conn: None,
            folder,
        }
    }

    /// Starts the service, and waits until it has found Meta.
    pub fn start(&mut self) {
        let before = self.far.asked().len();
        self.service = Some(self.clinic.serve());
        self.conn = Some(open::open_reader(&self.clinic.data, &self.key).unwrap());
        wait::until("the box asks for its number", 30, || {
            (self.far.asked().len() > before).then_some(())
        });
    }

    /// Stops the service; it must have lived well.
    pub fn stop(&mut self) {
        self.conn = None;
        if let Some(mut service) = self.service.take() {
            assert!(service.stop().success(), "{}", service.logged());
            assert!(!service.logged().contains("panicked"));
        }
    }

    /// What the service has logged.
    pub fn logged(&self) -> String {
        self.service.as_ref().unwrap().logged()
    }

    /// The states of the line that were told, the oldest first.
    pub fn line_news(&self) -> Vec<String> {
        let log = self.logged();
        let news = log.lines().filter(|line| line.contains(LINE_NEWS));
        let word = |line: &str| {
            let word = line.rsplit("line=").next().unwrap_or_default();
            word.trim_matches('"').to_owned()
        };
        news.map(word).collect()
    }

    fn conn(&self) -> &Connection {
        self.conn.as_ref().unwrap()
    }

    /// The contact who writes from this number.
    pub fn contact(&self, number: &str) -> Option<i64> {
        let sql = "SELECT contact_id FROM address WHERE kind = 'phone' AND value = ?1";
        self.conn()
            .query_row(sql, [number], |row| row.get(0))
            .optional()
            .unwrap()
    }

    /// Every message of the queue, the oldest first.
    pub fn queue(&self) -> Vec<Shown> {
        let listed = self.clinic.json(&["outbox", "list", "--limit", "1000"]);
        let mut list: Vec<Shown> = serde_json::from_value(listed["messages"].clone()).unwrap();
        list.sort_by_key(|message| message.id);
        list
    }

    /// What is queued for this number, the oldest first.
    pub fn messages(&self, number: &str) -> Vec<Shown> {
        let mut list = self.queue();
        let contact = self.contact(number);
        list.retain(|message| Some(message.contact) == contact);
        list
    }

    /// Waits until the only message to a number stands like this.
    pub fn wait_for(&self, number: &str, state: &str, why: Option<&str>) -> Shown {
        wait::until(&format!("{number}: {state}, {why:?}"), 60, || {
            let list = self.messages(number);
            list.into_iter().find(|one| one.stands() == (state, why))
        })
    }

    /// How long after its latest answer a message may be tried again, ms.
    pub fn waits_ms(&self, message: i64) -> i64 {
        let sql = "SELECT o.not_before - max(a.ended_at) FROM outbox o
                   JOIN attempt a ON a.outbox_id = o.id WHERE o.id = ?1";
        self.conn()
            .query_row(sql, [message], |row| row.get(0))
            .unwrap()
    }

    /// How long after it was queued again a message may be tried, ms.
    pub fn queued_for_ms(&self, message: i64) -> i64 {
        let sql = "SELECT not_before - updated_at FROM outbox WHERE id = ?1";
        self.conn()
            .query_row(sql, [message], |row| row.get(0))
            .unwrap()
    }

    /// When the first answer to a message was taken in, ms.
    pub fn first_answered_ms(&self, message: i64) -> i64 {
        let sql = "SELECT min(ended_at) FROM attempt WHERE outbox_id = ?1";
        self.conn()
            .query_row(sql, [message], |row| row.get(0))
            .unwrap()
    }

    /// Somebody of the staff who may see every task.
    pub fn hire(&self) {
        let add = ["user", "add", STAFF, "--role", "clinician"];
        let added = self.clinic.run(&add, &[], PASSWORD);
        assert_eq!(added.status, 0, "{added:?}");
        let file = self.folder.path().join("password");
        healthpost::durable::write(&file, PASSWORD.as_bytes()).unwrap();
    }

    /// Every task there ever was, as staff see them.
    pub fn tasks(&self) -> Vec<Task> {
        let file = self.folder.path().join("password");
        let who = ["--as", STAFF, "--password-file", file.to_str().unwrap()];
        let list = ["tasks", "list", "--all", "--limit", "1000"];
        let listed = self.clinic.json(&[&list[..], &who].concat());
        serde_json::from_value(listed).unwrap()
    }

    /// There are so many tasks of this kind, none of them about a message.
    pub fn tells_the_technician(&self, kind: &str, times: i64) {
        let sql = "SELECT count(*), count(outbox_id) FROM task WHERE kind = ?1";
        let found: (i64, i64) = self
            .conn()
            .query_row(sql, [kind], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(found, (times, 0), "{kind}");
    }

    /// Somebody asks to be left alone, which brings one notice and no question.
    pub fn says_stop(&self, number: &str) {
        self.far.write(number, &json!({ "text": "stop" }));
    }

    /// When each message that Meta took for a number was taken, ms.
    pub fn taken_for(&self, number: &str) -> Vec<i64> {
        let log = self.far.log().into_iter();
        let to = log.filter(|sent| sent.to == number);
        to.map(|sent| sent.accepted_at_ms).collect()
    }
}
