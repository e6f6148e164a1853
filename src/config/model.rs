//! What a configuration means, after every check. Plain values; nothing in
//! here reads a file.

use super::ConfigFault;
use crate::core::lang::Lang;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A whole, checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The format version the file states.
    pub version: i64,
    /// The folder that holds the database and the key slots.
    pub data_dir: PathBuf,
    /// The clinic itself.
    pub clinic: Clinic,
    /// The listener that the internet may reach.
    pub public: Public,
    /// The listener for staff.
    pub lan: Lan,
    /// WhatsApp.
    pub whatsapp: WhatsApp,
    /// UltraMsg.
    pub ultramsg: UltraMsg,
    /// How the outbound queue behaves.
    pub outbox: OutboxRules,
    /// The conversation.
    pub flow: FlowFile,
    /// Where the data key is sealed.
    pub key: KeyHome,
    /// How long things are kept.
    pub retention: Retention,
    /// USB sticks.
    pub usb: Usb,
    /// The relay for clinics behind NAT.
    pub relay: Relay,
    /// What is odd and yet no fault: keys of a newer program.
    pub warnings: Vec<ConfigFault>,
}

/// The clinic.
#[derive(Clone, Debug)]
pub struct Clinic {
    /// In exports: letters, digits, dashes.
    pub id: String,
    /// As patients and staff read it.
    pub name: String,
    /// ISO 3166-1 alpha-2: phone numbers are read in its format.
    pub country: String,
    /// IANA name of the time zone.
    pub timezone: String,
    /// The time zone itself.
    pub zone: TimeZone,
    /// What the conversation offers; the first is the default. Never empty.
    pub languages: Vec<Lang>,
    /// What a patient is told to call.
    pub emergency_number: String,
}

/// The listener for webhooks and `/healthz`, nothing else.
#[derive(Clone, Debug)]
pub struct Public {
    /// Address and port; a proxy or a tunnel stands before it.
    pub listen: SocketAddr,
}

/// The listener for console and API.
#[derive(Clone, Debug)]
pub struct Lan {
    /// Address and port.
    pub listen: SocketAddr,
    /// HTTPS; off only on loopback.
    pub tls: bool,
    /// Names in its certificate.
    pub names: Vec<String>,
}

/// Which service carries the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Meta's WhatsApp Cloud API.
    Cloud,
    /// UltraMsg.
    UltraMsg,
}

/// WhatsApp settings.
#[derive(Clone, Debug)]
pub struct WhatsApp {
    /// Which service carries the messages.
    pub provider: Provider,
    /// Without a slash at its end.
    pub base_url: String,
    /// As in the URL, `v25.0`.
    pub api_version: String,
    /// Meta's id of the clinic's number; empty with another provider.
    pub phone_number_id: String,
    /// Meta's id of the WhatsApp account, where Meta does not tell it by itself.
    pub business_account_id: Option<String>,
    /// Delivered service messages a month that cost nothing.
    pub free_messages_per_month: u32,
    /// Messages a day after which those that are not urgent wait; 0 is none.
    pub daily_ceiling: u32,
}

/// UltraMsg settings.
#[derive(Clone, Debug)]
pub struct UltraMsg {
    /// Without a slash at its end.
    pub base_url: String,
    /// Empty unless the provider is UltraMsg.
    pub instance_id: String,
}

/// How the outbound queue behaves.
#[derive(Clone, Debug)]
pub struct OutboxRules {
    /// Over all contacts.
    pub messages_per_second: u32,
    /// Of working link, before an unsettled send follows its kind.
    pub in_doubt_seconds: u32,
    /// Older unsent messages expire.
    pub max_age_hours: u32,
    /// Approved neutral templates for a closed 24-hour window.
    pub templates: BTreeMap<String, String>,
}

/// The conversation.
#[derive(Clone, Debug)]
pub struct FlowFile {
    /// A flow file; none for the built-in intake.
    pub path: Option<PathBuf>,
    /// A contact's messages that arrive together are answered together, ms.
    pub quiet_ms: i64,
}

/// Where the data key is sealed.
#[derive(Clone, Debug)]
pub struct KeyHome {
    /// How the TPM is reached, as a TCTI string.
    pub tpm: Option<String>,
    /// Registers of the SHA-256 bank the seal depends on.
    pub pcrs: Vec<i64>,
}

/// How long things are kept; 0 keeps for good.
#[derive(Clone, Debug)]
pub struct Retention {
    /// After it the next message is asked whether to go on, minutes.
    pub session_idle_minutes: u32,
    /// Raw webhook bodies, days.
    pub webhooks_days: u32,
    /// Messages, days.
    pub messages_days: u32,
    /// Records, days.
    pub records_days: u32,
}

/// USB sticks.
#[derive(Clone, Debug)]
pub struct Usb {
    /// Where they are mounted.
    pub mount_root: PathBuf,
}

/// The relay for clinics behind NAT.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Its address; none is off.
    pub url: Option<String>,
}
