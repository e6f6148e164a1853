//! Delivery: the states of an outgoing message, what a result means, and what
//! leaves when. Pure; the sender worker and the simulation both act on it.

mod backoff;
mod class;
mod doubt;
mod fallback;
mod late;
mod outcome;
mod pair;
mod plan;
#[cfg(test)]
mod plan_tests;
mod state;
mod verdict;
mod window;
mod words;

pub use backoff::wait_ms;
pub use class::{
    ACCOUNT_LIMITED, ACCOUNT_LOCKED, CODE_MISSING, Class, blames_provider, classify, is_known,
    limits_first_contacts, may_not_look, retries_max,
};
pub use doubt::{Asking, Errand, Link};
pub use fallback::{LastTemplate, Returned, TEMPLATE_REST_MS, blames_template, returned};
pub use late::{LATE_MS, lead, pull_first_ms};
pub use outcome::{LineFault, SendOutcome};
pub use pair::PairRule;
pub use plan::{Lane, Limits, Plan, Send, Templated, Waiting, plan};
pub use state::{DeliveryState, advance};
pub use verdict::{Channel, Past, Policy, Verdict, channel_of, judge};
pub use window::{Made, WINDOW_MARGIN_MS, Window, WindowRule, opens_window};
pub use words::{UnknownWhy, Why, explain, why_now};
