//! The configuration file as technicians write it, with its faults.

use super::*;

const GOOD: &str = r#"
version = 1
[clinic]
id = "kalehe-1"
name = "Kalehe Health Post"
country = "CD"
timezone = "Africa/Lubumbashi"
languages = ["fr", "sw", "en"]
emergency_number = "112"
[whatsapp]
phone_number_id = "106540352242922"
"#;

/// The whole example of the interface, every key at its default.
const EVERY_KEY: &str = r#"
version = 1
data_dir = "/var/lib/healthpost"
[clinic]
id = "kalehe-1"
name = "Kalehe Health Post"
country = "CD"
timezone = "Africa/Lubumbashi"
languages = ["fr", "sw", "en"]
emergency_number = "112"
[public]
listen = "127.0.0.1:8081"
[lan]
listen = "0.0.0.0:8443"
tls = true
names = ["healthpost.local"]
[whatsapp]
provider = "cloud"
base_url = "https://graph.facebook.com"
api_version = "v25.0"
phone_number_id = "106540352242922"
[ultramsg]
base_url = "https://api.ultramsg.com"
instance_id = "instance1234"
[outbox]
messages_per_second = 80
in_doubt_seconds = 600
max_age_hours = 168
[outbox.templates]
fr = "reply_waiting_fr"
[flow]
path = ""
quiet_ms = 1500
[key]
tpm = "device:/dev/tpmrm0"
pcrs = []
[retention]
session_idle_minutes = 120
webhooks_days = 8
messages_days = 365
records_days = 0
[usb]
mount_root = "/run/healthpost/usb"
[relay]
url = ""
"#;

fn parse(source: &str) -> Result<Config, Vec<String>> {
    Config::parse(source, Path::new("/etc/h.toml"))
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn faults(source: &str) -> Vec<String> {
    parse(source).err().unwrap_or_default()
}

#[test]
fn every_key_has_its_default() {
    let short = parse(GOOD).unwrap();
    let mut full = parse(EVERY_KEY).unwrap();
    assert_eq!(
        full.outbox.templates.remove("fr").as_deref(),
        Some("reply_waiting_fr")
    );
    full.ultramsg.instance_id.clear();
    assert_eq!(format!("{short:?}"), format!("{full:?}"));
    assert_eq!(short.flow.quiet_ms, 1500);
}

#[test]
fn three_faults_are_all_named_with_line_and_key() {
    let source = GOOD
        .replace("Africa/Lubumbashi", "Africa/Lubumbashy")
        .replace("\"CD\"", "\"Congo\"")
        + "phone_number = \"1\"\n";
    assert_eq!(
        faults(&source),
        [
            "/etc/h.toml:6: clinic.country: is no ISO 3166-1 country code; write the two capital \
             letters, such as \"CD\" for DR Congo or \"KE\" for Kenya",
            "/etc/h.toml:7: clinic.timezone: is no known time zone; write its IANA name, such as \
             \"Africa/Lubumbashi\"",
            "/etc/h.toml:12: whatsapp.phone_number: is no known key; did you mean phone_number_id?",
        ]
    );
}

#[test]
fn what_is_missing_is_named() {
    let all = faults("");
    for key in [
        "clinic.id",
        "clinic.name",
        "clinic.country",
        "clinic.timezone",
        "clinic.languages",
        "clinic.emergency_number",
        "whatsapp.phone_number_id",
    ] {
        let named = all
            .iter()
            .filter(|f| f.contains(&format!(" {key}: is missing")));
        assert_eq!(named.count(), 1, "{key} in {all:?}");
    }
    assert_eq!(all.len(), 7);
}

#[test]
fn one_bad_value_is_one_fault() {
    let cases = [
        ("[public]\nlisten = \"8081\"", "public.listen"),
        ("[public]\ntls_cert = \"c.pem\"", "public.tls_cert"),
        ("[public]\ntls_key = \"k.pem\"", "public.tls_key"),
        ("[public]\nlisten = \"0.0.0.0:8443\"", "lan.listen"),
        ("[lan]\nlisten = \"[::]:8081\"", "lan.listen"),
        ("[lan]\ntls = false", "lan.tls"),
        ("[lan]\ntls = \"yes\"", "lan.tls"),
        ("[lan]\nnames = [\"a b\"]", "lan.names"),
        ("[lan]\nnames = [\"a\\u0000\"]", "lan.names"),
        ("[flow]\npath = \"/etc/flow\\n.toml\"", "flow.path"),
        ("[flow]\nquiet_ms = 5001", "flow.quiet_ms"),
        ("[flow]\nquiet_ms = -1", "flow.quiet_ms"),
        (
            "[outbox]\nmessages_per_second = 0",
            "outbox.messages_per_second",
        ),
        (
            "[outbox]\nmessages_per_second = 1.5",
            "outbox.messages_per_second",
        ),
        ("[outbox.templates]\nde = \"x\"", "outbox.templates.de"),
        ("[outbox]\ntemplates = 3", "outbox.templates"),
        ("[key]\npcrs = [24]", "key.pcrs"),
        ("[key]\ntpm = \"/dev/tpm0\"", "key.tpm"),
        ("[usb]\nmount_root = \"usb\"", "usb.mount_root"),
        ("[relay]\nurl = \"http://relay.example\"", "relay.url"),
        ("[retention]\nwebhooks_days = 0", "retention.webhooks_days"),
        ("relay = 3", "whatsapp.relay"),
        ("[[usb]]\nmount_root = \"/x\"", "usb"),
        ("[lam]\ntls = true", "lam"),
    ];
    for (extra, key) in cases {
        let all = faults(&format!("{GOOD}{extra}\n"));
        assert_eq!(all.len(), 1, "{extra}: {all:?}");
        assert!(
            all.iter().all(|f| f.contains(&format!(" {key}: "))),
            "{extra}: {all:?}"
        );
    }
}

#[test]
fn what_steers_the_screen_stands_in_no_name() {
    for bad in ["a\\nb", "a\\u0000b", "a\\u001B[2Jb", "a\u{202E}b"] {
        let source = GOOD.replace("Kalehe Health Post", bad);
        let all = faults(&source);
        assert_eq!(all.len(), 1, "{bad}: {all:?}");
        assert!(
            all[0].contains(":5: clinic.name: has a line break"),
            "{all:?}"
        );
    }
}

#[test]
fn messages_leave_only_over_https_or_to_this_machine() {
    let good = [
        "https://graph.facebook.com",
        "http://127.0.0.1:9000",
        "http://[::1]:9000/",
        "http://localhost:1",
    ];
    let bad = [
        "http://graph.facebook.com",
        "http://127.0.0.1.evil.example",
        "ftp://127.0.0.1",
        "graph.facebook.com",
        "https://user:word@graph.facebook.com",
        "https://graph.facebook.com/?x=1",
        "",
    ];
    for (urls, fine) in [(&good[..], true), (&bad[..], false)] {
        for url in urls {
            let source = format!("{GOOD}base_url = \"{url}\"\n");
            assert_eq!(faults(&source).is_empty(), fine, "{url}");
        }
    }
}

#[test]
fn a_secret_is_sent_to_its_place_and_never_echoed() {
    let all = faults(&format!("{GOOD}access_token = \"EAAG-canary\"\n"));
    assert_eq!(all.len(), 1);
    let text = all.join("\n");
    assert!(
        text.contains("healthpost secret set whatsapp.access_token"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
    let newer = GOOD.replace("version = 1", "version = 2") + "access_token = \"EAAG-canary\"\n";
    assert_eq!(faults(&newer).len(), 1);
}

#[test]
fn a_key_under_the_wrong_section_is_told_its_home() {
    let all = faults(&format!("{GOOD}quiet_ms = 3\n"));
    assert_eq!(
        all,
        ["/etc/h.toml:12: whatsapp.quiet_ms: does not belong here; move it under [flow]"]
    );
}

#[test]
fn a_newer_file_only_warns_of_what_it_does_not_know() {
    let newer = GOOD.replace("version = 1", "version = 2");
    let config = parse(&format!("{newer}colour = \"red\"\n[satellite]\nx = 1\n")).unwrap();
    let keys: Vec<&str> = config.warnings.iter().map(|w| w.key.as_str()).collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.contains(&"satellite") && keys.contains(&"whatsapp.colour"));
}

#[test]
fn what_this_version_does_not_serve_is_a_fault_and_what_it_does_not_use_a_warning() {
    let both = format!("{GOOD}[public]\ntls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n");
    let all = faults(&both);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].starts_with("/etc/h.toml:13: public.tls_cert: asks for TLS"));
    assert!(all[1].starts_with("/etc/h.toml:14: public.tls_key: "));
    let same =
        format!("{GOOD}[public]\nlisten = \"127.0.0.1:9443\"\n[lan]\nlisten = \"0.0.0.0:9443\"\n");
    let all = faults(&same);
    assert_eq!(
        all,
        [
            "/etc/h.toml:15: lan.listen: takes the place of public.listen: both are on port 9443; \
          give one of them another port"
        ]
    );
    let config = parse(&format!("{GOOD}[relay]\nurl = \"https://relay.example\"\n")).unwrap();
    let told: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["/etc/h.toml:13: relay.url: is not used by this version; leave it empty"]
    );
}

#[test]
fn syntax_and_values_are_told_together() {
    let source = GOOD.replace("name = \"Kalehe Health Post\"", "name = \"Kalehe canary")
        + "base_url = \"http://example.org\"\n";
    let all = faults(&source);
    assert!(
        all.iter()
            .any(|f| f.starts_with("/etc/h.toml:5: not valid TOML")),
        "{all:?}"
    );
    assert!(
        all.iter().any(|f| f.contains("whatsapp.base_url")),
        "{all:?}"
    );
    assert!(!all.join("").contains("canary"), "{all:?}");
    assert_eq!(all.len(), 2, "{all:?}");
}

#[test]
fn ultramsg_asks_for_its_own_keys_only() {
    let source = GOOD.replace(
        "phone_number_id = \"106540352242922\"",
        "provider = \"ultramsg\"",
    );
    let all = faults(&source);
    assert_eq!(all.len(), 1);
    assert!(
        all.join("").contains("ultramsg.instance_id: is missing"),
        "{all:?}"
    );
}

#[test]
fn paths_are_taken_from_the_files_folder() {
    let source = GOOD.replace("version = 1", "data_dir = \"data\"") + "[flow]\npath = \"f.toml\"\n";
    let config = parse(&source).unwrap();
    assert_eq!(config.data_dir, Path::new("/etc/data"));
    assert_eq!(config.flow.path.as_deref(), Some(Path::new("/etc/f.toml")));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(\\PC|\n){0,200}") {
        let _ = Config::parse(&text, Path::new("x"));
    }

    #[test]
    fn any_cut_of_a_good_file_is_read_without_a_panic(cut in 0usize..1400) {
        let text: String = EVERY_KEY.chars().take(cut).collect();
        let _ = Config::parse(&text, Path::new("x"));
    }
}
