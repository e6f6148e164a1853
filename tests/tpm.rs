//! Sealing to a TPM against a real software TPM (swtpm) and Debian's tpm2-tools:
//! what opens and what does not, every situation with its sentence, power cuts,
//! and a bus on which somebody listens, flips bits or pretends to be the TPM.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]
#![allow(
    clippy::print_stdout,
    reason = "what was counted and measured is shown"
)]

mod tpm {
    pub mod board;
    pub mod chip;
    pub mod phone;
    pub mod tap;

    /// The data key's life in a real data folder: what opens after each change,
    /// after a power cut at each of its steps, and what a copy is worth.
    mod key {
        pub mod clinic;

        mod commands;
        mod copies;
        mod cuts;
        mod damage;
        mod lan;
        mod opens;
        mod paper;
        mod registers;
        mod told;
    }

    mod codes;
    mod garbage;
    mod latency;
    mod listener;
    mod opens;
    mod pin;
    mod replace;
    mod tools;
}
