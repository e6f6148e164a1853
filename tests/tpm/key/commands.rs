//! The commands themselves, with the real program: a technician sets a box up,
//! gives it a PIN, drills, changes the key and erases it.

use crate::tpm::board::{Board, PIN};
use crate::tpm::chip::until;
use healthpost::app::key::RecoveryKey;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// All that a command said.
pub struct Said {
    pub status: i32,
    pub text: String,
}

pub struct Box {
    folder: tempfile::TempDir,
    pub board: Board,
    pub paper: String,
    lan_port: u16,
    pcrs: &'static str,
}

impl Box {
    /// A board, a configuration and a file with a PIN.
    pub fn bare() -> Self {
        let mut it = Self {
            folder: tempfile::tempdir().unwrap(),
            board: Board::new(),
            paper: String::new(),
            lan_port: 0,
            pcrs: "",
        };
        it.configure();
        it.put("pin", PIN);
        it.put("wrong", "000000");
        it
    }

    /// Set up with the TPM and no PIN.
    pub fn made() -> Self {
        Self::bare().set_up()
    }

    /// The same, bound to the register of its software.
    pub fn bound() -> Self {
        let mut it = Self::bare();
        it.pcrs = "11";
        it.configure();
        it.set_up()
    }

    fn set_up(self) -> Self {
        let mut it = self;
        let init = ["init", "--key", "tpm2", "--recovery-page", "page.html"];
        let told = it.run(&init, "");
        assert!(told.contains("reads everything"), "{told}");
        let lines = told.lines();
        let mut paper = lines.filter_map(|line| line.strip_prefix("recovery key: "));
        it.paper = paper.next().unwrap().to_owned();
        RecoveryKey::parse(&it.paper).unwrap();
        let page = std::fs::read_to_string(it.folder.path().join("page.html")).unwrap();
        assert!(it.paper.split('-').all(|group| page.contains(group)));
        it
    }

    /// A TPM that takes every word and says none, in place of the board's.
    fn fall_silent(&mut self) -> TcpListener {
        self.board.cut();
        TcpListener::bind(("127.0.0.1", self.board.port())).unwrap()
    }

    pub fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub fn lan_port(&self) -> u16 {
        self.lan_port
    }

    pub fn paper(&self) -> &str {
        &self.paper
    }

    /// Writes the configuration, with the board's TPM.
    fn configure(&mut self) {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = (free(), free());
        let port = ports.0.local_addr().unwrap().port();
        let lan = ports.1.local_addr().unwrap().port();
        self.lan_port = lan;
        let config = format!(
            "version = 1\ndata_dir = \"data\"\n[clinic]\nid = \"kalehe-1\"\n\
             name = \"Kalehe Health Post\"\ncountry = \"CD\"\n\
             timezone = \"Africa/Lubumbashi\"\nlanguages = [\"fr\"]\n\
             emergency_number = \"112\"\n[public]\nlisten = \"127.0.0.1:{port}\"\n\
             [lan]\nlisten = \"127.0.0.1:{lan}\"\n[whatsapp]\nphone_number_id = \"106540352242922\"\n\
             [key]\ntpm = \"swtpm:127.0.0.1:{}\"\npcrs = [{}]\n",
            self.board.port(),
            self.pcrs
        );
        self.put("healthpost.toml", &config);
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a test's file need not survive a power cut"
    )]
    pub fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_healthpost"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("HEALTHPOST_CONFIG", "healthpost.toml")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that prints into something of the test's own.
    pub fn printing_into(&self, arguments: &[&str], out: Stdio) -> Said {
        let child = Command::new(env!("CARGO_BIN_EXE_healthpost"))
            .current_dir(self.folder.path())
            .env_clear()
            .env("HEALTHPOST_CONFIG", "healthpost.toml")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        ended(child)
    }

    pub fn said(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.start(arguments);
        // A command that reads nothing may have closed its end already.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        ended(child)
    }

    pub fn run(&self, arguments: &[&str], input: &str) -> String {
        let said = self.said(arguments, input);
        assert_eq!(said.status, 0, "{arguments:?}: {}", said.text);
        said.text
    }

    pub fn refused(&self, arguments: &[&str], input: &str) -> String {
        let said = self.said(arguments, input);
        assert_ne!(said.status, 0, "{arguments:?}: {}", said.text);
        said.text
    }

    pub fn serve(&self) -> Child {
        self.serve_with(&[])
    }

    pub fn serve_with(&self, options: &[&str]) -> Child {
        let service = self.start(&[&["serve"], options].concat());
        let socket = self.folder.path().join("data/control.sock");
        until("the control socket", || socket.exists());
        service
    }

    pub fn wait_until_open(&self) {
        until("the box is open", || {
            self.said(&["secret", "list"], "").status == 0
        });
    }
}

pub fn ended(child: Child) -> Said {
    let done = child.wait_with_output().unwrap();
    let text = [done.stdout, done.stderr].concat();
    Said {
        status: done.status.code().unwrap(),
        text: String::from_utf8(text).unwrap(),
    }
}

/// Asks it to stop, and returns what it logged.
pub fn stop(service: Child) -> String {
    let id = rustix::process::Pid::from_child(&service);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let said = ended(service);
    assert_eq!(said.status, 0, "{}", said.text);
    said.text
}

#[test]
fn a_box_without_a_pin_serves_by_itself_and_one_with_a_pin_waits() {
    let it = Box::made();
    let service = it.serve();
    it.wait_until_open();
    assert!(it.refused(&["key", "rotate"], "").contains("stop it first"));
    stop(service);
    let told = it.run(&["key", "set-pin"], PIN);
    assert!(told.contains("the former slot is worthless"), "{told}");
    let service = it.serve();
    let locked = it.refused(&["secret", "list"], "");
    assert!(locked.contains("locked"), "{locked}");
    let wrong = it.refused(&["unlock"], "000000");
    assert!(wrong.contains("9 tries are left"), "{wrong}");
    it.run(&["unlock", "--pin-file", "pin"], "");
    it.wait_until_open();
    let log = stop(service);
    assert!(!log.contains(PIN) && !log.contains("000000"), "{log}");
    it.run(&["key", "remove-pin", "--pin-file", "pin"], "");
    assert!(it.run(&["key", "status"], "").contains("without a PIN"));
}

#[test]
fn the_key_is_drilled_changed_recovered_and_erased() {
    let mut it = Box::made();
    let status = it.said(&["doctor"], "").text;
    assert!(status.contains("opens without a PIN"), "{status}");
    let slip = it.paper.replacen(
        &it.paper[..1],
        if it.paper.starts_with('1') { "2" } else { "1" },
        1,
    );
    assert!(it.refused(&["key", "drill"], &slip).contains("group 1"));
    it.run(&["key", "drill"], &it.paper);
    let proved = "proved to open the data";
    assert!(it.said(&["doctor"], "").text.contains(proved));
    let told = it.run(&["key", "rotate"], "");
    assert!(told.contains("away for about"), "{told}");
    // The paper has not yet been seen to lead to the new key.
    assert!(told.contains("healthpost key drill"), "{told}");
    assert!(!it.said(&["doctor"], "").text.contains(proved));
    it.run(&["key", "add-passphrase"], "maji safi ya kunywa");
    it.run(&["key", "drill"], &it.paper);
    // The board dies; another one comes.
    it.board = Board::new();
    it.configure();
    let dead = it.refused(&["doctor"], "");
    assert!(dead.contains("is not the one"), "{dead}");
    it.run(&["key", "recover"], &it.paper);
    it.run(&["secret", "list"], "");
    let name = it.refused(&["erase-everything"], "Kalehe\n");
    assert!(name.contains("nothing was touched"), "{name}");
    it.run(&["erase-everything"], "Kalehe Health Post\n");
    let said = it.refused(&["secret", "list"], "");
    assert!(said.contains("no data folder"), "{said}");
    // And the box can be set up again.
    it.run(&["init", "--key", "tpm2", "--pin-file", "pin"], "");
}

#[test]
fn a_box_whose_slots_are_damaged_is_not_said_to_be_erased() {
    let it = Box::made();
    it.put("data/keyslots.json", "{}");
    let said = it.refused(&["erase-everything"], "Kalehe Health Post\n");
    assert!(said.contains("--without-tpm"), "{said}");
    assert!(!said.contains("clinic's name"), "{said}");
    assert!(it.data().join("clinic.db").exists());
    let gone = ["--json", "erase-everything", "--without-tpm"];
    let said = it.run(&gone, "Kalehe Health Post\n");
    assert!(said.contains("\"half_left_in_tpm\":true"), "{said}");
    assert!(said.contains("Clear that TPM"), "{said}");
    assert!(!it.board.indices().is_empty());
}

#[test]
fn a_sealed_box_that_is_served_by_a_passphrase_says_so() {
    let it = Box::made();
    it.put("phrase", "maji safi ya kunywa");
    it.run(&["key", "add-passphrase"], "maji safi ya kunywa");
    let service = it.serve();
    it.wait_until_open();
    let log = stop(service);
    assert!(!log.contains("not by its TPM"), "{log}");
    let service = it.serve_with(&["--passphrase-file", "phrase"]);
    it.wait_until_open();
    let log = stop(service);
    assert!(log.contains("not by its TPM"), "{log}");
}

#[test]
fn a_wrong_file_with_a_passphrase_costs_no_try_of_the_pin() {
    let it = Box::made();
    it.run(&["key", "set-pin"], PIN);
    it.put("phrase", "maji safi ya kunywa");
    it.put("other", "not the one at all");
    let add = ["key", "add-passphrase", "--pin-file", "pin"];
    it.run(&add, "maji safi ya kunywa");
    let by = |file| ["secret", "list", "--passphrase-file", file];
    for _ in 0..3 {
        let said = it.refused(&by("other"), "");
        assert!(said.contains("passphrase is wrong"), "{said}");
    }
    // Not even what would be one.
    it.refused(&by("pin"), "");
    let wrong = it.refused(&["secret", "list", "--pin-file", "wrong"], "");
    assert!(wrong.contains("9 tries are left"), "{wrong}");
    it.put("paper", &it.paper);
    it.run(&by("paper"), "");
    it.run(&by("phrase"), "");
}

#[test]
fn recovering_takes_no_pin_away_without_a_word() {
    let mut it = Box::made();
    it.run(&["key", "set-pin"], PIN);
    it.board = Board::new();
    it.configure();
    let said = it.said(&["key", "recover"], &it.paper);
    assert_eq!(said.status, 2, "{}", said.text);
    assert!(said.text.contains("--no-pin"), "{}", said.text);
    assert_eq!(
        it.board.indices(),
        Vec::<u32>::new(),
        "something was sealed"
    );
    it.run(&["key", "recover", "--pin-file", "pin"], &it.paper);
    assert!(it.run(&["key", "status"], "").contains("with a PIN"));
    let both = ["key", "recover", "--pin-file", "pin", "--no-pin"];
    assert_eq!(it.said(&both, &it.paper).status, 2);
    let told = it.run(&["key", "recover", "--no-pin"], &it.paper);
    assert!(told.contains("reads everything"), "{told}");
    it.run(&["secret", "list"], "");
}

#[test]
fn a_box_is_made_with_a_tpm_and_a_passphrase_beside_it() {
    let it = Box::bare();
    it.put("phrase", "maji safi ya kunywa");
    let tpm = ["init", "--key", "tpm2", "--pin-file", "pin"];
    it.run(&[&tpm[..], &["--passphrase-file", "phrase"]].concat(), "");
    let status = it.run(&["key", "status"], "");
    assert!(
        status.contains("slots: recovery, passphrase, tpm2"),
        "{status}"
    );
    for by in [["--pin-file", "pin"], ["--passphrase-file", "phrase"]] {
        it.run(&[&["secret", "list"][..], &by].concat(), "");
    }
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "how long it takes is what is tested"
)]
fn a_service_that_is_to_stop_does_not_wait_for_a_silent_tpm() {
    let mut it = Box::made();
    let silent = it.fall_silent();
    let service = it.start(&["serve"]);
    let begun = std::time::Instant::now();
    // It was asked something, and waits for the answer.
    let (mut asked, _) = silent.accept().unwrap();
    asked.read_exact(&mut [0; 10]).unwrap();
    let id = rustix::process::Pid::from_child(&service);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let done = service.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
    // Two minutes is what the TPM would have been given.
    assert!(begun.elapsed() < Duration::from_secs(60));
}
