//! The GET by which Meta asks whether this address is really ours.
//!
//! It carries no signature; the verify token is its only proof. The answer is
//! an echo, so what is echoed is bounded to a few digits.

use crate::core::secret::Secret;
use subtle::ConstantTimeEq;

/// Longest challenge we echo, digits.
const CHALLENGE_DIGITS_MAX: usize = 32;

/// The query of the verification request; each part may be missing.
#[derive(Clone, Copy, Default)]
pub struct Handshake<'a> {
    /// `hub.mode`.
    pub mode: Option<&'a str>,
    /// `hub.verify_token`: must not be logged.
    pub verify_token: Option<&'a str>,
    /// `hub.challenge`.
    pub challenge: Option<&'a str>,
}

/// The text to answer with, as `text/plain` and status 200; none means 403.
pub fn answer_handshake<'a>(query: Handshake<'a>, verify_token: &Secret) -> Option<&'a str> {
    let token = query.verify_token?.as_bytes();
    let challenge = query.challenge?;
    let known = !verify_token.is_empty() && bool::from(token.ct_eq(verify_token.expose()));
    let sound = (1..=CHALLENGE_DIGITS_MAX).contains(&challenge.len())
        && challenge.bytes().all(|byte| byte.is_ascii_digit());
    (known && sound && query.mode == Some("subscribe")).then_some(challenge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<'a>(mode: &'a str, token: &'a str, challenge: &'a str) -> Option<&'a str> {
        let query = Handshake {
            mode: Some(mode),
            verify_token: Some(token),
            challenge: Some(challenge),
        };
        answer_handshake(query, &Secret::from("our-token"))
    }

    #[test]
    fn the_right_token_gets_its_challenge_without_any_signature() {
        assert_eq!(
            ask("subscribe", "our-token", "1158201444"),
            Some("1158201444")
        );
    }

    #[test]
    fn everything_else_is_forbidden() {
        assert_eq!(ask("unsubscribe", "our-token", "1"), None);
        assert_eq!(ask("subscribe", "our-tokem", "1"), None);
        assert_eq!(ask("subscribe", "", "1"), None);
        assert_eq!(ask("subscribe", "our-token", ""), None);
        assert_eq!(ask("subscribe", "our-token", "<script>"), None);
        assert_eq!(ask("subscribe", "our-token", &"1".repeat(33)), None);
        let empty = answer_handshake(Handshake::default(), &Secret::from("our-token"));
        assert_eq!(empty, None);
    }

    #[test]
    fn a_box_without_a_token_answers_nobody() {
        let query = Handshake {
            mode: Some("subscribe"),
            verify_token: Some(""),
            challenge: Some("1"),
        };
        assert_eq!(answer_handshake(query, &Secret::from("")), None);
    }
}
