//! Whether there is to be a PIN: somebody decides it who knows what it means,
//! and no answer is taken for granted where one can be asked for.

use super::failure::Failure;
use super::{input, key, output};
use crate::core::pin::Pin;
use crate::core::secret::SecretText;
use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;

/// What stands against each answer, before anybody answers.
const QUESTION: &str = "PIN, yes or no?\n  \
    yes: after each power cut somebody types it before the box answers patients. A stolen box\n       \
    shows nothing.\n  \
    no: the box comes back by itself after a power cut. Whoever takes the whole box away reads\n      \
    everything in it.";
/// Said wherever the answer is no.
const WITHOUT: &str = "sealed without a PIN (--pin-file sets one): whoever takes the whole box \
    away reads everything in it";

/// The options that answer it beforehand.
#[derive(Debug, Default, Args)]
pub(super) struct PinChoice {
    /// A file with the PIN that the TPM is to ask for
    #[arg(long, value_name = "FILE")]
    pub(super) pin_file: Option<PathBuf>,
    /// No PIN: whoever has the whole box reads everything in it
    #[arg(long, conflicts_with = "pin_file")]
    pub(super) no_pin: bool,
}

impl PinChoice {
    /// The PIN, or none. Where nobody can be asked, a box that had one does not
    /// lose it without a word; a new one is made without, and says so.
    ///
    /// # Errors
    /// When it is too short, or nothing was answered.
    pub(super) fn answer(&self, had_one: bool) -> Result<Option<Pin>, Failure> {
        let typed = match &self.pin_file {
            Some(file) => Some(input::from_file(file)?),
            None if self.no_pin => None,
            None if std::io::stdin().is_terminal() => asked()?,
            None if had_one => {
                return Err(Failure::usage(
                    "the box had a PIN, and nothing says whether it is to have one again",
                    "add --pin-file FILE, or --no-pin to let whoever has the whole box read it",
                ));
            }
            None => None,
        };
        typed.as_ref().map(key::new_pin).transpose()
    }
}

/// Said once something is sealed without one.
pub(super) fn tell_without(pin: Option<&Pin>) {
    if pin.is_none() {
        output::complain(WITHOUT);
    }
}

fn asked() -> Result<Option<SecretText>, Failure> {
    loop {
        output::complain(QUESTION);
        match input::line()?.as_ref().map(|typed| typed.as_str().trim()) {
            Some("yes" | "y") => return input::new_from_stdin("a new PIN"),
            Some("no" | "n") => return Ok(None),
            Some(_) => output::complain("type yes or no"),
            None => {
                return Err(Failure::usage(
                    "nothing was answered",
                    "run the command again",
                ));
            }
        }
    }
}
