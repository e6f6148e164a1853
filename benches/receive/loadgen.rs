//! Sends signed, distinct webhooks over keep-alive connections and measures
//! how fast they are answered. A process of its own, and a light one: every
//! request is made and signed before the clock starts, because it shares the
//! machine with what it measures. It talks to loopback only.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program reads the clock and prints its result"
)]

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use hmac::{Hmac, KeyInit, Mac};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer head that is looked at, bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

#[derive(Parser)]
#[command(about = "loads a webhook receiver on this machine and prints one line of JSON")]
struct Options {
    /// Where the receiver listens; loopback only.
    #[arg(long, default_value = "127.0.0.1:8081")]
    addr: SocketAddr,
    /// The file that holds the app secret.
    #[arg(long)]
    secret_file: PathBuf,
    /// Connections, each with one request in the air.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Longest run, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Most requests; they are all made beforehand.
    #[arg(long, default_value_t = 50_000)]
    max: usize,
    /// Requests sent and answered before the clock starts.
    #[arg(long, default_value_t = 64)]
    warmup: usize,
    /// Contacts that write; 0 makes every message a new contact's.
    #[arg(long, default_value_t = 1_000)]
    contacts: usize,
    /// What each message says.
    #[arg(long, default_value = "Hello")]
    text: String,
}

/// What all connections share.
struct Load {
    addr: SocketAddr,
    requests: Vec<Vec<u8>>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Tally {
    micros: Vec<u64>,
    refused: u64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(
        options.addr.ip().is_loopback(),
        "{} is not on this machine",
        options.addr
    );
    let secret = std::fs::read_to_string(&options.secret_file).context("the secret file")?;
    let secret = secret.trim_end_matches('\n').as_bytes();
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let total = options.max + options.warmup;
    let requests = (0..total)
        .map(|n| request(&options, secret, since_1970, n))
        .collect::<Result<Vec<_>>>()?;
    let load = Arc::new(Load {
        addr: options.addr,
        requests,
        next: AtomicUsize::new(0),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&options, load))
}

async fn run(options: &Options, load: Arc<Load>) -> Result<()> {
    wave(&load, options.connections, options.warmup, far_off()).await?;
    load.next.store(options.warmup, Ordering::Relaxed);
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(options.seconds);
    let mut tally = wave(&load, options.connections, load.requests.len(), until).await?;
    let elapsed_s = started.elapsed().as_secs_f64();
    tally.micros.sort_unstable();
    let accepted = tally.micros.len();
    let result = serde_json::json!({
        "connections": options.connections,
        "seconds": elapsed_s,
        "warmup": options.warmup,
        "accepted": accepted,
        "refused": tally.refused,
        "rate": accepted as f64 / elapsed_s,
        "p50_ms": at(&tally.micros, 0.50),
        "p99_ms": at(&tally.micros, 0.99),
        "max_ms": at(&tally.micros, 1.0),
    });
    println!("{result}");
    Ok(())
}

fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// One run of all connections over the requests up to `last`.
async fn wave(load: &Arc<Load>, connections: usize, last: usize, until: Instant) -> Result<Tally> {
    let mut open = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let load = Arc::clone(load);
        open.spawn(async move { one_connection(&load, last, until).await });
    }
    let mut all = Tally::default();
    while let Some(done) = open.join_next().await {
        let one = done??;
        all.micros.extend(one.micros);
        all.refused += one.refused;
    }
    Ok(all)
}

async fn one_connection(load: &Load, last: usize, until: Instant) -> Result<Tally> {
    let mut stream = TcpStream::connect(load.addr).await.context("connecting")?;
    stream.set_nodelay(true)?;
    let mut tally = Tally::default();
    let mut buffer = Vec::with_capacity(HEAD_BYTES_MAX);
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok(tally);
        }
        let n = load.next.fetch_add(1, Ordering::Relaxed);
        let Some(request) = load.requests.get(n).filter(|_| n < last) else {
            return Ok(tally);
        };
        stream.write_all(request).await?;
        if answer(&mut stream, &mut buffer).await? == 200 {
            tally
                .micros
                .push(u64::try_from(sent.elapsed().as_micros())?);
        } else {
            tally.refused += 1;
        }
    }
}

/// Reads one answer whole and gives its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    buffer.clear();
    let head = loop {
        if let Some(at) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            break at + 4;
        }
        ensure!(buffer.len() < HEAD_BYTES_MAX, "an endless answer");
        ensure!(stream.read_buf(buffer).await? > 0, "the receiver hung up");
    };
    let text = std::str::from_utf8(buffer.get(..head).unwrap_or_default())?;
    let status = text.split(' ').nth(1).context("no status")?.parse()?;
    let Some(length) = content_length(text) else {
        bail!("an answer without a length");
    };
    while buffer.len() < head + length {
        ensure!(stream.read_buf(buffer).await? > 0, "the receiver hung up");
    }
    Ok(status)
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })
}

/// The whole request: the shape of Meta's webhook, signed over the raw body.
fn request(options: &Options, secret: &[u8], since_1970: Duration, n: usize) -> Result<Vec<u8>> {
    let contact = if options.contacts == 0 {
        n
    } else {
        n % options.contacts
    };
    let number = format!("24397{contact:07}");
    let body = serde_json::json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "102290129340398", "changes": [{ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550783881", "phone_number_id": "106540352242922" },
            "contacts": [{ "profile": { "name": "Amina B." }, "wa_id": number }],
            "messages": [{
                "from": number,
                "id": format!("wamid.HBgL{:x}{n:08x}", since_1970.as_nanos()),
                "timestamp": since_1970.as_secs().to_string(),
                "type": "text",
                "text": { "body": options.text },
            }],
        } }] }],
    })
    .to_string();
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(secret)?;
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Ok(format!(
        "POST /webhooks/whatsapp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {}\r\n\r\n{body}",
        options.addr,
        body.len(),
    )
    .into_bytes())
}

/// The quantile `q` in milliseconds.
fn at(sorted_micros: &[u64], q: f64) -> f64 {
    let last = sorted_micros.len().saturating_sub(1);
    let index = (last as f64 * q).round() as usize;
    sorted_micros
        .get(index)
        .map_or(0.0, |it| *it as f64 / 1_000.0)
}
