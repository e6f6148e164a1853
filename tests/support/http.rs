//! A plain HTTP client that says exactly what it is told: the far side and the
//! attackers of a test need every header to be their own.

use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for any part of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Asks `url` (`http://host:port/path`) once, on a connection of its own.
pub fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let mut all: Vec<(&str, &str)> = headers.to_vec();
    let length = body.len().to_string();
    if !headers.iter().any(|(name, _)| *name == "content-length") {
        all.push(("content-length", &length));
    }
    let (address, path) = split(url)?;
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in all {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut writing = &stream;
    writing.write_all(request.as_bytes())?;
    // A server that refuses early closes before it has read everything: what
    // it said is still there to be read.
    let written = writing.write_all(body);
    read(&stream).or_else(|error| written.and(Err(error)))
}

/// `GET` as JSON.
pub fn get(url: &str) -> io::Result<Answer> {
    ask("GET", url, &[], b"")
}

/// `POST` of a JSON value.
pub fn post_json(url: &str, value: &Value) -> io::Result<Answer> {
    let body = value.to_string();
    ask(
        "POST",
        url,
        &[("content-type", "application/json")],
        body.as_bytes(),
    )
}

fn split(url: &str) -> io::Result<(&str, &str)> {
    let bad = || io::Error::new(io::ErrorKind::InvalidInput, "no http address");
    let rest = url.strip_prefix("http://").ok_or_else(bad)?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (address, path) = rest.split_at(slash);
    Ok((address, if path.is_empty() { "/" } else { path }))
}

fn read(stream: &TcpStream) -> io::Result<Answer> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("no HTTP answer"))?;
    let (mut length, mut chunked) = (None, false);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse::<u64>().ok();
        }
        chunked |= lower.starts_with("transfer-encoding:") && lower.contains("chunked");
    }
    let mut body = Vec::new();
    if chunked {
        read_chunks(&mut reader, &mut body)?;
    } else if let Some(length) = length {
        reader.take(length).read_to_end(&mut body)?;
        if body.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    } else {
        reader.read_to_end(&mut body)?;
    }
    Ok(Answer { status, body })
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        reader.take(size).read_to_end(body)?;
        line.clear();
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(());
        }
    }
}
