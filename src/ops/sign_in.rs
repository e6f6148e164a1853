//! Who asks: staff sign in before they see a patient, root or not.

use super::{Context, Response, SignIn};
use crate::core::access::{self, Action, Role};
use crate::core::id::StaffId;
use crate::core::time::UnixMs;
use crate::keys::password;
use crate::store::{Error, audit, staff};

/// Somebody on one connection, signed in or not.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    staff: Option<(StaffId, Vec<Role>)>,
}

impl Caller {
    /// Who it is in the audit log, if they may do this.
    pub(super) fn allowed(&self, action: Action) -> Result<String, Box<Response>> {
        match &self.staff {
            None => Err(Box::new(Response::wrong_usage(
                "patient data is shown to signed-in staff only",
                "add --as NAME, and --password-file FILE where there is no terminal",
            ))),
            Some((_, roles)) if !access::may(roles, action) => Err(Box::new(Response::refused(
                "your roles do not allow this",
                "ask an administrator: healthpost user list shows who may do what",
            ))),
            Some((id, _)) => Ok(format!("staff:{id}")),
        }
    }
}

fn wrong() -> Response {
    Response::refused(
        "the name or the password is wrong",
        "try again; after five wrong passwords the account rests for a while",
    )
}

/// Checks name and password; counts what is wrong.
pub(super) async fn sign_in(
    context: &Context,
    caller: &mut Caller,
    sign_in: SignIn,
) -> Result<Response, Error> {
    let at = context.clock.now().at;
    let SignIn { name, password } = sign_in;
    let found = context
        .readers
        .read(move |conn| staff::find(conn, &name))
        .await?;
    let Some((member, hash)) = found else {
        // The same work as for a known name, so that the time tells nothing.
        hash(context, password).await?;
        return Ok(wrong());
    };
    if member.locked_until > at {
        return Ok(Response::refused(
            "too many wrong passwords: the account rests for a while",
            "wait up to an hour, or run healthpost user reset-password",
        ));
    }
    let right = check(password, hash).await? && !member.disabled;
    let id = member.id;
    context
        .writer
        .run(move |conn| {
            if right {
                staff::note_success(conn, id)?;
            } else {
                staff::note_failure(conn, id, at)?;
            }
            note(conn, at, id, right)
        })
        .await?;
    if !right {
        return Ok(wrong());
    }
    caller.staff = Some((member.id, member.roles));
    Ok(Response::Done)
}

async fn check(
    password: crate::core::private::Private<String>,
    hash: String,
) -> Result<bool, Error> {
    let checked = tokio::task::spawn_blocking(move || password::verify(password.as_str(), &hash));
    let checked = checked.await.map_err(|_| Error::Panicked)?;
    checked.map_err(|_| Error::Unreadable("a password's hash"))
}

/// A password's hash, made off the runtime's threads: it takes its time.
pub(super) async fn hash(
    context: &Context,
    password: crate::core::private::Private<String>,
) -> Result<String, Error> {
    let chance = std::sync::Arc::clone(&context.chance);
    let hashed =
        tokio::task::spawn_blocking(move || password::hash(password.as_str(), chance.as_ref()));
    let hashed = hashed.await.map_err(|_| Error::Panicked)?;
    hashed.map_err(|_| Error::Unreadable("a password's hash"))
}

fn note(conn: &rusqlite::Connection, at: UnixMs, id: StaffId, right: bool) -> Result<(), Error> {
    let actor = format!("staff:{id}");
    let action = if right { "sign_in" } else { "sign_in.refused" };
    let deed = audit::Deed {
        at,
        actor: &actor,
        action,
        subject: &actor,
        detail: "command line",
    };
    audit::append(conn, &deed)
}
