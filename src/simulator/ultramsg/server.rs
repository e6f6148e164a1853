//! The shell around the model: it reads the clock, opens the API's port, lets
//! time pass and posts webhooks.

use super::account::UltraSettings;
use super::world::{UltraWorld, WebhookDue};
use super::{control, http};
use crate::core::time::UnixMs;
use crate::ports::Clock;
use crate::simulator::callback::Callback;
use crate::simulator::line::{Hook, Line, SwitchedPort};
use axum::Router;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often time is let pass.
const TICK: Duration = Duration::from_millis(20);
/// How long a webhook's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A simulated UltraMsg on real sockets.
pub struct UltraSimulator {
    shared: Arc<Shared>,
    port: Mutex<Option<SwitchedPort>>,
}

/// What the handlers and the loop share.
pub struct Shared {
    world: Mutex<UltraWorld>,
    clock: Arc<dyn Clock>,
    line: Arc<Line>,
    api: SocketAddr,
}

impl UltraSimulator {
    /// Opens the API's port; nothing runs before [`run`](Self::run).
    ///
    /// # Errors
    /// The port can't be opened.
    pub async fn start(
        settings: UltraSettings,
        api: SocketAddr,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let line = Arc::new(Line::new());
        let port = SwitchedPort::new(TcpListener::bind(api).await?, Arc::clone(&line))?;
        let shared = Shared {
            world: Mutex::new(UltraWorld::new(settings)),
            clock,
            line,
            api: axum::serve::Listener::local_addr(&port)?,
        };
        Ok(Self {
            shared: Arc::new(shared),
            port: Mutex::new(Some(port)),
        })
    }

    /// The base URL to give to the clinic.
    pub fn api_url(&self) -> String {
        format!("http://{}", self.shared.api)
    }

    /// The control API, to be mounted at the root.
    pub fn router(&self) -> Router {
        control::router(Arc::clone(&self.shared))
    }

    /// Cuts the clinic's line, or mends it.
    pub fn set_line(&self, up: bool) {
        self.shared.set_line(up);
    }

    /// Changes the world directly, as a test may.
    pub fn with_world<T>(&self, change: impl FnOnce(&mut UltraWorld, UnixMs) -> T) -> T {
        let now = self.shared.now();
        self.shared.change(|world| change(world, now))
    }

    /// Serves the API and posts webhooks until `shutdown`. A second run at the
    /// same time serves nothing.
    pub async fn run(&self, shutdown: CancellationToken) {
        let port = self
            .port
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(port) = port else {
            return;
        };
        let app = http::router(Arc::clone(&self.shared));
        let service = app.into_make_service_with_connect_info::<Hook>();
        let serve = axum::serve(port, service).into_future();
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = serve => {}
            () = self.shared.live() => {}
        }
        self.shared.line.cut_calls();
    }
}

impl Shared {
    /// The instant.
    pub fn now(&self) -> UnixMs {
        self.clock.now().at
    }

    /// Whether the clinic's line works.
    pub fn line_up(&self) -> bool {
        self.line.is_up()
    }

    /// Cuts it, or mends it.
    pub fn set_line(&self, up: bool) {
        self.line.set(up);
    }

    /// Changes the world.
    pub fn change<T>(&self, change: impl FnOnce(&mut UltraWorld) -> T) -> T {
        change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn live(&self) {
        let mut in_flight = FuturesUnordered::new();
        loop {
            let now = self.now();
            let due = self.change(|world| world.tick(now));
            in_flight.extend(due.into_iter().map(|hook| self.post(hook)));
            tokio::select! {
                Some(lost) = in_flight.next() => {
                    if let Some(hook) = lost {
                        let now = self.now();
                        self.change(|world| world.not_answered(hook, now));
                    }
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Posts a webhook; gives it back if it was not answered 200.
    async fn post(&self, hook: WebhookDue) -> Option<WebhookDue> {
        let url = self.change(|world| world.settings().callback_url.clone());
        if !self.line_up() {
            return Some(hook);
        }
        let cut = self.line.call();
        let callback = Callback::parse(&url)?;
        let answered = tokio::select! {
            () = cut.cancelled() => None,
            answer = callback.post(hook.body.as_bytes(), None, PATIENCE) => answer.ok(),
        };
        (answered.map(|answer| answer.http) != Some(200)).then_some(hook)
    }
}
