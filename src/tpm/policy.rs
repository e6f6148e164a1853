//! The one policy everything of ours inside the TPM is under: registers, if
//! there are any, and the value that authorises (empty without a PIN).
//!
//! Its digest is computed here and not by a trial session, so that nobody on
//! the bus can slip another policy in.

use crate::ports::sealer::{Blob, PcrBinding, PcrSelection, SealError, Situation};
use crate::tpm::link::{Command, Entity, Link};
use crate::tpm::secrets::{self, AuthValue, DIGEST_BYTES};
use crate::tpm::session::{Purpose, Session};
use crate::tpm::wire::{Bytes, Reader};
use tpm2_protocol::data::{TpmAlgId, TpmCc};

/// Most registers one answer holds.
const READ_MAX: usize = 8;

/// The policy's digest.
pub(super) fn digest(pcrs: Option<&PcrBinding>) -> [u8; DIGEST_BYTES] {
    let start = [0; DIGEST_BYTES];
    let bound = pcrs.map_or(start, |pcrs| {
        let code = TpmCc::PolicyPcr.value().to_be_bytes();
        let list = selection(&pcrs.selection.registers());
        secrets::hash(&[&start, &code, list.as_slice(), pcrs.digest.bytes()])
    });
    let code = TpmCc::PolicyAuthValue.value().to_be_bytes();
    secrets::hash(&[&bound, &code])
}

/// Satisfies the policy in a session that was just begun or just used.
pub(super) fn satisfy(
    link: &mut Link<'_>,
    session: &Session,
    pcrs: Option<&PcrBinding>,
) -> Result<(), SealError> {
    // Sessions have no name in what is hashed: these two go in the open, and
    // whoever changes them only makes the next command fail.
    let handles = [Entity::new(session.handle(), &[])];
    if let Some(pcrs) = pcrs {
        let list = selection(&pcrs.selection.registers());
        // With the expected digest the TPM says at once that it differs.
        let parameters = Bytes::new().sized(pcrs.digest.bytes()).raw(list.as_slice());
        link.plain(Command::new(TpmCc::PolicyPcr, &handles, parameters))?;
    }
    link.plain(Command::new(TpmCc::PolicyAuthValue, &handles, Bytes::new()))?;
    Ok(())
}

/// Binds to what the registers hold now, as the TPM proves it.
pub(super) fn bind(
    link: &mut Link<'_>,
    session: &mut Session,
    selection: PcrSelection,
) -> Result<PcrBinding, SealError> {
    let digest = read(link, Some(session), selection)?;
    Ok(PcrBinding {
        selection,
        digest: Blob::new(&digest),
    })
}

/// SHA-256 over what the registers hold now; proved only with a session.
pub(super) fn read(
    link: &mut Link<'_>,
    mut session: Option<&mut Session>,
    registers: PcrSelection,
) -> Result<[u8; DIGEST_BYTES], SealError> {
    let mut values = Vec::new();
    for some in registers.registers().chunks(READ_MAX) {
        let list = selection(some);
        let command = Command::new(TpmCc::PcrRead, &[], Bytes::new().raw(list.as_slice()));
        let answer = match session.as_deref_mut() {
            Some(session) => {
                link.with_session(session, &AuthValue::none(), Purpose::Witness, command)?
            }
            None => link.plain(command)?,
        };
        let told = answer.read(|it| read_values(it, list.as_slice(), some.len()))?;
        values.extend(told.ok_or(Situation::Unsupported)?);
    }
    Ok(secrets::hash(&[&values]))
}

/// The values one after another; `Some(None)` when the TPM does not keep these
/// registers in SHA-256.
fn read_values(reader: &mut Reader<'_>, asked: &[u8], wanted: usize) -> Option<Option<Vec<u8>>> {
    reader.u32()?;
    let list = reader.take(asked.len())?;
    if list != asked {
        reader.take(reader.rest().len())?;
        return Some(None);
    }
    let mut values = Vec::with_capacity(wanted * DIGEST_BYTES);
    for _ in 0..reader.u32()? {
        values.extend_from_slice(reader.sized()?);
    }
    (values.len() == wanted * DIGEST_BYTES).then_some(Some(values))
}

/// A list of one selection, of the SHA-256 bank (TPML_PCR_SELECTION).
fn selection(registers: &[u8]) -> Bytes {
    let bits = registers.iter().fold(0_u32, |bits, n| bits | 1 << n);
    let [a, b, c, _] = bits.to_le_bytes();
    let list = Bytes::new().u32(1).u16(TpmAlgId::Sha256.value());
    list.u8(3).raw(&[a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_one_tpm2_tools_computes() {
        // tpm2_policyauthvalue on a fresh trial session.
        assert_eq!(
            hex::encode(digest(None)),
            "8fcd2169ab92694e0c633f1ab772842b8241bbc20288981fc7ac1eddc1fddb0e"
        );
    }

    #[test]
    fn other_registers_or_values_are_another_policy() {
        let binding = |registers: &str, value: u8| PcrBinding {
            selection: PcrSelection::parse(registers).unwrap(),
            digest: Blob::new(&[value; 32]),
        };
        let one = digest(Some(&binding("7", 1)));
        assert_ne!(one, digest(Some(&binding("7", 2))));
        assert_ne!(one, digest(Some(&binding("8", 1))));
        assert_ne!(one, digest(None));
    }

    #[test]
    fn a_missing_bank_is_told_from_nonsense() {
        let asked = selection(&[7]);
        let none = Bytes::new().u32(9).u32(1).u16(0xB).u8(3).raw(&[0, 0, 0]);
        let none = none.u32(0);
        let mut reader = Reader::new(none.as_slice());
        assert_eq!(read_values(&mut reader, asked.as_slice(), 1), Some(None));
        let mut reader = Reader::new(&[0, 0]);
        assert_eq!(read_values(&mut reader, asked.as_slice(), 1), None);
    }
}
