//! Adding and changing the ways to the same data key: a passphrase, the TPM,
//! the TPM with a PIN. None of it touches the database's file.

use super::{Custody, Witness, new_passphrase};
use crate::core::pin::Pin;
use crate::core::secret::Secret;
use crate::keys::{Opened, SlotsFile};
use crate::ports::sealer::{Board, Protection, SealError, Situation};
use anyhow::{Context, Result};

impl Custody {
    /// Adds a slot for a further passphrase.
    ///
    /// # Errors
    /// When it is too short, or the slots cannot be written.
    pub fn add_passphrase(
        &self,
        opened: &Opened,
        passphrase: &Secret,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        let mut slots = SlotsFile::load(&self.folder)?;
        slots.add_passphrase(new_passphrase(passphrase)?, opened, self.chance.as_ref())?;
        slots.save(&self.folder)?;
        witness("the passphrase opens the box");
        Ok(())
    }

    /// Seals the data key to the board's TPM, with a PIN or without, in place
    /// of what was sealed there before. From the end on, folders copied before
    /// open nothing with this TPM.
    ///
    /// # Errors
    /// The TPM's reason; what opened before still opens.
    pub fn seal(
        &self,
        opened: &Opened,
        pin: Option<&Pin>,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        let mut slots = SlotsFile::load(&self.folder)?;
        self.not_in_a_copy(&mut slots)?;
        self.seal_here(slots, opened, pin, witness)
    }

    /// As [`Custody::seal`], in a copy that is the box from then on; where it does
    /// not come to that, the slots stay as they were.
    ///
    /// # Errors
    /// As [`Custody::seal`].
    pub fn seal_moved(
        &self,
        opened: &Opened,
        pin: Option<&Pin>,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        let mut slots = SlotsFile::load(&self.folder)?;
        slots.set_home(self.home()?);
        self.seal_here(slots, opened, pin, witness)
    }

    fn seal_here(
        &self,
        mut slots: SlotsFile,
        opened: &Opened,
        pin: Option<&Pin>,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        let board = self.board(&mut slots)?;
        witness("the TPM is known");
        if pin.is_some() {
            let password = self.lockout_password(&opened.key)?;
            witness("the lock-out's password is kept");
            self.sealer()?.adopt_lockout(&board, &password)?;
            witness("the TPM counts wrong PINs by our rules");
        }
        self.put_seal(slots, &board, opened, pin, witness)
    }

    /// As [`Custody::seal`], for a folder that is being made: nothing in the TPM
    /// is tied to it before it is in place.
    ///
    /// # Errors
    /// The TPM's reason, or that its lock-out belongs to somebody else.
    pub fn seal_first(
        &self,
        opened: &Opened,
        pin: Option<&Pin>,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        if pin.is_some() && self.sealer()?.report(None).lockout_password {
            return Err(SealError::found(Situation::LockoutPassword).into());
        }
        let mut slots = SlotsFile::load(&self.folder)?;
        let board = self.board(&mut slots)?;
        witness("the TPM is known");
        self.put_seal(slots, &board, opened, pin, witness)
    }

    fn put_seal(
        &self,
        mut slots: SlotsFile,
        board: &Board,
        opened: &Opened,
        pin: Option<&Pin>,
        witness: &mut Witness<'_>,
    ) -> Result<()> {
        self.seal_for(&mut slots, board, opened, pin)?;
        witness("the key is sealed");
        slots.save(&self.folder)?;
        witness("the new slot is written");
        if slots.has_unread() {
            // It may be the TPM's: what it has in there is left to it.
            witness(
                "a slot of keyslots.json does not read, so nothing was removed from the TPM: \
                 healthpost key rotate ends whatever it opened",
            );
            return Ok(());
        }
        self.forget_the_rest(&slots)?;
        witness("the former slot is worthless");
        Ok(())
    }

    /// Seals and puts the slot into `slots`, without writing them.
    pub(super) fn seal_for(
        &self,
        slots: &mut SlotsFile,
        board: &Board,
        opened: &Opened,
        pin: Option<&Pin>,
    ) -> Result<()> {
        let protection = Protection {
            pin,
            pcrs: self.pcrs,
        };
        let sealed = self.sealer()?.seal(board, &opened.key, protection)?;
        slots.replace_sealed(opened.generation, sealed);
        Ok(())
    }

    /// The TPM this folder lives with: the one it knows, if it is still that
    /// one; else the one that is here now, noted durably before it is used.
    fn board(&self, slots: &mut SlotsFile) -> Result<Board> {
        let met = self.sealer()?.meet()?;
        let board = slots.known_board(&met).cloned().unwrap_or(met);
        if slots.board() == Some(&board) {
            return Ok(board);
        }
        slots.set_board(board.clone());
        slots
            .save(&self.folder)
            .context("the TPM could not be noted")?;
        Ok(board)
    }
}
