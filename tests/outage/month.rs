//! Thirty days in the dark, then the line is back.

use crate::outage::clinic::Clinic;
use crate::resident_kib;
use healthpost::core::delivery::Link;
use healthpost::core::id::ContactId;
use healthpost::core::outgoing::Purpose;
use healthpost::core::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use std::collections::BTreeMap;

/// What the dark may cost the box in memory, however much waits, KiB.
pub const GROWN_KIB_MAX: u64 = 48 * 1024;

/// Lives the month with so many people and replies.
pub fn live(seed: u64, people: i64, replies: i64) {
    let mut clinic = Clinic::new(seed + 77);
    clinic.begin();
    let people: Vec<ContactId> = (0..people)
        .map(|n| {
            clinic.now_ms += 5;
            clinic.person(n)
        })
        .collect();
    clinic.commit();
    let before = resident_kib();
    let written = in_the_dark(&mut clinic, &people, replies);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < GROWN_KIB_MAX, "{grown} KiB");
    let queued = clinic.count("purpose != 'template'");
    assert_eq!(queued, replies);
    line_up(&mut clinic, written);
    until_all_have_ended(&mut clinic);
    clinic.judge_the_end();
    clinic.judge_order(true);
    let far = &clinic.far;
    assert_eq!((far.too_fast, far.too_many, far.too_late), (0, 0, 0));
    // In each of thirteen days those meet the limit that are in the air together
    // when it is used up, a second's worth at most, and then one every four hours.
    let limited = 1..13 * (80 + 6);
    assert!(
        limited.contains(&far.too_many_first),
        "{}",
        far.too_many_first
    );
    let arrived = clinic.count("state = 'delivered' AND purpose != 'template'");
    println!(
        "a month in the dark, {grown} KiB more in memory: {arrived} arrived, {} dropped as old questions, {} with a task, {} templates, at most {} in a second",
        clinic.count("state = 'superseded' AND purpose = 'prompt'"),
        clinic.count("state IN ('failed', 'expired') AND purpose != 'template'"),
        clinic.count("purpose = 'template'"),
        far.most_in_a_second,
    );
    assert!(arrived > replies / 50, "{arrived}");
}

/// Replies are queued, people write and are not heard; the queue is tended all
/// the while. Who wrote, and when.
fn in_the_dark(
    clinic: &mut Clinic,
    people: &[ContactId],
    replies: i64,
) -> BTreeMap<ContactId, i64> {
    let end = clinic.now_ms + 30 * DAY_MS;
    let step = 6 * HOUR_MS;
    let steps = 30 * DAY_MS / step;
    let mut written = BTreeMap::new();
    let mut left = replies;
    clinic.link = Link::Cut;
    for n in 0..steps {
        clinic.begin();
        let now = if n + 1 == steps {
            left
        } else {
            replies / steps
        };
        left -= now;
        for _ in 0..now {
            let who = people[usize::try_from(clinic.below(people.len() as i64)).unwrap()];
            let purpose = match clinic.below(40) {
                0 => Purpose::Emergency,
                1..=10 => Purpose::Prompt,
                11..=20 => Purpose::Staff,
                _ => Purpose::Notice,
            };
            clinic.push(who, purpose);
        }
        for _ in 0..people.len() / 100 {
            let who = people[usize::try_from(clinic.below(people.len() as i64)).unwrap()];
            let at = clinic.now_ms + clinic.below(step);
            written.insert(who, at);
            let phone = clinic.far.phones.get_mut(&who.0).unwrap();
            phone.wrote = phone.wrote.max(at);
        }
        while clinic.turn(0).more {}
        clinic.commit();
        clinic.now_ms = (clinic.now_ms + step).min(end);
    }
    written
}

/// What people wrote comes in first; then the queue leaves, while some of those
/// who were asked to write do so.
fn line_up(clinic: &mut Clinic, written: BTreeMap<ContactId, i64>) {
    clinic.link = Link::Works;
    clinic.begin();
    for (who, at) in written {
        clinic.hears(who, at);
    }
    clinic.commit();
    let mut answered = std::collections::BTreeSet::new();
    for _ in 0..3 * 24 {
        clinic.drain(30 * MINUTE_MS);
        let asked: Vec<i64> = clinic
            .far
            .phones
            .iter()
            .filter(|(_, phone)| phone.got.last().is_some_and(|got| got.template))
            .map(|(who, _)| *who)
            .collect();
        clinic.begin();
        for who in asked {
            if !answered.contains(&who) && clinic.percent(3) {
                answered.insert(who);
                let now = clinic.now_ms;
                clinic.writes(ContactId(who), now);
            }
        }
        clinic.commit();
    }
}

fn until_all_have_ended(clinic: &mut Clinic) {
    clinic.drain(10 * DAY_MS);
    let waiting = clinic.count("state IN ('queued', 'held', 'sending', 'in_doubt')");
    assert_eq!(waiting, 0);
}
