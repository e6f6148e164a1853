//! `healthpost flow`: checks a flow file, and talks it through in the terminal
//! as a patient would, with nothing stored.

use super::failure::Failure;
use super::{Globals, input, machine, output};
use crate::app::flow_file;
use crate::core::engine::{Clinic, Effect, Event, Fresh, Received, Session, step};
use crate::core::flow::Flow;
use crate::core::id::{InboxId, RecordId};
use crate::core::inbound::Content;
use crate::core::lang::Lang;
use crate::core::private::Private;
use crate::core::time::{HOUR_MS, Now, SECOND_MS};
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Check a flow, or talk it through
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  healthpost flow check intake.toml\n  \
    healthpost flow chat intake.toml --lang fr")]
pub enum FlowCommand {
    /// Check a flow file; say each fault with its line
    #[command(after_help = "Example:\n  healthpost flow check intake.toml")]
    Check {
        /// The flow file
        file: PathBuf,
    },
    /// Talk a flow through in the terminal; nothing is stored
    #[command(
        after_help = "Examples:\n  healthpost flow chat\n  healthpost flow chat intake.toml --lang fr\n\n\
        Each line is one message; end with Ctrl-D."
    )]
    Chat {
        /// The flow file; without one, the built-in intake
        file: Option<PathBuf>,
        /// The clinic's first language
        #[arg(long, default_value = "en", value_name = "LANG")]
        lang: String,
    },
}

impl FlowCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Every fault of the file, with exit status 2.
    pub fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::Check { file } => {
                output::faults_as_json(globals.json, load(Some(&file)))?;
                if globals.json {
                    return output::json(&serde_json::json!({"ok": true}));
                }
                output::line(&format!("{}: the flow is in order", file.display()))
            }
            Self::Chat { file, lang } => {
                let lang: Lang = lang.parse().map_err(|_| {
                    Failure::usage("there is no such language", "use en, fr, sw, es or pt")
                })?;
                chat(&load(file.as_deref())?, clinic(globals, lang))
            }
        }
    }
}

fn load(path: Option<&Path>) -> Result<Flow, Failure> {
    let loaded = flow_file::load(path);
    loaded.map_err(|unusable| Failure::flow(&unusable, "correct the file and check it again"))
}

/// The clinic the flow speaks for: the configured one, else one made up.
fn clinic(globals: &Globals, lang: Lang) -> Clinic {
    let mut languages = vec![lang];
    languages.extend(Lang::ALL.into_iter().filter(|other| *other != lang));
    let configured = std::fs::read_to_string(&globals.config)
        .ok()
        .and_then(|source| crate::config::Config::parse(&source, &globals.config).ok());
    let known = configured.map(|config| config.clinic);
    let text = |get: fn(&crate::config::Clinic) -> &str, fallback: &str| {
        known.as_ref().map_or(fallback, get).to_owned()
    };
    Clinic {
        id: text(|clinic| &clinic.id, "trial"),
        name: text(|clinic| &clinic.name, "Trial Clinic"),
        country: text(|clinic| &clinic.country, "CD"),
        zone: known
            .as_ref()
            .map_or(jiff::tz::TimeZone::UTC, |clinic| clinic.zone.clone()),
        languages,
        emergency_number: text(|clinic| &clinic.emergency_number, "112"),
        session_idle_ms: 2 * HOUR_MS,
        patience_ms: 0,
    }
}

fn chat(flow: &Flow, clinic: Clinic) -> Result<(), Failure> {
    let machine = machine()?;
    let mut session = Session::default();
    let mut inbox = 0;
    while let Some(text) = input::open_line()? {
        let now = machine.clock.now();
        let stamped = now.at.plus_ms(-now.at.0.rem_euclid(SECOND_MS));
        inbox += 1;
        let received = Received {
            inbox: InboxId(inbox),
            stamped,
            received: now.at,
            quotes_question: true,
            questions_since: None,
            about: None,
            other_account: false,
            content: Content::Text {
                body: Private::from(text.as_str()),
            },
        };
        let mut random = [0; 8];
        machine.chance.fill(&mut random);
        let fresh = Fresh {
            record_id: RecordId::from_random(u64::from_le_bytes(random)),
        };
        let done = step(
            flow,
            &clinic,
            session,
            &[Event::Message(received)],
            now,
            &fresh,
        );
        for effect in &done.effects {
            show(effect)?;
        }
        session = sent(flow, &clinic, done.session, now, &fresh);
    }
    Ok(())
}

/// The question has left the box: from now on, what comes is its answer.
fn sent(flow: &Flow, clinic: &Clinic, session: Session, now: Now, fresh: &Fresh) -> Session {
    let event = Event::QuestionSent {
        at: now.at,
        stamp: None,
    };
    step(flow, clinic, session, &[event], now, fresh).session
}

fn show(effect: &Effect) -> Result<(), Failure> {
    match effect {
        Effect::Say(message) => {
            output::line(&output::tame(&message.body.plain_text()))?;
            output::line("")
        }
        Effect::Record(record) => output::line(&format!(
            "[record {} is {}]",
            record.id,
            record.status.word()
        )),
        Effect::Flag { reason } => output::line(&format!("[flagged: {}]", reason.word())),
        Effect::Task(_) => output::line("[a task for staff]"),
        Effect::SetTimer { .. } | Effect::CancelTimer { .. } | Effect::Act(_) | Effect::Close => {
            Ok(())
        }
    }
}
