//! What became of messages in a row, and what follows from the row for the
//! channel: a single answer says little, the same one again and again says much.
//! Pure.

use crate::core::delivery::{Channel, Class, wait_ms};
use crate::core::time::{MINUTE_MS, UnixMs};
use crate::ports::SendOutcome;
use crate::work::line::LineState;

/// How many answers in a row that tell of trouble at the provider make an
/// outage of it. A single one happens every day and may be about one message.
pub const FAULTS_MIN: u32 = 3;

/// So many refusals in a row a late one stands for: the longest wait.
const REFUSED_LATE: u32 = 16;

/// A shorter pause is over by the time a box has started anew, ms.
const KEPT_MS_MIN: i64 = MINUTE_MS;

/// Counts since a message was last taken. Those that were in the air together
/// when the channel was stopped tell of it once.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    refused: u32,
    faults: u32,
    throttles: u32,
    /// Until when the latest pause lasts, if it is a long one.
    until: Option<UnixMs>,
    lost: u32,
}

impl Tally {
    /// Nothing was sent yet.
    pub const fn new() -> Self {
        Self {
            refused: 0,
            faults: 0,
            throttles: 0,
            until: None,
            lost: 0,
        }
    }

    /// Takes in what became of a message, with the line as it stands and the end
    /// of the pause that holds, if one does; says what follows for the channel.
    pub fn count(
        &mut self,
        outcome: &SendOutcome,
        channel: Channel,
        (state, pause): (LineState, Option<UnixMs>),
        now: UnixMs,
    ) -> Channel {
        match outcome {
            SendOutcome::Accepted { .. } => {
                (self.refused, self.faults) = (0, 0);
                // What was in the air when the pause began proves nothing.
                if pause.is_none() {
                    (self.throttles, self.until) = (0, None);
                }
            }
            SendOutcome::Unknown => self.lost = self.lost.saturating_add(1),
            SendOutcome::Refused { .. } | SendOutcome::NotSent(_) => {}
        }
        match channel {
            Channel::Misconfigured => self.refused = self.refused.saturating_add(1),
            Channel::ProviderDown => return self.count_fault(state),
            Channel::PauseUntil(until) => return self.count_throttle(until, pause, now),
            // An answer about the message itself: the provider is at work.
            Channel::Fine if matches!(outcome, SendOutcome::Refused { .. }) => self.faults = 0,
            Channel::Fine | Channel::LineDown => {}
        }
        channel
    }

    /// The provider answered something, a message or a probe.
    pub const fn heard(&mut self) {
        self.lost = 0;
    }

    /// A message came back that was taken, because of the account. Neither a
    /// probe nor a message that is taken shows whether that still holds: only
    /// the longest wait bounds how often it is tried.
    pub const fn given_back(&mut self) {
        self.refused = REFUSED_LATE;
    }

    /// One arrived that was taken since.
    pub const fn served(&mut self) {
        self.refused = 0;
    }

    const fn count_fault(&mut self, state: LineState) -> Channel {
        if matches!(state, LineState::ProviderDown) {
            return Channel::ProviderDown;
        }
        self.faults = self.faults.saturating_add(1);
        if self.faults < FAULTS_MIN {
            Channel::Fine
        } else {
            Channel::ProviderDown
        }
    }

    /// Each pause that proves too short is followed by a longer one.
    fn count_throttle(&mut self, until: UnixMs, pause: Option<UnixMs>, now: UnixMs) -> Channel {
        let until = if let Some(pause) = pause {
            until.max(pause)
        } else {
            let own_ms = wait_ms(Class::ThrottleNumber, self.throttles, None, 0);
            self.throttles = self.throttles.saturating_add(1);
            until.max(now.plus_ms(own_ms))
        };
        self.until = (until.ms_since(now) >= KEPT_MS_MIN).then_some(until);
        Channel::PauseUntil(until)
    }

    /// Until when a pause lasts that a restart must not forget.
    pub const fn rests_until(&self) -> Option<UnixMs> {
        self.until
    }

    /// Takes up such a pause of an earlier run.
    pub fn resume(&mut self, until: UnixMs) {
        (self.throttles, self.until) = (self.throttles.max(1), Some(until));
    }

    /// Whether one message is to try the line for all: the last ones met
    /// something that is none of their own, and none was taken since.
    pub const fn is_on_trial(&self) -> bool {
        self.refused > 0 || self.throttles > 0 || self.faults >= FAULTS_MIN
    }

    /// Whether nothing of what is sent is answered.
    pub const fn is_deaf(&self) -> bool {
        self.lost >= FAULTS_MIN
    }

    /// How often the line proved bad although a probe had found it good.
    pub fn tries(&self) -> u32 {
        self.refused.max(self.faults.saturating_sub(FAULTS_MIN))
    }
}
