//! Names and values as `application/x-www-form-urlencoded`, for bodies and
//! queries alike.

/// The pairs, encoded.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        push(&mut text, name);
        text.push('=');
        push(&mut text, value);
    }
    text
}

fn push(to: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                to.push(char::from(byte));
            }
            b' ' => to.push('+'),
            _ => to.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_can_end_it() {
        let encoded = encode(&[("to", "+243970000001"), ("body", "Âge? a&b=c\n1. Oui")]);
        assert_eq!(
            encoded,
            "to=%2B243970000001&body=%C3%82ge%3F+a%26b%3Dc%0A1.+Oui"
        );
    }
}
