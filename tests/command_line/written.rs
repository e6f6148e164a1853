//! Files and lines that somebody wrote, and what is said of those that cannot
//! be used.

use crate::support::folder::{CANARY, Clinic};
use serde_json::Value;
use std::fs::File;

const FLOW: &str = include_str!("../../src/core/flow/intake.toml");

fn faults(clinic: &Clinic, command: &[&str]) -> Vec<Value> {
    let told = clinic.run(&[&["--json"], command].concat(), "");
    assert_eq!(told.status, 2, "{told:?}");
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["ok"], false);
    told["faults"].as_array().unwrap().clone()
}

#[test]
fn a_file_that_is_not_utf8_is_told_with_its_line() {
    let clinic = Clinic::bare();
    let path = clinic.file("healthpost.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let latin = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<u8>>();
    clinic.put(&path, latin(&config.replace("Kalehe", "Kaléhé")));
    let told = clinic.run(&["config", "check"], "");
    assert_eq!(told.status, 2);
    assert!(
        told.err.contains("healthpost.toml:5: not UTF-8"),
        "{told:?}"
    );
    assert!(told.err.contains("save the file as UTF-8"), "{told:?}");
    assert!(!told.err.contains("--config"), "{told:?}");
    clinic.put(&path, config);
    clinic.put(&clinic.file("flow.toml"), latin("# one\n# fièvre\n"));
    let told = clinic.run(&["flow", "check", "flow.toml"], "");
    assert_eq!(told.status, 2);
    assert!(told.err.contains("flow.toml:line 2: not UTF-8"), "{told:?}");
}

#[test]
fn programs_are_told_each_fault() {
    let clinic = Clinic::bare();
    clinic.put(
        &clinic.file("flow.toml"),
        FLOW.replacen("kind = \"onset\"", "kind = \"onse\"", 1),
    );
    let found = faults(&clinic, &["flow", "check", "flow.toml"]);
    assert_eq!(found.len(), 1, "{found:?}");
    let line = FLOW.lines().position(|line| line == "kind = \"onset\"");
    assert_eq!(found[0]["line"], line.unwrap() + 1);
    assert_eq!(found[0]["file"], "flow.toml");
    assert_eq!(found[0]["key"], "");
    assert!(found[0]["what"].as_str().unwrap().contains("onse"));

    let path = clinic.file("healthpost.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    clinic.put(&path, format!("{config}[flow]\npath = \"flow.toml\"\n"));
    assert_eq!(faults(&clinic, &["config", "check"]).len(), 1);
    clinic.put(&path, config.replace("\"CD\"", "\"Congo\""));
    let found = faults(&clinic, &["config", "check"]);
    assert_eq!(found[0]["key"], "clinic.country");
    assert_eq!(found[0]["line"], 6);
    let nowhere = ["--config", "nowhere.toml", "config", "check"];
    assert_eq!(faults(&clinic, &nowhere)[0]["line"], 0);
}

#[test]
fn a_line_of_a_chat_that_is_no_text_is_a_message_like_any_other() {
    let clinic = Clinic::bare();
    clinic.put(&clinic.file("said"), b"hello\n\xff\nyes\n");
    let said = File::open(clinic.file("said")).unwrap();
    let child = clinic.start_at(said, &["flow", "chat"]);
    let told = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{err}");
    assert_eq!(err, "");
}

#[test]
fn what_cannot_be_read_is_named() {
    let clinic = Clinic::bare();
    let folder = clinic.run(&["init", "--passphrase-file", "/tmp"], "");
    assert_eq!(folder.status, 1);
    assert!(folder.err.contains("/tmp cannot be read"), "{folder:?}");
    assert!(folder.err.contains("hint: name a file"), "{folder:?}");
    let passphrase = clinic.file("passphrase");
    let no_folder = ["demo", "--listen", "127.0.0.1:0", "--dir", "passphrase"];
    let no_folder = clinic.run(&no_folder, "");
    assert_eq!(no_folder.status, 1);
    assert!(
        no_folder
            .err
            .contains("passphrase cannot be the demo's folder"),
        "{no_folder:?}"
    );
    assert!(passphrase.is_file());
    // A name that is wrong is told before a value is asked for.
    for value in ["", CANARY] {
        let unknown = clinic.run(&["secret", "set", "foo"], value);
        assert_eq!(unknown.status, 2);
        assert!(
            unknown.err.contains("no credential of that name"),
            "{unknown:?}"
        );
        unknown.holds_no(CANARY);
    }
}
