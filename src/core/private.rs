//! `Private<T>`: the wrapper that keeps patients' words out of logs.
//!
//! Whatever could tell who a patient is or what they said travels in this
//! wrapper. Its `Debug` prints a length and nothing else; it has no `Display`.
//! It is serialised only into rows of the encrypted store and into exports.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A value that must never reach a log, an error text, a metric or a URL.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each call site is a place where it could leak: keep
    /// them few and look at them in review.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: AsRef<[u8]>> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.as_ref().len())
    }
}

impl From<&str> for Private<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Private<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl Private<String> {
    /// The text as a slice.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_length_and_nothing_else() {
        let name = Private::from("Amina");
        assert_eq!(format!("{name:?}"), "[5 bytes]");
        assert_eq!(format!("{:?}", Some(&name)), "Some([5 bytes])");
    }

    #[test]
    fn a_row_holds_the_plain_value() -> Result<(), serde_json::Error> {
        assert_eq!(serde_json::to_string(&Private::from("x"))?, "\"x\"");
        Ok(())
    }
}
