//! `healthpost key`: the data key's ways in, and the key itself. Each of them
//! needs the folder for itself, so the service is stopped first.

mod change;
mod recovery;
mod status;
mod ways;

pub(super) use change::OPEN_ELSEWHERE;
pub(super) use ways::{new_pin, way};

use super::failure::{Failure, granted, mismatch};
use super::pin::PinChoice;
use super::{Globals, Opening, machine, output, reach};
use crate::app::by_hand::{FolderLock, take_lock};
use crate::app::key::Custody;
use crate::ops::{Request, Response};
use clap::Subcommand;
use std::path::{Path, PathBuf};
use ways::{recovery_key, wanted, wanted_new};

/// What to do while a service has the folder.
const STOP_FIRST: &str = "stop it first: systemctl stop healthpost; and start it again afterwards";

/// See and change what opens the box
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  healthpost key status\n  healthpost key drill < recovery-key.txt\n  \
    healthpost key add-passphrase < passphrase.txt"
)]
pub enum Key {
    /// Show the ways in and what stands against them
    #[command(after_help = "Example:\n  healthpost key status")]
    Status,
    /// Seal the key to the TPM anew, after an update or on a cleared TPM
    #[command(
        after_help = "Examples:\n  healthpost key reseal --passphrase-file /root/passphrase\n  \
        healthpost key reseal --pin-file /root/pin < recovery-key.txt\n\n\
        A box with a PIN is sealed with the one in --pin-file. After an update the TPM may not\n\
        open: then --passphrase-file does, or the recovery key or a passphrase is asked for.\n\n\
        A stock Raspberry Pi measures nothing while it starts, so its registers (key.pcrs) prove\n\
        nothing: neither firmware nor boot loader writes into them, and where the TPM's reset\n\
        line is not wired to the board's, they outlive a warm restart. Bind the key to registers\n\
        only if your boot chain measures, and reseal after each update."
    )]
    Reseal {
        /// This folder was copied and is the box now: the one it was copied from no longer opens with this TPM
        #[arg(long)]
        moved: bool,
        #[command(flatten)]
        opening: Opening,
    },
    /// Add a passphrase, read from standard input
    #[command(after_help = "Example:\n  healthpost key add-passphrase < passphrase.txt")]
    AddPassphrase {
        #[command(flatten)]
        opening: Opening,
    },
    /// End a passphrase, read from standard input; open the box by another way
    #[command(
        after_help = "Example:\n  healthpost key remove-passphrase --passphrase-file /root/other < passphrase.txt\n\n\
        Give the way that is to stay: --passphrase-file for another passphrase, --pin-file for the\n\
        PIN; a box that opens by itself needs neither. Whoever copied keyslots.json before still\n\
        has the data key by the passphrase: healthpost key rotate ends that too."
    )]
    RemovePassphrase {
        #[command(flatten)]
        opening: Opening,
    },
    /// Print a new recovery key, have it read back, and end the old one
    #[command(
        after_help = "Example:\n  healthpost key new-recovery --passphrase-file /root/passphrase\n\n\
        Prints the new key, then reads it from standard input, as somebody types it from their\n\
        paper. Until then the old paper counts. Whoever has the old paper and an old copy of the\n\
        folder opens that copy for ever; healthpost key rotate keeps them out of what comes later."
    )]
    NewRecovery {
        /// A page to be printed, with the recovery key and its QR code
        #[arg(long, value_name = "FILE")]
        recovery_page: Option<PathBuf>,
        #[command(flatten)]
        opening: Opening,
    },
    /// Set or change the PIN, read from standard input
    #[command(
        after_help = "Example:\n  healthpost key set-pin --pin-file /root/old-pin < new-pin.txt"
    )]
    SetPin {
        #[command(flatten)]
        opening: Opening,
    },
    /// Let the box open without a PIN: whoever has the whole box then reads it
    #[command(after_help = "Example:\n  healthpost key remove-pin --pin-file /root/pin")]
    RemovePin {
        #[command(flatten)]
        opening: Opening,
    },
    /// Open with the recovery key, read from standard input, and seal to this board
    #[command(
        after_help = "Example:\n  healthpost key recover < recovery-key.txt\n  \
        healthpost key recover --passphrase-file new-passphrase.txt < recovery-key.txt\n\n\
        Asks whether there is to be a PIN; where nobody can be asked, a box that had one wants\n\
        --pin-file FILE or --no-pin."
    )]
    Recover {
        /// A file with a new passphrase, where there is no TPM or beside it
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        pin: PinChoice,
        /// This folder was copied and is the box now: the one it was copied from no longer opens with this TPM
        #[arg(long)]
        moved: bool,
    },
    /// Make a new data key and write the database anew under it
    #[command(after_help = "Example:\n  healthpost key rotate --passphrase-file /root/passphrase")]
    Rotate {
        #[command(flatten)]
        opening: Opening,
    },
    /// Prove that the recovery key, read from standard input, opens the data
    #[command(after_help = "Example:\n  healthpost key drill < recovery-key.txt")]
    Drill,
}

impl Key {
    /// Runs the command.
    ///
    /// # Errors
    /// In words; what opened before still opens.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let folder = globals.data_folder()?;
        let custody = globals.custody(&folder, None)?;
        if matches!(self, Self::Status) {
            let drilled = status::find_drilled(&folder).await;
            let print = move |globals: &Globals| status::print(globals, &custody, drilled);
            return blocking(globals, print).await;
        }
        reach::made(&folder)?;
        if matches!(self, Self::Drill) && is_served(&folder).await {
            return drill_by_service(globals, &folder).await;
        }
        let lock = alone(&folder)?;
        let done = blocking(globals, move |globals| self.change(globals, &custody)).await;
        drop(lock);
        done
    }

    fn change(self, globals: &Globals, custody: &Custody) -> Result<(), Failure> {
        let tell = &mut |step: &'static str| output::complain(&format!("  {step}"));
        match self {
            Self::Status => return Ok(()),
            Self::Reseal { moved, opening } => {
                change::reseal(globals, custody, &opening, moved, tell)?;
            }
            Self::AddPassphrase { opening } => {
                let way = way(custody, &opening)?;
                let passphrase = wanted_new("a new passphrase")?;
                let opened = custody.open(&way)?;
                custody.add_passphrase(&opened, &passphrase.into_secret(), tell)?;
                custody.note(&opened.key, "key.add_passphrase", now()?)?;
            }
            Self::RemovePassphrase { opening } => {
                change::end_passphrase(custody, &opening, tell)?;
            }
            Self::NewRecovery {
                recovery_page,
                opening,
            } => {
                let way = way(custody, &opening)?;
                recovery::renew(globals, custody, &way, recovery_page.as_deref(), tell)?;
                output::complain(change::STILL_COPIED);
            }
            Self::SetPin { opening } => {
                let way = way(custody, &opening)?;
                let pin = new_pin(&wanted_new("a new PIN")?)?;
                let opened = custody.open(&way)?;
                custody.seal(&opened, Some(&pin), tell)?;
                custody.note(&opened.key, "key.protection", now()?)?;
                change::settle_lan(globals, custody, &opened.key);
            }
            Self::RemovePin { opening } => {
                if !custody.wants_pin()? {
                    return Err(Failure::failed(
                        "the box has no PIN: nothing was changed",
                        "healthpost key status shows the ways in",
                    ));
                }
                let opened = custody.open(&way(custody, &opening)?)?;
                custody.seal(&opened, None, tell)?;
                custody.note(&opened.key, "key.protection", now()?)?;
                output::complain("whoever has the whole box now reads everything in it");
            }
            Self::Recover {
                passphrase_file,
                pin,
                moved,
            } => {
                let new = (passphrase_file.as_deref(), &pin);
                change::recover(globals, custody, new, moved, tell)?;
            }
            Self::Rotate { opening } => change::rotate(custody, &opening, tell)?,
            Self::Drill => {
                let drill = custody.drill(recovery_key()?, now()?)?;
                return drilled(globals, drill.records);
            }
        }
        told(globals, "done")
    }
}

fn drilled(globals: &Globals, records: i64) -> Result<(), Failure> {
    let words = format!("the recovery key opens the data: {records} records");
    told(globals, &words)
}

/// Whether a service has the folder open.
async fn is_served(folder: &Path) -> bool {
    match take_lock(folder) {
        Ok(lock) => lock.is_none(),
        Err(error) => reach::as_member(folder, &error).await.is_some(),
    }
}

/// The service drills by itself: it stays in service meanwhile.
async fn drill_by_service(globals: &Globals, folder: &Path) -> Result<(), Failure> {
    let recovery = wanted("recovery key")?;
    ways::parsed(&recovery)?;
    let mut client = reach::service(folder).await?;
    let answered = client.ask(&Request::KeyDrill { recovery }).await;
    let answered = answered.map_err(|error| {
        Failure::failed(
            format!("the running service broke off: {error}"),
            "look at its journal, then try again",
        )
    })?;
    let Response::Drilled { records } = granted(answered)? else {
        return Err(mismatch());
    };
    drilled(globals, records)
}

fn told(globals: &Globals, words: &str) -> Result<(), Failure> {
    if globals.json {
        return output::json(&serde_json::json!({ "done": true, "told": words }));
    }
    output::line(words)
}

/// Does what blocks off the runtime's threads.
async fn blocking(
    globals: &Globals,
    work: impl FnOnce(&Globals) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let globals = globals.clone();
    let done = tokio::task::spawn_blocking(move || work(&globals)).await;
    done.map_err(anyhow::Error::from)?
}

/// The folder, for this command alone.
///
/// # Errors
/// When a service has it.
pub(super) fn alone(folder: &Path) -> Result<FolderLock, Failure> {
    match take_lock(folder) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Failure::failed(
            "the service has the data folder open",
            STOP_FIRST,
        )),
        Err(error) => Err(reach::unusable(folder, error)),
    }
}

fn now() -> Result<crate::core::time::UnixMs, Failure> {
    Ok(machine()?.clock.now().at)
}
