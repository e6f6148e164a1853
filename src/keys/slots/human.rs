//! A slot that a person's secret opens: a passphrase, or the recovery key.
//!
//! The secret becomes a private key on P-256, and the slot keeps its public
//! half. So a further data key can be put into the slot while nobody who knows
//! the secret is there, which is what a rotation needs. The secret itself is
//! never stored.

use super::Error;
use crate::core::data_key::DataKey;
use crate::keys::derive::{self, Cost};
use crate::keys::wrap::{self, Use, Wrapped};
use crate::ports::Chance;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey, ecdh};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// What the secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Something a person remembers.
    Passphrase,
    /// The key on paper.
    Recovery,
}

impl Kind {
    /// How the slot's secret is called to people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Recovery => "recovery key",
        }
    }

    /// The kind as the file has it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Recovery => "recovery",
        }
    }
}

/// A slot as it is stored. All bytes are in hex.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HumanSlot {
    id: String,
    pub(super) kind: Kind,
    /// Which data key is in it.
    pub(super) generation: u32,
    /// Absent where the secret needs no costly derivation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Cost>,
    salt: String,
    /// The public half of the secret, a compressed point (SEC 1).
    public: String,
    /// The public half of a key drawn for this wrapping alone.
    ephemeral: String,
    nonce: String,
    wrapped: String,
    /// Tells a slot of ours from one that somebody put there: an HMAC under a key
    /// from the data key in it.
    tag: String,
    /// Tells damage from a wrong secret: SHA-256 of the rest, cut.
    check: String,
}

/// The private key that a person's secret leads to.
pub(super) struct Opener(SecretKey);

impl HumanSlot {
    /// A new slot with `key` in it. Takes a derivation's time if `cost` is given.
    pub(super) fn create(
        kind: Kind,
        cost: Option<Cost>,
        secret: &[u8],
        generation: u32,
        key: &DataKey,
        chance: &dyn Chance,
    ) -> Result<Self, Error> {
        let mut salt = [0; 16];
        chance.fill(&mut salt);
        let opener = derive_opener(cost, secret, &salt).ok_or(Error::Damaged)?;
        let slot = Self {
            id: String::new(),
            kind,
            generation,
            argon2id: cost,
            salt: hex::encode(salt),
            public: point(&opener.0.public_key()),
            ephemeral: String::new(),
            nonce: String::new(),
            wrapped: String::new(),
            tag: String::new(),
            check: String::new(),
        };
        slot.with_key(generation, key, chance)
    }

    /// The same way in, for another data key.
    pub(super) fn with_key(
        &self,
        generation: u32,
        key: &DataKey,
        chance: &dyn Chance,
    ) -> Result<Self, Error> {
        let public = read_point(&self.public).ok_or(Error::DamagedSlot(self.kind.name()))?;
        let mut id = [0; 8];
        chance.fill(&mut id);
        let drawn = draw_key(chance);
        let mut slot = Self {
            id: hex::encode(id),
            generation,
            ephemeral: point(&drawn.public_key()),
            ..self.clone()
        };
        let kek = slot.kek(&drawn, &public);
        let sealed = wrap::wrap(&kek, key, &slot.bound(), chance).ok_or(Error::Damaged)?;
        (slot.nonce, slot.wrapped) = (sealed.nonce, sealed.wrapped);
        slot.tag = slot.expected_tag(key);
        slot.check = slot.expected_check();
        Ok(slot)
    }

    /// Whether whoever wrote the slot had the data key that is in it.
    pub(super) fn is_ours(&self, key: &DataKey) -> bool {
        let expected = self.expected_tag(key);
        expected.as_bytes().ct_eq(self.tag.as_bytes()).into()
    }

    fn expected_tag(&self, key: &DataKey) -> String {
        let secret = wrap::expand(Use::TagKey, key.expose(), b"");
        hex::encode(wrap::expand(Use::Tag, secret.as_slice(), &self.bound()).as_slice())
    }

    /// Whether the slot is as it was written.
    pub(super) fn is_whole(&self) -> bool {
        self.check == self.expected_check()
    }

    /// The derivation that belongs to the slot; the same for every slot made
    /// from the same one, so that it need not be done twice.
    pub(super) fn derivation(&self) -> (Option<Cost>, &str) {
        (self.argon2id, &self.salt)
    }

    /// Makes the private key of a secret. Takes a derivation's time.
    pub(super) fn opener(&self, secret: &[u8]) -> Option<Opener> {
        let salt = hex::decode(&self.salt).ok()?;
        derive_opener(self.argon2id, secret, &salt)
    }

    /// Opens; `None` when the secret is another one.
    pub(super) fn open(&self, opener: &Opener) -> Option<DataKey> {
        let ephemeral = read_point(&self.ephemeral)?;
        if point(&opener.0.public_key()) != self.public {
            return None;
        }
        let kek = self.kek(&opener.0, &ephemeral);
        wrap::unwrap(&kek, &self.sealed(), &self.bound())
    }

    /// ECDH on P-256 (SEC 1, 3.3.1), then HKDF over the shared secret and both
    /// public keys.
    fn kek(&self, private: &SecretKey, public: &PublicKey) -> Zeroizing<[u8; 32]> {
        let shared = ecdh::diffie_hellman(private.to_nonzero_scalar(), public.as_affine());
        let context = [self.public.as_str(), &self.ephemeral, &self.salt].join("\n");
        wrap::expand(Use::Wrapping, shared.raw_secret_bytes(), context.as_bytes())
    }

    /// What the wrapping is bound to: moved to another slot, kind, cost or
    /// generation, it no longer opens.
    fn bound(&self) -> Vec<u8> {
        let cost = self.argon2id.map_or_else(String::new, |cost| {
            format!("m={},t={},p={}", cost.m_kib, cost.t, cost.p)
        });
        let generation = self.generation.to_string();
        let parts = [
            "healthpost keyslot 1",
            &self.id,
            self.kind.word(),
            &generation,
            &cost,
            &self.salt,
            &self.public,
            &self.ephemeral,
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
        let mut all = self.bound();
        all.extend_from_slice(self.tag.as_bytes());
        wrap::check(&all, &self.sealed())
    }
}

fn derive_opener(cost: Option<Cost>, secret: &[u8], salt: &[u8]) -> Option<Opener> {
    let seed = match cost {
        Some(cost) => derive::derive(cost, secret, salt).ok()?,
        None => wrap::expand(Use::RecoverySeed, secret, salt),
    };
    Some(Opener(key_from(seed)))
}

/// A private key from 32 random bytes. One in 2^32 is no key of the curve; the
/// next one in the chain is taken then.
fn key_from(mut seed: Zeroizing<[u8; 32]>) -> SecretKey {
    loop {
        if let Ok(key) = SecretKey::from_slice(seed.as_slice()) {
            return key;
        }
        seed = wrap::expand(Use::NextSeed, seed.as_slice(), b"");
    }
}

fn draw_key(chance: &dyn Chance) -> SecretKey {
    let mut seed = Zeroizing::new([0; 32]);
    chance.fill(seed.as_mut_slice());
    let key = key_from(seed.clone());
    seed.zeroize();
    key
}

fn point(key: &PublicKey) -> String {
    hex::encode(key.to_sec1_point(true).as_bytes())
}

fn read_point(text: &str) -> Option<PublicKey> {
    PublicKey::from_sec1_bytes(&hex::decode(text).ok()?).ok()
}
