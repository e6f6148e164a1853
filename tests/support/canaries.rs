//! Looks for planted words and keys in bytes, however they are dressed up: in
//! hexadecimal, base 64, UTF-16, and in what is compressed, at any place.

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fs;
use std::io::Read;
use std::path::Path;

/// Most bytes that one compressed piece is followed to.
const UNPACKED_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Compressed pieces inside compressed pieces that are followed.
const DEPTH_MAX: u32 = 3;
/// A piece of a file that is searched at once, and what it shares with the next.
const PIECE: usize = 32 * 1024 * 1024;
const OVERLAP: usize = 64 * 1024;

/// The words to look for, in every form.
pub struct Canaries {
    automaton: AhoCorasick,
    needles: Vec<(String, &'static str)>,
}

impl Canaries {
    /// These words, in every form.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self::with_keys(words, &[])
    }

    /// The same, and keys that are bytes and no words, under a name each.
    pub fn with_keys<'a>(
        words: impl IntoIterator<Item = &'a str>,
        keys: &[(&str, Vec<u8>)],
    ) -> Self {
        let mut needles = Vec::new();
        let mut patterns = Vec::new();
        for word in words {
            for (form, bytes) in forms(word) {
                needles.push((word.to_owned(), form));
                patterns.push(bytes);
            }
        }
        for (name, key) in keys {
            for (form, bytes) in forms_of(key) {
                needles.push(((*name).to_owned(), form));
                patterns.push(bytes);
            }
        }
        let automaton = AhoCorasick::new(&patterns).unwrap();
        Self { automaton, needles }
    }

    /// What is in the bytes, by word and form.
    pub fn find(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = self.deep(bytes, 0);
        found.sort();
        found.dedup();
        found
    }

    fn deep(&self, bytes: &[u8], depth: u32) -> Vec<String> {
        let mut found = Vec::new();
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let (word, form) = &self.needles[hit.pattern().as_usize()];
            found.push(format!("{word:?} ({form})"));
        }
        if depth == DEPTH_MAX {
            return found;
        }
        for (packed, inside) in unpacked(bytes) {
            let inner = self.deep(&inside, depth + 1);
            found.extend(inner.into_iter().map(|what| format!("{what} in {packed}")));
        }
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
            // A file may be gone between the look and the reading.
            let Ok(facts) = fs::symlink_metadata(&path) else {
                continue;
            };
            if facts.is_dir() {
                let (deeper, more) = self.search(&path);
                looked_at += deeper;
                found.extend(more);
            } else if facts.is_file() {
                let (read, more) = self.search_file(&path);
                looked_at += read;
                found.extend(more.into_iter().map(|what| format!("{shown}: {what}")));
            }
        }
        (looked_at, found)
    }

    /// One file, or what is behind `/proc/…/fd/…`.
    pub fn search_file(&self, path: &Path) -> (usize, Vec<String>) {
        let Ok(mut file) = fs::File::open(path) else {
            return (0, Vec::new());
        };
        let (mut looked_at, mut found) = (0, Vec::new());
        let mut bytes = Vec::new();
        loop {
            let kept = bytes.len().saturating_sub(OVERLAP);
            bytes.drain(..kept);
            let before = bytes.len();
            let piece = file.by_ref().take(PIECE as u64).read_to_end(&mut bytes);
            if piece.unwrap_or(0) == 0 {
                break;
            }
            if bytes[before..].iter().any(|byte| *byte != 0) {
                looked_at += bytes.len() - before;
                found.extend(self.find(&bytes));
            }
        }
        (looked_at, found)
    }
}

/// What begins like something compressed anywhere in the bytes, as far as it
/// unpacks.
fn unpacked(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut found = Vec::new();
    for (place, window) in bytes.windows(4).enumerate() {
        let rest = &bytes[place..];
        let (form, inside) = match window {
            [0x28, 0xB5, 0x2F, 0xFD] => match ruzstd::decoding::StreamingDecoder::new(rest) {
                Ok(unpacking) => ("zstd", read(unpacking)),
                Err(_) => continue,
            },
            [0x1F, 0x8B, 8, _] => ("gzip", read(flate2::read::GzDecoder::new(rest))),
            [0x78, 0x01 | 0x5E | 0x9C | 0xDA, ..] => {
                ("zlib", read(flate2::read::ZlibDecoder::new(rest)))
            }
            // A file in a ZIP archive: its own head, then bare deflate.
            [b'P', b'K', 3, 4] => ("ZIP", zipped(rest).unwrap_or_default()),
            _ => continue,
        };
        if !inside.is_empty() {
            found.push((form, inside));
        }
    }
    found
}

fn zipped(local: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| Some(u16::from_le_bytes(local.get(at..at + 2)?.try_into().ok()?));
    let data = 30 + usize::from(number(26)?) + usize::from(number(28)?);
    let data = local.get(data..)?;
    Some(read(flate2::read::DeflateDecoder::new(data)))
}

/// Also what came before something that does not unpack.
fn read(from: impl Read) -> Vec<u8> {
    let mut inside = Vec::new();
    from.take(UNPACKED_BYTES_MAX).read_to_end(&mut inside).ok();
    inside
}

/// A word in every form a leak could have.
pub fn forms(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |to: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(to).collect::<Vec<u8>>();
    let mut forms = forms_of(word.as_bytes());
    forms.push(("UTF-16 LE", utf16(u16::to_le_bytes)));
    forms.push(("UTF-16 BE", utf16(u16::to_be_bytes)));
    forms
}

/// Bytes in every form that needs no letters.
pub fn forms_of(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("as it is", bytes.to_vec()),
        ("hexadecimal", hex::encode(bytes).into_bytes()),
        ("HEXADECIMAL", hex::encode_upper(bytes).into_bytes()),
    ];
    // Base 64 looks different at each of three offsets; what its neighbours
    // would change is cut off at both ends.
    for offset in 0..3 {
        let padded = [&b"xxx"[..offset], bytes].concat();
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
