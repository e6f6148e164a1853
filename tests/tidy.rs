//! Holds the rules of the house that one crate cannot make the compiler hold:
//! who may use whom, what the pure heart must not name, where SQL, HTML and
//! provider JSON may stand, how long a function or a file may be, what must be
//! documented. Every rule is also run on a planted offender, so that a rule
//! which sees nothing fails too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot read the tree has nothing else to do"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "syn's enums are not ours, and grow"
)]

mod tidy {
    pub mod edges;
    pub mod shape;
    pub mod source;
    pub mod words;
}

use tidy::source::{Fault, Source};
use tidy::{edges, shape, words};

type Rule = fn(&Source) -> Vec<Fault>;

/// Every rule that looks at one file under `src/`.
const RULES: [(&str, Rule); 14] = [
    ("edges between rooms", edges::between_rooms),
    ("core is pure", edges::core_is_pure),
    ("sql only in store", words::sql_only_in_store),
    ("html only in templates", words::html_only_in_templates),
    ("provider json at home", words::provider_json_at_home),
    ("no unwrap", words::no_unwrap),
    ("no left-overs", words::no_left_overs),
    ("no silenced dead code", words::no_silenced_dead_code),
    ("test modules are gated", words::tests_are_gated),
    ("no vague names", shape::no_vague_names),
    ("functions fit", shape::functions_fit),
    ("files fit", shape::files_fit),
    ("module docs", shape::module_docs),
    ("public docs", shape::public_docs),
];

fn report(rule: &str, faults: &[Fault]) {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{rule}:\n{}", lines.join("\n"));
}

fn faults_of(rule: Rule, sources: &[Source]) -> Vec<Fault> {
    sources.iter().flat_map(rule).collect()
}

#[test]
fn the_tree_keeps_every_rule() {
    let sources = Source::program();
    assert!(sources.len() > 10, "the walk found no tree");
    let told: Vec<String> = RULES
        .iter()
        .flat_map(|(name, rule)| {
            let faults = faults_of(*rule, &sources);
            faults.into_iter().map(move |it| format!("{it} [{name}]"))
        })
        .collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

#[test]
fn nine_functions_in_ten_are_short() {
    let sources = Source::program();
    report(
        "nine in ten functions are short",
        &shape::nine_in_ten(&sources),
    );
}

#[test]
fn tests_and_benches_leave_nothing_behind() {
    let mut sources = Source::tree("tests");
    sources.extend(Source::tree("src").into_iter().filter(Source::is_test_file));
    sources.extend(Source::tree("benches"));
    for (name, rule) in [
        ("no left-overs", words::no_left_overs as Rule),
        ("no silenced dead code", words::no_silenced_dead_code),
        ("module docs", shape::module_docs),
    ] {
        report(name, &faults_of(rule, &sources));
    }
}

/// Runs one rule on an offender and on its innocent twin.
fn proves(rule: Rule, path: &str, guilty: &str, innocent: &str) {
    let found = rule(&Source::parse(path, guilty));
    assert!(!found.is_empty(), "the rule does not see: {guilty}");
    report("innocent twin", &rule(&Source::parse(path, innocent)));
}

#[test]
fn sees_an_edge_against_the_arrows() {
    proves(
        edges::between_rooms,
        "src/store/inbox.rs",
        "use crate::web::error::Error;",
        "use crate::core::id::RecordId;",
    );
}

#[test]
fn sees_an_edge_inside_a_group_a_macro_and_behind_super() {
    for guilty in [
        "use crate::{core::id::RecordId, web::error::Error};",
        "fn f() { assert_eq!(1, crate::web::one()); }",
        "fn f() { super::super::web::one(); }",
        "fn f() -> crate::web::Error { g() }",
    ] {
        proves(
            edges::between_rooms,
            "src/store/inbox.rs",
            guilty,
            "fn f() {}",
        );
    }
}

#[test]
fn an_edge_in_a_test_is_no_fault() {
    let twin = "#[cfg(test)] mod tests { use crate::web::error::Error; }";
    report(
        "tests",
        &edges::between_rooms(&Source::parse("src/store/inbox.rs", twin)),
    );
}

#[test]
fn sees_a_room_nobody_knows() {
    proves(
        edges::between_rooms,
        "src/attic/mod.rs",
        "use crate::core::id::X;",
        "fn f() {}",
    );
}

#[test]
fn the_simulator_may_use_wire_types_only() {
    proves(
        edges::between_rooms,
        "src/simulator/mod.rs",
        "use crate::whatsapp::cloud::client::Client;",
        "use crate::whatsapp::cloud::wire::Envelope;",
    );
}

#[test]
fn sees_the_world_in_core() {
    for guilty in [
        "use tokio::sync::mpsc;",
        "use std::{fs, fmt};",
        "use std::time::{Duration, SystemTime};",
        "fn f() { std::env::args(); }",
        "fn f() { rusqlite::Connection::open_in_memory(); }",
        "fn f() { jiff::Timestamp::now(); }",
    ] {
        proves(
            edges::core_is_pure,
            "src/core/time.rs",
            guilty,
            "use std::time::Duration;",
        );
    }
}

#[test]
fn sees_sql_outside_the_store() {
    let guilty = r#"const Q: &str = "SELECT id FROM inbox";"#;
    let innocent = r#"const Q: &str = "select a language";"#;
    proves(
        words::sql_only_in_store,
        "src/work/intake.rs",
        guilty,
        innocent,
    );
    report(
        "store",
        &words::sql_only_in_store(&Source::parse("src/store/inbox.rs", guilty)),
    );
}

#[test]
fn sees_html_outside_templates() {
    let guilty = r#"const P: &str = "<div class='x'>";"#;
    proves(
        words::html_only_in_templates,
        "src/web/console/page.rs",
        guilty,
        r#"const P: &str = "a < b";"#,
    );
}

#[test]
fn sees_provider_json_away_from_home() {
    let guilty = r#"const K: &str = "messaging_product";"#;
    proves(
        words::provider_json_at_home,
        "src/work/sender.rs",
        guilty,
        r#"const K: &str = "product";"#,
    );
    report(
        "home",
        &words::provider_json_at_home(&Source::parse("src/whatsapp/cloud/wire.rs", guilty)),
    );
}

#[test]
fn sees_an_unwrap() {
    let innocent = "fn f() { x.unwrap_or(1); }\n#[cfg(test)] mod tests { fn g() { x.unwrap(); } }";
    proves(
        words::no_unwrap,
        "src/work/sender.rs",
        "fn f() { x.unwrap(); }",
        innocent,
    );
}

#[test]
fn sees_left_overs() {
    for guilty in [
        concat!("// TO", "DO: later"),
        concat!("// FIX", "ME"),
        concat!("#[ig", "nore] #[test] fn f() {}"),
    ] {
        proves(
            words::no_left_overs,
            "src/work/sender.rs",
            guilty,
            "// it is done",
        );
    }
}

#[test]
fn sees_silenced_dead_code() {
    for guilty in [
        concat!("#[allow(dead", "_code)] fn f() {}"),
        concat!("#![allow(unused_imports, dead", "_code)]"),
        concat!("#[expect(dead", "_code)] fn f() {}"),
    ] {
        proves(
            words::no_silenced_dead_code,
            "src/work/sender.rs",
            guilty,
            "fn f() {}",
        );
    }
}

#[test]
fn sees_a_test_module_that_ships() {
    proves(
        words::tests_are_gated,
        "src/work/mod.rs",
        "mod http_tests;",
        "#[cfg(test)]\nmod http_tests;\nmod sender;",
    );
}

#[test]
fn sees_a_vague_name() {
    proves(
        shape::no_vague_names,
        "src/work/sender.rs",
        "struct QueueManager;",
        "struct DataKey;",
    );
}

#[test]
fn sees_a_long_function_and_a_long_file() {
    let body = "    step();\n".repeat(80);
    let long = format!("fn f() {{\n{body}}}\n");
    let tested = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
    proves(shape::functions_fit, "src/work/sender.rs", &long, &tested);
    let tall = "const A: u8 = 1;\n".repeat(401);
    let tested = format!("#[cfg(test)]\nmod tests {{\n{tall}}}\n");
    proves(shape::files_fit, "src/work/sender.rs", &tall, &tested);
}

#[test]
fn sees_too_many_middling_functions() {
    let body = "    step();\n".repeat(45);
    let long = Source::parse("src/work/a.rs", &format!("fn f() {{\n{body}}}\n").repeat(2));
    let short = Source::parse("src/work/b.rs", &"fn f() {}\n".repeat(8));
    assert_eq!(shape::nine_in_ten(&[long]).len(), 1);
    report("short", &shape::nine_in_ten(&[short]));
}

#[test]
fn sees_missing_docs() {
    proves(
        shape::module_docs,
        "src/work/sender.rs",
        "use std::fmt;",
        "//! Sends.\nuse std::fmt;",
    );
    for guilty in [
        "pub fn f() {}",
        "pub struct S;",
        "impl S { pub fn f() {} }",
        "pub const N: u8 = 1;",
    ] {
        proves(
            shape::public_docs,
            "src/work/sender.rs",
            guilty,
            "/// Why.\npub fn f() {}\npub(crate) fn g() {}",
        );
    }
}
