//! What the listener on the clinic's network shows of itself: the folder `lan/`
//! with the authority's certificate, the present leaf certificate and its key.
//!
//! The authority's key is in the encrypted database alone. The leaf's key has
//! to be had while the box is locked, so it is sealed to the TPM without a PIN
//! where the box has one, and else lies in a file of its own. It opens nothing
//! but a connection. No key is ever logged.

mod leaf;
pub mod look;
mod shown;
mod upkeep;

pub use leaf::{FILES, key_files, sealed_in};
pub use shown::Shown;
pub use upkeep::{keep, load};

use crate::app::key::Custody;
use crate::config;
use crate::core::data_key::DataKey;
use crate::core::time::{Now, UnixMs};
use crate::device::addresses;
use crate::device::authority::{self, Authority, Facts, Leaf, PrivateKey};
use crate::durable;
use crate::ports::Chance;
use crate::store::{Error, meta, open};
use anyhow::{Context, Result, bail};
use rusqlite::Connection;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its folder in the data folder.
pub const FOLDER: &str = "lan";
/// The authority's certificate in there.
pub const AUTHORITY_FILE: &str = "ca.pem";
/// Under which names the database keeps the authority.
const AUTHORITY: &str = "lan_authority";
const AUTHORITY_KEY: &str = "lan_authority_key";
/// Names that a browser on the box itself uses.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Most names in a leaf.
const NAMES_MAX: usize = 32;

/// Under which names the listener is to be known.
#[derive(Clone, Debug)]
pub struct Wanted {
    names: Vec<String>,
    listen: IpAddr,
}

impl Wanted {
    /// Those of the configuration.
    pub fn of(lan: &config::Lan) -> Self {
        Self {
            names: lan.names.iter().map(|it| it.to_lowercase()).collect(),
            listen: lan.listen.ip(),
        }
    }

    /// Where there is no configuration.
    pub fn without_config() -> Self {
        Self {
            names: vec!["healthpost.local".to_owned()],
            listen: Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    /// The names as configured, in lower case.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// All names and addresses, as the machine has them now.
    fn all(&self) -> BTreeSet<String> {
        let here = if self.listen.is_unspecified() {
            addresses::local()
        } else {
            BTreeSet::from([self.listen])
        };
        let names = self.names.iter().cloned();
        let names = names.chain(OWN.map(str::to_owned));
        let all = names.chain(here.iter().map(IpAddr::to_string));
        all.take(NAMES_MAX).collect()
    }
}

/// The folder `lan/` of one data folder.
#[derive(Clone)]
pub struct Lan {
    custody: Custody,
    wanted: Wanted,
    chance: Arc<dyn Chance>,
}

impl Lan {
    /// The folder of the custody's data folder.
    pub fn new(custody: Custody, wanted: Wanted, chance: Arc<dyn Chance>) -> Self {
        Self {
            custody,
            wanted,
            chance,
        }
    }

    /// Makes and renews whatever is due, with the database at hand and nothing
    /// running: for `init` and the `key` commands.
    ///
    /// # Errors
    /// When the database or the disk cannot be written.
    pub fn settle(&self, conn: &Connection, now: Now) -> Result<()> {
        let authority = match find_authority(conn)? {
            Some(kept) => read_authority(kept)?,
            None => {
                let drawn = self.draw_authority(now.at)?;
                keep_authority(conn, &drawn)?;
                drawn
            }
        };
        let present = self.load().map_err(Some);
        self.renew(&authority, present, now).map(drop)
    }

    /// As [`Lan::settle`], with the key of the database.
    ///
    /// # Errors
    /// As [`Lan::settle`].
    pub fn settle_with(&self, key: &DataKey, now: Now) -> Result<()> {
        let conn = open::open(self.custody.folder(), key)?;
        self.settle(&conn, now)?;
        conn.close().map_err(|(_, error)| error)?;
        Ok(())
    }

    fn draw_authority(&self, now: UnixMs) -> Result<Authority> {
        let drawn = Authority::make(self.wanted.names(), now, self.chance.as_ref());
        drawn.context("the box's own certificate authority cannot be made")
    }

    /// The leaf to be shown from now on: the present one, or a new one where
    /// that is due. One that cannot be kept on the disk is shown all the same,
    /// until the box is locked again.
    fn renew(
        &self,
        authority: &Authority,
        present: Result<Leaf, Option<anyhow::Error>>,
        now: Now,
    ) -> Result<Leaf> {
        self.publish(authority)?;
        let wanted = self.wanted.all();
        let mut wanted: BTreeSet<String> = wanted
            .into_iter()
            .filter(|name| authority.permits(name))
            .collect();
        let why = match &present {
            Ok(leaf) => self.why_renew(authority, leaf, &wanted, now),
            Err(Some(error)) => Some(format!("{error:#}")),
            Err(None) => Some("there is none".to_owned()),
        };
        let Some(why) = why else {
            return present.map_err(|_| anyhow::anyhow!("there is no leaf"));
        };
        if let Ok(present) = &present {
            wanted.extend(addresses_in(present).take(NAMES_MAX.saturating_sub(wanted.len())));
        }
        let is_first = !self.folder().join(leaf::CERTIFICATE).exists();
        let leaf = authority.issue(&wanted, now, self.chance.as_ref())?;
        if is_first {
            tracing::info!("the first certificate for the clinic's network was made");
        } else {
            tracing::info!(why, "a new certificate for the clinic's network was made");
        }
        if let Err(error) = self.put(&leaf) {
            let error = format!("{error:#}");
            tracing::error!(
                error,
                "it could not be kept: while the box is locked there will be no unlock page"
            );
        }
        Ok(leaf)
    }

    fn why_renew(
        &self,
        authority: &Authority,
        leaf: &Leaf,
        wanted: &BTreeSet<String>,
        now: Now,
    ) -> Option<String> {
        let its = Facts::read(&authority.certificate())?;
        let Some(facts) = Facts::read(&leaf.certificate) else {
            return Some("it does not read".to_owned());
        };
        if facts.issuer != its.subject {
            return Some("another authority made it".to_owned());
        }
        if self.is_plain() && self.custody.lives_with_a_tpm() {
            return Some("its key is not sealed to the TPM".to_owned());
        }
        facts.why_renew(wanted, now).map(|why| why.to_string())
    }

    /// Puts the authority's certificate where people find it.
    fn publish(&self, authority: &Authority) -> Result<()> {
        let folder = self.folder();
        let made = durable::make_folder(&folder, 0o700, self.custody.folder());
        made.with_context(|| format!("{} cannot be made", folder.display()))?;
        let text = authority::pem("CERTIFICATE", &authority.certificate());
        let path = folder.join(AUTHORITY_FILE);
        if std::fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        durable::write(&path, text.as_bytes()).context("lan/ca.pem cannot be written")
    }

    fn folder(&self) -> PathBuf {
        self.custody.folder().join(FOLDER)
    }
}

fn addresses_in(leaf: &Leaf) -> impl Iterator<Item = String> {
    let names = Facts::read(&leaf.certificate).map(|facts| facts.names);
    let names = names.unwrap_or_default().into_iter();
    names.filter(|name| name.parse::<IpAddr>().is_ok())
}

/// The authority as the database keeps it: its key, and the rest.
type KeptAuthority = (DataKey, Vec<u8>);

fn find_authority(conn: &Connection) -> Result<Option<KeptAuthority>, Error> {
    let kept = (
        meta::find(conn, AUTHORITY_KEY)?,
        meta::find(conn, AUTHORITY)?,
    );
    let (Some(key), Some(rest)) = kept else {
        return Ok(None);
    };
    let key = zeroize::Zeroizing::new(key);
    let mut number =
        <[u8; 32]>::try_from(key.as_slice()).map_err(|_| Error::Unreadable("the authority"))?;
    Ok(Some((DataKey::take(&mut number), rest)))
}

fn keep_authority(conn: &Connection, authority: &Authority) -> Result<(), Error> {
    let number = authority.key().to_sealable();
    // The key first: without the rest the authority counts as not there.
    meta::set(conn, AUTHORITY_KEY, number.expose())?;
    meta::set(conn, AUTHORITY, &authority.public_part())
}

fn read_authority((number, rest): KeptAuthority) -> Result<Authority> {
    let key = PrivateKey::from_sealable(&number);
    let read = key.and_then(|key| Authority::from_parts(key, &rest));
    let Some(read) = read else {
        bail!("the certificate authority in the database does not read");
    };
    Ok(read)
}

/// The authority's certificate as staff devices take it, PEM.
///
/// # Errors
/// When the box has none yet, or it does not read.
pub fn authority_pem(data: &Path) -> Result<(String, String)> {
    let path = data.join(FOLDER).join(AUTHORITY_FILE);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let certificate = CertificateDer::from_pem_slice(text.as_bytes())
        .with_context(|| format!("{} does not read", path.display()))?;
    let fingerprint = authority::fingerprint(&certificate);
    Ok((text, fingerprint))
}
