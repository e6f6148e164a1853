//! `healthpost key`: the data key's ways in, and the key itself. Each of them
//! needs the folder for itself, so the service is stopped first.

use super::failure::Failure;
use super::{Globals, Opening, input, machine, output};
use crate::app::by_hand::{FolderLock, take_lock};
use crate::app::key::{Custody, RecoveryKey, Way};
use crate::app::lan::{Lan, authority_pem};
use crate::core::data_key::DataKey;
use crate::core::pin::{PIN_CHARS_ADVISED, Pin};
use crate::core::private::Private;
use crate::core::secret::Secret;
use clap::Subcommand;
use std::path::Path;

/// What to do while a service has the folder.
const STOP_FIRST: &str = "stop it first (systemctl stop healthpost), and start it again afterwards";

/// See and change what opens the box
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Show the ways in and what stands against them
    #[command(after_help = "Example:\n  healthpost key status")]
    Status,
    /// Seal the key to the TPM anew, after an update or on a cleared TPM
    #[command(
        after_help = "Example:\n  healthpost key reseal --passphrase-file /root/passphrase\n\n\
        A stock Raspberry Pi measures nothing while it starts, so its registers (key.pcrs) prove\n\
        nothing. Bind the key to registers only if your boot chain measures, and reseal after\n\
        each update."
    )]
    Reseal {
        #[command(flatten)]
        opening: Opening,
    },
    /// Add a passphrase, read from standard input
    #[command(after_help = "Example:\n  healthpost key add-passphrase < passphrase.txt")]
    AddPassphrase {
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
        healthpost key recover --passphrase-file new-passphrase.txt < recovery-key.txt"
    )]
    Recover {
        /// A file with a new passphrase, where there is no TPM or beside it
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<std::path::PathBuf>,
        /// A file with a new PIN
        #[arg(long, value_name = "FILE")]
        pin_file: Option<std::path::PathBuf>,
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
            return blocking(globals, move |globals| status(globals, &custody)).await;
        }
        if !crate::app::serve::is_made(&folder) {
            return Err(Failure::failed(
                format!("there is no data folder at {}", folder.display()),
                "run healthpost init first, or name another with --data-dir",
            ));
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
            Self::Reseal { opening } => {
                let way = way(custody, &opening)?;
                let opened = custody.open(&way)?;
                custody.seal(&opened, kept_pin(custody, &way)?, tell)?;
                custody.note(&opened.key, "key.reseal", now()?)?;
                settle_lan(globals, custody, &opened.key);
            }
            Self::AddPassphrase { opening } => {
                let way = way(custody, &opening)?;
                let passphrase = wanted("a new passphrase")?;
                let opened = custody.open(&way)?;
                custody.add_passphrase(&opened, &secret(passphrase), tell)?;
                custody.note(&opened.key, "key.add_passphrase", now()?)?;
            }
            Self::SetPin { opening } => {
                let way = way(custody, &opening)?;
                let pin = new_pin(&wanted("a new PIN")?)?;
                let opened = custody.open(&way)?;
                custody.seal(&opened, Some(&pin), tell)?;
                custody.note(&opened.key, "key.protection", now()?)?;
                settle_lan(globals, custody, &opened.key);
            }
            Self::RemovePin { opening } => {
                let opened = custody.open(&way(custody, &opening)?)?;
                custody.seal(&opened, None, tell)?;
                custody.note(&opened.key, "key.protection", now()?)?;
                output::complain("whoever has the whole box now reads everything in it");
            }
            Self::Recover {
                passphrase_file,
                pin_file,
            } => {
                let files = (passphrase_file.as_deref(), pin_file.as_deref());
                recover(globals, custody, files, tell)?;
            }
            Self::Rotate { opening } => {
                let way = way(custody, &opening)?;
                let pause = custody.pause()?;
                output::complain(&format!(
                    "the database has {} MiB; the box will be away for about {} seconds",
                    pause.bytes >> 20,
                    pause.expected.as_secs()
                ));
                let opened = custody.open(&way)?;
                let next = custody.rotate(&opened, &way, tell)?;
                custody.note(&next.key, "key.rotate", now()?)?;
            }
            Self::Drill => {
                let drill = custody.drill(recovery_key()?, now()?)?;
                return told(
                    globals,
                    &format!("the recovery key opens the data: {} records", drill.records),
                );
            }
        }
        told(globals, "done")
    }
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
        Err(error) => Err(Failure::failed(
            format!("the data folder cannot be used: {error}"),
            "run the command as the service's user, or as root",
        )),
    }
}

/// How the box is to be opened: by what is named, by the TPM alone, or by what
/// somebody types.
///
/// # Errors
/// When nothing is named and nobody can be asked.
pub(super) fn way(custody: &Custody, opening: &Opening) -> Result<Way, Failure> {
    if let Some(file) = &opening.pin_file {
        let pin = Pin::parse(input::from_file(file)?.as_str()).map_err(anyhow::Error::from)?;
        return Ok(Way::Tpm(Some(pin)));
    }
    if opening.passphrase_file.is_none() && custody.opens_by_itself()? {
        return Ok(Way::Tpm(None));
    }
    let (prompt, option) = if custody.wants_pin()? {
        (
            "PIN or passphrase of the data folder",
            "--pin-file FILE or --passphrase-file",
        )
    } else {
        ("passphrase of the data folder", "--passphrase-file")
    };
    let file = opening.passphrase_file.as_deref();
    let typed = input::from_file_or_terminal(file, prompt, option)?;
    Ok(Way::Typed(secret(typed)))
}

/// A seal with a PIN is made anew with the same PIN.
fn kept_pin<'a>(custody: &Custody, way: &'a Way) -> Result<Option<&'a Pin>, Failure> {
    let Way::Tpm(pin) = way else {
        if custody.wants_pin()? {
            return Err(Failure::usage(
                "the TPM's slot has a PIN, and it is sealed anew with the same one",
                "give it with --pin-file FILE, or use key set-pin or key remove-pin",
            ));
        }
        return Ok(None);
    };
    Ok(pin.as_ref())
}

/// The listener's key is sealed to the same TPM: a box that is locked from now
/// on still has to show its unlock page.
fn settle_lan(globals: &Globals, custody: &Custody, key: &DataKey) {
    let settle = || -> anyhow::Result<()> {
        let machine = crate::app::by_hand::this_machine()?;
        let lan = Lan::new(custody.clone(), globals.lan(), machine.chance);
        lan.settle_with(key, machine.clock.now())
    };
    if let Err(error) = settle() {
        output::complain(&format!(
            "the certificate for the unlock page was not made: {error:#}; the next start makes it"
        ));
    }
}

fn recover(
    globals: &Globals,
    custody: &Custody,
    (passphrase_file, pin_file): (Option<&Path>, Option<&Path>),
    tell: &mut dyn FnMut(&'static str),
) -> Result<(), Failure> {
    let passphrase = passphrase_file.map(input::from_file).transpose()?;
    let pin = match pin_file {
        Some(file) => Some(new_pin(&input::from_file(file)?)?),
        None => None,
    };
    let opened = custody.open(&Way::Recovery(recovery_key()?))?;
    tell("the recovery key opens the box");
    if pin.is_none() {
        output::complain(
            "sealed without a PIN: whoever takes the whole box away reads everything in it",
        );
    }
    let new_slot = passphrase.is_some();
    if let Some(passphrase) = passphrase {
        custody.add_passphrase(&opened, &secret(passphrase), tell)?;
    }
    let sealed = custody.seal(&opened, pin.as_ref(), tell);
    settle_lan(globals, custody, &opened.key);
    match sealed {
        Ok(()) => Ok(custody.note(&opened.key, "key.recover", now()?)?),
        // Somebody who gave a passphrase has a way in; a TPM they asked for is missed.
        Err(error) if new_slot && pin.is_none() => {
            output::complain(&format!("not sealed to a TPM: {error:#}"));
            Ok(())
        }
        Err(error) => Err(Failure::failed(
            format!("the recovery key opens the box, but it was not sealed: {error:#}"),
            "give a new passphrase with --passphrase-file FILE, or see healthpost doctor",
        )),
    }
}

/// A new PIN, with a word about a short one.
pub(super) fn new_pin(typed: &Private<String>) -> Result<Pin, Failure> {
    let pin = Pin::parse(typed.as_str())
        .map_err(|error| Failure::usage(error.to_string(), "choose another PIN"))?;
    if pin.chars() < PIN_CHARS_ADVISED {
        output::complain(
            "a short PIN: the TPM allows one try in half an hour, so four digits last some months \
             and six some decades",
        );
    }
    Ok(pin)
}

fn recovery_key() -> Result<RecoveryKey, Failure> {
    let typed = wanted("recovery key")?;
    RecoveryKey::parse(typed.as_str()).map_err(|error| {
        Failure::usage(
            error.to_string(),
            "compare it with the paper, group by group",
        )
    })
}

fn wanted(what: &str) -> Result<Private<String>, Failure> {
    input::from_stdin(what)?.ok_or_else(|| {
        Failure::usage(
            format!("{what} is read from standard input, and there is nothing"),
            "healthpost key --help shows examples",
        )
    })
}

fn secret(text: Private<String>) -> Secret {
    Secret::new(text.into_inner().into_bytes())
}

fn now() -> Result<crate::core::time::UnixMs, Failure> {
    Ok(machine()?.clock.now().at)
}

fn status(globals: &Globals, custody: &Custody) -> Result<(), Failure> {
    let slots = custody.summary()?;
    let findings = custody.tpm_findings()?;
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    // A box made before it had an authority gets one when it is next opened.
    let authority = authority_pem(custody.folder()).ok();
    let authority = authority.map(|(_, fingerprint)| fingerprint);
    if globals.json {
        return output::json(&serde_json::json!({
            "lan_authority": authority,
            "slots": slots.kinds,
            "generations": slots.generations,
            "pin": slots.pins.first().copied().unwrap_or(false),
            "findings": findings,
        }));
    }
    output::line(&format!("slots: {}", slots.kinds.join(", ")))?;
    for pin in slots.pins {
        let pin = if pin { "with a PIN" } else { "without a PIN" };
        output::line(&format!("sealed to a TPM {pin}"))?;
    }
    for finding in findings {
        output::line(&format!("finding: {finding}"))?;
    }
    if let Some(authority) = authority {
        output::line(&format!(
            "staff devices trust lan/ca.pem, SHA-256 {authority}"
        ))?;
    }
    Ok(())
}
