//! Looks that come to nothing for some time: told to the technician once, and
//! taken back by the first that works.

use super::{Poll, State};
use crate::core::time::UnixMs;
use crate::ports::{History, Unanswered};
use crate::store::polling::{self, Blocked};
use std::sync::Arc;

/// Looks in a row that may come to nothing before anybody is told: two minutes.
const FAILED_MAX: u32 = 7;

/// What is known of looks that come to nothing, while the line is up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// Since when they do.
    since: Option<UnixMs>,
    /// Whether that stands in the database; unknown at first.
    told: Option<bool>,
}

impl<H: History> Poll<H> {
    /// Tells of trouble, or that it is over.
    pub(super) async fn tell(&self, state: &mut State, failed: Option<Unanswered>) {
        let now = self.now();
        let instance = Arc::clone(&self.taking.our_id);
        let Some(why) = failed else {
            state.trouble.since = None;
            if state.trouble.told == Some(false) {
                return;
            }
            let unblock = move |conn: &_| polling::unblock(conn, &instance, now);
            match self.taking.writer.run(unblock).await {
                Ok(was) => {
                    state.trouble.told = Some(false);
                    if was {
                        tracing::info!("messages can be fetched from the provider again");
                    }
                }
                Err(error) => tracing::warn!(%error, "not noted: messages can be fetched again"),
            }
            return;
        };
        let since = *state.trouble.since.get_or_insert(now);
        let lasting = state.rhythm.failed >= FAILED_MAX || why == Unanswered::TooLong;
        if !lasting || state.trouble.told == Some(true) {
            return;
        }
        tracing::warn!(%why, "messages cannot be fetched from the provider");
        let fault = Blocked {
            since,
            why: why.to_string(),
        };
        let block = move |conn: &_| polling::block(conn, &instance, &fault, now);
        match self.taking.writer.run(block).await {
            Ok(()) => state.trouble.told = Some(true),
            Err(error) => tracing::warn!(%error, "not noted: messages cannot be fetched"),
        }
    }
}
