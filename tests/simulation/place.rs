//! The data folder of a simulated box, and what a power cut leaves of it: the
//! database as it is, and the write-ahead log cut somewhere after its last
//! acknowledged commit, with rubbish behind the cut.

use healthpost::core::data_key::DataKey;
use healthpost::store::{BoxKey, open};
use std::cell::OnceCell;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// Bytes before the first frame of a write-ahead log.
const LOG_HEADER: u64 = 32;
/// A frame's header and its page (SQLCipher 4 writes pages of 4,096 bytes).
const FRAME: u64 = 24 + 4096;
/// Where the log's index says how many frames are committed.
const FRAMES_AT: u64 = 16;

/// The folder of one simulated life.
pub struct Place {
    root: TempDir,
    lives: u32,
    /// The log and its index, open since the first look at them.
    log: OnceCell<(File, File)>,
}

/// The data key of every simulated box.
pub fn data_key() -> DataKey {
    DataKey::take(&mut [7; 32])
}

/// The key under which every simulated box hashes ids.
pub fn box_key() -> BoxKey {
    BoxKey::new([9; 32])
}

/// A folder in memory where there is such a thing, so that a flush costs
/// nothing and the same thousand of them fit into a second.
pub fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

impl Place {
    /// A new clinic's folder.
    pub fn new() -> Self {
        static NEW_CLINIC: OnceLock<Vec<u8>> = OnceLock::new();
        let bytes = NEW_CLINIC.get_or_init(|| {
            let folder = temporary();
            open::create(folder.path(), &data_key(), &box_key()).unwrap();
            let mut bytes = Vec::new();
            let mut file = File::open(open::path(folder.path())).unwrap();
            file.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let place = Self {
            root: temporary(),
            lives: 0,
            log: OnceCell::new(),
        };
        fs::create_dir(place.folder()).unwrap();
        put(&open::path(&place.folder()), bytes);
        place
    }

    /// Where the box's data is now.
    pub fn folder(&self) -> PathBuf {
        self.root.path().join(self.lives.to_string())
    }

    fn beside(&self, end: &str) -> PathBuf {
        self.folder().join(format!("{}{end}", open::FILE))
    }

    /// Where in the log its last commit ends, by the log's own index.
    pub fn committed(&self) -> u64 {
        // A running box keeps both files for as long as it lives.
        let (log, index) = self.log.get_or_init(|| {
            let open = |end| File::open(self.beside(end)).unwrap();
            (open("-wal"), open("-shm"))
        });
        if log.metadata().unwrap().len() == 0 {
            return 0;
        }
        let mut frames = [0; 4];
        index.read_exact_at(&mut frames, FRAMES_AT).unwrap();
        match u64::from(u32::from_ne_bytes(frames)) {
            0 => 0,
            frames => LOG_HEADER + frames * FRAME,
        }
    }

    /// The power goes. Of the log `kept` bytes stay, and `tail` behind them.
    /// The old files stay where whoever still has them open can close them.
    pub fn cut(&mut self, kept: u64, tail: &[u8]) {
        let (database, log) = (open::path(&self.folder()), self.beside("-wal"));
        let mut bytes = fs::read(log).unwrap_or_default();
        bytes.truncate(usize::try_from(kept).unwrap());
        bytes.extend_from_slice(tail);
        self.lives += 1;
        self.log = OnceCell::new();
        fs::create_dir(self.folder()).unwrap();
        fs::copy(database, open::path(&self.folder())).unwrap();
        if !bytes.is_empty() {
            put(&self.beside("-wal"), &bytes);
        }
    }

    /// Removes what the last life left.
    pub fn tidy(&self) {
        if let Some(before) = self.lives.checked_sub(1) {
            let _ = fs::remove_dir_all(self.root.path().join(before.to_string()));
        }
    }
}

/// Writes a file whose durability is no question here.
pub fn put(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all_at(bytes, 0).unwrap();
}
