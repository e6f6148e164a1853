//! Records for signed-in staff. Every look is in the audit log; of an export it is
//! the first page, and no other page is there for whoever did not ask for that.

use super::{Caller, Context, Period, Place, RecordLine, Response};
use crate::core::access::Action;
use crate::core::id::RecordId;
use crate::core::limits;
use crate::core::table;
use crate::core::time::UnixMs;
use crate::store::{Error, audit, records};
use std::collections::BTreeSet;

/// Records whose fields are looked through at once, before an export.
const FIELD_ROWS: usize = 1_000;

/// The latest records of a period, newest first.
pub(super) async fn list(
    context: &Context,
    caller: &Caller,
    period: Period,
    limit: usize,
) -> Result<Response, Error> {
    let actor = match caller.allowed(Action::ReadRecords) {
        Ok(actor) => actor,
        Err(refusal) => return Ok(*refusal),
    };
    let limit = limit.min(limits::RECORDS_LISTED_MAX);
    note(
        context,
        actor,
        "record.list",
        "records".to_owned(),
        String::new(),
    )
    .await?;
    let found = context
        .readers
        .read(move |conn| records::latest_between(conn, period.since, period.until, limit))
        .await?;
    let list = found
        .into_iter()
        .map(|record| RecordLine {
            record_id: record.id,
            created_at: record.created_at,
            status: record.status.word().to_owned(),
            care_state: record.care_state,
            source: record.source,
            language: record.language,
            triage: record.triage.word().to_owned(),
        })
        .collect();
    Ok(Response::Records { list })
}

/// One record with its answers.
pub(super) async fn show(
    context: &Context,
    caller: &Caller,
    id: RecordId,
) -> Result<Response, Error> {
    let actor = match caller.allowed(Action::ReadAnswers) {
        Ok(actor) => actor,
        Err(refusal) => return Ok(*refusal),
    };
    let subject = format!("record:{id}");
    let found = context
        .readers
        .read(move |conn| match records::find(conn, &id)? {
            Some(record) => records::row(conn, &record).map(Some),
            None => Ok(None),
        })
        .await?;
    let Some(row) = found else {
        return Ok(Response::refused(
            "there is no record of that number",
            "healthpost records list shows the latest",
        ));
    };
    note(context, actor, "record.read", subject, String::new()).await?;
    Ok(Response::Record { row: Box::new(row) })
}

/// A page of an export, oldest first. The first page is noted, and from then on
/// each page is the one that follows the page before.
pub(super) async fn export_page(
    context: &Context,
    caller: &mut Caller,
    period: Period,
    after: Option<Place>,
    format: String,
) -> Result<Response, Error> {
    let actor = match caller.allowed(Action::Export) {
        Ok(actor) => actor,
        Err(refusal) => return Ok(*refusal),
    };
    let (cursor, until, further) = match after {
        Some(place) => {
            if caller.export != Some((period, place.clone())) {
                return Ok(Response::wrong_usage(
                    "an export goes on where its last page ended, on the same connection",
                    "begin the export anew",
                ));
            }
            let id = place.id.as_str().to_owned();
            let created_at = place.created_at;
            let cursor = records::Cursor { created_at, id };
            (cursor, place.until, Vec::new())
        }
        // It goes into the audit log, where nobody writes words of their own.
        None if !["csv", "xlsx"].contains(&format.as_str()) => {
            return Ok(Response::wrong_usage(
                "there is no such form of exports",
                "name csv or xlsx",
            ));
        }
        None => {
            note_export(context, actor, period, &format).await?;
            let latest = context.readers.read(records::latest_creation).await?;
            let end = latest.map_or(period.until, |latest| latest.plus_ms(1));
            let until = period.until.min(end);
            let further = further_fields(context, period.since, until).await?;
            (records::Cursor::default(), until, further)
        }
    };
    let page = limits::EXPORT_PAGE_ROWS;
    let rows = context
        .readers
        .read(move |conn| {
            let found = records::page(conn, period.since, until, &cursor, page)?;
            found
                .iter()
                .map(|record| records::row(conn, record))
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let last = rows.last().filter(|_| rows.len() == page);
    let next = last.map(|row| Place {
        created_at: row.created_at,
        id: row.id.clone(),
        until,
    });
    caller.export = next.clone().map(|place| (period, place));
    Ok(Response::Page {
        rows,
        next,
        further,
    })
}

/// The fields beyond the fixed columns that any record of the period has, in
/// their order. They head the table, so they are looked for before the first row
/// is written.
async fn further_fields(
    context: &Context,
    since: UnixMs,
    until: UnixMs,
) -> Result<Vec<String>, Error> {
    let (mut ids, mut after) = (BTreeSet::new(), records::Cursor::default());
    loop {
        let from = after.clone();
        let page = context
            .readers
            .read(move |conn| records::field_ids(conn, since, until, &from, FIELD_ROWS));
        let Some((found, last)) = page.await? else {
            return Ok(ids.into_iter().collect());
        };
        ids.extend(found.into_iter().filter(|id| table::is_further(id)));
        after = last;
    }
}

async fn note_export(
    context: &Context,
    actor: String,
    period: Period,
    format: &str,
) -> Result<(), Error> {
    let until = match period.until {
        Period::OPEN_END => "open".to_owned(),
        until => until.0.to_string(),
    };
    let detail = format!("{format} since={} until={until}", period.since.0);
    note(
        context,
        actor,
        "record.export",
        "records".to_owned(),
        detail,
    )
    .await
}

async fn note(
    context: &Context,
    actor: String,
    action: &'static str,
    subject: String,
    detail: String,
) -> Result<(), Error> {
    let at = context.clock.now().at;
    context
        .writer
        .run(move |conn| {
            let deed = audit::Deed {
                at,
                actor: &actor,
                action,
                subject: &subject,
                detail: &detail,
            };
            audit::append(conn, &deed)
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::sign_in::tests::{close, context, deeds, marthe, put_record};
    use crate::ops::{Request, run};

    const ALL: Period = Period {
        since: UnixMs(0),
        until: Period::OPEN_END,
    };

    fn page_after(period: Period, after: Option<Place>) -> Request {
        let format = "csv".to_owned();
        Request::ExportPage {
            period,
            after,
            format,
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_export_goes_on_only_where_one_that_was_noted_stands() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let filled = context.writer.run(|conn| {
            for number in 0..=limits::EXPORT_PAGE_ROWS as u64 {
                put_record(conn, number)?;
            }
            Ok(())
        });
        filled.await.unwrap();
        let forged = Place {
            created_at: UnixMs(0),
            id: RecordId::from_random(0),
            until: Period::OPEN_END,
        };
        let mut caller = marthe(&context).await;
        let refused = run(&context, &mut caller, page_after(ALL, Some(forged.clone()))).await;
        assert!(matches!(refused, Response::Refused { .. }), "{refused:?}");
        let first = run(&context, &mut caller, page_after(ALL, None)).await;
        let Response::Page { rows, next, .. } = first else {
            panic!("{first:?}");
        };
        assert_eq!(rows.len(), limits::EXPORT_PAGE_ROWS);
        assert!(next.is_some());
        let later = Period {
            since: UnixMs(1),
            ..ALL
        };
        for (period, after) in [(ALL, Some(forged)), (later, next.clone())] {
            let refused = run(&context, &mut caller, page_after(period, after)).await;
            assert!(matches!(refused, Response::Refused { .. }), "{refused:?}");
        }
        let rest = run(&context, &mut caller, page_after(ALL, next.clone())).await;
        assert!(matches!(&rest, Response::Page { rows, next: None, .. } if rows.len() == 1));
        // It is over, and another connection never began one.
        for caller in [&mut caller, &mut marthe(&context).await] {
            let refused = run(&context, caller, page_after(ALL, next.clone())).await;
            assert!(matches!(refused, Response::Refused { .. }), "{refused:?}");
        }
        let noted = deeds(&context).await;
        let exports = noted.iter().filter(|deed| *deed == "record.export");
        assert_eq!(exports.count(), 1);
        close((context, thread));
    }
}
