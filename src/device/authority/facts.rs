//! What a certificate says of itself: from when, until when, for which names.
//! It may be any file that somebody put there: reading is bounded and total.

use super::RENEW_MS;
use crate::core::time::{Now, UnixMs};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
const DNS_NAME: u8 = 0x82;
const ADDRESS: u8 = 0x87;
/// 2.5.29.17, the subject's alternative names.
const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1D, 0x11];

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Good from then on.
    pub not_before: UnixMs,
    /// Good until then.
    pub not_after: UnixMs,
    /// Names and addresses, in lower case.
    pub names: BTreeSet<String>,
    /// Who made it (the name, DER).
    pub issuer: Vec<u8>,
    /// Whose it is (the name, DER).
    pub subject: Vec<u8>,
}

/// Why a leaf certificate has to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It lacks a name or an address, or has a host name that is no longer wanted.
    #[error("the names have changed")]
    Names,
    /// Little is left of it, or nothing.
    #[error("it ends soon or has ended")]
    Ends,
    /// It was made by a clock that was ahead.
    #[error("it is good only later")]
    Early,
}

impl Facts {
    /// Reads a certificate (DER); `None` if it does not read as one.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut signed = Der(Der(der).value(SEQUENCE)?);
        let mut body = Der(signed.value(SEQUENCE)?);
        body.skip_if(VERSION);
        body.value(INTEGER)?;
        body.value(SEQUENCE)?;
        let issuer = body.value(SEQUENCE)?.to_vec();
        let mut validity = Der(body.value(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = body.value(SEQUENCE)?.to_vec();
        body.value(SEQUENCE)?;
        let mut names = BTreeSet::new();
        while let Some((tag, value)) = body.next() {
            if tag == EXTENSIONS {
                names = read_names(Der(Der(value).value(SEQUENCE)?))?;
            }
        }
        Some(Self {
            not_before,
            not_after,
            names,
            issuer,
            subject,
        })
    }

    /// Whether a leaf has to be replaced, and why. A clock that is not believed
    /// is never ahead of the truth: it can say that a leaf has ended, and not
    /// that it is not good yet.
    pub fn why_renew(&self, wanted: &BTreeSet<String>, now: Now) -> Option<Why> {
        let left = self.not_after.ms_since(now.at);
        // An address that went away may come back: it stays until the next leaf.
        let unwanted = |name: &&String| name.parse::<IpAddr>().is_err();
        let spare = self.names.difference(wanted).find(unwanted);
        if spare.is_some() || !wanted.is_subset(&self.names) {
            Some(Why::Names)
        } else if left < RENEW_MS {
            Some(Why::Ends)
        } else if now.trusted && now.at < self.not_before {
            Some(Why::Early)
        } else {
            None
        }
    }
}

fn read_names(mut extensions: Der<'_>) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    while let Some((SEQUENCE, extension)) = extensions.next() {
        let mut extension = Der(extension);
        if extension.value(OBJECT_ID)? != ALTERNATIVE_NAMES {
            continue;
        }
        extension.skip_if(BOOLEAN);
        let mut list = Der(Der(extension.value(OCTETS)?).value(SEQUENCE)?);
        while let Some((tag, value)) = list.next() {
            let name = match tag {
                DNS_NAME => Some(std::str::from_utf8(value).ok()?.to_lowercase()),
                ADDRESS => Some(address(value)?.to_string()),
                _ => None,
            };
            names.extend(name);
        }
    }
    Some(names)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into())
}

/// SHA-256 of a certificate (DER), as phones and browsers show it.
pub fn fingerprint(der: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(der).into();
    let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

/// A row of values in DER (X.690).
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            // No certificate is longer than three bytes can say.
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F))?;
            if bytes.is_empty() || bytes.len() > 3 {
                return None;
            }
            let length = bytes.iter().fold(0, |sum, it| sum << 8 | usize::from(*it));
            (length, rest)
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }

    fn value(&mut self, wanted: u8) -> Option<&'a [u8]> {
        let (tag, value) = self.next()?;
        (tag == wanted).then_some(value)
    }

    fn skip_if(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.next();
        }
    }

    fn time(&mut self) -> Option<UnixMs> {
        let (tag, text) = self.next()?;
        let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
        if !text.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let (year, rest) = match tag {
            UTC_TIME => {
                let (year, rest) = text.split_at_checked(2)?;
                let year: i16 = year.parse().ok()?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERAL_TIME => {
                let (year, rest) = text.split_at_checked(4)?;
                (year.parse().ok()?, rest)
            }
            _ => return None,
        };
        let pair = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
        if rest.len() != 10 {
            return None;
        }
        let at = DateTime::new(year, pair(0)?, pair(2)?, pair(4)?, pair(6)?, pair(8)?, 0);
        let at = at.ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(UnixMs(at.timestamp().as_millisecond()))
    }
}
