//! Looks into the provider's chats for what no webhook brought: after an
//! outage before anything is sent, and as often as it can be afforded. With it
//! a clinic needs no public way in.
//!
//! It stores through the same door as a webhook, so that nothing counts twice,
//! and it never answers anybody.

mod hold;
mod rhythm;

pub use hold::{Hold, Pulse};
pub use rhythm::{Rhythm, wait_ms};

use self::rhythm::BUSY_MS;
use crate::core::limits::{
    CHATS_PER_POLL_MAX, DELIVERY_PAGES_MAX, FAR_QUEUE_MAX, MESSAGES_PER_CHAT_MAX, PULL_FIRST_MS_MAX,
};
use crate::core::time::{DAY_MS, HOUR_MS, MINUTE_MS, UnixMs};
use crate::ports::{Chat, Chats, History, Standing, Unanswered};
use crate::store::{Readers, polling};
use crate::work::line::Line;
use crate::work::taking::Taking;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How far before its first look this box begins to listen.
const BEFORE_MS: i64 = 10 * MINUTE_MS;
/// For how long news of a message is asked for: a little longer than the
/// provider itself keeps one it could not send.
const NEWS_MS: i64 = DAY_MS + HOUR_MS;
/// Wait between looks for messages the provider gave up.
const GIVEN_UP_MS: i64 = 10 * MINUTE_MS;
/// Longest wait of sends for the first look.
const PATIENCE: Duration = Duration::from_millis(PULL_FIRST_MS_MAX);
/// Newest messages looked at first; more while nothing known is met.
const FIRST_LOOK: usize = 10;

/// What one look found.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    bytes: usize,
    messages: u32,
    more: bool,
    crowded: bool,
}

/// A chat with something new in it.
struct Changed {
    chat: Chat,
    /// Hash of its name.
    key: [u8; 16],
    /// What is remembered once it was pulled.
    mark: UnixMs,
}

/// What is remembered of a chat whose latest stamp is `last`; none if there is
/// nothing to pull. Stamps are whole seconds, so more may come under the same
/// one: each is pulled at two looks before it counts as done.
fn next_mark(known: Option<UnixMs>, last: Option<UnixMs>) -> Option<UnixMs> {
    let Some(last) = last else {
        return Some(UnixMs(0));
    };
    let pulled_once = last.plus_ms(-1);
    if known == Some(last) {
        None
    } else if known == Some(pulled_once) {
        Some(last)
    } else {
        Some(pulled_once)
    }
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
        let state = State::new(self.now());
        self.run_on(state, stop).await;
    }

    async fn run_on(self, mut state: State, stop: CancellationToken) {
        let mut waited = None;
        self.hold.set_open(false);
        loop {
            if !self.line.state().carries(self.now()) {
                state = State::new(self.now());
                waited = None;
                self.hold.set_open(false);
            } else if waited.is_none() {
                let looked = tokio::select! {
                    looked = self.look(&mut state.given_up_at) => looked,
                    never = self.lose_patience(state.since, state.rhythm.crowded) => match never {},
                    () = stop.cancelled() => return,
                };
                state.note(&looked, self.now());
                self.let_sends_go(&state);
                waited = Some(0);
            }
            let left = self.wait_ms(&state).await - waited.unwrap_or(0);
            let nap = left.clamp(0, BUSY_MS);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(nap.unsigned_abs())) => {
                    waited = waited.map(|ms: i64| ms + nap).filter(|_| left > nap);
                }
                never = self.lose_patience(state.since, state.rhythm.crowded) => match never {},
                () = self.line.changed() => waited = None,
                () = stop.cancelled() => return,
            }
        }
    }

    fn now(&self) -> UnixMs {
        self.taking.clock.now().at
    }

    async fn wait_ms(&self, state: &State) -> i64 {
        let now = self.now();
        if !self.line.state().carries(now) {
            return BUSY_MS;
        }
        let since = now.plus_ms(-NEWS_MS);
        let far = self
            .readers
            .read(move |conn| polling::count_far(conn, since, now, FAR_QUEUE_MAX));
        wait_ms(Rhythm {
            quiet_ms: now.ms_since(state.lively),
            unheard_ms: now.ms_since(self.pulse.heard()),
            crowded: state.rhythm.crowded || far.await.unwrap_or(0) >= FAR_QUEUE_MAX,
            ..state.rhythm
        })
    }

    /// Sends wait for the first look, but not for a provider that will not
    /// give one; and while its own queue is full.
    fn let_sends_go(&self, state: &State) {
        let patient = state.since.elapsed() < PATIENCE;
        if (state.caught_up || !patient) && !state.rhythm.crowded {
            self.open();
        } else {
            self.hold.set_open(false);
        }
    }

    /// Lets sends go once they have waited for long enough, whatever is going on:
    /// over a slow line one look can take many minutes.
    async fn lose_patience(&self, since: Instant, crowded: bool) -> Infallible {
        tokio::time::sleep_until(since + PATIENCE).await;
        if !crowded {
            self.open();
        }
        std::future::pending().await
    }

    fn open(&self) {
        if !self.hold.is_open() {
            self.hold.set_open(true);
            self.taking.bells.sender.ring();
        }
    }

    async fn look(&self, given_up_at: &mut UnixMs) -> Result<Look, Unanswered> {
        let chats = self.history.chats().await?;
        let mut look = Look {
            bytes: chats.bytes,
            ..Look::default()
        };
        let began = self.begin(&chats).await?;
        let (known, unsettled) = self.known().await?;
        let changed = self.changed(chats, &known, began);
        look.more = changed.len() > CHATS_PER_POLL_MAX;
        for changed in changed.into_iter().take(CHATS_PER_POLL_MAX) {
            self.pull(changed, began, &mut look).await?;
        }
        if look.messages > 0 {
            self.pulse.miss();
        }
        if unsettled {
            self.ask_for_news(given_up_at, &mut look).await?;
        }
        Ok(look)
    }

    /// Since when this box listens. The newest stamp there is counts too: our
    /// own clock may not be set yet.
    async fn begin(&self, chats: &Chats) -> Result<UnixMs, Unanswered> {
        let now = self.taking.clock.now();
        let newest = chats.list.iter().filter_map(|chat| chat.last).max();
        let at = newest.max(Some(now.at)).unwrap_or_default();
        // After all that is known of the time it cannot have begun.
        let latest = now.trusted.then(|| at.plus_ms(HOUR_MS));
        let is_sound = |began: &UnixMs| latest.is_none_or(|latest| *began <= latest);
        if let Some(began) = self.pulse.began().filter(is_sound) {
            return Ok(began);
        }
        let at = at.plus_ms(-BEFORE_MS);
        let instance = Arc::clone(&self.taking.our_id);
        let begun = self.taking.writer.run(move |conn| {
            polling::begin(conn, &instance, at, latest)?;
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
    ) -> Vec<Changed> {
        let mut changed: Vec<Changed> = chats
            .list
            .into_iter()
            .filter(|chat| chat.last.is_none_or(|last| last >= began))
            .filter_map(|chat| {
                let key = self.taking.box_key.keyed_hash(chat.id.as_str());
                let mark = next_mark(known.get(&key).copied(), chat.last)?;
                Some(Changed { chat, key, mark })
            })
            .collect();
        changed.sort_by_key(|changed| changed.chat.last);
        changed
    }

    /// Takes in what a chat holds, going back until known ground is met: what
    /// is new may lie below what a webhook brought already.
    async fn pull(
        &self,
        changed: Changed,
        began: UnixMs,
        look: &mut Look,
    ) -> Result<(), Unanswered> {
        let Changed { chat, key, mark } = changed;
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
        let saw = move |conn: &_| polling::saw(conn, &key, mark);
        self.taking.writer.run(saw).await.map_err(log)
    }

    /// How our own messages fared: the newest ones, and now and then those
    /// the provider gave up.
    async fn ask_for_news(
        &self,
        given_up_at: &mut UnixMs,
        look: &mut Look,
    ) -> Result<(), Unanswered> {
        look.crowded = self.history.backlog().await? >= FAR_QUEUE_MAX;
        for page in 1..=DELIVERY_PAGES_MAX {
            if !self.news(Standing::Any, page).await? {
                break;
            }
        }
        let now = self.now();
        if now.ms_since(*given_up_at) >= GIVEN_UP_MS || now < *given_up_at {
            for standing in [Standing::Expired, Standing::Invalid, Standing::Unsent] {
                self.news(standing, 1).await?;
            }
            *given_up_at = now;
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
    since: Instant,
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
            since: Instant::now(),
            lively: now,
            caught_up: false,
            given_up_at: UnixMs(0),
        }
    }

    fn note(&mut self, looked: &Result<Look, Unanswered>, now: UnixMs) {
        let Ok(look) = looked else {
            self.rhythm.failed = self.rhythm.failed.saturating_add(1);
            // What cannot be asked must not hold sends back for ever.
            self.rhythm.crowded = false;
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
mod tests;
