//! One run of swtpm, from power on to power off; it ends with the test.
#![allow(
    clippy::disallowed_methods,
    reason = "the bound of a wait is real time, and its end is a failure"
)]

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for it.
const LIMIT: Duration = Duration::from_secs(20);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(3);

/// A running one.
pub struct Chip(Child);

impl Chip {
    /// Starts it with its state in `folder`; `None` if it gives up, as it does
    /// when its port is taken.
    pub fn start(
        folder: &Path,
        flags: &str,
        ways: &[&str],
        is_up: impl Fn() -> bool,
    ) -> Option<Self> {
        let log = File::create(folder.join("swtpm.log")).unwrap();
        // Written once it has its ports: whoever else listens there is not it.
        let ready = folder.join("ready");
        std::fs::remove_file(&ready).ok();
        let is_ready = || std::fs::read(&ready).is_ok_and(|pid| !pid.is_empty());
        let child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", flags])
            .args(["--tpmstate", &format!("dir={}", folder.display())])
            .args(["--pid", &format!("file={}", ready.display())])
            .args(ways)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("swtpm is missing: apt-get install swtpm swtpm-tools tpm2-tools");
        let mut chip = Self(child);
        let end = Instant::now() + LIMIT;
        while !(is_ready() && is_up()) {
            if chip.0.try_wait().unwrap().is_some() || Instant::now() > end {
                return None;
            }
            std::thread::park_timeout(LOOK);
        }
        Some(chip)
    }
}

impl Drop for Chip {
    /// The power goes: SIGKILL, to this one only.
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Asks until it is so; fails after a while.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "not within {LIMIT:?}: {what}");
        std::thread::park_timeout(LOOK);
    }
}
