//! A provider that refuses us for some minutes: the token, the account, or the
//! phone behind it. Nothing changes that but a person, so the technician hears
//! of it once; a line that works takes the task back: one on which a message was
//! taken, or that nothing has tried for half an hour.

use crate::core::tasks::Kind;
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::store::tasks::{self, NewTask};
use crate::store::{Result, Writer};
use crate::work::line::{Line, LineState};
use rusqlite::Connection;

/// For how long it may last before anybody is told, ms: a phone that is linked
/// anew, or a token that is being replaced, is no news.
const PATIENCE_MS: i64 = 5 * MINUTE_MS;
/// For how long the line must be up at the start, ms, before a task of an
/// earlier run is taken back: until the first probe it only seems so.
const SURE_MS: i64 = MINUTE_MS;

/// For how long a line is up, ms, after which nothing waits that could try it: who
/// is refused is tried again sooner.
const TRIED_MS: i64 = 30 * MINUTE_MS;

/// What is known of the refusal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refusals {
    /// Since when, by the clock that only runs.
    since_ms: Option<i64>,
    /// Since when the line is up.
    up_ms: Option<i64>,
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

impl Refusals {
    /// Looks at the line, and opens or closes the task.
    pub async fn note(&mut self, writer: &Writer, line: &Line, steady_ms: i64, now: UnixMs) {
        let state = line.state();
        let due = self.due(state, line.is_on_trial(), steady_ms);
        let word = state.word();
        let done = match due {
            Due::Nothing => return,
            Due::Tell => writer.run(move |conn| tell(conn, state, word, now)).await,
            Due::TakeBack => writer.run(move |conn| take_back(conn, now)).await,
        };
        match done {
            Ok(told) => self.told = Some(told),
            Err(error) => tracing::warn!(%error, "a refusal by the provider was not noted"),
        }
    }

    /// While one message is to try the line for all, its being up shows nothing: a
    /// probe may be answered where a message is refused.
    fn due(&mut self, state: LineState, on_trial: bool, steady_ms: i64) -> Due {
        match state {
            LineState::TokenBad | LineState::Misconfigured => {
                self.up_ms = None;
                let since = *self.since_ms.get_or_insert(steady_ms);
                let lasting = steady_ms.saturating_sub(since) >= PATIENCE_MS;
                if lasting && self.told != Some(true) {
                    Due::Tell
                } else {
                    Due::Nothing
                }
            }
            LineState::Up => {
                let up = *self.up_ms.get_or_insert(steady_ms);
                let tried = on_trial && steady_ms.saturating_sub(up) < TRIED_MS;
                if tried && self.since_ms.is_some() {
                    return Due::Nothing;
                }
                self.since_ms = None;
                match self.told {
                    Some(false) => Due::Nothing,
                    None if steady_ms.saturating_sub(up) < SURE_MS => Due::Nothing,
                    Some(true) | None => Due::TakeBack,
                }
            }
            // Nobody was asked.
            LineState::Down
            | LineState::ProviderDown
            | LineState::Portal
            | LineState::Tls
            | LineState::ClockWrong
            | LineState::Paused(_) => {
                self.up_ms = None;
                Due::Nothing
            }
        }
    }
}

/// An account that is refused, or takes messages and gives them back, is a task of
/// its own; a token that is refused has nothing to do with it. Says whether staff
/// were told.
fn tell(conn: &Connection, state: LineState, word: &str, now: UnixMs) -> Result<bool> {
    if state != LineState::TokenBad && tasks::any_open(conn, Kind::AccountRefused)? {
        return Ok(false);
    }
    tracing::warn!(
        line = word,
        "the provider has refused us for some minutes: healthpost doctor --online says why"
    );
    let task = NewTask::of(Kind::LineRefused).about(word);
    tasks::open(conn, &task, now)?;
    Ok(true)
}

fn take_back(conn: &Connection, now: UnixMs) -> Result<bool> {
    for state in [LineState::TokenBad, LineState::Misconfigured] {
        tasks::close_about(conn, Kind::LineRefused, state.word(), now)?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{count, db};

    #[test]
    fn only_a_refusal_that_lasts_is_told_and_only_a_working_line_takes_it_back() {
        let mut refusals = Refusals::default();
        let at_first = [(0, Due::Nothing), (SURE_MS, Due::TakeBack)];
        for (at, due) in at_first {
            assert_eq!(
                refusals.due(LineState::Up, false, at),
                due,
                "of an earlier run"
            );
        }
        refusals.told = Some(false);
        let steps = [
            (LineState::Misconfigured, SURE_MS + 1, Due::Nothing),
            (LineState::Up, SURE_MS + 2, Due::Nothing),
            (LineState::TokenBad, PATIENCE_MS, Due::Nothing),
            (LineState::Down, PATIENCE_MS + 1, Due::Nothing),
            (LineState::TokenBad, 2 * PATIENCE_MS, Due::Tell),
        ];
        for (state, at, due) in steps {
            assert_eq!(refusals.due(state, false, at), due, "{state:?} {at}");
        }
        refusals.told = Some(true);
        let later = 3 * PATIENCE_MS;
        assert_eq!(
            refusals.due(LineState::TokenBad, false, later),
            Due::Nothing,
            "once"
        );
        assert_eq!(refusals.due(LineState::Down, false, later), Due::Nothing);
        assert_eq!(refusals.due(LineState::Up, false, later), Due::TakeBack);
    }

    /// The token may look at the number and not send.
    #[test]
    fn a_refusal_that_no_probe_sees_is_told_all_the_same() {
        let mut refusals = Refusals {
            told: Some(false),
            ..Refusals::default()
        };
        let minutes = (0..=6).map(|n| n * MINUTE_MS);
        let told: Vec<Due> = minutes
            .map(|at| {
                let due = refusals.due(LineState::Misconfigured, true, at);
                let up = refusals.due(LineState::Up, true, at + 1);
                assert_eq!(up, Due::Nothing, "one message is to try it");
                due
            })
            .collect();
        assert_eq!(told.iter().filter(|due| **due == Due::Tell).count(), 2);
        refusals.told = Some(true);
        let mut idle = refusals;
        let taken = refusals.due(LineState::Up, false, 7 * MINUTE_MS);
        assert_eq!(taken, Due::TakeBack);
        assert_eq!(idle.due(LineState::Up, true, TRIED_MS), Due::Nothing);
        let nobody_tried = idle.due(LineState::Up, true, TRIED_MS + 7 * MINUTE_MS);
        assert_eq!(nobody_tried, Due::TakeBack);
    }

    #[test]
    fn a_refusal_is_one_task_beside_that_of_the_account() {
        let conn = db();
        let open = "SELECT count(*) FROM task WHERE state = 'open'";
        for at in [1, 2] {
            tell(&conn, LineState::Misconfigured, "misconfigured", UnixMs(at)).unwrap();
        }
        assert_eq!(count(&conn, open), 1);
        take_back(&conn, UnixMs(3)).unwrap();
        assert_eq!(count(&conn, open), 0);
        let account = NewTask::of(Kind::AccountRefused).about("131042");
        tasks::open(&conn, &account, UnixMs(4)).unwrap();
        tell(&conn, LineState::Misconfigured, "misconfigured", UnixMs(5)).unwrap();
        assert_eq!(count(&conn, open), 1);
    }
}
