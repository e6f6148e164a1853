//! What is said of a service that runs, and of one that was killed.

use crate::finding;
use crate::support::folder::{Clinic, PASSPHRASE};

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
