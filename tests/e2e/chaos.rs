//! A line that delays, truncates, resets and swallows, in both directions, and
//! the power going besides. Judged as the power cuts alone are: nothing lost,
//! nothing out of order, and every double the far side saw carries a mark.

use super::kill::{self, Load};
use crate::support::chaos::Chaos;
use crate::support::clinic::{Clinic, free_port};
use crate::support::far_side::{FarSide, roomy};
use crate::support::{counts, wait};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::json;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Longest life of the box between two kills.
const LIFE_MS_MAX: u64 = 12_000;

#[test]
fn a_line_that_does_everything_wrong_loses_nothing_and_doubles_only_what_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let seed = wait::now_ms().unsigned_abs();
    let way_in = Chaos::start(([127, 0, 0, 1], port).into(), seed);
    let webhook = format!("http://{}/webhooks/whatsapp", way_in.at);
    let far = FarSide::start(folder.path(), &roomy(), &webhook);
    let graph = far.graph.trim_start_matches("http://").parse().unwrap();
    let way_out = Chaos::start(graph, seed + 1);
    let clinic = Clinic::new(folder.path(), port, &format!("http://{}", way_out.at));
    for sender in 0..kill::SENDERS {
        for place in 0..kill::PEOPLE {
            far.write(&kill::person(sender, place), &json!({ "text": "hello" }));
        }
    }
    far.fault(&json!({ "fault": { "kind": "silent" }, "per_mille": 100 }));
    let load = Load {
        far: &far,
        url: &webhook,
        over: AtomicBool::new(false),
    };
    let seconds = counts::of("chaos_seconds");
    let mut kills = 0;
    let (phones, acknowledged) = load.while_running(|| {
        let mut dice = ChaCha8Rng::seed_from_u64(seed + 2);
        let end = wait::now_ms() + i64::try_from(seconds * 1_000).unwrap();
        while wait::now_ms() < end {
            let mut service = clinic.serve();
            wait::pass(Duration::from_millis(kill::below(&mut dice, LIFE_MS_MAX)));
            service.kill();
            kills += 1;
        }
    });
    far.mend();
    way_in.calm();
    way_out.calm();
    let mut service = clinic.serve();
    kill::calm_down(&clinic, &far);
    assert!(service.stop().success(), "{}", service.logged());
    let found = kill::judge(&clinic, &far, &phones, &acknowledged);
    found.print(&format!("{seconds} s of chaos with {kills} kills"));
    assert!(way_out.harm.is_of_every_kind(), "{:?}", way_out.harm);
    assert!(found.uncertain > 0, "no send was ever uncertain");
    assert!(found.marks <= found.uncertain);
}
