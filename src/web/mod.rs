//! What the box answers over HTTP. The public listener knows the webhooks and
//! `/healthz` and nothing else; everything for people is on the LAN listener.

pub mod console;
pub mod health;
pub mod loopback;
pub mod public;
pub mod ultramsg;
pub mod webhook;
