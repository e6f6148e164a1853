//! How many bytes went over the line: counted where they pass, read by whoever
//! keeps the count.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of requests and answers since they were last taken: heads and bodies,
/// as HTTP/1.1 would write them. What TLS and TCP add is not in it: about 30
/// bytes a record, 40 a packet, and some 5 KB a new connection.
#[derive(Debug, Default)]
pub struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Meter {
    /// Counts bytes that left.
    pub fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes that came.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// What was sent and received since the last time; counts from zero again.
    pub fn take(&self) -> (u64, u64) {
        (
            self.sent.swap(0, Ordering::Relaxed),
            self.received.swap(0, Ordering::Relaxed),
        )
    }
}
