//! Receipts that are long in coming. A phone that was off tells of what reached it
//! once it is on again, after hours or days: by then the message lies deep in the
//! provider's list, and a webhook that told of it may be lost. So each is looked
//! for by name now and then, and once more before its wait is over.

use super::pull::says_nothing;
use super::{Poll, State, log};
use crate::core::id::OutboxKey;
use crate::core::limits::{PROVIDER_LIST_BYTES_MAX, PROVIDER_REPLY_BYTES_MAX};
use crate::core::time::{HOUR_MS, MINUTE_MS, UnixMs};
use crate::ports::{Deliveries, History, Unanswered};
use crate::store::polling::{self, Awaited};
use std::collections::BTreeMap;

/// Messages whose receipts are kept in view.
const AWAITED_MAX: usize = 500;
/// Questions in one look while what may be spent is ample.
const QUESTIONS_MAX: u32 = 5;
/// Pages turned for one message. Where the provider does not narrow its list, each
/// tells of others as well.
const PAGES_MAX: usize = 80;
/// The news of the last pages tell of whatever was taken later than this, ms.
const FRESH_MS: i64 = HOUR_MS;
/// Wait before a message is looked for again, ms.
const AGAIN_MS: i64 = 6 * HOUR_MS;
/// Within this time before its wait is over it is looked for once more, ms.
const LAST_MS: i64 = HOUR_MS;
/// Wait after the line broke under a question, ms.
const BROKE_MS: i64 = 10 * MINUTE_MS;
/// By how much the provider's clock and ours may differ, ms.
const CLOCKS_MS: i64 = HOUR_MS;

/// What was looked for, and what is being looked for.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// When each message was looked for last, of those that are still awaited.
    asked: BTreeMap<OutboxKey, UnixMs>,
    walk: Option<Walk>,
    /// When the line broke under a question.
    broke: Option<UnixMs>,
}

/// A message that is looked for page by page.
#[derive(Clone, Debug)]
struct Walk {
    of: Awaited,
    page: usize,
    /// What stood on the page before.
    before: Vec<OutboxKey>,
}

impl<H: History> Poll<H> {
    /// Looks for some of the messages whose receipts are long in coming. Who writes
    /// must not wait because of it: where little is left to spend, only a message
    /// whose wait is nearly over is looked for, one question a look.
    pub(super) async fn ask_for_receipts(&self, state: &mut State) -> Result<(), Unanswered> {
        let now = self.now();
        let awaited = self
            .readers
            .read(move |conn| polling::awaited(conn, AWAITED_MAX));
        let awaited = awaited.await.map_err(log)?;
        state.receipts.forget_all_but(&awaited);
        let ample = state.allowance.is_ample(state.spent, self.steady_ms());
        for _ in 0..(if ample { QUESTIONS_MAX } else { 1 }) {
            let Some(walk) = state.receipts.next(&awaited, ample, now) else {
                break;
            };
            let page = self.history.receipts(&walk.of.key, walk.page).await;
            let mut page = match state.cut_off(page, PROVIDER_LIST_BYTES_MAX) {
                Err(why) if says_nothing(why) => {
                    state.pay(PROVIDER_REPLY_BYTES_MAX);
                    state.receipts.looked_for(walk.of.key, now);
                    break;
                }
                // A page that is not got through is not asked for at each look: what
                // people write was fetched before, and that is what a look is for.
                Err(Unanswered::Lost) => {
                    state.pay(PROVIDER_REPLY_BYTES_MAX);
                    state.receipts.broke_off(&walk.of, now);
                    break;
                }
                page => page?,
            };
            state.pay(page.bytes);
            let items = std::mem::take(&mut page.items);
            self.taking.take([], items).await.map_err(log)?;
            state.receipts.note(walk, &page, now);
        }
        Ok(())
    }
}

impl Receipts {
    /// Forgets what is awaited no longer.
    fn forget_all_but(&mut self, awaited: &[Awaited]) {
        let is_awaited = |key: &OutboxKey| awaited.iter().any(|one| one.key == *key);
        self.asked.retain(|key, _| is_awaited(key));
        self.walk = self.walk.take().filter(|walk| is_awaited(&walk.of.key));
    }

    /// The page to ask for next: of the message that is being looked for, or of
    /// the one whose wait is over first among those whose turn it is.
    fn next(&mut self, awaited: &[Awaited], ample: bool, now: UnixMs) -> Option<Walk> {
        let rests = |broke: UnixMs| (0..BROKE_MS).contains(&now.ms_since(broke));
        if self.broke.is_some_and(rests) {
            return None;
        }
        let may = |one: &Awaited| ample || self.is_last(one, now);
        if let Some(walk) = self.walk.as_ref().filter(|walk| may(&walk.of)) {
            return Some(walk.clone());
        }
        let due = awaited
            .iter()
            .filter(|one| may(one) && self.is_due(one, now));
        let of = due.min_by_key(|one| (one.ends_at.unwrap_or(UnixMs(i64::MAX)), one.taken_at))?;
        Some(Walk {
            of: of.clone(),
            page: 1,
            before: Vec::new(),
        })
    }

    fn is_due(&self, one: &Awaited, now: UnixMs) -> bool {
        let again = |asked: UnixMs| now.ms_since(asked) >= AGAIN_MS;
        let fresh = now.ms_since(one.taken_at) < FRESH_MS;
        self.is_last(one, now) || (!fresh && self.asked_at(one, now).is_none_or(again))
    }

    /// Whether its wait is nearly over, and it was not looked for since that began.
    fn is_last(&self, one: &Awaited, now: UnixMs) -> bool {
        let begins = one.ends_at.map(|at| at.plus_ms(-LAST_MS));
        let missed = |begins| self.asked_at(one, now).is_none_or(|asked| asked < begins);
        begins.is_some_and(|begins| begins <= now && missed(begins))
    }

    /// What was done in a time to come was dated by a clock that was ahead.
    fn asked_at(&self, one: &Awaited, now: UnixMs) -> Option<UnixMs> {
        self.asked.get(&one.key).copied().filter(|at| *at <= now)
    }

    /// The line broke under a question: nothing is asked for a while, and this
    /// message not for hours, unless its wait is nearly over.
    fn broke_off(&mut self, one: &Awaited, now: UnixMs) {
        self.broke = Some(now);
        if self.is_last(one, now) {
            self.walk = None;
        } else {
            self.looked_for(one.key.clone(), now);
        }
    }

    /// A message was looked for, as far as it can be.
    fn looked_for(&mut self, key: OutboxKey, now: UnixMs) {
        self.walk = self.walk.take().filter(|walk| walk.of.key != key);
        self.asked.insert(key, now);
    }

    /// Notes what stood on a page, and whether the next one is to be turned to.
    fn note(&mut self, walk: Walk, page: &Deliveries, now: UnixMs) {
        for key in &page.keys {
            self.looked_for(key.clone(), now);
        }
        // What was taken in a time to come was taken by a clock that was ahead.
        let taken_at = walk.of.taken_at;
        let ground = if taken_at <= now {
            taken_at.plus_ms(-CLOCKS_MS)
        } else {
            UnixMs(i64::MIN)
        };
        let over = page.rows == 0
            || page.keys.contains(&walk.of.key)
            || page.earliest.is_some_and(|at| at < ground)
            || (!page.keys.is_empty() && page.keys == walk.before)
            || walk.page >= PAGES_MAX;
        if over {
            self.looked_for(walk.of.key, now);
            return;
        }
        self.walk = Some(Walk {
            page: walk.page + 1,
            before: page.keys.clone(),
            ..walk
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_168_800_000);

    fn awaited(name: &str, taken: i64, ends: Option<i64>) -> Awaited {
        Awaited {
            key: OutboxKey(name.into()),
            taken_at: NOW.plus_ms(taken),
            ends_at: ends.map(|ms| NOW.plus_ms(ms)),
        }
    }

    fn page(keys: &[&str], rows: usize, earliest: i64) -> Deliveries {
        Deliveries {
            keys: keys.iter().map(|key| OutboxKey((*key).into())).collect(),
            rows,
            earliest: Some(NOW.plus_ms(earliest)),
            ..Deliveries::default()
        }
    }

    #[test]
    fn a_line_that_breaks_costs_no_last_look() {
        let last = awaited("ob:a", -167 * HOUR_MS, Some(HOUR_MS / 2));
        let mut receipts = Receipts::default();
        let all = std::slice::from_ref(&last);
        let walk = receipts.next(all, false, NOW).unwrap();
        receipts.broke_off(&walk.of, NOW);
        assert!(
            receipts
                .next(all, false, NOW.plus_ms(BROKE_MS - 1))
                .is_none()
        );
        assert!(receipts.next(all, false, NOW.plus_ms(BROKE_MS)).is_some());
        let early = awaited("ob:b", -30 * HOUR_MS, Some(100 * HOUR_MS));
        receipts.broke_off(&early, NOW);
        let later = NOW.plus_ms(BROKE_MS);
        assert!(receipts.next(&[early], true, later).is_none());
    }

    #[test]
    fn each_is_looked_for_now_and_then_and_once_before_its_wait_is_over() {
        let old = awaited("ob:a", -70 * HOUR_MS, Some(98 * HOUR_MS));
        let mut receipts = Receipts::default();
        let mut looks = Vec::new();
        for minutes in (0..98 * 60).step_by(5) {
            let now = NOW.plus_ms(minutes * MINUTE_MS);
            if receipts.is_due(&old, now) {
                receipts.looked_for(old.key.clone(), now);
                looks.push(minutes / 60);
            }
        }
        let rare: Vec<i64> = (0..97).step_by(6).chain([97]).collect();
        assert_eq!(looks, rare);
        let fresh = awaited("ob:b", -FRESH_MS + 1, Some(LAST_MS + 1));
        assert!(
            !receipts.is_due(&fresh, NOW),
            "its news are on the first page"
        );
        let brief = awaited("ob:b", -MINUTE_MS, Some(LAST_MS));
        assert!(receipts.is_due(&brief, NOW), "whatever the wait is");
        receipts.looked_for(old.key.clone(), NOW.plus_ms(1));
        assert!(receipts.is_due(&old, NOW), "by a clock that was ahead");
    }

    #[test]
    fn pages_are_turned_until_the_message_or_what_is_older_is_reached() {
        let one = awaited("ob:a", -9 * HOUR_MS, None);
        let cases = [
            (page(&["ob:b"], 50, 0), true),
            (page(&["ob:b", "ob:a"], 50, 0), false),
            (page(&[], 0, 0), false),
            (page(&["ob:b"], 50, -11 * HOUR_MS), false),
        ];
        for (told, goes_on) in cases {
            let mut receipts = Receipts::default();
            let walk = receipts
                .next(std::slice::from_ref(&one), true, NOW)
                .unwrap();
            receipts.note(walk, &told, NOW);
            let next = receipts.next(std::slice::from_ref(&one), true, NOW);
            let next = next.map(|walk| walk.page);
            assert_eq!(next, goes_on.then_some(2), "{told:?}");
        }
    }

    #[test]
    fn a_list_that_is_the_same_for_every_page_and_one_without_end_are_given_up() {
        let one = [awaited("ob:a", -9 * HOUR_MS, None)];
        let turned = |page_of: &dyn Fn(usize) -> Deliveries| {
            let (mut receipts, mut pages) = (Receipts::default(), 0);
            while let Some(walk) = receipts.next(&one, true, NOW) {
                pages += 1;
                receipts.note(walk, &page_of(pages), NOW);
            }
            pages
        };
        assert_eq!(turned(&|_| page(&["ob:b"], 50, 0)), 2);
        let other = |nth: usize| page(&[&format!("ob:b{nth}")], 50, 0);
        assert_eq!(turned(&other), PAGES_MAX);
    }

    #[test]
    fn one_walk_serves_all_that_it_passes_and_keeps_nobody_for_ever() {
        let list = [
            awaited("ob:a", -9 * HOUR_MS, None),
            awaited("ob:b", -8 * HOUR_MS, None),
            awaited("ob:c", -7 * HOUR_MS, Some(MINUTE_MS)),
        ];
        let mut receipts = Receipts::default();
        let first = receipts.next(&list, true, NOW).unwrap();
        assert_eq!(first.of.key.0, "ob:c", "its wait is over first");
        receipts.note(first, &page(&["ob:b", "ob:c", "ob:x"], 50, 0), NOW);
        let second = receipts.next(&list, true, NOW).unwrap();
        assert_eq!(second.of.key.0, "ob:a");
        receipts.note(second, &page(&["ob:x"], 50, 0), NOW);
        receipts.forget_all_but(&list[1..]);
        assert!(
            receipts.next(&list[1..], true, NOW).is_none(),
            "it has arrived"
        );
        assert_eq!(receipts.asked.len(), 2);
    }

    #[test]
    fn where_little_may_be_spent_only_what_ends_soon_is_looked_for() {
        let list = [
            awaited("ob:a", -9 * HOUR_MS, Some(9 * HOUR_MS)),
            awaited("ob:b", -8 * HOUR_MS, Some(LAST_MS)),
        ];
        let mut receipts = Receipts::default();
        assert!(receipts.next(&list[..1], false, NOW).is_none());
        let walk = receipts.next(&list[..1], true, NOW).unwrap();
        receipts.note(walk, &page(&["ob:x"], 50, 0), NOW);
        let last = receipts.next(&list, false, NOW).unwrap();
        assert_eq!((last.of.key.0.as_str(), last.page), ("ob:b", 1));
        receipts.note(last, &page(&["ob:b"], 1, 0), NOW);
        assert!(receipts.next(&list, false, NOW).is_none());
        let first = receipts.next(&list, true, NOW).unwrap();
        assert_eq!((first.of.key.0.as_str(), first.page), ("ob:a", 2));
    }
}
