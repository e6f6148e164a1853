//! What can stand between a box and its sealed key, one plain sentence for
//! each: what it means, and what to do.
//!
//! No secret, PIN or blob is ever part of it. The TPM's own code is kept with
//! the command it answered, for whoever mends the box.

use std::fmt;
use std::io;

/// A response code as the TPM gave it, and to which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// All 32 bits.
    pub code: u32,
    /// The command's name in the TPM's specification.
    pub command: &'static str,
}

/// A situation, and the TPM's own words if it had any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealError {
    /// What it is.
    pub situation: Situation,
    /// What the TPM said, if it said it.
    pub said: Option<Said>,
}

impl SealError {
    /// A situation the program found by itself.
    pub const fn found(situation: Situation) -> Self {
        Self {
            situation,
            said: None,
        }
    }
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.situation)?;
        match self.said {
            Some(Said { code, command }) => write!(f, " (TPM code {code:#010x} to {command})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SealError {}

impl From<Situation> for SealError {
    fn from(situation: Situation) -> Self {
        Self::found(situation)
    }
}

/// Everything that can be in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Situation {
    /// The device or socket cannot be opened.
    #[error(
        "no TPM can be reached ({0}): check that the chip is fitted and its driver loaded, and that this user may open the device"
    )]
    NoTpm(io::ErrorKind),
    /// It opened, and then did not answer.
    #[error("the TPM does not answer ({0}): switch the box off and on again")]
    Silent(io::ErrorKind),
    /// The answer does not read.
    #[error(
        "the TPM's answer makes no sense: switch the box off and on again; if it stays so, the chip or its wires are faulty"
    )]
    Garbled,
    /// An answer's signature is wrong.
    #[error(
        "the TPM's answer was changed on its way: look at the wires to the chip, somebody may be listening in; nothing was opened"
    )]
    Tampered,
    /// The storage key is another one, the endorsement key too.
    #[error(
        "this is not the TPM that the key was sealed to, or something sits between it and the board: put the card back into its own box, or open with the recovery key and seal anew"
    )]
    OtherTpm,
    /// The storage key is another one, the endorsement key is the same.
    #[error(
        "the TPM was cleared since the key was sealed: open with the recovery key and seal anew; if nobody cleared it, have the board looked at"
    )]
    Cleared,
    /// The storage key is another one, and nothing tells why.
    #[error(
        "the TPM's storage key is not the one the key was sealed to: another TPM, a cleared one, or something between it and the board; open with the recovery key and seal anew"
    )]
    OtherStorageKey,
    /// Registers changed since sealing.
    #[error(
        "what the box measured while starting has changed since the key was sealed: if it was updated, run healthpost key reseal with a passphrase or the recovery key at hand; if not, somebody may have changed its software"
    )]
    PcrChanged,
    /// Registers changed while opening, twice.
    #[error("the box was still measuring its start while the key was opened: try again")]
    PcrMoving,
    /// The stored blob is broken.
    #[error(
        "the sealed key in keyslots.json is damaged: put back keyslots.json.old, or open with another key"
    )]
    Damaged,
    /// The TPM refused the PIN.
    #[error("the PIN is wrong{}", left(*tries_left))]
    WrongPin {
        /// Tries before the TPM locks, where it says.
        tries_left: Option<u32>,
    },
    /// A PIN is wanted and none was given.
    #[error("this key opens with a PIN: type it")]
    PinWanted,
    /// A PIN was given and none is wanted.
    #[error("this key opens without a PIN: leave it out")]
    PinNotWanted,
    /// Too many wrong PINs.
    #[error("{}", locked(*wait_s))]
    LockedOut {
        /// Seconds with power until the next try, at most, where the TPM says.
        wait_s: Option<u32>,
    },
    /// The owner hierarchy has a password.
    #[error(
        "the TPM has an owner password that healthpost does not know: take it off with tpm2_changeauth -c owner, or clear the TPM; other keys keep opening"
    )]
    OwnerPassword,
    /// The storage key has a password.
    #[error(
        "the TPM's storage key at 0x81000001 has a password that healthpost does not know: remove that key with tpm2_evictcontrol, or clear the TPM"
    )]
    StorageKeyPassword,
    /// The lock-out password is not ours.
    #[error(
        "the TPM's lock-out password is not the one of this installation, so wrong PINs and power cuts cannot be counted back: clear the TPM, or seal without a PIN"
    )]
    LockoutPassword,
    /// The lock-out password itself is blocked.
    #[error(
        "the TPM does not take its lock-out password for a while after a wrong one: leave the box on for an hour and try again"
    )]
    LockoutBlocked,
    /// No startup command yet.
    #[error(
        "the TPM was not started by the firmware or the kernel: switch the box off and on again"
    )]
    NotStarted,
    /// The TPM is in failure mode or wants a reset.
    #[error(
        "the TPM reports that it has failed its own test: switch the box off for ten seconds and on again; if it stays so, the chip is broken and the recovery key is the way in"
    )]
    Failed,
    /// No room for objects or sessions.
    #[error(
        "other programs have filled the TPM's working memory: use /dev/tpmrm0 and not /dev/tpm0, or switch the box off and on again"
    )]
    Full,
    /// No room for what is kept.
    #[error(
        "the TPM's permanent memory is full: remove indices of other programs with tpm2_nvundefine"
    )]
    NoSpace,
    /// It asked for patience too often.
    #[error("the TPM stays busy: try again in a minute")]
    Busy,
    /// The owner hierarchy is off.
    #[error("the TPM's owner hierarchy is switched off: switch it on in the firmware")]
    Disabled,
    /// It cannot do what is needed.
    #[error(
        "this TPM lacks something healthpost needs (TPM 2.0 with P-256, SHA-256 and AES-128): use a passphrase instead"
    )]
    Unsupported,
    /// The TPM no longer keeps its half.
    #[error(
        "the TPM no longer keeps its half of this key: it was replaced (by set-pin, reseal or rotate) or erased; use the present keyslots.json, or the recovery key"
    )]
    Destroyed,
    /// Something else lies where its half was.
    #[error(
        "the TPM's half of this key was overwritten by something else: open with the recovery key and seal anew"
    )]
    Overwritten,
    /// Sealed, and then did not open to the same.
    #[error(
        "the key did not open again right after sealing: nothing was changed, keep the old one"
    )]
    NotProved,
    /// A code with no sentence of its own.
    #[error("the TPM refused for an unusual reason: keep the code for whoever mends the box")]
    Unexpected,
}

fn left(tries: Option<u32>) -> String {
    match tries {
        None => ": type it again".to_owned(),
        Some(0) => ": that was the last try, the TPM is locked now".to_owned(),
        Some(1) => ": one try is left before the TPM locks".to_owned(),
        Some(many) => format!(": {many} tries are left before the TPM locks"),
    }
}

fn locked(wait_s: Option<u32>) -> String {
    let wait = match wait_s.map(|seconds| seconds.div_ceil(60)) {
        None => "some time".to_owned(),
        Some(0 | 1) => "at most a minute".to_owned(),
        Some(minutes) => format!("at most {minutes} minutes"),
    };
    format!(
        "too many wrong PINs: leave the box switched on, in {wait} the TPM takes one more try; the recovery key opens at once"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_and_waiting_are_said_in_words() {
        let wrong = |tries_left| Situation::WrongPin { tries_left }.to_string();
        assert!(wrong(Some(4)).contains("4 tries are left"));
        assert!(wrong(Some(1)).contains("one try is left"));
        assert!(wrong(Some(0)).contains("locked now"));
        let locked = |wait_s| Situation::LockedOut { wait_s }.to_string();
        assert!(locked(Some(1800)).contains("at most 30 minutes"));
        assert!(locked(Some(59)).contains("at most a minute"));
        assert!(locked(None).contains("some time"));
    }

    #[test]
    fn the_raw_code_and_its_command_are_kept() {
        let error = SealError {
            situation: Situation::PcrChanged,
            said: Some(Said {
                code: 0x99D,
                command: "TPM_CC_Unseal",
            }),
        };
        let text = error.to_string();
        assert!(
            text.ends_with("(TPM code 0x0000099d to TPM_CC_Unseal)"),
            "{text}"
        );
    }
}
