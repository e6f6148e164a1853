//! Adapters to the machine the box runs on. Each is the only place that may
//! touch what it adapts.

pub mod addresses;
pub mod authority;
pub mod chance;
pub mod clock;
pub mod echo;
pub mod link;
pub mod memory;
pub mod signals;

pub use chance::KernelChance;
pub use clock::SystemClock;
