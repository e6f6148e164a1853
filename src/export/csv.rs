//! Comma-separated text as Excel opens it everywhere: UTF-8 with a byte order
//! mark, CRLF, quoted where needed.
//!
//! A cell here says nothing of its type, and a spreadsheet runs what looks like
//! a formula. Whoever opens the file must see what a patient wrote, not run it.

use super::{ExportError, Row};
use crate::core::private::Private;
use std::borrow::Cow;
use std::io::{BufWriter, Write};

/// Without this mark Excel reads UTF-8 as the country's old code page.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Writes header and rows.
pub(super) fn write<E>(
    file: impl Write,
    columns: &[&str],
    rows: impl Iterator<Item = Result<Row, E>>,
) -> Result<(), ExportError<E>> {
    let mut out = BufWriter::new(file);
    out.write_all(BYTE_ORDER_MARK)?;
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    // A column may be a flow's question, and begin like a formula too.
    writer
        .write_record(columns.iter().copied().map(guard))
        .map_err(io_error)?;
    for row in rows {
        let row = row.map_err(ExportError::Rows)?;
        let cells = row.iter().map(Private::as_str).map(guard);
        writer.write_record(cells).map_err(io_error)?;
    }
    writer.flush()?;
    Ok(())
}

/// Puts an apostrophe before what a spreadsheet would run: at the start of a cell,
/// and where one that separates cells by semicolons or tabs would see another start.
fn guard(cell: &str) -> Cow<'_, [u8]> {
    let mut guarded = String::new();
    let mut starts = true;
    for (at, c) in cell.char_indices() {
        let runs = matches!(c, '=' | '+' | '-' | '@' | '|') || at == 0 && matches!(c, '\t' | '\r');
        if starts && runs {
            guarded.push('\'');
        }
        guarded.push(c);
        starts = matches!(c, ';' | '\t') || starts && at > 0 && c == ' ';
    }
    if guarded.len() == cell.len() {
        Cow::Borrowed(cell.as_bytes())
    } else {
        Cow::Owned(guarded.into_bytes())
    }
}

/// The writer's own errors other than the disk's speak of uneven rows; they
/// name counts, never content.
fn io_error(error: csv::Error) -> std::io::Error {
    std::io::Error::from(error)
}
