//! Phone numbers as providers and people write them.

use crate::core::private::Private;

/// Digits of an international number (ITU-T E.164: at most 15), without plus.
/// Accepts what providers send: digits, with or without a plus in front.
pub fn parse_international(text: &str) -> Option<Private<String>> {
    let digits = text.trim().strip_prefix('+').unwrap_or(text.trim());
    let long_enough = (7..=15).contains(&digits.len());
    (long_enough && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0'))
        .then(|| Private::from(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_with_or_without_plus() {
        assert_eq!(
            parse_international("+243970000001"),
            Some("243970000001".into())
        );
        assert_eq!(
            parse_international("243970000001"),
            Some("243970000001".into())
        );
        for bad in [
            "",
            "+",
            "0970000001",
            "12",
            "1234567890123456",
            "24397a000001",
            "HT.48",
        ] {
            assert_eq!(parse_international(bad), None, "{bad}");
        }
    }
}
