//! `healthpost serve`: takes the data folder, opens it (or waits, locked, for
//! somebody who can), runs the appliance until it is told to stop.

use crate::app::listen;
use crate::app::opened::Opened;
use crate::app::service::{self, Machine, SHUTDOWN};
use crate::config::Config;
use crate::core::data_key::DataKey;
use crate::core::secret::Secret;
use crate::keys::{self, SlotsFile};
use crate::store::lock;
use crate::work::runner::Runner;
use anyhow::{Context, Result, bail};
use std::net::TcpListener;
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};

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
    let lock = lock::take(&folder)?;
    let public = listen::bind(config.public.listen, "public.listen")?;
    let key = match passphrase {
        Some(passphrase) => open_key(&folder, passphrase).await?,
        None => bail!("give the passphrase with --passphrase-file"),
    };
    let opened = Opened::new(&folder, &key, lock)?;
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
    say_ready(&format!("serving webhooks on {address}"));
    tracing::info!(%address, "the clinic's box is serving");
    let ended = runner.watch(asked_to_stop()?).await;
    runner.shut_down(SHUTDOWN).await;
    drop(service);
    tokio::task::spawn_blocking(move || opened.close()).await??;
    ended.context("the appliance stopped; the service manager starts it again")
}

/// Opens the data key with a passphrase, off the runtime's threads: the
/// derivation takes its time on purpose.
///
/// # Errors
/// That the passphrase does not open, or what is wrong with the slots.
pub async fn open_key(folder: &Path, passphrase: Secret) -> Result<DataKey> {
    let folder = folder.to_owned();
    let opened = tokio::task::spawn_blocking(move || -> Result<DataKey> {
        let words = std::str::from_utf8(passphrase.expose())
            .context("the passphrase is not written in UTF-8")?;
        Ok(SlotsFile::load(&folder)?.open_with_passphrase(words)?)
    });
    opened.await?
}

/// Whether a folder holds a clinic's data.
pub fn is_made(folder: &Path) -> bool {
    folder.join(keys::slots::FILE).exists()
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
