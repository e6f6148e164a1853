//! `healthpost records`: records for signed-in staff.

use super::failure::{Failure, mismatch};
use super::reach::ask_signed_in;
use super::{Globals, Opening, SigningIn, argument, files, output};
use crate::core::private::Private;
use crate::core::table::{COLUMNS, beside, row, time};
use crate::ops::{RecordLine, Request, Response};
use clap::Subcommand;
use std::path::PathBuf;

/// Show records
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  healthpost records list --as amina --since 2026-11-01")]
pub enum Records {
    /// List the latest records, without answers
    #[command(after_help = "Example:\n  healthpost records list --as amina --since 2026-11-01")]
    List {
        /// Created from then on: a date or a time with its offset
        #[arg(long, value_name = "T")]
        since: Option<String>,
        /// Created until then; a date includes its day
        #[arg(long, value_name = "T")]
        until: Option<String>,
        /// At most so many, from 1 to 1000
        #[arg(long, default_value_t = 50, value_parser = argument::limit)]
        limit: usize,
        #[command(flatten)]
        signing_in: SigningIn,
        #[command(flatten)]
        opening: Opening,
    },
    /// Show one record with its answers
    #[command(after_help = "Example:\n  healthpost records show HP-7KQ4-2MXR-C --as amina")]
    Show {
        /// The record's number
        id: String,
        #[command(flatten)]
        signing_in: SigningIn,
        #[command(flatten)]
        opening: Opening,
    },
    /// List the photos, recordings and documents of a record, and write them out
    #[command(
        after_help = "Example:\n  healthpost records media HP-7KQ4-2MXR-C --out /root/files --as amina"
    )]
    Media {
        /// The record's number
        id: String,
        /// The folder they are written into; without it they are only listed
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        #[command(flatten)]
        signing_in: SigningIn,
        #[command(flatten)]
        opening: Opening,
    },
}

impl Records {
    /// Runs the command.
    ///
    /// # Errors
    /// When nobody is signed in, may not look, or there is no such record.
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        match self {
            Self::List {
                since,
                until,
                limit,
                signing_in,
                opening,
            } => {
                let zone = globals.load_config()?.clinic.zone;
                let period = argument::period(since.as_deref(), until.as_deref(), &zone)?;
                let asked = Request::RecordList { period, limit };
                let Response::Records { list } =
                    ask_signed_in(globals, &opening, signing_in, asked).await?
                else {
                    return Err(mismatch());
                };
                print_list(globals, &list, &zone)
            }
            Self::Show {
                id,
                signing_in,
                opening,
            } => {
                let id = argument::record(&id)?;
                let asked = Request::RecordShow { id };
                let Response::Record { row } =
                    ask_signed_in(globals, &opening, signing_in, asked).await?
                else {
                    return Err(mismatch());
                };
                print_record(globals, &row)
            }
            Self::Media {
                id,
                out,
                signing_in,
                opening,
            } => {
                let record = argument::record(&id)?;
                files::take_out(globals, record, out.as_deref(), signing_in, &opening).await
            }
        }
    }
}

fn print_list(
    globals: &Globals,
    list: &[RecordLine],
    zone: &jiff::tz::TimeZone,
) -> Result<(), Failure> {
    if globals.json {
        let list = list.iter().map(|record| {
            serde_json::json!({
                "record_id": record.record_id,
                "created_at": time(record.created_at, zone),
                "status": record.status,
                "care_state": record.care_state,
                "source": record.source,
                "language": record.language,
                "triage": record.triage,
            })
        });
        return output::json(&list.collect());
    }
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|record| {
            vec![
                record.record_id.to_string(),
                time(record.created_at, zone),
                record.status.clone(),
                record.care_state.clone(),
                record.triage.clone(),
                record.language.clone().unwrap_or_default(),
            ]
        })
        .collect();
    output::table(
        &[
            "record",
            "created at",
            "status",
            "care",
            "triage",
            "language",
        ],
        &rows,
    )
}

fn print_record(globals: &Globals, record: &crate::core::table::RecordRow) -> Result<(), Failure> {
    let clinic = globals.load_config()?.clinic;
    let cells = row(record, &clinic.id, &clinic.zone);
    let fixed = COLUMNS.iter().map(|name| (*name).to_owned()).zip(cells);
    let all = fixed.chain(beside(record, &clinic.zone));
    let cells = all.map(|(name, cell)| (name, Private::into_inner(cell)));
    if globals.json {
        let object: serde_json::Map<String, serde_json::Value> =
            cells.map(|(name, cell)| (name, cell.into())).collect();
        return output::json(&object.into());
    }
    for (name, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
        output::line(&format!("{name:<18} {}", output::tame(&cell)))?;
    }
    Ok(())
}
