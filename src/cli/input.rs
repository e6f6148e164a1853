//! Where secrets come from: a file, standard input, or a terminal that does
//! not echo. Never from argv, where every process could read them.
//!
//! They are read straight into memory that is wiped and never grows: no buffer
//! of the standard library is in between, since nobody would wipe it.

use super::failure::Failure;
use super::{interrupt, output};
use crate::core::secret::SecretText;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// Longest secret read, bytes.
const SECRET_BYTES_MAX: usize = 8 * 1024;
/// How what comes in is named where nobody named a file.
const STANDARD_INPUT: &str = "standard input";

/// Reads a secret out of a file.
///
/// # Errors
/// When it cannot be read, is empty, too long or no text.
pub fn from_file(path: &Path) -> Result<SecretText, Failure> {
    let shown = path.display().to_string();
    let file = File::open(path).map_err(|error| unread(&shown, &error))?;
    secret(file, &shown)?.ok_or_else(|| {
        Failure::usage(
            format!("{shown} is empty"),
            "put the secret into it, on one line",
        )
    })
}

/// Reads a secret from standard input: asked for without echo on a terminal,
/// else the whole of it. `None` if there is nothing.
///
/// # Errors
/// When it cannot be read or is too long.
pub fn from_stdin(prompt: &str) -> Result<Option<SecretText>, Failure> {
    if io::stdin().is_terminal() {
        return ask(prompt).map(Some);
    }
    secret(standard_input()?, STANDARD_INPUT)
}

/// As [`from_stdin`], for a secret that is new: on a terminal it is asked for
/// twice, since nobody sees what they type.
///
/// # Errors
/// As [`from_stdin`], and when the two are not the same.
pub fn new_from_stdin(prompt: &str) -> Result<Option<SecretText>, Failure> {
    if io::stdin().is_terminal() {
        return ask_twice(prompt).map(Some);
    }
    secret(standard_input()?, STANDARD_INPUT)
}

/// Reads a secret from a file if one is named, else from the terminal.
///
/// # Errors
/// When neither gives one.
pub fn from_file_or_terminal(
    file: Option<&Path>,
    prompt: &str,
    option: &str,
) -> Result<SecretText, Failure> {
    file_or(file, prompt, option, ask)
}

/// As [`from_file_or_terminal`], for a secret that is new.
///
/// # Errors
/// As [`new_from_stdin`].
pub fn new_from_file_or_terminal(
    file: Option<&Path>,
    prompt: &str,
    option: &str,
) -> Result<SecretText, Failure> {
    file_or(file, prompt, option, ask_twice)
}

fn file_or(
    file: Option<&Path>,
    prompt: &str,
    option: &str,
    ask: impl FnOnce(&str) -> Result<SecretText, Failure>,
) -> Result<SecretText, Failure> {
    match file {
        Some(path) => from_file(path),
        None if io::stdin().is_terminal() => ask(prompt),
        None => Err(Failure::usage(
            format!("{prompt} is asked for, and there is no terminal"),
            format!("give it with {option} FILE"),
        )),
    }
}

/// One line of standard input without its newline, and nothing of the next;
/// `None` at the end.
///
/// # Errors
/// When it cannot be read, or is no text.
pub fn line() -> Result<Option<SecretText>, Failure> {
    let bytes = line_of_bytes()?;
    bytes.map(|bytes| text(&bytes, STANDARD_INPUT)).transpose()
}

/// As [`line()`], for what is no secret: what is no text is shown as such.
///
/// # Errors
/// When it cannot be read.
pub fn open_line() -> Result<Option<String>, Failure> {
    let bytes = line_of_bytes()?;
    Ok(bytes.map(|bytes| without_newline(&String::from_utf8_lossy(&bytes)).to_owned()))
}

fn line_of_bytes() -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let read = read_line(standard_input()?);
    read.map_err(|error| unread(STANDARD_INPUT, &error))
}

fn ask_twice(prompt: &str) -> Result<SecretText, Failure> {
    let first = ask(prompt)?;
    let again = ask("the same once more")?;
    if first.as_str() != again.as_str() {
        return Err(Failure::usage(
            "the two are not the same: nothing was changed",
            "run the command again",
        ));
    }
    Ok(first)
}

/// Asks on the terminal, without echo.
fn ask(prompt: &str) -> Result<SecretText, Failure> {
    let read = interrupt::without_echo(|| {
        // Asked once nothing is echoed any more, and what was typed before is gone.
        output::complain(&format!("{prompt}:"));
        standard_input().map(read_line)
    });
    let read = read.map_err(|error| {
        Failure::failed(
            format!("the terminal cannot be asked: {error}"),
            "give it in a file",
        )
    })?;
    let bytes = read?.map_err(|error| unread("the terminal", &error))?;
    let typed = text(&bytes.unwrap_or_default(), "what was typed")?;
    if typed.as_str().is_empty() {
        return Err(Failure::usage("nothing was typed", "run the command again"));
    }
    Ok(typed)
}

/// Standard input without the standard library's buffer.
fn standard_input() -> Result<File, Failure> {
    let input = io::stdin().as_fd().try_clone_to_owned();
    Ok(File::from(
        input.map_err(|error| unread(STANDARD_INPUT, &error))?,
    ))
}

/// Up to the first newline, byte by byte: what follows is somebody else's.
fn read_line(mut from: impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    let mut byte = [0];
    while line.len() < SECRET_BYTES_MAX {
        match from.read(&mut byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => break,
            Ok(_) => line.extend_from_slice(&byte),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if byte == *b"\n" {
            break;
        }
    }
    byte.zeroize();
    Ok(Some(line))
}

/// All there is, as far as a secret may go; `name` is what it is read from.
fn secret(mut from: impl Read, name: &str) -> Result<Option<SecretText>, Failure> {
    let mut bytes = Zeroizing::new(vec![0; SECRET_BYTES_MAX + 1]);
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(some) => filled += some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unread(name, &error)),
        }
    }
    if filled > SECRET_BYTES_MAX {
        return Err(Failure::usage(
            format!("{name} is longer than a secret may be, 8192 bytes"),
            "give the secret alone, on one line",
        ));
    }
    let text = text(bytes.get(..filled).unwrap_or_default(), name)?;
    Ok((!text.as_str().is_empty()).then_some(text))
}

fn text(bytes: &[u8], name: &str) -> Result<SecretText, Failure> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        Failure::usage(
            format!("{name} is no UTF-8 text"),
            "give the secret alone, on one line",
        )
    })?;
    Ok(SecretText::from(without_newline(text)))
}

fn unread(name: &str, error: &io::Error) -> Failure {
    let hint = if name == STANDARD_INPUT {
        "type it, or give it with < FILE"
    } else {
        "name a file that you may read, with the secret on one line"
    };
    Failure::failed(format!("{name} cannot be read: {error}"), hint)
}

/// Strips one newline from the end, as editors leave it.
fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trailing_newline_is_stripped() {
        let cases = [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            (" a ", " a "),
        ];
        for (text, expected) in cases {
            let read = secret(text.as_bytes(), "it").unwrap().unwrap();
            assert_eq!(read.as_str(), expected, "{text:?}");
        }
        assert!(secret(&b"\n"[..], "it").unwrap().is_none());
        for bad in [b"\xFF".to_vec(), vec![b'a'; 8_193]] {
            let told = secret(bad.as_slice(), "/etc/secret").unwrap_err();
            assert!(told.to_string().starts_with("/etc/secret "), "{told}");
        }
        let longest = vec![b'a'; 8_192];
        let longest = secret(longest.as_slice(), "it").unwrap().unwrap();
        assert_eq!(longest.as_str().len(), 8_192);
    }

    #[test]
    fn a_line_takes_nothing_of_the_next() {
        let mut from = &b"one\ntwo"[..];
        assert_eq!(read_line(&mut from).unwrap().unwrap().as_slice(), b"one\n");
        assert_eq!(read_line(&mut from).unwrap().unwrap().as_slice(), b"two");
        assert!(read_line(&mut from).unwrap().is_none());
    }

    #[test]
    fn the_buffer_never_grows() {
        let line = read_line(vec![b'a'; 20_000].as_slice()).unwrap().unwrap();
        assert_eq!((line.len(), line.capacity()), (8_192, 8_192));
    }
}
