//! A workbook with one sheet in which every cell is text: nothing in it is
//! calculated, and no spreadsheet turns a phone number into 2.4E+11.

use super::{ExportError, Row};
use crate::core::limits::XLSX_CELL_UNITS_MAX;
use rust_xlsxwriter::{Format, Workbook};
use std::any::Any;
use std::io::{self, BufWriter, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

/// Writes header and rows. The rows pass through a nameless file in the folder
/// of `path`, so that they lie nowhere the export itself does not.
pub(super) fn write<E>(
    file: impl Write + Send,
    path: &Path,
    columns: &[&str],
    rows: impl Iterator<Item = Result<Row, E>>,
) -> Result<(), ExportError<E>> {
    // Nothing of what is borrowed here is looked at again after a panic.
    let filling = AssertUnwindSafe(|| fill(file, path, columns, rows));
    catch_unwind(filling).unwrap_or_else(|panic| match said_by_disk(panic.as_ref()) {
        Some(error) => Err(ExportError::Io(error)),
        None => resume_unwind(panic),
    })
}

/// What the disk said, out of a panic: in no other way does the library tell
/// that its nameless file cannot be written.
fn said_by_disk(panic: &(dyn Any + Send)) -> Option<io::Error> {
    let (_, said) = panic.downcast_ref::<String>()?.split_once("Os { code: ")?;
    let code = said.split(',').next()?.parse().ok()?;
    Some(io::Error::from_raw_os_error(code))
}

fn fill<E>(
    file: impl Write + Send,
    path: &Path,
    columns: &[&str],
    rows: impl Iterator<Item = Result<Row, E>>,
) -> Result<(), ExportError<E>> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let mut workbook = Workbook::new();
    workbook.set_tempdir(folder)?;
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    sheet.set_name("records")?;
    sheet.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    let plain = Format::new().set_num_format("@");
    for (column, name) in (0_u16..).zip(columns) {
        sheet.set_column_width(column, 18)?;
        sheet.write_string_with_format(0, column, *name, &bold)?;
    }
    for (line, row) in (1_u32..).zip(rows) {
        for (column, cell) in (0_u16..).zip(row.map_err(ExportError::Rows)?) {
            let text = within_bound(cell.as_str());
            if !text.is_empty() {
                sheet.write_string_with_format(line, column, text, &plain)?;
            }
        }
    }
    let mut out = BufWriter::new(file);
    workbook.save_to_writer(&mut out)?;
    // Without its end no program opens a workbook, and a buffer that is only
    // dropped tells nobody that the disk was full.
    out.flush()?;
    Ok(())
}

/// Excel refuses a workbook with a longer cell: the end is cut, and an
/// ellipsis says so. The record itself keeps every word.
fn within_bound(text: &str) -> String {
    if text.encode_utf16().count() <= XLSX_CELL_UNITS_MAX {
        return text.to_owned();
    }
    let mut units = 1;
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= XLSX_CELL_UNITS_MAX
        })
        .collect();
    cut.push('…');
    cut
}
