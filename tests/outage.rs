//! The outbound queue through outages: a month in the dark with twenty thousand
//! replies, years of random outages, a long queue, a full disk. The real store
//! and planner, a naive far side that holds the provider's limits, and simulated
//! time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise and says what it saw"
)]

mod outage {
    pub mod clinic;
    pub mod far_side;
    pub mod month;
    pub mod years;
}

#[path = "support/counts.rs"]
mod counts;

use healthpost::core::outgoing::Purpose;
use healthpost::core::time::{DAY_MS, HOUR_MS};
use outage::clinic::Clinic;
use std::time::Instant;

#[test]
fn a_month_in_the_dark_ends_with_nothing_dropped_unheard() {
    let seeds = counts::of("outage_months");
    for seed in 0..seeds {
        outage::month::live(seed, 5_000, 20_000);
    }
}

#[test]
fn years_of_random_outages_lose_nothing() {
    let years = counts::of("outage_years");
    for year in 0..years {
        outage::years::live(year);
    }
}

/// Memory in use, KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_hundred_thousand_messages_are_planned_in_bounded_time_and_memory() {
    let mut clinic = Clinic::new(1);
    let people: Vec<_> = (0..20_000).map(|n| clinic.person(n)).collect();
    clinic.begin();
    for n in 0..100_000 {
        clinic.push(people[n % people.len()], Purpose::Notice);
    }
    clinic.commit();
    let before = resident_kib();
    let began = Instant::now();
    let (mut turns, mut slowest) = (0, 0);
    loop {
        let turned = Instant::now();
        clinic.begin();
        let turn = clinic.turn(80);
        clinic.commit();
        assert!(turn.claims.len() <= 80);
        turns += 1;
        slowest = slowest.max(turned.elapsed().as_millis());
        if !turn.more {
            break;
        }
    }
    let grown = resident_kib().saturating_sub(before);
    println!(
        "100,000 queued for 20,000: all planned in {turns} turns, {} ms, the slowest {slowest} ms, {grown} KiB",
        began.elapsed().as_millis()
    );
    assert!(grown < outage::month::GROWN_KIB_MAX, "{grown} KiB");
    assert!(slowest < 2_000, "{slowest} ms");
}

/// One person with a very long queue does not keep the others waiting, nor the
/// planner busy.
#[test]
fn a_very_long_queue_of_one_person_is_read_only_at_its_head() {
    let mut clinic = Clinic::new(2);
    let (chatty, quiet) = (clinic.person(0), clinic.person(1));
    clinic.begin();
    for _ in 0..50_000 {
        clinic.push(chatty, Purpose::Notice);
    }
    clinic.commit();
    let other = clinic.push(quiet, Purpose::Notice);
    let began = Instant::now();
    let turn = clinic.turn(80);
    let ids: Vec<_> = turn.claims.iter().map(|claim| claim.id).collect();
    assert!(ids.contains(&other) && ids.len() == 2);
    assert!(began.elapsed().as_millis() < 1_000);
}

/// A disk without room stops new work, and nothing that was queued is lost.
#[test]
fn a_full_disk_takes_nothing_from_the_queue() {
    let mut clinic = Clinic::new(3);
    let person = clinic.person(0);
    for _ in 0..20 {
        clinic.push(person, Purpose::Notice);
    }
    clinic.set_disk_full(true);
    let mut refused = 0;
    for _ in 0..200 {
        refused += usize::from(!clinic.try_push(person));
    }
    assert!(refused > 0, "the disk was never full");
    let waiting = clinic.count("state IN ('queued', 'sending')");
    assert!(waiting >= 20, "{waiting}");
    clinic.set_disk_full(false);
    clinic.drain(2 * DAY_MS);
    assert_eq!(clinic.count("state = 'delivered'"), waiting);
}

/// With the line back, whoever waits longest goes first, whatever the length
/// of anybody's queue, and emergencies before everybody.
#[test]
fn nobody_is_passed_for_good_and_emergencies_go_first() {
    let mut clinic = Clinic::new(4);
    let people: Vec<_> = (0..50).map(|n| clinic.person(n)).collect();
    for (n, person) in people.iter().enumerate() {
        let count = if n == 0 { 30 } else { 2 };
        for _ in 0..count {
            clinic.now_ms += 1;
            clinic.push(*person, Purpose::Notice);
        }
    }
    let emergency = clinic.push(people[49], Purpose::Emergency);
    let first = clinic.turn(10);
    assert_eq!(first.claims[0].id, emergency);
    clinic.settle_all(first.claims);
    let mut served = std::collections::BTreeSet::new();
    for _ in 0..5 {
        clinic.now_ms += 1_000;
        let turn = clinic.turn(10);
        for claim in &turn.claims {
            served.insert(clinic.contact_of(claim.id));
        }
        clinic.settle_all(turn.claims);
    }
    assert_eq!(
        served.len(),
        50,
        "in five rounds of ten everybody was served"
    );
    clinic.drain(2 * HOUR_MS);
    assert_eq!(clinic.count("state != 'delivered'"), 0);
}
