//! The simulated UltraMsg as a process of its own, driven over its control
//! interface.

use super::http;
use super::process::Process;
use super::wait;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// The instance every test plays.
pub const INSTANCE: &str = "instance1234";
/// The token it accepts.
pub const TOKEN: &str = "e2e-ultramsg-token-91c2";
/// What stands in the webhook's path.
pub const PATH_SECRET: &str = "e2e-path-9f31c2ab77d0e4165b3d88401c";

/// The simulated UltraMsg.
pub struct UltraSide {
    _process: Process,
    /// Where sends go.
    pub api: String,
    base: String,
}

impl UltraSide {
    /// Starts it; webhooks go to `callback`, or nowhere if it is empty.
    pub fn start(folder: &Path, callback: &str) -> Self {
        let config = folder.join("ultra-side.json");
        let settings = json!({
            "instance_id": INSTANCE, "token": TOKEN, "callback_url": callback,
            "send_delay_ms": 50, "ack_ms": 50, "retry_gap_ms": 200,
        });
        healthpost::durable::write(&config, settings.to_string().as_bytes()).unwrap();
        // It lies beside the other binary.
        let program = Path::new(env!("CARGO_BIN_EXE_healthpost"));
        let mut command = Command::new(program.with_file_name("simulated-whatsapp"));
        command
            .args(["--provider", "ultramsg", "--config"])
            .arg(&config);
        let process = Process::start(&mut command, folder, "ultra-side");
        let said: Value = wait::until("the simulated UltraMsg says where it is", 20, || {
            serde_json::from_str(process.printed().lines().next()?).ok()
        });
        let word = |name: &str| said[name].as_str().unwrap().to_owned();
        Self {
            _process: process,
            api: word("graph"),
            base: word("phone"),
        }
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

    /// Cuts the clinic's line, or mends it.
    pub fn set_line(&self, up: bool) {
        self.post("line", &json!({ "up": up }));
    }

    /// Changes the account: its `status`, where webhooks go, how fast it sends.
    pub fn account(&self, change: &Value) {
        self.post("account", change);
    }

    /// Makes something go wrong, so many times.
    pub fn fault(&self, kind: &str, times: u32) {
        self.post(
            "faults",
            &json!({ "fault": { "kind": kind }, "times": times }),
        );
    }

    /// Switches somebody's phone on or off.
    pub fn phone(&self, name: &str, on: bool) {
        self.post(&format!("phones/{name}"), &json!({ "on": on }));
    }

    /// A phone, a hidden one (`…@lid`) or a group (`…@g.us`) writes.
    pub fn write(&self, name: &str, text: &str) {
        self.post(&format!("phones/{name}/messages"), &json!({ "text": text }));
    }

    /// What the clinic said in a chat, oldest first.
    pub fn heard(&self, name: &str) -> Vec<String> {
        let chat = self.get(&format!("phones/{name}/messages"));
        let ours = chat
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["fromMe"] == true);
        ours.map(|it| it["body"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every message UltraMsg took, oldest first.
    pub fn taken(&self) -> Vec<Value> {
        self.get("log")["sends"].as_array().unwrap().clone()
    }
}
