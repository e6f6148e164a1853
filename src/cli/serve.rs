//! `healthpost serve`: runs the appliance.

use super::failure::Failure;
use super::{Globals, input, machine};
use crate::app::flow_file;
use crate::core::secret::SecretText;
use clap::Args;
use std::path::PathBuf;

/// Run the appliance
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  healthpost serve --passphrase-file /run/credentials/passphrase\n  \
    healthpost serve      # locked, until healthpost unlock"
)]
pub struct Serve {
    /// A file with the passphrase; without one it starts locked, unless the TPM opens it
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Serve {
    /// Runs until the service is told to stop.
    ///
    /// # Errors
    /// In words, when it cannot start or a part of it died.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let config = globals.load_config()?;
        let flow = flow_file::of(&config).map_err(|error| {
            Failure::flow(&error, "correct the file, then run healthpost config check")
        })?;
        let passphrase = match &self.passphrase_file {
            Some(path) => Some(input::from_file(path)?),
            None => None,
        };
        let passphrase = passphrase.map(SecretText::into_secret);
        Ok(crate::app::serve::serve(config, flow, passphrase, machine()?).await?)
    }
}
