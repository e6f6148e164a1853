//! The costly derivation of keys and hashes from what people remember.
//!
//! Memory is a limit like others: one derivation at a time in the process, in
//! exactly the memory its cost names, wiped and given back at the end.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use zeroize::{Zeroize, Zeroizing};

/// What one derivation costs (Argon2id, RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory in KiB.
    pub m_kib: u32,
    /// Passes over it.
    pub t: u32,
    /// Lanes.
    pub p: u32,
}

impl Cost {
    /// Whether a derivation at this cost takes no less memory and no fewer passes
    /// than at another.
    pub const fn is_at_least(self, other: Self) -> bool {
        self.m_kib >= other.m_kib && self.t >= other.t
    }
}

/// For a key slot.
pub const SLOT: Cost = Cost {
    m_kib: 32 * 1024,
    t: 4,
    p: 1,
};

/// The least that any slot was ever written with: what asks for less was put there
/// by somebody who wants to search the secret.
pub const SLOT_MIN: Cost = Cost {
    m_kib: 32 * 1024,
    t: 4,
    p: 1,
};

/// For a staff password.
pub const STAFF: Cost = Cost {
    m_kib: 19 * 1024,
    t: 2,
    p: 1,
};

/// Most memory a stored cost may ask for, KiB: a damaged file must not be able
/// to ask for all of the machine.
const M_KIB_MAX: u32 = 64 * 1024;
/// Most passes a stored cost may ask for.
const T_MAX: u32 = 64;

/// Room that is asked for, in blocks of a KiB: glibc takes from 32 MiB on straight
/// from the system and gives it back whole. Of smaller pieces it keeps the holes,
/// and forty sign-ins would hold four times the memory of one. What is not
/// touched of it costs nothing.
const ROOM_BLOCKS: usize = 33 * 1024;

/// The cost is not one this program accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored cost of the key derivation is out of bounds")]
pub struct BadCost;

/// Derives 32 bytes from a secret.
///
/// # Errors
/// [`BadCost`] when the cost is out of bounds.
pub fn derive(cost: Cost, secret: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, BadCost> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    if cost.m_kib > M_KIB_MAX || cost.t > T_MAX || cost.p != 1 {
        return Err(BadCost);
    }
    let params = Params::new(cost.m_kib, cost.t, cost.p, Some(32)).map_err(|_| BadCost)?;
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let blocks = params.block_count();
    let mut memory = Vec::with_capacity(blocks.max(ROOM_BLOCKS));
    memory.resize(blocks, Block::default());
    let mut out = Zeroizing::new([0; 32]);
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = argon.hash_password_into_with_memory(
        secret,
        salt,
        out.as_mut_slice(),
        memory.as_mut_slice(),
    );
    // What was used, and not the room beyond it, which was never touched.
    memory.iter_mut().for_each(Zeroize::zeroize);
    done.map_err(|_| BadCost)?;
    Ok(out)
}
