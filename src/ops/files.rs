//! Files that patients sent, for staff who may read answers. Each look at those of
//! a record is in the audit log, and only what it listed is handed out; the files
//! themselves are written by the command.

use super::provider_wire::FileLine;
use super::{Caller, Context, Response};
use crate::core::access::Action;
use crate::core::id::{MediaId, RecordId};
use crate::core::media::ending;
use crate::core::private::Private;
use crate::store::{Error, audit, media};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The files of a record.
pub(super) async fn list(
    context: &Context,
    caller: &mut Caller,
    record: RecordId,
) -> Result<Response, Error> {
    let actor = match caller.allowed(Action::ReadAnswers) {
        Ok(actor) => actor,
        Err(refusal) => return Ok(*refusal),
    };
    let subject = format!("record:{record}");
    let found = context
        .readers
        .read(move |conn| media::of_record(conn, &record))
        .await?;
    let at = context.clock.now().at;
    context
        .writer
        .run(move |conn| {
            let deed = audit::Deed {
                at,
                actor: &actor,
                action: "record.files",
                subject: &subject,
                detail: "",
            };
            audit::append(conn, &deed)
        })
        .await?;
    caller.files = found.iter().map(|file| file.id).collect();
    let list = found.into_iter().map(|file| FileLine {
        id: file.id.0,
        kind: media::kind_word(file.kind).to_owned(),
        ending: file.mime.as_deref().map_or("", ending).to_owned(),
        mime: file.mime,
        state: file.state.word().to_owned(),
        why: file.why,
        bytes: file.bytes,
        sent_at: file.stamped,
    });
    Ok(Response::Files {
        list: list.collect(),
    })
}

/// A piece of a file that is kept; empty past its end.
pub(super) async fn piece(
    context: &Context,
    caller: &Caller,
    file: MediaId,
    from: u64,
) -> Result<Response, Error> {
    if let Err(refusal) = caller.allowed(Action::ReadAnswers) {
        return Ok(*refusal);
    }
    if !caller.files.contains(&file) {
        return Ok(Response::wrong_usage(
            "a file is handed out after its record's files were listed",
            "run healthpost records media with the record's number",
        ));
    }
    let bytes = context
        .readers
        .read(move |conn| media::kept_chunk(conn, file, from))
        .await?;
    Ok(Response::Piece {
        base64: Private::new(STANDARD.encode(bytes.unwrap_or_default())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::sign_in::tests::{close, context, deeds, marthe, put_record};
    use crate::ops::{Request, run};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_file_is_handed_out_before_its_list_was_noted() {
        let folder = tempfile::tempdir().unwrap();
        let (context, thread) = context(folder.path()).await;
        let id = MediaId(1);
        let kept = context.writer.run(|conn| {
            conn.execute_batch("INSERT INTO contact (id, created_at) VALUES (1, 5)")?;
            conn.execute(
                "INSERT INTO media (id, contact_id, record_id, media_id, kind, state, bytes,
                                    stamped_at, created_at, updated_at)
                 VALUES (1, 1, ?1, 'theirs', 'audio', 'kept', 7, 5, 5, 5)",
                [put_record(conn, 1)?.as_str()],
            )?;
            conn.execute_batch("INSERT INTO media_chunk VALUES (1, 0, CAST('a voice' AS BLOB))")?;
            put_record(conn, 2)
        });
        let (record, other) = (RecordId::from_random(1), kept.await.unwrap());
        let mut caller = marthe(&context).await;
        let piece = || Request::FilePiece { file: id, from: 0 };
        for listed in [None, Some(other), Some(record)] {
            let right = listed == Some(RecordId::from_random(1));
            if let Some(record) = listed {
                let said = run(&context, &mut caller, Request::FileList { record }).await;
                assert!(matches!(said, Response::Files { .. }), "{said:?}");
            }
            let said = run(&context, &mut caller, piece()).await;
            if let Response::Piece { base64 } = said {
                assert!(right && base64.as_str() == STANDARD.encode(b"a voice"));
            } else {
                assert!(!right && matches!(said, Response::Refused { .. }));
            }
        }
        assert_eq!(deeds(&context).await[1..], ["record.files"; 2]);
        close((context, thread));
    }
}
