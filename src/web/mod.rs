//! What the box answers over HTTP. The public listener knows the webhooks and
//! `/healthz` and nothing else; everything for people is on the LAN listener.

pub mod console;
pub mod health;
pub mod lan;
pub mod loopback;
pub mod problem;
pub mod public;
pub mod room;
pub mod ultramsg;
pub mod unlock;
pub mod webhook;
