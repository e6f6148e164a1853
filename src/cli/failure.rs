//! How a command fails: one clear sentence, a hint, and the exit status. No
//! failure may repeat what was typed: it could be a secret or a phone number.

use crate::app::key::is_wrong_secret;
use crate::config::ConfigFault;
use crate::ops::Response;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::fmt;
use std::process::ExitCode;

/// Exit status of a command that could not do its work.
const FAILED: u8 = 1;
/// Exit status of a wrong command or a wrong configuration.
const WRONG_USAGE: u8 = 2;

/// What to do where nothing better is known.
pub const LOOK: &str = "healthpost doctor looks for what is wrong";

/// Why a command did not do its work.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: String,
    status: u8,
}

impl Failure {
    /// The world was in the way.
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            status: FAILED,
        }
    }

    /// The command was wrong.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            status: WRONG_USAGE,
        }
    }

    /// The configuration is wrong; every fault has its line.
    pub fn config(faults: &[ConfigFault]) -> Self {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Self::usage(
            lines.join("\n"),
            "correct the file, then run healthpost config check",
        )
    }

    /// What happened.
    pub fn said(&self) -> &str {
        &self.message
    }

    /// What to do about it, for doctor: who asks it is not sent to it.
    pub fn remedy(&self) -> &str {
        if self.hint == LOOK { "" } else { &self.hint }
    }

    /// The exit status.
    pub fn status(&self) -> ExitCode {
        ExitCode::from(self.status)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() {
            return Ok(());
        }
        write!(f, "\nhint: {}", self.hint)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let hint = if is_wrong_secret(&error) {
            "give it again, as it was set; whoever has the recovery key sets a new passphrase with \
             healthpost key recover --passphrase-file FILE"
        } else {
            LOOK
        };
        Self::failed(format!("{error:#}"), hint)
    }
}

/// The answer, unless it is a refusal.
///
/// # Errors
/// The refusal.
pub fn granted(response: Response) -> Result<Response, Failure> {
    match response {
        Response::Refused {
            message,
            hint,
            usage: true,
        } => Err(Failure::usage(message, hint)),
        Response::Refused {
            message,
            hint,
            usage: false,
        } => Err(Failure::failed(message, hint)),
        answered @ (Response::Done
        | Response::OpenAlready
        | Response::Secrets { .. }
        | Response::Records { .. }
        | Response::Record { .. }
        | Response::Page { .. }
        | Response::Queue { .. }
        | Response::Message { .. }
        | Response::MessageChanged { .. }
        | Response::Users { .. }
        | Response::Setup { .. }
        | Response::Tested { .. }
        | Response::Templates { .. }
        | Response::Usage(_)
        | Response::Tasks { .. }
        | Response::Task { .. }
        | Response::Files { .. }
        | Response::Piece { .. }
        | Response::Drilled { .. }
        | Response::EverDrilled { .. }
        | Response::Facts(_)) => Ok(answered),
    }
}

/// An answer of another kind than the question's: the two sides differ.
pub fn mismatch() -> Failure {
    Failure::failed(
        "the running service answered something else",
        "use the healthpost of the same version as the service",
    )
}

/// A fault of argv, said without repeating values: clap's own words would.
pub fn wrong_arguments(error: &clap::Error) -> Failure {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(_) | None => String::new(),
    };
    let option = context(ContextKind::InvalidArg);
    // An option's name may be said; anything else may be a value.
    let named = if option.starts_with('-') || option.starts_with('<') {
        option
            .split(['=', ' '])
            .next()
            .unwrap_or_default()
            .to_owned()
    } else {
        option
            .chars()
            .filter(|_| error.kind() == ErrorKind::MissingRequiredArgument)
            .collect()
    };
    let message = match error.kind() {
        ErrorKind::UnknownArgument if named.is_empty() => "there is an argument too many".into(),
        ErrorKind::UnknownArgument => format!("there is no option {named}"),
        ErrorKind::InvalidSubcommand => "there is no such command".into(),
        ErrorKind::MissingSubcommand => "a command is missing".into(),
        ErrorKind::MissingRequiredArgument => format!("{named} is missing"),
        ErrorKind::ArgumentConflict => format!("{named} cannot stand here"),
        ErrorKind::TooFewValues | ErrorKind::NoEquals | ErrorKind::WrongNumberOfValues => {
            format!("{named} needs a value")
        }
        ErrorKind::InvalidValue
        | ErrorKind::ValueValidation
        | ErrorKind::TooManyValues
        | ErrorKind::InvalidUtf8
        | ErrorKind::DisplayHelp
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        | ErrorKind::DisplayVersion
        | ErrorKind::Io
        | ErrorKind::Format
        | _ => format!("the value of {named} cannot be used").replace("of  ", ""),
    };
    let known = context(ContextKind::ValidValue);
    let hint = if known.is_empty() {
        "add --help to see how the command is used".to_owned()
    } else {
        format!("use one of {known}")
    };
    Failure::usage(message, hint)
}
