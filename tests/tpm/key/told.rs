//! What the commands tell of a box that is not as it should be: on standard
//! error, so that what they print stays a program's to read.

use super::clinic;
use super::commands::Box;
use crate::tpm::board::PIN;
use crate::tpm::tap::{refusal, word};
use std::process::Output;

/// `TPM_CC_HierarchyChangeAuth`, by which the lock-out gets its password.
const CHANGE_PASSWORD: u32 = 0x129;
/// `TPM_RC_FAILURE`.
const FAILURE: u32 = 0x101;

/// What a command says, its two streams apart.
fn apart(it: &Box, arguments: &[&str]) -> Output {
    let done = it.start(arguments).wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {done:?}");
    done
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A copy of the data folder beside it.
fn copied(it: &Box) {
    let copy = it.path("copy");
    std::fs::create_dir(&copy).unwrap();
    clinic::copy(&it.data(), &copy);
}

#[test]
fn warnings_of_a_command_are_seen_and_leave_what_it_prints_alone() {
    let it = Box::made();
    copied(&it);
    let list = ["--json", "--data-dir", "copy", "secret", "list"];
    let done = apart(&it, &list);
    let warned = text(&done.stderr);
    assert!(warned.contains("WARN") && warned.contains("is a copy of"));
    assert!(!warned.contains("INFO"), "{warned}");
    let printed: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(printed.is_array());
    // Whoever asks for less or for more gets it.
    let done = apart(&it, &[&["--log", "error"], &list[..]].concat());
    assert_eq!(text(&done.stderr), "");
    std::fs::remove_dir_all(it.data()).unwrap();
    let init = ["--json", "--log", "info", "init", "--key", "tpm2"];
    let done = apart(&it, &init);
    assert!(text(&done.stderr).contains("INFO"), "{done:?}");
    let printed: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(printed["recovery_key"].is_string());
}

#[test]
fn a_pin_that_nothing_guards_is_told_by_the_command_that_set_it() {
    let it = Box::bare();
    let tap = it.board.tap();
    tap.set(|command, ask| match word(command, 6) {
        CHANGE_PASSWORD => refusal(FAILURE),
        _ => ask(command),
    });
    let way = format!("swtpm:127.0.0.1:{}", tap.port());
    let init = ["init", "--key", "tpm2", "--tpm", &way, "--pin-file", "pin"];
    let told = it.run(&init, "");
    assert!(tap.commands().contains(&CHANGE_PASSWORD));
    assert!(told.contains("the PIN is not guarded yet"), "{told}");
    assert!(!told.contains(PIN), "{told}");
    drop(tap);
    assert!(
        it.said(&["doctor"], "")
            .text
            .contains("no lock-out password")
    );
    // Opened once with its PIN, it is.
    it.run(&["secret", "list", "--pin-file", "pin"], "");
    assert!(
        !it.said(&["doctor"], "")
            .text
            .contains("no lock-out password")
    );
}

#[test]
fn doctor_tells_a_copied_folder_from_the_box() {
    let it = Box::made();
    let copied_from = "is a copy of";
    assert!(!it.said(&["doctor"], "").text.contains(copied_from));
    copied(&it);
    let doctor = ["--json", "--data-dir", "copy", "doctor"];
    let done = it.start(&doctor).wait_with_output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let mut found = found.as_array().unwrap().iter();
    let said = |it: &serde_json::Value| it["finding"].to_string().contains(copied_from);
    let copy = found.find(|it| said(it)).unwrap();
    assert_eq!(copy["state"], "warning");
    let remedy = copy["remedy"].as_str().unwrap();
    assert!(remedy.contains("healthpost key reseal --moved"), "{remedy}");
    // Done as it says, the copy is the box, and its original is none.
    let reseal = ["--data-dir", "copy", "key", "reseal", "--moved"];
    it.run(&reseal, "");
    let said = it.said(&["--data-dir", "copy", "doctor"], "").text;
    assert!(!said.contains(copied_from), "{said}");
    assert!(
        it.refused(&["secret", "list"], "")
            .contains("no longer keeps")
    );
}

fn damage_the_seal(it: &Box) {
    let path = it.data().join("keyslots.json");
    let slots = std::fs::read_to_string(&path).unwrap();
    let damaged = slots.replacen("\"private\":\"00", "\"private\":\"zz", 1);
    assert_ne!(slots, damaged);
    it.put("data/keyslots.json", &damaged);
}

#[test]
fn a_seal_that_does_not_read_may_have_had_a_pin() {
    let it = Box::made();
    it.put("passphrase", "a passphrase with words");
    it.run(&["key", "add-passphrase"], "a passphrase with words");
    it.run(&["key", "set-pin"], PIN);
    damage_the_seal(&it);
    let reseal = ["key", "reseal", "--passphrase-file", "passphrase"];
    let said = it.said(&reseal, "");
    assert_eq!(said.status, 2, "{}", said.text);
    assert!(said.text.contains("--pin-file"), "{}", said.text);
    let said = it.run(&[&reseal[..], &["--pin-file", "pin"]].concat(), "");
    assert!(said.contains("nothing was removed from the TPM"), "{said}");
    let said = it.said(&["secret", "list"], "");
    assert_ne!(said.status, 0, "{}", said.text);
    it.run(&["secret", "list", "--pin-file", "pin"], "");
}

#[test]
fn a_box_of_a_passphrase_is_not_sealed_without_a_word() {
    let it = Box::bare();
    it.put("passphrase", "a passphrase with words");
    let init = [
        "init",
        "--key",
        "passphrase",
        "--passphrase-file",
        "passphrase",
    ];
    it.run(&init, "");
    let no_pin = ["key", "remove-pin", "--passphrase-file", "passphrase"];
    let said = it.said(&no_pin, "");
    assert_eq!(said.status, 1, "{}", said.text);
    assert!(said.text.contains("has no PIN"), "{}", said.text);
    let reseal = ["key", "reseal", "--passphrase-file", "passphrase"];
    let said = it.run(&reseal, "");
    assert!(said.contains("reads everything in it"), "{said}");
}

#[test]
fn lost_slots_lead_nobody_to_another_box() {
    let it = Box::made();
    let slots = it.data().join("keyslots.json");
    std::fs::rename(&slots, it.path("elsewhere")).unwrap();
    for command in [
        &["serve"][..],
        &["key", "recover"],
        &["key", "drill"],
        &["user", "list"],
    ] {
        let said = it.said(command, it.paper());
        assert_eq!(said.status, 1, "{}", said.text);
        assert!(said.text.contains("keyslots.json is gone"), "{}", said.text);
        assert!(!said.text.contains("init first"), "{}", said.text);
    }
    let said = it.said(&["init", "--key", "tpm2"], "");
    assert_eq!(said.status, 1, "{}", said.text);
    assert!(!said.text.contains("remove it"), "{}", said.text);
}

#[test]
fn a_mistyped_recovery_key_costs_no_pin_and_names_its_group() {
    let it = Box::made();
    it.run(&["key", "set-pin"], PIN);
    let mut groups: Vec<&str> = it.paper().split('-').collect();
    let slip = groups[3].replacen(char::is_numeric, "O", 1);
    let whole = groups.clone();
    groups[3] = &slip;
    let one_less = whole[..8].join("-");
    let reseal = [
        "key",
        "reseal",
        "--pin-file",
        "pin",
        "--passphrase-file",
        "paper",
    ];
    it.put("paper", &groups.join("-"));
    let said = it.said(&reseal, "");
    assert!(said.text.contains("group 4"), "{}", said.text);
    it.put("paper", &one_less);
    let said = it.said(&reseal, "");
    assert!(said.text.contains("this has 56"), "{}", said.text);
    // An open folder's command asks for either, and takes it for neither.
    let said = it.said(&["secret", "list", "--passphrase-file", "paper"], "");
    assert!(said.text.contains("this has 56"), "{}", said.text);
    let status = it.run(&["key", "status"], "");
    assert!(!status.contains("tries"), "{status}");
}

#[test]
fn a_pin_that_every_door_takes_for_a_recovery_key_is_refused() {
    let it = Box::made();
    for pin in ["48291305714829130571482913057148291305", it.paper()] {
        let said = it.said(&["key", "set-pin"], pin);
        assert_eq!(said.status, 2, "{}", said.text);
        assert!(said.text.contains("for a recovery key"), "{}", said.text);
    }
    it.run(&["secret", "list"], "");
}

#[test]
fn doctor_says_what_it_could_not_look_at_and_what_is_not_known() {
    let it = Box::made();
    let said = it.said(&["doctor"], "").text;
    assert!(said.contains("opens without a PIN"), "{said}");
    assert!(said.contains("(secure boot) was not checked"), "{said}");
    let owner = ["-c", "owner", "somebody"];
    it.board.tools("tpm2_changeauth", &owner);
    let said = it.said(&["doctor"], "").text;
    assert!(said.contains("the key does not open until"), "{said}");
    assert!(said.contains("tpm2_changeauth -c owner -p"), "{said}");
    it.refused(&["secret", "list"], "");
    it.put("healthpost.toml", "version = \"one\"");
    let said = it.said(&["doctor"], "").text;
    for what in ["TPM", "PIN", "certificates"] {
        let line = format!("not checked  {what}: ");
        assert!(said.contains(&line), "{what}: {said}");
    }
}
