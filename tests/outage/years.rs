//! A year of random outages, with results that are lost, statuses that come
//! late, twice and in any order, clocks that cannot be trusted, and starts.

use crate::outage::clinic::{Clinic, POLICY};
use healthpost::core::delivery::{Link, SendOutcome};
use healthpost::core::id::ContactId;
use healthpost::core::inbound::{ProviderError, Receipt};
use healthpost::core::outgoing::Purpose;
use healthpost::core::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use healthpost::ports::LineFault;
use healthpost::store::outbox::{self, Claim};

const PEOPLE: i64 = 40;

/// News under way to the box.
struct News {
    at: i64,
    key: String,
    receipt: Receipt,
    code: Option<i64>,
}

struct Year {
    clinic: Clinic,
    people: Vec<ContactId>,
    /// What people wrote and the box has not heard.
    unheard: Vec<(ContactId, i64)>,
    news: Vec<News>,
    air: Vec<(i64, Claim, SendOutcome)>,
    up: bool,
}

/// Lives a year.
pub fn live(year: u64) {
    let mut clinic = Clinic::new(year + 1_001);
    let people = (0..PEOPLE).map(|n| clinic.person(n)).collect();
    let mut year = Year {
        clinic,
        people,
        unheard: Vec::new(),
        news: Vec::new(),
        air: Vec::new(),
        up: true,
    };
    let end = year.clinic.now_ms + 365 * DAY_MS;
    let mut outages = 0;
    while year.clinic.now_ms < end {
        let dark = match year.clinic.below(8) {
            0 => year.clinic.below(20 * DAY_MS),
            1..=3 => year.clinic.below(2 * DAY_MS),
            _ => year.clinic.below(2 * HOUR_MS),
        };
        let light = year.clinic.below(6 * DAY_MS);
        year.spend(light, true);
        year.spend(dark, false);
        outages += 1;
    }
    year.calm();
    year.clinic.judge_the_end();
    year.clinic.judge_order(false);
    let clinic = &year.clinic;
    // A window is never missed while the clock is trusted; while it is not, the
    // provider's own word counts.
    assert_eq!((clinic.far.too_fast, clinic.far.too_many), (0, 0));
    println!(
        "a year with {outages} outages: {} messages, {} arrived, {} with a task, {} refused as late",
        clinic.count("1"),
        clinic.count("state IN ('delivered', 'read')"),
        clinic.count("state IN ('failed', 'expired')"),
        clinic.far.too_late,
    );
}

impl Year {
    fn spend(&mut self, ms: i64, up: bool) {
        let end = self.clinic.now_ms + ms;
        self.turn_line(up);
        while self.clinic.now_ms < end {
            if self.clinic.percent(20) {
                self.somebody_acts();
            }
            if self.clinic.percent(1) {
                self.start_anew();
            }
            self.clinic.trusted = if self.clinic.trusted {
                !self.clinic.percent(1)
            } else {
                self.clinic.percent(10)
            };
            self.work();
            let step = *[MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS]
                .get(usize::try_from(self.clinic.below(3)).unwrap())
                .unwrap();
            self.clinic.now_ms += 1 + self.clinic.below(step);
        }
    }

    fn turn_line(&mut self, up: bool) {
        if up && !self.up {
            let now = self.clinic.now().at;
            outbox::line_up(
                &self.clinic.conn,
                POLICY.in_doubt_ms,
                POLICY.in_doubt_ms,
                now,
            )
            .unwrap();
        }
        self.up = up;
        self.clinic.link = if up { Link::Works } else { Link::Cut };
    }

    fn somebody_acts(&mut self) {
        let who = self.people[usize::try_from(self.clinic.below(PEOPLE)).unwrap()];
        if self.clinic.percent(50) {
            let now = self.clinic.now_ms;
            let phone = self.clinic.far.phones.get_mut(&who.0).unwrap();
            phone.wrote = phone.wrote.max(now);
            self.unheard.push((who, now));
            return;
        }
        let purpose = match self.clinic.below(20) {
            0 => Purpose::Emergency,
            1..=8 => Purpose::Prompt,
            9..=12 => Purpose::Staff,
            _ => Purpose::Notice,
        };
        if purpose == Purpose::Prompt {
            let now = self.clinic.now().at;
            outbox::supersede_prompts(&self.clinic.conn, who, now).unwrap();
        }
        self.clinic.push(who, purpose);
    }

    /// The power fails: what is in the air is lost to the box.
    fn start_anew(&mut self) {
        self.air.clear();
        let now = self.clinic.now().at;
        outbox::recover(&self.clinic.conn, POLICY.in_doubt_ms, now).unwrap();
    }

    fn work(&mut self) {
        self.clinic.begin();
        let now = self.clinic.now_ms;
        if self.up {
            for (who, at) in std::mem::take(&mut self.unheard) {
                self.clinic.hears(who, at);
            }
            let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.news)
                .into_iter()
                .partition(|one| one.at <= now);
            self.news = later;
            for one in due {
                self.clinic.status(&one.key, one.receipt, one.code);
            }
        }
        let (done, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.air)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.air = later;
        for (_, claim, outcome) in done {
            self.clinic.settle(&claim, &outcome);
        }
        let room = if self.up {
            self.clinic.room().min(16)
        } else {
            0
        };
        let turn = self.clinic.turn(room);
        self.clinic.commit();
        for claim in turn.claims {
            self.fly(claim);
        }
    }

    fn fly(&mut self, claim: Claim) {
        let fate = self.clinic.below(100);
        let late = self.clinic.below(2 * MINUTE_MS);
        let outcome = match fate {
            0..=2 => SendOutcome::NotSent(LineFault::Down),
            3..=5 => SendOutcome::Unknown,
            6..=8 => {
                let codes = [1, 131_000, 131_026, 131_056, 130_429, 190, 132_015];
                let code = codes[usize::try_from(self.clinic.below(7)).unwrap()];
                SendOutcome::Refused {
                    error: ProviderError {
                        code,
                        subcode: None,
                    },
                    http: 400,
                    wait: None,
                }
            }
            _ => self.send(&claim, fate),
        };
        let at = self.clinic.now_ms + late;
        self.air.push((at, claim, outcome));
    }

    /// It reaches the provider; news of it comes late, twice, in any order.
    fn send(&mut self, claim: &Claim, fate: i64) -> SendOutcome {
        let outcome = self.clinic.send(claim);
        if !matches!(outcome, SendOutcome::Accepted { .. }) {
            return outcome;
        }
        let failed = (9..12).contains(&fate);
        let ends: &[Receipt] = if failed {
            &[Receipt::Sent, Receipt::Failed]
        } else {
            &[Receipt::Sent, Receipt::Delivered, Receipt::Read]
        };
        for receipt in ends {
            for _ in 0..1 + self.clinic.below(2) {
                let codes = [131_026, 131_049, 131_000, 131_047];
                let code = codes[usize::try_from(self.clinic.below(4)).unwrap()];
                self.news.push(News {
                    at: self.clinic.now_ms + self.clinic.below(HOUR_MS),
                    key: claim.call.key.0.clone(),
                    receipt: *receipt,
                    code: (*receipt == Receipt::Failed).then_some(code),
                });
            }
        }
        if (12..16).contains(&fate) {
            return SendOutcome::Unknown;
        }
        outcome
    }

    /// Three weeks in which nothing goes wrong: everything ends.
    fn calm(&mut self) {
        self.clinic.trusted = true;
        self.turn_line(true);
        let end = self.clinic.now_ms + 21 * DAY_MS;
        while self.clinic.now_ms < end {
            self.work_in_calm();
            let waits = self.clinic.count("state IN ('queued', 'sending')");
            self.clinic.now_ms += if waits > 0 { 2_000 } else { 10 * MINUTE_MS };
        }
        for (_, claim, outcome) in std::mem::take(&mut self.air) {
            self.clinic.settle(&claim, &outcome);
        }
        let now = self.clinic.now().at;
        let waiting = self
            .clinic
            .count("state IN ('queued', 'held', 'sending', 'in_doubt')");
        assert_eq!(waiting, 0, "at {now:?}");
        let untold = self.clinic.count("state IN ('accepted', 'sent')");
        assert_eq!(untold, 0);
    }

    fn work_in_calm(&mut self) {
        for (_, claim, outcome) in std::mem::take(&mut self.air) {
            self.clinic.settle(&claim, &outcome);
        }
        for one in std::mem::take(&mut self.news) {
            self.clinic.status(&one.key, one.receipt, one.code);
        }
        for (who, at) in std::mem::take(&mut self.unheard) {
            self.clinic.hears(who, at);
        }
        let room = self.clinic.room().min(16);
        let turn = self.clinic.turn(room);
        self.clinic.settle_all(turn.claims);
    }
}
