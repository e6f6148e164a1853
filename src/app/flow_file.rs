//! The flow the box speaks: the built-in one, or the clinic's own file.

use crate::config::Config;
use crate::core::flow::{Flow, FlowFault};
use anyhow::{Result, bail};
use std::path::Path;

/// Largest flow file, bytes.
const FLOW_BYTES_MAX: u64 = 1024 * 1024;

/// The flow of a configuration, in every language of its clinic.
///
/// # Errors
/// As [`load`], and a line for each language of the clinic that it lacks.
pub fn of(config: &Config) -> Result<Flow> {
    let path = config.flow.path.as_deref();
    let flow = load(path)?;
    let faults = flow.faults_for(&config.clinic.languages);
    match path {
        Some(path) if !faults.is_empty() => bail!("{}", told(path, &faults)),
        Some(_) | None => Ok(flow),
    }
}

fn told(path: &Path, faults: &[FlowFault]) -> String {
    let shown = path.display();
    let lines = faults.iter().map(|fault| format!("{shown}:{fault}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads and checks a flow; every fault is in the error, a line each.
///
/// # Errors
/// Why the file cannot be used, with the line of each fault and what to do.
pub fn load(path: Option<&Path>) -> Result<Flow> {
    let Some(path) = path else {
        return Ok(Flow::built_in());
    };
    let shown = path.display();
    match std::fs::metadata(path) {
        Ok(facts) if facts.len() > FLOW_BYTES_MAX => {
            bail!("{shown}: the flow file is larger than 1 MiB")
        }
        Ok(_) => {}
        Err(error) => bail!("{shown}: the flow file cannot be read: {error}"),
    }
    let source = match std::fs::read_to_string(path) {
        Ok(source) => source,
        Err(error) => bail!("{shown}: the flow file cannot be read: {error}"),
    };
    match Flow::parse(&source) {
        Ok(flow) => Ok(flow),
        Err(faults) => bail!("{}", told(path, &faults)),
    }
}
