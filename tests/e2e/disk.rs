//! A disk that is full and a database that somebody else holds: webhooks are
//! refused, so that the sender keeps them; the process lives, reads go on, and
//! afterwards everything is as before.

use crate::support::clinic::{Clinic, free_port};
use crate::support::process::Process;
use crate::support::{http, wait, webhook};
use rusqlite::Connection;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const NOWHERE: &str = "http://127.0.0.1:1";

/// A small disk of its own, gone with the test.
struct SmallDisk {
    at: PathBuf,
}

/// Runs a command that takes root: as we are, else with sudo, as the script
/// that installs what the tests need does.
fn as_root(command: &[&str], at: &Path) -> bool {
    [&[][..], &["sudo", "-n"]].iter().any(|before| {
        let words = [before, command].concat();
        let ran = Command::new(words[0]).args(&words[1..]).arg(at).output();
        ran.is_ok_and(|ran| ran.status.success())
    })
}

impl SmallDisk {
    fn new(folder: &Path, mebibytes: u64) -> Self {
        let at = folder.join("disk");
        fs::create_dir(&at).unwrap();
        let options = format!("size={mebibytes}m,mode=1777");
        let mount = ["mount", "-t", "tmpfs", "-o", &options, "healthpost-test"];
        assert!(
            as_root(&mount, &at),
            "a disk of its own could not be mounted: run this test as root, or allow sudo"
        );
        Self { at }
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(self.filler())
            .unwrap();
        let mut part = 64 * 1024;
        while part > 0 {
            match file.write(&vec![b'x'; part]) {
                Ok(written) if written > 0 => {}
                Ok(_) | Err(_) => part /= 2,
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has a file open on it keeps it until they end.
        as_root(&["umount", "-l"], &self.at);
    }
}

struct Load<'a> {
    clinic: &'a Clinic,
    next: u32,
    acknowledged: Vec<String>,
}

impl Load<'_> {
    fn post(&mut self, padding: usize) -> u16 {
        self.next += 1;
        let wamid = format!("wamid.disk-{}", self.next);
        let number = format!("24397{:07}", self.next);
        let mut body = webhook::text(&wamid, &number, "hello");
        body.resize(body.len() + padding, b' ');
        let status = webhook::post(&self.clinic.webhook(), &body).unwrap().status;
        if status == 200 {
            self.acknowledged.push(wamid);
        }
        status
    }
}

fn reads_go_on(clinic: &Clinic, service: &mut Process) {
    assert!(service.ended().is_none(), "it died: {}", service.logged());
    let health = http::get(&clinic.healthz()).unwrap();
    assert_eq!(
        (health.status, &health.json()["status"]),
        (503, &"degraded".into())
    );
    let listed = clinic.json(&["outbox", "list"]);
    assert!(!listed["messages"].as_array().unwrap().is_empty());
}

fn all_are_there(conn: &Connection, box_key: &healthpost::store::BoxKey, wamids: &[String]) {
    for wamid in wamids {
        let times: i64 = conn
            .query_row(
                "SELECT count(*) FROM inbox WHERE message_key = ?1",
                [box_key.keyed_hash(wamid)],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(times, 1, "{wamid}");
    }
}

fn a_full_disk(mebibytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(folder.path(), mebibytes);
    let clinic = Clinic::with_data(folder.path(), &disk.at.join("data"), free_port(), NOWHERE);
    let mut service = clinic.serve();
    let mut load = Load {
        clinic: &clinic,
        next: 0,
        acknowledged: Vec::new(),
    };
    for _ in 0..20 {
        assert_eq!(load.post(0), 200);
    }
    wait::until("replies wait", 20, || {
        (clinic.waiting() >= 20).then_some(())
    });
    disk.fill();
    // What the log has room for already may still be taken.
    wait::until("webhooks are refused", 60, || {
        (load.post(40_000) == 503).then_some(())
    });
    for _ in 0..5 {
        assert_eq!(load.post(0), 503);
    }
    reads_go_on(&clinic, &mut service);
    disk.free();
    wait::until("webhooks are taken again", 30, || {
        (load.post(0) == 200).then_some(())
    });
    let health = http::get(&clinic.healthz()).unwrap();
    assert_eq!(health.status, 200, "{}", health.text());
    assert!(service.stop().success(), "{}", service.logged());
    let (conn, box_key) = clinic.open();
    all_are_there(&conn, &box_key, &load.acknowledged);
    let sound: String = conn
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn a_full_disk_refuses_webhooks_and_loses_nothing() {
    // Room for the reserve twice over, which is what it takes to be held.
    a_full_disk(32 * 3);
}

#[test]
fn a_full_disk_too_small_for_the_reserve_recovers_too() {
    const MEBIBYTES: u64 = 12;
    const { assert!(MEBIBYTES * 1024 * 1024 < healthpost::core::limits::RESERVE_BYTES) };
    a_full_disk(MEBIBYTES);
}

#[test]
fn a_box_that_starts_on_a_full_disk_is_read_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::new(folder.path(), 32 * 3);
    let clinic = Clinic::with_data(folder.path(), &disk.at.join("data"), free_port(), NOWHERE);
    let mut service = clinic.serve();
    let mut load = Load {
        clinic: &clinic,
        next: 0,
        acknowledged: Vec::new(),
    };
    for _ in 0..5 {
        assert_eq!(load.post(0), 200);
    }
    wait::until("replies wait", 20, || (clinic.waiting() >= 5).then_some(()));
    assert!(service.stop().success(), "{}", service.logged());
    disk.fill();
    let mut service = clinic.begin();
    wait::until("it says how it stands", 30, || {
        assert!(service.ended().is_none(), "it died: {}", service.logged());
        (http::get(&clinic.healthz()).ok()?.status == 503).then_some(())
    });
    reads_go_on(&clinic, &mut service);
    assert_eq!(load.post(0), 503);
    disk.free();
    wait::until("webhooks are taken again", 30, || {
        (load.post(0) == 200).then_some(())
    });
    assert!(service.stop().success(), "{}", service.logged());
    let (conn, box_key) = clinic.open();
    all_are_there(&conn, &box_key, &load.acknowledged);
}

#[test]
fn a_database_locked_by_somebody_else_refuses_webhooks_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), NOWHERE);
    let mut service = clinic.serve();
    let mut load = Load {
        clinic: &clinic,
        next: 0,
        acknowledged: Vec::new(),
    };
    for _ in 0..5 {
        assert_eq!(load.post(0), 200);
    }
    wait::until("replies wait", 20, || (clinic.waiting() >= 5).then_some(()));
    let (somebody, _) = clinic.open();
    somebody.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(load.post(0), 503);
    reads_go_on(&clinic, &mut service);
    assert_eq!(load.post(0), 503);
    somebody.execute_batch("ROLLBACK").unwrap();
    drop(somebody);
    assert_eq!(load.post(0), 200);
    wait::until("it is healthy again", 20, || {
        (http::get(&clinic.healthz()).ok()?.status == 200).then_some(())
    });
    assert!(service.stop().success(), "{}", service.logged());
    let (conn, box_key) = clinic.open();
    all_are_there(&conn, &box_key, &load.acknowledged);
}
