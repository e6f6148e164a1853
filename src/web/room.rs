//! The memory that webhook bodies share while they are read.
//!
//! Nobody has proved anything yet when a body begins, so a claimed length holds
//! nothing. What has come so far is counted against a share kept for beginnings;
//! only a body that has grown past its beginning takes room for the rest of it,
//! all at once, so that two large ones never wait for each other. Nearly every
//! true webhook is over before that: strangers with large bodies, or with
//! bodies that trickle, are not in its way.

use crate::core::limits::{
    WEBHOOK_BEGINNING_BYTES, WEBHOOK_BEGINNINGS_BYTES_MAX, WEBHOOK_BYTES_IN_FLIGHT_MAX,
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes one permit stands for.
const PERMIT_BYTES: usize = 4 * 1024;

/// The bytes of webhook bodies that may be in memory at once.
#[derive(Clone)]
pub struct MemoryBudget {
    beginnings: Arc<Semaphore>,
    rest: Arc<Semaphore>,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        let rest = WEBHOOK_BYTES_IN_FLIGHT_MAX - WEBHOOK_BEGINNINGS_BYTES_MAX;
        Self {
            beginnings: Arc::new(Semaphore::new(WEBHOOK_BEGINNINGS_BYTES_MAX / PERMIT_BYTES)),
            rest: Arc::new(Semaphore::new(rest / PERMIT_BYTES)),
        }
    }
}

/// What one body holds of the budget, until it is dropped.
#[derive(Default)]
pub(super) struct Room {
    beginning: Option<OwnedSemaphorePermit>,
    rest: Option<OwnedSemaphorePermit>,
}

impl MemoryBudget {
    /// Waits for room for a body of which `so_far` bytes have come and at most
    /// `expected` are to come in all.
    pub(super) async fn grow(&self, room: &mut Room, so_far: usize, expected: usize) {
        let beginning = so_far.min(WEBHOOK_BEGINNING_BYTES);
        take(&self.beginnings, &mut room.beginning, beginning).await;
        if so_far > WEBHOOK_BEGINNING_BYTES {
            let rest = expected.max(so_far) - WEBHOOK_BEGINNING_BYTES;
            take(&self.rest, &mut room.rest, rest).await;
        }
    }
}

/// Takes what is missing to hold so many bytes.
async fn take(from: &Arc<Semaphore>, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) {
    let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = bytes.div_ceil(PERMIT_BYTES).saturating_sub(has);
    let Ok(more @ 1..) = u32::try_from(more) else {
        return;
    };
    // Nobody ever closes them.
    let Ok(fresh) = Arc::clone(from).acquire_many_owned(more).await else {
        return;
    };
    match held {
        Some(held) => held.merge(fresh),
        None => *held = Some(fresh),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::limits::WEBHOOK_BODY_BYTES_MAX;
    use futures_util::FutureExt;

    fn has_room(budget: &MemoryBudget, room: &mut Room, so_far: usize, expected: usize) -> bool {
        budget.grow(room, so_far, expected).now_or_never().is_some()
    }

    #[test]
    fn a_claimed_length_holds_nothing() {
        let budget = MemoryBudget::default();
        let mut claims: Vec<Room> = (0..100).map(|_| Room::default()).collect();
        for claim in &mut claims {
            assert!(has_room(&budget, claim, 1, WEBHOOK_BODY_BYTES_MAX));
        }
        let mut honest = Room::default();
        assert!(has_room(&budget, &mut honest, 2_000, 2_000));
    }

    #[test]
    fn large_bodies_are_in_nobodys_way_but_their_own() {
        let budget = MemoryBudget::default();
        let begun = WEBHOOK_BEGINNING_BYTES + 1;
        let mut large = [Room::default(), Room::default(), Room::default()];
        let fits = large
            .iter_mut()
            .map(|room| has_room(&budget, room, begun, WEBHOOK_BODY_BYTES_MAX))
            .collect::<Vec<_>>();
        assert_eq!(fits, [true, true, false]);
        let mut small = Room::default();
        assert!(has_room(&budget, &mut small, 60_000, 60_000));
        // A body grows within what it took.
        let [first, _, third] = &mut large;
        let whole = WEBHOOK_BODY_BYTES_MAX;
        assert!(has_room(&budget, first, whole, whole));
        *first = Room::default();
        assert!(has_room(&budget, third, begun, whole));
    }
}
