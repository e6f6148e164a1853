//! What can be said of the certificates without opening anything: for `doctor`
//! and `key status`.

use super::leaf::{self, CERTIFICATE};
use super::{FOLDER, Wanted, authority_pem};
use crate::core::time::{DAY_MS, Now};
use crate::device::authority::{Facts, RENEW_MS, is_local};
use anyhow::{Context, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::IpAddr;
use std::path::Path;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// SHA-256 of the authority's certificate, as devices show it.
    pub fingerprint: String,
    /// Whole days that are left of the leaf; less than none when it has ended.
    pub days_left: i64,
    /// Whether it is due to be renewed by now.
    pub ends_soon: bool,
    /// Names of the configuration that it lacks.
    pub missing: Vec<String>,
    /// Whether its key is sealed to a TPM.
    pub sealed: bool,
    /// Whether it is by another authority than the one in `ca.pem`.
    pub foreign: bool,
}

/// Looks.
///
/// # Errors
/// In words: what is not there, or does not read.
pub fn look(data: &Path, wanted: &Wanted, now: Now) -> Result<Sight> {
    let (pem, fingerprint) = authority_pem(data)?;
    let facts = |pem: &[u8]| {
        let der = CertificateDer::from_pem_slice(pem).ok()?;
        Facts::read(&der)
    };
    let authority = facts(pem.as_bytes()).context("lan/ca.pem does not read")?;
    let text = std::fs::read(data.join(FOLDER).join(CERTIFICATE));
    let text = text.context("lan/leaf.pem cannot be read")?;
    let leaf = facts(&text).context("lan/leaf.pem does not read")?;
    let left_ms = leaf.not_after.ms_since(now.at);
    let missing = wanted.names().iter();
    let missing = missing.filter(|name| !leaf.names.contains(*name));
    Ok(Sight {
        fingerprint,
        days_left: left_ms.div_euclid(DAY_MS),
        ends_soon: left_ms < RENEW_MS,
        missing: missing.cloned().collect(),
        sealed: !leaf::sealed_in(data).is_empty(),
        foreign: leaf.issuer != authority.subject,
    })
}

/// Whether the listener's own address can stand in a certificate of the box.
pub fn can_be_named(address: IpAddr) -> bool {
    address.is_unspecified() || is_local(address)
}
