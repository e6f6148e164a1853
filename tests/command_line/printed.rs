//! What is printed once and must not be lost.

use crate::support::folder::{Clinic, PASSWORD};
use std::fs::File;
use std::process::Stdio;

fn full() -> Stdio {
    let full = File::options().write(true).open("/dev/full");
    Stdio::from(full.unwrap())
}

#[test]
fn a_one_time_password_that_nobody_could_read_is_said_to_be_lost() {
    let clinic = Clinic::made();
    let by_hand = ["--passphrase-file", "passphrase"];
    let add = [
        &["user", "add", "amina", "--role", "clinician"],
        &by_hand[..],
    ]
    .concat();
    let nowhere = clinic.run_into(Stdio::null(), &add, "");
    assert_eq!(nowhere.status, 2, "{nowhere:?}");
    assert!(!clinic.opened(&["user", "list"], "").out.contains("amina"));
    for command in [
        add.clone(),
        [&["--json", "user", "reset-password", "amina"], &by_hand[..]].concat(),
    ] {
        let said = clinic.run_into(full(), &command, "");
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.err.contains("user reset-password"), "{said:?}");
    }
    let again = ["--json", "user", "reset-password", "amina"];
    let again = clinic.opened(&again, "");
    let told: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(told["name"], "amina");
    assert_eq!(told["one_time_password"].as_str().unwrap().len(), 19);
    // Whoever gives a password needs nothing printed.
    let given = [&["user", "reset-password", "amina"], &by_hand[..]].concat();
    assert_eq!(clinic.run_into(Stdio::null(), &given, PASSWORD).status, 0);
}

#[test]
fn no_box_is_made_whose_recovery_key_goes_nowhere() {
    let clinic = Clinic::bare();
    let init = ["init", "--passphrase-file", "passphrase"];
    let said = clinic.run_into(Stdio::null(), &init, "");
    assert_eq!(said.status, 2, "{said:?}");
    assert!(said.err.contains("--recovery-page"), "{said:?}");
    assert!(!clinic.data().exists());
    let page = [&init[..], &["--recovery-page", "nowhere/page.html"]].concat();
    let said = clinic.run(&page, "");
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.err.contains("nowhere/page.html"), "{said:?}");
    assert!(!said.err.contains("data cannot be made"), "{said:?}");
    assert!(!clinic.data().exists());
    let page = [&init[..], &["--recovery-page", "page.html"]].concat();
    let said = clinic.run_into(Stdio::null(), &page, "");
    assert_eq!(said.status, 0, "{said:?}");
    let page = std::fs::read_to_string(clinic.file("page.html")).unwrap();
    assert!(page.contains("<svg"));
    assert!(
        page.contains("Clé de secours"),
        "the clinic speaks French first"
    );
}

#[test]
fn what_was_sent_today_is_not_called_left() {
    let clinic = Clinic::made();
    let said = clinic.opened(&["whatsapp", "usage"], "");
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("0 sent today, "), "{said:?}");
}

#[test]
fn every_hour_is_told_in_the_clinics_zone() {
    let clinic = Clinic::made();
    clinic.add_staff("amina", "clinician");
    clinic.add_patient();
    clinic.opened(&["secret", "set", "whatsapp.access_token"], "EAAtoken");
    let lists = [
        clinic.opened(&["secret", "list"], ""),
        clinic.opened(&["outbox", "list"], ""),
        clinic.opened(&["--json", "outbox", "list"], ""),
        clinic.as_staff("amina", &["outbox", "show", "1", "--json"]),
        clinic.opened(&["doctor"], ""),
    ];
    for said in lists {
        assert!(said.out.contains("+02:00"), "{said:?}");
        assert!(!said.out.contains("+00:00"), "{said:?}");
    }
}
