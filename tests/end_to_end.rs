//! The whole program from outside: the real binary or the real service, the
//! simulated WhatsApp, real sockets, real files, and what can go wrong with
//! them. No test in here reaches past this machine.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]
#![allow(clippy::print_stdout, reason = "what was searched is shown")]

mod support {
    pub mod app;
    pub mod canaries;
    pub mod chaos;
    pub mod clinic;
    pub mod counts;
    pub mod far_side;
    pub mod http;
    pub mod memory;
    pub mod outpost;
    pub mod process;
    pub mod stock;
    pub mod ultra_side;
    pub mod wait;
    pub mod webhook;
}

/// Shared with the tests that have a TPM, and lying among them.
mod tpm {
    pub mod chip;
    pub mod phone;
}

mod e2e {
    mod bad_input;
    mod canaries;
    mod ceiling;
    mod chaos;
    /// Every error code of the reference, injected.
    mod codes {
        mod channel;
        mod every;
        mod later;
        mod list;
        mod message;
    }
    mod day;
    mod demo;
    mod disk;
    mod flood;
    mod kill;
    mod lan;
    /// The line, cut in network namespaces: the real binary in one, the simulated
    /// WhatsApp over TLS in another, a router between them. How soon a cut is
    /// seen and how soon the first message leaves after it is over, by the
    /// kernel's own routes and devices. Needs root and `ip`.
    mod line {
        pub mod place;

        mod cuts;
    }
    mod locked;
    mod manager;
    mod media;
    mod panic;
    mod same_user;
    mod setup;
    mod start;
    mod stock;
    mod strangers;
    mod tasks;
    mod ultramsg;
}
