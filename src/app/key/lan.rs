//! The key of the listener on the clinic's network, sealed beside the data key:
//! without a PIN and without registers, since a locked box, an updated one too,
//! still has to show its unlock page.

use super::Custody;
use crate::core::data_key::DataKey;
use crate::keys::SlotsFile;
use crate::ports::sealer::{Protection, Sealed};
use anyhow::Result;

impl Custody {
    /// Whether the installation has met a TPM, and so seals what it can.
    pub fn lives_with_a_tpm(&self) -> bool {
        SlotsFile::load(&self.folder).is_ok_and(|slots| slots.board().is_some())
    }

    /// Seals the 32 bytes of a listener's key; `None` where the installation has
    /// no TPM. There is no fall-back where it has one.
    ///
    /// # Errors
    /// The TPM's reason.
    pub fn seal_lan_key(&self, number: &DataKey) -> Result<Option<Sealed>> {
        let slots = SlotsFile::load(&self.folder)?;
        let Some(board) = slots.board() else {
            return Ok(None);
        };
        let sealed = self.sealer()?.seal(board, number, Protection::default())?;
        Ok(Some(sealed))
    }

    /// Opens what [`Custody::seal_lan_key`] sealed.
    ///
    /// # Errors
    /// The TPM's reason.
    pub fn open_lan_key(&self, sealed: &Sealed) -> Result<DataKey> {
        Ok(self.sealer()?.unseal(sealed, None)?)
    }

    /// Makes a former one worthless. Another board's stays where it is, and so
    /// does one that a copy of the folder took along: it is the original's.
    pub fn forget_lan_key(&self, sealed: &Sealed) {
        let slots = SlotsFile::load(&self.folder);
        if slots.map_or(true, |slots| self.is_copied(&slots)) {
            return;
        }
        let forgotten = self.sealer().and_then(|it| Ok(it.forget(sealed)?));
        if let Err(error) = forgotten {
            let error = format!("{error:#}");
            tracing::debug!(error, "a former key of the listener stays in its TPM");
        }
    }
}
