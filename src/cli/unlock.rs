//! `healthpost unlock`: hands the PIN or the passphrase to a running, locked
//! appliance.

use super::failure::{Failure, granted};
use super::{Globals, Opening, input, output, reach};
use crate::ops::Request;
use clap::Args;

/// Hand the PIN or the passphrase to a running, locked appliance
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  healthpost unlock --passphrase-file /root/passphrase\n\n\
    Without a file it is read from the terminal or standard input."
)]
pub struct Unlock {
    #[command(flatten)]
    opening: Opening,
}

impl Unlock {
    /// Runs the command.
    ///
    /// # Errors
    /// When nothing runs, or the passphrase does not open.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let folder = globals.data_folder()?;
        let named = self.opening.pin_file.as_ref();
        let passphrase = match named.or(self.opening.passphrase_file.as_ref()) {
            Some(path) => input::from_file(path)?,
            None => input::from_stdin("PIN or passphrase")?.ok_or_else(|| {
                Failure::usage(
                    "no PIN and no passphrase was given",
                    "give it with --pin-file FILE or --passphrase-file FILE",
                )
            })?,
        };
        let mut client = reach::service(&folder).await.map_err(|_| {
            Failure::failed(
                "no appliance is running here",
                "start it with healthpost serve",
            )
        })?;
        let answered = client
            .ask(&Request::Unlock { passphrase })
            .await
            .map_err(|error| {
                Failure::failed(
                    format!("the appliance broke off: {error}"),
                    "look at its journal",
                )
            })?;
        granted(answered)?;
        if globals.json {
            return output::json(&serde_json::json!({"unlocked": true}));
        }
        output::line("the appliance is unlocked")
    }
}
