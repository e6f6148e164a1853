//! The door of a locked box, as those see it who carry a secret to it: the
//! unlock page and the control socket. Behind it somebody tries one secret at a
//! time, so that two ways in are not two tries.
//!
//! No secret is ever printed, and no answer repeats one.

use crate::core::secret::Secret;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What a person says the secret is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// They do not say: a passphrase is tried before a PIN, since a PIN costs
    /// one of the TPM's tries.
    #[default]
    Any,
    /// The PIN.
    Pin,
    /// A passphrase or the recovery key: never costs a try of the PIN.
    Passphrase,
}

/// Why the door stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not the passphrase or the recovery key.
    Wrong,
    /// It is not the PIN.
    WrongPin {
        /// Tries before the TPM locks, where it says.
        tries_left: Option<u32>,
    },
    /// The TPM takes no PIN for now.
    LockedOut {
        /// Seconds with power until the next try, at most, where it says.
        wait_s: Option<u32>,
    },
    /// It cannot be what it is said to be: too short, or mistyped in a way that
    /// shows. Nothing was tried with it.
    Malformed {
        /// The group of the recovery key with the mistake, from 1, where it is
        /// one.
        group: Option<usize>,
    },
    /// It is said to be the PIN, and no PIN is that short or that long. Nothing
    /// was tried with it.
    NoPin,
    /// After a wrong one there is a pause, or others wait.
    TooSoon {
        /// Seconds until it is worth another try.
        wait_s: u32,
    },
    /// Something else is in the way: the journal has the reason.
    Trouble,
}

/// A refusal, and one clear sentence for the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// In words, without what was typed.
    pub said: String,
}

/// A secret at the door.
pub struct Knock {
    /// The secret.
    pub secret: Secret,
    /// What it is said to be.
    pub kind: Kind,
    /// How long its bearer waits for its turn.
    pub patience: Duration,
    /// Answered once it was tried, or will not be.
    pub answer: oneshot::Sender<Result<(), Refused>>,
}

/// The outer side of the door.
#[derive(Clone, Debug)]
pub struct Door(mpsc::Sender<Knock>);

/// Makes a door and the place where its knocks arrive; at most `waiting` wait
/// there.
pub fn door(waiting: usize) -> (Door, mpsc::Receiver<Knock>) {
    let (door, knocks) = mpsc::channel(waiting);
    (Door(door), knocks)
}

impl Door {
    /// Offers a secret. A bearer who goes away is not waited for: what was begun
    /// is ended and counted all the same.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn offer(
        &self,
        secret: Secret,
        kind: Kind,
        patience: Duration,
    ) -> Result<(), Refused> {
        let (answer, told) = oneshot::channel();
        let knock = Knock {
            secret,
            kind,
            patience,
            answer,
        };
        match self.0.try_send(knock) {
            Ok(()) => told.await.unwrap_or_else(|_| Err(stopping())),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Refused {
                why: Refusal::TooSoon { wait_s: 5 },
                said: "others are trying to unlock the appliance now: try again in a moment"
                    .to_owned(),
            }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(stopping()),
        }
    }
}

fn stopping() -> Refused {
    Refused {
        why: Refusal::TooSoon { wait_s: 3 },
        said: "the appliance is stopping, or somebody has just unlocked it".to_owned(),
    }
}
