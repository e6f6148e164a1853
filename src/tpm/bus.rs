//! Bytes to the TPM and back: one command out, one answer in, blocking, inside
//! a time limit.
//!
//! Nothing here knows what the bytes mean, or keeps them: an answer may hold a
//! secret, so it lives in memory that is wiped.

use rustix::event::Timespec;
use rustix::event::{PollFd, PollFlags, poll};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest answer, bytes; the longest of the specification's profile.
pub const ANSWER_BYTES_MAX: usize = 4096;
/// Bytes of an answer's head: tag, length, code.
pub const HEAD_BYTES: usize = 10;

/// A way to a TPM.
pub trait Bus: Send {
    /// Sends one whole command and waits for one whole answer.
    ///
    /// # Errors
    /// What the system says, [`io::ErrorKind::TimedOut`] or
    /// [`io::ErrorKind::InvalidData`]; the way is then out of step and must be
    /// opened anew.
    fn transmit(&mut self, command: &[u8]) -> io::Result<Zeroizing<Vec<u8>>>;
}

/// A socket on which commands and answers follow one another without framing
/// of their own.
pub(super) struct Stream<S>(S);

impl<S: Read + Write + Send> Stream<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self(stream)
    }
}

impl<S: Read + Write + Send> Bus for Stream<S> {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        self.0.write_all(command).map_err(plain)?;
        self.0.flush()?;
        let mut answer = Zeroizing::new(vec![0; HEAD_BYTES]);
        self.0.read_exact(&mut answer).map_err(plain)?;
        let length = length_told(&answer).ok_or(io::ErrorKind::InvalidData)?;
        // A new buffer: one that grows in place may leave a copy behind.
        let mut whole = Zeroizing::new(vec![0; length]);
        let (head, rest) = whole.split_at_mut(HEAD_BYTES);
        head.copy_from_slice(&answer);
        self.0.read_exact(rest).map_err(plain)?;
        Ok(whole)
    }
}

/// A socket's time limit shows as `WouldBlock`.
fn plain(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        return io::ErrorKind::TimedOut.into();
    }
    error
}

fn length_told(head: &[u8]) -> Option<usize> {
    let bytes = head.get(2..6)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(bytes)).ok()?;
    (HEAD_BYTES..=ANSWER_BYTES_MAX)
        .contains(&length)
        .then_some(length)
}

/// The kernel's device: one write is one command, one read is one answer.
pub(super) struct Device {
    file: File,
    limit: Duration,
}

impl Device {
    pub(super) fn open(path: &Path, limit: Duration) -> io::Result<Self> {
        // Without it a write would return only after the TPM is done, however
        // long that takes.
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(i32::try_from(flags).unwrap_or_default())
            .open(path)?;
        Ok(Self { file, limit })
    }

    fn wait(&self, flag: PollFlags) -> io::Result<()> {
        let limit = Timespec::try_from(self.limit).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&self.file, flag)];
        if poll(&mut ready, Some(&limit))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl Bus for Device {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        self.wait(PollFlags::OUT)?;
        let written = self.file.write(command)?;
        if written != command.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.wait(PollFlags::IN)?;
        let mut answer = Zeroizing::new(vec![0; ANSWER_BYTES_MAX]);
        let read = self.file.read(&mut answer)?;
        answer.truncate(read);
        if length_told(&answer) != Some(read) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// The far side says `words` and hangs up, whatever it is asked.
    fn hear(words: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
        let (near, mut far) = UnixStream::pair().unwrap();
        near.set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        far.write_all(words).unwrap();
        Stream::new(near).transmit(&[0; 12])
    }

    #[test]
    fn an_answer_is_read_whole() {
        let answer = [0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0, 7, 8];
        assert_eq!(hear(&answer).unwrap().as_slice(), answer);
        assert_eq!(
            hear(&[&answer[..], &answer[..]].concat()).unwrap().len(),
            12
        );
    }

    #[test]
    fn a_silent_a_short_and_a_lying_tpm_are_told_apart() {
        let kind = |words: &[u8]| hear(words).unwrap_err().kind();
        assert_eq!(kind(&[]), io::ErrorKind::TimedOut);
        assert_eq!(kind(&[0x80, 1, 0, 0, 0, 12]), io::ErrorKind::TimedOut);
        let lies = [0x80, 1, 0xFF, 0, 0, 12, 0, 0, 0, 0];
        assert_eq!(kind(&lies), io::ErrorKind::InvalidData);
        let short = [0x80, 1, 0, 0, 0, 9, 0, 0, 0, 0];
        assert_eq!(kind(&short), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_device_that_is_none_is_refused_or_does_not_hang() {
        let limit = Duration::from_millis(50);
        let missing = Device::open(Path::new("/dev/tpm-that-is-not-there"), limit);
        assert_eq!(missing.err().unwrap().kind(), io::ErrorKind::NotFound);
        let mut null = Device::open(Path::new("/dev/null"), limit).unwrap();
        assert!(null.transmit(&[0; 12]).is_err());
    }
}
