//! The way to the configured provider: the kernel's news, an empty connection,
//! and the connections that are kept.

use crate::device::echo::Echoes;
use crate::device::link::Links;
use crate::ports::{Echo, Moved, Touch, Uplink};
use crate::whatsapp::client::{Line as HttpLine, parse_base_url};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for the provider's addresses.
const NAME_PATIENCE: Duration = Duration::from_secs(5);

/// The way to one host.
pub struct WayOut {
    links: Links,
    echoes: Echoes,
    http: Arc<HttpLine>,
    host: String,
    port: u16,
}

impl WayOut {
    /// The way to the host of this base address.
    pub fn to(base_url: &str, http: Arc<HttpLine>) -> Self {
        let url = parse_base_url(base_url).ok();
        let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or("");
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let way = Self {
            links: Links::listen(),
            echoes: Echoes::default(),
            http,
            host: host.to_owned(),
            port: url
                .and_then(|url| url.port_or_known_default())
                .unwrap_or(443),
        };
        way.links.look(&way.places());
        way
    }

    fn places(&self) -> Vec<IpAddr> {
        match self.host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.http.names().known(&self.host),
        }
    }
}

impl Uplink for WayOut {
    async fn touch(&self, patience: Duration, looks_up: bool) -> Touch {
        let known = self.places();
        let is_name = self.host.parse::<IpAddr>().is_err();
        let addresses = if is_name && (looks_up || known.is_empty()) {
            let asked = self.http.names().addresses(&self.host);
            match tokio::time::timeout(NAME_PATIENCE, asked).await {
                Ok(Ok(found)) => found.iter().map(SocketAddr::ip).collect(),
                // Without an address nobody can be asked.
                Ok(Err(_)) | Err(_) => return Touch::Silent,
            }
        } else {
            known
        };
        let places: Vec<SocketAddr> = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, self.port))
            .collect();
        self.links.touch(&places, patience).await
    }

    /// Asks the address that is known and no name server: what does not answer
    /// is touched, and that does.
    async fn echo(&self, patience: Duration) -> Echo {
        match self.links.first_of(&self.places()) {
            Some(place) => self.echoes.ask(place, patience).await,
            None => Echo::Unavailable,
        }
    }

    async fn moved(&self) -> Moved {
        self.links.moved(|| self.places()).await
    }

    fn forget(&self) {
        self.http.drop_pool();
    }
}
