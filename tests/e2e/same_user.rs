//! Another program of the service's own user reads neither its memory nor its
//! surroundings, and cannot be a debugger of it. Root can: SECURITY.md says so.

use crate::support::clinic::{Clinic, free_port};
use crate::support::memory;
use crate::support::process::Process;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

/// `nobody`, where the test may become somebody else.
const NOBODY: u32 = 65_534;

fn as_the_user(command: &mut Command) -> &mut Command {
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn give_away(path: &Path) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

/// What the service's user gets to see of a process.
fn look(id: u32, name: &str) -> Output {
    let mut command = Command::new("head");
    command.args(["-c", "1", &format!("/proc/{id}/{name}")]);
    as_the_user(command.env("LC_ALL", "C")).output().unwrap()
}

fn is_denied(seen: &Output) -> bool {
    String::from_utf8_lossy(&seen.stderr).contains("Permission denied")
}

#[test]
fn another_program_of_the_same_user_sees_nothing_of_the_service() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    // Where the program is built may be closed to that user.
    let program = folder.path().join("healthpost");
    fs::copy(env!("CARGO_BIN_EXE_healthpost"), &program).unwrap();
    let at = folder.path().join("clinic");
    fs::create_dir(&at).unwrap();
    let clinic = Clinic::new(&at, free_port(), "http://127.0.0.1:1");
    give_away(&at);
    let mut command = Command::new(&program);
    command.arg("--config").arg(clinic.config());
    command.args(["serve", "--passphrase-file", &clinic.passphrase()]);
    let mut service = Process::start(as_the_user(&mut command), &at, "serve");
    clinic.wait_ready(&mut service);
    for name in ["mem", "environ", "maps"] {
        let seen = look(service.id(), name);
        assert!(
            is_denied(&seen) && seen.stdout.is_empty(),
            "{name}: {seen:?}"
        );
    }
    // Where it may not keep its memory off a swap disk, it says what to do.
    let kib = |name| memory::status_kib(service.id(), name).unwrap();
    let may_be_swapped = kib("VmLck:") < kib("VmRSS:");
    let logged = service.logged();
    let told = logged.contains("WARN") && logged.contains("LimitMEMLOCK=infinity");
    assert_eq!(told, may_be_swapped, "{logged}");
    // The look itself sees what is not closed: a program like any other.
    let mut other = Command::new("sleep");
    let mut other = as_the_user(other.arg("600")).spawn().unwrap();
    let seen = look(other.id(), "environ");
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!is_denied(&seen), "{seen:?}");
}
