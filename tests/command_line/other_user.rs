//! What somebody is told whom the data folder is not open to: that, and not that
//! there is none.

use crate::support::folder::Clinic;

const COMMANDS: [&[&str]; 6] = [
    &[
        "records",
        "list",
        "--as",
        "amina",
        "--password-file",
        "password",
    ],
    &["secret", "list"],
    &["key", "drill"],
    &["init", "--passphrase-file", "passphrase"],
    &["unlock"],
    &["erase-everything"],
];

#[test]
fn who_may_not_see_the_folder_is_told_whose_command_it_is() {
    let clinic = Clinic::made();
    let before = clinic.tree();
    for command in COMMANDS {
        let said = clinic.run_as_nobody(command, "Kalehe Health Post\n");
        assert_eq!(said.status, 1, "{command:?}: {said:?}");
        let told = said.err.contains("is not open to this user") && said.err.contains("as root");
        assert!(told, "{command:?}: {said:?}");
        assert!(!said.err.contains("healthpost init"), "{said:?}");
    }
    let said = clinic.run_as_nobody(&["serve"], "");
    assert!(said.err.contains("Permission denied"), "{said:?}");
    assert!(!said.err.contains("no data folder"), "{said:?}");
    assert_eq!(clinic.tree(), before);
    let service = clinic.serve();
    let said = clinic.run_as_nobody(&["unlock"], "a passphrase");
    assert!(said.err.contains("is not open to this user"), "{said:?}");
    let looked = clinic.run_as_nobody(&["doctor"], "");
    for line in [
        "bad          data folder: ",
        "not checked  database: ",
        "not checked  public listener: ",
        "not checked  LAN listener: ",
    ] {
        assert!(looked.out.contains(line), "{line}: {looked:?}");
    }
    for word in ["key slots", "certificates", "stop the other program"] {
        assert!(!looked.out.contains(word), "{word}: {looked:?}");
    }
    service.stop();
}
