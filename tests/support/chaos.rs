//! A TCP proxy that has everything a bad line has: it delays, breaks off in the
//! middle, resets, and swallows without a word, by chance and by the seed.

use super::wait;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rustix::net::sockopt;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long bytes are swallowed before the connection ends.
const SWALLOWED: Duration = Duration::from_secs(6);
/// Longest wait for one end's bytes; then the other end is looked at again.
const LOOK: Duration = Duration::from_millis(100);

/// What has been done to connections.
#[derive(Debug, Default)]
pub struct Harm {
    /// Pieces that came late.
    pub delayed: AtomicU64,
    /// Connections that ended in the middle of a piece.
    pub truncated: AtomicU64,
    /// Connections that were reset.
    pub reset: AtomicU64,
    /// Connections that fell silent.
    pub swallowed: AtomicU64,
}

impl Harm {
    /// Whether each kind has happened.
    pub fn is_of_every_kind(&self) -> bool {
        let kinds = [&self.delayed, &self.truncated, &self.reset, &self.swallowed];
        kinds.iter().all(|kind| kind.load(Ordering::Relaxed) > 0)
    }
}

/// A running proxy; harmless once it is told so.
pub struct Chaos {
    /// Where it listens.
    pub at: SocketAddr,
    /// What it did.
    pub harm: Arc<Harm>,
    calm: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Chaos {
    /// A proxy to this address.
    pub fn start(to: SocketAddr, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let chaos = Self {
            at: listener.local_addr().unwrap(),
            harm: Arc::default(),
            calm: Arc::default(),
            over: Arc::default(),
        };
        let (harm, calm, over) = (
            Arc::clone(&chaos.harm),
            Arc::clone(&chaos.calm),
            Arc::clone(&chaos.over),
        );
        std::thread::spawn(move || {
            let mut dice = ChaCha8Rng::seed_from_u64(seed);
            for near in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(near) = near else { continue };
                // Nobody behind it: the connection ends at once.
                let Ok(far) = TcpStream::connect(to) else {
                    continue;
                };
                let ends = [near, far];
                for from in [0, 1] {
                    let way = Way {
                        from: ends[from].try_clone().unwrap(),
                        to: ends[1 - from].try_clone().unwrap(),
                        dice: ChaCha8Rng::seed_from_u64(dice.next_u64()),
                        harm: Arc::clone(&harm),
                        calm: Arc::clone(&calm),
                    };
                    std::thread::spawn(move || way.carry());
                }
            }
        });
        chaos
    }

    /// From now on it only carries.
    pub fn calm(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it, so that it sees that it is over.
        TcpStream::connect(self.at).ok();
    }
}

/// One direction of one connection.
struct Way {
    from: TcpStream,
    to: TcpStream,
    dice: ChaCha8Rng,
    harm: Arc<Harm>,
    calm: Arc<AtomicBool>,
}

impl Way {
    fn carry(mut self) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let length = match self.from.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(length) => length,
            };
            if !self.piece(&buffer[..length]) {
                return;
            }
        }
        self.to.shutdown(Shutdown::Write).ok();
    }

    /// Carries one piece; false when the connection is over.
    fn piece(&mut self, piece: &[u8]) -> bool {
        let dice = if self.calm.load(Ordering::Relaxed) {
            u64::MAX
        } else {
            self.dice.next_u64() % 1_000
        };
        let count = |what: &AtomicU64| what.fetch_add(1, Ordering::Relaxed);
        match dice {
            0..80 => {
                count(&self.harm.delayed);
                wait::pass(Duration::from_millis(self.dice.next_u64() % 1_500));
            }
            80..100 => {
                count(&self.harm.truncated);
                self.to.write_all(&piece[..piece.len() / 2]).ok();
                self.end();
                return false;
            }
            100..120 => {
                count(&self.harm.reset);
                for end in [&self.from, &self.to] {
                    sockopt::set_socket_linger(end, Some(Duration::ZERO)).ok();
                }
                self.end();
                return false;
            }
            120..140 => {
                count(&self.harm.swallowed);
                self.swallow();
                self.end();
                return false;
            }
            _ => {}
        }
        self.to.write_all(piece).is_ok()
    }

    /// Takes everything and carries nothing, as a hole in the way does.
    fn swallow(&mut self) {
        let mut buffer = [0; 16 * 1024];
        self.from.set_read_timeout(Some(LOOK)).ok();
        let end = wait::now_ms() + i64::try_from(SWALLOWED.as_millis()).unwrap();
        while wait::now_ms() < end && !self.calm.load(Ordering::Relaxed) {
            match self.from.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    fn end(&self) {
        self.from.shutdown(Shutdown::Both).ok();
        self.to.shutdown(Shutdown::Both).ok();
    }
}
