//! A prompt at a terminal.

use crate::support::folder::Clinic;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{BufRead, BufReader};

#[test]
fn a_signal_at_a_prompt_leaves_a_terminal_that_shows_what_is_typed() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::QUIT, 131)] {
        let clinic = Clinic::bare();
        let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&near).unwrap();
        unlockpt(&near).unwrap();
        let name = ptsname(&near, Vec::new()).unwrap();
        let far = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let far = File::from(far);
        let echoes = || {
            let modes = tcgetattr(&far).unwrap().local_modes;
            modes.contains(LocalModes::ECHO)
        };
        assert!(echoes());
        let mut child = clinic.start_at(far.try_clone().unwrap(), &["init"]);
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "a new passphrase:\n");
        assert!(!echoes(), "the prompt is silent");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status));
        assert!(echoes(), "{signal:?}");
        assert!(!clinic.data().exists());
    }
}
