//! The messaging providers: their webhooks become `core::inbound` items, and
//! `core::outgoing` messages become their calls.
//!
//! A provider's field names, codes and headers stay inside its own module.
//! Nothing in here stores anything or decides what happens next.

pub mod client;
pub mod cloud;
pub mod names;
pub mod replaceable;
