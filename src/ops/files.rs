//! Files that patients sent, for staff who may read answers. Each look is in
//! the audit log; the files themselves are written by the command.

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
    caller: &Caller,
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
    let bytes = context
        .readers
        .read(move |conn| media::kept_chunk(conn, file, from))
        .await?;
    Ok(Response::Piece {
        base64: Private::new(STANDARD.encode(bytes.unwrap_or_default())),
    })
}
