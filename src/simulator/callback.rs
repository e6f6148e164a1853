//! Posts webhooks to the clinic, as plain HTTP/1.1 on a connection of its own.
//! It is written out by hand so that the simulated sender shares no client,
//! no proxy setting and no redirect policy with the program under test.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer read, bytes; only its status line matters.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Where webhooks go: a plain `http` address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    authority: String,
    path: String,
}

/// An answer to a request of ours.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub http: u16,
    /// The body, as far as it was read.
    pub body: String,
}

impl Callback {
    /// Reads `http://HOST:PORT/PATH`.
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let fits = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        if host.is_empty() || !fits(host) || !fits(path) {
            return None;
        }
        let with_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if with_port {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        Some(Self {
            authority,
            path: format!("/{path}"),
        })
    }

    /// Posts a webhook, signed where its sender signs.
    ///
    /// # Errors
    /// Nobody answered within `patience`, or not in HTTP.
    pub async fn post(
        &self,
        body: &[u8],
        signature: Option<&str>,
        patience: Duration,
    ) -> io::Result<Answer> {
        let signed = signature.map_or_else(String::new, |signature| {
            format!("user-agent: facebookexternalua\r\nx-hub-signature-256: {signature}\r\n")
        });
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\n{signed}\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.path,
            self.authority,
            body.len(),
        );
        self.ask(head.as_bytes(), body, patience).await
    }

    /// Asks for the path with a query behind it.
    ///
    /// # Errors
    /// Nobody answered within `patience`, or not in HTTP.
    pub async fn get(&self, query: &str, patience: Duration) -> io::Result<Answer> {
        let head = format!(
            "GET {}?{query} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.path, self.authority,
        );
        self.ask(head.as_bytes(), b"", patience).await
    }

    async fn ask(&self, head: &[u8], body: &[u8], patience: Duration) -> io::Result<Answer> {
        let talk = async {
            let mut stream = TcpStream::connect(&self.authority).await?;
            stream.set_nodelay(true)?;
            stream.write_all(head).await?;
            // The receiver may answer and close before it has read everything.
            let written = stream.write_all(body).await;
            let mut answer = Vec::new();
            let read = (&mut stream)
                .take(ANSWER_BYTES_MAX as u64)
                .read_to_end(&mut answer)
                .await;
            parse_answer(&answer).ok_or_else(|| {
                let fault = read.err().or(written.err());
                fault.unwrap_or_else(|| io::ErrorKind::InvalidData.into())
            })
        };
        tokio::time::timeout(patience, talk).await?
    }
}

fn parse_answer(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some(Answer {
        http: status.parse().ok()?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;

    #[test]
    fn only_plain_http_addresses_are_taken() {
        let callback = Callback::parse("http://127.0.0.1:8081/webhooks/whatsapp").unwrap();
        assert_eq!(callback.authority, "127.0.0.1:8081");
        assert_eq!(callback.path, "/webhooks/whatsapp");
        assert_eq!(Callback::parse("http://box").unwrap().authority, "box:80");
        for bad in [
            "",
            "https://x/",
            "http:///x",
            "http://a b/",
            "http://a/\r\nx: y",
        ] {
            assert_eq!(Callback::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_answer_is_its_status_line() {
        let answer = parse_answer(b"HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nx").unwrap();
        assert_eq!((answer.http, answer.body.as_str()), (503, "x"));
        assert_eq!(parse_answer(b"HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(parse_answer(b""), None);
    }
}
