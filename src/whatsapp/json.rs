//! The pieces a provider's JSON is read with: raw values, texts, stamps.
//!
//! Every reader is total: what does not fit is `None`, and never says why in
//! the words of the value.

use crate::core::time::UnixMs;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// One JSON value as it stands in the body.
pub type Raw<'a> = &'a RawValue;

/// A text, borrowed where it holds no escapes. A whole number is taken for
/// its digits: providers change their minds about quotes.
#[derive(Clone, Default)]
pub struct Words<'a>(pub Cow<'a, str>);

impl Words<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Words(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Words(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Words(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Words(Cow::Owned(number.to_string())))
    }
}

/// An object read into its type. An array is refused, though serde would read
/// one field by field.
pub fn object<'a, T: Deserialize<'a>>(raw: Raw<'a>) -> Option<T> {
    let text = raw.get();
    let is_object = text.starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The elements of an array, each still raw. `null` is an empty one.
pub fn elements(raw: Raw<'_>) -> Option<Vec<Raw<'_>>> {
    serde_json::from_str::<Option<Vec<Raw<'_>>>>(raw.get())
        .ok()
        .map(Option::unwrap_or_default)
}

/// The members of an object, each still raw; none where there is no object. Of
/// those with one name the last.
pub fn members(text: &str) -> BTreeMap<String, Raw<'_>> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The last instant of the year 9999, seconds: a later stamp is nonsense.
const SECONDS_MAX: i64 = 253_402_300_799;

/// A stamp in unix seconds, written as text or number. What is too large for
/// seconds is taken for milliseconds.
pub fn stamp(raw: Raw<'_>) -> Option<UnixMs> {
    let words: Words<'_> = serde_json::from_str(raw.get()).ok()?;
    let number: i64 = words.as_str().trim().parse().ok()?;
    let ms = if number.unsigned_abs() >= 1_000_000_000_000 {
        number
    } else {
        number.saturating_mul(1_000)
    };
    (0..=SECONDS_MAX * 1_000)
        .contains(&ms)
        .then_some(UnixMs(ms))
}
