//! A copy of a box without a TPM is a box like any other.

use crate::support::folder::Clinic;
use std::process::Command;

fn copied() -> Clinic {
    let clinic = Clinic::made();
    let copied = Command::new("cp")
        .args(["-a", "data", "copy"])
        .current_dir(clinic.file(""))
        .status();
    assert!(copied.unwrap().success());
    clinic
}

#[test]
fn nobody_is_told_of_a_tpm() {
    let clinic = copied();
    let said = clinic.opened(&["--data-dir", "copy", "secret", "list"], "");
    assert_eq!((said.status, said.err.as_str()), (0, ""), "{said:?}");
    let name = "Kalehe Health Post\n";
    let said = clinic.run(&["--data-dir", "copy", "erase-everything"], name);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(!said.err.contains("TPM"), "{said:?}");
    assert_eq!(std::fs::read_dir(clinic.file("copy")).unwrap().count(), 0);
    assert_eq!(clinic.opened(&["secret", "list"], "").status, 0);
}

#[test]
fn a_move_that_fails_changes_nothing() {
    let clinic = copied();
    let slots = clinic.file("copy/keyslots.json");
    let before = std::fs::read(&slots).unwrap();
    let moved = ["--data-dir", "copy", "key", "reseal", "--moved"];
    let said = clinic.opened(&moved, "");
    assert_eq!(said.status, 1, "{said:?}");
    assert_eq!(std::fs::read(&slots).unwrap(), before);
}
