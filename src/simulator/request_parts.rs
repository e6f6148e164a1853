//! The interactive parts of a posted message, held to Meta's counts and
//! lengths. Nothing is cut to fit: what is too long is refused.

use super::graph_error::GraphError;
use super::lengths::{self, at_most, bounded};
use super::request::{Shown, Tap};
use serde_json::Value;
use std::collections::BTreeSet;

/// The text at a JSON pointer.
pub fn text_of<'a>(json: &'a Value, pointer: &str) -> Option<&'a str> {
    json.pointer(pointer).and_then(Value::as_str)
}

/// A message with reply buttons.
pub fn button_part(part: &Value) -> Result<Shown, GraphError> {
    let text = body_of(part)?;
    let items = list_of(part, "/action/buttons", lengths::BUTTONS)?;
    let buttons = items
        .iter()
        .map(read_button)
        .collect::<Result<Vec<_>, _>>()?;
    unique("button id", buttons.iter().map(|b| b.id.as_str()))?;
    unique("button title", buttons.iter().map(|b| b.title.as_str()))?;
    Ok(Shown::Buttons { text, buttons })
}

/// A message with a list.
pub fn list_part(part: &Value) -> Result<Shown, GraphError> {
    let text = body_of(part)?;
    let open = text_of(part, "/action/button").unwrap_or("");
    bounded("action.button", open, lengths::BUTTON_TITLE, 131_009)?;
    let sections = list_of(part, "/action/sections", lengths::ROWS)?;
    let mut rows = Vec::new();
    for section in sections {
        let title = text_of(section, "/title").unwrap_or("");
        if sections.len() > 1 {
            bounded("section title", title, lengths::ROW_TITLE, 131_009)?;
        }
        at_most("section title", title, lengths::ROW_TITLE, 131_009)?;
        for row in list_of(section, "/rows", lengths::ROWS)? {
            rows.push(read_row(row)?);
        }
    }
    if rows.len() > lengths::ROWS {
        return Err(GraphError::new(
            131_009,
            "Total row count exceed max allowed count: 10",
        ));
    }
    unique("row id", rows.iter().map(|row| row.id.as_str()))?;
    Ok(Shown::List {
        text,
        open: open.to_owned(),
        rows,
    })
}

/// A message that asks for the person's number.
pub fn contact_request_part(part: &Value) -> Result<Shown, GraphError> {
    let text = body_of(part)?;
    if text_of(part, "/action/name") != Some("request_contact_info") {
        return Err(GraphError::new(
            131_009,
            "action.name must be request_contact_info",
        ));
    }
    Ok(Shown::ContactRequest { text })
}

fn body_of(part: &Value) -> Result<String, GraphError> {
    let text = text_of(part, "/body/text").unwrap_or("");
    bounded(
        "interactive.body.text",
        text,
        lengths::INTERACTIVE_BODY,
        131_009,
    )?;
    if let Some(header) = text_of(part, "/header/text") {
        bounded("header.text", header, lengths::HEADER, 131_009)?;
    }
    if let Some(footer) = text_of(part, "/footer/text") {
        bounded("footer.text", footer, lengths::HEADER, 131_009)?;
    }
    let lines = [
        text_of(part, "/header/text"),
        Some(text),
        text_of(part, "/footer/text"),
    ];
    Ok(lines.into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
}

fn list_of<'a>(part: &'a Value, pointer: &str, max: usize) -> Result<&'a [Value], GraphError> {
    let items = part
        .pointer(pointer)
        .and_then(Value::as_array)
        .ok_or_else(|| GraphError::new(131_008, format!("{pointer} is required")))?;
    if items.is_empty() || items.len() > max {
        let details = format!("{pointer} count invalid. Min: 1, Max: {max}");
        return Err(GraphError::new(131_009, details));
    }
    Ok(items)
}

fn read_button(item: &Value) -> Result<Tap, GraphError> {
    if text_of(item, "/type") != Some("reply") {
        return Err(GraphError::new(131_009, "button type must be reply"));
    }
    let id = text_of(item, "/reply/id").unwrap_or("");
    let title = text_of(item, "/reply/title").unwrap_or("");
    bounded("button id", id, lengths::BUTTON_ID, 131_009)?;
    bounded("button title", title, lengths::BUTTON_TITLE, 131_009)?;
    if id.trim() != id {
        return Err(GraphError::new(
            131_009,
            "button id must not begin or end with a space",
        ));
    }
    Ok(Tap {
        id: id.to_owned(),
        title: title.to_owned(),
        description: None,
    })
}

fn read_row(row: &Value) -> Result<Tap, GraphError> {
    let id = text_of(row, "/id").unwrap_or("");
    let title = text_of(row, "/title").unwrap_or("");
    bounded("row id", id, lengths::ROW_ID, 131_009)?;
    bounded("row title", title, lengths::ROW_TITLE, 131_009)?;
    let description = text_of(row, "/description");
    if let Some(text) = description {
        at_most("row description", text, lengths::ROW_DESCRIPTION, 131_009)?;
    }
    Ok(Tap {
        id: id.to_owned(),
        title: title.to_owned(),
        description: description.map(str::to_owned),
    })
}

fn unique<'a>(what: &str, items: impl Iterator<Item = &'a str>) -> Result<(), GraphError> {
    let mut seen = BTreeSet::new();
    for item in items {
        if !seen.insert(item) {
            return Err(GraphError::new(131_009, format!("duplicate {what}")));
        }
    }
    Ok(())
}
