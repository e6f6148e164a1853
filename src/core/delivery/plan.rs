//! The planner of one contact's queue: what leaves next, what is held or ended
//! and why, and when to look again.
//!
//! Pure and total. The store hands in a bounded slice of the contact's queue
//! and carries out what is said; across contacts it serves emergencies first
//! and then whoever has been ready for longest.

use super::doubt::{Asking, Errand, Link, doubt_over, errand, may_repeat};
use super::fallback::{Asked, Fallback, LastTemplate, Reach, asked, when_closed};
use super::{DeliveryState, PairRule, Why, Window, WindowRule};
use crate::core::id::OutboxId;
use crate::core::outgoing::Purpose;
use crate::core::time::{HOUR_MS, Now, UnixMs};

/// How soon a contact is looked at again whose waits cannot be judged by a
/// clock that is not trusted, ms.
const UNTRUSTED_LOOK_MS: i64 = HOUR_MS;

/// The limits a plan keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether there is a 24-hour window.
    pub window: WindowRule,
    /// How often one person may be written to.
    pub pair: PairRule,
    /// How old an unsent message may grow, ms.
    pub max_age_ms: i64,
    /// How the provider is asked about what is in doubt, where it can be.
    pub asking: Option<Asking>,
}

/// A message that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number: the order.
    pub id: OutboxId,
    /// Why it is said.
    pub purpose: Purpose,
    /// Not before then; for one in doubt, when its wait ends.
    pub not_before: UnixMs,
    /// Since when its age counts; none until a trusted clock has seen it.
    pub aged_from: Option<UnixMs>,
    /// How often the provider was asked about it in its present doubt, and
    /// told nothing.
    pub asked: u32,
    /// How often it was sent again already after its result was lost.
    pub repeats: u32,
    /// Whether the far side may have it twice.
    pub repeated: bool,
    /// Whether the provider itself said that it may have it already.
    pub maybe_sent: bool,
    /// Whether something newer took its place while it was in the air.
    pub doomed: bool,
}

/// A bounded slice of one contact's queue, and what is known of the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Whether a message of theirs is in the air.
    pub in_air: bool,
    /// The first of what is queued: emergencies, then by number.
    pub queued: Vec<Waiting>,
    /// The first of what is in doubt, by number.
    pub doubted: Vec<Waiting>,
    /// The first of what is held, by number.
    pub held: Vec<Waiting>,
    /// The template that waits to leave, if one does, and whether in doubt.
    pub template: Option<(Waiting, bool)>,
    /// The contact's latest template.
    pub last_template: Option<LastTemplate>,
    /// Whether a template could be queued for them: configured, and not
    /// refused lately.
    pub templates: Templated,
    /// WhatsApp's stamp of their last message or call; zero if never.
    pub last_stamp: UnixMs,
    /// The stamp whose window is closed whatever the clock says: WhatsApp itself
    /// said so, or a clock that could be trusted when this one cannot.
    pub closed_stamp: Option<UnixMs>,
    /// What their pair allowance is spent up to.
    pub spent: UnixMs,
}

/// Whether a template could be queued for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Templated {
    /// Yes.
    Ready,
    /// None is configured.
    Absent,
    /// The provider refuses those that are.
    Refused,
}

/// What is to be done for one contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Messages that end here. An end that is a failure or an expiry brings
    /// the message's one task.
    pub ends: Vec<(OutboxId, DeliveryState, Why)>,
    /// Messages that are held from now on; whether staff are asked to call.
    pub holds: Vec<(OutboxId, Why, bool)>,
    /// Whether what is held goes back into the queue: the window is open.
    pub release: bool,
    /// Whether the window is closed; it stays so until they write, also on a
    /// clock that is not trusted any more.
    pub closed: bool,
    /// Whether a template is queued.
    pub ask: bool,
    /// Whether the age of what has none yet counts from now.
    pub start_ageing: bool,
    /// What leaves next, and when it may.
    pub send: Option<Send>,
    /// When to look at the contact again, should nothing change before.
    pub look: Option<UnixMs>,
}

/// A message that may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// Which.
    pub id: OutboxId,
    /// When at the earliest.
    pub at: UnixMs,
    /// Whether it goes before other contacts' messages.
    pub urgent: bool,
    /// What is to be done with it.
    pub errand: Errand,
}

impl Plan {
    /// Whether carrying it out changes what a next plan would see.
    pub fn changes(&self) -> bool {
        self.release || self.ask || !self.ends.is_empty() || !self.holds.is_empty()
    }

    pub(super) fn look_by(&mut self, at: UnixMs) {
        self.look = Some(self.look.map_or(at, |look| look.min(at)));
    }

    pub(super) fn end(&mut self, message: &Waiting, state: DeliveryState, why: Why) {
        self.ends.push((message.id, state, why));
    }
}

/// Plans one contact, over a line that stands like this.
pub fn plan(lane: &Lane, limits: Limits, link: Link, now: Now) -> Plan {
    let mut plan = Plan::default();
    if lane.in_air {
        // What becomes of it wakes the contact.
        return plan;
    }
    let window = limits.window.judge(lane.last_stamp, lane.closed_stamp, now);
    let alive = expire(&mut plan, lane, limits, now);
    match window {
        Window::Open { until } => {
            if let Some(until) = until {
                plan.look_by(until);
            }
            if let Some((template, _)) = lane.template {
                plan.end(&template, DeliveryState::Superseded, Why::NotNeeded);
            }
            plan.release = !lane.held.is_empty();
            if !plan.changes() {
                send_next(&mut plan, lane, limits, link, now);
            }
        }
        Window::Closed => {
            plan.closed = true;
            closed(&mut plan, lane, &alive, limits, (link, now));
        }
    }
    if plan.changes() {
        plan.look = Some(now.at);
    }
    if plan
        .look
        .is_none_or(|at| at.ms_since(now.at) > UNTRUSTED_LOOK_MS)
        && !now.trusted
        && !(lane.queued.is_empty() && lane.held.is_empty() && lane.doubted.is_empty())
    {
        plan.look = Some(now.at.plus_ms(UNTRUSTED_LOOK_MS));
    }
    plan
}

/// What has not grown too old.
struct Alive {
    queued: Vec<Waiting>,
    doubted: Vec<Waiting>,
}

/// Ends what has grown too old, on a trusted clock only; says what is left. Of
/// what is in doubt nobody knows that it did not arrive.
fn expire(plan: &mut Plan, lane: &Lane, limits: Limits, now: Now) -> Alive {
    let too_old = |plan: &mut Plan, one: &Waiting| {
        plan.end(one, DeliveryState::Expired, Why::TooOld);
    };
    still_of_use(plan, &lane.held, limits, now, too_old);
    Alive {
        queued: still_of_use(plan, &lane.queued, limits, now, too_old),
        doubted: still_of_use(plan, &lane.doubted, limits, now, |plan, one| {
            doubt_over(plan, one, false);
        }),
    }
}

fn still_of_use(
    plan: &mut Plan,
    waiting: &[Waiting],
    limits: Limits,
    now: Now,
    end: impl Fn(&mut Plan, &Waiting),
) -> Vec<Waiting> {
    if !now.trusted {
        return waiting.to_vec();
    }
    let mut alive = Vec::new();
    for message in waiting {
        plan.start_ageing |= message.aged_from.is_none();
        let from = message.aged_from.unwrap_or(now.at);
        let old_at = from.plus_ms(limits.max_age_ms);
        if old_at < now.at {
            end(plan, message);
        } else {
            plan.look_by(old_at.plus_ms(1));
            alive.push(*message);
        }
    }
    alive
}

/// Nothing but a template may leave.
fn closed(plan: &mut Plan, lane: &Lane, alive: &Alive, limits: Limits, (link, now): (Link, Now)) {
    let asked = asked(lane.last_template, lane.last_stamp, limits.max_age_ms, now);
    let reach = match (asked, lane.templates) {
        (Asked::Yes, _) | (Asked::No, Templated::Ready) => Reach::Template,
        (Asked::Failed, _) | (Asked::No, Templated::Refused) => Reach::TemplateFailed,
        (Asked::No, Templated::Absent) => Reach::NoTemplate,
    };
    for message in &alive.queued {
        let made = limits.window.made(lane.last_stamp, message.aged_from);
        match when_closed(message.purpose, made, reach) {
            Fallback::Drop => plan.end(message, DeliveryState::Superseded, Why::WindowClosed),
            Fallback::Hold { why, call } => plan.holds.push((message.id, why, call)),
        }
    }
    for message in &alive.doubted {
        if link.is_over(message.not_before, now.at) {
            doubt_over(plan, message, true);
        } else {
            plan.look_by(link.look_at(message.not_before, now.at));
        }
    }
    let held = !plan.holds.is_empty() || plan_keeps_held(plan, lane);
    match lane.template {
        // Of one in doubt nobody knows that they were not asked.
        Some((template, doubted)) if !held => {
            let why = if doubted {
                Why::SentInDoubt
            } else {
                Why::NotNeeded
            };
            plan.end(&template, DeliveryState::Superseded, why);
        }
        // It is not repeated: the person may have it. Those who wait behind it
        // get their tasks.
        Some((template, true)) if link.is_over(template.not_before, now.at) => {
            plan.end(&template, DeliveryState::Failed, Why::SentInDoubt);
        }
        Some((template, true)) => plan.look_by(link.look_at(template.not_before, now.at)),
        // What changes is carried out first; the next plan sends it.
        Some((_, false)) if plan.changes() => {}
        Some((template, false)) => ready(plan, lane, &template, limits, now, Errand::Send),
        None => plan.ask = held && asked == Asked::No && lane.templates == Templated::Ready,
    }
}

/// Whether something that was held before is still held after this plan.
fn plan_keeps_held(plan: &Plan, lane: &Lane) -> bool {
    let ended = |one: &Waiting| plan.ends.iter().any(|(id, ..)| *id == one.id);
    lane.held.iter().any(|one| !ended(one))
}

/// The window is open and nothing else is to be done first: what leaves next.
fn send_next(plan: &mut Plan, lane: &Lane, limits: Limits, link: Link, now: Now) {
    // One that was put off keeps no other from going first.
    let is_urgent = |one: &&Waiting| one.purpose == Purpose::Emergency;
    let urgent = lane.queued.iter().filter(is_urgent);
    if let Some(urgent) = urgent.clone().find(|one| one.not_before <= now.at) {
        return ready(plan, lane, urgent, limits, now, Errand::Send);
    }
    let urgent = urgent.min_by_key(|one| one.not_before);
    let head = lane.queued.iter().min_by_key(|one| one.id);
    for doubted in &lane.doubted {
        if link.is_over(doubted.not_before, now.at) && !may_repeat(doubted) {
            doubt_over(plan, doubted, false);
        }
    }
    if plan.changes() {
        return;
    }
    for doubted in &lane.doubted {
        // An earlier one that is queued again goes before it.
        let first = head.is_none_or(|head| head.id > doubted.id);
        if let Some(errand) = errand(plan, doubted, first, limits, (link, now.at)) {
            return ready(plan, lane, doubted, limits, now, errand);
        }
    }
    let Some(head) = head else {
        return;
    };
    // Only its first doubt keeps what comes after it waiting, and words of
    // staff not even that.
    let blocked = lane
        .doubted
        .iter()
        .any(|one| one.id < head.id && !one.repeated);
    if !blocked || head.purpose == Purpose::Staff {
        ready(plan, lane, head, limits, now, Errand::Send);
    }
    if let Some(urgent) = urgent {
        plan.look_by(urgent.not_before);
    }
}

fn ready(
    plan: &mut Plan,
    lane: &Lane,
    message: &Waiting,
    limits: Limits,
    now: Now,
    errand: Errand,
) {
    let urgent = message.purpose == Purpose::Emergency;
    let at = limits.pair.ready_at(lane.spent, urgent, now.at);
    plan.send = Some(Send {
        id: message.id,
        at: match errand {
            Errand::Send => at.max(message.not_before),
            Errand::Repeat | Errand::AskAndSend | Errand::Ask => at,
        },
        urgent,
        errand,
    });
}
