//! How often a repeated test runs, from `tests/counts.toml`.
//!
//! `HEALTHPOST_COUNTS=full` chooses the long column, `NAME=COUNT` a count of its
//! own for one row; anything else the short column. A name without a row is a
//! mistake and stops the test.

use std::collections::BTreeMap;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    ci: u64,
    full: u64,
}

/// The count of a row for this run.
#[allow(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests/run says by the environment which column counts"
)]
pub fn of(name: &str) -> u64 {
    let text = include_str!("../counts.toml");
    let rows: BTreeMap<String, Row> = match toml::from_str(text) {
        Ok(rows) => rows,
        Err(error) => panic!("tests/counts.toml: {error}"),
    };
    let Some(row) = rows.get(name) else {
        panic!("tests/counts.toml has no row `{name}`");
    };
    match std::env::var("HEALTHPOST_COUNTS").as_deref() {
        Ok("full") => row.full,
        Ok(chosen) => match chosen.split_once('=') {
            Some((row, count)) if row == name => count.parse().unwrap_or(0),
            _ => row.ci,
        },
        Err(_) => row.ci,
    }
}
