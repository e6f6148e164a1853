//! `Secret` and `SecretText`: the wrappers for app secrets, tokens, passwords,
//! passphrases and PINs.
//!
//! Their `Debug` prints a placeholder, they have no `Display`, and their bytes
//! are wiped from memory when they are dropped. Only `SecretText` is
//! serialised, and only onto the control socket.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use zeroize::Zeroizing;

/// The bytes of a credential.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Wraps the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Keep the call sites few and look at them in review.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether it holds nothing, and so can prove nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

/// A secret as somebody typed it, or as it stood in a file.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a text over.
    pub const fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text itself. Keep the call sites few and look at them in review.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its bytes, without a copy left behind.
    pub fn into_secret(mut self) -> Secret {
        Secret::new(std::mem::take(&mut *self.0).into_bytes())
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_string(TakesOver)
    }
}

/// Takes a parser's own copy over where there is one, so that it is wiped too.
struct TakesOver;

impl Visitor<'_> for TakesOver {
    type Value = SecretText;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<SecretText, E> {
        Ok(SecretText::from(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<SecretText, E> {
        Ok(SecretText(Zeroizing::new(text)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Secret::from("abc")), "[secret]");
        assert_eq!(format!("{:?}", SecretText::from("abc")), "[secret]");
    }

    #[test]
    fn a_text_passes_through_json_and_becomes_its_bytes() -> Result<(), serde_json::Error> {
        for text in ["maji safi", "a \"quoted\" word\n", "caf\u{e9}"] {
            let written = serde_json::to_string(&SecretText::from(text))?;
            let read: SecretText = serde_json::from_str(&written)?;
            assert_eq!(read.as_str(), text);
            assert_eq!(read.into_secret().expose(), text.as_bytes());
        }
        Ok(())
    }
}
