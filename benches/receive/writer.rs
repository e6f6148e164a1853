//! What a message costs the one writing thread: its processor time and the
//! pages it writes, taken in and stepped, with nothing of HTTP around it. Other
//! work on the machine hardly moves these numbers, unlike a rate.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program reads the clock and prints its result"
)]

use anyhow::{Context, Result};
use clap::Parser;
use healthpost::core::data_key::DataKey;
use healthpost::core::engine::Clinic;
use healthpost::core::flow::Flow;
use healthpost::core::lang::Lang;
use healthpost::core::time::{HOUR_MS, Now, UnixMs};
use healthpost::core::triage;
use healthpost::ports::Chance;
use healthpost::store::inbox::{self, Batch, Reception};
use healthpost::store::{BoxKey, Writer, open};
use healthpost::whatsapp::cloud;
use healthpost::work::intake::{self, Flows};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Our number at the provider.
const NUMBER: &str = "106540352242922";
/// Bytes of a page.
const PAGE: f64 = 4096.0;

#[derive(Parser)]
#[command(about = "measures the writing thread and prints one line of JSON for each part")]
struct Options {
    /// The folder the database is made in; emptied of it before and after.
    #[arg(long)]
    dir: PathBuf,
    /// Messages in each part.
    #[arg(long, default_value_t = 20_000)]
    messages: u64,
    /// Webhooks under way at once.
    #[arg(long, default_value_t = 32)]
    company: usize,
    /// Contacts that write in the first part.
    #[arg(long, default_value_t = 1_000)]
    contacts: u64,
}

/// Numbers that repeat from run to run.
struct Counting(AtomicU64);

impl Chance for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            // SplitMix64.
            let mut n = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            n ^= n >> 31;
            part.copy_from_slice(n.to_le_bytes().get(..part.len()).unwrap_or_default());
        }
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let folder = options.dir.join("writer-cost");
    let key = DataKey::take(&mut [7; 32]);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&options.dir)?;
    let box_key = BoxKey::new([8; 32]);
    open::create(&folder, &key, &box_key)?;
    let conn = open::open(&folder, &key)?;
    let (writer, thread) = Writer::start(conn, None)?;
    let bench = Bench {
        writer,
        box_key: box_key.clone(),
        context: Arc::new(context(box_key)?),
        chance: Arc::new(Counting(AtomicU64::new(1))),
        options,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(bench.run())?;
    thread.stop()?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

fn context(box_key: BoxKey) -> Result<intake::Context> {
    let flow = Flow::built_in();
    Ok(intake::Context {
        flows: Flows::new(flow, &[]),
        clinic: Clinic {
            id: "bench-1".to_owned(),
            name: "Bench Health Post".to_owned(),
            country: "CD".to_owned(),
            zone: jiff::tz::TimeZone::UTC,
            languages: Lang::ALL.to_vec(),
            emergency_number: "112".to_owned(),
            session_idle_ms: 2 * HOUR_MS,
            patience_ms: 0,
        },
        box_key,
        quiet_ms: 0,
    })
}

struct Bench {
    writer: Writer,
    box_key: BoxKey,
    context: Arc<intake::Context>,
    chance: Arc<dyn Chance>,
    options: Options,
}

/// What the writing thread has used so far.
#[derive(Clone, Copy)]
struct Used {
    cpu_ns: f64,
    written: f64,
    commits: u64,
}

impl Bench {
    async fn run(&self) -> Result<()> {
        // The thread has its name once it has worked.
        self.writer.run(|_| Ok(())).await?;
        let all = self.options.messages;
        let known = self.options.contacts;
        self.receive("taken in, known contacts", all, |n| n % known, 0)
            .await?;
        self.step("stepped, known contacts", known).await?;
        self.receive("taken in, new contacts", all, |n| known + n, all)
            .await?;
        self.step("stepped, new contacts", all).await
    }

    async fn receive(
        &self,
        name: &str,
        count: u64,
        contact: impl Fn(u64) -> u64,
        from: u64,
    ) -> Result<()> {
        let before = used(&self.writer)?;
        let mut n = 0;
        while n < count {
            let mut jobs = Vec::with_capacity(self.options.company);
            while n < count && jobs.len() < self.options.company {
                jobs.push(self.one(from + n, contact(n)));
                n += 1;
            }
            for done in futures_util::future::join_all(jobs).await {
                done?;
            }
        }
        self.tell(name, count, before)
    }

    async fn one(&self, n: u64, contact: u64) -> Result<()> {
        let body = body(n, contact);
        let items = cloud::parse(body.as_bytes());
        let batch = Batch::prepare(&reception(&self.box_key), items);
        let box_key = self.box_key.clone();
        let at = now(n).at;
        self.writer
            .run_repeatable(move |conn, how| {
                let reception = reception(&box_key);
                inbox::receive_batch(conn, &reception, body.as_bytes(), &batch, at, how)
            })
            .await?;
        Ok(())
    }

    async fn step(&self, name: &str, count: u64) -> Result<()> {
        let before = used(&self.writer)?;
        loop {
            let (context, chance) = (Arc::clone(&self.context), Arc::clone(&self.chance));
            let turn = self
                .writer
                .run_repeatable(move |conn, how| {
                    intake::turn(conn, &context, now(1 << 24), &*chance, how)
                })
                .await?;
            if !turn.more {
                break;
            }
        }
        self.tell(name, count, before)
    }

    fn tell(&self, name: &str, count: u64, before: Used) -> Result<()> {
        let after = used(&self.writer)?;
        let each = count as f64;
        println!(
            "{}",
            serde_json::json!({
                "part": name,
                "cpu_us": ((after.cpu_ns - before.cpu_ns) / each).round() / 1_000.0,
                "pages_written": ((after.written - before.written) / PAGE / each * 100.0).round() / 100.0,
                "messages_a_commit": (each / (after.commits - before.commits).max(1) as f64).round(),
            })
        );
        Ok(())
    }
}

fn reception(box_key: &BoxKey) -> Reception<'_> {
    Reception {
        box_key,
        channel: "cloud",
        phone_number_id: NUMBER,
        quiet_ms: 0,
        is_urgent: |words| triage::find_danger(words, None).is_some(),
    }
}

fn now(n: u64) -> Now {
    Now {
        at: UnixMs(1_767_225_600_000 + i64::try_from(n / 10).unwrap_or(0)),
        trusted: true,
    }
}

/// A webhook as the provider sends it for one text message.
fn body(n: u64, contact: u64) -> String {
    let number = format!("24397{contact:07}");
    serde_json::json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "102290129340398", "changes": [{ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550783881", "phone_number_id": NUMBER },
            "contacts": [{ "profile": { "name": "Amina B." }, "wa_id": number }],
            "messages": [{
                "from": number,
                "id": format!("wamid.HBgL{n:016x}"),
                "timestamp": (now(n).at.0 / 1_000).to_string(),
                "type": "text",
                "text": { "body": "Hello" },
            }],
        } }] }],
    })
    .to_string()
}

/// Reads what the kernel counts for the thread of that name.
fn used(writer: &Writer) -> Result<Used> {
    for task in fs::read_dir("/proc/self/task")? {
        let folder = task?.path();
        if fs::read_to_string(folder.join("comm"))?.trim() != "store-writer" {
            continue;
        }
        let spent = fs::read_to_string(folder.join("schedstat"))?;
        let io = fs::read_to_string(folder.join("io"))?;
        let cpu_ns = spent.split(' ').next().context("no time")?.parse()?;
        let written = io
            .lines()
            .find_map(|line| line.strip_prefix("wchar: "))
            .context("no count of bytes")?
            .parse()?;
        let commits = writer.counts().commits;
        return Ok(Used {
            cpu_ns,
            written,
            commits,
        });
    }
    anyhow::bail!("the writing thread is not there")
}
