//! `healthpost serve`: takes the data folder, opens it (or waits, locked, for
//! somebody who can), runs the appliance until it is told to stop.

use crate::app::key::{self, Custody, Way};
use crate::app::listen;
use crate::app::opened::Opened;
use crate::app::service::{self, Machine, SHUTDOWN, Service};
use crate::config::Config;
use crate::core::data_key::DataKey;
use crate::core::secret::Secret;
use crate::keys;
use crate::ops::control::{self, UnlockTry};
use crate::ops::{Changed, Configured, Context as OpsContext, OnChange};
use crate::store::lock;
use crate::web::health::Health;
use crate::web::public;
use crate::work::line::Line;
use crate::work::runner::Runner;
use anyhow::{Context, Result, bail};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The pause after the first passphrase that does not open; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs the appliance until SIGTERM or SIGINT.
///
/// # Errors
/// In words for whoever started it: no data folder, folder in use, port in
/// use, wrong passphrase, a flow with faults, a worker that died.
pub async fn serve(config: Config, passphrase: Option<Secret>, machine: Machine) -> Result<()> {
    let folder = config.data_dir.clone();
    if !is_made(&folder) {
        bail!(
            "there is no data folder at {}: run healthpost init first",
            folder.display()
        );
    }
    if config.public.tls.is_some() {
        bail!(
            "public.tls_cert: this version serves no TLS by itself: remove tls_cert and tls_key, \
             and put a tunnel or a proxy in front of public.listen"
        );
    }
    let lock = lock::take(&folder)?;
    let public = listen::bind(config.public.listen, "public.listen")?;
    let custody = Custody::new(&folder, &config.key, Arc::clone(&machine.chance))?;
    let key = match by_itself(&custody, passphrase, &machine).await? {
        Some(key) => key,
        None => match wait_for_key(&config, &custody, &public).await? {
            Some(key) => key,
            None => return Ok(()),
        },
    };
    let opened = Opened::new(&folder, &key, lock, &*machine.clock)?;
    drop(key);
    run(&config, opened, public, machine).await
}

async fn run(config: &Config, opened: Opened, public: TcpListener, machine: Machine) -> Result<()> {
    let mut runner = Runner::new();
    let service = service::start(config, &opened, &machine, &mut runner).await?;
    let stop = runner.stop_signal();
    let address = public.local_addr()?;
    runner.start(
        "public listener",
        listen::serve(public, service.public.clone(), stop),
    );
    let context = ops_context(config, &opened, &machine, &service);
    runner.start(
        "control socket",
        control::serve(context, runner.stop_signal())?,
    );
    say_ready(&format!("serving webhooks on {address}"));
    tracing::info!(%address, "the clinic's box is serving");
    let ended = runner.watch(asked_to_stop()?).await;
    runner.shut_down(SHUTDOWN).await;
    drop(service);
    tokio::task::spawn_blocking(move || opened.close()).await??;
    ended.context("the appliance stopped; the service manager starts it again")
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
    let on_change: OnChange = Arc::new(move |changed| {
        let (reload, bells) = (reload.clone(), bells.clone());
        Box::pin(async move {
            match changed {
                Changed::Secrets => {
                    if let Err(error) = reload.now().await {
                        tracing::error!(%error, "the new credentials could not be read");
                    }
                }
                Changed::Outbox => bells.sender.ring(),
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
    }
}

/// The data key, where nobody has to be asked for anything: with the passphrase
/// that was handed over, or by the TPM alone. A TPM that does not open leaves
/// the box locked, and says why: a person may still open it.
async fn by_itself(
    custody: &Custody,
    passphrase: Option<Secret>,
    machine: &Machine,
) -> Result<Option<DataKey>> {
    let before = machine.clock.now().at;
    let opened = match passphrase {
        Some(typed) => key::open(custody, Way::Typed(typed)).await?,
        None if !custody.opens_by_itself()? => return Ok(None),
        None => match key::open(custody, Way::Tpm(None)).await {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the TPM does not open the box"
                );
                return Ok(None);
            }
        },
    };
    let derived_ms = machine.clock.now().at.ms_since(before);
    tracing::info!(key.derived_ms = derived_ms, "the data key is open");
    Ok(Some(opened.key))
}

/// Whether a folder holds a clinic's data.
pub fn is_made(folder: &Path) -> bool {
    folder.join(keys::slots::FILE).exists()
}

/// Serves what a locked box may say until a passphrase opens it; `None` if it
/// is told to stop before.
async fn wait_for_key(
    config: &Config,
    custody: &Custody,
    public: &TcpListener,
) -> Result<Option<DataKey>> {
    let stop = CancellationToken::new();
    let mut runner = Runner::new();
    let health = Health {
        store: None,
        line: Line::default(),
    };
    let listener = public.try_clone()?;
    let router = public::locked(health);
    runner.start(
        "locked public listener",
        listen::serve(listener, router, stop.clone()),
    );
    let (tries, mut offered) = mpsc::channel::<UnlockTry>(1);
    let answering = control::serve_locked(&config.data_dir, tries, stop.clone())?;
    runner.start("control socket", answering);
    say_ready("locked: waiting for healthpost unlock");
    tracing::info!("locked: waiting for healthpost unlock");
    let key = tokio::select! {
        key = first_that_opens(custody, &mut offered) => key,
        () = asked_to_stop()? => None,
    };
    stop.cancel();
    runner.shut_down(SHUTDOWN).await;
    Ok(key)
}

/// Tries what is offered, one at a time, with a growing pause after each that
/// does not open.
async fn first_that_opens(
    custody: &Custody,
    offered: &mut mpsc::Receiver<UnlockTry>,
) -> Option<DataKey> {
    let mut pause = FIRST_PAUSE;
    while let Some(UnlockTry { secret, answer }) = offered.recv().await {
        let opened = key::open(custody, Way::Typed(secret)).await;
        let told = opened
            .as_ref()
            .map(|_| ())
            .map_err(|error| format!("{error:#}"));
        if let Err(why) = &told {
            tracing::warn!(why, "what was offered does not open the data key");
        }
        // Whoever asked may have gone; the key opens all the same.
        answer.send(told).ok();
        if let Ok(opened) = opened {
            return Some(opened.key);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    None
}

fn asked_to_stop() -> Result<impl Future<Output = ()>> {
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
fn say_ready(status: &str) {
    let state = [
        sd_notify::NotifyState::Ready,
        sd_notify::NotifyState::Status(status),
    ];
    if let Err(error) = sd_notify::notify(&state) {
        tracing::debug!(%error, "the service manager was not told");
    }
}
