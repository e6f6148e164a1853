//! `Secret`: the wrapper for app secrets, tokens and verify tokens.
//!
//! Its `Debug` prints a placeholder, it has no `Display`, it is never
//! serialised, and its bytes are wiped from memory when it is dropped.

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
    }
}
