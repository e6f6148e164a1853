//! What staff have to do: listed, shown, taken on, ended. Tasks about patients are
//! for those who may see that records exist; the technician's own are for them too.
//! Whom a task is about, and what was said, is for those who may read answers.

use super::provider_wire::{SaidLine, TaskLine, WhoLine};
use super::{Caller, Context, Response};
use crate::core::access::Action;
use crate::core::id::{ContactId, StaffId, TaskId};
use crate::core::limits;
use crate::core::tasks::{Kind, Outcome};
use crate::store::audit::{self, Deed};
use crate::store::conversations::{self, Side};
use crate::store::tasks::{self, Change, Task};
use crate::store::{Error, contacts, records};
use rusqlite::Connection;

/// Messages of a conversation that are shown with a task.
const MESSAGES_SHOWN: usize = 20;

/// What of the tasks somebody may see.
enum Sight {
    All,
    TechnicalOnly,
}

fn sight(caller: &Caller) -> Result<(StaffId, Sight), Box<Response>> {
    match caller.staff_allowed(Action::ReadRecords) {
        Ok(staff) => Ok((staff, Sight::All)),
        Err(refusal) => match caller.staff_allowed(Action::Service) {
            Ok(staff) => Ok((staff, Sight::TechnicalOnly)),
            Err(_) => Err(refusal),
        },
    }
}

impl Sight {
    fn list(&self, conn: &Connection, all: bool, limit: usize) -> Result<Vec<Task>, Error> {
        match (self, all) {
            (Self::TechnicalOnly, _) => tasks::list_technical(conn, all, limit),
            (Self::All, true) => tasks::list_all(conn, limit),
            (Self::All, false) => tasks::list_open(conn, limit),
        }
    }

    fn covers(&self, task: &Task) -> bool {
        let kind: Option<Kind> = task.kind.parse().ok();
        match self {
            Self::All => true,
            Self::TechnicalOnly => kind.is_some_and(|kind| !kind.concerns_patient()),
        }
    }
}

fn line(task: Task) -> TaskLine {
    let kind: Option<Kind> = task.kind.parse().ok();
    TaskLine {
        id: task.id,
        what: kind.map_or_else(|| task.kind.clone(), |kind| kind.title().to_owned()),
        to_do: kind.map_or("", |kind| kind.what_to_do()).to_owned(),
        kind: task.kind,
        contact: task.contact.map(|contact| contact.0),
        record: task.record,
        message: task.outbox.map(|message| message.0),
        detail: task.detail,
        since: task.created_at,
        claimed_by: task.claimed.map(|(staff, _)| staff.0),
        claimed_by_name: task.claimer,
        outcome: task.ended.map(|(outcome, _)| outcome),
    }
}

/// The open tasks, or the latest of all. The look is noted before anything is
/// shown.
pub(super) async fn list(
    context: &Context,
    caller: &Caller,
    all: bool,
    limit: usize,
) -> Result<Response, Error> {
    let (staff, sight) = match sight(caller) {
        Ok(seen) => seen,
        Err(refusal) => return Ok(*refusal),
    };
    note(
        context,
        format!("staff:{staff}"),
        "task.list",
        "tasks".to_owned(),
    )
    .await?;
    let limit = limit.min(limits::RECORDS_LISTED_MAX);
    let found = context
        .readers
        .read(move |conn| sight.list(conn, all, limit))
        .await?;
    Ok(Response::Tasks {
        list: found.into_iter().map(line).collect(),
    })
}

/// One task with the number to call and the conversation. The look is noted
/// before anything is shown.
pub(super) async fn show(
    context: &Context,
    caller: &Caller,
    id: TaskId,
) -> Result<Response, Error> {
    let actor = match caller.allowed(Action::ReadAnswers) {
        Ok(actor) => actor,
        Err(refusal) => return Ok(*refusal),
    };
    let found = context
        .readers
        .read(move |conn| match tasks::find(conn, id)? {
            Some(task) => Ok(Some((whom(conn, &task)?, task))),
            None => Ok(None),
        });
    let Some((who, task)) = found.await? else {
        return Ok(missing());
    };
    note(context, actor, "task.read", format!("task:{id}")).await?;
    Ok(Response::Task {
        line: Box::new(line(task)),
        who: who.map(Box::new),
    })
}

async fn note(
    context: &Context,
    actor: String,
    action: &'static str,
    subject: String,
) -> Result<(), Error> {
    let at = context.clock.now().at;
    let noting = context.writer.run(move |conn| {
        let deed = Deed {
            at,
            actor: &actor,
            action,
            subject: &subject,
            detail: "",
        };
        audit::append(conn, &deed)
    });
    noting.await
}

fn whom(conn: &Connection, task: &Task) -> Result<Option<WhoLine>, Error> {
    let of_record = || -> Result<Option<ContactId>, Error> {
        let id = task.record.as_ref().and_then(|id| id.parse().ok());
        let record = id.map(|id| records::find(conn, &id)).transpose()?;
        Ok(record.flatten().and_then(|record| record.contact))
    };
    let contact = match task.contact {
        Some(contact) => Some(contact),
        None => of_record()?,
    };
    let Some(contact) = contact else {
        return Ok(None);
    };
    let address = contacts::address_of(conn, contact)?;
    let said = conversations::messages(conn, contact, MESSAGES_SHOWN)?;
    let messages = said.into_iter().map(|line| SaidLine {
        ours: line.side == Side::Clinic,
        at: line.at,
        state: line.state.map(|state| state.word().to_owned()),
        text: line.text,
    });
    Ok(Some(WhoLine {
        phone: address.phone,
        username: address.username,
        profile_name: address.profile_name,
        messages: messages.collect(),
    }))
}

fn missing() -> Response {
    Response::refused(
        "there is no task of that number",
        "healthpost tasks list shows what is open",
    )
}

/// Takes a task on.
pub(super) async fn claim(
    context: &Context,
    caller: &Caller,
    id: TaskId,
) -> Result<Response, Error> {
    change(context, caller, id, move |conn, staff, at| {
        tasks::claim(conn, id, staff, at)
    })
    .await
}

/// Ends a task.
pub(super) async fn end(
    context: &Context,
    caller: &Caller,
    id: TaskId,
    outcome: String,
) -> Result<Response, Error> {
    let Ok(outcome) = outcome.parse::<Outcome>() else {
        return Ok(Response::wrong_usage(
            "that is no outcome",
            "write done, could_not_reach or not_needed",
        ));
    };
    change(context, caller, id, move |conn, staff, at| {
        tasks::end(conn, id, staff, outcome, at)
    })
    .await
}

async fn change(
    context: &Context,
    caller: &Caller,
    id: TaskId,
    change: impl FnOnce(&Connection, StaffId, crate::core::time::UnixMs) -> Result<Change, Error>
    + Send
    + 'static,
) -> Result<Response, Error> {
    let (staff, sight) = match sight(caller) {
        Ok(seen) => seen,
        Err(refusal) => return Ok(*refusal),
    };
    let at = context.clock.now().at;
    let changed = context
        .writer
        .run(move |conn| match tasks::find(conn, id)? {
            Some(task) if sight.covers(&task) => change(conn, staff, at),
            Some(_) | None => Ok(Change::Missing),
        })
        .await?;
    Ok(match changed {
        Change::Made => Response::Done,
        Change::Missing => missing(),
        Change::Taken => Response::refused(
            "somebody else has taken it on",
            "healthpost tasks list shows who",
        ),
        Change::Over => Response::refused("it is done already", "healthpost tasks list --all"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data_key::DataKey;
    use crate::core::time::UnixMs;
    use crate::ops::Request;
    use crate::ops::sign_in::tests::{close, context, deeds, marthe};
    use crate::store::open;
    use crate::store::tasks::NewTask;
    use crate::store::tests::{contact, db};

    #[test]
    fn the_technicians_alerts_are_found_behind_any_number_of_patients_tasks() {
        let conn = db();
        let amina = contact(&conn, "243970000001");
        for n in 0..70 {
            let (detail, technical) = (n.to_string(), n == 69);
            let task = if technical {
                NewTask::of(Kind::TemplateRefused)
            } else {
                NewTask::of(Kind::ReadConversation).contact(amina)
            };
            tasks::open(&conn, &task.about(&detail), UnixMs(n)).unwrap();
        }
        // A kind that this program does not know may be about a patient.
        conn.execute("UPDATE task SET kind = 'unheard_of' WHERE id = 1", [])
            .unwrap();
        let seen = |sight: Sight, all| -> Vec<String> {
            let found = sight.list(&conn, all, 50).unwrap();
            assert!(found.iter().all(|task| sight.covers(task)));
            found.into_iter().map(|task| task.kind).collect()
        };
        for all in [false, true] {
            assert_eq!(seen(Sight::TechnicalOnly, all), ["template_refused"]);
            assert_eq!(seen(Sight::All, all).len(), 50);
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_list_is_shown_to_nobody_whom_the_audit_log_does_not_hold() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let mut caller = marthe(&context).await;
        let list = || Request::TaskList {
            all: false,
            limit: 1,
        };
        let other = open::open(folder.path(), &DataKey::take(&mut [1; 32])).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let said = crate::ops::run(&context, &mut caller, list()).await;
        let told = format!("{said:?}");
        assert!(told.contains("audit log holds who asked"), "{told}");
        other.execute_batch("COMMIT").unwrap();
        drop(other);
        let said = crate::ops::run(&context, &mut caller, list()).await;
        assert!(matches!(said, Response::Tasks { .. }), "{said:?}");
        assert_eq!(deeds(&context).await, ["sign_in", "task.list"]);
        close((context, thread));
    }
}
