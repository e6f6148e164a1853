//! `healthpost config check`: says each fault of configuration and flow.

use super::failure::Failure;
use super::{Globals, output};
use crate::app::flow_file;
use clap::Subcommand;

/// Check the configuration
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  healthpost config check")]
pub enum ConfigCommand {
    /// Check the configuration and the flow it names; say each fault with its place
    #[command(
        after_help = "Example:\n  healthpost config check --config healthpost.toml\n\n\
        The least a file holds:\n  [clinic]\n  id = \"kalehe-1\"\n  name = \"Kalehe Health Post\"\n  \
        country = \"CD\"\n  timezone = \"Africa/Lubumbashi\"\n  languages = [\"fr\", \"sw\"]\n  \
        emergency_number = \"112\"\n  [whatsapp]\n  phone_number_id = \"106540352242922\""
    )]
    Check,
}

impl ConfigCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// Every fault there is, with exit status 2.
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::Check => check(globals),
        }
    }
}

fn check(globals: &Globals) -> Result<(), Failure> {
    let checked = globals.load_config().and_then(|config| {
        let flow = flow_file::of(&config);
        flow.map_err(|unusable| Failure::flow(&unusable, "healthpost flow check FILE"))?;
        Ok(config)
    });
    let config = output::faults_as_json(globals.json, checked)?;
    if globals.json {
        let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        return output::json(&serde_json::json!({"ok": true, "warnings": warnings}));
    }
    output::line(&format!(
        "{}: the configuration is in order",
        globals.config.display()
    ))
}
