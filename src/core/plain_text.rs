//! Text that people write into files for us: UTF-8, and without characters
//! that nobody sees and that steer what is shown.

/// What is wrong with such a line, and what to do.
pub const NOT_UTF8: &str = "not UTF-8: save the file as UTF-8";

/// A file that is not UTF-8, with the first line that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8 {
    /// The line, from 1.
    pub line: usize,
}

/// A file's bytes as text.
///
/// # Errors
/// The first line that is not UTF-8.
pub fn read(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    String::from_utf8(bytes).map_err(|error| {
        let sound = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(sound);
        NotUtf8 {
            line: 1 + before.filter(|byte| **byte == b'\n').count(),
        }
    })
}

/// The first control character, or mark that turns the direction of writing,
/// in a text; ends of lines are none.
pub fn find_steering(text: &str) -> Option<char> {
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let ends_line = c == '\n' || (c == '\r' && rest.peek() == Some(&'\n'));
        let turns = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        if turns || (c.is_control() && !ends_line) {
            return Some(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_is_not_utf8_is_told() {
        for (bytes, line) in [
            (&b"\xFF\xFEv"[..], 1),
            (b"a\nb\n", 0),
            (b"a\n\xE9t\xE9\n", 2),
            ("é\n\n".as_bytes(), 0),
            (b"a\n\nb \xC3", 3),
        ] {
            let told = read(bytes.to_vec()).err().map_or(0, |told| told.line);
            assert_eq!(told, line, "{bytes:?}");
        }
    }

    #[test]
    fn what_steers_is_found_and_ends_of_lines_are_not() {
        for (text, found) in [
            ("two\nlines\r\nand a third", None),
            ("Ñandú é ውሃ 😀", None),
            ("a\u{0}b", Some('\u{0}')),
            ("a\rb", Some('\r')),
            ("a\tb", Some('\t')),
            ("a\u{202E}b", Some('\u{202E}')),
            ("a\u{2066}b\u{2069}", Some('\u{2066}')),
            ("a\u{85}b", Some('\u{85}')),
        ] {
            assert_eq!(find_steering(text), found, "{text:?}");
        }
    }
}
