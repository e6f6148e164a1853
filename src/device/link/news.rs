//! Listening to the kernel's news.

use super::{LOOK, News, parse};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::unix::AsyncFd;

/// `RTMGRP_LINK`, `_IPV4_IFADDR`, `_IPV4_ROUTE`, `_IPV6_IFADDR`, `_IPV6_ROUTE`.
const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400;
/// The kernel's largest batch of news, bytes.
pub(super) const NEWS_BYTES_MAX: usize = 32 * 1024;

#[expect(
    deprecated,
    reason = "the other way is unsafe; this descriptor is owned here and never replaced"
)]
pub(super) fn open() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
    AsyncFd::new(socket)
}

/// Everything the kernel has to say now. News it had to throw away are news
/// too: the way is looked at anew whatever they were. While they cannot be read,
/// the way is looked at every second; that is `said` once.
pub(super) async fn heard(socket: &AsyncFd<OwnedFd>, said: &AtomicBool) -> Vec<News> {
    let heard = hear(socket).await;
    let before = said.swap(heard.is_err(), Ordering::Relaxed);
    match heard {
        Ok(news) => news,
        Err(error) => {
            if !before {
                tracing::error!(%error, "the kernel's news of the network cannot be read");
            }
            tokio::time::sleep(LOOK).await;
            Vec::new()
        }
    }
}

/// What stays readable and cannot be read would be asked for ever: it is told.
async fn hear(socket: &AsyncFd<OwnedFd>) -> io::Result<Vec<News>> {
    loop {
        let mut ready = socket.readable().await?;
        if let Ok(read) = ready.try_io(|socket| Ok(drain(socket.get_ref())?)) {
            return read;
        }
    }
}

fn drain(socket: &OwnedFd) -> rustix::io::Result<Vec<News>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; NEWS_BYTES_MAX];
    loop {
        match rustix::net::recv(socket, &mut buffer[..], RecvFlags::empty()) {
            Ok((length, _)) => all.extend(parse(buffer.get(..length).unwrap_or_default())),
            // Too much at once: some were lost.
            Err(rustix::io::Errno::NOBUFS) => all.push(News::Way),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) if !all.is_empty() => return Ok(all),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::time::Duration;

    #[expect(deprecated, reason = "as above")]
    #[tokio::test]
    async fn news_that_cannot_be_read_are_not_asked_for_without_a_pause() {
        // Readable for as long as it is there, and no socket.
        let (broken, mut other_end) = std::io::pipe().unwrap();
        other_end.write_all(b"x").unwrap();
        let broken = AsyncFd::new(OwnedFd::from(broken)).unwrap();
        let said = AtomicBool::new(false);
        let heard = tokio::time::timeout(Duration::from_secs(60), heard(&broken, &said));
        assert_eq!(heard.await.ok(), Some(Vec::new()));
        assert!(said.load(Ordering::Relaxed));
    }
}
