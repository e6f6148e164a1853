//! The secrets a TPM asks for: the PIN that people type, and the password of
//! its lock-out.
//!
//! Neither may ever be printed, and both are wiped when dropped. A PIN goes to
//! the TPM only as a salted, costly hash.

use std::fmt;
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Fewest characters of a PIN. At one try in half an hour, four digits take
/// some hundred days on average.
pub const PIN_CHARS_MIN: usize = 4;
/// Fewest that are advised: six digits take some 28 years.
pub const PIN_CHARS_ADVISED: usize = 6;
/// Most characters of a PIN.
pub const PIN_CHARS_MAX: usize = 64;
/// No character grows further than this when normalised, in bytes.
const NORMALISED_BYTES_MAX: usize = 18 * 4;

/// What people type to unlock the box; wiped when dropped.
pub struct Pin(Zeroizing<String>);

/// Why a text is no PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPin {
    /// Too few characters.
    #[error("a PIN has at least {PIN_CHARS_MIN} characters; this has {0}")]
    Short(usize),
    /// Too many characters.
    #[error("a PIN has at most {PIN_CHARS_MAX} characters; this has {0}")]
    Long(usize),
}

impl Pin {
    /// Reads a PIN as typed; space around it does not count, and the ways to
    /// write one accented letter are the same.
    ///
    /// # Errors
    /// [`BadPin`] when it is too short or too long.
    pub fn parse(typed: &str) -> Result<Self, BadPin> {
        let typed = typed.trim();
        let length = typed.chars().count();
        if length < PIN_CHARS_MIN {
            return Err(BadPin::Short(length));
        }
        if length > PIN_CHARS_MAX {
            return Err(BadPin::Long(length));
        }
        // Room from the start: a buffer that grows leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(length * NORMALISED_BYTES_MAX));
        text.extend(typed.nfkc());
        Ok(Self(text))
    }

    /// How many characters it has.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }

    /// The bytes to be hashed.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin")
    }
}

/// Bytes of a [`LockoutPassword`].
pub const LOCKOUT_PASSWORD_BYTES: usize = 32;

/// The password of a TPM's lock-out hierarchy: random, known to no person, kept
/// inside the database. Whoever has it may set the counter of wrong PINs back.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct LockoutPassword([u8; LOCKOUT_PASSWORD_BYTES]);

impl LockoutPassword {
    /// Takes over 32 random bytes and wipes where they came from.
    pub fn take(bytes: &mut [u8; LOCKOUT_PASSWORD_BYTES]) -> Self {
        let password = Self(*bytes);
        bytes.zeroize();
        password
    }

    /// The bytes themselves, for the database and the TPM.
    pub const fn expose(&self) -> &[u8; LOCKOUT_PASSWORD_BYTES] {
        &self.0
    }
}

impl fmt::Debug for LockoutPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockoutPassword")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_have_bounds_and_one_spelling() {
        assert_eq!(Pin::parse("123").unwrap_err(), BadPin::Short(3));
        assert_eq!(Pin::parse(&"1".repeat(65)).unwrap_err(), BadPin::Long(65));
        let typed = Pin::parse(" 482913\n").unwrap();
        assert_eq!(typed.expose(), b"482913");
        let (one, other) = (Pin::parse("caf\u{e9}-1"), Pin::parse("cafe\u{301}-1"));
        assert_eq!(one.unwrap().expose(), other.unwrap().expose());
    }

    #[test]
    fn the_longest_pin_fits_its_buffer() {
        // The character that grows most when normalised.
        let pin = Pin::parse(&"\u{fdfa}".repeat(PIN_CHARS_MAX)).unwrap();
        assert!(pin.0.len() <= PIN_CHARS_MAX * NORMALISED_BYTES_MAX);
    }

    #[test]
    fn nothing_is_printed() {
        let pin = Pin::parse("482913").unwrap();
        let password = LockoutPassword::take(&mut [7; 32]);
        assert_eq!(format!("{pin:?} {password:?}"), "Pin LockoutPassword");
    }
}
