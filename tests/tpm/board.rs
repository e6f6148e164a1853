//! A board with a software TPM of its own, and what a clinic does with it.

use super::chip::Chip;
use super::tap::Tap;
use healthpost::core::data_key::DataKey;
use healthpost::core::pin::{LockoutPassword, Pin};
use healthpost::device::KernelChance;
use healthpost::keys::derive::Cost;
use healthpost::ports::Chance;
use healthpost::ports::sealer::{Board as Met, Protection, SealError, Sealed, Sealer};
use healthpost::tpm::{Tcti, Tpm};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A cheap hash, so that a hundred unlocks do not take a minute.
pub const CHEAP: Cost = Cost {
    m_kib: 64,
    t: 1,
    p: 1,
};
pub const PIN: &str = "482913";
/// The TCG's template of a storage key, as tpm2-tools spell it.
pub const SRK_ATTRIBUTES: &str =
    "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";

/// Randomness that remembers what it gave.
pub struct Remembering {
    kernel: KernelChance,
    pub given: Mutex<Vec<Vec<u8>>>,
}

impl Remembering {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            kernel: KernelChance::new().unwrap(),
            given: Mutex::default(),
        })
    }
}

impl Chance for Remembering {
    fn fill(&self, bytes: &mut [u8]) {
        self.kernel.fill(bytes);
        self.given.lock().unwrap().push(bytes.to_vec());
    }
}

/// A software TPM whose state outlives its power.
pub struct Board {
    folder: tempfile::TempDir,
    port: u16,
    chip: Option<Chip>,
    flags: &'static str,
}

impl Board {
    /// A fresh TPM, switched on.
    pub fn new() -> Self {
        Self::with_flags("not-need-init,startup-clear")
    }

    /// A fresh TPM that nobody sends a startup command.
    pub fn not_started() -> Self {
        Self::with_flags("not-need-init")
    }

    /// A TPM with the state that another one had, switched on.
    pub fn with_state(of: &Path) -> Self {
        let mut board = Self {
            folder: tempfile::tempdir().unwrap(),
            port: 0,
            chip: None,
            flags: "not-need-init,startup-clear",
        };
        for entry in std::fs::read_dir(of).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() != ".lock" {
                std::fs::copy(entry.path(), board.folder().join(entry.file_name())).unwrap();
            }
        }
        board.power_on();
        board
    }

    fn with_flags(flags: &'static str) -> Self {
        let mut board = Self {
            folder: tempfile::tempdir().unwrap(),
            port: 0,
            chip: None,
            flags,
        };
        board.power_on();
        board
    }

    /// Where its chip keeps everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn power_on(&mut self) {
        // Somebody may take a port between the look and the start.
        for _ in 0..20 {
            self.port = two_free_ports();
            let (commands, control) = (server(self.port), server(self.port + 1));
            let ways = ["--server", &commands, "--ctrl", &control];
            let is_up = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            self.chip = Chip::start(self.folder(), self.flags, &ways, is_up);
            if self.chip.is_some() {
                return;
            }
        }
        panic!("swtpm does not start");
    }

    /// The power goes: no shutdown command, no grace.
    pub fn cut(&mut self) {
        drop(self.chip.take());
    }

    /// On again at the same port, as a program finds it that waited.
    pub fn power_on_again(&mut self) {
        let (commands, control) = (server(self.port), server(self.port + 1));
        let ways = ["--server", &commands, "--ctrl", &control];
        let is_up = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        self.chip = Chip::start(self.folder(), self.flags, &ways, is_up);
        assert!(self.chip.is_some(), "somebody took its port");
    }

    /// Off and on again.
    pub fn power_cycle(&mut self) {
        self.cut();
        self.power_on();
    }

    /// As a board is switched off properly.
    pub fn shut_down(&mut self) {
        self.tools("tpm2_shutdown", &["-c"]);
        self.cut();
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn tcti(&self) -> Tcti {
        tcp(self.port)
    }

    /// Our own program on it.
    pub fn tpm(&self) -> Tpm {
        tpm(self.tcti(), Remembering::new())
    }

    /// Somebody between chip and board.
    pub fn tap(&self) -> Tap {
        Tap::new(self.port)
    }

    /// As [`Board::tap`], for tpm2-tools: these also want the control channel,
    /// at the next port. What goes over that one is not listened to.
    pub fn tap_with_control(&self) -> (Tap, Tap) {
        let at = |port| TcpListener::bind(("127.0.0.1", port));
        let port = two_free_ports();
        let commands = Tap::at(at(port).unwrap(), self.port);
        (commands, Tap::relay(at(port + 1).unwrap(), self.port + 1))
    }

    /// The board starts another version of its software, which it measures into
    /// register 11.
    pub fn update(&self, version: u8) {
        let digest = format!("{version:02x}").repeat(32);
        self.tools("tpm2_pcrextend", &[&format!("11:sha256={digest}")]);
    }

    /// Every index in it.
    pub fn indices(&self) -> Vec<u32> {
        let listed = self.tools("tpm2_getcap", &["handles-nv-index"]);
        let listed = String::from_utf8(listed).unwrap();
        let handles = listed.lines().filter_map(|it| it.strip_prefix("- 0x"));
        handles
            .map(|it| u32::from_str_radix(it, 16).unwrap())
            .collect()
    }

    /// A program of tpm2-tools; fails the test if it fails.
    pub fn tools(&self, program: &str, args: &[&str]) -> Vec<u8> {
        run_tools(self.port, self.folder(), program, args)
    }
}

/// A program of tpm2-tools through any port.
pub fn run_tools(port: u16, folder: &Path, program: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env(
            "TPM2TOOLS_TCTI",
            format!("swtpm:host=127.0.0.1,port={port}"),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
    output.stdout
}

/// Our own program at a place.
pub fn tpm(tcti: Tcti, chance: Arc<dyn Chance>) -> Tpm {
    Tpm::new(tcti, chance)
        .with_limit(Duration::from_secs(20))
        .with_pin_cost(CHEAP)
}

pub fn tcp(port: u16) -> Tcti {
    format!("swtpm:127.0.0.1:{port}").parse().unwrap()
}

fn server(port: u16) -> String {
    format!("type=tcp,port={port},bindaddr=127.0.0.1")
}

/// tpm2-tools look for the control channel at the next port.
fn two_free_ports() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two free ports");
}

pub fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

pub fn data_key(fill: u8) -> DataKey {
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = fill ^ u8::try_from(place * 7).unwrap();
    }
    DataKey::take(&mut bytes)
}

pub fn lockout_password() -> LockoutPassword {
    let mut bytes = [0; 32];
    KernelChance::new().unwrap().fill(&mut bytes);
    LockoutPassword::take(&mut bytes)
}

/// Whether it opens to the key.
#[track_caller]
pub fn assert_opens(tpm: &Tpm, sealed: &Sealed, typed: Option<&Pin>, key: &DataKey) {
    let opened = tpm.unseal(sealed, typed).unwrap();
    assert!(opened.expose() == key.expose());
}

/// A box with the key sealed, and with a PIN also a lock-out password.
pub struct Clinic {
    pub board: Board,
    pub met: Met,
    pub key: DataKey,
    pub sealed: Sealed,
    pub password: LockoutPassword,
}

impl Clinic {
    pub fn without_pin() -> Self {
        Self::protected(Protection::default())
    }

    pub fn with_pin() -> Self {
        let pin = pin(PIN);
        let clinic = Self::protected(Protection {
            pin: Some(&pin),
            pcrs: None,
        });
        clinic
            .tpm()
            .adopt_lockout(&clinic.met, &clinic.password)
            .unwrap();
        clinic
    }

    pub fn protected(protection: Protection<'_>) -> Self {
        let board = Board::new();
        let met = board.tpm().meet().unwrap();
        let key = data_key(0xA5);
        let sealed = board.tpm().seal(&met, &key, protection).unwrap();
        Self {
            board,
            met,
            key,
            sealed,
            password: lockout_password(),
        }
    }

    pub fn tpm(&self) -> Tpm {
        self.board.tpm()
    }

    pub fn unseal(&self, typed: Option<&str>) -> Result<DataKey, SealError> {
        let typed = typed.map(pin);
        self.tpm().unseal(&self.sealed, typed.as_ref())
    }

    #[track_caller]
    pub fn assert_opens(&self, typed: Option<&str>) {
        let typed = typed.map(pin);
        assert_opens(&self.tpm(), &self.sealed, typed.as_ref(), &self.key);
    }
}
