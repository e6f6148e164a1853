//! The same codes by webhook: Meta takes the message and reports later that it
//! failed. What failed is known to have failed, so nothing is in doubt.

use super::list::{Case, Class};
use super::message::{Sight, hold, number, words};
use crate::support::far_side::roomy;
use crate::support::outpost::{Outpost, Shown};
use crate::support::wait;
use serde_json::json;

/// What becomes of the message, and of the copy that is queued, if one is.
fn sights(class: Class) -> (Sight, Option<Sight>) {
    let first = |state, why, task| Sight {
        state,
        why: Some(why),
        attempts: 0,
        task,
        waits_ms: None,
    };
    let returned = first("superseded", "sent_again", None);
    let copy = |why, waits_ms| Sight {
        state: "queued",
        why: Some(why),
        attempts: 1,
        task: None,
        waits_ms: Some(waits_ms..=waits_ms),
    };
    match class {
        Class::Permanent | Class::PossiblySent => {
            let failed = first("failed", "undelivered", Some("undelivered"));
            (failed, None)
        }
        // The account's fault is not the message's: it goes on, rarely.
        Class::Configuration => (returned, Some(copy("configuration", 900_000))),
        Class::NumberLimited => (returned, Some(copy("number_limited", 4 * 3_600_000))),
        Class::ThrottleNumber => (returned, Some(copy("throttled", 5_000))),
        Class::ThrottleContact => (returned, Some(copy("throttled_contact", 5_000))),
        Class::Retry | Class::Unknown => (returned, Some(copy("provider_error", 5_000))),
        Class::NeedsTemplate => {
            let held = Sight {
                attempts: 1,
                ..first("held", "no_template", Some("call_patient"))
            };
            (returned, Some(held))
        }
    }
}

/// Reports a message of each case as failed, all at once, and says what became
/// of each. None of them concerns anybody else.
pub fn reported_failed(cases: &[Case]) -> Vec<(Case, String)> {
    let mut post = Outpost::new(&roomy(), &[]);
    let rows = reported(&mut post, cases);
    assert_eq!(post.line_news(), [""; 0], "no report stops the channel");
    post.stop();
    rows
}

/// The same with errors of the account. The first report stops the channel, so
/// all messages are taken before it.
pub fn reported_of_the_account(cases: &[Case]) -> Vec<(Case, String)> {
    let mut settings = roomy();
    settings["delays"]["sent_ms"] = json!(20_000);
    let mut post = Outpost::new(&settings, &[]);
    let rows = reported(&mut post, cases);
    let news = post.line_news();
    let stopped = ["misconfigured", "token_refused"].contains(&news[0].as_str());
    assert!(stopped, "{news:?}");
    // Each code is a matter of its own.
    let codes = i64::try_from(cases.len()).unwrap();
    post.tells_the_technician("account_refused", codes);
    post.stop();
    rows
}

fn reported(post: &mut Outpost, cases: &[Case]) -> Vec<(Case, String)> {
    post.start();
    post.hire();
    for (place, case) in cases.iter().enumerate() {
        let fault = json!({ "kind": "fail_later", "code": case.code });
        let to = number(place);
        post.far
            .fault(&json!({ "fault": fault, "to": to, "times": 1 }));
        post.says_stop(&to);
    }
    let mut seen: Vec<Option<Vec<(Shown, i64)>>> = vec![None; cases.len()];
    wait::until("each report was taken for what it is", 60, || {
        let queue = post.queue();
        for (place, case) in cases.iter().enumerate() {
            if seen[place].is_none() {
                seen[place] = stands(post, &queue, case, &number(place));
            }
        }
        let missing = seen.iter().filter(|one| one.is_none()).count();
        (missing == 0).then_some(())
    });
    let tasks = post.tasks();
    let mut rows = Vec::new();
    for (case, seen) in cases.iter().zip(seen) {
        let (first, copy) = sights(case.class);
        let seen = seen.unwrap();
        let name = format!("{} by webhook", case.name());
        hold(&name, &seen[0].0, &tasks, &first);
        let Some(copy) = copy else {
            rows.push((*case, words(&first)));
            continue;
        };
        let (shown, waits_ms) = &seen[1];
        hold(&name, shown, &tasks, &copy);
        if let Some(range) = &copy.waits_ms {
            assert!(range.contains(waits_ms), "{name} waits {waits_ms} ms");
        }
        rows.push((*case, format!("a copy {}", words(&copy))));
    }
    rows
}

/// The messages to a number, once they stand as the class demands.
fn stands(post: &Outpost, queue: &[Shown], case: &Case, number: &str) -> Option<Vec<(Shown, i64)>> {
    let contact = post.contact(number)?;
    let (first, copy) = sights(case.class);
    let wanted: Vec<Sight> = [Some(first), copy].into_iter().flatten().collect();
    let theirs: Vec<&Shown> = queue.iter().filter(|it| it.contact == contact).collect();
    let as_wanted = theirs.len() == wanted.len()
        && theirs
            .iter()
            .zip(&wanted)
            .all(|(seen, sight)| seen.stands() == (sight.state, sight.why));
    as_wanted.then(|| {
        let timed = |seen: &&Shown| ((*seen).clone(), post.queued_for_ms(seen.id));
        theirs.iter().map(timed).collect()
    })
}
