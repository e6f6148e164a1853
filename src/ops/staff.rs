//! Staff accounts at the command line.

use super::sign_in::{check, hash};
use super::{Caller, Context, Response, StaffLine};
use crate::core::access::Role;
use crate::core::secret::SecretText;
use crate::core::time::UnixMs;
use crate::store::{Error, audit, staff};

/// Shortest password, characters.
const PASSWORD_CHARS_MIN: usize = 8;
/// Longest password, bytes: a longer one only keeps the processor busy.
const PASSWORD_BYTES_MAX: usize = 1_024;
/// Longest name, characters.
const NAME_CHARS_MAX: usize = 64;

fn weak(password: &SecretText) -> Option<Response> {
    let text = password.as_str();
    let fine = text.chars().count() >= PASSWORD_CHARS_MIN && text.len() <= PASSWORD_BYTES_MAX;
    (!fine).then(|| {
        Response::wrong_usage(
            "a password has at least 8 characters",
            "choose a longer one, or give none and a one-time password is printed",
        )
    })
}

fn good_name(name: &str) -> bool {
    let chars = name.chars().count();
    let fine = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@'));
    let digits = name.chars().filter(char::is_ascii_digit).count();
    (1..=NAME_CHARS_MAX).contains(&chars) && fine && digits < chars
}

/// Adds somebody.
pub(super) async fn add(
    context: &Context,
    name: String,
    roles: Vec<String>,
    password: SecretText,
    one_time: bool,
) -> Result<Response, Error> {
    let roles: Result<Vec<Role>, _> = roles.iter().map(|role| role.parse()).collect();
    let roles = match roles {
        Ok(roles) if !roles.is_empty() => roles,
        Ok(_) => return Ok(Response::wrong_usage("no role is given", "add --role ROLE")),
        Err(error) => return Ok(Response::wrong_usage(error.to_string(), "correct --role")),
    };
    if !good_name(&name) {
        return Ok(Response::wrong_usage(
            "a name has 1 to 64 letters, digits, dots, dashes or underscores, not digits alone",
            "choose another name",
        ));
    }
    if let Some(refusal) = weak(&password) {
        return Ok(refusal);
    }
    let hash = hash(context, password).await?;
    let at = context.clock.now().at;
    let added = context
        .writer
        .run(move |conn| {
            let new = staff::NewStaff {
                name: &name,
                roles: &roles,
                password_hash: &hash,
                must_change: one_time,
            };
            let id = staff::add(conn, &new, at)?;
            note(conn, at, "user.add", &format!("staff:{id}"))
        })
        .await;
    match added {
        Ok(()) => Ok(Response::Done),
        Err(error) if error.is_duplicate() => Ok(Response::refused(
            "there is somebody of that name already",
            "choose another name; healthpost user list shows those taken",
        )),
        Err(error) => Err(error),
    }
}

/// Everybody, by name.
pub(super) async fn list(context: &Context) -> Result<Response, Error> {
    let now = context.clock.now().at;
    let found = context.readers.read(staff::list).await?;
    let list = found
        .into_iter()
        .map(|member| StaffLine {
            id: member.id.0,
            name: member.name,
            roles: member.roles.iter().map(ToString::to_string).collect(),
            disabled: member.disabled,
            must_change: member.must_change,
            locked_until: Some(member.locked_until).filter(|until| *until > now),
        })
        .collect();
    Ok(Response::Users { list })
}

fn nobody() -> Response {
    Response::refused(
        "there is no open account of that name",
        "healthpost user list shows everybody; healthpost user enable opens a closed one",
    )
}

/// Closes an account.
pub(super) async fn disable(context: &Context, name: String) -> Result<Response, Error> {
    let at = context.clock.now().at;
    let done = context
        .writer
        .run(move |conn| {
            let done = staff::disable(conn, &name)?;
            if done {
                note(conn, at, "user.disable", &subject(conn, &name)?)?;
            }
            Ok(done)
        })
        .await?;
    Ok(if done { Response::Done } else { nobody() })
}

/// Opens a closed account again, with the password it had.
pub(super) async fn enable(context: &Context, name: String) -> Result<Response, Error> {
    let at = context.clock.now().at;
    let done = context
        .writer
        .run(move |conn| {
            let done = staff::enable(conn, &name)?;
            if done {
                note(conn, at, "user.enable", &subject(conn, &name)?)?;
            }
            Ok(done)
        })
        .await?;
    Ok(if done {
        Response::Done
    } else {
        Response::refused(
            "there is no closed account of that name",
            "healthpost user list shows everybody",
        )
    })
}

/// Sets the password of whoever is signed in: another than the one they have.
pub(super) async fn own_password(
    context: &Context,
    caller: &mut Caller,
    password: SecretText,
) -> Result<Response, Error> {
    let id = match caller.signed_in() {
        Ok(id) => id,
        Err(refusal) => return Ok(*refusal),
    };
    if let Some(refusal) = weak(&password) {
        return Ok(refusal);
    }
    let find = move |conn: &rusqlite::Connection| staff::find_open(conn, id);
    let Some((_, present)) = context.readers.read(find).await? else {
        return Ok(nobody());
    };
    if check(password.clone(), present.clone()).await? {
        return Ok(Response::wrong_usage(
            "that is the password you have",
            "choose another",
        ));
    }
    let hash = hash(context, password).await?;
    let at = context.clock.now().at;
    let chosen = hash.clone();
    let done = context
        .writer
        .run(move |conn| {
            let done = staff::choose_password(conn, id, &present, &chosen)?;
            if done {
                let who = format!("staff:{id}");
                let deed = audit::Deed {
                    at,
                    actor: &who,
                    action: "user.password",
                    subject: &who,
                    detail: "",
                };
                audit::append(conn, &deed)?;
            }
            Ok(done)
        })
        .await?;
    if !done {
        return Ok(nobody());
    }
    caller.chose_password(hash);
    Ok(Response::Done)
}

/// Sets a password and ends a lock-out.
pub(super) async fn set_password(
    context: &Context,
    name: String,
    password: SecretText,
    one_time: bool,
) -> Result<Response, Error> {
    if let Some(refusal) = weak(&password) {
        return Ok(refusal);
    }
    let hash = hash(context, password).await?;
    let at = context.clock.now().at;
    let done = context
        .writer
        .run(move |conn| {
            let done = staff::set_password(conn, &name, &hash, one_time)?;
            if done {
                note(conn, at, "user.password", &subject(conn, &name)?)?;
            }
            Ok(done)
        })
        .await?;
    Ok(if done { Response::Done } else { nobody() })
}

fn subject(conn: &rusqlite::Connection, name: &str) -> Result<String, Error> {
    let found = staff::find(conn, name)?;
    Ok(found.map_or_else(
        || "staff".to_owned(),
        |(member, _)| format!("staff:{}", member.id),
    ))
}

fn note(conn: &rusqlite::Connection, at: UnixMs, action: &str, subject: &str) -> Result<(), Error> {
    let deed = audit::Deed {
        at,
        actor: "command line",
        action,
        subject,
        detail: "",
    };
    audit::append(conn, &deed)
}
