//! A strict client on the clinic's network: it trusts the box's authority and
//! nothing else, and says exactly what it is told.

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for any part of an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Status line and headers, in lower case.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or(serde_json::Value::Null)
    }

    /// A header's value, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(its, _)| *its == name);
        found.next().map(|(_, value)| value.trim())
    }
}

/// A clock that stands still.
#[derive(Debug)]
struct Standing(u64);

impl TimeProvider for Standing {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0)))
    }
}

/// The client.
pub struct Phone {
    config: Arc<ClientConfig>,
    port: u16,
    name: String,
}

impl Phone {
    /// One that has installed `ca.pem` of a data folder.
    pub fn new(data: &Path, port: u16) -> Self {
        #[allow(clippy::disallowed_methods, reason = "a phone has a clock of its own")]
        let now = jiff::Timestamp::now().as_second();
        Self::at(data, port, now.try_into().unwrap())
    }

    /// The same, its clock standing at so many seconds since 1970.
    pub fn at(data: &Path, port: u16, seconds: u64) -> Self {
        let clock: Arc<dyn TimeProvider> = Arc::new(Standing(seconds));
        let pem = std::fs::read(data.join("lan/ca.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pem).unwrap())
            .unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&ring))
                .build()
                .unwrap();
        let config = ClientConfig::builder_with_details(ring, clock)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_webpki_verifier(verifier)
            .with_no_client_auth();
        Self {
            config: Arc::new(config),
            port,
            name: "healthpost.local".to_owned(),
        }
    }

    /// Expects another name in the certificate.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Asks once, on a connection of its own.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let name = ServerName::try_from(self.name.clone()).unwrap();
        let client = ClientConnection::new(Arc::clone(&self.config), name).unwrap();
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(client, stream);
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}:{}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.name,
            self.port,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        stream.write_all(request.as_bytes())?;
        let mut told = Vec::new();
        stream.read_to_end(&mut told)?;
        let told = String::from_utf8_lossy(&told).into_owned();
        let (head, body) = told
            .split_once("\r\n\r\n")
            .ok_or_else(|| io::Error::other("no HTTP answer"))?;
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
        Ok(Answer {
            status: status.ok_or_else(|| io::Error::other("no status"))?,
            head: head.to_lowercase(),
            body: body.to_owned(),
        })
    }

    /// A page, as a browser asks for it.
    pub fn page(&self, path: &str) -> io::Result<Answer> {
        let headers = [
            ("accept", "text/html,*/*;q=0.8"),
            ("accept-language", "fr-CD,fr;q=0.9,en;q=0.8"),
        ];
        self.ask("GET", path, &headers, "")
    }

    /// A secret, as a program offers it.
    pub fn unlock(&self, secret: &str) -> io::Result<Answer> {
        let body = serde_json::json!({ "secret": secret }).to_string();
        let headers = [("content-type", "application/json")];
        self.ask("POST", "/api/v1/unlock", &headers, &body)
    }

    /// The page's form, as a browser sends it.
    pub fn form(&self, body: &str) -> io::Result<Answer> {
        let own = format!("https://{}:{}", self.name, self.port);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", own.as_str()),
        ];
        self.ask("POST", "/unlock", &headers, body)
    }
}
