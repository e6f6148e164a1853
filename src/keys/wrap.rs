//! The wrapping of the data key: AES-256-GCM under a slot's own key.

use crate::core::data_key::DataKey;
use crate::ports::Chance;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// A wrapped data key, in hex. No secret without the slot's key.
pub struct Wrapped {
    /// The nonce.
    pub nonce: String,
    /// The sealed key and its tag.
    pub wrapped: String,
}

/// Wraps `key`, bound to `bound`. `None` only if the cipher refused 32 bytes,
/// which it does not.
pub fn wrap(kek: &[u8; 32], key: &DataKey, bound: &[u8], chance: &dyn Chance) -> Option<Wrapped> {
    let mut nonce = [0; 12];
    chance.fill(&mut nonce);
    let payload = Payload {
        msg: key.expose(),
        aad: bound,
    };
    let cipher = Aes256Gcm::new_from_slice(kek).ok()?;
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
    Some(Wrapped {
        nonce: hex::encode(nonce),
        wrapped: hex::encode(sealed),
    })
}

/// Unwraps; `None` when the key does not fit or anything was changed.
pub fn unwrap(kek: &[u8; 32], wrapped: &Wrapped, bound: &[u8]) -> Option<DataKey> {
    let mut nonce = [0; 12];
    hex::decode_to_slice(&wrapped.nonce, &mut nonce).ok()?;
    let sealed = hex::decode(&wrapped.wrapped).ok()?;
    let payload = Payload {
        msg: &sealed,
        aad: bound,
    };
    let cipher = Aes256Gcm::new_from_slice(kek).ok()?;
    let plain = Zeroizing::new(cipher.decrypt(&Nonce::from(nonce), payload).ok()?);
    let mut key = <[u8; 32]>::try_from(plain.as_slice()).ok()?;
    Some(DataKey::take(&mut key))
}

/// What a derived key is for. Each use has a label of its own, so that no key
/// of one use is ever one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// The private key of a slot, from the recovery key.
    RecoverySeed,
    /// The next try of a private key, where the first is none of the curve.
    NextSeed,
    /// The key a data key is wrapped under.
    Wrapping,
    /// The key of slots' tags, from the data key.
    TagKey,
    /// A slot's tag.
    Tag,
}

impl Use {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RecoverySeed => b"healthpost 1 recovery seed",
            Self::NextSeed => b"healthpost 1 next seed",
            Self::Wrapping => b"healthpost 1 slot wrapping",
            Self::TagKey => b"healthpost 1 slot tag key",
            Self::Tag => b"healthpost 1 slot tag",
        }
    }
}

/// HKDF-SHA-256 (RFC 5869), one block: enough for a secret that is random in
/// full, as the recovery key is.
pub(super) fn expand(what_for: Use, secret: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut extracted = mac(salt, &[secret]);
    let expanded = mac(&extracted, &[what_for.label(), &[1]]);
    extracted.zeroize();
    Zeroizing::new(expanded)
}

/// A checksum over a slot, against damage and not against people.
pub(super) fn check(bound: &[u8], wrapped: &Wrapped) -> String {
    let mut hash = Sha256::new();
    for part in [bound, wrapped.nonce.as_bytes(), wrapped.wrapped.as_bytes()] {
        hash.update(part);
        hash.update(b"\n");
    }
    let full: [u8; 32] = hash.finalize().into();
    hex::encode(full.get(..8).unwrap_or(&full))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_has_a_key_of_its_own() {
        let uses = [
            Use::RecoverySeed,
            Use::NextSeed,
            Use::Wrapping,
            Use::TagKey,
            Use::Tag,
        ];
        let mut keys: Vec<_> = uses.map(|it| *expand(it, b"secret", b"salt")).to_vec();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), uses.len());
    }

    #[test]
    fn it_is_the_hkdf_of_the_rfc() {
        // RFC 5869, extract and one block of expand, computed elsewhere:
        // python3 -c with hmac.new(hmac.new(b"salt", b"secret", sha256).digest(),
        // b"healthpost 1 slot tag" + b"\x01", sha256).
        let expected = "edd7a8cffc6269e6bf7439e79cb341b932912bd0b7bb227ac26d522083f9040b";
        let derived = expand(Use::Tag, b"secret", b"salt");
        assert_eq!(hex::encode(derived.as_slice()), expected);
    }
}
