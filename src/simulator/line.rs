//! The clinic's uplink as a switch: while it is cut, nothing listens on the
//! Graph port and every open connection is reset. A cut line must look to the
//! clinic like a cut line, not like an error of Meta's.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Pause before the port is asked for again when somebody else has it.
const PORT_TAKEN_PAUSE: Duration = Duration::from_millis(100);

/// The switch.
#[derive(Debug)]
pub struct Line {
    up: watch::Sender<bool>,
    calls: Mutex<CancellationToken>,
}

impl Line {
    /// A line that works.
    pub fn new() -> Self {
        Self {
            up: watch::Sender::new(true),
            calls: Mutex::new(CancellationToken::new()),
        }
    }

    /// Whether it works.
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Cuts it, and with it every call, or mends it.
    pub fn set(&self, up: bool) {
        self.up.send_replace(up);
        if !up {
            self.cut_calls();
        }
    }

    /// Resets every open connection.
    pub fn cut_calls(&self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *calls).cancel();
    }

    /// Cancelled when the line is cut.
    pub fn call(&self) -> CancellationToken {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .child_token()
    }
}

/// A port that is only listened to while the line works.
pub struct SwitchedPort {
    at: SocketAddr,
    open: Option<TcpListener>,
    line: std::sync::Arc<Line>,
}

impl SwitchedPort {
    /// Takes over a bound port.
    ///
    /// # Errors
    /// The system can't tell its address.
    pub fn new(listener: TcpListener, line: std::sync::Arc<Line>) -> io::Result<Self> {
        Ok(Self {
            at: listener.local_addr()?,
            open: Some(listener),
            line,
        })
    }

    async fn listener(&mut self) -> &TcpListener {
        let mut up = self.line.up.subscribe();
        if !*up.borrow_and_update() {
            self.open = None;
        }
        loop {
            if up.wait_for(|up| *up).await.is_err() {
                std::future::pending::<()>().await;
            }
            if self.open.is_none() {
                self.open = TcpListener::bind(self.at).await.ok();
            }
            if self.open.is_some() {
                break;
            }
            tokio::time::sleep(PORT_TAKEN_PAUSE).await;
        }
        self.open
            .as_ref()
            .expect("the loop ends only with a listener")
    }
}

impl Listener for SwitchedPort {
    type Io = Call;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Call, SocketAddr) {
        loop {
            let mut cut = self.line.up.subscribe();
            let accepted = {
                let listener = self.listener().await;
                tokio::select! {
                    biased;
                    _ = cut.wait_for(|up| !*up) => None,
                    accepted = listener.accept() => accepted.ok(),
                }
            };
            match accepted {
                // The token is taken before the look at the line: a cut that comes
                // later ends this call, and one that is over ends none.
                Some((stream, from)) => {
                    let call = Call::new(stream, self.line.call());
                    if self.line.is_up() {
                        return (call, from);
                    }
                }
                None if self.line.is_up() => tokio::time::sleep(PORT_TAKEN_PAUSE).await,
                None => self.open = None,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.at)
    }
}

/// One connection, which ends when the line is cut or its token is cancelled.
pub struct Call {
    stream: TcpStream,
    cut: CancellationToken,
    waiting: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Call {
    fn new(stream: TcpStream, cut: CancellationToken) -> Self {
        let waiting = Box::pin(cut.clone().cancelled_owned());
        Self {
            stream,
            cut,
            waiting,
        }
    }

    /// An error once the call is cut; the stream then closes with a reset.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.waiting.as_mut().poll(cx).is_pending() {
            return Ok(());
        }
        // A stream whose lingering can't be changed is closed all the same.
        let _ = self.stream.set_zero_linger();
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Call {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Call {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Lets a handler reset the connection its request came by.
#[derive(Clone, Debug)]
pub struct Hook(pub CancellationToken);

impl Connected<IncomingStream<'_, SwitchedPort>> for Hook {
    fn connect_info(stream: IncomingStream<'_, SwitchedPort>) -> Self {
        Self(stream.io().cut.clone())
    }
}
