//! The files simulated phones send: real formats, invented contents, and the
//! ways in which fetching them goes wrong. The store must stay small: old files
//! make room.

use super::chance::Dice;
use super::inbound::Attached;
use crate::core::time::{MINUTE_MS, UnixMs};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// Files kept for download.
const FILES_MAX: usize = 1_000;
/// Largest file a phone can send here, bytes.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A PNG of one grey pixel.
const PHOTO: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, b'I', b'E',
    b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// How files are handed out; by the book at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileManner {
    /// Size of the files phones send from now on, bytes; their own otherwise.
    pub bytes: Option<usize>,
    /// Type of the files phones send from now on; their own otherwise.
    pub mime: Option<String>,
    /// How long an address is good, ms.
    pub link_ms: i64,
    /// The digest that is told is of something else.
    pub wrong_digest: bool,
    /// The connection breaks after so many bytes of each answer.
    pub cut_after: Option<usize>,
    /// A request for the rest is answered with the whole.
    pub no_ranges: bool,
    /// Pause before each piece of 16 KiB, ms.
    pub piece_ms: u64,
    /// Where the bytes are said to lie, in place of this server.
    pub place: Option<String>,
    /// Where a request for the bytes is sent on to.
    pub redirect: Option<String>,
    /// No file is known any more.
    pub gone: bool,
}

impl Default for FileManner {
    fn default() -> Self {
        Self {
            bytes: None,
            mime: None,
            link_ms: 5 * MINUTE_MS,
            wrong_digest: false,
            cut_after: None,
            no_ranges: false,
            piece_ms: 0,
            place: None,
            redirect: None,
            gone: false,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct File {
    id: String,
    mime: String,
    bytes: Option<usize>,
}

impl File {
    fn content(&self) -> Vec<u8> {
        let head = head(&self.mime);
        let Some(size) = self.bytes else {
            return head.to_vec();
        };
        // Bytes that no compression and no repetition makes smaller.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let noise = std::iter::repeat_with(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        head.iter()
            .copied()
            .chain(noise.flatten())
            .take(size)
            .collect()
    }

    fn digest(&self, manner: &FileManner) -> [u8; 32] {
        let mut content = self.content();
        if manner.wrong_digest {
            content.push(b'x');
        }
        Sha256::digest(&content).into()
    }
}

/// Which files can be asked for.
#[derive(Clone, Debug, Default)]
pub struct Media {
    pub(super) files: VecDeque<File>,
    pub(super) manner: FileManner,
}

/// What a request for a file's bytes is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Download {
    /// The bytes, or the rest of them.
    Bytes {
        /// Their type.
        mime: String,
        /// From where on; 0 is the whole.
        from: usize,
        /// Whether the answer is marked as a part.
        part: bool,
        /// All bytes of the file.
        content: Vec<u8>,
    },
    /// Elsewhere.
    Redirect(String),
    /// The address is no longer good, or never was.
    Missing,
}

impl Media {
    /// Makes a file of this type available.
    pub fn attach(&mut self, mime: &'static str, dice: &mut Dice) -> Attached {
        let file = File {
            id: dice.digits(16),
            mime: self.manner.mime.clone().unwrap_or_else(|| mime.to_owned()),
            bytes: self.manner.bytes.map(|bytes| bytes.min(FILE_BYTES_MAX)),
        };
        let attached = Attached {
            id: file.id.clone(),
            mime: file.mime.clone(),
            sha256: STANDARD.encode(file.digest(&self.manner)),
        };
        self.files.push_back(file);
        while self.files.len() > FILES_MAX {
            self.files.pop_front();
        }
        attached
    }

    fn find(&self, id: &str) -> Option<&File> {
        let known = self.files.iter().find(|file| file.id == id);
        known.filter(|_| !self.manner.gone)
    }

    /// What the Graph endpoint says of it.
    pub fn describe(&self, id: &str, base_url: &str, now: UnixMs) -> Option<Value> {
        let file = self.find(id)?;
        let until = now.plus_ms(self.manner.link_ms).0;
        let place = self.manner.place.as_deref().unwrap_or(base_url);
        Some(json!({
            "messaging_product": "whatsapp",
            "url": format!("{place}/whatsapp_business/attachments/{id}?ext={until}"),
            "mime_type": file.mime,
            "sha256": hex::encode(file.digest(&self.manner)),
            "file_size": file.content().len(),
            "id": id,
        }))
    }

    /// The bytes from `from` on, at an address that is good until `until`.
    pub fn download(&self, id: &str, until: i64, from: usize, now: UnixMs) -> Download {
        if let Some(place) = &self.manner.redirect {
            return Download::Redirect(place.clone());
        }
        let Some(file) = self.find(id).filter(|_| now.0 < until) else {
            return Download::Missing;
        };
        let part = from > 0 && !self.manner.no_ranges;
        Download::Bytes {
            mime: file.mime.clone(),
            from: if part { from } else { 0 },
            part,
            content: file.content(),
        }
    }
}

fn head(mime: &str) -> &'static [u8] {
    match mime {
        "image/png" => PHOTO,
        "application/pdf" => b"%PDF-1.4\n%%EOF\n",
        "image/webp" => b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0",
        _ => b"OggS\0\x02simulated voice note",
    }
}

#[cfg(test)]
mod tests {
    use super::PHOTO;

    /// The checksum of a PNG's parts.
    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
            })
        })
    }

    #[test]
    fn the_photo_is_a_sound_png() {
        let mut rest = PHOTO.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap();
        let mut kinds = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
            let (part, after) = after.split_at(4 + length);
            let (told, after) = after.split_first_chunk::<4>().unwrap();
            assert_eq!(u32::from_be_bytes(*told), crc(part));
            kinds.push(String::from_utf8_lossy(part.get(..4).unwrap()).into_owned());
            rest = after;
        }
        assert_eq!(kinds, ["IHDR", "IDAT", "IEND"]);
    }
}
