//! How long the parts of a message may be, by Meta's account. Lengths are
//! counted in UTF-16 units, the strictest reading of "characters": what fits
//! here fits there.

use super::graph_error::GraphError;

/// A text message.
pub const TEXT: usize = 4_096;
/// The body of a message with buttons or a list.
pub const INTERACTIVE_BODY: usize = 1_024;
/// Header and footer.
pub const HEADER: usize = 60;
/// Reply buttons in one message.
pub const BUTTONS: usize = 3;
/// A button's title, and the label that opens a list.
pub const BUTTON_TITLE: usize = 20;
/// A button's id.
pub const BUTTON_ID: usize = 256;
/// Rows of a list, over all sections; sections too.
pub const ROWS: usize = 10;
/// The title of a row or a section.
pub const ROW_TITLE: usize = 24;
/// A row's description.
pub const ROW_DESCRIPTION: usize = 72;
/// A row's id.
pub const ROW_ID: usize = 200;
/// The body of a template, filled in.
pub const TEMPLATE_BODY: usize = 1_024;
/// `biz_opaque_callback_data`.
pub const CALLBACK: usize = 512;

/// Length as the limits count it.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Refuses what is empty (131008) or longer than `max` (`code`).
pub fn bounded(what: &str, text: &str, max: usize, code: i64) -> Result<(), GraphError> {
    if text.trim().is_empty() {
        return Err(GraphError::new(131_008, format!("{what} is required")));
    }
    at_most(what, text, max, code)
}

/// Refuses what is longer than `max` with `code`.
pub fn at_most(what: &str, text: &str, max: usize, code: i64) -> Result<(), GraphError> {
    if units(text) > max {
        let details = format!("{what} length invalid. Min length: 1, Max length: {max}");
        return Err(GraphError::new(code, details));
    }
    Ok(())
}
