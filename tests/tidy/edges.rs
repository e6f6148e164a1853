//! Who may use whom: the arrows of ARCHITECTURE.md as a table.

use super::source::{Fault, Named, Source};

/// A room, and the rooms (or single modules of a room) it may name.
const MAY_USE: [(&str, &[&str]); 22] = [
    ("main", &["cli"]),
    ("cli", &["app", "ops", "config", "ports", "core", "durable"]),
    (
        "app",
        &[
            "ops",
            "config",
            "web",
            "work",
            "whatsapp",
            "device",
            "tpm",
            "export",
            "relay",
            "simulator",
            "store",
            "keys",
            "ports",
            "core",
            "durable",
        ],
    ),
    (
        "ops",
        &[
            "config", "export", "whatsapp", "device", "tpm", "store", "keys", "ports", "core",
            "durable",
        ],
    ),
    ("config", &["core"]),
    (
        "web",
        &[
            "work::line",
            "work::poll::Pulse",
            "work::taking",
            "whatsapp::cloud",
            "whatsapp::ultramsg",
            "export",
            "store",
            "keys",
            "ports",
            "core",
        ],
    ),
    (
        "work",
        &["export", "store", "keys", "ports", "core", "durable"],
    ),
    ("whatsapp", &["ports", "core"]),
    ("device", &["ports", "core", "durable"]),
    ("export", &["core", "durable"]),
    ("relay", &["ports", "core"]),
    (
        "simulator",
        &[
            "whatsapp::cloud::wire",
            "whatsapp::cloud::signature",
            "ports",
            "core",
        ],
    ),
    ("store", &["ports", "core", "durable"]),
    ("keys", &["ports", "core", "durable"]),
    ("tpm", &["keys::derive", "keys::wrap", "ports", "core"]),
    ("ports", &["core"]),
    ("core", &[]),
    ("durable", &[]),
    // The root of the library only lists the rooms.
    ("lib", &[]),
    // The stand-in for Meta as a process of its own.
    ("bin", &["simulator", "device", "ports", "core"]),
    // Tests and benches reach everything; they are not walked for edges.
    ("tests", &[]),
    ("benches", &[]),
];

/// Crates and modules that would let the world into the pure heart.
const NOT_IN_CORE: [&str; 24] = [
    "tokio",
    "tokio_util",
    "rusqlite",
    "rusqlite_migration",
    "reqwest",
    "axum",
    "axum_server",
    "rustix",
    "rustls",
    "getrandom",
    "rand",
    "rand_chacha",
    "tracing",
    "sd_notify",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io",
    "std::time::SystemTime",
    "std::time::Instant",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];

fn begins(parts: &[String], prefix: &str) -> bool {
    let wanted: Vec<&str> = prefix.split("::").collect();
    parts.len() >= wanted.len() && wanted.iter().zip(parts).all(|(a, b)| a == b)
}

/// The path from the crate's root, when it leads there.
fn from_root(source: &Source, named: &Named) -> Option<Vec<String>> {
    let mut rest = named.parts.iter().peekable();
    let first = rest.peek()?.as_str();
    if first == "crate" || first == "healthpost" {
        rest.next();
        return Some(rest.cloned().collect());
    }
    let mut supers = 0;
    while rest.next_if(|it| *it == "super").is_some() {
        supers += 1;
    }
    (supers > 0 && supers >= source.depth()).then(|| rest.cloned().collect())
}

/// No room names a room that the table does not give it.
pub fn between_rooms(source: &Source) -> Vec<Fault> {
    let room = source.room();
    let allowed = MAY_USE.iter().find(|(name, _)| *name == room);
    let mut faults = Vec::new();
    for named in source.named() {
        let Some(path) = from_root(source, &named) else {
            continue;
        };
        let Some(target) = path.first() else {
            continue;
        };
        let known = MAY_USE.iter().any(|(name, _)| name == target);
        // A macro or an item at the crate's root is no room.
        if target == room || (!known && allowed.is_some()) {
            continue;
        }
        let fine = allowed.is_some_and(|(_, list)| list.iter().any(|it| begins(&path, it)));
        if !fine {
            faults.push(source.fault(
                named.line,
                format!("`{room}` may not use `{}`", path.join("::")),
            ));
        }
    }
    faults
}

/// `core` names no runtime, database, network, file, environment, clock or
/// randomness.
pub fn core_is_pure(source: &Source) -> Vec<Fault> {
    if source.room() != "core" {
        return Vec::new();
    }
    source
        .named()
        .into_iter()
        .filter(|named| NOT_IN_CORE.iter().any(|it| begins(&named.parts, it)))
        .map(|named| {
            source.fault(
                named.line,
                format!("core names `{}`", named.parts.join("::")),
            )
        })
        .collect()
}
