//! Looking at a TPM without any secret: for `doctor`, and for the page that
//! says why the box is still locked.
//!
//! Nothing here is proved, and nothing here changes the TPM.

use crate::ports::sealer::{Identity, IndexState, PcrState, Report, SealError, Sealed, Situation};
use crate::tpm::index::Index;
use crate::tpm::link::Link;
use crate::tpm::lockout::Properties;
use crate::tpm::{policy, sealing};

/// Fills `report` as far as it gets; an error is why it went no further.
pub(super) fn fill(
    link: &mut Link<'_>,
    sealed: Option<&Sealed>,
    report: &mut Report,
) -> Result<(), SealError> {
    let properties = Properties::read(link)?;
    report.manufacturer = properties.manufacturer();
    report.owner_password = properties.has_owner_password();
    report.lockout_password = properties.has_lockout_password();
    report.lockout = Some(properties.lockout());
    let Some(sealed) = sealed else {
        return Ok(());
    };
    report.identity = identity(link, sealed)?;
    if report.identity != Identity::Same {
        // What a stranger keeps, or lacks, says nothing of this box.
        return Ok(());
    }
    report.unguarded_pin = sealed.pin.is_some() && !report.lockout_password;
    report.index = index_state(link, sealed)?;
    report.pcrs = pcr_state(link, sealed)?;
    Ok(())
}

fn identity(link: &mut Link<'_>, sealed: &Sealed) -> Result<Identity, SealError> {
    const MEANINGS: [(Situation, Identity); 4] = [
        (Situation::Cleared, Identity::Cleared),
        (Situation::OtherTpm, Identity::Other),
        (Situation::OtherStorageKey, Identity::OtherStorageKey),
        // Reported on its own; the storage key cannot be made then.
        (Situation::OwnerPassword, Identity::NotChecked),
    ];
    match sealing::find_storage_key(link, &sealed.board) {
        Ok(found) => {
            found.drop_if_transient(link)?;
            Ok(Identity::Same)
        }
        Err(error) => meaning(&MEANINGS, error),
    }
}

fn index_state(link: &mut Link<'_>, sealed: &Sealed) -> Result<IndexState, SealError> {
    const MEANINGS: [(Situation, IndexState); 2] = [
        (Situation::Destroyed, IndexState::Gone),
        (Situation::Overwritten, IndexState::Overwritten),
    ];
    let policy = policy::digest(sealed.pcrs.as_ref());
    let index = Index::new(sealed.index, policy, sealed.pin.is_some());
    match index.look(link) {
        Ok(()) => Ok(IndexState::Present),
        Err(error) => meaning(&MEANINGS, error),
    }
}

/// What a refusal says about the TPM, if it is one of these; else it is why the
/// report went no further.
fn meaning<T: Copy>(meanings: &[(Situation, T)], error: SealError) -> Result<T, SealError> {
    let row = meanings.iter().find(|(it, _)| *it == error.situation);
    row.map(|(_, state)| *state).ok_or(error)
}

fn pcr_state(link: &mut Link<'_>, sealed: &Sealed) -> Result<PcrState, SealError> {
    let Some(pcrs) = &sealed.pcrs else {
        return Ok(PcrState::NotUsed);
    };
    let now = policy::read(link, None, pcrs.selection)?;
    Ok(if now == pcrs.digest.bytes() {
        PcrState::Same
    } else {
        PcrState::Changed
    })
}
