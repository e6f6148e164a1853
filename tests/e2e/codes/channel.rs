//! Refusals that concern the number as a whole: one after another, each with
//! somebody besides who has to wait as well, and is served once all is mended.

use super::list::{Case, Class};
use super::message::{hold, refuse, sight, words};
use crate::support::far_side::roomy;
use crate::support::outpost::Outpost;
use crate::support::wait;
use serde_json::json;
use std::time::Duration;

/// A line that is slow enough for staff to see what happens on it.
const ANSWER_MS: i64 = 300;
/// Cases in one life of the service: what asking may cost has its bound, and a
/// question after each refusal uses it up.
const LIFE: usize = 2;
/// A first refusal of the account is asked about within two seconds; here the
/// machine may be busy.
const SOON_MS: i64 = 10_000;
/// So long after a start, whatever may leave has left.
const QUIET: Duration = Duration::from_secs(4);
/// The shortest pause that a throttle of the number brings, ms.
const PAUSE_MS: i64 = 1_000;

/// Refuses a message with each case in turn, and says what became of each.
pub fn refused_for_all(cases: &[Case]) -> Vec<(Case, String)> {
    let mut settings = roomy();
    settings["delays"]["answer_ms"] = json!(ANSWER_MS);
    let mut post = Outpost::new(&settings, &[]);
    let mut rows = Vec::new();
    for (life, cases) in cases.chunks(LIFE).enumerate() {
        post.start();
        if life == 0 {
            post.hire();
        }
        for (nth, case) in cases.iter().enumerate() {
            let place = life * LIFE + nth;
            once(&post, case, &person(place), &bystander(place));
            rows.push((*case, words(&sight(case))));
        }
        let tasks = post.tasks();
        assert!(tasks.is_empty(), "no message is to blame: {tasks:?}");
        post.stop();
    }
    rows
}

/// Refuses a message because people complain of the number, and says what became
/// of it: nothing leaves any more, for hours, and a technician is told once.
pub fn refused_for_hours(cases: &[Case]) -> Vec<(Case, String)> {
    let mut rows = Vec::new();
    for case in cases {
        let mut post = Outpost::new(&roomy(), &[]);
        post.start();
        post.hire();
        refuse(&post, case, &person(0));
        post.says_stop(&person(0));
        let wanted = sight(case);
        let seen = post.wait_for(&person(0), wanted.state, wanted.why);
        hold(&case.name(), &seen, &post.tasks(), &wanted);
        wait::until("the line pauses", 10, || {
            (post.line_news() == ["paused"]).then_some(())
        });
        post.says_stop(&bystander(0));
        post.wait_for(&bystander(0), "queued", None);
        post.tells_the_technician("number_limited", 1);
        // Whoever starts the box anew, or the power that fails, ends no pause.
        post.stop();
        post.start();
        assert_eq!(post.line_news(), ["paused"; 2], "once in each life");
        wait::pass(QUIET);
        let left = [person(0), bystander(0)].map(|number| post.taken_for(&number).len());
        assert_eq!(left, [0, 0], "{}", case.name());
        post.stop();
        rows.push((*case, words(&wanted)));
    }
    rows
}

fn person(place: usize) -> String {
    format!("24397{place:07}")
}

fn bystander(place: usize) -> String {
    format!("24396{place:07}")
}

fn once(post: &Outpost, case: &Case, person: &str, bystander: &str) {
    let name = case.name();
    let news = post.line_news().len();
    refuse(post, case, person);
    post.says_stop(person);
    let wanted = sight(case);
    let seen = post.wait_for(person, wanted.state, wanted.why);
    hold(&name, &seen, &[], &wanted);
    post.says_stop(bystander);
    for number in [person, bystander] {
        wait::until(&format!("{name}: all is well again"), 30, || {
            (!post.far.heard(number).is_empty()).then_some(())
        });
    }
    // A patient may have it before the box hears that it was taken.
    let told = wait::until(&format!("{name}: the line is up again"), 30, || {
        let told = post.line_news().split_off(news);
        let over = told.len() > 1 && told.last().is_some_and(|word| word == "up");
        over.then_some(told)
    });
    assert_eq!(told[0], line_word(case), "{name}");
    let taken = [person, bystander].map(|number| post.taken_for(number));
    assert!(
        taken.iter().all(|times| times.len() == 1),
        "{name}: {taken:?}"
    );
    let refused = post.first_answered_ms(seen.id);
    let resumed = taken.iter().flatten().min().unwrap();
    if case.class == Class::ThrottleNumber {
        assert!(*resumed >= refused + PAUSE_MS, "{name}: nobody paused");
    } else {
        // Nothing leaves before the account was asked for and answered well.
        let asked = post.far.asked();
        let between = |at: &&i64| (refused..=*resumed).contains(*at);
        let first = asked.iter().find(between);
        let asked_ms = first.map(|at| at - refused);
        assert!(asked_ms.is_some(), "{name}: the channel went on");
        assert!(asked_ms < Some(SOON_MS), "{name}: {asked_ms:?}");
    }
    let done = post.messages(person);
    assert_eq!((done.len(), done[0].attempts), (1, 0), "{name}: {done:?}");
}

fn line_word(case: &Case) -> &'static str {
    match (case.class, case.code) {
        (Class::ThrottleNumber, _) => "paused",
        (_, Some(190)) => "token_refused",
        _ => "misconfigured",
    }
}
