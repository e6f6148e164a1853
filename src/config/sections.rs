//! Reads each section of the file into its meaning: the keys there are, their
//! defaults, and the rules that tie two keys together.

use super::VERSION;
use super::check::{self, Read};
use super::fault::Wrong;
use super::model::{
    Clinic, Config, FlowFile, KeyHome, Lan, OutboxRules, Provider, Public, Relay, Retention,
    UltraMsg, Usb, WhatsApp,
};
use super::reader::{Reader, Section};
use crate::core::lang::Lang;
use crate::core::limits;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// Every section with its keys; the top of the file has no name.
const KNOWN: [(&str, &[&str]); 12] = [
    ("", &["version", "data_dir"]),
    (
        "clinic",
        &[
            "id",
            "name",
            "country",
            "timezone",
            "languages",
            "emergency_number",
        ],
    ),
    ("public", &["listen", "tls_cert", "tls_key"]),
    ("lan", &["listen", "tls", "names"]),
    (
        "whatsapp",
        &[
            "provider",
            "base_url",
            "api_version",
            "phone_number_id",
            "business_account_id",
            "free_messages_per_month",
            "daily_ceiling",
        ],
    ),
    ("ultramsg", &["base_url", "instance_id"]),
    (
        "outbox",
        &["messages_per_second", "in_doubt_seconds", "max_age_hours"],
    ),
    ("flow", &["path", "quiet_ms"]),
    ("key", &["tpm", "pcrs"]),
    (
        "retention",
        &[
            "session_idle_minutes",
            "webhooks_days",
            "messages_days",
            "records_days",
        ],
    ),
    ("usb", &["mount_root"]),
    ("relay", &["url"]),
];

/// Reads the whole file; faults and warnings stay with the reader.
pub(super) fn read(reader: &mut Reader<'_>, file: &Path) -> Config {
    let base = file.parent().unwrap_or_else(|| Path::new(""));
    let version = version(reader);
    unknown_keys(reader);
    let top = reader.top();
    let data_dir = reader.value(&top, "data_dir", check::some_text);
    let whatsapp = whatsapp(reader);
    let mut config = Config {
        version,
        data_dir: base.join(data_dir.unwrap_or_else(|| "/var/lib/healthpost".to_owned())),
        clinic: clinic(reader),
        public: public(reader),
        lan: lan(reader),
        ultramsg: ultramsg(reader, whatsapp.provider),
        whatsapp,
        outbox: outbox(reader),
        flow: flow(reader, base),
        key: key(reader),
        retention: retention(reader),
        usb: usb(reader),
        relay: relay(reader),
        warnings: Vec::new(),
    };
    apart(reader, config.public.listen, config.lan.listen);
    config.warnings = std::mem::take(&mut reader.warnings);
    config
}

fn version(reader: &mut Reader<'_>) -> i64 {
    let top = reader.top();
    let version = reader.value(&top, "version", check::number(1..=i64::from(u16::MAX)));
    let version = version.unwrap_or(VERSION);
    reader.newer = version > VERSION;
    version
}

fn unknown_keys(reader: &mut Reader<'_>) {
    let mut top: Vec<&str> = Vec::new();
    for (section, keys) in &KNOWN {
        top.push(section);
        if section.is_empty() {
            top = keys.to_vec();
        }
    }
    for (name, keys) in &KNOWN {
        if name.is_empty() {
            let section = reader.top();
            reader.known(&section, &top, &KNOWN);
            continue;
        }
        let section = reader.section(name);
        if *name == "outbox" {
            let mut keys = keys.to_vec();
            keys.push("templates");
            reader.known(&section, &keys, &KNOWN);
        } else {
            reader.known(&section, keys, &KNOWN);
        }
    }
}

fn clinic(reader: &mut Reader<'_>) -> Clinic {
    let at = reader.section("clinic");
    let timezone: String =
        reader.required(&at, "timezone", "\"Africa/Lubumbashi\"", check::timezone);
    Clinic {
        id: reader.required(&at, "id", "\"kalehe-1\"", check::clinic_id),
        name: reader.required(&at, "name", "\"Kalehe Health Post\"", check::some_text),
        country: reader.required(&at, "country", "\"CD\"", check::country),
        zone: TimeZone::get(&timezone).unwrap_or(TimeZone::UTC),
        timezone,
        languages: reader.required(&at, "languages", "[\"fr\", \"sw\"]", check::languages),
        emergency_number: reader.required(&at, "emergency_number", "\"112\"", check::dialled),
    }
}

fn public(reader: &mut Reader<'_>) -> Public {
    let at = reader.section("public");
    let listen = reader.value(&at, "listen", check::listen);
    for key in ["tls_cert", "tls_key"] {
        if reader.keys(&at).iter().any(|name| name == key) {
            let wrong = Wrong::new(
                "asks for TLS, which this version does not serve here",
                "take it out, and put a tunnel or a proxy in front of public.listen",
            );
            reader.fault(&at, key, wrong);
        }
    }
    Public {
        listen: listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8081))),
    }
}

/// Two listeners cannot have one place.
fn apart(reader: &mut Reader<'_>, public: SocketAddr, lan: SocketAddr) {
    if !overlap(public, lan) {
        return;
    }
    let at = reader.section("lan");
    let wrong = Wrong::new(
        format!(
            "takes the place of public.listen: both are on port {}",
            lan.port()
        ),
        "give one of them another port",
    );
    reader.fault(&at, "listen", wrong);
}

/// Whether one of them cannot be listened on while the other is. `[::]` takes the
/// addresses of both kinds; port 0 is always another one.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip().to_canonical(), other.ip().to_canonical());
    let takes = |a: IpAddr, b: IpAddr| a.is_unspecified() && (a.is_ipv6() || b.is_ipv4());
    one.port() == other.port() && one.port() != 0 && (a == b || takes(a, b) || takes(b, a))
}

fn lan(reader: &mut Reader<'_>) -> Lan {
    let at = reader.section("lan");
    let listen = reader.value(&at, "listen", check::listen);
    let listen = listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443)));
    let tls = reader.value(&at, "tls", check::flag).unwrap_or(true);
    if !tls && !listen.ip().is_loopback() {
        let wrong = Wrong::new(
            "would show patient data in the clear on the network",
            "set tls = true, or listen on 127.0.0.1",
        );
        reader.fault(&at, "tls", wrong);
    }
    let names = reader.value(&at, "names", check::list(check::host_name));
    Lan {
        listen,
        tls,
        names: names.unwrap_or_else(|| vec!["healthpost.local".to_owned()]),
    }
}

fn provider(value: &DeValue<'_>) -> Read<Provider> {
    match check::text(value)?.as_str() {
        "cloud" => Ok(Provider::Cloud),
        "ultramsg" => Ok(Provider::UltraMsg),
        _ => Err(Wrong::new(
            "is no known provider",
            "write \"cloud\" or \"ultramsg\"",
        )),
    }
}

fn whatsapp(reader: &mut Reader<'_>) -> WhatsApp {
    let at = reader.section("whatsapp");
    let provider = reader.value(&at, "provider", provider);
    let provider = provider.unwrap_or(Provider::Cloud);
    let base_url = reader.value(&at, "base_url", check::base_url);
    let api_version = reader.value(&at, "api_version", check::api_version);
    let phone_number_id = match provider {
        Provider::Cloud => {
            reader.required(&at, "phone_number_id", "\"106540352242922\"", check::digits)
        }
        Provider::UltraMsg => reader
            .value(&at, "phone_number_id", check::digits)
            .unwrap_or_default(),
    };
    WhatsApp {
        provider,
        base_url: base_url.unwrap_or_else(|| "https://graph.facebook.com".to_owned()),
        api_version: api_version.unwrap_or_else(|| "v25.0".to_owned()),
        phone_number_id,
        business_account_id: reader.value(&at, "business_account_id", check::digits),
        free_messages_per_month: count(
            reader,
            &at,
            "free_messages_per_month",
            0..=10_000_000,
            1_000,
        ),
        daily_ceiling: count(reader, &at, "daily_ceiling", 0..=10_000_000, 0),
    }
}

fn ultramsg(reader: &mut Reader<'_>, provider: Provider) -> UltraMsg {
    let at = reader.section("ultramsg");
    let base_url = reader.value(&at, "base_url", check::base_url);
    let instance_id = match provider {
        Provider::UltraMsg => {
            reader.required(&at, "instance_id", "\"instance1234\"", check::plain_name)
        }
        Provider::Cloud => reader
            .value(&at, "instance_id", check::plain_name)
            .unwrap_or_default(),
    };
    UltraMsg {
        base_url: base_url.unwrap_or_else(|| "https://api.ultramsg.com".to_owned()),
        instance_id,
    }
}

/// A number that its bounds keep within 32 bits, or its default.
fn count<'s>(
    reader: &mut Reader<'s>,
    at: &Section<'s>,
    key: &str,
    bounds: std::ops::RangeInclusive<i64>,
    default: u32,
) -> u32 {
    let number = reader.value(at, key, check::number(bounds));
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(default)
}

fn outbox(reader: &mut Reader<'_>) -> OutboxRules {
    let templates_at = reader.section("outbox.templates");
    let mut templates = BTreeMap::new();
    for lang in reader.keys(&templates_at) {
        if lang.parse::<Lang>().is_err() {
            let wrong = Wrong::new(
                "is no language the box speaks",
                "name each template under en, fr, sw, es or pt",
            );
            reader.fault(&templates_at, &lang, wrong);
        } else if let Some(name) = reader.value(&templates_at, &lang, check::plain_name) {
            templates.insert(lang, name);
        }
    }
    let at = reader.section("outbox");
    OutboxRules {
        messages_per_second: count(reader, &at, "messages_per_second", 1..=1_000, 80),
        in_doubt_seconds: count(reader, &at, "in_doubt_seconds", 1..=86_400, 600),
        max_age_hours: count(reader, &at, "max_age_hours", 1..=8_760, 168),
        templates,
    }
}

fn flow(reader: &mut Reader<'_>, base: &Path) -> FlowFile {
    let at = reader.section("flow");
    let path = reader.value(&at, "path", check::text).unwrap_or_default();
    let quiet = check::number(0..=limits::QUIET_MS_MAX);
    FlowFile {
        path: (!path.is_empty()).then(|| base.join(path)),
        quiet_ms: reader.value(&at, "quiet_ms", quiet).unwrap_or(1_500),
    }
}

fn key(reader: &mut Reader<'_>) -> KeyHome {
    let at = reader.section("key");
    let tpm = reader.value(&at, "tpm", check::tcti);
    let pcrs = reader.value(&at, "pcrs", check::list(check::number(0..=23)));
    KeyHome {
        tpm: tpm.unwrap_or_else(|| Some("device:/dev/tpmrm0".to_owned())),
        pcrs: pcrs.unwrap_or_default(),
    }
}

fn retention(reader: &mut Reader<'_>) -> Retention {
    let at = reader.section("retention");
    Retention {
        session_idle_minutes: count(reader, &at, "session_idle_minutes", 1..=525_600, 120),
        webhooks_days: count(reader, &at, "webhooks_days", 1..=3_650, 8),
        messages_days: count(reader, &at, "messages_days", 0..=36_500, 365),
        records_days: count(reader, &at, "records_days", 0..=36_500, 0),
    }
}

fn absolute(value: &DeValue<'_>) -> Read<PathBuf> {
    let path = PathBuf::from(check::some_text(value)?);
    if !path.is_absolute() {
        return Err(Wrong::new(
            "is no absolute path",
            "begin it with /, such as \"/run/healthpost/usb\"",
        ));
    }
    Ok(path)
}

fn usb(reader: &mut Reader<'_>) -> Usb {
    let at = reader.section("usb");
    let mount_root = reader.value(&at, "mount_root", absolute);
    Usb {
        mount_root: mount_root.unwrap_or_else(|| PathBuf::from("/run/healthpost/usb")),
    }
}

fn relay(reader: &mut Reader<'_>) -> Relay {
    let at = reader.section("relay");
    let url = reader.value(&at, "url", check::url_or_empty);
    let url = url.unwrap_or_default();
    if url.is_some() {
        let wrong = Wrong::new("is not used by this version", "leave it empty");
        reader.warn(&at, "url", wrong);
    }
    Relay { url }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_that_would_take_each_others_place_are_told_apart() {
        for (one, other, meet) in [
            ("127.0.0.1:8081", "127.0.0.1:8081", true),
            ("127.0.0.1:8081", "0.0.0.0:8081", true),
            ("[::]:8081", "127.0.0.1:8081", true),
            ("[::]:8081", "0.0.0.0:8081", true),
            ("[::ffff:127.0.0.1]:8081", "127.0.0.1:8081", true),
            ("[::1]:8081", "127.0.0.1:8081", false),
            ("[::1]:8081", "0.0.0.0:8081", false),
            ("127.0.0.1:8081", "127.0.0.2:8081", false),
            ("127.0.0.1:8081", "0.0.0.0:8443", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let (a, b) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(
                (overlap(a, b), overlap(b, a)),
                (meet, meet),
                "{one} {other}"
            );
        }
    }
}
