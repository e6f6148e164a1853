//! Steps conversations: takes a contact's waiting messages through the engine
//! and writes everything that follows in the same transaction.
//!
//! A message is handled exactly once, or it is put aside as a dead letter and
//! its contact is flagged; it can never stop the box.

mod apply;
mod flows;
#[cfg(test)]
mod tests;
mod turn;

pub use flows::Flows;
pub use turn::{Context, Turn, begin_careful, careful, turn};

use crate::core::id::{ContactId, InboxId};
use crate::core::time::Now;
use crate::ports::{Chance, Clock};
use crate::store::{Error, Writer, sessions};
use crate::work::Bells;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Longest sleep: bounds what a lost wake-up or a jumped clock can cost.
const SLEEP_MAX: Duration = Duration::from_secs(2);
/// Shortest time between the beginnings of two turns, unless one left work.
/// Steps write to the same few pages: the more of them share a commit, the
/// less each costs, and nobody notices so short a wait.
const TURN: Duration = Duration::from_millis(25);

/// The worker around [`turn()`].
pub struct Intake {
    /// What a step needs to know.
    pub context: Arc<Context>,
    /// Where everything is written.
    pub writer: Writer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For keys and record numbers.
    pub chance: Arc<dyn Chance>,
    /// Rung when something came in; rings the sender's.
    pub bells: Bells,
}

impl Intake {
    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut owed = Vec::new();
        while !stop.is_cancelled() {
            let began = Instant::now();
            let pause = match self.once(&mut owed).await {
                Ok(turn) => {
                    if turn.said > 0 {
                        self.bells.sender.ring();
                        self.bells.media.ring();
                    }
                    if turn.more {
                        continue;
                    }
                    self.until(turn.next_due)
                }
                Err(error) => {
                    tracing::error!(%error, "conversations could not be stepped");
                    SLEEP_MAX
                }
            };
            tokio::select! {
                () = self.bells.intake.rung() => {}
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
            tokio::time::sleep_until(began + TURN).await;
        }
    }

    /// One turn; a suspect message gets a commit of its own first, so that it
    /// is known if it takes the process down.
    async fn once(&self, owed: &mut Vec<InboxId>) -> Result<Turn, Error> {
        let (context, chance, now) = (
            Arc::clone(&self.context),
            Arc::clone(&self.chance),
            self.clock.now(),
        );
        let turn = self
            .writer
            .run_repeatable(move |conn, how| turn(conn, &context, now, &*chance, how))
            .await?;
        if let Some(contact) = turn.suspect {
            let said = self.careful(contact, now, owed).await?;
            return Ok(Turn {
                said: turn.said + said,
                ..turn
            });
        }
        Ok(turn)
    }

    /// `owed` are tries that count and should not: those of messages whose step a
    /// full disk undid, where it then had no room for saying so either.
    async fn careful(
        &self,
        contact: ContactId,
        now: Now,
        owed: &mut Vec<InboxId>,
    ) -> Result<usize, Error> {
        let (context, back) = (Arc::clone(&self.context), owed.clone());
        let begun = self
            .writer
            .run(move |conn| turn::begin_careful(conn, &context, contact, &back, now))
            .await?;
        owed.clear();
        if begun.is_empty() {
            return Ok(0);
        }
        let (context, chance) = (Arc::clone(&self.context), Arc::clone(&self.chance));
        let chosen = begun.clone();
        let stepped = self
            .writer
            .run(move |conn| turn::careful(conn, &context, contact, &chosen, now, &*chance))
            .await;
        if stepped.is_err() {
            // A full disk is not the message's doing: the try does not count.
            owed.clone_from(&begun);
            self.writer
                .run(move |conn| sessions::take_back_careful(conn, &begun))
                .await?;
            owed.clear();
        }
        stepped
    }

    fn until(&self, due: Option<crate::core::time::UnixMs>) -> Duration {
        let Some(due) = due else { return SLEEP_MAX };
        let ms = due.ms_since(self.clock.now().at).max(0);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0)).min(SLEEP_MAX)
    }
}
