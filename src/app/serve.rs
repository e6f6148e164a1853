//! `healthpost serve`: takes the data folder, opens it (or waits, locked, for
//! somebody who can), runs the appliance until it is told to stop.

use crate::app::key::{self, Custody, Way};
use crate::app::lan::{self, Lan, Shown, Wanted};
use crate::app::listen;
use crate::app::locked::wait_for_key;
use crate::app::opened::Opened;
use crate::app::service::{self, Machine, SHUTDOWN, Service};
use crate::config::Config;
use crate::core::flow::Flow;
use crate::core::secret::Secret;
use crate::keys::{self, Opened as KeyOpened};
use crate::ops::control::Control;
use crate::ops::{Changed, Configured, Context as OpsContext, LineFacts, OnChange};
use crate::store::{Readers, Writer, lock, open as database};
use crate::web::lan as pages;
use crate::web::unlock::{Authority, Standing};
use crate::work::line::{Line, LineState};
use crate::work::runner::Runner;
use crate::work::watchdog::{self, Alive};
use anyhow::{Context, Result, bail};
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long a start waits for a TPM that does not answer before the door is
/// opened to people. Chips take seconds.
const TPM_PATIENCE: Duration = Duration::from_secs(20);
/// A line that is up, over which nothing arrives.
const GIVEN_BACK: &str = "WhatsApp gave messages back because of the account: one is tried for all";

/// Where the box listens, bound before anything else is done.
pub struct Sockets {
    /// For the webhooks.
    pub public: TcpListener,
    /// For staff.
    pub lan: TcpListener,
    /// For commands.
    pub control: Control,
}

/// Runs the appliance until SIGTERM or SIGINT. What the configuration alone
/// decides, its flow with it, was looked at before: nobody is to unlock a box that
/// cannot serve.
///
/// # Errors
/// In words for whoever started it: no data folder, folder in use, port in
/// use, wrong passphrase, a worker that died.
pub async fn serve(
    config: Config,
    flow: Flow,
    passphrase: Option<Secret>,
    machine: Machine,
) -> Result<()> {
    let folder = config.data_dir.clone();
    let shown = folder.display();
    let made = is_made(&folder);
    if !made.with_context(|| format!("{shown} cannot be looked into by this user"))? {
        let (said, how) = not_made(&folder);
        bail!("{said}: {how}");
    }
    let lock = lock::take(&folder)?;
    // One ear from here to the end: a signal between being locked and being
    // open must not get lost.
    let mut asked = Box::pin(asked_to_stop()?);
    let sockets = Sockets {
        public: listen::bind(config.public.listen, "public.listen")?,
        lan: listen::bind(config.lan.listen, "lan.listen")?,
        control: Control::bind(&folder).context("the control socket cannot be made")?,
    };
    let custody = Custody::new(&folder, &config.key, &machine)?;
    let wanted = Wanted::of(&config.lan);
    let lan = Lan::new(custody.clone(), wanted, Arc::clone(&machine.chance));
    let shown = Shown::default();
    let patience = passphrase.is_none().then_some(TPM_PATIENCE);
    let by_itself = tokio::select! {
        opened = by_itself(&custody, passphrase, &machine) => opened?,
        () = &mut asked => return Ok(()),
        // Whatever keeps the TPM: the door is answered meanwhile, and the TPM is
        // asked again from there.
        () = tokio::time::sleep(patience.unwrap_or(Duration::MAX)) => {
            tracing::error!("the TPM does not answer: the box stays locked");
            None
        }
    };
    let key = match by_itself {
        Some(opened) => opened.key,
        None => {
            match wait_for_key(&config, &custody, (&lan, &shown), &sockets, &mut asked).await? {
                Some(opened) => opened.key,
                None => return Ok(()),
            }
        }
    };
    // A database of an earlier version may take its time.
    let mut opening = Runner::new();
    feed_the_watchdog(&mut opening, None);
    let clock = Arc::clone(&machine.clock);
    let opened = move || Opened::new(&folder, &key, lock, &*clock);
    let opened = (tokio::task::spawn_blocking(opened).await??, opening);
    let spoken = (&config, flow);
    run(spoken, opened, sockets, (lan, shown), machine, asked).await
}

async fn run(
    (config, flow): (&Config, Flow),
    (opened, opening): (Opened, Runner),
    sockets: Sockets,
    (lan, shown): (Lan, Shown),
    machine: Machine,
    asked: impl Future<Output = ()>,
) -> Result<()> {
    let mut runner = Runner::new();
    let service = service::start(config, flow, &opened, &machine, &mut runner).await?;
    let stop = runner.stop_signal();
    let address = sockets.public.local_addr()?;
    runner.start(
        "public listener",
        listen::serve(sockets.public, service.public.clone(), stop.clone()),
    );
    let pages = pages::open(
        pages::no_console(standing(&service)),
        service.health.clone(),
        authority_shown(&opened.folder),
    );
    let serving = listen::serve_lan(sockets.lan, config.lan.tls, &shown, pages, stop.clone())?;
    runner.start("LAN listener", serving);
    if config.lan.tls {
        let (writer, clock) = (opened.writer.clone(), Arc::clone(&machine.clock));
        runner.start(
            "LAN certificate",
            lan::keep(lan, shown, writer, clock, stop),
        );
    }
    let context = ops_context(config, &opened, &machine, &service);
    let answering = sockets.control.serve(context, runner.stop_signal())?;
    runner.start("control socket", answering);
    let store = (opened.writer.clone(), opened.readers.clone());
    feed_the_watchdog(&mut runner, Some(store));
    opening.shut_down(SHUTDOWN).await;
    if !service.drilled.get() {
        tracing::warn!(
            "nobody has proved yet that the recovery key opens the data: run healthpost key drill"
        );
    }
    say_ready(&format!("serving webhooks on {address}"));
    tracing::info!(%address, lan = %config.lan.listen, "the clinic's box is serving");
    let ended = runner.watch(asked).await;
    runner.shut_down(SHUTDOWN).await;
    service.keep_rest(&opened).await;
    drop(service);
    // While the folder is still ours: afterwards its name is the next one's.
    drop(sockets.control);
    tokio::task::spawn_blocking(move || opened.close()).await??;
    ended.context("the appliance stopped; the service manager starts it again")
}

/// What the first page looks at.
fn standing(service: &Service) -> Standing {
    let credentials = service.credentials.clone();
    Standing {
        drilled: service.drilled.clone(),
        health: service.health.clone(),
        has_secrets: Arc::new(move || credentials.is_complete()),
    }
}

/// What commands on the control socket work with; they tell the running
/// service what they changed.
pub fn ops_context(
    config: &Config,
    opened: &Opened,
    machine: &Machine,
    service: &Service,
) -> OpsContext {
    let http = Arc::clone(&service.credentials.http);
    let (reload, bells) = (service.credentials.clone(), service.bells.clone());
    let (line, clock) = (service.line.clone(), Arc::clone(&machine.clock));
    let drilled = service.drilled.clone();
    let seen = line.clone();
    let on_change: OnChange = Arc::new(move |changed| {
        let (reload, bells, drilled) = (reload.clone(), bells.clone(), drilled.clone());
        let (line, at) = (line.clone(), clock.now().at);
        Box::pin(async move {
            match changed {
                Changed::Secrets => {
                    if let Err(error) = reload.now().await {
                        tracing::error!(%error, "the new credentials could not be read");
                    }
                    line.nudge(at);
                }
                Changed::Outbox => bells.sender.ring(),
                Changed::Drill => drilled.set(),
            }
        })
    });
    OpsContext {
        folder: opened.folder.clone(),
        writer: opened.writer.clone(),
        readers: opened.readers.clone(),
        clock: Arc::clone(&machine.clock),
        chance: Arc::clone(&machine.chance),
        configured: Some(Arc::new(Configured::over(config, http))),
        on_change: Some(on_change),
        line: Some(Arc::new(move || line_facts(&seen))),
    }
}

/// The line in words for whoever asks. An account that gives messages back is
/// not well yet because its line is up.
fn line_facts(line: &Line) -> LineFacts {
    let state = line.state();
    let on_trial = state == LineState::Up && line.is_account_on_trial();
    let words = if on_trial {
        GIVEN_BACK
    } else {
        state.explain()
    };
    LineFacts {
        state: state.word().to_owned(),
        words: words.to_owned(),
        why: line.why().map(|why| why.word().to_owned()),
    }
}

/// The data key, where nobody has to be asked for anything: with the passphrase
/// that was handed over, or by the TPM alone. Whoever hands over a wrong one, or
/// starts the box over a damaged database, is told so; it is never tried as a
/// PIN, since started again and again it would use up the TPM's tries. A TPM
/// that does not open leaves the box locked: a person may still open it.
async fn by_itself(
    custody: &Custody,
    passphrase: Option<Secret>,
    machine: &Machine,
) -> Result<Option<KeyOpened>> {
    let before = machine.clock.now().at;
    let opened = if let Some(typed) = passphrase {
        Some(key::open(custody, Way::Passphrase(typed)).await?)
    } else if custody.opens_by_itself()? {
        let opened = key::open(custody, Way::Tpm(None)).await;
        let told = opened.inspect_err(|error| {
            let error = format!("{error:#}");
            tracing::error!(error, "the TPM does not open the box: it stays locked");
        });
        told.ok()
    } else {
        None
    };
    if opened.is_some() {
        let derived_ms = machine.clock.now().at.ms_since(before);
        tracing::info!(key.derived_ms = derived_ms, "the data key is open");
    }
    Ok(opened)
}

/// The authority's certificate as the pages offer it, read at each asking: it
/// may be made while the box runs.
pub fn authority_shown(folder: &Path) -> Authority {
    let folder = folder.to_owned();
    Authority::new(move || lan::authority_pem(&folder).ok())
}

/// Whether a folder holds a clinic's data.
///
/// # Errors
/// When the folder cannot be looked into: whether it does is unknown then.
pub fn is_made(folder: &Path) -> io::Result<bool> {
    folder.join(keys::slots::FILE).try_exists()
}

/// What is wrong with a folder that is none, and what to do. Whoever lost the
/// slots alone must not be led to throw away the database.
pub fn not_made(folder: &Path) -> (String, &'static str) {
    if database::path(folder).exists() {
        return (
            format!(
                "keyslots.json is gone from {}, and clinic.db is there: nothing opens it so",
                folder.display()
            ),
            "put keyslots.json.old or the keyslots.json of a copy back under that name; healthpost \
             init makes another box, and opens nothing of this one",
        );
    }
    (
        format!("there is no data folder at {}", folder.display()),
        "run healthpost init first, or name another with --data-dir",
    )
}

/// Ends when the service manager or a terminal says so.
///
/// # Errors
/// When signals cannot be listened to.
pub fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Tells the service manager, if one started us, that the box is ready.
pub fn say_ready(status: &str) {
    tell_the_manager(&[
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status(status),
    ]);
}

/// Starts what tells the service manager that the box is alive, if it wants to
/// be told.
pub fn feed_the_watchdog(runner: &mut Runner, store: Option<(Writer, Readers)>) {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return;
    };
    let alive = Alive {
        turns: runner.turns(),
        store,
    };
    let say = || tell_the_manager(&[sd_notify::NotifyState::Watchdog]);
    let feeding = watchdog::feed(patience, alive, say, runner.stop_signal());
    runner.start("watchdog", feeding);
}

fn tell_the_manager(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager was not told");
    }
}
