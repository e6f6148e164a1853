//! `healthpost erase-everything`: the end of a data folder.

use super::failure::Failure;
use super::{Globals, Opening, input, key, output};
use clap::Args;

/// Destroy every key slot and the data folder: nothing opens it again
#[derive(Debug, Args)]
#[command(
    name = "erase-everything",
    after_help = "Example:\n  healthpost erase-everything\n\n\
    Asks for the clinic's name as it stands in the configuration, on standard input.\n\
    Copies made before open with their passphrase or recovery key, and with nothing else."
)]
pub struct EraseEverything {
    #[command(flatten)]
    opening: Opening,
}

impl EraseEverything {
    /// Runs the command.
    ///
    /// # Errors
    /// When the name is another one, a service runs, or the TPM cannot be reached.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let config = globals.load_config()?;
        let folder = config.data_dir.clone();
        let is_empty = std::fs::read_dir(&folder).map_or(true, |mut it| it.next().is_none());
        if is_empty {
            return Err(Failure::failed(
                format!("there is no data folder at {}", folder.display()),
                "name another with --data-dir",
            ));
        }
        let lock = key::alone(&folder)?;
        output::complain("this destroys every record. Type the clinic's name to go on:");
        if input::line()?.as_deref().map(str::trim) != Some(config.clinic.name.as_str()) {
            return Err(Failure::failed(
                "that is not the clinic's name: nothing was touched",
                "it stands as clinic.name in the configuration",
            ));
        }
        let custody = globals.custody(&folder, None)?;
        let opening = self.opening;
        let erased = tokio::task::spawn_blocking(move || -> Result<(), Failure> {
            // A box that nobody can open any more must be erasable as well.
            let named = opening.passphrase_file.is_some() || opening.pin_file.is_some();
            let opened = if named || custody.opens_by_itself().unwrap_or(false) {
                key::way(&custody, &opening)
                    .ok()
                    .and_then(|way| custody.open(&way).ok())
            } else {
                None
            };
            let tell = &mut |step: &'static str| output::complain(&format!("  {step}"));
            Ok(custody.destroy(opened.as_ref(), tell)?)
        });
        erased.await.map_err(anyhow::Error::from)??;
        drop(lock);
        if globals.json {
            return output::json(&serde_json::json!({"erased": true}));
        }
        output::line("everything is erased")
    }
}
