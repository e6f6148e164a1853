//! Hashes of staff passwords, with their parameters beside them.
//!
//! A password is never kept, compared or logged in clear.

use crate::keys::derive::{self, BadCost, Cost};
use crate::ports::Chance;
use subtle::ConstantTimeEq;

/// A stored hash that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored password hash does not read")]
pub struct BadHash;

impl From<BadCost> for BadHash {
    fn from(_: BadCost) -> Self {
        Self
    }
}

/// Hashes a password: `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`, both in hex.
/// Takes some tens of milliseconds: not for a runtime's thread.
///
/// # Errors
/// Never with the costs built in; the type keeps callers honest.
pub fn hash(password: &str, chance: &dyn Chance) -> Result<String, BadHash> {
    hash_with(derive::STAFF, password, chance)
}

fn hash_with(cost: Cost, password: &str, chance: &dyn Chance) -> Result<String, BadHash> {
    let mut salt = [0; 16];
    chance.fill(&mut salt);
    let out = derive::derive(cost, password.as_bytes(), &salt)?;
    let Cost { m_kib, t, p } = cost;
    let (salt, out) = (hex::encode(salt), hex::encode(out.as_slice()));
    Ok(format!("$argon2id$v=19$m={m_kib},t={t},p={p}${salt}${out}"))
}

/// Whether `password` is the one that was hashed.
///
/// # Errors
/// [`BadHash`] when `stored` does not read.
pub fn verify(password: &str, stored: &str) -> Result<bool, BadHash> {
    let (cost, salt, expected) = parse(stored).ok_or(BadHash)?;
    let out = derive::derive(cost, password.as_bytes(), &salt)?;
    Ok(bool::from(out.as_slice().ct_eq(&expected)))
}

fn parse(stored: &str) -> Option<(Cost, Vec<u8>, Vec<u8>)> {
    let rest = stored.strip_prefix("$argon2id$v=19$m=")?;
    let (m_kib, rest) = rest.split_once(",t=")?;
    let (t, rest) = rest.split_once(",p=")?;
    let (p, rest) = rest.split_once('$')?;
    let (salt, expected) = rest.split_once('$')?;
    let cost = Cost {
        m_kib: m_kib.parse().ok()?,
        t: t.parse().ok()?,
        p: p.parse().ok()?,
    };
    Some((cost, hex::decode(salt).ok()?, hex::decode(expected).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::Sequence;

    #[test]
    fn the_right_password_and_no_other() {
        let stored = hash("siri ya kliniki", &Sequence::default()).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!stored.contains("siri"));
        assert_eq!(verify("siri ya kliniki", &stored), Ok(true));
        assert_eq!(verify("siri ya klinik", &stored), Ok(false));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "$argon2id$", "$argon2id$v=19$m=99999999,t=2,p=1$00$00"] {
            assert_eq!(verify("x", bad), Err(BadHash), "{bad}");
        }
    }
}
