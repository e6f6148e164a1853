//! Hands queued messages to the provider: claims what may leave, commits the
//! attempts, performs the calls side by side, settles each result.
//!
//! It never retries by itself: what happens next is decided by the verdict and
//! stands in the queue row before anything else is tried.

use crate::core::delivery::{Errand, Policy, channel_of, pull_first_ms};
use crate::core::id::{AttemptId, OutboxId};
use crate::core::limits::{SENDS_IN_FLIGHT_MAX, SENDS_IN_FLIGHT_MIN};
use crate::core::private::Private;
use crate::ports::{Chance, Clock, Messenger, Reconciled, SendOutcome};
use crate::store::outbox::{self, Claim, Rules, Turn};
use crate::store::{BoxKey, Error, Try, Writer, pending};
use crate::work::Bell;
use crate::work::line::Line;
use crate::work::new_codes;
use crate::work::pace::Pace;
use crate::work::poll::Hold;
use crate::work::steps::Steps;
use crate::work::stretch::Stretch;
use futures_util::FutureExt;
use rusqlite::Connection;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Longest sleep while messages may be waiting for their time.
const IDLE: Duration = Duration::from_secs(1);
/// Shortest sleep between two looks at the queue.
const SOON: Duration = Duration::from_millis(5);
/// Longest pause between two tries to store a result.
const SETTLE_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Shortest time between the beginnings of two turns, unless one left work:
/// results come one by one, and each turn is a transaction.
const TURN: Duration = Duration::from_millis(10);

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
    /// What the queue is planned by.
    pub rules: Arc<Rules>,
    /// The provider's limit, messages in any one second.
    pub messages_per_second: u32,
    /// What is known of the line.
    pub line: Line,
    /// Closed while something else must come before sends.
    pub hold: Hold,
    /// Rung when something was queued.
    pub bell: Bell,
}

impl<M: Messenger> Sender<M> {
    /// Works until `stop`; then finishes the calls in the air, because their
    /// results are worth having. `steps` has watched the clock since before the
    /// waits in the queue were last set.
    pub async fn run(self: Arc<Self>, mut steps: Steps, stop: CancellationToken) {
        let mut air: JoinSet<()> = JoinSet::new();
        let mut pace = Pace::new(self.messages_per_second);
        let mut stretch = Stretch::at_start(self.clock.now().at);
        while !stop.is_cancelled() {
            let began = Instant::now();
            while air.try_join_next().is_some() {}
            stretch.see(self.line.state(), self.clock.now().at);
            let turn = self.turn(&mut pace, air.len(), &stretch, &mut steps).await;
            let idle = turn.claims.is_empty() && !turn.more;
            let rest = if turn.more { began } else { began + TURN };
            for claim in turn.claims {
                air.spawn(Arc::clone(&self).deliver(claim, stop.clone()));
            }
            if idle {
                let now = self.clock.now().at;
                let due = turn.next.map_or(IDLE, |at| millis(at.ms_since(now)));
                let pause = pace.wait(now).min(due.clamp(SOON, IDLE));
                tokio::select! {
                    () = self.bell.rung() => {}
                    Some(_) = air.join_next(), if !air.is_empty() => {}
                    () = self.line.changed() => {}
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            tokio::time::sleep_until(rest).await;
        }
        while air.join_next().await.is_some() {}
    }

    /// One turn of the queue. A line that has just come back is heard first:
    /// what waits at the other end may make a queued message needless.
    async fn turn(
        &self,
        pace: &mut Pace,
        in_air: usize,
        stretch: &Stretch,
        steps: &mut Steps,
    ) -> Turn {
        let now = self.clock.now();
        let room = match stretch.up_since {
            None => 0,
            Some(_) if !self.hold.is_open() => 0,
            Some(_) => self
                .in_flight_max()
                .saturating_sub(in_air)
                .min(pace.room(now.at)),
        };
        let up_ms = stretch.up_since.map_or(0, |since| now.at.ms_since(since));
        let away_ms = stretch.away_ms;
        let rules = Arc::clone(&self.rules);
        let owed = steps.owed(self.line.moment(now.at));
        let in_doubt_ms = self.policy.in_doubt_ms;
        let line = self.line.clone();
        let turned = self.writer.run_repeatable(move |conn, how| {
            // What stopped the line meanwhile stood there before its message
            // could be claimed again.
            let state = line.state();
            let room = if state.carries(now.at) { room } else { 0 };
            if owed.ahead_ms > 0 {
                outbox::clock_ahead(conn, in_doubt_ms, owed.ahead_ms, now.at)?;
            }
            if owed.back_ms > 0 {
                outbox::clock_back(conn, in_doubt_ms, owed.back_ms, now.at)?;
            }
            let news = pull_first_ms(away_ms, up_ms, true) > 0 && pending::any(conn)?;
            let wait = pull_first_ms(away_ms, up_ms, news);
            let room = if wait > 0 { 0 } else { room };
            let mut turn = outbox::turn(conn, &rules, state.link(), now, room, how)?;
            if wait > 0 {
                let heard = now.at.plus_ms(wait);
                turn.next = Some(turn.next.map_or(heard, |next| next.min(heard)));
            }
            Ok(turn)
        });
        match turned.await {
            Ok(turn) => {
                steps.settle();
                // They leave from now on, not from when they were chosen: the
                // commit in between may have taken its time.
                pace.spend(self.clock.now().at, turn.claims.len());
                turn
            }
            Err(error) => {
                tracing::error!(%error, "the queue could not be read");
                Turn::default()
            }
        }
    }

    /// Enough in the air to keep the pace with answers that take most of a
    /// second; one while that tries the line for all.
    fn in_flight_max(&self) -> usize {
        if self.line.is_on_trial() {
            return 1;
        }
        usize::try_from(self.messages_per_second)
            .unwrap_or(usize::MAX)
            .clamp(SENDS_IN_FLIGHT_MIN, SENDS_IN_FLIGHT_MAX)
    }

    async fn deliver(self: Arc<Self>, claim: Claim, stop: CancellationToken) {
        let stretch = self.line.stretch();
        // A panic in the client says nothing about the message: it may have left.
        let handed = AssertUnwindSafe(self.hand_over(&claim))
            .catch_unwind()
            .await;
        let handed = handed.unwrap_or(Handed::Result(SendOutcome::Unknown));
        if let Handed::Result(SendOutcome::Refused { error, http, .. }) = &handed {
            new_codes::warn_of(error, *http);
        }
        // The line hears of it before the message can be claimed again: one that
        // stops everybody would else be tried once more at once.
        if let Some(outcome) = handed.outcome() {
            let now = self.clock.now().at;
            let purpose = claim.call.message.purpose;
            let channel = channel_of(&outcome, purpose, self.policy, now, self.draw());
            self.line.sent(&outcome, channel, stretch, now);
        }
        let ids = (claim.id, claim.attempt);
        let mut pause = Duration::from_millis(200);
        // Until its result is stored a message keeps its contact waiting, so
        // the result is kept until it can be.
        let mut tried = self.settle(ids, handed.clone(), Try::Bold).await;
        while let Err(error) = tried {
            tracing::error!(outbox.id = %claim.id, %error, "a result cannot be stored yet");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The attempt stays open: after the next start it is in doubt.
                () = stop.cancelled() => return,
            }
            pause = (pause * 2).min(SETTLE_PAUSE_MAX);
            tried = self.settle(ids, handed.clone(), Try::Careful).await;
        }
    }

    /// Runs a message's errand. One that may be there already is first asked
    /// about, where the provider can be asked.
    async fn hand_over(&self, claim: &Claim) -> Handed {
        if claim.doubtful {
            let told = self.messenger.reconcile(&claim.call.key).await;
            match after_asking(claim.errand, told) {
                Next::Done(handed) => return handed,
                Next::Send => {}
                Next::SendMarked => {
                    let id = claim.id;
                    let marked = self.writer.run(move |conn| outbox::repeats(conn, id));
                    if let Err(error) = marked.await {
                        tracing::error!(outbox.id = %id, %error, "a repeat cannot be marked yet");
                        return Handed::Untold;
                    }
                }
            }
        }
        Handed::Result(self.messenger.send(&claim.call).await)
    }

    /// Stores a result. One that could not be stored is tried again with care:
    /// should the fault lie with its row, it must not take others' work back.
    async fn settle(
        &self,
        ids: (OutboxId, AttemptId),
        handed: Handed,
        how: Try,
    ) -> Result<(), Error> {
        let (now, jitter) = (self.clock.now().at, self.draw());
        let (policy, box_key) = (self.policy, self.box_key.clone());
        let job = move |conn: &Connection| {
            let Some(outcome) = handed.outcome() else {
                return outbox::untold(conn, ids, now);
            };
            if matches!(handed, Handed::Found { once: true, .. }) {
                outbox::not_doubled(conn, ids.0)?;
            }
            outbox::settle(conn, &box_key, ids, &outcome, policy, now, jitter)?;
            Ok(())
        };
        match how {
            Try::Bold => self.writer.run_repeatable(move |conn, _| job(conn)).await,
            Try::Careful => self.writer.run(job).await,
        }
    }

    fn draw(&self) -> u32 {
        let mut random = [0; 4];
        self.chance.fill(&mut random);
        u32::from_le_bytes(random)
    }
}

/// What came of an errand.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Handed {
    /// It was handed over, or may have been.
    Result(SendOutcome),
    /// The provider has it from an earlier try.
    Found {
        wamid: Private<String>,
        /// And not twice.
        once: bool,
    },
    /// The provider was asked and nothing more is known than before.
    Untold,
}

impl Handed {
    /// The result; none where there is none.
    fn outcome(&self) -> Option<SendOutcome> {
        match self {
            Self::Result(outcome) => Some(outcome.clone()),
            Self::Found { wamid, .. } => Some(SendOutcome::Accepted {
                wamid: wamid.clone(),
            }),
            Self::Untold => None,
        }
    }
}

/// What follows from the provider's answer about a message that may be there.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Done(Handed),
    Send,
    /// It is marked as a repeat before it leaves.
    SendMarked,
}

fn after_asking(errand: Errand, told: Reconciled) -> Next {
    match (told, errand) {
        (Reconciled::There { wamid, copies }, _) => Next::Done(Handed::Found {
            wamid,
            once: copies == 1,
        }),
        // Its mark stands, and a new doubt begins.
        (Reconciled::NotNow, Errand::Send) => Next::Done(Handed::Result(SendOutcome::Unknown)),
        (Reconciled::Absent, Errand::AskAndSend) => Next::SendMarked,
        // Whoever had it sent again knew of the doubt; to ask once more would tell
        // nothing either.
        (Reconciled::Absent | Reconciled::Cannot | Reconciled::Unsure, Errand::Send)
        | (
            Reconciled::Absent | Reconciled::Cannot | Reconciled::Unsure | Reconciled::NotNow,
            Errand::Repeat,
        ) => Next::Send,
        (Reconciled::Absent, Errand::Ask)
        | (
            Reconciled::NotNow | Reconciled::Unsure | Reconciled::Cannot,
            Errand::Ask | Errand::AskAndSend,
        ) => Next::Done(Handed::Untold),
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod on_a_store;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_there_leaves_only_if_its_errand_says_so() {
        use Errand::{Ask, AskAndSend, Repeat, Send};

        let there = |copies| Reconciled::There {
            wamid: "w".into(),
            copies,
        };
        let found = |once| {
            Next::Done(Handed::Found {
                wamid: "w".into(),
                once,
            })
        };
        for errand in [Send, Repeat, AskAndSend, Ask] {
            assert_eq!(after_asking(errand, there(1)), found(true));
            assert_eq!(after_asking(errand, there(2)), found(false));
        }
        let untold = || Next::Done(Handed::Untold);
        let lost = Next::Done(Handed::Result(SendOutcome::Unknown));
        for (errand, told, next) in [
            (Send, Reconciled::Absent, Next::Send),
            (Send, Reconciled::Cannot, Next::Send),
            (Send, Reconciled::Unsure, Next::Send),
            (Send, Reconciled::NotNow, lost),
            (Repeat, Reconciled::Unsure, Next::Send),
            (AskAndSend, Reconciled::Unsure, untold()),
            (Ask, Reconciled::Unsure, untold()),
            (Repeat, Reconciled::Absent, Next::Send),
            (Repeat, Reconciled::Cannot, Next::Send),
            (Repeat, Reconciled::NotNow, Next::Send),
            (AskAndSend, Reconciled::Absent, Next::SendMarked),
            (AskAndSend, Reconciled::NotNow, untold()),
            (Ask, Reconciled::Absent, untold()),
            (Ask, Reconciled::NotNow, untold()),
        ] {
            assert_eq!(after_asking(errand, told), next, "{errand:?}");
        }
    }
}
