//! A new data key, and the whole database under it.
//!
//! What people know stays: passphrases and the recovery key open the new key
//! too, without anybody having to type them. The slots hold both keys until the
//! new file has been opened.

use super::{Custody, Way, Witness};
use crate::core::data_key::DataKey;
use crate::keys::slots::{Fault, remove_old};
use crate::keys::{Error as SlotsError, Opened, SlotsFile};
use crate::ports::sealer::Sealed;
use crate::store::{open, rewrite};
use anyhow::{Context, Result, bail};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Bytes that are rewritten in a second, at least, on a slow card.
const BYTES_A_SECOND: u64 = 4 * 1024 * 1024;

/// What a new data key asks for.
const DRILL_AGAIN: &str = "the recovery key was put over to the new data key without its paper: \
    prove once more that it opens, with healthpost key drill";

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
        refuse_without_the_seal(&slots)?;
        let next = self.draw_next(&slots, opened)?;
        slots
            .add_generation(opened, &next, self.chance.as_ref())
            .map_err(in_words)?;
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
        tell_what_was_left(&slots, witness);
        slots.keep_generation(next.generation);
        slots.save(&self.folder)?;
        witness("the slots hold the new key alone");
        self.note(&next.key, "key.rotate", self.clock.now().at)?;
        witness(DRILL_AGAIN);
        self.keep_in_the_tpm(&slots)?;
        remove_old(&self.folder)?;
        witness("the former slots are worthless");
        Ok(next)
    }

    /// Its number is above every one that a slot tells, right or wrong: what has
    /// another ends with the rotation.
    fn draw_next(&self, slots: &SlotsFile, opened: &Opened) -> Result<Opened> {
        let highest = slots.generations().first().copied().unwrap_or_default();
        let last = highest.max(opened.generation);
        Ok(Opened {
            generation: last.checked_add(1).context("no further key")?,
            key: self.draw(),
        })
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

/// Where the TPM's slot does not read, nothing tells which TPM it is, nor whether
/// there was a PIN: the new key would be left with what people remember.
fn refuse_without_the_seal(slots: &SlotsFile) -> Result<()> {
    let is_unread = slots.has_unread_seal() || (slots.has_unread() && slots.board().is_some());
    if is_unread && slots.sealed().is_empty() {
        bail!(
            "the TPM's slot in keyslots.json does not read, and the new key would be sealed to no \
             TPM: seal the present one first, with key reseal and a passphrase or the recovery \
             key; then run key rotate again"
        );
    }
    Ok(())
}

/// What to do about a slot that the new key cannot be put into.
fn in_words(error: SlotsError) -> anyhow::Error {
    let is_paper = matches!(
        error,
        SlotsError::DamagedSlot("recovery key") | SlotsError::NoSuchSlot(_)
    );
    let error = anyhow::Error::from(error);
    if is_paper {
        return error.context(
            "the recovery key would not open the new data key: draw a new one first, with \
             healthpost key new-recovery",
        );
    }
    error
}

/// What ends with the former key although nobody asked for it, and what stays.
fn tell_what_was_left(slots: &SlotsFile, witness: &mut Witness<'_>) {
    if slots.faults().contains(&Fault::DamagedPassphrase) {
        witness(
            "a damaged passphrase slot was not put over to the new key, and ends with the former \
             one: a passphrase that no longer opens is added again with healthpost key \
             add-passphrase",
        );
    }
    if slots.has_unread() {
        witness(
            "a slot of keyslots.json that does not read was left there as it is: it was not put \
             over to the new key, and opens nothing",
        );
    }
}
