//! How often a repeated test runs, from `tests/counts.toml`.
//!
//! `HEALTHPOST_COUNTS` is `ci`, the short column and what counts without it;
//! `full`, the long one; or `ROW=COUNT,ROW=COUNT`, counts of its own for these
//! rows and the short column for the others. Anything else, a row that is none
//! and a count of nothing are mistakes and stop the test.

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
    let choice = std::env::var("HEALTHPOST_COUNTS").unwrap_or_else(|_| "ci".to_owned());
    choose(name, &choice).unwrap_or_else(|mistake| panic!("{mistake}"))
}

/// The count of a row under this choice.
pub fn choose(name: &str, choice: &str) -> Result<u64, String> {
    let rows: BTreeMap<String, Row> = toml::from_str(include_str!("../counts.toml"))
        .map_err(|error| format!("tests/counts.toml: {error}"))?;
    let row = |name: &str| {
        let found = rows.get(name);
        found.ok_or_else(|| format!("tests/counts.toml has no row `{name}`"))
    };
    let asked = row(name)?;
    match choice {
        "ci" => return Ok(asked.ci),
        "full" => return Ok(asked.full),
        _ => {}
    }
    let mut count = asked.ci;
    for pair in choice.split(',') {
        let mistake = || format!("HEALTHPOST_COUNTS: `{pair}` is no ROW=COUNT");
        let (named, own) = pair.split_once('=').ok_or_else(mistake)?;
        row(named)?;
        let own = own
            .parse()
            .ok()
            .filter(|own| *own > 0)
            .ok_or_else(mistake)?;
        if named == name {
            count = own;
        }
    }
    Ok(count)
}
