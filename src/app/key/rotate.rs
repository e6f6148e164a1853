//! A new data key, and the whole database under it.
//!
//! What people know stays: passphrases and the recovery key open the new key
//! too, without anybody having to type them. The slots hold both keys until the
//! new file has been opened.

use super::{Custody, Way, Witness};
use crate::core::data_key::DataKey;
use crate::keys::{Opened, SlotsFile};
use crate::ports::sealer::Sealed;
use crate::store::{open, rewrite};
use anyhow::{Context, Result, bail};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Bytes that are rewritten in a second, at least, on a slow card.
const BYTES_A_SECOND: u64 = 4 * 1024 * 1024;

/// How long the box will be away while its key is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Size of the database, bytes.
    pub bytes: u64,
    /// At most about so long.
    pub expected: Duration,
}

impl Custody {
    /// How long [`Custody::rotate`] will take.
    ///
    /// # Errors
    /// When the database is not there, or the disk has no room for a second one.
    pub fn pause(&self) -> Result<Pause> {
        let bytes = std::fs::metadata(open::path(&self.folder))
            .context("the database cannot be seen")?
            .len();
        let disk = rustix::fs::statvfs(&self.folder)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < bytes.saturating_mul(2) {
            bail!(
                "the disk has {} MiB free, and a second database needs {} MiB: free some space first",
                free >> 20,
                (bytes * 2) >> 20
            );
        }
        Ok(Pause {
            bytes,
            expected: Duration::from_secs(2 + bytes / BYTES_A_SECOND),
        })
    }

    /// Changes the data key. `way` is the way `opened` was opened by: with a
    /// PIN, the new key is sealed with the same one.
    ///
    /// # Errors
    /// In words; the box opens as before then, or with the new key already.
    pub fn rotate(&self, opened: &Opened, way: &Way, witness: &mut Witness<'_>) -> Result<Opened> {
        let mut slots = SlotsFile::load(&self.folder)?;
        self.not_in_a_copy(&mut slots)?;
        let next = Opened {
            generation: opened.generation.checked_add(1).context("no further key")?,
            key: self.draw(),
        };
        slots.add_generation(opened, &next, self.chance.as_ref())?;
        self.seal_next(&mut slots, &next, way)?;
        witness("the new key is sealed");
        slots.save(&self.folder)?;
        witness("the slots hold both keys");
        self.prove(way, &next)?;
        witness("the new key was opened as the old one was");
        // That the paper leads to the new key too, nobody has seen yet. Before the
        // copy is made: no cut leaves a drill that was of another key.
        self.forget_the_drill(&opened.key)?;
        witness("the drill counts no more");
        if let Err(error) = rewrite::write_new(&self.folder, &opened.key, &next.key) {
            // What there is of it takes room that the box needs.
            rewrite::discard_new(&self.folder).ok();
            return Err(error).context("the database could not be written anew");
        }
        witness("the new database is written and checked");
        rewrite::put_in_place(&self.folder)
            .context("the new database could not be put in place")?;
        witness("the new database is in place");
        if !rewrite::fits(&self.folder, &next.key)? {
            bail!("the new database does not open with the new key");
        }
        slots.keep_generation(next.generation);
        slots.save(&self.folder)?;
        witness("the slots hold the new key alone");
        self.forget_the_rest(&slots)?;
        witness("the former slots are worthless");
        Ok(next)
    }

    /// What was written to the disk leads to the new key, before anything is
    /// given up.
    fn prove(&self, way: &Way, next: &Opened) -> Result<()> {
        let (written, _) = self.candidates(&SlotsFile::load(&self.folder)?, way)?;
        let proved = written.iter().any(|it| {
            it.generation == next.generation && bool::from(it.key.expose().ct_eq(next.key.expose()))
        });
        if !proved {
            bail!("the new slots do not open the new key: nothing was changed but keyslots.json");
        }
        Ok(())
    }

    fn draw(&self) -> DataKey {
        let mut random = [0; 32];
        self.chance.fill(&mut random);
        DataKey::take(&mut random)
    }

    /// The TPM that is here gets the new key as well, if it has the old one. The
    /// slots of the old key end with the rotation: where a TPM has one, but not
    /// this TPM, the box would be left with what people remember.
    fn seal_next(&self, slots: &mut SlotsFile, next: &Opened, way: &Way) -> Result<()> {
        if slots.sealed().is_empty() {
            return Ok(());
        }
        let met = self.sealer()?.meet()?;
        let of_this_one = |it: &&Sealed| it.board.storage_key == met.storage_key;
        let Some(sealed) = slots.sealed().into_iter().find(of_this_one).cloned() else {
            bail!(
                "the key is sealed to another TPM than the one that is here, and would end there: \
                 seal it to this one first, with key reseal and a passphrase, or with key recover"
            );
        };
        let pin = match way {
            Way::Tpm(pin) => pin.as_ref(),
            Way::Passphrase(_) | Way::Recovery(_) | Way::Typed(_) => None,
        };
        if sealed.pin.is_some() && pin.is_none() {
            bail!(
                "the TPM's slot has a PIN, and the new key is sealed with the same one: give it \
                 with --pin-file FILE"
            );
        }
        // A try to seal to another board may have noted that one.
        slots.set_board(sealed.board.clone());
        self.seal_for(slots, &sealed.board, next, pin)
    }
}
