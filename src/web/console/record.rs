//! One record, in words: codes and instants of the export are said as the
//! overview says them.

use super::view::{self, Cell, RecordPage};
use super::{Console, broken, missing, page};
use crate::core::answers::Value;
use crate::core::display::upright;
use crate::core::id::RecordId;
use crate::core::lang::Lang;
use crate::core::private::Private;
use crate::core::table;
use crate::core::time::UnixMs;
use crate::store::records::{self, Record};
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// The columns of an export and what stands beside them, by field id.
type Cells = Vec<(String, Private<String>)>;

/// `GET /records/{id}`.
pub(super) async fn show(State(console): State<Console>, Path(id): Path<String>) -> Response {
    const NONE: &str = "There is no such record.";
    let Ok(id) = id.parse::<RecordId>() else {
        return missing(&console, NONE);
    };
    let (zone, clinic_id) = (console.zone.clone(), Arc::clone(&console.clinic_id));
    let found = console
        .readers
        .read(move |conn| {
            let Some(record) = records::find(conn, &id)? else {
                return Ok(None);
            };
            let row = records::row(conn, &record)?;
            let fixed = table::COLUMNS.iter().map(|name| (*name).to_owned());
            let fixed = fixed.zip(table::row(&row, &clinic_id, &zone));
            let cells: Cells = fixed.chain(table::beside(&row, &zone)).collect();
            Ok(Some((record, cells)))
        })
        .await;
    match found {
        Ok(Some((record, cells))) => {
            let said = |(name, cell): (String, Private<String>)| Cell {
                value: in_words(&record, &name, cell.as_str(), &console.zone),
                is_phone: name == "contact_phone" && !cell.as_str().is_empty(),
                name: name.replace('_', " "),
            };
            page(&RecordPage {
                clinic: &console.clinic,
                id: record.id.as_str(),
                contact: record.contact.map(|contact| contact.0),
                cells: cells.into_iter().map(said).collect(),
            })
        }
        Ok(None) => missing(&console, NONE),
        Err(error) => broken(&error),
    }
}

/// A cell as staff read it.
fn in_words(record: &Record, name: &str, cell: &str, zone: &TimeZone) -> String {
    let is_code = matches!(
        record.fields.get(name),
        Some(Value::One { .. } | Value::Several { .. })
    );
    match name {
        "status" => view::status(record.status).to_owned(),
        "language" => cell.parse::<Lang>().map_or_else(
            |_| cell.to_owned(),
            |language| language.own_name().to_owned(),
        ),
        "contact_phone" if !cell.is_empty() => format!("+{cell}"),
        time if time.ends_with("_at") => cell.parse::<jiff::Timestamp>().map_or_else(
            |_| cell.to_owned(),
            |at| view::clock_time(UnixMs(at.as_millisecond()), zone),
        ),
        "source" if cell == "whatsapp" => "WhatsApp".to_owned(),
        "left_for_staff" | "for_whom" | "care_state" | "source" => cell.replace('_', " "),
        _ if is_code => cell.replace('_', " "),
        _ => upright(cell),
    }
}
