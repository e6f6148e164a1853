//! A command's side of the control socket.

use super::control::FILE;
use super::short_path::ShortPath;
use super::{Request, Response};
use crate::core::limits;
use std::io;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// A connection to the running service.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the service that has `folder` open.
    ///
    /// # Errors
    /// When nobody listens there, or the socket is not for us.
    pub async fn connect(folder: &Path) -> io::Result<Self> {
        let folder = ShortPath::into(folder)?;
        let stream = UnixStream::connect(folder.of(FILE)).await?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Asks one thing and waits for its answer.
    ///
    /// # Errors
    /// When the service went away or answers what this program cannot read.
    pub async fn ask(&mut self, request: &Request) -> io::Result<Response> {
        // Room from the start: a buffer that grows leaves a copy behind.
        let mut text = Zeroizing::new(Vec::with_capacity(limits::CONTROL_REQUEST_BYTES_MAX));
        serde_json::to_writer(&mut *text, request)?;
        text.push(b'\n');
        self.stream.write_all(&text).await?;
        let mut line = Vec::new();
        let bound = limits::CONTROL_ANSWER_BYTES_MAX;
        (&mut self.stream)
            .take(bound)
            .read_until(b'\n', &mut line)
            .await?;
        if line.last() != Some(&b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The parser's own words could repeat what was answered.
        serde_json::from_slice(&line).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}
