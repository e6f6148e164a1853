//! Which way the box is opened by, and what people type for a new one.

use super::super::failure::Failure;
use super::super::pin::PinChoice;
use super::super::{Opening, input, output};
use crate::app::key::{
    Custody, Opened, RecoveryKey, Way, is_like_a_recovery_key, registers_changed,
};
use crate::core::pin::{PIN_CHARS_ADVISED, Pin};
use crate::core::secret::SecretText;

/// How the box is to be opened: by what is named, by the TPM alone, or by what
/// somebody types. Only what is typed may be tried as one thing after the other;
/// what is named as a passphrase costs no try of the PIN.
///
/// # Errors
/// When nothing is named and nobody can be asked.
pub(in super::super) fn way(custody: &Custody, opening: &Opening) -> Result<Way, Failure> {
    if let Some(file) = &opening.pin_file {
        let pin = Pin::parse(input::from_file(file)?.as_str()).map_err(anyhow::Error::from)?;
        return Ok(Way::Tpm(Some(pin)));
    }
    if let Some(file) = &opening.passphrase_file {
        return not_a_pin(input::from_file(file)?);
    }
    if custody.opens_by_itself()? {
        return Ok(Way::Tpm(None));
    }
    let (prompt, option) = if custody.may_want_pin()? {
        (
            "PIN or passphrase of the data folder",
            "--pin-file FILE or --passphrase-file",
        )
    } else {
        ("passphrase of the data folder", "--passphrase-file")
    };
    let typed = input::from_file_or_terminal(None, prompt, option)?;
    Ok(Way::Typed(typed.into_secret()))
}

fn not_a_pin(named: SecretText) -> Result<Way, Failure> {
    Way::not_a_pin(named.into_secret()).map_err(|error| mistyped(&error.to_string()))
}

/// The box, opened to be sealed anew. A passphrase opens whatever the registers
/// hold, so it goes before the PIN; where the registers have changed and none is
/// named, somebody who has the paper or a passphrase is asked.
///
/// # Errors
/// When it does not open.
pub(super) fn open_to_reseal(custody: &Custody, opening: &Opening) -> Result<Opened, Failure> {
    let way = match &opening.passphrase_file {
        Some(file) => not_a_pin(input::from_file(file)?)?,
        None => way(custody, opening)?,
    };
    let changed = match custody.open(&way) {
        Err(error) if registers_changed(&error) => error,
        opened => return Ok(opened?),
    };
    output::complain(&format!("{changed:#}"));
    let typed = input::from_stdin("recovery key or passphrase of the data folder")?;
    let typed = typed.ok_or_else(|| {
        Failure::failed(
            format!("{changed:#}"),
            "add --passphrase-file FILE, or give the recovery key on standard input",
        )
    })?;
    Ok(custody.open(&not_a_pin(typed)?)?)
}

/// The PIN of the seal that is made: what was sealed with one is not sealed
/// without one in passing.
///
/// # Errors
/// When it is not given.
pub(super) fn kept_pin(custody: &Custody, opening: &Opening) -> Result<Option<Pin>, Failure> {
    match &opening.pin_file {
        Some(file) => {
            let pin = Pin::parse(input::from_file(file)?.as_str());
            Ok(Some(pin.map_err(anyhow::Error::from)?))
        }
        None if custody.wants_pin()? => Err(Failure::usage(
            "the TPM's slot has a PIN, and it is sealed anew with the same one",
            "give it with --pin-file FILE, beside what opens the box where the PIN does not; or \
             use key set-pin or key remove-pin",
        )),
        // Sealed for the first time: that is decided by somebody who is asked.
        None if !custody.is_sealed()? => PinChoice::default().answer(false),
        None => Ok(None),
    }
}

/// A new PIN, with a word about a short one.
///
/// # Errors
/// When it is too short or too long, or nobody could unlock with it.
pub(in super::super) fn new_pin(typed: &SecretText) -> Result<Pin, Failure> {
    if is_like_a_recovery_key(typed.as_str()) {
        return Err(Failure::usage(
            "a PIN of so many digits is taken for a recovery key wherever it is typed",
            "choose a shorter one: six digits last for decades",
        ));
    }
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

/// The key as it stands on paper.
///
/// # Errors
/// Names the group with the mistake.
pub(super) fn recovery_key() -> Result<RecoveryKey, Failure> {
    parsed(&wanted("recovery key")?)
}

/// As [`recovery_key`], of what was typed.
///
/// # Errors
/// As [`recovery_key`].
pub(super) fn parsed(typed: &SecretText) -> Result<RecoveryKey, Failure> {
    RecoveryKey::parse(typed.as_str()).map_err(|error| mistyped(&error.to_string()))
}

fn mistyped(mistake: &str) -> Failure {
    Failure::usage(mistake, "compare it with the paper, group by group")
}

/// A secret that is there already, from standard input.
///
/// # Errors
/// When there is none.
pub(super) fn wanted(what: &str) -> Result<SecretText, Failure> {
    input::from_stdin(what)?.ok_or_else(|| missing(what))
}

/// A new secret, from standard input; asked for twice on a terminal.
///
/// # Errors
/// When there is none, or the two are not the same.
pub(super) fn wanted_new(what: &str) -> Result<SecretText, Failure> {
    input::new_from_stdin(what)?.ok_or_else(|| missing(what))
}

fn missing(what: &str) -> Failure {
    Failure::usage(
        format!("{what} is read from standard input, and there is nothing"),
        "healthpost key --help shows examples",
    )
}
