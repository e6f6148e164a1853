//! How a command fails: one clear sentence, a hint, and the exit status. No
//! failure may repeat what was typed: it could be a secret or a phone number.

use crate::app::flow_file::Unusable;
use crate::app::key::{is_wrong_recovery_key, is_wrong_secret};
use crate::config::ConfigFault;
use crate::ops::Response;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::Serialize;
use std::fmt;
use std::path::Path;
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
    faults: Vec<Fault>,
}

/// A fault of a file that somebody wrote, as programs are told it.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1; 0 where there is none.
    pub line: usize,
    /// The key, where that is known.
    pub key: String,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Failure {
    /// The world was in the way.
    pub fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            status: FAILED,
            faults: Vec::new(),
        }
    }

    /// The command was wrong.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
            status: WRONG_USAGE,
            faults: Vec::new(),
        }
    }

    /// The configuration is wrong; every fault has its line.
    pub fn config(faults: &[ConfigFault]) -> Self {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let faults = faults.iter().map(|fault| Fault {
            file: fault.file.display().to_string(),
            line: fault.line,
            key: fault.key.clone(),
            what: format!("{}; {}", fault.what, fault.remedy),
        });
        let hint = "correct the file, then run healthpost config check";
        Self::usage(lines.join("\n"), hint).with_faults(faults.collect())
    }

    /// The configuration cannot be read at all; line 0 where that is no line's
    /// fault.
    pub fn unread_config(path: &Path, line: usize, what: String, hint: &str) -> Self {
        let file = path.display().to_string();
        let place = if line == 0 {
            file.clone()
        } else {
            format!("{file}:{line}")
        };
        let fault = Fault {
            file,
            line,
            key: String::new(),
            what: what.clone(),
        };
        Self::usage(format!("{place}: {what}"), hint).with_faults(vec![fault])
    }

    /// The flow file is wrong; every fault has its line.
    pub fn flow(unusable: &Unusable, hint: &str) -> Self {
        let faults = unusable.faults.iter().map(|fault| Fault {
            file: unusable.file.display().to_string(),
            line: fault.line,
            key: String::new(),
            what: fault.message.clone(),
        });
        Self::usage(unusable.to_string(), hint).with_faults(faults.collect())
    }

    fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }

    /// The faults of a file, one by one, if it failed for such.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
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
        let hint = if is_wrong_recovery_key(&error) {
            "each of its groups is right, so this paper is another box's, or was ended by \
             healthpost key new-recovery: look for the newer one"
        } else if is_wrong_secret(&error) {
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
    let hint = if named == "--listen" {
        "write an address and a port, as 127.0.0.1:8080".to_owned()
    } else if known.is_empty() {
        "add --help to see how the command is used".to_owned()
    } else {
        format!("use one of {known}")
    };
    Failure::usage(message, hint)
}
