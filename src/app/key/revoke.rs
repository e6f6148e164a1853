//! Ways in that end: a passphrase somebody should no longer have, and the
//! recovery key whose paper is lost or was seen.
//!
//! A box is never left with the paper alone, and no new recovery key counts
//! before somebody has read it back from what they wrote down. The data key
//! stays: whoever copied `keyslots.json` before still has it by the old way,
//! until `key rotate`.

use super::opening::By;
use super::{Custody, Way, Witness, words};
use crate::core::secret::Secret;
use crate::keys::{Opened, RecoveryKey, SlotsFile, slots};
use anyhow::{Context, Result, bail};
use subtle::ConstantTimeEq;

impl Custody {
    /// Ends a passphrase. `way`, by which the box was opened, has to open it
    /// afterwards as well, and to be another one than the paper.
    ///
    /// # Errors
    /// When no slot opens with it, or nothing but the paper would be left.
    pub fn remove_passphrase(
        &self,
        opened: &Opened,
        way: &Way,
        passphrase: &Secret,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        if matches!(way, Way::Recovery(_)) {
            bail!("open the box by the way that is to stay: the paper alone is too little");
        }
        let mut slots = SlotsFile::load(&self.folder)?;
        slots.remove_passphrase(words(passphrase)?)?;
        self.leads_to(&slots, way, opened).context(
            "no passphrase was removed: the box has to open by another way than the one that ends; \
             add a passphrase (key add-passphrase) or seal to a TPM (key reseal), and open by that",
        )?;
        slots.save(&self.folder)?;
        witness("the slots no longer hold the passphrase");
        self.leads_to(&SlotsFile::load(&self.folder)?, way, opened)?;
        slots::remove_old(&self.folder)?;
        witness("the former slots are gone");
        Ok(())
    }

    /// A recovery key that is not yet one of the box.
    pub fn draw_recovery(&self) -> RecoveryKey {
        RecoveryKey::draw(self.chance.as_ref())
    }

    /// Puts a new recovery key in place of the old one. Somebody has read it
    /// back from their paper before this is called.
    ///
    /// # Errors
    /// When the slots cannot be written; the old paper opens then.
    pub fn replace_recovery(
        &self,
        opened: &Opened,
        recovery: &RecoveryKey,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        // The drill was of the old paper: the new one has not been through one.
        self.forget_the_drill(&opened.key)?;
        witness("the drill counts no more");
        let mut slots = SlotsFile::load(&self.folder)?;
        slots.replace_recovery(recovery, opened, self.chance.as_ref())?;
        slots.save(&self.folder)?;
        witness("the slots hold the new recovery key");
        let way = Way::Recovery(recovery.clone());
        self.leads_to(&SlotsFile::load(&self.folder)?, &way, opened)?;
        slots::remove_old(&self.folder)?;
        witness("the former slots are gone");
        Ok(())
    }

    /// Proves that a way leads through these slots to the key of the box.
    fn leads_to(&self, slots: &SlotsFile, way: &Way, opened: &Opened) -> Result<()> {
        let (found, by) = self.candidates(slots, way)?;
        if by == By::Pin {
            self.count_back_if_possible(&opened.key);
        }
        let same = |it: &Opened| bool::from(it.key.expose().ct_eq(opened.key.expose()));
        if !found.iter().any(same) {
            bail!("that way leads to another key");
        }
        Ok(())
    }
}
