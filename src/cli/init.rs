//! `healthpost init`: makes the data folder and prints the recovery key once.

use super::failure::Failure;
use super::pin::{PinChoice, tell_without};
use super::{Globals, input, machine, output, reach};
use crate::app::init::{FirstWay, init};
use crate::app::key::RecoveryKey;
use crate::core::lang::Lang;
use crate::core::time::Now;
use crate::core::usage;
use crate::ops::export::recovery_page;
use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A PIN whose count of wrong tries anybody may set back.
const UNGUARDED: &str = "the PIN is not guarded yet: whoever takes the box away may guess it \
    without end, until it was opened once with its PIN and healthpost doctor no longer says so. \
    The TPM's lock-out took no password";

/// Make the data folder: key slots, an empty encrypted database, certificates
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  healthpost init --key tpm2\n  \
    healthpost init --key passphrase --passphrase-file /root/passphrase\n\n\
    The recovery key is printed once, before the folder is in place: where it cannot be\n\
    printed, there is no folder. Write it down and keep it away from the box:\n\
    with the board dead or the passphrase lost, nothing else opens the data.")]
pub struct Init {
    /// What opens the box
    #[arg(long, value_enum, default_value = "passphrase")]
    key: Key,
    /// Where the TPM is, instead of the configuration's key.tpm
    #[arg(long, value_name = "TCTI")]
    tpm: Option<String>,
    /// A file with the passphrase, where there is no terminal to ask on; with a TPM, a further way in
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    pin: PinChoice,
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
        self.is_of_one_mind()?;
        let folder = globals.data_folder()?;
        let made = crate::app::serve::is_made(&folder);
        if made.map_err(|error| reach::unusable(&folder, error))? {
            return Err(Failure::failed(
                format!("{} exists already and was not touched", folder.display()),
                "choose another folder with --data-dir",
            ));
        }
        no_page_yet(self.recovery_page.as_deref())?;
        if self.recovery_page.is_none() && output::goes_nowhere() {
            return Err(Failure::usage(
                "the recovery key is printed once, and standard output leads nowhere",
                "let it lead somewhere, or add --recovery-page FILE",
            ));
        }
        let custody = globals.custody(&folder, self.tpm.clone())?;
        let way = self.way()?;
        let other_tpm = self.other_tpm(globals);
        let machine = machine()?;
        let lan = globals.lan();
        let globals = globals.clone();
        let made = tokio::task::spawn_blocking(move || -> Result<(), Failure> {
            let now = machine.clock.now();
            let page = self.recovery_page;
            let show = |recovery: &RecoveryKey, authority: &str| {
                let shown = Shown {
                    folder: &folder.display().to_string(),
                    authority: Some(authority),
                    page: page.as_deref(),
                    whose: whose(&globals, now, authority),
                };
                show(&globals, &shown, recovery)
            };
            let quiet = &mut |_: &'static str| {};
            let made = init(&custody, &way, &lan, &machine.chance, now, show, quiet)?;
            if let FirstWay::Tpm(pin) | FirstWay::TpmAndPassphrase(pin, _) = &way {
                tell_without(pin.as_ref());
            }
            if let Some(other) = other_tpm {
                output::complain(&other);
            }
            if let Some(error) = made.unguarded {
                output::complain(&format!("{UNGUARDED}: {error:#}"));
            }
            if globals.json {
                return Ok(());
            }
            output::line("the box is made; prove the recovery key soon: healthpost key drill")
        });
        made.await.map_err(anyhow::Error::from)?
    }

    fn way(&self) -> Result<FirstWay, Failure> {
        let file = self.passphrase_file.as_deref();
        match self.key {
            Key::Passphrase => {
                let typed = input::new_from_file_or_terminal(
                    file,
                    "a new passphrase",
                    "--passphrase-file",
                )?;
                Ok(FirstWay::Passphrase(typed.into_secret()))
            }
            Key::Tpm2 => {
                let beside = file.map(input::from_file).transpose()?;
                let pin = self.pin.answer(false)?;
                Ok(match beside {
                    Some(typed) => FirstWay::TpmAndPassphrase(pin, typed.into_secret()),
                    None => FirstWay::Tpm(pin),
                })
            }
        }
    }

    /// A TPM that was named for this command alone is not found by the next one.
    fn other_tpm(&self, globals: &Globals) -> Option<String> {
        let named = self.tpm.as_ref()?;
        let configured = globals.load_config().ok().and_then(|config| config.key.tpm);
        (configured.as_ref() != Some(named)).then(|| {
            format!(
                "the configuration names another TPM: write key.tpm = \"{named}\" into it, or the \
                 box does not open"
            )
        })
    }

    /// Whoever names a PIN or a TPM believes that the key is sealed to it.
    fn is_of_one_mind(&self) -> Result<(), Failure> {
        let about_a_tpm = self.tpm.is_some() || self.pin.pin_file.is_some() || self.pin.no_pin;
        if self.key == Key::Passphrase && about_a_tpm {
            return Err(Failure::usage(
                "--tpm, --pin-file and --no-pin are about a TPM, and the key is a passphrase",
                "add --key tpm2, or leave them out",
            ));
        }
        Ok(())
    }
}

/// A new recovery key and what is told with it.
pub(super) struct Shown<'a> {
    /// The data folder.
    pub folder: &'a str,
    /// The fingerprint of the authority for the clinic's network, of a new box.
    pub authority: Option<&'a str>,
    /// A file for the page to print.
    pub page: Option<&'a Path>,
    /// What that page says besides the key.
    pub whose: recovery_page::Whose,
}

/// Whose recovery key it is, by the configuration if there is one.
pub(super) fn whose(globals: &Globals, now: Now, authority: &str) -> recovery_page::Whose {
    let clinic = globals.load_config().ok().map(|config| config.clinic);
    let zone = clinic.as_ref().map_or(TimeZone::UTC, |it| it.zone.clone());
    let lang = clinic.as_ref().and_then(|it| it.languages.first().copied());
    // A day by a clock that nobody vouches for would be taken for the truth.
    let day = now.trusted.then(|| usage::day(now.at, 0, &zone).name);
    recovery_page::Whose {
        lang: lang.unwrap_or(Lang::En),
        clinic: clinic.map_or_else(String::new, |it| format!("{} ({})", it.name, it.id)),
        day: day.unwrap_or_default(),
        authority: authority.to_owned(),
    }
}

/// On the page, if one is wanted, and on standard output.
pub(super) fn show(
    globals: &Globals,
    shown: &Shown<'_>,
    recovery: &RecoveryKey,
) -> anyhow::Result<()> {
    if let Some(page) = shown.page {
        recovery_page::write(page, &recovery.show(), &shown.whose)
            .with_context(|| format!("the page {} cannot be written", page.display()))?;
    }
    print(globals, shown, recovery).map_err(|failure| {
        if let Some(page) = shown.page {
            // It opens nothing, and must not be taken for the one that does.
            std::fs::remove_file(page).ok();
        }
        anyhow::anyhow!("{failure}")
    })
}

/// A page that is there already may be the one that opens another box.
///
/// # Errors
/// When there is one, or no folder for it.
pub(super) fn no_page_yet(page: Option<&Path>) -> Result<(), Failure> {
    let Some(page) = page else {
        return Ok(());
    };
    if page.symlink_metadata().is_ok() {
        return Err(Failure::failed(
            format!("{} exists already and was not touched", page.display()),
            "name another file with --recovery-page, or remove that one",
        ));
    }
    let folder = page.parent().filter(|it| !it.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(Failure::failed(
            format!(
                "{} cannot be written: there is no such folder",
                page.display()
            ),
            "name a file in a folder that is there with --recovery-page",
        ));
    }
    Ok(())
}

/// The key first, and all in one piece: whoever reads one line has it.
fn print(globals: &Globals, shown: &Shown<'_>, recovery: &RecoveryKey) -> Result<(), Failure> {
    let recovery = recovery.show();
    let folder = output::tame(shown.folder);
    let parts = if globals.json {
        let folder = serde_json::Value::from(folder).to_string();
        let authority = serde_json::Value::from(shown.authority).to_string();
        [
            "{\"data_dir\":",
            &folder,
            ",\"lan_authority\":",
            &authority,
            ",\"recovery_key\":\"",
            &recovery,
            "\"}\n",
        ]
        .concat()
    } else {
        let trust = shown.authority.map_or_else(String::new, |authority| {
            format!("staff devices trust this box by lan/ca.pem, SHA-256 {authority}\n")
        });
        let told = format!(
            "\nwrite it down now: it is not shown again\nthe data folder is {folder}\n{trust}"
        );
        ["recovery key: ", &recovery, &told].concat()
    };
    output::certainly(&Zeroizing::new(parts))
}
