//! The key that everything of a clinic is encrypted under.
//!
//! It must never be printed, serialised or copied into a plain `String`: it
//! lives in memory that is wiped when it is dropped.

use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a data key.
pub const DATA_KEY_BYTES: usize = 32;

/// The random 32-byte key of `clinic.db`. Two keys are compared nowhere.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; DATA_KEY_BYTES]);

impl DataKey {
    /// Takes over 32 random bytes and wipes where they came from.
    pub fn take(bytes: &mut [u8; DATA_KEY_BYTES]) -> Self {
        let key = Self(*bytes);
        bytes.zeroize();
        key
    }

    /// The bytes themselves, for a cipher and nothing else.
    pub const fn expose(&self) -> &[u8; DATA_KEY_BYTES] {
        &self.0
    }

    /// The key as 64 lower-case hexadecimal digits, as SQLCipher wants a raw
    /// key, in a buffer that is wiped when dropped and never grows (growing
    /// would leave a copy behind).
    pub fn hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * DATA_KEY_BYTES));
        for byte in &self.0 {
            for nibble in [u32::from(byte >> 4), u32::from(byte & 15)] {
                text.push(char::from_digit(nibble, 16).unwrap_or('0'));
            }
        }
        text
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_wipes_the_source() {
        let mut bytes = [0xA5; 32];
        let key = DataKey::take(&mut bytes);
        assert_eq!(bytes, [0; 32]);
        assert_eq!(key.expose(), &[0xA5; 32]);
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", DataKey::take(&mut [7; 32])), "DataKey");
    }

    #[test]
    fn hex_is_lower_case_and_never_grew() {
        let mut bytes = [0; 32];
        bytes[0] = 0x0F;
        bytes[31] = 0xA0;
        let hex = DataKey::take(&mut bytes).hex();
        assert_eq!(hex.len(), 64);
        assert_eq!(hex.capacity(), 64);
        assert!(hex.starts_with("0f00") && hex.ends_with("00a0"));
    }
}
