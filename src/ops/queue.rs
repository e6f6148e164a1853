//! The outbound queue at the command line.

use super::{Caller, Changed, Context, LineFacts, QueueLine, Response};
use crate::core::access::Action;
use crate::core::delivery::{DeliveryState, why_now};
use crate::core::id::OutboxId;
use crate::core::limits;
use crate::core::time::UnixMs;
use crate::store::Error;
use crate::store::audit::{self, Deed};
use crate::store::queue::{self, Queued};

/// The reason that counts; nobody sees the line where no service runs.
fn reason(state: DeliveryState, noted: Option<String>, line: Option<&LineFacts>) -> Option<String> {
    let Some(line) = line else {
        return noted;
    };
    why_now(state, noted.as_deref(), line.why.as_deref()).map(str::to_owned)
}

fn line(queued: Queued, facts: Option<&LineFacts>) -> QueueLine {
    QueueLine {
        id: queued.id,
        contact: queued.contact.0,
        purpose: queued.purpose,
        state: queued.state.word().to_owned(),
        why: reason(queued.state, queued.why, facts),
        attempts: queued.attempts,
        maybe_double: queued.maybe_double,
        created_at: queued.created_at,
        updated_at: queued.updated_at,
    }
}

/// The latest messages and the counts.
pub(super) async fn list(
    context: &Context,
    waiting: bool,
    limit: usize,
) -> Result<Response, Error> {
    let limit = limit.min(limits::RECORDS_LISTED_MAX);
    let (found, summary) = context
        .readers
        .read(move |conn| Ok((queue::list(conn, waiting, limit)?, queue::summary(conn)?)))
        .await?;
    let facts = context.line.as_ref().map(|see| see());
    let shown = |queued| line(queued, facts.as_ref());
    Ok(Response::Queue {
        list: found.into_iter().map(shown).collect(),
        counts: summary.counts,
        oldest: summary.oldest,
        line: facts,
    })
}

fn missing() -> Response {
    Response::refused(
        "there is no message of that number",
        "healthpost outbox list shows the latest",
    )
}

/// One message with its words, for staff who may read answers.
pub(super) async fn show(
    context: &Context,
    caller: &Caller,
    id: OutboxId,
) -> Result<Response, Error> {
    let actor = match caller.allowed(Action::ReadAnswers) {
        Ok(actor) => actor,
        Err(refusal) => return Ok(*refusal),
    };
    let Some((queued, text)) = context
        .readers
        .read(move |conn| queue::show(conn, id))
        .await?
    else {
        return Ok(missing());
    };
    note(context, actor, "outbox.read", id).await?;
    let facts = context.line.as_ref().map(|see| see());
    Ok(Response::Message {
        line: line(queued, facts.as_ref()),
        text,
    })
}

/// Puts a message back into the queue, and says under which number.
pub(super) async fn retry(context: &Context, id: OutboxId) -> Result<Response, Error> {
    change(context, id, "outbox.retry", queue::retry).await
}

/// Withdraws a message.
pub(super) async fn cancel(context: &Context, id: OutboxId) -> Result<Response, Error> {
    change(context, id, "outbox.cancel", |conn, id, at| {
        Ok(queue::cancel(conn, id, at)?.then_some(id))
    })
    .await
}

/// Gives the number under which the message stands afterwards; none if it stayed
/// as it was.
type Change = fn(&rusqlite::Connection, OutboxId, UnixMs) -> Result<Option<OutboxId>, Error>;

async fn change(
    context: &Context,
    id: OutboxId,
    action: &'static str,
    change: Change,
) -> Result<Response, Error> {
    let at = context.clock.now().at;
    let done = context
        .writer
        .run(move |conn| {
            let changed = change(conn, id, at)?;
            if changed.is_some() {
                audit::append(conn, &deed("command line", action, &subject(id), at))?;
            } else if !queue::exists(conn, id)? {
                return Ok(None);
            }
            Ok(Some(changed))
        })
        .await?;
    match done {
        None => Ok(missing()),
        Some(None) => Ok(Response::refused(
            "the message is past the point where that can be done",
            "healthpost outbox list shows where it stands",
        )),
        Some(Some(id)) => {
            context.tell(Changed::Outbox).await;
            Ok(Response::MessageChanged { id })
        }
    }
}

async fn note(
    context: &Context,
    actor: String,
    action: &'static str,
    id: OutboxId,
) -> Result<(), Error> {
    let at = context.clock.now().at;
    context
        .writer
        .run(move |conn| audit::append(conn, &deed(&actor, action, &subject(id), at)))
        .await
}

fn subject(id: OutboxId) -> String {
    format!("outbox:{id}")
}

fn deed<'a>(actor: &'a str, action: &'a str, subject: &'a str, at: UnixMs) -> Deed<'a> {
    Deed {
        at,
        actor,
        action,
        subject,
        detail: "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_line_says_how_the_line_stands_now() {
        let line = |why: Option<&str>| LineFacts {
            state: String::new(),
            words: String::new(),
            why: why.map(str::to_owned),
        };
        let (queued, sent) = (DeliveryState::Queued, DeliveryState::Sent);
        let down = Some("line_down");
        for (state, noted, now, told) in [
            (queued, None, down, down),
            (queued, Some("configuration"), down, down),
            (queued, down, Some("configuration"), Some("configuration")),
            (queued, down, None, None),
            (queued, None, None, None),
            // What it was told itself holds whatever the line does.
            (
                queued,
                Some("throttled_contact"),
                down,
                Some("throttled_contact"),
            ),
            (queued, Some("provider_error"), None, Some("provider_error")),
            (sent, down, None, down),
            (
                DeliveryState::Held,
                Some("window_closed"),
                down,
                Some("window_closed"),
            ),
        ] {
            let found = reason(state, noted.map(str::to_owned), Some(&line(now)));
            assert_eq!(found.as_deref(), told, "{state:?} {noted:?} {now:?}");
        }
        // Nobody sees the line where no service runs.
        assert_eq!(
            reason(queued, down.map(str::to_owned), None).as_deref(),
            down
        );
    }
}
