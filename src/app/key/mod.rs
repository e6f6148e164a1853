//! The data key's life in a data folder: opening it, and each change of the
//! ways in.
//!
//! Every change is a row of durable steps, told to a witness as each is done. A
//! power cut between any two leaves a folder that the old or the new way opens,
//! and never neither. No slot is given up because it did not open.

mod copied;
mod destroy;
mod drill;
mod ending;
mod lan;
mod lockout;
mod opening;
mod revoke;
mod rotate;
mod ways;

pub use crate::keys::{Opened, RecoveryKey};
pub use destroy::Erased;
pub use drill::Drill;
pub use ending::is_a_box;
pub use opening::{is_wrong_recovery_key, is_wrong_secret, open, registers_changed};
pub use rotate::Pause;

use crate::app::service::Machine;
use crate::config::KeyHome;
use crate::core::data_key::DataKey;
use crate::core::pin::Pin;
use crate::core::secret::Secret;
use crate::core::time::UnixMs;
use crate::keys::{BadRecoveryKey, SlotsFile};
use crate::ports::sealer::{Finding, PcrSelection, Sealer};
use crate::ports::{Chance, Clock};
use crate::store::audit::{self, Deed};
use crate::store::open as database;
use crate::tpm::Tpm;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the audit log puts it.
const WITH_PIN: &str = "TPM with a PIN";
/// With nothing sealed.
const WITHOUT_TPM: &str = "passphrase";
/// And without a PIN.
const WITHOUT_PIN: &str = "TPM without a PIN: whoever has the whole box reads it";
/// Shortest passphrase that is taken, characters.
pub const PASSPHRASE_CHARS_MIN: usize = 12;

/// What is told of each step once it is durable.
pub type Witness<'a> = dyn FnMut(&'static str) + 'a;

/// One way to the data key.
pub enum Way {
    /// The TPM alone, or with a PIN.
    Tpm(Option<Pin>),
    /// A passphrase.
    Passphrase(Secret),
    /// The recovery key.
    Recovery(RecoveryKey),
    /// What somebody typed to unlock the box: a passphrase, or the PIN.
    Typed(Secret),
}

impl Way {
    /// What somebody says is a passphrase or the recovery key. It is never tried
    /// as a PIN: a wrong one must not use up a try of the TPM's.
    ///
    /// # Errors
    /// Names the group of a recovery key that has a mistake.
    pub fn not_a_pin(secret: Secret) -> Result<Self, BadRecoveryKey> {
        let read = std::str::from_utf8(secret.expose()).map(RecoveryKey::parse);
        match read {
            Ok(Ok(key)) => Ok(Self::Recovery(key)),
            Ok(Err(mistake)) if mistake.is_slip() => Err(mistake),
            Ok(Err(_)) | Err(_) => Ok(Self::Passphrase(secret)),
        }
    }
}

/// The slots as they can be told.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Their kinds, in order.
    pub kinds: Vec<String>,
    /// The data keys there are slots for, the newest first.
    pub generations: Vec<u32>,
    /// For each seal to a TPM, the newest first: whether it wants a PIN.
    pub pins: Vec<bool>,
}

impl Summary {
    /// Whether each seal to a TPM wants a PIN; false where there is none.
    pub fn has_pin(&self) -> bool {
        !self.pins.is_empty() && self.pins.iter().all(|pin| *pin)
    }

    /// Whether the box asks for a PIN, and a board it has left does not.
    pub fn has_open_seal_elsewhere(&self) -> bool {
        self.pins.first() == Some(&true) && !self.has_pin()
    }
}

/// The key slots of one data folder, and the TPM of the board they are on.
/// Calls block, for seconds: not for a runtime's thread.
#[derive(Clone)]
pub struct Custody {
    folder: PathBuf,
    /// Where the folder will be, once it is made.
    place: PathBuf,
    sealer: Option<Arc<dyn Sealer>>,
    pcrs: Option<PcrSelection>,
    chance: Arc<dyn Chance>,
    /// For the audit log.
    clock: Arc<dyn Clock>,
}

impl Custody {
    /// The slots of `folder`, with the TPM that the configuration names.
    ///
    /// # Errors
    /// When it does not name one as it should.
    pub fn new(folder: &Path, home: &KeyHome, machine: &Machine) -> Result<Self> {
        let sealer = match &home.tpm {
            Some(tcti) => {
                let tcti = tcti
                    .parse()
                    .with_context(|| format!("key.tpm = \"{tcti}\""))?;
                let tpm = Tpm::new(tcti, Arc::clone(&machine.chance));
                Some(Arc::new(tpm) as Arc<dyn Sealer>)
            }
            None => None,
        };
        let pcrs = match home.pcrs.as_slice() {
            [] => None,
            some => {
                let numbers: Result<Vec<u8>, _> = some.iter().map(|n| u8::try_from(*n)).collect();
                Some(PcrSelection::try_from(numbers?)?)
            }
        };
        Ok(Self {
            sealer,
            pcrs,
            ..Self::without_tpm(folder, machine)
        })
    }

    /// The slots of a folder on a machine without a TPM.
    pub fn without_tpm(folder: &Path, machine: &Machine) -> Self {
        Self {
            folder: folder.to_owned(),
            place: folder.to_owned(),
            sealer: None,
            pcrs: None,
            chance: Arc::clone(&machine.chance),
            clock: Arc::clone(&machine.clock),
        }
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The same, for a folder that is elsewhere while it is being made.
    pub(super) fn in_folder(&self, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            ..self.clone()
        }
    }

    /// The TPM.
    ///
    /// # Errors
    /// When the configuration says that there is none.
    pub fn sealer(&self) -> Result<&dyn Sealer> {
        self.sealer
            .as_deref()
            .context("no TPM is configured: name it as key.tpm, such as \"device:/dev/tpmrm0\"")
    }

    /// Whether the TPM opens the folder by itself, as far as the slots tell. What
    /// is sealed to a board the box has left opens nothing here.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn opens_by_itself(&self) -> Result<bool> {
        let slots = SlotsFile::load(&self.folder)?;
        let mut here = slots.sealed_at_home().into_iter();
        Ok(here.any(|sealed| sealed.pin.is_none()))
    }

    /// Whether the TPM wants a PIN, as far as the slots tell.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn wants_pin(&self) -> Result<bool> {
        Ok(opening::wants_pin(&SlotsFile::load(&self.folder)?))
    }

    /// Whether any TPM that the box was ever sealed to wants a PIN: its card may be
    /// back there.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn may_want_pin(&self) -> Result<bool> {
        Ok(opening::had_a_pin(&SlotsFile::load(&self.folder)?))
    }

    /// Whether the TPM that the box is sealed to can be used here, as far as can
    /// be seen without a secret.
    pub fn tpm_is_at_hand(&self) -> bool {
        let hinders = |finding: &Finding| match finding {
            Finding::Unusable(_)
            | Finding::Cleared
            | Finding::OtherTpm
            | Finding::OtherStorageKey
            | Finding::OwnerPassword { opens: false } => true,
            Finding::OwnerPassword { opens: true }
            | Finding::IndexGone
            | Finding::IndexOverwritten
            | Finding::PcrChanged
            | Finding::LockedOut { .. }
            | Finding::UnguardedPin => false,
        };
        self.tpm_findings()
            .is_ok_and(|findings| !findings.iter().any(hinders))
    }

    /// Whether a TPM answers on this board.
    pub fn has_tpm_here(&self) -> bool {
        let sealer = self.sealer.as_deref();
        sealer.is_some_and(|sealer| sealer.report(None).fault.is_none())
    }

    /// Whether anything is sealed to a TPM, as far as the slots tell.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn is_sealed(&self) -> Result<bool> {
        let slots = SlotsFile::load(&self.folder)?;
        Ok(!slots.sealed().is_empty() || slots.has_unread())
    }

    /// What stands between the box and what is sealed to its TPM; empty when
    /// nothing does, or nothing is sealed.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn tpm_findings(&self) -> Result<Vec<Finding>> {
        let slots = SlotsFile::load(&self.folder)?;
        Ok(match (&self.sealer, slots.sealed().first()) {
            (Some(sealer), Some(sealed)) => sealer.report(Some(sealed)).findings(),
            (None, _) | (_, None) => Vec::new(),
        })
    }

    /// What the slots' file tells without any secret.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn summary(&self) -> Result<Summary> {
        let slots = SlotsFile::load(&self.folder)?;
        Ok(Summary {
            kinds: slots.kinds(),
            generations: slots.generations(),
            pins: slots.sealed().iter().map(|it| it.pin.is_some()).collect(),
        })
    }

    /// Notes in the audit log what was done, and whether the box now opens
    /// without a PIN. The box is open by one of its ways.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note(&self, key: &DataKey, action: &str, now: UnixMs) -> Result<()> {
        let slots = SlotsFile::load(&self.folder)?;
        let detail = match slots.sealed().first() {
            None => WITHOUT_TPM,
            Some(sealed) if sealed.pin.is_some() => WITH_PIN,
            Some(_) => WITHOUT_PIN,
        };
        let conn = database::open(&self.folder, key)?;
        let deed = Deed {
            at: now,
            actor: "command line",
            action,
            subject: "box",
            detail,
        };
        audit::append(&conn, &deed)?;
        conn.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    /// Makes whatever the slots do not name worthless: inside the TPM that is
    /// here, and the former slots on the disk.
    ///
    /// # Errors
    /// When the TPM that the installation lives with did not forget.
    fn forget_the_rest(&self, slots: &SlotsFile) -> Result<()> {
        self.forget_in_the_tpm(slots)?;
        crate::keys::slots::remove_old(&self.folder)?;
        Ok(())
    }

    /// As [`Custody::forget_the_rest`], inside the TPM alone.
    fn forget_in_the_tpm(&self, slots: &SlotsFile) -> Result<()> {
        if slots.has_unread() && self.sealer.is_some() {
            bail!(
                "keyslots.json holds a slot that does not read, which may be the TPM's: nothing was removed from the TPM"
            );
        }
        self.keep_in_the_tpm(slots)
    }

    /// As [`Custody::forget_in_the_tpm`], where what does not read opens nothing
    /// any more.
    fn keep_in_the_tpm(&self, slots: &SlotsFile) -> Result<()> {
        let Some(sealer) = &self.sealer else {
            return Ok(());
        };
        let listeners = crate::app::lan::sealed_in(&self.folder);
        let mut keep = slots.sealed();
        keep.extend(&listeners);
        let home = slots.board_of_seal();
        if let Some(home) = home {
            sealer.keep_only(home, &keep).context(
                "the new way in stands, and the TPM still keeps the former one: run healthpost \
                 key reseal",
            )?;
        }
        for board in slots.boards() {
            if Some(board) != home
                && let Err(error) = sealer.keep_only(board, &keep)
            {
                tracing::debug!(%error, "another TPM that the box has met was not asked");
            }
        }
        Ok(())
    }
}

/// A secret as text.
fn words(secret: &Secret) -> Result<&str> {
    std::str::from_utf8(secret.expose()).context("it is not written in UTF-8")
}

/// Whether a text is only ever tried as a recovery key, where somebody unlocks.
pub fn is_like_a_recovery_key(text: &str) -> bool {
    RecoveryKey::parse(text).map_or_else(BadRecoveryKey::is_slip, |_| true)
}

/// A new passphrase as text.
///
/// # Errors
/// If it is too short or no UTF-8.
pub fn new_passphrase(secret: &Secret) -> Result<&str> {
    let text = words(secret).context("the passphrase")?;
    if text.chars().count() < PASSPHRASE_CHARS_MIN {
        bail!("the passphrase is too short: it needs at least {PASSPHRASE_CHARS_MIN} characters");
    }
    if is_like_a_recovery_key(text) {
        bail!("the passphrase is written like a recovery key: choose one with words in it");
    }
    Ok(text)
}
