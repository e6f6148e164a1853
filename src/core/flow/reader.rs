//! Reads typed values out of TOML tables and notes what is missing, of the
//! wrong type or unknown.
//!
//! Never stops at the first fault: a missing value reads as an empty one, and
//! the file is refused at the end because a fault was noted.

use super::fault::{Faults, nearest};
use super::words::Words;
use crate::core::lang::Lang;
use crate::core::plain_text;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A table of the file with its place.
#[derive(Clone)]
pub(super) struct Table<'a> {
    pub(super) entries: &'a DeTable<'a>,
    pub(super) span: Range<usize>,
    /// How faults name it.
    pub(super) name: String,
}

type Entry<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Table<'a> {
    pub(super) fn find(&self, key: &str) -> Option<Entry<'a>> {
        self.entries
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == key)
            .map(|(_, value)| value)
    }

    /// The text under a key as written, with its place, if it is one.
    pub(super) fn said(&self, key: &str) -> Option<(&'a str, Range<usize>)> {
        let entry = self.find(key)?;
        Some((entry.get_ref().as_str()?, entry.span()))
    }

    /// The texts of a list, with their places; what is none is passed over.
    pub(super) fn texts(&self, key: &str) -> Vec<(&'a str, Range<usize>)> {
        let entries = self.find(key).and_then(array_of).into_iter().flatten();
        entries
            .filter_map(|entry| Some((entry.get_ref().as_str()?, entry.span())))
            .collect()
    }

    /// The table under a key, if it is one.
    pub(super) fn table_at(&self, key: &str) -> Option<Table<'a>> {
        self.find(key).and_then(bare_table)
    }

    /// The tables of a list; what is none is passed over.
    pub(super) fn tables(&self, key: &str) -> Vec<Table<'a>> {
        let entries = self.find(key).and_then(array_of).into_iter().flatten();
        entries.filter_map(bare_table).collect()
    }

    /// Where a key's value stands, or the table if there is none.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        self.find(key)
            .map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Where a key's text in a language stands, or what comes nearest.
    pub(super) fn place_in(&self, key: &str, lang: Lang) -> Range<usize> {
        match self.table_at(key) {
            Some(texts) => texts.place(lang.code()),
            None => self.place(key),
        }
    }

    fn need(&self, key: &str, what: &str, faults: &mut Faults<'_>) -> Option<Entry<'a>> {
        let found = self.find(key);
        if found.is_none() {
            faults.note(
                &self.span,
                format!("{} has no \"{key}\": add {what}", self.name),
            );
        }
        found
    }

    /// Notes every key that is not in `known`.
    pub(super) fn only(&self, known: &[&str], faults: &mut Faults<'_>) {
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let near = nearest(name, known.iter().copied());
                faults.note(
                    &key.span(),
                    format!(
                        "{} knows no \"{name}\"{near}: remove or rename it",
                        self.name
                    ),
                );
            }
        }
    }

    /// A text that must be there and not be empty.
    pub(super) fn text(&self, key: &str, faults: &mut Faults<'_>) -> String {
        let Some(entry) = self.need(key, "a text", faults) else {
            return String::new();
        };
        text_of(entry, &format!("\"{key}\" of {}", self.name), faults)
    }

    /// A table that must be there.
    pub(super) fn table(&self, key: &str, faults: &mut Faults<'_>) -> Option<Table<'a>> {
        let entry = self.need(key, "a table", faults)?;
        table_of(entry, format!("[{key}]"), faults)
    }

    /// An array; absent reads as empty.
    pub(super) fn array(&self, key: &str, faults: &mut Faults<'_>) -> Vec<Entry<'a>> {
        let Some(entry) = self.find(key) else {
            return Vec::new();
        };
        match array_of(entry) {
            Some(array) => array.iter().collect(),
            None => {
                faults.note(
                    &entry.span(),
                    format!("\"{key}\" of {} must be a list", self.name),
                );
                Vec::new()
            }
        }
    }

    /// A whole number within a range; absent reads as none.
    pub(super) fn number(&self, key: &str, faults: &mut Faults<'_>) -> Option<u16> {
        let entry = self.find(key)?;
        let number = entry
            .get_ref()
            .as_integer()
            .and_then(|n| u16::from_str_radix(n.as_str(), n.radix()).ok());
        if number.is_none() {
            faults.note(
                &entry.span(),
                format!(
                    "\"{key}\" of {} must be a whole number from 0 to 65535",
                    self.name
                ),
            );
        }
        number
    }

    /// Texts in every one of `languages`.
    pub(super) fn words(&self, key: &str, languages: &[Lang], faults: &mut Faults<'_>) -> Words {
        let Some(entry) = self.need(key, "a text in each language", faults) else {
            return Words::default();
        };
        let name = format!("\"{key}\" of {}", self.name);
        match table_of(entry, name, faults) {
            Some(table) => words_of(&table, languages, &[], faults),
            None => Words::default(),
        }
    }

    /// Other words for a choice: lists by language, each optional.
    pub(super) fn also(
        &self,
        languages: &[Lang],
        faults: &mut Faults<'_>,
    ) -> BTreeMap<Lang, Vec<String>> {
        let Some(entry) = self.find("also") else {
            return BTreeMap::new();
        };
        let Some(table) = table_of(entry, format!("\"also\" of {}", self.name), faults) else {
            return BTreeMap::new();
        };
        let codes: Vec<&str> = languages.iter().map(|lang| lang.code()).collect();
        table.only(&codes, faults);
        languages
            .iter()
            .map(|lang| {
                let entries = table.array(lang.code(), faults);
                let texts = entries
                    .into_iter()
                    .map(|each| text_of(each, &table.name, faults))
                    .collect();
                (*lang, texts)
            })
            .collect()
    }
}

/// Texts in every language out of a table that may hold further keys.
pub(super) fn words_of(
    table: &Table<'_>,
    languages: &[Lang],
    further: &[&str],
    faults: &mut Faults<'_>,
) -> Words {
    let mut known: Vec<&str> = languages.iter().map(|lang| lang.code()).collect();
    known.extend(further);
    table.only(&known, faults);
    let texts = languages
        .iter()
        .map(|lang| (*lang, table.text(lang.code(), faults)))
        .collect();
    Words(texts)
}

/// A value as a text that is not empty.
pub(super) fn text_of(entry: Entry<'_>, name: &str, faults: &mut Faults<'_>) -> String {
    match entry.get_ref().as_str() {
        Some(text) if !text.trim().is_empty() => {
            if let Some(found) = plain_text::find_steering(text) {
                let code = u32::from(found);
                faults.note_within(
                    &entry.span(),
                    found.encode_utf8(&mut [0; 4]),
                    format!("{name} holds the invisible character U+{code:04X}: take it out"),
                );
            }
            text.trim().replace("\r\n", "\n")
        }
        Some(_) => {
            faults.note(&entry.span(), format!("{name} is empty: write the text"));
            String::new()
        }
        None => {
            faults.note(&entry.span(), format!("{name} must be a text in quotes"));
            String::new()
        }
    }
}

/// A value as a table.
pub(super) fn table_of<'a>(
    entry: Entry<'a>,
    name: String,
    faults: &mut Faults<'_>,
) -> Option<Table<'a>> {
    let Some(entries) = entry.get_ref().as_table() else {
        faults.note(&entry.span(), format!("{name} must be a table"));
        return None;
    };
    Some(Table {
        entries,
        span: entry.span(),
        name,
    })
}

/// As [`table_of`], for what was read before and whose faults are told.
fn bare_table<'a>(entry: Entry<'a>) -> Option<Table<'a>> {
    let entries = entry.get_ref().as_table()?;
    Some(Table {
        entries,
        span: entry.span(),
        name: String::new(),
    })
}

fn array_of<'a>(entry: Entry<'a>) -> Option<&'a DeArray<'a>> {
    entry.get_ref().as_array()
}
