//! What is wrong in a configuration file, said so that a technician can mend
//! it at once. A fault must never hold a value out of the file: somebody may
//! have put a password there by mistake.

use std::fmt;
use std::path::PathBuf;

/// One fault (or warning) with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// The file as it was named to the program.
    pub file: PathBuf,
    /// The line, from 1; 0 where something is missing and there is no line.
    pub line: usize,
    /// The full key, `clinic.timezone`; empty for a fault of syntax.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for ConfigFault {
    /// `FILE:LINE: key: what is wrong; what to do`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line.max(1))?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// What is wrong with one value, before its place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What is wrong.
    pub(super) what: String,
    /// What to do about it.
    pub(super) remedy: String,
}

impl Wrong {
    /// A fault of one value.
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}
