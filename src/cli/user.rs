//! `healthpost user`: staff accounts.

use super::failure::{Failure, mismatch};
use super::reach::{Reached, ask_once, who_asks};
use super::{Globals, Opening, SigningIn, input, machine, output};
use crate::core::secret::SecretText;
use crate::core::table::time;
use crate::ops::{Request, Response, StaffLine};
use clap::Subcommand;
use jiff::tz::TimeZone;
use std::io::IsTerminal;
use std::path::PathBuf;
use zeroize::{Zeroize, Zeroizing};

/// Letters of a one-time password: none that are mistaken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Manage staff accounts
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  healthpost user add amina --role clinician < password.txt\n  \
    healthpost user list"
)]
pub enum User {
    /// Add a member of staff; the password is read from standard input, else a one-time one is printed
    #[command(
        after_help = "Examples:\n  healthpost user add amina --role clinician < password.txt\n  \
        healthpost user add joseph --role records --role reception\n\n\
        Roles: admin, clinician, records, reception, bot_editor, script_manager, technician,\n\
        auditor, device."
    )]
    Add {
        /// The name to sign in with
        name: String,
        /// What they may do; may be given several times
        #[arg(long, required = true, num_args = 1.., value_delimiter = ',', value_name = "ROLE")]
        role: Vec<String>,
        #[command(flatten)]
        opening: Opening,
    },
    /// List staff accounts
    #[command(after_help = "Example:\n  healthpost user list")]
    List {
        #[command(flatten)]
        opening: Opening,
    },
    /// Close an account
    #[command(after_help = "Example:\n  healthpost user disable amina")]
    Disable {
        /// Whose
        name: String,
        #[command(flatten)]
        opening: Opening,
    },
    /// Open a closed account again
    #[command(after_help = "Example:\n  healthpost user enable amina")]
    Enable {
        /// Whose
        name: String,
        #[command(flatten)]
        opening: Opening,
    },
    /// Choose a password of one's own, read from standard input
    #[command(after_help = "Examples:\n  healthpost user change-password amina\n  \
        healthpost user change-password amina --password-file old.txt < new.txt\n\n\
        A one-time password is for this and for nothing else.")]
    ChangePassword {
        /// The name to sign in with
        name: String,
        /// A file with the present password, where there is no terminal to ask on
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        opening: Opening,
    },
    /// Set a password, read from standard input, else a one-time one is printed
    #[command(after_help = "Example:\n  healthpost user reset-password amina")]
    ResetPassword {
        /// Whose
        name: String,
        #[command(flatten)]
        opening: Opening,
    },
}

impl User {
    /// Runs the command.
    ///
    /// # Errors
    /// When the name or a role is wrong, or the database refuses.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::Add {
                name,
                role,
                opening,
            } => {
                let (password, one_time) = password()?;
                let asked = Request::UserAdd {
                    name: name.clone(),
                    roles: role,
                    password: password.clone(),
                    one_time,
                };
                ask_once(globals, &opening, asked).await?;
                told(globals, &name, one_time.then_some(&password))
            }
            Self::List { opening } => list(globals, &opening).await,
            Self::Disable { name, opening } => {
                let asked = Request::UserDisable { name: name.clone() };
                ask_once(globals, &opening, asked).await?;
                told(globals, &name, None)
            }
            Self::Enable { name, opening } => {
                let asked = Request::UserEnable { name: name.clone() };
                ask_once(globals, &opening, asked).await?;
                told(globals, &name, None)
            }
            Self::ChangePassword {
                name,
                password_file,
                opening,
            } => {
                let signing_in = SigningIn {
                    name: Some(name.clone()),
                    password_file,
                };
                change_password(globals, &opening, signing_in).await?;
                told(globals, &name, None)
            }
            Self::ResetPassword { name, opening } => {
                let (password, one_time) = password()?;
                let asked = Request::UserPassword {
                    name: name.clone(),
                    password: password.clone(),
                    one_time,
                };
                ask_once(globals, &opening, asked).await?;
                told(globals, &name, one_time.then_some(&password))
            }
        }
    }
}

async fn change_password(
    globals: &Globals,
    opening: &Opening,
    signing_in: SigningIn,
) -> Result<(), Failure> {
    let who = who_asks(signing_in)?;
    let new = input::new_from_stdin("the new password")?;
    let password = new.ok_or_else(|| {
        Failure::usage(
            "no new password was given",
            "write it on standard input: … change-password NAME < FILE",
        )
    })?;
    let mut reached = Reached::open(globals, opening).await?;
    let answered = match reached.sign_in(who).await {
        Ok(()) => reached.ask(Request::OwnPassword { password }).await,
        Err(failure) => Err(failure),
    };
    reached.close().await?;
    answered.map(drop)
}

/// The password on standard input, or a drawn one-time one.
fn password() -> Result<(SecretText, bool), Failure> {
    if !std::io::stdin().is_terminal()
        && let Some(given) = input::from_stdin("password")?
    {
        return Ok((given, false));
    }
    if output::goes_nowhere() {
        return Err(Failure::usage(
            "a one-time password is printed once, and standard output leads nowhere",
            "let it lead somewhere, or give a password on standard input",
        ));
    }
    let mut random = [0; 16];
    machine()?.chance.fill(&mut random);
    // Room from the start: a buffer that grows leaves a copy behind.
    let mut letters = Zeroizing::new(String::with_capacity(2 * random.len()));
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            letters.push('-');
        }
        let letter = LETTERS.get(usize::from(byte & 31));
        letters.push(letter.map_or('a', |letter| char::from(*letter)));
    }
    random.zeroize();
    Ok((SecretText::new(letters), true))
}

fn told(globals: &Globals, name: &str, one_time: Option<&SecretText>) -> Result<(), Failure> {
    let Some(password) = one_time else {
        return if globals.json {
            output::json(&serde_json::json!({"name": name}))
        } else {
            output::line(&format!("done: {name}"))
        };
    };
    let told = if globals.json {
        let name = serde_json::Value::from(name).to_string();
        // The letters of such a password need no escape.
        let parts = ["{\"name\":", &name, ",\"one_time_password\":\""];
        [&parts.concat(), password.as_str(), "\"}\n"].concat()
    } else {
        ["one-time password: ", password.as_str(), "\n"].concat()
    };
    output::certainly(&Zeroizing::new(told)).map_err(|_| {
        Failure::failed(
            "the account has a one-time password that could not be printed: nobody knows it",
            "healthpost user reset-password makes another",
        )
    })
}

async fn list(globals: &Globals, opening: &Opening) -> Result<(), Failure> {
    let Response::Users { list } = ask_once(globals, opening, Request::UserList).await? else {
        return Err(mismatch());
    };
    let zone = globals.zone();
    if globals.json {
        let list = list.iter().map(|member| {
            serde_json::json!({
                "id": member.id,
                "name": member.name,
                "roles": member.roles,
                "state": state(member, &zone),
            })
        });
        return output::json(&list.collect());
    }
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|member| {
            let state = state(member, &zone);
            vec![member.name.clone(), member.roles.join(" "), state]
        })
        .collect();
    output::table(&["name", "roles", "state"], &rows)
}

fn state(member: &StaffLine, zone: &TimeZone) -> String {
    if member.disabled {
        return "disabled".to_owned();
    }
    if let Some(until) = member.locked_until {
        return format!("locked until {}", time(until, zone));
    }
    if member.must_change {
        "one-time password".to_owned()
    } else {
        "active".to_owned()
    }
}
