//! How a passphrase or the recovery key opens the data key, and how staff
//! passwords are hashed. No secret is ever stored, logged or shown in clear,
//! but the recovery key once.

pub mod derive;
pub mod password;
pub mod recovery;
pub mod slots;
pub mod typed;
pub mod wrap;

pub use recovery::{BadRecoveryKey, RecoveryKey};
pub use slots::{Error, Home, Opened, SlotsFile, create};
pub use typed::TypedGroups;

#[cfg(test)]
mod testing {
    use crate::ports::Chance;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Bytes that count up: no chance at all, for tests.
    #[derive(Default)]
    pub struct Sequence(AtomicU8);

    impl Sequence {
        pub fn starting_at(first: u8) -> Self {
            Self(AtomicU8::new(first))
        }
    }

    impl Chance for Sequence {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(7, Ordering::Relaxed);
            }
        }
    }
}
