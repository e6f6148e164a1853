//! Faults on demand: what shall go wrong, and how often. A fault must be taken
//! from its plan exactly once for each send it spoils, so that "three times"
//! means three.

use super::chance::Dice;
use super::stranger::Stranger;
use serde::{Deserialize, Serialize};

/// What goes wrong with a send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Refused with this code; nothing is accepted.
    Refuse {
        /// The error code.
        code: i64,
        /// The finer code, if another than the usual one.
        #[serde(default)]
        subcode: Option<i64>,
        /// The HTTP status, if another than the usual one.
        #[serde(default)]
        http: Option<u16>,
        /// Seconds to put into a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Accepted, and a `failed` status with this code later.
    FailLater {
        /// The error code.
        code: i64,
    },
    /// Accepted, and an error answered all the same (2, 131000, 131016).
    ErrorAfterAccepting {
        /// The error code.
        code: i64,
    },
    /// Accepted, and never answered.
    HangAfterAccepting,
    /// Never answered and not accepted either.
    Hang,
    /// Accepted, and the connection reset in place of an answer.
    ResetAfterAccepting,
    /// The connection reset, nothing accepted.
    Reset,
    /// Accepted, and the answer comes this much later, ms.
    Slow {
        /// The delay, ms.
        ms: i64,
    },
    /// Accepted, and answered 200 with something that is not Meta's JSON.
    Garbage,
    /// Accepted, and the answer breaks off before its announced end.
    CutAfterAccepting {
        /// Whether no status ever comes either.
        #[serde(default)]
        silent: bool,
    },
    /// A captive portal answers 200 with a page; nothing reaches Meta.
    Portal,
    /// A captive portal answers 302; nothing reaches Meta.
    Redirect,
    /// Somebody else answers this; nothing reaches Meta.
    Stranger(Stranger),
    /// Accepted; the statuses come at once, the answer a second later.
    StatusFirst,
    /// Accepted, and no status ever comes.
    Silent,
    /// Accepted and shown, and each status webhook is sent twice.
    DoubleStatuses,
}

/// How often a fault happens. The first field that is set decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// The next so many sends.
    pub times: Option<u32>,
    /// Every so manyth send.
    pub every: Option<u32>,
    /// So many of a thousand sends, by the seed.
    pub per_mille: Option<u32>,
}

/// One fault with its schedule, and how often it has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What goes wrong.
    pub fault: Fault,
    /// How often.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// The number or user id whose messages alone it spoils.
    #[serde(default)]
    pub to: Option<String>,
    /// Sends it has looked at.
    #[serde(default)]
    pub seen: u32,
    /// Sends it has spoilt.
    #[serde(default)]
    pub spoilt: u32,
}

/// Everything that shall go wrong with sends.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan(Vec<Standing>);

/// Faults that may stand at the same time.
const STANDING_MAX: usize = 256;

impl FaultPlan {
    /// Adds a fault of whatever is sent; false when too many stand already.
    pub fn add(&mut self, fault: Fault, schedule: Schedule) -> bool {
        self.add_for(None, fault, schedule)
    }

    /// Adds a fault of what is sent to this number or user id, or to anybody;
    /// false when too many stand already.
    pub fn add_for(&mut self, to: Option<String>, fault: Fault, schedule: Schedule) -> bool {
        self.0.retain(|standing| !standing.is_over());
        if self.0.len() >= STANDING_MAX {
            return false;
        }
        self.0.push(Standing {
            fault,
            schedule,
            to,
            seen: 0,
            spoilt: 0,
        });
        true
    }

    /// Forgets every fault.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What stands.
    pub fn standing(&self) -> &[Standing] {
        &self.0
    }

    /// What goes wrong with the send at hand to this number or user id, if
    /// anything; the first fault that is due wins.
    pub fn take(&mut self, to: &str, dice: &mut Dice) -> Option<Fault> {
        self.0
            .iter_mut()
            .filter(|standing| standing.to.as_deref().is_none_or(|only| only == to))
            .find_map(|standing| standing.due(dice))
    }
}

impl Standing {
    fn due(&mut self, dice: &mut Dice) -> Option<Fault> {
        self.seen = self.seen.saturating_add(1);
        let schedule = self.schedule;
        let hit = if let Some(times) = schedule.times {
            self.spoilt < times
        } else if let Some(every) = schedule.every {
            every > 0 && self.seen.is_multiple_of(every)
        } else if let Some(per_mille) = schedule.per_mille {
            dice.below(1_000) < i64::from(per_mille)
        } else {
            self.spoilt == 0
        };
        hit.then(|| {
            self.spoilt = self.spoilt.saturating_add(1);
            self.fault.clone()
        })
    }

    const fn is_over(&self) -> bool {
        match (
            self.schedule.times,
            self.schedule.every,
            self.schedule.per_mille,
        ) {
            (Some(times), _, _) => self.spoilt >= times,
            (None, None, None) => self.spoilt > 0,
            (None, Some(_), _) | (None, None, Some(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test may panic"
    )]

    use super::*;
    use crate::simulator::world::Manner;

    fn hits(schedule: Schedule, sends: usize) -> Vec<bool> {
        let mut plan = FaultPlan::default();
        let mut dice = Dice::new(5);
        assert!(plan.add(Fault::Portal, schedule));
        (0..sends)
            .map(|_| plan.take("7", &mut dice).is_some())
            .collect()
    }

    #[test]
    fn so_many_times_every_nth_and_by_chance() {
        let times = Schedule {
            times: Some(2),
            ..Schedule::default()
        };
        assert_eq!(hits(times, 4), [true, true, false, false]);
        let every = Schedule {
            every: Some(3),
            ..Schedule::default()
        };
        assert_eq!(hits(every, 6), [false, false, true, false, false, true]);
        let once = Schedule::default();
        assert_eq!(hits(once, 3), [true, false, false]);
        let some = Schedule {
            per_mille: Some(500),
            ..Schedule::default()
        };
        let count = hits(some, 1_000).into_iter().filter(|hit| *hit).count();
        assert!((400..600).contains(&count), "{count}");
    }

    #[test]
    fn the_plan_is_bounded_and_finished_faults_make_room() {
        let mut plan = FaultPlan::default();
        for _ in 0..STANDING_MAX {
            assert!(plan.add(Fault::Hang, Schedule::default()));
        }
        assert!(!plan.add(Fault::Hang, Schedule::default()));
        assert!(plan.take("7", &mut Dice::new(1)).is_some());
        assert!(plan.add(Fault::Hang, Schedule::default()));
    }

    #[test]
    fn a_fault_for_one_person_waits_for_their_message() {
        let mut plan = FaultPlan::default();
        let mut dice = Dice::new(1);
        assert!(plan.add_for(Some("7".into()), Fault::Portal, Schedule::default()));
        assert_eq!(plan.take("8", &mut dice), None);
        assert_eq!(plan.take("7", &mut dice), Some(Fault::Portal));
        assert_eq!(plan.take("7", &mut dice), None, "only once");
    }

    #[test]
    fn a_stranger_is_asked_for_in_json() {
        let standing: Standing = serde_json::from_str(
            r#"{"fault":{"kind":"stranger","http":511,"body":"<p>","cut":true},"to":"7"}"#,
        )
        .unwrap();
        let Fault::Stranger(stranger) = standing.fault else {
            panic!("no stranger");
        };
        let reply = stranger.reply();
        assert_eq!((reply.http, reply.manner), (511, Manner::Cut));
        assert!(reply.headers.is_empty(), "nothing is said of the body");
        assert_eq!(standing.to.as_deref(), Some("7"));
    }

    #[test]
    fn a_fault_is_asked_for_in_json() {
        let standing: Standing = serde_json::from_str(
            r#"{"fault":{"kind":"refuse","code":131056,"retry_after":4},"times":3}"#,
        )
        .unwrap();
        assert_eq!(standing.schedule.times, Some(3));
        assert_eq!(
            standing.fault,
            Fault::Refuse {
                code: 131_056,
                subcode: None,
                http: None,
                retry_after: Some(4)
            }
        );
    }
}
