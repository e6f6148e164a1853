//! Refusals that concern one message: many patients at once, each refused with
//! another code, and somebody besides who must not notice.

use super::list::{Case, Class, NEW_CODE};
use crate::support::far_side::roomy;
use crate::support::outpost::{Outpost, Shown, Task};
use crate::support::wait;
use serde_json::json;
use std::ops::RangeInclusive;

/// Long enough that nothing in doubt is sent again while the test looks.
const IN_DOUBT: &str = "in_doubt_seconds = 600";
const BYSTANDER: &str = "243990000000";

/// What staff must see of a message after its one refusal.
pub struct Sight {
    pub state: &'static str,
    pub why: Option<&'static str>,
    pub attempts: i64,
    /// The kind of the task that stands for it.
    pub task: Option<&'static str>,
    /// How long it waits at least and at most before it is tried again, ms.
    pub waits_ms: Option<RangeInclusive<i64>>,
}

/// What a refusal demands. The message is a notice and nobody has set up a
/// template.
pub fn sight(case: &Case) -> Sight {
    let attempts = i64::from(case.counts());
    let queued = |why, waits_ms| Sight {
        state: "queued",
        why: Some(why),
        attempts,
        task: None,
        waits_ms: Some(waits_ms),
    };
    let in_doubt = |why| Sight {
        state: "in_doubt",
        why: Some(why),
        attempts,
        task: None,
        waits_ms: Some(600_000..=600_000),
    };
    let ended = |state, why, task| Sight {
        state,
        why: Some(why),
        attempts,
        task: Some(task),
        waits_ms: None,
    };
    match case.class {
        Class::Configuration => queued("configuration", 0..=0),
        Class::ThrottleNumber => queued("throttled", 0..=0),
        Class::NumberLimited => queued("number_limited", 0..=0),
        Class::ThrottleContact => queued("throttled_contact", 1_000..=1_250),
        Class::Retry => queued("provider_error", 5_000..=6_250),
        Class::Permanent => ended("failed", "refused", "undelivered"),
        Class::NeedsTemplate => ended("held", "no_template", "call_patient"),
        Class::Unknown => in_doubt("provider_unsure"),
        Class::PossiblySent => in_doubt("maybe_sent"),
    }
}

/// Holds what staff see of a message against what its class demands.
pub fn hold(name: &str, seen: &Shown, tasks: &[Task], sight: &Sight) {
    assert_eq!(seen.purpose, "notice", "{name}");
    assert_eq!(seen.stands(), (sight.state, sight.why), "{name}");
    assert_eq!(seen.attempts, sight.attempts, "{name}");
    assert!(!seen.seems_sent() && !seen.maybe_double, "{name}: {seen:?}");
    let of_it = tasks.iter().filter(|task| task.message == Some(seen.id));
    let kinds: Vec<&str> = of_it.map(|task| task.kind.as_str()).collect();
    let wanted: Vec<&str> = sight.task.into_iter().collect();
    assert_eq!(kinds, wanted, "{name}");
}

/// What is printed of it.
pub fn words(sight: &Sight) -> String {
    let mut words = sight.state.to_owned();
    if let Some(why) = sight.why {
        words.push_str(&format!(" ({why})"));
    }
    match &sight.waits_ms {
        Some(waits) if *waits.start() > 0 => {
            words.push_str(&format!(", again in {} s", waits.start() / 1_000));
        }
        Some(_) => words.push_str(", everybody waits"),
        None => {}
    }
    if let Some(task) = sight.task {
        words.push_str(&format!(", task {task}"));
    }
    words
}

pub fn number(place: usize) -> String {
    format!("24398{place:07}")
}

/// Asks for one refusal of this person's next message.
pub fn refuse(post: &Outpost, case: &Case, to: &str) {
    let fault = match case.code {
        Some(code) => json!({
            "kind": "refuse", "code": code, "subcode": case.subcode, "http": case.http,
        }),
        // What stands before Meta's own servers has no code of Meta's.
        None => json!({
            "kind": "stranger", "http": case.http, "content_type": "text/plain",
            "body": "Too many requests",
        }),
    };
    post.far
        .fault(&json!({ "fault": fault, "to": to, "times": 1 }));
}

/// The first message of each person as it stood when it stood as its class
/// demands, and how long it was to wait from then on.
fn judged(post: &Outpost, cases: &[Case]) -> Vec<(Shown, i64)> {
    let mut found: Vec<Option<(Shown, i64)>> = vec![None; cases.len()];
    // Some stand so for a second only: each look is at all of them.
    for (nth, case) in cases.iter().enumerate() {
        let what = format!("{} is taken for {:?}", case.name(), case.class);
        wait::until(&what, 30, || {
            look(post, cases, &mut found);
            found[nth].is_some().then_some(())
        });
    }
    found.into_iter().flatten().collect()
}

fn look(post: &Outpost, cases: &[Case], found: &mut [Option<(Shown, i64)>]) {
    if found.iter().all(Option::is_some) {
        return;
    }
    let queue = post.queue();
    for (place, case) in cases.iter().enumerate() {
        let contact = post.contact(&number(place));
        let mut theirs = queue.iter().filter(|it| Some(it.contact) == contact);
        let wanted = sight(case);
        if found[place].is_none()
            && let Some(seen) = theirs.next()
            && seen.stands() == (wanted.state, wanted.why)
        {
            found[place] = Some((seen.clone(), post.waits_ms(seen.id)));
        }
    }
}

/// Refuses a message of each case, all at once, and says what became of each.
pub fn refused_alone(cases: &[Case]) -> Vec<(Case, String)> {
    let mut post = Outpost::new(&roomy(), &[("in_doubt_seconds = 2", IN_DOUBT)]);
    post.start();
    post.hire();
    for (place, case) in cases.iter().enumerate() {
        refuse(&post, case, &number(place));
    }
    for place in 0..cases.len() {
        post.says_stop(&number(place));
    }
    let seen = judged(&post, cases);
    post.says_stop(BYSTANDER);
    wait::until("the others are served", 10, || {
        (post.far.heard(BYSTANDER).len() == 1).then_some(())
    });
    let tasks = post.tasks();
    let mut rows = Vec::new();
    for (case, (seen, waits_ms)) in cases.iter().zip(&seen) {
        let wanted = sight(case);
        hold(&case.name(), seen, &tasks, &wanted);
        if let Some(range) = &wanted.waits_ms {
            let name = case.name();
            assert!(range.contains(waits_ms), "{name} waits {waits_ms} ms");
        }
        rows.push((*case, words(&wanted)));
    }
    again_exactly_once(&post, cases);
    assert_eq!(post.line_news(), [""; 0], "the channel never stopped");
    warned_of_the_new_code(&post, cases);
    post.stop();
    rows
}

/// What may go again has gone, once; nothing else has.
fn again_exactly_once(post: &Outpost, cases: &[Case]) {
    let times = |class| match class {
        Class::Retry | Class::ThrottleContact => 1,
        Class::Configuration
        | Class::ThrottleNumber
        | Class::NumberLimited
        | Class::Permanent
        | Class::NeedsTemplate
        | Class::Unknown
        | Class::PossiblySent => 0,
    };
    wait::until("what may go again has arrived", 30, || {
        let mut all = cases.iter().enumerate();
        let arrived = all.all(|(place, case)| {
            times(case.class) == 0 || !post.far.heard(&number(place)).is_empty()
        });
        arrived.then_some(())
    });
    for (place, case) in cases.iter().enumerate() {
        let taken = post.taken_for(&number(place)).len();
        assert_eq!(taken, times(case.class), "{}", case.name());
    }
}

/// Of a code nobody knows the technician hears; of the others nothing is said.
fn warned_of_the_new_code(post: &Outpost, cases: &[Case]) {
    let log = post.logged();
    let warnings = log.lines().filter(|line| line.contains("WARN"));
    let about: Vec<&str> = warnings.filter(|line| line.contains("code=")).collect();
    let new = cases.iter().filter(|case| case.code == Some(NEW_CODE));
    assert_eq!(about.len(), new.count(), "{about:?}");
    let named = format!("code={NEW_CODE}");
    assert!(about.iter().all(|line| line.contains(&named)), "{about:?}");
}
