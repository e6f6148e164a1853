//! healthpost: the box in the corner of a rural clinic that answers patients
//! on WhatsApp and never loses a word of what they said.
//!
//! `ARCHITECTURE.md` is the map. The library exists so that tests and
//! benchmarks can reach the parts; the program is `main.rs`.

pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod device;
pub mod durable;
pub mod export;
pub mod keys;
pub mod ops;
pub mod ports;
pub mod simulator;
pub mod store;
pub mod tpm;
pub mod web;
pub mod whatsapp;
pub mod work;
