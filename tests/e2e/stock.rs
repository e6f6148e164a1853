//! The database of a box that has served, opened by a SQLCipher that is not
//! ours: a clinic can always reach its own records without us.

use crate::support::clinic::{Clinic, free_port};
use crate::support::{stock, wait, webhook};

#[test]
fn the_database_of_a_box_that_served_opens_with_stock_sqlcipher() {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::new(folder.path(), free_port(), "http://127.0.0.1:1");
    let file = clinic.data.join("clinic.db");
    let mut service = clinic.serve();
    for place in 0..50 {
        let body = webhook::text(
            &format!("wamid.stock-{place}"),
            &format!("24397{place:07}"),
            "hello",
        );
        let answer = webhook::post(&clinic.webhook(), &body).unwrap();
        assert_eq!(answer.status, 200);
    }
    wait::until("replies wait", 30, || {
        (clinic.waiting() >= 50).then_some(())
    });
    // In the middle of its work, with the power gone, and after a good end.
    service.kill();
    sound(&clinic, &file);
    assert!(clinic.serve().stop().success());
    sound(&clinic, &file);
}

fn sound(clinic: &Clinic, file: &std::path::Path) {
    let seen = stock::open(file, clinic.key().hex().as_str()).unwrap();
    assert!(seen.tables >= 20, "{}", seen.tables);
    assert!(seen.cipher.starts_with("4."), "{}", seen.cipher);
    assert_eq!((seen.pages_bad, seen.integrity.as_str()), (0, "ok"));
}
