//! One conversation with a TPM: commands out, answers checked for their shape,
//! what was opened flushed at the end.
//!
//! A command that the TPM asks to have again is sent again, byte for byte and a
//! bounded number of times; no other error is ever tried again in here.

use crate::ports::Chance;
use crate::ports::sealer::{SealError, Situation};
use crate::tpm::bus::Bus;
use crate::tpm::codes;
use crate::tpm::secrets::AuthValue;
use crate::tpm::session::{Purpose, Session};
use crate::tpm::wire::{Bytes, Reader};
use std::time::Duration;
use tpm2_protocol::data::{TpmCc, TpmRh, TpmSt};
use zeroize::Zeroizing;

/// How often one command is sent at most.
const SENDS_MAX: u32 = 40;
/// The pause after the first request for patience; each further one is longer.
const PAUSE_MS: u64 = 10;
/// The longest pause.
const PAUSE_MS_MAX: u64 = 250;

/// Something inside the TPM that a command works on.
#[derive(Clone)]
pub(super) struct Entity {
    pub(super) handle: u32,
    /// What the TPM hashes for it.
    pub(super) name: Vec<u8>,
}

impl Entity {
    pub(super) fn new(handle: u32, name: &[u8]) -> Self {
        Self {
            handle,
            name: name.to_vec(),
        }
    }

    /// A hierarchy; its handle is its name.
    pub(super) fn hierarchy(which: TpmRh) -> Self {
        let handle = which.value();
        Self::new(handle, &handle.to_be_bytes())
    }
}

/// A command before it is authorised.
pub(super) struct Command<'a> {
    pub(super) code: TpmCc,
    pub(super) handles: &'a [Entity],
    pub(super) parameters: Bytes,
    /// The answer begins with a handle.
    pub(super) opens: bool,
}

impl<'a> Command<'a> {
    pub(super) const fn new(code: TpmCc, handles: &'a [Entity], parameters: Bytes) -> Self {
        Self {
            code,
            handles,
            parameters,
            opens: false,
        }
    }

    /// Its answer begins with a handle, which is flushed at the end.
    pub(super) const fn opening(mut self) -> Self {
        self.opens = true;
        self
    }

    fn frame(&self, authorisation: Option<&[u8]>) -> Bytes {
        let tag = authorisation.map_or(TpmSt::NoSessions, |_| TpmSt::Sessions);
        let mut body = Bytes::new();
        for entity in self.handles {
            body = body.u32(entity.handle);
        }
        if let Some(area) = authorisation {
            body = body.u32(count(area.len())).raw(area);
        }
        let body = body.raw(self.parameters.as_slice());
        let length = count(body.as_slice().len()).saturating_add(10);
        let head = Bytes::new().u16(tag.value()).u32(length);
        head.u32(self.code.value()).raw(body.as_slice())
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A successful answer, taken apart.
pub(super) struct Answer {
    pub(super) handle: Option<u32>,
    pub(super) parameters: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Reads the parameters with `read`, to their end.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Result<T, SealError> {
        let mut reader = Reader::new(&self.parameters);
        let value = read(&mut reader).ok_or(Situation::Garbled)?;
        reader.end().ok_or(Situation::Garbled)?;
        Ok(value)
    }

    pub(super) fn opened(&self) -> Result<u32, SealError> {
        self.handle.ok_or_else(|| Situation::Garbled.into())
    }
}

/// A conversation.
pub(super) struct Link<'a> {
    bus: Box<dyn Bus>,
    chance: &'a dyn Chance,
    /// Sessions and objects to be flushed, oldest first.
    open: Vec<u32>,
}

impl<'a> Link<'a> {
    pub(super) const fn new(bus: Box<dyn Bus>, chance: &'a dyn Chance) -> Self {
        Self {
            bus,
            chance,
            open: Vec::new(),
        }
    }

    pub(super) const fn chance(&self) -> &'a dyn Chance {
        self.chance
    }

    /// Sends a command that nothing authorises.
    pub(super) fn plain(&mut self, command: Command<'_>) -> Result<Answer, SealError> {
        let whole = self.send(&command, None)?;
        let (handle, mut reader) = self.begin(&command, &whole)?;
        let rest = reader.take(reader.rest().len()).unwrap_or_default();
        Ok(Answer {
            handle,
            parameters: Zeroizing::new(rest.to_vec()),
        })
    }

    /// Sends a command under the empty password.
    pub(super) fn with_empty_password(
        &mut self,
        command: Command<'_>,
    ) -> Result<Answer, SealError> {
        let area = Bytes::new().u32(TpmRh::Pw.value()).u16(0).u8(0).u16(0);
        let whole = self.send(&command, Some(area.as_slice()))?;
        let (handle, mut reader) = self.begin(&command, &whole)?;
        let parameters = take_parameters(&mut reader).ok_or(Situation::Garbled)?;
        Ok(Answer {
            handle,
            parameters: Zeroizing::new(parameters.to_vec()),
        })
    }

    /// Sends a command under a session, which authorises its first handle with
    /// `value`, encrypts what `purpose` says and proves the answer.
    pub(super) fn with_session(
        &mut self,
        session: &mut Session,
        value: &AuthValue,
        purpose: Purpose<'_>,
        mut command: Command<'_>,
    ) -> Result<Answer, SealError> {
        let area = session.authorise(value, purpose, &mut command, self.chance);
        let whole = self.send(&command, Some(area.as_slice()))?;
        let (handle, mut reader) = self.begin(&command, &whole)?;
        let parameters = take_parameters(&mut reader).ok_or(Situation::Garbled)?;
        let mut parameters = Zeroizing::new(parameters.to_vec());
        let proof = reader.rest();
        session.check(value, purpose, command.code, &mut parameters, proof)?;
        if purpose.ends() {
            self.forget(session.handle());
        }
        Ok(Answer { handle, parameters })
    }

    /// Reads the code, and the handle where there is one.
    fn begin<'b>(
        &mut self,
        command: &Command<'_>,
        whole: &'b [u8],
    ) -> Result<(Option<u32>, Reader<'b>), SealError> {
        let mut reader = head(whole, command.code)?;
        if !command.opens {
            return Ok((None, reader));
        }
        let handle = reader.u32().ok_or(Situation::Garbled)?;
        self.open.push(handle);
        Ok((Some(handle), reader))
    }

    fn send(
        &mut self,
        command: &Command<'_>,
        authorisation: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let frame = command.frame(authorisation);
        let mut pause_ms = PAUSE_MS;
        for _ in 1..SENDS_MAX {
            let whole = self.transmit(frame.as_slice())?;
            if !code_of(&whole).is_some_and(codes::wants_patience) {
                return Ok(whole);
            }
            pause(Duration::from_millis(pause_ms));
            pause_ms = (2 * pause_ms).min(PAUSE_MS_MAX);
        }
        self.transmit(frame.as_slice())
    }

    fn transmit(&mut self, frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let sent = self.bus.transmit(frame);
        sent.map_err(|error| {
            let kind = error.kind();
            let is_nonsense = kind == std::io::ErrorKind::InvalidData;
            let situation = if is_nonsense {
                Situation::Garbled
            } else {
                Situation::Silent(kind)
            };
            situation.into()
        })
    }

    /// The TPM has flushed it by itself.
    fn forget(&mut self, handle: u32) {
        self.open.retain(|open| *open != handle);
    }

    /// Flushes one thing now.
    pub(super) fn flush(&mut self, handle: u32) -> Result<(), SealError> {
        self.forget(handle);
        let parameters = Bytes::new().u32(handle);
        self.plain(Command::new(TpmCc::FlushContext, &[], parameters))?;
        Ok(())
    }
}

impl Drop for Link<'_> {
    /// The kernel's resource manager would do it too; a raw device would not.
    fn drop(&mut self) {
        for handle in std::mem::take(&mut self.open) {
            // Best effort: the conversation may be over because the TPM is gone.
            if self.flush(handle).is_err() {
                return;
            }
        }
    }
}

/// There is nothing to wait on: the TPM says only "later".
#[expect(clippy::disallowed_methods, reason = "bounded by SENDS_MAX pauses")]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn code_of(whole: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(whole);
    reader.take(6)?;
    reader.u32()
}

/// Reads an answer's head; what follows is left.
fn head(whole: &[u8], command: TpmCc) -> Result<Reader<'_>, SealError> {
    let mut reader = Reader::new(whole);
    reader.take(6).ok_or(Situation::Garbled)?;
    let code = reader.u32().ok_or(Situation::Garbled)?;
    if code != codes::base::SUCCESS {
        return Err(codes::judge(code, command));
    }
    Ok(reader)
}

/// Where an answer carries proof, its parameters have a length before them.
fn take_parameters<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(reader.u32()?).ok()?;
    reader.take(length)
}
