//! Planted names, numbers, words, ids and secrets: after a run with traffic,
//! faults, errors, a power cut and the most talkative log, none of them stands
//! anywhere outside the encrypted database.

use crate::support::canaries::{self, Canaries};
use crate::support::clinic::{Clinic, PASSPHRASE, Ran, free_port};
use crate::support::far_side::{ACCESS_TOKEN, APP_SECRET, FarSide, VERIFY_TOKEN, roomy};
use crate::support::process::Process;
use crate::support::{http, wait, webhook};
use healthpost::durable;
use serde_json::json;
use std::fs;
use std::io::Write;

const NUMBER: &str = "243971122334";
const NAME: &str = "Zanzibarita Quartzson";
const WORDS: &str = "purple giraffe umbrella";
const PATIENT: &str = "Ferdinanda Mwezi";
const PASSWORD: &str = "xylophone-marmalade-93";
const FORGED: &str = "forged-walrus-ballad";

#[test]
fn the_search_finds_what_it_is_looking_for() {
    let words = [NAME, NUMBER, WORDS, ACCESS_TOKEN];
    let canaries = Canaries::new(words);
    for word in words {
        for (form, bytes) in canaries::forms(word) {
            let folder = tempfile::tempdir().unwrap();
            let planted = [&b"\x00\xffnoise "[..], &bytes, b" noise"].concat();
            durable::write(&folder.path().join("planted"), &planted).unwrap();
            let (looked_at, found) = canaries.search(folder.path());
            assert_eq!(looked_at, planted.len());
            assert!(
                found.iter().any(|what| what.contains(word)),
                "{word} as {form}"
            );
        }
        // Whole messages in base 64, wherever the word lies in them.
        for before in ["", "a", "ab", "abc"] {
            let text = format!("{before}{word} and more");
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
            assert!(
                !canaries.find(encoded.as_bytes()).is_empty(),
                "{word} after {before:?}"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    durable::write(&folder.path().join(format!("{NUMBER}.txt")), b"innocent").unwrap();
    let (_, found) = canaries.search(folder.path());
    assert_eq!(found.len(), 1, "a file's name");
    assert!(canaries.find(b"purple giraffes and umbrellas").is_empty());
}

/// `zstd -19` of a text with these words in it.
const PACKED: &str = "28b52ffd244dbd010052830b11b0eb3889682be16d2f6b6562bce2944004e1ab923f5499281\
    a60e65724e797828b8c9f6bddf24366f6a6d43f2d0100b5400505e4da5962";

#[test]
fn the_search_looks_into_what_is_compressed() {
    let canaries = Canaries::new([NAME, NUMBER, WORDS]);
    let noise: Vec<u8> = (0..100_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    assert!(canaries.find(&noise).is_empty());
    let amid = |packed: &[u8]| [&noise[..3_001], packed, &noise[..2_000]].concat();
    // Made by the program that everybody has.
    let found = canaries.find(&amid(&hex::decode(PACKED).unwrap()));
    assert_eq!(found, [format!("{WORDS:?} (as it is) in zstd")]);
    let text = format!(
        "[{{\"name\":\"{NAME}\",\"number\":\"{}\"}}]",
        hex::encode(NUMBER)
    )
    .repeat(50);
    let best = flate2::Compression::best();
    let zstd = ruzstd::encoding::compress_to_vec(
        text.as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), best);
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), best);
    zlib.write_all(text.as_bytes()).unwrap();
    let zlib = zlib.finish().unwrap();
    for (form, packed) in [("zstd", &zstd), ("gzip", &gzip), ("zlib", &zlib)] {
        // A torn end takes the last block of zstd with it, which is all here.
        let torn = packed.len() - if form == "zstd" { 0 } else { 6 };
        for packed in [&packed[..], &packed[..torn]] {
            let found = canaries.find(&amid(packed));
            for (word, dress) in [(NAME, "as it is"), (NUMBER, "hexadecimal")] {
                let wanted = format!("{word:?} ({dress}) in {form}");
                assert!(found.contains(&wanted), "{wanted}: {found:?}");
            }
        }
    }
    // One in the other.
    let mut both = flate2::write::GzEncoder::new(Vec::new(), best);
    both.write_all(&amid(&zstd)).unwrap();
    let found = canaries.find(&amid(&both.finish().unwrap()));
    assert!(
        found.contains(&format!("{NAME:?} (as it is) in zstd in gzip")),
        "{found:?}"
    );
}

#[test]
fn the_search_finds_a_key_in_every_form_and_passes_no_end_of_a_piece() {
    let key: Vec<u8> = (0..32).map(|n: u8| n.wrapping_mul(37) ^ 0xA5).collect();
    let canaries = Canaries::with_keys([NAME], &[("the key", key.clone())]);
    for (form, bytes) in canaries::forms_of(&key) {
        let planted = [&b"\x00 noise "[..], &bytes, b" noise"].concat();
        assert!(!canaries.find(&planted).is_empty(), "{form}");
    }
    // Across the place where one piece of a large file ends.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let mut large = vec![1; 32 * 1024 * 1024 - 7];
    large.extend_from_slice(NAME.as_bytes());
    durable::write(&path, &large).unwrap();
    let (looked_at, found) = canaries.search_file(&path);
    assert_eq!((looked_at, found.len()), (large.len(), 1), "{found:?}");
}

struct Run {
    folder: tempfile::TempDir,
    far: FarSide,
    clinic: Clinic,
    planted: Vec<String>,
    printed: String,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let at = folder.path().join("far");
        fs::create_dir(&at).unwrap();
        let far = FarSide::start(
            &at,
            &roomy(),
            &format!("http://127.0.0.1:{port}/webhooks/whatsapp"),
        );
        far.add_phone(&json!({ "number": NUMBER, "name": NAME, "username": "quartzson.z" }));
        let at = folder.path().join("clinic");
        fs::create_dir(&at).unwrap();
        let clinic = Clinic::new(&at, port, &far.graph).with(&["--log", "trace"]);
        let words = [
            NUMBER,
            NAME,
            WORDS,
            PATIENT,
            PASSWORD,
            FORGED,
            PASSPHRASE,
            APP_SECRET,
            VERIFY_TOKEN,
            ACCESS_TOKEN,
            "quartzson.z",
        ];
        let mut planted: Vec<String> = words.map(str::to_owned).to_vec();
        planted.push(clinic.key().hex().to_string());
        Self {
            folder,
            far,
            clinic,
            planted,
            printed: String::new(),
        }
    }

    fn note(&mut self, ran: &Ran) {
        self.printed.push_str(&ran.out);
        self.printed.push_str(&ran.err);
    }

    /// The patient writes, and is answered.
    fn write(&mut self, words: &str) {
        let before = self.far.heard(NUMBER).len();
        self.planted
            .push(self.far.write(NUMBER, &json!({ "text": words })));
        wait::until("the phone is answered", 60, || {
            (self.far.heard(NUMBER).len() > before).then_some(())
        });
    }

    /// An intake as far as names and words.
    fn converse(&mut self) {
        for words in ["hello", "1", "1", "1"] {
            self.write(words);
        }
        self.write(&format!("{PATIENT}\n34\nf\n{WORDS}"));
        self.write(&format!("chest pain, {WORDS}\n3 days ago"));
    }

    fn line_is_up(&self) -> Option<()> {
        let told = http::get(&self.clinic.healthz()).ok()?.json();
        (told["line"] == "up").then_some(())
    }

    /// Everything that can go wrong with a send, one after the other.
    fn suffer(&mut self) {
        for fault in [
            json!({ "kind": "refuse", "code": 131_000 }),
            json!({ "kind": "refuse", "code": 100 }),
            json!({ "kind": "refuse", "code": 131_026 }),
            json!({ "kind": "refuse", "code": 190 }),
            json!({ "kind": "fail_later", "code": 131_026 }),
            json!({ "kind": "error_after_accepting", "code": 131_016 }),
            json!({ "kind": "garbage" }),
            json!({ "kind": "portal" }),
            json!({ "kind": "redirect" }),
            json!({ "kind": "reset" }),
            json!({ "kind": "reset_after_accepting" }),
        ] {
            self.far.fault(&json!({ "fault": fault, "times": 1 }));
            // Somebody new each time: nobody waits behind a message in doubt.
            let number = format!("{}", 243_980_000_000_u64 + self.planted.len() as u64);
            let said = json!({ "text": format!("hello {WORDS}") });
            self.planted.push(self.far.write(&number, &said));
            self.planted.push(number);
            let what = format!("this fault has happened: {fault}");
            wait::until(&what, 60, || self.far.is_whole().then_some(()));
            // The next one is for a message: a probe that met it would be one
            // more than what may be asked at once pays for.
            wait::until(&format!("up after {fault}"), 60, || self.line_is_up());
        }
        self.far.mend();
    }

    /// What strangers and a broken sender post.
    fn attack(&self) {
        let url = self.clinic.webhook();
        let body = webhook::text("wamid.forged", NUMBER, FORGED);
        let wrong = webhook::signature(FORGED, &body);
        let headers = [("x-hub-signature-256", wrong.as_str())];
        assert_eq!(
            http::ask("POST", &url, &headers, &body).unwrap().status,
            401
        );
        for body in [
            format!("no JSON: {FORGED} {NUMBER}").into_bytes(),
            webhook::batch(&[json!({ "id": FORGED, "from": NUMBER, "type": "text", "text": FORGED })]),
            json!({ "object": "whatsapp_business_account", "entry": [{ "id": FORGED, "changes": [{ "field": FORGED, "value": NUMBER }] }] }).to_string().into_bytes(),
        ] {
            assert_eq!(webhook::post(&url, &body).unwrap().status, 200);
        }
        let guess = format!("{url}?hub.mode=subscribe&hub.challenge=1&hub.verify_token={FORGED}");
        assert_eq!(http::get(&guess).unwrap().status, 403);
        let right =
            format!("{url}?hub.mode=subscribe&hub.challenge=1&hub.verify_token={VERIFY_TOKEN}");
        assert_eq!(http::get(&right).unwrap().status, 200);
    }

    /// Commands, right and wrong, whose output nobody has to be signed in for.
    fn command(&mut self) {
        let add = self.clinic.run(
            &["user", "add", "amina", "--role", "records"],
            &[],
            PASSWORD,
        );
        assert_eq!(add.status, 0, "{add:?}");
        for args in [
            &["outbox", "list"][..],
            &["--json", "outbox", "list"],
            &["user", "list"],
            &["secret", "list"],
            &["doctor"],
            &["records", "show", NUMBER],
            &["outbox", "show", NUMBER],
            &["outbox", "retry", NAME],
            &["secret", "set", ACCESS_TOKEN],
            &["records", "list", WORDS],
            &["export", "--format", WORDS, "--out", "x"],
        ] {
            let ran = self.clinic.run(args, &[], ACCESS_TOKEN);
            self.note(&ran);
        }
        let wrong = self.folder.path().join("wrong-password");
        durable::write(&wrong, FORGED.as_bytes()).unwrap();
        let args = ["records", "list", "--as", "amina", "--password-file"];
        let refused = self.clinic.run(&args, &[wrong.display().to_string()], "");
        assert_eq!(refused.status, 1, "{refused:?}");
        self.note(&refused);
        let signed = self.folder.path().join("password");
        durable::write(&signed, PASSWORD.as_bytes()).unwrap();
        let allowed = self.clinic.run(&args, &[signed.display().to_string()], "");
        assert_eq!(allowed.status, 0, "{allowed:?}");
        self.note(&allowed);
    }

    fn canaries(&self) -> Canaries {
        Canaries::new(self.planted.iter().map(String::as_str))
    }

    /// Nothing in the data folder, the log, the output, or what the system
    /// shows of the process.
    fn clean(&self, when: &str, process: Option<&Process>) {
        let canaries = self.canaries();
        let (looked_at, mut found) = canaries.search(&self.clinic.data);
        assert!(looked_at > 100_000, "there was a database to look at");
        for name in ["serve.out", "serve.err"] {
            let bytes = fs::read(self.clinic.folder.join(name)).unwrap();
            found.extend(
                canaries
                    .find(&bytes)
                    .into_iter()
                    .map(|what| format!("{name}: {what}")),
            );
        }
        for name in ["environ", "cmdline"] {
            let Some(process) = process else { continue };
            let bytes = fs::read(format!("/proc/{}/{name}", process.id())).unwrap();
            assert!(!bytes.is_empty());
            found.extend(
                canaries
                    .find(&bytes)
                    .into_iter()
                    .map(|what| format!("{name}: {what}")),
            );
        }
        let printed = canaries.find(self.printed.as_bytes());
        found.extend(printed.into_iter().map(|what| format!("printed: {what}")));
        assert!(found.is_empty(), "{when}:\n{}", found.join("\n"));
    }
}

#[test]
fn nothing_planted_stands_outside_the_encrypted_database() {
    let mut run = Run::new();
    let mut service = run.clinic.serve();
    run.converse();
    run.suffer();
    run.attack();
    run.command();
    run.clean("while it serves", Some(&service));
    service.kill();
    run.clean("after a power cut", None);
    let mut service = run.clinic.serve();
    run.write("help");
    assert!(service.stop().success());
    run.clean("after a stop", None);
    let log = service.logged();
    assert!(
        log.contains("TRACE") && log.len() > 10_000,
        "the log was talkative"
    );
    let (conn, _) = run.clinic.open();
    // What was looked for everywhere else is in here, in clear.
    let kept: i64 = conn
        .query_row(
            "SELECT count(*) FROM inbox WHERE item LIKE '%purple giraffe umbrella%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(kept > 5, "{kept}");
}
