//! What somebody is told whom the data folder is not open to: that, and not that
//! there is none.

use crate::support::folder::{Clinic, PASSPHRASE};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

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
        "not checked  TPM: ",
        "not checked  PIN: ",
        "not checked  certificates: ",
        "not checked  public listener: ",
        "not checked  LAN listener: ",
    ] {
        assert!(looked.out.contains(line), "{line}: {looked:?}");
    }
    for word in ["key slots", "stop the other program"] {
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
    for what in ["TPM", "PIN", "certificates"] {
        assert!(
            looked.contains(&format!("not checked  {what}: ")),
            "{looked}"
        );
    }
    for word in ["open to others", "not open to this user"] {
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

/// What root does by hand while the service is stopped, the service finds as its
/// own: each file belongs to the owner of the folder.
#[test]
fn what_root_writes_is_the_folders_owners() {
    let clinic = Clinic::bare();
    std::fs::create_dir(clinic.data()).unwrap();
    clinic.give_to_nobody(&clinic.data());
    let by = ["--passphrase-file", "passphrase"];
    let init = [
        "init",
        "--passphrase-file",
        "passphrase",
        "--recovery-page",
        "page.html",
    ];
    let told = clinic.run_as_root(&init, "");
    assert_eq!(told.status, 0, "{told:?}");
    let paper = told
        .out
        .lines()
        .find_map(|it| it.strip_prefix("recovery key: "));
    let paper = paper.unwrap().to_owned();
    for (command, input) in [
        (&["user", "add", "amina", "--role", "clinician"][..], ""),
        (&["key", "add-passphrase"], "maji safi ya kunywa"),
        (&["key", "rotate"], ""),
        (&["secret", "list"], ""),
    ] {
        let said = clinic.run_as_root(&[command, &by].concat(), input);
        assert_eq!(said.status, 0, "{command:?}: {said:?}");
    }
    let said = clinic.run_as_root(&["key", "drill"], &paper);
    assert_eq!(said.status, 0, "{said:?}");
    let mut all = vec![clinic.data()];
    let mut looked_at = Vec::new();
    while let Some(path) = all.pop() {
        let facts = path.symlink_metadata().unwrap();
        assert_eq!((facts.uid(), facts.gid()), (65534, 65534), "{path:?}");
        if facts.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            all.extend(entries.map(|entry| entry.unwrap().path()));
        }
        looked_at.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    for name in [
        "keyslots.json",
        "clinic.db",
        "lan",
        "ca.pem",
        "leaf.key",
        "lock",
    ] {
        assert!(
            looked_at.iter().any(|it| it == name),
            "{name}: {looked_at:?}"
        );
    }
    // The page is for whoever printed it.
    assert_eq!(clinic.file("page.html").metadata().unwrap().uid(), 0);
    let said = clinic.run_as_nobody(&[&["user", "list"][..], &by].concat(), "");
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("amina"), "{said:?}");
    // What another program left there as root's is told.
    let strange = "of another user than the folder";
    assert!(!clinic.run_as_root(&["doctor"], "").out.contains(strange));
    clinic.give_to_root(&clinic.data().join("clinic.db"));
    let said = clinic.run_as_root(&["doctor"], "").out;
    assert!(said.contains(&format!("clinic.db {strange}")), "{said}");
    assert!(said.contains("chown -R --reference="), "{said}");
}

/// Root's first command may have been cut off before it gave the lock away.
#[test]
fn a_lock_that_root_left_as_its_own_is_given_to_the_folders_owner() {
    let clinic = Clinic::bare();
    std::fs::create_dir(clinic.data()).unwrap();
    clinic.give_to_nobody(&clinic.data());
    let init = ["init", "--passphrase-file", "passphrase"];
    assert_eq!(clinic.run_as_root(&init, "").status, 0);
    let list = ["secret", "list", "--passphrase-file", "passphrase"];
    assert_eq!(clinic.run_as_root(&list, "").status, 0);
    let lock = clinic.data().join("lock");
    clinic.give_to_root(&lock);
    let said = clinic.run_as_nobody(&list, "");
    assert_eq!(said.status, 1, "{said:?}");
    assert_eq!(clinic.run_as_root(&list, "").status, 0);
    assert_eq!(lock.metadata().unwrap().uid(), 65534);
    let said = clinic.run_as_nobody(&list, "");
    assert_eq!(said.status, 0, "{said:?}");
}
