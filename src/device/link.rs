//! The network as the kernel sees it: its news of links, addresses and routes,
//! which address packets to a place would leave from, and whether anybody
//! answers there. The only place that speaks netlink.
//!
//! It never changes anything of the network, and sends nothing but the three
//! packets of a touch.

mod news;

use crate::ports::{Moved, Touch};
use news::{NEWS_BYTES_MAX, heard, open};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpSocket;

/// A route, as news and as an answer.
const RTM_NEWROUTE: u16 = 24;
/// How often the way is looked at where the kernel's news cannot be had.
const LOOK: Duration = Duration::from_secs(1);
/// Only a default route leads to these (RFC 5737, RFC 3849); nothing is sent.
const ANYWHERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// One piece of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// A device has its carrier, or has not.
    Link { index: u32, carries: bool },
    /// A device is gone.
    NoLink { index: u32 },
    /// An address or a route came or went.
    Way,
}

/// The kernel's news and what was last known of the way.
#[derive(Debug)]
pub struct Links {
    socket: Option<AsyncFd<OwnedFd>>,
    known: Mutex<Known>,
    /// Whether it was said that the news cannot be read.
    said: AtomicBool,
    /// Which kind of address the next touch begins with.
    v6_first: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    way: Way,
    carriers: BTreeMap<u32, bool>,
}

/// The addresses from which packets to the provider would leave.
type Way = Vec<IpAddr>;
/// The same, each with the index of the device they would leave by, if known.
type Doors = Vec<(IpAddr, Option<u32>)>;

impl Links {
    /// Listens to the kernel from now on; to be called on the runtime. Where
    /// that is not allowed, the way is looked at every second instead.
    pub fn listen() -> Self {
        let socket = match open() {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%error, "the kernel's news of the network cannot be had");
                None
            }
        };
        Self {
            socket,
            known: Mutex::default(),
            said: AtomicBool::new(false),
            v6_first: AtomicBool::new(false),
        }
    }

    /// Notes how things are, before the first news.
    pub fn look(&self, places: &[IpAddr]) {
        self.known().weigh(&[], doors_to(places));
    }

    /// Waits for news and says what they mean for the way to these places.
    pub async fn moved(&self, places: impl Fn() -> Vec<IpAddr>) -> Moved {
        loop {
            let news = match &self.socket {
                Some(socket) => heard(socket, &self.said).await,
                None => {
                    tokio::time::sleep(LOOK).await;
                    Vec::new()
                }
            };
            let told = self.known().weigh(&news, doors_to(&places()));
            if told != Moved::Same || self.socket.is_some() {
                return told;
            }
        }
    }

    /// Whether anybody answers at one of these places. It begins with the kind
    /// of address that answered last, and after silence with the other: a dead
    /// way over IPv4 hides a live one over IPv6 for one touch and no longer,
    /// and no touch takes longer, or costs more, than one way does.
    pub async fn touch(&self, places: &[SocketAddr], patience: Duration) -> Touch {
        let v6_first = self.v6_first.load(Ordering::Relaxed);
        let told = touch(places, v6_first, patience).await;
        let next = match told {
            Touch::Reached { v6, .. } => v6,
            Touch::Silent => !v6_first,
            Touch::Refused | Touch::NoRoute => v6_first,
        };
        self.v6_first.store(next, Ordering::Relaxed);
        told
    }

    /// The one of these places that a touch begins with.
    pub fn first_of(&self, places: &[IpAddr]) -> Option<IpAddr> {
        let v6_first = self.v6_first.load(Ordering::Relaxed);
        let of = |v6: bool| places.iter().find(move |place| place.is_ipv6() == v6);
        of(v6_first).or_else(|| of(!v6_first)).copied()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn weigh(&mut self, news: &[News], doors: Doors) -> Moved {
        let mut carrier = false;
        for one in news {
            match *one {
                News::Link { index, carries } => {
                    let before = self.carriers.insert(index, carries);
                    carrier |= before.unwrap_or(true) != carries;
                }
                News::NoLink { index } => {
                    self.carriers.remove(&index);
                }
                News::Way => {}
            }
        }
        // The kernel keeps the routes of a device whose cable was pulled.
        let mut way: Way = doors
            .into_iter()
            .filter(|(_, device)| device.is_none_or(|index| self.carries(index)))
            .map(|(address, _)| address)
            .collect();
        way.sort_unstable();
        way.dedup();
        let before = std::mem::replace(&mut self.way, way);
        match (before.is_empty(), self.way.is_empty()) {
            (false, true) => Moved::Gone,
            (true, false) => Moved::Back,
            _ if before != self.way => Moved::Other,
            _ if carrier => Moved::Carrier,
            _ => Moved::Same,
        }
    }

    /// What was never heard of has its carrier.
    fn carries(&self, index: u32) -> bool {
        self.carriers.get(&index).copied().unwrap_or(true)
    }
}

/// Reads messages as in `netlink(7)` and `rtnetlink(7)`; what does not read
/// ends the batch.
fn parse(mut bytes: &[u8]) -> Vec<News> {
    let mut news = Vec::new();
    while let Some((kind, body, rest)) = message(bytes) {
        match kind {
            // RTM_NEWLINK, RTM_DELLINK
            16 => news.extend(link(body)),
            17 => news.extend(word(body, 4).map(|index| News::NoLink { index })),
            // RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE, RTM_DELROUTE
            20 | 21 | RTM_NEWROUTE | 25 => news.push(News::Way),
            _other => {}
        }
        bytes = rest;
    }
    news
}

fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    const HEAD: usize = 16;
    let length = usize::try_from(word(bytes, 0)?).ok()?;
    let kind = bytes.get(4..6)?.try_into().ok().map(u16::from_ne_bytes)?;
    let body = bytes.get(HEAD..length)?;
    let rest = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, body, rest))
}

fn link(body: &[u8]) -> Option<News> {
    const UP_AND_LOWER_UP: u32 = 0x1 | 0x1_0000;
    let flags = word(body, 8)?;
    Some(News::Link {
        index: word(body, 4)?,
        carries: flags & UP_AND_LOWER_UP == UP_AND_LOWER_UP,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    four.try_into().ok().map(u32::from_ne_bytes)
}

/// The addresses from which packets to these places would leave; none where
/// the kernel knows no way. Asked of the kernel alone, nothing is sent.
fn doors_to(places: &[IpAddr]) -> Doors {
    let places = if places.is_empty() { &ANYWHERE } else { places };
    let door = |place: &IpAddr| Some((source(*place)?, device(*place)));
    places.iter().filter_map(door).collect()
}

/// The index of the device by which packets to a place would leave:
/// `RTM_GETROUTE` of `rtnetlink(7)`. None where the kernel does not say.
fn device(place: IpAddr) -> Option<u32> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None).ok()?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &question(place), SendFlags::empty(), &kernel).ok()?;
    // The kernel has answered by the time the question is handed over.
    let mut buffer = vec![0; NEWS_BYTES_MAX];
    let (length, _) = rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty()).ok()?;
    match message(buffer.get(..length)?)? {
        (RTM_NEWROUTE, body, _) => way_out(body),
        _ => None,
    }
}

/// `RTM_GETROUTE` with one attribute, `RTA_DST`.
fn question(place: IpAddr) -> Vec<u8> {
    const RTM_GETROUTE: u16 = 26;
    const NLM_F_REQUEST: u16 = 1;
    const RTA_DST: u16 = 1;
    let (family, address) = match place {
        IpAddr::V4(v4) => (AddressFamily::INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (AddressFamily::INET6, v6.octets().to_vec()),
    };
    let family = u8::try_from(family.as_raw()).unwrap_or_default();
    let bits = if place.is_ipv4() { 32 } else { 128 };
    let attribute = if place.is_ipv4() { 8_u16 } else { 20 };
    let mut bytes = (28 + u32::from(attribute)).to_ne_bytes().to_vec();
    bytes.extend(RTM_GETROUTE.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(attribute.to_ne_bytes());
    bytes.extend(RTA_DST.to_ne_bytes());
    bytes.extend(address);
    bytes
}

/// `RTA_OIF` of a route.
fn way_out(body: &[u8]) -> Option<u32> {
    const RTA_OIF: u16 = 4;
    let mut rest = body.get(12..)?;
    loop {
        let half = |at: usize| -> Option<u16> {
            let two = rest.get(at..at + 2)?;
            two.try_into().ok().map(u16::from_ne_bytes)
        };
        let (length, kind) = (usize::from(half(0)?), half(2)?);
        if kind == RTA_OIF {
            return word(rest, 4);
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn source(place: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match place {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((place, 443)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

/// Opens an empty connection and drops it with a reset, so that it costs three
/// packets and leaves nothing behind on the way.
///
/// # Errors
/// As the kernel says them; `TimedOut` after `patience`.
async fn knock(place: SocketAddr, patience: Duration) -> io::Result<()> {
    let socket = match place {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // The reset itself says that the answer arrived.
    sockopt::set_tcp_quickack(&socket, false)?;
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    tokio::time::timeout(patience, socket.connect(place)).await??;
    Ok(())
}

/// Whether anybody answers at one of these places. One of each kind is enough:
/// places of one kind share their way. The other kind is asked too where the
/// first has no way or is refused; silence has used up the patience, and the
/// bytes that a touch may cost.
async fn touch(places: &[SocketAddr], v6_first: bool, patience: Duration) -> Touch {
    let mut worst = Touch::NoRoute;
    let of = |v6: bool| places.iter().find(move |place| place.is_ipv6() == v6);
    for place in [of(v6_first), of(!v6_first)].into_iter().flatten() {
        let began = tokio::time::Instant::now();
        let knocked = knock(*place, patience).await;
        match judge(knocked.as_ref().err(), place.ip()) {
            None => {
                return Touch::Reached {
                    rtt_ms: i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX),
                    v6: place.is_ipv6(),
                };
            }
            Some(Touch::NoRoute) => {}
            Some(Touch::Silent) => return Touch::Silent,
            Some(other) => worst = other,
        }
    }
    worst
}

/// What an error of a connection means; none: it was there. On this machine a
/// closed door is a cut line, as the demo plays it.
fn judge(error: Option<&io::Error>, place: IpAddr) -> Option<Touch> {
    use io::ErrorKind as Is;
    let kind = error?.kind();
    let refused = matches!(kind, Is::ConnectionRefused | Is::ConnectionReset);
    let no_route = matches!(
        kind,
        Is::NetworkUnreachable
            | Is::HostUnreachable
            | Is::NetworkDown
            | Is::AddrNotAvailable
            | Is::InvalidInput
            | Is::PermissionDenied
    );
    Some(if refused && !place.is_loopback() {
        Touch::Refused
    } else if no_route {
        Touch::NoRoute
    } else {
        Touch::Silent
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message_of(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(16 + body.len())
            .unwrap()
            .to_ne_bytes()
            .to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn link_of(index: u32, flags: u32) -> Vec<u8> {
        let mut body = vec![0; 4];
        body.extend(index.to_ne_bytes());
        body.extend(flags.to_ne_bytes());
        body.extend([0; 4]);
        body
    }

    #[test]
    fn news_are_read_and_what_does_not_read_is_left() {
        let mut bytes = message_of(16, &link_of(3, 0x1_0001));
        bytes.extend(message_of(24, &[0; 13]));
        bytes.extend(message_of(99, &[]));
        bytes.extend(message_of(17, &link_of(4, 0)));
        bytes.extend([9, 9]);
        let expected = [
            News::Link {
                index: 3,
                carries: true,
            },
            News::Way,
            News::NoLink { index: 4 },
        ];
        assert_eq!(parse(&bytes), expected);
        // A length of nothing, or of more than there is, does not turn for ever.
        assert!(parse(&[0; 64]).is_empty());
        assert!(parse(&[255; 64]).is_empty());
    }

    #[test]
    fn what_news_mean_for_the_way() {
        let here = || vec![([10, 0, 0, 2].into(), Some(2))];
        let there = || vec![([10, 0, 9, 2].into(), Some(2))];
        let mut known = Known::default();
        let link = |index, carries| News::Link { index, carries };
        let mut weigh = |news: &[News], doors: Doors| known.weigh(news, doors);
        assert_eq!(weigh(&[], here()), Moved::Back);
        assert_eq!(weigh(&[link(2, true)], here()), Moved::Same);
        assert_eq!(weigh(&[link(2, true), News::Way], here()), Moved::Same);
        assert_eq!(weigh(&[News::Way], Vec::new()), Moved::Gone);
        assert_eq!(weigh(&[News::Way], Vec::new()), Moved::Same);
        assert_eq!(weigh(&[News::Way], here()), Moved::Back);
        assert_eq!(weigh(&[News::Way], there()), Moved::Other);
        // A pulled cable leaves its routes behind; another device's is none of ours.
        assert_eq!(weigh(&[link(3, false)], there()), Moved::Carrier);
        assert_eq!(weigh(&[link(2, false)], there()), Moved::Gone);
        assert_eq!(weigh(&[News::Way], there()), Moved::Same);
        assert_eq!(weigh(&[link(2, true)], there()), Moved::Back);
        assert_eq!(weigh(&[link(2, false)], there()), Moved::Gone);
        assert_eq!(weigh(&[News::NoLink { index: 2 }], Vec::new()), Moved::Same);
        assert_eq!(weigh(&[News::Way], here()), Moved::Back);
    }

    #[test]
    fn the_kernel_says_by_which_device_packets_leave() {
        let text = |name: &str| std::fs::read_to_string(format!("/sys/class/net/lo/{name}"));
        let lo: u32 = text("ifindex").unwrap().trim().parse().unwrap();
        assert_eq!(device(Ipv4Addr::LOCALHOST.into()), Some(lo));
    }

    #[test]
    fn a_route_without_a_device_reads_as_none() {
        let attribute =
            |kind: u16| [&8_u16.to_ne_bytes()[..], &kind.to_ne_bytes(), &[7, 0, 0, 0]].concat();
        let route = |all: &[Vec<u8>]| [vec![0; 12], all.concat()].concat();
        assert_eq!(
            way_out(&route(&[attribute(1), attribute(4)])),
            Some(u32::from_ne_bytes([7, 0, 0, 0]))
        );
        assert_eq!(way_out(&route(&[attribute(1)])), None);
        assert_eq!(way_out(&[0; 64]), None);
        assert_eq!(way_out(&[]), None);
    }

    #[tokio::test]
    async fn a_door_is_open_closed_or_nowhere() {
        let patience = Duration::from_secs(5);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let links = Links::listen();
        let reached = links.touch(&[place], patience).await;
        assert!(
            matches!(reached, Touch::Reached { v6: false, .. }),
            "{reached:?}"
        );
        drop(listener);
        assert_eq!(links.touch(&[place], patience).await, Touch::Silent);
        assert_eq!(links.touch(&[], patience).await, Touch::NoRoute);
        links.look(&[place.ip()]);
        assert_eq!(links.known().way, [place.ip()]);
    }

    /// On this machine a closed door is a cut line: here IPv4 is dead.
    #[tokio::test]
    async fn a_dead_way_over_one_kind_of_address_hides_no_live_one_over_the_other() {
        let patience = Duration::from_secs(5);
        let Ok(listener) = std::net::TcpListener::bind("[::1]:0") else {
            // Nor is there any IPv6 on this machine.
            return;
        };
        let v6 = listener.local_addr().unwrap();
        let v4 = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), v6.port());
        let links = Links::listen();
        assert_eq!(links.touch(&[v4, v6], patience).await, Touch::Silent);
        for _ in 0..3 {
            let reached = links.touch(&[v4, v6], patience).await;
            assert!(
                matches!(reached, Touch::Reached { v6: true, .. }),
                "{reached:?}"
            );
        }
        drop(listener);
        let back = std::net::TcpListener::bind(v4).unwrap();
        assert_eq!(links.touch(&[v4, v6], patience).await, Touch::Silent);
        let reached = links.touch(&[v4, v6], patience).await;
        assert!(
            matches!(reached, Touch::Reached { v6: false, .. }),
            "{reached:?}"
        );
        drop(back);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(parse(&bytes).len() <= 16);
        }
    }
}
