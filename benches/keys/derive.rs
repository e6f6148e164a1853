//! What the costly derivations cost here: milliseconds of one, and the most
//! memory that was used. `--which slot` is what a passphrase or a PIN goes
//! through, `--which staff` a sign-in.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measuring program reads the clock and prints its result"
)]

use anyhow::{Context, Result};
use clap::Parser;
use healthpost::keys::derive::{SLOT, STAFF, derive};
use std::time::Instant;

#[derive(Parser)]
#[command(about = "measures Argon2id at our costs and prints one line of JSON")]
struct Options {
    /// slot or staff.
    #[arg(long, default_value = "slot")]
    which: String,
    /// How many are made, one after the other.
    #[arg(long, default_value_t = 9)]
    times: usize,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let cost = if options.which == "staff" {
        STAFF
    } else {
        SLOT
    };
    let before = peak_kib()?;
    let mut took = Vec::new();
    for _ in 0..options.times.max(1) {
        let began = Instant::now();
        derive(cost, b"correct horse battery staple", &[7; 16])?;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    took.sort_by(f64::total_cmp);
    let median = took.get(took.len() / 2).context("nothing was measured")?;
    println!(
        "{}",
        serde_json::json!({
            "m_kib": cost.m_kib, "t": cost.t, "p": cost.p,
            "best_ms": took.first(), "median_ms": median, "worst_ms": took.last(),
            "memory_kib": peak_kib()?.saturating_sub(before),
        })
    );
    Ok(())
}

fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.context("the system does not tell")?.parse()?)
}
