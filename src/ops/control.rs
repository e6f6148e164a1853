//! The control socket of a running service: commands hand in their requests
//! here, because the service alone has the database open. Only the service's
//! user and group reach it; every line has its bound.

use super::lines::Lines;
use super::{Caller, Context, Request, Response, run};
use crate::core::limits;
use crate::ports::door::Door;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The socket's file in the data folder.
pub const FILE: &str = "control.sock";
/// How long a command waits for its turn at the door of a locked box.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a connection may say nothing.
const IDLE: Duration = Duration::from_secs(120);

/// Answers commands on `DATA/control.sock` until `stop`. The folder's lock
/// must be held: a socket found there is then a leftover.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve(
    context: Context,
    stop: CancellationToken,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let listener = bind(&context.folder)?;
    let path = context.folder.join(FILE);
    Ok(accept(listener, path, Answers::Open(context), stop))
}

/// Takes secrets to the door of a locked appliance until `stop`; everything else is
/// refused.
///
/// # Errors
/// When the socket cannot be made.
pub fn serve_locked(
    folder: &Path,
    door: Door,
    stop: CancellationToken,
) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let listener = bind(folder)?;
    Ok(accept(
        listener,
        folder.join(FILE),
        Answers::Locked(door),
        stop,
    ))
}

#[derive(Clone)]
enum Answers {
    Open(Context),
    Locked(Door),
}

fn bind(folder: &Path) -> io::Result<UnixListener> {
    let path = folder.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path)?;
    // The data folder itself is closed to others, so nobody slips in between.
    fs::set_permissions(&path, Permissions::from_mode(0o660))?;
    Ok(listener)
}

async fn accept(listener: UnixListener, path: PathBuf, answers: Answers, stop: CancellationToken) {
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept(), if open.len() < limits::CONTROL_CONNECTIONS_MAX => {
                match accepted {
                    Ok((stream, _)) => {
                        open.spawn(talk(stream, answers.clone(), stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the control socket could not take a command");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
            Some(_) = open.join_next(), if !open.is_empty() => {}
        }
    }
    while open.join_next().await.is_some() {}
    if let Err(error) = fs::remove_file(&path) {
        tracing::debug!(%error, "the control socket was gone already");
    }
}

/// One command's connection: a request a line, answered in order.
async fn talk(stream: UnixStream, answers: Answers, stop: CancellationToken) {
    let (read, mut write) = stream.into_split();
    let mut lines = Lines::new(read, limits::CONTROL_REQUEST_BYTES_MAX);
    let mut caller = Caller::default();
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => break,
            line = tokio::time::timeout(IDLE, lines.next()) => line,
        };
        let Ok(Ok(Some(line))) = line else { break };
        let response = match serde_json::from_slice::<Request>(&line) {
            Ok(request) => answer(&answers, &mut caller, request).await,
            // The parser's own words could repeat what was sent.
            Err(_) => Response::refused(
                "the running service does not know this request",
                "use the healthpost of the same version as the service",
            ),
        };
        let Ok(mut text) = serde_json::to_vec(&response) else {
            break;
        };
        text.push(b'\n');
        if write.write_all(&text).await.is_err() {
            break;
        }
    }
}

async fn answer(answers: &Answers, caller: &mut Caller, request: Request) -> Response {
    let door = match answers {
        Answers::Open(context) => return run(context, caller, request).await,
        Answers::Locked(door) => door,
    };
    let Request::Unlock { passphrase, kind } = request else {
        return Response::refused("the appliance is locked", "run healthpost unlock first");
    };
    match door.offer(passphrase.into_secret(), kind, PATIENCE).await {
        Ok(()) => Response::Done,
        Err(refused) => Response::refused(refused.said, "check it and try again"),
    }
}
