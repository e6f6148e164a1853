//! The few files simulated phones send: real formats, invented contents. The
//! store must stay small: old files make room.

use super::chance::Dice;
use super::inbound::Attached;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// Files kept for download.
const FILES_MAX: usize = 1_000;

/// A PNG of one grey pixel.
const PHOTO: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0x68, 0, 0, 0, 0x82, 0, 0x81, 0xdd, 0x43, 0x6a, 0xf4, 0, 0, 0, 0, b'I', b'E',
    b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// Which files can be asked for.
#[derive(Clone, Debug, Default)]
pub struct Media(VecDeque<(String, &'static str)>);

impl Media {
    /// Makes a file of this type available.
    pub fn attach(&mut self, mime: &'static str, dice: &mut Dice) -> Attached {
        let id = dice.digits(16);
        self.0.push_back((id.clone(), mime));
        while self.0.len() > FILES_MAX {
            self.0.pop_front();
        }
        Attached {
            id,
            mime,
            sha256: STANDARD.encode(Sha256::digest(bytes(mime))),
        }
    }

    /// The file's type and bytes.
    pub fn find(&self, id: &str) -> Option<(&'static str, &'static [u8])> {
        let (_, mime) = self.0.iter().find(|(known, _)| known == id)?;
        Some((mime, bytes(mime)))
    }

    /// What the Graph endpoint says of it.
    pub fn describe(&self, id: &str, base_url: &str) -> Option<Value> {
        let (mime, bytes) = self.find(id)?;
        Some(json!({
            "messaging_product": "whatsapp",
            "url": format!("{base_url}/whatsapp_business/attachments/{id}"),
            "mime_type": mime,
            "sha256": hex::encode(Sha256::digest(bytes)),
            "file_size": bytes.len(),
            "id": id,
        }))
    }
}

fn bytes(mime: &str) -> &'static [u8] {
    match mime {
        "image/png" => PHOTO,
        "application/pdf" => b"%PDF-1.4\n%%EOF\n",
        "image/webp" => b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0",
        _ => b"OggS\0\x02simulated voice note",
    }
}
