//! What the service manager is told: that the box is ready, and for as long as
//! it lives, that it is alive, locked or open.

use crate::support::clinic::{Clinic, free_port};
use crate::support::process::Process;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// How long the manager of this test waits to be told. The box tells it four
/// times as often.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hears `READY=1`, and `WATCHDOG=1` three times in time; what else is said is
/// nobody's matter here.
fn hear(manager: &UnixDatagram, process: &mut Process) {
    let (mut ready, mut alive) = (false, 0);
    let mut said = [0; 4096];
    while !ready || alive < 3 {
        let length = manager.recv(&mut said).unwrap_or_else(|error| {
            let log = process.logged();
            panic!("told nothing in time ({error}; ready: {ready}, alive: {alive}): {log}")
        });
        let said = std::str::from_utf8(&said[..length]).unwrap();
        ready |= said.lines().any(|line| line == "READY=1");
        alive += usize::from(said.lines().any(|line| line == "WATCHDOG=1"));
    }
}

#[test]
fn the_service_manager_hears_that_the_box_is_alive_locked_or_open() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), "http://127.0.0.1:1");
    for locked in [true, false] {
        let socket = folder.path().join(format!("manager-{locked}"));
        let manager = UnixDatagram::bind(&socket).unwrap();
        // Before it is ready a start may take its time.
        manager.set_read_timeout(Some(PATIENCE * 15)).unwrap();
        let mut process = clinic.begin_under(&socket, PATIENCE, locked);
        hear(&manager, &mut process);
        manager.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        hear_alive(&manager, 3);
        process.stop();
    }
}

fn hear_alive(manager: &UnixDatagram, times: usize) {
    let mut said = [0; 4096];
    for _ in 0..times {
        let length = manager.recv(&mut said).expect("told in time");
        assert_eq!(&said[..length], b"WATCHDOG=1\n");
    }
}
