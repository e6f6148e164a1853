//! The end of a data folder, and of nothing else.

use crate::support::folder::Clinic;
use std::fs;
use std::os::unix::fs::symlink;

const NAME: &str = "Kalehe Health Post\n";

#[test]
fn only_a_box_is_erased() {
    let clinic = Clinic::bare();
    fs::create_dir_all(clinic.data().join("letters")).unwrap();
    for name in ["thesis.txt", "letters/one", "erasing"] {
        clinic.put(&clinic.data().join(name), "years of work");
    }
    let before = clinic.tree();
    for options in [&[][..], &["--without-tpm"]] {
        let said = clinic.run(&[&["erase-everything"], options].concat(), NAME);
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.err.contains("there is no data folder at"), "{said:?}");
        assert_eq!(clinic.tree(), before);
    }
}

#[test]
fn what_is_not_the_boxs_is_left_and_the_folder_is_named_before() {
    let clinic = Clinic::made();
    clinic.put(&clinic.data().join("thesis.txt"), "years of work");
    let shown = clinic.data().display().to_string();
    let refused = clinic.run(&["erase-everything"], "Kalehe\n");
    assert_eq!(refused.status, 1, "{refused:?}");
    let asked = format!("every record in {shown}");
    assert!(refused.err.contains(&asked), "{refused:?}");
    let said = clinic.run(&["--json", "erase-everything"], NAME);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("\"others_left\":true"), "{said:?}");
    let left: Vec<_> = fs::read_dir(clinic.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["thesis.txt"]);
}

#[test]
fn without_its_slots_nothing_tells_what_a_box_left_in_a_tpm() {
    let clinic = Clinic::made();
    fs::remove_file(clinic.data().join("keyslots.json")).unwrap();
    let said = clinic.run(&["erase-everything"], NAME);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.err.contains("--without-tpm"), "{said:?}");
    assert!(clinic.data().join("clinic.db").exists());
    let gone = ["--json", "erase-everything", "--without-tpm"];
    let said = clinic.run(&gone, NAME);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("\"half_left_in_tpm\":true"), "{said:?}");
    assert_eq!(fs::read_dir(clinic.data()).unwrap().count(), 0);
}

#[test]
fn what_links_lead_to_is_none_of_the_boxs() {
    let clinic = Clinic::made();
    let elsewhere = clinic.file("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let names = ["keyslots.json.old", "clinic.db-wal", "leaf.key", "ca.pem"];
    for name in names {
        clinic.put(&elsewhere.join(name), "kept");
    }
    for name in ["keyslots.json.old", "clinic.db-wal"] {
        symlink(elsewhere.join(name), clinic.data().join(name)).unwrap();
    }
    fs::remove_dir_all(clinic.data().join("lan")).unwrap();
    symlink(&elsewhere, clinic.data().join("lan")).unwrap();
    let said = clinic.run(&["erase-everything"], NAME);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(fs::read_dir(clinic.data()).unwrap().count(), 0);
    for name in names {
        let kept = fs::read_to_string(elsewhere.join(name)).unwrap();
        assert_eq!(kept, "kept", "{name}");
    }
}
