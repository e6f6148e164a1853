//! The TPM's storage key: the one the blobs are encrypted under and every
//! session is salted to; and the endorsement key, which only tells TPMs apart.
//!
//! A name is computed from the public area received, never believed, and is
//! compared with the pinned one **before** anything is salted: an unpinned key
//! would be encryption without knowing to whom.

use crate::ports::sealer::{Blob, SealError, Situation};
use crate::tpm::codes;
use crate::tpm::link::{Command, Entity, Link};
use crate::tpm::secrets::{self, DIGEST_BYTES, Point};
use crate::tpm::wire::{Bytes, Reader, structure_bytes};
use tpm2_protocol::data::{
    Tpm2bDigest, Tpm2bEccParameter, TpmAlgId, TpmCc, TpmEccCurve, TpmRh, TpmaObject, TpmsEccParms,
    TpmsEccPoint, TpmtPublic, TpmtSymDef, TpmuPublicId, TpmuPublicParms, TpmuSymKeyBits,
    TpmuSymMode,
};

/// Where the specification wants a storage key that is kept.
const KEPT_AT: u32 = 0x8100_0001;

/// PolicySecret of the endorsement hierarchy, as the EK profile has it.
const EK_POLICY: [u8; DIGEST_BYTES] = [
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xB3, 0xF8, 0x1A, 0x90, 0xCC, 0x8D, 0x46, 0xA5, 0xD7, 0x24,
    0xFD, 0x52, 0xD7, 0x6E, 0x06, 0x52, 0x0B, 0x64, 0xF2, 0xA1, 0xDA, 0x1B, 0x33, 0x14, 0x69, 0xAA,
];

/// A storage key that may be salted to.
pub(super) struct StorageKey {
    entity: Entity,
    point: Point,
    transient: bool,
}

impl StorageKey {
    /// Finds the key with the pinned name; with no pin, the one that is kept
    /// or else the one of the template.
    ///
    /// The only other thing that may be asked is its name: nothing has been
    /// sent to it yet.
    pub(super) fn find(link: &mut Link<'_>, pin: Option<&Blob>) -> Result<Self, SealError> {
        if let Some(kept) = Self::kept(link)?
            && pin.is_none_or(|pin| kept.has_name(pin))
        {
            return Ok(kept);
        }
        let made = Self::made(link)?;
        if pin.is_none_or(|pin| made.has_name(pin)) {
            return Ok(made);
        }
        Err(Situation::OtherStorageKey.into())
    }

    /// `None` when there is none, or one of another kind.
    fn kept(link: &mut Link<'_>) -> Result<Option<Self>, SealError> {
        let handles = [Entity::new(KEPT_AT, &[])];
        let command = Command::new(TpmCc::ReadPublic, &handles, Bytes::new());
        let answer = match link.plain(command) {
            Ok(answer) => answer,
            Err(error) if is_handle_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let area = answer.read(|it| {
            let area = it.sized()?.to_vec();
            // The name and the qualified name, as the TPM computes them.
            it.sized()?;
            it.sized()?;
            Some(area)
        })?;
        Ok(Self::of(KEPT_AT, &area, false))
    }

    fn made(link: &mut Link<'_>) -> Result<Self, SealError> {
        let (handle, area) = create_primary(link, TpmRh::Owner, &storage_template())?;
        Self::of(handle, &area, true).ok_or_else(|| Situation::Unsupported.into())
    }

    /// `None` when the public area is not the one of a storage key on P-256.
    fn of(handle: u32, area: &[u8], transient: bool) -> Option<Self> {
        let mut reader = Reader::new(area);
        let public: TpmtPublic = reader.typed()?;
        reader.end()?;
        let template = storage_template();
        let fits = public.object_type == template.object_type
            && public.name_alg == template.name_alg
            && public.object_attributes.bits() | TpmaObject::NO_DA.bits()
                == template.object_attributes.bits() | TpmaObject::NO_DA.bits()
            && public.parameters == template.parameters;
        let TpmuPublicId::Ecc(point) = public.unique else {
            return None;
        };
        let point = Point::parse(&point.x, &point.y)?;
        fits.then(|| Self {
            entity: Entity::new(handle, &name_of(area)),
            point,
            transient,
        })
    }

    pub(super) fn entity(&self) -> Entity {
        self.entity.clone()
    }

    pub(super) const fn point(&self) -> &Point {
        &self.point
    }

    /// Makes room for other objects once it is not needed any more.
    pub(super) fn drop_if_transient(&self, link: &mut Link<'_>) -> Result<(), SealError> {
        if self.transient {
            link.flush(self.entity.handle)?;
        }
        Ok(())
    }

    pub(super) fn name(&self) -> Blob {
        Blob::new(&self.entity.name)
    }

    fn has_name(&self, pin: &Blob) -> bool {
        secrets::same(&self.entity.name, pin.bytes())
    }
}

/// The name of an object or index: the hash of its public area.
pub(super) fn name_of(area: &[u8]) -> Vec<u8> {
    let digest = secrets::hash(&[area]);
    [&TpmAlgId::Sha256.value().to_be_bytes(), &digest[..]].concat()
}

/// The name of the endorsement key on P-256 (template L-2 of the EK profile).
/// `None` where it cannot be had: a password, or a chip without it.
pub(super) fn endorsement_name(link: &mut Link<'_>) -> Result<Option<Blob>, SealError> {
    match create_primary(link, TpmRh::Endorsement, &endorsement_template()) {
        Ok((handle, area)) => {
            // Best effort: the name is all that is wanted.
            let _ = link.flush(handle);
            Ok(Some(Blob::new(&name_of(&area))))
        }
        Err(error) if error.said.is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

fn create_primary(
    link: &mut Link<'_>,
    under: TpmRh,
    template: &TpmtPublic,
) -> Result<(u32, Vec<u8>), SealError> {
    let parameters = Bytes::new()
        // No password, no data of our own.
        .sized(&[0, 0, 0, 0])
        .sized(&structure_bytes(template))
        .sized(&[])
        .u32(0);
    let handles = [Entity::hierarchy(under)];
    let command = Command::new(TpmCc::CreatePrimary, &handles, parameters).opening();
    let answer = link.with_empty_password(command)?;
    let area = Reader::new(&answer.parameters)
        .sized()
        .ok_or(Situation::Garbled)?
        .to_vec();
    Ok((answer.opened()?, area))
}

fn is_handle_missing(error: &SealError) -> bool {
    let code = error.said.map(|said| codes::base_of(said.code));
    code == Some(codes::base::HANDLE)
}

/// The TCG's template of a storage key on P-256, with coordinates of length 0.
fn storage_template() -> TpmtPublic {
    TpmtPublic {
        object_type: TpmAlgId::Ecc,
        name_alg: TpmAlgId::Sha256,
        object_attributes: TpmaObject::FIXED_TPM
            | TpmaObject::FIXED_PARENT
            | TpmaObject::SENSITIVE_DATA_ORIGIN
            | TpmaObject::USER_WITH_AUTH
            | TpmaObject::NO_DA
            | TpmaObject::RESTRICTED
            | TpmaObject::DECRYPT,
        auth_policy: Tpm2bDigest::new(),
        parameters: p256_parameters(),
        unique: TpmuPublicId::Ecc(TpmsEccPoint::default()),
    }
}

fn endorsement_template() -> TpmtPublic {
    let zeros = Tpm2bEccParameter::try_from(&[0; DIGEST_BYTES][..]);
    let zeros = zeros.expect("a coordinate has room for 32 bytes");
    TpmtPublic {
        object_type: TpmAlgId::Ecc,
        name_alg: TpmAlgId::Sha256,
        object_attributes: TpmaObject::FIXED_TPM
            | TpmaObject::FIXED_PARENT
            | TpmaObject::SENSITIVE_DATA_ORIGIN
            | TpmaObject::ADMIN_WITH_POLICY
            | TpmaObject::RESTRICTED
            | TpmaObject::DECRYPT,
        auth_policy: Tpm2bDigest::try_from(&EK_POLICY[..]).expect("a digest has room for 32 bytes"),
        parameters: p256_parameters(),
        unique: TpmuPublicId::Ecc(TpmsEccPoint { x: zeros, y: zeros }),
    }
}

fn p256_parameters() -> TpmuPublicParms {
    TpmuPublicParms::Ecc(TpmsEccParms {
        symmetric: TpmtSymDef {
            algorithm: TpmAlgId::Aes,
            key_bits: TpmuSymKeyBits::Aes(128.into()),
            mode: TpmuSymMode::Aes(TpmAlgId::Cfb),
        },
        curve_id: TpmEccCurve::NistP256,
        ..TpmsEccParms::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_the_one_of_the_profile() {
        let bytes = structure_bytes(&storage_template());
        assert_eq!(
            hex::encode(bytes),
            "0023000b00030472000000060080004300100003001000000000"
        );
        let bytes = structure_bytes(&endorsement_template());
        let text = hex::encode(bytes);
        assert!(
            text.starts_with("0023000b000300b20020837197674484b3f8"),
            "{text}"
        );
        assert_eq!(text.len(), 2 * (8 + 2 + 32 + 12 + 68));
    }

    #[test]
    fn another_kind_of_key_is_not_salted_to() {
        let mut template = storage_template();
        template.unique = TpmuPublicId::Ecc(TpmsEccPoint {
            x: Tpm2bEccParameter::try_from(&[1; 32][..]).unwrap(),
            y: Tpm2bEccParameter::try_from(&[2; 32][..]).unwrap(),
        });
        // Not on the curve.
        assert!(StorageKey::of(1, &structure_bytes(&template), true).is_none());
        assert!(StorageKey::of(1, &structure_bytes(&endorsement_template()), true).is_none());
        assert!(StorageKey::of(1, &[], true).is_none());
    }
}
