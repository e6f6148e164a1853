//! Sealing the data key to a TPM, as the rest of the program sees it: what is
//! stored, and what can be asked. `tpm` is the implementation, and its module
//! doc walks through the order of durable steps.
//!
//! Nothing here is secret in clear.

use crate::core::data_key::DataKey;
use crate::core::pin::{LockoutPassword, Pin};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::ports::seal_error::{Said, SealError, Situation};
pub use crate::ports::seal_report::{Finding, Identity, IndexState, Lockout, PcrState, Report};

/// Longest public blob read, bytes.
const BLOB_BYTES_MAX: usize = 2048;

/// Public bytes, stored in hex; no secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blob(Vec<u8>);

impl Blob {
    /// Wraps bytes that are not secret.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl From<Blob> for String {
    fn from(blob: Blob) -> Self {
        hex::encode(blob.0)
    }
}

impl TryFrom<String> for Blob {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = hex::decode(text).map_err(|_| "no hexadecimal digits")?;
        if bytes.len() > BLOB_BYTES_MAX {
            return Err("too long");
        }
        Ok(Self(bytes))
    }
}

/// Marks what belongs to this installation inside a TPM that others may use
/// too: 0 to 4095.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Installation(u16);

impl Installation {
    /// Largest number of an installation.
    pub const MAX: u16 = 0xFFF;

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl From<Installation> for u16 {
    fn from(it: Installation) -> Self {
        it.0
    }
}

impl TryFrom<u16> for Installation {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, Self::Error> {
        if number > Self::MAX {
            return Err("no number of an installation");
        }
        Ok(Self(number))
    }
}

/// The TPM this installation lives with. Stored **before** the first seal, so
/// that what an interrupted seal leaves behind is found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Name of the storage key: compared before anything secret is sent.
    pub storage_key: Blob,
    /// Name of the endorsement key, where it could be had: tells a TPM that was
    /// cleared from another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endorsement_key: Option<Blob>,
    /// Marks what is ours in there.
    pub installation: Installation,
}

/// A set of registers of the SHA-256 bank: bit n is PCR n, 0 to 23.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct PcrSelection(u32);

/// The text or list names no register, or one that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("PCRs are numbers from 0 to 23 with commas between, for example 7,11")]
pub struct BadPcrs;

impl PcrSelection {
    /// Highest register.
    pub const MAX: u8 = 23;

    /// Reads `7,11`.
    ///
    /// # Errors
    /// [`BadPcrs`].
    pub fn parse(text: &str) -> Result<Self, BadPcrs> {
        let numbers = text.split(',').map(|it| it.trim().parse());
        let numbers: Result<Vec<u8>, _> = numbers.collect();
        Self::try_from(numbers.map_err(|_| BadPcrs)?)
    }

    /// The registers, in order.
    pub fn registers(self) -> Vec<u8> {
        (0..=Self::MAX).filter(|n| self.0 >> n & 1 == 1).collect()
    }

    /// Three bytes, least register first, as a TPM wants it.
    pub const fn bits(self) -> [u8; 3] {
        let [a, b, c, _] = self.0.to_le_bytes();
        [a, b, c]
    }
}

impl TryFrom<Vec<u8>> for PcrSelection {
    type Error = BadPcrs;

    fn try_from(numbers: Vec<u8>) -> Result<Self, BadPcrs> {
        if numbers.is_empty() || numbers.iter().any(|n| *n > Self::MAX) {
            return Err(BadPcrs);
        }
        Ok(Self(numbers.iter().fold(0, |bits, n| bits | 1 << n)))
    }
}

impl From<PcrSelection> for Vec<u8> {
    fn from(selection: PcrSelection) -> Self {
        selection.registers()
    }
}

impl fmt::Display for PcrSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.registers().iter().map(u8::to_string).collect();
        f.write_str(&numbers.join(","))
    }
}

/// The registers a key is bound to, and what they held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcrBinding {
    /// Which registers.
    pub selection: PcrSelection,
    /// SHA-256 over their values at sealing.
    pub digest: Blob,
}

/// How a PIN is hashed (Argon2id) before the TPM gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinHash {
    /// Memory in KiB.
    pub m_kib: u32,
    /// Passes over it.
    pub t: u32,
    /// Lanes.
    pub p: u32,
    /// The salt.
    pub salt: Blob,
}

/// A data key that opens only with this TPM, with what the TPM still keeps for
/// it, and with the PIN if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The TPM.
    pub board: Board,
    /// Public part of the sealed object (TPMT_PUBLIC).
    pub public: Blob,
    /// Its private part, encrypted by the TPM.
    pub private: Blob,
    /// Where inside the TPM the other half lies.
    pub index: u32,
    /// Bound to registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcrs: Option<PcrBinding>,
    /// Present when a PIN is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<PinHash>,
    /// Nonce of the wrapped data key, hex.
    pub nonce: String,
    /// The data key, wrapped under both halves, hex.
    pub wrapped: String,
}

/// What must be there to open, besides the TPM itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Protection<'a> {
    /// A PIN, counted by the TPM.
    pub pin: Option<&'a Pin>,
    /// Registers that must still hold what they hold now.
    pub pcrs: Option<PcrSelection>,
}

/// Something that seals the data key. Calls block, for seconds with a real
/// chip and a PIN: not for a runtime's thread.
pub trait Sealer: Send + Sync {
    /// Looks at everything that can be seen without a secret.
    fn report(&self, sealed: Option<&Sealed>) -> Report;

    /// Gets to know the TPM, believing what answers. Store the answer before
    /// the first [`Sealer::seal`].
    ///
    /// # Errors
    /// [`SealError`], as everywhere below.
    fn meet(&self) -> Result<Board, SealError>;

    /// Seals `key`, beside whatever else is sealed, and opens it once to prove
    /// it. Nothing older is touched.
    ///
    /// # Errors
    /// What stood before still stands.
    fn seal(
        &self,
        board: &Board,
        key: &DataKey,
        protection: Protection<'_>,
    ) -> Result<Sealed, SealError>;

    /// Opens. With a PIN, follow it by [`Sealer::reset_lockout`].
    ///
    /// # Errors
    /// One [`Situation`] for each thing that can be in the way.
    fn unseal(&self, sealed: &Sealed, pin: Option<&Pin>) -> Result<DataKey, SealError>;

    /// Makes everything of the installation that is not in `keep` worthless for
    /// ever, and has the TPM confirm it. Tells how many there were.
    ///
    /// # Errors
    /// Some may be left; calling again goes on.
    fn keep_only(&self, board: &Board, keep: &[&Sealed]) -> Result<u32, SealError>;

    /// Where in the TPM the halves of the installation lie.
    ///
    /// # Errors
    /// As everywhere here.
    fn kept(&self, board: &Board) -> Result<Vec<u32>, SealError>;

    /// Makes one thing that was sealed worthless for ever. One that is gone
    /// already is no error.
    ///
    /// # Errors
    /// It may still open.
    fn forget(&self, sealed: &Sealed) -> Result<(), SealError>;

    /// Gives the lock-out a password and its rules. The password must be
    /// durable in the database **before**: one that is lost cannot be replaced.
    /// Calling again with the same password is fine.
    ///
    /// # Errors
    /// [`Situation::LockoutPassword`] when another one is set already.
    fn adopt_lockout(&self, board: &Board, password: &LockoutPassword) -> Result<(), SealError>;

    /// Sets the counter of wrong PINs back, adopting the lock-out first if a
    /// power cut had come between. To be called after each unlock with a PIN:
    /// without it each power cut counts as a wrong one.
    ///
    /// # Errors
    /// As [`Sealer::adopt_lockout`].
    fn reset_lockout(&self, board: &Board, password: &LockoutPassword) -> Result<(), SealError>;

    /// Takes the password off again, so that the next installation can set its
    /// own.
    ///
    /// # Errors
    /// As [`Sealer::adopt_lockout`].
    fn release_lockout(&self, board: &Board, password: &LockoutPassword) -> Result<(), SealError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_read_and_print() {
        let some = PcrSelection::parse(" 11, 7,7,23").unwrap();
        assert_eq!(some.to_string(), "7,11,23");
        assert_eq!(some.bits(), [0x80, 0x08, 0x80]);
        for bad in ["", "24", "7,", "7;11", "-1", "300"] {
            assert_eq!(PcrSelection::parse(bad), Err(BadPcrs), "{bad}");
        }
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, "[7,11,23]");
        assert_eq!(serde_json::from_str::<PcrSelection>(&text).unwrap(), some);
    }

    #[test]
    fn what_is_stored_has_bounds() {
        assert!(serde_json::from_str::<Installation>("4095").is_ok());
        assert!(serde_json::from_str::<Installation>("4096").is_err());
        let blob = |bytes: usize| format!("\"{}\"", "0a".repeat(bytes));
        assert!(serde_json::from_str::<Blob>(&blob(2048)).is_ok());
        assert!(serde_json::from_str::<Blob>(&blob(2049)).is_err());
        assert!(serde_json::from_str::<Blob>("\"zz\"").is_err());
    }
}
