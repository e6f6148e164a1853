//! The messaging providers: their webhooks become `core::inbound` items, and
//! `core::outgoing` messages become their calls.
//!
//! A provider's field names, codes and headers stay inside its own module.
//! Nothing in here stores anything or decides what happens next.

pub mod client;
pub mod cloud;
mod json;
pub mod names;
pub mod provider;
mod repair;
pub mod replaceable;
pub mod ultramsg;
