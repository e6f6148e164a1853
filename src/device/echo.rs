//! Echo requests (RFC 792, RFC 4443), the cheapest question there is: 28 bytes
//! each way over IPv4, 48 over IPv6.
//!
//! They leave by the kernel's own sockets for them, which need no privilege
//! where `net.ipv4.ping_group_range` allows our group, as systemd sets it. The
//! kernel fills in the identifier and the checksum and hands over the answers to
//! this socket alone.

use crate::ports::Echo;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;

/// Type, code, checksum, identifier, sequence number; no data follows.
const HEAD: usize = 8;

/// Asks after one place, and counts what was asked.
#[derive(Debug, Default)]
pub struct Echoes {
    asked: AtomicU16,
}

impl Echoes {
    /// Whether the place answers an echo request in time.
    ///
    /// On this machine the kernel answers itself, whoever is cut off: nothing
    /// can be learnt there.
    pub async fn ask(&self, place: IpAddr, patience: Duration) -> Echo {
        if place.is_loopback() {
            return Echo::Unavailable;
        }
        let Ok(socket) = open(place) else {
            return Echo::Unavailable;
        };
        let sequence = self.asked.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(patience, exchange(&socket, place, sequence)).await {
            Ok(Ok(())) => Echo::Answered,
            Ok(Err(_)) | Err(_) => Echo::Silent,
        }
    }
}

/// Neither the identifier nor the checksum is ours to fill.
fn open(place: IpAddr) -> io::Result<UdpSocket> {
    let (family, protocol) = match place {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, Some(protocol))?;
    UdpSocket::from_std(std::net::UdpSocket::from(socket))
}

/// Sends one request and waits for its answer, past those to earlier ones.
async fn exchange(socket: &UdpSocket, place: IpAddr, sequence: u16) -> io::Result<()> {
    socket
        .send_to(&request(place, sequence), SocketAddr::new(place, 0))
        .await?;
    let mut bytes = [0; 64];
    loop {
        let (length, from) = socket.recv_from(&mut bytes).await?;
        let answer = bytes.get(..length).unwrap_or_default();
        if from.ip() == place && answers(answer, place, sequence) {
            return Ok(());
        }
    }
}

fn request(place: IpAddr, sequence: u16) -> [u8; HEAD] {
    let kind = if place.is_ipv4() { 8 } else { 128 };
    let [high, low] = sequence.to_be_bytes();
    [kind, 0, 0, 0, 0, 0, high, low]
}

fn answers(bytes: &[u8], place: IpAddr, sequence: u16) -> bool {
    let kind = if place.is_ipv4() { 0 } else { 129 };
    bytes.first() == Some(&kind) && bytes.get(6..HEAD) == Some(&sequence.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn an_answer_is_one_to_this_request() {
        let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
        assert_eq!(request(v4, 0x1234), [8, 0, 0, 0, 0, 0, 0x12, 0x34]);
        assert_eq!(request(v6, 7), [128, 0, 0, 0, 0, 0, 0, 7]);
        let answer = |kind, sequence| [kind, 0, 1, 2, 3, 4, 0, sequence];
        assert!(answers(&answer(0, 9), v4, 9));
        assert!(answers(&answer(129, 9), v6, 9));
        assert!(!answers(&answer(0, 8), v4, 9), "an earlier one's");
        assert!(!answers(&answer(3, 9), v4, 9), "unreachable");
        assert!(!answers(&answer(0, 9), v6, 9));
        assert!(!answers(&[0; 7], v4, 0));
        assert!(!answers(&[], v4, 0));
    }

    #[tokio::test]
    async fn this_machine_proves_nothing() {
        let asked = Echoes::default();
        let patience = Duration::from_secs(5);
        for place in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            assert_eq!(asked.ask(place, patience).await, Echo::Unavailable);
        }
    }
}
