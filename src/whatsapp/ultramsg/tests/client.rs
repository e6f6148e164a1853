//! The client against the simulated UltraMsg over real HTTP.

use crate::core::id::OutboxKey;
use crate::core::inbound::Identity;
use crate::core::outgoing::{Body, Button, Outgoing, Purpose};
use crate::core::secret::Secret;
use crate::core::time::{DAY_MS, HOUR_MS, Now, UnixMs};
use crate::ports::{
    Call, Clock, History, LineFault, Messenger, Reconciled, SendOutcome, Standing, Unanswered,
};
use crate::simulator::{UltraFault, UltraSettings, UltraSimulator, UltraStanding};
use crate::whatsapp::client::{Line, Timing};
use crate::whatsapp::ultramsg::{UltraMsgClient, UltraMsgSettings, codes};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

struct Still;

impl Clock for Still {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(1_795_168_800_000),
            trusted: true,
        }
    }
}

const SECRET: &str = "tok3n-&=?";

struct Place {
    simulator: Arc<UltraSimulator>,
    client: UltraMsgClient,
    stop: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn client(url: &str, token: &str) -> UltraMsgClient {
    let timing = Timing {
        connect: Duration::from_secs(5),
        head: Duration::from_secs(5),
        idle: Duration::from_secs(5),
    };
    let settings = UltraMsgSettings {
        base_url: url.to_owned(),
        instance_id: "1234".to_owned(),
        token: Secret::from(token),
    };
    let line = Arc::new(Line::new(timing, Arc::new(Still)).unwrap());
    UltraMsgClient::new(line, &settings).unwrap()
}

async fn place() -> (Place, tokio::task::JoinSet<()>) {
    place_that(UltraSettings::default()).await
}

async fn place_that(settings: UltraSettings) -> (Place, tokio::task::JoinSet<()>) {
    let settings = UltraSettings {
        token: SECRET.into(),
        send_delay_ms: 0,
        ..settings
    };
    let api = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = UltraSimulator::start(settings, api, Arc::new(Still))
        .await
        .unwrap();
    let (simulator, stop) = (Arc::new(simulator), CancellationToken::new());
    let mut tasks = tokio::task::JoinSet::new();
    let (running, until) = (Arc::clone(&simulator), stop.clone());
    tasks.spawn(async move { running.run(until).await });
    let client = client(&simulator.api_url(), SECRET);
    let place = Place {
        simulator,
        client,
        stop,
    };
    (place, tasks)
}

fn call(key: &str, phone: &str, body: Body) -> Call {
    Call {
        key: OutboxKey(key.to_owned()),
        to: Identity {
            phone: Some(phone.into()),
            ..Identity::default()
        },
        message: Outgoing {
            purpose: Purpose::Prompt,
            body,
        },
    }
}

fn text(key: &str) -> Call {
    call(key, "243970000001", Body::text("Âge? & co"))
}

fn fault(place: &Place, fault: UltraFault) {
    let standing = UltraStanding { fault, times: 1 };
    assert!(
        place
            .simulator
            .with_world(|world, _| world.add_fault(standing))
    );
}

#[tokio::test]
async fn a_text_goes_out_whole_and_choices_as_numbers() {
    let (place, _tasks) = place().await;
    let outcome = place.client.send(&text("ob:1")).await;
    assert!(
        matches!(outcome, SendOutcome::Accepted { ref wamid } if wamid.as_str().starts_with("ultramsg:1234:"))
    );
    let buttons = vec![Button {
        id: "y".into(),
        title: "Yes".into(),
    }];
    let choice = Body::Buttons {
        text: "Do you agree?".into(),
        buttons,
    };
    place
        .client
        .send(&call("ob:2", "243970000002", choice))
        .await;
    place.simulator.with_world(|world, _| {
        let taken = world.taken();
        assert_eq!(
            (taken[0].to.as_str(), taken[0].body.as_str()),
            ("+243970000001", "Âge? & co")
        );
        assert_eq!(taken[0].reference, "ob:1");
        assert_eq!(taken[1].body, "Do you agree?\n\n1. Yes");
    });
}

/// Its queue may hold several of one contact, and nothing there can be put in
/// order again.
#[tokio::test]
async fn nothing_but_an_emergency_passes_what_waits_at_the_far_side() {
    let (place, _tasks) = place().await;
    let said = [
        Purpose::Prompt,
        Purpose::Staff,
        Purpose::Notice,
        Purpose::Emergency,
    ];
    for (n, purpose) in said.into_iter().enumerate() {
        let mut call = text(&format!("ob:{n}"));
        call.message.purpose = purpose;
        place.client.send(&call).await;
    }
    place.simulator.with_world(|world, _| {
        let priority = |n: usize| world.taken()[n].priority;
        assert_eq!((priority(0), priority(1)), (priority(2), priority(2)));
        assert!(priority(3) < priority(0));
    });
}

#[tokio::test]
async fn a_comma_never_leaves() {
    let (place, _tasks) = place().await;
    let two = call("ob:1", "243970000001,243970000002", Body::text("x"));
    let outcome = place.client.send(&two).await;
    assert!(
        matches!(outcome, SendOutcome::Refused { error, http: 0, .. } if error.code == codes::UNDELIVERABLE)
    );
    place
        .simulator
        .with_world(|world, _| assert!(world.taken().is_empty()));
}

#[tokio::test]
async fn each_fault_has_its_meaning() {
    let (place, _tasks) = place().await;
    let words = "Wrong token. Please provide token as a GET parameter.".to_owned();
    for (kind, code) in [
        (UltraFault::ErrorText { words }, codes::TOKEN),
        (UltraFault::ErrorList, codes::PARAMETER),
        (UltraFault::ErrorObject, codes::PARAMETER),
        (UltraFault::NotSent, codes::AGAIN),
    ] {
        fault(&place, kind.clone());
        let outcome = place.client.send(&text("ob:1")).await;
        assert!(
            matches!(outcome, SendOutcome::Refused { ref error, .. } if error.code == code),
            "{kind:?} {outcome:?}"
        );
    }
    fault(&place, UltraFault::Portal);
    let outcome = place.client.send(&text("ob:1")).await;
    assert_eq!(outcome, SendOutcome::NotSent(LineFault::Portal));
    place
        .simulator
        .with_world(|world, _| assert!(world.taken().is_empty()));
    let stranger = client(&place.simulator.api_url(), "guess");
    let outcome = stranger.probe().await;
    assert!(matches!(outcome, SendOutcome::Refused { error, .. } if error.code == codes::TOKEN));
}

#[tokio::test]
async fn a_lost_result_is_found_by_its_reference() {
    let (place, _tasks) = place().await;
    others(&place, 120, 0);
    fault(&place, UltraFault::LoseAnswer);
    assert_eq!(
        place.client.send(&text("ob:mine")).await,
        SendOutcome::Unknown
    );
    let key = OutboxKey("ob:mine".into());
    let found = place.client.reconcile(&key).await;
    assert!(
        matches!(found, Reconciled::There { copies: 1, .. }),
        "{found:?}"
    );
    let first = OutboxKey("ob:other0".into());
    assert!(matches!(
        place.client.reconcile(&first).await,
        Reconciled::There { .. }
    ));
    let never = OutboxKey("ob:never".into());
    assert_eq!(place.client.reconcile(&never).await, Reconciled::Absent);
    place.simulator.set_line(false);
    assert_eq!(place.client.reconcile(&key).await, Reconciled::NotNow);
}

/// Messages of others, taken so long ago.
fn others(place: &Place, many: usize, ago_ms: i64) {
    for other in 0..many {
        let form = [
            ("to", "+243970000009".to_owned()),
            ("body", "x".to_owned()),
            ("referenceId", format!("ob:other{other}")),
        ];
        let form: Vec<(String, String)> =
            form.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        place
            .simulator
            .with_world(|world, now| world.take(&form, now.plus_ms(-ago_ms)));
    }
}

#[tokio::test]
async fn what_lies_below_what_was_read_is_not_called_absent() {
    let settings = UltraSettings {
        rows_max: 10,
        ..UltraSettings::default()
    };
    let (place, _tasks) = place_that(settings).await;
    place.client.send(&text("ob:mine")).await;
    others(&place, 15, 0);
    let mine = OutboxKey("ob:mine".into());
    let found = place.client.reconcile(&mine).await;
    let there = |found: &Reconciled| matches!(found, Reconciled::There { copies: 1, .. });
    assert!(there(&found), "a page may be short: {found:?}");
    let never = OutboxKey("ob:never".into());
    assert_eq!(place.client.reconcile(&never).await, Reconciled::Absent);
    fault(&place, UltraFault::UnreadableRow);
    assert_eq!(place.client.reconcile(&never).await, Reconciled::Unsure);
    // More than is looked at.
    others(&place, 200, 0);
    assert_eq!(place.client.reconcile(&mine).await, Reconciled::Unsure);
    assert_eq!(place.client.reconcile(&never).await, Reconciled::Unsure);
}

#[tokio::test]
async fn what_is_older_than_the_message_need_not_be_read_to_its_end() {
    let (place, _tasks) = place().await;
    others(&place, 900, 3 * HOUR_MS);
    let now = Still.now().at;
    let (fresh, old) = (now.plus_ms(-HOUR_MS), now.plus_ms(-3 * HOUR_MS));
    let key = |at: UnixMs| OutboxKey::new(at, [7; 10]);
    let told = place.client.reconcile(&key(fresh)).await;
    assert_eq!(told, Reconciled::Absent);
    let told = place.client.reconcile(&key(old)).await;
    assert_eq!(told, Reconciled::Unsure);
}

#[tokio::test]
async fn a_list_of_chats_that_cannot_be_read_is_not_a_list_of_none() {
    let (place, _tasks) = place().await;
    assert!(place.client.chats().await.unwrap().list.is_empty());
    fault(&place, UltraFault::OddChats);
    let told = place.client.chats().await;
    assert!(matches!(told, Err(Unanswered::Odd)), "{told:?}");
    place.simulator.with_world(|world, now| {
        world.phone_writes("243970000001", "x", now);
        world.phone_writes("243970000002", "x", now);
    });
    fault(&place, UltraFault::UnreadableRow);
    let told = place.client.chats().await.unwrap();
    assert_eq!(told.list.len(), 1, "the other is not lost with it");
    place.simulator.with_world(|world, now| {
        world.crowd_writes("1203@g.us", "all of you", now);
    });
    assert_eq!(place.client.chats().await.unwrap().list.len(), 2);
    fault(&place, UltraFault::OddStatistics);
    let told = place.client.backlog().await;
    assert!(matches!(told, Err(Unanswered::Odd)), "{told:?}");
}

#[tokio::test]
async fn a_receipt_is_found_on_the_page_where_its_message_stands() {
    for filters_by_reference in [true, false] {
        let settings = UltraSettings {
            filters_by_reference,
            ..UltraSettings::default()
        };
        let (place, _tasks) = place_that(settings).await;
        place.client.send(&text("ob:mine")).await;
        others(&place, 60, HOUR_MS);
        let key = OutboxKey("ob:mine".into());
        let first = place.client.receipts(&key, 1).await.unwrap();
        assert_eq!(first.keys.contains(&key), filters_by_reference);
        assert_eq!(first.rows, if filters_by_reference { 1 } else { 50 });
        let second = place.client.receipts(&key, 2).await.unwrap();
        assert_ne!(second.keys.contains(&key), filters_by_reference);
        let now = Still.now().at;
        let earliest = (!filters_by_reference).then_some(now.plus_ms(-HOUR_MS));
        assert_eq!(second.earliest, earliest);
    }
}

#[tokio::test]
async fn what_was_given_up_is_not_there() {
    let (place, _tasks) = place().await;
    let key = OutboxKey("ob:mine".into());
    let form = [
        ("to", "+243970000001"),
        ("body", "x"),
        ("referenceId", "ob:mine"),
    ];
    let form: Vec<(String, String)> = form.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    place.simulator.with_world(|world, now| {
        world.set_account("qr");
        world.take(&form, now);
        world.tick(now.plus_ms(2 * DAY_MS));
    });
    assert_eq!(place.client.reconcile(&key).await, Reconciled::Absent);
    place.simulator.with_world(|world, now| {
        world.take(&form, now);
    });
    let found = place.client.reconcile(&key).await;
    assert!(
        matches!(found, Reconciled::There { copies: 1, .. }),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_unlinked_phone_is_no_line() {
    let (place, _tasks) = place().await;
    assert!(matches!(
        place.client.probe().await,
        SendOutcome::Accepted { .. }
    ));
    place
        .simulator
        .with_world(|world, _| world.set_account("qr"));
    let outcome = place.client.probe().await;
    assert!(
        matches!(outcome, SendOutcome::Refused { error, .. } if error.code == codes::NOT_LINKED)
    );
}

#[tokio::test]
async fn history_holds_what_people_wrote_and_how_ours_fared() {
    let (place, _tasks) = place().await;
    place.simulator.with_world(|world, now| {
        world.phone_writes("243970000001", "first", now);
        world.phone_writes("243970000001", "second", now);
        world.phone_writes("77001122@lid", "hidden", now);
        world.crowd_writes("1203@g.us", "all of you", now);
    });
    let chats = place.client.chats().await.unwrap();
    let names: Vec<&str> = chats.list.iter().map(|chat| chat.id.as_str()).collect();
    assert_eq!(names, ["243970000001@c.us", "77001122@lid"]);
    place.client.send(&text("ob:1")).await;
    for _ in 0..100 {
        let page = place.client.messages(&chats.list[0].id, 10).await.unwrap();
        assert_eq!(page.told.len(), 2, "our own is not among them");
        if page.messages == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let news = place.client.deliveries(Standing::Any, 1).await.unwrap();
    assert_eq!(news.items.len(), 1);
    assert!(
        place
            .client
            .deliveries(Standing::Expired, 1)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(place.client.backlog().await.unwrap().messages, 0);
}

#[test]
fn nothing_of_the_token_is_shown() {
    let shown = format!("{:?}", client("http://127.0.0.1:1", SECRET));
    assert_eq!(shown, "UltraMsgClient");
}
