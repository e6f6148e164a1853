//! A data folder and the board it is on, which can be put back to any moment.

use crate::tpm::board::{Board, PIN};
use healthpost::app::by_hand::this_machine;
use healthpost::app::init::{FirstWay, init};
use healthpost::app::key::{Custody, Way, Witness};
use healthpost::app::lan::Wanted;
use healthpost::config::KeyHome;
use healthpost::core::pin::Pin;
use healthpost::core::secret::Secret;
use healthpost::core::time::{Now, UnixMs};
use healthpost::device::KernelChance;
use healthpost::keys::{Opened, RecoveryKey};
use healthpost::ports::Chance;
use healthpost::store::{open, records};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const PASSPHRASE: &str = "maji safi ya kunywa";
pub const NOW: UnixMs = UnixMs(1_795_168_800_000);

/// What the disk and the TPM hold at one moment.
pub struct Moment {
    pub step: &'static str,
    disk: tempfile::TempDir,
    tpm: tempfile::TempDir,
}

pub struct Clinic {
    parent: tempfile::TempDir,
    pub board: Board,
    pub recovery: Option<RecoveryKey>,
    /// Registers that it is bound to.
    pub pcrs: Vec<i64>,
}

pub fn chance() -> Arc<dyn Chance> {
    Arc::new(KernelChance::new().unwrap())
}

pub fn now() -> Now {
    Now {
        at: NOW,
        trusted: true,
    }
}

pub fn pin() -> Pin {
    Pin::parse(PIN).unwrap()
}

pub fn typed(text: &str) -> Way {
    Way::Typed(Secret::from(text))
}

impl Clinic {
    /// An empty disk on a board with a fresh TPM.
    pub fn bare() -> Self {
        Self {
            parent: tempfile::tempdir().unwrap(),
            board: Board::new(),
            recovery: None,
            pcrs: Vec::new(),
        }
    }

    /// A box that was set up.
    pub fn made(way: &FirstWay) -> Self {
        let mut clinic = Self::bare();
        clinic.init(way, &mut |_| {}).unwrap();
        clinic
    }

    pub fn data(&self) -> PathBuf {
        self.parent.path().join("data")
    }

    pub fn custody(&self) -> Custody {
        self.custody_of(&self.data())
    }

    /// The slots of any folder, with this board's TPM.
    pub fn custody_of(&self, folder: &Path) -> Custody {
        let home = KeyHome {
            tpm: Some(format!("swtpm:127.0.0.1:{}", self.board.port())),
            pcrs: self.pcrs.clone(),
        };
        Custody::new(folder, &home, &this_machine().unwrap()).unwrap()
    }

    pub fn init(&mut self, way: &FirstWay, witness: &mut Witness<'_>) -> anyhow::Result<()> {
        let mut shown = None;
        let show = |recovery: &RecoveryKey, _: &str| {
            shown = Some(recovery.clone());
            Ok(())
        };
        let lan = Wanted::without_config();
        let made = init(&self.custody(), way, &lan, &chance(), now(), show, witness);
        self.recovery = shown;
        made.map(drop)
    }

    pub fn recovery(&self) -> Way {
        Way::Recovery(self.recovery.clone().unwrap())
    }

    pub fn open(&self, way: &Way) -> anyhow::Result<Opened> {
        let opened = self.custody().open(way)?;
        // The key is the database's: it can be read.
        let conn = open::open(&self.data(), &opened.key)?;
        records::count(&conn)?;
        Ok(opened)
    }

    /// Disk and TPM as they are, as after a power cut now.
    pub fn moment(&self, step: &'static str) -> Moment {
        let moment = Moment {
            step,
            disk: tempfile::tempdir().unwrap(),
            tpm: tempfile::tempdir().unwrap(),
        };
        copy(self.parent.path(), moment.disk.path());
        copy(self.board.folder(), moment.tpm.path());
        moment
    }

    /// The box as it wakes up after a power cut at that moment.
    pub fn after(&self, moment: &Moment) -> Self {
        let parent = tempfile::tempdir().unwrap();
        copy(moment.disk.path(), parent.path());
        // It wakes up where it fell asleep: a test has no two of one place.
        let (old, new) = (self.parent.path(), parent.path());
        for folder in ["data", ".data.new"] {
            for name in ["keyslots.json", "keyslots.json.old"] {
                let file = new.join(folder).join(name);
                if let Ok(text) = fs::read_to_string(&file) {
                    let text = text.replace(old.to_str().unwrap(), new.to_str().unwrap());
                    healthpost::durable::write(&file, text.as_bytes()).unwrap();
                }
            }
        }
        Self {
            parent,
            board: Board::with_state(moment.tpm.path()),
            recovery: self.recovery.clone(),
            pcrs: self.pcrs.clone(),
        }
    }

    /// A copy of the data folder, as a thief makes it.
    pub fn copy(&self) -> tempfile::TempDir {
        let stolen = tempfile::tempdir().unwrap();
        copy(&self.data(), stolen.path());
        stolen
    }
}

/// Everything in a folder, into another one that is there.
pub fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
