//! A private key of a certificate: 32 bytes on P-256, wiped when dropped and
//! never printed.

use crate::core::data_key::DataKey;
use crate::ports::Chance;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToSec1Point;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use zeroize::Zeroizing;

/// What stands before the number in PKCS #8: version, algorithm and curve, then
/// the head of the ECPrivateKey.
const HEAD: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02,
    0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x04, 0x6D, 0x30, 0x6B, 0x02,
    0x01, 0x01, 0x04, 0x20,
];
/// And between the number and the public point.
const MIDDLE: [u8; 5] = [0xA1, 0x44, 0x03, 0x42, 0x00];

/// The key.
#[derive(Clone)]
pub struct PrivateKey(SecretKey);

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// Draws one.
    pub fn draw(chance: &dyn Chance) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            chance.fill(bytes.as_mut_slice());
            // One number in 2^32 is no key of the curve.
            if let Ok(key) = SecretKey::from_slice(bytes.as_slice()) {
                return Self(key);
            }
        }
    }

    /// The number itself, of the size that a TPM seals.
    pub fn to_sealable(&self) -> DataKey {
        let mut bytes: [u8; 32] = self.0.to_bytes().into();
        DataKey::take(&mut bytes)
    }

    /// Takes back what was sealed; `None` if it is no key.
    pub fn from_sealable(number: &DataKey) -> Option<Self> {
        SecretKey::from_slice(number.expose()).ok().map(Self)
    }

    /// In PKCS #8, DER.
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let number = self.to_sealable();
        let point = self.0.public_key().to_sec1_point(false);
        let parts: [&[u8]; 4] = [&HEAD, number.expose(), &MIDDLE, point.as_bytes()];
        // Room from the start: a buffer that grows leaves a copy behind.
        let mut der = Zeroizing::new(Vec::with_capacity(160));
        for part in parts {
            der.extend_from_slice(part);
        }
        der
    }

    /// Reads what [`PrivateKey::to_pkcs8`] wrote; `None` for anything else.
    pub fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let number = der.strip_prefix(&HEAD)?.get(..32)?;
        SecretKey::from_slice(number).ok().map(Self)
    }

    /// Whether a certificate (DER) is for this key: its public point is in it.
    pub fn is_of(&self, certificate: &[u8]) -> bool {
        let point = self.0.public_key().to_sec1_point(false);
        let point = point.as_bytes();
        certificate.windows(point.len()).any(|it| it == point)
    }

    /// For signing with `rcgen`.
    pub(super) fn pair(&self) -> Result<KeyPair, rcgen::Error> {
        let der = self.to_pkcs8();
        let der = PrivatePkcs8KeyDer::from(der.as_slice());
        KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
    }
}
