//! The configuration file: as typed, and what it means.
//!
//! One TOML file, no layers, no environment. It holds what the technician
//! sets; what staff change lives in the database, and so does every secret:
//! nothing in here may ever be one.

mod check;
mod fault;
mod model;
mod reader;
mod sections;

pub use fault::ConfigFault;
pub use model::{
    Clinic, Config, FlowFile, KeyHome, Lan, OutboxRules, Provider, Public, Relay, Retention,
    UltraMsg, Usb, WhatsApp,
};

use std::path::Path;

/// The version of the file's format that this program writes and knows.
pub const VERSION: i64 = 1;

impl Config {
    /// Reads a configuration file's text. `file` is its name for messages, and
    /// relative paths in it are taken from its folder.
    ///
    /// # Errors
    /// Every fault there is, in the order of the lines.
    pub fn parse(source: &str, file: &Path) -> Result<Self, Vec<ConfigFault>> {
        let (root, syntax) = toml::de::DeTable::parse_recoverable(source);
        let mut reader = reader::Reader::new(file, source, root.get_ref(), &syntax);
        let config = sections::read(&mut reader, file);
        let mut faults = std::mem::take(&mut reader.faults);
        if faults.is_empty() {
            return Ok(config);
        }
        faults.sort_by(|a, b| (a.line, &a.key).cmp(&(b.line, &b.key)));
        Err(faults)
    }
}

#[cfg(test)]
mod tests;
