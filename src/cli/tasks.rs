//! `healthpost tasks`: what only a human can do.

use super::failure::{Failure, mismatch};
use super::reach::ask_signed_in;
use super::{Globals, Opening, SigningIn, argument, output};
use crate::core::table::time;
use crate::ops::{Request, Response, TaskLine};
use clap::Subcommand;
use jiff::tz::TimeZone;

/// List, take on and end what staff have to do
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  healthpost tasks list --as amina")]
pub enum Tasks {
    /// List the open tasks, the most urgent first
    #[command(after_help = "Example:\n  healthpost tasks list --as amina")]
    List {
        /// The latest of all, the done ones too
        #[arg(long)]
        all: bool,
        /// At most so many, from 1 to 1000
        #[arg(long, default_value_t = 50, value_parser = argument::limit)]
        limit: usize,
        #[command(flatten)]
        signing_in: SigningIn,
        #[command(flatten)]
        opening: Opening,
    },
    /// Take a task on
    #[command(after_help = "Example:\n  healthpost tasks claim 3 --as amina")]
    Claim {
        /// The task's number
        id: String,
        #[command(flatten)]
        signing_in: SigningIn,
        #[command(flatten)]
        opening: Opening,
    },
    /// End a task
    #[command(
        after_help = "Example:\n  healthpost tasks done 3 --outcome could_not_reach --as amina"
    )]
    Done {
        /// The task's number
        id: String,
        /// How it ended: done, could_not_reach or not_needed
        #[arg(long, default_value = "done")]
        outcome: String,
        #[command(flatten)]
        signing_in: SigningIn,
        #[command(flatten)]
        opening: Opening,
    },
}

impl Tasks {
    /// Runs the command.
    ///
    /// # Errors
    /// When nobody is signed in, or there is no such task.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::List {
                all,
                limit,
                signing_in,
                opening,
            } => {
                let asked = Request::TaskList { all, limit };
                let Response::Tasks { list } =
                    ask_signed_in(globals, &opening, signing_in, asked).await?
                else {
                    return Err(mismatch());
                };
                print(globals, &list)
            }
            Self::Claim {
                id,
                signing_in,
                opening,
            } => {
                let id = argument::task(&id)?;
                ask_signed_in(globals, &opening, signing_in, Request::TaskClaim { id }).await?;
                done(globals, "taken on")
            }
            Self::Done {
                id,
                outcome,
                signing_in,
                opening,
            } => {
                let id = argument::task(&id)?;
                let asked = Request::TaskEnd { id, outcome };
                ask_signed_in(globals, &opening, signing_in, asked).await?;
                done(globals, "ended")
            }
        }
    }
}

fn done(globals: &Globals, word: &str) -> Result<(), Failure> {
    if globals.json {
        return output::json(&serde_json::json!({"done": true}));
    }
    output::line(word)
}

fn print(globals: &Globals, list: &[TaskLine]) -> Result<(), Failure> {
    let since = |task: &TaskLine| time(task.since, &TimeZone::UTC);
    if globals.json {
        let list = list.iter().map(|task| {
            serde_json::json!({
                "id": task.id,
                "kind": task.kind,
                "what": task.what,
                "to_do": task.to_do,
                "contact": task.contact,
                "record": task.record,
                "message": task.message,
                "detail": task.detail,
                "since": since(task),
                "claimed_by": task.claimed_by,
                "outcome": task.outcome,
            })
        });
        return output::json(&list.collect());
    }
    for task in list {
        let taken = match (&task.outcome, task.claimed_by) {
            (Some(outcome), _) => format!(", ended: {outcome}"),
            (None, Some(staff)) => format!(", taken on by staff {staff}"),
            (None, None) => String::new(),
        };
        let about: Vec<String> = [
            task.record.clone(),
            task.contact.map(|contact| format!("contact {contact}")),
            task.message.map(|message| format!("message {message}")),
            task.detail.clone(),
        ]
        .into_iter()
        .flatten()
        .collect();
        output::line(&format!(
            "{} {} ({}), since {}{taken}",
            task.id,
            task.what,
            output::tame(&about.join(", ")),
            since(task)
        ))?;
        if !task.to_do.is_empty() {
            output::line(&format!("    -> {}", task.to_do))?;
        }
    }
    Ok(())
}
