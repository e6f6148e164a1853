//! Danger signs in what patients write.
//!
//! A word-list reader, not a diagnosis: it exists so that somebody who writes
//! "he is not breathing" is told at once to call for help, and a nurse sees it.
//! It must stay total and quick: every incoming text passes through it.
