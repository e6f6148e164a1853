//! The overview: the line, what is to be done, records, conversations, queue.

use super::view::{self, OverviewPage, QueueLine, RecordLine, TalkCard, TaskCard};
use super::{Console, broken, page};
use crate::core::answers::Value;
use crate::core::delivery::Why;
use crate::core::engine::Triage;
use crate::core::id::ContactId;
use crate::core::private::Private;
use crate::core::tasks::Kind;
use crate::store::conversations::Conversation;
use crate::store::queue::{Queued, Summary};
use crate::store::records::Record;
use crate::store::tasks::Task;
use crate::store::{Error, conversations, queue, records, tasks};
use axum::extract::State;
use axum::response::Response;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Rows of each list on the page.
const SHOWN: usize = 30;

/// How each contact that is spoken of is shown.
type Titles = BTreeMap<ContactId, Private<String>>;

struct Found {
    summary: Summary,
    /// Each with the number to call.
    tasks: Vec<(Task, Option<Private<String>>)>,
    titles: Titles,
    records: Vec<Record>,
    conversations: Vec<Conversation>,
    queue: Vec<Queued>,
}

async fn draw(console: &Console) -> Result<Response, Error> {
    let found = console.readers.read(read).await?;
    let now = console.clock.now().at;
    let zone = &console.zone;
    let line = console.line.state();
    let waits = console.line.why();
    Ok(page(&OverviewPage {
        clinic: &console.clinic,
        line: line.word(),
        headline: view::headline(line),
        line_words: line.explain(),
        waiting: found.summary.waiting,
        oldest: found.summary.oldest.map(|at| view::age(at, now)),
        tasks: found
            .tasks
            .iter()
            .map(|(t, n)| task(t, n.as_ref(), &found.titles, zone))
            .collect(),
        records: found.records.iter().map(|r| record(r, zone)).collect(),
        conversations: found.conversations.iter().map(|c| talk(c, zone)).collect(),
        queue: found
            .queue
            .iter()
            .map(|q| queued(q, waits, &found.titles, zone))
            .collect(),
    }))
}

/// `GET /`.
pub(super) async fn show(State(console): State<Console>) -> Response {
    draw(&console).await.unwrap_or_else(|error| broken(&error))
}

fn read(conn: &Connection) -> Result<Found, Error> {
    let mut to_do = Vec::new();
    for task in tasks::list_open(conn, SHOWN)? {
        let number = match task.contact {
            Some(contact) => conversations::number(conn, contact)?,
            None => None,
        };
        to_do.push((task, number));
    }
    let queue = queue::list(conn, false, SHOWN)?;
    let mut titles = Titles::new();
    let talked_of = to_do.iter().filter_map(|(task, _)| task.contact);
    for contact in talked_of.chain(queue.iter().map(|item| item.contact)) {
        if let Entry::Vacant(free) = titles.entry(contact) {
            free.insert(conversations::title(conn, contact)?);
        }
    }
    Ok(Found {
        summary: queue::summary(conn)?,
        tasks: to_do,
        titles,
        records: records::latest(conn, SHOWN)?,
        conversations: conversations::latest(conn, SHOWN)?,
        queue,
    })
}

fn title(titles: &Titles, contact: ContactId) -> String {
    titles.get(&contact).map(view::shown).unwrap_or_default()
}

fn task(
    task: &Task,
    number: Option<&Private<String>>,
    titles: &Titles,
    zone: &TimeZone,
) -> TaskCard {
    let kind: Option<Kind> = task.kind.parse().ok();
    let what = kind.map_or_else(
        || task.kind.clone(),
        |kind| format!("{}: {}", kind.title(), kind.what_to_do()),
    );
    TaskCard {
        what,
        urgent: kind == Some(Kind::DangerSign),
        contact: task.contact.map(|c| c.0),
        title: task.contact.map(|c| title(titles, c)).unwrap_or_default(),
        number: number.map(|number| number.expose().clone()),
        record: task.record.clone(),
        at: view::clock_time(task.created_at, zone),
    }
}

fn record(record: &Record, zone: &TimeZone) -> RecordLine {
    let text = |field: &str| match record.fields.get(field) {
        Some(Value::Text { text }) => view::shown(text),
        Some(_) | None => String::new(),
    };
    RecordLine {
        id: record.id.as_str().to_owned(),
        patient: text("patient_name"),
        complaint: view::in_short(&text("complaint")),
        urgent: record.triage == Triage::Urgent,
        status: view::status(record.status),
        at: view::clock_time(record.created_at, zone),
    }
}

fn talk(talk: &Conversation, zone: &TimeZone) -> TalkCard {
    TalkCard {
        id: talk.contact.0,
        title: view::shown(&talk.title),
        waiting: talk.waiting,
        flagged: talk.flag.is_some(),
        at: view::clock_time(talk.last_at, zone),
    }
}

fn queued(item: &Queued, waits: Option<Why>, titles: &Titles, zone: &TimeZone) -> QueueLine {
    QueueLine {
        id: item.id.0,
        contact: item.contact.0,
        title: title(titles, item.contact),
        purpose: view::purpose(&item.purpose).to_owned(),
        state: item.state.word(),
        words: view::state_words(item.state, item.why.as_deref(), waits),
        maybe_double: item.maybe_double,
        at: view::clock_time(item.created_at, zone),
    }
}
