//! What is said of a service that runs, and of one that was killed.

use crate::finding;
use crate::support::folder::{Clinic, PASSPHRASE, wait};
use rustix::fs::{FlockOperation, fcntl_lock};
use std::fs::File;

#[test]
fn doctor_is_not_taken_in_by_the_socket_of_a_killed_service() {
    let clinic = Clinic::made();
    let service = clinic.serve();
    assert_eq!(finding(&clinic, "service").0, "ok: it is running");
    drop(service);
    assert!(clinic.data().join("control.sock").exists());
    let (told, how) = finding(&clinic, "service");
    assert!(
        told.starts_with("warning: the service is not running"),
        "{told}"
    );
    assert!(how.contains("start it"), "{how}");
    let (told, _) = finding(&clinic, "public listener");
    assert!(told.ends_with("is free"), "{told}");
    let (told, how) = finding(&clinic, "database");
    assert!(told.starts_with("not checked"), "{told}");
    assert!(how.contains("start the service"), "{how}");
}

#[test]
fn an_open_box_does_not_say_that_a_secret_opened_it() {
    let clinic = Clinic::made();
    let service = clinic.serve();
    let right = clinic.run(&["--json", "unlock"], PASSPHRASE);
    assert!(right.out.contains("\"checked\":true"), "{right:?}");
    clinic.wait_until_open();
    for secret in ["wrong", PASSPHRASE] {
        let said = clinic.run(&["unlock"], secret);
        assert_eq!(said.status, 0, "{said:?}");
        assert_eq!(said.out, "it is open already; nothing was checked\n");
    }
    let said = clinic.run(&["--json", "unlock"], "wrong");
    assert!(said.out.contains("\"checked\":false"), "{said:?}");
    service.stop();
}

/// Whether another program could lock a file of the box as a whole. It takes the
/// kind of locks that SQLite does.
fn could_lock(clinic: &Clinic, name: &str) -> bool {
    let path = clinic.data().join(name);
    let file = File::options().read(true).write(true).open(path).unwrap();
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

#[test]
fn no_other_program_may_take_the_database_of_a_serving_box_for_closed() {
    let (clinic, paper) = Clinic::made_with_paper();
    assert!(could_lock(&clinic, "clinic.db"), "nobody has it open");
    let service = clinic.serve_open();
    let locked = || ["clinic.db", "clinic.db-shm"].map(|name| !could_lock(&clinic, name));
    assert_eq!(locked(), [true, true]);
    let wrong = clinic.run(&["unlock"], "wrong");
    assert_eq!(wrong.status, 0, "{wrong:?}");
    for _ in 0..2 {
        let drilled = clinic.run(&["key", "drill"], &paper);
        assert!(drilled.out.contains("opens the data"), "{drilled:?}");
        assert_eq!(locked(), [true, true]);
    }
    let looked = clinic.run(&["doctor"], "").out;
    assert!(looked.contains("ok           database: "), "{looked}");
    assert_eq!(locked(), [true, true]);
    service.stop();
    assert!(could_lock(&clinic, "clinic.db"));
}

#[test]
fn a_service_that_is_to_stop_does_not_wait_for_a_drill() {
    let (clinic, paper) = Clinic::made_with_paper();
    clinic.make_large(64);
    let service = clinic.serve_open();
    let drill = clinic.start(&["key", "drill"], &paper);
    let copy = clinic.data().join("clinic.db.new");
    wait(|| copy.metadata().is_ok_and(|copy| copy.len() > 1024 * 1024));
    service.stop();
    let said = drill.wait_with_output().unwrap();
    let told = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(1), "{told}");
    assert!(told.contains("the service is stopping"), "{told}");
    assert!(!copy.exists());
    assert_eq!(clinic.opened(&["secret", "list"], "").status, 0);
}

#[test]
fn a_second_drill_takes_nothing_from_the_first() {
    let (clinic, paper) = Clinic::made_with_paper();
    clinic.make_large(64);
    let service = clinic.serve_open();
    let first = clinic.start(&["key", "drill"], &paper);
    let copy = clinic.data().join("clinic.db.new");
    wait(|| copy.metadata().is_ok_and(|copy| copy.len() > 1024 * 1024));
    let second = clinic.run(&["key", "drill"], &paper);
    assert_eq!(second.status, 1, "{second:?}");
    assert!(
        second.err.contains("a drill is under way already"),
        "{second:?}"
    );
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{first:?}");
    assert!(!copy.exists());
    service.stop();
}
