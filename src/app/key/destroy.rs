//! The end of a data folder: nothing that was ever copied from it opens again
//! with this TPM, and no slot is left on the disk.
//!
//! What a person still knows stays a way in: a copy of the folder made before
//! opens with its passphrase or recovery key, and no program can change that.

use super::ending::{self, remove_what_is_the_boxs};
use super::opening::had_a_pin;
use super::{Custody, Witness};
use crate::keys::{Error as SlotsError, Opened, SlotsFile, slots};
use crate::ports::sealer::Board;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// What the end left behind, elsewhere than on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// A TPM that was not asked still keeps its half of the key: with it, copies
    /// of the folder open as they did.
    pub half_left: bool,
    /// The TPM's lock-out keeps a password that nobody knows any more: before a
    /// PIN is used on that board again, the TPM has to be cleared.
    pub lockout_left: bool,
    /// The folder holds files that are not the box's: they were left.
    pub others_left: bool,
}

impl Custody {
    /// Destroys every slot, in the TPM first, then on the disk; then removes
    /// the box's files, which no key opens any more, and no others. `opened`, where the box could be
    /// opened, gives the TPM's lock-out back. `with_tpm` is given up only for a
    /// TPM that is dead or gone, or for a copy that is not the box.
    ///
    /// # Errors
    /// In words; calling again goes on where it stopped.
    pub fn destroy(
        &self,
        opened: Option<&Opened>,
        with_tpm: bool,
        witness: &mut Witness<'_>,
    ) -> Result<Erased> {
        if !ending::is_a_box(&self.folder)? {
            return Ok(Erased::default());
        }
        let mut erased = self.foresee_end(with_tpm)?;
        let slots = if with_tpm {
            self.last_slots().ok()
        } else {
            None
        };
        if let Some(slots) = &slots {
            if self.is_copied(slots) {
                bail!(
                    "{}: nothing was erased; to erase this copy and leave the TPM as it is, add \
                     --without-tpm",
                    self.told_copied(slots)
                );
            }
            if let Some(told) = self.told_left(slots) {
                bail!(
                    "{told}: nothing was erased; to erase this folder and leave the TPM as it is, \
                     add --without-tpm"
                );
            }
            erased = self.destroy_in_the_tpm(slots, opened)?;
        }
        // Without the slots nothing tells any more what the TPM keeps: an end
        // that is cut short from here on goes by this.
        ending::begin(&self.folder, erased)?;
        if slots.is_some_and(|slots| slots.board().is_some()) {
            witness("the TPM has forgotten its half of the key");
        }
        if !ending::lan_leads_elsewhere(&self.folder) {
            for path in crate::app::lan::key_files(&self.folder) {
                overwrite_and_remove(&path)?;
            }
        }
        // The file by which the folder is known to be a clinic's goes last.
        for name in [slots::OLD_FILE, slots::FILE] {
            overwrite_and_remove(&self.folder.join(name))?;
        }
        crate::durable::sync_folder(&self.folder)?;
        witness("the slots are gone from the disk");
        erased.others_left = remove_what_is_the_boxs(&self.folder)?;
        witness("the box's files are gone");
        Ok(erased)
    }

    /// What an end leaves behind where nobody could open the box, as far as its
    /// slots tell. Where they do not read, nobody knows what a TPM keeps of it.
    ///
    /// # Errors
    /// When the TPM is to forget, and nothing tells what.
    pub fn foresee_end(&self, with_tpm: bool) -> Result<Erased> {
        let error = match self.last_slots() {
            Ok(slots) => {
                return Ok(Erased {
                    half_left: !with_tpm && (!slots.sealed().is_empty() || slots.has_unread()),
                    lockout_left: had_a_pin(&slots)
                        || (with_tpm && slots.board().is_some() && self.lockout_has_a_password()),
                    others_left: false,
                });
            }
            Err(error) => error,
        };
        match ending::begun(&self.folder) {
            Some(begun) => Ok(begun),
            None if with_tpm => Err(error).context(
                "nothing was erased, since nothing tells what a TPM keeps of this box; put the \
                 slots back, or add --without-tpm and clear the TPM afterwards, if there is one",
            ),
            None => Ok(Erased {
                half_left: true,
                lockout_left: true,
                others_left: false,
            }),
        }
    }

    /// The slots, or where they do not read those before the last change: they
    /// name the same TPM.
    fn last_slots(&self) -> Result<SlotsFile, SlotsError> {
        let present = match SlotsFile::load(&self.folder) {
            Ok(slots) => return Ok(slots),
            Err(error) => error,
        };
        tracing::warn!(%present, "the slots could not be read");
        match (present, SlotsFile::load_old(&self.folder)) {
            (_, Ok(former)) => Ok(former),
            (SlotsError::Missing, Err(error)) | (error, Err(_)) => Err(error),
        }
    }

    /// As far as it goes: what a folder that never became a box left in the TPM.
    pub(in crate::app) fn abandon(&self) {
        let (Ok(slots), Some(sealer)) = (SlotsFile::load(&self.folder), &self.sealer) else {
            return;
        };
        for board in slots.boards() {
            if let Err(error) = sealer.keep_only(board, &[]) {
                tracing::warn!(%error, "a half of a key that was never used stays in the TPM");
            }
        }
    }

    fn destroy_in_the_tpm(&self, slots: &SlotsFile, opened: Option<&Opened>) -> Result<Erased> {
        let mut erased = Erased::default();
        let Some(board) = slots.board_of_seal() else {
            return Ok(erased);
        };
        let sealer = self.sealer()?;
        sealer.keep_only(board, &[]).context(
            "the TPM did not forget: nothing was erased; try again with the TPM at hand, or, if it \
             is dead or gone for good, add --without-tpm",
        )?;
        // One that was met, and that nothing is sealed to, has no half to keep.
        let may_keep = |met: &Board| {
            slots.has_unread() || slots.sealed().iter().any(|sealed| sealed.board == *met)
        };
        for met in slots.boards() {
            if met != board && sealer.keep_only(met, &[]).is_err() {
                erased.half_left |= may_keep(met);
            }
        }
        let password = opened.and_then(|opened| self.kept_password(opened));
        // Without it the next installation cannot count wrong PINs back.
        erased.lockout_left = match password {
            Some(password) => match sealer.release_lockout(board, &password) {
                Ok(()) => false,
                Err(error) => {
                    tracing::warn!(%error, "the TPM's lock-out keeps its password");
                    true
                }
            },
            // A PIN that was taken off again left its password there too.
            None => self.lockout_has_a_password(),
        };
        Ok(erased)
    }
}

/// A card may keep the old words somewhere all the same; the TPM's half is what
/// makes them worthless. It loses its name first: after a power cut in between,
/// what is half overwritten must not be taken for slots that were damaged.
fn overwrite_and_remove(path: &Path) -> Result<()> {
    let Ok(facts) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if facts.is_symlink() {
        // What it leads to is none of the box's.
        return Ok(fs::remove_file(path)?);
    }
    let gone = path.with_added_extension("gone");
    fs::rename(path, &gone)?;
    if let Some(folder) = path.parent() {
        crate::durable::sync_folder(folder)?;
    }
    let zeros = vec![0; usize::try_from(facts.len()).unwrap_or(0)];
    let file = fs::OpenOptions::new().write(true).open(&gone)?;
    std::io::Write::write_all(&mut &file, &zeros)?;
    file.sync_all()?;
    fs::remove_file(&gone)?;
    Ok(())
}
