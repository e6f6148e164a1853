//! `healthpost tasks`: what only a human can do, and whom to call.

use super::failure::{Failure, mismatch};
use super::reach::ask_signed_in;
use super::{Globals, Opening, SigningIn, argument, output};
use crate::core::private::Private;
use crate::core::table::time;
use crate::ops::{Request, Response, SaidLine, TaskLine, WhoLine};
use clap::Subcommand;
use jiff::tz::TimeZone;

/// List, show, take on and end what staff have to do
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
    /// Show one task: whom to call, and what was said last
    #[command(after_help = "Example:\n  healthpost tasks show 3 --as amina")]
    Show {
        /// The task's number
        id: String,
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
            Self::Show {
                id,
                signing_in,
                opening,
            } => {
                let id = argument::task(&id)?;
                let asked = Request::TaskShow { id };
                let Response::Task { line, who } =
                    ask_signed_in(globals, &opening, signing_in, asked).await?
                else {
                    return Err(mismatch());
                };
                show(globals, &line, who.as_deref())
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

fn as_json(task: &TaskLine, zone: &TimeZone) -> serde_json::Value {
    serde_json::json!({
        "id": task.id,
        "kind": task.kind,
        "what": task.what,
        "to_do": task.to_do,
        "contact": task.contact,
        "record": task.record,
        "message": task.message,
        "detail": task.detail,
        "since": time(task.since, zone),
        "claimed_by": task.claimed_by,
        "claimed_by_name": task.claimed_by_name,
        "outcome": task.outcome,
    })
}

fn print(globals: &Globals, list: &[TaskLine]) -> Result<(), Failure> {
    let zone = globals.zone();
    if globals.json {
        return output::json(&list.iter().map(|task| as_json(task, &zone)).collect());
    }
    list.iter().try_for_each(|task| print_task(task, &zone))?;
    if list.iter().any(|task| task.contact.is_some()) {
        output::line("whom to call, and what was said: healthpost tasks show ID --as NAME")?;
    }
    Ok(())
}

fn print_task(task: &TaskLine, zone: &TimeZone) -> Result<(), Failure> {
    let taken = match (&task.outcome, &task.claimed_by_name) {
        (Some(outcome), _) => format!(", ended: {outcome}"),
        (None, Some(name)) => format!(", taken on by {name}"),
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
        time(task.since, zone)
    ))?;
    if !task.to_do.is_empty() {
        output::line(&format!("    -> {}", task.to_do))?;
    }
    Ok(())
}

fn show(globals: &Globals, task: &TaskLine, who: Option<&WhoLine>) -> Result<(), Failure> {
    let zone = globals.zone();
    if globals.json {
        let mut shown = as_json(task, &zone);
        if let (Some(object), Some(who)) = (shown.as_object_mut(), who) {
            object.insert("phone".to_owned(), text(&who.phone).into());
            object.insert("username".to_owned(), text(&who.username).into());
            object.insert("profile_name".to_owned(), text(&who.profile_name).into());
            let said = who.messages.iter().map(|said| said_json(said, &zone));
            object.insert("messages".to_owned(), said.collect());
        }
        return output::json(&shown);
    }
    print_task(task, &zone)?;
    match who {
        Some(who) => print_who(task, who, &zone),
        None => output::line("it is about no patient"),
    }
}

fn print_who(task: &TaskLine, who: &WhoLine, zone: &TimeZone) -> Result<(), Failure> {
    let phone = text(&who.phone).map(|digits| format!("+{digits}"));
    let hidden = "none is known";
    let facts = [
        ("phone", Some(phone.unwrap_or_else(|| hidden.to_owned()))),
        ("user name", text(&who.username).map(str::to_owned)),
        ("profile name", text(&who.profile_name).map(str::to_owned)),
    ];
    for (name, fact) in facts {
        if let Some(fact) = fact {
            output::line(&format!("{name:<18} {}", output::tame(&fact)))?;
        }
    }
    if let Some(record) = &task.record {
        output::line(&format!("the record: healthpost records show {record}"))?;
    }
    if let Some(message) = task.message {
        output::line(&format!("the message: healthpost outbox show {message}"))?;
    }
    for said in &who.messages {
        let side = if said.ours { "clinic" } else { "patient" };
        let state = said.state.as_ref().map(|state| format!(" ({state})"));
        output::line(&format!(
            "\n{} {side}{}:\n{}",
            time(said.at, zone),
            state.unwrap_or_default(),
            text(&said.text).map_or_else(|| "its words were erased".to_owned(), output::tame)
        ))?;
    }
    Ok(())
}

fn text(private: &Option<Private<String>>) -> Option<&str> {
    private.as_ref().map(Private::as_str)
}

fn said_json(said: &SaidLine, zone: &TimeZone) -> serde_json::Value {
    serde_json::json!({
        "from": if said.ours { "clinic" } else { "patient" },
        "at": time(said.at, zone),
        "state": said.state,
        "text": text(&said.text),
    })
}
