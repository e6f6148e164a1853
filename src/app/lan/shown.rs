//! The certificate that the listener shows now. It can change while the
//! listener runs; open connections keep theirs.

use crate::device::authority::Leaf;
use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio::sync::watch;

/// What is shown; nothing at first.
#[derive(Clone, Default)]
pub struct Shown(Arc<watch::Sender<Option<Arc<CertifiedKey>>>>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().clone()
    }
}

impl Shown {
    /// Whether there is anything to show.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_none()
    }

    /// Waits until there is something to show.
    pub async fn ready(&self) {
        // The sender is ours: it cannot be gone before.
        drop(self.0.subscribe().wait_for(Option::is_some).await);
    }

    /// Shows a leaf from now on.
    ///
    /// # Errors
    /// When its key cannot sign.
    pub fn show(&self, leaf: &Leaf) -> Result<()> {
        let der = leaf.key.to_pkcs8();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.as_slice()));
        let key = ring::sign::any_ecdsa_type(&key).context("the leaf's key cannot sign")?;
        let chain = vec![CertificateDer::from(leaf.certificate.clone())];
        let certified = Arc::new(CertifiedKey::new(chain, key));
        self.0.send_replace(Some(certified));
        Ok(())
    }

    /// TLS 1.2 and 1.3 with this certificate.
    ///
    /// # Errors
    /// Never with the versions built in.
    pub fn config(&self) -> Result<Arc<ServerConfig>> {
        let provider = Arc::new(ring::default_provider());
        let versions = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?;
        let resolver = Arc::new(self.clone());
        let mut config = versions.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
