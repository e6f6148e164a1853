//! `healthpost demo`: the whole appliance on loopback, with a simulated
//! WhatsApp that speaks real HTTP to it and a switch that cuts the line.
//!
//! Everything in it is the real thing but the far side: the same store, the
//! same workers, the same webhook. It never listens anywhere but on loopback.

use crate::app::demo_folder::{self, Account};
use crate::app::demo_memory::Memory;
use crate::app::flow_file;
use crate::app::listen;
use crate::app::serve::ops_context;
use crate::app::service::{self, Machine, SHUTDOWN, Service};
use crate::ops::control::Control;
use crate::simulator::{Settings, Simulator, Waiting};
use crate::store::{Readers, contacts, queue};
use crate::web::{console, loopback};
use crate::work::runner::Runner;
use anyhow::{Context, Result, bail};
use axum::Router;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the demo says once it is ready.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Addresses {
    /// The staff page.
    pub console: String,
    /// The phone page.
    pub phone: String,
    /// Where webhooks go in.
    pub webhook: String,
    /// Who may sign in.
    pub users: Vec<Account>,
}

/// Runs the demo until `stop` ends; `ready` is told the addresses.
///
/// # Errors
/// In words: an address that is not loopback or in use, a folder that cannot
/// be used, a worker that died.
pub async fn demo(
    listen: SocketAddr,
    folder: &Path,
    machine: Machine,
    stop: impl Future<Output = ()>,
    ready: impl FnOnce(&Addresses),
) -> Result<()> {
    if !listen.ip().is_loopback() {
        bail!("the demo has no protection at all and listens on loopback only, not on {listen}");
    }
    let pages = listen::bind(listen, "--listen")?;
    let hook = listen::bind(
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        "the demo's webhook port",
    )?;
    let prepared = demo_folder::prepare(folder, &machine).await?;
    let running = Running {
        pages,
        hook,
        folder: folder.to_owned(),
        machine,
    };
    running.run(prepared, stop, ready).await
}

/// Phones of an earlier run that are there again.
const PHONES_BACK: usize = 100;

struct Running {
    pages: TcpListener,
    hook: TcpListener,
    folder: PathBuf,
    machine: Machine,
}

impl Running {
    async fn run(
        self,
        prepared: demo_folder::Prepared,
        stop: impl Future<Output = ()>,
        ready: impl FnOnce(&Addresses),
    ) -> Result<()> {
        let demo_folder::Prepared {
            opened,
            settings,
            users,
        } = prepared;
        let (pages, hook) = (self.pages.local_addr()?, self.hook.local_addr()?);
        let webhook = format!("http://{hook}/webhooks/whatsapp");
        let memory = self
            .remembered(settings, &webhook, opened.readers.clone())
            .await?;
        let far_side = Arc::clone(memory.far_side());
        let config = demo_folder::config(&opened.folder, &far_side.graph_url(), hook)?;
        let mut runner = Runner::new();
        let flow = flow_file::of(&config)?;
        let service = service::start(&config, flow, &opened, &self.machine, &mut runner).await?;
        let addresses = Addresses {
            console: format!("http://{pages}/"),
            phone: format!("http://{pages}/simulator"),
            webhook,
            users,
        };
        let context = ops_context(&config, &opened, &self.machine, &service);
        let control = Control::bind(&opened.folder)?;
        let answering = control.serve(context, runner.stop_signal())?;
        runner.start("control socket", answering);
        self.start_listeners(&mut runner, service, &far_side);
        let keeping = memory.clone().keep_up(runner.stop_signal());
        runner.start("simulated WhatsApp's memory", keeping);
        ready(&addresses);
        let ended = runner.watch(stop).await;
        runner.shut_down(SHUTDOWN).await;
        drop(control);
        memory.write().await;
        tokio::task::spawn_blocking(move || opened.close()).await??;
        ended.context("the demo stopped")
    }

    async fn remembered(
        &self,
        mut settings: Settings,
        webhook: &str,
        readers: Readers,
    ) -> Result<Memory> {
        settings.callback_url = webhook.to_owned();
        // Ids that came before would be taken for second deliveries.
        let mut seed = [0; 8];
        self.machine.chance.fill(&mut seed);
        settings.seed = u64::from_le_bytes(seed);
        let phones = readers
            .read(|conn| contacts::latest(conn, PHONES_BACK))
            .await
            .context("the database could not be read")?;
        let graph = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let clock = Arc::clone(&self.machine.clock);
        let simulator = Simulator::start(settings, graph, clock, Some(waiting(readers)))
            .await
            .context("the simulated WhatsApp could not be started")?;
        let memory = Memory::take_up(&self.folder, Arc::new(simulator), phones);
        Ok(memory)
    }

    fn start_listeners(self, runner: &mut Runner, service: Service, far_side: &Arc<Simulator>) {
        let stop = runner.stop_signal();
        let pages = Router::new()
            .merge(console::router(service.console.clone()))
            .merge(far_side.router())
            .merge(crate::web::health::router(service.health.clone()));
        let pages = loopback::guard(pages);
        runner.start("pages", listen::serve(self.pages, pages, stop.clone()));
        runner.start(
            "webhooks",
            listen::serve(self.hook, service.public, stop.clone()),
        );
        let far_side = Arc::clone(far_side);
        runner.start(
            "simulated WhatsApp",
            async move { far_side.run(stop).await },
        );
    }
}

/// How many replies wait at the clinic, for the phone page.
fn waiting(readers: Readers) -> Waiting {
    Arc::new(move || {
        let readers = readers.clone();
        Box::pin(async move {
            let summary = readers.read(queue::summary).await;
            summary.map_or(0, |s| u64::try_from(s.waiting).unwrap_or(0))
        })
    })
}
