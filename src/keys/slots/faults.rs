//! What is wrong with the slots, as far as it can be seen without any secret: to
//! be told to whoever looks, and not on the day when a slot is needed.

use super::SlotsFile;
use super::human::Kind;
use super::slot::Slot;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not even a damaged one.
    #[error("there is no recovery slot: the key on paper opens nothing")]
    NoRecovery,
    /// The slot of the key on paper is not as it was written.
    #[error("the recovery slot is damaged: the key on paper does not open it")]
    DamagedRecovery,
    /// A passphrase's slot is not as it was written.
    #[error("a passphrase slot is damaged: its passphrase does not open it")]
    DamagedPassphrase,
    /// A slot that this program does not read, by the kind it says it is of.
    #[error("a slot of the kind \"{0}\" does not read, and opens nothing")]
    Unread(String),
}

impl SlotsFile {
    /// Everything that is wrong, each thing once.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self
            .kinds()
            .iter()
            .any(|kind| kind == Kind::Recovery.word())
        {
            faults.push(Fault::NoRecovery);
        }
        faults.extend(self.slots.iter().filter_map(of_slot));
        faults.dedup();
        faults
    }
}

fn of_slot(slot: &Slot) -> Option<Fault> {
    match slot {
        Slot::Human(human) if human.is_whole() => None,
        Slot::Human(human) => Some(match human.kind {
            Kind::Passphrase => Fault::DamagedPassphrase,
            Kind::Recovery => Fault::DamagedRecovery,
        }),
        // Only its TPM can tell whether it is whole.
        Slot::Tpm(_) => None,
        Slot::Other(_) => {
            let kind = slot.kind().unwrap_or_else(|| "unknown".to_owned());
            Some(Fault::Unread(kind))
        }
    }
}
