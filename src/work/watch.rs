//! The line watcher's mind: what was seen of the line, and from that how it
//! stands, what to ask next, when, and whether it can be afforded. Pure: it
//! reads no clock, and asks nobody.
//!
//! Three ways of asking. An *echo* is the network's own question: two small
//! packets, where anybody answers them. A *touch* opens an empty connection:
//! three packets, and it tells whether the provider answers. A *probe* is a real
//! question with a real certificate and our token: it tells everything, and
//! costs a handshake. So a line that is up is echoed often, and touched where an
//! echo goes unanswered; one that is down is touched often, and probed when a
//! touch says that it has come back. What they may cost in a day has one bound.

mod plan;

use crate::core::delivery::Channel;
use crate::core::time::{HOUR_MS, SECOND_MS, UnixMs};
use crate::ports::{Moved, SendOutcome, Touch};
use crate::work::blind::Blind;
use crate::work::echoes::Echoes;
use crate::work::line::{LineState, is_pause, judge_probe};
use crate::work::patience::Patience;
use crate::work::purse::{Ask, Moment, PROBE_BYTES, Purse, cost};
use crate::work::seen::Seen;
use crate::work::tally::Tally;

/// A line that is up is probed so often: the token may have ended, a portal may
/// have come between.
pub const PROBE_MS: i64 = 6 * HOUR_MS;
/// What routine probes leave in the purse, bytes: when the kernel says that the
/// way is back, a touch and a probe are asked at once.
const RESERVE_BYTES: i64 = 8_000;
/// Least pause before something is asked again because of news that may be none.
const SPACING_MS: i64 = SECOND_MS;
/// Touches that follow each other at once when the kernel says that the way is
/// back: the first packets over a fresh line are often lost, and TCP itself
/// tries again only after seconds.
const FRESH_TOUCHES: u32 = 4;

/// What to ask, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What.
    pub ask: Ask,
    /// In how many milliseconds.
    pub wait_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Echo,
    Touch,
    Probe,
}

/// Everything known of the line.
#[derive(Clone, Debug)]
pub struct Watch {
    state: LineState,
    stretch: u64,
    pause: Option<UnixMs>,
    routed: bool,
    failed: u32,
    tally: Tally,
    fresh: u32,
    wish: Option<(Wish, i64)>,
    asked_ms: i64,
    proof_ms: i64,
    probed_ms: i64,
    /// When the name was last looked up for a touch; none if that is due.
    named_ms: Option<i64>,
    patience: Patience,
    echoes: Echoes,
    blind: Blind,
    v6: bool,
    purse: Purse,
}

impl Watch {
    /// Nothing is known; the line is taken to be up, and probed at once.
    pub const fn new() -> Self {
        Self {
            state: LineState::Up,
            stretch: 0,
            pause: None,
            routed: true,
            failed: 0,
            tally: Tally::new(),
            fresh: 0,
            wish: Some((Wish::Probe, 0)),
            asked_ms: 0,
            proof_ms: 0,
            probed_ms: 0,
            named_ms: None,
            patience: Patience::new(),
            echoes: Echoes::new(),
            blind: Blind::new(),
            v6: false,
            purse: Purse::full(),
        }
    }

    /// How the line stands.
    pub const fn state(&self) -> LineState {
        self.state
    }

    /// Counts the times the line was cut or came back.
    pub const fn stretch(&self) -> u64 {
        self.stretch
    }

    /// Until when the provider asked for a pause that is worth keeping, as long as
    /// no message was taken after it.
    pub const fn rests_until(&self) -> Option<UnixMs> {
        self.tally.rests_until()
    }

    /// An earlier run was asked to pause until then, and sent nothing since.
    pub fn resume(&mut self, until: UnixMs, now: UnixMs) {
        self.tally.resume(until);
        if is_pause(until, now) {
            (self.state, self.pause) = (LineState::Paused(until), Some(until));
        }
    }

    /// Takes something in; true if kept connections are dead.
    pub fn see(&mut self, seen: &Seen<'_>, now: Moment) -> bool {
        match *seen {
            Seen::Sent { outcome, channel } => self.sent(outcome, channel, now),
            Seen::Probed(outcome) => self.probed(outcome, now),
            Seen::Touched(touch) => self.touched(touch, now),
            Seen::Echoed(echo) => {
                if self.echoes.see(echo, now.steady_ms) && self.wish.is_none() {
                    self.wish = Some((Wish::Touch, now.steady_ms));
                }
                false
            }
            Seen::Moved(moved) => self.moved(moved, now),
            Seen::Nudged => {
                self.failed = 0;
                self.wish_soon(now);
                false
            }
            Seen::GivenBack(outcome) => {
                (self.asked_ms, self.wish) = (now.steady_ms, None);
                self.tally.given_back();
                self.sent(outcome, Channel::Misconfigured, now)
            }
            Seen::Served => {
                self.tally.served();
                if self.state != LineState::Up {
                    self.failed = 0;
                    self.wish_soon(now);
                }
                false
            }
        }
    }

    fn sent(&mut self, outcome: &SendOutcome, channel: Channel, now: Moment) -> bool {
        match outcome {
            SendOutcome::Accepted { .. } => self.failed = 0,
            SendOutcome::Refused { .. } => {}
            // It may have met a hole: that is found out now and not at the next turn.
            SendOutcome::Unknown | SendOutcome::NotSent(_) => self.wish_soon(now),
        }
        self.blind
            .over(matches!(outcome, SendOutcome::Accepted { .. }));
        let pause = self.pause.filter(|until| is_pause(*until, now.at));
        let line = (self.state, pause);
        let channel = self.tally.count(outcome, channel, line, now.at);
        self.note_answer(outcome, now);
        let next = self.state.after(outcome, channel);
        self.go(next, now)
    }

    /// Whether one message is to try the line for all.
    pub const fn is_on_trial(&self) -> bool {
        self.tally.is_on_trial() || self.blind.is_on()
    }

    fn probed(&mut self, outcome: &SendOutcome, now: Moment) -> bool {
        self.probed_ms = now.steady_ms;
        self.note_answer(outcome, now);
        let next = judge_probe(outcome, self.state, now.at);
        let same = next == self.state;
        let dead = self.go(next, now);
        if self.state == LineState::Up {
            self.failed = 0;
        } else if same || self.state != LineState::Down {
            self.failed = self.failed.saturating_add(1);
        }
        dead
    }

    fn touched(&mut self, touch: Touch, now: Moment) -> bool {
        match (touch, self.state) {
            (Touch::Reached { rtt_ms, v6 }, state) => {
                self.v6 = v6;
                self.fresh = 0;
                if state == LineState::Up {
                    self.patience.took(rtt_ms);
                }
                self.proof_ms = now.steady_ms;
                // One who is there and answers none of what is sent is asked in earnest.
                let silent = matches!(state, LineState::Down | LineState::ProviderDown);
                let bytes = if silent { PROBE_BYTES } else { RESERVE_BYTES };
                if (silent || self.tally.is_deaf()) && self.purse.holds(bytes, now) {
                    self.wish = Some((Wish::Probe, now.steady_ms));
                    return false;
                }
                // What nobody can be asked is told by the next message.
                silent && self.go(LineState::Up, now)
            }
            (Touch::Refused, LineState::ProviderDown) => {
                self.failed = self.failed.saturating_add(1);
                false
            }
            (Touch::Refused, _) => self.go(LineState::ProviderDown, now),
            (Touch::Silent | Touch::NoRoute, LineState::Down) => {
                self.failed = self.failed.saturating_add(1);
                self.fresh = self.fresh.saturating_sub(1);
                if self.fresh > 0 {
                    self.wish = Some((Wish::Touch, now.steady_ms));
                }
                false
            }
            (Touch::Silent | Touch::NoRoute, _) => {
                self.patience.alarm(now.steady_ms);
                self.echoes.proved_right();
                self.named_ms = None;
                self.wish = Some((Wish::Touch, now.steady_ms));
                self.go(LineState::Down, now)
            }
        }
    }

    fn moved(&mut self, moved: Moved, now: Moment) -> bool {
        match moved {
            Moved::Gone => {
                self.routed = false;
                self.wish = None;
                self.go(LineState::Down, now);
                true
            }
            Moved::Back | Moved::Other => {
                self.routed = true;
                self.failed = 0;
                self.named_ms = None;
                self.fresh = FRESH_TOUCHES;
                self.patience.begin_anew();
                self.echoes = Echoes::new();
                if self.state == LineState::Down && !self.purse.holds(RESERVE_BYTES, now) {
                    // Nobody can be asked: the next message tells.
                    self.wish = None;
                    self.go(LineState::Up, now);
                } else {
                    self.wish = Some((self.quickest(), now.steady_ms));
                }
                true
            }
            Moved::Carrier => {
                self.wish = Some((self.quickest(), now.steady_ms));
                false
            }
            Moved::Same => {
                if self.state.is_cut() {
                    self.wish_soon(now);
                }
                false
            }
        }
    }

    /// What tells soonest whether a line in this state is mended, or cut.
    const fn quickest(&self) -> Wish {
        match self.state {
            LineState::Up | LineState::Down | LineState::Paused(_) => Wish::Touch,
            LineState::ProviderDown
            | LineState::Portal
            | LineState::Tls
            | LineState::ClockWrong
            | LineState::TokenBad
            | LineState::Misconfigured => Wish::Probe,
        }
    }

    fn wish_soon(&mut self, now: Moment) {
        let soon = now.steady_ms.max(self.asked_ms.saturating_add(SPACING_MS));
        if self.wish.is_none() {
            self.wish = Some((self.quickest(), soon));
        }
    }

    fn note_answer(&mut self, outcome: &SendOutcome, now: Moment) {
        match outcome {
            SendOutcome::Accepted { .. } | SendOutcome::Refused { .. } => {
                self.tally.heard();
                self.proof_ms = now.steady_ms;
            }
            SendOutcome::NotSent(_) | SendOutcome::Unknown => {}
        }
    }

    /// Changes the state; true if kept connections are dead. A pause outlives
    /// an outage.
    fn go(&mut self, next: LineState, now: Moment) -> bool {
        let next = match (next, self.pause) {
            (LineState::Up, Some(until)) if is_pause(until, now.at) => LineState::Paused(until),
            (other, _) => other,
        };
        self.pause = match next {
            LineState::Up => None,
            LineState::Paused(until) => Some(until),
            LineState::Down
            | LineState::ProviderDown
            | LineState::Portal
            | LineState::Tls
            | LineState::ClockWrong
            | LineState::TokenBad
            | LineState::Misconfigured => self.pause,
        };
        let before = std::mem::replace(&mut self.state, next);
        if before == next {
            return false;
        }
        if before.is_cut() != next.is_cut() {
            self.stretch = self.stretch.saturating_add(1);
        }
        // After refusals a probe that goes well proves nothing: they count on.
        self.failed = 0;
        if !next.is_cut() && self.patience.up_again(now.steady_ms) && self.wish.is_none() {
            self.wish = Some((Wish::Touch, now.steady_ms));
        }
        next == LineState::Down
    }

    /// Something is being asked now.
    pub fn spend(&mut self, ask: Ask, now: Moment) {
        self.purse.spend(cost(ask, self.v6), now);
        self.wish = None;
        self.asked_ms = now.steady_ms;
        if matches!(ask, Ask::Touch { looks_up: true, .. }) {
            self.named_ms = Some(now.steady_ms);
        }
        if ask == Ask::Message {
            self.blind.begin();
            self.go(LineState::Up, now);
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
