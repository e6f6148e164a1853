//! `healthpost export`: records as a file. The file is written here, by the
//! command, and appears only when it is whole.

use super::failure::{Failure, mismatch};
use super::reach::{Reached, who_asks};
use super::{Globals, Opening, SigningIn, argument, output};
use crate::core::table::{self, COLUMNS, RecordRow};
use crate::ops::export::{self, Format};
use crate::ops::{Period, Request, Response};
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
        let who = who_asks(self.signing_in)?;
        let mut reached = Reached::open(globals, &self.opening).await?;
        let exported = match reached.sign_in(who).await {
            Ok(()) => {
                let shape = move |row: &RecordRow| table::row(row, &clinic.id, &clinic.zone);
                export_all(&mut reached, &self.out, format, period, shape).await
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

/// Reads page after page and hands the rows to the thread that writes.
async fn export_all(
    reached: &mut Reached,
    path: &Path,
    format: Format,
    period: Period,
    shape: impl Fn(&RecordRow) -> export::Row + Send + 'static,
) -> Result<u64, Failure> {
    let (send, mut rows) = mpsc::channel::<Result<RecordRow, BrokenOff>>(ROWS_WAITING_MAX);
    let target = path.to_owned();
    let writing = tokio::task::spawn_blocking(move || {
        let rows = std::iter::from_fn(|| rows.blocking_recv());
        export::write(
            &target,
            format,
            &COLUMNS,
            rows.map(|row| row.map(|row| shape(&row))),
        )
    });
    let read = send_pages(reached, period, format, &send).await;
    if read.is_err() {
        // The writing thread takes its file back when it hears of it.
        send.send(Err(BrokenOff)).await.ok();
    }
    drop(send);
    let written = writing.await.map_err(anyhow::Error::from)?;
    read?;
    Ok(written.map_err(anyhow::Error::from)?)
}

async fn send_pages(
    reached: &mut Reached,
    period: Period,
    format: Format,
    send: &mpsc::Sender<Result<RecordRow, BrokenOff>>,
) -> Result<(), Failure> {
    let (mut after, mut count) = (None, 0_u64);
    loop {
        let asked = Request::ExportPage {
            period,
            after,
            format: format.word().to_owned(),
        };
        let Response::Page { rows, next } = reached.ask(asked).await? else {
            return Err(mismatch());
        };
        for row in rows {
            count += 1;
            if send.send(Ok(row)).await.is_err() {
                // The writing thread gave up and has the reason.
                return Ok(());
            }
        }
        progress(count, next.is_none());
        match next {
            Some(place) => after = Some(place),
            None => return Ok(()),
        }
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
