//! One slot of the file, of whatever kind.

use super::human::{HumanSlot, Kind};
use crate::ports::sealer::Sealed;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One slot. What is not understood stays as it is.
#[derive(Clone)]
pub(super) enum Slot {
    Human(HumanSlot),
    Tpm(Box<TpmSlot>),
    Other(Box<RawValue>),
}

/// A slot that this board's TPM opens.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TpmSlot {
    kind: TpmKind,
    pub(super) generation: u32,
    pub(super) sealed: Sealed,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TpmKind {
    Tpm2,
}

#[derive(Deserialize)]
struct Head {
    kind: String,
}

impl TpmSlot {
    /// A slot with what was sealed.
    pub(super) const fn new(generation: u32, sealed: Sealed) -> Self {
        Self {
            kind: TpmKind::Tpm2,
            generation,
            sealed,
        }
    }
}

impl Slot {
    /// A slot of a known kind that does not read is kept as it is, and told as
    /// damaged when it is wanted.
    pub(super) fn read(raw: Box<RawValue>) -> Self {
        if let Ok(slot) = serde_json::from_str(raw.get()) {
            return Self::Human(slot);
        }
        match serde_json::from_str(raw.get()) {
            Ok(slot) => Self::Tpm(Box::new(slot)),
            Err(_) => Self::Other(raw),
        }
    }

    /// As it is written; what was not understood word for word.
    pub(super) fn to_raw(&self) -> Option<Box<RawValue>> {
        match self {
            Self::Human(slot) => serde_json::value::to_raw_value(slot).ok(),
            Self::Tpm(slot) => serde_json::value::to_raw_value(slot).ok(),
            Self::Other(raw) => Some(raw.clone()),
        }
    }

    /// The kind's word, also of a kind that is not known.
    pub(super) fn kind(&self) -> Option<String> {
        let raw = self.to_raw()?;
        let head: Option<Head> = serde_json::from_str(raw.get()).ok();
        head.map(|head| head.kind)
    }

    /// Which data key is in it, where that can be told.
    pub(super) fn generation(&self) -> Option<u32> {
        match self {
            Self::Human(slot) => Some(slot.generation),
            Self::Tpm(slot) => Some(slot.generation),
            Self::Other(_) => None,
        }
    }

    /// It, if a person's secret of that kind opens it.
    pub(super) fn human(&self, kind: Kind) -> Option<&HumanSlot> {
        match self {
            Self::Human(slot) if slot.kind == kind => Some(slot),
            Self::Human(_) | Self::Tpm(_) | Self::Other(_) => None,
        }
    }
}
