//! The TPM's own protection against guessing: its counter, its rules, and the
//! password that sets the counter back.
//!
//! A right PIN does not lower the counter, and a power cut after one raises it:
//! only the lock-out password keeps a box with a bad supply from locking itself.

use crate::core::pin::LockoutPassword;
use crate::ports::sealer::{Lockout, SealError, Situation};
use crate::tpm::link::{Command, Entity, Link};
use crate::tpm::secrets::AuthValue;
use crate::tpm::session::{Purpose, Session};
use crate::tpm::wire::{Bytes, Reader};
use std::collections::BTreeMap;
use tpm2_protocol::data::{TpmCap, TpmCc, TpmPt, TpmRh};

/// Wrong PINs that lock.
pub(super) const TRIES_MAX: u32 = 10;
/// Seconds with power after which one is forgotten.
pub(super) const INTERVAL_S: u32 = 1800;
/// Seconds for which a wrong lock-out password blocks it.
pub(super) const RECOVERY_S: u32 = 3600;

const OWNER_PASSWORD_SET: u32 = 1;
const LOCKOUT_PASSWORD_SET: u32 = 1 << 2;
const IN_LOCKOUT: u32 = 1 << 9;
/// Properties asked for at once.
const PROPERTIES: u32 = 32;

/// What the TPM tells anybody about itself.
pub(super) struct Properties(BTreeMap<u32, u32>);

impl Properties {
    pub(super) fn read(link: &mut Link<'_>) -> Result<Self, SealError> {
        let mut all = BTreeMap::new();
        for first in [TpmPt::Manufacturer, TpmPt::Permanent] {
            let parameters = Bytes::new()
                .u32(TpmCap::TpmProperties as u32)
                .u32(first as u32)
                .u32(PROPERTIES);
            let command = Command::new(TpmCc::GetCapability, &[], parameters);
            all.extend(link.plain(command)?.read(read_page)?);
        }
        Ok(Self(all))
    }

    fn get(&self, which: TpmPt) -> u32 {
        self.0.get(&(which as u32)).copied().unwrap_or(0)
    }

    /// Letters the maker gave itself.
    pub(super) fn manufacturer(&self) -> String {
        let letters = self.get(TpmPt::Manufacturer).to_be_bytes();
        let printable = letters.into_iter().filter(u8::is_ascii_graphic);
        printable.map(char::from).collect()
    }

    fn is_set(&self, bit: u32) -> bool {
        self.get(TpmPt::Permanent) & bit != 0
    }

    pub(super) fn has_owner_password(&self) -> bool {
        self.is_set(OWNER_PASSWORD_SET)
    }

    pub(super) fn has_lockout_password(&self) -> bool {
        self.is_set(LOCKOUT_PASSWORD_SET)
    }

    pub(super) fn lockout(&self) -> Lockout {
        Lockout {
            counter: self.get(TpmPt::LockoutCounter),
            tries_max: self.get(TpmPt::MaxAuthFail),
            interval_s: self.get(TpmPt::LockoutInterval),
            recovery_s: self.get(TpmPt::LockoutRecovery),
            locked: self.is_set(IN_LOCKOUT),
        }
    }
}

fn read_page(reader: &mut Reader<'_>) -> Option<Vec<(u32, u32)>> {
    reader.u8()?;
    // Read by hand: a chip may have properties that the crate does not know.
    (reader.u32()? == TpmCap::TpmProperties as u32).then_some(())?;
    let count = reader.u32()?;
    (0..count.min(256))
        .map(|_| Some((reader.u32()?, reader.u32()?)))
        .collect()
}

/// Sets password and rules; with the password set already, only the rules,
/// which proves that it is the same.
pub(super) fn adopt(
    link: &mut Link<'_>,
    session: &mut Session,
    password: &LockoutPassword,
) -> Result<(), SealError> {
    let value = AuthValue::new(password.expose());
    if !Properties::read(link)?.has_lockout_password() {
        change(link, session, &AuthValue::none(), &value)?;
    }
    let parameters = Bytes::new().u32(TRIES_MAX).u32(INTERVAL_S).u32(RECOVERY_S);
    act(
        link,
        session,
        &value,
        TpmCc::DictionaryAttackParameters,
        parameters,
    )?;
    set_back(link, session, &value)
}

/// Sets the counter back; where no password is set, as after a power cut right
/// after sealing, sets that first.
pub(super) fn reset(
    link: &mut Link<'_>,
    session: &mut Session,
    password: &LockoutPassword,
) -> Result<(), SealError> {
    if !Properties::read(link)?.has_lockout_password() {
        return adopt(link, session, password);
    }
    set_back(link, session, &AuthValue::new(password.expose()))
}

fn set_back(
    link: &mut Link<'_>,
    session: &mut Session,
    value: &AuthValue,
) -> Result<(), SealError> {
    let code = TpmCc::DictionaryAttackLockReset;
    act(link, session, value, code, Bytes::new())
}

/// Takes the password off. Nothing to do where there is none.
pub(super) fn release(
    link: &mut Link<'_>,
    session: &mut Session,
    password: &LockoutPassword,
) -> Result<(), SealError> {
    if !Properties::read(link)?.has_lockout_password() {
        return Ok(());
    }
    let value = AuthValue::new(password.expose());
    set_back(link, session, &value)?;
    change(link, session, &value, &AuthValue::none())
}

fn change(
    link: &mut Link<'_>,
    session: &mut Session,
    from: &AuthValue,
    to: &AuthValue,
) -> Result<(), SealError> {
    let handles = [Entity::hierarchy(TpmRh::Lockout)];
    let parameters = Bytes::new().sized(to.expose());
    let command = Command::new(TpmCc::HierarchyChangeAuth, &handles, parameters);
    link.with_session(session, from, Purpose::Change(to), command)?;
    Ok(())
}

fn act(
    link: &mut Link<'_>,
    session: &mut Session,
    value: &AuthValue,
    code: TpmCc,
    parameters: Bytes,
) -> Result<(), SealError> {
    let handles = [Entity::hierarchy(TpmRh::Lockout)];
    let command = Command::new(code, &handles, parameters);
    link.with_session(session, value, Purpose::Act, command)?;
    Ok(())
}

/// Completes a refusal by what the counter says, where it can be read.
pub(super) fn explain(link: &mut Link<'_>, mut error: SealError) -> SealError {
    let is_wrong = matches!(error.situation, Situation::WrongPin { .. });
    let is_locked = matches!(error.situation, Situation::LockedOut { .. });
    if !is_wrong && !is_locked {
        return error;
    }
    if let Ok(properties) = Properties::read(link) {
        let lockout = properties.lockout();
        if is_wrong {
            let tries_left = Some(lockout.tries_left());
            error.situation = Situation::WrongPin { tries_left };
        } else {
            let wait_s = Some(lockout.interval_s);
            error.situation = Situation::LockedOut { wait_s };
        }
    }
    error
}
