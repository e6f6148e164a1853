//! Credentials: set, listed by name, deleted. Their values go in and never out.

use super::{Changed, Context, Response, SecretLine};
use crate::core::credential;
use crate::core::secret::SecretText;
use crate::store::{Error, audit, secrets};

/// Longest credential, bytes.
const VALUE_BYTES_MAX: usize = 8 * 1024;

fn unknown() -> Response {
    Response::wrong_usage(credential::UNKNOWN, credential::KNOWN_ARE)
}

fn not_set(name: &str) -> Response {
    Response::refused(
        format!("{name} is not set"),
        "healthpost secret list names what is set",
    )
}

/// Sets a credential.
pub(super) async fn set(
    context: &Context,
    name: String,
    value: SecretText,
) -> Result<Response, Error> {
    if !credential::is_known(&name) {
        return Ok(unknown());
    }
    if value.as_str().is_empty() || value.as_str().len() > VALUE_BYTES_MAX {
        return Ok(Response::wrong_usage(
            "a credential has from 1 to 8192 bytes",
            "give the value on standard input",
        ));
    }
    if let Some(fault) = credential::fault(&name, value.as_str().as_bytes()) {
        return Ok(Response::wrong_usage(
            format!("that cannot be {name}: {fault}"),
            "copy it again, whole and alone; nothing was changed",
        ));
    }
    let at = context.clock.now().at;
    context
        .writer
        .run(move |conn| {
            secrets::set(conn, &name, value.as_str().as_bytes(), at)?;
            note(conn, at, "secret.set", &name)
        })
        .await?;
    context.tell(Changed::Secrets).await;
    Ok(Response::Done)
}

/// Ends the acceptance of all former values.
pub(super) async fn drop_previous(context: &Context, name: String) -> Result<Response, Error> {
    if !credential::is_known(&name) {
        return Ok(unknown());
    }
    let at = context.clock.now().at;
    let done = context
        .writer
        .run(move |conn| {
            let done = secrets::drop_previous(conn, &name)?;
            if done {
                note(conn, at, "secret.drop_previous", &name)?;
            }
            Ok(done)
        })
        .await?;
    context.tell(Changed::Secrets).await;
    Ok(if done {
        Response::Done
    } else {
        Response::refused(
            "there is no former value",
            "only the present one is accepted",
        )
    })
}

/// Deletes a credential.
pub(super) async fn delete(context: &Context, name: String) -> Result<Response, Error> {
    if !credential::is_known(&name) {
        return Ok(unknown());
    }
    let at = context.clock.now().at;
    let shown = name.clone();
    let done = context
        .writer
        .run(move |conn| {
            let done = secrets::delete(conn, &name)?;
            if done {
                note(conn, at, "secret.delete", &name)?;
            }
            Ok(done)
        })
        .await?;
    context.tell(Changed::Secrets).await;
    Ok(if done {
        Response::Done
    } else {
        not_set(&shown)
    })
}

/// The names of what is set.
pub(super) async fn list(context: &Context) -> Result<Response, Error> {
    let now = context.clock.now().at;
    let listed = context.readers.read(secrets::list).await?;
    let list = listed
        .into_iter()
        .map(|secret| SecretLine {
            name: secret.name,
            set_at: secret.set_at,
            previous_until: secret.previous_until.filter(|until| *until > now),
        })
        .collect();
    Ok(Response::Secrets { list })
}

fn note(
    conn: &rusqlite::Connection,
    at: crate::core::time::UnixMs,
    action: &str,
    name: &str,
) -> Result<(), Error> {
    let subject = format!("secret:{name}");
    let deed = audit::Deed {
        at,
        actor: "command line",
        action,
        subject: &subject,
        detail: "",
    };
    audit::append(conn, &deed)
}
