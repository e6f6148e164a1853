//! The memory that webhook bodies share while they are read.
//!
//! Nobody has proved anything yet when a body begins, so a claimed length holds
//! nothing. Each connection has room of its own for the first bytes of a body,
//! which is all that most webhooks are. What comes past them is counted against a
//! share kept for beginnings; only a body that has grown past its beginning takes
//! room for the rest of it, all at once, so that two large ones never wait for
//! each other. Where a share is used up, the bodies in it that have stalled are
//! cut off, the longest first: strangers with large bodies, or with bodies that
//! trickle, may keep their room only while nobody wants it.

use crate::core::limits::{
    HTTP_CONNECTIONS_MAX, WEBHOOK_BEGINNING_BYTES, WEBHOOK_BEGINNINGS_BYTES_MAX,
    WEBHOOK_BYTES_IN_FLIGHT_MAX, WEBHOOK_FIRST_BYTES,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What is left of the budget for all that comes past the beginnings.
const REST_BYTES_MAX: usize = WEBHOOK_BYTES_IN_FLIGHT_MAX
    - WEBHOOK_BEGINNINGS_BYTES_MAX
    - WEBHOOK_FIRST_BYTES * HTTP_CONNECTIONS_MAX;

/// The bytes of webhook bodies that may be in memory at once.
#[derive(Clone, Default)]
pub struct MemoryBudget(Arc<Shared>);

#[derive(Default)]
struct Shared {
    ledger: Mutex<Ledger>,
    /// Room came free, or somebody stalled who may be cut off for it.
    changed: Notify,
}

/// Bytes of the two shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bytes {
    beginning: usize,
    rest: usize,
}

impl Bytes {
    fn of(capacity: usize) -> Self {
        let beginning = capacity.min(WEBHOOK_BEGINNING_BYTES);
        Self {
            beginning: beginning.saturating_sub(WEBHOOK_FIRST_BYTES),
            rest: capacity - beginning,
        }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            beginning: self.beginning + other.beginning,
            rest: self.rest + other.rest,
        }
    }

    const fn holds(self, wanted: Self) -> bool {
        self.beginning >= wanted.beginning && self.rest >= wanted.rest
    }
}

#[derive(Default)]
struct Ledger {
    holders: BTreeMap<u64, Holder>,
    /// Counts the bodies and their stalls: what is smaller was earlier.
    last: u64,
}

/// What a body holds.
#[derive(Default)]
struct Holder {
    bytes: Bytes,
    stalled: Option<u64>,
    cut: CancellationToken,
}

impl Ledger {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn free(&self, without: impl Fn(&Holder) -> bool) -> Bytes {
        let held = self.holders.values().filter(|it| !without(it));
        let held = held.fold(Bytes::default(), |sum, it| sum.plus(it.bytes));
        Bytes {
            beginning: WEBHOOK_BEGINNINGS_BYTES_MAX.saturating_sub(held.beginning),
            rest: REST_BYTES_MAX.saturating_sub(held.rest),
        }
    }

    /// Gives `id` room up to `wanted`, if it is there. Else cuts off those that
    /// stalled, as far as that makes room.
    fn take(&mut self, id: u64, wanted: Bytes) -> bool {
        let Some(own) = self.holders.get(&id) else {
            return true;
        };
        let more = Bytes {
            beginning: wanted.beginning.saturating_sub(own.bytes.beginning),
            rest: wanted.rest.saturating_sub(own.bytes.rest),
        };
        if !self.free(|_| false).holds(more) {
            self.cut_for(id, more);
            return false;
        }
        if let Some(own) = self.holders.get_mut(&id) {
            own.bytes = own.bytes.plus(more);
        }
        true
    }

    /// Nobody is cut off in vain: if all who stalled hold too little, none is.
    fn cut_for(&self, id: u64, more: Bytes) {
        let mut stalled: Vec<(u64, &Holder)> = self
            .holders
            .iter()
            .filter(|(of, it)| **of != id && !it.cut.is_cancelled())
            .filter_map(|(_, it)| it.stalled.map(|since| (since, it)))
            .collect();
        stalled.sort_unstable_by_key(|(since, _)| *since);
        let mut free = self.free(|it| it.cut.is_cancelled());
        let mut to_cut = Vec::new();
        for (_, holder) in stalled {
            if free.holds(more) {
                break;
            }
            let helps = free.beginning < more.beginning && holder.bytes.beginning > 0
                || free.rest < more.rest && holder.bytes.rest > 0;
            if helps {
                free = free.plus(holder.bytes);
                to_cut.push(&holder.cut);
            }
        }
        if free.holds(more) {
            to_cut.into_iter().for_each(CancellationToken::cancel);
        }
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryBudget {
    /// The room of a body of which at most `expected` bytes are to come; it holds
    /// nothing yet.
    pub(super) fn room(&self, expected: usize) -> Room {
        let mut ledger = self.0.ledger();
        let (id, holder) = (ledger.next(), Holder::default());
        let cut = holder.cut.clone();
        ledger.holders.insert(id, holder);
        Room {
            shared: Arc::clone(&self.0),
            id,
            expected,
            cut,
        }
    }
}

/// What one body holds of the budget, until it is dropped.
pub(super) struct Room {
    shared: Arc<Shared>,
    id: u64,
    expected: usize,
    cut: CancellationToken,
}

impl Room {
    /// Waits for room for what has come so far, and says for how many bytes there
    /// is room then.
    pub(super) async fn grow(&self, so_far: usize) -> usize {
        let whole = self.expected.max(so_far);
        let capacity = if so_far > WEBHOOK_BEGINNING_BYTES {
            whole
        } else {
            let doubled = so_far.next_power_of_two().min(WEBHOOK_BEGINNING_BYTES);
            doubled.min(whole)
        };
        let wanted = Bytes::of(capacity);
        loop {
            let changed = self.shared.changed.notified();
            if self.shared.ledger().take(self.id, wanted) {
                return capacity;
            }
            changed.await;
        }
    }

    /// From now on the body counts as stalled.
    pub(super) fn stall(&self) {
        let mut ledger = self.shared.ledger();
        let since = ledger.next();
        if let Some(own) = ledger.holders.get_mut(&self.id) {
            own.stalled = Some(since);
        }
        drop(ledger);
        self.shared.changed.notify_waiters();
    }

    /// The body goes on, or is whole.
    pub(super) fn go_on(&self) {
        if let Some(own) = self.shared.ledger().holders.get_mut(&self.id) {
            own.stalled = None;
        }
    }

    /// Waits until others need the room.
    pub(super) async fn cut_off(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.ledger().holders.remove(&self.id);
        self.shared.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::limits::WEBHOOK_BODY_BYTES_MAX;
    use futures_util::FutureExt;

    fn has_room(room: &Room, so_far: usize) -> bool {
        room.grow(so_far).now_or_never().is_some()
    }

    fn rooms(budget: &MemoryBudget, count: usize, expected: usize) -> Vec<Room> {
        (0..count).map(|_| budget.room(expected)).collect()
    }

    #[test]
    fn a_claimed_length_holds_nothing() {
        let budget = MemoryBudget::default();
        let claims = rooms(&budget, HTTP_CONNECTIONS_MAX, WEBHOOK_BODY_BYTES_MAX);
        for claim in &claims {
            for so_far in [1, 2, 3] {
                let capacity = claim.grow(so_far).now_or_never().unwrap();
                assert!(capacity <= 4, "{capacity} bytes for {so_far}");
            }
            assert!(has_room(claim, WEBHOOK_FIRST_BYTES));
        }
        assert!(has_room(&budget.room(60_000), 60_000));
    }

    #[test]
    fn large_bodies_are_in_nobodys_way_but_their_own() {
        let budget = MemoryBudget::default();
        let (begun, whole) = (WEBHOOK_BEGINNING_BYTES + 1, WEBHOOK_BODY_BYTES_MAX);
        let mut large = rooms(&budget, 3, whole);
        let fits: Vec<bool> = large.iter().map(|room| has_room(room, begun)).collect();
        assert_eq!(fits, [true, true, false]);
        assert!(has_room(&budget.room(60_000), 60_000));
        // A body grows within what it took.
        assert!(has_room(&large[0], whole));
        drop(large.remove(0));
        assert!(has_room(&large[1], begun));
    }

    #[test]
    fn who_stalled_longest_is_cut_off_when_room_is_wanted_and_nobody_else() {
        let budget = MemoryBudget::default();
        let mut held = rooms(&budget, 16, 65_536);
        assert!(held.iter().all(|room| has_room(room, 65_000)));
        let late = budget.room(65_536);
        let is_cut = |room: &Room| room.cut_off().now_or_never().is_some();
        assert!(has_room(&late, WEBHOOK_FIRST_BYTES));
        assert!(!has_room(&late, 65_000), "all of them go on");
        assert!(!held.iter().any(is_cut));
        for place in [7, 3, 5] {
            held[place].stall();
        }
        held[7].go_on();
        assert!(!held.iter().any(is_cut), "nobody wants their room");
        assert!(!has_room(&late, 65_000), "the room is not yet left");
        let cut: Vec<usize> = (0..16).filter(|place| is_cut(&held[*place])).collect();
        assert_eq!(cut, [3]);
        assert!(!has_room(&late, 65_000));
        assert!(!is_cut(&held[5]), "one is enough");
        drop(held.remove(3));
        assert!(has_room(&late, 65_000));
        // What no cut can make room for cuts off nobody.
        let large = rooms(&budget, 3, WEBHOOK_BODY_BYTES_MAX);
        drop(late);
        assert!(!large.iter().all(|room| has_room(room, 70_000)));
        assert!(!is_cut(&large[0]) && !is_cut(&large[1]));
    }
}
