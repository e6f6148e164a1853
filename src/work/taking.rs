//! The one way of items into the store, by whichever door they came: a
//! webhook, or a look into a provider's history. Nothing is acknowledged or
//! marked as seen before it returns.

use crate::core::inbound::{Identity, Item, Malformed, ReceivedItem};
use crate::core::private::Private;
use crate::core::time::UnixMs;
use crate::core::triage;
use crate::ports::Clock;
use crate::store::inbox::{self, Batch, Reception, Tally};
use crate::store::{BoxKey, Error, Health, Writer};
use crate::work::line::Line;
use crate::work::{Bells, new_codes};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What taking in works with.
#[derive(Clone)]
pub struct Taking {
    /// Where events are committed.
    pub writer: Writer,
    /// For deduplication keys.
    pub box_key: BoxKey,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The provider, as the `webhook.channel` column names it.
    pub channel: &'static str,
    /// Our number (or instance) at the provider: items for another are kept
    /// and never answered.
    pub our_id: Arc<str>,
    /// Whether the provider's stamps are good enough to learn the time from:
    /// not where anybody could have written them.
    pub vouched: bool,
    /// The contact's quiet time, ms.
    pub quiet_ms: i64,
    /// Rung after each commit.
    pub bells: Bells,
    /// Told what comes back because of the account.
    pub line: Line,
}

/// The items of a body. One that the parser breaks off on is a dead letter as a
/// whole: its sender would only send it again.
pub fn items_of(body: &[u8], parse: impl FnOnce(&[u8]) -> Vec<ReceivedItem>) -> Vec<ReceivedItem> {
    catch_unwind(AssertUnwindSafe(|| parse(body))).unwrap_or_else(|_| {
        tracing::error!("a body that broke the parser was put aside");
        let raw = Private::new(String::from_utf8_lossy(body).into_owned());
        vec![ReceivedItem {
            dedup: Private::new(format!("broken:{}", raw.as_str())),
            phone_number_id: None,
            content: Err(Malformed {
                why: "the parser broke off".to_owned(),
                from: Identity::default(),
                raw,
            }),
        }]
    })
}

impl Taking {
    /// Commits a body and its items. One that cannot be stored, whatever is
    /// tried, becomes a dead letter. What follows for the rest of the box follows
    /// the commit, whether or not the caller still waits for it: a sender that
    /// hangs up tries again, and then everything is known already.
    ///
    /// # Errors
    /// Whatever the database reports; nothing is stored then.
    pub async fn take(
        &self,
        body: impl AsRef<[u8]> + Send + 'static,
        items: Vec<ReceivedItem>,
    ) -> Result<Tally, Error> {
        if self.writer.health() == Health::Full {
            // The reserve that was given free is for sends and deletions; whoever
            // has the items keeps them until there is room again.
            return Err(Error::Full);
        }
        let stamped = items.iter().filter_map(ReceivedItem::stamped).max();
        if let Some(stamped) = stamped.filter(|_| self.vouched) {
            self.clock.learn(stamped);
        }
        for item in &items {
            if let Ok(Item::Status(status)) = &item.content {
                status
                    .errors
                    .iter()
                    .for_each(|error| new_codes::warn_of(error, 0));
            }
        }
        let now = self.clock.now().at;
        let batch = Batch::prepare(&self.reception(), items);
        let taker = self.clone();
        let job = move |conn: &_, how| {
            inbox::receive_batch(conn, &taker.reception(), body.as_ref(), &batch, now, how)
        };
        let taker = self.clone();
        let follow = move |tally: &Tally| taker.tell(tally, now);
        self.writer.run_repeatable_then(job, follow).await
    }

    /// Tells the rest of the box what was taken in.
    fn tell(&self, tally: &Tally, now: UnixMs) {
        if tally.messages > 0 {
            self.bells.intake.ring();
        }
        if let Some(taken_at) = tally.served {
            self.line.serves(taken_at, now);
        }
        if let Some(error) = &tally.refused {
            self.line.gives_back(error, now);
        }
        if tally.statuses > 0 {
            self.bells.sender.ring();
            self.bells.heard.ring();
        }
    }

    fn reception(&self) -> Reception<'_> {
        Reception {
            box_key: &self.box_key,
            channel: self.channel,
            phone_number_id: &self.our_id,
            quiet_ms: self.quiet_ms,
            is_urgent,
        }
    }
}

fn is_urgent(words: &str) -> bool {
    triage::find_danger(words, None).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::inbound::{ProviderError, Receipt, Status};
    use crate::core::outgoing::Purpose;
    use crate::core::time::{MINUTE_MS, Now};
    use crate::store::tests::{box_key, contact, count, db, message, phone, queue};
    use crate::work::line::LineState;
    use futures_util::FutureExt;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Now {
            Now {
                at: UnixMs(2_000),
                trusted: true,
            }
        }
    }

    fn taking(writer: &Writer) -> Taking {
        Taking {
            writer: writer.clone(),
            box_key: box_key(),
            clock: Arc::new(Still),
            channel: "cloud",
            our_id: "1".into(),
            vouched: false,
            quiet_ms: 0,
            bells: Bells::default(),
            line: Line::default(),
        }
    }

    fn news(wamid: &str, receipt: Receipt, code: Option<i64>) -> ReceivedItem {
        let error = |code| ProviderError {
            code,
            subcode: None,
        };
        ReceivedItem {
            dedup: format!("{wamid} {receipt:?}").into(),
            phone_number_id: Some("1".into()),
            content: Ok(Item::Status(Status {
                id: wamid.into(),
                receipt,
                stamped: UnixMs(1_500),
                recipient: Identity::default(),
                callback: None,
                errors: code.map(error).into_iter().collect(),
                category: None,
                billable: false,
            })),
        }
    }

    /// Two messages that the provider has taken, one of them later than now.
    fn taken() -> rusqlite::Connection {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        for (n, at) in [(1, 1_000), (2, 3_000)] {
            let id = queue(&conn, amina, Purpose::Notice, &format!("a{n}"));
            conn.execute(
                "UPDATE outbox SET state = 'accepted', accepted_at = ?2, wamid_key = ?3 WHERE id = ?1",
                (id.0, at, box_key().keyed_hash(&format!("w{n}"))),
            )
            .unwrap();
        }
        conn
    }

    #[tokio::test]
    async fn one_item_that_cannot_be_stored_costs_its_batch_mates_nothing() {
        let conn = taken();
        conn.execute_batch("UPDATE outbox SET state = 'hovering' WHERE key = 'ob:a1'")
            .unwrap();
        let (writer, thread) = Writer::start(conn, None).unwrap();
        let taking = taking(&writer);
        let said = |id, words| message(id, phone("243970000002"), UnixMs(1_500), words);
        let items = vec![
            said("m1", "hello"),
            news("w1", Receipt::Delivered, None),
            said("m2", "there"),
        ];
        let tally = taking.take("{}", items.clone()).await.unwrap();
        assert_eq!((tally.messages, tally.dead), (2, 1));
        let again = taking.take("{}", items).await.unwrap();
        assert_eq!(again.duplicates, 3);
        drop((taking, writer));
        thread.stop().unwrap();
    }

    #[tokio::test]
    async fn a_body_that_breaks_the_parser_is_a_dead_letter_as_a_whole() {
        let (writer, thread) = Writer::start(db(), None).unwrap();
        let taking = taking(&writer);
        let body = "planted words";
        for dead in [1, 0] {
            let items = items_of(body.as_bytes(), |_| panic!("a planted fault"));
            let tally = taking.take(body, items).await.unwrap();
            assert_eq!(tally.dead, dead, "once, however often it comes");
        }
        let kept = "SELECT count(*) FROM inbox WHERE state = 'dead' AND item = 'planted words'";
        let kept = writer.run(move |conn| Ok(count(conn, kept))).await;
        assert_eq!(kept.unwrap(), 1);
        drop((taking, writer));
        thread.stop().unwrap();
    }

    #[tokio::test]
    async fn an_account_that_is_locked_stops_the_line_though_nothing_was_sent() {
        let (writer, thread) = Writer::start(db(), None).unwrap();
        let taking = taking(&writer);
        let body = br#"{"object":"whatsapp_business_account","entry":[{"id":"9","changes":[
            {"field":"messages","value":{"metadata":{"phone_number_id":"1"},
             "errors":[{"code":131031,"title":"Account has been locked"}]}}]}]}"#;
        let items = crate::whatsapp::cloud::parse(body);
        taking.take("{}", items).await.unwrap();
        assert_eq!(taking.line.state(), LineState::Misconfigured);
        let tasks = "SELECT count(*) FROM task WHERE kind = 'account_refused'";
        let opened = writer
            .run(move |conn| Ok(count(conn, tasks)))
            .await
            .unwrap();
        assert_eq!(opened, 1);
        drop((taking, writer));
        thread.stop().unwrap();
    }

    #[tokio::test]
    async fn a_sender_that_hangs_up_during_the_commit_takes_no_news_along() {
        let (writer, thread) = Writer::start(taken(), None).unwrap();
        let taking = taking(&writer);
        let unpaid = || vec![news("w1", Receipt::Failed, Some(131_042))];
        let (go, wait) = std::sync::mpsc::sync_channel::<()>(0);
        let mut slow_disk = Box::pin(writer.run(move |_| Ok(wait.recv().is_err())));
        assert!((&mut slow_disk).now_or_never().is_none());
        // One look sees it handed to the writer, whose answer nobody awaits.
        assert!(taking.take("{}", unpaid()).now_or_never().is_none());
        drop(go);
        assert!(slow_disk.await.unwrap());
        writer.run(|_| Ok(())).await.unwrap();
        assert_eq!(taking.line.state(), LineState::Misconfigured);
        assert!(taking.bells.sender.rung().now_or_never().is_some());
        let again = taking.take("{}", unpaid()).await.unwrap();
        assert_eq!((again.duplicates, again.refused), (1, None));
        drop((taking, writer));
        thread.stop().unwrap();
    }

    #[tokio::test]
    async fn what_comes_back_because_of_the_account_stops_the_line() {
        let (writer, thread) = Writer::start(taken(), None).unwrap();
        let taking = taking(&writer);
        let unpaid = news("w1", Receipt::Failed, Some(131_042));
        taking.take("{}", vec![unpaid]).await.unwrap();
        assert_eq!(taking.line.state(), LineState::Misconfigured);
        let wait_ms = || taking.line.plan(UnixMs(2_000)).wait_ms;
        assert!(wait_ms() > MINUTE_MS);
        let later = news("w2", Receipt::Delivered, None);
        taking.take("{}", vec![later]).await.unwrap();
        assert!(wait_ms() < MINUTE_MS, "one that was taken since arrived");
        let tasks = "SELECT count(*) FROM task WHERE kind = 'account_refused'";
        let opened = writer
            .run(move |conn| Ok(count(conn, tasks)))
            .await
            .unwrap();
        assert_eq!(opened, 1);
        drop((taking, writer));
        thread.stop().unwrap();
    }
}
