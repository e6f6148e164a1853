//! The leaf certificate and its key as they lie on the disk.
//!
//! They are two files, and a power cut can come between: the former key stays
//! until the new certificate is there, and whichever fits it is taken.

use super::{AUTHORITY_FILE, FOLDER, Lan};
use crate::device::authority::{Leaf, PrivateKey, pem};
use crate::durable;
use crate::ports::sealer::Sealed;
use anyhow::{Context, Result, bail};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The certificate.
pub(super) const CERTIFICATE: &str = "leaf.pem";
/// Its key.
pub(super) const KEY: &str = "leaf.key";
/// The former one.
const OLD_KEY: &str = "leaf.key.old";
/// Every file that is ever in the folder.
pub const FILES: [&str; 4] = [AUTHORITY_FILE, CERTIFICATE, KEY, OLD_KEY];
/// The format this program writes and reads.
const FORMAT: u32 = 1;

/// A key that only this board's TPM opens.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedKey {
    format: u32,
    sealed: Sealed,
}

/// What the files of a data folder hold of the TPM, the former one too.
pub fn sealed_in(data: &Path) -> Vec<Sealed> {
    let folder = data.join(FOLDER);
    let read = |name| read_sealed(&std::fs::read(folder.join(name)).ok()?);
    [KEY, OLD_KEY].into_iter().filter_map(read).collect()
}

fn read_sealed(bytes: &[u8]) -> Option<Sealed> {
    let read: SealedKey = serde_json::from_slice(bytes).ok()?;
    (read.format == FORMAT).then_some(read.sealed)
}

/// Where the keys lie, for whoever has to destroy them.
pub fn key_files(data: &Path) -> [PathBuf; 2] {
    [KEY, OLD_KEY].map(|name| data.join(FOLDER).join(name))
}

impl Lan {
    /// The present leaf. Asks the TPM where its key is sealed: blocks.
    ///
    /// # Errors
    /// In words: what is missing, or why the key does not open.
    pub(super) fn load(&self) -> Result<Leaf> {
        let path = self.folder().join(CERTIFICATE);
        let text = std::fs::read(&path).context("lan/leaf.pem cannot be read")?;
        let certificate =
            CertificateDer::from_pem_slice(&text).context("lan/leaf.pem does not read")?;
        let mut against = None;
        for name in [KEY, OLD_KEY] {
            match self.open_key(name) {
                Ok(key) if key.is_of(&certificate) => {
                    let certificate = certificate.to_vec();
                    return Ok(Leaf { certificate, key });
                }
                Ok(_) => {}
                Err(error) => {
                    against.get_or_insert(error);
                }
            }
        }
        match against {
            Some(error) => Err(error),
            None => bail!("lan/leaf.key is not the key of lan/leaf.pem"),
        }
    }

    fn open_key(&self, name: &str) -> Result<PrivateKey> {
        let read = std::fs::read(self.folder().join(name));
        let bytes = Zeroizing::new(read.with_context(|| format!("lan/{name} cannot be read"))?);
        let key = if let Some(sealed) = read_sealed(&bytes) {
            let opened = self.custody.open_lan_key(&sealed);
            PrivateKey::from_sealable(&opened.with_context(|| format!("lan/{name}"))?)
        } else {
            let mut der = PrivatePkcs8KeyDer::from_pem_slice(&bytes)
                .ok()
                .map(|der| Zeroizing::new(der.secret_pkcs8_der().to_vec()));
            der.take().and_then(|der| PrivateKey::from_pkcs8(&der))
        };
        key.with_context(|| format!("lan/{name} does not read"))
    }

    /// Whether the key lies in its file as it is.
    pub(super) fn is_plain(&self) -> bool {
        let read = std::fs::read(self.folder().join(KEY)).map(Zeroizing::new);
        read.is_ok_and(|bytes| read_sealed(&bytes).is_none())
    }

    /// Puts a leaf in place of the present one.
    pub(super) fn put(&self, leaf: &Leaf) -> Result<()> {
        let former = sealed_in(self.custody.folder());
        let folder = self.folder();
        let key = match self.custody.seal_lan_key(&leaf.key.to_sealable())? {
            Some(sealed) => {
                let sealed = SealedKey {
                    format: FORMAT,
                    sealed,
                };
                Zeroizing::new(serde_json::to_string_pretty(&sealed)?)
            }
            None => pem("PRIVATE KEY", &leaf.key.to_pkcs8()),
        };
        durable::write_keeping_old(&folder.join(KEY), key.as_bytes())
            .context("lan/leaf.key cannot be written")?;
        let text = pem("CERTIFICATE", &leaf.certificate);
        durable::write(&folder.join(CERTIFICATE), text.as_bytes())
            .context("lan/leaf.pem cannot be written")?;
        match std::fs::remove_file(folder.join(OLD_KEY)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => durable::sync_folder(&folder)?,
        }
        for sealed in former {
            self.custody.forget_lan_key(&sealed);
        }
        Ok(())
    }
}
