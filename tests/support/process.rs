//! A program running beside the test, its output kept in files, gone when the
//! test is.

use super::wait;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running program.
pub struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Process {
    /// Starts it; what it prints goes into `NAME.out` and `NAME.err` in
    /// `folder`, after what an earlier one of that name printed.
    pub fn start(command: &mut Command, folder: &Path, name: &str) -> Self {
        let out = folder.join(format!("{name}.out"));
        let err = folder.join(format!("{name}.err"));
        let append = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .unwrap()
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(append(&out))
            .stderr(append(&err))
            .spawn()
            .unwrap();
        Self { child, out, err }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What was printed on standard output.
    pub fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// What was logged on standard error.
    pub fn logged(&self) -> String {
        fs::read_to_string(&self.err).unwrap_or_default()
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Takes the power away: SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Makes it crash, as a broken assertion in foreign code would.
    pub fn abort(&mut self) -> ExitStatus {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::ABORT).unwrap();
        self.child.wait().unwrap()
    }

    /// Asks it to stop and waits for it.
    pub fn stop(&mut self) -> ExitStatus {
        terminate(self.id());
        wait::until("the program stops when it is asked to", 40, || self.ended())
    }
}

/// Asks a program to stop.
pub fn terminate(id: u32) {
    let id = i32::try_from(id).ok();
    if let Some(id) = id.and_then(rustix::process::Pid::from_raw) {
        // It may have ended already: that is what was asked for.
        rustix::process::kill_process(id, rustix::process::Signal::TERM).ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
