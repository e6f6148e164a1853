//! The cryptography of TPM sessions: key derivations, HMAC, ECDH, CFB, as
//! Part 1 of the TPM 2.0 library defines them.
//!
//! Every secret lives in memory that is wiped. What is compared with a secret
//! is compared in constant time.

use crate::ports::Chance;
use aes::Aes128;
use cfb_mode::cipher::KeyIvInit;
use hmac::{Hmac, KeyInit, Mac};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{NonZeroScalar, PublicKey, Sec1Point};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a SHA-256 digest, of a nonce and of a coordinate.
pub(super) const DIGEST_BYTES: usize = 32;

pub(super) type Secret = Zeroizing<[u8; DIGEST_BYTES]>;

/// SHA-256 over the parts.
pub(super) fn hash(parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HMAC-SHA-256 over the parts.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> Secret {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// Whether two byte strings are the same, in constant time.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    bool::from(one.ct_eq(other))
}

/// KDFa with SHA-256, 256 bits: one block.
pub(super) fn kdf_a(key: &[u8], label: &str, one: &[u8], other: &[u8]) -> Secret {
    let (counter, bits) = (1_u32.to_be_bytes(), 256_u32.to_be_bytes());
    mac(key, &[&counter, label.as_bytes(), &[0], one, other, &bits])
}

/// KDFe with SHA-256, 256 bits: one block.
fn kdf_e(shared: &[u8], label: &str, one: &[u8], other: &[u8]) -> Secret {
    let counter = 1_u32.to_be_bytes();
    let parts = [&counter, shared, label.as_bytes(), &[0], one, other];
    Zeroizing::new(hash(&parts))
}

/// A point on P-256 as coordinates of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) x: [u8; DIGEST_BYTES],
    pub(super) y: [u8; DIGEST_BYTES],
}

impl Point {
    /// Coordinates may come without their leading zeros.
    pub(super) fn parse(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = Self {
            x: padded(x)?,
            y: padded(y)?,
        };
        point.key()?;
        Some(point)
    }

    /// `None` when it does not lie on the curve.
    fn key(&self) -> Option<PublicKey> {
        let point = Sec1Point::from_affine_coordinates(&self.x.into(), &self.y.into(), false);
        PublicKey::from_sec1_bytes(point.as_bytes()).ok()
    }

    fn of(key: &PublicKey) -> Option<Self> {
        let point = key.to_sec1_point(false);
        Some(Self {
            x: padded(point.x()?)?,
            y: padded(point.y()?)?,
        })
    }
}

fn padded(bytes: &[u8]) -> Option<[u8; DIGEST_BYTES]> {
    let mut padded = [0; DIGEST_BYTES];
    let start = DIGEST_BYTES.checked_sub(bytes.len())?;
    padded.get_mut(start..)?.copy_from_slice(bytes);
    Some(padded)
}

/// A salt that only the owner of `to` can work out, and the point that tells
/// them. `None` only when `to` is no point of the curve.
pub(super) fn salt(to: &Point, chance: &dyn Chance) -> Option<(Secret, Point)> {
    let key = to.key()?;
    let mut scalar = draw_scalar(chance);
    let own = Point::of(&PublicKey::from_secret_scalar(&scalar));
    let shared = p256::ecdh::diffie_hellman(&scalar, key.as_affine());
    scalar.zeroize();
    let own = own?;
    let secret = kdf_e(shared.raw_secret_bytes(), "SECRET", &own.x, &to.x);
    Some((secret, own))
}

fn draw_scalar(chance: &dyn Chance) -> NonZeroScalar {
    let mut bytes = Zeroizing::new([0; DIGEST_BYTES]);
    loop {
        chance.fill(bytes.as_mut_slice());
        // One draw in four billion is not below the curve's order.
        let scalar: Option<NonZeroScalar> = NonZeroScalar::from_repr((*bytes).into()).into();
        if let Some(scalar) = scalar {
            return scalar;
        }
    }
}

/// Which way a parameter goes.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Encrypt,
    Decrypt,
}

/// AES-128-CFB over one parameter, with the key of both nonces.
pub(super) fn crypt(key: &[u8], newer: &[u8], older: &[u8], way: Way, parameter: &mut [u8]) {
    let derived = kdf_a(key, "CFB", newer, older);
    let (key, iv) = derived.split_at(DIGEST_BYTES / 2);
    let proof = "both halves have 16 bytes";
    match way {
        Way::Encrypt => cfb_mode::Encryptor::<Aes128>::new_from_slices(key, iv)
            .expect(proof)
            .encrypt(parameter),
        Way::Decrypt => cfb_mode::Decryptor::<Aes128>::new_from_slices(key, iv)
            .expect(proof)
            .decrypt(parameter),
    }
}

/// What authorises the use of something inside the TPM: at most 32 bytes, none
/// of them a trailing zero, because the TPM drops those before it computes.
pub(super) struct AuthValue(Zeroizing<Vec<u8>>);

impl AuthValue {
    pub(super) fn none() -> Self {
        Self(Zeroizing::new(Vec::new()))
    }

    pub(super) fn new(bytes: &[u8; DIGEST_BYTES]) -> Self {
        let used = bytes.iter().rposition(|byte| *byte != 0);
        let length = used.map_or(0, |last| last + 1);
        Self(Zeroizing::new(bytes.iter().take(length).copied().collect()))
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// `key` with this behind it.
    pub(super) fn behind(&self, key: &Secret) -> Zeroizing<Vec<u8>> {
        let mut both = Zeroizing::new(Vec::with_capacity(2 * DIGEST_BYTES));
        both.extend_from_slice(key.as_slice());
        both.extend_from_slice(&self.0);
        both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Chance for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0x11);
        }
    }

    #[test]
    fn both_sides_work_out_the_same_salt() {
        // With both scalars alike, the TPM's side of it can be computed here.
        let own = Point::of(&PublicKey::from_secret_scalar(&draw_scalar(&Fixed))).unwrap();
        let (secret, sent) = salt(&own, &Fixed).unwrap();
        let shared =
            p256::ecdh::diffie_hellman(draw_scalar(&Fixed), sent.key().unwrap().as_affine());
        let theirs = kdf_e(shared.raw_secret_bytes(), "SECRET", &sent.x, &own.x);
        assert_eq!(secret.as_slice(), theirs.as_slice());
    }

    #[test]
    fn short_coordinates_are_padded_and_strange_ones_refused() {
        assert_eq!(padded(&[1, 2]).unwrap()[30..], [1, 2]);
        assert_eq!(padded(&[0; 33]), None);
        assert!(Point::parse(&[1; 32], &[2; 32]).is_none());
        assert!(Point::parse(&[], &[]).is_none());
    }

    #[test]
    fn trailing_zeros_are_dropped() {
        let mut bytes = [7; 32];
        bytes[30] = 0;
        bytes[31] = 0;
        assert_eq!(AuthValue::new(&bytes).expose(), [7; 30]);
        assert!(AuthValue::new(&[0; 32]).expose().is_empty());
    }

    #[test]
    fn a_parameter_goes_there_and_back() {
        let mut parameter = *b"thirty-seven bytes, more than a block";
        let plain = parameter;
        crypt(b"key", b"newer", b"older", Way::Encrypt, &mut parameter);
        assert_ne!(parameter, plain);
        crypt(b"key", b"newer", b"older", Way::Decrypt, &mut parameter);
        assert_eq!(parameter, plain);
    }
}
