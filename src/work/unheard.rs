//! What the provider took and tells nothing more of. A message alone ends after a
//! while, with its task; where nothing is heard of any, the technician is told:
//! without a payment method Meta takes messages and drops them without a word.

use crate::core::tasks::Kind;
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::ports::Clock;
use crate::store::tasks::{self, NewTask};
use crate::store::{Error, Writer, outbox};
use crate::work::Bell;
use crate::work::line::{Line, LineState};
use crate::work::purse::Moment;
use futures_util::FutureExt;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(60);
/// For how long of a working line nothing may be heard, ms.
const PATIENCE_MS: i64 = 10 * MINUTE_MS;
/// What the task is about.
const DETAIL: &str = "no_status";

/// Watches over what the provider took.
pub struct Unheard {
    /// Where the queue lives.
    pub writer: Writer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Nothing can be heard while it is cut.
    pub line: Line,
    /// Rung when something was heard of a message.
    pub heard: Bell,
    /// How long news of one message are waited for, ms.
    pub max_age_ms: i64,
}

impl Unheard {
    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut silence = Silence::since(self.clock.now().at);
        loop {
            self.look(&mut silence).await;
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn look(&self, silence: &mut Silence) {
        silence.broken |= self.heard.rung().now_or_never().is_some();
        let now = self.clock.now();
        let moment = self.line.moment(now.at);
        let up = self.line.state() == LineState::Up;
        let (mut next, max_age_ms) = (*silence, self.max_age_ms);
        let looked = self.writer.run(move |conn| {
            if !now.trusted {
                return Ok((next, Due::Nothing));
            }
            let untold = outbox::any_untold(conn, next.since, now.at)?;
            let due = next.due(untold, up, moment);
            carry_out(conn, due, now.at)?;
            if up {
                outbox::end_unheard(conn, max_age_ms, now.at)?;
            }
            Ok((next, due))
        });
        match looked.await {
            Ok((next, due)) => {
                *silence = next;
                if due == Due::Tell {
                    tracing::warn!(
                        "what was sent was taken and nothing is heard of it: it may not arrive"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "what is not heard of was not looked at"),
        }
    }
}

fn carry_out(conn: &Connection, due: Due, now: UnixMs) -> Result<(), Error> {
    match due {
        Due::Nothing => Ok(()),
        Due::Tell => tasks::open(conn, &NewTask::of(Kind::NothingHeard).about(DETAIL), now),
        Due::TakeBack => tasks::close_about(conn, Kind::NothingHeard, DETAIL, now).map(|_| ()),
    }
}

/// For how long nothing was heard of any message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Silence {
    /// What was taken after this is what news are waited for of: when something
    /// was heard last, or the line came back.
    since: UnixMs,
    /// Since when such a message waits, by the clock that only runs.
    waits_ms: Option<i64>,
    /// Whether something was heard since the last look.
    broken: bool,
    /// Whether a task stands; unknown at first.
    told: Option<bool>,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Tell,
    TakeBack,
}

impl Silence {
    const fn since(now: UnixMs) -> Self {
        Self {
            since: now,
            waits_ms: None,
            broken: false,
            told: None,
        }
    }

    /// Looks at it once more; `untold` is whether something that was taken since
    /// waits for news.
    fn due(&mut self, untold: bool, up: bool, now: Moment) -> Due {
        if self.broken || !up {
            let was_broken = self.broken;
            *self = Self {
                told: self.told,
                ..Self::since(now.at)
            };
            if was_broken && self.told != Some(false) {
                // One of an earlier run, too.
                self.told = Some(false);
                return Due::TakeBack;
            }
            return Due::Nothing;
        }
        // A clock that was set back would have what is taken now seem earlier.
        self.since = self.since.min(now.at);
        if !untold {
            self.waits_ms = None;
            return Due::Nothing;
        }
        let waits = *self.waits_ms.get_or_insert(now.steady_ms);
        if self.told == Some(true) || now.steady_ms.saturating_sub(waits) < PATIENCE_MS {
            return Due::Nothing;
        }
        self.told = Some(true);
        Due::Tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{count, db};

    /// The state of the silence after a look at each of these minutes.
    fn looks(silence: &mut Silence, untold: bool, up: bool, minutes: &[i64]) -> Vec<Due> {
        let look = |minute: &i64| {
            let steady_ms = minute * MINUTE_MS;
            let at = UnixMs(steady_ms);
            silence.due(untold, up, Moment { steady_ms, at })
        };
        minutes.iter().map(look).collect()
    }

    #[test]
    fn only_silence_on_a_working_line_is_told_and_a_single_status_takes_it_back() {
        use Due::{Nothing, TakeBack, Tell};

        let mut silence = Silence::since(UnixMs(0));
        assert_eq!(looks(&mut silence, false, true, &[0, 20]), [Nothing; 2]);
        assert_eq!(looks(&mut silence, true, true, &[21, 30]), [Nothing; 2]);
        assert_eq!(looks(&mut silence, true, false, &[31]), [Nothing], "a cut");
        assert_eq!(silence.since, UnixMs(31 * MINUTE_MS));
        let told = looks(&mut silence, true, true, &[32, 41, 42, 60]);
        assert_eq!(told, [Nothing, Nothing, Tell, Nothing], "once");
        silence.broken = true;
        let heard = looks(&mut silence, true, true, &[61, 62, 71, 72]);
        assert_eq!(heard, [TakeBack, Nothing, Nothing, Tell]);
    }

    #[test]
    fn a_message_whose_news_were_lost_is_no_silence_while_others_are_heard_of() {
        let mut silence = Silence::since(UnixMs(0));
        for minute in 0..100 {
            silence.broken = minute % 9 == 0;
            let due = looks(&mut silence, true, true, &[minute]);
            assert_ne!(due, [Due::Tell]);
        }
    }

    #[test]
    fn silence_is_one_task_for_the_technician() {
        let conn = db();
        let open = "SELECT count(*) FROM task WHERE kind = 'nothing_heard' AND state = 'open'";
        for _ in 0..2 {
            carry_out(&conn, Due::Tell, UnixMs(1)).unwrap();
        }
        assert_eq!(count(&conn, open), 1);
        carry_out(&conn, Due::TakeBack, UnixMs(2)).unwrap();
        assert_eq!(count(&conn, open), 0);
        assert!(!Kind::NothingHeard.concerns_patient());
    }
}
