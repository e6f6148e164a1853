//! The only composition root: opens the store, builds the adapters, starts the
//! workers, and takes everything down again.

mod at_the_door;
pub mod by_hand;
mod complaint;
pub mod demo;
pub mod demo_folder;
pub mod demo_memory;
pub mod flow_file;
pub mod init;
pub mod key;
pub mod lan;
pub mod listen;
mod locked;
pub mod opened;
pub mod reach;
pub mod reload;
mod sending;
pub mod serve;
pub mod service;
mod uplink;
