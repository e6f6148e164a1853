//! Disks that take nothing, and files that hold nothing.

use crate::finding;
use crate::support::folder::Clinic;
use serde_json::Value;

#[test]
fn a_read_only_disk_is_named() {
    let clinic = Clinic::made();
    for command in [&["secret", "list"][..], &["key", "drill"]] {
        let said = clinic.run_read_only(command, "");
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.err.contains("Read-only file system"), "{said:?}");
        assert!(said.err.contains("mounted read-only"), "{said:?}");
        assert!(!said.err.contains("as root"), "{said:?}");
    }
    let looked = clinic.run_read_only(&["--json", "doctor"], "");
    let all: Value = serde_json::from_str(&looked.out).unwrap();
    let mut all = all.as_array().unwrap().iter();
    let disk = all.find(|found| found["check"] == "disk").unwrap();
    assert_eq!(disk["state"], "bad", "{disk}");
    assert!(disk["finding"].as_str().unwrap().contains("read-only"));
    assert!(finding(&clinic, "disk").0.starts_with("ok: "));
}

#[test]
fn an_export_onto_a_disk_that_fills_up_says_so_and_leaves_nothing() {
    for format in ["csv", "xlsx"] {
        let clinic = Clinic::made();
        clinic.add_patient();
        clinic.add_staff("amina", "records");
        let said = clinic.export_to_small_disk(format);
        assert_eq!((said.status, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains("No space left on device"), "{said:?}");
    }
}

#[test]
fn an_export_in_place_of_the_last_one_on_a_full_disk_names_the_disk() {
    let clinic = Clinic::made();
    clinic.add_patient();
    clinic.add_staff("amina", "records");
    let export = ["export", "--format", "xlsx", "--out", "records.xlsx"];
    let first = clinic.as_staff("amina", &export);
    assert_eq!(first.status, 0, "{first:?}");
    let said = clinic.export_again_onto_full_disk("records.xlsx");
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.err.contains("No space left on device"), "{said:?}");
    assert!(!said.err.contains("--replace"), "{said:?}");
}

#[test]
fn an_empty_database_file_is_damage_and_stays_empty() {
    let clinic = Clinic::made();
    let file = clinic.data().join("clinic.db");
    clinic.put(&file, "");
    let said = clinic.opened(&["secret", "list"], "");
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.err.contains("damaged"), "{said:?}");
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 0);
    assert!(!clinic.data().join("clinic.db-wal").exists());
}
