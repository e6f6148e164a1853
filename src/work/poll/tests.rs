//! Polling on a real store, look by look, with a provider's memory that is
//! written by hand.

use super::*;
use crate::core::data_key::DataKey;
use crate::core::id::OutboxKey;
use crate::core::outgoing::Purpose;
use crate::core::private::Private;
use crate::core::time::{MINUTE_MS, Now, SECOND_MS};
use crate::ports::{Backlog, Chats, Clock, Deliveries, Page, Standing, Told};
use crate::store::tests::{contact, count, message, phone, queue};
use crate::store::{BoxKey, Writer, WriterThread, open};
use crate::work::Bells;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// A whole second.
const NOW: UnixMs = UnixMs(1_795_168_800_000);

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Now {
        Now {
            at: UnixMs(self.0.load(Ordering::Relaxed)),
            trusted: true,
        }
    }
}

/// Chats by number: each message's stamp, and whether it is ours.
#[derive(Default)]
struct Memory {
    chats: BTreeMap<u64, Vec<(UnixMs, bool)>>,
    /// Chats from this number on tell no stamp.
    unstamped_from: u64,
    fault: Option<Unanswered>,
    /// A page of more messages than this is too long.
    page_max: Option<usize>,
    /// What comes back of these chats is no list.
    odd: std::ops::Range<u64>,
    /// No page holds more messages than this, whatever is asked for.
    cap: Option<usize>,
    no_backlog: Option<Unanswered>,
    backlogs: usize,
    no_receipts: Option<Unanswered>,
    receipts: Vec<(String, usize)>,
    lists: usize,
    pulled: Vec<u64>,
    news: usize,
}

#[derive(Default)]
struct Far(Mutex<Memory>);

fn item(chat: u64, nth: usize, at: UnixMs) -> crate::core::inbound::ReceivedItem {
    message(&format!("{chat}-{nth}"), person(chat), at, "x")
}

fn person(chat: u64) -> crate::core::inbound::Identity {
    phone(&(243_970_000_000 + chat).to_string())
}

impl Far {
    fn change<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    fn say(&self, chat: u64, at: UnixMs, ours: bool) {
        self.change(|far| far.chats.entry(chat).or_default().push((at, ours)));
    }
}

impl History for Far {
    async fn chats(&self) -> Result<Chats, Unanswered> {
        self.change(|far| {
            far.lists += 1;
            if let Some(fault) = far.fault {
                return Err(fault);
            }
            let told = |chat: u64| chat < far.unstamped_from;
            let list = far.chats.iter().map(|(chat, said)| Chat {
                id: Private::from(chat.to_string()),
                who: person(*chat),
                last: said.last().map(|(at, _)| *at).filter(|_| told(*chat)),
            });
            let list: Vec<Chat> = list.collect();
            let bytes = list.len() * 200;
            Ok(Chats { list, bytes })
        })
    }

    async fn messages(&self, chat: &Private<String>, newest: usize) -> Result<Page, Unanswered> {
        let chat: u64 = chat.as_str().parse().unwrap();
        self.change(|far| {
            far.pulled.push(chat);
            if far.odd.contains(&chat) {
                return Err(Unanswered::Odd);
            }
            let said = &far.chats[&chat];
            let page_max = far.page_max.unwrap_or(usize::MAX);
            if said.len().min(newest) > page_max {
                return Err(Unanswered::TooLong);
            }
            let newest = newest.min(far.cap.unwrap_or(usize::MAX));
            let from = said.len().saturating_sub(newest);
            let page = &said[from..];
            let told = page.iter().enumerate().filter(|(_, (_, ours))| !ours);
            Ok(Page {
                told: told
                    .map(|(nth, (at, _))| Told {
                        raw: Private::new(b"{}".to_vec()),
                        item: item(chat, from + nth, *at),
                    })
                    .collect(),
                messages: page.len(),
                span: page.first().zip(page.last()).map(|(a, b)| (a.0, b.0)),
                bytes: page.len() * 400,
            })
        })
    }

    async fn deliveries(&self, _of: Standing, _page: usize) -> Result<Deliveries, Unanswered> {
        self.change(|far| far.news += 1);
        Ok(Deliveries::default())
    }

    async fn receipts(&self, key: &OutboxKey, page: usize) -> Result<Deliveries, Unanswered> {
        self.change(|far| {
            far.receipts.push((key.0.clone(), page));
            match far.no_receipts {
                Some(fault) => Err(fault),
                None => Ok(Deliveries::default()),
            }
        })
    }

    async fn backlog(&self) -> Result<Backlog, Unanswered> {
        self.change(|far| {
            far.backlogs += 1;
            match far.no_backlog {
                Some(fault) => Err(fault),
                None => Ok(Backlog::default()),
            }
        })
    }
}

struct Place {
    poll: Poll<Far>,
    state: State,
    clock: Arc<Hands>,
    thread: WriterThread,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let key = DataKey::take(&mut [1; 32]);
    let box_key = BoxKey::new([2; 32]);
    open::create(folder.path(), &key, &box_key).unwrap();
    let conn = open::open(folder.path(), &key).unwrap();
    let (writer, thread) = Writer::start(conn, None).unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(NOW.0)));
    let taking = Taking {
        writer,
        box_key,
        clock: clock.clone(),
        channel: "ultramsg",
        our_id: "1".into(),
        vouched: false,
        quiet_ms: 0,
        bells: Bells::default(),
        line: Line::default(),
    };
    let far = Far::default();
    far.change(|far| far.unstamped_from = u64::MAX);
    let poll = Poll {
        history: Arc::new(far),
        taking,
        readers: Readers::open(folder.path(), &key).unwrap(),
        line: Line::default(),
        hold: Hold::default(),
        pulse: Pulse::default(),
    };
    Place {
        poll,
        state: State::new(NOW, Allowance::full(0)),
        clock,
        thread,
        _folder: folder,
    }
}

impl Place {
    fn far(&self) -> &Far {
        &self.poll.history
    }

    fn later(&self, ms: i64) -> UnixMs {
        UnixMs(self.clock.0.fetch_add(ms, Ordering::Relaxed) + ms)
    }

    /// One turn of the loop.
    async fn look(&mut self) -> Result<Look, Unanswered> {
        let looked = self.poll.look(&mut self.state).await;
        self.state.note(&looked, self.poll.now(), 0);
        self.poll.tell(&mut self.state, looked.err()).await;
        looked
    }

    /// A webhook brings a message.
    async fn webhook(&self, chat: u64, nth: usize, at: UnixMs) {
        let taken = self.poll.taking.take("{}", vec![item(chat, nth, at)]);
        taken.await.unwrap();
    }

    async fn count(&self, sql: &'static str) -> i64 {
        let counted = self
            .poll
            .taking
            .writer
            .run(move |conn| Ok(count(conn, sql)));
        counted.await.unwrap()
    }

    /// Ends the writing thread: the process must not end under it.
    fn end(self) {
        drop(self.poll);
        self.thread.stop().unwrap();
    }
}

const MESSAGES: &str = "SELECT count(*) FROM inbox WHERE kind = 'message'";

#[tokio::test]
async fn what_no_webhook_brought_is_found_below_any_number_that_one_did() {
    let mut place = place();
    place.far().say(1, NOW, false);
    for _ in 0..2 {
        place.look().await.unwrap();
    }
    assert_eq!(place.count(MESSAGES).await, 1);
    // The second message's webhook is lost; those of the next forty arrive, and
    // each is answered.
    let mut at = place.later(MINUTE_MS);
    place.far().say(1, at, false);
    for nth in 0..40 {
        at = place.later(30 * SECOND_MS);
        place.webhook(1, 2 + 2 * nth, at).await;
        place.far().say(1, at, false);
        place.far().say(1, at.plus_ms(SECOND_MS), true);
    }
    assert_eq!(place.count(MESSAGES).await, 41);
    place.look().await.unwrap();
    assert_eq!(place.count(MESSAGES).await, 42, "the lost one");
    // What a look has reached is not read again.
    place.far().change(|far| far.pulled.clear());
    let at = place.later(MINUTE_MS);
    place.far().say(1, at, false);
    place.look().await.unwrap();
    assert_eq!(place.far().change(|far| far.pulled.len()), 1);
    assert_eq!(place.count(MESSAGES).await, 43);
    place.end();
}

#[tokio::test]
async fn chats_without_a_stamp_take_turns_and_keep_nobody_waiting() {
    const UNSTAMPED: u64 = 60;
    let mut place = place();
    place.far().change(|far| far.unstamped_from = 100);
    place.far().say(1, NOW, false);
    for chat in 100..100 + UNSTAMPED {
        place.far().say(chat, NOW.plus_ms(-MINUTE_MS), false);
    }
    let first = place.look().await.unwrap();
    assert!(!first.more, "they leave nothing for the next look");
    let pulled = place.far().change(|far| far.pulled.clone());
    assert_eq!(pulled[0], 1, "who is known to have written comes first");
    let looks = UNSTAMPED.div_ceil(5);
    for _ in 1..looks {
        place.later(SECOND_MS);
        place.look().await.unwrap();
    }
    let mut pulled = place.far().change(|far| far.pulled.clone());
    assert!(pulled.len() as u64 <= looks * 5 + 2, "{}", pulled.len());
    pulled.sort_unstable();
    pulled.dedup();
    assert_eq!(pulled.len() as u64, UNSTAMPED + 1);
    assert_eq!(place.count(MESSAGES).await, 61);
    place.end();
}

#[tokio::test]
async fn a_clock_that_is_ahead_at_the_first_look_silences_nobody() {
    let mut place = place();
    let true_now = NOW.plus_ms(-2 * HOUR_MS);
    place.far().say(1, true_now.plus_ms(-HOUR_MS), false);
    place.look().await.unwrap();
    let began = place.poll.pulse.began().unwrap();
    assert!(began <= true_now, "a webhook of now is answered");
    assert!(began > true_now.plus_ms(-HOUR_MS), "a replay is not");
    assert_eq!(place.count(MESSAGES).await, 0);
    place.far().say(1, true_now, false);
    place.look().await.unwrap();
    assert_eq!(place.count(MESSAGES).await, 1);
    place.end();
}

#[test]
fn listening_begins_a_little_before_the_first_look_by_either_clock() {
    let (early, late) = (NOW.plus_ms(-HOUR_MS), NOW.plus_ms(HOUR_MS));
    let before = |at: UnixMs| at.plus_ms(-LISTENS_BEFORE_MS);
    let cases = [
        (None, before(NOW)),
        (Some(NOW), before(NOW)),
        (Some(before(NOW)), before(NOW)),
        (Some(early), early.plus_ms(1)),
        // Our clock is not set yet.
        (Some(late), before(late)),
    ];
    for (newest, began) in cases {
        assert_eq!(beginning(newest, NOW), began, "{newest:?}");
    }
}

#[tokio::test]
async fn looks_that_come_to_nothing_are_one_task_until_one_works() {
    const OPEN: &str = "SELECT count(*) FROM task
        WHERE kind = 'messages_not_fetched' AND state = 'open'";
    for (fault, looks) in [(Unanswered::Refused(133_004), 7), (Unanswered::TooLong, 1)] {
        let mut place = place();
        place.far().change(|far| far.fault = Some(fault));
        for failed in 1..=10 {
            assert!(place.look().await.is_err());
            let open = i64::from(failed >= looks);
            assert_eq!(place.count(OPEN).await, open, "{fault:?} {failed}");
            place.later(MINUTE_MS);
        }
        let known = place.poll.readers.read(polling::blocked).await.unwrap();
        let known = known.unwrap();
        assert_eq!((known.since, known.why), (NOW, fault.to_string()));
        place.far().change(|far| far.fault = None);
        place.look().await.unwrap();
        assert_eq!(place.count(OPEN).await, 0);
        let known = place.poll.readers.read(polling::blocked).await.unwrap();
        assert_eq!(known, None);
        place.end();
    }
}

#[tokio::test]
async fn catching_up_goes_through_one_list_and_pulls_what_is_over_once() {
    const CHATS: u64 = 1_500;
    let mut place = place();
    place.far().say(0, NOW.plus_ms(-2 * HOUR_MS), false);
    for _ in 0..2 {
        place.look().await.unwrap();
    }
    for chat in 1..=CHATS {
        let at = NOW.plus_ms(-HOUR_MS + i64::try_from(chat).unwrap() * SECOND_MS);
        place.far().say(chat, at, false);
    }
    place
        .far()
        .change(|far| (far.lists, far.pulled) = (0, Vec::new()));
    while place.look().await.unwrap().more {}
    assert_eq!(place.count(MESSAGES).await, 1_500);
    for _ in 0..2 {
        place.look().await.unwrap();
    }
    let (lists, pulls) = place.far().change(|far| (far.lists, far.pulled.len()));
    assert_eq!(lists, 3);
    assert!(pulls as u64 <= CHATS + 15, "{pulls}");
    place.end();
}

#[tokio::test]
async fn news_of_a_phone_that_is_off_are_asked_for_rarely_and_are_paid_for() {
    let mut place = place();
    let sent = place.poll.taking.writer.run(|conn| {
        let amina = contact(conn, "243970000001");
        let id = queue(conn, amina, Purpose::Notice, "a1");
        conn.execute(
            "UPDATE outbox SET state = 'sent', accepted_at = ?2 WHERE id = ?1",
            (id.0, NOW.0),
        )?;
        Ok(())
    });
    sent.await.unwrap();
    let mut asked = Vec::new();
    for _ in 0..3 {
        place.far().change(|far| far.news = 0);
        place.look().await.unwrap();
        asked.push(place.far().change(|far| far.news));
        place.later(5 * MINUTE_MS);
    }
    assert_eq!(asked, [4, 0, 4]);
    let before = place.state.allowance.wait_ms(0);
    assert_eq!(before, 0);
    for _ in 0..40_000 {
        if place.state.allowance.wait_ms(0) > 0 {
            place.end();
            return;
        }
        place.poll.look(&mut place.state).await.unwrap();
        assert!(place.state.spent > 0, "each look costs something");
        place.state.note(&Ok(Look::default()), NOW, 0);
    }
    panic!("questions cost nothing");
}

#[tokio::test]
async fn staff_read_on_the_phone_what_lies_deeper_than_can_be_fetched() {
    const OPEN: &str = "SELECT count(*) FROM task t JOIN address a ON a.contact_id = t.contact_id
        WHERE t.kind = 'read_phone' AND t.state = 'open' AND a.value = '243970000001'";
    const ALL: &str = "SELECT count(*) FROM task";
    for (written, page_max, tasks) in [
        (499, None, 0),
        (501, None, 1),
        (600, None, 1),
        (60, Some(50), 1),
    ] {
        let mut place = place();
        place.far().change(|far| far.page_max = page_max);
        place.far().say(1, NOW, false);
        for _ in 0..2 {
            place.look().await.unwrap();
        }
        for _ in 0..written {
            let at = place.later(SECOND_MS);
            place.far().say(1, at, false);
        }
        place.later(MINUTE_MS);
        for _ in 0..3 {
            place.look().await.unwrap();
        }
        let found = (place.count(OPEN).await, place.count(ALL).await);
        assert_eq!(found, (tasks, tasks), "{written} {page_max:?}");
        place.end();
    }
}

#[tokio::test]
async fn one_persons_long_messages_make_the_box_deaf_to_nobody() {
    const ON_PHONE: &str = "SELECT count(*) FROM task WHERE kind = 'read_phone'";
    const ALL: &str = "SELECT count(*) FROM task";
    let mut place = place();
    place.far().say(1, NOW, false);
    for _ in 0..2 {
        place.look().await.unwrap();
    }
    // Two of them can be read together.
    place.far().change(|far| far.page_max = Some(2));
    for _ in 0..3 {
        let at = place.later(SECOND_MS);
        place.far().say(1, at, false);
    }
    let at = place.later(MINUTE_MS);
    place.far().say(2, at, false);
    place.look().await.unwrap();
    assert_eq!(
        place.count(MESSAGES).await,
        4,
        "two of three, and the other's"
    );
    assert_eq!(place.count(ON_PHONE).await, 1);
    // Not even one can: each has a task of their own.
    place.far().change(|far| far.page_max = Some(0));
    let at = place.later(SECOND_MS);
    for chat in [1, 3, 4] {
        place.far().say(chat, at, false);
    }
    place.look().await.unwrap();
    let tasks = (place.count(ON_PHONE).await, place.count(ALL).await);
    assert_eq!(
        tasks,
        (4, 4),
        "the second person's is looked into once more"
    );
    place.far().change(|far| far.pulled.clear());
    for _ in 0..9 {
        place.later(MINUTE_MS);
        place.look().await.unwrap();
    }
    let pulled = place.far().change(|far| far.pulled.clone());
    let tries = pulled.iter().filter(|chat| **chat == 1).count();
    assert!(tries <= 8, "{tries}: two looks at what may not be over");
    place.far().change(|far| far.page_max = None);
    let at = place.later(MINUTE_MS);
    place.far().say(2, at, false);
    place.look().await.unwrap();
    assert_eq!(place.count(MESSAGES).await, 5);
    let owed = place.state.allowance.wait_ms(0);
    assert!(owed <= 15 * MINUTE_MS, "{owed}");
    place.end();
}

#[tokio::test]
async fn a_chat_that_cannot_be_read_keeps_no_other_from_being_heard() {
    const ON_PHONE: &str = "SELECT count(*) FROM task t JOIN address a
        ON a.contact_id = t.contact_id
        WHERE t.kind = 'read_phone' AND a.value = '243970000001'";
    let mut place = place();
    let tries = |place: &Place| {
        let pulled = place.far().change(|far| far.pulled.clone());
        pulled.iter().filter(|chat| **chat == 1).count()
    };
    place.far().change(|far| far.odd = 1..2);
    for told in 1..=20 {
        let at = place.later(MINUTE_MS);
        for chat in [1, 2] {
            place.far().say(chat, at, false);
        }
        for _ in 0..2 {
            place.look().await.unwrap();
        }
        assert_eq!(place.state.rhythm.failed, 0);
        assert_eq!(place.count(MESSAGES).await, told);
    }
    assert_eq!(tries(&place), 3, "after five minutes and ten");
    assert_eq!(place.count(ON_PHONE).await, 1);
    // They read it; and are told again when there is something new.
    for (minutes, writes, told) in [(60, false, 2), (90, false, 2), (180, true, 3)] {
        let done = "UPDATE task SET state = 'done'";
        let done = |conn: &rusqlite::Connection| Ok(conn.execute(done, [])?);
        place.poll.taking.writer.run(done).await.unwrap();
        let at = place.later(minutes * MINUTE_MS);
        if writes {
            place.far().say(1, at, false);
        }
        place.look().await.unwrap();
        assert_eq!(place.count(ON_PHONE).await, told, "{minutes}");
    }
    place.far().change(|far| far.odd = 0..0);
    place.later(2 * HOUR_MS);
    place.look().await.unwrap();
    assert_eq!(place.count(MESSAGES).await, 20 + 21);
    place.end();
}

#[tokio::test]
async fn chats_are_read_soon_after_a_provider_in_trouble_is_well_again() {
    let mut place = place();
    place.far().change(|far| far.odd = 0..3);
    for chat in 0..3 {
        place.far().say(chat, NOW, false);
    }
    for _ in 0..60 {
        place.later(MINUTE_MS);
        place.look().await.unwrap();
    }
    place.far().change(|far| far.odd = 0..0);
    let at = place.later(MINUTE_MS);
    place.far().say(3, at, false);
    let first = place.poll.taking.box_key.keyed_hash("0");
    assert!(
        place
            .state
            .aside
            .values()
            .all(|aside| aside.wait_ms > HOUR_MS / 2)
    );
    place.state.aside.get_mut(&first).unwrap().wait_ms = 0;
    for _ in 0..2 {
        place.look().await.unwrap();
    }
    assert_eq!(place.count(MESSAGES).await, 4);
    place.end();
}

#[tokio::test]
async fn chats_that_cannot_be_read_and_tell_no_stamp_keep_nobody_from_being_heard() {
    let mut place = place();
    place
        .far()
        .change(|far| (far.unstamped_from, far.odd) = (0, 0..2));
    for chat in 0..7 {
        place.far().say(chat, NOW, false);
    }
    for _ in 0..4 {
        place.look().await.unwrap();
    }
    assert_eq!(place.count(MESSAGES).await, 5, "all that can be read");
    place.end();
}

#[tokio::test]
async fn a_provider_that_gives_no_lists_is_not_asked_for_each_chat() {
    let mut place = place();
    for chat in 0..50 {
        place.far().say(chat, NOW, false);
    }
    place.far().change(|far| far.odd = 0..50);
    assert!(matches!(place.look().await, Err(Unanswered::Odd)));
    assert_eq!(place.far().change(|far| far.pulled.len()), 4);
    place.end();
}

/// A message of ours that the provider took at this time, as far as it is known.
async fn taken(place: &Place, name: &'static str, state: &'static str, at: UnixMs) {
    let taken = place.poll.taking.writer.run(move |conn| {
        let amina = contact(conn, "243970000001");
        let id = queue(conn, amina, Purpose::Notice, name);
        conn.execute(
            "UPDATE outbox SET state = ?2, accepted_at = ?3 WHERE id = ?1",
            (id.0, state, at.0),
        )?;
        Ok(())
    });
    taken.await.unwrap();
}

#[tokio::test]
async fn statistics_that_nobody_can_read_keep_nothing_else_from_being_asked() {
    for (fault, works) in [
        (Unanswered::Odd, true),
        (Unanswered::TooLong, true),
        (Unanswered::Refused(133_004), true),
        (Unanswered::Refused(131_009), true),
        (Unanswered::Refused(190), false),
        (Unanswered::Refused(133_010), false),
        (Unanswered::Refused(130_429), false),
        (Unanswered::Lost, false),
    ] {
        let mut place = place();
        taken(&place, "a1", "accepted", NOW).await;
        place.far().change(|far| far.no_backlog = Some(fault));
        place.far().say(1, NOW, false);
        let looked = place.look().await;
        assert_eq!(looked.is_ok(), works, "{fault:?}");
        let news = place.far().change(|far| far.news);
        assert_eq!(news > 0, works, "{fault:?}");
        assert_eq!(place.count(MESSAGES).await, 1);
        if works {
            place.look().await.unwrap();
            let asked = place.far().change(|far| far.backlogs);
            assert_eq!(asked, 1, "not at once again");
            place.later(10 * MINUTE_MS);
            place.far().change(|far| far.no_backlog = None);
            for _ in 0..2 {
                place.look().await.unwrap();
            }
            assert_eq!(place.far().change(|far| far.backlogs), 3);
        }
        place.end();
    }
}

#[tokio::test]
async fn a_server_that_gives_fewer_messages_than_it_is_asked_for_hides_none() {
    const ON_PHONE: &str = "SELECT count(*) FROM task t JOIN address a
        ON a.contact_id = t.contact_id
        WHERE t.kind = 'read_phone' AND a.value = '243970000001'";
    const ALL: &str = "SELECT count(*) FROM task";
    for (cap, written, tasks) in [
        (Some(20), 19, 0),
        (Some(20), 21, 1),
        (Some(20), 90, 1),
        (None, 90, 0),
    ] {
        let mut place = place();
        place.far().change(|far| far.cap = cap);
        place.far().say(1, NOW, false);
        for _ in 0..2 {
            place.look().await.unwrap();
        }
        for _ in 0..written {
            let at = place.later(SECOND_MS);
            place.far().say(1, at, false);
        }
        place.later(MINUTE_MS);
        place.look().await.unwrap();
        let found = (place.count(ON_PHONE).await, place.count(ALL).await);
        assert_eq!(found, (tasks, tasks), "{cap:?} {written}");
        place.end();
    }
}

#[tokio::test]
async fn a_receipt_is_asked_for_once_the_box_has_caught_up_and_what_is_odd_is_left() {
    let mut place = place();
    taken(&place, "a1", "sent", NOW.plus_ms(-40 * HOUR_MS)).await;
    taken(&place, "a2", "accepted", NOW.plus_ms(-30 * HOUR_MS)).await;
    place.look().await.unwrap();
    let asked = |place: &Place| place.far().change(|far| std::mem::take(&mut far.receipts));
    assert!(asked(&place).is_empty(), "sends wait for the first look");
    place
        .far()
        .change(|far| far.no_receipts = Some(Unanswered::Odd));
    place.look().await.unwrap();
    assert_eq!(asked(&place), [("ob:a1".to_owned(), 1)]);
    place.far().change(|far| far.no_receipts = None);
    place.look().await.unwrap();
    assert_eq!(asked(&place), [("ob:a2".to_owned(), 1)]);
    place.look().await.unwrap();
    assert!(asked(&place).is_empty());
    place.later(6 * HOUR_MS);
    place
        .far()
        .change(|far| far.no_receipts = Some(Unanswered::Lost));
    for name in ["ob:a1", "ob:a2"] {
        place.look().await.unwrap();
        assert_eq!(asked(&place), [(name.to_owned(), 1)], "once, and no more");
        place.look().await.unwrap();
        assert!(asked(&place).is_empty());
        place.later(10 * MINUTE_MS);
    }
    place.end();
}
