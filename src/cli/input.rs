//! Where secrets come from: a file, standard input, or a terminal that does
//! not echo. Never from argv, where every process could read them.

use super::failure::Failure;
use super::output;
use crate::core::private::Private;
use rustix::termios::{self, LocalModes, OptionalActions};
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// Longest secret read, bytes.
const SECRET_BYTES_MAX: u64 = 8 * 1024;

/// Reads a secret out of a file.
///
/// # Errors
/// When it cannot be read, is empty, too long or no text.
pub fn from_file(path: &Path) -> Result<Private<String>, Failure> {
    let shown = path.display();
    let file = File::open(path).map_err(|error| {
        Failure::failed(
            format!("{shown} cannot be read: {error}"),
            "check the path and its mode",
        )
    })?;
    secret(file)?.ok_or_else(|| {
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
pub fn from_stdin(prompt: &str) -> Result<Option<Private<String>>, Failure> {
    if io::stdin().is_terminal() {
        return ask(prompt).map(Some);
    }
    secret(io::stdin().lock())
}

/// Reads a secret from a file if one is named, else from the terminal.
///
/// # Errors
/// When neither gives one.
pub fn from_file_or_terminal(
    file: Option<&Path>,
    prompt: &str,
    option: &str,
) -> Result<Private<String>, Failure> {
    match file {
        Some(path) => from_file(path),
        None if io::stdin().is_terminal() => ask(prompt),
        None => Err(Failure::usage(
            format!("{prompt} is asked for, and there is no terminal"),
            format!("give it with {option} FILE"),
        )),
    }
}

/// One line of standard input without its newline; `None` at the end.
///
/// # Errors
/// When it cannot be read.
pub fn line() -> Result<Option<String>, Failure> {
    let mut line = String::new();
    let bound = io::stdin()
        .lock()
        .take(SECRET_BYTES_MAX)
        .read_line(&mut line);
    match bound {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(without_newline(&line).to_owned())),
        Err(error) => Err(Failure::failed(
            format!("standard input cannot be read: {error}"),
            "",
        )),
    }
}

/// Asks on the terminal, without echo.
fn ask(prompt: &str) -> Result<Private<String>, Failure> {
    output::complain(&format!("{prompt}:"));
    let trouble = |error: rustix::io::Errno| {
        Failure::failed(
            format!("the terminal cannot be asked: {error}"),
            "give it in a file",
        )
    };
    let terminal = io::stdin();
    let before = termios::tcgetattr(&terminal).map_err(trouble)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    termios::tcsetattr(&terminal, OptionalActions::Flush, &silent).map_err(trouble)?;
    let mut line = Zeroizing::new(String::new());
    let read = terminal.lock().read_line(&mut line);
    termios::tcsetattr(&terminal, OptionalActions::Flush, &before).map_err(trouble)?;
    read.map_err(|error| Failure::failed(format!("nothing could be read: {error}"), ""))?;
    let text = without_newline(&line);
    if text.is_empty() {
        return Err(Failure::usage("nothing was typed", "run the command again"));
    }
    Ok(Private::from(text))
}

fn secret(from: impl Read) -> Result<Option<Private<String>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = from.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::failed(format!("the secret cannot be read: {error}"), ""))?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(Failure::usage(
            "the secret is longer than 8192 bytes",
            "check the file",
        ));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::usage("the secret is no UTF-8 text", "check the file"))?;
    let text = without_newline(text);
    Ok((!text.is_empty()).then(|| Private::from(text)))
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
            let read = secret(text.as_bytes()).unwrap().unwrap();
            assert_eq!(read.as_str(), expected, "{text:?}");
        }
        assert!(secret(&b"\n"[..]).unwrap().is_none());
        assert!(secret(&b"\xFF"[..]).is_err());
        assert!(secret(vec![b'a'; 9_000].as_slice()).is_err());
    }
}
