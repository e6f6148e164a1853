//! The workers that talk to the provider, and what they are told of it: the
//! sender, the line's watcher, and polling. What differs between the providers
//! in pace, windows and waits is decided here and nowhere later.

use crate::app::opened::Opened;
use crate::app::reload::Reload;
use crate::app::service::Machine;
use crate::app::uplink::WayOut;
use crate::config::{Config, Provider};
use crate::core::delivery::{Asking, Limits, PairRule, Policy, WindowRule};
use crate::core::lang::Lang;
use crate::core::outgoing::Templates;
use crate::core::time::{HOUR_MS, SECOND_MS};
use crate::store::outbox;
use crate::whatsapp::ultramsg::bare_instance;
use crate::work::Bells;
use crate::work::line::Line;
use crate::work::poll::{Hold, Poll, Pulse};
use crate::work::runner::Runner;
use crate::work::sender::Sender;
use crate::work::steps::Steps;
use crate::work::taking::Taking;
use crate::work::unheard::Unheard;
use crate::work::watcher::Watcher;
use std::sync::Arc;

/// Wait before a provider that can be asked is asked about an uncertain send:
/// by then it has seen it, or never will.
const ASK_AFTER_MS: i64 = 15 * SECOND_MS;

/// What the sender and those around it share.
#[derive(Clone, Copy)]
pub(super) struct Sending<'s> {
    /// What is known of the line.
    pub(super) line: &'s Line,
    /// The workers' bells.
    pub(super) bells: &'s Bells,
    /// Keeps sends back until the first look is done.
    pub(super) hold: &'s Hold,
    /// The clock since before the queue was made ready.
    pub(super) steps: Steps,
    /// The client, and what it is made with.
    pub(super) credentials: &'s Reload,
}

/// Starts the sender, and the watcher of its line.
pub(super) fn start_sender(
    config: &Config,
    opened: &Opened,
    machine: &Machine,
    runner: &mut Runner,
    sending: Sending<'_>,
) {
    let (credentials, policy) = (sending.credentials, policy(config));
    let sender = Arc::new(Sender {
        messenger: Arc::clone(&credentials.client),
        writer: opened.writer.clone(),
        box_key: opened.box_key.clone(),
        clock: Arc::clone(&machine.clock),
        chance: Arc::clone(&machine.chance),
        policy,
        rules: Arc::new(rules(config)),
        messages_per_second: messages_per_second(config),
        line: sending.line.clone(),
        hold: sending.hold.clone(),
        bell: sending.bells.sender.clone(),
    });
    let stop = runner.stop_signal();
    runner.start("sender", sender.run(sending.steps, stop.clone()));
    let base_url = match config.whatsapp.provider {
        Provider::Cloud => &config.whatsapp.base_url,
        Provider::UltraMsg => &config.ultramsg.base_url,
    };
    let watcher = Watcher {
        messenger: Arc::clone(&credentials.client),
        uplink: WayOut::to(base_url, Arc::clone(&credentials.http)),
        writer: opened.writer.clone(),
        our_id: our_id(config).into(),
        clock: Arc::clone(&machine.clock),
        in_doubt_ms: policy.in_doubt_ms,
        line: sending.line.clone(),
        bell: sending.bells.sender.clone(),
    };
    runner.start("line watcher", watcher.run(stop));
}

/// Starts what watches over messages that were taken.
pub(super) fn start_unheard(
    config: &Config,
    opened: &Opened,
    machine: &Machine,
    runner: &mut Runner,
    sending: Sending<'_>,
) {
    let unheard = Unheard {
        writer: opened.writer.clone(),
        clock: Arc::clone(&machine.clock),
        line: sending.line.clone(),
        heard: sending.bells.heard.clone(),
        max_age_ms: max_age_ms(config),
    };
    runner.start("unheard messages", unheard.run(runner.stop_signal()));
}

/// Who the clinic is at its provider: the number's id, or the instance.
pub(super) fn our_id(config: &Config) -> &str {
    match config.whatsapp.provider {
        Provider::Cloud => &config.whatsapp.phone_number_id,
        Provider::UltraMsg => bare_instance(&config.ultramsg.instance_id),
    }
}

/// How old a message may grow.
fn max_age_ms(config: &Config) -> i64 {
    i64::from(config.outbox.max_age_hours) * HOUR_MS
}

/// What the queue is planned by. Only the Cloud API has a window and a limit
/// for each person; only UltraMsg can be asked what became of a message.
fn rules(config: &Config) -> outbox::Rules {
    let asking = Asking {
        after_ms: ASK_AFTER_MS,
        in_doubt_ms: policy(config).in_doubt_ms,
    };
    let (window, pair, asking) = match config.whatsapp.provider {
        Provider::Cloud => (WindowRule::Day, PairRule::CLOUD, None),
        Provider::UltraMsg => (WindowRule::None, PairRule::NONE, Some(asking)),
    };
    let names = config.outbox.templates.iter();
    let names = names.filter_map(|(lang, name)| Some((lang.parse::<Lang>().ok()?, name.clone())));
    let languages = config.clinic.languages.clone();
    outbox::Rules {
        limits: Limits {
            window,
            pair,
            max_age_ms: max_age_ms(config),
            asking,
        },
        language: languages.first().copied().unwrap_or(Lang::En),
        templates: Templates::new(names.collect(), languages),
        zone: config.clinic.zone.clone(),
        daily_ceiling: config.whatsapp.daily_ceiling,
    }
}

/// How uncertain sends are handled.
pub(super) fn policy(config: &Config) -> Policy {
    Policy {
        in_doubt_ms: i64::from(config.outbox.in_doubt_seconds) * SECOND_MS,
    }
}

/// UltraMsg sends one message a second itself: what goes faster only waits in
/// its queue, where it can be neither reordered nor recalled.
fn messages_per_second(config: &Config) -> u32 {
    match config.whatsapp.provider {
        Provider::Cloud => config.outbox.messages_per_second,
        Provider::UltraMsg => config.outbox.messages_per_second.min(1),
    }
}

/// A provider that can be asked for its history is asked, webhooks or not.
pub(super) fn start_poll(
    config: &Config,
    opened: &Opened,
    runner: &mut Runner,
    sending: Sending<'_>,
    pulse: &Pulse,
    taking: &Taking,
) {
    match config.whatsapp.provider {
        Provider::Cloud => {}
        Provider::UltraMsg => {
            let poll = Poll {
                history: Arc::clone(&sending.credentials.client),
                taking: taking.clone(),
                readers: opened.readers.clone(),
                line: sending.line.clone(),
                hold: sending.hold.clone(),
                pulse: pulse.clone(),
            };
            runner.start("poll", poll.run(runner.stop_signal()));
        }
    }
}
