//! Exports: records as files for people and programs elsewhere.
//!
//! Rows are pulled one by one and written as they come, so that an export of
//! any size needs little memory. A file appears under its name only when it is
//! whole. Nothing in here may ever write a formula or a macro.

mod csv;
pub mod recovery_page;
mod recovery_words;
mod xlsx;

use crate::core::private::Private;
use crate::core::table;
use crate::durable;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

/// One row: a cell for each column.
pub type Row = Vec<Private<String>>;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated text for any spreadsheet.
    Csv,
    /// A workbook for Excel.
    Xlsx,
}

impl Format {
    /// The word on the command line and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// A word that names no form of export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no export format; use csv or xlsx")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Csv, Self::Xlsx]
            .into_iter()
            .find(|format| format.word() == word)
            .ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}

/// Why an export did not come about. The file is then not there.
#[derive(Debug, thiserror::Error)]
pub enum ExportError<E> {
    /// The rows could not be read.
    #[error("the records could not be read")]
    Rows(E),
    /// The file could not be written.
    #[error("the export file could not be written")]
    Io(#[from] io::Error),
    /// The workbook could not be put together.
    #[error("the workbook could not be put together")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
}

/// Writes every row under `columns` to `path`, durably, and tells how many
/// rows there were. `rows` is asked for one row at a time.
///
/// # Errors
/// The first error of the rows, the disk or the form; no file is left then.
pub fn write<E>(
    path: &Path,
    format: Format,
    columns: &[&str],
    rows: impl Iterator<Item = Result<Row, E>>,
) -> Result<u64, ExportError<E>> {
    let mut count = 0;
    let rows = rows.inspect(|row| count += u64::from(row.is_ok()));
    durable::write_with(path, |file| fill(file, path, format, columns, rows))?;
    Ok(count)
}

/// Bytes by which an export is known: as many as come before a workbook's rows.
const HEAD_BYTES: usize = 3_300;

/// Whether the file is empty, or begins as exports of this form do. One that an
/// older program wrote may not be known.
///
/// # Errors
/// When that cannot be found out: a workbook takes a little room beside `path`.
pub fn is_export(path: &Path, format: Format) -> Result<bool, ExportError<io::Error>> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(ExportError::Io)?;
    let read = file.take(HEAD_BYTES as u64).read_to_end(&mut head);
    read.map_err(ExportError::Io)?;
    if head.is_empty() {
        return Ok(true);
    }
    let mut model = Vec::new();
    let none = std::iter::empty::<Result<Row, io::Error>>();
    fill(&mut model, path, format, &table::COLUMNS, none)?;
    let model = model.trim_ascii_end();
    let model = model.get(..HEAD_BYTES).unwrap_or(model);
    Ok(head.starts_with(model))
}

/// Writes header and rows, down to the last byte.
fn fill<E>(
    file: impl io::Write + Send,
    path: &Path,
    format: Format,
    columns: &[&str],
    rows: impl Iterator<Item = Result<Row, E>>,
) -> Result<(), ExportError<E>> {
    match format {
        Format::Csv => csv::write(file, columns, rows),
        Format::Xlsx => xlsx::write(file, path, columns, rows),
    }
}

#[cfg(test)]
mod tests;
