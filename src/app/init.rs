//! Making a data folder: key slots, an empty encrypted database, the first
//! entry of the audit log.
//!
//! Everything is made in a folder beside and renamed into place, so that a
//! power cut in between leaves nothing that looks like a clinic.

use crate::core::secret::Secret;
use crate::core::time::UnixMs;
use crate::durable;
use crate::keys::{self, RecoveryKey};
use crate::ports::Chance;
use crate::store::audit::{self, Deed};
use crate::store::{BoxKey, open};
use anyhow::{Context, Result, bail};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Shortest passphrase that is taken, characters.
const PASSPHRASE_CHARS_MIN: usize = 12;

/// Makes the folder; returns the recovery key, to be shown once. Takes a key
/// derivation's time: not for a runtime's thread.
///
/// # Errors
/// In words; an existing folder is left alone.
pub fn init(
    folder: &Path,
    passphrase: &Secret,
    chance: &dyn Chance,
    now: UnixMs,
) -> Result<RecoveryKey> {
    let shown = folder.display();
    if is_taken(folder)? {
        bail!("{shown} exists already and was not touched: choose another folder, or remove it");
    }
    let passphrase = words(passphrase)?;
    let making = beside(folder)?;
    if making.exists() {
        fs::remove_dir_all(&making)
            .with_context(|| format!("a leftover at {} cannot be removed", making.display()))?;
    }
    let made = make(&making, passphrase, chance, now);
    if made.is_err() {
        // Best effort: the next try removes it as a leftover.
        fs::remove_dir_all(&making).ok();
    }
    let recovery = made.with_context(|| format!("{shown} cannot be made"))?;
    if folder.exists() {
        fs::remove_dir(folder).with_context(|| format!("{shown} is not empty"))?;
    }
    fs::rename(&making, folder).with_context(|| format!("{shown} cannot be put in place"))?;
    if let Some(parent) = folder.parent().filter(|p| !p.as_os_str().is_empty()) {
        durable::sync_folder(parent)?;
    }
    Ok(recovery)
}

/// A passphrase as text.
///
/// # Errors
/// If it is too short or no UTF-8.
fn words(passphrase: &Secret) -> Result<&str> {
    let text = std::str::from_utf8(passphrase.expose())
        .context("the passphrase is not written in UTF-8")?;
    if text.chars().count() < PASSPHRASE_CHARS_MIN {
        bail!("the passphrase is too short: it needs at least {PASSPHRASE_CHARS_MIN} characters");
    }
    Ok(text)
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

fn make(folder: &Path, passphrase: &str, chance: &dyn Chance, now: UnixMs) -> Result<RecoveryKey> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let (slots, key, recovery) = keys::create(passphrase, chance)?;
    slots.save(folder)?;
    let mut random = [0; 32];
    chance.fill(&mut random);
    open::create(folder, &key, &BoxKey::new(random))?;
    let conn = open::open(folder, &key)?;
    let deed = Deed {
        at: now,
        actor: "command line",
        action: "box.init",
        subject: "box",
        detail: "",
    };
    audit::append(&conn, &deed)?;
    conn.close().map_err(|(_, error)| error)?;
    durable::sync_folder(folder)?;
    Ok(recovery)
}
