//! `healthpost init`: makes the data folder and prints the recovery key once.

use super::failure::Failure;
use super::{Globals, input, machine, output};
use crate::core::secret::Secret;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Make the data folder: key slots and an empty encrypted database
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  healthpost init --key passphrase --passphrase-file /root/passphrase\n\n\
    The recovery key is printed once. Write it down and keep it away from the box:\n\
    with the passphrase lost, nothing else opens the data."
)]
pub struct Init {
    /// What opens the box
    #[arg(long, value_enum, default_value = "passphrase")]
    key: Key,
    /// A file with the passphrase, where there is no terminal to ask on
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Key {
    /// A passphrase, typed or handed in at each start
    Passphrase,
    /// The machine's TPM
    Tpm2,
}

impl Init {
    /// Runs the command.
    ///
    /// # Errors
    /// When the folder exists, or cannot be made.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        if self.key == Key::Tpm2 {
            return Err(Failure::failed(
                "this version of healthpost cannot seal the data key to a TPM yet",
                "use --key passphrase",
            ));
        }
        let folder = globals.data_folder()?;
        if crate::app::serve::is_made(&folder) {
            return Err(Failure::failed(
                format!("{} exists already and was not touched", folder.display()),
                "choose another folder with --data-dir",
            ));
        }
        let passphrase = input::from_file_or_terminal(
            self.passphrase_file.as_deref(),
            "a new passphrase",
            "--passphrase-file",
        )?;
        let passphrase = Secret::new(passphrase.into_inner().into_bytes());
        let machine = machine()?;
        let shown = folder.display().to_string();
        let made = tokio::task::spawn_blocking(move || {
            let now = machine.clock.now().at;
            crate::app::init::init(&folder, &passphrase, machine.chance.as_ref(), now)
        });
        let recovery = made.await.map_err(anyhow::Error::from)??;
        let recovery = recovery.show();
        if globals.json {
            return output::json(&serde_json::json!({
                "data_dir": shown,
                "recovery_key": recovery.as_str(),
            }));
        }
        output::line(&format!("the data folder is {shown}"))?;
        output::line(&format!("recovery key: {}", recovery.as_str()))?;
        output::line("write it down now: it is not shown again")
    }
}
