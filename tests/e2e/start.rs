//! Starts that must not happen: each says what is wrong, where, and what to
//! do, and leaves everything as it was.

use crate::support::clinic::{Clinic, Ran, free_port};
use crate::support::{wait, webhook};
use healthpost::durable;
use healthpost::store::meta;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::FileExt;

const NOWHERE: &str = "http://127.0.0.1:1";

fn made() -> (tempfile::TempDir, Clinic) {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), NOWHERE);
    (folder, clinic)
}

/// Starts the service, which must refuse with this status and these words.
fn refused(clinic: &Clinic, status: i32, words: &[&str]) -> Ran {
    let ran = clinic.run(&["serve", "--passphrase-file"], &[clinic.passphrase()], "");
    assert_eq!(ran.status, status, "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not in: {}", ran.err);
    }
    ran
}

#[test]
fn a_flow_with_faults_is_refused_with_file_line_and_remedy() {
    let (folder, clinic) = made();
    let flow = folder.path().join("own-flow.toml");
    let source = include_str!("../../src/core/flow/intake.toml");
    let line = 1 + source
        .lines()
        .position(|line| line.starts_with("[lines.who]"))
        .unwrap();
    let broken = source
        .replacen("[lines.who]\n", "[lines.who]\nxx = \"?\"\n", 1)
        .replacen("version = 1\n", "version = 1\nsurprise = true\n", 1);
    durable::write(&flow, broken.as_bytes()).unwrap();
    clinic.configure(NOWHERE, "path = \"own-flow.toml\"\n");
    let said = refused(&clinic, 2, &["own-flow.toml:", "surprise", "xx"]);
    // One line was put before it, and the fault stands in the line after it.
    let at = format!("line {}", line + 2);
    assert!(said.err.contains(&at), "{at} is not in: {}", said.err);
    let check = clinic.run(&["flow", "check"], &[flow.display().to_string()], "");
    assert_ne!(check.status, 0);
    assert!(
        check.err.contains(&at) || check.out.contains(&at),
        "{check:?}"
    );
}

/// Starts the service without its passphrase: what is wrong must be said now, and
/// not when somebody has come to unlock the box.
fn never_locks(clinic: &Clinic, words: &[&str]) {
    let ran = clinic.run(&["serve"], &[], "");
    assert_eq!(ran.status, 2, "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word:?} is not in: {}", ran.err);
    }
    assert!(!ran.err.contains("locked"), "{ran:?}");
    assert!(!clinic.data.join("control.sock").exists());
    let check = clinic.run(&["config", "check"], &[], "");
    assert_eq!(check.status, 2, "{check:?}");
    let doctor = clinic.run(&["doctor"], &[], "");
    for word in words {
        assert!(check.err.contains(word), "{check:?}");
        assert!(doctor.out.contains(word), "{doctor:?}");
    }
}

#[test]
fn what_no_box_could_serve_is_said_before_anybody_is_asked_to_unlock_it() {
    let (folder, clinic) = made();
    clinic.configure(NOWHERE, "path = \"no-flow.toml\"\n");
    never_locks(&clinic, &["no-flow.toml", "cannot be read"]);
    let flow = folder.path().join("no-flow.toml");
    durable::write(&flow, b"version = 1\n").unwrap();
    never_locks(&clinic, &["no-flow.toml:line 1"]);
    // English alone, and the clinic speaks five languages.
    durable::write(&flow, include_bytes!("../fuzz/corpus/flow/small.toml")).unwrap();
    let clinic_speaks = "clinic.languages";
    never_locks(
        &clinic,
        &["no-flow.toml:line 3", "\"fr\"", "\"sw\"", clinic_speaks],
    );
    clinic.reword(&[("[\"en\", \"fr\", \"sw\", \"es\", \"pt\"]", "[\"en\"]")]);
    let check = clinic.run(&["config", "check"], &[], "");
    assert_eq!(check.status, 0, "{check:?}");
    clinic.configure(NOWHERE, "");
    let public = format!("127.0.0.1:{}\"\n[lan]", clinic.port);
    let with_tls = format!("127.0.0.1:{}\"\ntls_key = \"k.pem\"\n[lan]", clinic.port);
    clinic.reword(&[(&public, &with_tls)]);
    never_locks(
        &clinic,
        &["healthpost.toml:", "public.tls_key: asks for TLS"],
    );
    clinic.configure(NOWHERE, "");
    let lan = format!("127.0.0.1:{}", clinic.lan);
    clinic.reword(&[(&lan, &format!("0.0.0.0:{}", clinic.port))]);
    never_locks(
        &clinic,
        &["healthpost.toml:", "lan.listen: takes the place"],
    );
    clinic.configure(NOWHERE, "[relay]\nurl = \"https://relay.example\"\n");
    let check = clinic.run(&["config", "check"], &[], "");
    assert_eq!(check.status, 0, "{check:?}");
    assert!(check.err.contains("relay.url: is not used"), "{check:?}");
    let listed = clinic.run(
        &["secret", "list", "--passphrase-file"],
        &[clinic.passphrase()],
        "",
    );
    assert_eq!(listed.err.matches("relay.url").count(), 1, "{listed:?}");
}

#[test]
fn a_config_with_three_faults_names_all_three() {
    let (_folder, clinic) = made();
    let source = fs::read_to_string(clinic.config()).unwrap();
    let broken = source
        .replace("country = \"CD\"", "country = \"Zaire\"")
        .replace("quiet_ms = 20", "quiet_mss = 20")
        .replace("in_doubt_seconds = 2", "in_doubt_seconds = -2");
    durable::write(&clinic.config(), broken.as_bytes()).unwrap();
    let words = [
        "country",
        "quiet_mss",
        "quiet_ms",
        "in_doubt_seconds",
        "healthpost.toml:",
    ];
    refused(&clinic, 2, &words);
    let check = clinic.run(&["config", "check"], &[], "");
    assert_eq!(check.status, 2);
    for word in words {
        assert!(check.err.contains(word), "{check:?}");
    }
}

#[test]
fn a_port_in_use_is_said_with_its_key() {
    let (_folder, clinic) = made();
    let _taken = TcpListener::bind(("127.0.0.1", clinic.port)).unwrap();
    let port = format!("127.0.0.1:{}", clinic.port);
    refused(&clinic, 1, &[&port, "in use", "public.listen"]);
}

#[test]
fn key_slots_of_a_newer_version_are_said() {
    let (_folder, clinic) = made();
    let path = clinic.data.join("keyslots.json");
    let text = fs::read_to_string(&path).unwrap();
    let newer = text.replacen("\"version\": 1", "\"version\": 2", 1);
    assert_ne!(text, newer);
    durable::write(&path, newer.as_bytes()).unwrap();
    refused(&clinic, 1, &["format 2", "newer version"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}

#[test]
fn a_database_of_a_newer_version_is_said_and_left_alone() {
    let (_folder, clinic) = made();
    let (conn, _) = clinic.open();
    meta::set(&conn, "schema", b"99").unwrap();
    meta::set(&conn, "oldest_reader", b"98").unwrap();
    conn.close().unwrap();
    let file = clinic.data.join("clinic.db");
    let before = fs::read(&file).unwrap();
    refused(&clinic, 1, &["newer version", "99"]);
    assert!(
        fs::read(&file).unwrap() == before,
        "the database was touched"
    );
}

#[test]
fn a_second_service_on_the_same_folder_is_refused() {
    let (folder, clinic) = made();
    let mut first = clinic.serve();
    let source = fs::read_to_string(clinic.config()).unwrap();
    let port = format!("127.0.0.1:{}", clinic.port);
    let moved = source.replace(&port, "127.0.0.1:0");
    durable::write(&folder.path().join("healthpost.toml"), moved.as_bytes()).unwrap();
    refused(&clinic, 1, &["in use by another healthpost"]);
    assert!(first.ended().is_none(), "the first one serves on");
}

#[test]
fn a_wrong_passphrase_is_said_and_opens_nothing() {
    let (_folder, clinic) = made();
    durable::write(clinic.passphrase().as_ref(), b"maji machafu kabisa\n").unwrap();
    let said = refused(&clinic, 1, &["the passphrase is wrong"]);
    assert!(!said.err.contains("machafu"));
}

#[test]
fn init_leaves_an_existing_folder_alone() {
    let (_folder, clinic) = made();
    let slots = clinic.data.join("keyslots.json");
    let before = fs::read(&slots).unwrap();
    let again = clinic.run(&["init", "--passphrase-file"], &[clinic.passphrase()], "");
    assert_eq!(again.status, 1);
    assert!(again.err.contains("exists already"), "{again:?}");
    assert_eq!(fs::read(&slots).unwrap(), before);
}

#[test]
fn a_database_that_proves_damaged_while_the_box_serves_ends_it() {
    let (_folder, clinic) = made();
    let mut service = clinic.serve();
    let path = clinic.data.join("clinic.db");
    let log = clinic.data.join("clinic.db-wal");
    wait::until("the log is empty", 60, || {
        (fs::metadata(&log).unwrap().len() == 0).then_some(())
    });
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let mut torn = fs::read(&path).unwrap();
    torn.iter_mut().skip(4_096).for_each(|byte| *byte ^= 1);
    file.write_all_at(&torn, 0).unwrap();
    let body = webhook::text("wamid.late", "243970000001", "hello");
    let status = webhook::post(&clinic.webhook(), &body).unwrap().status;
    assert_eq!(status, 503, "its sender keeps it");
    let ended = wait::until("the service ends", 60, || service.ended());
    assert_eq!(ended.code(), Some(1));
    let said = service.logged();
    assert!(said.contains("last copy of the data folder"), "{said}");
    assert!(
        fs::read(&path).unwrap() == torn,
        "the damaged file was touched"
    );
}

#[test]
fn a_missing_folder_a_lost_database_and_a_damaged_one_are_told_apart() {
    let (_folder, clinic) = made();
    let file = clinic.data.join("clinic.db");
    let whole = fs::read(&file).unwrap();
    let mut torn = whole.clone();
    for byte in torn.iter_mut().skip(4_096) {
        *byte ^= 1;
    }
    durable::write(&file, &torn).unwrap();
    refused(&clinic, 1, &["damaged", "last copy of the data folder"]);
    assert!(
        fs::read(&file).unwrap() == torn,
        "the damaged file was touched"
    );
    fs::remove_file(&file).unwrap();
    refused(&clinic, 1, &["there is no clinic.db"]);
    fs::remove_dir_all(&clinic.data).unwrap();
    refused(&clinic, 1, &["no data folder", "healthpost init"]);
}
