//! A naive provider that holds its limits: 80 messages in any second, one in
//! six seconds for each person with a burst of 45, the 24-hour window by its own
//! clock, and 250 people a day who are written to outside of theirs. It counts every breach and tells the code that Meta would.

use healthpost::core::time::{DAY_MS, SECOND_MS};
use std::collections::{BTreeMap, VecDeque};

const PER_SECOND: usize = 80;
const FIRST_PER_DAY: usize = 250;
const BURST_MS: i64 = 45 * 6 * SECOND_MS;
const EACH_MS: i64 = 6 * SECOND_MS;

/// A message on a phone.
pub struct Got {
    /// Its name.
    pub key: String,
    /// Whether it is a template.
    pub template: bool,
    /// When it came.
    pub at: i64,
}

/// One person's phone.
#[derive(Default)]
pub struct Phone {
    /// When they last wrote, by WhatsApp's clock.
    pub wrote: i64,
    /// What arrived, in order.
    pub got: Vec<Got>,
    allowance: Option<(i64, i64)>,
}

/// Everybody's phones, and what went wrong.
#[derive(Default)]
pub struct FarSide {
    /// By contact.
    pub phones: BTreeMap<i64, Phone>,
    second: VecDeque<i64>,
    first: VecDeque<(i64, i64)>,
    /// Templates beyond what may be written first in a day.
    pub too_many_first: usize,
    /// Messages beyond the number's rate.
    pub too_fast: usize,
    /// Messages beyond a person's rate.
    pub too_many: usize,
    /// Free words outside the window.
    pub too_late: usize,
    /// Most messages in any one second.
    pub most_in_a_second: usize,
}

impl FarSide {
    /// Takes a message, or says why not.
    pub fn send(&mut self, contact: i64, key: &str, template: bool, at: i64) -> Result<(), i64> {
        while self.second.front().is_some_and(|sent| at - sent >= 1_000) {
            self.second.pop_front();
        }
        if self.second.len() >= PER_SECOND {
            self.too_fast += 1;
            return Err(130_429);
        }
        self.second.push_back(at);
        self.most_in_a_second = self.most_in_a_second.max(self.second.len());
        let phone = self.phones.entry(contact).or_default();
        let (left, then) = phone.allowance.unwrap_or((BURST_MS, at));
        let left = (left + at - then).min(BURST_MS);
        phone.allowance = Some((left, at));
        if left < EACH_MS {
            self.too_many += 1;
            return Err(131_056);
        }
        phone.allowance = Some((left - EACH_MS, at));
        if !template && at - phone.wrote >= DAY_MS {
            self.too_late += 1;
            return Err(131_047);
        }
        if template && at - phone.wrote >= DAY_MS {
            while self
                .first
                .front()
                .is_some_and(|(sent, _)| at - sent >= DAY_MS)
            {
                self.first.pop_front();
            }
            if !self.first.iter().any(|(_, who)| *who == contact) {
                if self.first.len() >= FIRST_PER_DAY {
                    self.too_many_first += 1;
                    return Err(131_048);
                }
                self.first.push_back((at, contact));
            }
        }
        phone.got.push(Got {
            key: key.to_owned(),
            template,
            at,
        });
        Ok(())
    }
}
