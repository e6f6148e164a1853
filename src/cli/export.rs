//! `healthpost export`: records as a file. The file is written here, by the
//! command, and appears only when it is whole; of one that is broken off, nothing
//! is left.

use super::failure::{Failure, mismatch};
use super::interrupt::Unfinished;
use super::reach::{Reached, who_asks};
use super::{Globals, Opening, SigningIn, argument, output};
use crate::config::Clinic;
use crate::core::table::{self, RecordRow};
use crate::durable;
use crate::ops::export::{self, Format};
use crate::ops::{Period, Place, Request, Response};
use clap::Args;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Rows that wait to be written.
const ROWS_WAITING_MAX: usize = 256;

/// Write records to a file for spreadsheets
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  healthpost export --format xlsx --out records.xlsx --since 2026-11-01 --as amina"
)]
pub struct Export {
    /// csv or xlsx
    #[arg(long, value_name = "FORMAT")]
    format: String,
    /// The file to write
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Put it in place of a file that is there and is no earlier export
    #[arg(long)]
    replace: bool,
    /// Created from then on: a date or a time with its offset
    #[arg(long, value_name = "T")]
    since: Option<String>,
    /// Created until then; a date includes its day
    #[arg(long, value_name = "T")]
    until: Option<String>,
    #[command(flatten)]
    signing_in: SigningIn,
    #[command(flatten)]
    opening: Opening,
}

/// The rows could not be read; the reason goes another way.
#[derive(Debug, thiserror::Error)]
#[error("the records could not be read")]
struct BrokenOff;

impl Export {
    /// Runs the command.
    ///
    /// # Errors
    /// When nobody is signed in, may not export, or the file cannot be written.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let format: Format = self.format.parse().map_err(|_| {
            Failure::usage(
                "there is no such export format",
                "use --format csv or --format xlsx",
            )
        })?;
        let clinic = globals.load_config()?.clinic;
        let (since, until) = (self.since.as_deref(), self.until.as_deref());
        let period = argument::period(since, until, &clinic.zone)?;
        check_target(&self.out, &globals.data_folder()?)?;
        if !self.replace {
            check_replaced(&self.out, format)?;
        }
        let who = who_asks(self.signing_in)?;
        let mut reached = Reached::open(globals, &self.opening).await?;
        let exported = match reached.sign_in(who).await {
            Ok(()) => {
                let sheet = Sheet {
                    path: self.out.clone(),
                    format,
                    clinic,
                };
                export_all(&mut reached, sheet, period).await
            }
            Err(failure) => Err(failure),
        };
        reached.close().await?;
        let count = exported?;
        let shown = self.out.display().to_string();
        if globals.json {
            return output::json(&serde_json::json!({"out": shown, "records": count}));
        }
        output::line(&format!("{count} records written to {shown}"))
    }
}

/// The file is put in place of what stands there: that must not be a device, a
/// pipe or a link, and nothing of the box itself.
fn check_target(path: &Path, data: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Failure::failed(
            format!("{shown} cannot be written"),
            "name a file in a folder that is there",
        ));
    }
    if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(Failure::usage(
            format!("{shown} is there and is no ordinary file: it was left alone"),
            "name a new file, or an ordinary one to replace",
        ));
    }
    // A power cut or a kill leaves an ordinary one, which the next export replaces.
    let unfinished = durable::unfinished(path).map_err(anyhow::Error::from)?;
    if std::fs::symlink_metadata(&unfinished).is_ok_and(|there| !there.is_file()) {
        return Err(Failure::usage(
            format!(
                "{} is there, where the export would be written first, and is no ordinary file: it \
                 was left alone",
                unfinished.display()
            ),
            "remove it, or name another file",
        ));
    }
    let in_the_box = match (folder.canonicalize(), data.canonicalize()) {
        (Ok(folder), Ok(data)) => folder.starts_with(data),
        (Err(_), _) | (_, Err(_)) => false,
    };
    if in_the_box {
        return Err(Failure::usage(
            format!("{shown} is in the data folder, which is the box's own: nothing was written"),
            "name a file somewhere else",
        ));
    }
    Ok(())
}

/// An earlier export is written anew each week; what else stands under the name
/// may be somebody's only copy.
fn check_replaced(path: &Path, format: Format) -> Result<(), Failure> {
    if !path.exists() || export::is_export(path, format).map_err(anyhow::Error::from)? {
        return Ok(());
    }
    Err(Failure::failed(
        format!(
            "{} is there, is no earlier {} export and was not touched",
            path.display(),
            format.word()
        ),
        "name another file with --out, or add --replace",
    ))
}

/// What is written, and where.
struct Sheet {
    path: PathBuf,
    format: Format,
    clinic: Clinic,
}

impl Sheet {
    /// Writes every row that comes, under the fixed columns and these.
    fn write(
        &self,
        further: &[String],
        mut rows: mpsc::Receiver<Result<RecordRow, BrokenOff>>,
    ) -> Result<u64, export::ExportError<BrokenOff>> {
        let (clinic, zone) = (&self.clinic, &self.clinic.zone);
        let shape = |row: RecordRow| {
            let mut cells = table::row(&row, &clinic.id, zone);
            cells.extend(table::further_cells(&row, further, zone));
            cells
        };
        let header = table::header(further);
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let rows = std::iter::from_fn(|| rows.blocking_recv());
        let rows = rows.map(|row| row.map(shape));
        export::write(&self.path, self.format, &header, rows)
    }
}

/// Reads page after page and hands the rows to the thread that writes. The first
/// page says which columns there are.
async fn export_all(reached: &mut Reached, sheet: Sheet, period: Period) -> Result<u64, Failure> {
    let format = sheet.format;
    let (first, further) = page(reached, period, format, None).await?;
    let (send, rows) = mpsc::channel(ROWS_WAITING_MAX);
    let columns = further.clone();
    let unfinished = durable::unfinished(&sheet.path).and_then(Unfinished::at);
    let unfinished = unfinished.map_err(anyhow::Error::from)?;
    let writing = tokio::task::spawn_blocking(move || sheet.write(&columns, rows));
    let mut pages = Pages {
        reached,
        period,
        format,
        further,
    };
    let read = pages.send_all(first, &send).await;
    if read.is_err() {
        // The writing thread takes its file back when it hears of it.
        send.send(Err(BrokenOff)).await.ok();
    }
    drop(send);
    let written = writing.await.map_err(anyhow::Error::from)?;
    drop(unfinished);
    read?;
    Ok(written.map_err(anyhow::Error::from)?)
}

/// The rows of a page, and where the next one begins.
type Page = (Vec<RecordRow>, Option<Place>);

async fn page(
    reached: &mut Reached,
    period: Period,
    format: Format,
    after: Option<Place>,
) -> Result<(Page, Vec<String>), Failure> {
    let asked = Request::ExportPage {
        period,
        after,
        format: format.word().to_owned(),
    };
    let Response::Page {
        rows,
        next,
        further,
    } = reached.ask(asked).await?
    else {
        return Err(mismatch());
    };
    Ok(((rows, next), further))
}

struct Pages<'a> {
    reached: &'a mut Reached,
    period: Period,
    format: Format,
    further: Vec<String>,
}

impl Pages<'_> {
    async fn send_all(
        &mut self,
        first: Page,
        send: &mpsc::Sender<Result<RecordRow, BrokenOff>>,
    ) -> Result<(), Failure> {
        let (mut rows, mut next) = first;
        let mut count = 0_u64;
        loop {
            for row in rows {
                self.fits(&row)?;
                count += 1;
                if send.send(Ok(row)).await.is_err() {
                    // The writing thread gave up and has the reason.
                    return Ok(());
                }
            }
            progress(count, next.is_none());
            let Some(place) = next else { return Ok(()) };
            ((rows, next), _) = page(self.reached, self.period, self.format, Some(place)).await?;
        }
    }

    /// No answer is left out in silence: somebody may have been the first to
    /// answer a question since the columns were counted.
    fn fits(&self, row: &RecordRow) -> Result<(), Failure> {
        let mut ids = row.fields.keys().filter(|id| table::is_further(id));
        if ids.all(|id| self.further.contains(id)) {
            return Ok(());
        }
        Err(Failure::failed(
            "a first answer to a new question came in while the export was written",
            "run the command again: it has a column for it then",
        ))
    }
}

/// Shows how far the export is, on a terminal.
fn progress(count: u64, last: bool) {
    let mut err = io::stderr();
    if err.is_terminal() {
        let end = if last { "\n" } else { "" };
        let _ = write!(err, "\r{count} records{end}");
    }
}
