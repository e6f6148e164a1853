//! Fuzzes what reads bytes from outside: the webhook parser, the flow parser
//! and the answer parser. Inputs are mutations of a kept corpus, made from
//! their number alone; an input that breaks a rule is kept in target/tests and
//! belongs in the corpus once mended.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking; JSON and TOML values are not our enums"
)]

#[path = "support/counts.rs"]
mod counts;
#[path = "support/cpu.rs"]
mod cpu;

mod fuzz {
    pub mod answers;
    pub mod driver;
    pub mod flow;
    pub mod json;
    pub mod mutate;
    pub mod rng;
    pub mod webhook;
}

use fuzz::{answers, driver, flow, webhook};

fn inputs() -> u64 {
    counts::of("fuzz_inputs")
}

#[test]
fn webhook_parser() {
    let seeds = webhook::Seeds::load();
    driver::replay("webhook", seeds.raw(), webhook::check);
    driver::run("webhook", inputs(), |rng| seeds.make(rng), webhook::check);
}

#[test]
fn flow_parser() {
    let seeds = flow::Seeds::load();
    driver::replay("flow", seeds.raw(), flow::check);
    driver::run("flow", inputs(), |rng| seeds.make(rng), flow::check);
}

#[test]
fn answer_parser() {
    let seeds = answers::Seeds::load();
    driver::replay("answers", &seeds.replayed(), answers::check);
    driver::run("answers", inputs(), |rng| seeds.make(rng), answers::check);
}
