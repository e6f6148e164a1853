//! Understanding answers as people write them.
//!
//! Every function is total and pure: any text gives a value or a reason to ask
//! again. Texts come from outside; nothing here may panic, and nothing here
//! may guess silently where a mistake would end up in a health record.

mod kind;

pub use kind::{Choice, Command, Kind, Misread, Value};

mod placeholder;
pub use placeholder::{fold, read, read_command, read_language, read_page};
