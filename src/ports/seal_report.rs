//! What can be seen of a TPM without any secret, and the sentences about it.
//!
//! Everything here was told over a bus that an attacker may sit on: it explains
//! findings to people, and nothing secret is ever entrusted to it.

use crate::ports::seal_error::SealError;
use std::fmt;

/// The counter of wrong PINs and its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Wrong PINs that count now.
    pub counter: u32,
    /// How many lock the TPM.
    pub tries_max: u32,
    /// Seconds, with power, after which one is forgotten. 0: the TPM never
    /// locks for wrong PINs.
    pub interval_s: u32,
    /// Seconds for which a wrong lock-out password blocks it.
    pub recovery_s: u32,
    /// The TPM takes no PIN at present.
    pub locked: bool,
}

impl Lockout {
    /// Wrong PINs that are still allowed.
    pub const fn tries_left(self) -> u32 {
        if self.locked {
            return 0;
        }
        self.tries_max.saturating_sub(self.counter)
    }

    /// Seconds, with power, until another try, at most. `None` when not locked.
    pub const fn wait_s(self) -> Option<u32> {
        if self.locked {
            Some(self.interval_s)
        } else {
            None
        }
    }
}

/// Whether this is the TPM that the key was sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing to compare with, or it could not be asked.
    NotChecked,
    /// Its storage key is the pinned one.
    Same,
    /// The storage key changed, the endorsement key did not.
    Cleared,
    /// Both changed.
    Other,
    /// The storage key changed; the endorsement key was never known.
    OtherStorageKey,
}

/// The TPM's half of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Nothing to compare with, or it could not be asked.
    NotChecked,
    /// It is there as it should be.
    Present,
    /// It is gone.
    Gone,
    /// Something else is there.
    Overwritten,
}

/// The registers the key is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcrState {
    /// Nothing to compare with, or they could not be asked.
    NotChecked,
    /// The key is not bound to any.
    NotUsed,
    /// They hold what they held.
    Same,
    /// They changed: the key will not open.
    Changed,
}

/// All that can be seen without a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Why it cannot be used at all, if so; the rest is then not checked.
    pub fault: Option<SealError>,
    /// Who made the chip, as it says itself, for example `IFX` or `IBM`.
    pub manufacturer: String,
    /// The owner hierarchy has a password.
    pub owner_password: bool,
    /// The lock-out hierarchy has a password (ours, or somebody else's).
    pub lockout_password: bool,
    /// There is a PIN, and nothing keeps others from setting its counter back.
    pub unguarded_pin: bool,
    /// The counter of wrong PINs.
    pub lockout: Option<Lockout>,
    /// Whether it is the same TPM.
    pub identity: Identity,
    /// Its half of the key.
    pub index: IndexState,
    /// The registers.
    pub pcrs: PcrState,
}

impl Report {
    /// A report on a TPM about which nothing is known.
    pub const fn blank() -> Self {
        Self {
            fault: None,
            manufacturer: String::new(),
            owner_password: false,
            lockout_password: false,
            unguarded_pin: false,
            lockout: None,
            identity: Identity::NotChecked,
            index: IndexState::NotChecked,
            pcrs: PcrState::NotChecked,
        }
    }

    /// What is worth saying, most serious first; empty when all is well.
    pub fn findings(&self) -> Vec<Finding> {
        let locked = self.lockout.and_then(Lockout::wait_s);
        let candidates = [
            self.fault.map(Finding::Unusable),
            match self.identity {
                Identity::NotChecked | Identity::Same => None,
                Identity::Cleared => Some(Finding::Cleared),
                Identity::Other => Some(Finding::OtherTpm),
                Identity::OtherStorageKey => Some(Finding::OtherStorageKey),
            },
            match self.index {
                IndexState::NotChecked | IndexState::Present => None,
                IndexState::Gone => Some(Finding::IndexGone),
                IndexState::Overwritten => Some(Finding::IndexOverwritten),
            },
            match self.pcrs {
                PcrState::NotChecked | PcrState::NotUsed | PcrState::Same => None,
                PcrState::Changed => Some(Finding::PcrChanged),
            },
            locked.map(|wait_s| Finding::LockedOut { wait_s }),
            self.unguarded_pin.then_some(Finding::UnguardedPin),
            self.owner_password.then_some(Finding::OwnerPassword {
                opens: self.identity == Identity::Same,
            }),
        ];
        candidates.into_iter().flatten().collect()
    }
}

/// One thing worth saying, as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It cannot be used.
    Unusable(SealError),
    /// Another storage key, the same endorsement key.
    Cleared,
    /// Another storage key and another endorsement key.
    OtherTpm,
    /// Another storage key, and nothing tells why.
    OtherStorageKey,
    /// The half inside the TPM is gone.
    IndexGone,
    /// The half inside the TPM is something else now.
    IndexOverwritten,
    /// Registers changed.
    PcrChanged,
    /// No PIN is taken at present.
    LockedOut {
        /// Seconds, with power, until another try, at most.
        wait_s: u32,
    },
    /// Whoever has the box may set the counter of wrong PINs back.
    UnguardedPin,
    /// The owner hierarchy has a password.
    OwnerPassword {
        /// Whether the TPM keeps the storage key, which it cannot make then.
        opens: bool,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::Unusable(error) => return write!(f, "{error}"),
            Self::Cleared => {
                "the TPM is the same chip but was cleared since the key was sealed: only the recovery key or a passphrase opens now. A device between chip and board can fake this: if nobody cleared the TPM, have the board looked at"
            }
            Self::OtherTpm => {
                "this TPM is not the one the key was sealed to. Either the card is in another box, or the chip was replaced, or a device sits between chip and board: these three cannot be told apart from here"
            }
            Self::OtherStorageKey => {
                "the TPM's storage key is not the one the key was sealed to. Another TPM, a cleared one and a device between chip and board cannot be told apart here, because the chip's endorsement key could not be read when the key was sealed"
            }
            Self::IndexGone => {
                "the TPM no longer keeps its half of this key: it was replaced by set-pin, reseal or rotate, or erased. If keyslots.json is an old copy, use the present one; else open with the recovery key"
            }
            Self::IndexOverwritten => {
                "something else lies where the TPM kept its half of this key: open with the recovery key and seal anew"
            }
            Self::PcrChanged => {
                "what the box measured while starting differs from when the key was sealed: after an update run healthpost key reseal with a passphrase or the recovery key at hand; without one, somebody may have changed its software"
            }
            Self::LockedOut { wait_s } => {
                let minutes = wait_s.div_ceil(60).max(1);
                return write!(
                    f,
                    "the TPM takes no PIN after too many wrong ones: leave the box switched on, it takes one more in at most {minutes} min"
                );
            }
            Self::UnguardedPin => {
                "the TPM counts wrong PINs, but has no lock-out password: whoever has the box can set the counter back and guess on. Unlock once, which sets it"
            }
            Self::OwnerPassword { opens: true } => {
                "the TPM has an owner password: the key opens as long as the TPM keeps its storage key at 0x81000001, but sealing anew, set-pin, rotate and erasing will not work until the password is taken off"
            }
            Self::OwnerPassword { opens: false } => {
                "the TPM has an owner password, and its storage key, which can only be made without one, is not kept at 0x81000001: the key does not open until the password is taken off"
            }
        };
        f.write_str(sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::seal_error::Situation;

    #[test]
    fn every_finding_has_a_sentence_of_its_own() {
        let locked = Lockout {
            counter: 10,
            tries_max: 10,
            interval_s: 1800,
            recovery_s: 3600,
            locked: true,
        };
        assert_eq!((locked.tries_left(), locked.wait_s()), (0, Some(1800)));
        let mut sentences = std::collections::BTreeSet::new();
        for identity in [
            Identity::Cleared,
            Identity::Other,
            Identity::OtherStorageKey,
        ] {
            for index in [IndexState::Gone, IndexState::Overwritten] {
                let report = Report {
                    fault: Some(Situation::NotStarted.into()),
                    owner_password: true,
                    unguarded_pin: true,
                    lockout: Some(locked),
                    identity,
                    index,
                    pcrs: PcrState::Changed,
                    ..Report::blank()
                };
                let findings = report.findings();
                assert_eq!(findings.len(), 7);
                sentences.extend(findings.iter().map(ToString::to_string));
            }
        }
        assert_eq!(sentences.len(), 10);
        assert!(sentences.iter().any(|it| it.contains("at most 30 min")));
        let owned = Finding::OwnerPassword { opens: true }.to_string();
        assert!(!sentences.contains(&owned), "{owned}");
        assert!(Report::blank().findings().is_empty());
    }
}
