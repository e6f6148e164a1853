//! An opened data folder: the lock, the writer, the readers and the box key.

use crate::core::data_key::DataKey;
use crate::core::limits::RESERVE_BYTES;
use crate::ports::Clock;
use crate::store::lock::FolderLock;
use crate::store::reserve::{Reserve, making_room};
use crate::store::writer::WriterThread;
use crate::store::{BoxKey, Readers, Writer, meta, open};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A data folder that belongs to this process.
pub struct Opened {
    /// Where it is.
    pub folder: PathBuf,
    /// The way to the writing thread.
    pub writer: Writer,
    /// Connections that only read.
    pub readers: Readers,
    /// For provider ids.
    pub box_key: BoxKey,
    thread: WriterThread,
    lock: FolderLock,
}

impl Opened {
    /// Opens the folder's database with its key; the clock is told the
    /// latest moment it knows of. The lock was taken before.
    ///
    /// # Errors
    /// In words for whoever started the program.
    pub fn new(folder: &Path, key: &DataKey, lock: FolderLock, clock: &dyn Clock) -> Result<Self> {
        let conn = making_room(folder, || open::open(folder, key))
            .context("the database could not be opened")?;
        let box_key = meta::load_box_key(&conn).context("the database could not be read")?;
        clock.recall(meta::latest_known(&conn).context("the database cannot be read")?);
        let reserve = Reserve::new(folder, RESERVE_BYTES);
        reserve.begin();
        let (writer, thread) = Writer::start(conn, Some(reserve))?;
        let readers = Readers::open(folder, key)?;
        Ok(Self {
            folder: folder.to_owned(),
            writer,
            readers,
            box_key,
            thread,
            lock,
        })
    }

    /// Finishes what waits, empties the log and closes the database.
    ///
    /// # Errors
    /// If the writer had died.
    pub fn close(self) -> Result<()> {
        drop(self.readers);
        self.thread
            .stop()
            .context("the database writer did not end well")?;
        drop(self.lock);
        Ok(())
    }
}
