//! Where the TPM is, as people write it in the configuration, and how to get
//! there.
//!
//! The three spellings are `device:/dev/tpmrm0`, `swtpm:HOST:PORT` and
//! `swtpm:unix:PATH`; anything else is refused with a sentence, never guessed.

use crate::tpm::bus::{Bus, Device, Stream};
use std::fmt;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where a TPM is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tcti {
    /// A character device, best the kernel's resource manager.
    Device(PathBuf),
    /// A software TPM on a TCP port.
    Tcp {
        /// Name or address of the machine.
        host: String,
        /// The port of its commands.
        port: u16,
    },
    /// A software TPM on a Unix socket.
    Unix(PathBuf),
}

/// Why a text says nothing about where the TPM is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTcti {
    /// No known kind before the first colon.
    #[error(
        "the TPM is written device:/dev/tpmrm0, swtpm:HOST:PORT or swtpm:unix:PATH; this begins with none of them"
    )]
    Kind,
    /// The path is not absolute.
    #[error("the path to the TPM begins with a slash, as in device:/dev/tpmrm0")]
    Path,
    /// No host, or no port.
    #[error("a software TPM on a port is written swtpm:HOST:PORT, as in swtpm:127.0.0.1:2321")]
    HostAndPort,
    /// The port is no number from 1 to 65535.
    #[error("the port of the software TPM is a number from 1 to 65535")]
    Port,
}

impl FromStr for Tcti {
    type Err = BadTcti;

    fn from_str(text: &str) -> Result<Self, BadTcti> {
        if let Some(path) = text.strip_prefix("device:") {
            return absolute(path).map(Self::Device);
        }
        if let Some(path) = text.strip_prefix("swtpm:unix:") {
            return absolute(path).map(Self::Unix);
        }
        let rest = text.strip_prefix("swtpm:").ok_or(BadTcti::Kind)?;
        let (host, port) = rest.rsplit_once(':').ok_or(BadTcti::HostAndPort)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(BadTcti::HostAndPort);
        }
        let port = port.parse().ok().filter(|port| *port != 0);
        Ok(Self::Tcp {
            host: host.to_owned(),
            port: port.ok_or(BadTcti::Port)?,
        })
    }
}

fn absolute(path: &str) -> Result<PathBuf, BadTcti> {
    if path.len() < 2 || !path.starts_with('/') {
        return Err(BadTcti::Path);
    }
    Ok(PathBuf::from(path))
}

impl fmt::Display for Tcti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "device:{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "swtpm:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "swtpm:{host}:{port}"),
            Self::Unix(path) => write!(f, "swtpm:unix:{}", path.display()),
        }
    }
}

impl Tcti {
    /// Opens the way there. `limit` bounds connecting and each single answer.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(&self, limit: Duration) -> io::Result<Box<dyn Bus>> {
        match self {
            Self::Device(path) => Ok(Box::new(Device::open(path, limit)?)),
            Self::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))?;
                Ok(Box::new(Stream::new(stream)))
            }
            Self::Tcp { host, port } => {
                let stream = connect(host, *port, limit)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))?;
                Ok(Box::new(Stream::new(stream)))
            }
        }
    }
}

fn connect(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_read_and_print() {
        for text in [
            "device:/dev/tpmrm0",
            "swtpm:127.0.0.1:2321",
            "swtpm:[::1]:2321",
            "swtpm:unix:/run/swtpm.sock",
        ] {
            assert_eq!(text.parse::<Tcti>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", BadTcti::Kind),
            ("/dev/tpmrm0", BadTcti::Kind),
            ("mssim:127.0.0.1:2321", BadTcti::Kind),
            ("device:", BadTcti::Path),
            ("device:dev/tpmrm0", BadTcti::Path),
            ("swtpm:unix:", BadTcti::Path),
            ("swtpm:unix:swtpm.sock", BadTcti::Path),
            ("swtpm:2321", BadTcti::HostAndPort),
            ("swtpm::2321", BadTcti::HostAndPort),
            ("swtpm:127.0.0.1:", BadTcti::Port),
            ("swtpm:127.0.0.1:0", BadTcti::Port),
            ("swtpm:127.0.0.1:65536", BadTcti::Port),
        ] {
            assert_eq!(text.parse::<Tcti>(), Err(said), "{text}");
        }
    }
}
