//! Each error code of the reference, answered by Meta to a message of a real
//! box: what the box makes of it is judged by what staff can see.

use super::list::{Case, Class, cases, hold_against_the_product};
use super::{channel, later, message};
use std::collections::BTreeMap;
use std::thread;

/// Boxes among which the cases are shared that stop a whole channel.
const BOXES: usize = 6;

/// Answers that blame the provider and are too few for an outage.
const TOO_FEW: usize = 2;

/// By webhook or at once, it silences the box for hours.
fn is_limit(case: &Case) -> bool {
    case.class == Class::NumberLimited
}

const fn stops_everybody(case: &Case) -> bool {
    matches!(case.class, Class::Configuration | Class::ThrottleNumber)
}

/// What a report by webhook can carry: a code and nothing else.
const fn is_usual(case: &Case) -> bool {
    case.code.is_some() && case.subcode.is_none() && case.http.is_none()
}

#[test]
fn each_code_of_the_reference_is_taken_for_what_it_is() {
    hold_against_the_product();
    let all = cases();
    let (for_all, others): (Vec<Case>, Vec<Case>) = all.iter().copied().partition(stops_everybody);
    let (for_hours, others): (Vec<Case>, Vec<Case>) = others.into_iter().partition(is_limit);
    let (blaming, for_one): (Vec<Case>, Vec<Case>) =
        others.into_iter().partition(Case::blames_the_provider);
    let usual = all.iter().copied().filter(is_usual);
    let reported: Vec<Case> = usual.filter(|case| !is_limit(case)).collect();
    let (of_account, reported): (Vec<Case>, Vec<Case>) = reported
        .into_iter()
        .partition(|case| case.class == Class::Configuration);
    let share = for_all.len().div_ceil(BOXES);
    let (at_once, reports) = thread::scope(|scope| {
        let mut running = vec![scope.spawn(|| message::refused_alone(&for_one))];
        for some in for_all.chunks(share) {
            running.push(scope.spawn(move || channel::refused_for_all(some)));
        }
        running.push(scope.spawn(|| channel::refused_for_hours(&for_hours)));
        running.push(scope.spawn(|| {
            let few = blaming.chunks(TOO_FEW);
            few.flat_map(message::refused_alone).collect()
        }));
        let reports = scope.spawn(|| {
            let mut reports = later::reported_failed(&reported);
            reports.extend(later::reported_of_the_account(&of_account));
            reports
        });
        let at_once: Vec<(Case, String)> = running
            .into_iter()
            .flat_map(|one_box| one_box.join().unwrap())
            .collect();
        (at_once, reports.join().unwrap())
    });
    assert_eq!(at_once.len(), all.len(), "each was tried");
    print(&at_once, &reports);
}

/// The whole table, by code.
fn print(at_once: &[(Case, String)], reports: &[(Case, String)]) {
    let by_name = reports.iter().map(|(case, it)| (case.name(), it.as_str()));
    let by_name: BTreeMap<String, &str> = by_name.collect();
    let mut rows: Vec<_> = at_once.iter().collect();
    rows.sort_by_key(|(case, _)| (case.code.unwrap_or(i64::MAX), case.http, case.subcode));
    println!(
        "{:<16} {:<16} {:<48} reported later",
        "code", "class", "answered"
    );
    for (case, answered) in rows {
        let name = case.name();
        let class = format!("{:?}", case.class);
        let reported = by_name.get(&name).copied().unwrap_or_default();
        println!("{name:<16} {class:<16} {answered:<48} {reported}");
    }
    println!("{} refusals, {} reports", at_once.len(), reports.len());
}
