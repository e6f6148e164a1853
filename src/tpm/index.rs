//! The half of a key that lies inside the TPM: 32 random bytes in an NV index.
//! Undefining the index destroys them, and with them every copy of a slots file
//! that needs them.
//!
//! Only the policy reads it, so nobody does without the PIN or the registers.
//! An index that is not of this installation is never touched.

use crate::ports::sealer::{Installation, SealError, Situation};
use crate::tpm::codes;
use crate::tpm::link::{Command, Entity, Link};
use crate::tpm::secrets::{AuthValue, DIGEST_BYTES, Secret};
use crate::tpm::session::{Purpose, Session};
use crate::tpm::storage_key::name_of;
use crate::tpm::wire::{Bytes, Reader, structure_bytes};
use tpm2_protocol::data::{
    Tpm2bDigest, TpmAlgId, TpmCap, TpmCc, TpmRh, TpmaNv, TpmlHandle, TpmsCapabilityData,
    TpmsNvPublic, TpmuCapabilities,
};
use zeroize::Zeroizing;

/// Where our indices lie: 12 bits of installation, 8 bits of place.
const FIRST: u32 = 0x01A0_0000;
/// Places of one installation.
const PLACES: u32 = 256;
/// Handles asked for at once.
const LIST_MAX: u32 = 64;
/// Most pages of handles read.
const PAGES_MAX: u32 = 32;

const UNWRITTEN: TpmaNv =
    TpmaNv::from_bits_truncate(TpmaNv::OWNERWRITE.bits() | TpmaNv::POLICYREAD.bits());

/// An index of ours, as it must be.
pub(super) struct Index {
    handle: u32,
    policy: [u8; DIGEST_BYTES],
    /// Without a PIN nobody guesses anything, so nothing is counted.
    counted: bool,
}

impl Index {
    pub(super) const fn new(handle: u32, policy: [u8; DIGEST_BYTES], counted: bool) -> Self {
        Self {
            handle,
            policy,
            counted,
        }
    }

    fn area(&self, written: bool) -> Vec<u8> {
        let mut attributes = UNWRITTEN;
        if !self.counted {
            attributes |= TpmaNv::NO_DA;
        }
        if written {
            attributes |= TpmaNv::WRITTEN;
        }
        structure_bytes(&TpmsNvPublic {
            nv_index: self.handle.into(),
            name_alg: TpmAlgId::Sha256,
            attributes,
            auth_policy: Tpm2bDigest::try_from(&self.policy[..])
                .expect("a digest has room for 32 bytes"),
            data_size: 32.into(),
        })
    }

    fn entity(&self, written: bool) -> Entity {
        Entity::new(self.handle, &name_of(&self.area(written)))
    }

    /// Makes it and writes `half` into it.
    pub(super) fn define(
        &self,
        link: &mut Link<'_>,
        session: &mut Session,
        value: &AuthValue,
        half: &Secret,
    ) -> Result<(), SealError> {
        let owner = Entity::hierarchy(TpmRh::Owner);
        let parameters = Bytes::new().sized(value.expose()).sized(&self.area(false));
        let handles = [owner.clone()];
        let command = Command::new(TpmCc::NvDefineSpace, &handles, parameters);
        link.with_session(session, &AuthValue::none(), Purpose::Send, command)?;
        let parameters = Bytes::new().sized(half.as_slice()).u16(0);
        let handles = [owner, self.entity(false)];
        let command = Command::new(TpmCc::NvWrite, &handles, parameters);
        link.with_session(session, &AuthValue::none(), Purpose::Send, command)?;
        Ok(())
    }

    /// Whether it is there as it must be. Told in the open: it spares a try of
    /// the PIN when there is nothing to read.
    pub(super) fn look(&self, link: &mut Link<'_>) -> Result<(), SealError> {
        let handles = [Entity::new(self.handle, &[])];
        let command = Command::new(TpmCc::NvReadPublic, &handles, Bytes::new());
        let area = link.plain(command)?.read(|it| {
            let area = it.sized()?.to_vec();
            it.sized()?;
            Some(area)
        })?;
        if area == self.area(true) {
            return Ok(());
        }
        // Defined, and the power went before it was written; or a later one of
        // ours has come round to the same place.
        if is_ours(&area) {
            return Err(Situation::Destroyed.into());
        }
        Err(Situation::Overwritten.into())
    }

    /// Reads the half under a policy session that was satisfied, which ends.
    pub(super) fn read(
        &self,
        link: &mut Link<'_>,
        session: &mut Session,
        value: &AuthValue,
    ) -> Result<Secret, SealError> {
        let handles = [self.entity(true), self.entity(true)];
        let parameters = Bytes::new().u16(32).u16(0);
        let command = Command::new(TpmCc::NvRead, &handles, parameters);
        let answer = link.with_session(session, value, Purpose::ReceiveLast, command)?;
        answer.read(|it| Some(Zeroizing::new(it.sized()?.try_into().ok()?)))
    }
}

/// A place of the installation that nothing lies in: the one after the highest
/// taken, so that no copy of an old slots file finds a newer half in its place;
/// the first of all is drawn.
pub(super) fn free_place(
    taken: &[u32],
    installation: Installation,
    drawn: u8,
) -> Result<u32, SealError> {
    let first = first_of(installation);
    let ours = taken.iter().filter(|it| belongs(**it, installation));
    let start = ours.max().map_or(u32::from(drawn), |it| it - first + 1);
    let mut places = (0..PLACES).map(|step| first + (start + step) % PLACES);
    let free = places.find(|place| !taken.contains(place));
    free.ok_or_else(|| Situation::NoSpace.into())
}

fn first_of(installation: Installation) -> u32 {
    FIRST + u32::from(installation.number()) * PLACES
}

/// Whether the index lies in the installation's places.
pub(super) fn belongs(handle: u32, installation: Installation) -> bool {
    let first = first_of(installation);
    (first..first + PLACES).contains(&handle)
}

/// Every index there is, proved where a session is given.
pub(super) fn list(
    link: &mut Link<'_>,
    mut session: Option<&mut Session>,
) -> Result<Vec<u32>, SealError> {
    let mut found = Vec::new();
    let mut from = 0x0100_0000;
    for _ in 0..PAGES_MAX {
        let parameters = Bytes::new()
            .u32(TpmCap::Handles as u32)
            .u32(from)
            .u32(LIST_MAX);
        let command = Command::new(TpmCc::GetCapability, &[], parameters);
        let answer = match session.as_deref_mut() {
            Some(session) => {
                link.with_session(session, &AuthValue::none(), Purpose::Witness, command)?
            }
            None => link.plain(command)?,
        };
        let (more, page) = answer.read(read_page)?;
        found.extend_from_slice(&page);
        match page.last() {
            Some(last) if more && *last >= from => from = last.saturating_add(1),
            Some(_) | None => return Ok(found),
        }
    }
    Ok(found)
}

fn read_page(reader: &mut Reader<'_>) -> Option<(bool, Vec<u32>)> {
    let more = reader.u8()? != 0;
    let told: TpmsCapabilityData = reader.typed()?;
    let TpmuCapabilities::Handles(handles) = told.data else {
        return None;
    };
    let handles: &TpmlHandle = &handles;
    Some((more, handles.iter().map(|it| it.value()).collect()))
}

/// Destroys an index that lies in one of our places. Tells whether it is gone:
/// one that somebody else made there, proved by the TPM, is left alone.
pub(super) fn undefine(
    link: &mut Link<'_>,
    session: &mut Session,
    handle: u32,
) -> Result<bool, SealError> {
    let handles = [Entity::new(handle, &[])];
    let command = Command::new(TpmCc::NvReadPublic, &handles, Bytes::new());
    let area = link.plain(command)?.read(|it| {
        let area = it.sized()?.to_vec();
        it.sized()?;
        Some(area)
    })?;
    // A lie about the area gives a wrong name, and the TPM refuses.
    let entity = Entity::new(handle, &name_of(&area));
    if !is_ours(&area) {
        let handles = [entity];
        let command = Command::new(TpmCc::NvReadPublic, &handles, Bytes::new());
        link.with_session(session, &AuthValue::none(), Purpose::Witness, command)?;
        return Ok(false);
    }
    let handles = [Entity::hierarchy(TpmRh::Owner), entity];
    let command = Command::new(TpmCc::NvUndefineSpace, &handles, Bytes::new());
    match link.with_session(session, &AuthValue::none(), Purpose::Act, command) {
        Ok(_) => Ok(true),
        Err(error) if says_gone(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

fn is_ours(area: &[u8]) -> bool {
    let mut reader = Reader::new(area);
    let Some(public) = reader.typed::<TpmsNvPublic>() else {
        return false;
    };
    let varying = TpmaNv::WRITTEN.bits() | TpmaNv::NO_DA.bits();
    public.attributes.bits() & !varying == UNWRITTEN.bits()
        && public.name_alg == TpmAlgId::Sha256
        && public.data_size.value() == 32
        && reader.end().is_some()
}

fn says_gone(error: &SealError) -> bool {
    let code = error.said.map(|said| codes::base_of(said.code));
    code == Some(codes::base::HANDLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_while_there_are_any() {
        let ours = Installation::try_from(3).unwrap();
        let first = 0x01A0_0300;
        assert_eq!(free_place(&[], ours, 255).unwrap(), first + 255);
        assert_eq!(free_place(&[first + 255], ours, 255).unwrap(), first);
        // Never the place that was just left, and round at the end.
        assert_eq!(free_place(&[first + 4], ours, 3).unwrap(), first + 5);
        let both = [first + 255, first];
        assert_eq!(free_place(&both, ours, 3).unwrap(), first + 1);
        assert_eq!(free_place(&[first + 256], ours, 3).unwrap(), first + 3);
        let all: Vec<u32> = (first..first + 256).collect();
        assert_eq!(free_place(&all, ours, 9), Err(Situation::NoSpace.into()));
        assert!(belongs(first + 255, ours) && !belongs(first + 256, ours));
        assert!(!belongs(first - 1, ours));
    }

    #[test]
    fn only_an_index_made_by_us_is_taken_for_ours() {
        let index = Index::new(0x01A0_0300, [7; 32], true);
        assert!(is_ours(&index.area(true)) && is_ours(&index.area(false)));
        assert!(is_ours(&Index::new(1, [7; 32], false).area(true)));
        let mut other = index.area(true);
        other[9] ^= 2;
        assert!(!is_ours(&other));
        assert!(!is_ours(&[]));
    }
}
