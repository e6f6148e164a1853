//! The unlock page of a box with a TPM: its key lies sealed, so the page is
//! there before anybody has typed anything, and on no other board.

use super::clinic::{Clinic, chance, now, pin};
use crate::tpm::board::{Board, PIN};
use crate::tpm::phone::Phone;
use healthpost::app::init::FirstWay;
use healthpost::app::key::Way;
use healthpost::app::lan::{Lan, Wanted, sealed_in};
use healthpost::core::time::{DAY_MS, Now};
use std::fs;

fn lan(clinic: &Clinic) -> Lan {
    Lan::new(clinic.custody(), Wanted::without_config(), chance())
}

fn key_file(clinic: &Clinic) -> String {
    fs::read_to_string(clinic.data().join("lan/leaf.key")).unwrap()
}

/// On the box itself.
fn phone(it: &super::commands::Box) -> Phone {
    Phone::new(&it.data(), it.lan_port()).named("localhost")
}

fn opens_here(clinic: &Clinic) -> bool {
    let sealed = sealed_in(&clinic.data());
    sealed.len() == 1 && clinic.custody().open_lan_key(&sealed[0]).is_ok()
}

#[test]
fn the_key_lies_sealed_and_opens_on_its_own_board_only() {
    let mut clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let text = key_file(&clinic);
    assert!(text.contains("\"sealed\"") && !text.contains("PRIVATE KEY"));
    assert!(opens_here(&clinic), "without a PIN");
    clinic.board.power_cycle();
    assert!(opens_here(&clinic));
    let own = std::mem::replace(&mut clinic.board, Board::new());
    assert!(!opens_here(&clinic), "on another board");
    // A new board gets a new one, once the recovery key has opened the box.
    let opened = clinic.open(&clinic.recovery()).unwrap();
    clinic.custody().seal(&opened, None, &mut |_| {}).unwrap();
    lan(&clinic).settle_with(&opened.key, now()).unwrap();
    assert!(opens_here(&clinic));
    assert_ne!(key_file(&clinic), text);
    drop(own);
}

#[test]
fn changes_of_the_data_key_leave_it_alone_and_renewal_leaves_nothing_behind() {
    let clinic = Clinic::made(&FirstWay::Tpm(None));
    let text = key_file(&clinic);
    assert_eq!(clinic.board.indices().len(), 2);
    let opened = clinic.open(&Way::Tpm(None)).unwrap();
    clinic
        .custody()
        .seal(&opened, Some(&pin()), &mut |_| {})
        .unwrap();
    let opened = clinic.open(&Way::Tpm(Some(pin()))).unwrap();
    assert_eq!(key_file(&clinic), text);
    assert!(opens_here(&clinic));
    let later = Now {
        at: now().at.plus_ms(80 * DAY_MS),
        trusted: true,
    };
    let former = sealed_in(&clinic.data()).remove(0);
    lan(&clinic).settle_with(&opened.key, later).unwrap();
    assert_ne!(key_file(&clinic), text);
    assert!(opens_here(&clinic));
    assert!(clinic.custody().open_lan_key(&former).is_err());
    assert_eq!(clinic.board.indices().len(), 2);
    clinic.open(&Way::Tpm(Some(pin()))).unwrap();
    clinic.custody().destroy(None, true, &mut |_| {}).unwrap();
    assert_eq!(clinic.board.indices(), Vec::<u32>::new());
    assert!(!clinic.data().join("lan").exists());
}

#[test]
fn a_copy_that_is_served_on_the_same_board_leaves_the_originals_key_alone() {
    let clinic = Clinic::made(&FirstWay::Tpm(Some(pin())));
    let copied = clinic.copy();
    let copy = clinic.custody_of(copied.path());
    let opened = copy.open(&Way::Tpm(Some(pin()))).unwrap();
    let later = Now {
        at: now().at.plus_ms(80 * DAY_MS),
        trusted: true,
    };
    let its = Lan::new(copy, Wanted::without_config(), chance());
    its.settle_with(&opened.key, later).unwrap();
    let renewed = fs::read_to_string(copied.path().join("lan/leaf.key")).unwrap();
    assert_ne!(renewed, key_file(&clinic), "nothing was renewed");
    assert!(opens_here(&clinic), "the original shows no unlock page");
}

#[test]
fn a_box_that_gets_a_tpm_seals_the_key_that_lay_in_a_file() {
    let secret = healthpost::core::secret::Secret::from(super::clinic::PASSPHRASE);
    let clinic = Clinic::made(&FirstWay::Passphrase(secret));
    assert!(key_file(&clinic).contains("PRIVATE KEY"));
    let opened = clinic.open(&clinic.recovery()).unwrap();
    clinic
        .custody()
        .seal(&opened, Some(&pin()), &mut |_| {})
        .unwrap();
    lan(&clinic).settle_with(&opened.key, now()).unwrap();
    assert!(opens_here(&clinic));
}

#[test]
fn a_pin_is_typed_on_the_page_and_a_passphrase_costs_no_try_of_it() {
    let it = super::commands::Box::made();
    it.run(&["key", "set-pin"], PIN);
    it.run(
        &["key", "add-passphrase", "--pin-file", "pin"],
        super::clinic::PASSPHRASE,
    );
    let service = it.serve();
    let phone = phone(&it);
    crate::tpm::chip::until("the unlock page", || phone.page("/unlock").is_ok());
    let page = phone.page("/unlock").unwrap().body;
    assert!(page.contains("id=\"pin\"") && page.contains("id=\"phrase\""));
    let wrong = phone
        .form("kind=passphrase&lang=en&secret=not+the+one+at+all")
        .unwrap();
    assert!(wrong.body.contains("That is not right"), "{}", wrong.body);
    let wrong = phone.form("kind=pin&lang=en&secret=000000").unwrap();
    // The first wrong PIN: the passphrase before it did not count.
    assert!(wrong.body.contains("9 tries are left"), "{}", wrong.body);
    let wrong = phone.unlock("111111").unwrap();
    assert_eq!(
        (wrong.status, wrong.json()["code"].as_str()),
        (403, Some("wrong_pin"))
    );
    assert!(wrong.body.contains("8 tries"), "{}", wrong.body);
    // Who comes too soon is told so, and nothing is tried.
    crate::tpm::chip::until("the pause is over", || {
        let right = phone.form(&format!("kind=pin&lang=en&secret={PIN}"));
        let status = right.unwrap().status;
        assert!([303, 429].contains(&status), "{status}");
        status == 303
    });
    it.wait_until_open();
    let log = super::commands::stop(service);
    assert!(!log.contains(PIN) && !log.contains("not the one"), "{log}");
}

#[test]
fn a_locked_tpm_is_said_with_the_time_to_wait() {
    let it = super::commands::Box::made();
    it.run(&["key", "set-pin"], PIN);
    for _ in 0..10 {
        it.refused(&["secret", "list", "--pin-file", "wrong"], "");
    }
    let service = it.serve();
    let phone = phone(&it);
    crate::tpm::chip::until("the unlock page", || phone.page("/unlock").is_ok());
    let told = phone.unlock(PIN).unwrap();
    assert_eq!(
        (told.status, told.json()["code"].as_str()),
        (429, Some("locked_out"))
    );
    assert!(told.body.contains("minutes"), "{}", told.body);
    assert!(told.header("retry-after").is_some());
    let paper = phone.unlock(it.paper()).unwrap();
    assert_eq!(paper.status, 200, "the recovery key opens at once");
    it.wait_until_open();
    super::commands::stop(service);
}

#[test]
fn a_tpm_that_was_not_there_at_the_start_is_asked_again() {
    let mut it = super::commands::Box::made();
    it.board.cut();
    let service = it.serve();
    let locked = it.refused(&["secret", "list"], "");
    assert!(locked.contains("locked"), "{locked}");
    it.board.power_on_again();
    it.wait_until_open();
    let log = super::commands::stop(service);
    assert!(log.contains("no TPM can be reached"), "{log}");
    assert!(log.contains("opens the box at last"), "{log}");
}

#[test]
fn a_box_that_went_live_without_a_drill_says_so_until_there_was_one() {
    const MISSED: &str = "nobody has proved yet";
    let it = super::commands::Box::made();
    let status = || it.run(&["key", "status"], "");
    assert!(status().contains("not checked whether"), "{}", status());
    let service = it.serve();
    it.wait_until_open();
    let phone = phone(&it);
    let page = || phone.page("/?lang=en").unwrap().body;
    crate::tpm::chip::until("the open page", || phone.page("/").is_ok());
    assert!(page().contains("healthpost key drill"), "{}", page());
    assert!(status().contains(MISSED), "{}", status());
    it.run(&["key", "drill"], it.paper());
    assert!(!page().contains("healthpost key drill"), "{}", page());
    assert!(!status().contains("drill"), "{}", status());
    let log = super::commands::stop(service);
    assert!(log.contains(MISSED), "{log}");
    let service = it.serve();
    it.wait_until_open();
    crate::tpm::chip::until("the open page again", || phone.page("/").is_ok());
    assert!(!page().contains("healthpost key drill"), "{}", page());
    let log = super::commands::stop(service);
    assert!(!log.contains(MISSED), "{log}");
}
