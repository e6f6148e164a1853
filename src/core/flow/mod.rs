//! The flow: what is asked, in which words and order, read from TOML.
//!
//! A flow with any fault is refused as a whole, with all its faults; nothing
//! past `parse` ever meets a missing text.

mod check;
mod conditions;
mod fault;
mod model;
mod parse;
mod reader;
mod unique;
mod words;

pub use fault::FlowFault;
pub use model::{ButtonWords, Condition, Field, FieldChoice, FieldKind, Flow, Page};
pub use words::{ButtonName, Line, Words};

#[cfg(test)]
mod tests;
