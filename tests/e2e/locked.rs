//! The key and the secrets of a running box: it waits, locked, for whoever can
//! open it; it takes a new app secret without a restart; and a data folder is
//! there whole or not at all.

use crate::support::clinic::{Clinic, free_port};
use crate::support::far_side::APP_SECRET;
use crate::support::{http, wait, webhook};
use std::fs;
use std::time::Duration;

const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn a_locked_box_refuses_until_the_passphrase_comes() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), NOWHERE);
    let mut service = clinic.begin_locked();
    let health = wait::until("it answers, locked", 30, || {
        http::get(&clinic.healthz()).ok()
    });
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["status"], "locked");
    let body = webhook::text("wamid.locked", "243970000001", "hello");
    assert_eq!(webhook::post(&clinic.webhook(), &body).unwrap().status, 503);
    let forged = http::ask("POST", &clinic.webhook(), &[], &body).unwrap();
    assert_eq!(forged.status, 503, "before any signature is looked at");
    let listed = clinic.run(&["outbox", "list"], &[], "");
    assert_eq!(listed.status, 1);
    assert!(listed.err.contains("locked"), "{listed:?}");
    let wrong = clinic.run(&["unlock"], &[], "maji machafu kabisa\n");
    assert_eq!(wrong.status, 1, "{wrong:?}");
    assert!(wrong.err.contains("the passphrase is wrong"), "{wrong:?}");
    assert_eq!(http::get(&clinic.healthz()).unwrap().status, 503);
    let right = clinic.run(&["unlock", "--passphrase-file"], &[clinic.passphrase()], "");
    assert_eq!(right.status, 0, "{right:?}");
    clinic.wait_ready(&mut service);
    assert_eq!(webhook::post(&clinic.webhook(), &body).unwrap().status, 200);
    assert!(service.stop().success(), "{}", service.logged());
}

#[test]
fn a_new_app_secret_counts_at_once_and_the_old_one_until_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), NOWHERE);
    let _service = clinic.serve();
    let set = ["secret", "set", "whatsapp.app_secret"];
    let status = |nth: u32, secret: &str| {
        let body = webhook::text(&format!("wamid.turn-{nth}"), "243970000001", "hello");
        webhook::post_signed(&clinic.webhook(), secret, &body)
            .unwrap()
            .status
    };
    assert_eq!(
        (status(1, APP_SECRET), status(2, "the next one")),
        (200, 401)
    );
    assert_eq!(clinic.run(&set, &[], "the next one").status, 0);
    assert_eq!(
        (status(3, APP_SECRET), status(4, "the next one")),
        (200, 200)
    );
    let dropped = clinic.run(&set, &["--drop-previous".to_owned()], "");
    assert_eq!(dropped.status, 0, "{dropped:?}");
    assert_eq!(
        (status(5, APP_SECRET), status(6, "the next one")),
        (401, 200)
    );
}

#[test]
fn a_power_cut_while_the_folder_is_made_leaves_a_whole_one_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), NOWHERE);
    let (mut whole, mut none) = (0, 0);
    for cut_ms in (0..).step_by(15) {
        fs::remove_dir_all(&clinic.data).unwrap();
        let mut making = clinic.begin_init();
        wait::pass(Duration::from_millis(cut_ms));
        let done = making.ended().is_some();
        making.kill();
        if clinic.data.join("keyslots.json").exists() {
            let (conn, _) = clinic.open();
            conn.close().unwrap();
            whole += 1;
        } else {
            assert!(!clinic.data.exists(), "half a folder after {cut_ms} ms");
            none += 1;
            // What was left beside it is in nobody's way.
            let again = clinic.run(&["init", "--passphrase-file"], &[clinic.passphrase()], "");
            assert_eq!(again.status, 0, "after {cut_ms} ms: {again:?}");
        }
        if done {
            break;
        }
    }
    assert!(whole > 0 && none > 2, "{whole} whole, {none} none");
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let leftovers = names
        .iter()
        .filter(|name| name.to_string_lossy().contains("data"))
        .count();
    assert_eq!(leftovers, 1, "{names:?}");
}
