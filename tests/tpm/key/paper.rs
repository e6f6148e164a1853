//! The recovery key as people handle it: it is shown before anything is made or
//! changed, it counts once it was read back, and no page of another one is
//! written over. And what is typed on a terminal: twice where it is new.

use super::commands::{Box, Said, ended};
use crate::tpm::board::PIN;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

const OTHER: &str = "maji ya mvua ya masika";

/// Nothing is there, and nothing half made.
fn nothing_is_left(it: &Box, said: &Said) {
    assert_eq!(said.status, 1, "{}", said.text);
    assert!(!it.path("data").exists() && !it.path(".data.new").exists());
    assert_eq!(it.board.indices(), Vec::<u32>::new(), "left in the TPM");
    assert!(!it.path("page.html").exists());
}

#[test]
fn no_box_is_made_whose_recovery_key_nobody_could_read() {
    let it = Box::bare();
    let init = ["init", "--key", "tpm2", "--recovery-page", "page.html"];
    // The reader has left, as `| head -1` may.
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    nothing_is_left(&it, &it.printing_into(&init, write.into()));
    // A full disk behind the redirection.
    let full = File::options().write(true).open("/dev/full").unwrap();
    nothing_is_left(&it, &it.printing_into(&init, full.into()));
    // Whoever reads one line has it.
    let (read, write) = std::io::pipe().unwrap();
    let made = it.printing_into(&init, write.into());
    assert_eq!(made.status, 0, "{}", made.text);
    let mut line = String::new();
    BufReader::new(read).read_line(&mut line).unwrap();
    assert!(line.starts_with("recovery key: "), "{line}");
    it.run(
        &["key", "drill"],
        line.trim().strip_prefix("recovery key: ").unwrap(),
    );
}

#[test]
fn what_an_init_without_power_left_in_the_tpm_goes_with_the_next() {
    let it = Box::made();
    let before = it.board.indices();
    // The data key's half, and the key of the clinic's network if it came so far.
    assert!(!before.is_empty());
    // As if the power had gone before the folder was put in place.
    std::fs::rename(it.path("data"), it.path(".data.new")).unwrap();
    it.run(&["init", "--key", "tpm2"], "");
    let after = it.board.indices();
    assert_eq!(after.len(), 2);
    assert!(before.iter().all(|left| !after.contains(left)));
    assert_ne!(before, after);
}

#[test]
fn a_page_that_is_there_is_not_written_over() {
    let it = Box::bare();
    it.put("page.html", "the page of another box");
    let init = ["init", "--key", "tpm2", "--recovery-page", "page.html"];
    let said = it.refused(&init, "");
    assert!(said.contains("exists already"), "{said}");
    let page = std::fs::read_to_string(it.path("page.html")).unwrap();
    assert_eq!(page, "the page of another box");
    assert!(!it.path("data").exists());
}

/// Runs `key new-recovery` and types what `reply` makes of the new key.
fn renew(it: &Box, reply: impl Fn(&str) -> String) -> (Said, String) {
    let mut child = it.start(&["key", "new-recovery", "--recovery-page", "new.html"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let paper = line
        .trim()
        .strip_prefix("recovery key: ")
        .unwrap()
        .to_owned();
    let mut typing = child.stdin.take().unwrap();
    typing.write_all(reply(&paper).as_bytes()).unwrap();
    drop(typing);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    (ended(child), paper)
}

#[test]
fn a_new_recovery_key_counts_once_it_was_read_back() {
    let it = Box::made();
    let slip = |new: &str| {
        let other = if new.starts_with('1') { "2" } else { "1" };
        format!("{}\n", new.replacen(&new[..1], other, 1))
    };
    let wrong: [&dyn Fn(&str) -> String; 3] =
        [&|_| String::new(), &|_| format!("{}\n", it.paper), &slip];
    for reply in wrong {
        let (said, new) = renew(&it, reply);
        assert_eq!(said.status, 1, "{}", said.text);
        assert!(
            !it.path("new.html").exists(),
            "a page of a key that opens nothing"
        );
        it.run(&["key", "drill"], &it.paper);
        it.refused(&["key", "drill"], &new);
    }
    let (said, new) = renew(&it, |new| format!("{}\n", new.replace('-', " ")));
    assert_eq!(said.status, 0, "{}", said.text);
    assert!(
        said.text.contains("copies of keyslots.json"),
        "{}",
        said.text
    );
    let page = std::fs::read_to_string(it.path("new.html")).unwrap();
    assert!(new.split('-').all(|group| page.contains(group)));
    assert!(
        it.refused(&["key", "drill"], &it.paper)
            .contains("recovery key is wrong")
    );
    let undrilled = it.said(&["doctor"], "").text;
    assert!(undrilled.contains("drill"), "{undrilled}");
    it.run(&["key", "drill"], &new);
}

#[test]
fn a_passphrase_ends_and_a_box_is_never_left_with_its_paper_alone() {
    let it = Box::made();
    it.run(&["key", "add-passphrase"], OTHER);
    it.put("other", OTHER);
    let by_other = ["key", "remove-passphrase", "--passphrase-file", "other"];
    let said = it.refused(&by_other, OTHER);
    assert!(said.contains("no passphrase was removed"), "{said}");
    let wrong = it.refused(&["key", "remove-passphrase"], "maji ya bomba kubwa");
    assert!(wrong.contains("wrong"), "{wrong}");
    // The TPM opens the box, so the passphrase may go.
    let told = it.run(&["key", "remove-passphrase"], OTHER);
    assert!(told.contains("key rotate"), "{told}");
    it.refused(&["secret", "list", "--passphrase-file", "other"], "");
    assert!(!it.run(&["key", "status"], "").contains("passphrase"));
    it.run(&["secret", "list"], "");
}

#[test]
fn a_pin_that_is_given_has_to_open_before_anything_is_erased() {
    let it = Box::made();
    it.run(&["key", "set-pin"], PIN);
    it.put("wrong", "000000");
    let name = "Kalehe Health Post\n";
    let said = it.refused(&["erase-everything", "--pin-file", "wrong"], name);
    assert!(said.contains("nothing was touched"), "{said}");
    it.run(&["secret", "list", "--pin-file", "pin"], "");
    // Without it, what is stranded is told before the name is asked for.
    let said = it.refused(&["erase-everything"], "another name\n");
    let (warning, question) = (said.find("lock-out").unwrap(), said.find("clinic's name"));
    assert!(warning < question.unwrap(), "{said}");
    let said = it.run(&["erase-everything", "--pin-file", "pin"], name);
    assert!(!said.contains("clear the TPM"), "{said}");
    // The lock-out is free again: the next box takes a PIN.
    it.run(&["init", "--key", "tpm2", "--pin-file", "pin"], "");
}

/// A command on a terminal of its own, which `script` makes.
struct Terminal {
    child: Child,
    shown: String,
}

impl Terminal {
    fn open(it: &Box, command: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_healthpost");
        let child = Command::new("script")
            .args(["-qec", &format!("{program} {command}"), "/dev/null"])
            .current_dir(it.path("."))
            .env("HEALTHPOST_CONFIG", "healthpost.toml")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = String::new();
        Self { child, shown }
    }

    /// Waits for a question and types an answer.
    fn answer(&mut self, question: &str, typed: &str) {
        let mut byte = [0];
        let seen = self.shown.len();
        while !self.shown[seen..].contains(question) {
            let out = self.child.stdout.as_mut().unwrap();
            assert_eq!(out.read(&mut byte).unwrap(), 1, "{}", self.shown);
            self.shown.push(char::from(byte[0]));
        }
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(format!("{typed}\n").as_bytes()).unwrap();
    }

    fn end(mut self) -> (i32, String) {
        let mut rest = String::new();
        let out = self.child.stdout.as_mut().unwrap();
        out.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap().code().unwrap();
        (status, self.shown + &rest)
    }
}

#[test]
fn what_is_new_is_typed_twice_and_never_shown() {
    let it = Box::made();
    let mut terminal = Terminal::open(&it, "key set-pin");
    terminal.answer("a new PIN:", "551907-simba");
    terminal.answer("once more:", "551908-simba");
    let (status, shown) = terminal.end();
    assert_eq!(status, 2, "{shown}");
    assert!(shown.contains("not the same"), "{shown}");
    assert!(!shown.contains("simba"), "{shown}");
    assert!(it.run(&["key", "status"], "").contains("without a PIN"));
    let mut terminal = Terminal::open(&it, "key set-pin");
    terminal.answer("a new PIN:", "551907-simba");
    terminal.answer("once more:", "551907-simba");
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    assert!(!shown.contains("simba"), "{shown}");
    it.put("simba", "551907-simba");
    it.run(&["secret", "list", "--pin-file", "simba"], "");
    // One that is there already is asked for once.
    let mut terminal = Terminal::open(&it, "secret list");
    terminal.answer("PIN or passphrase", "551907-simba");
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
}

#[test]
fn a_new_passphrase_is_typed_twice() {
    let it = Box::bare();
    let mut terminal = Terminal::open(&it, "init");
    terminal.answer("a new passphrase:", OTHER);
    terminal.answer("once more:", "maji ya mvua ya vuli");
    let (status, shown) = terminal.end();
    assert_eq!(status, 2, "{shown}");
    assert!(!it.path("data").exists());
}

#[test]
fn whether_there_is_a_pin_is_asked_when_recovering_as_well() {
    let it = Box::made();
    let mut terminal = Terminal::open(&it, "key recover");
    terminal.answer("PIN, yes or no?", "");
    terminal.answer("type yes or no", "yes");
    terminal.answer("a new PIN:", "551907-simba");
    terminal.answer("once more:", "551907-simba");
    terminal.answer("recovery key:", &it.paper);
    let (status, shown) = terminal.end();
    assert_eq!(status, 0, "{shown}");
    assert!(it.run(&["key", "status"], "").contains("with a PIN"));
}
