//! Identifiers. Each kind is a type of its own, so that the compiler refuses
//! an outbox id where a contact id belongs.

use crate::core::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! row_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

row_id! {
    /// A person or phone that writes to the clinic: our own number for them.
    ContactId;
    /// One POST body as it was received.
    WebhookId;
    /// One message or event out of a webhook.
    InboxId;
    /// One outgoing message in the durable queue. Ascending in queueing order.
    OutboxId;
    /// One attempt to hand a message to the provider.
    AttemptId;
    /// Something a human has to do.
    TaskId;
    /// A member of staff.
    StaffId;
    /// A file that a patient sent.
    MediaId;
}

/// The alphabet of Crockford's base 32: no I, L, O or U.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A record's public number, `HP-7KQ4-2MXR-C`: eight random Crockford base 32
/// characters and a Luhn mod 32 check character, so that one mistyped or two
/// swapped neighbours are noticed at the desk.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(String);

/// Why a text is not a record number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRecordId {
    /// The shape is wrong.
    #[error("a record number looks like HP-7KQ4-2MXR-C")]
    Shape,
    /// The check character does not fit the rest.
    #[error("the record number has a typing mistake: its last character does not fit the rest")]
    Check,
}

impl RecordId {
    /// Makes a number out of 40 random bits (the low 40 of `random`).
    pub fn from_random(random: u64) -> Self {
        let symbols: Vec<u8> = (0..8).map(|i| ((random >> (5 * i)) & 31) as u8).collect();
        Self::from_symbols(&symbols)
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn from_symbols(symbols: &[u8]) -> Self {
        let mut text = String::from("HP-");
        for (i, symbol) in symbols.iter().enumerate() {
            if i == 4 {
                text.push('-');
            }
            text.push(letter(*symbol));
        }
        text.push('-');
        text.push(letter(luhn_mod_32(symbols)));
        Self(text)
    }
}

impl FromStr for RecordId {
    type Err = BadRecordId;

    /// Reads a number as people type it: lower case, without dashes, with
    /// `O` for zero and `I` or `L` for one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.trim().to_ascii_uppercase();
        let bare: String = upper.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        let bare = bare.strip_prefix("HP").ok_or(BadRecordId::Shape)?;
        let symbols: Option<Vec<u8>> = bare.chars().map(symbol).collect();
        let symbols = symbols.ok_or(BadRecordId::Shape)?;
        let [rest @ .., check] = symbols.as_slice() else {
            return Err(BadRecordId::Shape);
        };
        if rest.len() != 8 {
            return Err(BadRecordId::Shape);
        }
        if luhn_mod_32(rest) != *check {
            return Err(BadRecordId::Check);
        }
        Ok(Self::from_symbols(rest))
    }
}

impl TryFrom<String> for RecordId {
    type Error = BadRecordId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> Self {
        id.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn letter(symbol: u8) -> char {
    CROCKFORD
        .get(usize::from(symbol & 31))
        .map_or('0', |byte| char::from(*byte))
}

fn symbol(letter: char) -> Option<u8> {
    let letter = match letter {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = CROCKFORD.iter().position(|c| char::from(*c) == letter)?;
    u8::try_from(place).ok()
}

/// The Luhn algorithm over base 32: from the right, every second symbol is
/// doubled and its two base 32 digits are added.
fn luhn_mod_32(symbols: &[u8]) -> u8 {
    let sum: u32 = symbols
        .iter()
        .rev()
        .enumerate()
        .map(|(i, s)| {
            let value = u32::from(*s) * if i % 2 == 0 { 2 } else { 1 };
            value / 32 + value % 32
        })
        .sum();
    ((32 - sum % 32) % 32) as u8
}

/// The name of an outgoing message at the provider: it travels in
/// `biz_opaque_callback_data` and comes back in every status, so it must say
/// nothing about anybody. `ob:` and a UUID version 7 (RFC 9562 section 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutboxKey(pub String);

impl OutboxKey {
    /// A key from the time and ten random bytes.
    pub fn new(at: UnixMs, random: [u8; 10]) -> Self {
        let ms = u64::try_from(at.0).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid();
        Self(format!("ob:{}", uuid.simple()))
    }

    /// When the message was queued, by our clock of then: it left no earlier. A
    /// copy tells it of the first one. None if the key is not one of ours.
    pub fn made_at(&self) -> Option<UnixMs> {
        let digits = self.0.strip_prefix("ob:")?.get(..12)?;
        let ms = i64::from_str_radix(digits, 16).ok()?;
        Some(UnixMs(ms))
    }
}

impl fmt::Display for OutboxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_number_reads_as_the_interface_says() {
        let id = RecordId::from_random(0x12_3456_789A);
        assert_eq!(id.as_str().len(), "HP-7KQ4-2MXR-C".len());
        assert_eq!(id.as_str().parse::<RecordId>(), Ok(id));
    }

    #[test]
    fn a_number_is_read_as_people_type_it() {
        let id = RecordId::from_random(1);
        let sloppy = id.as_str().to_lowercase().replace('-', " ");
        assert_eq!(sloppy.parse::<RecordId>(), Ok(id));
        assert_eq!("HP-12".parse::<RecordId>(), Err(BadRecordId::Shape));
        assert_eq!("".parse::<RecordId>(), Err(BadRecordId::Shape));
    }

    #[test]
    fn one_wrong_character_is_noticed() {
        let id = RecordId::from_random(0xAB_CDEF_0123);
        for (place, old) in id.as_str().char_indices().skip(3) {
            if old == '-' {
                continue;
            }
            let new = if old == '7' { '8' } else { '7' };
            let mut text = id.as_str().to_owned();
            text.replace_range(place..=place, &new.to_string());
            assert_eq!(
                text.parse::<RecordId>(),
                Err(BadRecordId::Check),
                "at {place}"
            );
        }
    }

    #[test]
    fn an_outbox_key_carries_no_more_than_time_and_chance() {
        let key = OutboxKey::new(UnixMs(1_795_168_800_000), [7; 10]);
        assert_eq!(key.0.len(), 3 + 32);
        assert!(key.0.starts_with("ob:01a1f"), "{key}");
    }

    #[test]
    fn an_outbox_key_tells_when_it_was_made() {
        let at = UnixMs(1_795_168_800_123);
        let key = OutboxKey::new(at, [7; 10]);
        assert_eq!(key.made_at(), Some(at));
        assert_eq!(OutboxKey(format!("{key}.12")).made_at(), Some(at), "a copy");
        for other in ["", "ob:", "ob:mine", "ob:mine-and-not-ours", "x"] {
            assert_eq!(OutboxKey(other.into()).made_at(), None, "{other}");
        }
    }
}
