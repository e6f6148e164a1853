//! The conversation: one pure function from what a contact did to what the
//! clinic's box says and stores.
//!
//! `step` is total: any session, any events, any clock give a session and
//! effects, never an error or a panic. It never reads a clock, never draws
//! chance and never looks anything up.

mod after;
mod calendar;
mod commands;
mod condition;
mod consent;
mod control;
mod cry;
mod danger;
mod edit;
mod effect;
mod event;
mod fix;
mod language;
mod media;
mod page;
mod record;
mod render;
mod rest;
mod resume;
mod review;
mod session;
mod step;
mod story;
mod turn;
mod unread;
mod values;

pub use effect::{
    Action, Effect, FlagReason, RecordChange, RecordStatus, Step, TaskKind, Triage, UnknownFlag,
    UnknownStatus, UnknownTriage,
};
pub use event::{Clinic, Event, Fresh, Received, TimerKind, UnknownTimer};
pub use session::{
    Answer, Asked, Decision, Draft, Former, Kept, Overlay, Place, Said, Sent, Session, Stage,
    Unconsented, Warned,
};
pub use step::step;

#[cfg(test)]
mod tests;
