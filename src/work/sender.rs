//! Hands queued messages to the provider: claims what may leave, commits the
//! attempts, performs the calls side by side, settles each result.
//!
//! It never retries by itself: what happens next is decided by the verdict and
//! stands in the queue row before anything else is tried.

use crate::core::delivery::{Channel, Policy};
use crate::core::limits::SENDS_IN_FLIGHT_MAX;
use crate::core::time::UnixMs;
use crate::ports::{Chance, Clock, Messenger, Reconciled, SendOutcome};
use crate::store::outbox::{self, Claim};
use crate::store::{BoxKey, Error, Writer};
use crate::work::Bell;
use crate::work::line::{Line, LineState, judge_probe, probe_wait_ms};
use crate::work::poll::Hold;
use futures_util::FutureExt;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Longest sleep while messages may be waiting for their time.
const IDLE: Duration = Duration::from_secs(1);
/// Longest pause between two tries to store a result.
const SETTLE_PAUSE_MAX: Duration = Duration::from_secs(30);
/// The window over which the provider counts messages.
const RATE_WINDOW_MS: i64 = 1_000;

/// Everything the sender works with.
pub struct Sender<M> {
    /// The provider.
    pub messenger: Arc<M>,
    /// Where the queue lives.
    pub writer: Writer,
    /// For matching provider ids.
    pub box_key: BoxKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For jitter.
    pub chance: Arc<dyn Chance>,
    /// How uncertain results are handled.
    pub policy: Policy,
    /// The provider's limit, messages in any one second.
    pub messages_per_second: u32,
    /// What is known of the line.
    pub line: Line,
    /// Closed while something else must come before sends.
    pub hold: Hold,
    /// Rung when something was queued.
    pub bell: Bell,
    /// Sends in a row that were refused because of the account.
    pub refusals: AtomicU32,
    /// When the line was cut, by our clock.
    pub cut_since: AtomicI64,
}

impl<M: Messenger> Sender<M> {
    /// Works until `stop`; then finishes the calls in the air, because their
    /// results are worth having.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut air: JoinSet<()> = JoinSet::new();
        let mut pace = Pace::new(self.messages_per_second);
        while !stop.is_cancelled() {
            while air.try_join_next().is_some() {}
            let claimed = self.claim(&mut pace, air.len()).await;
            let idle = claimed.is_empty();
            for claim in claimed {
                air.spawn(Arc::clone(&self).deliver(claim, stop.clone()));
            }
            if idle {
                let pause = pace.wait(self.clock.now().at).min(IDLE);
                tokio::select! {
                    () = self.bell.rung() => {}
                    Some(_) = air.join_next(), if !air.is_empty() => {}
                    () = self.line.changed() => {}
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        while air.join_next().await.is_some() {}
    }

    /// Probes the line until `stop`: often while it is down, rarely while it
    /// is up, and ever more rarely while the account refuses what we send.
    pub async fn watch_line(self: Arc<Self>, stop: CancellationToken) {
        let mut failed = 0;
        loop {
            let state = self.line.state();
            let tries = failed + self.refusals.load(Ordering::Relaxed);
            let wait = probe_wait_ms(state, tries, self.clock.now().at);
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.line.changed() => {
                    failed = 0;
                    continue;
                }
                () = stop.cancelled() => return,
            }
            let outcome = self.messenger.probe().await;
            let next = judge_probe(&outcome, state, self.clock.now().at);
            failed = if next == LineState::Up { 0 } else { failed + 1 };
            self.note_line(next).await;
        }
    }

    async fn claim(&self, pace: &mut Pace, in_air: usize) -> Vec<Claim> {
        let now = self.clock.now().at;
        if !self.line.state().carries(now) || !self.hold.is_open() {
            return Vec::new();
        }
        // After a refusal of the account one message tries it for all.
        let most = if self.refusals.load(Ordering::Relaxed) > 0 {
            1
        } else {
            SENDS_IN_FLIGHT_MAX
        };
        let room = most.saturating_sub(in_air).min(pace.room(now));
        if room == 0 {
            return Vec::new();
        }
        match self
            .writer
            .run(move |conn| outbox::claim(conn, now, room))
            .await
        {
            Ok(claims) => {
                pace.spend(now, claims.len());
                claims
            }
            Err(error) => {
                tracing::error!(%error, "the queue could not be read");
                Vec::new()
            }
        }
    }

    async fn deliver(self: Arc<Self>, claim: Claim, stop: CancellationToken) {
        // A panic in the client says nothing about the message: it may have left.
        let sent = AssertUnwindSafe(self.hand_over(&claim))
            .catch_unwind()
            .await;
        let (outcome, found) = sent.unwrap_or((SendOutcome::Unknown, false));
        let ids = (claim.id, claim.attempt);
        let mut pause = Duration::from_millis(200);
        // Until its result is stored a message keeps its contact waiting, so
        // the result is kept until it can be.
        let channel = loop {
            match self.settle(ids, outcome.clone(), found).await {
                Ok(channel) => break channel,
                Err(error) => {
                    tracing::error!(outbox.id = %claim.id, %error, "a result cannot be stored yet");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The attempt stays open: after the next start it is in doubt.
                () = stop.cancelled() => return,
            }
            pause = (pause * 2).min(SETTLE_PAUSE_MAX);
        };
        match (&outcome, channel) {
            (SendOutcome::Accepted { .. }, _) => self.refusals.store(0, Ordering::Relaxed),
            (_, Channel::Misconfigured) => {
                self.refusals.fetch_add(1, Ordering::Relaxed);
            }
            (_, Channel::Fine | Channel::LineDown | Channel::PauseUntil(_)) => {}
        }
        let state = self.line.state().after(&outcome, channel);
        self.note_line(state).await;
    }

    /// Hands a message over; one whose earlier result was lost only if the
    /// provider does not have it, where it can be asked. Says too whether it
    /// was found there, once.
    async fn hand_over(&self, claim: &Claim) -> (SendOutcome, bool) {
        if claim.doubtful {
            match self.messenger.reconcile(&claim.call.key).await {
                Reconciled::There { wamid, copies } => {
                    return (SendOutcome::Accepted { wamid }, copies == 1);
                }
                Reconciled::NotNow => return (SendOutcome::Unknown, false),
                Reconciled::Absent | Reconciled::Cannot => {}
            }
        }
        (self.messenger.send(&claim.call).await, false)
    }

    async fn settle(
        &self,
        ids: (crate::core::id::OutboxId, crate::core::id::AttemptId),
        outcome: SendOutcome,
        found: bool,
    ) -> Result<Channel, Error> {
        let now = self.clock.now().at;
        let mut jitter = [0; 4];
        self.chance.fill(&mut jitter);
        let (policy, box_key) = (self.policy, self.box_key.clone());
        let verdict = self
            .writer
            .run(move |conn| {
                let jitter = u32::from_le_bytes(jitter);
                if found {
                    outbox::not_doubled(conn, ids.0)?;
                }
                outbox::settle(conn, &box_key, ids, &outcome, policy, now, jitter)
            })
            .await?;
        Ok(verdict.channel)
    }

    async fn note_line(&self, state: LineState) {
        let before = self.line.state();
        if !self.line.set(state) {
            return;
        }
        let now = self.clock.now().at;
        if state.is_cut() && !before.is_cut() {
            self.cut_since.store(now.0, Ordering::Relaxed);
        }
        if !before.is_cut() || state.is_cut() {
            return;
        }
        let down_ms = now.ms_since(UnixMs(self.cut_since.load(Ordering::Relaxed)));
        let wait = self.policy.in_doubt_ms;
        let renewed = self
            .writer
            .run(move |conn| outbox::line_up(conn, wait, down_ms, now))
            .await;
        if let Err(error) = renewed {
            tracing::warn!(%error, "the waits of uncertain sends were not renewed");
        }
    }
}

/// Keeps the number of messages in any one second under the provider's limit.
struct Pace {
    limit: usize,
    sent: VecDeque<UnixMs>,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Self {
            limit: usize::try_from(per_second.max(1)).unwrap_or(1),
            sent: VecDeque::new(),
        }
    }

    fn room(&mut self, now: UnixMs) -> usize {
        let left_window = |at: &UnixMs| now.ms_since(*at) >= RATE_WINDOW_MS || *at > now;
        while self.sent.front().is_some_and(left_window) {
            self.sent.pop_front();
        }
        self.limit.saturating_sub(self.sent.len())
    }

    fn spend(&mut self, now: UnixMs, count: usize) {
        self.sent.extend(std::iter::repeat_n(now, count));
    }

    fn wait(&self, now: UnixMs) -> Duration {
        if self.sent.len() < self.limit {
            return IDLE;
        }
        let oldest = self.sent.front().copied().unwrap_or(now);
        let left = RATE_WINDOW_MS
            .saturating_sub(now.ms_since(oldest))
            .clamp(1, RATE_WINDOW_MS);
        Duration::from_millis(u64::try_from(left).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_holds_more_than_the_limit() {
        let mut pace = Pace::new(80);
        assert_eq!(pace.room(UnixMs(0)), 80);
        pace.spend(UnixMs(0), 50);
        pace.spend(UnixMs(400), 30);
        assert_eq!(pace.room(UnixMs(999)), 0);
        assert_eq!(pace.wait(UnixMs(999)), Duration::from_millis(1));
        assert_eq!(pace.room(UnixMs(1_000)), 50);
        assert_eq!(pace.room(UnixMs(1_400)), 80);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_queue() {
        let mut pace = Pace::new(2);
        pace.spend(UnixMs(1_000_000), 2);
        assert_eq!(pace.room(UnixMs(5)), 2);
    }
}
