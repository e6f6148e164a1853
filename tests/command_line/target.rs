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
    let replaced = [
        "export",
        "--format",
        "csv",
        "--out",
        "kept.csv",
        "--replace",
    ];
    assert_eq!(clinic.as_staff("amina", &replaced).status, 0);
    assert_ne!(fs::read_to_string(&kept).unwrap(), "kept");
}

#[test]
fn an_export_asks_before_it_replaces_what_is_no_earlier_export() {
    let clinic = Clinic::made();
    clinic.add_staff("amina", "records");
    let export = |format: &str, out: &str| {
        clinic.as_staff("amina", &["export", "--format", format, "--out", out])
    };
    let number = |out: &str| fs::metadata(clinic.file(out)).unwrap().ino();
    let both = [("csv", "records.csv"), ("xlsx", "records.xlsx")];
    let before = both.map(|(format, out)| {
        assert_eq!(export(format, out).status, 0);
        number(out)
    });
    // The weekly export goes on under its name, with more in it.
    clinic.add_patient();
    for ((format, out), before) in both.into_iter().zip(before) {
        let again = export(format, out);
        assert_eq!(again.status, 0, "{again:?}");
        assert_ne!(number(out), before);
        let own = clinic.file("own");
        clinic.put(&own, "PK\u{3}\u{4} record_id of my own");
        let said = export(format, "own");
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.err.contains("--replace"), "{said:?}");
        let kept = fs::read_to_string(&own).unwrap();
        assert!(kept.ends_with("of my own"), "{kept}");
        clinic.put(&clinic.file("empty"), "");
        assert_eq!(export(format, "empty").status, 0);
    }
}
