//! Writing a command's bytes and reading an answer's.
//!
//! Reading never panics, whatever comes. Writing goes into memory that is wiped
//! and does not grow, because parameters may be secrets: that is also why the
//! crate's own structures, which are copied freely, never hold one.

use tpm2_protocol::{TpmMarshal, TpmUnmarshal, TpmWriter};
use zeroize::Zeroizing;

/// Longest command built, bytes.
const COMMAND_BYTES_MAX: usize = 2048;
/// Longest public structure built, bytes.
const STRUCTURE_BYTES_MAX: usize = 512;

/// Bytes being put together, big-endian.
pub(super) struct Bytes(Zeroizing<Vec<u8>>);

impl Bytes {
    pub(super) fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(COMMAND_BYTES_MAX)))
    }

    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }

    pub(super) fn u16(self, value: u16) -> Self {
        self.raw(&value.to_be_bytes())
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.raw(&value.to_be_bytes())
    }

    /// A length of two bytes, then the bytes (TPM2B).
    pub(super) fn sized(self, bytes: &[u8]) -> Self {
        // What does not fit gets a length that the TPM refuses.
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.u16(length).raw(bytes)
    }

    /// A public structure of the specification.
    pub(super) fn typed(self, structure: &impl TpmMarshal) -> Self {
        let bytes = structure_bytes(structure);
        self.raw(&bytes)
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The contents of the TPM2B these bytes begin with, to be encrypted in
    /// place.
    pub(super) fn first_sized_mut(&mut self) -> Option<&mut [u8]> {
        let (length, rest) = self.0.split_first_chunk_mut::<2>()?;
        rest.get_mut(..usize::from(u16::from_be_bytes(*length)))
    }
}

/// The bytes of a public structure.
pub(super) fn structure_bytes(structure: &impl TpmMarshal) -> Vec<u8> {
    let mut buffer = [0; STRUCTURE_BYTES_MAX];
    let mut writer = TpmWriter::new(&mut buffer);
    structure
        .marshal(&mut writer)
        .expect("the structures built here have fitting tags and at most 512 bytes");
    writer.as_bytes().to_vec()
}

/// Bytes being taken apart; every step says `None` where they end.
#[derive(Clone)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.chunk().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.chunk().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.chunk().map(u32::from_be_bytes)
    }

    /// A length of two bytes, then the bytes (TPM2B).
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// A public structure of the specification.
    pub(super) fn typed<T: TpmUnmarshal>(&mut self) -> Option<T> {
        let (value, rest) = T::unmarshal(self.0).ok()?;
        self.0 = rest;
        Some(value)
    }

    /// What is left.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Nothing may be left.
    pub(super) const fn end(&self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut bytes = Bytes::new().sized(b"abc").u8(1).u16(2).u32(3);
        assert_eq!(bytes.first_sized_mut().unwrap(), b"abc");
        let mut reader = Reader::new(bytes.as_slice());
        assert_eq!(reader.sized(), Some(&b"abc"[..]));
        assert_eq!(
            (reader.u8(), reader.u16(), reader.u32()),
            (Some(1), Some(2), Some(3))
        );
        assert_eq!((reader.end(), reader.u8()), (Some(()), None));
    }

    #[test]
    fn a_length_that_lies_reads_as_nothing() {
        assert_eq!(Reader::new(&[0, 3, 1, 2]).sized(), None);
        assert_eq!(Reader::new(&[0]).sized(), None);
        assert!(Bytes::new().raw(&[0, 3, 1]).first_sized_mut().is_none());
        assert!(Bytes::new().raw(&[0]).first_sized_mut().is_none());
    }
}
