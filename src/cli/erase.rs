//! `healthpost erase-everything`: the end of a data folder.

use super::failure::Failure;
use super::{Globals, Opening, input, key, output, reach};
use crate::app::key::{Custody, Erased, Opened, is_a_box};
use clap::Args;

/// What an end without the TPM leaves.
const HALF_LEFT: &str = "a TPM that was not asked still keeps its half of the key: with that TPM, \
    copies of this folder made before open as they did. Clear that TPM, or destroy it";
/// What an end without the lock-out's password leaves.
const LOCKOUT_LEFT: &str = "the TPM's lock-out keeps a password that nobody knows any more: clear \
    the TPM before a PIN is used on that board again";
/// What is said before, where nobody opened a box that has a PIN, or had one.
const WILL_STRAND: &str = "the box was not opened: as far as anybody can tell, the TPM's lock-out \
    will keep a password that only this database knows, and the TPM has to be cleared before a PIN \
    is used on that board again. To take it off, stop here and add --pin-file FILE or \
    --passphrase-file FILE";

/// What an end leaves in the folder.
const OTHERS_LEFT: &str = "the folder holds files that are not the box's: they were left";

/// Destroy every key slot and the data folder: nothing opens it again
#[derive(Debug, Args)]
#[command(
    name = "erase-everything",
    after_help = "Examples:\n  healthpost erase-everything\n  \
    healthpost erase-everything --pin-file /root/pin\n\n\
    Asks for the clinic's name as it stands in the configuration, on standard input.\n\
    With a PIN or a passphrase it also takes the password off the TPM's lock-out.\n\
    Copies made before open with their passphrase or recovery key, and with nothing else."
)]
pub struct EraseEverything {
    /// Leave out a TPM that is dead or gone: it keeps its half of the key
    #[arg(long)]
    without_tpm: bool,
    #[command(flatten)]
    opening: Opening,
}

impl EraseEverything {
    /// Runs the command.
    ///
    /// # Errors
    /// When the name is another one, a service runs, the TPM cannot be reached,
    /// or a secret that was given does not open the box.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let config = globals.load_config()?;
        let folder = config.data_dir.clone();
        // Before the lock, which would make its file in anybody's folder.
        if !is_a_box(&folder).map_err(|error| reach::unusable(&folder, error))? {
            return Err(Failure::failed(
                format!("there is no data folder at {}", folder.display()),
                "nothing was touched; name another with --data-dir",
            ));
        }
        let lock = key::alone(&folder)?;
        let custody = globals.custody(&folder, None)?;
        let globals = globals.clone();
        let erased = tokio::task::spawn_blocking(move || -> Result<(), Failure> {
            let left = custody.foresee_end(!self.without_tpm)?;
            let opened = self.opened(&custody)?;
            if opened.is_none() && left.lockout_left {
                output::complain(WILL_STRAND);
            }
            output::complain(&format!(
                "this destroys every record in {}. Type the clinic's name to go on:",
                folder.display()
            ));
            let typed = input::line()?;
            if typed.as_ref().map(|it| it.as_str().trim()) != Some(config.clinic.name.as_str()) {
                return Err(Failure::failed(
                    "that is not the clinic's name: nothing was touched",
                    "it stands as clinic.name in the configuration",
                ));
            }
            let tell = &mut |step: &'static str| output::complain(&format!("  {step}"));
            told(
                &globals,
                custody.destroy(opened.as_ref(), !self.without_tpm, tell)?,
            )
        });
        let erased = erased.await.map_err(anyhow::Error::from)?;
        drop(lock);
        erased
    }

    /// A box that nobody can open any more must be erasable as well; but what
    /// somebody gives has to open it.
    fn opened(&self, custody: &Custody) -> Result<Option<Opened>, Failure> {
        let named = self.opening.passphrase_file.is_some() || self.opening.pin_file.is_some();
        if named {
            let way = key::way(custody, &self.opening)?;
            let opened = custody.open(&way);
            return opened.map(Some).map_err(|error| {
                Failure::failed(
                    format!("{error:#}: nothing was touched"),
                    "leave the option out to erase a box that nobody can open",
                )
            });
        }
        if self.without_tpm || !custody.opens_by_itself().unwrap_or(false) {
            return Ok(None);
        }
        let way = key::way(custody, &self.opening)?;
        Ok(custody.open(&way).ok())
    }
}

fn told(globals: &Globals, erased: Erased) -> Result<(), Failure> {
    for (left, words) in [
        (erased.half_left, HALF_LEFT),
        (erased.lockout_left, LOCKOUT_LEFT),
        (erased.others_left, OTHERS_LEFT),
    ] {
        if left {
            output::complain(words);
        }
    }
    if globals.json {
        return output::json(&serde_json::json!({
            "erased": true,
            "half_left_in_tpm": erased.half_left,
            "lockout_password_left": erased.lockout_left,
            "others_left": erased.others_left,
        }));
    }
    output::line("everything is erased")
}
