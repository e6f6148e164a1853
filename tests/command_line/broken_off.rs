//! Exports that are broken off: nothing of patients is left beside the file.

use crate::support::folder::{Clinic, wait};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Child;

const EXPORT: [&str; 11] = [
    "export",
    "--format",
    "csv",
    "--out",
    "records.csv",
    "--as",
    "amina",
    "--password-file",
    "password",
    "--passphrase-file",
    "passphrase",
];

fn clinic() -> (Clinic, PathBuf) {
    let clinic = Clinic::made();
    clinic.add_patient();
    clinic.add_staff("amina", "records");
    let unfinished = clinic.file(".records.csv.new");
    (clinic, unfinished)
}

/// An export in the middle of its file.
fn under_way(clinic: &Clinic) -> Child {
    let mut child = clinic.start(&EXPORT, "");
    let unfinished = clinic.file(".records.csv.new");
    wait(|| unfinished.metadata().is_ok_and(|it| it.len() > 0));
    assert!(child.try_wait().unwrap().is_none());
    child
}

#[test]
fn a_signal_takes_the_unfinished_file_away() {
    let (clinic, unfinished) = clinic();
    clinic.add_records(20_000);
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let mut child = under_way(&clinic);
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status));
        assert!(!unfinished.exists(), "{signal:?}");
        assert!(!clinic.file("records.csv").exists());
    }
    // What was being read from is whole.
    assert_eq!(clinic.opened(&["secret", "list"], "").status, 0);
}

#[test]
fn what_a_killed_export_left_goes_with_the_next_one() {
    let (clinic, unfinished) = clinic();
    clinic.add_records(20_000);
    let mut killed = under_way(&clinic);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(unfinished.exists());
    let said = clinic.run(&EXPORT, "");
    assert_eq!(said.status, 0, "{said:?}");
    assert!(!unfinished.exists());
    let written = fs::read_to_string(clinic.file("records.csv")).unwrap();
    assert!(written.lines().count() > 20_000);
}

#[test]
fn what_is_no_export_is_neither_followed_nor_taken_away() {
    let (clinic, unfinished) = clinic();
    let kept = clinic.file("kept");
    clinic.put(&kept, "kept");
    symlink(&kept, &unfinished).unwrap();
    let said = clinic.run(&EXPORT, "");
    assert_eq!(said.status, 2, "{said:?}");
    assert!(said.err.contains(".records.csv.new"), "{said:?}");
    assert_eq!(fs::read_link(&unfinished).unwrap(), kept);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    assert!(!clinic.file("records.csv").exists());
}

#[test]
fn an_export_that_was_to_outlive_its_terminal_does() {
    let (clinic, unfinished) = clinic();
    clinic.add_records(5_000);
    let mut child = clinic.start_outliving(&EXPORT);
    wait(|| unfinished.exists());
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(clinic.file("records.csv").exists());
}
