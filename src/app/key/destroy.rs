//! The end of a data folder: nothing that was ever copied from it opens again
//! with this TPM, and no slot is left on the disk.
//!
//! What a person still knows stays a way in: a copy of the folder made before
//! opens with its passphrase or recovery key, and no program can change that.

use super::{Custody, LOCKOUT, Witness};
use crate::core::pin::LockoutPassword;
use crate::keys::{Opened, SlotsFile, slots};
use crate::store::{meta, open};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

impl Custody {
    /// Destroys every slot, in the TPM first, then on the disk; then removes
    /// the files that no key opens any more. `opened`, where the box could be
    /// opened, gives the TPM's lock-out back.
    ///
    /// # Errors
    /// In words; calling again goes on where it stopped.
    pub fn destroy(&self, opened: Option<&Opened>, witness: &mut Witness<'_>) -> Result<()> {
        let slots = match SlotsFile::load(&self.folder) {
            Ok(slots) => Some(slots),
            // Gone already, or unreadable: the disk is cleared all the same.
            Err(error) => {
                tracing::warn!(%error, "the slots could not be read");
                None
            }
        };
        if let Some(slots) = &slots {
            self.destroy_in_the_tpm(slots, opened)?;
            witness("the TPM has forgotten its half of the key");
        }
        for path in crate::app::lan::key_files(&self.folder) {
            overwrite_and_remove(&path)?;
        }
        // The file by which the folder is known to be a clinic's goes last.
        for name in [slots::OLD_FILE, slots::FILE] {
            overwrite_and_remove(&self.folder.join(name))?;
        }
        crate::durable::sync_folder(&self.folder)?;
        witness("the slots are gone from the disk");
        remove_everything_in(&self.folder)?;
        witness("the folder is empty");
        Ok(())
    }

    fn destroy_in_the_tpm(&self, slots: &SlotsFile, opened: Option<&Opened>) -> Result<()> {
        let Some(board) = slots.board() else {
            return Ok(());
        };
        let sealer = self.sealer()?;
        for met in slots.boards() {
            match sealer.keep_only(met, &[]) {
                Ok(_) => {}
                Err(error) if met == board => {
                    return Err(error).context(
                        "the TPM did not forget: nothing was erased; try again with the TPM at hand",
                    );
                }
                Err(_) => tracing::error!(
                    "a seal to another board stays: with that board, a copy of this folder opens"
                ),
            }
        }
        let Some(password) = opened.and_then(|opened| self.kept_password(opened)) else {
            return Ok(());
        };
        // Without it the next installation cannot count wrong PINs back.
        if let Err(error) = sealer.release_lockout(board, &password) {
            tracing::warn!(%error, "the TPM's lock-out keeps its password: clear the TPM before it is used again");
        }
        Ok(())
    }

    fn kept_password(&self, opened: &Opened) -> Option<LockoutPassword> {
        let conn = open::open_reader(&self.folder, &opened.key).ok()?;
        let kept = meta::find(&conn, LOCKOUT).ok()??;
        let mut bytes = <[u8; 32]>::try_from(kept).ok()?;
        Some(LockoutPassword::take(&mut bytes))
    }
}

/// A card may keep the old words somewhere all the same; the TPM's half is what
/// makes them worthless.
fn overwrite_and_remove(path: &Path) -> Result<()> {
    let Ok(facts) = fs::metadata(path) else {
        return Ok(());
    };
    let zeros = vec![0; usize::try_from(facts.len()).unwrap_or(0)];
    let file = fs::OpenOptions::new().write(true).open(path)?;
    std::io::Write::write_all(&mut &file, &zeros)?;
    file.sync_all()?;
    fs::remove_file(path)?;
    Ok(())
}

fn remove_everything_in(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    crate::durable::sync_folder(folder)?;
    Ok(())
}
