//! How a command reaches the database: through the running service, or by
//! becoming the data folder's owner itself. Both ways give the same answers.

use super::failure::{Failure, LOOK, granted};
use super::{Globals, Opening, SigningIn, input, machine};
use crate::app::by_hand::{FolderLock, take_lock};
use crate::app::opened::Opened;
use crate::app::serve::{is_made, not_made};
use crate::ops::client::Client;
use crate::ops::{self, Caller, Configured, Context, Request, Response, SignIn};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What helps against a disk that takes nothing any more.
pub const READ_ONLY: &str = "the disk is mounted read-only, or turned so after an error: dmesg says \
    why; mount it for writing, or replace it";

/// The database, one way or the other.
pub struct Reached(Way);

enum Way {
    Service(Client),
    Own {
        opened: Box<Opened>,
        context: Box<Context>,
        caller: Caller,
    },
}

impl Reached {
    /// Goes through the service that has the folder open, else opens it.
    ///
    /// # Errors
    /// When there is no data folder, no passphrase, or it does not open.
    pub async fn open(globals: &Globals, opening: &Opening) -> Result<Self, Failure> {
        let folder = globals.data_folder()?;
        made(&folder)?;
        match take_lock(&folder) {
            Ok(Some(lock)) => Self::by_hand(globals, &folder, opening, lock).await,
            Ok(None) => Ok(Self(Way::Service(service(&folder).await?))),
            Err(error) => match as_member(&folder, &error).await {
                Some(client) => Ok(Self(Way::Service(client))),
                None => Err(unusable(&folder, error)),
            },
        }
    }

    async fn by_hand(
        globals: &Globals,
        folder: &Path,
        opening: &Opening,
        lock: FolderLock,
    ) -> Result<Self, Failure> {
        let machine = machine()?;
        let custody = globals.custody(folder, None)?;
        let way = super::key::way(&custody, opening)?;
        let key = crate::app::key::open(&custody, way).await?.key;
        let opened = Opened::new(folder, &key, lock, &*machine.clock)?;
        let configured = match globals.find_config() {
            Some(config) => Configured::alone(&config, Arc::clone(&machine.clock)).ok(),
            None => None,
        };
        let configured = configured.map(Arc::new);
        let context = Context {
            folder: folder.to_owned(),
            writer: opened.writer.clone(),
            readers: opened.readers.clone(),
            clock: machine.clock,
            chance: machine.chance,
            configured,
            on_change: None,
            line: None,
        };
        ops::note_break_glass(&context)
            .await
            .map_err(anyhow::Error::from)?;
        let (opened, context) = (Box::new(opened), Box::new(context));
        Ok(Self(Way::Own {
            opened,
            context,
            caller: Caller::default(),
        }))
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// A refusal, or a service that went away.
    pub async fn ask(&mut self, request: Request) -> Result<Response, Failure> {
        let response = match &mut self.0 {
            Way::Service(client) => client.ask(&request).await.map_err(|error| {
                Failure::failed(
                    format!("the running service broke off: {error}"),
                    "look at its journal, then try again",
                )
            })?,
            Way::Own {
                context, caller, ..
            } => ops::run(context, caller, request).await,
        };
        granted(response)
    }

    /// Signs a member of staff in for what follows.
    ///
    /// # Errors
    /// When name and password do not fit.
    pub async fn sign_in(&mut self, who: SignIn) -> Result<(), Failure> {
        self.ask(Request::SignIn(who)).await.map(drop)
    }

    /// Closes the folder again, if it was opened by hand.
    ///
    /// # Errors
    /// When the database did not close well.
    pub async fn close(self) -> Result<(), Failure> {
        match self.0 {
            Way::Service(_) => Ok(()),
            Way::Own {
                opened, context, ..
            } => {
                drop(context);
                let closed = tokio::task::spawn_blocking(move || opened.close()).await;
                Ok(closed.map_err(anyhow::Error::from)??)
            }
        }
    }
}

/// Refuses a folder without a clinic's data, and one this user may not see.
///
/// # Errors
/// That there is none, or why nobody can tell.
pub fn made(folder: &Path) -> Result<(), Failure> {
    match is_made(folder) {
        Ok(true) => Ok(()),
        Ok(false) => {
            let (said, how) = not_made(folder);
            Err(Failure::failed(said, how))
        }
        Err(error) => Err(unusable(folder, error)),
    }
}

/// Why a data folder cannot be used, and what helps against just that.
pub fn unusable(folder: &Path, error: io::Error) -> Failure {
    let shown = folder.display();
    let kind = error.kind();
    let said = format!("{shown} cannot be used: {:#}", anyhow::Error::from(error));
    if kind == io::ErrorKind::PermissionDenied {
        return Failure::failed(
            format!("{shown} is not open to this user"),
            "run the command as the service's user, or as root; while the service runs, its \
             group may ask as well",
        );
    }
    let read_only = kind == io::ErrorKind::ReadOnlyFilesystem;
    Failure::failed(said, if read_only { READ_ONLY } else { LOOK })
}

/// Asks one thing of the database, and closes it again.
///
/// # Errors
/// As [`Reached::open`] and [`Reached::ask`].
pub async fn ask_once(
    globals: &Globals,
    opening: &Opening,
    request: Request,
) -> Result<Response, Failure> {
    let mut reached = Reached::open(globals, opening).await?;
    let answered = reached.ask(request).await;
    reached.close().await?;
    answered
}

/// Name and password of whoever asks, before anything is opened.
///
/// # Errors
/// When nobody is named, or no password is given.
pub fn who_asks(signing_in: SigningIn) -> Result<SignIn, Failure> {
    let Some(name) = signing_in.name else {
        return Err(Failure::usage(
            "patient data is shown to signed-in staff only",
            "add --as NAME, and --password-file FILE where there is no terminal",
        ));
    };
    let file = signing_in.password_file.as_deref();
    let password = input::from_file_or_terminal(file, "your password", "--password-file")?;
    Ok(SignIn { name, password })
}

/// As [`ask_once`], by a signed-in member of staff.
///
/// # Errors
/// As [`ask_once`] and [`Reached::sign_in`].
pub async fn ask_signed_in(
    globals: &Globals,
    opening: &Opening,
    signing_in: SigningIn,
    request: Request,
) -> Result<Response, Failure> {
    let who = who_asks(signing_in)?;
    let mut reached = Reached::open(globals, opening).await?;
    let answered = match reached.sign_in(who).await {
        Ok(()) => reached.ask(request).await,
        Err(failure) => Err(failure),
    };
    reached.close().await?;
    answered
}

/// The service, for one of its group: the lock, as every file in the folder, is its
/// user's alone, and the socket is for both.
pub async fn as_member(folder: &Path, locked: &io::Error) -> Option<Client> {
    if locked.kind() != io::ErrorKind::PermissionDenied {
        return None;
    }
    Client::connect(folder).await.ok()
}

/// The service that has the folder open.
///
/// # Errors
/// When it cannot be reached.
pub async fn service(folder: &Path) -> Result<Client, Failure> {
    Client::connect(folder).await.map_err(|error| {
        Failure::failed(
            format!("another healthpost has the data folder open and cannot be reached: {error}"),
            "run the command as the service's user, or stop the other program",
        )
    })
}
