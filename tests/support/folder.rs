//! A clinic in a temporary folder, and the real program run on it.

use healthpost::core::answers::Value;
use healthpost::core::engine::{RecordChange, RecordStatus, Triage};
use healthpost::core::id::{OutboxKey, RecordId};
use healthpost::core::inbound::Identity;
use healthpost::core::lang::Lang;
use healthpost::core::outgoing::{Body, Outgoing, Purpose};
use healthpost::core::time::{Now, UnixMs};
use healthpost::keys::SlotsFile;
use healthpost::store::{audit, contacts, open, outbox, records};
use rusqlite::Connection;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The clinic's passphrase.
pub const PASSPHRASE: &str = "correct horse battery staple";
/// Every member of staff's password.
pub const PASSWORD: &str = "siri ya kliniki";
/// What a patient is called, and what must never be said.
pub const CANARY: &str = "Kanarienvogel";

/// What they answered to a question that is the clinic's own.
pub const WELL: &str = "the well behind the mosque";

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Exit status.
    pub status: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Neither stream holds `text`.
    pub fn holds_no(&self, text: &str) {
        assert!(
            !self.out.contains(text) && !self.err.contains(text),
            "{self:?}"
        );
    }
}

/// A configuration, a passphrase and perhaps a data folder.
pub struct Clinic {
    dir: tempfile::TempDir,
}

impl Clinic {
    /// Without a data folder.
    pub fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let ports = (free(), free());
        let port = ports.0.local_addr().unwrap().port();
        let lan = ports.1.local_addr().unwrap().port();
        let clinic = Self { dir };
        clinic.put(
            &clinic.file("healthpost.toml"),
            format!(
                "version = 1\ndata_dir = \"data\"\n[clinic]\nid = \"kalehe-1\"\n\
                 name = \"Kalehe Health Post\"\ncountry = \"CD\"\n\
                 timezone = \"Africa/Lubumbashi\"\nlanguages = [\"fr\", \"sw\"]\n\
                 emergency_number = \"112\"\n[public]\nlisten = \"127.0.0.1:{port}\"\n\
                 [lan]\nlisten = \"127.0.0.1:{lan}\"\n[whatsapp]\nphone_number_id = \"106540352242922\"\n\
                 base_url = \"http://127.0.0.1:9\"\n"
            ),
        );
        clinic.put(&clinic.file("passphrase"), format!("{PASSPHRASE}\n"));
        clinic.put(&clinic.file("password"), format!("{PASSWORD}\n"));
        clinic
    }

    /// With a data folder.
    pub fn made() -> Self {
        Self::made_with_paper().0
    }

    /// With a data folder, and its recovery key.
    pub fn made_with_paper() -> (Self, String) {
        let clinic = Self::bare();
        let made = clinic.run(&["init", "--passphrase-file", "passphrase"], "");
        assert_eq!(made.status, 0, "{made:?}");
        let mut lines = made.out.lines();
        let paper = lines.find_map(|line| line.strip_prefix("recovery key: "));
        (clinic, paper.unwrap().to_owned())
    }

    /// A file beside the data folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.file("data")
    }

    /// Writes a file.
    #[allow(
        clippy::disallowed_methods,
        reason = "a test's file need not survive a power cut"
    )]
    pub fn put(&self, path: &Path, text: impl AsRef<[u8]>) {
        std::fs::write(path, text).unwrap();
    }

    /// Names, sizes and times of everything in the data folder.
    pub fn tree(&self) -> Vec<String> {
        let mut all: Vec<String> = std::fs::read_dir(self.data())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let facts = entry.metadata().unwrap();
                format!(
                    "{:?} {} {:?}",
                    entry.file_name(),
                    facts.len(),
                    facts.modified().unwrap()
                )
            })
            .collect();
        all.sort();
        all
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_healthpost"));
        command
            .current_dir(self.dir.path())
            .env_clear()
            .env("HEALTHPOST_CONFIG", self.file("healthpost.toml"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The program behind others, which take what it is as their last arguments.
    fn behind(&self, program: &str, options: &[&str], arguments: &[&str]) -> Command {
        let own = self.command(arguments);
        // Through sudo where we are not root, as the script that installs what
        // the tests need does; it hands the environment on only if asked to.
        let root = rustix::process::geteuid().is_root();
        let mut command = Command::new(if root { program } else { "sudo" });
        if !root {
            command.args(["-n", "--preserve-env=HEALTHPOST_CONFIG", program]);
        }
        command
            .current_dir(self.dir.path())
            .env("HEALTHPOST_CONFIG", self.file("healthpost.toml"))
            .args(options)
            .arg(own.get_program())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program as a user who may see the configuration and not the data
    /// folder. Needs root, or sudo.
    pub fn run_as_nobody(&self, arguments: &[&str], input: &str) -> Said {
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.dir.path(), open).unwrap();
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        finish(self.behind("setpriv", &nobody, arguments), input)
    }

    /// Runs the program as somebody else of the data folder's group. Needs root, or
    /// sudo.
    pub fn run_as_member(&self, arguments: &[&str], input: &str) -> Said {
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.dir.path(), open).unwrap();
        let group = std::os::unix::fs::MetadataExt::gid(&self.data().metadata().unwrap());
        let group = format!("--regid={group}");
        let member = ["--reuid=65534", &group, "--clear-groups"];
        finish(self.behind("setpriv", &member, arguments), input)
    }

    /// Runs the program as root. Needs to be it, or sudo.
    pub fn run_as_root(&self, arguments: &[&str], input: &str) -> Said {
        finish(self.behind("env", &[], arguments), input)
    }

    /// Makes nobody the owner of a file or folder. Needs root, or sudo.
    pub fn give_to_nobody(&self, path: &Path) {
        give(path, "65534:65534");
    }

    /// Makes root its owner again. Needs to be it, or sudo.
    pub fn give_to_root(&self, path: &Path) {
        give(path, "0:0");
    }

    /// Runs the program where the data folder is on a disk that is mounted
    /// read-only. Needs root, or sudo.
    pub fn run_read_only(&self, arguments: &[&str], input: &str) -> Said {
        let mount = "mount --bind data data && mount -o remount,ro,bind data && exec \"$@\"";
        let shell = ["-m", "sh", "-c", mount, "sh"];
        finish(self.behind("unshare", &shell, arguments), input)
    }

    /// Exports onto a disk of its own that is smaller than the workbook, and says
    /// at the end of the output what was left there. Needs root, or sudo.
    pub fn export_to_small_disk(&self, format: &str) -> Said {
        let conn = self.database();
        let long = "SELECT hex(zeroblob(15000))";
        let sql = format!("UPDATE record SET fields = replace(fields, '=1+1', ({long}))");
        assert_eq!(conn.execute(&sql, []).unwrap(), 1);
        drop(conn);
        let mount = "mkdir small && mount -t tmpfs -o size=16k,mode=1777 healthpost-test small && \
                     \"$@\"; ended=$?; ls -A small; exit $ended";
        let shell = ["-m", "sh", "-c", mount, "sh"];
        let out = format!("small/records.{format}");
        let mut all = vec!["export", "--format", format, "--out", &out];
        all.extend(["--as", "amina", "--password-file", "password"]);
        all.extend(["--passphrase-file", "passphrase"]);
        finish(self.behind("unshare", &shell, &all), "")
    }

    /// Exports in place of `earlier`, on a disk of its own that is full. Needs root,
    /// or sudo.
    pub fn export_again_onto_full_disk(&self, earlier: &str) -> Said {
        let mount = format!(
            "mkdir full && mount -t tmpfs -o size=64k,mode=1777 healthpost-test full && \
             cp {earlier} full && {{ cat /dev/zero >full/filler 2>/dev/null; exec \"$@\"; }}"
        );
        let shell = ["-m", "sh", "-c", &mount, "sh"];
        let out = format!("full/{earlier}");
        let mut all = vec!["export", "--format", "xlsx", "--out", &out];
        all.extend(["--as", "amina", "--password-file", "password"]);
        all.extend(["--passphrase-file", "passphrase"]);
        finish(self.behind("unshare", &shell, &all), "")
    }

    /// Runs the program with its standard output somewhere else.
    pub fn run_into(&self, out: Stdio, arguments: &[&str], input: &str) -> Said {
        let mut command = self.command(arguments);
        command.stdout(out);
        finish(command, input)
    }

    /// Starts the program at a terminal.
    pub fn start_at(&self, terminal: std::fs::File, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(terminal).spawn().unwrap()
    }

    /// Runs the program with `input` on standard input.
    pub fn run(&self, arguments: &[&str], input: &str) -> Said {
        finish(self.command(arguments), input)
    }

    /// Runs a command that opens the data folder itself.
    pub fn opened(&self, arguments: &[&str], input: &str) -> Said {
        let mut all = arguments.to_vec();
        all.extend(["--passphrase-file", "passphrase"]);
        self.run(&all, input)
    }

    /// The same, signed in.
    pub fn as_staff(&self, name: &str, arguments: &[&str]) -> Said {
        let mut all = arguments.to_vec();
        all.extend(["--as", name, "--password-file", "password"]);
        self.opened(&all, "")
    }

    /// Adds somebody with the password of all.
    pub fn add_staff(&self, name: &str, role: &str) {
        let added = self.opened(&["user", "add", name, "--role", role], PASSWORD);
        assert_eq!(added.status, 0, "{added:?}");
    }

    fn database(&self) -> Connection {
        let slots = SlotsFile::load(&self.data()).unwrap();
        let key = slots
            .open_with_passphrase(PASSPHRASE)
            .unwrap()
            .remove(0)
            .key;
        open::open(&self.data(), &key).unwrap()
    }

    /// A patient with a record and a message that waits; their record's number.
    pub fn add_patient(&self) -> String {
        let now = UnixMs(1_795_168_800_000);
        let conn = self.database();
        let who = Identity {
            phone: Some("243970000001".into()),
            ..Identity::default()
        };
        let contact = contacts::resolve(&conn, &who, now).unwrap().unwrap();
        let id = RecordId::from_random(42);
        let text = |text: &str| Value::Text { text: text.into() };
        let change = RecordChange {
            id: id.clone(),
            status: RecordStatus::Complete,
            triage: Triage::None,
            language: Lang::Fr,
            fields: [
                ("patient_name".to_owned(), text(CANARY)),
                ("complaint".to_owned(), text("=1+1")),
                ("water_source".to_owned(), text(WELL)),
            ]
            .into(),
        };
        records::write(&conn, contact, &change, "system", now).unwrap();
        let message = Outgoing {
            purpose: Purpose::Notice,
            body: Body::text(format!("Merci {CANARY}")),
        };
        let key = OutboxKey::new(now, [1; 10]);
        let now = Now {
            at: now,
            trusted: true,
        };
        outbox::push(&conn, contact, &key, &message, now).unwrap();
        id.to_string()
    }

    /// Many more records like the one of [`Clinic::add_patient`].
    pub fn add_records(&self, count: u32) {
        let mut conn = self.database();
        let transaction = conn.transaction().unwrap();
        let sql = "INSERT INTO record
             SELECT ?1, contact_id, version, status, care_state, source, triage, language, fields,
                 created_at + ?2, updated_at + ?2
             FROM record LIMIT 1";
        let mut adding = transaction.prepare(sql).unwrap();
        for n in 1..=count {
            let id = RecordId::from_random(1_000 + u64::from(n)).to_string();
            assert_eq!(adding.execute((id, n)).unwrap(), 1);
        }
        drop(adding);
        transaction.commit().unwrap();
    }

    /// A database of so many MiB and more.
    pub fn make_large(&self, mib: u32) {
        let conn = self.database();
        for n in 0..mib {
            conn.execute(
                "INSERT INTO meta (key, value) VALUES (?1, randomblob(1048576))",
                [format!("large {n}")],
            )
            .unwrap();
        }
    }

    /// The audit log holds these deeds.
    pub fn audit_holds(&self, actions: &[&str]) {
        let conn = self.database();
        let entries = audit::list(&conn, 0, 1_000).unwrap();
        for action in actions {
            assert!(
                entries.iter().any(|entry| entry.action == *action),
                "{action}"
            );
        }
        assert!(matches!(
            audit::verify(&conn).unwrap(),
            audit::Verdict::Whole { .. }
        ));
    }

    /// Starts the appliance, locked, and waits for its control socket.
    pub fn serve(&self) -> Service {
        let service = Service(Some(self.command(&["serve"]).spawn().unwrap()));
        wait(|| self.data().join("control.sock").exists());
        service
    }

    /// The appliance, open.
    pub fn serve_open(&self) -> Service {
        let service = self.serve();
        assert_eq!(self.run(&["unlock"], PASSPHRASE).status, 0);
        self.wait_until_open();
        service
    }

    /// Starts a command and leaves it to itself.
    pub fn start(&self, arguments: &[&str], input: &str) -> Child {
        let mut child = self.command(arguments).spawn().unwrap();
        let mut typing = child.stdin.take().unwrap();
        typing.write_all(input.as_bytes()).unwrap();
        child
    }

    /// Starts a command that goes on when its terminal is gone.
    pub fn start_outliving(&self, arguments: &[&str]) -> Child {
        let own = self.command(arguments);
        let mut command = Command::new("nohup");
        command
            .current_dir(self.dir.path())
            .env("HEALTHPOST_CONFIG", self.file("healthpost.toml"))
            .arg(own.get_program())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Waits until an unlocked appliance answers commands.
    pub fn wait_until_open(&self) {
        wait(|| self.run(&["secret", "list"], "").status == 0);
    }
}

fn give(path: &Path, owner: &str) {
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(if root { "chown" } else { "sudo" });
    if !root {
        command.args(["-n", "chown"]);
    }
    assert!(command.arg(owner).arg(path).status().unwrap().success());
}

fn finish(mut command: Command, input: &str) -> Said {
    let mut child = command.spawn().unwrap();
    // A command that reads nothing may have closed its end already.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    let done = child.wait_with_output().unwrap();
    Said {
        status: done.status.code().unwrap(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Waits until something is so, for ten seconds at most.
#[allow(
    clippy::disallowed_methods,
    reason = "another process says nothing when it is ready"
)]
pub fn wait(mut ready: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if ready() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it did not become ready");
}

/// A running appliance; ended when dropped.
pub struct Service(Option<Child>);

impl Service {
    /// Asks it to stop and returns what it logged.
    pub fn stop(mut self) -> String {
        let child = self.0.take().unwrap();
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let mut said = String::from_utf8(done.stdout).unwrap();
        said.push_str(&String::from_utf8(done.stderr).unwrap());
        said
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
