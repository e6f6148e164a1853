//! The data key sealed to a TPM 2.0: what a stolen card, backup or export lacks.
//!
//! Built on `tpm2-protocol` for the structures, with a session layer of our own.
//! No secret ever crosses the bus in clear, none is printed, and the program
//! never falls back to anything weaker by itself.
//!
//! # What is where
//!
//! A data key is wrapped under two random halves. The **outer** half is a sealed
//! object that lies in `keyslots.json` and that only this TPM opens. The
//! **inner** half lies inside the TPM, in an NV index. Both are under one policy:
//! the registers, if asked for, and the PIN, if there is one. A copy of the data
//! folder lacks the TPM; the TPM lacks the folder; and once the index is
//! undefined, no copy of the folder opens on this TPM any more.
//!
//! # The order of durable steps
//!
//! *Durable* means written with [`crate::durable`] or committed, before the next
//! step begins. A power cut between any two steps leaves the old or the new
//! openable, and never neither.
//!
//! **Enrol** (`init`, or `key recover` on a new board)
//! 1. [`Sealer::meet`]; make the [`Board`] durable.
//! 2. [`Sealer::seal`]; make the [`Sealed`] durable in the slots file, beside
//!    the recovery slot.
//! 3. With a PIN: draw a [`LockoutPassword`], make it durable in the database,
//!    then [`Sealer::adopt_lockout`].
//! 4. [`Sealer::keep_only`] with this `Sealed`.
//!
//! **Unlock** (each start)
//! 1. [`Sealer::unseal`]; open the database.
//! 2. With a PIN: [`Sealer::reset_lockout`] with the password from the database.
//!    Its failure is worth a warning, not a refusal.
//! 3. [`Sealer::keep_only`] with every `Sealed` in the slots file: removes what
//!    an interrupted change left behind.
//!
//! **Set-pin, reseal** (and any re-wrapping of the same data key)
//! 1. [`Sealer::seal`] with the new protection. It has opened once when it
//!    returns; the old slot still opens.
//! 2. Make the slots file with the new slot *instead of* the old one durable.
//! 3. [`Sealer::keep_only`] with the new one: from here on, folders copied
//!    before open nothing.
//!
//! A cut after 1 leaves the old slot and a spare index, after 2 the new slot and
//! the old index; step 3 of the next unlock removes either. `keyslots.json.old`
//! is worthless after step 3, as it should be.
//!
//! **Rotate**: as above, but step 2 keeps both slots, each with the generation
//! of the database that its key opens, until the new file has been opened; then
//! once more with the new one alone, and `keep_only`.
//!
//! **Destroy** (`erase-everything`)
//! 1. [`Sealer::keep_only`] with nothing: this alone makes every copy worthless.
//! 2. Note on the disk what is left behind, then remove the slots: without them
//!    nothing tells any more what the TPM keeps.
//! 3. While the password is at hand: [`Sealer::release_lockout`], best before
//!    the database goes.
//!
//! # The lock-out password
//!
//! After an unlock with a PIN, a power cut counts as a wrong PIN, and a right one
//! does not count back. So each unlock sets the counter back, which takes the
//! lock-out password. It is made durable *before* the TPM gets it, because one
//! that is lost can only be taken off by clearing the TPM (`tpm2_clear -c p`
//! where the firmware allows it). And as long as it is not set, whoever has the
//! box can set the counter back and guess on: [`Report`] says so.

mod bus;
mod codes;
mod index;
mod link;
mod lockout;
mod object;
mod policy;
mod report;
mod sealing;
mod secrets;
mod session;
mod storage_key;
mod tcti;
mod wire;

pub use tcti::{BadTcti, Tcti};

use crate::core::data_key::DataKey;
use crate::core::pin::{LockoutPassword, Pin};
use crate::keys::derive::{self, Cost};
use crate::ports::Chance;
use crate::ports::sealer::{
    Board, Installation, PinHash, Protection, Report, SealError, Sealed, Sealer, Situation,
};
use link::Link;
use session::Session;
use std::sync::Arc;
use std::time::Duration;
use storage_key::StorageKey;
use tpm2_protocol::data::TpmSe;

/// How long one answer may take. Chips make a key in seconds; the kernel itself
/// gives up after two minutes.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// A TPM that is opened anew for each thing asked of it, so that nothing is left
/// open in between and a restarted one is simply found again.
pub struct Tpm {
    tcti: Tcti,
    limit: Duration,
    pin_cost: Cost,
    pin_cost_min: Cost,
    chance: Arc<dyn Chance>,
}

impl Tpm {
    /// The TPM at `tcti`. Nothing is opened yet.
    pub fn new(tcti: Tcti, chance: Arc<dyn Chance>) -> Self {
        Self {
            tcti,
            limit: ANSWER_LIMIT,
            pin_cost: derive::SLOT,
            pin_cost_min: derive::SLOT_MIN,
            chance,
        }
    }

    /// Another bound on connecting and on each single answer.
    #[must_use]
    pub const fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Another cost of the hash of PINs sealed from now on, and the least that is
    /// taken from a slot.
    #[must_use]
    pub const fn with_pin_cost(mut self, cost: Cost) -> Self {
        self.pin_cost = cost;
        self.pin_cost_min = cost;
        self
    }

    /// What poses as the chip learns a hash of the PIN that was typed, and must not
    /// be the one who says how cheap that is to search.
    fn is_costly(&self, hash: &PinHash) -> bool {
        let cost = Cost {
            m_kib: hash.m_kib,
            t: hash.t,
            p: hash.p,
        };
        cost.is_at_least(self.pin_cost_min)
    }

    fn link(&self) -> Result<Link<'_>, SealError> {
        let bus = self.tcti.open(self.limit);
        let bus = bus.map_err(|error| Situation::NoTpm(error.kind()))?;
        Ok(Link::new(bus, self.chance.as_ref()))
    }

    /// A link to the pinned TPM and a session with it.
    fn session(&self, board: &Board) -> Result<(Link<'_>, Session), SealError> {
        let mut link = self.link()?;
        let storage_key = sealing::find_storage_key(&mut link, board)?;
        let session = Session::start(&mut link, TpmSe::Hmac, &storage_key)?;
        storage_key.drop_if_transient(&mut link)?;
        Ok((link, session))
    }

    /// An installation nobody in this TPM has.
    fn draw_installation(&self, taken: &[u32]) -> Result<Installation, SealError> {
        for _ in 0..u32::from(Installation::MAX) {
            let mut drawn = [0; 2];
            self.chance.fill(&mut drawn);
            let number = u16::from_be_bytes(drawn) & Installation::MAX;
            let Ok(installation) = Installation::try_from(number) else {
                continue;
            };
            if !taken.iter().any(|it| index::belongs(*it, installation)) {
                return Ok(installation);
            }
        }
        Err(Situation::NoSpace.into())
    }
}

impl Sealer for Tpm {
    fn report(&self, sealed: Option<&Sealed>) -> Report {
        let mut report = Report::blank();
        let filled = self
            .link()
            .and_then(|mut link| report::fill(&mut link, sealed, &mut report));
        report.fault = filled.err();
        report
    }

    fn meet(&self) -> Result<Board, SealError> {
        let mut link = self.link()?;
        let endorsement_key = storage_key::endorsement_name(&mut link)?;
        let storage_key = StorageKey::find(&mut link, None)?;
        let mut session = Session::start(&mut link, TpmSe::Hmac, &storage_key)?;
        let taken = index::list(&mut link, Some(&mut session))?;
        Ok(Board {
            storage_key: storage_key.name(),
            endorsement_key,
            installation: self.draw_installation(&taken)?,
        })
    }

    fn seal(
        &self,
        board: &Board,
        key: &DataKey,
        protection: Protection<'_>,
    ) -> Result<Sealed, SealError> {
        sealing::seal(&mut self.link()?, board, key, protection, self.pin_cost)
    }

    fn unseal(&self, sealed: &Sealed, pin: Option<&Pin>) -> Result<DataKey, SealError> {
        if sealed
            .pin
            .as_ref()
            .is_some_and(|hash| !self.is_costly(hash))
        {
            // Before anything is asked: the answer would be from whoever changed it.
            return Err(Situation::Damaged.into());
        }
        sealing::unseal(&mut self.link()?, sealed, pin)
    }

    fn keep_only(&self, board: &Board, keep: &[&Sealed]) -> Result<u32, SealError> {
        let (mut link, mut session) = self.session(board)?;
        let spare = |handle: &u32| {
            index::belongs(*handle, board.installation)
                && !keep.iter().any(|sealed| sealed.index == *handle)
        };
        let found = index::list(&mut link, Some(&mut session))?;
        let mut gone = Vec::new();
        for handle in found.into_iter().filter(spare) {
            if index::undefine(&mut link, &mut session, handle)? {
                gone.push(handle);
            }
        }
        // The TPM's own word that they are gone, proved.
        let left = index::list(&mut link, Some(&mut session))?;
        if gone.iter().any(|handle| left.contains(handle)) {
            return Err(Situation::Tampered.into());
        }
        Ok(u32::try_from(gone.len()).unwrap_or(u32::MAX))
    }

    fn kept(&self, board: &Board) -> Result<Vec<u32>, SealError> {
        let (mut link, mut session) = self.session(board)?;
        let mut found = index::list(&mut link, Some(&mut session))?;
        found.retain(|handle| index::belongs(*handle, board.installation));
        Ok(found)
    }

    fn forget(&self, sealed: &Sealed) -> Result<(), SealError> {
        let (mut link, mut session) = self.session(&sealed.board)?;
        let there = index::list(&mut link, Some(&mut session))?;
        if there.contains(&sealed.index) && index::belongs(sealed.index, sealed.board.installation)
        {
            index::undefine(&mut link, &mut session, sealed.index)?;
        }
        Ok(())
    }

    fn adopt_lockout(&self, board: &Board, password: &LockoutPassword) -> Result<(), SealError> {
        let (mut link, mut session) = self.session(board)?;
        lockout::adopt(&mut link, &mut session, password)
    }

    fn reset_lockout(&self, board: &Board, password: &LockoutPassword) -> Result<(), SealError> {
        let (mut link, mut session) = self.session(board)?;
        lockout::reset(&mut link, &mut session, password)
    }

    fn release_lockout(&self, board: &Board, password: &LockoutPassword) -> Result<(), SealError> {
        let (mut link, mut session) = self.session(board)?;
        lockout::release(&mut link, &mut session, password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::sealer::{Blob, PcrBinding, PcrSelection};
    use proptest::prelude::*;
    use std::io;
    use zeroize::Zeroizing;

    /// Answers with whatever it was given, in turn.
    struct Nonsense(Vec<Vec<u8>>);

    impl bus::Bus for Nonsense {
        fn transmit(&mut self, _: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
            let next = self.0.pop().ok_or(io::ErrorKind::TimedOut)?;
            Ok(Zeroizing::new(next))
        }
    }

    struct Ones;

    impl Chance for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(1);
        }
    }

    fn sealed() -> Sealed {
        Sealed {
            board: Board {
                storage_key: Blob::new(&[1; 34]),
                endorsement_key: Some(Blob::new(&[2; 34])),
                installation: Installation::try_from(7).unwrap(),
            },
            public: Blob::new(&[3; 78]),
            private: Blob::new(&[4; 158]),
            index: 0x01A0_0700,
            pcrs: Some(PcrBinding {
                selection: PcrSelection::parse("7").unwrap(),
                digest: Blob::new(&[5; 32]),
            }),
            pin: None,
            nonce: String::new(),
            wrapped: String::new(),
        }
    }

    /// An answer that claims success, with any body; now and then with a code.
    fn answer() -> impl Strategy<Value = Vec<u8>> {
        let body = proptest::collection::vec(any::<u8>(), 0..300);
        (prop_oneof![9 => Just(0_u32), 1 => any::<u32>()], body).prop_map(|(code, body)| {
            let head = [&[0x80, 2, 0, 0, 0, 0], &code.to_be_bytes()[..]].concat();
            [head, body].concat()
        })
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_and_never_panics(
            answers in proptest::collection::vec(answer(), 0..40),
        ) {
            let link = || Link::new(Box::new(Nonsense(answers.clone())), &Ones);
            let sealed = sealed();
            prop_assert!(sealing::unseal(&mut link(), &sealed, None).is_err());
            let mut report = Report::blank();
            let _ = report::fill(&mut link(), Some(&sealed), &mut report);
            let _ = index::list(&mut link(), None);
            let _ = storage_key::endorsement_name(&mut link());
            let _ = StorageKey::find(&mut link(), None);
            let registers = PcrSelection::parse("0,1,2,3,4,5,6,7,8,9").unwrap();
            let _ = policy::read(&mut link(), None, registers);
        }
    }
}
