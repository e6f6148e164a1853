//! The one place that builds HTTP clients, and the one way to use them.
//!
//! No proxy from the environment, no redirects, no retries of its own: a
//! retried send is a message sent twice. Every wait and every reply has its
//! bound. Nothing in here logs an address, a header or a body.

mod incoming;

pub use incoming::{Cut, Incoming};

use crate::core::limits::PROVIDER_REPLY_BYTES_MAX;
use crate::core::time::Now;
use crate::ports::{Clock, LineFault, Meter};
use crate::whatsapp::names::Names;
use incoming::size_of;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Url};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

const USER_AGENT: &str = concat!("healthpost/", env!("CARGO_PKG_VERSION"));

/// Where Debian keeps the roots an administrator trusts.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";

/// A pooled connection that was idle for longer may be dead without our
/// knowing, and a message written into it would be in doubt.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// How soon a kept connection whose far side says nothing is asked whether it
/// is there, and again. Keeps the way open through a mobile network's routers.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many such questions without an answer end it.
const KEEP_ALIVE_TRIES: u32 = 2;
/// How long written bytes may stay unacknowledged before a connection ends.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How long to wait for what. The line may be 2G.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Name, route, connection and handshake.
    pub connect: Duration,
    /// From the start until the head of the reply is there.
    pub head: Duration,
    /// Without a byte of the reply's body.
    pub idle: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            head: Duration::from_secs(60),
            idle: Duration::from_secs(30),
        }
    }
}

/// Why no client could be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS settings do not fit together.
    #[error("the TLS settings are refused")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refuses its settings.
    #[error("the HTTP client could not be built")]
    Http(#[from] reqwest::Error),
}

/// A base address that must not be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBaseUrl {
    /// It is no URL, or not one that paths can be added to.
    #[error("the base address is no URL like https://graph.facebook.com")]
    Shape,
    /// Without TLS, and not on this machine: the token would be readable.
    #[error("the base address must begin with https:// (http:// is for this machine alone)")]
    Plain,
}

/// A base address: `https`, or `http` to this machine.
///
/// # Errors
/// When it is no URL, or would carry the token in the clear.
pub fn parse_base_url(text: &str) -> Result<Url, BadBaseUrl> {
    let url = Url::parse(text).map_err(|_| BadBaseUrl::Shape)?;
    let host = url.host_str().ok_or(BadBaseUrl::Shape)?;
    let local = is_local(host);
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err(BadBaseUrl::Plain),
        _ => Err(BadBaseUrl::Shape),
    }
}

/// What came back.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, cut at the limit; private, it may hold a number.
    pub body: Vec<u8>,
    /// Whether the body is all there.
    pub whole: bool,
    /// Whether the one who answered proved its name (TLS); a captive portal
    /// cannot.
    pub genuine: bool,
}

impl Answer {
    /// Whether it is a page for people, which no provider's API sends.
    pub fn is_page(&self) -> bool {
        let declared = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
        declared || self.body.trim_ascii_start().starts_with(b"<")
    }
}

/// A path below a base address.
///
/// # Errors
/// When the base is one that no path can be added to.
pub fn below(base: &Url, segments: &[&str]) -> Result<Url, BadBaseUrl> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| BadBaseUrl::Shape)?
        .pop_if_empty()
        .extend(segments);
    Ok(url)
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Before a byte of the request left.
    NotSent(LineFault),
    /// At a time when the request may have arrived.
    Unknown,
}

/// The way out: a client that can be replaced when the line has gone.
pub struct Line {
    tls: ClientConfig,
    timing: Timing,
    names: Names,
    clock: Arc<dyn Clock>,
    client: RwLock<reqwest::Client>,
    meter: Arc<Meter>,
}

impl Line {
    /// A way out with these waits. Certificates are judged by `clock`, since
    /// the machine's own may be wrong; the roots are the built-in ones and the
    /// system's, where there are any.
    ///
    /// # Errors
    /// When the TLS or HTTP library refuses the settings.
    pub fn new(timing: Timing, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let (_added, _unreadable) = roots.add_parsable_certificates(system_roots());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            ClientConfig::builder_with_details(provider, Arc::new(OurTime(Arc::clone(&clock))))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        let names = Names::default();
        let client = RwLock::new(build(&tls, timing, &names)?);
        Ok(Self {
            tls,
            timing,
            names,
            clock,
            client,
            meter: Arc::default(),
        })
    }

    /// What counts the bytes that pass.
    pub const fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Makes one request, once. After a loss the pooled connections are
    /// dropped: they went with the line.
    ///
    /// # Errors
    /// When no head of a reply came back in time.
    pub async fn ask(
        &self,
        request: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Answer, Lost> {
        self.ask_for(PROVIDER_REPLY_BYTES_MAX, request).await
    }

    /// As [`ask`](Self::ask), for an answer of up to so many bytes.
    ///
    /// # Errors
    /// When no head of a reply came back in time.
    pub async fn ask_for(
        &self,
        bytes_max: usize,
        request: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Answer, Lost> {
        let incoming = self.open(request).await?;
        Ok(incoming.whole(bytes_max).await)
    }

    /// As [`ask`](Self::ask), for a body that is read piece by piece.
    ///
    /// # Errors
    /// When no head of a reply came back in time.
    pub async fn open(
        &self,
        request: impl FnOnce(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Incoming, Lost> {
        let request = request(&self.client.read().unwrap_or_else(PoisonError::into_inner));
        let (client, request) = request.build_split();
        let request = request.map_err(|error| self.lost(&error))?;
        self.meter.sent(size_of(&request));
        let answer = match tokio::time::timeout(self.timing.head, client.execute(request)).await {
            Ok(Ok(response)) => Ok(Incoming::new(response, self.timing.idle, &self.meter)),
            Ok(Err(error)) => Err(self.lost(&error)),
            Err(_elapsed) => Err(Lost::Unknown),
        };
        if answer.is_err() {
            self.drop_pool();
        }
        answer
    }

    /// The instant, and whether it can be trusted.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    fn lost(&self, error: &reqwest::Error) -> Lost {
        lost(error, self.clock.now().trusted)
    }

    /// Where names lead, as far as it is known.
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// Forgets the pooled connections: a message written into one that died
    /// with the line would be in doubt. Settings that built a client once do so
    /// again; should they not, the old client serves on.
    pub fn drop_pool(&self) {
        if let Ok(fresh) = build(&self.tls, self.timing, &self.names) {
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place")]
fn build(
    tls: &ClientConfig,
    timing: Timing,
    names: &Names,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .dns_resolver(names.clone())
        .tls_backend_preconfigured(tls.clone())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(timing.connect)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEP_ALIVE)
        .tcp_keepalive_interval(KEEP_ALIVE)
        .tcp_keepalive_retries(KEEP_ALIVE_TRIES)
        .tcp_user_timeout(UNACKNOWLEDGED)
        .user_agent(USER_AGENT)
        .build()
}

/// The system's roots; none where the file is missing or unreadable.
fn system_roots() -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(SYSTEM_ROOTS)
        .map(|certificates| certificates.filter_map(Result::ok).collect())
        .unwrap_or_default()
}

fn lost(error: &reqwest::Error, trusted: bool) -> Lost {
    if !error.is_connect() && !error.is_builder() {
        return Lost::Unknown;
    }
    let local = error.url().and_then(Url::host_str).is_some_and(is_local);
    Lost::NotSent(match cause(error, trusted) {
        // On this machine a closed door is a cut line, as the demo plays it.
        Some(LineFault::Refused) if local => LineFault::Down,
        Some(fault) => fault,
        None => LineFault::Down,
    })
}

/// Whether a host is this machine itself.
fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The cause that is told apart, if it is one. An input error keeps what it
/// wraps out of its sources, so both ways down the chain are taken.
fn cause(error: &(dyn Error + 'static), trusted: bool) -> Option<LineFault> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(handshake_fault(tls, trusted));
    }
    let input = error.downcast_ref::<std::io::Error>();
    if input.is_some_and(|it| it.kind() == std::io::ErrorKind::ConnectionRefused) {
        return Some(LineFault::Refused);
    }
    let wrapped = input.and_then(std::io::Error::get_ref);
    wrapped
        .and_then(|inner| cause(inner, trusted))
        .or_else(|| error.source().and_then(|source| cause(source, trusted)))
}

/// A date that does not hold is our clock's fault far more often than the
/// provider's, which renews its certificates long before they end; by a clock
/// that can be trusted it is a stranger's certificate.
const fn handshake_fault(error: &rustls::Error, trusted: bool) -> LineFault {
    use rustls::CertificateError as Bad;
    let by_date = matches!(
        error,
        rustls::Error::InvalidCertificate(
            Bad::NotValidYet
                | Bad::NotValidYetContext { .. }
                | Bad::Expired
                | Bad::ExpiredContext { .. },
        )
    );
    if by_date && !trusted {
        LineFault::Clock
    } else {
        LineFault::Tls
    }
}

/// Our clock, as the certificate check asks for it.
struct OurTime(Arc<dyn Clock>);

impl fmt::Debug for OurTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OurTime")
    }
}

impl rustls::time_provider::TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        let ms = u64::try_from(self.0.now().at.0).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expired_certificate_is_the_clocks_fault_only_where_that_may_be_wrong() {
        use rustls::CertificateError as Bad;
        for (bad, trusted, fault) in [
            (Bad::Expired, false, LineFault::Clock),
            (Bad::NotValidYet, false, LineFault::Clock),
            (Bad::Expired, true, LineFault::Tls),
            (Bad::NotValidYet, true, LineFault::Tls),
            (Bad::UnknownIssuer, false, LineFault::Tls),
        ] {
            let error = rustls::Error::InvalidCertificate(bad);
            assert_eq!(cause(&error, trusted), Some(fault), "{error} {trusted}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in [
            "https://graph.facebook.com",
            "http://127.0.0.1:9000",
            "http://[::1]:9000/x",
            "http://localhost:1",
        ] {
            assert!(parse_base_url(good).is_ok(), "{good}");
        }
        for plain in [
            "http://graph.facebook.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
        ] {
            assert_eq!(parse_base_url(plain), Err(BadBaseUrl::Plain), "{plain}");
        }
        for shape in ["", "graph.facebook.com", "ftp://localhost", "data:x"] {
            assert_eq!(parse_base_url(shape), Err(BadBaseUrl::Shape), "{shape}");
        }
    }
}
