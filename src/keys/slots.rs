//! `keyslots.json`: the data key, wrapped once for each way of opening it.
//!
//! Nothing in it is secret in clear. Slots of a kind this program does not
//! know are kept word for word.

use crate::core::data_key::DataKey;
use crate::durable;
use crate::keys::derive::{self, Cost};
use crate::keys::recovery::RecoveryKey;
use crate::keys::wrap::{self, Wrapped};
use crate::ports::Chance;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::path::Path;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The slots' file in the data folder.
pub const FILE: &str = "keyslots.json";
/// The format this program writes and the newest it reads.
const VERSION: u32 = 1;
/// Largest file read, bytes.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Why the key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no slots file.
    #[error("there is no keyslots.json in the data folder: run healthpost init first")]
    Missing,
    /// The file does not read as what it should be.
    #[error("keyslots.json is damaged: put back the copy keyslots.json.old or the one of a backup")]
    Damaged,
    /// A single slot does not hold together.
    #[error("the {0} slot in keyslots.json is damaged: open with another key")]
    DamagedSlot(&'static str),
    /// The file was written by a newer program.
    #[error("keyslots.json has format {0}, this program reads format 1: install the newer version")]
    Newer(u32),
    /// No slot of that kind is there.
    #[error("keyslots.json has no {0} slot")]
    NoSuchSlot(&'static str),
    /// No slot opens with it.
    #[error("the {0} is wrong")]
    Wrong(&'static str),
    /// The disk did not do its part.
    #[error("keyslots.json could not be read or written")]
    Io(#[source] std::io::Error),
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    slots: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Head {
    kind: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    id: String,
    kind: String,
    /// Absent where the secret needs no costly derivation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Cost>,
    salt: String,
    nonce: String,
    wrapped: String,
    /// Tells damage from a wrong secret: SHA-256 of the rest, cut.
    check: String,
}

const PASSPHRASE: &str = "passphrase";
const RECOVERY: &str = "recovery key";
const RECOVERY_KIND: &str = "recovery";

/// The slots of one data folder.
#[derive(Debug)]
pub struct SlotsFile {
    slots: Vec<Box<RawValue>>,
}

/// Draws a data key and a recovery key, and wraps the first for the passphrase
/// and the second. Takes a derivation's time: not for a runtime's thread.
///
/// # Errors
/// Never with the costs built in, unless the machine has no memory.
pub fn create(
    passphrase: &str,
    chance: &dyn Chance,
) -> Result<(SlotsFile, DataKey, RecoveryKey), Error> {
    create_with(derive::SLOT, passphrase, chance)
}

fn create_with(
    cost: Cost,
    passphrase: &str,
    chance: &dyn Chance,
) -> Result<(SlotsFile, DataKey, RecoveryKey), Error> {
    let mut random = [0; 32];
    chance.fill(&mut random);
    let key = DataKey::take(&mut random);
    let recovery = RecoveryKey::draw(chance);
    let mut file = SlotsFile { slots: Vec::new() };
    file.add_with(cost, passphrase, &key, chance)?;
    let salt = draw_salt(chance);
    let kek = wrap::expand(recovery.expose(), &salt);
    file.push(RECOVERY_KIND, None, &salt, &kek, &key, chance)?;
    Ok((file, key, recovery))
}

impl SlotsFile {
    /// Reads the file's bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Newer`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(Error::Damaged);
        }
        let version: VersionOnly = serde_json::from_slice(bytes).map_err(|_| Error::Damaged)?;
        if version.version > VERSION {
            return Err(Error::Newer(version.version));
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|_| Error::Damaged)?;
        if document.version != VERSION || document.slots.is_empty() {
            return Err(Error::Damaged);
        }
        Ok(Self {
            slots: document.slots,
        })
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a slot cannot be written, which would be a bug.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let document = Document {
            version: VERSION,
            slots: self.slots.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&document).map_err(|_| Error::Damaged)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads the slots of a data folder.
    ///
    /// # Errors
    /// [`Error::Missing`], or as [`SlotsFile::parse`].
    pub fn load(folder: &Path) -> Result<Self, Error> {
        match std::fs::read(folder.join(FILE)) {
            Ok(bytes) => Self::parse(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::Missing),
            Err(error) => Err(Error::Io(error)),
        }
    }

    /// Replaces the slots of a data folder in one step; the former file stays
    /// as `keyslots.json.old`.
    ///
    /// # Errors
    /// [`Error::Io`]; the former file then still stands.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        durable::write_keeping_old(&folder.join(FILE), &self.to_bytes()?).map_err(Error::Io)
    }

    /// The kinds of the slots, in order, those this program cannot open too.
    pub fn kinds(&self) -> Vec<String> {
        self.slots.iter().filter_map(|raw| kind_of(raw)).collect()
    }

    /// Opens with a passphrase. Takes a derivation's time for each slot of the
    /// kind: not for a runtime's thread.
    ///
    /// # Errors
    /// [`Error::Wrong`], [`Error::NoSuchSlot`] or [`Error::DamagedSlot`].
    pub fn open_with_passphrase(&self, passphrase: &str) -> Result<DataKey, Error> {
        let secret = normalised(passphrase);
        self.open(PASSPHRASE, PASSPHRASE, |slot, salt| {
            derive::derive(slot.argon2id?, secret.as_bytes(), salt).ok()
        })
    }

    /// Opens with the recovery key.
    ///
    /// # Errors
    /// As [`SlotsFile::open_with_passphrase`].
    pub fn open_with_recovery(&self, recovery: &RecoveryKey) -> Result<DataKey, Error> {
        self.open(RECOVERY_KIND, RECOVERY, |slot, salt| {
            let plain = slot.argon2id.is_none();
            plain.then(|| wrap::expand(recovery.expose(), salt))
        })
    }

    /// Adds a slot for a further passphrase.
    ///
    /// # Errors
    /// As [`create`].
    pub fn add_passphrase(
        &mut self,
        passphrase: &str,
        key: &DataKey,
        chance: &dyn Chance,
    ) -> Result<(), Error> {
        self.add_with(derive::SLOT, passphrase, key, chance)
    }

    fn add_with(
        &mut self,
        cost: Cost,
        passphrase: &str,
        key: &DataKey,
        chance: &dyn Chance,
    ) -> Result<(), Error> {
        let salt = draw_salt(chance);
        let secret = normalised(passphrase);
        let kek = derive::derive(cost, secret.as_bytes(), &salt).map_err(|_| Error::Damaged)?;
        self.push(PASSPHRASE, Some(cost), &salt, &kek, key, chance)
    }

    fn push(
        &mut self,
        kind: &str,
        cost: Option<Cost>,
        salt: &[u8; 16],
        kek: &[u8; 32],
        key: &DataKey,
        chance: &dyn Chance,
    ) -> Result<(), Error> {
        let mut id = [0; 8];
        chance.fill(&mut id);
        let mut slot = Slot {
            id: hex::encode(id),
            kind: kind.to_owned(),
            argon2id: cost,
            salt: hex::encode(salt),
            nonce: String::new(),
            wrapped: String::new(),
            check: String::new(),
        };
        let sealed = wrap::wrap(kek, key, &slot.bound(), chance).ok_or(Error::Damaged)?;
        (slot.nonce, slot.wrapped) = (sealed.nonce, sealed.wrapped);
        slot.check = slot.expected_check();
        let raw = serde_json::value::to_raw_value(&slot).map_err(|_| Error::Damaged)?;
        self.slots.push(raw);
        Ok(())
    }

    fn open(
        &self,
        kind: &str,
        name: &'static str,
        kek: impl Fn(&Slot, &[u8]) -> Option<Zeroizing<[u8; 32]>>,
    ) -> Result<DataKey, Error> {
        let (mut tried, mut damaged) = (false, false);
        for raw in &self.slots {
            if kind_of(raw).as_deref() != Some(kind) {
                continue;
            }
            let slot: Option<Slot> = serde_json::from_str(raw.get()).ok();
            let Some(slot) = slot.filter(|slot| slot.check == slot.expected_check()) else {
                damaged = true;
                continue;
            };
            let salt = hex::decode(&slot.salt).unwrap_or_default();
            let Some(kek) = kek(&slot, &salt) else {
                damaged = true;
                continue;
            };
            tried = true;
            if let Some(key) = wrap::unwrap(&kek, &slot.sealed(), &slot.bound()) {
                return Ok(key);
            }
        }
        Err(match (damaged, tried) {
            (true, _) => Error::DamagedSlot(name),
            (false, true) => Error::Wrong(name),
            (false, false) => Error::NoSuchSlot(name),
        })
    }
}

impl Slot {
    /// What the wrapping is bound to: moved to another slot, kind or cost, it
    /// no longer opens.
    fn bound(&self) -> Vec<u8> {
        let cost = self.argon2id.map_or_else(String::new, |cost| {
            format!("m={},t={},p={}", cost.m_kib, cost.t, cost.p)
        });
        let parts = [
            "healthpost keyslot 1",
            &self.id,
            &self.kind,
            &cost,
            &self.salt,
        ];
        parts.join("\n").into_bytes()
    }

    fn sealed(&self) -> Wrapped {
        Wrapped {
            nonce: self.nonce.clone(),
            wrapped: self.wrapped.clone(),
        }
    }

    fn expected_check(&self) -> String {
        wrap::check(&self.bound(), &self.sealed())
    }
}

fn kind_of(raw: &RawValue) -> Option<String> {
    let head: Option<Head> = serde_json::from_str(raw.get()).ok();
    head.map(|head| head.kind)
}

fn draw_salt(chance: &dyn Chance) -> [u8; 16] {
    let mut salt = [0; 16];
    chance.fill(&mut salt);
    salt
}

/// Keyboards make the same letter in different ways: é is one character or two.
fn normalised(passphrase: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4 * passphrase.len()));
    text.extend(passphrase.nfc());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::testing::Sequence;

    const CHEAP: Cost = Cost {
        m_kib: 8,
        t: 1,
        p: 1,
    };

    fn cheap() -> (SlotsFile, DataKey, RecoveryKey) {
        create_with(CHEAP, "maji safi", &Sequence::default()).unwrap()
    }

    #[test]
    fn both_ways_lead_to_the_key_and_others_do_not() {
        let (file, key, recovery) = create("maji safi", &Sequence::default()).unwrap();
        let file = SlotsFile::parse(&file.to_bytes().unwrap()).unwrap();
        assert_eq!(file.kinds(), ["passphrase", "recovery"]);
        let opened = file.open_with_passphrase("maji safi").unwrap();
        assert_eq!(opened.expose(), key.expose());
        let opened = file.open_with_recovery(&recovery).unwrap();
        assert_eq!(opened.expose(), key.expose());
        let said = file.open_with_passphrase("maji chafu").unwrap_err();
        assert_eq!(said.to_string(), "the passphrase is wrong");
        let text = String::from_utf8(file.to_bytes().unwrap()).unwrap();
        assert!(!text.contains(key.hex().as_str()));
        assert!(text.contains("\"m_kib\":32768"), "{text}");
    }

    #[test]
    fn another_recovery_key_does_not_open() {
        let (file, ..) = cheap();
        let other = RecoveryKey::draw(&Sequence::starting_at(99));
        let said = file.open_with_recovery(&other);
        assert!(matches!(said, Err(Error::Wrong(_))));
    }

    #[test]
    fn the_same_letters_typed_otherwise_open() {
        let (file, ..) = create_with(CHEAP, "caf\u{e9} au lait", &Sequence::default()).unwrap();
        file.open_with_passphrase("cafe\u{301} au lait").unwrap();
    }

    #[test]
    fn an_unknown_kind_is_kept_word_for_word() {
        let (file, key, _) = cheap();
        let strange = r#"{ "kind":"tpm2",  "pcrs":[7], "blob":"00" }"#;
        let text = String::from_utf8(file.to_bytes().unwrap()).unwrap();
        let text = text.replacen("\"slots\": [", &format!("\"slots\": [{strange},"), 1);
        let mut file = SlotsFile::parse(text.as_bytes()).unwrap();
        file.add_with(CHEAP, "second", &key, &Sequence::default())
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        file.save(folder.path()).unwrap();
        let written = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(written.contains(strange));
        let file = SlotsFile::load(folder.path()).unwrap();
        assert_eq!(
            file.kinds(),
            ["tpm2", "passphrase", "recovery", "passphrase"]
        );
        for passphrase in ["maji safi", "second"] {
            file.open_with_passphrase(passphrase).unwrap();
        }
    }

    #[test]
    fn a_newer_format_and_a_missing_file_are_told() {
        let said = SlotsFile::parse(br#"{"version":2,"doors":[]}"#).unwrap_err();
        assert!(said.to_string().contains("newer version"), "{said}");
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            SlotsFile::load(folder.path()),
            Err(Error::Missing)
        ));
    }

    #[test]
    fn no_flipped_bit_gives_a_wrong_key() {
        let (file, key, recovery) = cheap();
        let bytes = file.to_bytes().unwrap();
        for place in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[place / 8] ^= 1 << (place % 8);
            let Ok(file) = SlotsFile::parse(&flipped) else {
                continue;
            };
            let opened = [
                file.open_with_passphrase("maji safi"),
                file.open_with_recovery(&recovery),
            ];
            // One slot's damage never closes the other.
            assert!(opened.iter().any(Result::is_ok), "bit {place}");
            for key_opened in opened.into_iter().flatten() {
                assert_eq!(key_opened.expose(), key.expose(), "bit {place}");
            }
        }
    }
}
