//! The longer changes of the ways in: sealing anew, ending a passphrase,
//! recovering, and the new data key. Each says what it did in the audit log.

use super::super::failure::Failure;
use super::super::pin::{PinChoice, tell_without};
use super::super::{Globals, Opening, input, output};
use super::now;
use super::ways::{kept_pin, open_to_reseal, recovery_key, wanted, way};
use crate::app::key::{Custody, Opened, Way};
use crate::app::lan::Lan;
use crate::core::data_key::DataKey;
use crate::core::pin::Pin;
use std::path::Path;

/// What an old copy is still worth.
pub(super) const STILL_COPIED: &str = "copies of keyslots.json made before still open by the old way: \
    healthpost key rotate makes them worthless for the database from then on";

/// A board that was left keeps its half.
pub(in super::super) const OPEN_ELSEWHERE: &str = "the key is also sealed, without a PIN, to a \
    board this box has left: this card and that board together open it; destroy that board, or \
    end its seal with healthpost key rotate";

/// Told of each step.
type Tell<'a> = &'a mut dyn FnMut(&'static str);

/// Seals to the TPM anew, with the same PIN if there is one. After an update the
/// TPM may not open, so the PIN and what opens the box are two things here.
///
/// # Errors
/// In words; what opened before still opens.
pub(super) fn reseal(
    globals: &Globals,
    custody: &Custody,
    opening: &Opening,
    moved: bool,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let pin = kept_pin(custody, opening)?;
    let opened = open_to_reseal(custody, opening)?;
    seal(custody, &opened, pin.as_ref(), moved, tell)?;
    tell_without(pin.as_ref());
    custody.note(&opened.key, "key.reseal", now()?)?;
    settle_lan(globals, custody, &opened.key);
    Ok(())
}

/// Seals to the TPM that is here, `moved` in a copy that is to be the box.
fn seal(
    custody: &Custody,
    opened: &Opened,
    pin: Option<&Pin>,
    moved: bool,
    tell: Tell<'_>,
) -> anyhow::Result<()> {
    if moved {
        custody.seal_moved(opened, pin, tell)
    } else {
        custody.seal(opened, pin, tell)
    }
}

/// What else opens the box without a PIN: a seal to a board it has left.
fn tell_other_boards(custody: &Custody) -> Result<(), Failure> {
    if custody.summary()?.has_open_seal_elsewhere() {
        output::complain(OPEN_ELSEWHERE);
    }
    Ok(())
}

/// The listener's key is sealed to the same TPM: a box that is locked from now
/// on still has to show its unlock page.
pub(super) fn settle_lan(globals: &Globals, custody: &Custody, key: &DataKey) {
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

/// Ends a passphrase; the way the box is opened by stays.
///
/// # Errors
/// When none opens with it, or nothing but the paper would be left.
pub(super) fn end_passphrase(
    custody: &Custody,
    opening: &Opening,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let way = way(custody, opening)?;
    let passphrase = wanted("the passphrase that is to end")?.into_secret();
    let opened = custody.open(&way)?;
    custody.remove_passphrase(&opened, &way, &passphrase, tell)?;
    custody.note(&opened.key, "key.remove_passphrase", now()?)?;
    output::complain(STILL_COPIED);
    Ok(())
}

/// A new data key, and the database under it.
///
/// # Errors
/// In words; the box opens as before then, or with the new key already.
pub(super) fn rotate(custody: &Custody, opening: &Opening, tell: Tell<'_>) -> Result<(), Failure> {
    let way = way(custody, opening)?;
    let pause = custody.pause()?;
    output::complain(&format!(
        "the database has {} MiB; the box will be away for about {} seconds",
        pause.bytes >> 20,
        pause.expected.as_secs()
    ));
    let opened = custody.open(&way)?;
    custody.rotate(&opened, &way, tell)?;
    Ok(())
}

/// Opens with the paper, and seals to the board that is here.
///
/// # Errors
/// In words: that the paper does not open, or that it does and nothing was
/// sealed.
pub(super) fn recover(
    globals: &Globals,
    custody: &Custody,
    (passphrase_file, pin): (Option<&Path>, &PinChoice),
    moved: bool,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let passphrase = passphrase_file.map(input::from_file).transpose()?;
    // Without a TPM nothing is sealed, and there is nothing to decide.
    let pin = if custody.has_tpm_here() || pin.pin_file.is_some() {
        pin.answer(custody.wants_pin()?)?
    } else {
        None
    };
    let opened = custody.open(&Way::Recovery(recovery_key()?))?;
    tell("the recovery key opens the box");
    let new_slot = passphrase.is_some();
    if let Some(passphrase) = passphrase {
        custody.add_passphrase(&opened, &passphrase.into_secret(), tell)?;
        // It opens the box from now on, whatever becomes of the TPM.
        custody.note(&opened.key, "key.add_passphrase", now()?)?;
    }
    let sealed = seal(custody, &opened, pin.as_ref(), moved, tell);
    settle_lan(globals, custody, &opened.key);
    match sealed {
        Ok(()) => {
            custody.note(&opened.key, "key.recover", now()?)?;
            tell_without(pin.as_ref());
            tell_other_boards(custody)
        }
        // Somebody who gave a passphrase has a way in; a TPM they asked for is missed.
        Err(error) if new_slot && pin.is_none() => {
            output::complain(&format!("not sealed to a TPM: {error:#}"));
            if moved {
                custody.make_home()?;
            }
            Ok(custody.note(&opened.key, "key.recover", now()?)?)
        }
        Err(error) => Err(Failure::failed(
            format!("the recovery key opens the box, but it was not sealed: {error:#}"),
            "give a new passphrase with --passphrase-file FILE, or see healthpost doctor",
        )),
    }
}
