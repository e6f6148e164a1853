//! Ways in that end while the data key stays: a passphrase somebody should no
//! longer have, a recovery key whose paper is lost.
//!
//! Only slots that a person's secret opens are ever taken out, and only when
//! somebody asks for it.

use super::human::{HumanSlot, Kind};
use super::open::normalised;
use super::slot::Slot;
use super::{Error, Opened, SlotsFile};
use crate::keys::recovery::RecoveryKey;
use crate::ports::Chance;

impl SlotsFile {
    /// Takes out every slot that a passphrase opens. Takes a derivation's time
    /// for each.
    ///
    /// # Errors
    /// [`Error::Wrong`] when none opens with it, [`Error::NoSuchSlot`] when there
    /// is no passphrase at all; nothing is taken out then.
    pub fn remove_passphrase(&mut self, passphrase: &str) -> Result<(), Error> {
        let secret = normalised(passphrase);
        let opens = |slot: &HumanSlot| {
            slot.is_whole()
                && slot
                    .opener(secret.as_bytes())
                    .is_some_and(|opener| slot.open(&opener).is_some())
        };
        let mut found = false;
        let mut removed = false;
        self.slots.retain(|slot| {
            let Some(slot) = slot.human(Kind::Passphrase) else {
                return true;
            };
            found = true;
            let gone = opens(slot);
            removed |= gone;
            !gone
        });
        match (found, removed) {
            (true, true) => Ok(()),
            (true, false) => Err(Error::Wrong(Kind::Passphrase.name())),
            (false, _) => Err(Error::NoSuchSlot(Kind::Passphrase.name())),
        }
    }

    /// Puts a slot for `recovery` in place of every recovery slot there is.
    ///
    /// # Errors
    /// Never with the costs built in.
    pub fn replace_recovery(
        &mut self,
        recovery: &RecoveryKey,
        opened: &Opened,
        chance: &dyn Chance,
    ) -> Result<(), Error> {
        let secret = recovery.expose();
        let (generation, key) = (opened.generation, &opened.key);
        let slot = HumanSlot::create(Kind::Recovery, None, secret, generation, key, chance)?;
        self.slots
            .retain(|slot| slot.human(Kind::Recovery).is_none());
        self.slots.insert(0, Slot::Human(slot));
        Ok(())
    }
}
