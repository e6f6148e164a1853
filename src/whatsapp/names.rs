//! Where the provider's name leads: one look-up in flight, its answer kept, and
//! an old answer used when a new one fails or is slow in coming.
//!
//! After an outage the name server is often the last to come back; the
//! provider's address rarely changed meanwhile, and if it did, the certificate
//! tells. It never logs a name.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long an answer is used without asking again.
const FRESH: Duration = Duration::from_secs(60);
/// How long a new answer is waited for while there is an old one.
const PATIENCE: Duration = Duration::from_millis(400);
/// Names kept: the provider's, its media host's, and room for a few more.
const NAMES_MAX: usize = 8;

#[derive(Clone)]
struct Answer {
    addresses: Vec<SocketAddr>,
    at: Instant,
}

/// The names looked up so far.
#[derive(Clone, Default)]
pub struct Names(Arc<Inner>);

struct Inner {
    known: Mutex<Known>,
    asked: watch::Sender<()>,
}

#[derive(Default)]
struct Known {
    answers: BTreeMap<String, Answer>,
    asking: Option<String>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            known: Mutex::default(),
            asked: watch::Sender::new(()),
        }
    }
}

impl Names {
    /// The last answer for a name, without asking anybody.
    pub fn known(&self, host: &str) -> Vec<IpAddr> {
        let found = self.find(host).map(|answer| answer.addresses);
        let found = found.unwrap_or_default();
        found.iter().map(SocketAddr::ip).collect()
    }

    /// The addresses of a name.
    ///
    /// # Errors
    /// When the look-up fails and there is no older answer.
    pub async fn addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let old = self.find(host);
        let asking = self.clone().ask(host.to_owned());
        match old {
            Some(old) if old.at.elapsed() < FRESH => Ok(old.addresses),
            Some(old) => match tokio::time::timeout(PATIENCE, asking).await {
                Ok(Ok(new)) => Ok(new),
                Ok(Err(_)) | Err(_) => Ok(old.addresses),
            },
            None => asking.await,
        }
    }

    fn find(&self, host: &str) -> Option<Answer> {
        self.lock().answers.get(host).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks, or waits for the answer to who asked before. A look-up cannot be
    /// called off: whoever loses patience leaves it to end by itself.
    async fn ask(self, host: String) -> io::Result<Vec<SocketAddr>> {
        let mut asked = self.0.asked.subscribe();
        let mut mine = false;
        loop {
            if let Some(new) = self.find(&host).filter(|it| it.at.elapsed() < FRESH) {
                return Ok(new.addresses);
            }
            let idle = {
                let mut known = self.lock();
                let idle = known.asking.is_none();
                if idle && !mine {
                    known.asking = Some(host.clone());
                }
                idle
            };
            match (idle, mine) {
                (true, true) => return Err(io::ErrorKind::NotFound.into()),
                (true, false) => {
                    mine = true;
                    let names = self.clone();
                    let asking = host.clone();
                    // Whoever waits hears of its end by the channel.
                    drop(tokio::task::spawn_blocking(move || names.look_up(&asking)));
                }
                (false, _) => {}
            }
            if asked.changed().await.is_err() {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
    }

    fn look_up(&self, host: &str) {
        let found: Vec<SocketAddr> = (host, 0)
            .to_socket_addrs()
            .map(Iterator::collect)
            .unwrap_or_default();
        let mut known = self.lock();
        known.asking = None;
        if !found.is_empty() {
            if known.answers.len() >= NAMES_MAX && !known.answers.contains_key(host) {
                known.answers.pop_first();
            }
            let answer = Answer {
                addresses: found,
                at: Instant::now(),
            };
            known.answers.insert(host.to_owned(), answer);
        }
        drop(known);
        self.0.asked.send_replace(());
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_old_answer_is_better_than_none() {
        let names = Names::default();
        assert!(names.addresses("no-such-host.invalid").await.is_err());
        let old = Answer {
            addresses: vec!["192.0.2.7:0".parse().unwrap()],
            at: Instant::now() - 2 * FRESH,
        };
        let host = "no-such-host.invalid".to_owned();
        names.lock().answers.insert(host, old.clone());
        let found = names.addresses("no-such-host.invalid").await.unwrap();
        assert_eq!(found, old.addresses);
    }

    #[tokio::test]
    async fn many_who_ask_at_once_are_all_answered() {
        let names = Names::default();
        let hosts = ["localhost", "no-such-host.invalid", "localhost"];
        let asking = hosts.iter().cycle().take(30);
        let asked = futures_util::future::join_all(asking.map(|host| names.addresses(host)));
        for (found, host) in asked.await.iter().zip(hosts.iter().cycle()) {
            assert_eq!(found.is_ok(), *host == "localhost");
        }
        assert!(names.lock().asking.is_none());
    }

    #[tokio::test]
    async fn an_answer_is_kept() {
        let names = Names::default();
        let found = names.addresses("localhost").await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert_eq!(names.known("localhost").len(), found.len());
    }
}
