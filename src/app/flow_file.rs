//! The flow the box speaks: the built-in one, or the clinic's own file.

use crate::config::Config;
use crate::core::flow::{Flow, FlowFault};
use crate::core::plain_text;
use std::fmt;
use std::path::{Path, PathBuf};

/// Largest flow file, bytes.
const FLOW_BYTES_MAX: u64 = 1024 * 1024;

/// Why a flow file cannot be used.
#[derive(Debug, thiserror::Error)]
pub struct Unusable {
    /// The file.
    pub file: PathBuf,
    /// What is wrong; line 0 where that is the file itself.
    pub faults: Vec<FlowFault>,
}

impl fmt::Display for Unusable {
    /// `FILE:line N: what is wrong and what to do`, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            let file = self.file.display();
            match fault.line {
                0 => write!(f, "{end}{file}: {}", fault.message)?,
                _ => write!(f, "{end}{file}:{fault}")?,
            }
        }
        Ok(())
    }
}

/// The flow of a configuration, in every language of its clinic.
///
/// # Errors
/// As [`load`], and a line for each language of the clinic that it lacks.
pub fn of(config: &Config) -> Result<Flow, Unusable> {
    let path = config.flow.path.as_deref();
    let flow = load(path)?;
    let faults = flow.faults_for(&config.clinic.languages);
    match path {
        Some(path) if !faults.is_empty() => Err(Unusable {
            file: path.to_owned(),
            faults,
        }),
        Some(_) | None => Ok(flow),
    }
}

/// Reads and checks a flow; every fault is in the error, a line each.
///
/// # Errors
/// Why the file cannot be used, with the line of each fault and what to do.
pub fn load(path: Option<&Path>) -> Result<Flow, Unusable> {
    let Some(path) = path else {
        return Ok(Flow::built_in());
    };
    let flow = read(path).and_then(|source| Flow::parse(&source));
    flow.map_err(|faults| Unusable {
        file: path.to_owned(),
        faults,
    })
}

fn read(path: &Path) -> Result<String, Vec<FlowFault>> {
    let fault = |line, message| vec![FlowFault { line, message }];
    let unread = |error: std::io::Error| fault(0, format!("the flow file cannot be read: {error}"));
    let facts = std::fs::metadata(path).map_err(unread)?;
    if facts.len() > FLOW_BYTES_MAX {
        let message = "the flow file is larger than 1 MiB: shorten it";
        return Err(fault(0, message.to_owned()));
    }
    let bytes = std::fs::read(path).map_err(unread)?;
    plain_text::read(bytes).map_err(|wrong| fault(wrong.line, plain_text::NOT_UTF8.to_owned()))
}
