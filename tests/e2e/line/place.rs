//! Three network namespaces in a row: the box, a router, the provider. Each end
//! has a side door to the test, which no message takes.

use crate::support::clinic::Clinic;
use crate::support::far_side::{Control, roomy};
use crate::support::process::Process;
use crate::support::{http, wait};
use healthpost::durable;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The provider's name in there.
const HOST: &str = "graph.healthpost.test";
/// Where the box is asked and told by the test.
const PORT: u16 = 8081;

/// The namespaces; gone when dropped.
pub struct Net {
    tag: String,
    side: u8,
}

/// Runs `ip` with these words; in a namespace if one is named.
fn ip(space: Option<&str>, words: &str) -> Result<(), String> {
    let mut command = Command::new("ip");
    if let Some(space) = space {
        command.args(["-n", space]);
    }
    let done = command.args(words.split(' ')).output();
    let done = done.expect("`ip` is needed: apt-get install iproute2");
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(format!(
        "ip {words}: {said} (the tests of the line run as root)"
    ))
}

impl Net {
    /// Lays the line. A program may have eight of them.
    pub fn new() -> Self {
        static LAID: AtomicU32 = AtomicU32::new(0);
        let (id, nth) = (std::process::id(), LAID.fetch_add(1, Ordering::Relaxed));
        assert!(nth < 8);
        let net = Self {
            tag: format!("hp{id}{nth}"),
            side: u8::try_from(id % 31 * 8 + nth).unwrap(),
        };
        net.lay().unwrap();
        net
    }

    fn lay(&self) -> Result<(), String> {
        let (tag, side) = (&self.tag, self.side);
        for end in ["b", "r", "f"] {
            ip(None, &format!("netns add {tag}{end}"))?;
            self.at(end, "link set lo up")?;
        }
        for (from, to, near, far, near_at, far_at) in [
            ("b", "r", "box", "in", "10.77.1.2/24", "10.77.1.1/24"),
            ("f", "r", "far", "out", "10.77.2.2/24", "10.77.2.1/24"),
        ] {
            let (near_space, far_space) = (format!("{tag}{from}"), format!("{tag}{to}"));
            ip(
                None,
                &format!(
                    "link add {near} netns {near_space} type veth peer name {far} netns {far_space}"
                ),
            )?;
            for (end, device, address) in [(from, near, near_at), (to, far, far_at)] {
                self.at(end, &format!("addr add {address} dev {device}"))?;
                self.at(end, &format!("link set {device} up"))?;
            }
        }
        self.at("b", "route add default via 10.77.1.1")?;
        self.at("f", "route add default via 10.77.2.1")?;
        for (end, third) in [("b", 1), ("f", 2)] {
            let device = format!("{tag}{end}s");
            let space = format!("{tag}{end}");
            ip(
                None,
                &format!("link add {device} type veth peer name side netns {space}"),
            )?;
            ip(
                None,
                &format!("addr add 10.{side}.{third}.1/30 dev {device}"),
            )?;
            ip(None, &format!("link set {device} up"))?;
            self.at(end, &format!("addr add 10.{side}.{third}.2/30 dev side"))?;
            self.at(end, "link set side up")?;
        }
        self.tune("r", "net.ipv4.ip_forward=1")?;
        // As systemd sets it wherever it runs.
        self.tune("b", "net.ipv4.ping_group_range=0 2147483647")
    }

    fn tune(&self, end: &str, setting: &str) -> Result<(), String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.space(end), "sysctl", "-qw", setting]);
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) | Err(_) => Err("`sysctl` is needed: apt-get install procps".to_owned()),
        }
    }

    /// From now on the provider answers no echo requests.
    pub fn drop_echoes(&self) {
        self.tune("f", "net.ipv4.icmp_echo_ignore_all=1").unwrap();
    }

    /// From now on the two ends of the box's line need not ask again for each
    /// other's hardware address, which they do as often as chance wants it.
    pub fn keep_neighbours(&self) {
        for (end, device) in [("b", "box"), ("r", "in")] {
            let known = format!("net.ipv4.neigh.{device}.base_reachable_time_ms=36000000");
            self.tune(end, &known).unwrap();
        }
    }

    fn space(&self, end: &str) -> String {
        format!("{}{end}", self.tag)
    }

    /// Changes the network of one end.
    fn at(&self, end: &str, words: &str) -> Result<(), String> {
        ip(Some(&self.space(end)), words)
    }

    /// Changes the network of one end, which must work.
    pub fn set(&self, end: &str, words: &str) {
        self.at(end, words).unwrap();
    }

    /// A command that will run in one end's namespace, with these files in the
    /// place of the system's.
    fn command(&self, end: &str, instead: &[(&Path, &str)], program: &Command) -> Command {
        let mut script = String::new();
        for (file, of) in instead {
            script.push_str(&format!("mount --bind {} {of} && ", file.display()));
        }
        script.push_str("exec \"$@\"");
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.space(end), "sh", "-c", &script, "sh"])
            .arg(program.get_program())
            .args(program.get_args());
        command
    }

    fn side_address(&self, third: u8) -> String {
        format!("10.{}.{third}.2", self.side)
    }

    /// Bytes and packets that have gone over the box's line, both ways.
    pub fn carried(&self) -> (u64, u64) {
        let read = Command::new("ip")
            .args(["-n", &self.space("b"), "-s", "-j", "link", "show", "box"])
            .output()
            .unwrap();
        let said: Value = serde_json::from_slice(&read.stdout).unwrap();
        let stats = &said[0]["stats64"];
        let sum =
            |what: &str| stats["rx"][what].as_u64().unwrap() + stats["tx"][what].as_u64().unwrap();
        (sum("bytes"), sum("packets"))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for end in ["b", "f"] {
            ip(None, &format!("link del {}{end}s", self.tag)).ok();
        }
        for end in ["b", "r", "f"] {
            ip(None, &format!("netns del {}{end}", self.tag)).ok();
        }
    }
}

/// A box and a provider with a line between them.
pub struct Place {
    // Ended in this order.
    running: Process,
    _provider: Process,
    /// The line.
    pub net: Net,
    /// The provider's control interface.
    pub far: Control,
    folder: PathBuf,
    trust: Trust,
    clinic: Clinic,
    healthz: String,
    webhook: String,
}

impl Place {
    /// Everything running, and the line up.
    pub fn new(folder: &Path) -> Self {
        let net = Net::new();
        let trust = Trust::new(folder);
        let (provider, far) = provider(&net, folder, &trust);
        let clinic = Clinic::new(folder, PORT, &format!("https://{HOST}"));
        let config = std::fs::read_to_string(clinic.config()).unwrap();
        let config = config.replace("127.0.0.1", "0.0.0.0");
        durable::write(&clinic.config(), config.as_bytes()).unwrap();
        let lines = format!("127.0.0.1 localhost\n10.77.2.2 {HOST}\n");
        durable::write(&folder.join("hosts"), lines.as_bytes()).unwrap();
        let running = serve(&net, &clinic, &trust);
        let base = format!("http://{}:{PORT}", net.side_address(1));
        let place = Self {
            running,
            _provider: provider,
            net,
            far,
            folder: folder.to_owned(),
            trust,
            clinic,
            healthz: format!("{base}/healthz"),
            webhook: format!("{base}/webhooks/whatsapp"),
        };
        place.wait_up();
        place
    }

    fn wait_up(&self) {
        wait::until("the line is up", 60, || self.is_up().then_some(()));
    }

    /// Starts the box anew. What may be spent on asking in a day is soon spent
    /// where a line is cut every few seconds.
    pub fn restart(&mut self) {
        assert!(self.running.stop().success(), "{}", self.logged());
        self.running = serve(&self.net, &self.clinic, &self.trust);
        self.wait_up();
    }

    /// Whether the box says that its line is up.
    pub fn is_up(&self) -> bool {
        self.line().as_deref() == Some("up")
    }

    /// Whether the box says that its line is down.
    pub fn is_down(&self) -> bool {
        self.line().as_deref() == Some("down")
    }

    fn line(&self) -> Option<String> {
        let answer = http::get(&self.healthz).ok()?.json();
        answer["line"].as_str().map(str::to_owned)
    }

    /// Where the box takes webhooks.
    pub fn webhook(&self) -> &str {
        &self.webhook
    }

    /// What the box has logged.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.folder.join("serve.err")).unwrap_or_default()
    }
}

fn serve(net: &Net, clinic: &Clinic, trust: &Trust) -> Process {
    let hosts = clinic.folder.join("hosts");
    let instead = [
        (hosts.as_path(), "/etc/hosts"),
        (trust.ca.as_path(), "/etc/ssl/certs/ca-certificates.crt"),
    ];
    let mut serve = Command::new(env!("CARGO_BIN_EXE_healthpost"));
    serve.arg("--config").arg(clinic.config());
    serve.args(["serve", "--passphrase-file", &clinic.passphrase()]);
    Process::start(
        &mut net.command("b", &instead, &serve),
        &clinic.folder,
        "serve",
    )
}

fn provider(net: &Net, folder: &Path, trust: &Trust) -> (Process, Control) {
    let mut settings = roomy();
    settings["callback_url"] = json!("http://127.0.0.1:1/nobody-listens");
    let config = folder.join("far-side.json");
    durable::write(&config, settings.to_string().as_bytes()).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_healthpost"));
    let mut command = Command::new(program.with_file_name("simulated-whatsapp"));
    let control = format!("{}:9000", net.side_address(2));
    command.args(["--tls", "10.77.2.2:443", "--listen", &control]);
    command.arg("--config").arg(&config);
    command.arg("--tls-cert").arg(&trust.chain);
    command.arg("--tls-key").arg(&trust.key);
    let process = Process::start(&mut net.command("f", &[], &command), folder, "far-side");
    wait::until("the simulated WhatsApp is there", 20, || {
        process.printed().contains("graph").then_some(())
    });
    (process, Control::at(&format!("http://{control}/simulator")))
}

/// A certificate authority the box trusts, and what it signed for the provider.
struct Trust {
    ca: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

impl Trust {
    fn new(folder: &Path) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap();
        let trust = Self {
            ca: folder.join("roots.pem"),
            chain: folder.join("provider.pem"),
            key: folder.join("provider.key"),
        };
        for (file, text) in [
            (&trust.ca, root.pem()),
            (&trust.chain, leaf.pem()),
            (&trust.key, key.serialize_pem()),
        ] {
            durable::write(file, text.as_bytes()).unwrap();
        }
        trust
    }
}
