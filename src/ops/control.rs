//! The control socket of a running service: commands hand in their requests
//! here, because the service alone has the database open. Only the service's
//! user and group reach it; every line has its bound.

use super::lines::Lines;
use super::short_path::ShortPath;
use super::{Caller, Context, Request, Response, run};
use crate::core::limits;
use crate::ports::door::Door;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net;
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

/// The bound socket. Whoever connects while nobody answers yet waits: between being
/// locked and being open, no command finds that nobody is there.
#[derive(Debug)]
pub struct Control {
    listener: net::UnixListener,
    path: PathBuf,
}

impl Control {
    /// Binds `DATA/control.sock`. The folder's lock must be held: a socket found
    /// there is then a leftover.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn bind(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let name = format!(".{FILE}.new");
        let new = folder.join(&name);
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = net::UnixListener::bind(ShortPath::into(folder)?.of(&name))?;
        listener.set_nonblocking(true)?;
        // Under its name it is for the group from the first moment on.
        fs::set_permissions(&new, Permissions::from_mode(0o660))?;
        fs::rename(&new, &path)?;
        Ok(Self { listener, path })
    }

    /// Answers commands until `stop`.
    ///
    /// # Errors
    /// When the socket cannot be listened to.
    pub fn serve(
        &self,
        context: Context,
        stop: CancellationToken,
    ) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        Ok(accept(self.ear()?, Answers::Open(context), IDLE, stop))
    }

    /// Takes secrets to the door of a locked appliance until `stop`; everything
    /// else is refused.
    ///
    /// # Errors
    /// When the socket cannot be listened to.
    pub fn serve_locked(
        &self,
        door: Door,
        stop: CancellationToken,
    ) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        Ok(accept(self.ear()?, Answers::Locked(door), IDLE, stop))
    }

    fn ear(&self) -> io::Result<UnixListener> {
        UnixListener::from_std(self.listener.try_clone()?)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the control socket was gone already");
        }
    }
}

#[derive(Clone)]
enum Answers {
    Open(Context),
    Locked(Door),
}

async fn accept(listener: UnixListener, answers: Answers, idle: Duration, stop: CancellationToken) {
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        tokio::select! {
            // Whoever comes after the end is for whoever listens next.
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept(), if open.len() < limits::CONTROL_CONNECTIONS_MAX => {
                match accepted {
                    Ok((stream, _)) => {
                        open.spawn(talk(stream, answers.clone(), idle, stop.clone()));
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
}

/// One command's connection: a request a line, answered in order. Whoever says
/// nothing, or takes no answer, for as long as `idle` is let go.
async fn talk(stream: UnixStream, answers: Answers, idle: Duration, stop: CancellationToken) {
    let (read, mut write) = stream.into_split();
    let mut lines = Lines::new(read, limits::CONTROL_REQUEST_BYTES_MAX);
    let mut caller = Caller::until(stop.clone());
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => break,
            line = tokio::time::timeout(idle, lines.next()) => line,
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
        // Whoever stops reading keeps no place.
        let written = tokio::time::timeout(idle, write.write_all(&text)).await;
        if !matches!(written, Ok(Ok(()))) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::limits;
    use crate::ops::client::Client;
    use crate::ports::door::door;

    #[tokio::test]
    async fn a_folder_whose_path_is_longer_than_a_sockets_may_be_is_served() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("d".repeat(150));
        fs::create_dir(&folder).unwrap();
        let control = Control::bind(&folder).unwrap();
        let (door, _knocks) = door(limits::UNLOCKS_WAITING_MAX);
        let stop = CancellationToken::new();
        let serving = control.serve_locked(door, stop.clone()).unwrap();
        let asking = async {
            let mut client = Client::connect(&folder).await.unwrap();
            let answered = client.ask(&Request::SecretList).await.unwrap();
            stop.cancel();
            answered
        };
        let (answered, ()) = tokio::join!(asking, serving);
        assert!(matches!(answered, Response::Refused { .. }), "{answered:?}");
        assert!(folder.join(FILE).exists());
        drop(control);
        assert!(fs::read_dir(&folder).unwrap().next().is_none());
    }

    #[tokio::test]
    async fn who_comes_while_nobody_answers_waits_for_whoever_answers_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        // Those of a service that was killed, also in the middle of this.
        fs::File::create(&path).unwrap();
        fs::File::create(folder.path().join(format!(".{FILE}.new"))).unwrap();
        let control = Control::bind(folder.path()).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o660
        );
        let (door, _knocks) = door(limits::UNLOCKS_WAITING_MAX);
        for _ in 0..3 {
            let stop = CancellationToken::new();
            let before = control.serve_locked(door.clone(), stop.clone()).unwrap();
            stop.cancel();
            let mut client = Client::connect(folder.path()).await.unwrap();
            before.await;
            let stop = CancellationToken::new();
            let after = control.serve_locked(door.clone(), stop.clone()).unwrap();
            let asking = async {
                let answered = client.ask(&Request::SecretList).await.unwrap();
                stop.cancel();
                answered
            };
            let (answered, ()) = tokio::join!(asking, after);
            assert!(matches!(answered, Response::Refused { .. }), "{answered:?}");
        }
        drop(control);
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[tokio::test]
    async fn who_reads_no_answer_keeps_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::bind(folder.path()).unwrap();
        let (door, _knocks) = door(limits::UNLOCKS_WAITING_MAX);
        let stop = CancellationToken::new();
        let idle = Duration::from_millis(200);
        let (ear, answers) = (control.ear().unwrap(), Answers::Locked(door));
        let serving = accept(ear, answers, idle, stop.clone());
        let asking = async {
            let mut client = UnixStream::connect(folder.path().join(FILE)).await.unwrap();
            let mut line = serde_json::to_vec(&Request::SecretList).unwrap();
            line.push(b'\n');
            // Until the answers fill what lies between us, and then nothing goes.
            let asking = async { while client.write_all(&line).await.is_ok() {} };
            let ended = tokio::time::timeout(idle * 100, asking).await;
            stop.cancel();
            ended
        };
        let (ended, served) = tokio::join!(asking, tokio::time::timeout(idle * 150, serving));
        assert!(ended.is_ok(), "it is let go");
        assert!(served.is_ok(), "nobody is waited for at the end");
    }
}
