//! Years of a clinic's box in minutes: the whole appliance minus sockets and
//! threads, on real encrypted files, through outages, power cuts, wrong
//! clocks, full disks and a provider that loses answers. After each commit and
//! after each cut a naive model says whether what happened may happen.
//!
//! A failing seed prints itself and leaves its journal under `target/tests/`;
//! `HEALTHPOST_SEED=n cargo test --test simulation replay` plays it again. Many
//! seeds can be lived in parts: `HEALTHPOST_FIRST_SEED=n` begins at seed n.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the first surprise and says what it saw"
)]

mod simulation {
    pub mod dice;
    pub mod invariants;
    pub mod life;
    pub mod model;
    pub mod patients;
    pub mod place;
    pub mod planted;
    pub mod shell;
    pub mod works;
}

// Named by its path: rustfmt looks for it in the folder that bears this file's
// name.
#[path = "support/counts.rs"]
mod counts;
#[path = "support/cpu.rs"]
mod cpu;

use simulation::life::{Totals, live};
use simulation::model::Broken;
use simulation::patients::PAGES;
use simulation::place::put;
use simulation::planted::Bug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Threads that live seeds, each one of its own.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// The seed to begin with: one run of many seeds may take more than a night.
fn first_seed() -> u64 {
    let named = std::env::var("HEALTHPOST_FIRST_SEED").ok();
    named.map_or(0, |seed| seed.parse().unwrap())
}

/// Lives a seed; a panic anywhere in it is a failure like another.
fn try_seed(seed: u64, bug: Option<Bug>) -> (Result<Totals, Broken>, Vec<String>) {
    let lived = catch_unwind(AssertUnwindSafe(|| live(seed, bug)));
    lived.unwrap_or_else(|panic| {
        let how = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_default();
        let invariant = "no_panic";
        (Err(Broken { invariant, how }), Vec::new())
    })
}

fn keep_journal(seed: u64, broken: &Broken, journal: &[String]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tests");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("simulation-{seed}.log"));
    let text = format!(
        "seed {seed}\n{}\ninvariant_{}: {}\n",
        journal.join("\n"),
        broken.invariant,
        broken.how
    );
    let _ = std::fs::remove_file(&path);
    put(&path, text.as_bytes());
    path.display().to_string()
}

#[test]
fn every_seed_is_clean() {
    let seeds = counts::of("simulation_seeds");
    let (begun, cpu_before) = (std::time::Instant::now(), cpu::used());
    let first = first_seed();
    let end = first + seeds;
    let next = AtomicU64::new(first);
    let all = Mutex::new(Totals::default());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || failed.lock().unwrap().len() >= 5 {
                        return;
                    }
                    if seed > first && (seed - first).is_multiple_of(1_000) {
                        println!("seed {seed} after {:.0?}", begun.elapsed());
                    }
                    match try_seed(seed, None) {
                        (Ok(totals), _) => all.lock().unwrap().add(&totals),
                        (Err(broken), journal) => {
                            println!("seed {seed} breaks invariant_{}", broken.invariant);
                            let log = keep_journal(seed, &broken, &journal);
                            println!("seed {seed}: {} ({log})", broken.how);
                            failed.lock().unwrap().push(seed);
                        }
                    }
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    println!("{all:#?}");
    let lived = u32::try_from(all.seeds).unwrap();
    let rate = f64::from(lived) / begun.elapsed().as_secs_f64();
    let cpu = (cpu::used() - cpu_before) / lived.max(1);
    println!("{rate:.1} seeds a second, {cpu:.1?} of processor each");
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "HEALTHPOST_SEED={failed:?}");
    assert!(
        all.begun > 0 && all.records * 3 > all.begun,
        "intakes reach their end"
    );
    for (page, visits) in PAGES.iter().zip(all.pages) {
        assert!(visits * 10 > all.begun, "{page} is hardly ever seen");
    }
}

/// Plays one seed again and prints its journal; without one named, proves on
/// the first that the same seed lives the same life.
#[test]
fn replay() {
    let named = std::env::var("HEALTHPOST_SEED").ok();
    let seed = named.as_ref().map_or(0, |seed| seed.parse().unwrap());
    let (result, journal) = try_seed(seed, None);
    if named.is_some() {
        println!("{}", journal.join("\n"));
    }
    let (_, again) = try_seed(seed, None);
    if let Err(broken) = result {
        panic!(
            "seed {seed}: invariant_{}: {}",
            broken.invariant, broken.how
        );
    }
    assert!(!journal.is_empty());
    assert_eq!(journal, again, "the same seed, the same life");
}

#[test]
fn every_planted_bug_is_seen() {
    let seeds = counts::of("planted_bug_seeds");
    let next = AtomicU64::new(0);
    let missed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let place = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    let Some(bug) = Bug::ALL.get(place).copied() else {
                        return;
                    };
                    let seen = (0..seeds).find_map(|seed| {
                        let broken = try_seed(seed, Some(bug)).0.err()?;
                        Some((seed + 1, broken))
                    });
                    match seen {
                        Some((seeds, broken)) if bug.breaks().contains(&broken.invariant) => {
                            println!(
                                "{bug:?}: invariant_{} within {seeds} seeds",
                                broken.invariant
                            );
                        }
                        Some((seeds, broken)) => {
                            let how = format!("{bug:?}: {broken:?} within {seeds} seeds");
                            println!("{how}");
                            missed.lock().unwrap().push(how);
                        }
                        None => missed.lock().unwrap().push(format!("{bug:?}: never")),
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
