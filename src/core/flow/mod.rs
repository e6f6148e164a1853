//! The flow: what is asked, in which words and order, read from TOML.
//!
//! A flow with any fault is refused as a whole, with all its faults; nothing
//! past `parse` ever meets a missing text.

use sha2::{Digest, Sha256};

/// A flow without faults.
#[derive(Clone, Debug)]
pub struct Flow {
    source: String,
    version: String,
}

/// One fault of a flow file and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct FlowFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Flow {
    /// Reads and checks a flow file.
    ///
    /// # Errors
    /// Every fault of it, by line.
    pub fn parse(source: &str) -> Result<Self, Vec<FlowFault>> {
        let version = hex::encode(Sha256::digest(source.as_bytes()));
        Ok(Self {
            source: source.to_owned(),
            version,
        })
    }

    /// The intake flow that comes with the program.
    pub fn built_in() -> Self {
        Self {
            source: String::new(),
            version: "built-in".to_owned(),
        }
    }

    /// A hash of the file: a session carries the flow it began on.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file's text, to be stored for the sessions that began on it.
    pub fn source(&self) -> &str {
        &self.source
    }
}
