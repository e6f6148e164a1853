//! What somebody is told whom the data folder is not open to: that, and not that
//! there is none.

use crate::support::folder::{Clinic, PASSPHRASE};
use std::os::unix::fs::PermissionsExt;

const COMMANDS: [&[&str]; 6] = [
    &[
        "records",
        "list",
        "--as",
        "amina",
        "--password-file",
        "password",
    ],
    &["secret", "list"],
    &["key", "drill"],
    &["init", "--passphrase-file", "passphrase"],
    &["unlock"],
    &["erase-everything"],
];

#[test]
fn who_may_not_see_the_folder_is_told_whose_command_it_is() {
    let clinic = Clinic::made();
    let before = clinic.tree();
    for command in COMMANDS {
        let said = clinic.run_as_nobody(command, "Kalehe Health Post\n");
        assert_eq!(said.status, 1, "{command:?}: {said:?}");
        let told = said.err.contains("is not open to this user") && said.err.contains("as root");
        assert!(told, "{command:?}: {said:?}");
        assert!(!said.err.contains("healthpost init"), "{said:?}");
    }
    let said = clinic.run_as_nobody(&["serve"], "");
    assert!(said.err.contains("Permission denied"), "{said:?}");
    assert!(!said.err.contains("no data folder"), "{said:?}");
    assert_eq!(clinic.tree(), before);
    let service = clinic.serve();
    let said = clinic.run_as_nobody(&["unlock"], "a passphrase");
    assert!(said.err.contains("is not open to this user"), "{said:?}");
    let looked = clinic.run_as_nobody(&["doctor"], "");
    for line in [
        "bad          data folder: ",
        "not checked  database: ",
        "not checked  public listener: ",
        "not checked  LAN listener: ",
    ] {
        assert!(looked.out.contains(line), "{line}: {looked:?}");
    }
    for word in ["key slots", "certificates", "stop the other program"] {
        assert!(!looked.out.contains(word), "{word}: {looked:?}");
    }
    service.stop();
}

#[test]
fn the_group_asks_the_service_and_opens_nothing_itself() {
    let clinic = Clinic::made();
    let said = clinic.run_as_member(&["user", "list"], "");
    assert!(said.err.contains("is not open to this user"), "{said:?}");
    let service = clinic.serve();
    for (command, input) in [(&["unlock"][..], PASSPHRASE), (&["user", "list"], "")] {
        let said = clinic.run_as_member(command, input);
        assert_eq!(said.status, 0, "{command:?}: {said:?}");
    }
    let looked = clinic.run_as_member(&["doctor"], "").out;
    assert!(looked.contains("not checked  key slots: "), "{looked}");
    assert!(looked.contains("ok           database: "), "{looked}");
    for word in ["open to others", "not open to this user", "certificates"] {
        assert!(!looked.contains(word), "{word}: {looked}");
    }
    let said = clinic.run_as_member(&["key", "status"], "");
    assert_eq!(said.status, 1, "the slots are the user's alone: {said:?}");
    let mut files = 0;
    for entry in std::fs::read_dir(clinic.data()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        let name = entry.file_name().into_string().unwrap();
        let others = if name == "control.sock" { 0o060 } else { 0 };
        assert_eq!(mode & 0o077, others, "{name}");
        files += 1;
    }
    assert!(files > 4, "the open database, its log, the slots, the lock");
    service.stop();
}
