//! `healthpost init`: makes the data folder and prints the recovery key once.

use super::failure::Failure;
use super::{Globals, input, key, machine, output};
use crate::app::init::{FirstWay, init};
use crate::app::key::RecoveryKey;
use crate::core::secret::Secret;
use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use std::path::PathBuf;

/// What stands against each answer, before anybody answers.
const PIN_QUESTION: &str = "PIN, yes or no?\n  \
    yes: after each power cut somebody types it before the box answers patients. A stolen box\n       \
    shows nothing.\n  \
    no: the box comes back by itself after a power cut. Whoever takes the whole box away reads\n      \
    everything in it.";

/// Make the data folder: key slots, an empty encrypted database, certificates
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  healthpost init --key tpm2\n  \
    healthpost init --key passphrase --passphrase-file /root/passphrase\n\n\
    The recovery key is printed once. Write it down and keep it away from the box:\n\
    with the board dead or the passphrase lost, nothing else opens the data.")]
pub struct Init {
    /// What opens the box
    #[arg(long, value_enum, default_value = "passphrase")]
    key: Key,
    /// Where the TPM is, instead of the configuration's key.tpm
    #[arg(long, value_name = "TCTI")]
    tpm: Option<String>,
    /// A file with the passphrase, where there is no terminal to ask on
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// A file with the PIN that the TPM is to ask for
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// A page to be printed, with the recovery key and its QR code
    #[arg(long, value_name = "FILE")]
    recovery_page: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Key {
    /// A passphrase, typed or handed in at each start
    Passphrase,
    /// The machine's TPM, with a PIN or without
    Tpm2,
}

impl Init {
    /// Runs the command.
    ///
    /// # Errors
    /// When the folder exists, or cannot be made.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let folder = globals.data_folder()?;
        if crate::app::serve::is_made(&folder) {
            return Err(Failure::failed(
                format!("{} exists already and was not touched", folder.display()),
                "choose another folder with --data-dir",
            ));
        }
        let custody = globals.custody(&folder, self.tpm.clone())?;
        let way = self.way()?;
        let machine = machine()?;
        let lan = globals.lan();
        let globals = globals.clone();
        let made = tokio::task::spawn_blocking(move || -> Result<(), Failure> {
            let now = machine.clock.now();
            let page = self.recovery_page;
            let show = |recovery: &RecoveryKey, authority: &str| {
                if let Some(page) = &page {
                    crate::ops::export::recovery_page::write(page, &recovery.show())?;
                }
                let folder = folder.display().to_string();
                print(&globals, &folder, recovery, authority)
                    .map_err(|failure| anyhow::anyhow!("{failure}"))
            };
            let quiet = &mut |_: &'static str| {};
            init(&custody, &way, &lan, &machine.chance, now, show, quiet)?;
            if globals.json {
                return Ok(());
            }
            output::line("the box is made; prove the recovery key soon: healthpost key drill")
        });
        made.await.map_err(anyhow::Error::from)?
    }

    fn way(&self) -> Result<FirstWay, Failure> {
        match self.key {
            Key::Passphrase => {
                let typed = input::from_file_or_terminal(
                    self.passphrase_file.as_deref(),
                    "a new passphrase",
                    "--passphrase-file",
                )?;
                let typed = Secret::new(typed.into_inner().into_bytes());
                Ok(FirstWay::Passphrase(typed))
            }
            Key::Tpm2 => {
                let typed = match &self.pin_file {
                    Some(file) => Some(input::from_file(file)?),
                    None => asked_for_a_pin()?,
                };
                let pin = typed.as_ref().map(key::new_pin).transpose()?;
                Ok(FirstWay::Tpm(pin))
            }
        }
    }
}

/// Asks whether there is to be a PIN; no answer is taken for granted where
/// somebody can answer.
fn asked_for_a_pin() -> Result<Option<crate::core::private::Private<String>>, Failure> {
    if !std::io::stdin().is_terminal() {
        output::complain(
            "sealed without a PIN (--pin-file sets one): whoever takes the whole box away reads \
             everything in it",
        );
        return Ok(None);
    }
    loop {
        output::complain(PIN_QUESTION);
        match input::line()?.as_deref().map(str::trim) {
            Some("yes" | "y") => return input::from_stdin("a new PIN"),
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

fn print(
    globals: &Globals,
    folder: &str,
    recovery: &RecoveryKey,
    authority: &str,
) -> Result<(), Failure> {
    let recovery = recovery.show();
    if globals.json {
        return output::json(&serde_json::json!({
            "data_dir": folder,
            "recovery_key": recovery.as_str(),
            "lan_authority": authority,
        }));
    }
    output::line(&format!("the data folder is {folder}"))?;
    output::line(&format!("recovery key: {}", recovery.as_str()))?;
    output::line("write it down now: it is not shown again")?;
    output::line(&format!(
        "staff devices trust this box by lan/ca.pem, SHA-256 {authority}"
    ))
}
