//! The one way of items into the store, by whichever door they came: a
//! webhook, or a look into a provider's history. Nothing is acknowledged or
//! marked as seen before it returns.

use crate::core::inbound::{Item, ReceivedItem};
use crate::core::triage;
use crate::ports::Clock;
use crate::store::inbox::{self, Batch, Reception, Tally};
use crate::store::{BoxKey, Error, Writer};
use crate::work::{Bells, new_codes};
use std::sync::Arc;

/// What taking in works with.
#[derive(Clone)]
pub struct Taking {
    /// Where events are committed.
    pub writer: Writer,
    /// For deduplication keys.
    pub box_key: BoxKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The provider, as the `webhook.channel` column names it.
    pub channel: &'static str,
    /// Our number (or instance) at the provider: items for another are kept
    /// and never answered.
    pub our_id: Arc<str>,
    /// Whether the provider's stamps are good enough to learn the time from:
    /// not where anybody could have written them.
    pub vouched: bool,
    /// The contact's quiet time, ms.
    pub quiet_ms: i64,
    /// Rung after each commit.
    pub bells: Bells,
}

impl Taking {
    /// Commits a body and its items.
    ///
    /// # Errors
    /// Whatever the database reports; nothing is stored then.
    pub async fn take(
        &self,
        body: impl AsRef<[u8]> + Send + 'static,
        items: Vec<ReceivedItem>,
    ) -> Result<Tally, Error> {
        let stamped = items.iter().filter_map(ReceivedItem::stamped).max();
        if let Some(stamped) = stamped.filter(|_| self.vouched) {
            self.clock.learn(stamped);
        }
        for item in &items {
            if let Ok(Item::Status(status)) = &item.content {
                status
                    .errors
                    .iter()
                    .for_each(|error| new_codes::warn_of(error, 0));
            }
        }
        let now = self.clock.now().at;
        let batch = Batch::prepare(&self.reception(), items)?;
        let taker = self.clone();
        let job = move |conn: &_, _| {
            inbox::receive_batch(conn, &taker.reception(), body.as_ref(), &batch, now)
        };
        let tally = self.writer.run_repeatable(job).await?;
        if tally.messages > 0 {
            self.bells.intake.ring();
        }
        if tally.statuses > 0 {
            self.bells.sender.ring();
        }
        Ok(tally)
    }

    fn reception(&self) -> Reception<'_> {
        Reception {
            box_key: &self.box_key,
            channel: self.channel,
            phone_number_id: &self.our_id,
            quiet_ms: self.quiet_ms,
            is_urgent,
        }
    }
}

fn is_urgent(words: &str) -> bool {
    triage::find_danger(words, None).is_some()
}
