//! Whether UltraMsg has a message of ours, looked for by its reference in the
//! list of what it took.
//!
//! What is said not to be there leaves once more. So nothing in here may say so of
//! a list that was not seen to its end, or to where the message would have to be,
//! with every row of it read.

use super::client::UltraMsgClient;
use super::wire::{self, Queued};
use super::{news, verdict};
use crate::core::id::OutboxKey;
use crate::core::limits::{PROVIDER_LIST_BYTES_MAX, RECONCILE_PAGES_MAX};
use crate::core::time::{HOUR_MS, Now, UnixMs};
use crate::ports::{Reconciled, Unanswered};
use crate::whatsapp::json::{Raw, Words, members, stamp};
use std::collections::BTreeSet;

/// Messages asked for on one page. UltraMsg may give fewer.
const PAGE_ROWS: usize = 50;
/// By how much its clock and ours may differ, ms.
const CLOCKS_MS: i64 = HOUR_MS;

/// Looks for a message, the newest first.
pub(super) async fn find(
    client: &UltraMsgClient,
    key: &OutboxKey,
) -> Result<Reconciled, Unanswered> {
    let mut search = Search::new(key, client.now());
    for page in 1..=RECONCILE_PAGES_MAX {
        let text = page_of(client, key, page, PAGE_ROWS).await?;
        let rows = wire::list(&text, "messages").ok_or(Unanswered::Odd)?;
        search.read(&rows);
        if let Some(told) = search.told(&client.instance) {
            return Ok(told);
        }
    }
    Ok(Reconciled::Unsure)
}

/// A page of the list of messages in which this one is looked for.
pub(super) async fn page_of(
    client: &UltraMsgClient,
    key: &OutboxKey,
    page: usize,
    rows: usize,
) -> Result<String, Unanswered> {
    let (page, rows) = (page.to_string(), rows.to_string());
    // Whether the reference narrows the list is not documented: what comes
    // back is searched all the same.
    let query = [
        ("page", page.as_str()),
        ("limit", rows.as_str()),
        ("status", "all"),
        ("sort", "desc"),
        ("referenceId", key.0.as_str()),
    ];
    client
        .listing(&["messages"], &query, PROVIDER_LIST_BYTES_MAX)
        .await
}

/// How far the list was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// There may be more.
    Further,
    /// Whatever is left cannot be the message.
    Over,
    /// It does not go on, and nobody can tell whether that was all.
    Stuck,
}

/// What the pages read so far have told.
struct Search<'k> {
    key: &'k OutboxKey,
    /// What was taken before this is not the message; none if our clock cannot
    /// tell.
    before: Option<UnixMs>,
    /// Ids of the message: more than one is a double.
    found: Vec<String>,
    /// Rows that may be the message too, for all that can be read of them.
    unread: usize,
    seen: BTreeSet<String>,
    /// The stamp read last; rows that rise again are in no order.
    last: Option<UnixMs>,
    ordered: bool,
    reach: Reach,
}

impl<'k> Search<'k> {
    /// The key tells when the message was queued, if our clock was right then. One
    /// that seems to be of a time to come was made by a clock that was ahead.
    fn new(key: &'k OutboxKey, now: Now) -> Self {
        let made_at = key.made_at().filter(|at| now.trusted && *at <= now.at);
        Self {
            key,
            before: made_at.map(|at| at.plus_ms(-CLOCKS_MS)),
            found: Vec::new(),
            unread: 0,
            seen: BTreeSet::new(),
            last: None,
            ordered: true,
            reach: Reach::Further,
        }
    }

    /// Reads one page. A short one proves nothing: the server may give fewer rows
    /// than it is asked for.
    fn read(&mut self, rows: &[Raw<'_>]) {
        let mut news = false;
        let mut older = false;
        for raw in rows {
            let known = members(raw.get());
            let read = serde_json::from_str::<Queued<'_>>(raw.get()).ok();
            let Some(row) = read.filter(|_| known.contains_key("referenceId")) else {
                self.unread += 1;
                continue;
            };
            news |= self.seen.insert(row.id.as_str().to_owned());
            older |= self.is_older(&row);
            self.note(&row);
        }
        self.reach = if rows.is_empty() || (older && self.ordered) {
            Reach::Over
        } else if news {
            Reach::Further
        } else {
            Reach::Stuck
        };
    }

    fn note(&mut self, row: &Queued<'_>) {
        let reference = row.reference.as_ref().map(Words::as_str);
        if reference != Some(self.key.0.as_str()) {
            return;
        }
        // What was given up is an earlier try of it, under the same reference.
        let given_up = wire::text(row.status).is_some_and(|status| news::is_given_up(&status));
        let id = row.id.as_str();
        if !given_up && !self.found.iter().any(|known| known == id) {
            self.found.push(id.to_owned());
        }
    }

    /// Whether a row was taken before the message can have been.
    fn is_older(&mut self, row: &Queued<'_>) -> bool {
        let Some(at) = row.created_at.and_then(stamp).filter(|at| at.0 > 0) else {
            return false;
        };
        self.ordered &= self.last.is_none_or(|last| at <= last);
        self.last = Some(at);
        self.before.is_some_and(|before| at < before)
    }

    /// What follows; none while the next page may tell more.
    fn told(&self, instance: &str) -> Option<Reconciled> {
        // A copy of it lies near it: the list is in order of arrival.
        if let Some(id) = self.found.first() {
            return Some(Reconciled::There {
                wamid: verdict::queue_id(instance, id),
                copies: self.found.len() + self.unread,
            });
        }
        match self.reach {
            Reach::Further => None,
            Reach::Over if self.unread == 0 => Some(Reconciled::Absent),
            Reach::Over | Reach::Stuck => Some(Reconciled::Unsure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whatsapp::json::elements;
    use serde_json::{Value, json};

    const NOW: UnixMs = UnixMs(1_795_168_800_000);

    fn row(id: u64, reference: &str, minutes_ago: i64) -> Value {
        let at = NOW.0 / 1_000 - minutes_ago * 60;
        json!({ "id": id, "referenceId": reference, "status": "sent", "created_at": at })
    }

    /// What is told after each page, of a message queued half an hour ago.
    fn told(trusted: bool, pages: &[Vec<Value>]) -> Vec<Option<Reconciled>> {
        let key = OutboxKey::new(NOW.plus_ms(-HOUR_MS / 2), [7; 10]);
        let mut search = Search::new(&key, Now { at: NOW, trusted });
        let after = |page: &Vec<Value>| {
            let text = Value::from(page.clone()).to_string();
            let text = text.replace("OURS", &key.0);
            let raw: Raw<'_> = serde_json::from_str(&text).unwrap();
            search.read(&elements(raw).unwrap());
            search.told("1")
        };
        pages.iter().map(after).collect()
    }

    fn there(copies: usize) -> Option<Reconciled> {
        let wamid = verdict::queue_id("1", "5");
        Some(Reconciled::There { wamid, copies })
    }

    #[test]
    fn a_short_page_is_not_the_end_and_an_empty_one_is() {
        let first = vec![row(9, "ob:a", 1), row(8, "", 2)];
        let second = vec![row(7, "ob:b", 3)];
        let pages = [first.clone(), second, vec![]];
        let absent = Some(Reconciled::Absent);
        assert_eq!(told(true, &pages), [None, None, absent.clone()]);
        assert_eq!(told(true, &[vec![]]), [absent], "a list that is narrowed");
        let again = [first.clone(), first];
        assert_eq!(told(true, &again), [None, Some(Reconciled::Unsure)]);
    }

    #[test]
    fn what_was_taken_before_the_message_is_below_it_where_the_clock_is_right() {
        let pages = [vec![row(9, "ob:a", 1), row(8, "ob:b", 91)]];
        assert_eq!(told(true, &pages), [Some(Reconciled::Absent)]);
        assert_eq!(told(false, &pages), [None]);
        let near = [vec![row(9, "ob:a", 1), row(8, "ob:b", 89)]];
        assert_eq!(told(true, &near), [None], "the clocks may differ");
        let rising = [vec![row(8, "ob:b", 91), row(9, "ob:a", 1)]];
        assert_eq!(told(true, &rising), [None], "the oldest come first");
        let ahead = OutboxKey::new(NOW.plus_ms(1), [7; 10]);
        let now = Now {
            at: NOW,
            trusted: true,
        };
        assert_eq!(Search::new(&ahead, now).before, None);
        assert_eq!(Search::new(&OutboxKey("ob:x".into()), now).before, None);
    }

    #[test]
    fn a_row_that_cannot_be_read_may_be_the_message() {
        let odd = [
            json!("odd"),
            json!({ "id": 8, "referenceId": {} }),
            json!({ "id": 8, "status": "sent" }),
            json!({ "id": [8], "referenceId": "ob:b" }),
        ];
        for odd in odd {
            let pages = [vec![row(9, "ob:a", 1), odd.clone()], vec![]];
            let told = told(true, &pages);
            assert_eq!(told, [None, Some(Reconciled::Unsure)], "{odd}");
        }
        let beside = [vec![json!("odd"), row(5, "OURS", 1)]];
        assert_eq!(told(true, &beside), [there(2)], "it may be a copy");
        let nobodys = json!({ "id": 8, "referenceId": null });
        let pages = [vec![nobodys], vec![]];
        assert_eq!(told(true, &pages)[1], Some(Reconciled::Absent));
    }

    #[test]
    fn copies_are_counted_once_each_and_not_what_was_given_up() {
        let mut expired = row(4, "OURS", 1);
        expired["status"] = json!("expired");
        let ours = row(5, "OURS", 1);
        let page = vec![ours.clone(), row(6, "OURS", 1), ours, expired.clone()];
        assert_eq!(told(true, &[page]), [there(2)]);
        let absent = Some(Reconciled::Absent);
        assert_eq!(told(true, &[vec![expired], vec![]])[1], absent);
    }
}
