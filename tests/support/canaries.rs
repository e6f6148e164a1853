//! Looks for planted words in bytes, however they are dressed up.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Bytes by which a place worth a closer look is recognised.
const PREFIX: usize = 4;

/// The words to look for, in every form.
pub struct Canaries {
    by_prefix: BTreeMap<[u8; PREFIX], Vec<Needle>>,
}

struct Needle {
    bytes: Vec<u8>,
    word: String,
    form: &'static str,
}

impl Canaries {
    /// These words, as they are, in hexadecimal, in base 64 and in UTF-16.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let mut by_prefix: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for word in words {
            for (form, bytes) in forms(word) {
                let prefix: [u8; PREFIX] = bytes[..PREFIX].try_into().unwrap();
                let word = word.to_owned();
                by_prefix
                    .entry(prefix)
                    .or_default()
                    .push(Needle { bytes, word, form });
            }
        }
        Self { by_prefix }
    }

    /// What is in the bytes, by word and form.
    pub fn find(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for (place, window) in bytes.windows(PREFIX).enumerate() {
            let Some(needles) = self.by_prefix.get(window) else {
                continue;
            };
            let here = needles
                .iter()
                .filter(|needle| bytes[place..].starts_with(&needle.bytes));
            found.extend(here.map(|needle| format!("{:?} ({})", needle.word, needle.form)));
        }
        found.sort();
        found.dedup();
        found
    }

    /// Every file under a folder, and its name; gives how many bytes were
    /// looked at. Space held back is all zeros and passed over.
    pub fn search(&self, folder: &Path) -> (usize, Vec<String>) {
        let (mut looked_at, mut found) = (0, Vec::new());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.display().to_string();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let in_name = self.find(name.as_bytes());
            found.extend(
                in_name
                    .into_iter()
                    .map(|what| format!("the name of {shown}: {what}")),
            );
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            if kind.is_dir() {
                let (deeper, more) = self.search(&path);
                looked_at += deeper;
                found.extend(more);
            } else if kind.is_file() {
                // A file may be gone between the look and the reading.
                let bytes = fs::read(&path).unwrap_or_default();
                if bytes.iter().any(|byte| *byte != 0) {
                    looked_at += bytes.len();
                    found.extend(
                        self.find(&bytes)
                            .into_iter()
                            .map(|what| format!("{shown}: {what}")),
                    );
                }
            }
        }
        (looked_at, found)
    }
}

/// A word in every form a leak could have.
pub fn forms(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |to: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    let mut forms = vec![
        ("as it is", word.as_bytes().to_vec()),
        ("hexadecimal", hex::encode(word).into_bytes()),
        ("HEXADECIMAL", hex::encode_upper(word).into_bytes()),
        ("UTF-16 LE", utf16(u16::to_le_bytes)),
        ("UTF-16 BE", utf16(u16::to_be_bytes)),
    ];
    // Base 64 looks different at each of three offsets; what its neighbours
    // would change is cut off at both ends.
    for offset in 0..3 {
        let padded = [&b"xxx"[..offset], word.as_bytes()].concat();
        for (form, engine) in [
            ("base 64", STANDARD_NO_PAD),
            ("base 64 for URLs", URL_SAFE_NO_PAD),
        ] {
            let text = engine.encode(&padded);
            let first = if offset == 0 { 0 } else { offset + 1 };
            let last = padded.len() * 8 / 6;
            forms.push((form, text.as_bytes()[first..last].to_vec()));
        }
    }
    forms
}
