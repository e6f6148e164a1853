//! Walks a parsed TOML document key by key and gathers every fault on the way,
//! each with its line. It must never stop at the first fault, and never echo a
//! value.

use super::fault::{ConfigFault, Wrong};
use std::collections::BTreeSet;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How alike two names must be (Jaro-Winkler, 0 to 1) to suggest one for the other.
const ALIKE: f64 = 0.8;

/// Reads one document.
pub(super) struct Reader<'s> {
    file: &'s Path,
    source: &'s str,
    root: &'s DeTable<'s>,
    /// Lines that did not parse: what is found there is not reported twice.
    broken_lines: BTreeSet<usize>,
    /// Written by a later program: unknown keys are warnings.
    pub(super) newer: bool,
    pub(super) faults: Vec<ConfigFault>,
    pub(super) warnings: Vec<ConfigFault>,
}

/// One `[section]`, or the top of the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'s> {
    name: &'static str,
    table: Option<&'s DeTable<'s>>,
    line: usize,
}

impl Section<'_> {
    fn full_key(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }
}

impl<'s> Reader<'s> {
    /// A reader over a document and what did not parse in it.
    pub(super) fn new(
        file: &'s Path,
        source: &'s str,
        root: &'s DeTable<'s>,
        syntax: &[toml::de::Error],
    ) -> Self {
        let mut reader = Self {
            file,
            source,
            root,
            broken_lines: BTreeSet::new(),
            newer: false,
            faults: Vec::new(),
            warnings: Vec::new(),
        };
        for error in syntax {
            let line = error.span().map_or(0, |span| reader.line_of(span.start));
            // The parser reports one slip several times over; one a line is enough.
            if reader.broken_lines.insert(line) {
                let wrong = Wrong::new(
                    format!("not valid TOML: {}", one_line(error.message())),
                    "correct this line",
                );
                reader.push(line, String::new(), wrong);
            }
        }
        reader
    }

    /// The line (from 1) of a byte offset.
    fn line_of(&self, offset: usize) -> usize {
        let before = self.source.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    fn told(&self, line: usize, key: String, wrong: Wrong) -> ConfigFault {
        ConfigFault {
            file: self.file.to_owned(),
            line,
            key,
            what: wrong.what,
            remedy: wrong.remedy,
        }
    }

    fn push(&mut self, line: usize, key: String, wrong: Wrong) {
        let fault = self.told(line, key, wrong);
        self.faults.push(fault);
    }

    /// The key's own line where it has one, else its section's.
    fn line_at(&self, section: &Section<'s>, key: &str) -> usize {
        let value = section.table.and_then(|table| table.get(key));
        value.map_or(section.line, |value| self.line_of(value.span().start))
    }

    /// Notes a fault at `key` of `section`.
    pub(super) fn fault(&mut self, section: &Section<'s>, key: &str, wrong: Wrong) {
        self.push(self.line_at(section, key), section.full_key(key), wrong);
    }

    /// Notes what is odd at `key` of `section`, and yet no fault.
    pub(super) fn warn(&mut self, section: &Section<'s>, key: &str, wrong: Wrong) {
        let line = self.line_at(section, key);
        let odd = self.told(line, section.full_key(key), wrong);
        self.warnings.push(odd);
    }

    /// The top of the file.
    pub(super) fn top(&self) -> Section<'s> {
        Section {
            name: "",
            table: Some(self.root),
            line: 1,
        }
    }

    /// A section; one that is not in the file reads as empty.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'s> {
        let mut parent = self.root;
        let mut found = None;
        for part in name.split('.') {
            found = parent.get_key_value(part);
            match found.and_then(|(_, value)| value.get_ref().as_table()) {
                Some(table) => parent = table,
                None => break,
            }
        }
        let Some((key, value)) = found else {
            return Section {
                name,
                table: None,
                line: 1,
            };
        };
        let line = self.line_of(key.span().start);
        let table = value.get_ref().as_table();
        let told = self.faults.iter().any(|fault| fault.key == name);
        if table.is_none() && !told && !self.broken_lines.contains(&line) {
            let wrong = Wrong::new(
                format!("is a {}, not a section", value.get_ref().type_str()),
                format!("write it as [{name}]"),
            );
            self.push(line, name.to_owned(), wrong);
        }
        Section { name, table, line }
    }

    /// Every key of a section with its line.
    pub(super) fn keys(&self, section: &Section<'s>) -> Vec<String> {
        let table = section.table.into_iter().flatten();
        table.map(|(key, _)| key.get_ref().to_string()).collect()
    }

    /// The value of a key, if it is there and right; a wrong one is noted.
    pub(super) fn value<T>(
        &mut self,
        section: &Section<'s>,
        key: &str,
        read: impl FnOnce(&DeValue<'s>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value: &Spanned<DeValue<'s>> = section.table?.get(key)?;
        let line = self.line_of(value.span().start);
        if self.broken_lines.contains(&line) {
            return None;
        }
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(wrong) => {
                self.push(line, section.full_key(key), wrong);
                None
            }
        }
    }

    /// The value of a key that has no default. What stands in for a missing
    /// one never leaves `Config::parse`, because the fault does.
    pub(super) fn required<T: Default>(
        &mut self,
        section: &Section<'s>,
        key: &str,
        example: &str,
        read: impl FnOnce(&DeValue<'s>) -> Result<T, Wrong>,
    ) -> T {
        let there = section.table.is_some_and(|table| table.contains_key(key));
        // A key on a line that did not parse is not missing.
        if !there && self.broken_lines.is_empty() {
            let place = if section.table.is_some() {
                format!("under [{}] write {key} = {example}", section.name)
            } else {
                format!("add a section [{}] with {key} = {example}", section.name)
            };
            let wrong = Wrong::new("is missing", place);
            self.push(section.line, section.full_key(key), wrong);
        }
        self.value(section, key, read).unwrap_or_default()
    }

    /// Names every key of a section that is not `known`.
    pub(super) fn known(&mut self, section: &Section<'s>, known: &[&str], all: &[(&str, &[&str])]) {
        for (key, _) in section.table.into_iter().flatten() {
            let name = key.get_ref().as_ref();
            let line = self.line_of(key.span().start);
            if known.contains(&name) || self.broken_lines.contains(&line) {
                continue;
            }
            let wrong = unknown_key(section.name, name, known, all);
            let secret = looks_secret(name);
            let fault = self.told(line, section.full_key(name), wrong);
            if self.newer && !secret {
                self.warnings.push(fault);
            } else {
                self.faults.push(fault);
            }
        }
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unknown_key(section: &str, name: &str, known: &[&str], all: &[(&str, &[&str])]) -> Wrong {
    if looks_secret(name) {
        let place = if section.is_empty() {
            "NAME".to_owned()
        } else {
            format!("{section}.{name}")
        };
        return Wrong::new(
            "secrets never stand in this file",
            format!(
                "take the line out and put the value in with `healthpost secret set {place}` \
                 (`healthpost secret list` names them all)"
            ),
        );
    }
    if let Some((home, _)) = all.iter().find(|(_, keys)| keys.contains(&name)) {
        let place = if home.is_empty() {
            "at the top of the file, before the first section".to_owned()
        } else {
            format!("under [{home}]")
        };
        return Wrong::new("does not belong here", format!("move it {place}"));
    }
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(candidate, name), *candidate))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let remedy = match nearest {
        Some((_, candidate)) => format!("did you mean {candidate}?"),
        None if known.is_empty() => "take it out".to_owned(),
        None => format!("take it out; known here are {}", known.join(", ")),
    };
    Wrong::new("is no known key", remedy)
}

/// Whether a key's name says that its value would be a secret.
fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = [
        "token",
        "secret",
        "password",
        "passphrase",
        "passwd",
        "credential",
        "api_key",
        "apikey",
        "private_key",
    ];
    words.iter().any(|word| name.contains(word)) || name == "pin" || name.ends_with("_pin")
}
