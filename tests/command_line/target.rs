//! What an export may be put in place of.

use crate::support::folder::Clinic;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

#[test]
fn an_export_replaces_ordinary_files_alone_and_nothing_of_the_box() {
    let clinic = Clinic::made();
    clinic.add_patient();
    clinic.add_staff("amina", "records");
    let (pipe, link, kept) = (
        clinic.file("pipe"),
        clinic.file("link"),
        clinic.file("kept.csv"),
    );
    mknodat(CWD, &pipe, FileType::Fifo, Mode::from(0o600), 0).unwrap();
    clinic.put(&kept, "kept");
    symlink(&kept, &link).unwrap();
    let before = clinic.tree();
    let number = |path: &Path| fs::symlink_metadata(path).unwrap().ino();
    let numbers = || {
        let all = [&pipe, &link, &kept, &clinic.data().join("clinic.db")];
        all.map(|path| number(path))
    };
    let before_numbers = numbers();
    fs::create_dir(clinic.file("folder")).unwrap();
    symlink(clinic.data(), clinic.file("way")).unwrap();
    for out in [
        "pipe",
        "link",
        "folder",
        "data/clinic.db",
        "data/new.csv",
        "data/lan/new.csv",
        "way/new.csv",
    ] {
        let export = ["export", "--format", "csv", "--out", out];
        let said = clinic.as_staff("amina", &export);
        assert_eq!(said.status, 2, "{out}: {said:?}");
        assert!(said.err.contains(out), "{said:?}");
        assert_eq!(numbers(), before_numbers, "{out}");
    }
    assert_eq!(clinic.tree(), before);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    let export = ["export", "--format", "csv", "--out", "kept.csv"];
    assert_eq!(clinic.as_staff("amina", &export).status, 0);
    assert_ne!(fs::read_to_string(&kept).unwrap(), "kept");
}
