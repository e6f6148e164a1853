//! The half of a key that lies in the slots file: 32 random bytes as a sealed
//! object, which only this TPM can open, and only under the policy.
//!
//! What the TPM gives back is compared with what was asked for; its word on the
//! object's name is not taken.

use crate::ports::sealer::{SealError, Sealed, Situation};
use crate::tpm::link::{Command, Entity, Link};
use crate::tpm::secrets::{AuthValue, DIGEST_BYTES, Secret};
use crate::tpm::session::{Purpose, Session};
use crate::tpm::storage_key::{StorageKey, name_of};
use crate::tpm::wire::{Bytes, Reader, structure_bytes};
use tpm2_protocol::data::{
    Tpm2bDigest, TpmAlgId, TpmCc, TpmaObject, TpmsKeyedhashParms, TpmtPublic, TpmuPublicId,
    TpmuPublicParms,
};
use zeroize::Zeroizing;

/// Public and private part, as the TPM wants them back.
pub(super) struct Parts {
    pub(super) public: Vec<u8>,
    pub(super) private: Vec<u8>,
}

/// Seals `half` under the policy.
pub(super) fn create(
    link: &mut Link<'_>,
    session: &mut Session,
    storage_key: &StorageKey,
    policy: [u8; DIGEST_BYTES],
    (value, counted): (&AuthValue, bool),
    half: &Secret,
) -> Result<Parts, SealError> {
    let asked = template(policy, counted);
    let sensitive = Bytes::new().sized(value.expose()).sized(half.as_slice());
    let parameters = Bytes::new()
        .sized(sensitive.as_slice())
        .sized(&structure_bytes(&asked))
        .sized(&[])
        .u32(0);
    let handles = [storage_key.entity()];
    let command = Command::new(TpmCc::Create, &handles, parameters);
    let answer = link.with_session(session, &AuthValue::none(), Purpose::Send, command)?;
    let mut reader = Reader::new(&answer.parameters);
    let private = reader.sized().ok_or(Situation::Garbled)?.to_vec();
    let public = reader.sized().ok_or(Situation::Garbled)?.to_vec();
    if !is_as_asked(&public, &asked) {
        return Err(Situation::Garbled.into());
    }
    Ok(Parts { public, private })
}

/// Loads the object and gives it with the name computed from our own file.
pub(super) fn load(
    link: &mut Link<'_>,
    storage_key: &StorageKey,
    sealed: &Sealed,
) -> Result<Entity, SealError> {
    let parameters = Bytes::new()
        .sized(sealed.private.bytes())
        .sized(sealed.public.bytes());
    let handles = [storage_key.entity()];
    let command = Command::new(TpmCc::Load, &handles, parameters).opening();
    // The private part is encrypted by the TPM itself: nothing to protect.
    let answer = link.with_empty_password(command)?;
    let name = name_of(sealed.public.bytes());
    Ok(Entity::new(answer.opened()?, &name))
}

/// Opens it under a policy session that was satisfied, and that goes on.
pub(super) fn unseal(
    link: &mut Link<'_>,
    session: &mut Session,
    object: &Entity,
    value: &AuthValue,
) -> Result<Secret, SealError> {
    let handles = [object.clone()];
    let command = Command::new(TpmCc::Unseal, &handles, Bytes::new());
    let answer = link.with_session(session, value, Purpose::Receive, command)?;
    answer.read(|it| Some(Zeroizing::new(it.sized()?.try_into().ok()?)))
}

/// `userWithAuth` is clear: the policy is the only way in.
fn template(policy: [u8; DIGEST_BYTES], counted: bool) -> TpmtPublic {
    let mut attributes =
        TpmaObject::FIXED_TPM | TpmaObject::FIXED_PARENT | TpmaObject::ADMIN_WITH_POLICY;
    if !counted {
        attributes |= TpmaObject::NO_DA;
    }
    TpmtPublic {
        object_type: TpmAlgId::KeyedHash,
        name_alg: TpmAlgId::Sha256,
        object_attributes: attributes,
        auth_policy: Tpm2bDigest::try_from(&policy[..]).expect("a digest has room for 32 bytes"),
        parameters: TpmuPublicParms::KeyedHash(TpmsKeyedhashParms::default()),
        unique: TpmuPublicId::KeyedHash(Tpm2bDigest::new()),
    }
}

/// All but the part that the TPM fills in.
fn is_as_asked(public: &[u8], asked: &TpmtPublic) -> bool {
    let mut reader = Reader::new(public);
    let Some(mut told) = reader.typed::<TpmtPublic>() else {
        return false;
    };
    told.unique = asked.unique.clone();
    told == *asked && reader.end().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_differs_from_what_was_asked_is_refused() {
        let asked = template([1; 32], true);
        let mut told = asked.clone();
        told.unique = TpmuPublicId::KeyedHash(Tpm2bDigest::try_from(&[5; 32][..]).unwrap());
        assert!(is_as_asked(&structure_bytes(&told), &asked));
        told.object_attributes |= TpmaObject::USER_WITH_AUTH;
        assert!(!is_as_asked(&structure_bytes(&told), &asked));
        assert!(!is_as_asked(
            &structure_bytes(&template([2; 32], true)),
            &asked
        ));
        assert!(!is_as_asked(&[], &asked));
    }
}
