//! The simulated WhatsApp: a stand-in for Meta's Cloud API over real HTTP, for
//! the demo, the tests and the phone page.
//!
//! It must be as strict and as awkward as the real one: what it lets pass here
//! fails in a clinic. It shares no code with our own client, so that a
//! misreading of the protocol can't cancel itself out. It must never be
//! reachable in `serve`; nothing outside the demo and the tests mounts it.
//!
//! [`World`] is the pure model: `now` is a parameter and randomness is seeded,
//! so a simulation drives it without a socket. [`Simulator`] is the shell that
//! puts it on the wire.

mod account;
mod agenda;
mod callback;
mod chance;
mod control;
mod control_types;
mod events;
mod fault;
mod graph;
mod graph_error;
mod graph_files;
mod inbound;
mod kept;
mod lengths;
mod line;
mod media;
mod page;
mod person;
mod post_queue;
mod rates;
mod request;
mod request_parts;
mod server;
mod settings;
mod sign;
mod statuses;
mod stranger;
mod thread;
mod ultramsg;
mod wamid;
mod webhook;
mod world;
mod world_account;
mod world_phone;
mod world_post;
mod world_send;
mod world_templates;

pub use account::Account;
pub use control_types::{Change, NewPhone, Writing};
pub use fault::{Fault, FaultPlan, Schedule, Standing};
pub use graph_error::GraphError;
pub use inbound::Said;
pub use kept::Kept;
pub use media::FileManner;
pub use person::Number;
pub use post_queue::{Delivery, PostId};
pub use request::Tap;
pub use server::{HandshakeFailure, Simulator, Waiting};
pub use settings::{Delays, Limits, Settings, Template, WindowRefusal};
pub use sign::{escape, sign};
pub use stranger::Stranger;
pub use thread::{Direction, Entry};
pub use ultramsg::{
    Queued, UltraFault, UltraSettings, UltraSimulator, UltraStanding, UltraWorld, WebhookDue,
};
pub use world::{Disorder, Manner, Reply, Sent, World, WorldError};
pub use world_phone::NewPerson;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod shape_tests;
#[cfg(test)]
mod tests;
