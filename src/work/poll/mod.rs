//! Looks into the provider's chats for what no webhook brought: after an
//! outage before anything is sent, and as often as it can be afforded. With it
//! a clinic needs no public way in.
//!
//! It stores through the same door as a webhook, so that nothing counts twice,
//! and it never answers anybody.

mod allowance;
mod aside;
mod chats;
mod hold;
mod pull;
mod receipts;
mod rhythm;
mod trouble;
mod width;

pub use hold::{Hold, Pulse};
pub use rhythm::{Rhythm, wait_ms};

use self::allowance::Allowance;
use self::aside::Aside;
use self::chats::{Changed, changed};
use self::receipts::Receipts;
use self::rhythm::BUSY_MS;
use self::trouble::Trouble;
use self::width::Width;
use crate::core::inbound::Identity;
use crate::core::limits::{
    CHATS_PER_POLL_MAX, FAR_QUEUE_MAX, PROVIDER_CHATS_BYTES_MAX, PULL_FIRST_MS_MAX,
};
use crate::core::time::{DAY_MS, HOUR_MS, UnixMs};
use crate::ports::{Chat, History, Unanswered};
use crate::store::Readers;
use crate::store::polling::{self, LISTENS_BEFORE_MS, Seen, Unsettled};
use crate::work::line::Line;
use crate::work::taking::Taking;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// For how long news of a message is asked for: a little longer than the
/// provider itself keeps one it could not send.
const NEWS_MS: i64 = DAY_MS + HOUR_MS;
/// Chats in one look that may come back as no list.
const ODD_MAX: u32 = 3;
/// Longest wait of sends for the first look.
const PATIENCE: Duration = Duration::from_millis(PULL_FIRST_MS_MAX);

/// What one look found.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    messages: u32,
    more: bool,
    crowded: bool,
}

/// What the database knows before a look.
struct Known {
    began: Option<UnixMs>,
    seen: BTreeMap<[u8; 16], Seen>,
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
        let state = State::new(self.now(), Allowance::full(self.steady_ms()));
        self.run_on(state, stop).await;
    }

    async fn run_on(self, mut state: State, stop: CancellationToken) {
        let mut waited = None;
        self.hold.set_open(false);
        loop {
            if !self.line.state().carries(self.now()) {
                state = State {
                    aside: state.aside,
                    receipts: state.receipts,
                    width: state.width,
                    ..State::new(self.now(), state.allowance)
                };
                waited = None;
                self.hold.set_open(false);
            } else if waited.is_none() {
                let (since, crowded) = (state.since, state.rhythm.crowded);
                let looked = tokio::select! {
                    looked = self.look(&mut state) => looked,
                    never = self.lose_patience(since, crowded) => match never {},
                    () = stop.cancelled() => return,
                };
                state.note(&looked, self.now(), self.steady_ms());
                self.tell(&mut state, looked.err()).await;
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

    fn steady_ms(&self) -> i64 {
        self.line.moment(self.now()).steady_ms
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
            owed_ms: state.allowance.wait_ms(self.steady_ms()),
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

    /// Goes on with what the last list has told, or asks for one.
    async fn look(&self, state: &mut State) -> Result<Look, Unanswered> {
        if state.left.is_empty() {
            self.list(state).await?;
        }
        let mut look = Look::default();
        let mut odd = 0;
        for _ in 0..CHATS_PER_POLL_MAX {
            let Some(changed) = state.left.pop_front() else {
                break;
            };
            let key = changed.key;
            let (who, last) = (changed.chat.who.clone(), changed.chat.last);
            match self.pull(changed, state, &mut look).await {
                // A chat that cannot be read keeps no other from being heard;
                // several are trouble of the provider.
                Err(Unanswered::Odd) if odd < ODD_MAX => {
                    odd += 1;
                    self.set_aside(state, key, (who, last)).await?;
                }
                pulled => {
                    pulled?;
                    state.read_again(&key);
                }
            }
        }
        // Those without a stamp stand at the end and keep nobody waiting.
        look.more = state.left.front().is_some_and(|it| it.chat.last.is_some());
        if look.messages > 0 {
            self.pulse.miss();
        }
        let since = self.now().plus_ms(-NEWS_MS);
        let unsettled = self
            .readers
            .read(move |conn| polling::unsettled(conn, since));
        let unsettled: Unsettled = unsettled.await.map_err(log)?;
        self.ask_for_news(unsettled, state, &mut look).await?;
        if state.caught_up && !look.more {
            self.ask_for_receipts(state).await?;
        }
        Ok(look)
    }

    /// A chat that comes back as no list is tried again later. One that stays so is
    /// read on the clinic's phone, whenever there is something new in it.
    async fn set_aside(
        &self,
        state: &mut State,
        key: [u8; 16],
        (who, last): (Identity, Option<UnixMs>),
    ) -> Result<(), Unanswered> {
        let now = self.now();
        let aside = state.aside.entry(key).or_default();
        if !aside.set(last, now) {
            return Ok(());
        }
        tracing::warn!("a chat cannot be read: staff read it on the clinic's phone");
        let missed = move |conn: &_| polling::missed(conn, &who, now);
        self.taking.writer.run(missed).await.map_err(log)
    }

    /// Asks for the chats and notes which are to be pulled.
    async fn list(&self, state: &mut State) -> Result<(), Unanswered> {
        let chats = state.cut_off(self.history.chats().await, PROVIDER_CHATS_BYTES_MAX);
        if let Ok(chats) = &chats {
            state.pay(chats.bytes);
        }
        state.listed = state.spent;
        let chats = chats?;
        let instance = Arc::clone(&self.taking.our_id);
        let known = self.readers.read(move |conn| {
            Ok(Known {
                began: polling::began(conn, &instance)?,
                seen: polling::seen(conn)?,
            })
        });
        let known = known.await.map_err(log)?;
        let Some(began) = self.begin(&chats.list, known.began).await? else {
            return Ok(());
        };
        state.began = began;
        let key_of = |chat: &Chat| self.taking.box_key.keyed_hash(chat.id.as_str());
        let mut list = chats.list;
        let (now, aside) = (self.now(), &state.aside);
        list.retain(|chat| aside.get(&key_of(chat)).is_none_or(|it| !it.waits(now)));
        state.left = changed(list, key_of, &known.seen, began);
        Ok(())
    }

    /// Since when this box listens. Nobody has written before there is a chat.
    async fn begin(
        &self,
        list: &[Chat],
        known: Option<UnixMs>,
    ) -> Result<Option<UnixMs>, Unanswered> {
        if let Some(began) = known {
            self.pulse.begin(began);
            return Ok(Some(began));
        }
        if list.is_empty() {
            return Ok(None);
        }
        let newest = list.iter().filter_map(|chat| chat.last).max();
        let at = beginning(newest, self.now());
        let instance = Arc::clone(&self.taking.our_id);
        let begun = self.taking.writer.run(move |conn| {
            polling::begin(conn, &instance, at, newest.is_some())?;
            polling::began(conn, &instance)
        });
        let began = begun.await.map_err(log)?.unwrap_or(at);
        self.pulse.begin(began);
        Ok(Some(began))
    }
}

/// From which stamp on messages are answered, at the first look: a little
/// before it. Our clock may not be set yet, or be ahead by hours: what is said
/// after the latest thing the provider knows of is new whatever our clock says.
fn beginning(newest: Option<UnixMs>, now: UnixMs) -> UnixMs {
    let ours = now.plus_ms(-LISTENS_BEFORE_MS);
    match newest {
        None => ours,
        Some(newest) if newest < ours => newest.plus_ms(1),
        Some(newest) => newest.max(now).plus_ms(-LISTENS_BEFORE_MS),
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
    /// When news that seldom change were last asked for.
    news_at: UnixMs,
    /// When it last could not be told how full the provider's queue is.
    mute_at: UnixMs,
    /// Receipts that are long in coming.
    receipts: Receipts,
    /// How much of a chat is given at once.
    width: Width,
    /// Since when this box listens.
    began: UnixMs,
    /// What the last list told and is not pulled yet.
    left: VecDeque<Changed>,
    /// Chats that came back as no list, by the hash of their names.
    aside: BTreeMap<[u8; 16], Aside>,
    /// What the running look has cost, bytes, and its list alone.
    spent: i64,
    listed: i64,
    /// What may be spent.
    allowance: Allowance,
    /// Looks that come to nothing, and who was told.
    trouble: Trouble,
}

impl State {
    fn new(now: UnixMs, allowance: Allowance) -> Self {
        Self {
            rhythm: Rhythm::default(),
            since: Instant::now(),
            lively: now,
            caught_up: false,
            news_at: UnixMs(0),
            mute_at: UnixMs(0),
            receipts: Receipts::default(),
            width: Width::default(),
            began: UnixMs(0),
            left: VecDeque::new(),
            aside: BTreeMap::new(),
            spent: 0,
            listed: 0,
            allowance,
            trouble: Trouble::default(),
        }
    }

    /// A chat could be read. Had it been aside, so may the others be.
    fn read_again(&mut self, key: &[u8; 16]) {
        if self.aside.remove(key).is_some() {
            for aside in self.aside.values_mut() {
                aside.wait_ms = 0;
            }
        }
    }

    fn note(&mut self, looked: &Result<Look, Unanswered>, now: UnixMs, steady_ms: i64) {
        let (spent, listed) = (self.spent, self.listed);
        self.allowance.spend(spent, listed, steady_ms);
        (self.spent, self.listed) = (0, 0);
        let Ok(look) = looked else {
            self.rhythm.failed = self.rhythm.failed.saturating_add(1);
            // What cannot be asked must not hold sends back for ever.
            self.rhythm.crowded = false;
            return;
        };
        self.rhythm = Rhythm {
            failed: 0,
            more: look.more,
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
    Unanswered::NotStored
}

#[cfg(test)]
mod far_phone_tests;
#[cfg(test)]
mod slow_tests;
#[cfg(test)]
mod tests;
