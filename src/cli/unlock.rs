//! `healthpost unlock`: hands the PIN or the passphrase to a running, locked
//! appliance.

use super::failure::{Failure, granted};
use super::{Globals, Opening, input, output, reach};
use crate::ops::client::Client;
use crate::ops::{Request, Response};
use crate::ports::door::Kind;
use clap::Args;
use std::io;

/// Hand the PIN or the passphrase to a running, locked appliance
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  healthpost unlock --passphrase-file /root/passphrase\n\n\
    Without a file it is read from the terminal or standard input: the PIN, the passphrase\n\
    or the recovery key. What is named as a passphrase never costs a try of the PIN."
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
        let (pin, named) = (
            self.opening.pin_file.as_ref(),
            self.opening.passphrase_file.as_ref(),
        );
        // A passphrase that is known to be one costs no try of the PIN.
        let kind = match (pin, named) {
            (Some(_), _) => Kind::Pin,
            (None, Some(_)) => Kind::Passphrase,
            (None, None) => Kind::Any,
        };
        let passphrase = match pin.or(named) {
            Some(path) => input::from_file(path)?,
            None => input::from_stdin("PIN or passphrase")?.ok_or_else(|| {
                Failure::usage(
                    "no PIN and no passphrase was given",
                    "give it with --pin-file FILE or --passphrase-file FILE",
                )
            })?,
        };
        let mut client = Client::connect(&folder).await.map_err(|error| {
            if error.kind() == io::ErrorKind::PermissionDenied {
                return reach::unusable(&folder, error);
            }
            Failure::failed(
                "no appliance is running here",
                "start it with healthpost serve",
            )
        })?;
        let answered = client
            .ask(&Request::Unlock { passphrase, kind })
            .await
            .map_err(|error| {
                Failure::failed(
                    format!("the appliance broke off: {error}"),
                    "look at its journal",
                )
            })?;
        let was_open = matches!(granted(answered)?, Response::OpenAlready);
        if globals.json {
            let told = serde_json::json!({"unlocked": true, "checked": !was_open});
            return output::json(&told);
        }
        if was_open {
            output::line("it is open already; nothing was checked")
        } else {
            output::line("the appliance is unlocked")
        }
    }
}
