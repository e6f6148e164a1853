//! Looks into the provider's chats for what no webhook brought: after an
//! outage before anything is sent, and as often as it can be afforded. With it
//! a clinic needs no public way in.
//!
//! It stores through the same door as a webhook, so that nothing counts twice,
//! and it never answers anybody.

use crate::core::limits::{
    CHATS_PER_POLL_MAX, DELIVERY_PAGES_MAX, FAR_QUEUE_MAX, MESSAGES_PER_CHAT_MAX,
    POLL_BYTES_PER_DAY, PULL_FIRST_MS_MAX,
};
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, UnixMs};
use crate::ports::{Chat, Chats, History, Standing, Unanswered};
use crate::store::{Readers, polling};
use crate::work::line::Line;
use crate::work::taking::Taking;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Wait between looks while somebody is writing.
const BUSY_MS: i64 = 3 * SECOND_MS;
/// Wait between looks while nobody is.
const IDLE_MS: i64 = 20 * SECOND_MS;
/// Wait between looks while webhooks arrive: they are only a net below them.
const HEARD_MS: i64 = 5 * MINUTE_MS;
/// For how long after a message somebody counts as writing.
const LIVELY_MS: i64 = 5 * MINUTE_MS;
/// For how long after a webhook they are believed to arrive.
const HEARD_FOR_MS: i64 = HOUR_MS;
/// First wait after a look that failed; it doubles.
const FAILED_MS: i64 = 2 * SECOND_MS;
/// Longest wait after looks that failed.
const FAILED_MS_MAX: i64 = 5 * MINUTE_MS;
/// How far before its first look this box begins to listen.
const BEFORE_MS: i64 = 10 * MINUTE_MS;
/// For how long news of a message is asked for: a little longer than the
/// provider itself keeps one it could not send.
const NEWS_MS: i64 = DAY_MS + HOUR_MS;
/// Wait between looks for messages the provider gave up.
const GIVEN_UP_MS: i64 = 10 * MINUTE_MS;
/// Newest messages looked at first; more while nothing known is met.
const FIRST_LOOK: usize = 10;

/// Keeps sends back while something must come before them. Open unless told.
#[derive(Clone)]
pub struct Hold(Arc<AtomicBool>);

impl Default for Hold {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Hold {
    /// Whether sends may leave.
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Opens or closes it.
    pub fn set_open(&self, open: bool) {
        self.0.store(open, Ordering::Relaxed);
    }
}

/// What the webhook and polling tell one another.
#[derive(Clone)]
pub struct Pulse {
    began: Arc<AtomicI64>,
    heard: Arc<AtomicI64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            began: Arc::new(AtomicI64::new(i64::MIN)),
            heard: Arc::new(AtomicI64::new(i64::MIN)),
        }
    }
}

impl Pulse {
    /// Since when this box listens; none before the first look.
    pub fn began(&self) -> Option<UnixMs> {
        Some(self.began.load(Ordering::Relaxed))
            .filter(|at| *at != i64::MIN)
            .map(UnixMs)
    }

    fn begin(&self, at: UnixMs) {
        self.began.store(at.0, Ordering::Relaxed);
    }

    /// Notes that a webhook came.
    pub fn hear(&self, at: UnixMs) {
        self.heard.store(at.0, Ordering::Relaxed);
    }

    fn heard(&self) -> UnixMs {
        UnixMs(self.heard.load(Ordering::Relaxed))
    }
}

/// What the next look depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// Looks in a row that failed.
    pub failed: u32,
    /// Whether the last one left something for the next.
    pub more: bool,
    /// What the list of chats cost, bytes: each look pays it anew.
    pub bytes: usize,
    /// Since the last message of either side, ms.
    pub quiet_ms: i64,
    /// Since the last webhook, ms.
    pub unheard_ms: i64,
    /// Whether the provider's own queue is full.
    pub crowded: bool,
}

/// How long to wait for the next look, ms. A clinic whose webhooks arrive
/// needs few; one without a public way in pays for each, so large lists are
/// asked for ever more rarely.
pub fn wait_ms(rhythm: Rhythm) -> i64 {
    if rhythm.failed > 0 {
        return FAILED_MS
            .saturating_mul(1 << (rhythm.failed - 1).min(16))
            .min(FAILED_MS_MAX);
    }
    if rhythm.more {
        return 0;
    }
    let base = if rhythm.crowded || rhythm.quiet_ms < LIVELY_MS {
        BUSY_MS
    } else {
        IDLE_MS
    };
    if rhythm.unheard_ms < HEARD_FOR_MS && !rhythm.crowded {
        return base.max(HEARD_MS);
    }
    let bytes = i64::try_from(rhythm.bytes).unwrap_or(i64::MAX);
    let affordable = bytes.saturating_mul(DAY_MS) / POLL_BYTES_PER_DAY;
    base.max(affordable)
}

/// What one look found.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    bytes: usize,
    messages: u32,
    more: bool,
    crowded: bool,
}

/// The worker.
pub struct Poll<H> {
    /// The provider's memory.
    pub history: Arc<H>,
    /// The door.
    pub taking: Taking,
    /// Where it is read what was seen.
    pub readers: Readers,
    /// What is known of the line.
    pub line: Line,
    /// Keeps the sender back until the first look after an outage is done.
    pub hold: Hold,
    /// Shared with the webhook.
    pub pulse: Pulse,
}

impl<H: History> Poll<H> {
    /// Looks again and again until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut state = State::new(self.now());
        self.hold.set_open(false);
        loop {
            if !self.line.state().carries(self.now()) {
                state = State::new(self.now());
                self.hold.set_open(false);
            } else {
                let looked = tokio::select! {
                    looked = self.look(&mut state) => looked,
                    () = stop.cancelled() => return,
                };
                state.note(&looked, self.now());
                self.let_sends_go(&state);
            }
            let wait = self.wait(&state);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.line.changed() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn now(&self) -> UnixMs {
        self.taking.clock.now().at
    }

    fn wait(&self, state: &State) -> Duration {
        let now = self.now();
        let rhythm = Rhythm {
            quiet_ms: now.ms_since(state.lively),
            unheard_ms: now.ms_since(self.pulse.heard()),
            ..state.rhythm
        };
        Duration::from_millis(u64::try_from(wait_ms(rhythm)).unwrap_or(0))
    }

    /// Sends wait for the first look, but not for a provider that will not
    /// give one; and while its own queue is full.
    fn let_sends_go(&self, state: &State) {
        let patient = self.now().ms_since(state.since) < PULL_FIRST_MS_MAX;
        let open = (state.caught_up || !patient) && !state.rhythm.crowded;
        if open && !self.hold.is_open() {
            self.hold.set_open(true);
            self.taking.bells.sender.ring();
        } else if !open {
            self.hold.set_open(false);
        }
    }

    async fn look(&self, state: &mut State) -> Result<Look, Unanswered> {
        let chats = self.history.chats().await?;
        let mut look = Look {
            bytes: chats.bytes,
            ..Look::default()
        };
        let began = self.begin(&chats).await?;
        let (known, unsettled) = self.known().await?;
        let changed = self.changed(chats, &known, began);
        look.more = changed.len() > CHATS_PER_POLL_MAX;
        for (key, chat) in changed.into_iter().take(CHATS_PER_POLL_MAX) {
            self.pull(&chat, key, began, &mut look).await?;
        }
        if unsettled {
            self.ask_for_news(state, &mut look).await?;
        }
        Ok(look)
    }

    /// Since when this box listens. The newest stamp there is counts too: our
    /// own clock may not be set yet.
    async fn begin(&self, chats: &Chats) -> Result<UnixMs, Unanswered> {
        if let Some(began) = self.pulse.began() {
            return Ok(began);
        }
        let newest = chats.list.iter().filter_map(|chat| chat.last).max();
        let at = newest.max(Some(self.now())).unwrap_or_default();
        let at = at.plus_ms(-BEFORE_MS);
        let instance = Arc::clone(&self.taking.our_id);
        let begun = self.taking.writer.run(move |conn| {
            polling::begin(conn, &instance, at)?;
            polling::began(conn, &instance)
        });
        let began = begun.await.map_err(log)?.unwrap_or(at);
        self.pulse.begin(began);
        Ok(began)
    }

    async fn known(&self) -> Result<(BTreeMap<[u8; 16], UnixMs>, bool), Unanswered> {
        let since = self.now().plus_ms(-NEWS_MS);
        let read = self
            .readers
            .read(move |conn| Ok((polling::stamps(conn)?, polling::any_unsettled(conn, since)?)));
        read.await.map_err(log)
    }

    /// Chats with something new in them, the one that waits longest first.
    fn changed(
        &self,
        chats: Chats,
        known: &BTreeMap<[u8; 16], UnixMs>,
        began: UnixMs,
    ) -> Vec<([u8; 16], Chat)> {
        let mut changed: Vec<([u8; 16], Chat)> = chats
            .list
            .into_iter()
            .map(|chat| (self.taking.box_key.keyed_hash(chat.id.as_str()), chat))
            .filter(|(key, chat)| match chat.last {
                Some(last) => last >= began && known.get(key) != Some(&last),
                None => true,
            })
            .collect();
        changed.sort_by_key(|(_, chat)| chat.last);
        changed
    }

    /// Takes in what a chat holds, going back until known ground is met: what
    /// is new may lie below what a webhook brought already.
    async fn pull(
        &self,
        chat: &Chat,
        key: [u8; 16],
        began: UnixMs,
        look: &mut Look,
    ) -> Result<(), Unanswered> {
        let mut newest = FIRST_LOOK;
        loop {
            let page = self.history.messages(&chat.id, newest).await?;
            let whole = page.messages < newest || newest >= MESSAGES_PER_CHAT_MAX;
            let mut familiar = None;
            for told in page.told {
                if told.item.stamped().is_some_and(|at| at < began) {
                    familiar = Some(true);
                    continue;
                }
                let taken = self.taking.take(told.raw.into_inner(), vec![told.item]);
                let tally = taken.await.map_err(log)?;
                look.messages = look.messages.saturating_add(tally.messages);
                familiar.get_or_insert(tally.duplicates > 0);
            }
            if whole || familiar == Some(true) {
                break;
            }
            newest = newest.saturating_mul(4).min(MESSAGES_PER_CHAT_MAX);
        }
        let stamp = chat.last.unwrap_or_default();
        let saw = move |conn: &_| polling::saw(conn, &key, stamp);
        self.taking.writer.run(saw).await.map_err(log)
    }

    /// How our own messages fared: the newest ones, and now and then those
    /// the provider gave up.
    async fn ask_for_news(&self, state: &mut State, look: &mut Look) -> Result<(), Unanswered> {
        look.crowded = self.history.backlog().await? >= FAR_QUEUE_MAX;
        for page in 1..=DELIVERY_PAGES_MAX {
            if !self.news(Standing::Any, page).await? {
                break;
            }
        }
        let now = self.now();
        if now.ms_since(state.given_up_at) >= GIVEN_UP_MS || now < state.given_up_at {
            for standing in [Standing::Expired, Standing::Invalid, Standing::Unsent] {
                self.news(standing, 1).await?;
            }
            state.given_up_at = now;
        }
        Ok(())
    }

    /// Takes in one page; true if it held anything new.
    async fn news(&self, standing: Standing, page: usize) -> Result<bool, Unanswered> {
        let page = self.history.deliveries(standing, page).await?;
        // The rows hold our own words and the person's number; the item says
        // all that is needed of them.
        let tally = self.taking.take([], page.items).await.map_err(log)?;
        Ok(tally.statuses > 0)
    }
}

/// What the loop remembers of the current stretch of working line.
struct State {
    rhythm: Rhythm,
    /// Since when the line has been up.
    since: UnixMs,
    /// When somebody last wrote.
    lively: UnixMs,
    /// Whether one look has found nothing more to pull since then.
    caught_up: bool,
    /// When what the provider gave up was last asked for.
    given_up_at: UnixMs,
}

impl State {
    fn new(now: UnixMs) -> Self {
        Self {
            rhythm: Rhythm::default(),
            since: now,
            lively: now,
            caught_up: false,
            given_up_at: UnixMs(0),
        }
    }

    fn note(&mut self, looked: &Result<Look, Unanswered>, now: UnixMs) {
        let Ok(look) = looked else {
            self.rhythm.failed = self.rhythm.failed.saturating_add(1);
            return;
        };
        self.rhythm = Rhythm {
            failed: 0,
            more: look.more,
            bytes: look.bytes,
            crowded: look.crowded,
            ..self.rhythm
        };
        self.caught_up |= !look.more;
        if look.messages > 0 || now < self.lively {
            self.lively = now;
        }
    }
}

fn log(error: crate::store::Error) -> Unanswered {
    tracing::error!(%error, "what the provider holds could not be taken in");
    Unanswered
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const QUIET: Rhythm = Rhythm {
        failed: 0,
        more: false,
        bytes: 2_000,
        quiet_ms: HOUR_MS,
        unheard_ms: i64::MAX,
        crowded: false,
    };

    #[test]
    fn the_wait_follows_what_there_is_to_gain() {
        let cases = [
            (QUIET, IDLE_MS),
            (
                Rhythm {
                    quiet_ms: 0,
                    ..QUIET
                },
                3_295,
            ),
            (
                Rhythm {
                    bytes: 0,
                    quiet_ms: 0,
                    ..QUIET
                },
                BUSY_MS,
            ),
            (
                Rhythm {
                    unheard_ms: 0,
                    quiet_ms: 0,
                    ..QUIET
                },
                HEARD_MS,
            ),
            (
                Rhythm {
                    more: true,
                    ..QUIET
                },
                0,
            ),
            (
                Rhythm {
                    failed: 1,
                    more: true,
                    ..QUIET
                },
                FAILED_MS,
            ),
            (
                Rhythm {
                    failed: 99,
                    ..QUIET
                },
                FAILED_MS_MAX,
            ),
            // A list of a thousand chats is read every six minutes.
            (
                Rhythm {
                    bytes: 200_000,
                    quiet_ms: 0,
                    ..QUIET
                },
                329_589,
            ),
        ];
        for (rhythm, wait) in cases {
            assert_eq!(wait_ms(rhythm), wait, "{rhythm:?}");
        }
    }

    proptest! {
        #[test]
        fn lists_never_cost_more_than_the_day_allows(bytes in 0_usize..3_000_000, quiet_ms: i64, unheard_ms: i64, crowded: bool) {
            let wait = wait_ms(Rhythm { bytes, quiet_ms, unheard_ms, crowded, ..QUIET });
            prop_assert!(wait >= BUSY_MS);
            let bytes = i64::try_from(bytes).unwrap();
            let per_day = bytes * (DAY_MS / wait);
            prop_assert!(unheard_ms < HEARD_FOR_MS || per_day <= POLL_BYTES_PER_DAY, "{per_day}");
        }
    }

    #[test]
    fn sends_are_let_go_unless_told_otherwise() {
        assert!(Hold::default().is_open());
        assert_eq!(Pulse::default().began(), None);
    }
}
