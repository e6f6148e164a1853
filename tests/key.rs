//! The data key's life in a real data folder with a real software TPM: what
//! opens after each change, after a power cut at each of its steps, and what a
//! copy of the folder is worth afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

// Of the sealing's own tests.
#[path = "tpm/board.rs"]
#[allow(dead_code, reason = "the sealing's tests use the rest of it")]
mod board;
#[path = "tpm/chip.rs"]
#[allow(dead_code, reason = "the sealing's tests use the rest of it")]
mod chip;
#[path = "tpm/tap.rs"]
#[allow(dead_code, reason = "the sealing's tests use the rest of it")]
mod tap;

mod key {
    pub mod clinic;

    mod copies;
    mod cuts;
    mod opens;
}
