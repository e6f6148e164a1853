//! A session with the TPM: salted, so that only the TPM whose storage key was
//! checked can take part; it authorises, encrypts the first parameter both
//! ways, and proves every answer.
//!
//! No answer is looked at before its HMAC held. Multi-session commands are not
//! supported, because nothing needs them.

use crate::ports::Chance;
use crate::ports::sealer::{SealError, Situation};
use crate::tpm::link::{Command, Entity, Link};
use crate::tpm::secrets::{self, AuthValue, DIGEST_BYTES, Secret, Way};
use crate::tpm::storage_key::StorageKey;
use crate::tpm::wire::{Bytes, Reader};
use tpm2_protocol::data::{
    TpmAlgId, TpmCc, TpmRh, TpmSe, TpmaSession, TpmtSymDef, TpmuSymKeyBits, TpmuSymMode,
};
use zeroize::Zeroizing;

/// What a session does for one command.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// Authorises and encrypts what is sent; the session goes on.
    Send,
    /// Authorises and encrypts what comes back; the session goes on.
    Receive,
    /// As [`Purpose::Receive`], and the session ends.
    ReceiveLast,
    /// Authorises; nothing secret goes either way.
    Act,
    /// Authorises nothing, and proves the answer.
    Witness,
    /// As [`Purpose::Send`]; the answer is proved with this new value, which is
    /// what was sent.
    Change(&'a AuthValue),
}

impl Purpose<'_> {
    fn attributes(self) -> TpmaSession {
        let bits = match self {
            Self::Send | Self::Change(_) => TpmaSession::CONTINUE_SESSION | TpmaSession::DECRYPT,
            Self::Receive => TpmaSession::CONTINUE_SESSION | TpmaSession::ENCRYPT,
            Self::ReceiveLast => TpmaSession::ENCRYPT,
            Self::Act => TpmaSession::CONTINUE_SESSION,
            Self::Witness => TpmaSession::CONTINUE_SESSION | TpmaSession::AUDIT,
        };
        TpmaSession::from_bits_truncate(bits.bits())
    }

    pub(super) fn ends(self) -> bool {
        !self.attributes().contains(TpmaSession::CONTINUE_SESSION)
    }
}

/// A session that has begun.
pub(super) struct Session {
    handle: u32,
    key: Secret,
    nonce_tpm: [u8; DIGEST_BYTES],
    nonce_caller: [u8; DIGEST_BYTES],
}

impl Session {
    /// Begins one, salted to the storage key.
    pub(super) fn start(
        link: &mut Link<'_>,
        kind: TpmSe,
        to: &StorageKey,
    ) -> Result<Self, SealError> {
        let (salt, point) =
            secrets::salt(to.point(), link.chance()).ok_or(Situation::Unsupported)?;
        let mut nonce_caller = [0; DIGEST_BYTES];
        link.chance().fill(&mut nonce_caller);
        let encrypted_salt = Bytes::new().sized(&point.x).sized(&point.y);
        let parameters = Bytes::new()
            .sized(&nonce_caller)
            .sized(encrypted_salt.as_slice())
            .u8(kind.value())
            .typed(&TpmtSymDef {
                algorithm: TpmAlgId::Aes,
                key_bits: TpmuSymKeyBits::Aes(128.into()),
                mode: TpmuSymMode::Aes(TpmAlgId::Cfb),
            })
            .u16(TpmAlgId::Sha256.value());
        let handles = [to.entity(), Entity::hierarchy(TpmRh::Null)];
        let command = Command::new(TpmCc::StartAuthSession, &handles, parameters).opening();
        let answer = link.plain(command)?;
        let nonce_tpm: [u8; DIGEST_BYTES] = answer.read(|it| it.sized()?.try_into().ok())?;
        Ok(Self {
            handle: answer.opened()?,
            key: secrets::kdf_a(salt.as_slice(), "ATH", &nonce_tpm, &nonce_caller),
            nonce_tpm,
            nonce_caller,
        })
    }

    pub(super) const fn handle(&self) -> u32 {
        self.handle
    }

    /// Draws a fresh nonce, encrypts the first parameter where `purpose` asks
    /// for it, and gives the authorisation area.
    pub(super) fn authorise(
        &mut self,
        value: &AuthValue,
        purpose: Purpose<'_>,
        command: &mut Command<'_>,
        chance: &dyn Chance,
    ) -> Bytes {
        chance.fill(&mut self.nonce_caller);
        let attributes = purpose.attributes();
        let key = value.behind(&self.key);
        if attributes.contains(TpmaSession::DECRYPT)
            && let Some(parameter) = command.parameters.first_sized_mut()
        {
            let (newer, older) = (&self.nonce_caller, &self.nonce_tpm);
            secrets::crypt(&key, newer, older, Way::Encrypt, parameter);
        }
        let hash = command_hash(command);
        let bits = [attributes.bits()];
        let proof = secrets::mac(&key, &[&hash, &self.nonce_caller, &self.nonce_tpm, &bits]);
        Bytes::new()
            .u32(self.handle)
            .sized(&self.nonce_caller)
            .raw(&bits)
            .sized(proof.as_slice())
    }

    /// Checks the proof behind an answer, and only then decrypts its first
    /// parameter where `purpose` says that it is encrypted.
    pub(super) fn check(
        &mut self,
        value: &AuthValue,
        purpose: Purpose<'_>,
        command: TpmCc,
        parameters: &mut Zeroizing<Vec<u8>>,
        proof: &[u8],
    ) -> Result<(), SealError> {
        let (nonce, bits, hmac) = read_proof(proof).ok_or(Situation::Garbled)?;
        let success = 0_u32.to_be_bytes();
        let code = command.value().to_be_bytes();
        let hash = secrets::hash(&[&success, &code, parameters]);
        let key = match purpose {
            Purpose::Change(new) => new.behind(&self.key),
            Purpose::Send
            | Purpose::Receive
            | Purpose::ReceiveLast
            | Purpose::Act
            | Purpose::Witness => value.behind(&self.key),
        };
        let expected = secrets::mac(&key, &[&hash, &nonce, &self.nonce_caller, &[bits]]);
        if !secrets::same(expected.as_slice(), hmac) {
            return Err(Situation::Tampered.into());
        }
        self.nonce_tpm = nonce;
        let attributes = purpose.attributes();
        // The TPM says whether it encrypted; it must have, where it was asked to.
        let asked = attributes.contains(TpmaSession::ENCRYPT);
        let done = TpmaSession::from_bits_truncate(bits).contains(TpmaSession::ENCRYPT);
        if asked != done {
            return Err(Situation::Tampered.into());
        }
        if asked {
            let parameter = first_sized_mut(parameters).ok_or(Situation::Garbled)?;
            let (newer, older) = (&self.nonce_tpm, &self.nonce_caller);
            secrets::crypt(&key, newer, older, Way::Decrypt, parameter);
        }
        Ok(())
    }
}

fn command_hash(command: &Command<'_>) -> [u8; DIGEST_BYTES] {
    let code = command.code.value().to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![&code];
    parts.extend(command.handles.iter().map(|it| it.name.as_slice()));
    parts.push(command.parameters.as_slice());
    secrets::hash(&parts)
}

/// Nonce, attributes, HMAC; the lengths are the ones this session uses.
fn read_proof(proof: &[u8]) -> Option<([u8; DIGEST_BYTES], u8, &[u8])> {
    let mut reader = Reader::new(proof);
    let nonce = reader.sized()?.try_into().ok()?;
    let attributes = reader.u8()?;
    let hmac = reader.sized().filter(|it| it.len() == DIGEST_BYTES)?;
    reader.end()?;
    Some((nonce, attributes, hmac))
}

fn first_sized_mut(parameters: &mut [u8]) -> Option<&mut [u8]> {
    let (length, rest) = parameters.split_first_chunk_mut::<2>()?;
    rest.get_mut(..usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session() -> Session {
        Session {
            handle: 0x0200_0000,
            key: Zeroizing::new([1; 32]),
            nonce_tpm: [2; 32],
            nonce_caller: [3; 32],
        }
    }

    /// What a TPM would put behind its answer.
    fn proof(key: &[u8], parameters: &[u8], nonce: [u8; 32], bits: u8) -> Vec<u8> {
        let code = TpmCc::Unseal.value().to_be_bytes();
        let hash = secrets::hash(&[&[0; 4], &code, parameters]);
        let hmac = secrets::mac(key, &[&hash, &nonce, &[3; 32], &[bits]]);
        let area = Bytes::new().sized(&nonce).u8(bits).sized(hmac.as_slice());
        area.as_slice().to_vec()
    }

    fn check(parameters: &[u8], proof: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut parameters = Zeroizing::new(parameters.to_vec());
        let purpose = Purpose::ReceiveLast;
        let value = AuthValue::none();
        session()
            .check(&value, purpose, TpmCc::Unseal, &mut parameters, proof)
            .map(|()| parameters.to_vec())
    }

    #[test]
    fn a_true_answer_is_decrypted() {
        let mut plain = Bytes::new().sized(b"a secret of the clinic");
        let secret = plain.first_sized_mut().unwrap();
        secrets::crypt(&[1; 32], &[9; 32], &[3; 32], Way::Encrypt, secret);
        let sent = plain.as_slice().to_vec();
        let proof = proof(&[1; 32], &sent, [9; 32], 0x40);
        assert_eq!(
            &check(&sent, &proof).unwrap()[2..],
            b"a secret of the clinic"
        );
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let sent = [0, 4, 1, 2, 3, 4];
        let good = proof(&[1; 32], &sent, [9; 32], 0x40);
        check(&sent, &good).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            check(&sent, &bad).unwrap_err();
        }
        for bit in 0..sent.len() * 8 {
            let mut bad = sent;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check(&bad, &good), Err(Situation::Tampered.into()));
        }
    }

    #[test]
    fn an_answer_that_says_it_is_not_encrypted_is_refused() {
        let sent = [0, 4, 1, 2, 3, 4];
        let honest_but_plain = proof(&[1; 32], &sent, [9; 32], 0);
        assert_eq!(
            check(&sent, &honest_but_plain),
            Err(Situation::Tampered.into())
        );
    }

    #[test]
    fn a_short_nonce_is_refused() {
        let sent = [0, 4, 1, 2, 3, 4];
        let area = Bytes::new().sized(&[9; 16]).u8(0x40).sized(&[0; 32]);
        assert_eq!(
            check(&sent, area.as_slice()),
            Err(Situation::Garbled.into())
        );
    }

    proptest! {
        #[test]
        fn no_proof_makes_it_panic(sent: Vec<u8>, area: Vec<u8>) {
            prop_assert!(check(&sent, &area).is_err());
        }
    }
}
