//! A day's use of the real program, sealed to a software TPM: a thousand people
//! write, staff look and export, the key is changed, somebody types wrong and
//! right, the process is made to crash. Afterwards no name, number, message or
//! key stands anywhere outside the encrypted database.

use crate::support::canaries::Canaries;
use crate::support::clinic::{Clinic, PASSPHRASE, Ran, free_port};
use crate::support::far_side::{ACCESS_TOKEN, APP_SECRET, FarSide, VERIFY_TOKEN, roomy};
use crate::support::process::Process;
use crate::support::{memory, wait, webhook};
use crate::tpm::chip::{Chip, until};
use healthpost::durable;
use healthpost::keys::{RecoveryKey, SlotsFile};
use healthpost::store::{meta, open};
use serde_json::json;
use std::fs;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;

const PEOPLE: usize = 1_000;
/// Messages in one webhook.
const AT_ONCE: usize = 20;
const PIN: &str = "718205-kiboko";
const WRONG_PIN: &str = "905512-twiga";
const PASSWORD: &str = "xylophone-marmalade-93";
/// How the recovery key is called among the keys.
const PAPER: &str = "the recovery key";
const NEXT_APP_SECRET: &str = "e2e-next-app-secret-c07d";

/// Somebody nobody else is called.
struct Person {
    name: String,
    number: String,
    words: String,
}

fn people() -> Vec<Person> {
    const FIRST: [&str; 10] = [
        "Zawadi", "Furaha", "Baraka", "Neema", "Imani", "Amani", "Bahati", "Rehema", "Salome",
        "Tumaini",
    ];
    const PARTS: [&str; 10] = ["ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu"];
    const THINGS: [&str; 10] = [
        "giraffe", "umbrella", "lantern", "walrus", "saffron", "trumpet", "gravel", "velvet",
        "copper", "quince",
    ];
    // No name has a digit in it.
    let spelt = |n: usize| {
        let digits = format!("{n:03}").into_bytes();
        let parts = digits.iter().map(|digit| PARTS[usize::from(digit - b'0')]);
        parts.collect::<String>()
    };
    let person = |n: usize| Person {
        name: format!("{} Quartz{}son", FIRST[n % 10], spelt(n)),
        number: format!("{}", 243_970_000_000_u64 + 7_919 * n as u64),
        words: format!("{} {} {n:04} ballad", THINGS[n / 100], THINGS[n % 10]),
    };
    (0..PEOPLE).map(person).collect()
}

struct Day {
    folder: tempfile::TempDir,
    chip: Option<Chip>,
    far: FarSide,
    clinic: Clinic,
    people: Vec<Person>,
    keys: Vec<(&'static str, Vec<u8>)>,
    words: Vec<String>,
    printed: String,
}

impl Day {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let (far_at, clinic_at, chip_at) = (at("far"), at("clinic"), at("chip"));
        at("elsewhere");
        let socket = chip_at.join("chip.sock");
        let way = format!("type=unixio,path={}", socket.display());
        let flags = "not-need-init,startup-clear";
        let chip = Chip::start(&chip_at, flags, &["--server", &way], || {
            UnixStream::connect(&socket).is_ok()
        });
        assert!(chip.is_some(), "swtpm does not start");
        let port = free_port();
        let callback = format!("http://127.0.0.1:{port}/webhooks/whatsapp");
        let far = FarSide::start(&far_at, &roomy(), &callback);
        let clinic = Clinic::new(&clinic_at, port, &far.graph).with(&["--log", "trace"]);
        let tpm = format!("[key]\ntpm = \"swtpm:unix:{}\"\n", socket.display());
        clinic.configure(&far.graph, &tpm);
        let words = [
            PASSPHRASE,
            PASSWORD,
            PIN,
            WRONG_PIN,
            APP_SECRET,
            NEXT_APP_SECRET,
        ];
        let mut day = Self {
            folder,
            chip,
            far,
            clinic,
            people: people(),
            keys: Vec::new(),
            words: words.map(str::to_owned).to_vec(),
            printed: String::new(),
        };
        day.words
            .extend([VERIFY_TOKEN, ACCESS_TOKEN].map(str::to_owned));
        day.note_key("the first data key");
        day
    }

    fn note_key(&mut self, name: &'static str) {
        let key = self.clinic.key();
        self.keys.push((name, key.expose().to_vec()));
        self.words.push(key.hex().to_string());
    }

    /// A command that must work; what it prints must be clean.
    fn run(&mut self, args: &[&str], input: &str) -> Ran {
        let ran = self.clinic.run(args, &[], input);
        assert_eq!(ran.status, 0, "{args:?}: {ran:?}");
        self.printed.push_str(&ran.out);
        self.printed.push_str(&ran.err);
        ran
    }

    /// A secret in a file, outside the data folder.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join("elsewhere").join(name);
        durable::write(&path, text.as_bytes()).unwrap();
        path.display().to_string()
    }

    /// A recovery key that the test knows, read back as from paper.
    fn new_paper(&mut self) {
        let opening = ["--passphrase-file".to_owned(), self.clinic.passphrase()];
        let (ran, line) = self
            .clinic
            .answer(&["key", "new-recovery"], &opening, |line| {
                line.strip_prefix("recovery key: ").map(str::to_owned)
            });
        assert_eq!(ran.status, 0, "{ran:?}");
        self.words.push(line.replace('-', ""));
        let recovery = RecoveryKey::parse(&line).unwrap();
        self.keys.push((PAPER, recovery.expose().to_vec()));
        self.words.push(line);
    }

    /// Everybody writes, with their own name on it.
    fn everybody_writes(&self) {
        for (nth, some) in self.people.chunks(AT_ONCE).enumerate() {
            let messages: Vec<_> = some
                .iter()
                .enumerate()
                .map(|(place, person)| {
                    let id = format!("wamid.day-{nth}-{place}");
                    webhook::message(&id, &person.number, &person.words)
                })
                .collect();
            let mut body: serde_json::Value =
                serde_json::from_slice(&webhook::batch(&messages)).unwrap();
            let contacts = &mut body["entry"][0]["changes"][0]["value"]["contacts"];
            for (contact, person) in contacts.as_array_mut().unwrap().iter_mut().zip(some) {
                contact["profile"]["name"] = json!(person.name);
            }
            let body = body.to_string().into_bytes();
            let answer = webhook::post(&self.clinic.webhook(), &body).unwrap();
            assert_eq!(answer.status, 200);
        }
        wait::until("everybody was answered", 240, || {
            (self.far.log().len() >= PEOPLE).then_some(())
        });
    }

    /// Some of them go through the questions.
    fn some_answer(&self) {
        for person in self.people.iter().step_by(100) {
            for words in ["1".to_owned(), "1".to_owned(), "1".to_owned()]
                .into_iter()
                .chain([format!("{}\n34\nf\n{}", person.name, person.words)])
                .chain([format!("cough, {}\n3 days ago", person.words)])
            {
                let before = self.far.heard(&person.number).len();
                self.far.write(&person.number, &json!({ "text": words }));
                wait::until("the phone is answered", 60, || {
                    (self.far.heard(&person.number).len() > before).then_some(())
                });
            }
        }
    }

    /// What staff and the technician do all day.
    fn staff_work(&mut self) {
        self.run(&["user", "add", "amina", "--role", "records"], PASSWORD);
        let told = self
            .clinic
            .run(&["user", "add", "joseph", "--role", "records"], &[], "");
        let one_time = told.out.trim().strip_prefix("one-time password: ").unwrap();
        self.words.push(one_time.to_owned());
        let password = self.file("password", PASSWORD);
        let signed = ["--as", "amina", "--password-file", &password];
        // Their output is the records: it is staff's, and not searched.
        let listed = self.clinic.run(
            &[&["--json", "records", "list"], &signed[..]].concat(),
            &[],
            "",
        );
        let listed: serde_json::Value = serde_json::from_str(&listed.out).unwrap();
        let id = listed[0]["record_id"].as_str().unwrap().to_owned();
        let shown = self
            .clinic
            .run(&[&["records", "show", &id], &signed[..]].concat(), &[], "");
        assert!(shown.out.contains(&id), "{shown:?}");
        for format in ["csv", "xlsx"] {
            let out = self
                .folder
                .path()
                .join("elsewhere")
                .join(format!("records.{format}"));
            let out = out.display().to_string();
            let args = ["export", "--format", format, "--out", &out];
            let ran = self.clinic.run(&[&args, &signed[..]].concat(), &[], "");
            assert_eq!(ran.status, 0, "{ran:?}");
            let written = fs::read(&out).unwrap();
            // The search sees what it looks for where it is.
            let found = Canaries::new(self.people.iter().map(|it| it.name.as_str())).find(&written);
            assert!(found.len() >= PEOPLE / 100 / 2, "{format}: {found:?}");
        }
        self.run(&["outbox", "list"], "");
        self.run(&["secret", "list"], "");
        self.run(&["secret", "set", "whatsapp.app_secret"], NEXT_APP_SECRET);
        self.run(&["key", "status"], "");
        let paper = self.paper_line();
        let drilled = self.run(&["key", "drill"], &paper);
        assert!(drilled.out.contains("opens the data"), "{drilled:?}");
        let refused = self.clinic.run(&["key", "rotate"], &[], "");
        assert!(
            refused.err.contains("systemctl stop healthpost"),
            "{refused:?}"
        );
        let forged = self
            .clinic
            .run(&["records", "show", &self.people[3].number], &[], "");
        self.printed.push_str(&forged.err);
        let doctor = self.clinic.run(&["doctor"], &[], "");
        self.printed.push_str(&doctor.out);
    }

    fn paper_line(&self) -> String {
        let is_paper = |word: &&String| word.len() == 71 && RecoveryKey::parse(word).is_ok();
        self.words.iter().find(is_paper).unwrap().clone()
    }

    fn canaries(&self) -> Canaries {
        let people = self.people.iter();
        let people = people.flat_map(|it| [&it.name, &it.number, &it.words]);
        let words = people.chain(&self.words).map(String::as_str);
        Canaries::with_keys(words, &self.keys)
    }

    /// The folder, the log, what was printed, and what the system shows of the
    /// process: its open files, its surroundings, what swap there is.
    fn clean(&self, when: &str, process: Option<&Process>) {
        let canaries = self.canaries();
        let (looked_at, mut found) = canaries.search(&self.clinic.data);
        assert!(
            looked_at > 1_000_000,
            "there was a database to look at: {looked_at}"
        );
        for name in ["serve.out", "serve.err"] {
            let (_, more) = canaries.search_file(&self.clinic.folder.join(name));
            found.extend(more.into_iter().map(|what| format!("{name}: {what}")));
        }
        let printed = canaries.find(self.printed.as_bytes());
        found.extend(printed.into_iter().map(|what| format!("printed: {what}")));
        let mut shown = 0;
        if let Some(process) = process {
            let proc = |name: &str| format!("/proc/{}/{name}", process.id());
            let mut files: Vec<_> = ["environ", "cmdline", "comm"]
                .map(|it| proc(it).into())
                .to_vec();
            // Without root, that nobody may look is the protection itself.
            files.extend(memory::open_files(process.id()).unwrap_or_default());
            for file in files {
                let (read, more) = canaries.search_file(&file);
                shown += read;
                found.extend(
                    more.into_iter()
                        .map(|what| format!("{}: {what}", file.display())),
                );
            }
        }
        found.extend(self.swapped(&canaries, process));
        println!("{when}: {looked_at} bytes of the folder, {shown} bytes of the process's files");
        assert!(found.is_empty(), "{when}:\n{}", found.join("\n"));
    }

    /// Swap is searched where there is some; the process has nothing in it.
    fn swapped(&self, canaries: &Canaries, process: Option<&Process>) -> Vec<String> {
        let swaps = fs::read_to_string("/proc/swaps").unwrap_or_default();
        let mut found = Vec::new();
        for line in swaps.lines().skip(1) {
            let path = line.split_whitespace().next().unwrap();
            let (read, more) = canaries.search_file(path.as_ref());
            println!("swap {path}: {read} bytes searched");
            found.extend(more.into_iter().map(|what| format!("{path}: {what}")));
        }
        if swaps.lines().count() < 2 {
            println!("this machine has no swap to search");
        }
        if let Some(process) = process {
            let kib = |name| memory::status_kib(process.id(), name);
            assert_eq!(kib("VmSwap:"), Some(0), "some of it was swapped out");
            match kib("VmLck:") {
                Some(0) | None => println!("this machine does not let memory be locked"),
                Some(locked) => {
                    let resident = kib("VmRSS:").unwrap();
                    println!("{locked} KiB may not be swapped out; {resident} KiB are used");
                    assert!(locked >= resident / 2, "{locked} of {resident} KiB");
                }
            }
        }
        found
    }

    /// What somebody typed is gone from the process's memory, and the paper too;
    /// the data key is there, as SECURITY.md says.
    fn forgotten(&self, process: &Process, typed: &[&str]) {
        let search = |canaries: &Canaries| {
            memory::search(process.id(), canaries).unwrap_or_else(|error| {
                panic!(
                    "the memory of the service cannot be read ({error}): this test needs root, or \
                     the right to trace other processes (CAP_SYS_PTRACE)"
                )
            })
        };
        let (looked_at, found) = search(&Canaries::with_keys(typed.iter().copied(), &[]));
        println!("{looked_at} bytes of memory searched for what was typed");
        assert!(
            found.is_empty(),
            "typed, and still there:\n{}",
            found.join("\n")
        );
        // What the service works with is there, or the search saw nothing.
        let (_, found) = search(&Canaries::new([ACCESS_TOKEN]));
        assert!(!found.is_empty(), "the search sees nothing at all");
        let (paper, data): (Vec<_>, Vec<_>) = self
            .keys
            .iter()
            .cloned()
            .partition(|(name, _)| *name == PAPER);
        let (_, found) = search(&Canaries::with_keys([], &data[data.len() - 1..]));
        println!("what root sees of the data key of an unlocked box: {found:?}");
        assert!(!found.is_empty(), "SECURITY.md says that it is found");
        // As the bytes that the database works with, and never as it is written.
        let written: Vec<_> = found
            .iter()
            .filter(|it| !it.contains("(as it is)"))
            .collect();
        assert!(written.is_empty(), "{written:?}");
        let (_, found) = search(&Canaries::with_keys([], &paper));
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

#[test]
fn after_a_day_nothing_stands_outside_the_database() {
    let mut day = Day::new();
    let opening = ["--passphrase-file".to_owned(), day.clinic.passphrase()];
    let sealed = day.clinic.run(&["key", "reseal"], &opening, "");
    assert_eq!(sealed.status, 0, "{sealed:?}");
    day.new_paper();
    let mut service = day.clinic.begin_locked();
    day.clinic.wait_ready(&mut service);
    day.everybody_writes();
    day.some_answer();
    day.staff_work();
    day.clean("while it serves", Some(&service));
    day.forgotten(&service, &[PASSWORD, &day.paper_line()]);
    assert!(service.stop().success());
    day.clean("after a stop", None);

    // A new key, a PIN, and somebody who types it wrong before they type it right.
    day.run(&["key", "rotate"], "");
    day.note_key("the second data key");
    assert_ne!(day.keys[0].1, day.keys.last().unwrap().1);
    day.run(&["key", "set-pin"], PIN);
    let mut service = day.clinic.begin_with_cores();
    let socket = day.clinic.data.join("control.sock");
    until("it waits for its PIN", || socket.exists());
    let wrong = day.clinic.run(&["unlock"], &[], WRONG_PIN);
    assert_eq!(wrong.status, 1, "{wrong:?}");
    day.printed.push_str(&wrong.err);
    let pin = day.file("pin", PIN);
    day.run(&["unlock", "--pin-file", &pin], "");
    day.clinic.wait_ready(&mut service);
    day.clean("unlocked by a PIN", Some(&service));
    day.forgotten(&service, &[PIN, WRONG_PIN]);
    assert!(service.stop().success());

    // The PIN is forgotten, and somebody knows the passphrase.
    let mut service = day.clinic.begin_with_cores();
    until("it waits for somebody", || socket.exists());
    let passphrase = day.clinic.passphrase();
    day.run(&["unlock", "--passphrase-file", &passphrase], "");
    day.clinic.wait_ready(&mut service);
    day.clean("unlocked by the passphrase", Some(&service));
    day.forgotten(&service, &[PASSPHRASE]);
    day.crashes(service);
    day.clean("after a crash", None);
    day.everything_is_inside();
}

impl Day {
    /// SIGABRT, with cores allowed and the system's own pattern: none is written.
    fn crashes(&self, mut service: Process) {
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
        // It was started with cores allowed, and has forbidden them for good.
        let limits = fs::read_to_string(format!("/proc/{}/limits", service.id())).unwrap();
        let mut limits = limits.lines();
        let cores = limits.find_map(|it| it.strip_prefix("Max core file size"));
        let cores: Vec<_> = cores.unwrap().split_whitespace().take(2).collect();
        assert_eq!(cores, ["0", "0"], "soft and hard");
        let status = service.abort();
        assert_eq!(status.signal(), Some(6));
        assert!(
            !status.core_dumped(),
            "the kernel says that it dumped a core"
        );
        let is_core = |name: &str| name.starts_with("core");
        let names = fs::read_dir(&self.clinic.folder).unwrap();
        let names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| is_core(name))
            .collect();
        assert!(names.is_empty(), "{names:?}");
        // A program that does not forbid it is dumped here, or cannot be.
        let folder = self.folder.path().join("elsewhere");
        let control = std::process::Command::new("sh")
            .args(["-c", "ulimit -c unlimited; kill -ABRT $$"])
            .current_dir(&folder)
            .status()
            .unwrap();
        println!(
            "core_pattern {:?}: a program that allows it {} dumped, ours is not",
            pattern.trim(),
            if control.core_dumped() {
                "is"
            } else {
                "is not"
            }
        );
    }

    /// What was looked for everywhere else is in there, in clear, and so is what
    /// guards the PIN: which stands nowhere else either.
    fn everything_is_inside(&mut self) {
        let slots = SlotsFile::load(&self.clinic.data).unwrap();
        let opened = slots.open_with_passphrase(PASSPHRASE).unwrap().remove(0);
        let conn = open::open(&self.clinic.data, &opened.key).unwrap();
        let kept: i64 = conn
            .query_row(
                "SELECT count(*) FROM inbox WHERE item LIKE '%ballad%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert!(kept >= i64::try_from(PEOPLE).unwrap(), "{kept}");
        let password = meta::find(&conn, "tpm_lockout_password").unwrap().unwrap();
        let box_key = meta::find(&conn, "box_key").unwrap().unwrap();
        conn.close().unwrap();
        self.keys.push(("the lock-out's password", password));
        self.keys.push(("the box key", box_key));
        self.clean("with the keys inside it", None);
        drop(self.chip.take());
    }
}
