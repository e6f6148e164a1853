//! What a command prints: lines for people, or JSON for programs. A reader
//! that goes away (`| head`) ends the printing quietly.

use super::failure::Failure;
use crate::core::display::upright;
use rustix::fs::{FileType, major, minor};
use serde_json::Value;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use zeroize::Zeroizing;

/// Prints one line on standard output.
///
/// # Errors
/// When it cannot be written, other than because the reader left.
pub fn line(text: &str) -> Result<(), Failure> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints what must not be lost, and is secret: in one piece, past every buffer
/// that nobody would wipe. A reader who has left is a failure here.
///
/// # Errors
/// When not all of it was written.
pub fn certainly(text: &Zeroizing<String>) -> Result<(), Failure> {
    let all = || {
        let mut out = io::stdout().lock();
        out.flush()?;
        let mut past = File::from(out.as_fd().try_clone_to_owned()?);
        past.write_all(text.as_bytes())
    };
    all().map_err(|error: io::Error| {
        Failure::failed(
            "what has to be written down could not be printed",
            error.to_string(),
        )
    })
}

/// Whether standard output is the null device. The standard library puts it
/// there as well when the program is started without one.
pub fn goes_nowhere() -> bool {
    /// `/dev/null` on Linux.
    const NULL: (u32, u32) = (1, 3);
    rustix::fs::fstat(io::stdout()).is_ok_and(|facts| {
        let is_device = FileType::from_raw_mode(facts.st_mode) == FileType::CharacterDevice;
        is_device && (major(facts.st_rdev), minor(facts.st_rdev)) == NULL
    })
}

/// Prints one line on standard error; nobody can be told if that fails.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a JSON value on one line.
///
/// # Errors
/// As [`line()`].
pub fn json(value: &Value) -> Result<(), Failure> {
    line(&value.to_string())
}

/// What was checked; where programs read along, they are told the faults of
/// the file that keep it from being had.
///
/// # Errors
/// The failure that came in.
pub fn faults_as_json<T>(wanted: bool, checked: Result<T, Failure>) -> Result<T, Failure> {
    if let Err(failure) = &checked
        && wanted
        && !failure.faults().is_empty()
    {
        json(&serde_json::json!({"ok": false, "faults": failure.faults()}))?;
    }
    checked
}

/// Prints rows under a header, in columns as wide as their widest cell.
///
/// # Errors
/// As [`line()`].
pub fn table(header: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let mut widths: Vec<usize> = header.iter().map(|name| name.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let mut cells = String::new();
        for (width, cell) in widths.iter().zip(row) {
            cells.push_str(&format!("{cell:<width$}  ", width = *width));
        }
        text.push_str(cells.trim_end());
        text.push('\n');
    }
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()))
}

/// Text from outside with nothing in it that could steer a terminal, or turn
/// round what stands beside it.
pub fn tame(text: &str) -> String {
    upright(text)
        .chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{FFFD}'
            } else {
                c
            }
        })
        .collect()
}

fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(
            "the output could not be written",
            error.to_string(),
        )),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_neither_steer_a_terminal_nor_turn_it_round() {
        assert_eq!(tame("a\u{1b}[2J\u{202e}b\nc"), "a\u{fffd}[2Jb\nc");
    }
}
