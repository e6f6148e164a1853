//! Making a data folder: key slots, an empty encrypted database, the first
//! entry of the audit log, the authority for the clinic's network.
//!
//! Everything is made in a folder beside and renamed into place, so that a
//! power cut in between leaves nothing that looks like a clinic.

use crate::app::key::{self, Custody, Witness};
use crate::app::lan::{self, Lan, Wanted};
use crate::core::pin::Pin;
use crate::core::secret::Secret;
use crate::core::time::Now;
use crate::durable;
use crate::keys::slots::{self, FIRST_GENERATION};
use crate::keys::{self, Opened, RecoveryKey};
use crate::ports::Chance;
use crate::store::audit::{self, Deed};
use crate::store::{BoxKey, open};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// How the new box is to be opened. A recovery key always opens it too.
pub enum FirstWay {
    /// By a passphrase.
    Passphrase(Secret),
    /// By the board's TPM, with a PIN if one is given.
    Tpm(Option<Pin>),
    /// By the TPM, and beside it by a passphrase.
    TpmAndPassphrase(Option<Pin>, Secret),
}

/// A box that was made.
#[derive(Debug)]
pub struct Made {
    /// Why the TPM's lock-out has no password yet, where there is a PIN to guard.
    /// Each opening with the PIN tries again.
    pub unguarded: Option<anyhow::Error>,
}

/// Makes the folder. The recovery key is shown while the folder is whole and
/// not yet in place: a power cut can leave a key on paper without a box, but
/// never a box without one; where it cannot be shown, nothing is left. It is shown
/// with the fingerprint of the box's authority for the clinic's network. Takes a
/// key derivation's time: not for a runtime's
/// thread.
///
/// # Errors
/// In words; an existing folder is left alone.
pub fn init(
    custody: &Custody,
    way: &FirstWay,
    lan: &Wanted,
    chance: &Arc<dyn Chance>,
    now: Now,
    show: impl FnOnce(&RecoveryKey, &str) -> Result<()>,
    witness: &mut Witness<'_>,
) -> Result<Made> {
    let folder = custody.folder();
    let shown = folder.display();
    if is_taken(folder)? {
        bail!("{shown} exists already and was not touched: choose another folder");
    }
    if let FirstWay::Passphrase(passphrase) | FirstWay::TpmAndPassphrase(_, passphrase) = way {
        key::new_passphrase(passphrase)?;
    }
    let making = beside(folder)?;
    let unborn = custody.in_folder(&making);
    if making.exists() {
        // What its slots name in the TPM is no box's: it was never in place.
        unborn.abandon();
        fs::remove_dir_all(&making)
            .with_context(|| format!("a leftover at {} cannot be removed", making.display()))?;
    }
    let lan = Lan::new(unborn.clone(), lan.clone(), Arc::clone(chance));
    // For the owner of the empty folder that it takes the place of, if any.
    let owned_as = if folder.exists() { folder } else { &making };
    let made = durable::make_folder(&making, 0o750, owned_as)
        .map_err(anyhow::Error::from)
        .and_then(|()| make(&unborn, way, &lan, chance.as_ref(), now, witness));
    let made = made.and_then(|(opened, recovery)| {
        let (_, fingerprint) = lan::authority_pem(&making)?;
        show(&recovery, &fingerprint).map(|()| opened)
    });
    if made.is_err() {
        // Best effort: the next try removes it as a leftover.
        unborn.abandon();
        fs::remove_dir_all(&making).ok();
    }
    let opened = made.with_context(|| format!("{shown} cannot be made"))?;
    witness("the recovery key is shown");
    if folder.exists() {
        fs::remove_dir(folder).with_context(|| format!("{shown} is not empty"))?;
    }
    fs::rename(&making, folder).with_context(|| format!("{shown} cannot be put in place"))?;
    durable::sync_name(folder)?;
    witness("the data folder is in place");
    let unguarded = match way {
        FirstWay::Tpm(Some(_)) | FirstWay::TpmAndPassphrase(Some(_), _) => {
            custody.count_back(&opened.key).err()
        }
        FirstWay::Tpm(None) | FirstWay::TpmAndPassphrase(None, _) | FirstWay::Passphrase(_) => None,
    };
    Ok(Made { unguarded })
}

/// Whether something is in the folder already. An empty one may be there: a
/// service manager makes it.
fn is_taken(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", folder.display())),
    }
}

fn beside(folder: &Path) -> Result<PathBuf> {
    let name = folder.file_name().context("the data folder needs a name")?;
    let mut making = std::ffi::OsString::from(".");
    making.push(name);
    making.push(".new");
    Ok(folder.with_file_name(making))
}

fn make(
    custody: &Custody,
    way: &FirstWay,
    lan: &Lan,
    chance: &dyn Chance,
    now: Now,
    witness: &mut Witness<'_>,
) -> Result<(Opened, RecoveryKey)> {
    let folder = custody.folder();
    let (mut slots, key, recovery) = keys::create(chance)?;
    slots.set_home(custody.home()?);
    slots.save(folder)?;
    let mut random = Zeroizing::new([0; 32]);
    chance.fill(&mut *random);
    open::create(folder, &key, &BoxKey::new(*random))?;
    let conn = open::open(folder, &key)?;
    let deed = Deed {
        at: now.at,
        actor: "command line",
        action: "box.init",
        subject: "box",
        detail: "",
    };
    audit::append(&conn, &deed)?;
    conn.close().map_err(|(_, error)| error)?;
    witness("the database is made");
    let opened = Opened {
        generation: FIRST_GENERATION,
        key,
    };
    match way {
        FirstWay::Passphrase(passphrase) => custody.add_passphrase(&opened, passphrase, witness)?,
        FirstWay::Tpm(pin) => custody.seal_first(&opened, pin.as_ref(), witness)?,
        FirstWay::TpmAndPassphrase(pin, passphrase) => {
            custody.add_passphrase(&opened, passphrase, witness)?;
            custody.seal_first(&opened, pin.as_ref(), witness)?;
        }
    }
    custody.note(&opened.key, "key.protection", now.at)?;
    // After the TPM is known: the listener's key is sealed to it as well.
    lan.settle_with(&opened.key, now)?;
    witness("the certificates are made");
    slots::remove_old(folder)?;
    durable::sync_folder(folder)?;
    Ok((opened, recovery))
}
