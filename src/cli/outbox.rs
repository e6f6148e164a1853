//! `healthpost outbox`: the outbound queue.

use super::failure::{Failure, mismatch};
use super::reach::{ask_once, ask_signed_in};
use super::{Globals, Opening, SigningIn, argument, output};
use crate::core::delivery::{DeliveryState, explain};
use crate::core::id::OutboxId;
use crate::core::private::Private;
use crate::core::table::time;
use crate::ops::{LineFacts, QueueLine, Request, Response};
use clap::Subcommand;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Show and steer the outbound queue
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  healthpost outbox list --waiting\n  healthpost outbox show 17 --as amina"
)]
pub enum Outbox {
    /// List the latest messages, without their words
    #[command(after_help = "Example:\n  healthpost outbox list --waiting")]
    List {
        /// Only those that wait to leave
        #[arg(long)]
        waiting: bool,
        /// At most so many, from 1 to 1000
        #[arg(long, default_value_t = 50, value_parser = argument::limit)]
        limit: usize,
        #[command(flatten)]
        opening: Opening,
    },
    /// Show one message with its words
    #[command(after_help = "Example:\n  healthpost outbox show 12 --as amina")]
    Show {
        /// The message's number
        id: String,
        #[command(flatten)]
        signing_in: SigningIn,
        #[command(flatten)]
        opening: Opening,
    },
    /// Put a message back into the queue
    #[command(after_help = "Example:\n  healthpost outbox retry 12")]
    Retry {
        /// The message's number
        id: String,
        #[command(flatten)]
        opening: Opening,
    },
    /// Withdraw a message that has not left
    #[command(after_help = "Example:\n  healthpost outbox cancel 12")]
    Cancel {
        /// The message's number
        id: String,
        #[command(flatten)]
        opening: Opening,
    },
}

impl Outbox {
    /// Runs the command.
    ///
    /// # Errors
    /// When there is no such message, or it is past that point.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::List {
                waiting,
                limit,
                opening,
            } => {
                let Response::Queue {
                    list, counts, line, ..
                } = ask_once(globals, &opening, Request::OutboxList { waiting, limit }).await?
                else {
                    return Err(mismatch());
                };
                print_list(globals, &list, &counts, line.as_ref())
            }
            Self::Show {
                id,
                signing_in,
                opening,
            } => {
                let asked = Request::OutboxShow {
                    id: argument::message(&id)?,
                };
                let Response::Message { line, text } =
                    ask_signed_in(globals, &opening, signing_in, asked).await?
                else {
                    return Err(mismatch());
                };
                print_message(globals, &line, text)
            }
            Self::Retry { id, opening } => {
                let asked = Request::OutboxRetry {
                    id: argument::message(&id)?,
                };
                let Response::MessageChanged { id } = ask_once(globals, &opening, asked).await?
                else {
                    return Err(mismatch());
                };
                done(globals, id, &format!("back in the queue as message {id}"))
            }
            Self::Cancel { id, opening } => {
                let asked = Request::OutboxCancel {
                    id: argument::message(&id)?,
                };
                let Response::MessageChanged { id } = ask_once(globals, &opening, asked).await?
                else {
                    return Err(mismatch());
                };
                done(globals, id, "cancelled")
            }
        }
    }
}

fn done(globals: &Globals, id: OutboxId, word: &str) -> Result<(), Failure> {
    if globals.json {
        return output::json(&serde_json::json!({"done": true, "id": id}));
    }
    output::line(word)
}

/// What staff read of where a message stands, and what they can do.
fn explained(line: &QueueLine) -> (&'static str, Option<&'static str>) {
    let why = line.why.as_deref().and_then(|why| why.parse().ok());
    match line.state.parse::<DeliveryState>() {
        Ok(state) => explain(state, why),
        Err(_) => ("A newer program left it like this.", None),
    }
}

fn as_json(line: &QueueLine, zone: &TimeZone) -> serde_json::Value {
    let (sentence, todo) = explained(line);
    serde_json::json!({
        "explanation": sentence,
        "what_to_do": todo,
        "id": line.id,
        "contact": line.contact,
        "purpose": line.purpose,
        "state": line.state,
        "why": line.why,
        "attempts": line.attempts,
        "maybe_double": line.maybe_double,
        "created_at": time(line.created_at, zone),
        "updated_at": time(line.updated_at, zone),
    })
}

fn print_list(
    globals: &Globals,
    list: &[QueueLine],
    counts: &BTreeMap<String, i64>,
    line: Option<&LineFacts>,
) -> Result<(), Failure> {
    let zone = globals.zone();
    if globals.json {
        let items: Vec<_> = list.iter().map(|line| as_json(line, &zone)).collect();
        return output::json(&serde_json::json!({
            "line": line.map(|line| &line.state),
            "line_explanation": line.map(|line| &line.words),
            "counts": counts,
            "messages": items,
        }));
    }
    if let Some(line) = line {
        output::line(&format!("line {}: {}", line.state, line.words))?;
    }
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|line| {
            vec![
                line.id.to_string(),
                line.contact.to_string(),
                line.purpose.clone(),
                line.state.clone(),
                time(line.created_at, &zone),
                explained(line).0.to_owned(),
            ]
        })
        .collect();
    output::table(
        &["id", "contact", "purpose", "state", "queued at", "why"],
        &rows,
    )?;
    let counts: Vec<String> = counts
        .iter()
        .map(|(state, n)| format!("{n} {state}"))
        .collect();
    let all = if counts.is_empty() {
        "empty".to_owned()
    } else {
        counts.join(", ")
    };
    output::line(&format!("in all: {all}"))
}

fn print_message(
    globals: &Globals,
    line: &QueueLine,
    text: Option<Private<String>>,
) -> Result<(), Failure> {
    let text = text.map(Private::into_inner);
    if globals.json {
        let mut shown = as_json(line, &globals.zone());
        if let Some(object) = shown.as_object_mut() {
            object.insert("text".to_owned(), text.into());
        }
        return output::json(&shown);
    }
    output::line(&format!(
        "message {} to contact {}: {}",
        line.id, line.contact, line.state
    ))?;
    let (sentence, todo) = explained(line);
    output::line(sentence)?;
    if let Some(todo) = todo {
        output::line(todo)?;
    }
    if line.maybe_double {
        output::line("the far side may have it twice")?;
    }
    match text {
        Some(text) => output::line(&format!("\n{}", output::tame(&text))),
        None => output::line("its words were erased"),
    }
}
