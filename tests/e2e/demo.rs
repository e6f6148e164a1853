//! The demo as a newcomer meets it: an empty folder, one command, phones that
//! chat in five languages, a line that is cut and mended, records in Excel.

use crate::support::far_side::Control;
use crate::support::http;
use crate::support::process::Process;
use crate::support::{wait, webhook};
use calamine::{Data, Reader, Xlsx, open_workbook};
use healthpost::durable;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Sex, none, no and since when, as people of each language write them.
const PEOPLE: [[&str; 5]; 5] = [
    ["en", "female", "none", "no", "3 days ago"],
    ["fr", "féminin", "aucun", "non", "il y a 3 jours"],
    ["sw", "mwanamke", "hakuna", "hapana", "siku 3 zilizopita"],
    ["es", "femenino", "ninguno", "no", "hace 3 días"],
    ["pt", "feminino", "nenhum", "não", "há 3 dias"],
];

/// The demo's own account; its secrets protect nothing.
const DEMO_APP_SECRET: &str = "demo app secret";

fn number(place: usize) -> String {
    format!("24397000{place:04}")
}

struct Demo {
    process: Process,
    said: Value,
    phones: Control,
    folder: PathBuf,
}

impl Demo {
    /// Starts it; an empty folder becomes a demo, one of a demo is used again.
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_healthpost"));
        command
            .args(["--json", "demo", "--listen", "127.0.0.1:0", "--dir"])
            .arg(folder.join("demo"));
        let process = Process::start(&mut command, folder, "demo");
        let said: Value = wait::until("the demo says where it is", 60, || {
            // What an earlier start said stands above.
            let printed = process.printed();
            let last = printed.lines().last()?;
            let said: Value = serde_json::from_str(last).ok()?;
            let console = format!("{}healthz", said["console"].as_str()?);
            (http::get(&console).ok()?.status == 200).then_some(said)
        });
        let phones = Control::at(said["phone"].as_str().unwrap());
        Self {
            process,
            said,
            phones,
            folder: folder.join("demo"),
        }
    }

    fn line(&self) -> Value {
        let url = format!("{}healthz", self.said["console"].as_str().unwrap());
        http::get(&url).unwrap().json()["line"].clone()
    }

    /// Every phone does something, and is answered once.
    fn each(&self, act: impl Fn(usize, &[Value]) -> Value) {
        let before: Vec<usize> = (0..PEOPLE.len())
            .map(|place| {
                let heard = self.phones.heard(&number(place));
                self.phones.write(&number(place), &act(place, &heard));
                heard.len()
            })
            .collect();
        for (place, before) in before.into_iter().enumerate() {
            self.wait_heard(place, before + 1);
        }
    }

    fn wait_heard(&self, place: usize, messages: usize) {
        let heard = wait::until("the phone is answered", 60, || {
            let heard = self.phones.heard(&number(place));
            (heard.len() >= messages).then_some(heard)
        });
        assert_eq!(heard.len(), messages, "{}", PEOPLE[place][0]);
    }

    fn write(&self, words: impl Fn(usize) -> String) {
        self.each(|place, _| json!({ "text": words(place) }));
    }

    /// Taps the choice of this name on the latest message.
    fn tap(&self, choice: impl Fn(usize) -> &'static str) {
        self.each(|place, heard| {
            let latest = heard.last().unwrap();
            let taps = latest["buttons"]
                .as_array()
                .or(latest["list"]["rows"].as_array());
            let ids = taps.unwrap().iter().map(|tap| tap["id"].as_str().unwrap());
            let wanted = ids.into_iter().find(|id| {
                let last = id.rsplit(':').next().unwrap();
                last.split('@').next() == Some(choice(place))
            });
            json!({ "button": wanted.unwrap() })
        });
    }

    /// A command on the running demo.
    fn run(&self, args: &[&str], more: &[&Path]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_healthpost"))
            .arg("--config")
            .arg(self.folder.join("healthpost.toml"))
            .args(args)
            .args(more)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The password file of somebody the demo printed.
    fn password_of(&self, name: &str) -> PathBuf {
        let users = self.said["users"].as_array().unwrap();
        let user = users.iter().find(|user| user["name"] == name).unwrap();
        let file = self.folder.with_file_name(format!("{name}.password"));
        durable::write(&file, user["password"].as_str().unwrap().as_bytes()).unwrap();
        file
    }
}

#[test]
fn a_first_minute_in_five_languages_with_the_line_cut_and_excel() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    intake(&demo);
    the_line_is_cut(&demo);
    records_are_exported(&demo);
    the_staff_page_speaks_plainly(&demo);
    a_second_demo_is_told_of_the_first(&demo);
    assert!(demo.process.stop().success(), "{}", demo.process.logged());
    // The folder is used again.
    let demo = Demo::start(folder.path());
    let listed = list(&demo);
    assert_eq!(listed.len(), PEOPLE.len());
    demo.phones
        .write("243970009999", &json!({ "text": "hello" }));
    wait::until("a new phone is answered", 30, || {
        (!demo.phones.heard("243970009999").is_empty()).then_some(())
    });
}

fn intake(demo: &Demo) {
    demo.write(|_| "hello".to_owned());
    demo.tap(|place| PEOPLE[place][0]);
    demo.tap(|_| "agree");
    demo.tap(|_| "me");
    demo.write(|place| format!("Amina Juma\n34\n{}\nKalehe", PEOPLE[place][1]));
    demo.write(|place| format!("knee\n{}", PEOPLE[place][4]));
    demo.write(|_| "2".to_owned());
    demo.write(|place| {
        let [_, _, none, no, _] = PEOPLE[place];
        format!("{none}\n{none}\n{no}")
    });
    demo.write(|_| "Juma +243970000001".to_owned());
    demo.tap(|_| "send");
    for record in list(demo) {
        assert_eq!(record["status"], "complete", "{record}");
    }
    // Every message costs money: a whole intake takes ten.
    for (place, person) in PEOPLE.iter().enumerate() {
        assert_eq!(demo.phones.heard(&number(place)).len(), 10, "{}", person[0]);
    }
}

fn list(demo: &Demo) -> Vec<Value> {
    let password = demo.password_of("records");
    let args = [
        "--json",
        "records",
        "list",
        "--as",
        "records",
        "--password-file",
    ];
    let listed: Value = serde_json::from_str(&demo.run(&args, &[&password])).unwrap();
    listed.as_array().unwrap().clone()
}

fn the_line_is_cut(demo: &Demo) {
    assert_eq!(demo.line(), "up");
    let before = demo.phones.heard(&number(0)).len();
    demo.phones.set_line(false);
    // While the line is cut nothing comes in over it either; these are handed
    // to the box's own door, one after the other.
    let webhook = demo.said["webhook"].as_str().unwrap();
    for (nth, words) in ["help", "my data", "help"].into_iter().enumerate() {
        let body = webhook::text(&format!("wamid.cut-{nth}"), &number(0), words);
        let answer = webhook::post_signed(webhook, DEMO_APP_SECRET, &body).unwrap();
        assert_eq!(answer.status, 200);
        let waiting = nth as u64 + 1;
        wait::until("the reply waits", 30, || {
            (demo.phones.replies_waiting() >= waiting).then_some(())
        });
    }
    wait::until("the line is known to be down", 90, || {
        (demo.line() == "down").then_some(())
    });
    assert_eq!(
        demo.phones.heard(&number(0)).len(),
        before,
        "nothing passes a cut line"
    );
    let queue: Value =
        serde_json::from_str(&demo.run(&["--json", "outbox", "list", "--waiting"], &[])).unwrap();
    let waiting = queue["messages"].as_array().unwrap().len();
    demo.phones.set_line(true);
    wait::until("the queue is empty", 90, || {
        (demo.phones.replies_waiting() == 0).then_some(())
    });
    demo.wait_heard(0, before + waiting);
    wait::until("the line is known to be up", 30, || {
        (demo.line() == "up").then_some(())
    });
    let heard = demo.phones.heard(&number(0));
    let new: Vec<&str> = heard[before..]
        .iter()
        .map(|entry| entry["text"].as_str().unwrap())
        .collect();
    let place = |part: &str| new.iter().position(|text| text.contains(part));
    let (first, last) = (
        place("I ask questions"),
        new.iter()
            .rposition(|text| text.contains("I ask questions")),
    );
    assert_eq!(first, Some(0), "{new:?}");
    assert!(
        last > first && last.unwrap() + 1 >= new.len() - 1,
        "{new:?}"
    );
}

fn records_are_exported(demo: &Demo) {
    let password = demo.password_of("records");
    let at = |name: &str| demo.folder.with_file_name(name);
    let (csv, xlsx) = (at("records.csv"), at("records.xlsx"));
    for (format, path) in [("csv", &csv), ("xlsx", &xlsx)] {
        let args = [
            "export",
            "--format",
            format,
            "--as",
            "records",
            "--password-file",
        ];
        demo.run(&args, &[&password, Path::new("--out"), path]);
    }
    let text = std::fs::read(&csv).unwrap();
    let mut reader = csv::Reader::from_reader(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text));
    let header: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    assert_eq!(header[0], "record_id");
    assert_eq!(rows.len(), PEOPLE.len());
    let column = |name: &str| header.iter().position(|known| known == name).unwrap();
    let of = |name: &str| -> Vec<&str> {
        let mut cells: Vec<&str> = rows.iter().map(|row| row[column(name)].as_str()).collect();
        cells.sort_unstable();
        cells
    };
    assert_eq!(of("language"), ["en", "es", "fr", "pt", "sw"]);
    assert_eq!(of("patient_name"), ["Amina Juma"; 5]);
    assert_eq!(of("sex"), ["female"; 5]);
    assert_eq!(of("age_years"), ["34"; 5]);
    assert_eq!(of("locality"), ["Kalehe"; 5]);
    assert_eq!(of("status"), ["complete"; 5]);
    let mut book: Xlsx<_> = open_workbook(&xlsx).unwrap();
    let sheet = book.worksheet_range_at(0).unwrap().unwrap();
    let cells: Vec<Vec<String>> = sheet
        .rows()
        .map(|row| row.iter().map(text_of).collect())
        .collect();
    assert_eq!(cells[0], header);
    assert_eq!(cells[1..], rows[..], "both files say the same");
}

fn the_staff_page_speaks_plainly(demo: &Demo) {
    let console = demo.said["console"].as_str().unwrap().to_owned();
    let page = |path: &str| http::get(&format!("{console}{path}")).unwrap().text();
    let overview = page("");
    for part in ["<bdi>Amina Juma</bdi>", "#last\"><bdi>Phone ", ">question<"] {
        assert!(overview.contains(part), "{part}: {overview}");
    }
    assert!(!overview.contains(">conversation "), "{overview}");
    let id = list(demo)[0]["record_id"].as_str().unwrap().to_owned();
    let record = page(&format!("records/{id}"));
    for part in [
        "\"tel:+24397000",
        "href=\"/conversations/",
        "<bdi>complete<",
    ] {
        assert!(record.contains(part), "{part}: {record}");
    }
    assert!(!record.contains("+02:00"), "{record}");
    let talk = page("conversations/1");
    assert_eq!(talk.matches("id=\"last\"").count(), 1, "{talk}");
}

fn a_second_demo_is_told_of_the_first(demo: &Demo) {
    let second = Command::new(env!("CARGO_BIN_EXE_healthpost"))
        .args(["demo", "--listen", "127.0.0.1:0", "--dir"])
        .arg(&demo.folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("another demo runs in"), "{said}");
    assert!(!said.contains("doctor"), "{said}");
}

fn text_of(cell: &Data) -> String {
    cell.to_string()
}

#[test]
fn a_second_start_answers_the_same_phone_and_sends_what_waited() {
    const PHONE: &str = "243970008888";
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let hears = |demo: &Demo, what: &str| {
        wait::until(what, 30, || {
            (!demo.phones.heard(PHONE).is_empty()).then_some(())
        });
    };
    // A page that listens is left open.
    let page = demo.said["phone"].as_str().unwrap();
    let at = page
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap();
    let mut listening = TcpStream::connect(at).unwrap();
    write!(
        listening,
        "GET /simulator/events HTTP/1.1\r\nhost: {at}\r\n\r\n"
    )
    .unwrap();
    let write = |demo: &Demo, words: &str| demo.phones.write(PHONE, &json!({ "text": words }));
    let first = write(&demo, "hello");
    hears(&demo, "an answer");
    demo.phones.set_line(false);
    write(&demo, "English");
    wait::until("a reply waits", 30, || {
        (demo.phones.replies_waiting() > 0).then_some(())
    });
    assert!(demo.process.stop().success(), "{}", demo.process.logged());
    let logged = demo.process.logged();
    assert!(!logged.contains("cut off"), "{logged}");
    drop(listening);
    let before = 1;
    let demo = Demo::start(folder.path());
    assert_eq!(
        demo.phones.heard(PHONE).len(),
        before,
        "the line is still cut"
    );
    demo.phones.set_line(true);
    wait::until("what waited", 30, || {
        (demo.phones.heard(PHONE).len() > before).then_some(())
    });
    let before = demo.phones.heard(PHONE).len();
    assert_ne!(
        write(&demo, "hello"),
        first,
        "no id of the first run comes again"
    );
    wait::until("an answer to new words", 30, || {
        (demo.phones.heard(PHONE).len() > before).then_some(())
    });
}

#[test]
fn a_killed_demo_forgets_nothing_that_a_patient_wrote() {
    const PHONE: &str = "243970007777";
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    let write = |demo: &Demo, words: &str| demo.phones.write(PHONE, &json!({ "text": words }));
    write(&demo, "hello");
    wait::until("an answer", 30, || {
        (!demo.phones.heard(PHONE).is_empty()).then_some(())
    });
    let answers = demo.phones.heard(PHONE).len();
    let switch = format!("{}/line", demo.said["phone"].as_str().unwrap());
    let cut = json!({ "up": false, "webhooks": false });
    assert_eq!(http::post_json(&switch, &cut).unwrap().status, 200);
    write(&demo, "English, written into a cut line");
    wait::until("it is written down", 30, || {
        let kept = std::fs::read_to_string(demo.folder.join("simulated-whatsapp.json")).ok()?;
        kept.contains("English, written into").then_some(())
    });
    demo.process.kill();
    let demo = Demo::start(folder.path());
    let chat = demo.phones.chat(PHONE);
    let mine: Vec<&str> = chat
        .iter()
        .filter(|entry| entry["direction"] == "to_clinic")
        .map(|entry| entry["text"].as_str().unwrap())
        .collect();
    assert_eq!(mine, ["hello", "English, written into a cut line"]);
    assert_eq!(demo.phones.heard(PHONE).len(), answers);
    assert_ne!(demo.phones.waiting(), 0, "the line is still cut");
    demo.phones.set_line(true);
    wait::until("the clinic answers what it had not heard", 60, || {
        (demo.phones.heard(PHONE).len() > answers).then_some(())
    });
}
