//! The box's own certificate authority, and the short-lived certificates (leaf
//! certificates) that it makes for the listener on the clinic's network.
//!
//! The authority is limited to names that mean something on a local network
//! only: stolen, it cannot pose as any site of the internet. Its key leaves this
//! module only for the encrypted database; no key is ever printed. It never
//! reads a clock: what is told the time decides.

mod facts;
mod key;

pub use facts::{Facts, Why, fingerprint};
pub use key::PrivateKey;

use crate::core::time::{DAY_MS, Now, SECOND_MS, UnixMs};
use crate::ports::Chance;
use base64::Engine;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest life of a leaf certificate from when it is made, ms. Devices refuse
/// one that says more than 398 days of itself, from its start to its end.
pub const LEAF_MS_MAX: i64 = 90 * DAY_MS;
/// A leaf is replaced when less than this is left of it, ms.
pub const RENEW_MS: i64 = 30 * DAY_MS;
/// How far a leaf reaches back by a clock that is believed, ms: a phone whose
/// clock is some weeks slow takes it all the same.
const BACK_MS: i64 = 30 * DAY_MS;
/// By one that is not believed: its time is the least it can be.
const BACK_UNTRUSTED_MS: i64 = 5 * DAY_MS;
/// How long the authority lasts, ms.
const AUTHORITY_MS: i64 = 20 * 365 * DAY_MS;
/// The authority may always vouch for names under these, which nobody can buy.
const LOCAL_SUFFIXES: [&str; 5] = ["local", "lan", "internal", "home.arpa", "localhost"];
/// And for these addresses: loopback, private and link-local ones.
const LOCAL_NETS: [([u8; 4], u8); 5] = [
    ([127, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([169, 254, 0, 0], 16),
];

/// A certificate could not be made; nothing in it is secret.
#[derive(Debug, thiserror::Error)]
pub enum BadCertificate {
    /// The library refused.
    #[error("the certificate cannot be made")]
    Refused(#[from] rcgen::Error),
    /// None of the names may be vouched for.
    #[error("the authority may vouch for none of the names")]
    NoName,
}

/// The authority: its certificate, which everybody may see, and its key.
pub struct Authority {
    key: PrivateKey,
    kept: Kept,
}

/// What is told of an authority without its key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    name: String,
    permitted: Vec<String>,
    certificate: String,
}

/// A certificate for the listener, and its key.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Its key.
    pub key: PrivateKey,
}

impl Authority {
    /// Draws a new one. Besides local names it may vouch for those given.
    ///
    /// # Errors
    /// [`BadCertificate`].
    pub fn make(
        names: &[String],
        now: UnixMs,
        chance: &dyn Chance,
    ) -> Result<Self, BadCertificate> {
        let mut mark = [0; 4];
        chance.fill(&mut mark);
        let name = format!("healthpost box {}", hex::encode(mark));
        let is_name = |name: &&String| name.parse::<IpAddr>().is_err();
        let suffixes = LOCAL_SUFFIXES.iter().map(|it| (*it).to_owned());
        let own = names.iter().filter(is_name).map(|it| it.to_lowercase());
        let permitted: BTreeSet<String> = suffixes.chain(own).collect();
        let key = PrivateKey::draw(chance);
        let mut params = authority_params(&name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.name_constraints = Some(constraints(&permitted));
        let epoch = date_time_ymd(1970, 1, 1);
        // Far back: no phone's clock is that slow.
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = epoch + since_1970(now.plus_ms(AUTHORITY_MS));
        let made = params.self_signed(&key.pair()?)?;
        Ok(Self {
            key,
            kept: Kept {
                format: 1,
                name,
                permitted: permitted.into_iter().collect(),
                certificate: hex::encode(made.der()),
            },
        })
    }

    /// All of it but its key, as it is kept.
    pub fn public_part(&self) -> Vec<u8> {
        serde_json::to_vec(&self.kept).expect("texts and numbers are always JSON")
    }

    /// Its key, for the encrypted database and nothing else.
    pub const fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Puts together what was kept; `None` if it does not read.
    pub fn from_parts(key: PrivateKey, public_part: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(public_part).ok()?;
        let read = Self { key, kept };
        (read.kept.format == 1 && Facts::read(&read.certificate()).is_some()).then_some(read)
    }

    /// Its certificate, DER.
    pub fn certificate(&self) -> Vec<u8> {
        hex::decode(&self.kept.certificate).unwrap_or_default()
    }

    /// Whether devices that trust it would take a leaf with this name.
    pub fn permits(&self, name: &str) -> bool {
        match name.parse::<IpAddr>() {
            Ok(address) => is_local(address),
            Err(_) => self.kept.permitted.iter().any(|suffix| {
                name.strip_suffix(suffix.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
        }
    }

    /// Makes a leaf for those of the names that it may vouch for.
    ///
    /// # Errors
    /// [`BadCertificate`].
    pub fn issue(
        &self,
        names: &BTreeSet<String>,
        now: Now,
        chance: &dyn Chance,
    ) -> Result<Leaf, BadCertificate> {
        let (from, until) = window(now);
        let mut params = CertificateParams::default();
        for name in names.iter().filter(|name| self.permits(name)) {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        if params.subject_alt_names.is_empty() {
            return Err(BadCertificate::NoName);
        }
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "healthpost");
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + since_1970(from);
        params.not_after = epoch + since_1970(until);
        let key = PrivateKey::draw(chance);
        let issuer_params = authority_params(&self.kept.name);
        let issuer = Issuer::from_params(&issuer_params, self.key.pair()?);
        let made = params.signed_by(&key.pair()?, &issuer)?;
        Ok(Leaf {
            certificate: made.der().to_vec(),
            key,
        })
    }
}

/// Bytes as PEM (RFC 7468), in a buffer that is wiped when dropped.
pub fn pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(2 * body.len() + 128));
    text.extend(["-----BEGIN ", label, "-----\n"]);
    for (place, letter) in body.chars().enumerate() {
        if place > 0 && place % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.extend(["\n-----END ", label, "-----\n"]);
    text
}

/// From when to when a leaf made now is good.
fn window(now: Now) -> (UnixMs, UnixMs) {
    let back = if now.trusted {
        BACK_MS
    } else {
        BACK_UNTRUSTED_MS
    };
    let from = now.at.plus_ms(-back);
    // The last second counts as well.
    (from, now.at.plus_ms(LEAF_MS_MAX - SECOND_MS))
}

/// What of an authority comes again in each leaf: its name, and how its key is
/// named.
fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn constraints(names: &BTreeSet<String>) -> NameConstraints {
    let mut permitted: Vec<GeneralSubtree> =
        names.iter().cloned().map(GeneralSubtree::DnsName).collect();
    for (net, prefix) in LOCAL_NETS {
        let net = CidrSubnet::from_v4_prefix(net, prefix);
        permitted.push(GeneralSubtree::IpAddress(net));
    }
    for (first, prefix) in [(0xFC00, 7), (0xFE80, 10)] {
        let net = std::net::Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0);
        let net = CidrSubnet::from_v6_prefix(net.octets(), prefix);
        permitted.push(GeneralSubtree::IpAddress(net));
    }
    let loopback = CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::LOCALHOST.octets(), 128);
    permitted.push(GeneralSubtree::IpAddress(loopback));
    NameConstraints {
        permitted_subtrees: permitted,
        excluded_subtrees: Vec::new(),
    }
}

/// Whether an address means something on a local network only.
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_loopback() || it.is_private() || it.is_link_local(),
        IpAddr::V6(it) => it.is_loopback() || it.is_unique_local() || it.is_unicast_link_local(),
    }
}

/// Dates before 1970 do not come up.
fn since_1970(at: UnixMs) -> Duration {
    Duration::from_secs(u64::try_from(at.0).unwrap_or(0) / 1_000)
}

#[cfg(test)]
mod tests;
