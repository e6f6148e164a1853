//! The data key's life in a data folder: opening it, and each change of the
//! ways in.
//!
//! Every change is a row of durable steps, told to a witness as each is done. A
//! power cut between any two leaves a folder that the old or the new way opens,
//! and never neither. No slot is given up because it did not open.

mod copied;
mod destroy;
mod drill;
mod lockout;
mod revoke;
mod rotate;
mod ways;

pub use crate::keys::{Opened, RecoveryKey};
pub use destroy::Erased;
pub use drill::Drill;
pub use rotate::Pause;

use crate::config::KeyHome;
use crate::core::data_key::DataKey;
use crate::core::pin::Pin;
use crate::core::secret::Secret;
use crate::core::time::UnixMs;
use crate::keys::{Error as SlotsError, SlotsFile};
use crate::ports::Chance;
use crate::ports::sealer::{Finding, PcrSelection, Sealer};
use crate::store::audit::{self, Deed};
use crate::store::{open as database, rewrite};
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
}

impl Custody {
    /// The slots of `folder`, with the TPM that the configuration names.
    ///
    /// # Errors
    /// When it does not name one as it should.
    pub fn new(folder: &Path, home: &KeyHome, chance: Arc<dyn Chance>) -> Result<Self> {
        let sealer = match &home.tpm {
            Some(tcti) => {
                let tcti = tcti
                    .parse()
                    .with_context(|| format!("key.tpm = \"{tcti}\""))?;
                let tpm = Tpm::new(tcti, Arc::clone(&chance));
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
            folder: folder.to_owned(),
            place: folder.to_owned(),
            sealer,
            pcrs,
            chance,
        })
    }

    /// The slots of a folder on a machine without a TPM.
    pub fn without_tpm(folder: &Path, chance: Arc<dyn Chance>) -> Self {
        Self {
            folder: folder.to_owned(),
            place: folder.to_owned(),
            sealer: None,
            pcrs: None,
            chance,
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

    /// Whether the TPM opens the folder by itself, as far as the slots tell.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn opens_by_itself(&self) -> Result<bool> {
        let slots = SlotsFile::load(&self.folder)?;
        Ok(slots.sealed().iter().any(|sealed| sealed.pin.is_none()))
    }

    /// Whether the TPM wants a PIN, as far as the slots tell.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn wants_pin(&self) -> Result<bool> {
        Ok(wants_pin(&SlotsFile::load(&self.folder)?))
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

    /// The data key, by one way, and what a change that was cut short left
    /// behind is tidied up.
    ///
    /// # Errors
    /// In words: why that way does not open.
    pub fn open(&self, way: &Way) -> Result<Opened> {
        let slots = SlotsFile::load(&self.folder)?;
        let (candidates, by) = self.candidates(&slots, way)?;
        let opened = self.that_fits(candidates)?;
        let slots = self.settle(slots, opened.generation)?;
        if by != By::Person && !self.is_copied(&slots) {
            // A change that was cut short may have left an older way in. Only
            // with the TPM at hand: a list from an old copy must not be kept to.
            if let Err(error) = self.forget_the_rest(&slots) {
                let error = format!("{error:#}");
                tracing::warn!(error, "an earlier way in could not be removed");
            }
        }
        if by == By::Pin {
            self.count_back_if_possible(&opened.key);
        }
        Ok(opened)
    }

    fn candidates(&self, slots: &SlotsFile, way: &Way) -> Result<(Vec<Opened>, By)> {
        Ok(match way {
            Way::Passphrase(typed) => (slots.open_with_passphrase(words(typed)?)?, By::Person),
            Way::Recovery(key) => (slots.open_with_recovery(key)?, By::Person),
            Way::Tpm(pin) => {
                let opened = slots.open_with_tpm(self.sealer()?, pin.as_ref())?;
                let by = if pin.is_some() { By::Pin } else { By::Tpm };
                (opened, by)
            }
            Way::Typed(typed) => return self.typed(slots, words(typed)?),
        })
    }

    /// A passphrase is tried first: it costs time, and a PIN costs one of the
    /// TPM's tries.
    fn typed(&self, slots: &SlotsFile, text: &str) -> Result<(Vec<Opened>, By)> {
        match slots.open_with_passphrase(text) {
            Ok(opened) => {
                if !slots.sealed().is_empty() {
                    tracing::warn!("the box was opened by a passphrase and not by its TPM");
                }
                return Ok((opened, By::Person));
            }
            Err(SlotsError::Wrong(_) | SlotsError::NoSuchSlot(_) | SlotsError::DamagedSlot(_))
                if wants_pin(slots) => {}
            Err(error) => return Err(error.into()),
        }
        let pin = Pin::parse(text)?;
        let opened = slots.open_with_tpm(self.sealer()?, Some(&pin))?;
        Ok((opened, By::Pin))
    }

    /// Of two generations, the one whose file is in place.
    fn that_fits(&self, candidates: Vec<Opened>) -> Result<Opened> {
        for opened in candidates {
            let fits = rewrite::fits(&self.folder, &opened.key);
            if fits.context("the database could not be opened")? {
                return Ok(opened);
            }
        }
        bail!(
            "the key opens, but it is not the key of clinic.db: the file and keyslots.json are of \
             different times; put back the pair that belongs together"
        )
    }

    /// Ends a rotation that was cut short: the slots of the file that is not
    /// there open nothing any more.
    fn settle(&self, mut slots: SlotsFile, generation: u32) -> Result<SlotsFile> {
        rewrite::discard_new(&self.folder).context("a leftover could not be removed")?;
        if slots.keep_generation(generation) {
            slots.save(&self.folder)?;
            tracing::info!("a change of the data key that was cut short is settled");
        }
        Ok(slots)
    }

    /// Makes whatever the slots do not name worthless: inside the TPM that is
    /// here, and the former slots on the disk.
    ///
    /// # Errors
    /// When the TPM that the installation lives with did not forget.
    fn forget_the_rest(&self, slots: &SlotsFile) -> Result<()> {
        if let Some(sealer) = &self.sealer {
            if slots.has_unread() {
                bail!(
                    "keyslots.json holds a slot that does not read, which may be the TPM's: nothing was removed from the TPM"
                );
            }
            let keep = slots.sealed();
            for board in slots.boards() {
                let forgotten = sealer.keep_only(board, &keep);
                if let Err(error) = forgotten
                    && Some(board) == slots.board()
                {
                    return Err(error).context(
                        "the new way in stands, and the TPM still keeps the former one: run \
                         healthpost key reseal",
                    );
                }
            }
        }
        crate::keys::slots::remove_old(&self.folder)?;
        Ok(())
    }
}

/// What opened the box.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Tpm,
    Pin,
    Person,
}

fn wants_pin(slots: &SlotsFile) -> bool {
    slots.sealed().iter().any(|sealed| sealed.pin.is_some())
}

/// As [`Custody::open`], off the runtime's threads: it takes its time.
///
/// # Errors
/// As [`Custody::open`].
pub async fn open(custody: &Custody, way: Way) -> Result<Opened> {
    let custody = custody.clone();
    tokio::task::spawn_blocking(move || custody.open(&way)).await?
}

/// A secret as text.
fn words(secret: &Secret) -> Result<&str> {
    std::str::from_utf8(secret.expose()).context("it is not written in UTF-8")
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
    Ok(text)
}
