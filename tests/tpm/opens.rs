//! What opens, over every way to a TPM, and what does not.

use super::board::{
    Board, Clinic, PIN, Remembering, SRK_ATTRIBUTES, assert_opens, data_key, pin, tpm,
};
use super::chip::Chip;
use healthpost::ports::sealer::{
    IndexState, PcrSelection, PcrState, Protection, Sealed, Sealer, Situation,
};
use healthpost::tpm::Tcti;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[test]
fn a_key_opens_again_after_the_power_was_gone() {
    let mut clinic = Clinic::without_pin();
    clinic.assert_opens(None);
    clinic.board.power_cycle();
    clinic.assert_opens(None);
    let mut clinic = Clinic::with_pin();
    clinic.assert_opens(Some(PIN));
    clinic.board.shut_down();
    clinic.board.power_on();
    clinic.assert_opens(Some(PIN));
}

#[test]
fn what_is_stored_reads_back_and_says_nothing() {
    let clinic = Clinic::with_pin();
    let text = serde_json::to_string_pretty(&clinic.sealed).unwrap();
    let read: Sealed = serde_json::from_str(&text).unwrap();
    assert_eq!(read, clinic.sealed);
    assert_opens(&clinic.tpm(), &read, Some(&pin(PIN)), &clinic.key);
    assert!(!text.contains(PIN));
    assert!(!text.contains(&*clinic.key.hex()));
    let shown = format!("{:?}", clinic.sealed);
    assert!(shown.contains("bytes]") && shown.len() < 700, "{shown}");
    assert!(text.len() < 2048, "{} bytes", text.len());
}

#[test]
fn a_persistent_storage_key_is_used_and_another_kind_is_not() {
    let board = Board::new();
    let tools = |program: &str, args: &[&str]| board.tools(program, args);
    // Somebody's RSA key lies where ours would: we make our own instead.
    tools("tpm2_createprimary", &["-G", "rsa2048", "-c", "rsa.ctx"]);
    tools("tpm2_evictcontrol", &["-c", "rsa.ctx", "0x81000001"]);
    tools("tpm2_flushcontext", &["-t"]);
    let met = board.tpm().meet().unwrap();
    let key = data_key(1);
    let sealed = board.tpm().seal(&met, &key, Protection::default()).unwrap();
    assert_opens(&board.tpm(), &sealed, None, &key);
    // The same key made persistent has the same name, and is found there.
    tools("tpm2_evictcontrol", &["-c", "0x81000001"]);
    tools(
        "tpm2_createprimary",
        &["-G", "ecc256", "-a", SRK_ATTRIBUTES, "-c", "ecc.ctx"],
    );
    tools("tpm2_evictcontrol", &["-c", "ecc.ctx", "0x81000001"]);
    tools("tpm2_flushcontext", &["-t"]);
    assert_eq!(board.tpm().meet().unwrap().storage_key, met.storage_key);
    assert_opens(&board.tpm(), &sealed, None, &key);
}

#[test]
fn registers_bind_and_are_reported() {
    let selection = PcrSelection::parse("0,1,2,3,4,5,7,11,16").unwrap();
    let mut clinic = Clinic::protected(Protection {
        pin: None,
        pcrs: Some(selection),
    });
    clinic.assert_opens(None);
    let state = |clinic: &Clinic| clinic.tpm().report(Some(&clinic.sealed)).pcrs;
    assert_eq!(state(&clinic), PcrState::Same);
    let extend = format!("11:sha256={}", "ab".repeat(32));
    clinic.board.tools("tpm2_pcrextend", &[&extend]);
    assert_eq!(state(&clinic), PcrState::Changed);
    let error = clinic.unseal(None).unwrap_err();
    assert_eq!(error.situation, Situation::PcrChanged);
    // A start as the one before: the registers are back.
    clinic.board.power_cycle();
    clinic.assert_opens(None);
    assert_eq!(state(&clinic), PcrState::Same);
}

#[test]
fn a_pin_and_registers_together_ask_for_both() {
    let typed = pin(PIN);
    let clinic = Clinic::protected(Protection {
        pin: Some(&typed),
        pcrs: Some(PcrSelection::parse("7").unwrap()),
    });
    clinic.assert_opens(Some(PIN));
    assert_eq!(
        clinic.unseal(None).unwrap_err().situation,
        Situation::PinWanted
    );
    let wrong = clinic.unseal(Some("482914")).unwrap_err().situation;
    assert!(matches!(wrong, Situation::WrongPin { .. }));
}

#[test]
fn a_unix_socket_is_a_way_too() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("s");
    let way = format!("type=unixio,path={}", socket.display());
    let is_up = || UnixStream::connect(&socket).is_ok();
    let flags = "not-need-init,startup-clear";
    let _chip = Chip::start(folder.path(), flags, &["--server", &way], is_up).unwrap();
    let tcti: Tcti = format!("swtpm:unix:{}", socket.display()).parse().unwrap();
    let tpm = tpm(tcti, Remembering::new());
    let met = tpm.meet().unwrap();
    let key = data_key(2);
    let sealed = tpm.seal(&met, &key, Protection::default()).unwrap();
    assert_opens(&tpm, &sealed, None, &key);
}

/// The kernel's device is stood in for by a terminal in raw mode, which is one
/// file for both ways too.
#[test]
fn a_device_is_a_way_too() {
    let board = Board::new();
    let device = Device::before(&board);
    let tpm = tpm(device.tcti(), Remembering::new());
    let met = tpm.meet().unwrap();
    let key = data_key(6);
    let typed = pin(PIN);
    let protection = Protection {
        pin: Some(&typed),
        pcrs: None,
    };
    let sealed = tpm.seal(&met, &key, protection).unwrap();
    assert_opens(&tpm, &sealed, Some(&typed), &key);
}

/// A relay between a device file and the TPM; it ends with the test.
struct Device {
    relay: Child,
    path: String,
}

impl Device {
    fn before(board: &Board) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tpm/device.py");
        let mut relay = Command::new("python3")
            .args([script, &board.port().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut path = String::new();
        let said = relay.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut path).unwrap();
        let path = path.trim().to_owned();
        Self { relay, path }
    }

    fn tcti(&self) -> Tcti {
        format!("device:{}", self.path).parse().unwrap()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.relay.kill().ok();
        self.relay.wait().ok();
    }
}

#[test]
fn no_tpm_and_a_silent_one_are_told_apart() {
    let mut clinic = Clinic::without_pin();
    clinic.board.cut();
    let gone = clinic.unseal(None).unwrap_err();
    let refused = std::io::ErrorKind::ConnectionRefused;
    assert_eq!(gone.situation, Situation::NoTpm(refused));
    let report = clinic.tpm().report(Some(&clinic.sealed));
    assert_eq!(report.fault, Some(gone));
    let device: Tcti = "device:/dev/no-tpm-here".parse().unwrap();
    let missing = tpm(device, Remembering::new()).meet().unwrap_err();
    let not_found = std::io::ErrorKind::NotFound;
    assert_eq!(missing.situation, Situation::NoTpm(not_found));
    // Somebody listens, and never says a word.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = tpm(super::board::tcp(port), Remembering::new());
    let silent = silent.with_limit(Duration::from_millis(100));
    let timed_out = std::io::ErrorKind::TimedOut;
    assert_eq!(
        silent.meet().unwrap_err().situation,
        Situation::Silent(timed_out)
    );
}

#[test]
fn all_is_well_is_an_empty_report() {
    let clinic = Clinic::with_pin();
    let report = clinic.tpm().report(Some(&clinic.sealed));
    assert_eq!(report.findings(), [], "{report:?}");
    assert_eq!(report.manufacturer, "IBM");
    assert_eq!(report.index, IndexState::Present);
    assert_eq!(report.pcrs, PcrState::NotUsed);
    assert!(report.lockout_password);
    let lockout = report.lockout.unwrap();
    let rules = (lockout.tries_max, lockout.interval_s, lockout.recovery_s);
    assert_eq!((rules, lockout.counter), ((10, 1800, 3600), 0));
    // A box that has none of its own yet.
    let bare = Board::new().tpm().report(None);
    assert_eq!(bare.findings(), []);
    assert!(!bare.lockout_password);
}

#[test]
fn no_blob_of_this_key_has_a_second_way_in() {
    let clinic = Clinic::without_pin();
    let mut file = clinic.sealed.clone();
    // The other installation's place, or another policy, opens nothing.
    file.index += 1;
    let error = clinic.tpm().unseal(&file, None).unwrap_err();
    assert_eq!(error.situation, Situation::Destroyed);
}
