//! `healthpost secret`: credentials, kept only in the encrypted database.

use super::failure::{Failure, mismatch};
use super::reach::ask_once;
use super::{Globals, Opening, input, output};
use crate::core::credential;
use crate::core::table::time;
use crate::ops::{Request, Response};
use clap::Subcommand;

/// Set, list and delete credentials
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  healthpost secret set whatsapp.access_token < token.txt\n  \
    healthpost secret list"
)]
pub enum Secret {
    /// Set a credential; its value is read from standard input
    #[command(
        after_help = "Example:\n  healthpost secret set whatsapp.access_token < token.txt\n\n\
        Names: whatsapp.access_token, whatsapp.app_secret, whatsapp.verify_token,\n\
        ultramsg.token, ultramsg.webhook_secret, action.NAME. A former app secret stays\n\
        accepted for eight days, the newest four at most."
    )]
    Set {
        /// Which credential
        name: String,
        /// End the acceptance of all former values now; no value is read
        #[arg(long)]
        drop_previous: bool,
        #[command(flatten)]
        opening: Opening,
    },
    /// Name the credentials that are set
    #[command(after_help = "Example:\n  healthpost secret list")]
    List {
        #[command(flatten)]
        opening: Opening,
    },
    /// Delete a credential
    #[command(after_help = "Example:\n  healthpost secret delete ultramsg.token")]
    Delete {
        /// Which credential
        name: String,
        #[command(flatten)]
        opening: Opening,
    },
}

impl Secret {
    /// Runs the command.
    ///
    /// # Errors
    /// When the name is unknown, no value is given, or the database refuses.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::Set {
                name,
                drop_previous,
                opening,
            } => set(globals, name, drop_previous, &opening).await,
            Self::List { opening } => list(globals, &opening).await,
            Self::Delete { name, opening } => {
                ask_once(globals, &opening, Request::SecretDelete { name }).await?;
                done(globals, "deleted")
            }
        }
    }
}

async fn set(
    globals: &Globals,
    name: String,
    drop_previous: bool,
    opening: &Opening,
) -> Result<(), Failure> {
    if drop_previous {
        ask_once(globals, opening, Request::SecretDropPrevious { name }).await?;
        return done(globals, "the former values are no longer accepted");
    }
    // Nobody looks for a value to a name that cannot have one.
    if !credential::is_known(&name) {
        return Err(Failure::usage(credential::UNKNOWN, credential::KNOWN_ARE));
    }
    let value = input::from_stdin("value")?.ok_or_else(|| {
        Failure::usage(
            "no value was given",
            "write it on standard input: … set NAME < FILE",
        )
    })?;
    ask_once(globals, opening, Request::SecretSet { name, value }).await?;
    done(globals, "set")
}

fn done(globals: &Globals, word: &str) -> Result<(), Failure> {
    if globals.json {
        return output::json(&serde_json::json!({"done": true}));
    }
    output::line(word)
}

async fn list(globals: &Globals, opening: &Opening) -> Result<(), Failure> {
    let Response::Secrets { list } = ask_once(globals, opening, Request::SecretList).await? else {
        return Err(mismatch());
    };
    let zone = globals.zone();
    let told = |at| time(at, &zone);
    if globals.json {
        let list = list.iter().map(|secret| {
            serde_json::json!({
                "name": secret.name,
                "set_at": told(secret.set_at),
                "previous_until": secret.previous_until.map(told),
            })
        });
        return output::json(&list.collect());
    }
    let rows: Vec<Vec<String>> = list
        .into_iter()
        .map(|secret| {
            let previous = secret.previous_until.map(told).unwrap_or_default();
            vec![secret.name, told(secret.set_at), previous]
        })
        .collect();
    output::table(&["name", "set at", "former accepted until"], &rows)
}
