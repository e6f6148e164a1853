//! Danger signs in what patients write.
//!
//! A word-list reader, not a diagnosis: it exists so that somebody who writes
//! "he is not breathing" is told at once to call for help, and a nurse sees it.
//! It must stay total and quick: every incoming text passes through it.
//!
//! The lists follow the emergency signs of WHO's triage (ETAT, IMCI for young
//! infants and children) and the obstetric danger signs. Where words are in
//! doubt they raise the alarm: a needless one costs a nurse a look.

mod denial;
mod judging;
mod lexicon;
mod list;
mod misspelt;
mod reading;
mod rules;
mod sign;
mod spelling;
mod words;

pub use judging::{find_certain_danger, find_danger};
pub use rules::{Facts, danger_in_answers};
pub use sign::DangerSign;
