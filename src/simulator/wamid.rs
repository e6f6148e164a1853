//! WhatsApp message ids that look like real ones: base64 around the person's
//! number. They must keep that: an id that did not decode to the number would
//! hide a leak of ids from every test.

use super::chance::Dice;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From a phone to the clinic.
    In,
    /// From the clinic to a phone.
    Out,
}

/// Makes the next id for a message with `who` (digits, or a user id).
pub fn make(who: &str, way: Way, dice: &mut Dice) -> String {
    let direction = match way {
        Way::In => 0x12,
        Way::Out => 0x11,
    };
    let mut bytes = vec![0x1c, 0x18, u8::try_from(who.len()).unwrap_or(u8::MAX)];
    bytes.extend_from_slice(who.as_bytes());
    bytes.extend_from_slice(&[0x15, 0x02, 0x00, direction, 0x18, 0x14]);
    bytes.extend_from_slice(dice.hex(20).as_bytes());
    bytes.push(0);
    format!("wamid.{}", STANDARD.encode(bytes))
}

/// The number or user id a wamid was made of.
pub fn who(wamid: &str) -> Option<String> {
    let bytes = STANDARD.decode(wamid.strip_prefix("wamid.")?).ok()?;
    let length = usize::from(*bytes.get(2)?);
    let name = bytes.get(3..3 + length)?;
    String::from_utf8(name.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;

    #[test]
    fn an_id_decodes_to_the_number_and_is_never_the_same() {
        let mut dice = Dice::new(3);
        let one = make("50911112222", Way::In, &mut dice);
        let two = make("50911112222", Way::In, &mut dice);
        assert_ne!(one, two);
        assert!(one.starts_with("wamid.HBgLNTA5MTExMTIyMjIVAgASGB"), "{one}");
        let bytes = STANDARD.decode(one.trim_start_matches("wamid.")).unwrap();
        assert_eq!(who(&one).as_deref(), Some("50911112222"));
        assert_eq!(who("wamid.OUR"), None);
        assert!(bytes.windows(11).any(|part| part == b"50911112222"));
    }
}
