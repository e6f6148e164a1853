//! The ways to the data key, tried in an order that costs no try of the PIN for
//! nothing. At most one try of the TPM's is used up for one secret.

use super::{Custody, Way, drill, words};
use crate::core::data_key::DataKey;
use crate::core::pin::Pin;
use crate::keys::{Error as SlotsError, Opened, RecoveryKey, SlotsFile};
use crate::ports::sealer::{SealError, Situation};
use crate::store::audit::{self, Deed};
use crate::store::{meta, open as database, rewrite};
use anyhow::{Context, Result, bail};

impl Custody {
    /// The data key, by one way, and what a change that was cut short left
    /// behind is tidied up.
    ///
    /// # Errors
    /// In words: why that way does not open.
    pub fn open(&self, way: &Way) -> Result<Opened> {
        let (opened, by) = self.open_by(way)?;
        if by == By::Paper {
            // A box that cannot write it down must not stay shut.
            if let Err(error) = self.note_proved(&opened.key) {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "that the recovery key opens could not be written down"
                );
            }
        }
        Ok(opened)
    }

    /// As [`Custody::open`], for whoever notes by itself what opened the box.
    pub(super) fn open_by(&self, way: &Way) -> Result<(Opened, By)> {
        let slots = SlotsFile::load(&self.folder)?;
        let (candidates, by) = self.candidates(&slots, way)?;
        let mut opened = self.that_fits(candidates)?;
        let slots = self.settle(slots, &mut opened)?;
        // While a slot is damaged, the former file may be where it is still whole.
        if slots.faults().is_empty() {
            self.end_the_former();
        }
        let is_copy = self.is_copied(&slots);
        if !by.is_person() && !is_copy {
            // A change that was cut short may have left an older way in. Only
            // with the TPM at hand: a list from an old copy must not be kept to.
            if let Err(error) = self.forget_in_the_tpm(&slots) {
                let error = format!("{error:#}");
                tracing::warn!(error, "an earlier way in could not be removed");
            }
        }
        if by.is_person() && !slots.sealed().is_empty() {
            tracing::warn!("the box was opened by what a person knows and not by its TPM");
            // A box that cannot write it down must not stay shut.
            if let Err(error) = self.note_without_tpm(&opened.key) {
                let error = format!("{error:#}");
                tracing::warn!(error, "it could not be written down either");
            }
        }
        // Whoever opened the box by another way may have done so because of the
        // wrong PINs: the right one must not have to wait for them.
        let is_over = self.sealer.is_some() && wants_pin(&slots) && !is_copy;
        if by == By::Pin || (by.is_person() && is_over) {
            self.count_back_if_possible(&opened.key);
        }
        Ok((opened, by))
    }

    /// A paper that has opened the box is proved, whoever drills.
    fn note_proved(&self, key: &DataKey) -> Result<()> {
        let mut conn = database::open(&self.folder, key)?;
        if meta::find_number(&conn, meta::DRILLED_AT)?.is_none() {
            self.clock.recall(meta::latest_known(&conn)?);
            let deed = Deed {
                at: self.clock.now().at,
                actor: "system",
                action: "key.recovery_proved",
                subject: "box",
                detail: "the recovery key opened the box",
            };
            drill::note(&mut conn, &deed)?;
        }
        conn.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    /// A sealed box that opens without its TPM never does so in silence.
    fn note_without_tpm(&self, key: &DataKey) -> Result<()> {
        let conn = database::open(&self.folder, key)?;
        self.clock.recall(meta::latest_known(&conn)?);
        let deed = Deed {
            at: self.clock.now().at,
            actor: "system",
            action: "key.opened_without_tpm",
            subject: "box",
            detail: "by a passphrase or the recovery key",
        };
        audit::append(&conn, &deed)?;
        conn.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    pub(super) fn candidates(&self, slots: &SlotsFile, way: &Way) -> Result<(Vec<Opened>, By)> {
        Ok(match way {
            Way::Passphrase(typed) => (slots.open_with_passphrase(words(typed)?)?, By::Person),
            Way::Recovery(key) => (slots.open_with_recovery(key)?, By::Paper),
            Way::Tpm(pin) => {
                let opened = slots.open_with_tpm(self.sealer()?, pin.as_ref())?;
                let by = if pin.is_some() { By::Pin } else { By::Tpm };
                (opened, by)
            }
            Way::Typed(typed) => return self.typed(slots, words(typed)?),
        })
    }

    /// What cannot be mistaken comes first: the recovery key has a check in each
    /// group. A passphrase is tried before a PIN: it costs time, and a PIN costs
    /// one of the TPM's tries.
    fn typed(&self, slots: &SlotsFile, text: &str) -> Result<(Vec<Opened>, By)> {
        match RecoveryKey::parse(text) {
            Ok(key) => return Ok((slots.open_with_recovery(&key)?, By::Paper)),
            Err(mistake) if mistake.is_slip() => return Err(mistake.into()),
            Err(_) => {}
        }
        match slots.open_with_passphrase(text) {
            Ok(opened) => return Ok((opened, By::Person)),
            Err(SlotsError::Wrong(_) | SlotsError::NoSuchSlot(_) | SlotsError::DamagedSlot(_))
                if wants_pin(slots) => {}
            // The card may be back in a board that it had left.
            Err(
                error @ (SlotsError::Wrong(_)
                | SlotsError::NoSuchSlot(_)
                | SlotsError::DamagedSlot(_)),
            ) if had_a_pin(slots) => {
                return match self.pin_of_before(slots, text) {
                    Some(opened) => Ok((opened?, By::Pin)),
                    None => Err(error.into()),
                };
            }
            Err(error) => return Err(error.into()),
        }
        let pin = Pin::parse(text)?;
        let opened = slots.open_with_tpm(self.sealer()?, Some(&pin))?;
        Ok((opened, By::Pin))
    }

    /// What a PIN opens in the TPM of a board that the box had left, or that it is
    /// wrong there; nothing where there is no such TPM.
    fn pin_of_before(
        &self,
        slots: &SlotsFile,
        text: &str,
    ) -> Option<Result<Vec<Opened>, SlotsError>> {
        let (pin, sealer) = (Pin::parse(text).ok()?, self.sealer.as_deref()?);
        match slots.open_with_tpm(sealer, Some(&pin)) {
            Err(SlotsError::Tpm(tpm)) => {
                let about_it = matches!(
                    tpm.situation,
                    Situation::WrongPin { .. } | Situation::LockedOut { .. }
                );
                about_it.then_some(Err(SlotsError::Tpm(tpm)))
            }
            Err(_) => None,
            opened => Some(opened),
        }
    }

    /// The slots as they are have opened the box, so what they were before is of
    /// no more use: it may hold a passphrase or a paper that has ended.
    fn end_the_former(&self) {
        if let Err(error) = crate::keys::slots::remove_old(&self.folder) {
            let error = format!("{error:#}");
            tracing::warn!(
                error,
                "keyslots.json.old, with ended ways in, is still there"
            );
        }
    }

    /// Of two generations, the one whose file is in place.
    fn that_fits(&self, candidates: Vec<Opened>) -> Result<Opened> {
        for opened in candidates {
            let fits = rewrite::fits(&self.folder, &opened.key);
            if fits.context("the database could not be opened")? {
                return Ok(opened);
            }
        }
        bail!(
            "the key opens, but it is not the key of clinic.db: the file and keyslots.json are of \
             different times; put back the pair that belongs together"
        )
    }

    /// Ends a rotation that was cut short: the slots of the file that is not
    /// there open nothing any more.
    fn settle(&self, mut slots: SlotsFile, opened: &mut Opened) -> Result<SlotsFile> {
        rewrite::discard_new(&self.folder).context("a leftover could not be removed")?;
        if slots.settle(opened) {
            slots.save_beside_old(&self.folder)?;
            tracing::info!("the slots are those of the present data key again");
        }
        Ok(slots)
    }
}

/// Whether the TPM did not open because the board's registers hold something
/// else than when the key was sealed.
pub fn registers_changed(error: &anyhow::Error) -> bool {
    let is_it = |error: &SealError| error.situation == Situation::PcrChanged;
    error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(SlotsError::Tpm(error)) if is_it(error)))
}

/// Whether what somebody gave is simply not what opens the box.
pub fn is_wrong_secret(error: &anyhow::Error) -> bool {
    let is_it = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(SlotsError::Wrong(_)))
    };
    error.chain().any(is_it)
}

/// Whether it was a recovery key without a mistake that is not this box's.
pub fn is_wrong_recovery_key(error: &anyhow::Error) -> bool {
    let is_it = |cause: &(dyn std::error::Error + 'static)| {
        matches!(
            cause.downcast_ref(),
            Some(SlotsError::Wrong("recovery key"))
        )
    };
    error.chain().any(is_it)
}

/// What opened the box.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Tpm,
    Pin,
    Person,
    /// A person, with the recovery key.
    Paper,
}

impl By {
    /// Whether it was what somebody knows or has on paper, and no TPM.
    const fn is_person(self) -> bool {
        matches!(self, Self::Person | Self::Paper)
    }
}

/// Whether the TPM that the box lives with wants a PIN. A seal that does not read
/// may have had one.
pub(super) fn wants_pin(slots: &SlotsFile) -> bool {
    let at_home = slots.sealed_at_home();
    slots.has_unread_seal() || at_home.iter().any(|sealed| sealed.pin.is_some())
}

/// Whether any TPM that the key is sealed to does, one that the box has left too.
pub(super) fn had_a_pin(slots: &SlotsFile) -> bool {
    wants_pin(slots) || slots.sealed().iter().any(|sealed| sealed.pin.is_some())
}

/// As [`Custody::open`], off the runtime's threads: it takes its time.
///
/// # Errors
/// As [`Custody::open`].
pub async fn open(custody: &Custody, way: Way) -> Result<Opened> {
    let custody = custody.clone();
    tokio::task::spawn_blocking(move || custody.open(&way)).await?
}
