//! Sealing and opening the data key: two random halves, one in a sealed object
//! (in the slots file, useless without this TPM), one in an NV index (inside
//! the TPM, useless without the file); the data key is wrapped under both.
//!
//! Nothing older is touched by sealing, and no answer is trusted before the
//! storage key's name was compared with the pinned one.

use crate::core::data_key::DataKey;
use crate::core::pin::Pin;
use crate::keys::derive::{self, Cost};
use crate::keys::wrap::{self, Wrapped};
use crate::ports::Chance;
use crate::ports::sealer::{Blob, Board, PinHash, Protection, SealError, Sealed, Situation};
use crate::tpm::index::{self, Index};
use crate::tpm::link::Link;
use crate::tpm::secrets::{self, AuthValue, DIGEST_BYTES, Secret};
use crate::tpm::session::Session;
use crate::tpm::storage_key::{self, StorageKey};
use crate::tpm::{lockout, object, policy};
use tpm2_protocol::data::TpmSe;
use zeroize::Zeroizing;

/// What the wrapping is for, and its format.
const CONTEXT: &[u8] = b"healthpost tpm slot 1\n";
/// Bytes of the salt of a PIN.
const SALT_BYTES: usize = 16;

/// Finds the pinned storage key, and says what is wrong when it is another one.
pub(super) fn find_storage_key(
    link: &mut Link<'_>,
    board: &Board,
) -> Result<StorageKey, SealError> {
    let found = StorageKey::find(link, Some(&board.storage_key));
    found.map_err(|error| {
        if error.situation == Situation::OtherStorageKey {
            return why_other(link, board).into();
        }
        error
    })
}

/// Clearing a TPM changes its storage key and leaves its endorsement key.
fn why_other(link: &mut Link<'_>, board: &Board) -> Situation {
    let Some(pinned) = &board.endorsement_key else {
        return Situation::OtherStorageKey;
    };
    match storage_key::endorsement_name(link) {
        Ok(Some(now)) if now == *pinned => Situation::Cleared,
        Ok(Some(_)) => Situation::OtherTpm,
        Ok(None) | Err(_) => Situation::OtherStorageKey,
    }
}

/// Seals, opens once to prove it, and undoes its own work if that fails.
pub(super) fn seal(
    link: &mut Link<'_>,
    board: &Board,
    key: &DataKey,
    protection: Protection<'_>,
    cost: Cost,
) -> Result<Sealed, SealError> {
    let storage_key = find_storage_key(link, board)?;
    let mut session = Session::start(link, TpmSe::Hmac, &storage_key)?;
    let pcrs = match protection.pcrs {
        Some(selection) => Some(policy::bind(link, &mut session, selection)?),
        None => None,
    };
    let pin = protection.pin.map(|_| draw_hash(cost, link.chance()));
    let value = auth_value(pin.as_ref(), protection.pin)?;
    let policy = policy::digest(pcrs.as_ref());
    let taken = index::list(link, Some(&mut session))?;
    let mut place = [0];
    link.chance().fill(&mut place);
    let [place] = place;
    let handle = index::free_place(&taken, board.installation, place)?;
    let halves = (draw(link.chance()), draw(link.chance()));
    let index = Index::new(handle, policy, pin.is_some());
    let made = index
        .define(link, &mut session, &value, &halves.1)
        .and_then(|()| {
            let counted = (&value, pin.is_some());
            object::create(link, &mut session, &storage_key, policy, counted, &halves.0)
        })
        .and_then(|parts| {
            storage_key.drop_if_transient(link)?;
            let mut sealed = Sealed {
                board: board.clone(),
                public: Blob::new(&parts.public),
                private: Blob::new(&parts.private),
                index: handle,
                pcrs,
                pin,
                nonce: String::new(),
                wrapped: String::new(),
            };
            close(&mut sealed, key, &halves, link.chance())?;
            prove(link, &sealed, &value, key)?;
            Ok(sealed)
        });
    if made.is_err() {
        // Best effort: what is left is found by `keep_only`.
        let _ = index::undefine(link, &mut session, handle);
    }
    made
}

fn prove(
    link: &mut Link<'_>,
    sealed: &Sealed,
    value: &AuthValue,
    key: &DataKey,
) -> Result<(), SealError> {
    let opened = open_once(link, sealed, value)?;
    if !secrets::same(opened.expose(), key.expose()) {
        return Err(Situation::NotProved.into());
    }
    Ok(())
}

/// Opens.
pub(super) fn unseal(
    link: &mut Link<'_>,
    sealed: &Sealed,
    pin: Option<&Pin>,
) -> Result<DataKey, SealError> {
    let value = auth_value(sealed.pin.as_ref(), pin)?;
    let mut opened = open_once(link, sealed, &value);
    if matches!(&opened, Err(error) if error.situation == Situation::PcrMoving) {
        opened = open_once(link, sealed, &value);
    }
    opened.map_err(|error| explain(link, sealed, error))
}

/// A refusal that the file itself contradicts means that the file is damaged.
fn explain(link: &mut Link<'_>, sealed: &Sealed, mut error: SealError) -> SealError {
    let is_pcr = error.situation == Situation::PcrChanged;
    let is_pin = matches!(error.situation, Situation::WrongPin { .. });
    if (is_pcr && sealed.pcrs.is_none()) || (is_pin && sealed.pin.is_none()) {
        error.situation = Situation::Damaged;
    }
    lockout::explain(link, error)
}

fn open_once(
    link: &mut Link<'_>,
    sealed: &Sealed,
    value: &AuthValue,
) -> Result<DataKey, SealError> {
    let storage_key = find_storage_key(link, &sealed.board)?;
    let pcrs = sealed.pcrs.as_ref();
    let index = Index::new(sealed.index, policy::digest(pcrs), sealed.pin.is_some());
    index.look(link)?;
    let object = object::load(link, &storage_key, sealed)?;
    let mut session = Session::start(link, TpmSe::Policy, &storage_key)?;
    storage_key.drop_if_transient(link)?;
    policy::satisfy(link, &session, pcrs)?;
    let outer = object::unseal(link, &mut session, &object, value)?;
    link.flush(object.handle)?;
    // Being used has set the session's policy back to its beginning.
    policy::satisfy(link, &session, pcrs)?;
    let inner = index.read(link, &mut session, value)?;
    open(sealed, &(outer, inner))
}

fn close(
    sealed: &mut Sealed,
    key: &DataKey,
    halves: &(Secret, Secret),
    chance: &dyn Chance,
) -> Result<(), SealError> {
    let wrapped = wrap::wrap(&kek(halves), key, &bound(sealed)?, chance);
    let wrapped = wrapped.ok_or(Situation::NotProved)?;
    (sealed.nonce, sealed.wrapped) = (wrapped.nonce, wrapped.wrapped);
    Ok(())
}

fn open(sealed: &Sealed, halves: &(Secret, Secret)) -> Result<DataKey, SealError> {
    let wrapped = Wrapped {
        nonce: sealed.nonce.clone(),
        wrapped: sealed.wrapped.clone(),
    };
    let opened = wrap::unwrap(&kek(halves), &wrapped, &bound(sealed)?);
    opened.ok_or_else(|| Situation::Damaged.into())
}

/// Both halves have a fixed length, so putting them together is unambiguous.
fn kek((outer, inner): &(Secret, Secret)) -> Secret {
    let extracted = secrets::mac(CONTEXT, &[outer.as_slice(), inner.as_slice()]);
    secrets::mac(extracted.as_slice(), &[b"data key", &[1]])
}

/// Everything else in the slot: changed, it no longer opens.
fn bound(sealed: &Sealed) -> Result<Vec<u8>, SealError> {
    let bare = Sealed {
        nonce: String::new(),
        wrapped: String::new(),
        ..sealed.clone()
    };
    let text = serde_json::to_vec(&bare).map_err(|_| Situation::Damaged)?;
    Ok([CONTEXT, &text].concat())
}

fn draw(chance: &dyn Chance) -> Secret {
    let mut half = Zeroizing::new([0; DIGEST_BYTES]);
    chance.fill(half.as_mut_slice());
    half
}

fn draw_hash(cost: Cost, chance: &dyn Chance) -> PinHash {
    let mut salt = [0; SALT_BYTES];
    chance.fill(&mut salt);
    PinHash {
        m_kib: cost.m_kib,
        t: cost.t,
        p: cost.p,
        salt: Blob::new(&salt),
    }
}

/// The costly hash is no help against the TPM's counter, which guards well
/// enough; it is for the day when somebody has taken a session apart.
fn auth_value(hash: Option<&PinHash>, pin: Option<&Pin>) -> Result<AuthValue, SealError> {
    let (hash, pin) = match (hash, pin) {
        (None, None) => return Ok(AuthValue::none()),
        (None, Some(_)) => return Err(Situation::PinNotWanted.into()),
        (Some(_), None) => return Err(Situation::PinWanted.into()),
        (Some(hash), Some(pin)) => (hash, pin),
    };
    let cost = Cost {
        m_kib: hash.m_kib,
        t: hash.t,
        p: hash.p,
    };
    let out = derive::derive(cost, pin.expose(), hash.salt.bytes());
    Ok(AuthValue::new(&*out.map_err(|_| Situation::Damaged)?))
}
