//! The files of a data folder at its end: which of them are the box's, and the
//! note that an end has begun. What is not the box's is never removed.

use super::Erased;
use crate::app::lan;
use crate::durable;
use crate::keys::slots;
use crate::ops::control;
use crate::store::{lock, open, reserve};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// The note's file in the data folder.
const NOTE: &str = "erasing";
/// What SQLite keeps beside a database's file.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// What the end that was begun leaves behind, for whoever goes on with it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    half_left: bool,
    lockout_left: bool,
}

/// Whether a folder holds a clinic's box, or the rest of one.
///
/// # Errors
/// When the folder cannot be looked into.
pub fn is_a_box(folder: &Path) -> io::Result<bool> {
    for name in [slots::FILE, slots::OLD_FILE, open::FILE] {
        if folder.join(name).try_exists()? {
            return Ok(true);
        }
    }
    Ok(begun(folder).is_some())
}

/// Notes that the end has begun, before the slots go.
pub(super) fn begin(folder: &Path, erased: Erased) -> Result<()> {
    let note = Note {
        half_left: erased.half_left,
        lockout_left: erased.lockout_left,
    };
    let text = serde_json::to_vec(&note)?;
    durable::write(&folder.join(NOTE), &text).context("that the end begins cannot be noted")
}

/// What an end that was cut short said it leaves. A file of that name which
/// reads as anything else is somebody else's.
pub(super) fn begun(folder: &Path) -> Option<Erased> {
    let note: Note = serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()?;
    Some(Erased {
        half_left: note.half_left,
        lockout_left: note.lockout_left,
        others_left: false,
    })
}

/// Whether the folder of the certificates is a link: what is in it is none of the
/// box's then.
pub(super) fn lan_leads_elsewhere(folder: &Path) -> bool {
    let facts = fs::symlink_metadata(folder.join(lan::FOLDER));
    facts.is_ok_and(|facts| facts.is_symlink())
}

/// Removes the box's files, the note last; whether others are left.
pub(super) fn remove_what_is_the_boxs(folder: &Path) -> Result<bool> {
    if lan_leads_elsewhere(folder) {
        remove(folder, lan::FOLDER)?;
    } else {
        let network = folder.join(lan::FOLDER);
        for name in lan::FILES {
            remove(&network, name)?;
        }
        // With somebody's files in it, it stays.
        fs::remove_dir(&network).ok();
    }
    for name in [open::FILE, open::NEW_FILE] {
        for ending in BESIDE {
            remove(folder, &format!("{name}{ending}"))?;
        }
    }
    for name in [
        slots::FILE,
        slots::OLD_FILE,
        reserve::FILE,
        control::FILE,
        lock::FILE,
    ] {
        remove(folder, name)?;
    }
    durable::sync_folder(folder)?;
    remove(folder, NOTE)?;
    durable::sync_folder(folder)?;
    Ok(fs::read_dir(folder)?.next().is_some())
}

/// Removes a file, and what a write or an end that was cut short left of it.
fn remove(folder: &Path, name: &str) -> Result<()> {
    for name in [
        name.to_owned(),
        format!(".{name}.new"),
        format!("{name}.gone"),
    ] {
        match fs::remove_file(folder.join(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{name} cannot be removed"));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path) {
        durable::write(path, b"x").unwrap();
    }

    #[test]
    fn only_the_boxs_files_go_and_the_rest_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("lan")).unwrap();
        for name in ["clinic.db", "clinic.db-wal", "lock", "keyslots.json.gone"] {
            put(&at(name));
        }
        for name in lan::FILES {
            put(&at("lan").join(name));
        }
        assert!(!remove_what_is_the_boxs(folder.path()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::create_dir_all(at("letters")).unwrap();
        fs::create_dir(at("lan")).unwrap();
        for name in ["clinic.db", "thesis.txt", "lan/map.png", "letters/one"] {
            put(&at(name));
        }
        assert!(remove_what_is_the_boxs(folder.path()).unwrap());
        assert!(!at("clinic.db").exists());
        for name in ["thesis.txt", "lan/map.png", "letters/one"] {
            assert!(at(name).exists(), "{name}");
        }
    }

    #[test]
    fn somebodys_folder_is_no_box_and_the_rest_of_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let is_a_box = || is_a_box(folder.path()).unwrap();
        assert!(!is_a_box());
        put(&folder.path().join("erasing"));
        put(&folder.path().join("thesis.txt"));
        assert!(!is_a_box());
        let left = Erased {
            half_left: true,
            ..Erased::default()
        };
        begin(folder.path(), left).unwrap();
        assert!(is_a_box());
        assert_eq!(begun(folder.path()), Some(left));
        put(&folder.path().join("erasing"));
        put(&folder.path().join("keyslots.json.old"));
        assert!(is_a_box());
    }
}
