//! `keyslots.json`: the data key, once for each way of opening it.
//!
//! Nothing in it is secret in clear. A slot of a kind this program does not
//! know is kept word for word, and none is dropped because it did not open.
//! While a rotation is under way there are slots of two generations, each for
//! the key of one database file.

mod faults;
mod generation;
mod home;
mod human;
mod open;
mod revoke;
mod slot;

use crate::core::data_key::DataKey;
use crate::durable;
use crate::keys::derive::{self, Cost};
use crate::keys::recovery::RecoveryKey;
use crate::ports::Chance;
use crate::ports::sealer::{Board, SealError, Sealed};
use human::{HumanSlot, Kind};
use open::normalised;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use slot::{Slot, TpmSlot};
use std::path::Path;

pub use faults::Fault;
pub use home::Home;
pub use open::Opened;

/// The slots' file in the data folder.
pub const FILE: &str = "keyslots.json";
/// The file as it was before the last change.
pub const OLD_FILE: &str = "keyslots.json.old";
/// The format this program writes and the newest it reads.
const VERSION: u32 = 1;
/// The generation of a new installation's key.
pub const FIRST_GENERATION: u32 = 1;
/// Largest file read, bytes.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Why the key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no slots file.
    #[error("there is no keyslots.json in the data folder: run healthpost init first")]
    Missing,
    /// The file does not read as what it should be.
    #[error(
        "keyslots.json is damaged: put back the copy keyslots.json.old or the one of a copy of the folder"
    )]
    Damaged,
    /// A single slot does not hold together.
    #[error("the {0} slot in keyslots.json is damaged: open with another key")]
    DamagedSlot(&'static str),
    /// The file was written by a newer program.
    #[error("keyslots.json has format {0}, this program reads format 1: install the newer version")]
    Newer(u32),
    /// No slot of that kind is there.
    #[error("keyslots.json has no {0} slot")]
    NoSuchSlot(&'static str),
    /// No slot opens with it.
    #[error("the {0} is wrong")]
    Wrong(&'static str),
    /// A slot that was not written by whoever has the data key.
    #[error(
        "the {0} slot in keyslots.json was not written by this box: somebody changed the file; take that slot out of it, and ask who could"
    )]
    ForeignSlot(&'static str),
    /// The TPM stands in the way.
    #[error(transparent)]
    Tpm(#[from] SealError),
    /// The disk did not do its part.
    #[error("keyslots.json could not be read or written")]
    Io(#[source] std::io::Error),
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    home: Option<Home>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    board: Option<Board>,
    slots: Vec<Box<RawValue>>,
}

/// The slots of one data folder.
#[derive(Clone)]
pub struct SlotsFile {
    home: Option<Home>,
    board: Option<Board>,
    slots: Vec<Slot>,
}

/// Draws a data key and a recovery key, and puts the first into a slot for the
/// second. No other way in is there yet.
///
/// # Errors
/// Never with the costs built in.
pub fn create(chance: &dyn Chance) -> Result<(SlotsFile, DataKey, RecoveryKey), Error> {
    let mut random = [0; 32];
    chance.fill(&mut random);
    let key = DataKey::take(&mut random);
    let recovery = RecoveryKey::draw(chance);
    let mut file = SlotsFile {
        home: None,
        board: None,
        slots: Vec::new(),
    };
    let secret = recovery.expose();
    let slot = HumanSlot::create(Kind::Recovery, None, secret, FIRST_GENERATION, &key, chance)?;
    file.slots.push(Slot::Human(slot));
    Ok((file, key, recovery))
}

/// Removes the file as it was before the last change, once the new one has been
/// opened: it may name ways in that were meant to end.
///
/// # Errors
/// [`Error::Io`].
pub fn remove_old(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_file(folder.join(OLD_FILE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::Io(error)),
        Ok(()) | Err(_) => durable::sync_folder(folder).map_err(Error::Io),
    }
}

impl SlotsFile {
    /// Reads the file's bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Newer`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Error::Damaged);
        }
        let version: VersionOnly = serde_json::from_slice(bytes).map_err(|_| Error::Damaged)?;
        if version.version > VERSION {
            return Err(Error::Newer(version.version));
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|_| Error::Damaged)?;
        if document.version != VERSION || document.slots.is_empty() {
            return Err(Error::Damaged);
        }
        Ok(Self {
            home: document.home,
            board: document.board,
            slots: document.slots.into_iter().map(Slot::read).collect(),
        })
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a slot cannot be written, which would be a bug.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let slots: Option<Vec<_>> = self.slots.iter().map(Slot::to_raw).collect();
        let document = Document {
            version: VERSION,
            home: self.home.clone(),
            board: self.board.clone(),
            slots: slots.ok_or(Error::Damaged)?,
        };
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(|_| Error::Damaged)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads the slots of a data folder.
    ///
    /// # Errors
    /// [`Error::Missing`], or as [`SlotsFile::parse`].
    pub fn load(folder: &Path) -> Result<Self, Error> {
        Self::read(&folder.join(FILE))
    }

    /// Reads the slots as they were before the last change.
    ///
    /// # Errors
    /// As [`SlotsFile::load`].
    pub fn load_old(folder: &Path) -> Result<Self, Error> {
        Self::read(&folder.join(OLD_FILE))
    }

    fn read(path: &Path) -> Result<Self, Error> {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::Missing),
            Err(error) => Err(Error::Io(error)),
        }
    }

    /// Replaces the slots of a data folder in one step; the former file stays
    /// as `keyslots.json.old`.
    ///
    /// # Errors
    /// [`Error::Io`]; a whole file stands there then, the former one unless it
    /// was the folder that could not be synced.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        durable::write_keeping_old(&folder.join(FILE), &self.to_bytes()?).map_err(Error::Io)
    }

    /// As [`SlotsFile::save`], but a former file that is there is left as it is: a
    /// slot that is damaged now may be whole in it.
    ///
    /// # Errors
    /// As [`SlotsFile::save`].
    pub fn save_beside_old(&self, folder: &Path) -> Result<(), Error> {
        if !folder.join(OLD_FILE).try_exists().map_err(Error::Io)? {
            return self.save(folder);
        }
        durable::write(&folder.join(FILE), &self.to_bytes()?).map_err(Error::Io)
    }

    /// The kinds of the slots, in order, those this program cannot open too.
    pub fn kinds(&self) -> Vec<String> {
        self.slots.iter().filter_map(Slot::kind).collect()
    }

    /// The folder the slots were written for, where that is noted.
    pub const fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// Notes the folder the slots are for; to be saved.
    pub fn set_home(&mut self, home: Home) {
        self.home = Some(home);
    }

    /// The TPM this installation has met.
    pub const fn board(&self) -> Option<&Board> {
        self.board.as_ref()
    }

    /// Notes which TPM the installation lives with; to be saved before anything
    /// is sealed to it.
    pub fn set_board(&mut self, board: Board) {
        self.board = Some(board);
    }

    /// The TPM of that storage key, if the installation has ever met it.
    pub fn known_board(&self, met: &Board) -> Option<&Board> {
        self.boards()
            .into_iter()
            .find(|board| board.storage_key == met.storage_key)
    }

    /// Every TPM the installation has met, the one it lives with first.
    pub fn boards(&self) -> Vec<&Board> {
        let mut boards: Vec<&Board> = self.board.iter().collect();
        for sealed in self.sealed() {
            if !boards.contains(&&sealed.board) {
                boards.push(&sealed.board);
            }
        }
        boards
    }

    /// Whether there are slots that this program does not read: of another
    /// kind, or damaged.
    pub fn has_unread(&self) -> bool {
        let other = |slot: &Slot| matches!(slot, Slot::Other(_));
        self.slots.iter().any(other)
    }

    /// Whether one of these says that it was sealed to a TPM.
    pub fn has_unread_seal(&self) -> bool {
        let seal =
            |slot: &Slot| matches!(slot, Slot::Other(_)) && slot.kind().as_deref() == Some("tpm2");
        self.slots.iter().any(seal)
    }

    /// What is sealed to TPMs: the newest generation first, and of that the one
    /// the installation lives with, then the latest written.
    pub fn sealed(&self) -> Vec<&Sealed> {
        self.tpm_slots()
            .into_iter()
            .map(|slot| &slot.sealed)
            .collect()
    }

    /// What is sealed to the TPM the installation lives with; where nothing is,
    /// to any it has met.
    pub fn sealed_at_home(&self) -> Vec<&Sealed> {
        let home = self.board.as_ref().map(|board| &board.storage_key);
        let mut sealed = self.sealed();
        if sealed.iter().any(|it| Some(&it.board.storage_key) == home) {
            sealed.retain(|it| Some(&it.board.storage_key) == home);
        }
        sealed
    }

    /// Adds a slot for a further passphrase. Takes a derivation's time.
    ///
    /// # Errors
    /// As [`create`].
    pub fn add_passphrase(
        &mut self,
        passphrase: &str,
        opened: &Opened,
        chance: &dyn Chance,
    ) -> Result<(), Error> {
        self.add_with(derive::SLOT, passphrase, opened, chance)
    }

    fn add_with(
        &mut self,
        cost: Cost,
        passphrase: &str,
        opened: &Opened,
        chance: &dyn Chance,
    ) -> Result<(), Error> {
        let secret = normalised(passphrase);
        let slot = HumanSlot::create(
            Kind::Passphrase,
            Some(cost),
            secret.as_bytes(),
            opened.generation,
            &opened.key,
            chance,
        )?;
        self.slots.push(Slot::Human(slot));
        Ok(())
    }

    /// The TPM that the key is sealed to: the one the installation lives with,
    /// also while nothing is, unless all there is was sealed to others.
    pub fn board_of_seal(&self) -> Option<&Board> {
        let at_home = self.sealed_at_home().into_iter().next();
        at_home.map_or_else(|| self.board(), |sealed| Some(&sealed.board))
    }

    fn tpm_slots(&self) -> Vec<&TpmSlot> {
        let slots = self.slots.iter().filter_map(|slot| match slot {
            Slot::Tpm(slot) => Some(slot.as_ref()),
            Slot::Human(_) | Slot::Other(_) => None,
        });
        let mut slots: Vec<&TpmSlot> = slots.collect();
        // The sort below keeps this order among equals.
        slots.reverse();
        slots.sort_by_key(|it| Some(&it.sealed.board) != self.board.as_ref());
        slots.sort_by_key(|it| std::cmp::Reverse(it.generation));
        slots
    }
}

#[cfg(test)]
mod tests;
