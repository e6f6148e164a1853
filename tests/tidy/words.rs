//! Rules on what is written where: SQL, HTML, provider JSON, and words that
//! say work was left undone.

use super::source::{Fault, Source};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

const SQL: [&str; 14] = [
    "SELECT ",
    "INSERT INTO",
    "INSERT OR",
    "UPDATE ",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE UNIQUE",
    "ALTER TABLE",
    "DROP TABLE",
    "PRAGMA ",
    "BEGIN IMMEDIATE",
    "SAVEPOINT ",
    "WITH RECURSIVE",
];
const HTML: [&str; 9] = [
    "<!doctype",
    "<html",
    "<body",
    "<div",
    "<span",
    "<table",
    "<form",
    "<script",
    "</p>",
];
const PROVIDER: [&str; 4] = [
    "messaging_product",
    "biz_opaque_callback_data",
    "recipient_type",
    "whatsapp_business_account",
];
const LEFT_OVERS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("HA", "CK:"),
    concat!("#[ig", "nore"),
];

fn strings_that(source: &Source, says: &str, guilty: impl Fn(&str) -> bool) -> Vec<Fault> {
    source
        .strings()
        .into_iter()
        .filter(|(text, _)| guilty(text))
        .map(|(_, line)| source.fault(line, says))
        .collect()
}

/// Statements stand in `store` alone.
pub fn sql_only_in_store(source: &Source) -> Vec<Fault> {
    if source.room() == "store" {
        return Vec::new();
    }
    strings_that(source, "SQL outside `store`", |text| {
        SQL.iter().any(|word| text.trim_start().starts_with(word))
    })
}

/// Pages are templates. The simulator may speak as a captive portal does.
pub fn html_only_in_templates(source: &Source) -> Vec<Fault> {
    if source.room() == "simulator" {
        return Vec::new();
    }
    strings_that(source, "HTML outside the templates", |text| {
        let lower = text.to_lowercase();
        HTML.iter().any(|tag| lower.contains(tag))
    })
}

/// A provider's field names stand in its module, and in the simulator.
pub fn provider_json_at_home(source: &Source) -> Vec<Fault> {
    if ["whatsapp", "simulator"].contains(&source.room()) {
        return Vec::new();
    }
    strings_that(source, "provider JSON outside its module", |text| {
        PROVIDER.iter().any(|word| text.contains(word))
    })
}

/// No `.unwrap()` outside tests.
pub fn no_unwrap(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    unwraps(source, source.tokens.clone(), &mut faults);
    faults
}

fn unwraps(source: &Source, stream: TokenStream, faults: &mut Vec<Fault>) {
    let mut after_dot = false;
    for token in stream {
        match &token {
            TokenTree::Ident(name) if after_dot && *name == "unwrap" => {
                faults.push(source.fault(name.span().start().line, "`unwrap` outside tests"));
            }
            TokenTree::Group(group) => unwraps(source, group.stream(), faults),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        after_dot = matches!(&token, TokenTree::Punct(p) if p.as_char() == '.');
    }
}

/// No word that says the work is not done, and no test that does not run.
pub fn no_left_overs(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for word in LEFT_OVERS.iter().filter(|word| line.contains(**word)) {
            faults.push(source.fault(at + 1, format!("`{word}` is unfinished work")));
        }
    }
    faults
}

/// Code nobody calls is removed, not silenced; in tests too.
pub fn no_silenced_dead_code(source: &Source) -> Vec<Fault> {
    let tokens: TokenStream = source.text.parse().unwrap();
    let mut faults = Vec::new();
    silenced(source, tokens, &mut faults);
    faults
}

fn silenced(source: &Source, stream: TokenStream, faults: &mut Vec<Fault>) {
    let mut in_attribute = false;
    for token in stream {
        if let TokenTree::Group(group) = &token {
            let text = group.stream().to_string();
            let lint = text.starts_with("allow") || text.starts_with("expect");
            if in_attribute
                && group.delimiter() == Delimiter::Bracket
                && lint
                && text.contains(concat!("dead", "_code"))
            {
                faults.push(source.fault(group.span_open().start().line, "dead code is silenced"));
            }
            silenced(source, group.stream(), faults);
        }
        in_attribute = matches!(&token, TokenTree::Punct(p) if matches!(p.as_char(), '#' | '!'));
    }
}

/// A module whose name ends in `tests` is brought in under `#[cfg(test)]`:
/// the other rules do not look inside it.
pub fn tests_are_gated(source: &Source) -> Vec<Fault> {
    let tokens: Vec<TokenTree> = source.tokens.clone().into_iter().collect();
    tokens
        .windows(2)
        .filter_map(|pair| match pair {
            [TokenTree::Ident(word), TokenTree::Ident(name)] if *word == "mod" => Some(name),
            _ => None,
        })
        .filter(|name| name.to_string().ends_with("tests"))
        .map(|name| {
            source.fault(
                name.span().start().line,
                "a test module without `#[cfg(test)]`",
            )
        })
        .collect()
}
