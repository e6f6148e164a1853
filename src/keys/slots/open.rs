//! The ways from the slots to the data key.

use super::human::{HumanSlot, Kind, Opener};
use super::{Error, SlotsFile};
use crate::core::data_key::DataKey;
use crate::core::pin::Pin;
use crate::keys::recovery::RecoveryKey;
use crate::ports::sealer::{SealError, Sealer, Situation};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A data key out of a slot, and which one of the installation's it is.
#[derive(Debug)]
pub struct Opened {
    /// Counts up with each rotation.
    pub generation: u32,
    /// The key.
    pub key: DataKey,
}

impl SlotsFile {
    /// Opens with a passphrase: the keys it leads to, the newest generation
    /// first. Takes a derivation's time: not for a runtime's thread.
    ///
    /// # Errors
    /// [`Error::Wrong`], [`Error::NoSuchSlot`] or [`Error::DamagedSlot`].
    pub fn open_with_passphrase(&self, passphrase: &str) -> Result<Vec<Opened>, Error> {
        self.open(Kind::Passphrase, normalised(passphrase).as_bytes())
    }

    /// Opens with the recovery key.
    ///
    /// # Errors
    /// As [`SlotsFile::open_with_passphrase`].
    pub fn open_with_recovery(&self, recovery: &RecoveryKey) -> Result<Vec<Opened>, Error> {
        self.open(Kind::Recovery, recovery.expose())
    }

    /// Opens with the TPM. Blocks, for seconds with a real chip and a PIN.
    ///
    /// # Errors
    /// [`Error::NoSuchSlot`], or what the TPM has against the newest slot.
    pub fn open_with_tpm(
        &self,
        sealer: &dyn Sealer,
        pin: Option<&Pin>,
    ) -> Result<Vec<Opened>, Error> {
        let mut opened = Vec::new();
        let mut against: Option<SealError> = None;
        for slot in self.tpm_slots() {
            match sealer.unseal(&slot.sealed, pin) {
                Ok(key) => opened.push(Opened {
                    generation: slot.generation,
                    key,
                }),
                Err(error) => {
                    // A further try would only use up another one of the PIN's.
                    let about_the_pin = matches!(
                        error.situation,
                        Situation::WrongPin { .. } | Situation::LockedOut { .. }
                    );
                    if about_the_pin {
                        against = Some(error);
                        break;
                    }
                    against.get_or_insert(error);
                }
            }
        }
        match against {
            Some(error) if opened.is_empty() => Err(error.into()),
            Some(_) | None if opened.is_empty() => Err(Error::NoSuchSlot("TPM")),
            Some(_) | None => Ok(opened),
        }
    }

    fn open(&self, kind: Kind, secret: &[u8]) -> Result<Vec<Opened>, Error> {
        let (mut tried, mut damaged, mut opened) = (false, false, Vec::new());
        // A rotation keeps the derivation: two generations cost one.
        let mut known: Vec<(&HumanSlot, Opener)> = Vec::new();
        for slot in self.slots.iter().filter_map(|slot| slot.human(kind)) {
            if !slot.is_whole() {
                damaged = true;
                continue;
            }
            let same = |(other, _): &&(&HumanSlot, Opener)| other.derivation() == slot.derivation();
            if !known.iter().any(|known| same(&known)) {
                match slot.opener(secret) {
                    Some(opener) => known.push((slot, opener)),
                    None => damaged = true,
                }
            }
            let Some((_, opener)) = known.iter().find(same) else {
                continue;
            };
            tried = true;
            opened.extend(slot.open(opener).map(|key| Opened {
                generation: slot.generation,
                key,
            }));
        }
        opened.sort_by_key(|it| std::cmp::Reverse(it.generation));
        match (opened.is_empty(), damaged, tried) {
            (false, ..) => Ok(opened),
            (true, true, _) => Err(Error::DamagedSlot(kind.name())),
            (true, false, true) => Err(Error::Wrong(kind.name())),
            (true, false, false) => Err(Error::NoSuchSlot(kind.name())),
        }
    }
}

/// Keyboards make the same letter in different ways: é is one character or two.
pub(super) fn normalised(passphrase: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4 * passphrase.len()));
    text.extend(passphrase.nfc());
    text
}
