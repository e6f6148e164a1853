//! What staff have to do, as they see it at the command line: whom to call, what
//! was said, who has taken it on.

use crate::support::clinic::{Clinic, Ran, free_port};
use crate::support::{wait, webhook};
use serde_json::Value;
use std::path::Path;

const NOWHERE: &str = "http://127.0.0.1:1";
const PASSWORD: &str = "kanga nyekundu 12";
const NUMBER: &str = "243970000017";
const WORDS: &str = "my father cannot breathe";

fn hired(folder: &Path, clinic: &Clinic) -> String {
    for (name, role) in [
        ("marthe", "clinician"),
        ("fundi", "technician"),
        ("neema", "reception"),
    ] {
        let added = clinic.run(&["user", "add", name, "--role", role], &[], PASSWORD);
        assert_eq!(added.status, 0, "{added:?}");
    }
    let file = folder.join("password");
    healthpost::durable::write(&file, PASSWORD.as_bytes()).unwrap();
    file.display().to_string()
}

#[test]
fn whoever_has_to_call_a_patient_learns_the_number_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), NOWHERE);
    let mut service = clinic.serve();
    let file = hired(folder.path(), &clinic);
    let tasks = |who: &str, args: &[&str]| -> Ran {
        let signed = ["--as", who, "--password-file", &file];
        clinic.run(&[&["tasks"], args, &signed].concat(), &[], "")
    };
    let body = webhook::text("wamid.breath", NUMBER, WORDS);
    assert_eq!(webhook::post(&clinic.webhook(), &body).unwrap().status, 200);
    let task = wait::until("the danger sign is a task", 30, || {
        let listed = tasks("marthe", &["list", "--json"]);
        let list: Value = serde_json::from_str(&listed.out).unwrap();
        list.get(0).cloned()
    });
    assert_eq!(task["kind"], "danger_sign");
    assert!(
        task["record"].is_null(),
        "nobody has agreed to anything yet"
    );
    let id = task["id"].to_string();
    let shown = tasks("marthe", &["show", &id]);
    assert_eq!(shown.status, 0, "{shown:?}");
    assert!(!shown.out.contains("+00:00"), "{shown:?}");
    for part in [
        "+243970000017",
        "Test Person",
        WORDS,
        "patient:",
        "clinic",
        "+02:00",
    ] {
        assert!(shown.out.contains(part), "{part}: {shown:?}");
    }
    let json = tasks("marthe", &["show", &id, "--json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["id"], &json["phone"]), (&task["id"], &NUMBER.into()));
    assert_eq!(json["messages"][0]["text"], WORDS);
    for who in ["fundi", "neema"] {
        let refused = tasks(who, &["show", &id]);
        assert_eq!(refused.status, 1, "{who}: {refused:?}");
        for part in ["970000017", WORDS] {
            assert!(!format!("{refused:?}").contains(part), "{who}: {refused:?}");
        }
    }
    assert_eq!(tasks("marthe", &["show", "99"]).status, 1);
    assert_eq!(tasks("marthe", &["show", NUMBER]).status, 2);
    // The list for people names whoever has taken it on.
    assert_eq!(tasks("marthe", &["claim", &id]).status, 0);
    let listed = tasks("neema", &["list"]);
    assert!(listed.out.contains("taken on by marthe"), "{listed:?}");
    assert!(listed.out.contains("healthpost tasks show"), "{listed:?}");
    assert!(service.stop().success(), "{}", service.logged());
    assert!(!service.logged().contains("97000"), "{}", service.logged());
    let (conn, _) = clinic.open();
    let sql = "SELECT count(*) FROM audit WHERE action = 'task.read' AND subject = ?1";
    let noted: i64 = conn
        .query_row(sql, [format!("task:{id}")], |row| row.get(0))
        .unwrap();
    assert_eq!(noted, 2);
}
