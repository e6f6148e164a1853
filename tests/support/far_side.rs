//! The simulated WhatsApp as a process of its own, driven over its control
//! interface.

use super::http;
use super::process::Process;
use super::wait;
use serde::Deserialize;
use serde_json::{Value, json};
use std::ops::Deref;
use std::path::Path;
use std::process::Command;

/// The account every test plays.
pub const APP_SECRET: &str = "e2e-app-secret-5f1c";
/// What the handshake presents.
pub const VERIFY_TOKEN: &str = "e2e-verify-token-77aa";
/// The bearer token of the Graph endpoint.
pub const ACCESS_TOKEN: &str = "e2e-access-token-b3d9";
/// The clinic's number at the provider.
pub const PHONE_NUMBER_ID: &str = "106540352242922";

/// One send the far side accepted.
#[derive(Clone, Debug, Deserialize)]
pub struct Sent {
    /// Its place in the order of acceptance.
    pub seq: u64,
    /// The box's own key.
    pub callback: Option<String>,
    /// Number or BSUID it went to.
    pub to: String,
    /// When, milliseconds UTC.
    pub accepted_at_ms: i64,
}

/// The simulated WhatsApp.
pub struct FarSide {
    _process: Process,
    /// Where sends go.
    pub graph: String,
    control: Control,
}

/// The control interface of a simulated WhatsApp.
pub struct Control {
    base: String,
}

impl Deref for FarSide {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

/// Limits no load of a test meets, and retries quick enough to wait for.
pub fn roomy() -> Value {
    json!({
        "app_secret": APP_SECRET,
        "verify_token": VERIFY_TOKEN,
        "access_token": ACCESS_TOKEN,
        "phone_number_id": PHONE_NUMBER_ID,
        "delays": {
            "sent_ms": 60, "delivered_ms": 60, "after_line_ms": 200,
            "retry_gaps_ms": [0, 100, 250, 500, 1000],
        },
        "limits": { "per_second": 100_000, "pair_burst": 1_000_000 },
    })
}

impl FarSide {
    /// Starts it with these settings; webhooks go to `callback`.
    pub fn start(folder: &Path, settings: &Value, callback: &str) -> Self {
        let config = folder.join("far-side.json");
        healthpost::durable::write(&config, settings.to_string().as_bytes()).unwrap();
        // It lies beside the other binary. Its own variable does not reach the
        // compiler: a shell in between drops names with a dash in them.
        let program = Path::new(env!("CARGO_BIN_EXE_healthpost"));
        let mut command = Command::new(program.with_file_name("simulated-whatsapp"));
        command
            .arg("--config")
            .arg(&config)
            .arg("--callback")
            .arg(callback);
        let process = Process::start(&mut command, folder, "far-side");
        let said: Value = wait::until("the simulated WhatsApp says where it is", 20, || {
            serde_json::from_str(process.printed().lines().next()?).ok()
        });
        let word = |name: &str| said[name].as_str().unwrap().to_owned();
        let (graph, control) = (word("graph"), Control::at(&word("phone")));
        Self {
            _process: process,
            graph,
            control,
        }
    }
}

impl Control {
    /// The interface whose phone page is here.
    pub fn at(phone_page: &str) -> Self {
        let base = phone_page.to_owned();
        Self { base }
    }

    fn get(&self, path: &str) -> Value {
        let answer = http::get(&format!("{}/{path}", self.base)).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    fn post(&self, path: &str, value: &Value) -> Value {
        let answer = http::post_json(&format!("{}/{path}", self.base), value).unwrap();
        let done = [200, 201].contains(&answer.status);
        assert!(done, "{path}: {}", answer.text());
        answer.json()
    }

    /// A new phone.
    pub fn add_phone(&self, phone: &Value) {
        self.post("phones", phone);
    }

    /// Cuts the clinic's line, or mends it.
    pub fn set_line(&self, up: bool) {
        self.post("line", &json!({ "up": up }));
    }

    /// Replies that wait at the clinic, where somebody can tell.
    pub fn replies_waiting(&self) -> u64 {
        self.get("waiting")["waiting"].as_u64().unwrap()
    }

    /// A phone writes; a number nobody has becomes a phone. Returns the wamid.
    pub fn write(&self, number: &str, said: &Value) -> String {
        let written = self.post(&format!("phones/{number}/messages"), said);
        written["id"].as_str().unwrap().to_owned()
    }

    /// The chat as it stands on a phone; nothing while nobody has the number.
    pub fn chat(&self, number: &str) -> Vec<Value> {
        let chat = http::get(&format!("{}/phones/{number}/messages", self.base));
        chat.unwrap().json().as_array().cloned().unwrap_or_default()
    }

    /// What the clinic said to a phone, oldest first.
    pub fn heard(&self, number: &str) -> Vec<Value> {
        let mut chat = self.chat(number);
        chat.retain(|entry| entry["direction"] == "to_phone");
        chat
    }

    /// Every send that was accepted, in that order.
    pub fn log(&self) -> Vec<Sent> {
        serde_json::from_value(self.get("log")["sends"].clone()).unwrap()
    }

    /// Webhooks that have not been answered 200 yet.
    pub fn waiting(&self) -> u64 {
        self.get("counts")["webhooks"]["waiting"].as_u64().unwrap()
    }

    /// When the box asked for its own number: a probe of the line, ms.
    pub fn asked(&self) -> Vec<i64> {
        serde_json::from_value(self.get("counts")["asked_at_ms"].clone()).unwrap()
    }

    /// Somebody answers everything in Meta's place.
    pub fn put_between(&self, stranger: &Value) {
        self.post("line", &json!({ "up": true, "stranger": stranger }));
    }

    /// Makes something go wrong.
    pub fn fault(&self, fault: &Value) {
        self.post("faults", fault);
    }

    /// Whether every fault that was asked for has happened.
    pub fn is_whole(&self) -> bool {
        let standing = self.get("faults");
        let faults = standing["faults"].as_array().unwrap();
        faults.iter().all(|fault| fault["spoilt"] == fault["times"])
    }

    /// Changes the account; returns it as it is now.
    pub fn account(&self, changes: &Value) -> Value {
        self.post("account", changes)
    }

    /// A reviewer decides about a template.
    pub fn review(&self, name: &str, language: &str, status: &str) {
        let review = json!({ "name": name, "language": language, "status": status });
        self.post("templates", &review);
    }

    /// Nothing goes wrong any more.
    pub fn mend(&self) {
        let url = format!("{}/faults", self.base);
        assert_eq!(http::ask("DELETE", &url, &[], b"").unwrap().status, 200);
    }
}
