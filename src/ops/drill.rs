//! The drill through the running service: the recovery key opens a copy of the
//! database, while the box goes on serving.

use super::{Caller, Changed, Context, Response};
use crate::core::secret::SecretText;
use crate::keys::{RecoveryKey, SlotsFile};
use crate::store::audit::{self, Deed};
use crate::store::{Error, meta, rewrite};
use std::path::Path;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Two would take the copy from under each other.
static ALONE: Semaphore = Semaphore::const_new(1);

/// Drills, and notes that it was done. A service that is told to stop does not
/// wait for the end of it.
pub(super) async fn drill(
    context: &Context,
    caller: &Caller,
    typed: SecretText,
) -> Result<Response, Error> {
    let (folder, stop) = (context.folder.clone(), caller.stop.clone());
    let drilled = tokio::task::spawn_blocking(move || copy(&folder, &typed, &stop)).await;
    let records = match drilled.map_err(|_| Error::Panicked)?? {
        Ok(records) => records,
        Err(refusal) => return Ok(*refusal),
    };
    let at = context.clock.now().at;
    context
        .writer
        .run(move |conn| {
            meta::set(conn, meta::DRILLED_AT, at.0.to_string().as_bytes())?;
            let deed = Deed {
                at,
                actor: "command line",
                action: "key.drill",
                subject: "box",
                detail: "the recovery key opens",
            };
            audit::append(conn, &deed)
        })
        .await?;
    context.tell(Changed::Drill).await;
    Ok(Response::Drilled { records })
}

/// Whether there ever was a drill of the present recovery key.
pub(super) async fn drilled(context: &Context) -> Result<Response, Error> {
    let find = |conn: &rusqlite::Connection| meta::find_number(conn, meta::DRILLED_AT);
    let at = context.readers.read(find).await?;
    Ok(Response::EverDrilled {
        drilled: at.is_some(),
    })
}

/// Opens with the recovery key, makes a copy, reads all of it, throws it away.
fn copy(
    folder: &Path,
    typed: &SecretText,
    stop: &CancellationToken,
) -> Result<Result<i64, Box<Response>>, Error> {
    let refused = |why: String, hint: &str| Ok(Err(Box::new(Response::refused(why, hint))));
    let Ok(_alone) = ALONE.try_acquire() else {
        let why = "a drill is under way already";
        return refused(why.to_owned(), "wait some minutes, then run this again");
    };
    let paper = "compare it with the paper, group by group";
    let recovery = match RecoveryKey::parse(typed.as_str()) {
        Ok(recovery) => recovery,
        Err(error) => return refused(error.to_string(), paper),
    };
    let opened = SlotsFile::load(folder).and_then(|slots| slots.open_with_recovery(&recovery));
    let candidates = match opened {
        Ok(candidates) => candidates,
        Err(error) => return refused(error.to_string(), paper),
    };
    for opened in candidates {
        if !rewrite::fits(folder, &opened.key)? {
            continue;
        }
        let told = stop.clone();
        let copied = rewrite::copy_while_serving(folder, &opened.key, move || told.is_cancelled());
        if copied.is_err() && stop.is_cancelled() {
            let again = "once it is back, run this again";
            return refused("the service is stopping".to_owned(), again);
        }
        return copied.map(Ok);
    }
    let why = "the recovery key opens a key, but not the one of clinic.db";
    refused(why.to_owned(), "run healthpost doctor to see what is wrong")
}
