//! The real program at the command line: what it prints, how it fails, and
//! what it must never say.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod support {
    pub mod folder;
}

mod command_line {
    mod broken_off;
    mod copies;
    mod disk;
    mod ends;
    mod other_user;
    mod printed;
    mod prompt;
    mod service;
    mod target;
    mod written;
}

use calamine::Reader;
use serde_json::Value;
use std::net::TcpListener;
use support::folder::{CANARY, Clinic, PASSPHRASE, PASSWORD, WELL};

#[test]
fn init_prints_the_recovery_key_once_and_touches_nothing_the_second_time() {
    let clinic = Clinic::bare();
    let made = clinic.run(&["init", "--passphrase-file", "passphrase"], "");
    assert_eq!(made.status, 0, "{made:?}");
    let keys = made
        .out
        .lines()
        .filter(|line| line.starts_with("recovery key: "));
    assert_eq!(keys.count(), 1);
    let before = clinic.tree();
    let again = clinic.run(&["init", "--passphrase-file", "passphrase"], "");
    assert_eq!(again.status, 1);
    assert!(again.err.contains("exists already"), "{again:?}");
    assert_eq!(clinic.tree(), before);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&clinic.data().metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o750);
}

#[test]
fn init_tells_programs_the_recovery_key_as_json() {
    let clinic = Clinic::bare();
    let made = clinic.run(&["--json", "init", "--passphrase-file", "passphrase"], "");
    let json: Value = serde_json::from_str(&made.out).unwrap();
    assert!(json["recovery_key"].as_str().unwrap().len() > 40);
}

#[test]
fn init_says_what_it_cannot_do() {
    let clinic = Clinic::bare();
    let tpm = ["init", "--key", "tpm2", "--tpm", "swtpm:127.0.0.1:1"];
    let tpm = clinic.run(&tpm, "");
    assert_eq!(tpm.status, 1);
    assert!(tpm.err.contains("no TPM can be reached"), "{tpm:?}");
    let strange = clinic.run(&["init", "--key", "tpm2", "--tpm", "usb:1"], "");
    assert_eq!(strange.status, 1);
    assert!(strange.err.contains("device:/dev/tpmrm0"), "{strange:?}");
    clinic.put(&clinic.file("short"), "123");
    let short = clinic.run(&["init", "--key", "tpm2", "--pin-file", "short"], "");
    assert_eq!(short.status, 2);
    assert!(short.err.contains("at least 4"), "{short:?}");
    let none = clinic.run(&["init"], "");
    assert_eq!(none.status, 2);
    assert!(none.err.contains("--passphrase-file"), "{none:?}");
    assert!(!clinic.data().exists());
}

#[test]
fn init_refuses_options_that_contradict_the_key() {
    let clinic = Clinic::bare();
    clinic.put(&clinic.file("pin"), "482913");
    for options in [
        &["--pin-file", "pin"][..],
        &["--no-pin"],
        &["--tpm", "swtpm:127.0.0.1:1"],
        &["--key", "passphrase", "--pin-file", "pin"],
    ] {
        let init = [&["init", "--passphrase-file", "passphrase"], options].concat();
        let said = clinic.run(&init, "");
        assert_eq!(said.status, 2, "{options:?}: {said:?}");
        assert!(said.err.contains("--key tpm2"), "{said:?}");
        assert!(!clinic.data().exists());
    }
}

#[test]
fn a_folder_of_a_newer_version_says_so() {
    let clinic = Clinic::made();
    let slots = clinic.data().join("keyslots.json");
    let text = std::fs::read_to_string(&slots).unwrap();
    let newer = text.replacen("\"version\": 1", "\"version\": 2", 1);
    assert_ne!(text, newer);
    clinic.put(&slots, &newer);
    let told = clinic.opened(&["secret", "list"], "");
    assert_eq!(told.status, 1);
    assert!(told.err.contains("newer"), "{told:?}");
}

#[test]
fn secrets_go_in_and_only_their_names_come_out() {
    let clinic = Clinic::made();
    let set = clinic.opened(
        &["secret", "set", "whatsapp.access_token"],
        &format!("{CANARY}\n"),
    );
    assert_eq!(set.status, 0, "{set:?}");
    let list = clinic.opened(&["--json", "secret", "list"], "");
    let json: Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(json[0]["name"], "whatsapp.access_token");
    let unknown = clinic.opened(&["secret", "set", "whatsapp.acces"], CANARY);
    assert_eq!(unknown.status, 2);
    let in_argv = clinic.opened(&["secret", "set", "whatsapp.app_secret", CANARY], "");
    assert_eq!(in_argv.status, 2);
    let deleted = clinic.opened(&["secret", "delete", "whatsapp.access_token"], "");
    assert_eq!(deleted.status, 0);
    let gone = clinic.opened(&["secret", "delete", "whatsapp.access_token"], "");
    assert_eq!(gone.status, 1);
    for said in [set, list, unknown, in_argv, deleted, gone] {
        said.holds_no(CANARY);
        said.holds_no(PASSPHRASE);
    }
}

#[test]
fn a_credential_that_cannot_work_is_refused_and_not_repeated() {
    let clinic = Clinic::made();
    let long = format!("action.{}", "a".repeat(5_000));
    for (name, value) in [
        ("whatsapp.access_token", "canary of words"),
        ("whatsapp.access_token", "canary\r\ncanary"),
        ("ultramsg.webhook_secret", "canary"),
        ("ultramsg.webhook_secret", "canary-canary-canary-canary"),
        (
            "ultramsg.webhook_secret",
            "canary/canary/canary/canary/canary",
        ),
        (long.as_str(), "canary"),
    ] {
        let refused = clinic.opened(&["secret", "set", name], value);
        assert_eq!(refused.status, 2, "{refused:?}");
        refused.holds_no("canary");
    }
    assert_eq!(clinic.opened(&["--json", "secret", "list"], "").out, "[]\n");
}

#[test]
fn a_one_time_password_is_for_choosing_another_and_nothing_else() {
    let clinic = Clinic::made();
    let id = clinic.add_patient();
    let drawn = clinic.opened(
        &["--json", "user", "add", "amina", "--role", "clinician"],
        "",
    );
    let json: Value = serde_json::from_str(&drawn.out).unwrap();
    clinic.put(
        &clinic.file("password"),
        json["one_time_password"].as_str().unwrap(),
    );
    for what in [
        &["records", "show", &id][..],
        &["tasks", "list"],
        &["records", "list"],
    ] {
        let refused = clinic.as_staff("amina", what);
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(refused.err.contains("user change-password"), "{refused:?}");
        refused.holds_no(CANARY);
    }
    let change = [
        "user",
        "change-password",
        "amina",
        "--password-file",
        "password",
    ];
    assert_eq!(clinic.opened(&change, "short").status, 2);
    assert_eq!(clinic.opened(&change, "").status, 2);
    let done = clinic.opened(&change, PASSWORD);
    assert_eq!(done.out, "done: amina\n", "{done:?}");
    assert_eq!(
        clinic.opened(&change, PASSWORD).status,
        1,
        "the old one is over"
    );
    clinic.put(&clinic.file("password"), PASSWORD);
    let shown = clinic.as_staff("amina", &["records", "show", &id]);
    assert!(shown.out.contains(CANARY), "{shown:?}");
    clinic.audit_holds(&["user.password"]);
}

#[test]
fn a_closed_account_gets_no_password_and_can_be_opened_again() {
    let clinic = Clinic::made();
    clinic.add_staff("amina", "clinician");
    assert_eq!(clinic.opened(&["user", "enable", "amina"], "").status, 1);
    assert_eq!(clinic.opened(&["user", "disable", "amina"], "").status, 0);
    let reset = clinic.opened(&["user", "reset-password", "amina"], "");
    assert_eq!((reset.status, reset.out.as_str()), (1, ""), "{reset:?}");
    assert!(reset.err.contains("user enable"), "{reset:?}");
    assert_eq!(clinic.as_staff("amina", &["records", "list"]).status, 1);
    assert_eq!(clinic.opened(&["user", "enable", "amina"], "").status, 0);
    assert_eq!(clinic.as_staff("amina", &["records", "list"]).status, 0);
    clinic.audit_holds(&["user.disable", "user.enable"]);
}

#[test]
fn staff_are_added_listed_and_disabled() {
    let clinic = Clinic::made();
    let drawn = clinic.opened(
        &["--json", "user", "add", "amina", "--role", "clinician"],
        "",
    );
    let json: Value = serde_json::from_str(&drawn.out).unwrap();
    assert!(json["one_time_password"].as_str().unwrap().len() >= 16);
    assert_eq!(
        clinic
            .opened(&["user", "add", "Amina", "--role", "admin"], "")
            .status,
        1
    );
    assert_eq!(
        clinic
            .opened(&["user", "add", "bob", "--role", "king"], "")
            .status,
        2
    );
    assert_eq!(
        clinic
            .opened(&["user", "add", "243970000001", "--role", "admin"], "")
            .status,
        2
    );
    let short = clinic.opened(&["user", "add", "bob", "--role", "admin"], "short");
    assert_eq!(short.status, 2);
    let reset = clinic.opened(&["user", "reset-password", "amina"], PASSWORD);
    assert_eq!(reset.out, "done: amina\n", "{reset:?}");
    assert_eq!(clinic.opened(&["user", "disable", "amina"], "").status, 0);
    assert_eq!(clinic.opened(&["user", "disable", "amina"], "").status, 1);
    let list = clinic.opened(&["user", "list"], "");
    assert!(list.out.contains("amina  clinician  disabled"), "{list:?}");
}

#[test]
fn patients_are_shown_to_signed_in_staff_alone() {
    let clinic = Clinic::made();
    let id = clinic.add_patient();
    clinic.add_staff("amina", "clinician");
    clinic.add_staff("juma", "technician");
    clinic.add_staff("neema", "reception");
    let nobody = clinic.opened(&["records", "show", &id], "");
    assert_eq!(nobody.status, 2);
    let shown = clinic.as_staff("amina", &["records", "show", &id]);
    assert!(shown.out.contains(CANARY), "{shown:?}");
    let list = clinic.as_staff("amina", &["records", "list"]);
    assert!(list.out.contains(&id), "{list:?}");
    list.holds_no(CANARY);
    for (who, what) in [
        ("juma", &["records", "list"][..]),
        ("juma", &["records", "show", &id]),
        ("juma", &["outbox", "show", "1"]),
        ("neema", &["records", "show", &id]),
        ("nobody", &["records", "list"]),
    ] {
        let refused = clinic.as_staff(who, what);
        assert_eq!(refused.status, 1, "{who} {what:?} {refused:?}");
        refused.holds_no(CANARY);
        refused.holds_no(&id);
    }
    assert_eq!(clinic.as_staff("neema", &["records", "list"]).status, 0);
    clinic.audit_holds(&[
        "database.opened_by_hand",
        "record.read",
        "record.list",
        "sign_in",
    ]);
}

#[test]
fn wrong_passwords_rest_an_account() {
    let clinic = Clinic::made();
    clinic.add_staff("amina", "clinician");
    clinic.put(&clinic.file("password"), "not the password");
    for _ in 0..5 {
        let wrong = clinic.as_staff("amina", &["records", "list"]);
        assert!(wrong.err.contains("the password is wrong"), "{wrong:?}");
    }
    clinic.put(&clinic.file("password"), PASSWORD);
    let resting = clinic.as_staff("amina", &["records", "list"]);
    assert_eq!(resting.status, 1);
    assert!(resting.err.contains("rests"), "{resting:?}");
}

#[test]
fn an_export_holds_every_record_and_only_when_whole() {
    let clinic = Clinic::made();
    let id = clinic.add_patient();
    clinic.add_staff("amina", "records");
    for format in ["csv", "xlsx"] {
        let out = clinic.file(&format!("records.{format}"));
        let path = out.to_str().unwrap();
        let done = clinic.as_staff("amina", &["export", "--format", format, "--out", path]);
        assert_eq!(done.status, 0, "{done:?}");
        done.holds_no(CANARY);
        assert!(out.exists());
    }
    let csv = std::fs::read_to_string(clinic.file("records.csv")).unwrap();
    assert_eq!(csv.lines().count(), 2);
    assert!(
        csv.contains(&id) && csv.contains(CANARY) && csv.contains("'=1+1"),
        "{csv}"
    );
    let path = clinic.file("none/x.csv");
    let nowhere = ["export", "--format", "csv", "--out", path.to_str().unwrap()];
    assert_eq!(clinic.as_staff("amina", &nowhere).status, 1);
    let fhir = ["export", "--format", "pdf", "--out", "x"];
    assert_eq!(clinic.as_staff("amina", &fhir).status, 2);
    let empty = [
        "export",
        "--format",
        "csv",
        "--out",
        "e.csv",
        "--until",
        "2020-01-01",
    ];
    let done = clinic.as_staff("amina", &empty);
    assert!(done.out.starts_with("0 records"), "{done:?}");
}

#[test]
fn answers_to_a_clinics_own_question_are_shown_and_exported() {
    let clinic = Clinic::made();
    let id = clinic.add_patient();
    clinic.add_staff("amina", "records");
    let shown = clinic.as_staff("amina", &["records", "show", &id]);
    let line = shown
        .out
        .lines()
        .find(|line| line.starts_with("water_source"));
    assert!(line.unwrap().ends_with(WELL), "{shown:?}");
    let json = clinic.as_staff("amina", &["--json", "records", "show", &id]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&json["water_source"], &json["record_id"]),
        (&WELL.into(), &id.as_str().into())
    );
    let export = |format: &str| {
        let out = clinic.file(&format!("own.{format}"));
        let path = out.to_str().unwrap();
        let done = clinic.as_staff("amina", &["export", "--format", format, "--out", path]);
        assert_eq!(done.status, 0, "{done:?}");
        out
    };
    let csv = std::fs::read(export("csv")).unwrap();
    let mut csv = csv::Reader::from_reader(&csv[3..]);
    let names: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    let row = csv.records().next().unwrap().unwrap();
    assert_eq!((names.len(), row.len()), (31, 31));
    assert_eq!(
        (names[29].as_str(), names[30].as_str()),
        ("notes", "water_source")
    );
    assert_eq!(&row[30], WELL);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(export("xlsx")).unwrap();
    let sheet = book.worksheet_range("records").unwrap();
    let cell = |row: u32| sheet.get_value((row, 30)).unwrap().to_string();
    assert_eq!((cell(0).as_str(), cell(1).as_str()), ("water_source", WELL));
}

#[test]
fn the_queue_is_listed_shown_retried_and_cancelled() {
    let clinic = Clinic::made();
    clinic.add_patient();
    clinic.add_staff("amina", "clinician");
    let list = clinic.opened(&["--json", "outbox", "list", "--waiting"], "");
    let json: Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(
        (
            json["counts"]["queued"].as_i64(),
            json["messages"][0]["id"].as_i64()
        ),
        (Some(1), Some(1))
    );
    list.holds_no(CANARY);
    assert!(
        clinic
            .as_staff("amina", &["outbox", "show", "1"])
            .out
            .contains(CANARY)
    );
    assert_eq!(clinic.opened(&["outbox", "cancel", "1"], "").status, 0);
    assert_eq!(clinic.opened(&["outbox", "cancel", "1"], "").status, 1);
    assert_eq!(clinic.opened(&["outbox", "retry", "1"], "").status, 0);
    assert_eq!(clinic.opened(&["outbox", "retry", "99"], "").status, 1);
    assert_eq!(clinic.opened(&["outbox", "retry", "x"], "").status, 2);
}

#[test]
fn a_phone_number_in_argv_is_refused_and_not_repeated() {
    let clinic = Clinic::made();
    for arguments in [
        ["records", "show", "+243970000001"],
        ["outbox", "show", "243970000001"],
        ["outbox", "retry", "243970000001"],
        ["outbox", "cancel", "+243 970 000 001"],
    ] {
        let refused = clinic.opened(&arguments, "");
        assert_eq!(refused.status, 2, "{refused:?}");
        refused.holds_no("970");
    }
}

#[test]
fn three_faults_of_a_configuration_are_all_named() {
    let clinic = Clinic::bare();
    let path = clinic.file("healthpost.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let bad = good
        .replace("\"CD\"", "\"Congo\"")
        .replace("Africa/Lubumbashi", "Africa/Nowhere")
        .replace("country", "contry");
    clinic.put(&path, format!("{bad}api_key = \"{CANARY}\"\n"));
    let told = clinic.run(&["config", "check"], "");
    assert_eq!(told.status, 2);
    for key in [
        "clinic.contry",
        "clinic.country",
        "clinic.timezone",
        "whatsapp.api_key",
    ] {
        assert!(told.err.contains(key), "{key}: {told:?}");
    }
    told.holds_no(CANARY);
    assert_eq!(clinic.run(&["serve"], "").status, 2);
    clinic.put(&path, &good);
    assert_eq!(clinic.run(&["config", "check"], "").status, 0);
    let none = clinic.run(&["--config", "/nonexistent.toml", "config", "check"], "");
    assert_eq!(none.status, 2);
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_is_not_repeated() {
    let clinic = Clinic::made();
    clinic.put(&clinic.file("passphrase"), "another passphrase");
    let refused = clinic.opened(&["secret", "list"], "");
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("passphrase"), "{refused:?}");
    refused.holds_no("another passphrase");
    assert!(
        refused.err.contains("healthpost key recover"),
        "{refused:?}"
    );
    // Who asked doctor is not sent to doctor.
    let looked = clinic.opened(&["doctor"], "");
    assert!(looked.out.contains("the passphrase is wrong"), "{looked:?}");
    assert!(!looked.out.contains("healthpost doctor"), "{looked:?}");
}

#[test]
fn what_the_recovery_key_changed_without_a_tpm_is_in_the_audit_log() {
    let clinic = Clinic::bare();
    let init = ["--json", "init", "--passphrase-file", "passphrase"];
    let made: Value = serde_json::from_str(&clinic.run(&init, "").out).unwrap();
    let paper = made["recovery_key"].as_str().unwrap();
    clinic.put(&clinic.file("next"), "maji ya mvua ya masika");
    clinic.put(&clinic.file("pin"), "551907");
    let recover = ["key", "recover", "--passphrase-file", "next"];
    // A PIN wants a TPM: nothing was sealed, and the passphrase was added.
    let with_pin = [&recover[..], &["--pin-file", "pin"]].concat();
    let failed = clinic.run(&with_pin, paper);
    assert_eq!(failed.status, 1, "{failed:?}");
    clinic.audit_holds(&["key.add_passphrase"]);
    let done = clinic.run(&recover, paper);
    assert_eq!(done.status, 0, "{done:?}");
    assert!(done.err.contains("not sealed to a TPM"), "{done:?}");
    clinic.audit_holds(&["key.recover"]);
    done.holds_no(paper);
}

#[test]
fn a_running_service_answers_as_the_folder_itself_does() {
    let clinic = Clinic::made();
    let id = clinic.add_patient();
    clinic.add_staff("amina", "clinician");
    clinic.opened(&["secret", "set", "whatsapp.app_secret"], "x1");
    let commands: [&[&str]; 4] = [
        &["secret", "list"],
        &["user", "list"],
        &["outbox", "list"],
        &["--json", "secret", "list"],
    ];
    let by_hand: Vec<_> = commands
        .iter()
        .map(|command| clinic.opened(command, "").out)
        .collect();
    let shown = clinic.as_staff("amina", &["records", "show", &id]).out;
    let service = clinic.serve();
    let locked = clinic.run(&["secret", "list"], "");
    assert_eq!(locked.status, 1);
    assert!(locked.err.contains("healthpost unlock"), "{locked:?}");
    assert_eq!(clinic.run(&["unlock"], "a wrong passphrase").status, 1);
    let unlocked = clinic.run(&["unlock"], &format!("{PASSPHRASE}\n"));
    assert_eq!(unlocked.status, 0, "{unlocked:?}");
    clinic.wait_until_open();
    for (command, expected) in commands.iter().zip(by_hand) {
        let told = clinic.run(command, "");
        if command.contains(&"outbox") {
            assert_eq!(told.status, 0, "{told:?}");
        } else {
            assert_eq!(told.out, expected, "{command:?} {told:?}");
        }
    }
    let again = clinic.as_staff("amina", &["records", "show", &id]);
    assert_eq!(again.out, shown);
    let path = clinic.file("live.csv");
    let export = ["export", "--format", "csv", "--out", path.to_str().unwrap()];
    assert_eq!(clinic.as_staff("amina", &export).status, 0);
    let said = service.stop();
    assert!(
        !said.contains(CANARY) && !said.contains(PASSPHRASE),
        "{said}"
    );
}

#[test]
fn every_command_helps() {
    let clinic = Clinic::bare();
    let mut shown = String::new();
    for command in [
        "",
        "demo",
        "init",
        "serve",
        "unlock",
        "secret set",
        "secret list",
        "secret delete",
        "user add",
        "user list",
        "user disable",
        "user enable",
        "user change-password",
        "user reset-password",
        "config check",
        "flow check",
        "flow chat",
        "records list",
        "records show",
        "records media",
        "export",
        "outbox list",
        "outbox show",
        "outbox retry",
        "outbox cancel",
        "tasks list",
        "tasks show",
        "tasks claim",
        "tasks done",
        "whatsapp setup",
        "whatsapp test",
        "whatsapp templates list",
        "whatsapp templates submit",
        "whatsapp usage",
        "doctor",
    ] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let help = clinic.run(&arguments, "");
        assert_eq!(help.status, 0);
        assert!(help.out.contains("Example"), "{command}");
        shown.push_str(&format!("$ healthpost {command} --help\n{}\n", help.out));
    }
    insta::assert_snapshot!("help", shown);
    let version = clinic.run(&["--version"], "");
    assert_eq!(
        version.out,
        format!("healthpost {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_wrong_command_is_exit_status_2_with_a_hint() {
    let clinic = Clinic::bare();
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["secret"],
        &["export"],
        &["--frob"],
    ] {
        let told = clinic.run(arguments, "");
        assert_eq!(told.status, 2, "{arguments:?} {told:?}");
    }
}

#[test]
fn the_demo_listens_on_loopback_only() {
    let clinic = Clinic::bare();
    for listen in ["8080", "localhost:18099"] {
        let told = clinic.run(&["demo", "--listen", listen], "");
        assert_eq!(told.status, 2, "{told:?}");
        assert!(told.err.contains("127.0.0.1:8080"), "{told:?}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (listen, dir, word) in [
        (&*taken, "demo", "in use"),
        ("127.0.0.1:0", ".", "not empty"),
    ] {
        let told = clinic.run(&["demo", "--listen", listen, "--dir", dir], "");
        assert_eq!(told.status, 1, "{told:?}");
        assert!(told.err.contains(word), "{told:?}");
        told.holds_no("doctor");
    }
    let told = clinic.run(&["demo", "--listen", "0.0.0.0:0"], "");
    assert_eq!(told.status, 2);
    assert!(told.err.contains("loopback"), "{told:?}");
}

#[test]
fn doctor_says_what_it_did_not_check() {
    let clinic = Clinic::made();
    let said = clinic.run(&["doctor"], "");
    for line in [
        "not checked  database",
        "not checked  recovery key",
        "not checked  line",
        "warning      TPM: nothing is sealed",
    ] {
        assert!(said.out.contains(line), "{line}: {said:?}");
    }
    let looked = clinic.opened(&["--json", "doctor"], "");
    assert_eq!(looked.status, 1, "secrets are missing");
    let json: Value = serde_json::from_str(&looked.out).unwrap();
    let database = json
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["check"] == "database");
    assert_eq!(database.unwrap()["state"], "ok");
}

#[test]
fn doctor_names_a_slot_that_is_missing_damaged_or_does_not_read() {
    let clinic = Clinic::made();
    let slots = clinic.data().join("keyslots.json");
    let text = std::fs::read_to_string(&slots).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(whole["slots"][0]["kind"], "recovery");
    let told = |change: &dyn Fn(&mut Value)| {
        let mut slots_now = whole.clone();
        change(&mut slots_now["slots"]);
        clinic.put(&slots, slots_now.to_string());
        let said = clinic.run(&["doctor"], "");
        assert_eq!(said.status, 1, "{said:?}");
        assert!(!said.out.contains("ok           key slots"), "{said:?}");
        said.out
    };
    let gone = told(&|slots| drop(slots.as_array_mut().unwrap().remove(0)));
    assert!(
        gone.contains("bad          key slots: there is no recovery slot"),
        "{gone}"
    );
    let damaged = told(&|slots| slots[0]["salt"] = "00".repeat(16).into());
    assert!(
        damaged.contains("the recovery slot is damaged"),
        "{damaged}"
    );
    let damaged = told(&|slots| slots[1]["generation"] = 7.into());
    assert!(
        damaged.contains("a passphrase slot is damaged"),
        "{damaged}"
    );
    let unread = told(&|slots| slots[1]["salt"] = 7.into());
    assert!(unread.contains("\"passphrase\" does not read"), "{unread}");
    let sealed = serde_json::json!({ "kind": "tpm2", "sealed": 7 });
    let unread = told(&|slots| slots.as_array_mut().unwrap().push(sealed.clone()));
    assert!(unread.contains("\"tpm2\" does not read"), "{unread}");
    assert!(!unread.contains("TPM: nothing is sealed"), "{unread}");
}

/// What doctor says of one thing, and what to do about it.
fn finding(clinic: &Clinic, check: &str) -> (String, String) {
    let said = clinic.run(&["--json", "doctor"], "");
    let all: Value = serde_json::from_str(&said.out).unwrap();
    let mut all = all.as_array().unwrap().iter();
    let found = all.find(|found| found["check"] == check).unwrap();
    let text = |name: &str| found[name].as_str().unwrap().to_owned();
    let told = format!("{}: {}", text("state"), text("finding"));
    (told, text("remedy"))
}

#[test]
fn doctor_tells_a_box_without_its_slots_from_one_that_was_never_made() {
    let clinic = Clinic::made();
    let slots = clinic.data().join("keyslots.json");
    std::fs::rename(&slots, clinic.file("kept")).unwrap();
    let (told, remedy) = finding(&clinic, "key slots");
    assert!(told.starts_with("bad: keyslots.json is gone"), "{told}");
    assert!(
        remedy.contains("put") && remedy.contains("back"),
        "{remedy}"
    );
    // Done as it says, the box opens.
    std::fs::rename(clinic.file("kept"), &slots).unwrap();
    assert_eq!(clinic.opened(&["secret", "list"], "").status, 0);
    assert!(finding(&clinic, "key slots").0.starts_with("ok: "));
    // Where nothing was made, nothing is gone.
    std::fs::remove_dir_all(clinic.data()).unwrap();
    std::fs::create_dir(clinic.data()).unwrap();
    let (told, remedy) = finding(&clinic, "key slots");
    assert!(told.contains("there is no data folder"), "{told}");
    assert!(remedy.contains("healthpost init"), "{remedy}");
}

#[test]
fn doctor_warns_of_a_box_that_its_paper_alone_opens() {
    let clinic = Clinic::made();
    let path = clinic.data().join("keyslots.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut slots: Value = serde_json::from_str(&text).unwrap();
    let all = slots["slots"].as_array_mut().unwrap();
    all.retain(|slot| slot["kind"] == "recovery");
    assert_eq!(all.len(), 1);
    clinic.put(&path, slots.to_string());
    let (told, remedy) = finding(&clinic, "key slots");
    assert_eq!(told, "warning: there are: recovery");
    assert!(remedy.contains("healthpost key recover"), "{remedy}");
}
