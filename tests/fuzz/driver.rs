//! Runs a parser over its kept corpus and over mutated inputs, on every core,
//! and keeps the input that breaks a rule. It knows nothing of any parser.

use super::rng::Rng;
use crate::cpu;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Inputs a thread takes at once.
const CHUNK: u64 = 512;

/// Every kept input of a parser, by file name.
pub fn corpus(parser: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(parser);
    let listed = std::fs::read_dir(&folder).expect("the corpus is committed");
    let mut files: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// Checks `count` inputs of a parser, each made from its number alone, so that
/// one can be made again without the others.
///
/// # Panics
/// With the place where it was kept, if an input breaks a rule.
pub fn run(
    parser: &str,
    count: u64,
    make: impl Fn(&mut Rng) -> Vec<u8> + Sync,
    check: impl Fn(&[u8]) + Sync,
) {
    let (begun, cpu_before) = (std::time::Instant::now(), cpu::used());
    let next = AtomicU64::new(0);
    let broken = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !broken.load(Ordering::Relaxed) {
                    let from = next.fetch_add(CHUNK, Ordering::Relaxed);
                    if from >= count {
                        break;
                    }
                    for number in from..count.min(from + CHUNK) {
                        let input = make(&mut Rng::of(parser, number));
                        if !holds(parser, &number.to_string(), &input, &check) {
                            broken.store(true, Ordering::Relaxed);
                            return;
                        }
                    }
                }
            });
        }
    });
    assert!(
        !broken.load(Ordering::Relaxed),
        "an input broke a rule of the {parser} parser: see above"
    );
    let rate = u128::from(count) * 1_000 / begun.elapsed().as_millis().max(1);
    let ns = (cpu::used() - cpu_before).as_nanos() / u128::from(count.max(1));
    eprintln!(
        "{parser}: {count} inputs on {threads} threads, {rate} a second, \
         {}.{:03} us of processor each",
        ns / 1_000,
        ns % 1_000
    );
}

/// Checks the kept corpus.
pub fn replay(parser: &str, inputs: &[Vec<u8>], check: impl Fn(&[u8])) {
    for (at, input) in inputs.iter().enumerate() {
        assert!(
            holds(parser, &format!("corpus-{at}"), input, &check),
            "corpus file {at} of {parser}"
        );
    }
}

fn holds(parser: &str, name: &str, input: &[u8], check: &impl Fn(&[u8])) -> bool {
    if catch_unwind(AssertUnwindSafe(|| check(input))).is_ok() {
        return true;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tests");
    let place = folder.join(format!("fuzz-{parser}-{name}"));
    let kept = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::File::create(&place))
        .and_then(|mut file| file.write_all(input));
    eprintln!(
        "input {name} of the {parser} parser broke a rule; kept: {} ({kept:?})",
        place.display()
    );
    false
}
