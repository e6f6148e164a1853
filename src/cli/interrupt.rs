//! A terminal that shows nothing of what is typed, while a secret is asked for,
//! and a file with patients' words that is not whole yet: a signal in the middle of
//! it must not leave either so. The signal ends the program as it would have: only
//! the terminal is put back first, and the file removed.

use crate::app::by_hand::is_ignored;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::{fs, io, process};
use tokio::signal::unix::{SignalKind, signal};

/// How the terminal was, while it is silent.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
/// The file that is being written.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);
/// Whether signals are watched for. From then on they are to the end: the system's
/// own answer to them is gone with the first watch.
static WATCHED: Mutex<bool> = Mutex::new(false);
/// What a shell adds to a signal's number.
const BY_SIGNAL: i32 = 128;

/// Does `ask` while standard input, a terminal, does not echo.
///
/// # Errors
/// When the terminal does not take it.
pub fn without_echo<T>(ask: impl FnOnce() -> T) -> io::Result<T> {
    watch()?;
    let terminal = io::stdin();
    let before = termios::tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    silent.local_modes.insert(LocalModes::ECHONL);
    *lock(&BEFORE) = Some(before);
    let silenced = termios::tcsetattr(&terminal, OptionalActions::Flush, &silent);
    let told = silenced.map(|()| ask());
    let put_back = put_back(&mut lock(&BEFORE));
    let told = told?;
    put_back?;
    Ok(told)
}

/// A file that is not whole yet, while this lives.
#[derive(Debug)]
pub struct Unfinished(());

impl Unfinished {
    /// From now on `path` is removed if a signal ends the program.
    ///
    /// # Errors
    /// When signals cannot be watched for.
    pub fn at(path: PathBuf) -> io::Result<Self> {
        watch()?;
        *lock(&UNFINISHED) = Some(path);
        Ok(Self(()))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        *lock(&UNFINISHED) = None;
    }
}

fn put_back(before: &mut Option<Termios>) -> io::Result<()> {
    match before.take() {
        Some(before) => Ok(termios::tcsetattr(
            io::stdin(),
            OptionalActions::Now,
            &before,
        )?),
        None => Ok(()),
    }
}

/// Begins to watch for signals, on a thread of its own: whoever asks blocks.
fn watch() -> io::Result<()> {
    let mut watched = lock(&WATCHED);
    if *watched {
        return Ok(());
    }
    let (ready, begun) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(move || {
        let watching = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        match watching {
            Ok(runtime) => runtime.block_on(end_by_signal(&ready)),
            Err(error) => drop(ready.send(Err(error))),
        }
    })?;
    begun.recv().map_err(io::Error::other)??;
    *watched = true;
    Ok(())
}

async fn end_by_signal(ready: &mpsc::SyncSender<io::Result<()>>) {
    let mut kinds = vec![
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::quit(),
        SignalKind::hangup(),
    ];
    // Whoever is to outlive the terminal was started so.
    kinds.retain(|kind| !is_ignored(kind.as_raw_value()));
    let signals: io::Result<Vec<_>> = kinds.iter().copied().map(signal).collect();
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => return drop(ready.send(Err(error))),
    };
    // Whoever waits for it is there: it asks after this.
    ready.send(Ok(())).ok();
    if signals.is_empty() {
        return;
    }
    let received = signals.iter_mut().map(|it| Box::pin(it.recv()));
    let (_, which, _) = futures_util::future::select_all(received).await;
    let number = kinds.get(which).map_or(0, SignalKind::as_raw_value);
    // Held to the end, so that nobody silences the terminal again.
    let mut before = lock(&BEFORE);
    put_back(&mut before).ok();
    // This as well, so that the file is not put in place when it is gone.
    let unfinished = lock(&UNFINISHED);
    if let Some(path) = unfinished.as_deref() {
        fs::remove_file(path).ok();
    }
    process::exit(BY_SIGNAL + number);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
