//! A copy of a data folder on the board of the original: both share what the
//! TPM keeps. Whoever changes the seal in the copy would shut the original out,
//! so that is refused until somebody says that the copy is the box now.

use super::Custody;
use crate::keys::{Home, SlotsFile};
use anyhow::{Context, Result, bail};

impl Custody {
    /// Of which folder this one is a copy, if so.
    ///
    /// # Errors
    /// When the slots cannot be read.
    pub fn copied_from(&self) -> Result<Option<String>> {
        let slots = SlotsFile::load(&self.folder)?;
        let home = self.original(&slots);
        Ok(home.map(|home| home.path().to_owned()))
    }

    /// The folder this one is a copy of: neither where it was when its slots were
    /// written, nor the same folder moved. Where no TPM keeps anything, a copy
    /// shares nothing with its original, and is a box like any other.
    fn original<'a>(&self, slots: &'a SlotsFile) -> Option<&'a Home> {
        let shares = slots.board().is_some() || !slots.sealed().is_empty() || slots.has_unread();
        slots.home().filter(|home| shares && !home.is(&self.folder))
    }

    /// Whether the folder is a copy whose original shares a TPM with it.
    pub(super) fn is_copied(&self, slots: &SlotsFile) -> bool {
        let copied = self.original(slots).is_some();
        if copied {
            let told = self.told_copied(slots);
            tracing::warn!("{told}");
        }
        copied
    }

    /// The same in words.
    pub(super) fn told_copied(&self, slots: &SlotsFile) -> String {
        let original = slots.home().map_or("another folder", Home::path);
        format!(
            "{} is a copy of {original}, and a TPM that opens both keeps one half of the key for \
             both",
            self.folder.display()
        )
    }

    /// Refuses to change what the TPM that is here keeps, in a copy; notes where
    /// the folder is else, to be saved with what is changed.
    pub(super) fn not_in_a_copy(&self, slots: &mut SlotsFile) -> Result<()> {
        if self.is_copied(slots) && self.knows_this_board(slots)? {
            bail!(
                "{}: changing it here would shut the other one out. If this folder is the box now, \
                 run healthpost key reseal --moved; then the other one opens by its passphrase and \
                 its recovery key alone",
                self.told_copied(slots)
            );
        }
        if let Some(told) = self.told_left(slots) {
            bail!(
                "{told}: changing it here would shut that one out. If this folder is the box now, \
                 run healthpost key reseal --moved"
            );
        }
        slots.set_home(self.home()?);
        Ok(())
    }

    /// In words, if another folder took this one's place: the TPM has ended what
    /// this one names, and keeps something else of the same installation. Where
    /// the TPM cannot be asked, nothing tells, and nothing can be changed in it.
    pub(super) fn told_left(&self, slots: &SlotsFile) -> Option<String> {
        let sealer = self.sealer.as_deref()?;
        let met = sealer.meet().ok()?;
        let board = slots.known_board(&met)?;
        let kept = sealer.kept(board).ok()?;
        let sealed = slots.sealed();
        let here = sealed
            .iter()
            .filter(|it| it.board.storage_key == met.storage_key);
        let own: Vec<u32> = here.map(|it| it.index).collect();
        let listeners = crate::app::lan::sealed_in(&self.folder);
        let is_listeners = |index: &u32| listeners.iter().any(|it| it.index == *index);
        let left = !own.is_empty()
            && !own.iter().any(|index| kept.contains(index))
            && kept.iter().any(|index| !is_listeners(index));
        left.then(|| {
            format!(
                "the TPM has ended the seal of {}, and keeps one of another folder of the same box",
                self.folder.display()
            )
        })
    }

    /// From now on this folder is the box, and the one it was copied from is not.
    /// Where something is sealed as well, [`Custody::seal_moved`] does both at once.
    ///
    /// # Errors
    /// When the slots cannot be read or written.
    pub fn make_home(&self) -> Result<()> {
        let mut slots = SlotsFile::load(&self.folder)?;
        slots.set_home(self.home()?);
        Ok(slots.save(&self.folder)?)
    }

    pub(in crate::app) fn home(&self) -> Result<Home> {
        Home::new(&self.folder, &self.place).context("the data folder cannot be seen")
    }

    /// On a board the slots have never met, nothing of the original's can end.
    fn knows_this_board(&self, slots: &SlotsFile) -> Result<bool> {
        if self.sealer.is_none() || slots.board().is_none() {
            return Ok(false);
        }
        let met = self.sealer()?.meet()?;
        Ok(slots.known_board(&met).is_some())
    }
}
