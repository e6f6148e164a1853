//! Which of the installation's data keys a slot is for, and the end of the slots
//! of a former one.
//!
//! A person's slot is bound to its number, and its tag to the key in it: both
//! are proved by whoever holds the key. The number in a TPM's slot is bound to
//! nothing, and counts as a hint alone: no slot ever ends on its word.

use super::human::{HumanSlot, Kind};
use super::slot::{Slot, TpmSlot};
use super::{Error, Opened, SlotsFile};
use crate::core::data_key::DataKey;
use crate::ports::Chance;
use crate::ports::sealer::Sealed;

impl SlotsFile {
    /// Generations there are slots for, the newest first.
    pub fn generations(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.slots.iter().filter_map(Slot::generation).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
        all
    }

    /// Puts what was sealed in place of whatever this installation had sealed
    /// to the same TPM. While a rotation is under way, only in place of what has
    /// the same number. Slots of other TPMs stay.
    pub fn replace_sealed(&mut self, generation: u32, sealed: Sealed) {
        let chip = sealed.board.storage_key.clone();
        let rotating = self.whole().any(|slot| slot.generation != generation);
        self.slots.retain(|slot| match slot {
            Slot::Tpm(old) => {
                let is_other = rotating && old.generation != generation;
                is_other || old.sealed.board.storage_key != chip
            }
            Slot::Human(_) | Slot::Other(_) => true,
        });
        let slot = TpmSlot::new(generation, sealed);
        self.slots.push(Slot::Tpm(Box::new(slot)));
    }

    /// Adds a further generation: every person's slot that `from` is in opens
    /// `next` too, without the person. A passphrase's slot that is damaged is
    /// left behind.
    ///
    /// # Errors
    /// [`Error::DamagedSlot`] or [`Error::NoSuchSlot`] when the paper would not
    /// open the new key: better found now than when it is needed. Or
    /// [`Error::ForeignSlot`]: whoever wrote it would get the new key.
    pub fn add_generation(
        &mut self,
        from: &Opened,
        next: &Opened,
        chance: &dyn Chance,
    ) -> Result<(), Error> {
        let mut added = Vec::new();
        for slot in self.whole() {
            if slot.is_ours(&from.key) {
                let slot = slot.with_key(next.generation, &next.key, chance)?;
                added.push(Slot::Human(slot));
            } else if slot.generation == from.generation {
                return Err(Error::ForeignSlot(slot.kind.name()));
            }
        }
        if !self.has_paper_for(&from.key) {
            let paper = Kind::Recovery;
            let is_there = self.kinds().iter().any(|kind| kind == paper.word());
            return Err(if is_there {
                Error::DamagedSlot(paper.name())
            } else {
                Error::NoSuchSlot(paper.name())
            });
        }
        self.slots.extend(added);
        Ok(())
    }

    /// Keeps the slots of one generation, damaged ones of others not either: at
    /// the end of a rotation, when the database opens with that key and no other.
    /// Slots of unknown kinds stay.
    pub fn keep_generation(&mut self, generation: u32) {
        self.slots
            .retain(|slot| slot.generation().is_none_or(|its| its == generation));
    }

    /// Ends what a rotation that was cut short left behind, now that `opened` is
    /// known to be the database's key, and sets right the number that a TPM's
    /// slot told. Tells whether any slot changed.
    ///
    /// None does while the paper does not open the key that stays. A person's slot
    /// ends if it is whole and another key is in it; a TPM's, if there are such
    /// slots of its generation, and a TPM has the key that stays.
    pub fn settle(&mut self, opened: &mut Opened) -> bool {
        let Some(own) = self.generation_of(&opened.key) else {
            return false;
        };
        let told = std::mem::replace(&mut opened.generation, own);
        if !self.has_paper_for(&opened.key) {
            return false;
        }
        let others: Vec<u32> = self
            .whole()
            .filter(|slot| slot.generation != own && !slot.is_ours(&opened.key))
            .map(|slot| slot.generation)
            .collect();
        let renumbered = told != own && !others.contains(&told) && self.renumber(told, own);
        let is_its_seal = |slot: &Slot| matches!(slot, Slot::Tpm(tpm) if tpm.generation == own);
        let is_sealed = self.slots.iter().any(is_its_seal);
        let before = self.slots.len();
        self.slots.retain(|slot| match slot {
            Slot::Human(slot) => {
                slot.generation == own || !slot.is_whole() || slot.is_ours(&opened.key)
            }
            Slot::Tpm(slot) => !(is_sealed && others.contains(&slot.generation)),
            Slot::Other(_) => true,
        });
        renumbered || self.slots.len() != before
    }

    /// The number of a key, as the slots tell that were written by whoever had it.
    fn generation_of(&self, key: &DataKey) -> Option<u32> {
        let mut ours = self.whole().filter(|slot| slot.is_ours(key));
        ours.next().map(|slot| slot.generation)
    }

    /// Whether the key on paper opens this data key.
    fn has_paper_for(&self, key: &DataKey) -> bool {
        self.whole()
            .any(|slot| slot.kind == Kind::Recovery && slot.is_ours(key))
    }

    fn renumber(&mut self, from: u32, to: u32) -> bool {
        let mut changed = false;
        for slot in &mut self.slots {
            if let Slot::Tpm(slot) = slot
                && slot.generation == from
            {
                slot.generation = to;
                changed = true;
            }
        }
        changed
    }

    /// The slots that a person's secret opens, if they are as they were written.
    fn whole(&self) -> impl Iterator<Item = &HumanSlot> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Human(slot) if slot.is_whole() => Some(slot),
            Slot::Human(_) | Slot::Tpm(_) | Slot::Other(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FIRST_GENERATION, create};
    use super::*;
    use crate::keys::derive::Cost;
    use crate::keys::recovery::RecoveryKey;
    use crate::keys::testing::Sequence;
    use crate::ports::sealer::{Blob, Board, Installation};

    const PASSPHRASE: &str = "maji safi";
    const KINDS: [&str; 3] = ["recovery", "passphrase", "tpm2"];

    /// What was sealed to the chip of that number.
    fn sealed(chip: u8, index: u32) -> Sealed {
        Sealed {
            board: Board {
                storage_key: Blob::new(&[chip; 34]),
                endorsement_key: None,
                installation: Installation::try_from(7).unwrap(),
            },
            public: Blob::new(&[3; 78]),
            private: Blob::new(&[4; 158]),
            index,
            pcrs: None,
            pin: None,
            nonce: String::new(),
            wrapped: String::new(),
        }
    }

    struct Made {
        file: SlotsFile,
        recovery: RecoveryKey,
        /// The keys of the generations, the first one first.
        keys: [[u8; 32]; 2],
    }

    /// The slots of a box with every way in, and in the midst of a rotation if
    /// `both`.
    fn made(both: bool) -> Made {
        let chance = Sequence::default();
        let (mut file, key, recovery) = create(&chance).unwrap();
        let first = Opened {
            generation: FIRST_GENERATION,
            key,
        };
        let cheap = Cost {
            m_kib: 8,
            t: 1,
            p: 1,
        };
        file.add_with(cheap, PASSPHRASE, &first, &chance).unwrap();
        file.replace_sealed(1, sealed(1, 1));
        let next = opened(2, [7; 32]);
        if both {
            file.add_generation(&first, &next, &chance).unwrap();
            file.replace_sealed(2, sealed(1, 2));
        }
        Made {
            file,
            recovery,
            keys: [*first.key.expose(), [7; 32]],
        }
    }

    fn opened(generation: u32, mut key: [u8; 32]) -> Opened {
        Opened {
            generation,
            key: DataKey::take(&mut key),
        }
    }

    /// The file with the number of one slot changed on the disk, of that kind and
    /// that generation.
    fn flipped(file: &SlotsFile, kind: &str, from: u32, to: u32) -> SlotsFile {
        let text = String::from_utf8(file.to_bytes().unwrap()).unwrap();
        let number = |it: u32| format!("\"kind\":\"{kind}\",\"generation\":{it},");
        assert!(text.contains(&number(from)), "{text}");
        let text = text.replacen(&number(from), &number(to), 1);
        SlotsFile::parse(text.as_bytes()).unwrap()
    }

    /// The generations of the slots of a kind.
    fn of(file: &SlotsFile, kind: &str) -> Vec<u32> {
        let its = |slot: &&Slot| slot.kind().as_deref() == Some(kind);
        let mut all: Vec<u32> = file
            .slots
            .iter()
            .filter(its)
            .filter_map(Slot::generation)
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn a_flipped_number_ends_no_slot_whichever_way_opened() {
        let made = made(false);
        for kind in KINDS {
            for to in [0, 2, 9] {
                let file = flipped(&made.file, kind, 1, to);
                // The TPM tells the number in its slot, a person's slot its own.
                for told in [1, to] {
                    let mut file = file.clone();
                    let mut opened = opened(told, made.keys[0]);
                    let changed = file.settle(&mut opened);
                    let case = format!("{kind} as {to}, opened as {told}");
                    assert_eq!(file.kinds(), KINDS, "{case}");
                    assert_eq!(opened.generation, 1, "{case}");
                    assert_eq!(changed, kind == "tpm2" && told == to, "{case}");
                    if changed {
                        assert_eq!(of(&file, kind), [1], "{case}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_rotation_that_was_cut_short_ends_with_either_key() {
        for own in [1, 2] {
            let made = made(true);
            let mut file = made.file;
            let mut opened = opened(own, made.keys[own as usize - 1]);
            assert!(file.settle(&mut opened));
            assert_eq!(file.generations(), [own]);
            assert_eq!(file.kinds().len(), 3);
            assert!(!file.settle(&mut opened));
            let by_paper = file.open_with_recovery(&made.recovery).unwrap();
            assert_eq!(by_paper[0].key.expose(), opened.key.expose());
            assert_eq!(by_paper.len(), 1);
        }
    }

    #[test]
    fn in_the_midst_of_a_rotation_a_flipped_number_ends_no_slot_of_the_key_that_stays() {
        for own in [1, 2] {
            for kind in KINDS {
                for (from, to) in [(1, 2), (2, 1), (1, 9), (2, 9)] {
                    let made = made(true);
                    let mut file = flipped(&made.file, kind, from, to);
                    let number = if from == own && kind == "tpm2" {
                        to
                    } else {
                        own
                    };
                    for told in [own, number] {
                        let mut opened = opened(told, made.keys[own as usize - 1]);
                        file.settle(&mut opened);
                        let case = format!("{own}: {kind} {from} as {to}, opened as {told}");
                        assert_eq!(opened.generation, own, "{case}");
                        for other in KINDS.iter().filter(|other| **other != kind) {
                            assert!(of(&file, other).contains(&own), "{case}");
                        }
                        let stays = if from == own { to } else { own };
                        let is_there = of(&file, kind);
                        let renumbered = is_there.contains(&own);
                        assert!(is_there.contains(&stays) || renumbered, "{case}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_ends_before_the_paper_opens_the_key_that_stays() {
        let made = made(true);
        let mut opened = opened(2, made.keys[1]);
        let no_paper = |slot: &Slot| {
            let recovery = slot.human(Kind::Recovery);
            recovery.is_none_or(|slot| slot.generation != 2)
        };
        let mut file = made.file.clone();
        file.slots.retain(no_paper);
        let before = file.kinds();
        assert!(!file.settle(&mut opened));
        assert_eq!(file.kinds(), before);
        // Nor while the other TPM's slot is all there is of one.
        let mut file = made.file;
        let not_sealed = |slot: &Slot| !matches!(slot, Slot::Tpm(tpm) if tpm.generation == 2);
        file.slots.retain(not_sealed);
        assert!(file.settle(&mut opened));
        assert_eq!(of(&file, "tpm2"), [1]);
        assert_eq!(of(&file, "recovery"), [2]);
    }

    #[test]
    fn sealing_anew_replaces_a_slot_whose_number_is_nobodys() {
        let made = made(false);
        let mut file = flipped(&made.file, "tpm2", 1, 9);
        file.replace_sealed(1, sealed(2, 4));
        file.replace_sealed(1, sealed(1, 5));
        let indices: Vec<u32> = file.sealed().iter().map(|it| it.index).collect();
        assert_eq!(indices, [5, 4]);
        // In the midst of a rotation it may be the one that opens the database.
        let made = self::made(true);
        let mut file = flipped(&made.file, "tpm2", 1, 9);
        file.replace_sealed(2, sealed(1, 5));
        let indices: Vec<u32> = file.sealed().iter().map(|it| it.index).collect();
        assert_eq!(indices, [1, 5]);
    }
}
