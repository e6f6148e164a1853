//! What the polling worker tells the sender and the webhook, and is told.

use crate::core::time::UnixMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Keeps sends back while something must come before them. Open unless told.
#[derive(Clone)]
pub struct Hold(Arc<AtomicBool>);

impl Default for Hold {
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Hold {
    /// Whether sends may leave.
    pub fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Opens or closes it.
    pub fn set_open(&self, open: bool) {
        self.0.store(open, Ordering::Relaxed);
    }
}

/// What the webhook and polling tell one another.
#[derive(Clone)]
pub struct Pulse {
    began: Arc<AtomicI64>,
    heard: Arc<AtomicI64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            began: Arc::new(AtomicI64::new(i64::MIN)),
            heard: Arc::new(AtomicI64::new(i64::MIN)),
        }
    }
}

impl Pulse {
    /// Since when this box listens; none before the first look.
    pub fn began(&self) -> Option<UnixMs> {
        Some(self.began.load(Ordering::Relaxed))
            .filter(|at| *at != i64::MIN)
            .map(UnixMs)
    }

    pub(super) fn begin(&self, at: UnixMs) {
        self.began.store(at.0, Ordering::Relaxed);
    }

    /// Notes that a webhook brought a message.
    pub fn hear(&self, at: UnixMs) {
        self.heard.store(at.0, Ordering::Relaxed);
    }

    /// Notes that one was missed: webhooks are not relied on until the next.
    pub(super) fn miss(&self) {
        self.heard.store(i64::MIN, Ordering::Relaxed);
    }

    pub(super) fn heard(&self) -> UnixMs {
        UnixMs(self.heard.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_are_let_go_unless_told_otherwise() {
        assert!(Hold::default().is_open());
        assert_eq!(Pulse::default().began(), None);
    }
}
