//! The real program on a real data folder: made, given its credentials,
//! started, killed and looked into.

use super::far_side::{ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, VERIFY_TOKEN};
use super::http;
use super::process::{self, Process};
use super::wait;
use healthpost::core::data_key::DataKey;
use healthpost::durable;
use healthpost::keys::SlotsFile;
use healthpost::store::{BoxKey, meta, open};
use rusqlite::Connection;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// What opens the data folder.
pub const PASSPHRASE: &str = "e2e maji safi ya ziwa 4417";

/// Longest time a command may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A clinic's box.
pub struct Clinic {
    /// Everything of it lies in here.
    pub folder: PathBuf,
    /// Its data folder.
    pub data: PathBuf,
    /// Its port.
    pub port: u16,
    /// Its port for staff.
    pub lan: u16,
    /// Further lines of its section `lan`.
    pub more_lan: String,
    extra: Vec<String>,
}

/// A finished command.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status.
    pub status: i32,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

/// A port nobody listens on; it is free again when this returns. It lies below
/// those that outgoing connections are given, so that a service that is stopped
/// and started again finds it free, and in a stretch of this process's own.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(nth < 1_000, "no port is free");
        let place = (std::process::id() % 400 * 50 + nth) % 20_000;
        let port = 10_000 + u16::try_from(place).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Clinic {
    /// A box in `folder`, made and with its credentials, ready to serve.
    pub fn new(folder: &Path, port: u16, graph: &str) -> Self {
        Self::with_data(folder, &folder.join("data"), port, graph)
    }

    /// The same, its data folder somewhere else.
    pub fn with_data(folder: &Path, data: &Path, port: u16, graph: &str) -> Self {
        let clinic = Self {
            folder: folder.to_owned(),
            data: data.to_owned(),
            port,
            lan: free_port(),
            more_lan: String::new(),
            extra: Vec::new(),
        };
        clinic.configure(graph, "");
        durable::write(
            Path::new(&clinic.passphrase()),
            format!("{PASSPHRASE}\n").as_bytes(),
        )
        .unwrap();
        let made = clinic.run(&["init", "--passphrase-file"], &[clinic.passphrase()], "");
        assert_eq!(made.status, 0, "{made:?}");
        for (name, value) in [
            ("whatsapp.app_secret", APP_SECRET),
            ("whatsapp.verify_token", VERIFY_TOKEN),
            ("whatsapp.access_token", ACCESS_TOKEN),
        ] {
            let args = ["secret", "set", name, "--passphrase-file"];
            let set = clinic.run(&args, &[clinic.passphrase()], value);
            assert_eq!(set.status, 0, "{set:?}");
        }
        clinic
    }

    /// Adds options to every start of the service.
    pub fn with(mut self, options: &[&str]) -> Self {
        self.extra = options.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Writes the configuration.
    pub fn configure(&self, graph: &str, more: &str) {
        let source = format!(
            "version = 1\ndata_dir = {data:?}\n\
             [clinic]\nid = \"e2e-1\"\nname = \"Test Post\"\ncountry = \"CD\"\n\
             timezone = \"Africa/Lubumbashi\"\nlanguages = [\"en\", \"fr\", \"sw\", \"es\", \"pt\"]\n\
             emergency_number = \"112\"\n\
             [public]\nlisten = \"127.0.0.1:{port}\"\n\
             [lan]\nlisten = \"127.0.0.1:{lan}\"\n{more_lan}\
             [whatsapp]\nbase_url = \"{graph}\"\nphone_number_id = \"{PHONE_NUMBER_ID}\"\n\
             [outbox]\nmessages_per_second = 1000\nin_doubt_seconds = 2\n\
             [flow]\nquiet_ms = 20\n{more}",
            data = self.data.display().to_string(),
            port = self.port,
            lan = self.lan,
            more_lan = self.more_lan,
        );
        durable::write(&self.config(), source.as_bytes()).unwrap();
    }

    /// Replaces words of the configuration.
    pub fn reword(&self, words: &[(&str, &str)]) {
        let mut source = fs::read_to_string(self.config()).unwrap();
        for (old, new) in words {
            assert!(source.contains(old), "{old:?} stands in no line of it");
            source = source.replacen(old, new, 1);
        }
        durable::write(&self.config(), source.as_bytes()).unwrap();
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.join("healthpost.toml")
    }

    /// The file with the passphrase.
    pub fn passphrase(&self) -> String {
        self.folder.join("passphrase").display().to_string()
    }

    /// Where webhooks go.
    pub fn webhook(&self) -> String {
        format!("http://127.0.0.1:{}/webhooks/whatsapp", self.port)
    }

    /// Where `/healthz` is.
    pub fn healthz(&self) -> String {
        format!("http://127.0.0.1:{}/healthz", self.port)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_healthpost"));
        command.arg("--config").arg(self.config());
        command
    }

    /// Runs a command to its end with `input` on standard input.
    pub fn run(&self, args: &[&str], more: &[String], input: &str) -> Ran {
        let mut child = self
            .command()
            .args(args)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may have gone already.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        let id = child.id();
        let (done, wait) = mpsc::sync_channel(1);
        let ending = std::thread::spawn(move || done.send(child.wait_with_output().unwrap()));
        let Ok(output) = wait.recv_timeout(PATIENCE) else {
            process::terminate(id);
            panic!("{args:?} did not end");
        };
        ending.join().unwrap().unwrap();
        Ran::from(output)
    }

    /// Runs a command that must succeed, and reads the JSON it prints.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let ran = self.run(&[&["--json"], args].concat(), &[], "");
        assert_eq!(ran.status, 0, "{args:?}: {ran:?}");
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Starts the service without waiting for it.
    pub fn begin(&self) -> Process {
        let mut command = self.command();
        command
            .args(&self.extra)
            .arg("serve")
            .arg("--passphrase-file")
            .arg(self.passphrase());
        Process::start(&mut command, &self.folder, "serve")
    }

    /// Starts the service without its passphrase: it is locked.
    pub fn begin_locked(&self) -> Process {
        let mut command = self.command();
        Process::start(command.arg("serve"), &self.folder, "serve")
    }

    /// Starts the service as a service manager does that listens on `socket` and
    /// waits `patience` to hear of it, with its passphrase or locked.
    pub fn begin_under(&self, socket: &Path, patience: Duration, locked: bool) -> Process {
        let mut command = self.command();
        command
            .env("NOTIFY_SOCKET", socket)
            .env("WATCHDOG_USEC", patience.as_micros().to_string())
            .args(&self.extra)
            .arg("serve");
        if !locked {
            command.arg("--passphrase-file").arg(self.passphrase());
        }
        Process::start(&mut command, &self.folder, "serve")
    }

    /// The same, where the system may dump cores, in the clinic's own folder.
    pub fn begin_with_cores(&self) -> Process {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -c unlimited && exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_healthpost"))
            .arg("--config")
            .arg(self.config())
            .args(&self.extra)
            .arg("serve")
            .current_dir(&self.folder);
        Process::start(&mut command, &self.folder, "serve")
    }

    /// Runs a command that prints a line and wants it back, as `reply` makes it
    /// of the line.
    pub fn answer(
        &self,
        args: &[&str],
        more: &[String],
        reply: impl Fn(&str) -> Option<String>,
    ) -> (Ran, String) {
        let mut child = self
            .command()
            .args(args)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut line, mut answer) = (String::new(), None);
        while answer.is_none() {
            line.clear();
            assert_ne!(
                out.read_line(&mut line).unwrap(),
                0,
                "{args:?} printed nothing"
            );
            answer = reply(line.trim_end());
        }
        let answer = answer.unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("{answer}\n").as_bytes()).unwrap();
        drop(input);
        (Ran::from(child.wait_with_output().unwrap()), answer)
    }

    /// Begins to make the data folder.
    pub fn begin_init(&self) -> Process {
        let mut command = self.command();
        command
            .arg("init")
            .arg("--passphrase-file")
            .arg(self.passphrase());
        Process::start(&mut command, &self.folder, "init")
    }

    /// Starts the service and waits until it serves.
    pub fn serve(&self) -> Process {
        let mut process = self.begin();
        self.wait_ready(&mut process);
        process
    }

    /// Waits until a service that was begun serves.
    pub fn wait_ready(&self, process: &mut Process) {
        wait::until("the service serves", 60, || {
            assert!(process.ended().is_none(), "it ended: {}", process.logged());
            let answer = http::get(&self.healthz()).ok()?;
            (answer.status == 200).then_some(())
        });
    }

    /// Messages that wait in the outbound queue, by the running service.
    pub fn waiting(&self) -> usize {
        let listed = self.json(&["outbox", "list", "--waiting", "--limit", "1000"]);
        listed["messages"].as_array().unwrap().len()
    }

    /// The key, by the passphrase.
    pub fn key(&self) -> DataKey {
        let slots = SlotsFile::load(&self.data).unwrap();
        slots
            .open_with_passphrase(PASSPHRASE)
            .unwrap()
            .remove(0)
            .key
    }

    /// The database of a stopped service, and the key of its hashes.
    pub fn open(&self) -> (Connection, BoxKey) {
        let conn = open::open(&self.data, &self.key()).unwrap();
        let box_key = meta::load_box_key(&conn).unwrap();
        (conn, box_key)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
