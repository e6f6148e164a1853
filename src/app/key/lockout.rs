//! The lock-out's password: drawn once, kept in the database, and used after
//! each opening to set the TPM's count of wrong PINs back.
//!
//! It is never given to the TPM before the database has it.

use super::Custody;
use crate::core::data_key::DataKey;
use crate::core::pin::{LOCKOUT_PASSWORD_BYTES, LockoutPassword};
use crate::keys::{Opened, SlotsFile};
use crate::store::{meta, open as database};
use anyhow::Result;
use zeroize::Zeroizing;

/// Under which name the database keeps it.
const LOCKOUT: &str = "tpm_lockout_password";

impl Custody {
    /// After each opening with a PIN: else a power cut counts as a wrong one; and
    /// after one by the paper or a passphrase, which is how a lock-out ends. A box
    /// that is open must not stay shut because this fails.
    pub(in crate::app) fn count_back_if_possible(&self, key: &DataKey) {
        if let Err(error) = self.count_back(key) {
            tracing::warn!(%error, "wrong PINs and power cuts could not be counted back");
        }
    }

    /// Sets the TPM's count of wrong PINs back, with a password of its lock-out
    /// that only the database knows. Drawn here when there is none yet.
    pub(in crate::app) fn count_back(&self, key: &DataKey) -> Result<()> {
        let password = self.lockout_password(key)?;
        let slots = SlotsFile::load(&self.folder)?;
        let sealer = self.sealer()?;
        let mut last = None;
        // Of the boards it has met, the one that is here answers.
        for board in slots.boards() {
            match sealer.reset_lockout(board, &password) {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(|| anyhow::anyhow!("the slots name no TPM"), Into::into))
    }

    /// The password, durable in the database before the TPM ever sees it.
    pub(super) fn lockout_password(&self, key: &DataKey) -> Result<LockoutPassword> {
        let conn = database::open(&self.folder, key)?;
        let password = match meta::find(&conn, LOCKOUT)?.and_then(kept) {
            Some(password) => password,
            None => {
                let mut drawn = [0; LOCKOUT_PASSWORD_BYTES];
                self.chance.fill(&mut drawn);
                let password = LockoutPassword::take(&mut drawn);
                meta::set(&conn, LOCKOUT, password.expose())?;
                password
            }
        };
        conn.close().map_err(|(_, error)| error)?;
        Ok(password)
    }

    /// Whether the TPM's lock-out has a password, which then only the database
    /// knows: also after the PIN that it guarded was taken off.
    pub fn lockout_has_a_password(&self) -> bool {
        let sealer = self.sealer.as_deref();
        sealer.is_some_and(|sealer| sealer.report(None).lockout_password)
    }

    /// The password, where one was ever drawn.
    pub(super) fn kept_password(&self, opened: &Opened) -> Option<LockoutPassword> {
        let conn = database::open_reader(&self.folder, &opened.key).ok()?;
        meta::find(&conn, LOCKOUT).ok()?.and_then(kept)
    }
}

/// The password as the database gave it, whose bytes are wiped.
fn kept(bytes: Vec<u8>) -> Option<LockoutPassword> {
    let bytes = Zeroizing::new(bytes);
    let mut same = <[u8; LOCKOUT_PASSWORD_BYTES]>::try_from(bytes.as_slice()).ok()?;
    Some(LockoutPassword::take(&mut same))
}
