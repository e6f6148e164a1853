//! `healthpost key status`: the ways in, what stands against them, and whether
//! the paper was ever tried. It opens nothing.

use super::super::failure::Failure;
use super::super::{Globals, output, reach};
use super::change::OPEN_ELSEWHERE;
use crate::app::key::Custody;
use crate::app::lan::authority_pem;
use crate::ops::{Request, Response};
use std::path::Path;

/// Shown until somebody has.
const UNDRILLED: &str =
    "warning: nobody has proved yet that the recovery key opens the data: healthpost key drill";
/// The database is closed, and it alone knows.
const UNKNOWN: &str = "not checked whether the recovery key was ever proved to open the data: no \
    open service answers; healthpost key drill proves it";

/// Whether there ever was a drill, where an open service tells.
pub(super) async fn find_drilled(folder: &Path) -> Option<bool> {
    let mut client = reach::service(folder).await.ok()?;
    match client.ask(&Request::KeyDrilled).await {
        Ok(Response::EverDrilled { drilled }) => Some(drilled),
        Ok(_) | Err(_) => None,
    }
}

/// Prints it; `drilled` as the open service has it.
///
/// # Errors
/// When the slots cannot be read.
pub(super) fn print(
    globals: &Globals,
    custody: &Custody,
    drilled: Option<bool>,
) -> Result<(), Failure> {
    let slots = custody.summary()?;
    let findings = custody.tpm_findings()?;
    let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
    // A box made before it had an authority gets one when it is next opened.
    let authority = authority_pem(custody.folder()).ok();
    let authority = authority.map(|(_, fingerprint)| fingerprint);
    if globals.json {
        return output::json(&serde_json::json!({
            "lan_authority": authority,
            "slots": slots.kinds,
            "generations": slots.generations,
            "pin": slots.has_pin(),
            "findings": findings,
            "drilled": drilled,
        }));
    }
    output::line(&format!("slots: {}", slots.kinds.join(", ")))?;
    for pin in &slots.pins {
        let pin = if *pin { "with a PIN" } else { "without a PIN" };
        output::line(&format!("sealed to a TPM {pin}"))?;
    }
    if slots.has_open_seal_elsewhere() {
        output::line(&format!("finding: {OPEN_ELSEWHERE}"))?;
    }
    for finding in findings {
        output::line(&format!("finding: {finding}"))?;
    }
    match drilled {
        Some(true) => {}
        Some(false) => output::line(UNDRILLED)?,
        None => output::line(UNKNOWN)?,
    }
    if let Some(authority) = authority {
        output::line(&format!(
            "staff devices trust lan/ca.pem, SHA-256 {authority}"
        ))?;
    }
    Ok(())
}
