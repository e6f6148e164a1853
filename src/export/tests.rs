//! Exports, read back by programs that are not ours.

use super::*;
use crate::core::table::COLUMNS;
use calamine::{Data, Reader};
use proptest::prelude::*;
use std::convert::Infallible;

const AWKWARD: [&str; 10] = [
    "243970000001",
    "=1+1 cough",
    "line one\r\nline two",
    "say \"ah\", then go",
    "Ñandú é ü ውሃ 😀",
    "2026-11-21T05:15:36+02:00",
    "1990-03-15",
    "00123",
    " leading and trailing ",
    "TRUE",
];

fn rows() -> Vec<Row> {
    let row = |shift: usize| {
        (0..COLUMNS.len())
            .map(|i| Private::from(AWKWARD[(i + shift) % AWKWARD.len()]))
            .collect()
    };
    (0..25).map(row).collect()
}

fn export(path: &Path, format: Format) -> u64 {
    let rows = rows().into_iter().map(Ok::<_, Infallible>);
    write(path, format, &COLUMNS, rows).unwrap()
}

fn texts(rows: Vec<Row>) -> Vec<Vec<String>> {
    let row = |row: Row| row.into_iter().map(Private::into_inner).collect();
    rows.into_iter().map(row).collect()
}

#[test]
fn csv_comes_back_cell_for_cell() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.csv");
    assert_eq!(export(&path, Format::Csv), 25);
    let bytes = std::fs::read(&path).unwrap();
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap();
    assert!(text.starts_with(b"record_id,record_version,clinic_id,"));
    assert!(text.ends_with(b"\r\n"));
    let mut reader = ::csv::Reader::from_reader(text);
    assert_eq!(reader.headers().unwrap(), COLUMNS.as_slice());
    let back: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    // What a spreadsheet would run has an apostrophe here, and only here.
    let mut expected = texts(rows());
    for cell in expected
        .iter_mut()
        .flatten()
        .filter(|cell| cell.starts_with('='))
    {
        cell.insert(0, '\'');
    }
    assert_eq!(back, expected);
}

proptest! {
    #[test]
    fn a_csv_never_holds_a_formula(
        cells in proptest::collection::vec("[=+\\-@|\t\r'a]{0,3}\\PC{0,10}", 2..5),
    ) {
        let path = Path::new("x");
        let columns: Vec<&str> = cells.iter().map(String::as_str).collect();
        let row: Row = cells.iter().map(|cell| Private::from(cell.as_str())).collect();
        let mut file = Vec::new();
        let rows = std::iter::once(Ok::<_, Infallible>(row));
        fill(&mut file, path, Format::Csv, &columns, rows).unwrap();
        let text = file.strip_prefix(b"\xEF\xBB\xBF").unwrap();
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text);
        let back: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(back.len(), 2);
        for (cell, written) in back.iter().flatten().zip(cells.iter().chain(&cells)) {
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '|', '\t', '\r']));
            let bare = |text: &str| text.replace('\'', "");
            prop_assert_eq!(bare(cell), bare(written));
        }
    }
}

#[test]
fn a_formula_behind_a_semicolon_is_guarded_as_well() {
    // Where a semicolon separates cells, it begins one.
    let cells = ["x;=cmd|'/C calc'!A0;y", "3; -4", "a - b; c", "2026-01-02"];
    let row: Row = cells.iter().map(|cell| Private::from(*cell)).collect();
    let rows = std::iter::once(Ok::<_, Infallible>(row));
    let mut file = Vec::new();
    fill(
        &mut file,
        Path::new("x"),
        Format::Csv,
        &["a", "b", "c", "d"],
        rows,
    )
    .unwrap();
    let text = String::from_utf8(file).unwrap();
    assert!(
        text.ends_with("x;'=cmd|'/C calc'!A0;y,3; '-4,a - b; c,2026-01-02\r\n"),
        "{text}"
    );
}

#[test]
fn a_workbook_comes_back_as_text_without_formulas() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.xlsx");
    assert_eq!(export(&path, Format::Xlsx), 25);
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
    let formulas = book.worksheet_formula("records").unwrap();
    assert_eq!(formulas.used_cells().count(), 0);
    let sheet = book.worksheet_range("records").unwrap();
    let mut back: Vec<Vec<String>> = Vec::new();
    for row in sheet.rows() {
        assert!(row.iter().all(|cell| matches!(cell, Data::String(_))));
        back.push(row.iter().map(ToString::to_string).collect());
    }
    let header = back.remove(0);
    assert_eq!(header, COLUMNS);
    assert_eq!(back.len(), 25);
    for (row, expected) in back.iter().zip(texts(rows())) {
        for (cell, expected) in row.iter().zip(expected) {
            // XML itself folds CRLF into LF.
            assert_eq!(cell.replace("\r\n", "\n"), expected.replace("\r\n", "\n"));
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

/// A disk with room for so many bytes.
struct Disk {
    kept: u64,
    room: u64,
}

impl io::Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = (self.room - self.kept).min(bytes.len() as u64);
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.kept += taken;
        Ok(usize::try_from(taken).unwrap())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_fills_up_at_whatever_byte_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    for format in [Format::Csv, Format::Xlsx] {
        let fill_disk = |room| {
            let mut disk = Disk { kept: 0, room };
            let rows = rows().into_iter().map(Ok::<_, Infallible>);
            let filled = fill(&mut disk, &path, format, &COLUMNS, rows);
            (filled, disk.kept)
        };
        let (filled, whole) = fill_disk(u64::MAX);
        filled.unwrap();
        // The time of its making may change a workbook's length by some bytes.
        let last = whole - 16;
        for room in (0..last).step_by(1_009).chain([last]) {
            let (filled, kept) = fill_disk(room);
            assert!(filled.is_err(), "{format:?}: {kept} of {whole} bytes");
        }
    }
}

#[test]
fn rows_that_break_off_leave_no_file() {
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Csv, Format::Xlsx] {
        let path = dir.path().join("x");
        let broken = rows().into_iter().map(Ok).chain([Err("gone")]);
        let outcome = write(&path, format, &COLUMNS, broken);
        assert!(matches!(outcome, Err(ExportError::Rows("gone"))));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_workbook_that_breaks_off_because_of_the_disk_is_an_error_and_leaves_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("records.xlsx");
    let breaks_off = |said: String| {
        let rows = std::iter::once_with(move || -> Result<Row, Infallible> { panic!("{said}") });
        let writing = || write(&path, Format::Xlsx, &COLUMNS, rows);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(writing));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        outcome
    };
    let full = io::Error::from_raw_os_error(28);
    let outcome = breaks_off(format!("Couldn't write to xml file: {full:?}"));
    let Ok(Err(ExportError::Io(error))) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    // Whatever else breaks off is a fault of the program, and is heard of as one.
    assert!(breaks_off("a row was out of order".to_owned()).is_err());
}

#[test]
fn a_cell_too_long_for_excel_is_cut_with_a_mark() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.xlsx");
    let long = "é😀".repeat(15_000);
    let row = vec![Private::from(long.as_str())];
    write(
        &path,
        Format::Xlsx,
        &["notes"],
        [Ok::<_, Infallible>(row)].into_iter(),
    )
    .unwrap();
    let mut book: calamine::Xlsx<_> = calamine::open_workbook(&path).unwrap();
    let sheet = book.worksheet_range("records").unwrap();
    let text = sheet.get((1, 0)).unwrap().to_string();
    assert!(text.ends_with('…') && text.encode_utf16().count() <= 32_767);
}

#[test]
fn an_empty_table_is_a_header() {
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Csv, Format::Xlsx] {
        let path = dir.path().join(format.word());
        let none = std::iter::empty::<Result<Row, Infallible>>();
        assert_eq!(write(&path, format, &COLUMNS, none).unwrap(), 0);
        assert!(path.exists());
    }
    assert!("pdf".parse::<Format>().is_err());
}
