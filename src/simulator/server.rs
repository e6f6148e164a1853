//! The shell around the world: it reads the clock, opens the Graph port and
//! posts webhooks. It must hold the world's lock only for the length of one
//! plain function call.

use super::callback::Callback;
use super::control;
use super::graph;
use super::kept::Kept;
use super::line::{Hook, Line, SwitchedPort};
use super::post_queue::{Delivery, PostId};
use super::settings::Settings;
use super::world::World;
use crate::core::time::UnixMs;
use crate::ports::Clock;
use axum::Router;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Tells how many replies wait at the clinic; the demo provides it.
pub type Waiting = Arc<dyn Fn() -> BoxFuture<'static, u64> + Send + Sync>;

/// Longest sleep of the webhook loop, so that a stepped clock is noticed.
const SLEEP_MS_MAX: i64 = 500;
/// How long the handshake waits for an answer.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// A simulated WhatsApp on real sockets.
pub struct Simulator {
    shared: Arc<Shared>,
    port: Mutex<Option<SwitchedPort>>,
}

/// Why the webhook address is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeFailure {
    /// No address is set, or it is no plain `http` address.
    #[error("the webhook address must look like http://127.0.0.1:8081/webhooks/whatsapp")]
    Address,
    /// Nobody answers there.
    #[error("nobody answers at the webhook address")]
    NoAnswer(#[source] io::Error),
    /// The answer is not the challenge.
    #[error("the webhook address answered {http} and not the challenge")]
    Wrong {
        /// The HTTP status of the answer.
        http: u16,
    },
}

/// What the handlers and the webhook loop share.
pub struct Shared {
    world: Mutex<World>,
    clock: Arc<dyn Clock>,
    line: Arc<Line>,
    graph: SocketAddr,
    wake: Notify,
    revision: watch::Sender<u64>,
    waiting: Option<Waiting>,
    ended: CancellationToken,
}

impl Simulator {
    /// Opens the Graph port on loopback; nothing runs before [`run`](Self::run).
    ///
    /// # Errors
    /// The port can't be opened.
    pub async fn start(
        settings: Settings,
        graph: SocketAddr,
        clock: Arc<dyn Clock>,
        waiting: Option<Waiting>,
    ) -> io::Result<Self> {
        let line = Arc::new(Line::new());
        let port = SwitchedPort::new(TcpListener::bind(graph).await?, Arc::clone(&line))?;
        let shared = Shared {
            world: Mutex::new(World::new(settings)),
            clock,
            line,
            graph: axum::serve::Listener::local_addr(&port)?,
            wake: Notify::new(),
            revision: watch::Sender::new(0),
            waiting,
            ended: CancellationToken::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            port: Mutex::new(Some(port)),
        })
    }

    /// The base URL to give to the clinic.
    pub fn graph_url(&self) -> String {
        self.shared.graph_url()
    }

    /// The phone page and the control API, to be mounted at the root.
    pub fn router(&self) -> Router {
        control::router(Arc::clone(&self.shared))
    }

    /// Posts webhooks to this address from now on.
    pub fn set_callback_url(&self, url: &str) {
        self.shared.change(|world| world.set_callback_url(url));
    }

    /// Cuts the clinic's line in both directions, or mends it.
    pub fn set_line(&self, up: bool) {
        self.shared.set_directions(up, up);
    }

    /// Changes the world directly, as a test may.
    pub fn with_world<T>(&self, change: impl FnOnce(&mut World, UnixMs) -> T) -> T {
        let now = self.shared.now();
        self.shared.change(|world| change(world, now))
    }

    /// A copy of what is to outlive this run.
    pub fn kept(&self) -> Kept {
        self.shared.look(World::kept)
    }

    /// Goes on where an earlier run ended.
    pub fn take_up(&self, kept: Kept) {
        let (up, _) = kept.directions();
        self.with_world(|world, now| world.take_up(kept, now));
        self.shared.line.set(up);
    }

    /// Grows with every change of what [`kept`](Self::kept) would say.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.revisions()
    }

    /// Asks the webhook address for its challenge, as Meta does when the
    /// address is entered.
    ///
    /// # Errors
    /// The address is none, is silent or answers wrongly.
    pub async fn verify_callback(&self) -> Result<(), HandshakeFailure> {
        let (callback, token, challenge) = self.shared.change(|world| {
            let callback = Callback::parse(&world.settings.callback_url);
            let token = world.settings.verify_token.clone();
            (callback, token, world.dice.digits(10))
        });
        let callback = callback.ok_or(HandshakeFailure::Address)?;
        let query = format!(
            "hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={}",
            percent_encoded(&token),
        );
        let answer = callback
            .get(&query, HANDSHAKE_PATIENCE)
            .await
            .map_err(HandshakeFailure::NoAnswer)?;
        if answer.http == 200 && answer.body == challenge {
            return Ok(());
        }
        Err(HandshakeFailure::Wrong { http: answer.http })
    }

    /// Serves the Graph port and posts webhooks until `shutdown`. A second run
    /// at the same time serves nothing.
    pub async fn run(&self, shutdown: CancellationToken) {
        let port = self
            .port
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(port) = port else {
            return;
        };
        let app = graph::router(Arc::clone(&self.shared));
        let service = app.into_make_service_with_connect_info::<Hook>();
        let serve = axum::serve(port, service).into_future();
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = serve => {}
            () = self.shared.post_webhooks() => {}
        }
        self.shared.line.cut_calls();
        self.shared.ended.cancel();
    }
}

impl Shared {
    /// The instant.
    pub fn now(&self) -> UnixMs {
        self.clock.now().at
    }

    /// The base URL of the Graph endpoint.
    pub fn graph_url(&self) -> String {
        format!("http://{}", self.graph)
    }

    /// Looks at the world.
    pub fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the world, and wakes the webhook loop and the phone pages.
    pub fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let (result, revision) = {
            let mut world = self.lock();
            let result = change(&mut world);
            (result, world.revision())
        };
        self.revision.send_if_modified(|known| {
            let grown = *known != revision;
            *known = revision;
            grown
        });
        self.wake.notify_one();
        result
    }

    /// Cuts what the clinic sends, or mends it; see [`World::set_directions`].
    pub fn set_directions(&self, up: bool, hears: bool) {
        let now = self.now();
        self.change(|world| world.set_directions(up, hears, now));
        self.line.set(up);
    }

    /// Follows the changes a phone page would show.
    pub fn revisions(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Waits for the end: what a phone page listens to must not outlive it.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Replies that wait at the clinic, where somebody can tell.
    pub async fn waiting(&self) -> Option<u64> {
        match &self.waiting {
            Some(count) => Some(count().await),
            None => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn post_webhooks(&self) {
        let mut in_flight = FuturesUnordered::new();
        loop {
            let now = self.now();
            let (due, wait_ms) = {
                let mut world = self.lock();
                let due = world.due_webhooks(now);
                let wait_ms = world.next_due().map_or(SLEEP_MS_MAX, |at| at.ms_since(now));
                (due, wait_ms.clamp(1, SLEEP_MS_MAX))
            };
            self.publish();
            in_flight.extend(due.into_iter().map(|delivery| self.post(delivery)));
            let pause = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1));
            tokio::select! {
                Some((id, http)) = in_flight.next() => self.settle(id, http),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn settle(&self, id: PostId, http: Option<u16>) {
        let now = self.now();
        self.lock().webhook_answered(id, http, now);
        self.publish();
    }

    /// Lets the phone pages know of changes the webhook loop made.
    fn publish(&self) {
        let revision = self.lock().revision();
        self.revision.send_if_modified(|known| {
            let grown = *known != revision;
            *known = revision;
            grown
        });
    }

    async fn post(&self, delivery: Delivery) -> (PostId, Option<u16>) {
        let (callback, patience_ms) = self.look(|world| {
            let settings = world.settings();
            let callback = Callback::parse(&settings.callback_url);
            (callback, settings.delays.webhook_answer_ms)
        });
        let patience = Duration::from_millis(u64::try_from(patience_ms).unwrap_or(1));
        let cut = self.line.call();
        let http = match callback {
            None => None,
            Some(callback) => tokio::select! {
                () = cut.cancelled() => None,
                answer = callback.post(&delivery.body, Some(&delivery.signature), patience) => {
                    answer.ok().map(|answer| answer.http)
                }
            },
        };
        (delivery.id, http)
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(b).to_string()
            }
            _ => format!("%{b:02X}"),
        })
        .collect()
}
