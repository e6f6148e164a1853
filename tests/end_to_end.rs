//! The whole program from outside: the real binary or the real service, the
//! simulated WhatsApp, real sockets, real files, and what can go wrong with
//! them. No test in here reaches past this machine.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod support {
    pub mod app;
    pub mod canaries;
    pub mod clinic;
    pub mod counts;
    pub mod far_side;
    pub mod http;
    pub mod process;
    pub mod stock;
    pub mod ultra_side;
    pub mod wait;
    pub mod webhook;
}

mod e2e {
    mod bad_input;
    mod canaries;
    mod demo;
    mod disk;
    mod flood;
    mod kill;
    mod locked;
    mod panic;
    mod start;
    mod stock;
    mod ultramsg;
}
