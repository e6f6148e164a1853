//! What is asked next of the line, when, and what it may cost.

use super::{Plan, RESERVE_BYTES, Watch, Wish};
use crate::core::time::{HOUR_MS, MINUTE_MS, SECOND_MS};
use crate::work::echoes::RARE_TOUCH_MS;
use crate::work::line::{LineState, is_pause, probe_wait_ms};
use crate::work::purse::{Ask, Moment, cost};
use crate::work::watch::PROBE_MS;

/// Between the beginnings of two touches of a line that went down just now.
const DOWN_MS: i64 = 3 * SECOND_MS;
/// The same after ten minutes of it.
const LONG_DOWN_MS: i64 = 18 * SECOND_MS;
/// How many touches are quick.
const QUICK_TOUCHES: u32 = 200;
/// Between look-ups of the provider's name for touches of a line that is up; each
/// message that leaves has it looked up besides.
const NAME_MS: i64 = 24 * HOUR_MS;
/// The same while the line is down: the provider may have moved meanwhile.
const NAME_DOUBTED_MS: i64 = 10 * MINUTE_MS;
/// Without a route nothing leaves; only the kernel is asked, in case its news
/// was lost.
const NO_ROUTE_MS: i64 = 30 * SECOND_MS;

impl Watch {
    /// What to ask next, and when.
    pub fn plan(&self, now: Moment) -> Plan {
        let (wish, mut due_ms) = self.wish.unwrap_or_else(|| self.routine(now));
        let ask = match wish {
            Wish::Echo => Ask::Echo {
                patience_ms: self.patience.echo_ms(),
            },
            Wish::Touch => self.touch(now),
            Wish::Probe if self.purse.holds(self.price(Ask::Probe), now) => Ask::Probe,
            Wish::Probe => self.instead_of_a_probe(now),
        };
        if ask == Ask::Message && self.wish.is_none() {
            due_ms = due_ms.max(self.asked_ms.saturating_add(self.blind.wait_ms()));
        }
        let wait_ms = due_ms
            .saturating_sub(now.steady_ms)
            .max(self.purse.wait_ms(self.price(ask), now))
            .max(0);
        Plan { ask, wait_ms }
    }

    /// What the purse is to hold. A touch is what finds a dead uplink: it waits
    /// for no more than its own cost, or after many cuts the box would be blind.
    fn price(&self, ask: Ask) -> i64 {
        let keeps = ask == Ask::Probe && self.wish.is_none();
        cost(ask, self.v6) + if keeps { RESERVE_BYTES } else { 0 }
    }

    /// What cannot be afforded is asked in a cheaper way: by a touch where that
    /// tells something, else by the next message, which is paid for anyway. A
    /// line that is up can wait for its probe.
    fn instead_of_a_probe(&self, now: Moment) -> Ask {
        match self.state {
            LineState::Up | LineState::Paused(_) => Ask::Probe,
            LineState::Down | LineState::ProviderDown => self.touch(now),
            LineState::Portal
            | LineState::Tls
            | LineState::ClockWrong
            | LineState::TokenBad
            | LineState::Misconfigured => Ask::Message,
        }
    }

    fn routine(&self, now: Moment) -> (Wish, i64) {
        let after = |ms: i64| self.asked_ms.saturating_add(ms);
        match self.state {
            LineState::Up => {
                let quiet_ms = self.proof_ms.max(self.asked_ms);
                let (echoes, v6) = (self.echoes, self.v6);
                let next = echoes.next(self.proof_ms, quiet_ms, v6, now.steady_ms);
                let probe = (Wish::Probe, self.probed_ms.saturating_add(PROBE_MS));
                if probe.1 <= next.1 { probe } else { next }
            }
            LineState::Down if !self.routed => (Wish::Touch, after(NO_ROUTE_MS)),
            LineState::Down if self.failed < QUICK_TOUCHES => (Wish::Touch, after(DOWN_MS)),
            LineState::Down => (Wish::Touch, after(LONG_DOWN_MS)),
            LineState::Paused(until) => {
                let left = until.ms_since(now.at);
                let left = if is_pause(until, now.at) { left } else { 0 };
                let touch_ms = after(RARE_TOUCH_MS);
                let probe_ms = now.steady_ms.saturating_add(left.max(SECOND_MS));
                // Nothing leaves, but what was sent before may be heard of.
                if touch_ms < probe_ms {
                    (Wish::Touch, touch_ms)
                } else {
                    (Wish::Probe, probe_ms)
                }
            }
            LineState::ProviderDown
            | LineState::Portal
            | LineState::Tls
            | LineState::ClockWrong
            | LineState::TokenBad
            | LineState::Misconfigured => {
                let tries = self.failed.saturating_add(self.tally.tries());
                (Wish::Probe, after(probe_wait_ms(self.state, tries, now.at)))
            }
        }
    }

    pub(super) fn touch(&self, now: Moment) -> Ask {
        let patience_ms = match (self.state == LineState::Down, self.fresh) {
            (false, _) => self.patience.usual_ms(),
            (true, 0) => self.patience.down_ms(self.failed),
            (true, _) => self.patience.fresh_ms(),
        };
        Ask::Touch {
            patience_ms,
            looks_up: self.looks_up(now),
        }
    }

    /// Whether the provider's name is looked up for a touch: where one to the
    /// address that is known was not answered, and now and then besides. The first
    /// touch of a line that has just come back waits for no name server.
    fn looks_up(&self, now: Moment) -> bool {
        let down = self.state == LineState::Down;
        let rest_ms = if down { NAME_DOUBTED_MS } else { NAME_MS };
        let due = |at: i64| now.steady_ms.saturating_sub(at) >= rest_ms;
        self.named_ms.is_none_or(due) && (!down || self.failed > 0)
    }
}
